/* cache.c - the read cache: what is fetched when, and who waits for what. See cache_i.h. */
#include "fs/cache_i.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define WINDOW_MIN  MIB
#define WINDOW_MAX  (64 * MIB)
#define STEP_MIN    MIB
#define STEP_MAX    (8 * MIB)
#define WHOLE	    MIB /* a file up to so much is fetched at once when its start is read */
#define FETCHES_MAX 16
/* The kernel reads ahead in parallel: so much out of order is still in a row. */
#define STRAY MIB

int read_cache_new(const struct read_cache_conf *conf, struct read_cache **ret_c, char *why,
		   size_t why_len)
{
	const struct diskcache_conf disk = { conf->disk_dir, conf->disk_max, CACHE_BLOCK };
	struct read_cache *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	c->client = conf->client;
	c->pool = conf->pool;
	lock_init(&c->locked.l);
	cond_init(&c->locked.changed);
	cond_init(&c->locked.room);
	r = cache_memory_new(c, conf->max_bytes);
	if (!r && disk.dir)
		r = diskcache_new(&disk, &c->disk, why, why_len);
	if (r) {
		read_cache_free(c);
		return r;
	}
	*ret_c = c;
	return 0;
}

struct victims {
	const char *key;
	struct cache_object *first;
};

/* wanted: a key; a directory's, or "": all that begins with it. */
static bool is_of(const char *key, const char *wanted)
{
	size_t n = strlen(wanted);

	return !n || wanted[n - 1] == '/' ? !strncmp(key, wanted, n) : !strcmp(key, wanted);
}

static int collect(void *arg, const char *name, void *value)
{
	struct victims *v = arg;
	struct cache_object *o = value;

	(void)name;
	if (is_of(o->key, v->key)) {
		o->next_victim = v->first;
		v->first = o;
	}
	return 0;
}

/* Needs no memory: the cache is emptied by it, and what is stale goes in any case. */
static void drop_locked(struct read_cache *c, const char *key)
{
	struct victims v = { .key = key };
	struct cache_object *next;

	map_each(c->locked.objects, collect, &v);
	for (struct cache_object *o = v.first; o; o = next) {
		next = o->next_victim;
		cache_object_drop_locked(c, o);
	}
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
	if (c->locked.objects)
		drop_locked(c, "");
	lock_drop(&c->locked.l);
	cache_memory_free(c);
	diskcache_free(c->disk);
	cond_free(&c->locked.room);
	cond_free(&c->locked.changed);
	lock_free(&c->locked.l);
	free(c);
}

/* --- the reader ------------------------------------------------------------------------------- */

/* Twice what was read in a row: who stops has cost no more than that. */
uint64_t cache_window(uint64_t run, uint64_t budget, unsigned readers)
{
	uint64_t share = budget / max_of(readers, 1u),
		 window = min_of(max_of(2 * run, (uint64_t)WINDOW_MIN), (uint64_t)WINDOW_MAX);

	return min_of(window, share) / CACHE_BLOCK * CACHE_BLOCK;
}

/* Few requests, but several at a time. */
uint64_t cache_step(uint64_t window)
{
	uint64_t step = min_of(max_of(window / 4, (uint64_t)STEP_MIN), (uint64_t)STEP_MAX);

	return min_of(step, window) / CACHE_BLOCK * CACHE_BLOCK;
}

/* What was fetched ahead for it, and not read, may go. */
static void abandon_locked(struct read_cache *c, struct read_pos *pos)
{
	for (uint64_t at = pos->planned; pos->ahead && at > 0;) {
		uint64_t number = (at - 1) / CACHE_BLOCK;
		struct cache_block *b = cache_find_locked(c, pos->object, number);

		if (b && b->ahead_of == pos)
			cache_unmark_locked(c, b);
		at = number * CACHE_BLOCK;
	}
	assert(!pos->ahead);
	pos->planned = 0;
}

static void leave_locked(struct read_cache *c, struct read_pos *pos)
{
	if (!pos->object)
		return;
	abandon_locked(c, pos);
	cache_object_put_locked(c, pos->object);
	*pos = (struct read_pos){ .object = NULL };
}

void read_cache_leave(struct read_cache *c, struct read_pos *pos)
{
	scoped_lock(&c->locked.l);
	leave_locked(c, pos);
}

/* The reader is at [off, off+n) now: in a row with what it read before, or not. */
static void move_locked(struct read_cache *c, struct read_pos *pos, size_t n, uint64_t off)
{
	bool next = pos->next > pos->start && off == pos->next;
	bool stray = pos->in_a_row && off <= pos->next + STRAY && off + n + STRAY >= pos->next;

	if (!next && !stray) {
		abandon_locked(c, pos);
		pos->start = pos->next = off;
	}
	pos->in_a_row = next || stray;
	pos->next = max_of(pos->next, off + n);
	pos->planned = max_of(pos->planned, pos->next);
}

/* The next run of pages of [at, end) that nobody has asked for: false when there is none. For the
 * disk, which keeps blocks, of all blocks that the range touches: two requests that meet within a
 * block would leave it to neither. */
static bool next_missing_locked(struct read_cache *c, const struct cache_object *o, uint64_t at,
				uint64_t end, struct s3_range *ret_r)
{
	bool found = false;

	if (c->disk) {
		at = at / CACHE_BLOCK * CACHE_BLOCK;
		end = min_of((end + CACHE_BLOCK - 1) / CACHE_BLOCK * CACHE_BLOCK, o->size);
	}
	for (uint64_t next; at < end; at = next) {
		const struct cache_block *b = cache_find_locked(c, o, at / CACHE_BLOCK);
		uint8_t known = b ? (uint8_t)(b->have | b->asked) : 0;

		next = known ? (at / CACHE_PAGE + 1) * CACHE_PAGE
			     : (at / CACHE_BLOCK + 1) * CACHE_BLOCK;
		next = min_of(next, end);
		if (known & cache_pages(at / CACHE_BLOCK, at, at + 1)) {
			if (found)
				break;
			continue;
		}
		if (!found)
			ret_r->start = at / CACHE_PAGE * CACHE_PAGE;
		ret_r->end = min_of((next + CACHE_PAGE - 1) / CACHE_PAGE * CACHE_PAGE, o->size);
		found = true;
	}
	return found;
}

/* Asks for [from, to) as far as it is missing and the budget has room: fetches to be submitted.
 * False when the room was not enough. */
static bool plan_step_locked(struct read_cache *c, struct read_pos *pos, uint64_t from, uint64_t to,
			     struct cache_fetch **fetches, size_t *n, size_t max)
{
	struct cache_object *o = pos->object;
	struct s3_range r;

	while (from < to && next_missing_locked(c, o, from, to, &r)) {
		size_t blocks = (size_t)((r.end - r.start) / CACHE_BLOCK + 2);

		if (*n == max || c->locked.ahead_n + blocks > c->blocks_n / 2 ||
		    !cache_has_room_locked(c, blocks, false) ||
		    cache_fetch_new_locked(c, o, r, pos, &fetches[*n]) != 0)
			return false;
		++*n;
		pos->planned = from = r.end;
	}
	return true;
}

/* What the reader will want next. */
static size_t plan_locked(struct read_cache *c, struct read_pos *pos, struct cache_fetch **fetches,
			  size_t max)
{
	unsigned readers = c->locked.ahead_readers + !pos->ahead;
	uint64_t window = cache_window(pos->next - pos->start, c->blocks_n * CACHE_BLOCK / 2,
				       readers),
		 step = cache_step(window), size = pos->object->size,
		 target = min_of(pos->next + window, size);
	size_t n = 0;

	while (pos->in_a_row && step && pos->planned < target) {
		uint64_t to = min_of(pos->planned + step, size);

		if (to > target || !plan_step_locked(c, pos, pos->planned, to, fetches, &n, max))
			break;
		pos->planned = to;
	}
	return n;
}

/* --- reading ---------------------------------------------------------------------------------- */

struct reading {
	struct read_cache *c;
	struct cache_object *o;
	uint64_t start, end;
	struct read_view v;
	unsigned failures[READ_VIEW_PARTS]; /* of its blocks, as we found them */
	unsigned strikes;		    /* of its object, likewise */
	bool again; /* its bytes were not right: a small file is fetched whole once more */
};

static void unpin_all_locked(struct read_view *v)
{
	for (size_t i = 0; i < v->n; i++)
		if (v->blocks[i])
			cache_unpin_locked(v->c, v->blocks[i]);
	v->n = 0;
}

/* All blocks or none: who waits for room holds none. */
static bool pin_all_locked(struct reading *rd)
{
	uint64_t first = rd->start / CACHE_BLOCK;
	struct read_view *v = &rd->v;
	size_t missing = 0;

	v->n = (size_t)((rd->end - 1) / CACHE_BLOCK - first + 1);
	for (size_t i = 0; i < v->n; i++) {
		v->blocks[i] = cache_find_locked(rd->c, rd->o, first + i);
		if (v->blocks[i])
			cache_pin_locked(rd->c, rd->o, first + i);
		else
			missing++;
	}
	if (!cache_has_room_locked(rd->c, missing, true)) {
		unpin_all_locked(v);
		return false;
	}
	for (size_t i = 0; i < v->n; i++) {
		if (!v->blocks[i])
			v->blocks[i] = cache_pin_locked(rd->c, rd->o, first + i);
		rd->failures[i] = v->blocks[i]->failures;
	}
	return true;
}

/* Is every page here? 1 yes, 0 not yet, or why somebody else's fetch of one failed. */
static int look_locked(struct reading *rd)
{
	bool all = true;

	for (size_t i = 0; i < rd->v.n; i++) {
		const struct cache_block *b = rd->v.blocks[i];
		uint8_t pages = cache_pages(b->number, rd->start, rd->end);

		/* no thread was free, or who asked does not want it any more: we try ourselves */
		if (pages & ~(b->have | b->asked) && b->failures != rd->failures[i] &&
		    b->error != -EAGAIN && b->error != -EINTR)
			return b->error;
		rd->failures[i] = b->failures;
		all = all && !(pages & ~b->have);
	}
	return all;
}

/* A small file comes whole with its start. */
static struct s3_range fetch_locked(const struct reading *rd)
{
	uint64_t size = rd->o->size;

	if ((rd->start == 0 || rd->again) && size <= WHOLE &&
	    cache_has_room_locked(rd->c, (size_t)(size / CACHE_BLOCK + 1), false))
		return (struct s3_range){ 0, size };
	return (struct s3_range){ rd->start, rd->end };
}

/* Fetches what nobody else does, and waits for the rest. */
static int fill_locked(struct reading *rd)
{
	struct read_cache *c = rd->c;
	int r;

	while ((r = look_locked(rd)) == 0) {
		struct s3_range wanted = fetch_locked(rd), missing;
		struct cache_fetch *f = NULL;

		if (cancel_is_fired(cancel_here()))
			return -EINTR;

		if (!next_missing_locked(c, rd->o, wanted.start, wanted.end, &missing)) {
			cond_wait(&c->locked.changed, &c->locked.l);
			continue;
		}
		r = cache_fetch_new_locked(c, rd->o, missing, NULL, &f);
		if (r)
			return r;
		lock_drop(&c->locked.l);
		r = cache_fetch_run(f);
		lock_take(&c->locked.l);
		if (r)
			return r;
	}
	return r < 0 ? r : 0;
}

/* Without the lock. */
static int check(struct reading *rd)
{
	return cache_check_end(rd->c, rd->o, rd->end, rd->strikes);
}

/* Nobody has seen anything of a small file yet: it is read again. Of a larger one somebody may
 * have, and hears of it; who then reads it gets it anew. */
static int fill_and_check_locked(struct reading *rd)
{
	int r = fill_locked(rd);

	if (!r && rd->o->check != CHECK_NONE) {
		lock_drop(&rd->c->locked.l);
		r = check(rd);
		lock_take(&rd->c->locked.l);
	}
	if (r == -EAGAIN && !rd->again && rd->o->size <= WHOLE) {
		rd->again = true;
		rd->strikes = rd->o->strikes;
		r = fill_and_check_locked(rd);
	} else if (!r && rd->again && rd->o->check != CHECK_GOOD) {
		r = -EAGAIN;
	}
	return r == -EAGAIN ? -EIO : r;
}

static void show(struct reading *rd)
{
	for (size_t i = 0; i < rd->v.n; i++) {
		struct cache_block *b = rd->v.blocks[i];
		uint64_t at = b->number * CACHE_BLOCK, from = max_of(at, rd->start),
			 to = min_of(at + CACHE_BLOCK, rd->end);

		rd->v.iov[i] =
			(struct iovec){ cache_bytes(rd->c, b) + (from - at), (size_t)(to - from) };
	}
}

static int object_at_locked(struct read_cache *c, const struct read_id *id, struct read_pos *pos,
			    struct cache_object **ret_o)
{
	int r;

	if (pos && pos->object && pos->object->mapped && cache_object_is(pos->object, id)) {
		pos->object->refs++;
		*ret_o = pos->object;
		return 0;
	}
	if (pos)
		leave_locked(c, pos);
	r = cache_object_get_locked(c, id, ret_o);
	if (!r && pos) {
		pos->object = *ret_o;
		pos->object->refs++;
		pos->strikes = pos->object->strikes;
	}
	return r;
}

int read_cache_view(struct read_cache *c, const struct read_id *id, struct read_pos *pos, size_t n,
		    uint64_t off, struct read_view *ret_v)
{
	struct reading rd = { .c = c, .start = off, .end = off + n, .v = { .c = c } };
	struct cache_fetch *ahead[FETCHES_MAX];
	struct cancel_watch w;
	size_t ahead_n = 0;
	int r;

	assert(n && n <= READ_VIEW_BYTES && off + n <= id->size);
	lock_take(&c->locked.l);
	r = object_at_locked(c, id, pos, &rd.o);
	if (r) {
		lock_drop(&c->locked.l);
		return r;
	}
	while (!pin_all_locked(&rd))
		cond_wait(&c->locked.room, &c->locked.l);
	if (pos && pos->object == rd.o && off == 0)
		pos->strikes = rd.o->strikes; /* from the beginning */
	rd.strikes = pos && pos->object == rd.o ? pos->strikes : rd.o->strikes;
	if (pos && pos->object == rd.o) {
		move_locked(c, pos, n, off);
		ahead_n = plan_locked(c, pos, ahead, array_size(ahead));
	}
	lock_drop(&c->locked.l);
	for (size_t i = 0; i < ahead_n; i++)
		cache_fetch_submit(ahead[i]);
	cancel_watch_cond(&w, cancel_here(), &c->locked.l, &c->locked.changed);
	lock_take(&c->locked.l);
	r = fill_and_check_locked(&rd);
	if (rd.again && pos && pos->object == rd.o)
		pos->strikes = rd.strikes;
	for (size_t i = 0; i < rd.v.n; i++) {
		cache_unmark_locked(c, rd.v.blocks[i]);
		rd.v.blocks[i]->passed = pos && pos->object == rd.o && pos->in_a_row;
	}
	if (r)
		unpin_all_locked(&rd.v);
	cache_object_put_locked(c, rd.o);
	lock_drop(&c->locked.l);
	cancel_unwatch(&w);
	if (r)
		return r;
	show(&rd);
	*ret_v = rd.v;
	return 0;
}

void read_view_free(struct read_view *v)
{
	if (!v->n)
		return;
	scoped_lock(&v->c->locked.l);
	unpin_all_locked(v);
}

int read_cache_read(struct read_cache *c, const struct read_id *id, struct read_pos *pos, void *dst,
		    size_t n, uint64_t off)
{
	uint8_t *to = dst;
	int r = 0;

	for (size_t len; n && !r; n -= len, off += len) {
		struct read_view v = { .n = 0 };

		len = min_of(n, (size_t)READ_VIEW_BYTES);
		r = read_cache_view(c, id, pos, len, off, &v);
		for (size_t i = 0; i < v.n; i++) {
			memcpy(to, v.iov[i].iov_base, v.iov[i].iov_len);
			to += v.iov[i].iov_len;
		}
		read_view_free(&v);
	}
	return r;
}
