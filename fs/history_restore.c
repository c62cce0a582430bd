/*
 * history_restore.c - an older version made the current one again: a server-side copy by this
 * mount, with a ticket, so that the rules see it as they see any write. See history.h.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/codec.h"
#include "base/log.h"
#include "fs/change.h"
#include "fs/file_i.h"
#include "fs/history_i.h"
#include "fs/notify.h"
#include "fs/path.h"
#include "s3/list.h"

/* Where one restore has got to. */
struct restore {
	struct fs *fs;
	const struct history_restore *q;
	char *why;
	size_t why_len;
};

static int refuse(const struct restore *x, int err, const char *fmt, const char *name)
{
	char shown[600];

	snprintf(x->why, x->why_len, fmt, printable(name, shown, sizeof(shown)));
	return err;
}

/* --- which version ---------------------------------------------------------------------------- */

struct wanted {
	const char *version; /* NULL: the newest that is no delete marker */
	char *found;
	bool any, deleted;
	int error;
};

static int see_version(void *arg, const struct s3_entry *e)
{
	struct wanted *w = arg;
	const char *id = e->version_id ? e->version_id : "null";

	w->any = true;
	if (w->version ? strcmp(id, w->version) != 0 : e->delete_marker)
		return 0;
	w->deleted = e->delete_marker;
	w->error = str_dup(id, &w->found);
	return 1;
}

static int find_version(const struct restore *x, char **ret_version)
{
	auto_with(history_place_free) struct history_place named = { 0 };
	struct wanted w = { .version = x->q->version };
	int r;

	if (!strcmp(x->q->version, HISTORY_LATEST))
		w.version = NULL;
	else if (!history_name_read(x->q->version, &named))
		w.version = named.version;
	r = list_versions_of(x->fs->source, x->q->key, see_version, &w, NULL);
	if (r < 0 || w.error) {
		free(w.found);
		return r < 0 ? r : w.error;
	}
	if (w.found && !w.deleted) {
		*ret_version = w.found;
		return 0;
	}
	free(w.found);
	if (!w.any)
		return refuse(x, -ENOENT, "'%s' has no versions", x->q->key);
	if (w.deleted)
		return refuse(x, -ENOENT, "version '%s' is a delete marker: there is nothing in it",
			      x->q->version);
	if (!w.version)
		return refuse(x, -ENOENT, "'%s' has nothing but delete markers", x->q->key);
	return refuse(x, -ENOENT, "it has no version '%s'", x->q->version);
}

/* --- where to --------------------------------------------------------------------------------- */

/* Is a file where a directory must be, or a directory where the file shall be? */
static int check_place(const struct restore *x)
{
	size_t root = strlen(x->fs->conf.prefix);
	const char *to = x->q->to, *slash;

	for (const char *name = to + root;; name = slash + 1) {
		auto_with(attr_free) struct attr a = { 0 };
		auto_free char *dir = NULL, *one = NULL;
		int r = str_format(&dir, "%.*s", (int)(name - to), to);

		slash = strchr(name, '/');
		if (!r)
			r = str_format(&one, "%.*s",
				       slash ? (int)(slash - name) : (int)strlen(name), name);
		if (!r)
			r = attr_lookup(x->fs, dir, one, &a);
		if (r)
			return r == -ENOENT ? 0 : r;
		if (!slash)
			return a.is_dir ? refuse(x, -EISDIR, "'%s' is a directory now", to) : 0;
		if (!a.is_dir)
			return refuse(x, -ENOTDIR, "'%s' is a file now, and no directory", one);
	}
}

/* What is open here under this key; NULL. */
static struct file *open_file(struct fs *fs, const char *key)
{
	const char *name = key + strlen(fs->conf.prefix);
	struct node *n = NULL;
	struct file *f = NULL;
	int r = node_ref(fs->nodes, NODE_ROOT, &n);

	while (!r && *name) {
		auto_free char *one = NULL;
		size_t len = strcspn(name, "/");
		struct node *child = NULL;

		r = str_format(&one, "%.*s", (int)len, name);
		if (!r)
			r = node_find(fs->nodes, node_ino(n), one, &child);
		node_unref(fs->nodes, n);
		n = child;
		name += len + (name[len] == '/');
	}
	if (!r && !node_is_dir(n))
		f = file_peek(fs, n);
	node_unref(fs->nodes, n);
	return f;
}

/* Directories that were known to be gone are there again. */
static void forget_absent(struct fs *fs, const char *key)
{
	auto_free char *dir = NULL;

	notify_key(fs->notify, key, true);
	if (str_dup(key, &dir)) {
		attr_cache_clear(fs->attrs);
		return;
	}
	for (char *slash = strrchr(dir, '/'); slash; slash = strrchr(dir, '/')) {
		slash[1] = '\0';
		attr_cache_drop(fs->attrs, dir);
		notify_key(fs->notify, dir, true);
		*slash = '\0';
	}
}

/* --- the copy --------------------------------------------------------------------------------- */

static int copy(const struct restore *x, const char *version, char **ret_made)
{
	auto_with(attr_free) struct attr old = { 0 }, made = { 0 };
	struct file *f = open_file(x->fs, x->q->to);
	int r = attr_of_version(x->fs, x->q->key, version, &old);

	if (f)
		file_busy_begin(f);
	if (!r && f && f->locked.state == FILE_SETTLING)
		r = file_commit_busy(f); /* a version of its own, older than the one made now */
	if (!r && f && f->locked.state != FILE_CLEAN)
		r = refuse(x, -EBUSY, "'%s' is open and has changes that are not saved yet",
			   x->q->to);
	if (!r)
		r = change_copy(x->fs, x->q->key, &old, x->q->to, &made);
	if (f) {
		file_busy_end(f);
		file_put(f);
	}
	if (r)
		return r;
	forget_absent(x->fs, x->q->to);
	return str_dup(made.rec.version_id, ret_made);
}

static int check_keys(const struct restore *x)
{
	const char *keys[] = { x->q->key, x->q->to };

	if (x->fs->conf.read_only)
		return refuse(x, -EROFS, "the mount is read-only%s", "");
	for (size_t i = 0; i < array_size(keys); i++) {
		size_t n = strlen(x->fs->conf.prefix);

		if (strncmp(keys[i], x->fs->conf.prefix, n) || !keys[i][n])
			return refuse(x, -EINVAL, "'%s' is not in this mount", keys[i]);
		if (keys[i][strlen(keys[i]) - 1] == '/')
			return refuse(x, -EISDIR,
				      "'%s' is a directory: restore the files that were in it",
				      keys[i]);
		if (history_holds(x->fs, keys[i]))
			return refuse(x, -EINVAL,
				      "'%s' is a version already: name the file and the version",
				      keys[i]);
		if (strlen(keys[i]) > S3_KEY_MAX || !utf8_valid(keys[i]))
			return refuse(x, -EINVAL, "'%s' cannot be a key", keys[i]);
	}
	return 0;
}

int history_restore(struct fs *fs, const struct history_restore *q, char **ret_version,
		    char **ret_made, char *why, size_t why_len)
{
	const struct restore x = { fs, q, why, why_len };
	auto_free char *version = NULL;
	char words[64];
	int r;

	*why = '\0';
	r = check_keys(&x);
	if (!r)
		r = find_version(&x, &version);
	if (!r)
		r = check_place(&x);
	if (!r) {
		gate_change_key(fs, q->to);
		r = copy(&x, version, ret_made);
		gate_changed(fs);
	}
	if (r && !*why)
		snprintf(why, why_len, "%s", errno_text(r, words, sizeof(words)));
	if (!r)
		*ret_version = take_ptr(&version);
	return r;
}
