/*
 * scan_i.h - what the files of the scanner share.
 *
 *  scan.c        the thread: whose turn it is
 *  scan_run.c    one page of one walk, from the listing to rows and counters
 *  scan_walk.c   pages -> keys
 *  scan_plan.c   a key -> what to queue (pure)
 *  scan_look.c   what the plan asks
 *  scan_args.c   wishes as text
 */
#ifndef QUEUE_SCAN_I_H
#define QUEUE_SCAN_I_H

#include "base/map.h"
#include "queue/scan.h"
#include "queue/scan_look.h"
#include "queue/scan_walk.h"
#include "queue/store_scan.h"

/*
 * The clocks of two machines that talk S3 differ by less: a request is refused beyond (S3 API
 * Reference, "RequestTimeTooSkewed").
 */
#define SCAN_SKEW_MS ((int64_t)15 * 60 * 1000)

/* A walk at work. Owned by the scanner's thread. */
struct scan_run {
	const struct scan_conf *conf; /* borrowed */
	bool active;
	struct scan_row row;
	struct scan_args args;
	struct scan_walk walk;
	struct scan_look look; /* rules: a reference of its own while a page is handled */
	/* key -> int64_t *: when its oldest open ticket was begun */
	struct map *busy;
	/* The watch: versions that it looked at in this cycle, and in the one before. */
	struct map *seen, *seen_before;
	int64_t page_ms;     /* wall: when the page at hand was asked for */
	const int *stopping; /* atomic; borrowed */
};

/* Takes row on success. -EINVAL: its args make no sense. */
int scan_run_begin(struct scan_run *run, struct scan_row *row) must_check;
/* *ret_end: all keys are done. -ECANCELED: told to stop. run->look.error: of the source. */
int scan_run_page(struct scan_run *run, bool *ret_end) must_check;
void scan_run_end(struct scan_run *run); /* empties; conf and stopping stay */

#endif
