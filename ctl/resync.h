/* resync.h - the parts of crrctl resync: its dry run and its report. */
#ifndef CTL_RESYNC_H
#define CTL_RESYNC_H

#include "ctl/ctl.h"
#include "queue/scan_plan.h"

/* Walks as the mount would and says what it would queue; makes nothing. Says what is wrong. Returns
 * an exit status. */
int ctl_resync_dry(const struct ctl_opts *o, struct store *s, const struct scan_args *a) must_check;

struct ctl_report {
	uint64_t completed, failed, pending, skipped;
};
/* Counts the rows of the scan, and writes them to path as CSV (NULL: nowhere). Says on stderr when
 * the file cannot be written. */
int ctl_report(struct store *s, int64_t scan, const char *path, struct ctl_report *ret_r)
	must_check;

#endif
