/*
 * cred.h - credentials. A `struct cred` is immutable and refcounted; a `struct cred_source` finds
 * and refreshes them. Order, unless the configuration names one: passwd_file, profile, environment
 * (AWS_ACCESS_KEY_ID, ...), profile "default".
 */
#ifndef S3_CRED_H
#define S3_CRED_H

#include "base/base.h"

struct cred {
	const char *key_id;
	const char *secret;
	const char *session_token; /* NULL = none */
	int64_t expires_ms;	   /* wall; CLOCK_NEVER */
};

struct cred_source;

struct cred_conf {
	/* s3fs form: "ID:SECRET" or "BUCKET:ID:SECRET" lines; refused when others may read it */
	const char *passwd_file;
	/* section of ~/.aws/credentials or "profile NAME" of ~/.aws/config */
	const char *profile;
	const char *bucket; /* selects the line of passwd_file; may be NULL */
};

/* Reads at once; words of what is wrong and what to do in why. -EACCES (file readable by others),
 * -ENOENT (none found), -EINVAL. */
int cred_source_new(const struct cred_conf *conf, struct cred_source **ret_s, char *why,
		    size_t why_len) must_check;
void cred_source_free(struct cred_source *s);
/* One reference to the current credentials; the files are read again when they changed since
 * (mtime). */
int cred_source_get(struct cred_source *s, const struct cred **ret_c) must_check;
void cred_unref(const struct cred *c);
/* The region that the profile names, or AWS_REGION / AWS_DEFAULT_REGION; NULL when none. Borrowed.
 * */
const char *cred_source_region(const struct cred_source *s);
/* For tests: a source with fixed content. */
int cred_source_static(const char *key_id, const char *secret, const char *token,
		       struct cred_source **ret_s) must_check;

#endif
