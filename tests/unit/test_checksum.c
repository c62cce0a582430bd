/* test_checksum.c - the checksums that servers keep, and what two of them say of the bytes. */
#include "tests/unit/script_s3.h"

#include "s3/checksum.h"
#include "s3/mpu.h"
#include "s3/object.h"

static void test_get(void)
{
	static const struct script_step whole[] = {
		{ "HEAD", "/b/k?versionId=v", .headers = { "x-amz-checksum-mode", "ENABLED" },
		  .status = 200,
		  .answer = { "content-length", "3", "x-amz-checksum-crc32c",
			      "yZRlqg==", "x-amz-checksum-type", "FULL_OBJECT" } }
	};
	static const struct script_step parts[] = {
		{ "HEAD", "/b/k", .status = 200,
		  .answer = { "content-length", "3", "x-amz-checksum-sha256", "abc=-2",
			      "x-amz-checksum-type", "COMPOSITE" } }
	};
	static const struct script_step none[] = { { "HEAD", "/b/k", .status = 200,
						     .answer = { "content-length", "3" } } };
	struct kv sums = KV_EMPTY;
	bool is_whole = false;

	SCRIPT_RUN(whole, c, CHECK_INT(checksum_get(c, "k", "v", &sums, &is_whole, NULL), 0));
	CHECK_INT(sums.n, 1);
	CHECK_STR(kv_get(&sums, "crc32c"), "yZRlqg==");
	CHECK(is_whole);
	kv_free(&sums);
	SCRIPT_RUN(parts, c, CHECK_INT(checksum_get(c, "k", NULL, &sums, &is_whole, NULL), 0));
	CHECK_STR(kv_get(&sums, "sha256"), "abc=-2");
	CHECK(!is_whole);
	kv_free(&sums);
	SCRIPT_RUN(none, c, CHECK_INT(checksum_get(c, "k", NULL, &sums, &is_whole, NULL), 0));
	CHECK_INT(sums.n, 0);
}

static void test_compare(void)
{
	static const struct {
		const char *name, *a, *b;
		bool whole;
		enum checksum_word word;
	} rows[] = {
		{ "none", "", "", true, CHECKSUM_UNKNOWN },
		{ "one side", "sha256=x", "", true, CHECKSUM_UNKNOWN },
		{ "other kinds", "sha256=x", "crc32=x", true, CHECKSUM_UNKNOWN },
		{ "same", "sha256=x", "crc32=y&sha256=x", true, CHECKSUM_SAME },
		{ "same, of parts", "sha256=x-2", "sha256=x-2", false, CHECKSUM_SAME },
		{ "other", "sha256=x", "sha256=y", true, CHECKSUM_OTHER },
		{ "other, of parts", "sha256=x-2", "sha256=y-3", false, CHECKSUM_UNKNOWN },
	};

	for (size_t i = 0; i < array_size(rows); i++) {
		struct kv a = KV_EMPTY, b = KV_EMPTY;

		CHECK_CASE(rows[i].name);
		CHECK_INT(kv_from_query(rows[i].a, &a), 0);
		CHECK_INT(kv_from_query(rows[i].b, &b), 0);
		CHECK_INT(checksum_compare(&a, &b, rows[i].whole), rows[i].word);
		kv_free(&a);
		kv_free(&b);
	}
}

#define CRC	 "x-amz-checksum-crc32c"
#define CRC_ABC	 "Nks/tw=="
#define MD5_ABC	 "kAFQmDzST7DWlj99KOF/cg=="
#define ETAG_ABC "900150983cd24fb0d6963f7d28e17f72"
#define ETAG_XYZ "d16fb36f0911f878998c136191af705e"

static int read_abc(void *arg, void *dst, size_t n, uint64_t off)
{
	(void)arg;
	memcpy(dst, "abc" + off, n);
	return 0;
}

/* Another body each time that it is read. */
static int read_other(void *arg, void *dst, size_t n, uint64_t off)
{
	char *first = arg;

	read_abc(NULL, dst, n, off);
	*(char *)dst = (*first)++;
	return 0;
}

static int put(struct s3_client *c, http_read_fn *read, void *arg, bool hold, struct s3_error *e)
{
	const struct kv none = KV_EMPTY;
	const struct s3_put_opts opts = { .meta = &none, .legal_hold = hold };
	struct s3_info i = { 0 };
	int rc = object_put(c, "k", &opts, read, arg, 3, &i, e);

	s3_info_free(&i);
	return rc;
}

#define PUT_ABC(c) put((c), read_abc, NULL, false, &e)
#define SENDS(...) .method = "PUT", .url = "/b/k", .headers = { __VA_ARGS__ }
#define FINE(...)  .status = 200, .answer = { __VA_ARGS__ }
#define REFUSED(status_, code, message)                                                            \
	.status = (status_),                                                                       \
	.body = "<Error><Code>" code "</Code><Message>" message "</Message></Error>"

/* The server tells the same, and is believed from then on. */
static void test_put_heeded(void)
{
	static const struct script_step steps[] = {
		{ SENDS(CRC, CRC_ABC, "content-md5", MD5_ABC),
		  FINE(CRC, CRC_ABC, "etag", ETAG_ABC) },
		{ SENDS(CRC, CRC_ABC, "content-md5", NULL), FINE(CRC, CRC_ABC, "etag", ETAG_XYZ) },
		{ SENDS(CRC, CRC_ABC), FINE(CRC, "AAAAAA==", "etag", ETAG_ABC) },
		{ SENDS(CRC, CRC_ABC), REFUSED(400, "BadDigest", "The CRC32C did not match") },
		/* known to be heeded: what is refused is something else */
		{ SENDS(CRC, CRC_ABC), REFUSED(501, "NotImplemented", "") },
		/* not any more: the ETag of the same answer guards */
		{ SENDS(CRC, CRC_ABC), FINE("etag", ETAG_XYZ) },
		{ SENDS(CRC, NULL), FINE("etag", ETAG_ABC) },
	};
	struct script script = { .steps = steps, .n = array_size(steps) };
	struct s3_client *c = script_client(&script);
	struct s3_error e = { 0 };

	CHECK_INT(put(c, read_abc, NULL, true, &e), 0); /* Content-MD5: it is locked */
	CHECK_INT(put(c, read_abc, NULL, true, &e), 0);
	CHECK_INT(PUT_ABC(c), -EIO);
	CHECK_STR(e.code, "ChecksumMismatch");
	CHECK(!e.unclear);
	CHECK_INT(PUT_ABC(c), -EIO);
	CHECK_STR(e.code, "BadDigest");
	CHECK_INT(PUT_ABC(c), -EIO);
	CHECK_STR(e.code, "NotImplemented");
	CHECK_INT(PUT_ABC(c), -EIO);
	CHECK_STR(e.code, "ETagMismatch");
	CHECK_INT(PUT_ABC(c), 0);
	CHECK_INT(script.at, script.n);
	s3_client_free(c);
}

static void test_put_fallback(void)
{
	static const struct script_step refused[] = {
		{ SENDS(CRC, CRC_ABC), REFUSED(501, "NotImplemented", "") },
		{ SENDS(CRC, NULL), FINE("etag", ETAG_ABC) },
		{ SENDS(CRC, NULL), FINE("etag", ETAG_ABC) },
	};
	static const struct script_step in_words[] = {
		{ SENDS(CRC, CRC_ABC), REFUSED(400, "InvalidArgument", "what is x-amz-Checksum?") },
		{ SENDS(CRC, NULL), REFUSED(400, "InvalidArgument", "something else is wrong") },
		{ SENDS(CRC, CRC_ABC), FINE(CRC, CRC_ABC, "etag", ETAG_ABC) },
	};
	static const struct script_step other_reason[] = {
		{ SENDS(CRC, CRC_ABC), REFUSED(400, "InvalidTag", "no") },
		{ SENDS(CRC, CRC_ABC), FINE(CRC, CRC_ABC, "etag", ETAG_ABC) },
	};
	static const struct script_step ignored[] = {
		{ SENDS(CRC, CRC_ABC),
		  REFUSED(400, "InvalidRequest", "Content-MD5 OR x-amz-checksum- is required") },
		{ SENDS(CRC, NULL, "content-md5", MD5_ABC), FINE("etag", ETAG_ABC) },
		{ SENDS(CRC, NULL, "content-md5", MD5_ABC), FINE("etag", ETAG_ABC) },
	};
	struct s3_error e = { 0 };

	SCRIPT_RUN(refused, c, CHECK_INT(PUT_ABC(c), 0); CHECK_INT(PUT_ABC(c), 0));
	SCRIPT_RUN(in_words, c, CHECK_INT(PUT_ABC(c), -EIO); CHECK_INT(PUT_ABC(c), 0));
	SCRIPT_RUN(other_reason, c, CHECK_INT(PUT_ABC(c), -EINVAL); CHECK_INT(PUT_ABC(c), 0));
	SCRIPT_RUN(ignored, c, CHECK_INT(PUT_ABC(c), 0); CHECK_INT(PUT_ABC(c), 0));
}

/* Bytes that change between the checksum and the sending are no failure. */
static void test_put_changing(void)
{
	static const struct script_step steps[] = {
		{ SENDS(), REFUSED(400, "BadDigest", "The CRC32C did not match") },
		{ SENDS(CRC, NULL), FINE("etag", "x") },
	};
	struct s3_error e = { 0 };
	char first = 'a';

	SCRIPT_RUN(steps, c, CHECK_INT(put(c, read_other, &first, false, &e), 0));
}

/* Of a part the multipart upload would have to be told before. */
static void test_part(void)
{
	static const struct script_step steps[] = {
		{ "PUT", "partNumber=1", { CRC, NULL }, FINE("etag", ETAG_ABC) }
	};
	struct mpu_part part;

	SCRIPT_RUN(steps, c,
		   CHECK_INT(mpu_part_put(c, "k", "U", 1, read_abc, NULL, 3, &part, NULL), 0));
}

int main(void)
{
	test_get();
	test_compare();
	test_put_heeded();
	test_put_fallback();
	test_put_changing();
	test_part();
	return check_done();
}
