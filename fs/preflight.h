/*
 * preflight.h - what can be known to be wrong before anything is mounted, each with one line that
 * says what to do. The clients are made for the checks alone and give up soon.
 */
#ifndef FS_PREFLIGHT_H
#define FS_PREFLIGHT_H

#include "queue/dest.h"
#include "queue/repl.h"

/* Bucket there, credentials good, versioning enabled, or not needed. Unreachable is fatal, too. */
int preflight_source(struct s3_client *c, bool unversioned_ok, bool *ret_unversioned, char *why,
		     size_t why_len) must_check;
/* Warns when the lifecycle configuration expires objects as if the bucket had no versions. */
void preflight_lifecycle(struct s3_client *c);

struct preflight {
	struct dest_set *checks; /* whose clients give up soon */
	struct dest_set *dests;	 /* get the capabilities that are learnt */
	struct store *store;
	bool anew; /* what is known and remembered is not relied on */
	struct s3_client *source;
	struct buf *notes; /* lines for the terminal: what is no reason not to go on; NULL = none */
};

/*
 * Looks at every destination of an enabled rule that nobody has looked at (anew: at the others,
 * too, of which it only warns, as they are in use), all at once. Fatal: 403
 * for the bucket as a whole, 404, versioning that is there and not enabled, a certificate that
 * cannot be verified, the source itself. Only warned of: one that cannot be reached, as it may come
 * back; no versioning at all; permissions, which may be given where the rules write.
 */
int preflight_dests(const struct preflight *p, const struct rule_set *rs, char *why, size_t why_len)
	must_check;

#endif
