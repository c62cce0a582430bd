/* node_below.c - the nodes below a directory, and those that nobody uses. See node.h. */
#include <errno.h>
#include <stdlib.h>

#include "base/buf.h"

#include "fs/node_i.h"

#define IDLE_STEPS 4096 /* numbers looked at in one go */

static bool is_below(const struct node *n, const struct node *dir, bool direct)
{
	if (direct)
		return n->parent == dir;
	for (n = n->parent; n; n = n->parent)
		if (n == dir)
			return true;
	return false;
}

static int collect_files(struct node_table *t, struct node *dir, bool direct,
			 struct node ***ret_list, size_t *ret_n)
{
	size_t n = 0;

	scoped_lock(&t->locked.l);
	for (struct node *i = t->locked.first_file; i; i = i->file_next)
		n += is_below(i, dir, direct);
	*ret_list = calloc(n ? n : 1, sizeof(struct node *));
	if (!*ret_list)
		return -ENOMEM;
	n = 0;
	for (struct node *i = t->locked.first_file; i; i = i->file_next)
		if (is_below(i, dir, direct)) {
			i->refs++;
			(*ret_list)[n++] = i;
		}
	*ret_n = n;
	return 0;
}

int node_each_file(struct node_table *t, struct node *dir, bool direct,
		   int (*fn)(void *arg, struct node *n), void *arg)
{
	struct node **list = NULL;
	size_t n = 0;
	int r = collect_files(t, dir, direct, &list, &n);

	for (size_t i = 0; i < n; i++) {
		if (!r)
			r = fn(arg, list[i]);
		node_unref(t, list[i]);
	}
	free(list);
	return r;
}

int node_list_below(struct node_table *t, struct node *dir, uint64_t **ret_inos, size_t *ret_n)
{
	uint64_t *inos;
	size_t n = 0;

	scoped_lock(&t->locked.l);
	inos = calloc(t->locked.n, sizeof(*inos));
	if (!inos)
		return -ENOMEM;
	for (size_t slot = 0; slot < t->locked.size; slot++)
		for (struct node *i = t->locked.by_ino[slot]; i; i = i->ino_next)
			if (i == dir || (!i->kept && is_below(i, dir, false)))
				inos[n++] = i->ino;
	*ret_inos = inos;
	*ret_n = n;
	return 0;
}

size_t node_count(struct node_table *t)
{
	scoped_lock(&t->locked.l);
	return t->locked.n - t->locked.kept_n;
}

int node_next_idle(struct node_table *t, uint64_t *ret_dir, char **ret_name)
{
	scoped_lock(&t->locked.l);
	for (int i = 0; i < IDLE_STEPS; i++) {
		const struct node *n;
		int r;

		if (++t->locked.last_idle > t->locked.last_ino)
			t->locked.last_idle = NODE_ROOT;
		n = node_find_ino_locked(t, t->locked.last_idle);
		if (!n || n->kept || n->is_dir || n->refs || n->file || !n->parent)
			continue;
		r = str_dup(n->name, ret_name);
		if (!r)
			*ret_dir = n->parent->ino;
		return r;
	}
	return -ENOENT;
}
