/*
 * control.h - DIR/ctl.sock: what crrctl asks a running mount. One line in, one line of JSON out:
 * {"ok":true,...} or {"ok":false,"error":"..."}.
 *
 *      status          pid, version, mountpoint, bucket, prefix, open, dirty, deferred, held, rules
 *      reload          reads the rules again
 *      wake            the workers look for work now (a row was retried), and the scanner
 *      flush           held names go to the source now
 *      restore {"key":...,"version":...,"to":...}
 *                      history_restore: which version it was, and the one that was made; one at a
 *                      time, and the other questions are answered meanwhile
 */
#ifndef FS_CONTROL_H
#define FS_CONTROL_H

#include "fs/fs.h"
#include "fs/rulesrc.h"
#include "queue/scan.h"
#include "queue/worker.h"

struct control;

struct control_conf { /* all borrowed */
	const char *dir;
	const char *mountpoint, *bucket, *prefix;
	struct fs *fs;
	struct workers *workers;
	struct scan *scan;
	struct rulesrc *rules;
	struct dest_set *dests;
	struct store *store;
};

/* the socket is there, nobody answers yet */
int control_new(const struct control_conf *conf, struct control **ret_c) must_check;
int control_start(struct control *c) must_check;
void control_stop(struct control *c);
void control_free(struct control *c); /* stops first; NULL is fine */

#endif
