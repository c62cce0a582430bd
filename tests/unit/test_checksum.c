/* test_checksum.c - the checksums that servers keep, and what two of them say of the bytes. */
#include "tests/unit/script_s3.h"

#include "base/digest.h"

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

/* --- multipart uploads ------------------------------------------------------------------------ */

#define ALGORITHM "x-amz-checksum-algorithm"
#define TYPE	  "x-amz-checksum-type"
#define STARTED(id)                                                                                \
	.body = "<InitiateMultipartUploadResult><UploadId>" id                                     \
		"</UploadId></InitiateMultipartUploadResult>"
#define CREATE(algorithm, type)                                                                    \
	.method = "POST", .url = "/b/k?uploads", .headers = { ALGORITHM, algorithm, TYPE, type }
#define ASKS	   CREATE("CRC32C", "FULL_OBJECT")
#define ASKS_NOT   CREATE(NULL, NULL)
#define ABORTS(id) .method = "DELETE", .url = "/b/k?uploadId=" id, .status = 204

static void check_create(struct s3_client *c, const char *id, enum mpu_sum sum)
{
	enum mpu_sum got = sum == MPU_SUM_NONE ? MPU_SUM_CRC32C : MPU_SUM_NONE;
	auto_free char *got_id = NULL;

	CHECK_INT(mpu_create(c, "k", NULL, &got_id, &got, NULL), 0);
	CHECK_STR(got_id, id);
	CHECK_INT(got, sum);
}

static void test_create(void)
{
	static const struct script_step heeded[] = {
		{ ASKS, FINE(ALGORITHM, "CRC32C", TYPE, "FULL_OBJECT"), STARTED("u") },
		{ ASKS, REFUSED(400, "InvalidStorageClass", "no") },
		{ ASKS, FINE(ALGORITHM, "CRC32C", TYPE, "FULL_OBJECT"), STARTED("u") },
	};
	static const struct script_step ignored[] = {
		{ ASKS, .status = 200, STARTED("u") },
		{ ASKS_NOT, .status = 200, STARTED("u") },
	};
	static const struct script_step refused[] = {
		{ ASKS, REFUSED(501, "NotImplemented", "") },
		{ ASKS_NOT, .status = 200, STARTED("u") },
		{ ASKS_NOT, .status = 200, STARTED("u") },
	};
	static const struct script_step composite[] = {
		{ ASKS, FINE(ALGORITHM, "CRC32C", TYPE, "COMPOSITE"), STARTED("u1") },
		{ ABORTS("u1") },
		{ ASKS_NOT, .status = 200, STARTED("u2") },
		{ ASKS_NOT, .status = 200, STARTED("u3") },
	};
	static const struct script_step no_type[] = {
		{ ASKS, FINE(ALGORITHM, "CRC32C"), STARTED("u1") },
		{ ABORTS("u1") },
		{ ASKS_NOT, .status = 200, STARTED("u2") },
	};
	static const struct script_step not_for_puts[] = {
		{ SENDS(CRC, CRC_ABC), FINE("etag", ETAG_ABC) },
		{ ASKS_NOT, .status = 200, STARTED("u") },
	};
	auto_free char *id = NULL;
	struct s3_error e = { 0 };
	enum mpu_sum sum;

	SCRIPT_RUN(heeded, c, check_create(c, "u", MPU_SUM_CRC32C);
		   CHECK_INT(mpu_create(c, "k", NULL, &id, &sum, NULL), -EIO);
		   check_create(c, "u", MPU_SUM_CRC32C));
	SCRIPT_RUN(ignored, c, check_create(c, "u", MPU_SUM_NONE);
		   check_create(c, "u", MPU_SUM_NONE));
	SCRIPT_RUN(refused, c, check_create(c, "u", MPU_SUM_NONE);
		   check_create(c, "u", MPU_SUM_NONE));
	SCRIPT_RUN(composite, c, check_create(c, "u2", MPU_SUM_NONE);
		   check_create(c, "u3", MPU_SUM_NONE));
	SCRIPT_RUN(no_type, c, check_create(c, "u2", MPU_SUM_NONE));
	SCRIPT_RUN(not_for_puts, c, CHECK_INT(PUT_ABC(c), 0); check_create(c, "u", MPU_SUM_NONE));
}

#define PART(...)                                                                                  \
	"PUT", "partNumber=1",                                                                     \
	{                                                                                          \
		__VA_ARGS__                                                                        \
	}
#define PUT_PART(c, sum) mpu_part_put((c), "k", "U", (sum), 1, read_abc, NULL, 3, &part, &e)

static void test_part(void)
{
	static const struct script_step plain[] = { { PART(CRC, NULL), FINE("etag", ETAG_ABC) } };
	static const struct script_step agreed[] = {
		{ PART(CRC, CRC_ABC), FINE(CRC, CRC_ABC, "etag", "x") },
		{ PART(CRC, CRC_ABC), FINE(CRC, "AAAAAA==", "etag", ETAG_ABC) },
		{ PART(CRC, CRC_ABC), REFUSED(400, "BadDigest", "The CRC32C did not match") },
		/* not told: its ETag guards it, and it goes on being sent */
		{ PART(CRC, CRC_ABC), FINE("etag", ETAG_XYZ) },
		{ PART(CRC, CRC_ABC), FINE("etag", ETAG_ABC) },
		/* it is no reason to leave it away */
		{ PART(CRC, CRC_ABC), REFUSED(501, "NotImplemented", "checksum") },
	};
	static const struct script_step wants_md5[] = {
		{ PART(CRC, CRC_ABC, "content-md5", NULL),
		  REFUSED(400, "InvalidRequest", "Content-MD5 OR x-amz-checksum- is required") },
		{ PART(CRC, CRC_ABC, "content-md5", MD5_ABC), FINE("etag", ETAG_ABC) },
	};
	struct s3_error e = { 0 };
	struct mpu_part part;

	SCRIPT_RUN(plain, c, CHECK_INT(PUT_PART(c, MPU_SUM_NONE), 0));
	CHECK(!part.crc.known);
	SCRIPT_RUN(agreed, c, CHECK_INT(PUT_PART(c, MPU_SUM_CRC32C), 0);
		   CHECK(part.crc.known && part.crc.value == 0x364b3fb7);
		   CHECK_INT(PUT_PART(c, MPU_SUM_CRC32C), -EIO);
		   CHECK_STR(e.code, "ChecksumMismatch");
		   CHECK_INT(PUT_PART(c, MPU_SUM_CRC32C), -EIO); CHECK_STR(e.code, "BadDigest");
		   CHECK_INT(PUT_PART(c, MPU_SUM_CRC32C), -EIO); CHECK_STR(e.code, "ETagMismatch");
		   CHECK_INT(PUT_PART(c, MPU_SUM_CRC32C), 0);
		   CHECK(part.crc.known && part.crc.value == 0x364b3fb7);
		   CHECK_INT(PUT_PART(c, MPU_SUM_CRC32C), -EIO));
	SCRIPT_RUN(wants_md5, c, CHECK_INT(PUT_PART(c, MPU_SUM_CRC32C), 0));
}

static void test_part_copy(void)
{
	static const struct script_step told[] = {
		{ "PUT", "partNumber=1", .status = 200,
		  .body = "<CopyPartResult><ETag>e</ETag><ChecksumCRC32C>" CRC_ABC
			  "</ChecksumCRC32C></CopyPartResult>" }
	};
	const struct s3_range range = { 0, 3 };
	struct mpu_part part;

	SCRIPT_RUN(told, c,
		   CHECK_INT(mpu_part_copy(c, "k", "U", MPU_SUM_CRC32C, 1, "s", NULL, NULL, range,
					   &part, NULL),
			     0));
	CHECK(part.crc.known && part.crc.value == 0x364b3fb7);
	SCRIPT_RUN(told, c,
		   CHECK_INT(mpu_part_copy(c, "k", "U", MPU_SUM_NONE, 1, "s", NULL, NULL, range,
					   &part, NULL),
			     0));
	CHECK(!part.crc.known);
}

#define DONE(more)                                                                                 \
	.status = 200, .answer = { "x-amz-version-id", "v" },                                      \
	.body = "<CompleteMultipartUploadResult><ETag>e-2</ETag>" more                             \
		"</CompleteMultipartUploadResult>"
#define TELLS(crc, type)                                                                           \
	"<ChecksumCRC32C>" crc "</ChecksumCRC32C><ChecksumType>" type "</ChecksumType>"
#define COMPLETES(crc, type)                                                                       \
	"POST", "/b/k?uploadId=U",                                                                 \
	{                                                                                          \
		CRC, crc, TYPE, type                                                               \
	}
#define OF_ALL COMPLETES("4waSgw==", "FULL_OBJECT")
#define HEAD_TELLS(crc, type)                                                                      \
	"HEAD", "/b/k?versionId=v", { "x-amz-checksum-mode", "ENABLED" },                          \
		.status = 200, .answer = { "content-length", "9", CRC, crc, TYPE, type }

/* "12345" and "6789": the whole's is the well-known one. */
static void test_complete(void)
{
	static const struct {
		const char *name;
		struct script_step steps[3];
		size_t n;
		bool unknown; /* that of one part */
		int rc;
		const char *code;
	} rows[] = {
		{ "told", { { OF_ALL, DONE(TELLS("4waSgw==", "FULL_OBJECT")) } }, .n = 1 },
		{ "of one part it is not known",
		  { { COMPLETES(NULL, NULL), DONE("") } },
		  .n = 1,
		  .unknown = true },
		{ "another one",
		  { { OF_ALL, DONE(TELLS("AAAAAA==", "FULL_OBJECT")) } },
		  .n = 1,
		  .rc = -EIO,
		  .code = "ChecksumMismatch" },
		{ "not told, asked",
		  { { OF_ALL, DONE("") }, { HEAD_TELLS("4waSgw==", "FULL_OBJECT") } },
		  .n = 2 },
		{ "not told, asked, another one",
		  { { OF_ALL, DONE("") }, { HEAD_TELLS("AAAAAA==", "FULL_OBJECT") } },
		  .n = 2,
		  .rc = -EIO,
		  .code = "ChecksumMismatch" },
		{ "of another type",
		  { { OF_ALL, DONE(TELLS("AAAAAA==", "COMPOSITE")) },
		    { HEAD_TELLS("AAAAAA==", "COMPOSITE") } },
		  .n = 2 },
		{ "lost, and found, another one",
		  { { OF_ALL, .rc = -ECONNRESET },
		    { "HEAD", "/b/k", .status = 200,
		      .answer = { "content-length", "9", "x-amz-meta-token", "t", "etag", "e-2",
				  "x-amz-version-id", "v" } },
		    { HEAD_TELLS("AAAAAA==", "FULL_OBJECT") } },
		  .n = 3,
		  .rc = -EIO,
		  .code = "ChecksumMismatch" },
		{ "refused",
		  { { OF_ALL, REFUSED(400, "BadDigest", "did not match") } },
		  .n = 1,
		  .rc = -EIO,
		  .code = "BadDigest" },
	};

	for (size_t k = 0; k < array_size(rows); k++) {
		struct mpu_part parts[2] = {
			{ 1, "a", 5, { true, crc32c(0, "12345", 5) } },
			{ 2, "b", 4, { !rows[k].unknown, crc32c(0, "6789", 4) } },
		};
		struct script script = { .steps = rows[k].steps, .n = rows[k].n };
		struct s3_client *c = script_client(&script);
		struct s3_info i = { 0 };
		struct s3_error e = { 0 };

		CHECK_CASE(rows[k].name);
		CHECK_INT(mpu_complete(c, "k", "U", parts, 2, "token", "t", &i, &e), rows[k].rc);
		CHECK_STR(i.version_id, rows[k].rc ? NULL : "v");
		if (rows[k].code)
			CHECK_STR(e.code, rows[k].code);
		CHECK_INT(script.at, script.n);
		s3_info_free(&i);
		s3_client_free(c);
	}
	CHECK_CASE("");
}

static void test_text(void)
{
	static const char *const bad[] = { "",		"4waSgw",   "4waSgw=", "4waSgw==-2",
					   "4waSgw===", "4wa-gw==", "4waSgwAA" };
	char text[CHECKSUM_CRC32C_TEXT];
	struct s3_crc32c crc = checksum_crc32c_read("4waSgw==");

	CHECK(crc.known && crc.value == 0xe3069283);
	CHECK_INT(checksum_crc32c_text(crc.value, text), 0);
	CHECK_STR(text, "4waSgw==");
	CHECK(!checksum_crc32c_read(NULL).known);
	for (size_t k = 0; k < array_size(bad); k++)
		CHECK(!checksum_crc32c_read(bad[k]).known);
}

int main(void)
{
	test_get();
	test_compare();
	test_put_heeded();
	test_put_fallback();
	test_put_changing();
	test_create();
	test_part();
	test_part_copy();
	test_complete();
	test_text();
	return check_done();
}
