/*
 * dest_i.h - inside dest.c and destconf.c: the file of destinations, and the gauge of one
 * destination's health. Pure but for the file.
 */
#ifndef QUEUE_DEST_I_H
#define QUEUE_DEST_I_H

#include "queue/dest.h"

/* --- the file --------------------------------------------------------------------------------- */

enum destconf_choice { DESTCONF_UNSET = 0, DESTCONF_NO, DESTCONF_YES };

struct destconf_section {
	char *arn;
	char *url, *region, *profile, *passwd_file, *cacert; /* NULL = not given */
	enum destconf_choice path_style, no_check_certificate, allow_http;
	enum destconf_choice unversioned_ok, class_fallback;
};

/* [rule ID] */
struct destconf_rule {
	char *id;
	enum durability durability;
};

struct destconf {
	struct destconf_section *sections;
	size_t n;
	struct destconf_rule *rules;
	size_t rules_n;
};

int destconf_read(const char *file, struct destconf *ret_c, char *why, size_t why_len) must_check;
/* file is only for the words. */
int destconf_parse(const char *file, const char *text, struct destconf *ret_c, char *why,
		   size_t why_len) must_check;
void destconf_free(struct destconf *c);
/* NULL when absent */
const struct destconf_section *destconf_find(const struct destconf *c, const char *arn);
/*
 * The bucket's name inside an ARN (borrowed from it), or NULL when it is not the ARN of a bucket.
 */
const char *destconf_arn_bucket(const char *arn);

/* --- the gauge -------------------------------------------------------------------------------- */

enum dest_state { DEST_OPEN, DEST_PAUSED, DEST_PROBING };

#define DEST_FAILURES_MAX   3 /* in a row, then it is paused */
#define DEST_PAUSE_FIRST_MS 2000
#define DEST_PAUSE_MAX_MS   60000
#define DEST_AT_ONCE	    16

struct dest_gauge {
	enum dest_state state;
	unsigned at_once;
	unsigned running;
	unsigned failures; /* in a row, while open */
	unsigned pauses;   /* in a row, without a success between */
	int64_t until_ms;  /* paused */
	int64_t since_ms;  /* of this spell of pauses */
	char why[256];
};

bool dest_gauge_admit(struct dest_gauge *g, int64_t now_ms);
bool dest_gauge_note(struct dest_gauge *g, int err, const struct s3_error *e, int64_t now_ms);

/*
 * Is this the trouble of a destination as a whole (no answer, 5xx, throttling, credentials that ran
 * out), not of one job?
 */
bool dest_is_sick(int err, const struct s3_error *e);
/* Credentials that a refresh or the right time will mend. */
bool dest_is_stale_cred(const struct s3_error *e);

#endif
