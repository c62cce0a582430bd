/* tagging.h - the tags of one version. version NULL = current. Limits: S3 User Guide, "Object
 * tagging". */
#ifndef S3_TAGGING_H
#define S3_TAGGING_H

#include "s3/client.h"

int tagging_get(struct s3_client *c, const char *key, const char *version, struct kv *ret_tags,
		struct s3_error *err) must_check;
int tagging_put(struct s3_client *c, const char *key, const char *version, const struct kv *tags,
		struct s3_error *err) must_check;

/* For a version just made with these tags: reads them, and puts them when the server has dropped
 * them (Ceph: at CreateMultipartUpload and at a copy that replaces metadata). */
int tagging_ensure(struct s3_client *c, const char *key, const char *version, const struct kv *tags,
		   struct s3_error *err) must_check;

/* Checks S3's limits before any request: 10 tags (-ENOSPC), key 1..128 and value 0..256 characters,
 * UTF-8, no "aws:" (-EINVAL). why: words. */
int tagging_check(const struct kv *tags, char *why, size_t why_len) must_check;

#endif
