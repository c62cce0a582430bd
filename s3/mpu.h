/*
 * mpu.h - the multipart verbs. Part numbers from 1.
 *
 * Is an upload made with checksums? It is fixed when it is created; then each part has its CRC32C,
 * and the version one of the type FULL_OBJECT: of all its bytes, whatever the parts. Only CRCs can
 * be of that type, as those of the parts can be combined (S3 User Guide, "Checking object integrity
 * for data uploads", checksum types and algorithms). A server that does not say so in its answer to
 * CreateMultipartUpload, as S3 does, is not asked again: Ceph before 19 and older MinIOs know none,
 * others only COMPOSITE, which asks for the checksum of every part, copied ones included.
 */
#ifndef S3_MPU_H
#define S3_MPU_H

#include "s3/client.h"
#include "s3/types.h"

struct mpu_part {
	unsigned number;
	char etag[80]; /* without quotes */
	uint64_t size;
	struct s3_crc32c crc; /* known only in an upload with checksums */
};

/* The numbers are in the queue's rows. */
enum mpu_sum { MPU_SUM_NONE = 0, MPU_SUM_CRC32C = 1 };

/* With checksums where the server has them: *ret_sum, which its parts are to be given. */
int mpu_create(struct s3_client *c, const char *key, const struct s3_put_opts *opts, char **ret_id,
	       enum mpu_sum *ret_sum, struct s3_error *err) must_check;
int mpu_part_put(struct s3_client *c, const char *key, const char *id, enum mpu_sum sum,
		 unsigned number, http_read_fn *read, void *read_arg, uint64_t size,
		 struct mpu_part *ret_part, struct s3_error *err) must_check;
/* Its CRC32C is what the server tells; it need not. */
int mpu_part_copy(struct s3_client *c, const char *key, const char *id, enum mpu_sum sum,
		  unsigned number, const char *src_key, const char *src_version,
		  const char *src_etag, struct s3_range range, struct mpu_part *ret_part,
		  struct s3_error *err) must_check;
/* Lists every part given, which must be all that were uploaded (Ceph insists). Settles an unclear
 * answer by the token, like object_put: token_name/token_value may be NULL. ret_i: version_id, etag
 * (asked for by HEAD when the answer has none). Where the CRC32C of every part is known, that of
 * the whole is sent, and the server has to tell the same of what it made, else -EIO with the code
 * ChecksumMismatch: a version stands, of other bytes. */
int mpu_complete(struct s3_client *c, const char *key, const char *id, const struct mpu_part *parts,
		 size_t n, const char *token_name, const char *token_value, struct s3_info *ret_i,
		 struct s3_error *err) must_check;
/* As mpu_complete, as a replica: origin (may be NULL) as it was at mpu_create, MinIO only, which
 * takes the time and the ETag here. */
int mpu_complete_as(struct s3_client *c, const char *key, const char *id,
		    const struct mpu_part *parts, size_t n, const char *token_name,
		    const char *token_value, const struct s3_origin *origin, struct s3_info *ret_i,
		    struct s3_error *err) must_check;
/* gone already is success */
int mpu_abort(struct s3_client *c, const char *key, const char *id, struct s3_error *err)
	must_check;
/* Calls fn for each unfinished upload whose key starts with prefix. */
int mpu_list(struct s3_client *c, const char *prefix,
	     int (*fn)(void *arg, const char *key, const char *id, int64_t started_ms), void *arg,
	     struct s3_error *err) must_check;
int mpu_list_parts(struct s3_client *c, const char *key, const char *id,
		   int (*fn)(void *arg, const struct mpu_part *p), void *arg, struct s3_error *err)
	must_check;

#endif
