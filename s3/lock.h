/*
 * lock.h - Object Lock: retention and legal hold of one version, and the bucket's default. version
 * NULL = current. Source: S3 User Guide, "Locking objects with Object Lock".
 */
#ifndef S3_LOCK_H
#define S3_LOCK_H

#include "s3/client.h"
#include "s3/types.h"

struct s3_retention {
	char mode[16];	  /* "GOVERNANCE", "COMPLIANCE"; "" = none */
	int64_t until_ms; /* wall */
};

/* No retention: 0 with mode "" (servers answer with 404 NoSuchObjectLockConfiguration). */
int retention_get(struct s3_client *c, const char *key, const char *version,
		  struct s3_retention *ret_r, struct s3_error *err) must_check;
/* Never with x-amz-bypass-governance-retention. mode "" removes it, where the server lets us. */
int retention_put(struct s3_client *c, const char *key, const char *version,
		  const struct s3_retention *r, struct s3_error *err) must_check;
int legal_hold_get(struct s3_client *c, const char *key, const char *version, bool *ret_on,
		   struct s3_error *err) must_check;
int legal_hold_put(struct s3_client *c, const char *key, const char *version, bool on,
		   struct s3_error *err) must_check;

/* For a version just made with these opts (may be NULL): puts what of its retention and legal hold
 * the server has dropped (Ceph: at CreateMultipartUpload and at a copy). */
int lock_ensure(struct s3_client *c, const char *key, const char *version,
		const struct s3_put_opts *opts, struct s3_error *err) must_check;

struct s3_lock_conf {
	bool enabled;
	bool has_default; /* new versions get a retention by themselves */
};
/* A bucket without Object Lock, or a server without it: 0 with all false. */
int lock_conf_get(struct s3_client *c, struct s3_lock_conf *ret_l, struct s3_error *err) must_check;

#endif
