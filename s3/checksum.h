/*
 * checksum.h - the checksums that a server keeps of a version (x-amz-checksum-*). Source: S3 User
 * Guide, "Checking object integrity for data uploads": FULL_OBJECT is of the bytes, COMPOSITE of
 * the checksums of the parts, so that other parts give another one.
 */
#ifndef S3_CHECKSUM_H
#define S3_CHECKSUM_H

#include "s3/client.h"
#include "s3/types.h"

#define CHECKSUM_CRC32C_TEXT 9
/* As x-amz-checksum-crc32c and ChecksumCRC32C have it: Base64, most significant byte first (S3 API
 * Reference, "PutObject"). */
int checksum_crc32c_text(uint32_t crc, char ret_s[CHECKSUM_CRC32C_TEXT]) must_check;
/* Not known: s is NULL, or not of that form (COMPOSITE ones end in "-N"). */
struct s3_crc32c checksum_crc32c_read(const char *s);

/* Does the server heed the checksums of bodies, and give them back? As its answers have told. */
enum checksums { CHECKSUMS_UNKNOWN, CHECKSUMS_NO, CHECKSUMS_YES };
enum checksums checksum_state(const struct s3_client *c);

/* Of the whole object, as HEAD or GET answer. */
struct s3_crc32c checksum_read_whole(const struct kv *headers);
/* The same asked for. Not known: the server has none, or, where the version has no id, the object
 * has another ETag by now. */
int checksum_ask_whole(struct s3_client *c, const char *key, const char *version, const char *etag,
		       struct s3_crc32c *ret_crc) must_check;

/* Names without x-amz-checksum- ("crc32c"), values in Base64; empty when the server has none.
 * *ret_whole: they are of the whole object. ret_sums must be empty. */
int checksum_get(struct s3_client *c, const char *key, const char *version, struct kv *ret_sums,
		 bool *ret_whole, struct s3_error *err) must_check;

enum checksum_word { CHECKSUM_UNKNOWN, CHECKSUM_SAME, CHECKSUM_OTHER };
/* What two answers say of the bytes; whole: both are of the whole object. */
enum checksum_word checksum_compare(const struct kv *a, const struct kv *b, bool whole);

#endif
