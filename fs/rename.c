/*
 * rename.c - unlink, and rename of a file. S3 has no rename: a file that the source has is copied
 * there and its old key deleted, a file that it does not have yet just gets another name. No body
 * byte passes through here.
 *
 * A rename touches up to two open files (the one that moves, the one that is replaced) and has the
 * marks of both while it works, taken in the order of their inode numbers; nothing else ever takes
 * two. The replaced one is let go only when the rename has succeeded.
 */
#include <errno.h>
#include <string.h>

#include "base/codec.h"
#include "base/crash.h"
#include "base/log.h"
#include "fs/change.h"
#include "fs/file_i.h"
#include "fs/path.h"

/* The open file of (parent, name), referenced; NULL when none. */
static struct file *open_file(struct fs *fs, uint64_t parent, const char *name)
{
	struct node *n = NULL;
	struct file *f;

	if (node_find(fs->nodes, parent, name, &n))
		return NULL;
	f = node_is_dir(n) ? NULL : file_peek(fs, n);
	node_unref(fs->nodes, n);
	return f;
}

/* Its name goes away: readers go on from the version they have, so that must be known. Busy. */
static int pin_version(struct file *f, const char *key)
{
	auto_with(attr_free) struct attr now = { 0 };
	struct body *body = NULL;
	int r;

	if (f->locked.state != FILE_CLEAN || !f->locked.handles || !f->locked.now.has_object ||
	    f->locked.body->version_id)
		return 0;
	/* It is known by its ETag only (from a listing, the database): the version comes with the
	 * tags. */
	r = file_now_copy(f, &now);
	if (!r)
		r = attr_load(f->fs, key, &now, true);
	if (!r)
		r = body_new(f->fs, NULL, key, &now, &body);
	if (r)
		return r == -ENOENT ? 0 : r;
	file_body_set(f, body);
	file_now_set(f, &now);
	return 0;
}

/* Busy. */
static void kill_file(struct file *f)
{
	bool was_held = f->locked.held_ref;
	struct spool *spool = f->locked.body->spool;

	file_kill_busy(f);
	file_drop_promised(f);
	if (was_held && spool)
		spool_unkeep(spool);
	if (was_held)
		file_drop_held_ref(f);
}

/* --- unlink ----------------------------------------------------------------------------------- */

/* Busy. *ret_delete: the source has a version, which must be deleted there. */
static int unlink_open(struct file *f, const char *key, struct kv *ret_tags, bool *ret_tags_known,
		       bool *ret_delete)
{
	int r = pin_version(f, key);

	/* of a clean one the source may know more than we do: its open is under way, or failed */
	*ret_delete =
		f->locked.state == FILE_CLEAN || f->locked.now.has_object || f->locked.unclear;
	*ret_tags_known = f->locked.now.rec_known && f->locked.now.rec.tags_known;
	if (!r && *ret_tags_known)
		r = kv_copy(ret_tags, &f->locked.now.rec.tags);
	return r;
}

static int unlink_now(struct fs *fs, uint64_t parent, const char *name)
{
	auto_free char *key = NULL;
	auto_with(kv_free) struct kv tags = KV_EMPTY;
	struct file *f = open_file(fs, parent, name);
	bool delete = true, tags_known = false;
	int r = node_child_key(fs->nodes, parent, name, false, &key);

	if (f)
		file_busy_begin(f);
	if (f && !r)
		r = unlink_open(f, key, &tags, &tags_known, &delete);
	if (!r && delete)
		r = change_delete(fs, key, tags_known ? &tags : NULL);
	if (!r) {
		attr_cache_put_absent(fs->attrs, key);
		node_remove(fs->nodes, parent, name);
		if (f)
			kill_file(f);
	}
	if (f) {
		file_busy_end(f);
		file_put(f);
	}
	return r;
}

int file_unlink(struct fs *fs, uint64_t parent, const char *name)
{
	int r = gate_change(fs, parent, 0);

	if (r)
		return r;
	r = unlink_now(fs, parent, name);
	gate_changed(fs);
	return r;
}

/* --- rename of a file ------------------------------------------------------------------------- */

struct move {
	uint64_t parent, to_parent;
	const char *name, *to_name;
	char *key, *to_key;
};

static int move_node(struct fs *fs, const struct move *m)
{
	return node_move(fs->nodes, m->parent, m->name, m->to_parent, m->to_name);
}

/* The Content-Type that was guessed by the old name is guessed again by the new one. */
static int guess_again(struct meta_rec *rec, const struct move *m)
{
	const char *now = kv_get(&rec->sys, "content-type");

	if (now && strcmp(now, path_content_type(m->name)))
		return 0; /* somebody chose it */
	return kv_set(&rec->sys, "content-type", path_content_type(m->to_name));
}

/* now of a file that gets another name before the source has it: has_object says whether the source
 * has something under the new name. */
static int renamed_now(struct file *f, const struct move *m, struct attr *ret_a)
{
	auto_with(attr_free) struct attr there = { 0 };
	int found = attr_get(f->fs, m->to_key, &there);
	int r = file_now_copy(f, ret_a);

	ret_a->has_object = found != -ENOENT;
	return r ? r : guess_again(&ret_a->rec, m);
}

/* Both the durable row and the node have the new name, or neither. */
static int move_ticket_and_node(struct file *f, const struct move *m)
{
	int r = f->locked.ticket ? repl_rekey(f->locked.ticket, m->to_key) : 0;

	if (r)
		return r;
	r = move_node(f->fs, m);
	if (r && f->locked.ticket && repl_rekey(f->locked.ticket, m->key))
		log_error("op=rename result=\"the row keeps the new name\"");
	return r;
}

/* The source has nothing under the old name: only the name changes, and what was promised is
 * promised under the new one. Busy. */
static int move_pending(struct file *f, const struct move *m)
{
	auto_with(attr_free) struct attr now = { 0 };
	char shown[256];
	int r = renamed_now(f, m, &now);

	if (r)
		return r;
	file_drop_uploads(f);
	r = move_ticket_and_node(f, m);
	if (r)
		return r;
	crash_point("rename.named");
	file_now_set(f, &now);
	attr_cache_drop(f->fs->attrs, m->to_key);
	if (f->locked.state != FILE_HELD)
		return 0; /* its close will save it */
	/* It stays held, and promised, whatever happens now. */
	f->locked.made = f->locked.late_attrs = false;
	if (file_may_hold_busy(f) ? file_hold_busy(f) : file_commit_busy(f))
		log_warn("op=rename key=\"%s\" result=\"uploaded later\"",
			 printable(m->to_key, shown, sizeof(shown)));
	return 0;
}

/* The source has it and knows all of it. a: loaded. */
static int move_object(struct fs *fs, const struct move *m, struct attr *a, struct attr *ret_a)
{
	int r = guess_again(&a->rec, m);

	if (!r)
		r = change_move(fs, m->key, a, m->to_key, ret_a);
	if (!r)
		crash_point("rename.deleted");
	return r;
}

/* Busy, clean: the body reads from the new key on. */
static int rebase(struct file *f, const char *key, struct attr *a)
{
	struct body *body = NULL;
	int r = body_new(f->fs, NULL, key, a, &body);

	if (r)
		return r;
	file_body_set(f, body);
	file_now_set(f, a);
	return 0;
}

static int move_known(struct fs *fs, const struct move *m, struct attr *ret_moved)
{
	auto_with(attr_free) struct attr a = { 0 };
	int r = attr_get(fs, m->key, &a);

	if (!r)
		r = attr_load(fs, m->key, &a, true);
	return r ? r : move_object(fs, m, &a, ret_moved);
}

static int move_clean(struct fs *fs, struct file *f, const struct move *m)
{
	auto_with(attr_free) struct attr moved = { 0 };
	int r = move_known(fs, m, &moved);

	if (r == -ESTALE) { /* somebody else wrote it meanwhile: that is what gets the new name */
		attr_cache_drop(fs->attrs, m->key);
		r = move_known(fs, m, &moved);
	}
	if (!r)
		r = move_node(fs, m);
	if (!r && f)
		r = rebase(f, m->to_key, &moved);
	return r;
}

/* Busy, settling: one copy to the new name, with the new metadata. What was promised of the old
 * name is promised until that is gone. */
static int move_settling(struct fs *fs, struct file *f, const struct move *m)
{
	auto_with(attr_free) struct attr a = { 0 };
	auto_with(attr_free) struct attr moved = { 0 };
	struct body *body = NULL;
	int r = file_now_copy(f, &a);

	if (!r)
		r = move_object(fs, m, &a, &moved);
	if (!r)
		r = body_new(fs, NULL, m->to_key, &moved, &body);
	if (!r)
		r = move_node(fs, m);
	if (r) {
		body_unref(body);
		return r;
	}
	file_body_set(f, body);
	file_settled_busy(f, &moved);
	return 0;
}

/* Busy, settling. Somebody else replaced the version that the metadata are for: theirs is the last
 * word (hold.c), and it is what gets the new name. */
static int move_overtaken(struct fs *fs, struct file *f, const struct move *m)
{
	int r = file_commit_busy(f);

	if (f->locked.state != FILE_CLEAN)
		return r ? r : -ESTALE;
	return move_clean(fs, f, m);
}

static int move_open(struct fs *fs, struct file *f, const struct move *m)
{
	int r = 0;

	if (f->locked.state == FILE_SETTLING) {
		r = move_settling(fs, f, m);
		return r == -ESTALE ? move_overtaken(fs, f, m) : r;
	}
	/* Changes of an object that the source has, or may have, become a version under its old
	 * name first: no crash can take that away. */
	if (f->locked.state != FILE_CLEAN && (f->locked.now.has_object || f->locked.unclear))
		r = file_commit_busy(f);
	if (r)
		return r;
	if (f->locked.state == FILE_DEAD)
		return -ENOENT;
	return f->locked.state == FILE_CLEAN ? move_clean(fs, f, m) : move_pending(f, m);
}

/* The marks of one or two files, in the order of their numbers. */
static void marks_begin(struct file *a, struct file *b)
{
	if (a && b && node_ino(b->node) < node_ino(a->node)) {
		file_busy_begin(b);
		file_busy_begin(a);
		return;
	}
	if (a)
		file_busy_begin(a);
	if (b)
		file_busy_begin(b);
}

static void mark_end(struct file *f)
{
	if (!f)
		return;
	file_busy_end(f);
	file_put(f);
}

static int rename_marked(struct fs *fs, struct file *f, struct file *target, const struct move *m)
{
	int r = target ? pin_version(target, m->to_key) : 0;

	if (!r)
		r = f ? move_open(fs, f, m) : move_clean(fs, NULL, m);
	if (!r && target)
		kill_file(target);
	return r;
}

static int rename_now(struct fs *fs, uint64_t parent, const char *name, uint64_t to_parent,
		      const char *to_name, struct awaited *ret_awaited)
{
	auto_free char *key = NULL, *to_key = NULL;
	struct move m = { parent, to_parent, name, to_name, NULL, NULL };
	struct file *f, *target;
	bool saves;
	int r = node_child_key(fs->nodes, parent, name, false, &key);

	if (!r)
		r = node_child_key(fs->nodes, to_parent, to_name, false, &to_key);
	if (r || !strcmp(key, to_key))
		return r;
	m.key = key;
	m.to_key = to_key;
	f = open_file(fs, parent, name);
	target = open_file(fs, to_parent, to_name);
	marks_begin(f, target);
	saves = f && f->locked.state == FILE_HELD;
	r = rename_marked(fs, f, target, &m);
	if (!r && saves)
		file_awaited_busy(f, ret_awaited);
	mark_end(f);
	mark_end(target);
	return r;
}

int file_rename(struct fs *fs, uint64_t parent, const char *name, uint64_t to_parent,
		const char *to_name)
{
	struct awaited awaited = { 0 };
	int r = gate_change(fs, parent, to_parent);

	if (r)
		return r;
	r = rename_now(fs, parent, name, to_parent, to_name, &awaited);
	gate_changed(fs);
	/* It was renamed, whatever becomes of the replicas. */
	if (file_await(fs, &awaited))
		log_debug("op=rename result=\"replicas later\"");
	return r;
}
