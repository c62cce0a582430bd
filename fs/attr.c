/*
 * attr.c - the requests that tell what a key is. See attr.h.
 *
 * Of a directory (in the cache and within this file):
 *
 *  has_object  rec_known   meaning
 *  no          no          seen as a common prefix: whether it has a marker is not known.
 *                          Never leaves this file by attr_get
 *  no          yes         it has no marker
 *  yes         any         it has one
 */
#include "fs/attr_i.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "fs/cache.h"
#include "fs/dir_keep.h"
#include "fs/history.h"
#include "fs/notify.h"
#include "fs/path.h"
#include "s3/object.h"
#include "s3/tagging.h"

#define EMPTY_ETAG "d41d8cd98f00b204e9800998ecf8427e" /* MD5 of nothing: a directory marker's */
/* in the database: a directory that had no marker when it was asked for */
static const struct meta_of bare = { .etag = "-" };

static bool marker_unknown(const struct attr *a)
{
	return a->is_dir && !a->has_object && !a->rec_known;
}

static void remember(struct fs *fs, const char *key, const struct attr *a, int64_t since)
{
	attr_cache_put_seen(fs->attrs, key, a, since);
	if (a->has_object && a->rec_known && a->etag && !a->past) {
		struct meta_of of = { a->etag, a->mtime_ms, a->mtime_about };

		metadb_put(fs->metadb, key, &of, &a->rec);
	}
}

void attr_learn(struct fs *fs, const char *key, const struct attr *a)
{
	auto_with(attr_free) struct attr mine = { 0 };

	if (attr_copy(&mine, a)) {
		attr_cache_drop(fs->attrs, key);
		metadb_del(fs->metadb, key);
		return;
	}
	mine.is_dir = path_is_dir_key(key);
	mine.has_object = true;
	mine.mtime_about = true;
	if (!mine.mtime_ms)
		mine.mtime_ms = clock_wall_ms();
	remember(fs, key, &mine, CLOCK_NEVER);
}

/*
 * From the database, when it agrees with the ETag. The same bytes may have been written again
 * since: which version it is, and its tags, only the source can say.
 */
static int recall(struct fs *fs, const char *key, struct attr *a)
{
	struct meta_of of = { a->etag, a->mtime_ms, a->mtime_about };
	int r = a->past ? -ENOENT : metadb_get(fs->metadb, key, &of, &a->rec);

	if (r)
		return r;
	free(take_ptr(&a->rec.version_id));
	a->rec_known = true;
	return 0;
}

void attr_forget(struct fs *fs, const char *key, bool kept)
{
	bool is_dir = path_is_dir_key(key);

	if (is_dir)
		attr_cache_clear_below(fs->attrs, key);
	else
		attr_cache_drop(fs->attrs, key);
	if (kept && is_dir)
		metadb_del_below(fs->metadb, key);
	else if (kept)
		metadb_del(fs->metadb, key);
	read_cache_drop_key(fs->cache, key);
	dir_keep_drop(fs->dirs, NULL);
	if (is_dir)
		notify_below(fs->notify, key);
	else
		notify_key(fs->notify, key, true);
}

/* --- requests --------------------------------------------------------------------------------- */

static int attr_from_info(const struct fs *fs, const char *key, struct s3_info *i, int64_t since,
			  struct attr *ret_a)
{
	attr_free(ret_a);
	*ret_a = (struct attr){
		.is_dir = path_is_dir_key(key),
		.has_object = !i->delete_marker,
		.past = history_holds(fs, key),
		.size = i->size,
		.mtime_ms = i->mtime_ms,
		.rec_known = true,
		.etag = take_ptr(&i->etag),
		.rec = {
			.version_id = take_ptr(&i->version_id),
			.storage_class = take_ptr(&i->storage_class),
			.sse = take_ptr(&i->sse),
			.sse_key = take_ptr(&i->sse_key),
			.tags_known = i->tag_count == 0,
			.tags_ms = since,
		},
	};
	kv_move(&ret_a->rec.meta, &i->meta);
	kv_move(&ret_a->rec.sys, &i->sys);
	return 0;
}

/* What HEAD does not say, as the database has it of the very same version. */
static void recall_version(struct fs *fs, const char *key, struct attr *a)
{
	auto_with(meta_rec_free) struct meta_rec old = { 0 };
	struct meta_of any = { .etag = a->etag };

	if (!a->rec.version_id || metadb_get(fs->metadb, key, &any, &old) || !old.version_id ||
	    strcmp(old.version_id, a->rec.version_id))
		return;
	a->rec.own_acl = old.own_acl;
}

int attr_list_first(struct fs *fs, const char *prefix, struct s3_page *ret_p)
{
	int r = history_keys(fs, prefix, NULL, NULL, 1, ret_p);

	return !r && !ret_p->n ? -ENOENT : r;
}

/* -ENOENT; but a HEAD cannot say that it is the bucket that is missing, as a listing can. Where
 * there was a version its delete marker tells. */
static int confirm_absent(struct fs *fs, const char *key)
{
	auto_with(s3_page_free) struct s3_page page = { 0 };
	int r = attr_list_first(fs, key, &page);

	return r ? r : -ENOENT;
}

int attr_head(struct fs *fs, const char *key, struct attr *ret_a)
{
	auto_with(s3_info_free) struct s3_info info = { 0 };
	int64_t since = clock_mono_ms();
	int r = history_head(fs, key, ret_a->rec.version_id, &info);

	if (r == -ENOENT && !fs->conf.at_ms && !history_holds(fs, key))
		r = confirm_absent(fs, key);
	if (!r && info.delete_marker && !history_holds(fs, key))
		r = -ENOENT;
	if (r == -ENOENT && !path_is_dir_key(key) && !history_holds(fs, key))
		attr_cache_put_seen(fs->attrs, key, NULL, since);
	if (!r)
		r = attr_from_info(fs, key, &info, since, ret_a);
	if (r)
		return r;
	recall_version(fs, key, ret_a);
	remember(fs, key, ret_a, since);
	return 0;
}

int attr_take_dir(struct fs *fs, const char *key, struct s3_entry *e, int64_t since,
		  struct attr *ret_a)
{
	auto_with(attr_free) struct attr a = { .is_dir = true };

	if (!strcmp(e->key, key)) {
		a.has_object = true;
		a.mtime_ms = e->mtime_ms;
		a.etag = take_ptr(&e->etag);
		if (recall(fs, key, &a) == -ENOMEM)
			return -ENOMEM;
	} else {
		a.rec_known = a.rec.tags_known = true;
	}
	attr_cache_put_seen(fs->attrs, key, &a, since);
	return attr_copy(ret_a, &a);
}

static int ask_dir(struct fs *fs, const char *key, struct attr *ret_a)
{
	auto_with(s3_page_free) struct s3_page page = { 0 };
	int64_t since = clock_mono_ms();
	int r = attr_list_first(fs, key, &page);

	if (r == -ENOENT)
		attr_cache_put_seen(fs->attrs, key, NULL, since);
	return r ? r : attr_take_dir(fs, key, &page.entries[0], since, ret_a);
}

static int ask_file(struct fs *fs, const char *key, struct attr *ret_a)
{
	auto_with(s3_page_free) struct s3_page page = { 0 };
	int64_t since = clock_mono_ms();
	int r;

	if (fs->conf.posix_meta || history_holds(fs, key))
		return attr_head(fs, key, ret_a);
	r = attr_list_first(fs, key, &page);
	if (!r && strcmp(page.entries[0].key, key))
		r = -ENOENT;
	if (!r)
		r = attr_from_entry(fs, &page.entries[0], ret_a);
	if (!r || r == -ENOENT)
		attr_cache_put_seen(fs->attrs, key, r ? NULL : ret_a, since);
	return r;
}

void attr_past_dir(struct attr *ret_a)
{
	attr_free(ret_a);
	*ret_a = (struct attr){
		.is_dir = true, .past = true, .rec_known = true, .rec = { .tags_known = true }
	};
}

int attr_get(struct fs *fs, const char *key, struct attr *ret_a)
{
	int r;

	if (!strcmp(key, fs->conf.prefix)) {
		attr_free(ret_a);
		*ret_a = (struct attr){ .is_dir = true,
					.rec_known = true,
					.rec = { .tags_known = true } };
		return 0;
	}
	if (path_is_dir_key(key) && history_holds(fs, key)) {
		attr_past_dir(ret_a);
		return 0;
	}
	r = attr_cache_get(fs->attrs, key, ret_a);
	if (r == -EAGAIN || (!r && marker_unknown(ret_a)))
		r = path_is_dir_key(key) ? ask_dir(fs, key, ret_a) : ask_file(fs, key, ret_a);
	return r;
}

/* --- the record ------------------------------------------------------------------------------- */

static int load_tags(struct fs *fs, const char *key, struct attr *a)
{
	auto_with(kv_free) struct kv tags = KV_EMPTY;
	auto_with(history_place_free) struct history_place p = { 0 };
	int64_t since = clock_mono_ms();
	int r = history_place(fs, key, &p);

	if (!r)
		r = tagging_get(fs->source, p.key, a->rec.version_id, &tags, NULL);
	if (r)
		return r;
	kv_move(&a->rec.tags, &tags);
	a->rec.tags_known = true;
	a->rec.tags_ms = since;
	return 0;
}

bool attr_tags_hold(const struct fs *fs, const struct attr *a)
{
	return a->rec.tags_known &&
	       (!a->has_object || clock_mono_ms() - a->rec.tags_ms < fs->conf.attr_ms);
}

int attr_of_version(struct fs *fs, const char *key, const char *version, struct attr *ret_a)
{
	auto_with(s3_info_free) struct s3_info info = { 0 };
	auto_with(attr_free) struct attr a = { 0 };
	int64_t since = clock_mono_ms();
	int r = object_head(fs->source, key, version, &info, NULL);

	if (!r)
		r = attr_from_info(fs, key, &info, since, &a);
	free(take_ptr(&a.rec.version_id));
	if (!r)
		r = str_dup(version, &a.rec.version_id);
	if (!r && !a.rec.tags_known)
		r = load_tags(fs, key, &a);
	return r ? r : attr_copy(ret_a, &a);
}

/* The directory is there, but its marker is not (any more). */
static void become_bare(struct fs *fs, const char *key, struct attr *a, int64_t since)
{
	attr_free(a);
	a->is_dir = a->rec_known = a->rec.tags_known = true;
	attr_cache_put_seen(fs->attrs, key, a, since);
}

/* Has nothing else been learned of the key since a was? */
static bool still_current(struct fs *fs, const char *key, const struct attr *a)
{
	auto_with(attr_free) struct attr now = { 0 };
	int r = attr_cache_get(fs->attrs, key, &now);

	return r == -EAGAIN || (!r && (!now.etag || (a->etag && !strcmp(now.etag, a->etag))));
}

int attr_load(struct fs *fs, const char *key, struct attr *a, bool want_tags)
{
	int64_t since = clock_mono_ms();
	bool headed = false, tagged = false;
	int r = 0;

	if (a->rec_known && (!want_tags || attr_tags_hold(fs, a)))
		return 0;
	if ((!a->rec_known && recall(fs, key, a)) || (want_tags && !a->rec.version_id)) {
		r = attr_head(fs, key, a);
		headed = true;
	}
	if (r == -ENOENT && path_is_dir_key(key)) {
		become_bare(fs, key, a, since);
		metadb_put(fs->metadb, key, &bare, &a->rec);
		return 0;
	}
	if (!r && want_tags && !(headed && a->rec.tags_known)) {
		r = load_tags(fs, key, a);
		tagged = true;
	}
	if (r || (headed && !tagged) || (!headed && !still_current(fs, key, a)))
		return r;
	if (tagged)
		remember(fs, key, a, since);
	else
		attr_cache_put_seen(fs->attrs, key, a, since);
	return 0;
}

/* A directory seen as a common prefix: its marker's metadata, if it has one. A lookup learns of one
 * that was made elsewhere since. */
static int load_prefix(struct fs *fs, const char *key, struct attr *a)
{
	int64_t since = clock_mono_ms();
	int r = metadb_get(fs->metadb, key, &bare, &a->rec);

	if (!r) {
		become_bare(fs, key, a, since);
		return 0;
	}
	r = str_dup(EMPTY_ETAG, &a->etag);
	a->has_object = true;
	return r ? r : attr_load(fs, key, a, false);
}

/* Where attributes from metadata are wanted: asks for what is missing. Who may list but not read
 * sees defaults. */
int attr_complete(struct fs *fs, const char *key, struct attr *a)
{
	int r;

	if (!fs->conf.posix_meta || a->rec_known || a->past)
		return 0;
	r = marker_unknown(a) ? load_prefix(fs, key, a) : attr_load(fs, key, a, false);
	return r == -EACCES ? 0 : r;
}

/* A version never changes: what is known of it holds. */
static int past_from_entry(struct fs *fs, const struct s3_entry *e, struct attr *ret_a)
{
	auto_with(attr_free) struct attr a = {
		.has_object = true, .past = true, .size = e->size, .mtime_ms = e->mtime_ms
	};
	int r = e->is_prefix ? 0 : attr_cache_get(fs->attrs, e->key, ret_a);

	if (e->is_prefix)
		attr_past_dir(ret_a);
	if (!r || r == -ENOMEM)
		return r;
	if (e->delete_marker) {
		a.has_object = false;
		a.rec_known = a.rec.tags_known = true;
	}
	r = str_dup(e->etag, &a.etag);
	if (!r)
		r = str_dup(e->version_id, &a.rec.version_id);
	if (!r)
		r = str_dup(e->storage_class, &a.rec.storage_class);
	return r ? r : attr_copy(ret_a, &a);
}

/* Is what was seen what the listing has? */
static bool is_of(const struct attr *seen, const struct s3_entry *e)
{
	struct meta_of was = { seen->etag, seen->mtime_ms, seen->mtime_about };
	struct meta_of is = { .etag = e->etag, .mtime_ms = e->mtime_ms };

	return meta_of_fits(&was, &is);
}

int attr_from_entry(struct fs *fs, const struct s3_entry *e, struct attr *ret_a)
{
	auto_with(attr_free) struct attr a = { .is_dir = e->is_prefix || path_is_dir_key(e->key),
					       .has_object = !e->is_prefix,
					       .size = e->size,
					       .mtime_ms = e->mtime_ms };
	auto_with(attr_free) struct attr seen = { 0 };
	int r;

	if (history_holds(fs, e->key))
		return past_from_entry(fs, e, ret_a);
	r = attr_cache_get(fs->attrs, e->key, &seen);
	if (r == -ENOMEM)
		return r;
	if (!r && e->is_prefix)
		return attr_copy(ret_a, &seen);
	r = !r && seen.rec_known && is_of(&seen, e) ? 0 : -ENOENT;
	if (!r)
		r = meta_rec_copy(&a.rec, &seen.rec);
	a.rec_known = !r;
	if (r != -ENOMEM)
		r = str_dup(e->is_prefix ? EMPTY_ETAG : e->etag, &a.etag);
	if (!r && !a.rec_known && fs->conf.posix_meta) /* else whoever needs it asks: attr_load */
		r = recall(fs, e->key, &a);
	if (r != -ENOMEM && e->version_id) {
		free(take_ptr(&a.rec.version_id));
		r = str_dup(e->version_id, &a.rec.version_id);
	}
	if (r == -ENOMEM)
		return r;
	if (e->is_prefix && a.rec_known)
		a.has_object = true;
	else if (e->is_prefix)
		free(take_ptr(&a.etag));
	return attr_copy(ret_a, &a);
}
