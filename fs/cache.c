/*
 * cache.c - read cache in memory. See cache.h.
 *
 *  block state  data    in map  in LRU list         leaves to
 *  fetching     NULL    yes     no                  ready, failed
 *  ready        bytes   yes     when refs is 0      gone (evicted, dropped)
 *  failed       NULL    no      no                  gone (when the last waiter has read the error)
 *
 * A block that was dropped while somebody uses it leaves the map at once and goes with its last
 * reference. The one lock is never held while bytes are fetched or copied out: a reference keeps
 * the block.
 */
#include "fs/cache.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/lock.h"
#include "base/map.h"

enum block_state { BLOCK_FETCHING, BLOCK_READY, BLOCK_FAILED };

struct block {
	char *name; /* in the map; fixed */
	char *key;  /* fixed */
	enum block_state state;
	bool mapped;
	unsigned refs;
	int error;
	uint8_t *data;
	size_t size;		   /* fixed */
	struct block *prev, *next; /* LRU list; next is more recent */
};

struct read_cache {
	struct s3_client *client; /* fixed */
	struct pool *pool;
	uint64_t max_bytes, block;
	unsigned ahead_max;
	struct {
		struct lock l;
		struct cond changed;
		struct map *blocks;
		struct block *oldest, *newest;
		uint64_t bytes;
		unsigned tasks; /* readahead under way */
	} locked;
};

int read_cache_new(const struct read_cache_conf *conf, struct read_cache **ret_c)
{
	struct read_cache *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	c->client = conf->client;
	c->pool = conf->pool;
	c->max_bytes = conf->max_bytes;
	c->block = conf->block ? conf->block : MIB;
	/* What is read ahead must still be there when it is asked for. */
	c->ahead_max = (unsigned)min_of((uint64_t)(conf->ahead_max ? conf->ahead_max : 16),
					c->max_bytes / c->block / 4);
	lock_init(&c->locked.l);
	cond_init(&c->locked.changed);
	r = map_new(&c->locked.blocks);
	if (r) {
		read_cache_free(c);
		return r;
	}
	*ret_c = c;
	return 0;
}

static void block_free(struct block *b)
{
	free(b->name);
	free(b->key);
	free(b->data);
	free(b);
}

static void lru_remove_locked(struct read_cache *c, struct block *b)
{
	if (b->prev)
		b->prev->next = b->next;
	else if (c->locked.oldest == b)
		c->locked.oldest = b->next;
	if (b->next)
		b->next->prev = b->prev;
	else if (c->locked.newest == b)
		c->locked.newest = b->prev;
	b->prev = b->next = NULL;
}

static void lru_append_locked(struct read_cache *c, struct block *b)
{
	b->prev = c->locked.newest;
	b->next = NULL;
	if (c->locked.newest)
		c->locked.newest->next = b;
	else
		c->locked.oldest = b;
	c->locked.newest = b;
}

/* Out of the map; its bytes are no longer counted. */
static void unmap_locked(struct read_cache *c, struct block *b)
{
	lock_assert_held(&c->locked.l);
	if (!b->mapped)
		return;
	map_del(c->locked.blocks, b->name);
	b->mapped = false;
	c->locked.bytes -= b->size;
}

static void evict_locked(struct read_cache *c)
{
	while (c->locked.bytes > c->max_bytes && c->locked.oldest) {
		struct block *b = c->locked.oldest;

		assert(b->refs == 0 && b->state == BLOCK_READY);
		lru_remove_locked(c, b);
		unmap_locked(c, b);
		block_free(b);
	}
}

static void block_put_locked(struct read_cache *c, struct block *b)
{
	assert(b->refs > 0);
	if (--b->refs)
		return;
	if (!b->mapped)
		block_free(b);
	else
		lru_append_locked(c, b);
	evict_locked(c);
}

struct collect {
	const char *key; /* NULL = all; a directory's: all below it */
	struct block **found;
	size_t n, cap;
};

static bool is_of(const char *key, const char *wanted)
{
	size_t n = strlen(wanted);

	return !n || wanted[n - 1] == '/' ? !strncmp(key, wanted, n) : !strcmp(key, wanted);
}

static int collect_block(void *arg, const char *name, void *value)
{
	struct collect *want = arg;
	struct block *b = value;

	(void)name;
	if (want->n < want->cap && (!want->key || is_of(b->key, want->key)))
		want->found[want->n++] = b;
	return 0;
}

static void drop_locked(struct read_cache *c, const char *key)
{
	struct collect want = { .key = key, .cap = map_count(c->locked.blocks) };

	if (!want.cap)
		return;
	want.found = calloc(want.cap, sizeof(struct block *));
	if (!want.found)
		return; /* they are named by version: stale ones are not asked for again */
	map_each(c->locked.blocks, collect_block, &want);
	for (size_t i = 0; i < want.n; i++) {
		struct block *b = want.found[i];

		unmap_locked(c, b);
		if (!b->refs) {
			lru_remove_locked(c, b);
			block_free(b);
		}
	}
	free(want.found);
}

void read_cache_drop_key(struct read_cache *c, const char *key)
{
	scoped_lock(&c->locked.l);
	drop_locked(c, key);
}

void read_cache_free(struct read_cache *c)
{
	if (!c)
		return;
	lock_take(&c->locked.l);
	while (c->locked.tasks)
		cond_wait(&c->locked.changed, &c->locked.l);
	if (c->locked.blocks)
		drop_locked(c, NULL);
	lock_drop(&c->locked.l);
	map_free(c->locked.blocks);
	cond_free(&c->locked.changed);
	lock_free(&c->locked.l);
	free(c);
}

/* The block, referenced; *ret_fetch: it is new and the caller has to fetch it. */
static int block_get_locked(struct read_cache *c, const struct read_id *id, uint64_t number,
			    struct block **ret_b, bool *ret_fetch)
{
	auto_free char *name = NULL;
	struct block *b;
	int r = str_format(&name, "%llu %s%s %s", (unsigned long long)number,
			   id->version_id ? "v" : "e",
			   id->version_id ? id->version_id
			   : id->etag	  ? id->etag
					  : "",
			   id->key);

	if (r)
		return r;
	b = map_get(c->locked.blocks, name);
	if (b) {
		if (b->refs++ == 0)
			lru_remove_locked(c, b);
		*ret_b = b;
		*ret_fetch = false;
		return 0;
	}
	b = calloc(1, sizeof(*b));
	if (!b)
		return -ENOMEM;
	b->size = (size_t)min_of(c->block, id->size - number * c->block);
	r = str_dup(id->key, &b->key);
	b->name = take_ptr(&name);
	if (!r)
		r = map_set(c->locked.blocks, b->name, b);
	if (r) {
		block_free(b);
		return r;
	}
	b->mapped = true;
	b->refs = 1;
	b->state = BLOCK_FETCHING;
	c->locked.bytes += b->size;
	evict_locked(c);
	*ret_b = b;
	*ret_fetch = true;
	return 0;
}

/* Without the lock: the one fetch of this block. */
static void block_fetch(struct read_cache *c, const struct read_id *id, uint64_t number,
			struct block *b)
{
	struct s3_range range = { number * c->block, number * c->block + b->size };
	uint8_t *data = malloc(b->size ? b->size : 1);
	size_t got = 0;
	int r = data ? 0 : -ENOMEM;

	if (!r)
		r = object_get_range(c->client, id->key, id->version_id, id->etag, range, data,
				     &got, NULL);
	if (!r && got != b->size)
		r = -ESTALE; /* shorter than what we were told: another object by now */
	lock_take(&c->locked.l);
	if (r) {
		free(data);
		b->error = r;
		b->state = BLOCK_FAILED;
		unmap_locked(c, b);
	} else {
		b->data = data;
		b->state = BLOCK_READY;
	}
	cond_broadcast(&c->locked.changed);
	lock_drop(&c->locked.l);
}

struct ahead_task {
	struct read_cache *c;
	struct block *b;
	uint64_t number;
	struct read_id id;
	char *key, *version_id, *etag;
};

static void ahead_free(struct ahead_task *t)
{
	free(t->key);
	free(t->version_id);
	free(t->etag);
	free(t);
}

static void ahead_run(void *arg)
{
	struct ahead_task *t = arg;
	struct read_cache *c = t->c;

	block_fetch(c, &t->id, t->number, t->b);
	lock_take(&c->locked.l);
	block_put_locked(c, t->b);
	c->locked.tasks--;
	cond_broadcast(&c->locked.changed);
	lock_drop(&c->locked.l);
	ahead_free(t);
}

static struct ahead_task *ahead_new(struct read_cache *c, const struct read_id *id, uint64_t number)
{
	struct ahead_task *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->c = c;
	t->number = number;
	if (str_dup(id->key, &t->key) || str_dup(id->version_id, &t->version_id) ||
	    str_dup(id->etag, &t->etag)) {
		ahead_free(t);
		return NULL;
	}
	t->id = (struct read_id){ t->key, t->version_id, t->etag, id->size };
	return t;
}

/* Asks for one block in the background; false when it should not be tried further. */
static bool ahead_start(struct read_cache *c, const struct read_id *id, uint64_t number)
{
	struct ahead_task *t = ahead_new(c, id, number);
	bool fetch = false, started = false;

	if (!t)
		return false;
	lock_take(&c->locked.l);
	if (!block_get_locked(c, id, number, &t->b, &fetch)) {
		if (!fetch) {
			block_put_locked(c, t->b);
			started = true; /* there already */
		} else {
			c->locked.tasks++;
		}
	}
	lock_drop(&c->locked.l);
	if (fetch && pool_try_submit(c->pool, ahead_run, t) == 0)
		return true;
	if (fetch) {
		lock_take(&c->locked.l);
		t->b->state = BLOCK_FAILED;
		t->b->error = -EAGAIN;
		unmap_locked(c, t->b);
		block_put_locked(c, t->b);
		c->locked.tasks--;
		cond_broadcast(&c->locked.changed);
		lock_drop(&c->locked.l);
	}
	ahead_free(t);
	return started;
}

/* How many blocks after the read shall be on their way: doubles while the reader goes straight on.
 * */
static unsigned ahead_window(struct read_cache *c, struct read_pos *pos, size_t n, uint64_t off)
{
	unsigned window;

	if (!pos)
		return 0;
	scoped_lock(&c->locked.l);
	if (off == pos->next && off > 0)
		pos->ahead = min_of(pos->ahead ? pos->ahead * 2 : 1, c->ahead_max);
	else if (off + n + 4 * c->block < pos->next || off > pos->next + 4 * c->block)
		/* a jump; readers a little out of order (kernel readahead) keep the window */
		pos->ahead = 0, pos->next = 0;
	pos->next = max_of(pos->next, off + n);
	window = pos->ahead;
	return window;
}

static int copy_out(struct read_cache *c, const struct read_id *id, uint64_t number, size_t from,
		    size_t n, uint8_t *dst)
{
	struct block *b = NULL;
	bool fetch = false;
	int r;

	for (;;) {
		lock_take(&c->locked.l);
		r = block_get_locked(c, id, number, &b, &fetch);
		if (!r && fetch) {
			lock_drop(&c->locked.l);
			block_fetch(c, id, number, b);
			lock_take(&c->locked.l);
		}
		while (!r && b->state == BLOCK_FETCHING)
			cond_wait(&c->locked.changed, &c->locked.l);
		if (!r)
			r = b->error;
		lock_drop(&c->locked.l);
		if (!b)
			return r;
		if (!r)
			memcpy(dst, b->data + from, n);
		lock_take(&c->locked.l);
		block_put_locked(c, b);
		lock_drop(&c->locked.l);
		if (r != -EAGAIN || fetch)
			return r;
		b = NULL; /* a readahead that found no thread: fetch it ourselves */
	}
}

int read_cache_read(struct read_cache *c, const struct read_id *id, struct read_pos *pos, void *dst,
		    size_t n, uint64_t off)
{
	unsigned window = ahead_window(c, pos, n, off);
	uint64_t last;

	if (!n)
		return 0;
	last = (off + n - 1) / c->block;
	for (uint64_t i = 1; i <= window && (last + i) * c->block < id->size; i++)
		if (!ahead_start(c, id, last + i))
			break;
	for (size_t done = 0; done < n;) {
		uint64_t at = off + done, number = at / c->block;
		size_t from = (size_t)(at % c->block);
		size_t len = min_of(n - done,
				    (size_t)min_of(c->block, id->size - number * c->block) - from);
		int r = copy_out(c, id, number, from, len, (uint8_t *)dst + done);

		if (r)
			return r;
		done += len;
	}
	return 0;
}
