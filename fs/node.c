/*
 * node.c - inode numbers. See node.h.
 *
 *  a node is    in by_ino  in by_name  parent        used   leaves to
 *  named        yes        yes         referenced    yes    nameless (removed, replaced), kept
 *  kept         yes        yes         referenced    no     named (found again), freed (removed,
 *                                                           the oldest of too many)
 *  nameless     yes        no          NULL          yes    freed
 *
 * The root is named by itself: no parent, never freed. A node is used while one of the kernel's
 * lookups, the references and the named children is not 0.
 */
#include "fs/node.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "s3/types.h"

#include "fs/node_i.h"
#include "fs/path.h"

#define NODE_TABLE_FIRST 1024
/* The kernel forgets names as it needs memory. tar(1) looks at the end whether a directory has the
 * number that it had, and takes it for another's otherwise. */
#define KEPT_MAX 32768

/* --- hash tables ------------------------------------------------------------------------------ */

static size_t name_slot(uint64_t parent, const char *name, size_t size)
{
	/* FNV-1a */
	uint64_t h = UINT64_C(0xcbf29ce484222325) ^ parent * UINT64_C(0x9e3779b97f4a7c15);

	for (; *name; name++)
		h = (h ^ (uint8_t)*name) * UINT64_C(0x100000001b3);
	return (size_t)(h ^ h >> 32) & (size - 1);
}

static struct node *find_name_locked(const struct node_table *t, uint64_t parent, const char *name)
{
	struct node *n = t->locked.by_name[name_slot(parent, name, t->locked.size)];

	while (n && (n->parent->ino != parent || strcmp(n->name, name)))
		n = n->name_next;
	return n;
}

static void link_ino_locked(struct node_table *t, struct node *n)
{
	struct node **slot = &t->locked.by_ino[node_ino_slot(n->ino, t->locked.size)];

	n->ino_next = *slot;
	*slot = n;
}

static void link_name_locked(struct node_table *t, struct node *n)
{
	struct node **slot = &t->locked.by_name[name_slot(n->parent->ino, n->name, t->locked.size)];

	n->name_next = *slot;
	*slot = n;
}

static void unlink_ino_locked(struct node_table *t, struct node *n)
{
	struct node **p = &t->locked.by_ino[node_ino_slot(n->ino, t->locked.size)];

	while (*p != n)
		p = &(*p)->ino_next;
	*p = n->ino_next;
}

static void unlink_name_locked(struct node_table *t, struct node *n)
{
	struct node **p = &t->locked.by_name[name_slot(n->parent->ino, n->name, t->locked.size)];

	while (*p != n)
		p = &(*p)->name_next;
	*p = n->name_next;
}

/* Longer chains are no error, so a failure to grow is none. */
static void grow_locked(struct node_table *t)
{
	size_t old_size = t->locked.size, size = old_size * 2;
	struct node **old = t->locked.by_ino, **old_names = t->locked.by_name;
	struct node **by_ino, **by_name;

	if (t->locked.n < old_size)
		return;
	by_ino = calloc(size, sizeof(struct node *));
	by_name = calloc(size, sizeof(struct node *));
	if (!by_ino || !by_name) {
		free(by_ino);
		free(by_name);
		return;
	}
	t->locked.by_ino = by_ino;
	t->locked.by_name = by_name;
	t->locked.size = size;
	for (size_t i = 0; i < old_size; i++) {
		struct node *next;

		for (struct node *n = old[i]; n; n = next) {
			next = n->ino_next;
			link_ino_locked(t, n);
			if (n->parent)
				link_name_locked(t, n);
		}
	}
	free(old);
	free(old_names);
}

/* --- life ------------------------------------------------------------------------------------- */

static int node_new_locked(struct node_table *t, struct node *parent, const char *name, bool is_dir,
			   struct node **ret_n)
{
	struct node *n = calloc(1, sizeof(*n));

	if (!n)
		return -ENOMEM;
	if (str_dup(name, &n->name)) {
		free(n);
		return -ENOMEM;
	}
	n->ino = ++t->locked.last_ino;
	n->is_dir = is_dir;
	n->parent = parent;
	t->locked.n++;
	grow_locked(t);
	link_ino_locked(t, n);
	if (parent) {
		parent->children++;
		link_name_locked(t, n);
	}
	*ret_n = n;
	return 0;
}

static void keep_locked(struct node_table *t, struct node *n)
{
	n->kept = true;
	n->content = 0; /* the kernel's pages went with the node */
	n->kept_prev = t->locked.kept_newest;
	n->kept_next = NULL;
	*(n->kept_prev ? &n->kept_prev->kept_next : &t->locked.kept_oldest) = n;
	t->locked.kept_newest = n;
	t->locked.kept_n++;
}

static void unkeep_locked(struct node_table *t, struct node *n)
{
	if (!n->kept)
		return;
	n->kept = false;
	*(n->kept_prev ? &n->kept_prev->kept_next : &t->locked.kept_oldest) = n->kept_next;
	*(n->kept_next ? &n->kept_next->kept_prev : &t->locked.kept_newest) = n->kept_prev;
	t->locked.kept_n--;
}

static struct node *take_locked(struct node_table *t, struct node *n)
{
	unkeep_locked(t, n);
	n->refs++;
	return n;
}

/* Its parent, which has a child less. */
static struct node *free_locked(struct node_table *t, struct node *n)
{
	struct node *parent = n->parent;

	assert(!n->file && !n->kept);
	if (parent) {
		unlink_name_locked(t, n);
		parent->children--;
	}
	unlink_ino_locked(t, n);
	t->locked.n--;
	free(n->name);
	free(n);
	return parent;
}

/* Keeps n, or frees it when it has no name, when nobody uses it any more. */
static void drop_locked(struct node_table *t, struct node *n)
{
	lock_assert_held(&t->locked.l);
	while (n && n != t->locked.root && !n->lookups && !n->refs && !n->children && !n->kept) {
		if (n->parent) {
			keep_locked(t, n);
			if (t->locked.kept_n <= KEPT_MAX)
				return;
			n = t->locked.kept_oldest;
			unkeep_locked(t, n);
		}
		n = free_locked(t, n);
	}
}

static void make_nameless_locked(struct node_table *t, struct node *n)
{
	struct node *parent = n->parent;

	lock_assert_held(&t->locked.l);
	if (!parent)
		return;
	unkeep_locked(t, n);
	unlink_name_locked(t, n);
	n->parent = NULL;
	parent->children--;
	drop_locked(t, n);
	drop_locked(t, parent);
}

int node_table_new(const char *root_key, struct node_table **ret_t)
{
	struct node_table *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return -ENOMEM;
	lock_init(&t->locked.l);
	t->locked.size = NODE_TABLE_FIRST;
	t->locked.by_ino = calloc(NODE_TABLE_FIRST, sizeof(struct node *));
	t->locked.by_name = calloc(NODE_TABLE_FIRST, sizeof(struct node *));
	t->locked.last_ino = NODE_ROOT - 1;
	r = t->locked.by_ino && t->locked.by_name ? str_dup(root_key, &t->root_key) : -ENOMEM;
	if (!r)
		r = node_new_locked(t, NULL, "", true, &t->locked.root);
	if (r) {
		node_table_free(t);
		return r;
	}
	*ret_t = t;
	return 0;
}

void node_table_free(struct node_table *t)
{
	if (!t)
		return;
	for (size_t i = 0; t->locked.by_ino && i < t->locked.size; i++) {
		struct node *next;

		for (struct node *n = t->locked.by_ino[i]; n; n = next) {
			next = n->ino_next;
			free(n->name);
			free(n);
		}
	}
	free(t->locked.by_ino);
	free(t->locked.by_name);
	free(t->root_key);
	lock_free(&t->locked.l);
	free(t);
}

/* --- finding ---------------------------------------------------------------------------------- */

int node_get(struct node_table *t, uint64_t parent, const char *name, bool is_dir, bool lookup,
	     struct node **ret_n)
{
	struct node *dir, *n;
	int r = 0;

	scoped_lock(&t->locked.l);
	dir = node_find_ino_locked(t, parent);
	if (!dir)
		return -ESTALE;
	if (!dir->is_dir)
		return -ENOTDIR;
	take_locked(t, dir); /* it may have no other child */
	n = find_name_locked(t, parent, name);
	if (n && n->is_dir != is_dir) {
		make_nameless_locked(t, n);
		n = NULL;
	}
	if (!n)
		r = node_new_locked(t, dir, name, is_dir, &n);
	if (!r) {
		n->lookups += lookup;
		*ret_n = take_locked(t, n);
	}
	dir->refs--;
	drop_locked(t, dir);
	return r;
}

int node_ref(struct node_table *t, uint64_t ino, struct node **ret_n)
{
	struct node *n;

	scoped_lock(&t->locked.l);
	n = node_find_ino_locked(t, ino);
	if (!n)
		return -ESTALE;
	*ret_n = take_locked(t, n);
	return 0;
}

int node_find(struct node_table *t, uint64_t parent, const char *name, struct node **ret_n)
{
	struct node *n;

	scoped_lock(&t->locked.l);
	n = find_name_locked(t, parent, name);
	if (!n)
		return -ENOENT;
	*ret_n = take_locked(t, n);
	return 0;
}

/* The node of the len bytes at name in dir. */
static struct node *find_part_locked(const struct node_table *t, const struct node *dir,
				     const char *name, size_t len)
{
	char part[256];

	if (!len || len >= sizeof(part))
		return NULL;
	memcpy(part, name, len);
	part[len] = '\0';
	return find_name_locked(t, dir->ino, part);
}

int node_find_key(struct node_table *t, const char *key, struct node **ret_dir, struct node **ret_n)
{
	size_t root = strlen(t->root_key), len;
	struct node *dir, *n;

	if (strncmp(key, t->root_key, root))
		return -ENOENT;
	scoped_lock(&t->locked.l);
	dir = t->locked.root;
	for (key += root;; key += len + 1) {
		len = strcspn(key, "/");
		n = find_part_locked(t, dir, key, len);
		if (!key[len] || !key[len + 1])
			break;
		if (!n || !n->is_dir)
			return -ENOENT;
		dir = n;
	}
	*ret_dir = take_locked(t, dir);
	*ret_n = n ? take_locked(t, n) : NULL;
	return 0;
}

void node_unref(struct node_table *t, struct node *n)
{
	if (!n)
		return;
	scoped_lock(&t->locked.l);
	assert(n->refs > 0);
	n->refs--;
	drop_locked(t, n);
}

void node_forget(struct node_table *t, uint64_t ino, uint64_t lookups)
{
	struct node *n;

	scoped_lock(&t->locked.l);
	n = node_find_ino_locked(t, ino);
	if (!n)
		return;
	n->lookups -= min_of(n->lookups, lookups);
	drop_locked(t, n);
}

uint64_t node_ino(const struct node *n)
{
	return n->ino;
}

bool node_is_dir(const struct node *n)
{
	return n->is_dir;
}

struct node_times *node_times(struct node *n)
{
	return &n->times;
}

uint64_t node_parent(struct node_table *t, const struct node *n)
{
	scoped_lock(&t->locked.l);
	return n->parent ? n->parent->ino : NODE_ROOT;
}

/* Writes the key ending at dst[end]; returns where it begins, or -1 when a part of the way is gone
 * or it is too long. */
static ssize_t key_backwards_locked(const struct node_table *t, const struct node *n, char *dst,
				    size_t end)
{
	size_t at = end, root = strlen(t->root_key);

	for (; n != t->locked.root; n = n->parent) {
		size_t len = n->parent ? strlen(n->name) : 0;

		if (!n->parent || at < len + 1)
			return -1;
		if (n->is_dir)
			dst[--at] = '/';
		at -= len;
		memcpy(dst + at, n->name, len);
	}
	if (at < root)
		return -1;
	at -= root;
	memcpy(dst + at, t->root_key, root);
	return (ssize_t)at;
}

int node_key(struct node_table *t, const struct node *n, char **ret_key)
{
	char key[4 * S3_KEY_MAX];
	ssize_t at;

	lock_take(&t->locked.l);
	at = key_backwards_locked(t, n, key, sizeof(key) - 1);
	lock_drop(&t->locked.l);
	if (at < 0)
		return -ESTALE;
	key[sizeof(key) - 1] = '\0';
	return str_dup(key + at, ret_key);
}

int node_child_key(struct node_table *t, uint64_t parent, const char *name, bool is_dir,
		   char **ret_key)
{
	auto_free char *dir_key = NULL;
	struct node *dir = NULL;
	int r = node_ref(t, parent, &dir);

	if (r)
		return r;
	r = node_key(t, dir, &dir_key);
	node_unref(t, dir);
	return r ? r : path_child_key(dir_key, name, is_dir, ret_key);
}

int node_name(struct node_table *t, const struct node *n, char **ret_name)
{
	scoped_lock(&t->locked.l);
	if (!n->parent && n != t->locked.root)
		return -ESTALE;
	return str_dup(n->name, ret_name);
}

/* --- changing names --------------------------------------------------------------------------- */

void node_remove(struct node_table *t, uint64_t parent, const char *name)
{
	struct node *n;

	scoped_lock(&t->locked.l);
	n = find_name_locked(t, parent, name);
	if (n)
		make_nameless_locked(t, n);
}

static void rename_locked(struct node_table *t, struct node *n, struct node *to, char *name)
{
	struct node *from = n->parent;

	unlink_name_locked(t, n);
	from->children--;
	free(n->name);
	n->name = name;
	n->parent = to;
	to->children++;
	link_name_locked(t, n);
	drop_locked(t, from);
}

int node_move(struct node_table *t, uint64_t parent, const char *name, uint64_t to_parent,
	      const char *to_name)
{
	auto_free char *copy = NULL;
	struct node *n, *to, *replaced;
	int r = str_dup(to_name, &copy);

	if (r)
		return r;
	scoped_lock(&t->locked.l);
	to = node_find_ino_locked(t, to_parent);
	n = find_name_locked(t, parent, name);
	if (!to || !to->is_dir)
		return -ESTALE;
	replaced = find_name_locked(t, to_parent, to_name);
	if (replaced == n && n)
		return 0;
	take_locked(t, to);
	if (replaced)
		make_nameless_locked(t, replaced);
	if (n)
		rename_locked(t, n, to, take_ptr(&copy));
	to->refs--;
	drop_locked(t, to);
	return 0;
}

/* --- open files ------------------------------------------------------------------------------- */

struct file *node_file(struct node_table *t, struct node *n)
{
	scoped_lock(&t->locked.l);
	return n->file;
}

uint64_t node_content(struct node_table *t, struct node *n)
{
	scoped_lock(&t->locked.l);
	return n->content;
}

void node_set_content(struct node_table *t, struct node *n, uint64_t content)
{
	scoped_lock(&t->locked.l);
	n->content = content;
}

void node_set_file(struct node_table *t, struct node *n, struct file *f)
{
	scoped_lock(&t->locked.l);
	if (f && !n->file) {
		n->file_prev = NULL;
		n->file_next = t->locked.first_file;
		if (n->file_next)
			n->file_next->file_prev = n;
		t->locked.first_file = n;
	} else if (!f && n->file) {
		if (n->file_prev)
			n->file_prev->file_next = n->file_next;
		else
			t->locked.first_file = n->file_next;
		if (n->file_next)
			n->file_next->file_prev = n->file_prev;
		n->file_prev = n->file_next = NULL;
	}
	n->file = f;
}
