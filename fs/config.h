/*
 * config.h - the command line and -o: one table (config_table.c) of names, kinds and ranges. Paths
 * become absolute here, since the daemon changes to "/". Never a secret: credentials come from
 * files or the environment.
 */
#ifndef FS_CONFIG_H
#define FS_CONFIG_H

#include <sys/types.h>

#include "base/base.h"
#include "base/buf.h"
#include "base/log.h"

#define CONFIG_VERSIONS_DIR ".versions"
#define CONFIG_DESTINATIONS "/etc/crrfs/destinations.conf"

struct config {
	bool help, version, foreground;
	char *bucket;
	char *prefix;	  /* "" or "a/b/" */
	char *mountpoint; /* absolute, an existing directory */
	/* the source */
	char *url, *region, *profile, *passwd_file, *cacert;
	int path_style; /* as in s3/client.h */
	bool no_check_certificate, allow_http;
	unsigned max_attempts; /* 0 = the client's default; so are 0 ms below */
	int64_t connect_ms, call_ms;
	/* replication */
	char *rules;	    /* absolute, or "bucket"; NULL = none */
	bool strict_rules;
	char *destinations; /* NULL = none */
	char *state;	    /* NULL = the default */
	uint64_t staging_max;
	unsigned repl_threads, upload_threads;
	bool early_upload;
	/* of what is written */
	char *default_acl;   /* NULL = private */
	char *storage_class; /* NULL = the bucket's default; so are these */
	char *sse, *sse_key;
	int tags_at_create, untag, all_deletes; /* as in repl_conf */
	int64_t retry_first_ms, retry_max_ms, drain_ms;
	int64_t order_ms;
	int64_t watch_ms; /* 0 = no watch */
	unsigned watch_pages;
	int64_t heal_first_ms, heal_max_ms;
	char *events; /* absolute, or "|command"; NULL = none */
	bool unversioned_ok;
	/* the file system */
	bool posix_meta, ro, allow_other, exclusive;
	char *versions_dir; /* "no": none */
	int64_t at_ms;	    /* show the bucket as it was then; 0 = now */
	int64_t attr_ms, hold_ms, settle_ms;
	char *temp_names; /* "GLOB:GLOB"; NULL = the table only */
	int durability; /* as in queue/dest.h */
	int64_t replicas_wait_ms;
	uint64_t memory;
	char *disk_cache; /* NULL: none */
	uint64_t disk_cache_max;
	unsigned uid, gid, umask;
	enum log_level log_level;
	struct buf fuse; /* what libfuse and the kernel shall get: "ro,noexec" */
};

enum config_kind {
	CONFIG_TEXT,	     /* char * */
	CONFIG_PATH,	     /* char *, made absolute */
	CONFIG_RULES,	     /* char *, a path or "bucket" */
	CONFIG_EVENTS,	     /* char *, a path or "|command" */
	CONFIG_FLAG,	     /* bool: no value, or yes/no */
	CONFIG_CHOICE,	     /* int, 0 or 1 */
	CONFIG_SIZE,	     /* uint64_t */
	CONFIG_SECONDS,	     /* int64_t ms; fractions allowed; min and max in ms */
	CONFIG_COUNT,	     /* unsigned */
	CONFIG_OCTAL,	     /* unsigned */
	CONFIG_ACL,	     /* char *, a canned ACL; NULL for "private" */
	CONFIG_SSE,	     /* char * sse, sse_key */
	CONFIG_WORD,	     /* int, which of the words of arg, from 0 */
	CONFIG_LEVEL,	     /* enum log_level */
	CONFIG_TIME,	     /* int64_t ms since 1970 */
	CONFIG_FUSE,	     /* passed on as it is */
	CONFIG_FUSE_FLAG,    /* passed on, and bool */
	CONFIG_NO_FUSE_FLAG, /* passed on, and bool = false */
	CONFIG_IGNORED,	     /* of mount(8) */
};

struct config_option {
	const char *name;
	enum config_kind kind;
	size_t where; /* offset in struct config */
	uint64_t min, max;
	const char *arg;  /* what --help shows after '=' */
	const char *help; /* one line of --help; NULL = in crrfs(1) only */
};

extern const struct config_option config_table[];
extern const size_t config_table_n;

/* 0, or -errno with one line in why. On help or version nothing else is checked. The caller frees
 * in any case. */
int config_read(int argc, char **argv, struct config *ret_c, char *why, size_t why_len) must_check;
void config_free(struct config *c);
/* Reads one -o list into c, which config_init has filled. For tests too. */
void config_init(struct config *c);
int config_read_options(struct config *c, const char *list, char *why, size_t why_len) must_check;
/* "s3://bucket[/prefix]" or "bucket[:/prefix]". */
int config_read_source(struct config *c, const char *text, char *why, size_t why_len) must_check;
void config_print_help(void);

#endif
