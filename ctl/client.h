/*
 * client.h - S3 clients for the commands that talk to the buckets themselves. Where they are: the
 * options of the command line (--url, --profile, ...); what is not given is as the mount has it.
 */
#ifndef CTL_CLIENT_H
#define CTL_CLIENT_H

#include "ctl/ctl.h"
#include "queue/dest.h"
#include "s3/client.h"

struct ctl_client {
	struct s3_client *source;
	struct dest_set *dests;
	char *bucket, *prefix; /* of the mount; "" = the whole bucket */
	char *state;	       /* its state directory; NULL = no mount: bucket was given */
};

/* bucket given ("NAME" or "s3://NAME[/PREFIX]"): that one, by the options alone; NULL: the bucket
 * of the mount that --state, path, or the only mount there is names; an ARN: no source, only the
 * destinations. No request is made. Says on
 * stderr what is wrong. */
int ctl_client_new(const struct ctl_opts *o, const char *bucket, const char *path,
		   struct ctl_client *ret_c) must_check;
void ctl_client_free(struct ctl_client *c); /* empties it */

/* Prints to stderr "crrctl: WHAT: 403 AccessDenied: ...". */
void ctl_say_s3(const char *what, int err, const struct s3_error *e);

#endif
