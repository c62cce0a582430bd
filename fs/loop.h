/*
 * loop.h - the threads that take the kernel's requests and have them answered (fs/ops.h). libfuse
 * has such a loop, too. This one takes what is written in large pieces by a pipe and all else by
 * read(2), which is cheaper for what is small; and its end has two steps, since somebody may wait
 * for the kernel, which waits for an answer.
 */
#ifndef FS_LOOP_H
#define FS_LOOP_H

#include "base/base.h"

struct loop;
struct fuse_session;

/* What is asked for at once, at most: with its header (a page) it fits a pipe of 1 MiB, the largest
 * that a user may have by default (pipe(7)). */
#define LOOP_WRITE_BYTES (MIB - 4096)

int loop_new(struct fuse_session *se, struct loop **ret_l) must_check; /* borrows */
int loop_start(struct loop *l) must_check;
/* Until there is no mount any more, or loop_stop was called. Requests are still answered. 0, or why
 * the kernel cannot be asked any more. */
int loop_wait(struct loop *l) must_check;
void loop_stop(struct loop *l); /* loop_wait returns */
/* Answers what was taken, and takes nothing more. */
void loop_end(struct loop *l);
void loop_free(struct loop *l); /* after loop_end; NULL is fine */

#endif
