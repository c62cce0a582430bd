/* dir_make.c - mkdir and rmdir. See dir.h. */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "fs/change.h"
#include "fs/dir.h"
#include "fs/gate.h"
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

static int make(struct fs *fs, uint64_t parent, const char *name, mode_t mode, uid_t uid, gid_t gid)
{
	auto_free char *in = NULL, *key = NULL;
	auto_with(attr_free) struct attr there = { 0 };
	auto_with(meta_rec_free) struct meta_rec rec = { .tags_known = true };
	int64_t since = clock_mono_ms(), until;
	int r = parent_key(fs, parent, &in);

	if (!r)
		r = path_child_key(in, name, true, &key);
	if (!r)
		r = attr_lookup(fs, in, name, &there);
	if (r != -ENOENT)
		return r ? r : -EEXIST;
	until = attr_cache_absent_until(fs->attrs, in, name, key);
	r = attr_meta_set_mode(fs, &rec.meta, S_IFDIR | (mode & 07777));
	if (!r)
		r = attr_meta_set_owner(fs, &rec.meta, uid, gid);
	if (!r)
		r = attr_meta_set_mtime(fs, &rec.meta, clock_wall_ts());
	if (!r)
		r = kv_set(&rec.sys, "content-type", "application/x-directory");
	if (!r)
		r = change_put(fs, key, &rec, "", 0, NULL);
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

static int remove_now(struct fs *fs, uint64_t parent, const char *name)
{
	auto_free char *in = NULL, *key = NULL;
	struct node *n = NULL;
	bool marker = false;
	int r = parent_key(fs, parent, &in);

	if (!r)
		r = path_child_key(in, name, true, &key);
	if (!r && !node_find(fs->nodes, parent, name, &n)) {
		if (!node_is_dir(n))
			r = -ENOTDIR;
		else if (dir_has_local(fs, n))
			r = -ENOTEMPTY;
		node_unref(fs->nodes, n);
	}
	if (!r)
		r = dir_check_empty(fs, key, &marker);
	if (!r && marker)
		r = change_delete(fs, key, NULL);
	if (r)
		return r;
	attr_cache_put_absent(fs->attrs, key);
	node_remove(fs->nodes, parent, name);
	return 0;
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
