/* body_sum.h - sums over the body of a request as it is now; it is read once for each. 0, -ENOMEM,
 * or what reading it returned. */
#ifndef S3_BODY_SUM_H
#define S3_BODY_SUM_H

#include "base/digest.h"
#include "s3/checksum.h"

int body_hash(const struct s3_req *q, enum digest_kind kind, uint8_t ret_hash[DIGEST_MAX])
	must_check;

int body_crc32c(const struct s3_req *q, uint32_t *ret_crc) must_check;

#endif
