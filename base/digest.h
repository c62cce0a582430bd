/* digest.h - checksums and HMAC; the only file pair that knows OpenSSL. */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include "base/base.h"

enum digest_kind { DIGEST_MD5, DIGEST_SHA256 };
#define DIGEST_MAX  32
#define MD5_SIZE    16
#define SHA256_SIZE 32

struct digest;

int digest_new(enum digest_kind kind, struct digest **ret_d) must_check;
void digest_add(struct digest *d, const void *p, size_t n); /* a failure shows in digest_end */
/* 16 or 32 bytes; d may then only be reset or freed. */
int digest_end(struct digest *d, void *dst) must_check;
int digest_reset(struct digest *d) must_check;
void digest_free(struct digest *d);
static inline void digest_free_ptr(struct digest **d)
{
	digest_free(*d);
}

int md5(const void *p, size_t n, uint8_t dst[MD5_SIZE]) must_check;
int sha256(const void *p, size_t n, uint8_t dst[SHA256_SIZE]) must_check;
int hmac_sha256(const void *key, size_t key_len, const void *p, size_t n, uint8_t dst[SHA256_SIZE])
	must_check;
/* Castagnoli; start with 0, feed the result back in. */
uint32_t crc32c(uint32_t crc, const void *p, size_t n);
/* The same without the processor's help: for tests. */
uint32_t crc32c_portable(uint32_t crc, const void *p, size_t n);
/* Of some bytes (a) followed by n more (b). */
uint32_t crc32c_combine(uint32_t a, uint32_t b, uint64_t n);

#endif
