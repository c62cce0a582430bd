/*
 * scan_plan.h - what a walk over the source bucket wants of one key: pure deciding, and the wishes
 * of the person who asked for the walk.
 *
 * Sources: S3 User Guide, "Replicating existing objects with Batch Replication" (which statuses can
 * be asked for, tags as they are now); no client can put a version into the middle of a history, so
 * what is missing goes oldest first, and where a newer one stands at the destination already, the
 * newest is sent again at the end. A replica that arrived here is not missing on the side it came
 * from: before anything is sent again for a version's sake it is asked whether it is one.
 */
#ifndef QUEUE_SCAN_PLAN_H
#define QUEUE_SCAN_PLAN_H

#include "base/kv.h"
#include "rules/rules.h"

/* How a version stands with a destination; as a mask in scan_args.statuses. */
enum scan_status {
	SCAN_NONE = 1,	    /* never queued for it, and not in the ledger */
	SCAN_PENDING = 2,   /* a row is not done */
	SCAN_FAILED = 4,    /* parked */
	SCAN_COMPLETED = 8, /* its replica stands, as far as the ledger knows */
	SCAN_REPLICA = 16,  /* it is a replica itself */
	SCAN_NOTHING = 32,  /* a copy was tried and found nothing to do: a replica, or gone */
	SCAN_TAKEN = 64,    /* this walk queued it already: it was interrupted here */
};
#define SCAN_STATUS_DEFAULT (SCAN_NONE | SCAN_FAILED)

struct scan_args {
	char *prefix;		     /* of keys; never NULL */
	char *dest;		     /* ARN; NULL = all */
	int64_t after_ms, before_ms; /* made in [after, before); 0 = any */
	unsigned statuses;
	bool current_only;
};

void scan_args_free(struct scan_args *a); /* empties */
int scan_args_to_json(const struct scan_args *a, struct buf *out) must_check;
int scan_args_from_json(const char *text, struct scan_args *ret_a) must_check;
/* "NONE,FAILED" as a mask. -EINVAL */
int scan_statuses_parse(const char *words, unsigned *ret_mask) must_check;

struct scan_version {
	char *id; /* NULL: the server tells none */
	uint64_t size;
	int64_t mtime_ms;
	bool delete_marker, latest;
	bool wanted; /* the walk is about it; the others only tell where it belongs */
	/* filled by learn (tags) and mark (replica); gone and refused by both */
	bool learned, marked;
	bool gone;
	bool refused; /* the source does not let us read it: it is left out */
	bool replica; /* it carries a replica's mark; false also where nobody asked */
	bool counted; /* some destination is taken to miss it; it may be a replica */
	struct kv tags;
};

/* All versions of one key, newest first. */
struct scan_key {
	char *name;
	struct scan_version *versions;
	size_t n, cap;
};

void scan_key_free(struct scan_key *k); /* empties */

struct scan_view {
	struct rule_set *rules;
	bool all_deletes; /* as in repl_conf */
	/* Asks the source for the tags; sets learned, gone or refused. */
	int (*learn)(void *arg, const struct scan_key *k, struct scan_version *v);
	/* Asks it whether the version is a replica; sets marked, gone or refused. */
	int (*mark)(void *arg, const struct scan_key *k, struct scan_version *v);
	int (*status)(void *arg, const struct scan_key *k, const struct scan_version *v,
		      const char *dest, enum scan_status *ret_s);
	void *arg;
};

struct scan_step {
	size_t version;
	const char *dest;	   /* borrowed of the rules */
	bool retry;		   /* make the parked row ready; else queue a new one */
	bool again, repair, relay; /* as in struct repl_offer; relay is its `replicas` */
};

struct scan_plan {
	struct scan_step *steps;
	size_t n, cap;
	uint64_t skipped; /* wanted and selected by a rule, but they have what they need */
	uint64_t refused; /* wanted, but the source does not let us read them */
};

void scan_plan_free(struct scan_plan *p); /* empties */
/* ret_p must be empty. */
int scan_plan_key(const struct scan_view *view, const struct scan_args *a, struct scan_key *k,
		  struct scan_plan *ret_p) must_check;
/* Must the version be learned before the rules can decide? */
bool scan_plan_needs_tags(const struct scan_view *view, const struct scan_key *k);
/* The version whose tags decide for v: v, or what a delete marker hides. NULL: there is none. */
struct scan_version *scan_plan_tagged(const struct scan_key *k, size_t v);

#endif
