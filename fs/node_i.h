/* node_i.h - the table of inode numbers as the files of node*.c share it. */
#ifndef FS_NODE_I_H
#define FS_NODE_I_H

#include <stdatomic.h>

#include "base/lock.h"
#include "fs/node.h"

struct node {
	uint64_t ino;				/* fixed */
	bool is_dir;				/* fixed */
	_Atomic int64_t changed, names_changed; /* wall ns; 0 never */
	/* the table's lock: */
	struct node *parent;
	char *name;
	uint64_t lookups, refs, children;
	struct file *file;
	uint64_t content;
	struct node *ino_next, *name_next;  /* hash chains */
	struct node *file_prev, *file_next; /* nodes that have a file */
};

struct node_table {
	char *root_key; /* fixed */
	struct {
		struct lock l;
		struct node **by_ino, **by_name;
		size_t size; /* of both; a power of two */
		size_t n;
		uint64_t last_ino;
		struct node *root;
		struct node *first_file;
	} locked;
};

#endif
