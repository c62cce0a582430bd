/*
 * order.h - looks, some time after a copy, whether the destination's current version of that key is
 * the one that corresponds to the source's current version. Another mount or tool that writes the
 * same key can have been faster on one side and slower on the other, and a client cannot put a
 * version into a key's history afterwards: where order was lost the current version is sent once
 * more, and no version is dropped. What somebody removed for good, on either side, is no loss of
 * order: S3 replicates no delete of a version id, and sends no replica again that was removed so
 * (S3 User Guide, "How delete operations affect replication", DstObjectHardDeleted).
 *
 * One listing on each side serves all keys that stand close together, so that a folder of a
 * thousand files costs two requests; where something seems wrong the key is asked for by itself.
 * What is left to be looked at is in the rows: the next mount goes on.
 */
#ifndef QUEUE_ORDER_H
#define QUEUE_ORDER_H

#include "queue/repl.h"

struct order;

struct order_conf { /* all borrowed */
	struct store *store;
	struct repl *repl;
	struct dest_set *dests;
	struct s3_client *source;
	int64_t after_ms;    /* a copy is looked at when it is so old; 0 = none is */
	bool tags_at_create; /* as in repl_conf */
};

int order_new(const struct order_conf *conf, struct order **ret_o) must_check;
int order_start(struct order *o) must_check;
void order_stop(struct order *o); /* within one request; s3_client_abort ends that too */
void order_free(struct order *o); /* stops first; NULL is fine */

#endif
