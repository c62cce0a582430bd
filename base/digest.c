#include "base/digest.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#define CRC32C_POLYNOMIAL 0x82f63b78u /* Castagnoli, bits reversed */
#define CRC_ONE		  0x80000000u /* the polynomial 1 */

struct digest {
	EVP_MD *md; /* fetched once: a fetch costs more than hashing a small block */
	EVP_MD_CTX *ctx;
	size_t size;
	bool unusable; /* failed or ended; a reset heals it */
};

static const char *kind_name(enum digest_kind kind)
{
	return kind == DIGEST_MD5 ? "MD5" : "SHA256";
}

int digest_new(enum digest_kind kind, struct digest **ret_d)
{
	struct digest *d = calloc(1, sizeof(*d));
	int r;

	if (!d)
		return -ENOMEM;
	d->size = kind == DIGEST_MD5 ? MD5_SIZE : SHA256_SIZE;
	d->md = EVP_MD_fetch(NULL, kind_name(kind), NULL);
	d->ctx = EVP_MD_CTX_new();
	/* A FIPS provider has no MD5. */
	r = !d->md ? -EOPNOTSUPP : !d->ctx ? -ENOMEM : digest_reset(d);
	if (r < 0) {
		digest_free(d);
		return r;
	}
	*ret_d = d;
	return 0;
}

void digest_add(struct digest *d, const void *p, size_t n)
{
	if (!d->unusable && EVP_DigestUpdate(d->ctx, p, n) != 1)
		d->unusable = true;
}

int digest_end(struct digest *d, void *dst)
{
	uint8_t value[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	bool ok = !d->unusable && EVP_DigestFinal_ex(d->ctx, value, &n) == 1 && n == d->size;

	d->unusable = true;
	if (!ok)
		return -EIO;
	memcpy(dst, value, n);
	return 0;
}

int digest_reset(struct digest *d)
{
	d->unusable = EVP_DigestInit_ex(d->ctx, d->md, NULL) != 1;
	return d->unusable ? -EIO : 0;
}

void digest_free(struct digest *d)
{
	if (!d)
		return;
	EVP_MD_CTX_free(d->ctx);
	EVP_MD_free(d->md);
	free(d);
}

static int digest_once(enum digest_kind kind, const void *p, size_t n, uint8_t *dst)
{
	auto_with(digest_free_ptr) struct digest *d = NULL;
	int r = digest_new(kind, &d);

	if (r < 0)
		return r;
	digest_add(d, p, n);
	return digest_end(d, dst);
}

int md5(const void *p, size_t n, uint8_t dst[MD5_SIZE])
{
	return digest_once(DIGEST_MD5, p, n, dst);
}

int sha256(const void *p, size_t n, uint8_t dst[SHA256_SIZE])
{
	return digest_once(DIGEST_SHA256, p, n, dst);
}

int hmac_sha256(const void *key, size_t key_len, const void *p, size_t n, uint8_t dst[SHA256_SIZE])
{
	uint8_t value[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (key_len > INT_MAX)
		return -EINVAL;
	if (!HMAC(EVP_sha256(), key_len ? key : "", (int)key_len, n ? p : "", n, value, &len) ||
	    len != SHA256_SIZE)
		return -EIO;
	memcpy(dst, value, SHA256_SIZE);
	return 0;
}

static uint32_t crc_table[256];
static pthread_once_t crc_once = PTHREAD_ONCE_INIT;

static void crc_make_table(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t v = i;

		for (int bit = 0; bit < 8; bit++)
			v = v & 1 ? v >> 1 ^ CRC32C_POLYNOMIAL : v >> 1;
		crc_table[i] = v;
	}
}

uint32_t crc32c_portable(uint32_t crc, const void *p, size_t n)
{
	const uint8_t *s = p;

	pthread_once(&crc_once, crc_make_table);
	crc = ~crc;
	for (size_t i = 0; i < n; i++)
		crc = crc >> 8 ^ crc_table[(crc ^ s[i]) & 0xff];
	return ~crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t crc32c_sse42(uint32_t crc, const void *p,
							       size_t n)
{
	const uint8_t *s = p;
	uint64_t v = ~crc;

	for (; n >= 8; s += 8, n -= 8) {
		uint64_t word;

		memcpy(&word, s, sizeof(word));
		v = __builtin_ia32_crc32di(v, word);
	}
	for (; n > 0; s++, n--)
		v = __builtin_ia32_crc32qi((uint32_t)v, *s);
	return ~(uint32_t)v;
}
#endif

uint32_t crc32c(uint32_t crc, const void *p, size_t n)
{
#if defined(__x86_64__)
	if (__builtin_cpu_supports("sse4.2"))
		return crc32c_sse42(crc, p, n);
#endif
	return crc32c_portable(crc, p, n);
}

/* A polynomial's bit 31 is the coefficient of x^0, as in a CRC: the product modulo
 * Castagnoli's. */
static uint32_t crc_multiply(uint32_t a, uint32_t b)
{
	uint32_t product = 0;

	for (; a; a <<= 1) {
		if (a & CRC_ONE)
			product ^= b;
		b = b & 1 ? b >> 1 ^ CRC32C_POLYNOMIAL : b >> 1;
	}
	return product;
}

/* n bytes more move what is before them by x^(8n); the inversions at both ends cancel out. */
uint32_t crc32c_combine(uint32_t a, uint32_t b, uint64_t n)
{
	uint32_t power = CRC_ONE >> 8;

	for (; n; n >>= 1) {
		if (n & 1)
			a = crc_multiply(power, a);
		power = crc_multiply(power, power);
	}
	return a ^ b;
}
