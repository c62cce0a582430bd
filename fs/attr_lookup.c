/* attr_lookup.c - what is at a name: a file, a directory, both or nothing. See attr.h. */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "fs/attr_i.h"
#include "fs/flight.h"
#include "fs/history.h"
#include "fs/path.h"

#define LOOKUP_PAGE 100

/* A directory wins. -EAGAIN: ask. */
static int lookup_cached(struct fs *fs, const char *file_key, const char *dir_key,
			 struct attr *ret_a)
{
	int dir = attr_cache_get(fs->attrs, dir_key, ret_a), file;

	if (dir != -EAGAIN && dir != -ENOENT)
		return dir;
	file = attr_cache_get(fs->attrs, file_key, ret_a);
	return file == -ENOENT ? dir : file;
}

/* The first key that is dir_key or below it; -ENOENT when none. page: keys that begin with
 * dir_key's name. */
static int find_below(struct fs *fs, struct s3_page *page, const char *dir_key,
		      struct s3_page *ret_more, struct s3_entry **ret_e)
{
	int r = 0;

	*ret_e = NULL;
	for (size_t i = 0; i < page->n && !*ret_e; i++)
		if (!strncmp(page->entries[i].key, dir_key, strlen(dir_key)))
			*ret_e = &page->entries[i];
	if (*ret_e)
		return 0;
	/* Names such as NAME-1 come first: the page may have ended before the directory's turn. */
	if (!page->truncated || !page->n || strcmp(page->entries[page->n - 1].key, dir_key) >= 0)
		return -ENOENT;
	r = attr_list_first(fs, dir_key, ret_more);
	if (!r)
		*ret_e = &ret_more->entries[0];
	return r;
}

static int take_file(struct fs *fs, const char *key, const struct s3_page *page, int64_t since,
		     struct attr *ret_a)
{
	bool there = page->n && !strcmp(page->entries[0].key, key);
	int r = there ? attr_from_entry(fs, &page->entries[0], ret_a) : -ENOENT;

	if (!r || r == -ENOENT)
		attr_cache_put_seen(fs->attrs, key, r ? NULL : ret_a, since);
	return r;
}

/* Without a delimiter, so that one answer tells of the file, of the directory, and whether that has
 * a marker. */
static int lookup_listed(struct fs *fs, const char *file_key, const char *dir_key,
			 struct attr *ret_a)
{
	auto_with(s3_page_free) struct s3_page page = { 0 };
	auto_with(s3_page_free) struct s3_page more = { 0 };
	struct s3_entry *below = NULL;
	int64_t since = clock_mono_ms();
	int r = history_keys(fs, file_key, NULL, NULL, LOOKUP_PAGE, &page);

	if (!r)
		r = find_below(fs, &page, dir_key, &more, &below);
	if (!r)
		return attr_take_dir(fs, dir_key, below, since, ret_a);
	if (r != -ENOENT)
		return r;
	attr_cache_put_seen(fs->attrs, dir_key, NULL, since);
	return take_file(fs, file_key, &page, since, ret_a);
}

static int lookup_alone(struct fs *fs, const char *dir_key, const char *file_key,
			const char *as_dir, struct attr *ret_a)
{
	int r = lookup_listed(fs, file_key, as_dir, ret_a);

	if (r == -ENOENT && !fs->conf.at_ms)
		attr_cache_note_absent(fs->attrs, dir_key);
	return r;
}

/* What a listing has told of the name since it was asked for. -EAGAIN: nothing. */
static int lookup_shown(struct fs *fs, const char *dir_key, const char *name, const char *file_key,
			const char *as_dir, struct attr *ret_a)
{
	char from[256];
	int r = lookup_cached(fs, file_key, as_dir, ret_a);

	if (r == -EAGAIN &&
	    attr_cache_ask_absent(fs->attrs, dir_key, name, file_key, as_dir, from) == SEEN_ABSENT)
		r = -ENOENT;
	return r;
}

/* Beside others who ask for names of the directory at the same time. */
static int lookup_in_flight(struct fs *fs, const char *dir_key, const char *name,
			    const char *file_key, const char *as_dir, const char *from, bool worth,
			    struct attr *ret_a)
{
	struct flight_seat seat;
	int r = flight_enter(fs->flights, dir_key, from, worth, cancel_here(), &seat);

	if (r)
		return r;
	if (seat.role == FLIGHT_ALONE)
		r = lookup_alone(fs, dir_key, file_key, as_dir, ret_a);
	else if (seat.role == FLIGHT_LIST)
		r = attr_list_stretch(fs, dir_key, from);
	flight_leave(fs->flights, &seat, r);
	if (r || seat.role == FLIGHT_ALONE)
		return r;
	r = lookup_shown(fs, dir_key, name, file_key, as_dir, ret_a);
	return r == -EAGAIN ? lookup_alone(fs, dir_key, file_key, as_dir, ret_a) : r;
}

/* Of a name of which nothing is cached. */
static int lookup_unknown(struct fs *fs, const char *dir_key, const char *name,
			  const char *file_key, const char *as_dir, struct attr *ret_a)
{
	char from[256];
	enum seen_advice advice = SEEN_NOTHING;

	if (!fs->conf.at_ms)
		advice = attr_cache_ask_absent(fs->attrs, dir_key, name, file_key, as_dir, from);
	if (advice == SEEN_ABSENT)
		return -ENOENT;
	if (advice == SEEN_NOTHING)
		return lookup_alone(fs, dir_key, file_key, as_dir, ret_a);
	return lookup_in_flight(fs, dir_key, name, file_key, as_dir, from, advice == SEEN_LIST,
				ret_a);
}

/* In the versions view: a version, or else a name in the tree that it mirrors. */
static int lookup_past(struct fs *fs, const char *file_key, const char *dir_key, struct attr *ret_a)
{
	int64_t since = clock_mono_ms();
	int r = history_holds(fs, file_key) ? attr_head(fs, file_key, ret_a) : -ENOENT;

	if (r != -ENOENT)
		return r;
	r = history_find_dir(fs, dir_key);
	if (r && r != -ENOENT)
		return r;
	attr_past_dir(ret_a);
	/* Each write makes new names here: that there is none holds for a moment only. */
	if (!r || fs->conf.attr_ms <= ATTR_MOMENT_MS)
		attr_cache_put_seen(fs->attrs, dir_key, r ? NULL : ret_a, since);
	if (fs->conf.attr_ms <= ATTR_MOMENT_MS)
		attr_cache_put_seen(fs->attrs, file_key, NULL, since);
	return r;
}

int attr_lookup(struct fs *fs, const char *dir_key, const char *name, struct attr *ret_a)
{
	auto_free char *file = NULL, *dir = NULL;
	auto_with(attr_free) struct attr a = { 0 };
	int r = path_child_key(dir_key, name, false, &file);

	if (!r)
		r = path_child_key(dir_key, name, true, &dir);
	if (r)
		return r;
	r = lookup_cached(fs, file, dir, &a);
	if (r == -EAGAIN)
		r = history_holds(fs, dir) ? lookup_past(fs, file, dir, &a)
					   : lookup_unknown(fs, dir_key, name, file, dir, &a);
	if (!r)
		r = attr_complete(fs, a.is_dir ? dir : file, &a);
	return r ? r : attr_copy(ret_a, &a);
}
