/*
 * attr_cache.c - what was learned of keys, for a while: attributes, or that there is nothing.
 * Bounded; the least recently used goes first. What is too old to be believed stays to be compared
 * with what is learned next.
 */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/lock.h"
#include "base/map.h"
#include "fs/attr.h"
#include "fs/path.h"

#define OLD_MAX	   10000
#define MOMENT_MAX 30000 /* of what is believed for a moment only */

/* What the entries are in. */
struct folder {
	char *key;
	size_t entries, present;
};

struct entry {
	char *key;
	struct folder *in;
	bool absent;
	struct attr attr;
	int64_t born, until;	   /* mono ms */
	struct entry *prev, *next; /* next is more recent */
};

struct attr_cache {
	size_t max;		    /* fixed */
	int64_t ttl_ms;		    /* fixed */
	attr_changed_fn *on_change; /* fixed; NULL = nobody */
	void *on_change_arg;
	struct {
		struct lock l;
		struct map *entries;
		struct map *folders;
		struct entry *oldest, *newest;
		/*
		 * Where it says "absent", every name that is there has an entry that lives at least
		 * as long: so whatever takes an entry away before its time takes that word back.
		 */
		struct seen *seen;
	} locked;
};

int attr_cache_new(size_t max_entries, int64_t ttl_ms, struct attr_cache **ret_c)
{
	struct attr_cache *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	c->max = max_of(max_entries, (size_t)1);
	c->ttl_ms = ttl_ms;
	lock_init(&c->locked.l);
	r = map_new(&c->locked.entries);
	if (!r)
		r = map_new(&c->locked.folders);
	if (!r)
		r = seen_new(ttl_ms, &c->locked.seen);
	if (r) {
		attr_cache_free(c);
		return r;
	}
	*ret_c = c;
	return 0;
}

static int folder_new(const char *key, struct folder **ret_f)
{
	struct folder *f = calloc(1, sizeof(*f));

	if (!f || str_dup(key, &f->key)) {
		free(f);
		return -ENOMEM;
	}
	*ret_f = f;
	return 0;
}

/* The directory that key is in, "" for the root; of a directory: the one above it. */
static int join_folder_locked(struct attr_cache *c, struct entry *e)
{
	char dir[S3_KEY_MAX + 1];
	struct folder *f;
	size_t len;
	size_t n = (size_t)(path_last(e->key, &len) - e->key);

	lock_assert_held(&c->locked.l);
	if (n > S3_KEY_MAX)
		return -ENAMETOOLONG;
	memcpy(dir, e->key, n);
	dir[n] = '\0';
	f = map_get(c->locked.folders, dir);
	if (!f) {
		int r = folder_new(dir, &f);

		if (!r && map_set(c->locked.folders, dir, f)) {
			free(f->key);
			free(f);
			r = -ENOMEM;
		}
		if (r)
			return r;
	}
	f->entries++;
	f->present += !e->absent;
	e->in = f;
	return 0;
}

static void leave_folder_locked(struct attr_cache *c, struct entry *e)
{
	struct folder *f = e->in;

	lock_assert_held(&c->locked.l);
	f->present -= !e->absent;
	if (--f->entries)
		return;
	map_del(c->locked.folders, f->key);
	free(f->key);
	free(f);
}

static void unlink_locked(struct attr_cache *c, struct entry *e)
{
	lock_assert_held(&c->locked.l);
	if (e->prev)
		e->prev->next = e->next;
	else
		c->locked.oldest = e->next;
	if (e->next)
		e->next->prev = e->prev;
	else
		c->locked.newest = e->prev;
	e->prev = e->next = NULL;
}

static void append_locked(struct attr_cache *c, struct entry *e)
{
	e->prev = c->locked.newest;
	e->next = NULL;
	if (c->locked.newest)
		c->locked.newest->next = e;
	else
		c->locked.oldest = e;
	c->locked.newest = e;
}

static void entry_free(struct entry *e)
{
	free(e->key);
	attr_free(&e->attr);
	free(e);
}

static void remove_locked(struct attr_cache *c, struct entry *e)
{
	unlink_locked(c, e);
	leave_folder_locked(c, e);
	map_del(c->locked.entries, e->key);
	entry_free(e);
}

int64_t attr_hold_ms(const struct attr *a)
{
	return a && (a->past || (a->is_dir && !a->has_object)) ? ATTR_MOMENT_MS : CLOCK_NEVER;
}

void attr_cache_clear(struct attr_cache *c)
{
	scoped_lock(&c->locked.l);
	seen_clear(c->locked.seen);
	while (c->locked.oldest)
		remove_locked(c, c->locked.oldest);
}

void attr_cache_clear_below(struct attr_cache *c, const char *prefix)
{
	struct entry *next, *gone = NULL;

	lock_take(&c->locked.l);
	seen_clear(c->locked.seen);
	for (struct entry *e = c->locked.oldest; e; e = next) {
		next = e->next;
		if (strncmp(e->key, prefix, strlen(prefix)))
			continue;
		unlink_locked(c, e);
		leave_folder_locked(c, e);
		map_del(c->locked.entries, e->key);
		e->next = gone;
		gone = e;
	}
	lock_drop(&c->locked.l);
	for (; gone; gone = next) {
		next = gone->next;
		if (gone->absent && c->on_change)
			c->on_change(c->on_change_arg, gone->key, true);
		entry_free(gone);
	}
}

void attr_cache_free(struct attr_cache *c)
{
	if (!c)
		return;
	if (c->locked.seen)
		attr_cache_clear(c);
	map_free(c->locked.entries);
	map_free(c->locked.folders);
	seen_free(c->locked.seen);
	lock_free(&c->locked.l);
	free(c);
}

void attr_cache_on_change(struct attr_cache *c, attr_changed_fn *fn, void *arg)
{
	c->on_change = fn;
	c->on_change_arg = arg;
}

/* Does the source say of a key something else than it did? */
static bool differs(const struct entry *old, const struct attr *a)
{
	struct meta_of was = { old->attr.etag, old->attr.mtime_ms, old->attr.mtime_about }, is;

	if (old->absent || !a)
		return old->absent != !a;
	if (!old->attr.etag || !a->etag || a->past)
		return false; /* directories that may have no marker; versions do not change */
	is = (struct meta_of){ a->etag, a->mtime_ms, a->mtime_about };
	return old->attr.size != a->size || !meta_of_fits(&was, &is);
}

/* The directory that holds key, which may itself be a directory; NULL: no memory, or the root. */
static char *parent_of(const char *key)
{
	char *dir = NULL;

	return *key && !path_parent_key(key, &dir) ? dir : NULL;
}

/* Something of key changed that no entry tells. */
static void doubt_locked(struct attr_cache *c, const char *key)
{
	auto_free char *dir = parent_of(key);

	lock_assert_held(&c->locked.l);
	if (dir)
		seen_drop(c->locked.seen, dir);
	else
		seen_clear(c->locked.seen);
}

/* We made key: the directories that it lies in may be new by that alone. */
static void made_locked(struct attr_cache *c, const char *key)
{
	auto_free char *child = parent_of(key);
	int64_t now = clock_mono_ms();

	lock_assert_held(&c->locked.l);
	while (child && *child) {
		struct entry *e = map_get(c->locked.entries, child);
		char *up;

		if (e && !e->absent && now < e->until)
			return;
		doubt_locked(c, child);
		up = parent_of(child);
		free(child);
		child = up;
	}
}

/* What is too old to be believed is kept for comparison only while there is little of it, and there
 * is not much of what soon will be: memory does not grow with a directory that is listed. */
static bool is_full_locked(struct attr_cache *c)
{
	size_t n = map_count(c->locked.entries);

	return n > c->max || (n > MOMENT_MAX && c->ttl_ms <= ATTR_MOMENT_MS) ||
	       (n > OLD_MAX && c->locked.oldest->until <= clock_mono_ms());
}

/* Takes e, which may be NULL: what cannot be remembered is forgotten, so that nothing older is
 * believed. */
static void replace_locked(struct attr_cache *c, struct entry *old, struct entry *e)
{
	lock_assert_held(&c->locked.l);
	if (old)
		remove_locked(c, old);
	if (!e) {
		seen_clear(c->locked.seen);
		return;
	}
	if (join_folder_locked(c, e)) {
		seen_clear(c->locked.seen);
		entry_free(e);
		return;
	}
	if (map_set(c->locked.entries, e->key, e)) {
		seen_clear(c->locked.seen);
		leave_folder_locked(c, e);
		entry_free(e);
		return;
	}
	append_locked(c, e);
	while (is_full_locked(c)) {
		if (clock_mono_ms() < c->locked.oldest->until)
			seen_clear(c->locked.seen);
		remove_locked(c, c->locked.oldest);
	}
}

void attr_cache_put_seen(struct attr_cache *c, const char *key, const struct attr *a, int64_t since)
{
	struct entry *e = calloc(1, sizeof(*e)), *old;
	bool ours = since == CLOCK_NEVER, changed = false, other = false;

	if (e && (str_dup(key, &e->key) || (a && attr_copy(&e->attr, a)))) {
		entry_free(e);
		e = NULL;
	}
	lock_take(&c->locked.l);
	old = map_get(c->locked.entries, key);
	if (e) {
		e->absent = !a;
		/* What was asked for at the same time is as new: a listing's page may be told
		 * again. */
		e->born = min_of(since, clock_mono_ms());
		e->until = clock_deadline(min_of(c->ttl_ms, attr_hold_ms(a)));
	}
	if (old && old->born > since) {
		if (e)
			entry_free(e);
	} else {
		changed = old && !ours && differs(old, a);
		other = changed && old->absent != !a;
		if (old && e && a && e->until < old->until)
			doubt_locked(c, key);
		replace_locked(c, old, e);
		if (ours && a)
			made_locked(c, key);
	}
	lock_drop(&c->locked.l);
	if (changed && c->on_change)
		c->on_change(c->on_change_arg, key, other);
}

void attr_cache_put(struct attr_cache *c, const char *key, const struct attr *a)
{
	attr_cache_put_seen(c, key, a, CLOCK_NEVER);
}

void attr_cache_put_absent(struct attr_cache *c, const char *key)
{
	attr_cache_put_seen(c, key, NULL, CLOCK_NEVER);
}

void attr_cache_drop(struct attr_cache *c, const char *key)
{
	struct entry *e;

	scoped_lock(&c->locked.l);
	doubt_locked(c, key);
	e = map_get(c->locked.entries, key);
	if (e)
		e->born = e->until = clock_mono_ms();
}

static bool is_there_locked(struct attr_cache *c, const char *key, int64_t now)
{
	const struct entry *e = map_get(c->locked.entries, key);

	lock_assert_held(&c->locked.l);
	return e && !e->absent && now < e->until;
}

enum seen_advice attr_cache_ask_absent(struct attr_cache *c, const char *dir_key, const char *name,
				       const char *file_key, const char *as_dir, char *ret_from)
{
	int64_t now = clock_mono_ms();

	scoped_lock(&c->locked.l);
	/* Somebody's listing may have told of it since attr_cache_get. */
	if (is_there_locked(c, file_key, now) || is_there_locked(c, as_dir, now))
		return SEEN_NOTHING;
	return seen_ask(c->locked.seen, dir_key, name, now, ret_from);
}

bool attr_cache_is_empty(struct attr_cache *c, const char *dir_key)
{
	const struct folder *f;

	scoped_lock(&c->locked.l);
	f = map_get(c->locked.folders, dir_key);
	return (!f || !f->present) && seen_whole(c->locked.seen, dir_key, clock_mono_ms());
}

int64_t attr_cache_absent_until(struct attr_cache *c, const char *dir_key, const char *name,
				const char *key)
{
	const struct entry *e;
	int64_t until;

	scoped_lock(&c->locked.l);
	e = map_get(c->locked.entries, key);
	until = seen_until(c->locked.seen, dir_key, name);
	return e && e->absent ? max_of(e->until, until) : until;
}

void attr_cache_note_absent(struct attr_cache *c, const char *dir_key)
{
	scoped_lock(&c->locked.l);
	seen_note_absent(c->locked.seen, dir_key, clock_mono_ms());
}

void attr_cache_put_stretch(struct attr_cache *c, const char *dir_key, const char *from,
			    const char *to, int64_t since, int64_t hold_ms)
{
	scoped_lock(&c->locked.l);
	seen_put(c->locked.seen, dir_key, from, to, since, hold_ms);
}

int attr_cache_get(struct attr_cache *c, const char *key, struct attr *ret_a)
{
	struct entry *e;

	scoped_lock(&c->locked.l);
	e = map_get(c->locked.entries, key);
	if (!e)
		return -EAGAIN;
	if (clock_mono_ms() >= e->until)
		return -EAGAIN;
	unlink_locked(c, e);
	append_locked(c, e);
	return e->absent ? -ENOENT : attr_copy(ret_a, &e->attr);
}
