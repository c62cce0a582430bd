/* cache_check.c - the whole of an object against its MD5, see cache_i.h. */
#include <errno.h>
#include <string.h>

#include "base/codec.h"
#include "base/log.h"
#include "fs/cache_i.h"

/* Who reads so near to the end waits for the rest: reads come out of order, and one of the last
 * must tell. */
#define NEAR (2 * MIB)

/* An MD5 looks like one; whether it is, the answer to a GET says (verb.h). */
void cache_check_begin(struct cache_object *o)
{
	if (o->size && o->etag && strlen(o->etag) == 2 * MD5_SIZE && !strchr(o->etag, '-') &&
	    digest_new(DIGEST_MD5, &o->sum) == 0)
		o->check = CHECK_RUNS;
}

/* The block with the next bytes, pinned; NULL: they are not here. */
static struct cache_block *next_locked(struct read_cache *c, struct cache_object *o, size_t *ret_n)
{
	uint64_t number = o->checked / CACHE_BLOCK,
		 end = min_of((number + 1) * CACHE_BLOCK, o->size);
	struct cache_block *b = o->checked < o->size ? cache_find_locked(c, o, number) : NULL;

	if (!b || cache_pages(number, o->checked, end) & ~b->have)
		return NULL;
	*ret_n = (size_t)(end - o->checked);
	return cache_pin_locked(c, o, number);
}

static enum cache_check judge_locked(const struct cache_object *o)
{
	uint8_t md5[MD5_SIZE];

	if (o->checked < o->size)
		return CHECK_RUNS;
	if (!o->md5.known || digest_end(o->sum, md5))
		return CHECK_NONE;
	return memcmp(md5, o->md5.md5, MD5_SIZE) ? CHECK_BAD : CHECK_GOOD;
}

/* Without the lock: the disk is asked. */
static void condemn(struct read_cache *c, struct cache_object *o)
{
	char key[256];

	log_error("read=corrupt key=\"%s\" etag=%s why=\"the bytes that the source sends are not "
		  "those "
		  "of its ETag\"",
		  printable(o->key, key, sizeof(key)), o->etag);
	diskcache_drop(cache_open_disk(c, o));
}

void cache_check_step(struct read_cache *c, struct cache_object *o)
{
	struct cache_block *b;
	enum cache_check verdict;
	size_t n = 0;

	scoped_lock(&c->locked.l);
	if (o->check != CHECK_RUNS || o->checking)
		return;
	o->checking = true;
	while ((b = next_locked(c, o, &n)) != NULL) {
		lock_drop(&c->locked.l);
		digest_add(o->sum, cache_bytes(c, b) + o->checked % CACHE_BLOCK, n);
		lock_take(&c->locked.l);
		o->checked += n;
		cache_unpin_locked(c, b);
	}
	verdict = judge_locked(o);
	if (verdict == CHECK_BAD) {
		lock_drop(&c->locked.l);
		condemn(c, o);
		lock_take(&c->locked.l);
		o->refs += o->mapped; /* until it is dropped: see cache_object_drop_locked */
	}
	o->check = verdict;
	o->checking = false;
	cond_broadcast(&c->locked.changed);
}

/* Are all the bytes that are not added yet here, or on their way? */
static bool comes_locked(struct read_cache *c, const struct cache_object *o)
{
	for (uint64_t at = o->checked; at < o->size; at = (at / CACHE_BLOCK + 1) * CACHE_BLOCK) {
		const struct cache_block *b = cache_find_locked(c, o, at / CACHE_BLOCK);

		if (!b || cache_pages(b->number, at, o->size) & ~(b->have | b->asked))
			return false;
	}
	return true;
}

int cache_check_end(struct read_cache *c, struct cache_object *o, uint64_t end)
{
	for (;;) {
		cache_check_step(c, o);
		scoped_lock(&c->locked.l);
		if (o->check != CHECK_RUNS)
			return o->check == CHECK_BAD ? -EIO : 0;
		if (o->size - end > NEAR || (!o->checking && !comes_locked(c, o)))
			return 0;
		if (cancel_is_fired(cancel_here()))
			return -EINTR;
		cond_wait(&c->locked.changed, &c->locked.l);
	}
}
