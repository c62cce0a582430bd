/*
 * daemon.h - into the background: the child does everything, the parent waits until it says how it
 * went, prints that and exits with its code.
 */
#ifndef FS_DAEMON_H
#define FS_DAEMON_H

#include "base/base.h"
#include "base/log.h"

enum daemon_exit { DAEMON_OK = 0, DAEMON_FAILED = 1, DAEMON_MOUNT_FAILED = 32 };

struct daemon {
	int fd; /* to the parent; -1 in front, and after the report */
	bool front;
};

/* Forks unless front; only the child returns. Logs go to syslog, or to stderr in front. Before any
 * thread and any other file. */
int daemon_start(bool front, enum log_level level, struct daemon *ret_d) must_check;
/* Says how it went; the parent hears the first time only. message (may be NULL) is one line without
 * its end. The caller goes on, or exits with the same code. */
void daemon_report(struct daemon *d, enum daemon_exit code, const char *message);

#endif
