/* gate.c - see gate.h. */
#include "fs/gate.h"

#include <errno.h>
#include <string.h>

#include "fs/file_i.h"

static bool is_below(const char *key, const char *dir)
{
	return !strncmp(key, dir, strlen(dir));
}

static bool is_behind_locked(const struct gate *g, const char *key)
{
	return g->from && (is_below(key, g->from) || is_below(key, g->to));
}

/* Of a node that is there no more: no. */
static int is_node_behind_locked(struct fs *fs, uint64_t ino, bool *ret_behind)
{
	auto_free char *key = NULL;
	struct node *n = NULL;
	int r = ino ? node_ref(fs->nodes, ino, &n) : -ESTALE;

	if (!r)
		r = node_key(fs->nodes, n, &key);
	node_unref(fs->nodes, n);
	if (!r && is_behind_locked(&fs->files->gate, key))
		*ret_behind = true;
	return r == -ENOMEM ? r : 0;
}

int gate_change(struct fs *fs, uint64_t a, uint64_t b)
{
	struct file_table *t = fs->files;

	scoped_lock(&t->l);
	while (t->gate.from) {
		bool behind = false;
		int r = is_node_behind_locked(fs, a, &behind);

		if (!r)
			r = is_node_behind_locked(fs, b, &behind);
		if (r)
			return r;
		if (!behind)
			break;
		cond_wait(&t->changed, &t->l);
	}
	t->gate.changes++;
	return 0;
}

void gate_change_key(struct fs *fs, const char *key)
{
	struct file_table *t = fs->files;

	scoped_lock(&t->l);
	while (is_behind_locked(&t->gate, key))
		cond_wait(&t->changed, &t->l);
	t->gate.changes++;
}

void gate_changed(struct fs *fs)
{
	struct file_table *t = fs->files;

	scoped_lock(&t->l);
	t->gate.changes--;
	cond_broadcast(&t->changed);
}

int gate_commit(struct fs *fs, const struct node *n, char **ret_key)
{
	struct file_table *t = fs->files;
	char *key = NULL;
	int r;

	scoped_lock(&t->l);
	while (!(r = node_key(fs->nodes, n, &key)) && t->gate.commits_wait &&
	       is_behind_locked(&t->gate, key)) {
		free(take_ptr(&key));
		cond_wait(&t->changed, &t->l);
	}
	if (r)
		return r;
	t->gate.commits++;
	*ret_key = key;
	return 0;
}

void gate_committed(struct fs *fs)
{
	struct file_table *t = fs->files;

	scoped_lock(&t->l);
	t->gate.commits--;
	cond_broadcast(&t->changed);
}

void gate_take(struct fs *fs)
{
	struct file_table *t = fs->files;

	scoped_lock(&t->l);
	while (t->gate.taken)
		cond_wait(&t->changed, &t->l);
	t->gate.taken = true;
}

void gate_shut_changes(struct fs *fs, const char *from, const char *to)
{
	struct file_table *t = fs->files;

	scoped_lock(&t->l);
	t->gate.from = from;
	t->gate.to = to;
	while (t->gate.changes)
		cond_wait(&t->changed, &t->l);
}

void gate_shut_commits(struct fs *fs)
{
	struct file_table *t = fs->files;

	scoped_lock(&t->l);
	t->gate.commits_wait = true;
	while (t->gate.commits)
		cond_wait(&t->changed, &t->l);
}

void gate_open_commits(struct fs *fs)
{
	struct file_table *t = fs->files;

	scoped_lock(&t->l);
	t->gate.commits_wait = false;
	cond_broadcast(&t->changed);
}

void gate_give(struct fs *fs)
{
	struct file_table *t = fs->files;

	scoped_lock(&t->l);
	t->gate.from = t->gate.to = NULL;
	t->gate.taken = t->gate.commits_wait = false;
	cond_broadcast(&t->changed);
}
