/* settle.h - one thread that commits held names when their time is up. Files put themselves in and
 * take themselves out. */
#ifndef FS_SETTLE_H
#define FS_SETTLE_H

#include "fs/fs.h"

struct settle;

int settle_new(struct fs *fs, struct settle **ret_s) must_check;
int settle_start(struct settle *s) must_check;
void settle_stop(struct settle *s);
void settle_free(struct settle *s);
/* A held file has this deadline now (mono ms): the thread wakes for it. */
void settle_note(struct settle *s, int64_t deadline_mono_ms);

#endif
