/* cache_block.c - the read cache's memory: blocks, their lists, and the objects they belong to. See
 * cache_i.h. */
#include "fs/cache_i.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define PASSED_SHARE 8
#define PASSED_MIN   (8 * MIB) /* what the check of the whole has not seen yet is among it */

/* Only what is used of it costs memory. */
static void *area_new(size_t n)
{
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		       -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static void area_free(void *p, size_t n)
{
	if (p)
		munmap(p, n);
}

int cache_memory_new(struct read_cache *c, uint64_t max_bytes)
{
	c->blocks_n = (size_t)(max_of(max_bytes, (uint64_t)READ_CACHE_MIN) / CACHE_BLOCK);
	c->passed_max = max_of(c->blocks_n / PASSED_SHARE, (size_t)(PASSED_MIN / CACHE_BLOCK));
	for (c->hash_n = 1; c->hash_n < c->blocks_n;)
		c->hash_n *= 2;
	c->memory = area_new(c->blocks_n * CACHE_BLOCK);
	c->blocks = area_new(c->blocks_n * sizeof(*c->blocks));
	c->hash = area_new(c->hash_n * sizeof(struct cache_block *));
	if (!c->memory || !c->blocks || !c->hash)
		return -ENOMEM;
	/* advice: fewer faults when a long read fills it */
	(void)!madvise(c->memory, c->blocks_n * CACHE_BLOCK, MADV_HUGEPAGE);
	return map_new(&c->locked.objects);
}

void cache_memory_free(struct read_cache *c)
{
	assert(!c->locked.objects || map_count(c->locked.objects) == 0);
	map_free(c->locked.objects);
	area_free(c->memory, c->blocks_n * CACHE_BLOCK);
	area_free(c->blocks, c->blocks_n * sizeof(*c->blocks));
	area_free(c->hash, c->hash_n * sizeof(struct cache_block *));
}

uint8_t *cache_bytes(const struct read_cache *c, const struct cache_block *b)
{
	return c->memory + (size_t)(b - c->blocks) * CACHE_BLOCK;
}

uint8_t cache_pages(uint64_t number, uint64_t start, uint64_t end)
{
	uint64_t from = max_of(start, number * CACHE_BLOCK),
		 to = min_of(end, (number + 1) * CACHE_BLOCK);
	unsigned first, last;

	if (from >= to)
		return 0;
	first = (unsigned)(from / CACHE_PAGE % CACHE_PAGES);
	last = (unsigned)((to - 1) / CACHE_PAGE % CACHE_PAGES);
	return (uint8_t)((0xffu >> (CACHE_PAGES - 1 - last)) & (0xffu << first));
}

/* --- lists ------------------------------------------------------------------------------------ */

static void list_append(struct cache_list *l, struct cache_block *b)
{
	b->prev = l->newest;
	b->next = NULL;
	if (l->newest)
		l->newest->next = b;
	else
		l->oldest = b;
	l->newest = b;
}

static void list_remove(struct cache_list *l, struct cache_block *b)
{
	if (b->prev)
		b->prev->next = b->next;
	else
		l->oldest = b->next;
	if (b->next)
		b->next->prev = b->prev;
	else
		l->newest = b->prev;
	b->prev = b->next = NULL;
}

static struct cache_list *list_of(struct read_cache *c, const struct cache_block *b)
{
	return b->ahead_of ? &c->locked.ahead : b->passed ? &c->locked.passed : &c->locked.idle;
}

/* An unpinned block that is not free, into its list and out of it. */
static void rest_locked(struct read_cache *c, struct cache_block *b)
{
	c->locked.idle_n += !b->ahead_of;
	c->locked.passed_n += !b->ahead_of && b->passed;
	b->rested = ++c->locked.rests;
	list_append(list_of(c, b), b);
}

static void wake_locked(struct read_cache *c, struct cache_block *b)
{
	c->locked.idle_n -= !b->ahead_of;
	c->locked.passed_n -= !b->ahead_of && b->passed;
	list_remove(list_of(c, b), b);
}

static struct cache_block **hash_at(struct read_cache *c, const struct cache_object *o,
				    uint64_t number)
{
	uint64_t h = ((uint64_t)(uintptr_t)o / 16 + number) * 0x9e3779b97f4a7c15ull;

	return &c->hash[(h >> 20) & (c->hash_n - 1)];
}

/* --- objects ---------------------------------------------------------------------------------- */

static void object_free(struct cache_object *o)
{
	free(o->name);
	free(o->key);
	free(o->version_id);
	free(o->etag);
	digest_free(o->md5);
	free(o);
}

bool cache_object_is(const struct cache_object *o, const struct read_id *id)
{
	return o->size == id->size && str_same(o->version_id, id->version_id) &&
	       str_same(o->etag, id->etag) && str_same(o->key, id->key);
}

static int object_new(const struct read_cache *c, const struct read_id *id,
		      struct cache_object **ret_o)
{
	struct cache_object *o = calloc(1, sizeof(*o));
	int r;

	if (!o)
		return -ENOMEM;
	o->size = id->size;
	r = str_dup(id->key, &o->key);
	if (!r)
		r = str_dup(id->version_id, &o->version_id);
	if (!r)
		r = str_dup(id->etag, &o->etag);
	if (r) {
		object_free(o);
		return r;
	}
	cache_check_begin(c, o);
	*ret_o = o;
	return 0;
}

int cache_object_get_locked(struct read_cache *c, const struct read_id *id,
			    struct cache_object **ret_o)
{
	auto_free char *name = NULL;
	struct cache_object *o;
	int r = str_format(&name, "%s %s%s", id->key, id->version_id ? "v" : "e",
			   id->version_id ? id->version_id
			   : id->etag	  ? id->etag
					  : "");

	lock_assert_held(&c->locked.l);
	if (r)
		return r;
	o = map_get(c->locked.objects, name);
	if (o &&
	    !cache_object_is(o, id)) { /* the same version, of another size: one of both lies */
		cache_object_drop_locked(c, o);
		o = NULL;
	}
	if (!o) {
		r = object_new(c, id, &o);
		if (!r)
			r = map_set(c->locked.objects, name, o);
		if (r) {
			if (o)
				object_free(o);
			return r;
		}
		o->name = take_ptr(&name);
		o->mapped = true;
	}
	o->refs++;
	*ret_o = o;
	return 0;
}

static void unmap_locked(struct read_cache *c, struct cache_object *o)
{
	if (o->mapped)
		map_del(c->locked.objects, o->name);
	o->mapped = false;
}

void cache_object_put_locked(struct read_cache *c, struct cache_object *o)
{
	lock_assert_held(&c->locked.l);
	assert(o->refs > 0);
	if (--o->refs)
		return;
	unmap_locked(c, o);
	object_free(o);
}

/* --- blocks ----------------------------------------------------------------------------------- */

struct cache_block *cache_find_locked(struct read_cache *c, const struct cache_object *o,
				      uint64_t number)
{
	struct cache_block *b = *hash_at(c, o, number);

	lock_assert_held(&c->locked.l);
	while (b && (b->object != o || b->number != number))
		b = b->chain;
	return b;
}

void cache_unmark_locked(struct read_cache *c, struct cache_block *b)
{
	lock_assert_held(&c->locked.l);
	if (!b->ahead_of)
		return;
	if (!b->pins)
		wake_locked(c, b);
	c->locked.ahead_n--;
	if (--b->ahead_of->ahead == 0)
		c->locked.ahead_readers--;
	b->ahead_of = NULL;
	if (!b->pins)
		rest_locked(c, b);
}

/* Not pinned, in no list. */
static void release_locked(struct read_cache *c, struct cache_block *b)
{
	struct cache_object *o = b->object;
	struct cache_block **at = hash_at(c, o, b->number);

	assert(!b->pins && !b->asked && !b->ahead_of);
	while (*at != b)
		at = &(*at)->chain;
	*at = b->chain;
	if (b->before)
		b->before->after = b->after;
	else
		o->first = b->after;
	if (b->after)
		b->after->before = b->before;
	*b = (struct cache_block){ .object = NULL };
	list_append(&c->locked.free, b);
	c->locked.free_n++;
	cache_object_put_locked(c, o);
}

static void let_go_locked(struct read_cache *c, struct cache_block *b)
{
	cache_unmark_locked(c, b);
	wake_locked(c, b);
	release_locked(c, b);
}

void cache_object_drop_locked(struct read_cache *c, struct cache_object *o)
{
	struct cache_block *b, *after;

	lock_assert_held(&c->locked.l);
	o->refs++;
	if (o->mapped && o->strikes)
		o->refs--; /* its own */
	unmap_locked(c, o);
	for (b = o->first; b; b = after) {
		after = b->after;
		b->dropped = true;
		if (!b->pins)
			let_go_locked(c, b);
	}
	cache_object_put_locked(c, o);
}

void cache_object_forget_locked(struct read_cache *c, struct cache_object *o)
{
	struct cache_block *b, *after;

	lock_assert_held(&c->locked.l);
	o->refs++;
	for (b = o->first; b; b = after) {
		after = b->after;
		b->have = 0;
		if (!b->pins)
			let_go_locked(c, b);
	}
	cache_object_put_locked(c, o);
}

bool cache_has_room_locked(const struct read_cache *c, size_t blocks, bool demand)
{
	size_t room = c->blocks_n - c->locked.used_n + c->locked.free_n + c->locked.idle_n;

	for (const struct cache_block *b = demand ? c->locked.ahead.oldest : NULL;
	     b && room < blocks; b = b->next)
		room++;
	return room >= blocks;
}

/* Will the check of the whole still come to it? */
static bool is_unchecked_locked(struct read_cache *c, const struct cache_block *b)
{
	const struct cache_object *o = b->object;

	return o->check == CHECK_RUNS && (b->number + 1) * CACHE_BLOCK > o->checked &&
	       cache_find_locked(c, o, o->checked / CACHE_BLOCK);
}

/* Is there so much that readers passed by that the oldest of it shall go? */
static bool has_passed_locked(struct read_cache *c)
{
	return c->locked.passed_n > c->passed_max &&
	       !is_unchecked_locked(c, c->locked.passed.oldest);
}

static struct cache_block *oldest_locked(struct read_cache *c)
{
	struct cache_block *idle = c->locked.idle.oldest, *passed = c->locked.passed.oldest;

	if (passed && (!idle || passed->rested < idle->rested || has_passed_locked(c)))
		return passed;
	return idle ? idle : c->locked.ahead.oldest;
}

static struct cache_block *take_locked(struct read_cache *c)
{
	struct cache_block *b;

	if (!c->locked.free.oldest && c->locked.used_n < c->blocks_n && !has_passed_locked(c))
		return &c->blocks[c->locked.used_n++];
	if (!c->locked.free.oldest)
		let_go_locked(c, oldest_locked(c));
	b = c->locked.free.oldest;
	list_remove(&c->locked.free, b);
	c->locked.free_n--;
	return b;
}

struct cache_block *cache_pin_locked(struct read_cache *c, struct cache_object *o, uint64_t number)
{
	struct cache_block *b = cache_find_locked(c, o, number), **at;

	if (b) {
		if (!b->pins++)
			wake_locked(c, b);
		return b;
	}
	b = take_locked(c);
	at = hash_at(c, o, number);
	*b = (struct cache_block){ .object = o,
				   .number = number,
				   .dropped = !o->mapped,
				   .pins = 1,
				   .chain = *at,
				   .after = o->first };
	*at = b;
	if (o->first)
		o->first->before = b;
	o->first = b;
	o->refs++;
	return b;
}

void cache_unpin_locked(struct read_cache *c, struct cache_block *b)
{
	lock_assert_held(&c->locked.l);
	assert(b->pins > 0);
	if (--b->pins)
		return;
	assert(!b->asked);
	rest_locked(c, b);
	if (b->dropped || !b->have)
		let_go_locked(c, b);
	cond_broadcast(&c->locked.room);
}
