/* settle.h - a thread that wakes when the time of what is held is up, and the threads that then
 * commit it, several at once. */
#ifndef FS_SETTLE_H
#define FS_SETTLE_H

#include "fs/fs.h"

struct settle;

int settle_new(struct fs *fs, struct settle **ret_s) must_check;
int settle_start(struct settle *s) must_check;
void settle_stop(struct settle *s);
void settle_free(struct settle *s);
/* Runs fn in one of them; blocks while all have enough to do. -ECANCELED: it will not run. */
int settle_submit(struct settle *s, pool_fn *fn, void *arg) must_check;
/* A held file has this deadline now (mono ms): the thread wakes for it. */
void settle_note(struct settle *s, int64_t deadline_mono_ms);

#endif
