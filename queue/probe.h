/*
 * probe.h - what the server of a destination can do (s3/caps.h): as it was remembered, where that
 * is young, nothing is missing, and a short look finds it still true; else it is tried and
 * remembered.
 */
#ifndef QUEUE_PROBE_H
#define QUEUE_PROBE_H

#include "queue/dest.h"
#include "queue/store.h"

#define PROBE_REMEMBERED_MS ((int64_t)7 * 24 * 3600 * 1000)

/*
 * c: a client of the bucket arn, not always the destination's own. anew: all is tried, whatever is
 * remembered. 0: ret_c, and *err as
 * caps_probe. -errno with *err: nothing could be learnt. A store that fails makes it forget, no
 * more.
 */
int probe_caps(struct store *s, const char *arn, struct s3_client *c, bool anew,
	       struct s3_caps *ret_c, struct s3_error *err) must_check;
/* For the next mount, when another has tried it. A failure is logged. */
void probe_remember(struct store *s, const char *arn, struct s3_client *c,
		    const struct s3_caps *caps);
/* Learns them for d, unless they are known; one thread does, the others wait for it. */
int probe_dest(struct store *s, struct dest *d, struct s3_error *err) must_check;

#endif
