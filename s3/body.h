/*
 * body.h - S3's XML bodies, as text and back. Pure. Source: S3 API Reference, the action of each
 * body. Readers return 0, -ENOMEM, or -EIO with words in why (BODY_WHY bytes): nothing is taken
 * from a body that is not what it should be. What they return is checked: numbers strictly parsed,
 * names decoded, and a page that is to be continued says where.
 */
#ifndef S3_BODY_H
#define S3_BODY_H

#include "base/buf.h"
#include "s3/bucket.h"
#include "s3/client.h"
#include "s3/lock.h"
#include "s3/mpu.h"
#include "s3/types.h"

#define BODY_WHY S3_WHY

/* ListBucketResult; keys and common prefixes merged by key. ret_p must be empty. */
int body_read_keys(const char *s, size_t n, struct s3_page *ret_p, char why[BODY_WHY]) must_check;
/* ListVersionsResult, in the server's order. ret_p must be empty. */
int body_read_versions(const char *s, size_t n, struct s3_page *ret_p, char why[BODY_WHY])
	must_check;

/* Tagging; an empty body is the empty set (Ceph). */
int body_read_tags(const char *s, size_t n, struct kv *ret_tags, char why[BODY_WHY]) must_check;
int body_write_tags(const struct kv *tags, struct buf *out) must_check;

/* InitiateMultipartUploadResult: the upload id, new string. */
int body_read_upload_id(const char *s, size_t n, char **ret_id, char why[BODY_WHY]) must_check;
int body_write_complete(const struct mpu_part *parts, size_t n, struct buf *out) must_check;
/* CompleteMultipartUploadResult: the etag without quotes, new string, or NULL when it is empty
 * (Ceph); ChecksumCRC32C when it is of the whole. */
int body_read_complete(const char *s, size_t n, char **ret_etag, struct s3_crc32c *ret_crc,
		       char why[BODY_WHY]) must_check;
/* CopyObjectResult, CopyPartResult: the etag without quotes, new string; the time is 0 when not
 * told; ChecksumCRC32C. */
int body_read_copy(const char *s, size_t n, char **ret_etag, int64_t *ret_mtime_ms,
		   struct s3_crc32c *ret_crc, char why[BODY_WHY]) must_check;

struct body_upload {
	char *key, *id;
	int64_t started_ms;
};

struct body_uploads {
	struct body_upload *items;
	size_t n;
	bool truncated;
	char *next_key, *next_id;
};

void body_uploads_free(struct body_uploads *u);
/* ListMultipartUploadsResult. ret_u must be empty. */
int body_read_uploads(const char *s, size_t n, struct body_uploads *ret_u, char why[BODY_WHY])
	must_check;

struct body_parts {
	struct mpu_part *items;
	size_t n;
	bool truncated;
	uint64_t next; /* part-number-marker */
};

void body_parts_free(struct body_parts *p);
/* ListPartsResult. ret_p must be empty. */
int body_read_parts(const char *s, size_t n, struct body_parts *ret_p, char why[BODY_WHY])
	must_check;

int body_read_versioning(const char *s, size_t n, enum bucket_versioning *ret_v, char why[BODY_WHY])
	must_check;
int body_write_versioning(enum bucket_versioning v, struct buf *out) must_check;

/* body_lock.c: Retention, LegalHold, ObjectLockConfiguration. Without an element: none of it. */
int body_read_retention(const char *s, size_t n, struct s3_retention *ret_r, char why[BODY_WHY])
	must_check;
int body_write_retention(const struct s3_retention *r, struct buf *out) must_check;
int body_read_legal_hold(const char *s, size_t n, bool *ret_on, char why[BODY_WHY]) must_check;
int body_write_legal_hold(bool on, struct buf *out) must_check;
int body_read_lock_conf(const char *s, size_t n, struct s3_lock_conf *ret_l, char why[BODY_WHY])
	must_check;

/* Whether a ReplicationConfiguration has a rule: Ceph answers with an empty one where AWS says 404.
 */
int body_read_has_rules(const char *s, size_t n, bool *ret_has, char why[BODY_WHY]) must_check;

#endif
