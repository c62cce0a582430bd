/*
 * cache.h - read cache in memory: blocks by (key, version or ETag, number), least recently used
 * goes first, one fetch per block however many wait. Sequential readers get blocks ahead of them,
 * fetched in parallel.
 */
#ifndef FS_CACHE_H
#define FS_CACHE_H

#include "base/pool.h"
#include "s3/object.h"

struct read_cache;

struct read_cache_conf {
	struct s3_client *client; /* borrowed */
	struct pool *pool;	  /* borrowed: readahead */
	uint64_t max_bytes;
	uint64_t block;	    /* 0 = 1 MiB */
	unsigned ahead_max; /* blocks; 0 = 16 */
};

/* What to read: one immutable version. version_id NULL: etag pins it. */
struct read_id {
	const char *key;
	const char *version_id;
	const char *etag;
	uint64_t size;
};

/* Where a handle reads, to tell sequential readers. All zero at first; guarded by the cache. */
struct read_pos {
	uint64_t next;
	unsigned ahead;
};

int read_cache_new(const struct read_cache_conf *conf, struct read_cache **ret_c) must_check;
void read_cache_free(struct read_cache *c);
/* Fills dst with [off, off+n), which lies inside size. pos may be NULL. -ESTALE when the object
 * changed; other errors of object_get_range. */
int read_cache_read(struct read_cache *c, const struct read_id *id, struct read_pos *pos, void *dst,
		    size_t n, uint64_t off) must_check;
/* A directory's key, or "": all that begins with it. */
void read_cache_drop_key(struct read_cache *c, const char *key);

#endif
