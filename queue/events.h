/*
 * events.h - tells what AWS tells of replication (S3 User Guide, "Receiving replication failure
 * events with Amazon S3 Event Notifications"): for each event one S3 event message, version 2.2,
 * a line of JSON, is appended to a file or given to a command. One thread, one event at a time.
 *
 *  OperationFailedReplication         a row is parked for the first time, or the first time
 *                                     after a person's retry; AWS: only where the rule has metrics
 *  OperationMissedThreshold           a row of a rule with a time is not done when that is over
 *  OperationReplicatedAfterThreshold  it is done after that
 *  OperationNotTracked                such a row's version is gone, or its rule has no time now
 *
 * What is to be told stands in the rows and is marked there after it was told: at least once.
 */
#ifndef QUEUE_EVENTS_H
#define QUEUE_EVENTS_H

#include "queue/repl.h"

struct events;

struct events_conf {
	struct store *store; /* both borrowed */
	struct repl *repl;
	const char *to; /* a path, or '|' and a command for /bin/sh; copied, as these are */
	const char *bucket, *region; /* of the source */
};

/* -errno with words in why: the file cannot be written to. */
int events_new(const struct events_conf *conf, struct events **ret_e, char *why, size_t why_len)
	must_check;
int events_start(struct events *e) must_check;
/* A row may have something to tell, or the rules changed. */
void events_wake(void *e);
void events_stop(struct events *e); /* a command under way is killed, and runs again next time */
void events_free(struct events *e); /* NULL is fine */

#endif
