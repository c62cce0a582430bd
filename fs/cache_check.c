/* cache_check.c - the whole of an object against its MD5 or CRC32C, see cache_i.h. */
#include <errno.h>
#include <string.h>

#include "base/codec.h"
#include "base/log.h"
#include "fs/cache_i.h"
#include "s3/checksum.h"

/* Who reads so near to the end waits for the rest: reads come out of order, and one of the last
 * must tell. */
#define NEAR (2 * MIB)

/* An MD5 looks like one; whether it is, the answer to a GET says (verb.h). */
void cache_check_begin(const struct read_cache *c, struct cache_object *o)
{
	bool md5 = o->etag && strlen(o->etag) == 2 * MD5_SIZE && !strchr(o->etag, '-') &&
		   digest_new(DIGEST_MD5, &o->md5) == 0;

	if (o->size && (md5 || checksum_state(c->client) != CHECKSUMS_NO))
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

/* All bytes were added: CHECK_RUNS = the server is to be asked for their sum. Without the lock. */
static enum cache_check judge_told(struct cache_object *o, const struct object_sums *sums)
{
	uint8_t md5[MD5_SIZE];

	if (o->md5 && sums->md5_known && digest_end(o->md5, md5) == 0)
		return memcmp(md5, sums->md5, MD5_SIZE) ? CHECK_BAD : CHECK_GOOD;
	if (sums->crc.known)
		return sums->crc.value == o->crc ? CHECK_GOOD : CHECK_BAD;
	return CHECK_RUNS;
}

static enum cache_check ask_and_judge(struct read_cache *c, const struct cache_object *o)
{
	struct s3_crc32c crc = { .known = false };

	if (checksum_state(c->client) == CHECKSUMS_NO ||
	    checksum_ask_whole(c->client, o->key, o->version_id, o->etag, &crc) != 0 || !crc.known)
		return CHECK_NONE;
	return crc.value == o->crc ? CHECK_GOOD : CHECK_BAD;
}

/* Without the lock: the disk is asked. */
static void condemn(struct read_cache *c, struct cache_object *o, unsigned strikes)
{
	char key[256];

	log_error(
		"read=corrupt key=\"%s\" etag=%s time=%u why=\"the bytes that the source sent are "
		"not those of its ETag or checksum\"",
		printable(o->key, key, sizeof(key)), o->etag ? o->etag : "-", strikes);
	diskcache_drop(cache_open_disk(c, o));
}

/* The first time it may be the way that they came; who wants them fetches them again. */
static void strike_locked(struct read_cache *c, struct cache_object *o)
{
	if (!o->strikes++)
		o->refs += o->mapped; /* until it is dropped: see cache_object_drop_locked */
	if (o->strikes > 1 || (o->md5 && digest_reset(o->md5))) {
		o->check = CHECK_BAD;
		return;
	}
	o->checked = 0;
	o->crc = 0;
	o->sums = (struct object_sums){ .md5_known = false };
	cache_object_forget_locked(c, o);
}

/* Adds what is here in a row. */
static void add_locked(struct read_cache *c, struct cache_object *o)
{
	struct cache_block *b;
	size_t n = 0;

	while ((b = next_locked(c, o, &n)) != NULL) {
		const uint8_t *p = cache_bytes(c, b) + o->checked % CACHE_BLOCK;

		lock_drop(&c->locked.l);
		if (o->md5)
			digest_add(o->md5, p, n);
		o->crc = crc32c(o->crc, p, n);
		lock_take(&c->locked.l);
		o->checked += n;
		cache_unpin_locked(c, b);
	}
}

void cache_check_step(struct read_cache *c, struct cache_object *o, bool may_ask)
{
	enum cache_check verdict;
	struct object_sums sums;

	scoped_lock(&c->locked.l);
	if (o->check != CHECK_RUNS || o->checking)
		return;
	o->checking = true;
	add_locked(c, o);
	if (o->checked == o->size) {
		sums = o->sums;
		lock_drop(&c->locked.l);
		verdict = judge_told(o, &sums);
		if (verdict == CHECK_RUNS && may_ask)
			verdict = ask_and_judge(c, o);
		if (verdict == CHECK_BAD)
			condemn(c, o, o->strikes + 1);
		lock_take(&c->locked.l);
		if (verdict == CHECK_BAD)
			strike_locked(c, o);
		else
			o->check = verdict;
	}
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

int cache_check_end(struct read_cache *c, struct cache_object *o, uint64_t end, unsigned strikes)
{
	for (;;) {
		cache_check_step(c, o, true);
		scoped_lock(&c->locked.l);
		if (o->check == CHECK_BAD)
			return -EIO;
		if (o->strikes != strikes)
			return -EAGAIN;
		if (o->check != CHECK_RUNS || o->size - end > NEAR ||
		    (!o->checking && !comes_locked(c, o)))
			return 0;
		if (cancel_is_fired(cancel_here()))
			return -EINTR;
		cond_wait(&c->locked.changed, &c->locked.l);
	}
}
