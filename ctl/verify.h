/*
 * verify.h - inside crrctl verify. The versions of one key stand together in a group, on all sides;
 * groups come in batches, and each batch goes this way:
 *
 *	walk    listings in step, and what the queue knows (verify_walk.c)
 *	look    HEAD, tags and ACL of the versions that matter, in parallel (verify_look.c)
 *	pair    which rule selects it, which version there is its replica (verify_pair.c)
 *	prove   bodies whose ETags prove nothing (verify_body.c), in parallel
 *	tell    each difference, a line (verify_tell.c); what --repair makes of it (verify_repair.c)
 *
 * Memory is bounded by a batch, and by the versions of one key.
 */
#ifndef CTL_VERIFY_H
#define CTL_VERIFY_H

#include "base/map.h"
#include "base/pool.h"
#include "ctl/client.h"
#include "rules/rules.h"
#include "s3/acl.h"
#include "s3/types.h"

/* --- one version ------------------------------------------------------------------------------ */

struct v_version {
	char *id;
	bool marker, latest;
	bool look; /* to be asked about */
	/* what look found; err: it could not be read, why says it */
	struct s3_info info;
	struct kv tags;
	struct acl acl;
	bool has_acl;
	int err;
	char *why;
	/* of a destination: the source version in the ledger; NULL = the ledger has no entry */
	const char *ledger;
	bool paired;
};

struct v_side {
	struct v_version *v; /* newest first */
	size_t n, cap;
	struct map *by_id; /* -> struct v_version; made when the side is complete */
};

/* --- one destination's view of a key ---------------------------------------------------------- */

struct v_row { /* of the ledger */
	char *version, *replica;
	int64_t done_ms;
	bool marker; /* the replica is one; that of an object hides it (tags that match no more) */
};

struct v_job { /* not done */
	char *version, *why;
	enum job_kind kind;
	bool parked;
};

enum v_state {
	V_THERE,
	V_MISSING,
	V_BEHIND, /* on its way, or just arrived */
	V_FAILED, /* on its way no more: parked */
	V_BEFORE, /* nobody ever selected it: older than the rule, or than the first mount */
	V_UNREAD, /* one side could not be asked */
};

enum v_body { V_SAME, V_OTHER_SIZE, V_OTHER_ETAG, V_OTHER_BYTES, V_DOUBT };

struct v_pair {
	const struct v_version *src;
	struct v_version *dst; /* V_THERE, V_UNREAD */
	size_t at;	       /* of dst among its side */
	const struct rule *rule;
	enum v_state state;
	enum v_body body;
	bool order; /* it stands in the wrong place */
	bool busy;  /* a change of it is on its way */
	const char *why;
	int err; /* of the proving: V_DOUBT stays */
};

struct v_there {
	struct v_side side;
	struct v_row *rows;
	size_t rows_n;
	struct v_job *jobs;
	size_t jobs_n;
	struct v_pair *pairs; /* of the versions that a rule selects for it, newest first */
	size_t pairs_n;
	const struct v_version **extra; /* replicas of versions that are gone */
	size_t extra_n;
	size_t unselected;
};

struct v_group {
	char *key;
	int64_t since_ms; /* wall: its oldest listing was asked for then */
	struct v_side source;
	struct v_there *there; /* one per destination */
};

/* --- all -------------------------------------------------------------------------------------- */

struct v_dest {
	const char *arn;
	struct s3_client *client;
};

struct v_counts {
	uint64_t versions, pairs, equal, different, missing, extra, behind, failed, before,
		unproved, unread, unselected, queued, changed;
};

struct verify {
	const struct ctl_opts *o;
	struct ctl_client client;
	struct store *store; /* NULL: buckets without a mount */
	struct rule_set *rules;
	struct v_dest *dests;
	size_t dests_n;
	char *prefix;	   /* of the keys to compare */
	const char *exact; /* this key alone; NULL = all with the prefix */
	int64_t start_ms;  /* wall */
	struct pool *pool;
	bool bar; /* on a terminal */
	struct v_counts counts;
};

struct v_batch {
	struct v_group *groups;
	size_t n, cap;
	size_t versions;
};

/* Calls fn for each batch, in the order of keys. Says on stderr what is wrong. */
int verify_walk(struct verify *v, int (*fn)(struct verify *v, struct v_batch *b)) must_check;
/* fn(arg, 0..n-1) in the pool's threads, and by the caller; returns when all have run. */
void verify_parallel(struct verify *v, size_t n, void (*fn)(void *arg, size_t i), void *arg);

int verify_look(struct verify *v, struct v_batch *b) must_check;
/* Could a rule in force select this key for this destination, whatever its tags? */
bool verify_may_select(const struct verify *v, const char *key, const char *arn);
/* Pure, but for the ledger. */
int verify_pair(struct verify *v, struct v_group *g, size_t dest) must_check;
int verify_prove(struct verify *v, struct v_batch *b) must_check;
int verify_tell(struct verify *v, const struct v_group *g, size_t dest) must_check;
void verify_tell_summary(const struct verify *v);

/* What differs between the two, beside the body: fn is called for each, name NULL but for
 * "metadata". Pure. */
void verify_differences(const struct v_pair *p,
			void (*fn)(void *arg, const char *what, const char *name), void *arg);

/* Queues what heals this key at this destination. */
int verify_repair(struct verify *v, const struct v_group *g, size_t dest) must_check;

#endif
