/*
 * mount.h - the libfuse session, and the thread that hears the signals: TERM and INT end it (once
 * more, or drain_ms later: hurry; a third time: at once), HUP reloads, USR2 steps through the log
 * levels.
 */
#ifndef FS_MOUNT_H
#define FS_MOUNT_H

#include "fs/fs.h"

struct mount;

struct mount_conf {
	const char *source; /* "s3://bucket[/prefix]": fsname */
	const char *mountpoint;
	const char *options; /* for libfuse; "" = none */
	struct fs *fs;
	int64_t drain_ms; /* how long the end may wait for anything */
	void (*on_reload)(void *arg); /* both in the signal thread */
	void (*on_hurry)(void *arg);  /* the end must not wait for anything any more */
	void *arg;
};

/* The kernel mount is done on success. Blocks the signals in the calling thread, which must be the
 * one of mount_serve. One line in why. */
int mount_new(const struct mount_conf *conf, struct mount **ret_m, char *why, size_t why_len)
	must_check;
/* Answers the kernel until unmounted or told to stop; then it is unmounted. */
int mount_serve(struct mount *m) must_check;
/* The time for the end runs from now, or from the signal that told it to end. */
void mount_begin_end(const struct mount *m);
bool mount_is_hurried(const struct mount *m);
void mount_free(struct mount *m); /* unmounts, ends the signal thread; NULL is fine */

#endif
