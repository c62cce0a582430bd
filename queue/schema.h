/* schema.h - the queue database: numbered SQL steps from version 0 to now. */
#ifndef QUEUE_SCHEMA_H
#define QUEUE_SCHEMA_H

#include "base/db.h"

/* Brings db to the newest version in one transaction. -EPROTO with words when it was made by a
 * newer crrfs. */
int schema_upgrade(struct db *db, char *why, size_t why_len) must_check;
/* For a repair. Which version it says it is; one that cannot be: the newest. Needs the lock. */
int64_t schema_version(struct db *db);
/* Makes an empty queue of that version of an empty db. */
int schema_make(struct db *db, int64_t version, char *why, size_t why_len) must_check;

#endif
