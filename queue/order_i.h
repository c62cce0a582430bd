/*
 * order_i.h - inside order*.c.
 *
 *  order.c       the thread, and which keys it looks at
 *  order_look.c  what to do about a key
 *  order_list.c  the newest version of many keys by few listings
 *  store_order.c which keys are to be looked at
 */
#ifndef QUEUE_ORDER_I_H
#define QUEUE_ORDER_I_H

#include "queue/order.h"
#include "s3/types.h"

/* --- order_list.c ----------------------------------------------------------------------------- */

/* The newest of one key. */
struct newest {
	bool there; /* false: the key has no version */
	bool is_marker;
	char *version;	  /* "" = none told */
	int64_t mtime_ms; /* of the server's clock */
};

void newest_free(struct newest *n);

/* Asks one bucket about keys in rising order; one page is kept. */
struct order_list {
	struct s3_client *client; /* borrowed */
	struct s3_page page;
	char *from; /* the page holds all versions of keys after this one, */
	char *to;   /* up to this one; NULL = to the end of the bucket */
};

int order_list_newest(struct order_list *l, const char *key, struct newest *ret_n,
		      struct s3_error *err) must_check;
void order_list_free(struct order_list *l);

/* --- order_look.c: the decision, pure --------------------------------------------------------- */

enum order_verdict {
	ORDER_GOOD,
	ORDER_YOUNG, /* somebody may be at work: look again */
	ORDER_ASK,   /* it may be lost: both sides are to be asked about this key */
	ORDER_SEND,  /* the source's current version is to be offered, as the current one */
};

struct order_facts {
	const struct newest *source, *dest;
	/* of the source's current version, by the ledger: NULL = unknown, "" = without an id */
	const char *replica;
	/* the ledger has the destination's current version as a replica of this key */
	bool dest_known;
	/* the rules look at tags, and what tags the source's version was born with nobody knows */
	bool tags_unknown;
	int64_t young_ms; /* a source version made since then is young */
	/* both sides were asked about this key, and the rest is known */
	bool asked;
	/* the version that the destination's current one is a replica of is still at the source,
	 * and is older than the current one */
	bool origin_behind;
	bool replica_there; /* `replica` was not removed at the destination */
};

enum order_verdict order_decide(const struct order_facts *f);

/* --- store_order.c ---------------------------------------------------------------------------- */

struct order_row {
	char *key;
	int64_t last; /* the newest row that is done, not looked at, and old enough */
};

void order_rows_free(struct order_row *rows, size_t n);
/* Keys of dest after `after` (NULL = from the first) in rising order, at most max; those with rows
 * that are not done, or younger than before_ms, are left out. */
int store_order_due(struct store *s, const char *dest, const char *after, int64_t before_ms,
		    size_t max, struct order_row **ret_rows, size_t *ret_n) must_check;
/* Rows of the key up to this one need no more looking. Not synced. */
int store_order_done(struct store *s, const char *dest, const struct order_row *row) must_check;

/* --- order_look.c ----------------------------------------------------------------------------- */

struct order_look {
	const struct order_conf *conf; /* these three borrowed */
	struct dest *dest;
	const struct order_row *row;
	struct newest source, there;
	char *replica; /* of the source's current version; NULL = not in the ledger */
	char *origin;  /* what the destination's current version is a replica of; NULL unknown */
	struct s3_error error;
};

void order_look_free(struct order_look *l);
/* With source and there filled: 1 = all is done about this key, 0 = it is to be looked at again. */
int order_look(struct order_look *l) must_check;

#endif
