/*
 * preflight.h - what can be known to be wrong before anything is mounted, each with one line that
 * says what to do. The clients are made for the checks alone and give up soon.
 */
#ifndef FS_PREFLIGHT_H
#define FS_PREFLIGHT_H

#include "queue/dest.h"
#include "queue/repl.h"

/* Bucket there, credentials good, versioning enabled. Unreachable is fatal as well. */
int preflight_source(struct s3_client *c, char *why, size_t why_len) must_check;
/* Warns when the lifecycle configuration expires objects as if the bucket had no versions. */
void preflight_lifecycle(struct s3_client *c);
/* Every destination of an enabled rule: 403, 404, no versioning, a certificate that cannot be
 * verified, or the source itself are fatal; one that cannot be reached is logged: it may come back.
 * */
int preflight_dests(struct dest_set *ds, const struct rule_set *rs, struct s3_client *source,
		    char *why, size_t why_len) must_check;

#endif
