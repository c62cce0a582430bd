/*
 * cache_i.h - the read cache as cache.c (reads), cache_block.c (memory) and cache_fetch.c
 * (requests) share it.
 *
 * The budget is one area of memory, cut into blocks. A block in use holds pages of one object (a
 * version of a key); its bits say which:
 *
 *  page     bit     leaves to
 *  missing  -       asked (a fetch begins)
 *  asked    asked   ready, missing (the fetch failed: the block keeps the error for who waits)
 *  ready    have    missing (the block is taken for something else)
 *
 * and it is in one place:
 *
 *  block    pins  list   may be taken
 *  free     0     free   by anybody
 *  kept     0     idle   by anybody, least recently used first
 *  passed   0     passed the same; what is more than passed_max before all else, and before memory
 *                        that was never used
 *  ahead    0     ahead  by a reader who waits for its bytes, never for more readahead
 *  pinned   > 0   none   no: its bytes are looked at, or being fetched
 *
 * A block of an object that was dropped while it was pinned goes with its last pin. The one lock is
 * never held while bytes are fetched or copied.
 *
 * Passed is what a reader in a row has read: the kernel has it in its pages. To keep all of it
 * would fill the budget by each long read, with memory that the system has to find and to clear.
 */
#ifndef FS_CACHE_I_H
#define FS_CACHE_I_H

#include "base/cancel.h"
#include "base/digest.h"
#include "base/lock.h"
#include "base/map.h"
#include "fs/cache.h"
#include "fs/diskcache.h"

#define CACHE_PAGES 8u /* of a block: the bits of have and asked */
#define CACHE_BLOCK (32 * KIB)
#define CACHE_PAGE  (CACHE_BLOCK / CACHE_PAGES)

struct cache_block {
	struct cache_object *object; /* NULL: free */
	uint64_t number;	     /* of the block in its object */
	uint8_t have, asked;	     /* pages */
	bool dropped;		     /* of an object that is not wanted any more */
	bool passed;		     /* while it is in a list: of the list */
	unsigned pins;
	unsigned failures; /* counts; error is the latest one's */
	int error;
	uint64_t rested;		    /* when it came into its list, in rests */
	struct read_pos *ahead_of;	    /* fetched for this reader, who has not read it yet */
	struct cache_block *prev, *next;    /* in its list; next is more recent */
	struct cache_block *chain;	    /* in the hash table */
	struct cache_block *before, *after; /* of the same object */
};

/*
 * The whole of an object against the MD5 or the CRC32C that S3 has of it: its bytes are added in
 * their order, as they come. Who reads its end hears of it.
 *
 *  check  means                                   leaves to
 *  none   there is no sum of it, or its bytes     -
 *         did not all pass by here
 *  runs                                           good, none (no sum came), runs (bad the first
 *                                                 time: all is forgotten, and fetched again by who
 *                                                 wants it), bad (the second time)
 *  good                                           -
 *  bad    nothing more is read of it, until it    -
 *         is dropped
 */
enum cache_check { CHECK_NONE, CHECK_RUNS, CHECK_GOOD, CHECK_BAD };

struct cache_object {
	char *name, *key, *version_id, *etag; /* fixed; name is the one in the map */
	uint64_t size;			      /* fixed */
	bool mapped;
	unsigned refs; /* its blocks, and the readers who are at it */
	struct cache_block *first;
	struct cache_object *next_victim; /* of those that are dropped now */
	enum cache_check check;
	bool checking;	    /* somebody adds bytes now, or judges; md5 and crc are theirs */
	uint64_t checked;   /* bytes */
	unsigned strikes;   /* how often they were found to be others; from then on it stays */
	struct digest *md5; /* NULL: its ETag is none */
	uint32_t crc;
	struct object_sums sums; /* as a GET told */
};

struct cache_list {
	struct cache_block *oldest, *newest;
};

struct read_cache {
	struct s3_client *client; /* fixed */
	struct pool *pool;
	struct diskcache *disk; /* NULL: none */
	uint8_t *memory;
	struct cache_block *blocks;
	size_t blocks_n, passed_max;
	struct cache_block **hash;
	size_t hash_n; /* a power of two */
	struct {
		struct lock l;
		struct cond changed; /* pages, checks, tasks */
		struct cond room;    /* a block has its last pin no more */
		struct map *objects;
		struct cache_list free, idle, passed, ahead;
		size_t free_n, used_n;	 /* used_n: blocks that were ever used */
		size_t idle_n, passed_n; /* idle_n: of both lists */
		uint64_t rests;		 /* counts */
		size_t ahead_n;		       /* that have an ahead_of */
		unsigned ahead_readers;	       /* for whom */
		unsigned tasks;		       /* readahead under way */
	} locked;
};

/* --- cache_block.c: memory -------------------------------------------------------------------- */

int cache_memory_new(struct read_cache *c, uint64_t max_bytes) must_check;
void cache_memory_free(struct read_cache *c);
/* finds or makes; referenced */
int cache_object_get_locked(struct read_cache *c, const struct read_id *id,
			    struct cache_object **ret_o) must_check;
bool cache_object_is(const struct cache_object *o, const struct read_id *id);
void cache_object_put_locked(struct read_cache *c, struct cache_object *o);
void cache_object_drop_locked(struct read_cache *c, struct cache_object *o);
/* Its pages are missing; it stays. */
void cache_object_forget_locked(struct read_cache *c, struct cache_object *o);
/* NULL: there is none */
struct cache_block *cache_find_locked(struct read_cache *c, const struct cache_object *o,
				      uint64_t number);
/* Could so many blocks be taken for new ones? With demand those that were read ahead count, too. */
bool cache_has_room_locked(const struct read_cache *c, size_t blocks, bool demand);
/* Finds it, or takes one for it: there must be room. Pinned. */
struct cache_block *cache_pin_locked(struct read_cache *c, struct cache_object *o, uint64_t number);
void cache_unpin_locked(struct read_cache *c, struct cache_block *b);
/* It was read, or will not be. Pinned or not. */
void cache_unmark_locked(struct read_cache *c, struct cache_block *b);
uint8_t *cache_bytes(const struct read_cache *c, const struct cache_block *b);
/* The pages of block `number` that [start, end) touches. */
uint8_t cache_pages(uint64_t number, uint64_t start, uint64_t end);

/* --- cache_fetch.c: requests ------------------------------------------------------------------ */

/* A run of pages on its way, of one object: all of them asked for by nobody else. */
struct cache_fetch;

/* Marks [start, end) as asked for, and pins its blocks, for which there must be room. start is a
 * page's; end, too, or the object's. ahead_of may be NULL. */
int cache_fetch_new_locked(struct read_cache *c, struct cache_object *o, struct s3_range range,
			   struct read_pos *ahead_of, struct cache_fetch **ret_f) must_check;
/* Consumes f. Without the lock. Who waits for the pages sees each as it comes. */
int cache_fetch_run(struct cache_fetch *f);
/* The same by the pool; nothing is fetched when it has no room, and who waits tries itself. */
void cache_fetch_submit(struct cache_fetch *f);

/* NULL: not to be had. The caller closes it. */
struct diskcache_file *cache_open_disk(const struct read_cache *c, const struct cache_object *o);

/* --- cache_check.c: the whole of an object ---------------------------------------------------- */

/* a new one */
void cache_check_begin(const struct read_cache *c, struct cache_object *o);
/* Adds what has come. may_ask: not from within a request. Without the lock. */
void cache_check_step(struct read_cache *c, struct cache_object *o, bool may_ask);
/* It was read up to end: -EIO when it is bad; -EAGAIN when it was found so the first time, since it
 * had had so many strikes, and the bytes are not to be shown. Without the lock. */
int cache_check_end(struct read_cache *c, struct cache_object *o, uint64_t end, unsigned strikes)
	must_check;

/* --- cache.c: decisions ----------------------------------------------------------------------- */

/* How many bytes after its position a reader shall have on their way, after so many read in a row;
 * budget: bytes for all readers like it. */
uint64_t cache_window(uint64_t run, uint64_t budget, unsigned readers);
/* In requests of so many bytes. */
uint64_t cache_step(uint64_t window);

#endif
