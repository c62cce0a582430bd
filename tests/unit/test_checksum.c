/* test_checksum.c - the checksums that servers keep, and what two of them say of the bytes. */
#include "tests/unit/script_s3.h"

#include "s3/checksum.h"

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

int main(void)
{
	test_get();
	test_compare();
	return check_done();
}
