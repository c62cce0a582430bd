/* cache_fetch.c - the read cache's requests: one GET for a run of pages, each of which is there for
 * its readers as soon as its bytes are. See cache_i.h. */
#include "fs/cache_i.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

struct cache_fetch {
	struct read_cache *c;
	struct cache_object *object; /* referenced by the blocks' pins, and by us */
	struct s3_range range;
	struct object_sums sums;     /* as the answer tells */
	struct diskcache_file *disk; /* NULL: none */
	uint64_t at;		     /* bytes below it are in their blocks */
	size_t n, done;		     /* blocks; the first `done` are not ours any more */
	struct cache_block *blocks[];
};

int cache_fetch_new_locked(struct read_cache *c, struct cache_object *o, struct s3_range range,
			   struct read_pos *ahead_of, struct cache_fetch **ret_f)
{
	uint64_t first = range.start / CACHE_BLOCK, last = (range.end - 1) / CACHE_BLOCK;
	struct cache_fetch *f =
		calloc(1, sizeof(*f) + (size_t)(last - first + 1) * sizeof(f->blocks[0]));

	lock_assert_held(&c->locked.l);
	assert(range.start % CACHE_PAGE == 0 && range.start < range.end && range.end <= o->size);
	if (!f)
		return -ENOMEM;
	*f = (struct cache_fetch){ .c = c, .object = o, .range = range, .at = range.start };
	o->refs++;
	for (uint64_t i = first; i <= last; i++) {
		struct cache_block *b = cache_pin_locked(c, o, i);
		uint8_t pages = cache_pages(i, range.start, range.end);

		assert(!(pages & (b->have | b->asked)));
		b->asked |= pages;
		if (ahead_of && !b->ahead_of) {
			b->ahead_of = ahead_of;
			c->locked.ahead_n++;
			if (!ahead_of->ahead++)
				c->locked.ahead_readers++;
		}
		f->blocks[f->n++] = b;
	}
	*ret_f = f;
	return 0;
}

/* Bytes below `to` are in their blocks: all pages that end there are ready. */
static void pages_ready(struct cache_fetch *f, uint64_t to)
{
	uint64_t end = to == f->range.end ? to : to / CACHE_PAGE * CACHE_PAGE;
	bool any = false;

	scoped_lock(&f->c->locked.l);
	if (f->sums.md5_known || f->sums.crc.known)
		f->object->sums = f->sums;
	while (f->done < f->n) {
		struct cache_block *b = f->blocks[f->done];
		uint8_t pages = cache_pages(b->number, f->range.start, end);

		b->have |= pages;
		b->asked &= (uint8_t)~pages;
		any = any || pages;
		if (end < min_of((b->number + 1) * CACHE_BLOCK, f->range.end))
			break;
		f->done++;
		cache_unpin_locked(f->c, b);
	}
	if (any)
		cond_broadcast(&f->c->locked.changed);
}

/* The bytes of a block that is whole in this fetch; 0 when it is not. */
static size_t whole_block(const struct cache_fetch *f, uint64_t number)
{
	uint64_t start = number * CACHE_BLOCK, end = min_of(start + CACHE_BLOCK, f->object->size);

	return start >= f->range.start && end <= f->range.end ? (size_t)(end - start) : 0;
}

static struct cache_block *block_at(const struct cache_fetch *f, uint64_t number)
{
	return f->blocks[number - f->range.start / CACHE_BLOCK];
}

/* The blocks that are whole by the bytes [from, to). */
static void keep_on_disk(struct cache_fetch *f, uint64_t from, uint64_t to)
{
	for (uint64_t i = from / CACHE_BLOCK; f->disk && i * CACHE_BLOCK < to; i++) {
		size_t n = whole_block(f, i);

		if (n && i * CACHE_BLOCK + n <= to)
			diskcache_put(f->disk, i, cache_bytes(f->c, block_at(f, i)), n);
	}
}

static int take_bytes(void *arg, const void *p, size_t n)
{
	struct cache_fetch *f = arg;
	const uint8_t *from = p;
	uint64_t to = f->at + n;

	if (n > f->range.end - f->at)
		return -EIO;
	for (uint64_t at = f->at; at < to;) {
		struct cache_block *b = block_at(f, at / CACHE_BLOCK);
		size_t in = (size_t)(at % CACHE_BLOCK),
		       len = (size_t)min_of(to - at, CACHE_BLOCK - in);

		memcpy(cache_bytes(f->c, b) + in, from, len);
		from += len;
		at += len;
	}
	keep_on_disk(f, f->at, to);
	f->at = to;
	pages_ready(f, to);
	cache_check_step(f->c, f->object, false);
	return 0;
}

/* Consumes f. What did not come is missing, and who waits for it hears why. */
static void end(struct cache_fetch *f, int error)
{
	struct read_cache *c = f->c;

	lock_take(&c->locked.l);
	for (; f->done < f->n; f->done++) {
		struct cache_block *b = f->blocks[f->done];

		b->asked &= (uint8_t)~cache_pages(b->number, f->range.start, f->range.end);
		b->error = error;
		b->failures++;
		cache_unmark_locked(c, b);
		cache_unpin_locked(c, b);
	}
	cond_broadcast(&c->locked.changed);
	cache_object_put_locked(c, f->object);
	lock_drop(&c->locked.l);
	free(f);
}

/* By its ETag, since a listing tells no version id. */
struct diskcache_file *cache_open_disk(const struct read_cache *c, const struct cache_object *o)
{
	const char *content = o->etag ? o->etag : o->version_id;
	auto_free char *id = NULL;

	if (!c->disk || !content ||
	    str_format(&id, "%s\n%s\n%s\n%s", s3_client_url(c->client), s3_client_bucket(c->client),
		       content, o->key))
		return NULL;
	return diskcache_open(c->disk, id, o->size);
}

/* The next block, if the disk has it. */
static bool take_from_disk(struct cache_fetch *f)
{
	uint64_t number = f->at / CACHE_BLOCK;
	size_t n = f->disk && f->at % CACHE_BLOCK == 0 ? whole_block(f, number) : 0;

	if (!n || !diskcache_get(f->disk, number, cache_bytes(f->c, block_at(f, number)), n))
		return false;
	f->at += n;
	pages_ready(f, f->at);
	cache_check_step(f->c, f->object, false);
	return true;
}

/* From f->at to the next block that the disk has. */
static int take_from_source(struct cache_fetch *f)
{
	const struct cache_object *o = f->object;
	struct s3_range gap = { f->at, f->range.end };
	uint64_t got = 0;
	int r;

	for (uint64_t i = f->at / CACHE_BLOCK + 1; f->disk && i * CACHE_BLOCK < gap.end; i++)
		if (whole_block(f, i) && diskcache_has(f->disk, i))
			gap.end = i * CACHE_BLOCK;
	r = object_get_stream(f->c->client, o->key, o->version_id, o->etag, gap,
			      gap.start == 0 && gap.end == o->size, take_bytes, f, &f->sums, &got,
			      NULL);
	/* shorter than what we were told: another object by now */
	return !r && got != gap.end - gap.start ? -ESTALE : r;
}

int cache_fetch_run(struct cache_fetch *f)
{
	int r = 0;

	f->disk = cache_open_disk(f->c, f->object);
	while (!r && f->at < f->range.end)
		if (!take_from_disk(f))
			r = take_from_source(f);
	diskcache_close(f->disk);
	end(f, r);
	return r;
}

static void run_task(void *arg)
{
	struct cache_fetch *f = arg;
	struct read_cache *c = f->c;

	(void)!cache_fetch_run(f); /* who waits for it hears the error */
	lock_take(&c->locked.l);
	c->locked.tasks--;
	cond_broadcast(&c->locked.changed);
	lock_drop(&c->locked.l);
}

void cache_fetch_submit(struct cache_fetch *f)
{
	struct read_cache *c = f->c;

	lock_take(&c->locked.l);
	c->locked.tasks++;
	lock_drop(&c->locked.l);
	if (pool_try_submit(c->pool, run_task, f) == 0)
		return;
	end(f, -EAGAIN);
	lock_take(&c->locked.l);
	c->locked.tasks--;
	cond_broadcast(&c->locked.changed);
	lock_drop(&c->locked.l);
}
