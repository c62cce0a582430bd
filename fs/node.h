/*
 * node.h - inode numbers: node <-> (parent, name). Numbers survive rename, and are not used again.
 * A node is used while the kernel (lookup count) or somebody here (reference) knows it, or a name
 * in it; after that its name keeps the number, unless 32768 others came after it. Thread-safe; no
 * network.
 */
#ifndef FS_NODE_H
#define FS_NODE_H

#include <stdint.h>

#include "base/base.h"
#include "fs/node_times.h"

struct node_table;
struct node;
struct file;

#define NODE_ROOT 1

/* root_key: "" or the mount's prefix */
int node_table_new(const char *root_key, struct node_table **ret_t) must_check;
void node_table_free(struct node_table *t);

/* The node of (parent, name), made when new, with one more lookup when `lookup`, and one more
 * reference (give it back with node_unref). A node whose kind has changed (file became directory)
 * is replaced by a new one. -ESTALE when parent is gone. */
int node_get(struct node_table *t, uint64_t parent, const char *name, bool is_dir, bool lookup,
	     struct node **ret_n) must_check;
/* Reference to a node by number; -ESTALE when unknown. */
int node_ref(struct node_table *t, uint64_t ino, struct node **ret_n) must_check;
/* Reference to a known node of (parent, name); -ENOENT when none. */
int node_find(struct node_table *t, uint64_t parent, const char *name, struct node **ret_n)
	must_check;
/* Of a key: the directory that it is in, and it (NULL when it is not known), both referenced.
 * -ENOENT when the directory is not known. */
int node_find_key(struct node_table *t, const char *key, struct node **ret_dir, struct node **ret_n)
	must_check;
void node_unref(struct node_table *t, struct node *n); /* NULL is fine */
void node_forget(struct node_table *t, uint64_t ino, uint64_t lookups);

uint64_t node_ino(const struct node *n);
bool node_is_dir(const struct node *n);
struct node_times *node_times(struct node *n); /* lives as long as n */
uint64_t node_parent(struct node_table *t, const struct node *n);
/* Full key with the mount's prefix, "d/" for directories ("" or prefix for the root). New string.
 * -ESTALE when the node was removed. */
int node_key(struct node_table *t, const struct node *n, char **ret_key) must_check;
/* The key of a name in a directory, whether it is there or not. -ENAMETOOLONG, -ESTALE. */
int node_child_key(struct node_table *t, uint64_t parent, const char *name, bool is_dir,
		   char **ret_key) must_check;
int node_name(struct node_table *t, const struct node *n, char **ret_name) must_check;

/* Takes the name away (unlink, rmdir); the node lives on nameless while used. No node of that name
 * is fine. */
void node_remove(struct node_table *t, uint64_t parent, const char *name);
/* (parent, name) becomes (to_parent, to_name); a node that had that name is removed as above. */
int node_move(struct node_table *t, uint64_t parent, const char *name, uint64_t to_parent,
	      const char *to_name) must_check;

/* The open object of a node; set and cleared by file.c only. Stored as a borrowed pointer. */
struct file *node_file(struct node_table *t, struct node *n);
/* What the kernel may have pages of: a number for the content, 0 for none. It has them no longer
 * than it knows the node. */
uint64_t node_content(struct node_table *t, struct node *n);
void node_set_content(struct node_table *t, struct node *n, uint64_t content);
void node_set_file(struct node_table *t, struct node *n, struct file *f);
/* Calls fn, without the table's lock, for each node with an open object that is below dir (or is a
 * direct child only, when direct). Nodes are referenced meanwhile. */
int node_each_file(struct node_table *t, struct node *dir, bool direct,
		   int (*fn)(void *arg, struct node *n), void *arg) must_check;

size_t node_count(struct node_table *t); /* of those that are used */
/* A file that nobody here uses, those first that were found first: for the kernel to forget. Its
 * directory's number and its name (new string); -ENOENT: none, or not soon. */
int node_next_idle(struct node_table *t, uint64_t *ret_dir, char **ret_name) must_check;

/* The numbers of all named nodes below dir that are used, and its own; new array. */
int node_list_below(struct node_table *t, struct node *dir, uint64_t **ret_inos, size_t *ret_n)
	must_check;

#endif
