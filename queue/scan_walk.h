/*
 * scan_walk.h - from pages of ListObjectVersions to one key at a time with all its versions. Keeps
 * a page and one key, however large the bucket is.
 *
 * A walk can be stopped after any key and gone on with from there, by the key alone. What a handler
 * refuses is handed to it again by the next call.
 */
#ifndef QUEUE_SCAN_WALK_H
#define QUEUE_SCAN_WALK_H

#include "queue/scan_plan.h"
#include "s3/fault.h"
#include "s3/types.h"

#define SCAN_PAGE 1000 /* versions; S3's most */

typedef int scan_list_fn(void *arg, const char *prefix, const char *key_marker,
			 const char *version_marker, struct s3_page *ret_p, struct s3_error *err);

struct scan_walk {
	scan_list_fn *list;
	void *list_arg;	    /* borrowed */
	const char *prefix; /* borrowed */
	char *done_key;	    /* all keys up to it were handled; NULL = none */
	char *next_key, *next_version;
	struct s3_page page;
	size_t at; /* in the page */
	bool loaded;
	bool last;	     /* there is no page after this one */
	bool end;	     /* all keys were handled */
	uint64_t seen;	     /* versions */
	struct scan_key key; /* being gathered */
};

/* done_key (may be NULL) is copied: where to go on. */
int scan_walk_init(struct scan_walk *w, scan_list_fn *list, void *list_arg, const char *prefix,
		   const char *done_key) must_check;
void scan_walk_free(struct scan_walk *w); /* empties */
/* Reads a page unless one is at hand. err: filled when the listing fails. */
int scan_walk_load(struct scan_walk *w, struct s3_error *err) must_check;
/* Hands each key that is complete with it to fn; the versions may be written to. */
int scan_walk_page(struct scan_walk *w, int (*fn)(void *arg, struct scan_key *k), void *arg)
	must_check;

#endif
