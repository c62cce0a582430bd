/* test_mpu.c - the multipart verbs against scripted answers, and above all: was it completed? */
#include "tests/unit/script_s3.h"

#include "s3/mpu.h"

#define MD5 "900150983cd24fb0d6963f7d28e17f72"
#define DONE(etag)                                                                                 \
	"<CompleteMultipartUploadResult><ETag>" etag "</ETag></CompleteMultipartUploadResult>"
#define ERROR(code) "<Error><Code>" code "</Code></Error>"
#define POST_(...)                                                                                 \
	{                                                                                          \
		"POST", "/b/k?uploadId=U", .sends = "<PartNumber>2</PartNumber>", __VA_ARGS__      \
	}
#define OURS                                                                                       \
	{                                                                                          \
		"HEAD", "/b/k", .status = 200, .answer = {                                         \
			"content-length",                                                          \
			"9",                                                                       \
			"x-amz-meta-token",                                                        \
			"t",                                                                       \
			"x-amz-version-id",                                                        \
			"v",                                                                       \
			"etag",                                                                    \
			"e-2"                                                                      \
		}                                                                                  \
	}
#define NOT_OURS                                                                                   \
	{ "HEAD", "/b/k", .status = 404 },                                                         \
	{                                                                                          \
		"GET", "versions", .status = 200,                                                  \
				   .body = "<ListVersionsResult></ListVersionsResult>"             \
	}

static const struct mpu_part two[] = { { .number = 1, .etag = "a", .size = 5 },
				       { .number = 2, .etag = "b", .size = 4 } };

struct complete_row {
	const char *name;
	struct script_step steps[8];
	int rc;
	const char *code;
};

static const struct complete_row complete_rows[] = {
	{ "fine",
	  { POST_(.status = 200, .answer = { "x-amz-version-id", "v" },
		  .body = DONE("&quot;E-2&quot;")) },
	  0,
	  NULL },
	{ "no etag: Ceph",
	  { POST_(.status = 200, .answer = { "x-amz-version-id", "v" }, .body = DONE("")), OURS },
	  0,
	  NULL },
	{ "error in 200, then found",
	  { POST_(.status = 200, .body = ERROR("InternalError")), OURS },
	  0,
	  NULL },
	{ "200 with nonsense, then found",
	  { POST_(.status = 200, .body = "<html>"), OURS },
	  0,
	  NULL },
	{ "lost, then found", { POST_(.rc = -ECONNRESET), OURS }, 0, NULL },
	{ "lost, not at all, again",
	  { POST_(.rc = -ECONNRESET),
	    NOT_OURS,
	    { "GET", "/b/k?max-parts=1000&uploadId=U", .status = 200,
	      .body = "<ListPartsResult><Part><PartNumber>1</PartNumber><ETag>a</ETag><Size>5</"
		      "Size></Part></ListPartsResult>" },
	    POST_(.status = 200, .answer = { "x-amz-version-id", "v" }, .body = DONE("e-2")) },
	  0,
	  NULL },
	{ "over, by an earlier one",
	  { POST_(.status = 404, .body = ERROR("NoSuchUpload")), OURS },
	  0,
	  NULL },
	{ "over, and nothing came of it",
	  { POST_(.status = 404, .body = ERROR("NoSuchUpload")), NOT_OURS },
	  -ENOENT,
	  "NoSuchUpload" },
	{ "over: Ceph's InternalError",
	  { POST_(.status = 500, .body = ERROR("InternalError")),
	    NOT_OURS,
	    { "GET", "uploadId=U", .status = 404, .body = ERROR("NoSuchKey") },
	    NOT_OURS },
	  -ENOENT,
	  "NoSuchUpload" },
	{ "over in between",
	  { POST_(.rc = -ETIMEDOUT),
	    NOT_OURS,
	    { "GET", "uploadId=U", .status = 404, .body = ERROR("NoSuchUpload") },
	    OURS },
	  0,
	  NULL },
	{ "over, but nobody knows whether by us",
	  { POST_(.status = 404, .body = ERROR("NoSuchUpload")),
	    { "HEAD", "/b/k", .status = 403 } },
	  -EACCES,
	  "" },
	{ "refused", { POST_(.status = 400, .body = ERROR("InvalidPart")) }, -EIO, "InvalidPart" },
};

static void test_complete(void)
{
	for (size_t k = 0; k < array_size(complete_rows); k++) {
		const struct complete_row *row = &complete_rows[k];
		struct script script = { .steps = row->steps };
		struct s3_client *c = script_client(&script);
		struct s3_info i = { 0 };
		struct s3_error e = { 0 };

		while (script.n < array_size(row->steps) && row->steps[script.n].method)
			script.n++;
		CHECK_CASE(row->name);
		CHECK_INT(mpu_complete(c, "k", "U", two, 2, "token", "t", &i, &e), row->rc);
		CHECK_INT(script.at, script.n);
		CHECK_STR(i.version_id, row->rc == 0 ? "v" : NULL);
		CHECK_STR(i.etag, row->rc == 0 ? "e-2" : NULL);
		CHECK_INT(i.size, row->rc == 0 ? 9 : 0);
		if (row->rc == -EACCES)
			CHECK(e.unclear);
		else if (row->code)
			CHECK_STR(e.code, row->code);
		s3_info_free(&i);
		s3_client_free(c);
	}
	CHECK_CASE("");
}

static void test_complete_refused(void)
{
	static const struct mpu_part bad[][2] = { { { .number = 2, .etag = "a", .size = 1 },
						    { .number = 1, .etag = "b", .size = 1 } },
						  { { .number = 1, .etag = "a", .size = 1 },
						    { .number = 1, .etag = "b", .size = 1 } },
						  { { .number = 0, .etag = "a", .size = 1 },
						    { .number = 1, .etag = "b", .size = 1 } },
						  { { .number = 1, .etag = "a", .size = 1 },
						    { .number = 10001, .etag = "b", .size = 1 } } };
	static const struct script_step lost[] = { { "POST", "/b/k?uploadId=U",
						     .rc = -ECONNRESET } };
	struct script none = { 0 };
	struct s3_client *idle = script_client(&none);
	struct s3_info i = { 0 };
	struct s3_error e = { 0 };

	for (size_t k = 0; k < array_size(bad); k++)
		CHECK_INT(mpu_complete(idle, "k", "U", bad[k], 2, NULL, NULL, &i, &e), -EINVAL);
	CHECK_INT(mpu_complete(idle, "k", "U", two, 0, NULL, NULL, &i, &e), -EINVAL);
	s3_client_free(idle);
	/* Without a token it cannot be settled. */
	SCRIPT_RUN(lost, c, CHECK_INT(mpu_complete(c, "k", "U", two, 2, NULL, NULL, &i, &e), -EIO));
	CHECK(e.unclear);
}

static int read_abc(void *arg, void *dst, size_t n, uint64_t off)
{
	(void)arg;
	memcpy(dst, &"abc"[off], n);
	return 0;
}

static void test_parts(void)
{
	static const struct script_step ok[] = { { "PUT", "/b/k?partNumber=10000&uploadId=U%2F",
						   .sends = "abc", .status = 200,
						   .answer = { "etag", "\"" MD5 "\"" } } };
	static const struct script_step no_etag[] = { { "PUT", "partNumber=1", .status = 200 } };
	static const struct script_step copied[] = {
		{ "PUT",
		  "partNumber=2",
		  { "x-amz-copy-source", "/b/s%2Bs", "x-amz-copy-source-range", "bytes=5-9" },
		  .status = 200,
		  .body = "<CopyPartResult><ETag>" MD5 "</ETag></CopyPartResult>" }
	};
	struct script none = { 0 };
	struct s3_client *idle = script_client(&none);
	struct mpu_part p = { 0 };

	SCRIPT_RUN(ok, c,
		   CHECK_INT(mpu_part_put(c, "k", "U/", MPU_SUM_NONE, 10000, read_abc, NULL, 3, &p,
					  NULL),
			     0));
	CHECK_INT(p.number, 10000);
	CHECK_STR(p.etag, MD5);
	CHECK_INT(p.size, 3);
	SCRIPT_RUN(no_etag, c,
		   CHECK_INT(mpu_part_put(c, "k", "U", MPU_SUM_NONE, 1, read_abc, NULL, 3, &p,
					  NULL),
			     -EIO));
	SCRIPT_RUN(copied, c,
		   CHECK_INT(mpu_part_copy(c, "k", "U", MPU_SUM_NONE, 2, "s+s", NULL, NULL,
					   (struct s3_range){ 5, 10 }, &p, NULL),
			     0));
	CHECK_INT(p.number, 2);
	CHECK_INT(p.size, 5);
	CHECK_INT(mpu_part_put(idle, "k", "U", MPU_SUM_NONE, 0, read_abc, NULL, 3, &p, NULL),
		  -EINVAL);
	CHECK_INT(mpu_part_put(idle, "k", "U", MPU_SUM_NONE, 10001, read_abc, NULL, 3, &p, NULL),
		  -EINVAL);
	CHECK_INT(mpu_part_copy(idle, "k", "U", MPU_SUM_NONE, 1, "s", NULL, NULL,
				(struct s3_range){ 5, 5 }, &p, NULL),
		  -EINVAL);
	s3_client_free(idle);
}

static void test_abort(void)
{
	static const struct script_step gone[] = { { "DELETE", "/b/k?uploadId=U", .status = 404,
						     .body = ERROR("NoSuchUpload") } };
	static const struct script_step bucket[] = { { "DELETE", "/b/k?uploadId=U", .status = 404,
						       .body = ERROR("NoSuchBucket") } };

	SCRIPT_RUN(gone, c, CHECK_INT(mpu_abort(c, "k", "U", NULL), 0));
	SCRIPT_RUN(bucket, c, CHECK_INT(mpu_abort(c, "k", "U", NULL), -EIO));
}

static int note_upload(void *arg, const char *key, const char *id, int64_t started_ms)
{
	(void)started_ms;
	return buf_addf(arg, "%s=%s;", key, id);
}

static int note_part(void *arg, const struct mpu_part *p)
{
	return buf_addf(arg, "%u;", p->number);
}

static void test_lists(void)
{
#define UPLOAD(key, id) "<Upload><Key>" key "</Key><UploadId>" id "</UploadId></Upload>"
#define UPLOADS(more)	"<ListMultipartUploadsResult>" more "</ListMultipartUploadsResult>"
#define PART(n)		"<Part><PartNumber>" n "</PartNumber><ETag>e</ETag><Size>1</Size></Part>"
	static const struct script_step two_pages[] = {
		{ "GET", "/b?encoding-type=url&max-uploads=1000&prefix=p%2F&uploads", .status = 200,
		  .body = UPLOADS(
			  "<EncodingType>url</EncodingType><IsTruncated>true</"
			  "IsTruncated><NextKeyMarker>p/a+b</NextKeyMarker>"
			  "<NextUploadIdMarker>1</NextUploadIdMarker>" UPLOAD("p/a+b", "1")) },
		{ "GET", "key-marker=p%2Fa%20b&max-uploads=1000&prefix=p%2F&upload-id-marker=1",
		  .status = 200, .body = UPLOADS(UPLOAD("p/c", "2")) },
	};
	static const struct script_step outside[] = { { "GET", "uploads", .status = 200,
							.body = UPLOADS(UPLOAD("q", "1")) } };
	static const struct script_step parts[] = {
		{ "GET", "uploadId=U", .status = 200,
		  .body = "<ListPartsResult><IsTruncated>true</IsTruncated>"
			  "<NextPartNumberMarker>2</NextPartNumberMarker>" PART("1")
				  PART("2") "</ListPartsResult>" },
		{ "GET", "part-number-marker=2", .status = 200,
		  .body = "<ListPartsResult>" PART("3") "</ListPartsResult>" },
	};
	static const struct script_step stuck[] = {
		{ "GET", "uploadId=U", .status = 200,
		  .body = "<ListPartsResult><IsTruncated>true</IsTruncated>"
			  "<NextPartNumberMarker>0</NextPartNumberMarker></ListPartsResult>" },
	};
	auto_with(buf_free) struct buf b;

	buf_init(&b, BUF_LIMIT_SMALL);
	SCRIPT_RUN(two_pages, c, CHECK_INT(mpu_list(c, "p/", note_upload, &b, NULL), 0));
	CHECK_STR(buf_str(&b), "p/a b=1;p/c=2;");
	SCRIPT_RUN(outside, c, CHECK_INT(mpu_list(c, "p/", note_upload, &b, NULL), -EIO));
	buf_reset(&b);
	SCRIPT_RUN(parts, c, CHECK_INT(mpu_list_parts(c, "k", "U", note_part, &b, NULL), 0));
	CHECK_STR(buf_str(&b), "1;2;3;");
	SCRIPT_RUN(stuck, c, CHECK_INT(mpu_list_parts(c, "k", "U", note_part, &b, NULL), -EIO));
}

int main(void)
{
	test_complete();
	test_complete_refused();
	test_parts();
	test_abort();
	test_lists();
	return check_done();
}
