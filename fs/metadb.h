/*
 * metadb.h - what user metadata a key has, kept across mounts by (key, ETag), so that `ls -l` needs
 * no HEAD for what was seen once. A cache in a file of its own (meta.db, not synced): losing it
 * costs requests only.
 */
#ifndef FS_METADB_H
#define FS_METADB_H

#include "base/kv.h"

struct metadb;

/* Of one (key, ETag). */
struct meta_rec {
	char *version_id; /* NULL unknown */
	char *storage_class;
	char *sse, *sse_key; /* as in s3_info */
	struct kv meta, sys;
	/* Not fixed by the version, and not kept in the database: believed for a while after
	 * tags_ms (mono), when they were asked for or written. See attr_tags_hold. */
	struct kv tags;
	bool tags_known;
	int64_t tags_ms;
	/* somebody gave it another ACL than new versions get: it is asked for before a copy */
	bool own_acl;
};

void meta_rec_free(struct meta_rec *m);
int meta_rec_copy(struct meta_rec *dst, const struct meta_rec *src) must_check;
int meta_rec_set_sse(struct meta_rec *m, const char *sse, const char *key) must_check;

/*
 * Which version a record is of. The ETag is that of the bytes: the same with other metadata
 * (CopyObject with REPLACE) is told by its time alone, in whole seconds as HEAD says it.
 */
struct meta_of {
	const char *etag;
	int64_t mtime_ms; /* Last-Modified, wall; 0 unknown */
	bool about;	  /* mtime_ms is when the answer came: Last-Modified is not later */
};
/* Can one of which we know `seen` be the one of which a listing says `now`? */
bool meta_of_fits(const struct meta_of *seen, const struct meta_of *now);

#define METADB_BYTES_MAX (1024 * MIB)

/* A damaged file is set aside (meta.db.damaged) and made anew. Rows that were not used for half a
 * year go, and, when there are more than max_bytes, those that were not used for longest. */
int metadb_open(const char *dir, uint64_t max_bytes, struct metadb **ret_m, char *why,
		size_t why_len) must_check;
void metadb_close(struct metadb *m);
/* m may be NULL in all of these: nothing is kept, nothing is found. */
/* -ENOENT */
int metadb_get(struct metadb *m, const char *key, const struct meta_of *of, struct meta_rec *ret_r)
	must_check;
/* failing is silent */
void metadb_put(struct metadb *m, const char *key, const struct meta_of *of,
		const struct meta_rec *r);
void metadb_del(struct metadb *m, const char *key);
/* The same, as recover_conf.on_key: a copy with other metadata has the ETag of its source. */
void metadb_forget(void *m, const char *key);
/* All keys that begin with prefix. */
void metadb_del_below(struct metadb *m, const char *prefix);

#endif
