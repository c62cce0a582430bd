/* node_i.h - the table of inode numbers as the files of node*.c share it. */
#ifndef FS_NODE_I_H
#define FS_NODE_I_H

#include "base/lock.h"
#include "fs/node.h"

struct node {
	uint64_t ino; /* fixed */
	bool is_dir;  /* fixed */
	struct node_times times;
	/* the table's lock: */
	struct node *parent;
	char *name;
	uint64_t lookups, refs, children;
	struct file *file;
	uint64_t content;
	struct node *ino_next, *name_next;  /* hash chains */
	struct node *file_prev, *file_next; /* nodes that have a file */
	bool kept;
	struct node *kept_prev, *kept_next;
};

struct node_table {
	char *root_key; /* fixed */
	struct {
		struct lock l;
		struct node **by_ino, **by_name;
		size_t size; /* of both; a power of two */
		size_t n;
		uint64_t last_ino;
		uint64_t last_idle; /* up to which node_next_idle has gone */
		struct node *root;
		struct node *first_file;
		struct node *kept_oldest, *kept_newest;
		size_t kept_n;
	} locked;
};

static inline size_t node_ino_slot(uint64_t ino, size_t size)
{
	return (size_t)(ino * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (size - 1);
}

static inline struct node *node_find_ino_locked(const struct node_table *t, uint64_t ino)
{
	struct node *n = t->locked.by_ino[node_ino_slot(ino, t->locked.size)];

	while (n && n->ino != ino)
		n = n->ino_next;
	return n;
}

#endif
