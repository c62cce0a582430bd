#include "base/digest.h"

#include <errno.h>

#include "base/codec.h"
#include "tests/unit/check.h"

static void test_vectors(void)
{
	/* RFC 1321, A.5; FIPS 180-2, B */
	static const struct {
		const char *in, *md5, *sha256;
	} cases[] = {
		{ "", "d41d8cd98f00b204e9800998ecf8427e",
		  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
		{ "abc", "900150983cd24fb0d6963f7d28e17f72",
		  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
	};

	for (size_t i = 0; i < array_size(cases); i++) {
		uint8_t m[MD5_SIZE], s[SHA256_SIZE];
		char hex[65];

		CHECK_CASE(cases[i].in);
		CHECK_INT(md5(cases[i].in, strlen(cases[i].in), m), 0);
		hex_encode(m, sizeof(m), hex);
		CHECK_STR(hex, cases[i].md5);
		CHECK_INT(sha256(cases[i].in, strlen(cases[i].in), s), 0);
		hex_encode(s, sizeof(s), hex);
		CHECK_STR(hex, cases[i].sha256);
	}
	CHECK_CASE("");
}

static void test_streaming(void)
{
	auto_with(digest_free_ptr) struct digest *d = NULL;
	uint8_t pieces[SHA256_SIZE], whole[SHA256_SIZE], empty[SHA256_SIZE];

	CHECK_INT(digest_new(DIGEST_SHA256, &d), 0);
	digest_add(d, "hello ", 6);
	digest_add(d, NULL, 0);
	digest_add(d, "world", 5);
	CHECK_INT(digest_end(d, pieces), 0);
	CHECK_INT(sha256("hello world", 11, whole), 0);
	CHECK_MEM(pieces, whole, sizeof(whole));
	CHECK_INT(digest_reset(d), 0);
	CHECK_INT(digest_end(d, pieces), 0);
	CHECK_INT(sha256(NULL, 0, empty), 0);
	CHECK_MEM(pieces, empty, sizeof(empty));
	/* Used again without a reset: the failure shows at the end, and a reset heals it. */
	digest_add(d, "x", 1);
	CHECK_INT(digest_end(d, pieces), -EIO);
	CHECK_INT(digest_reset(d), 0);
	digest_add(d, "hello world", 11);
	CHECK_INT(digest_end(d, pieces), 0);
	CHECK_MEM(pieces, whole, sizeof(whole));
}

static void test_hmac(void)
{
	/* RFC 4231, 4.2, 4.3 and 4.7; an empty key and text */
	static const char long_key_text[] =
		"Test Using Larger Than Block-Size Key - Hash Key First";
	uint8_t key[131], mac[SHA256_SIZE];
	char hex[65];

	memset(key, 0x0b, 20);
	CHECK_INT(hmac_sha256(key, 20, "Hi There", 8, mac), 0);
	hex_encode(mac, sizeof(mac), hex);
	CHECK_STR(hex, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
	CHECK_INT(hmac_sha256("Jefe", 4, "what do ya want for nothing?", 28, mac), 0);
	hex_encode(mac, sizeof(mac), hex);
	CHECK_STR(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	memset(key, 0xaa, sizeof(key));
	CHECK_INT(hmac_sha256(key, sizeof(key), long_key_text, strlen(long_key_text), mac), 0);
	hex_encode(mac, sizeof(mac), hex);
	CHECK_STR(hex, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
	CHECK_INT(hmac_sha256(NULL, 0, NULL, 0, mac), 0);
	hex_encode(mac, sizeof(mac), hex);
	CHECK_STR(hex, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

static void test_crc32c(void)
{
	/* RFC 3720, B.4 */
	/* the machine's way takes much at once, and the rest otherwise */
	static uint8_t bytes[20000];
	uint8_t zeros[32] = { 0 };
	uint32_t whole;

	CHECK(crc32c(0, "123456789", 9) == 0xe3069283);
	CHECK(crc32c(0, zeros, sizeof(zeros)) == 0x8a9136aa);
	CHECK(crc32c_portable(0, zeros, sizeof(zeros)) == 0x8a9136aa);
	CHECK(crc32c(0, NULL, 0) == 0);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 31 + i / 7);
	whole = crc32c(0, bytes, sizeof(bytes));
	for (size_t i = 0; i <= sizeof(bytes); i += i < 100 ? 1 : 131) {
		CHECK(crc32c(0, bytes, i) == crc32c_portable(0, bytes, i));
		CHECK(crc32c(crc32c(0, bytes, i), bytes + i, sizeof(bytes) - i) == whole);
		CHECK(crc32c_combine(crc32c(0, bytes, i), crc32c(0, bytes + i, sizeof(bytes) - i),
				     sizeof(bytes) - i) == whole);
	}
}

/* What zeros do to it: one by one, and by a number that no test could send. */
static void test_crc32c_far(void)
{
	static const uint8_t zeros[4096];
	const uint64_t far = 5ull << 40;
	uint32_t a = crc32c(0, "123456789", 9), z = crc32c(0, zeros, sizeof(zeros));

	CHECK(crc32c_combine(a, z, sizeof(zeros)) == crc32c(a, zeros, sizeof(zeros)));
	CHECK(crc32c_combine(a, 0, 0) == a);
	CHECK(crc32c_combine(0, a, 9) == a);
	for (uint64_t n = sizeof(zeros); n < far; n *= 2)
		z = crc32c_combine(z, z, n);
	CHECK(crc32c_combine(crc32c_combine(a, z, 8ull << 40), z, 8ull << 40) ==
	      crc32c_combine(a, crc32c_combine(z, z, 8ull << 40), 16ull << 40));
}

int main(void)
{
	test_vectors();
	test_streaming();
	test_hmac();
	test_crc32c();
	test_crc32c_far();
	return check_done();
}
