/*
 * notify.h - tells the kernel that what it keeps is not so any more: by a thread of its own, since
 * the kernel may wait for an operation that is under way here. Thread-safe; nothing here waits.
 */
#ifndef FS_NOTIFY_H
#define FS_NOTIFY_H

#include "fs/node.h"

struct notify;
struct fuse_session;

int notify_new(struct node_table *nodes, struct notify **ret_n) must_check; /* borrows */
int notify_start(struct notify *n, struct fuse_session *se) must_check;	    /* borrows */
/* Nothing more is told. Waits for what is being told just now, and with it for the reads that the
 * kernel waits for: while they are still answered, and before the session goes. */
void notify_stop(struct notify *n);
void notify_free(struct notify *n); /* NULL is fine */

/* Attributes and pages of the key; other: and whether there is such a name. Matches
 * attr_changed_fn. */
void notify_key(void *n, const char *key, bool other);
/* The same of all that begin with this directory's key. */
void notify_below(struct notify *n, const char *dir_key);
/* The attributes alone, at once: also from within an operation, as the kernel waits for nothing. */
void notify_attrs(struct notify *n, uint64_t ino);

/* The kernel got to know a name. When it knows very many it is told to forget the oldest, so that
 * memory does not grow with the directories that are listed. */
void notify_known(struct notify *n);

#endif
