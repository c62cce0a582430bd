/*
 * checksum.h - the checksums that a server keeps of a version (x-amz-checksum-*). Source: S3 User
 * Guide, "Checking object integrity for data uploads": FULL_OBJECT is of the bytes, COMPOSITE of
 * the checksums of the parts, so that other parts give another one.
 */
#ifndef S3_CHECKSUM_H
#define S3_CHECKSUM_H

#include "s3/client.h"

/* Names without x-amz-checksum- ("crc32c"), values in Base64; empty when the server has none.
 * *ret_whole: they are of the whole object. ret_sums must be empty. */
int checksum_get(struct s3_client *c, const char *key, const char *version, struct kv *ret_sums,
		 bool *ret_whole, struct s3_error *err) must_check;

enum checksum_word { CHECKSUM_UNKNOWN, CHECKSUM_SAME, CHECKSUM_OTHER };
/* What two answers say of the bytes; whole: both are of the whole object. */
enum checksum_word checksum_compare(const struct kv *a, const struct kv *b, bool whole);

#endif
