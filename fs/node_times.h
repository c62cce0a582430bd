/*
 * node_times.h - what happened to a node through this mount, for stat(2): S3 keeps neither time. A
 * change of the node itself is its ctime, one of the names in a directory its mtime, too, until
 * that is set. Thread-safe.
 */
#ifndef FS_NODE_TIMES_H
#define FS_NODE_TIMES_H

#include <stdint.h>
#include <sys/stat.h>

struct node_times {
	_Atomic int64_t changed, names_changed; /* wall ns; 0 never */
};

void node_times_changed(struct node_times *t);
void node_times_names_changed(struct node_times *t);
void node_times_mtime_is_set(struct node_times *t);
/* Puts them over what the object says. */
void node_times_to_stat(const struct node_times *t, struct stat *st);

#endif
