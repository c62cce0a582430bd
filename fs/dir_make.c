/*
 * dir_make.c - mkdir and rmdir. See dir.h.
 *
 * Who copies or unpacks a tree makes a directory, fills it, and sets its mode, owner and times
 * last. So a new one is acknowledged when it is durable here, and its object, the marker, goes to
 * the source when nothing was changed in and below it for a while (hold_dir.c): one version.
 */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "fs/change.h"
#include "fs/dir.h"
#include "fs/file_i.h"
#include "fs/path.h"
#include "s3/list.h"

static int parent_key(struct fs *fs, uint64_t parent, char **ret_key)
{
	struct node *n = NULL;
	int r = node_ref(fs->nodes, parent, &n);

	if (!r)
		r = node_key(fs->nodes, n, ret_key);
	node_unref(fs->nodes, n);
	return r;
}

struct marker {
	const char *key; /* borrowed */
	struct meta_rec rec;
};

static void marker_free(struct marker *m)
{
	meta_rec_free(&m->rec);
}

/* A file_stage_fn. Takes rec. */
static int stage(struct file *f, void *arg)
{
	struct marker *m = arg;
	struct attr now = { .is_dir = true, .rec_known = true, .rec = m->rec };
	/* nobody can take it away before it is there */
	struct attr shown = {
		.is_dir = true, .has_object = true, .rec_known = true, .rec = m->rec
	};

	attr_cache_put(f->fs->attrs, m->key, &shown);
	memset(&m->rec, 0, sizeof(m->rec));
	file_now_set(f, &now);
	scoped_lock(&f->locked.l);
	file_set_state_locked(f, FILE_DIRTY);
	return 0;
}

static int make_held(struct fs *fs, uint64_t parent, const char *name, struct marker *m)
{
	int r = file_make(fs, parent, name, true, stage, m);

	if (r && r != -EEXIST)
		attr_cache_drop(fs->attrs, m->key);
	return r;
}

static int make(struct fs *fs, uint64_t parent, const char *name, mode_t mode, uid_t uid, gid_t gid)
{
	auto_free char *in = NULL, *key = NULL;
	auto_with(attr_free) struct attr there = { 0 };
	auto_with(marker_free) struct marker m = { .rec = { .tags_known = true } };
	int64_t since = clock_mono_ms(), until;
	int r = parent_key(fs, parent, &in);

	if (!r)
		r = path_child_key(in, name, true, &key);
	if (!r)
		r = attr_lookup(fs, in, name, &there);
	if (r != -ENOENT)
		return r ? r : -EEXIST;
	until = attr_cache_absent_until(fs->attrs, in, name, key);
	m.key = key;
	r = attr_meta_set_mode(fs, &m.rec.meta, S_IFDIR | (mode & 07777));
	if (!r)
		r = attr_meta_set_owner(fs, &m.rec.meta, uid, gid);
	if (!r)
		r = attr_meta_set_mtime(fs, &m.rec.meta, clock_wall_ts());
	if (!r)
		r = kv_set(&m.rec.sys, "content-type", "application/x-directory");
	if (!r)
		r = fs->conf.settle_ms ? make_held(fs, parent, name, &m)
				       : change_put(fs, key, &m.rec, "", 0, NULL);
	if (!r) /* nothing was below it, as long as it was not there */
		attr_cache_put_stretch(fs->attrs, key, "", NULL, since, until - since);
	return r;
}

int dir_make(struct fs *fs, uint64_t parent, const char *name, mode_t mode, uid_t uid, gid_t gid)
{
	int r = gate_change(fs, parent, 0);

	if (r)
		return r;
	r = make(fs, parent, name, mode, uid, gid);
	gate_changed(fs);
	return r;
}

int dir_check_empty(struct fs *fs, const char *key, bool *ret_marker)
{
	auto_with(s3_page_free) struct s3_page page = { 0 };
	int r = list_keys(fs->source, key, NULL, NULL, 2, &page, NULL);

	if (r)
		return r;
	*ret_marker = page.n && !strcmp(page.entries[0].key, key);
	return page.n > *ret_marker ? -ENOTEMPTY : 0;
}

/* What waits here of the directory; NULL: nothing. Busy until pending_end. */
static int pending_begin(struct fs *fs, uint64_t parent, const char *name, struct file **ret_f)
{
	struct node *n = NULL;
	int r = 0;

	if (node_find(fs->nodes, parent, name, &n))
		return 0;
	if (!node_is_dir(n))
		r = -ENOTDIR;
	else if (dir_has_local(fs, n))
		r = -ENOTEMPTY;
	if (!r)
		*ret_f = file_peek(fs, n);
	node_unref(fs->nodes, n);
	if (*ret_f)
		file_busy_begin(*ret_f);
	return r;
}

static void pending_end(struct file *f, bool removed)
{
	if (!f)
		return;
	if (removed) {
		file_kill_busy(f);
		file_drop_held_ref(f);
	}
	file_busy_end(f);
	file_put(f);
}

/* The keys below a directory of which f (may be NULL) waits here: -ENOTEMPTY, or whether it has an
 * object to delete. Where a listing showed all of it a moment ago, or it is new, no request. */
static int check_empty(struct fs *fs, const char *key, const struct file *f, bool *ret_marker)
{
	auto_with(attr_free) struct attr a = { 0 };
	bool held = f && f->locked.state == FILE_HELD && !f->locked.unclear;

	if (!attr_cache_is_empty(fs->attrs, key))
		return dir_check_empty(fs, key, ret_marker);
	if (!held && (attr_cache_get(fs->attrs, key, &a) || !(a.has_object || a.rec_known)))
		return dir_check_empty(fs, key, ret_marker);
	*ret_marker = !held && a.has_object;
	return 0;
}

static int remove_now(struct fs *fs, uint64_t parent, const char *name)
{
	auto_free char *in = NULL, *key = NULL;
	struct file *f = NULL;
	bool marker = false;
	int r = parent_key(fs, parent, &in);

	if (!r)
		r = path_child_key(in, name, true, &key);
	if (!r)
		r = pending_begin(fs, parent, name, &f);
	if (!r)
		r = check_empty(fs, key, f, &marker);
	/* unclear: one may come yet */
	if (!r && (marker || (f && f->locked.unclear)))
		r = change_delete(fs, key, NULL);
	if (!r) {
		attr_cache_put_absent(fs->attrs, key);
		node_remove(fs->nodes, parent, name);
	}
	pending_end(f, !r);
	return r;
}

int dir_remove(struct fs *fs, uint64_t parent, const char *name)
{
	int r = gate_change(fs, parent, 0);

	if (!r) {
		r = remove_now(fs, parent, name);
		gate_changed(fs);
	}
	return r;
}
