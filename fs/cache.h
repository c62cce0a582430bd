/*
 * cache.h - what was read of the source, in memory: pages of one immutable version each, least
 * recently used ones go first, and no byte is fetched twice however many wait for it. One budget
 * for all files, which nothing exceeds: what is kept, what is being fetched, and what was fetched
 * ahead of sequential readers.
 */
#ifndef FS_CACHE_H
#define FS_CACHE_H

#include <sys/uio.h>

#include "base/pool.h"
#include "s3/object.h"

struct read_cache;

#define READ_CACHE_MIN	(4 * MIB) /* a smaller budget is taken as this */
#define READ_VIEW_BYTES MIB	  /* one view's, at most */
#define READ_VIEW_PARTS 33

struct read_cache_conf {
	struct s3_client *client; /* borrowed */
	struct pool *pool;	  /* borrowed: readahead */
	uint64_t max_bytes;
	const char *disk_dir; /* NULL: not on the disk */
	uint64_t disk_max;
};

/* What to read: one immutable version. version_id NULL: etag pins it. */
struct read_id {
	const char *key;
	const char *version_id;
	const char *etag;
	uint64_t size;
};

/* Where a handle reads, to tell sequential readers. All zero at first; guarded by the cache.
 * read_cache_leave gives back what it holds. */
struct read_pos {
	struct cache_object *object; /* of the last read; referenced */
	uint64_t start, next;	     /* what was read in a row: its start, and its end */
	bool in_a_row;		     /* there was more than one read of it */
	uint64_t planned;	     /* fetched, or on its way, up to here */
	unsigned ahead;		     /* blocks fetched ahead for this reader, not read yet */
	unsigned strikes; /* of the object, when this reader began: what it has seen since may be
			     what was found to be bad */
};

/* Bytes of the cache, which stay there until read_view_free. */
struct read_view {
	struct read_cache *c;
	size_t n; /* parts */
	struct iovec iov[READ_VIEW_PARTS];
	struct cache_block *blocks[READ_VIEW_PARTS];
};

/* -ENOMEM also when the budget cannot be reserved; why it failed otherwise */
int read_cache_new(const struct read_cache_conf *conf, struct read_cache **ret_c, char *why,
		   size_t why_len) must_check;
void read_cache_free(struct read_cache *c);
/* [off, off+n) of a version, n >= 1, at most READ_VIEW_BYTES and inside size. pos may be NULL.
 * -ESTALE when the object changed; other errors of object_get_stream. */
int read_cache_view(struct read_cache *c, const struct read_id *id, struct read_pos *pos, size_t n,
		    uint64_t off, struct read_view *ret_v) must_check;
void read_view_free(struct read_view *v); /* an all-zero one is fine */
/* The same, copied to dst; any n. */
int read_cache_read(struct read_cache *c, const struct read_id *id, struct read_pos *pos, void *dst,
		    size_t n, uint64_t off) must_check;
/* The reader is gone. */
void read_cache_leave(struct read_cache *c, struct read_pos *pos);
/* A directory's key, or "": all that begins with it. */
void read_cache_drop_key(struct read_cache *c, const char *key);

#endif
