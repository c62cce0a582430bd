/*
 * gate.h - a directory's rename and the changes below it keep out of each other's way: what changes
 * there while its keys are copied and deleted would be copied too early, or deleted too late.
 *
 * The rename shuts two gates, one after the other. Before the first one waits who is about to
 * change a key below: to remove, rename, make or tag it, or to set its attributes. Then what is
 * pending below is saved, for which the second one is open yet. Before that waits who makes a
 * version of an open file. Who waits finds the key that the file has then.
 *
 * gate_change comes before a file's busy mark, gate_commit after it. Neither is passed twice.
 */
#ifndef FS_GATE_H
#define FS_GATE_H

#include "fs/fs.h"
#include "fs/node.h"

struct gate {		       /* the file table's lock */
	const char *from, *to; /* directories' keys; NULL: nobody waits */
	bool taken;	       /* by a rename: one at a time */
	bool commits_wait;     /* the second is shut, too */
	unsigned changes;      /* of anything, under way */
	unsigned commits;
};

/* A change of names in one or two directories, or of a node itself; 0: none. Then gate_changed. */
int gate_change(struct fs *fs, uint64_t a, uint64_t b) must_check;
void gate_change_key(struct fs *fs, const char *key);
void gate_changed(struct fs *fs);
/* *ret_key: what to commit under. Then gate_committed. */
int gate_commit(struct fs *fs, const struct node *n, char **ret_key) must_check;
void gate_committed(struct fs *fs);

/* For the rename. While it has them no directory gets another key by anybody else. */
void gate_take(struct fs *fs);
/* These return when those who are through are done. Borrows from and to. */
void gate_shut_changes(struct fs *fs, const char *from, const char *to);
void gate_shut_commits(struct fs *fs);
void gate_open_commits(struct fs *fs);
void gate_give(struct fs *fs); /* opens both */

#endif
