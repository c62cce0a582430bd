#include "base/digest.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#define CRC32C_POLYNOMIAL 0x82f63b78u /* Castagnoli, bits reversed */
#define CRC_ONE		  0x80000000u /* the polynomial 1 */
#define CRC_LANE	  2720u	      /* bytes, whole words; three are a quarter of 32 KiB */

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

/* x^(8n): n bytes more move what is before them by it. */
static uint32_t crc_move(uint64_t n)
{
	uint32_t power = CRC_ONE >> 8, move = CRC_ONE;

	for (; n; n >>= 1) {
		if (n & 1)
			move = crc_multiply(power, move);
		power = crc_multiply(power, power);
	}
	return move;
}

static uint32_t crc_table[256], crc_lane_move, crc_lanes_move;
static pthread_once_t crc_once = PTHREAD_ONCE_INIT;

static void crc_make_tables(void)
{
	crc_lane_move = crc_move(CRC_LANE);
	crc_lanes_move = crc_move(2 * CRC_LANE);
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

	pthread_once(&crc_once, crc_make_tables);
	crc = ~crc;
	for (size_t i = 0; i < n; i++)
		crc = crc >> 8 ^ crc_table[(crc ^ s[i]) & 0xff];
	return ~crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint64_t crc_step(uint64_t v, const uint8_t *s)
{
	uint64_t word;

	memcpy(&word, s, sizeof(word));
	return __builtin_ia32_crc32di(v, word);
}

/* Three runs of bytes at once: the processor begins one step of it while others are under way. */
__attribute__((target("sse4.2"))) static uint64_t crc_lanes(uint64_t v, const uint8_t *s)
{
	uint64_t second = 0, third = 0;

	for (const uint8_t *end = s + CRC_LANE; s < end; s += 8) {
		v = crc_step(v, s);
		second = crc_step(second, s + CRC_LANE);
		third = crc_step(third, s + 2 * CRC_LANE);
	}
	return crc_multiply(crc_lanes_move, (uint32_t)v) ^
	       crc_multiply(crc_lane_move, (uint32_t)second) ^ third;
}

__attribute__((target("sse4.2"))) static uint32_t crc32c_sse42(uint32_t crc, const void *p,
							       size_t n)
{
	const uint8_t *s = p;
	uint64_t v = ~crc;

	pthread_once(&crc_once, crc_make_tables);
	for (; n >= 3 * CRC_LANE; s += 3 * CRC_LANE, n -= 3 * CRC_LANE)
		v = crc_lanes(v, s);
	for (; n >= 8; s += 8, n -= 8)
		v = crc_step(v, s);
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

/* The inversions at both ends cancel out. */
uint32_t crc32c_combine(uint32_t a, uint32_t b, uint64_t n)
{
	return crc_multiply(crc_move(n), a) ^ b;
}
