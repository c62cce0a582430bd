/* seen.c - stretches of directories that a listing has shown whole. See seen.h. */
#include "fs/seen.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/map.h"

#define DIRS_MAX      256
#define STRETCHES_MAX 8 /* of a directory; the oldest goes first */
#define ABSENT_MIN    2 /* names that were not there, before a listing is worth it */
#define USES_MIN      4 /* answers from a stretch, before it is worth another listing */
#define ROW_MIN	      5 /* names asked for in the order of a listing: all will be */
#define NAME_SIZE     256

struct stretch {
	char from[NAME_SIZE]; /* exclusive */
	char *to;	      /* inclusive; NULL: to the end */
	int64_t until_ms;     /* 0: none here */
	unsigned uses;
};

struct seen_dir {
	char *key;
	struct stretch stretches[STRETCHES_MAX];
	unsigned next;	      /* the stretch that goes next */
	char last[NAME_SIZE]; /* the name asked for last of those that were not known, */
	unsigned row;	      /* after so many that each came after the one before */
	unsigned absent;      /* names asked for one by one, and not there, */
	int64_t absent_ms;    /* last of them then */
	bool long_one;	      /* it has more names than one listing shows */
	int64_t stamp;	      /* when it was last used; the least goes first */
};

struct seen {
	int64_t ttl_ms; /* fixed */
	int64_t stamp;
	struct map *dirs;
};

int seen_new(int64_t ttl_ms, struct seen **ret_s)
{
	struct seen *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->ttl_ms = ttl_ms;
	r = map_new(&s->dirs);
	if (r) {
		free(s);
		return r;
	}
	*ret_s = s;
	return 0;
}

static void dir_free(struct seen_dir *d)
{
	for (size_t i = 0; i < STRETCHES_MAX; i++)
		free(d->stretches[i].to);
	free(d->key);
	free(d);
}

static void dir_remove(struct seen *s, struct seen_dir *d)
{
	map_del(s->dirs, d->key);
	dir_free(d);
}

static int find_oldest(void *arg, const char *key, void *value)
{
	struct seen_dir **oldest = arg, *d = value;

	(void)key;
	if (!*oldest || d->stamp < (*oldest)->stamp)
		*oldest = d;
	return 0;
}

void seen_clear(struct seen *s)
{
	struct seen_dir *d;

	while (d = NULL, map_each(s->dirs, find_oldest, &d), d)
		dir_remove(s, d);
}

void seen_free(struct seen *s)
{
	if (!s)
		return;
	seen_clear(s);
	map_free(s->dirs);
	free(s);
}

void seen_drop(struct seen *s, const char *dir)
{
	struct seen_dir *d = map_get(s->dirs, dir);

	if (d)
		dir_remove(s, d);
}

/* NULL when there is no memory for it. */
static struct seen_dir *dir_get(struct seen *s, const char *key)
{
	struct seen_dir *d = map_get(s->dirs, key), *oldest = NULL;

	if (d) {
		d->stamp = ++s->stamp;
		return d;
	}
	d = calloc(1, sizeof(*d));
	if (!d)
		return NULL;
	if (str_dup(key, &d->key) || map_set(s->dirs, d->key, d)) {
		dir_free(d);
		return NULL;
	}
	d->stamp = ++s->stamp;
	if (map_count(s->dirs) > DIRS_MAX) {
		map_each(s->dirs, find_oldest, &oldest);
		dir_remove(s, oldest);
	}
	return d;
}

/* The name, and the directory of that name, lie in it. */
static bool covers(const struct stretch *t, const char *name)
{
	char as_dir[NAME_SIZE + 1];

	if (!t->until_ms || strcmp(name, t->from) <= 0)
		return false;
	snprintf(as_dir, sizeof(as_dir), "%s/", name);
	return !t->to || strcmp(as_dir, t->to) <= 0;
}

int64_t seen_until(struct seen *s, const char *dir, const char *name)
{
	const struct seen_dir *d = map_get(s->dirs, dir);
	int64_t until = 0;

	for (size_t i = 0; d && i < STRETCHES_MAX; i++)
		if (covers(&d->stretches[i], name))
			until = max_of(until, d->stretches[i].until_ms);
	return until;
}

bool seen_whole(struct seen *s, const char *dir, int64_t now_ms)
{
	const struct seen_dir *d = map_get(s->dirs, dir);

	for (size_t i = 0; d && i < STRETCHES_MAX; i++)
		if (now_ms < d->stretches[i].until_ms && !*d->stretches[i].from &&
		    !d->stretches[i].to)
			return true;
	return false;
}

/* Where a listing is to begin so that it shows this name and those that come next: programs count
 * upwards. Never in the middle of a character. */
static void choose_from(const char *name, char *ret_from)
{
	size_t n = strlen(name) - 1;

	while (n > 0 && ((unsigned char)name[n] & 0xc0) == 0x80)
		n--;
	memcpy(ret_from, name, n);
	ret_from[n] = '\0';
}

/* Many asked for come in the order of a listing. */
static bool is_in_a_row(struct seen_dir *d, const char *name)
{
	d->row = strcmp(name, d->last) > 0 ? d->row + 1 : 0;
	memcpy(d->last, name, strlen(name) + 1);
	if (d->row < ROW_MIN)
		return false;
	d->row -= 2; /* another thread may ask for the next one meanwhile */
	return true;
}

enum seen_advice seen_ask(struct seen *s, const char *dir, const char *name, int64_t now_ms,
			  char *ret_from)
{
	bool fits = s->ttl_ms > 0 && *name && strlen(name) < NAME_SIZE, worth = false, in_a_row;
	struct seen_dir *d = fits ? dir_get(s, dir) : NULL;

	if (!d)
		return SEEN_NOTHING;
	for (size_t i = 0; i < STRETCHES_MAX; i++) {
		struct stretch *t = &d->stretches[i];

		if (!covers(t, name))
			continue;
		if (now_ms < t->until_ms) {
			t->uses++;
			return SEEN_ABSENT;
		}
		worth |= t->uses >= USES_MIN;
		t->uses = 0;
	}
	worth |= d->absent >= ABSENT_MIN && now_ms - d->absent_ms < s->ttl_ms;
	in_a_row = is_in_a_row(d, name);
	*ret_from = '\0';
	if (in_a_row || d->long_one)
		choose_from(name, ret_from);
	if (!worth && !in_a_row)
		return SEEN_ALONE;
	d->absent = 0;
	return SEEN_LIST;
}

void seen_note_absent(struct seen *s, const char *dir, int64_t now_ms)
{
	struct seen_dir *d = s->ttl_ms > 0 ? dir_get(s, dir) : NULL;

	if (!d)
		return;
	if (now_ms - d->absent_ms >= s->ttl_ms)
		d->absent = 0;
	d->absent++;
	d->absent_ms = now_ms;
}

/* One that lies in the new one, or is over, or the oldest. */
static struct stretch *choose_place(struct seen_dir *d, const char *from, const char *to,
				    int64_t now_ms)
{
	for (size_t i = 0; i < STRETCHES_MAX; i++) {
		struct stretch *t = &d->stretches[i];
		bool inside =
			strcmp(t->from, from) >= 0 && (!to || (t->to && strcmp(t->to, to) <= 0));

		if (t->until_ms <= now_ms || inside)
			return t;
	}
	return &d->stretches[d->next++ % STRETCHES_MAX];
}

void seen_put(struct seen *s, const char *dir, const char *from, const char *to, int64_t since_ms,
	      int64_t hold_ms)
{
	struct seen_dir *d = s->ttl_ms > 0 && strlen(from) < NAME_SIZE ? dir_get(s, dir) : NULL;
	int64_t holds = min_of(min_of(s->ttl_ms, hold_ms), INT64_MAX - since_ms);
	struct stretch *t;
	char *copy = NULL;

	if (!d || str_dup(to, &copy))
		return;
	d->long_one |= to && !*from;
	t = choose_place(d, from, to, since_ms);
	free(t->to);
	*t = (struct stretch){ .to = copy, .until_ms = since_ms + holds };
	memcpy(t->from, from, strlen(from) + 1);
}
