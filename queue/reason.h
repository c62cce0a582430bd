/*
 * reason.h - why a job failed, by the names that AWS gives in failureReason, and what may mend it.
 * Pure. S3 User Guide, "Amazon S3 replication failure reasons".
 */
#ifndef QUEUE_REASON_H
#define QUEUE_REASON_H

#include "queue/job.h"
#include "s3/fault.h"

/* A static name, or "" when AWS has none for it. error->op may be "": the kind then tells which
 * permission was missing. */
const char *reason_of(enum job_kind kind, bool at_source, const struct s3_error *error);

/* How it is found out that the cause is gone. */
enum reason_cure {
	CURE_SLOW,	/* the fault of one object: it is tried itself, seldom */
	CURE_SCOUT,	/* one job of many is tried */
	CURE_BUCKET,	/* HEAD of the destination's bucket */
	CURE_VERSIONING /* its versioning: a job would go through, and make no version */
};
enum reason_cure reason_cure(const char *reason);

#endif
