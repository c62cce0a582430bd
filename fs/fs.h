/*
 * fs.h - one mount: the modules that its operations work with. Filled by main.c, fixed while the
 * mount runs, borrowed by all of fs/.
 */
#ifndef FS_FS_H
#define FS_FS_H

#include <sys/types.h>

#include "base/pool.h"
#include "queue/repl.h"
#include "s3/client.h"

struct fs_conf {
	/* of all keys: "" or "a/b/"; keys inside fs/ always include it */
	const char *prefix;
	const char *staging_dir; /* 0700, on local disk */
	/* bodies that could not be uploaded are kept here when their last user is gone */
	const char *failed_dir;
	uid_t uid; /* of objects that carry no owner */
	gid_t gid;
	/* taken from the modes shown for objects that carry none: 0644, 0755 */
	mode_t umask;
	/* keep and show mode, owner, mtime; false: none is written and no HEAD is made for them */
	bool posix_meta;
	bool read_only;
	bool versioned; /* the source gives each version an id, or did when we began */
	int64_t attr_ms;   /* how long what was learned of a key holds */
	int64_t absent_ms; /* how long the kernel may believe that a name is free */
	int64_t start_ms;  /* wall: of the mount, or the time that it shows */
	const char *temp_names; /* temp_name.h: more of them; NULL = none */
	/* how long a temporary name may stay here only; 0 = no such names */
	int64_t hold_ms;
	/* how long new metadata of a version that the source has may; 0 = not at all */
	int64_t settle_ms;
	/* of a save that no rule says more of, and how long a close waits for replicas */
	enum durability durability;
	int64_t replicas_wait_ms;
	uint64_t staging_max; /* bytes: see quota.h */
	bool early_upload;
	/* of what the mount writes; NULL: the server's default (acl: private) */
	const char *default_acl, *storage_class, *sse, *sse_key;
	/* what the bucket gives to new versions is known to nobody but itself: retention */
	bool ask_lock;
	const char *state_dir;	/* for crrctl: shown as user.s3.state */
	const char *mountpoint; /* shown as user.s3.mountpoint */
	/* history.h: the directory with all versions, NULL = none; the time to show, 0 = now */
	const char *versions_dir;
	int64_t at_ms;
};

struct fs {
	struct fs_conf conf;
	struct s3_client *source;
	struct pool *read_pool;	  /* reads and metadata */
	struct pool *upload_pool; /* parts to the source */
	struct repl *repl;   /* NULL: nothing is written, by a mount of the past; so is store */
	struct store *store; /* directory renames under way */
	struct node_table *nodes;
	struct metadb *metadb;
	struct notify *notify;
	struct attr_cache *attrs;
	struct flights *flights; /* who asks the source for names */
	struct read_cache *cache;
	struct file_table *files;
	struct quota *quota; /* of what is staged */
	struct settle *settle;
	struct dir_keep *dirs;
	/* what move.c learned of the source: 0 = not yet, 1 = its copies keep tags, -1 = they do
	 * not */
	_Atomic int copies_keep_tags;
	/* ops_init.c: the kernel's first request is being answered */
	_Atomic bool greeting;
	/* the version made last has no id, though the source is versioned */
	_Atomic bool suspended;
};

#endif
