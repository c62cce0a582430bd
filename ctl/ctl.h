/* ctl.h - what the subcommands of crrctl share: their options, the state directory, the running
 * mount. */
#ifndef CTL_CTL_H
#define CTL_CTL_H

#include <stdio.h>

#include "base/buf.h"
#include "base/doc.h"
#include "queue/store.h"

enum {
	CTL_OK = 0,
	CTL_FAILED = 1,
	CTL_PARKED = 2,
	CTL_DIFFERENT = 2,
	CTL_TIMEOUT = 3,
	CTL_USAGE = 64
};

#define CTL_TAGS_MAX 10

struct ctl_opts {
	const char *state;  /* --state; NULL */
	const char *dest;   /* --dest */
	int64_t timeout_ms; /* --timeout; -1 for ever */
	bool json, watch, all;
	/* Where the buckets are, when no mount says so (ctl/client.h). Names as the mount's. */
	const char *url, *region, *profile, *passwd_file, *cacert, *destinations;
	bool path_style, no_check_certificate, allow_http;
	/* of single commands */
	const char *rules;		/* rules explain --rules FILE */
	const char *tags[CTL_TAGS_MAX]; /* rules explain --tag K=V */
	size_t tags_n;
	bool strict, probe, delete; /* rules check; rules explain */
	bool yes;		    /* setup --yes */
	unsigned noncurrent_days;   /* setup --noncurrent-days; 0 = not given */
	const char *to;		    /* restore --to */
	/* resync; prefix and current_only: verify, too */
	const char *prefix, *created_after, *created_before, *status, *report, *stop;
	bool current_only, dry_run, wait, list;
	bool prometheus;	    /* metrics */
	int64_t window_ms;	    /* metrics; 0 = not given */
	bool deep, repair;	    /* verify */
	char **args;		    /* what is left */
	int n;
};

/* The state directory: --state, else of the mount that holds path, else of the only crrfs mount
 * there is. Says on stderr what is wrong. */
int ctl_find(const struct ctl_opts *o, const char *path, char **ret_dir) must_check;
/* The queue in it. Says on stderr what is wrong. */
int ctl_open(const struct ctl_opts *o, const char *path, bool write, char **ret_dir,
	     struct store **ret_s) must_check;
/* The key of a path in a mount, or the word itself when it is no path in a mount. */
int ctl_key(const struct ctl_opts *o, struct store *s, const char *path, char **ret_key) must_check;
static inline void ctl_store_close(struct store **s)
{
	store_close(*s);
}

/* One question to the running mount; the answer as a document. -ENOTCONN: no mount runs on this
 * state. */
int ctl_ask(const char *dir, const char *question, struct doc_node **ret_answer) must_check;

/* Prints to stderr "crrctl: ..." */
void ctl_say(const char *fmt, ...) printf_like(1, 2);
/* A string from outside, safe for a terminal: copied to dst of CTL_SHOWN bytes, which is returned.
 * */
#define CTL_SHOWN 1200
const char *ctl_shown(const char *s, char dst[CTL_SHOWN]);

/* A bar of how much of `most` rows is done; left and bytes are said beside it. */
void ctl_bar(FILE *to, uint64_t most, uint64_t left, uint64_t bytes);

int ctl_status(const struct ctl_opts *o);
int ctl_queue(const struct ctl_opts *o);
int ctl_wait(const struct ctl_opts *o);
int ctl_resync(const struct ctl_opts *o);
int ctl_metrics(const struct ctl_opts *o);
int ctl_restore(const struct ctl_opts *o);
int ctl_retry(const struct ctl_opts *o);
int ctl_versions(const struct ctl_opts *o);
int ctl_rules(const struct ctl_opts *o);
int ctl_setup(const struct ctl_opts *o);
int ctl_verify(const struct ctl_opts *o);

#endif
