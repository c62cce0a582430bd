/* buckets.h - the source, the rules and the destinations of one mount, made from its configuration
 * and checked. */
#ifndef FS_BUCKETS_H
#define FS_BUCKETS_H

#include "fs/config.h"
#include "fs/rulesrc.h"

struct buckets {
	struct s3_client *client;
	struct dest_set *dests;
	struct rulesrc *rulesrc;
	struct rule_set *rules; /* at the start */
	/* new versions get a retention by themselves, or that is not known */
	bool ask_lock;
	bool unversioned;	   /* the source keeps no versions */
	struct buf notes;	   /* what the terminal shall show at the start */
	const struct config *conf; /* borrowed */
	struct store *store;	   /* borrowed */
};

/* What can be wrong with the source, the rules and the destinations file: one line in why. b must
 * be all zero; buckets_close also after a failure. */
int buckets_open(const struct config *c, struct buckets *b, char *why, size_t why_len) must_check;
/* The source alone, for a mount that only shows what was. */
int buckets_open_source(const struct config *c, struct buckets *b, char *why, size_t why_len)
	must_check;
/* Looks at the destinations, now and whenever the rules are read again; s remembers what each can
 * do. */
int buckets_check(struct buckets *b, struct store *s, char *why, size_t why_len) must_check;
void buckets_abort(struct buckets *b); /* every request ends soon */
void buckets_close(struct buckets *b);

#endif
