/* queue.h - what crrctl queue does beside showing rows. */
#ifndef CTL_QUEUE_H
#define CTL_QUEUE_H

#include "base/json.h"
#include "ctl/ctl.h"

/* where: a state directory, a path in a mount, or a bucket with the usual state directory; NULL as
 * for ctl_find. */
int ctl_queue_check(const struct ctl_opts *o, const char *where);
int ctl_queue_repair(const struct ctl_opts *o, const char *where);
int ctl_queue_export(const struct ctl_opts *o, const char *where);

/* The state directory. Says on stderr what is wrong. */
int ctl_queue_find(const struct ctl_opts *o, const char *where, char **ret_dir) must_check;
/* A job's fields, as crrctl(1) lists them. */
void ctl_queue_fields(struct json_out *out, const struct job *j);

#endif
