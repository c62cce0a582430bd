/*
 * store_scan.h - the rows of walks over the source bucket (queue/scan.h), what is left of what they
 * queued, and the report of it.
 *
 *  state    meaning                                  leaves to
 *  running  a mount walks, or the next one will      done, stopped, failed
 *  done     all keys were looked at
 *  stopped  by a person; what it queued stays
 *  failed   the source does not let us; why says so
 */
#ifndef QUEUE_STORE_SCAN_H
#define QUEUE_STORE_SCAN_H

#include "queue/store.h"

enum scan_state { SCAN_RUNNING, SCAN_DONE, SCAN_STOPPED, SCAN_BROKEN };

struct scan_row {
	int64_t id;
	bool watch; /* else a resync */
	enum scan_state state;
	char *args;	    /* JSON: scan_args_from_json */
	char *key_marker;   /* all keys up to this one are done; NULL = none yet */
	int64_t started_ms; /* wall */
	/* The watch: versions made before since_ms were seen by an earlier cycle, or were there
	 * before the watch. When this cycle ends, that is true of all made before upto_ms; 0 = no
	 * cycle was begun. */
	int64_t since_ms, upto_ms;
	uint64_t seen, queued, skipped; /* versions; rows; versions that had what they need */
	/* Left out: the source does not let us read them; (resync) of files being written */
	uint64_t refused, busy;
	int64_t updated_ms;
	char *why; /* the last trouble; NULL = none */
};

void scan_row_free(struct scan_row *r); /* empties */
const char *scan_state_name(enum scan_state s);

int store_scan_add(struct store *s, bool watch, const char *args, int64_t *ret_id) must_check;
/* The oldest of its kind that runs. -ENOENT. */
int store_scan_next(struct store *s, bool watch, struct scan_row *ret_r) must_check;
int store_scan_get(struct store *s, int64_t id, struct scan_row *ret_r) must_check; /* -ENOENT */
/* Writes how far it is. -ENOENT: it does not run any more. */
int store_scan_save(struct store *s, const struct scan_row *r) must_check;
/* -ENOENT: no resync of this number runs. */
int store_scan_stop(struct store *s, int64_t id) must_check;
int store_each_scan(struct store *s, int (*fn)(void *arg, const struct scan_row *r), void *arg)
	must_check;

/* What lies before a destination. ready: rows of resyncs, counted up to max; held: all rows that
 * are neither done nor parked. */
struct scan_load {
	uint64_t ready, held;
	bool paused;
};
int store_scan_load(struct store *s, const char *dest, unsigned max, struct scan_load *ret_l)
	must_check;
/* Rows of a scan that are neither done nor parked. */
struct scan_left {
	uint64_t rows, bytes;
};
int store_scan_left(struct store *s, int64_t id, struct scan_left *ret_l) must_check;
/* The parked row of this version becomes ready and one of the scan's. *ret_was: there was one. */
int store_scan_retry(struct store *s, int64_t id, const char *dest, const char *key,
		     const char *version, bool *ret_was) must_check;
/* Each row that the scan made or retried, in the order of commit. late: a newer version was at the
 * destination before it. Rows that make no sense are left out, and the answer is then -EIO. */
int store_each_scanned(struct store *s, int64_t id,
		       int (*fn)(void *arg, const struct job *j, bool late), void *arg) must_check;

#endif
