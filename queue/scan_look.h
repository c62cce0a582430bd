/* scan_look.h - what a plan asks: the source about tags and marks, the rows and the ledger about a
 * destination. */
#ifndef QUEUE_SCAN_LOOK_H
#define QUEUE_SCAN_LOOK_H

#include "queue/scan_plan.h"
#include "queue/store.h"
#include "s3/client.h"

struct scan_look { /* all borrowed */
	struct store *store;
	struct s3_client *source;
	struct rule_set *rules;
	bool all_deletes; /* as in repl_conf */
	const struct scan_args *args;
	int64_t batch;	       /* the rows of this scan are TAKEN; 0 = none are */
	struct s3_error error; /* of the source, when a question failed */
};

/* Borrows look. */
struct scan_view scan_look_view(struct scan_look *look);
/* The version's tags: learn of struct scan_view. */
int scan_look_learn(void *look, const struct scan_key *k, struct scan_version *v) must_check;
/* Is the version in what the person asked for, as far as the listing tells? */
bool scan_look_wants(const struct scan_args *a, const struct scan_version *v);
/* Matches scan_list_fn; arg is the struct s3_client. */
int scan_look_list(void *client, const char *prefix, const char *key_marker,
		   const char *version_marker, struct s3_page *ret_p, struct s3_error *err)
	must_check;

#endif
