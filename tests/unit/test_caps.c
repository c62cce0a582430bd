/* test_caps.c - s3/caps.h against a small server in memory whose features can be taken away, and
 * which must be empty again after every probe. */
#include "tests/unit/check.h"

#include <errno.h>

#include "base/codec.h"
#include "base/digest.h"
#include "s3/caps.h"

#define MADE_MAX 16

/* What a request is for; the rows of a case say which fail. */
enum asked {
	VERSIONING,
	LOCK_CONF,
	PUT_OBJECT,
	PUT_CONDITION,
	PUT_CHECKSUM,
	PUT_CLASS,
	PUT_SSE,
	PUT_ID,
	READ_OBJECT,
	REMOVE,
	REMOVE_VERSION,
	LIST,
	TAGS,
	ACL,
	CREATE,
	COPY_PART,
	PUT_PART,
	COMPLETE,
	ABORT,
	ASKED
};

struct fake {
	int status[ASKED]; /* it is refused so; 0 = it works; 200 = accepted, nothing done */
	const char *server;
	const char *lock; /* ObjectLockConfiguration's inside; NULL = none */
	bool unversioned;
	bool stray; /* each refusal comes once */
	int broken_after; /* no answers after so many requests; 0 = never */

	int requests;
	char token[40], class[20], sse[20], tags[400];
	char made[MADE_MAX][40]; /* version ids, "" = removed */
	size_t n_made;
	int uploads;
};

static enum asked asked_of(const struct http_req *q)
{
	static const struct {
		const char *method, *url, *header;
		enum asked asked;
	} rows[] = {
		{ "GET", "?versioning", NULL, VERSIONING },
		{ "GET", "?object-lock", NULL, LOCK_CONF },
		{ "GET", "?encoding-type", NULL, LIST },
		{ NULL, "?tagging", NULL, TAGS },
		{ "PUT", "?acl", NULL, ACL },
		{ "POST", "?uploads", NULL, CREATE },
		{ "POST", "uploadId=", NULL, COMPLETE },
		{ "DELETE", "uploadId=", NULL, ABORT },
		{ "PUT", "uploadId=", "x-amz-copy-source", COPY_PART },
		{ "PUT", "uploadId=", NULL, PUT_PART },
		{ "DELETE", "versionId=", NULL, REMOVE_VERSION },
		{ "DELETE", "", NULL, REMOVE },
		{ "PUT", "", "if-none-match", PUT_CONDITION },
		{ "PUT", "", "x-amz-checksum-crc32c", PUT_CHECKSUM },
		{ "PUT", "", "x-amz-storage-class", PUT_CLASS },
		{ "PUT", "", "x-amz-server-side-encryption", PUT_SSE },
		{ "PUT", "versionId=", NULL, PUT_ID },
		{ "PUT", "", NULL, PUT_OBJECT },
		{ "GET", "", NULL, READ_OBJECT },
		{ "HEAD", "", NULL, READ_OBJECT },
	};

	for (size_t k = 0; k < array_size(rows); k++)
		if ((!rows[k].method || strcmp(rows[k].method, q->method) == 0) &&
		    strstr(q->url, rows[k].url) &&
		    (!rows[k].header || kv_get(q->headers, rows[k].header)) &&
		    /* object_put sends it too */
		    (rows[k].asked != PUT_CHECKSUM || !kv_get(q->headers, "x-amz-meta-crrfs-probe")))
			return rows[k].asked;
	CHECK(!"known request");
	return ASKED;
}

static void set(struct http_res *res, const char *name, const char *value)
{
	CHECK_INT(kv_set(&res->headers, name, value), 0);
}

static void make_version(struct fake *f, const struct http_req *q, struct http_res *res)
{
	const char *given = strstr(q->url, "?versionId=");
	char *id = f->made[f->n_made];

	if (f->unversioned) {
		f->n_made = 1;
		snprintf(f->made[0], sizeof(f->made[0]), "null");
		return;
	}
	if (!CHECK(f->n_made < MADE_MAX))
		return;
	if (given && strcmp(q->method, "PUT") == 0 && !f->status[PUT_ID])
		snprintf(id, sizeof(f->made[0]), "%s", given + 11);
	else
		snprintf(id, sizeof(f->made[0]), "v%zu", f->n_made);
	f->n_made++;
	set(res, "x-amz-version-id", id);
}

static int put_object(struct fake *f, enum asked asked, const struct http_req *q,
		      struct http_res *res)
{
	const char *crc = kv_get(q->headers, "x-amz-checksum-crc32c"),
		   *token = kv_get(q->headers, "x-amz-meta-crrfs-probe"),
		   *class = kv_get(q->headers, "x-amz-storage-class"),
		   *sse = kv_get(q->headers, "x-amz-server-side-encryption");
	bool works = f->status[asked] == 0;
	auto_free char *body = calloc(1, (size_t)q->body_size + 1);

	if (q->read)
		CHECK_INT(q->read(q->read_arg, body, (size_t)q->body_size, 0), 0);
	else
		memcpy(body, q->body_data, (size_t)q->body_size);
	if (asked == PUT_CONDITION && works)
		return 412;
	if (asked == PUT_CHECKSUM && works) {
		uint32_t v = crc32c(0, body, (size_t)q->body_size);
		uint8_t b[4] = { (uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8),
				 (uint8_t)v };
		struct buf right;

		buf_init(&right, 100);
		CHECK_INT(base64_encode(b, 4, &right), 0);
		works = strcmp(crc, buf_str(&right)) == 0;
		buf_free(&right);
		if (!works)
			return 400;
		set(res, "x-amz-checksum-crc32c", crc);
	}
	if (token)
		snprintf(f->token, sizeof(f->token), "%s", token);
	snprintf(f->class, sizeof(f->class), "%s", works && class ? class : "STANDARD");
	snprintf(f->sse, sizeof(f->sse), "%s", works && sse ? sse : "");
	set(res, "etag", "\"e\"");
	make_version(f, q, res);
	return 200;
}

static int read_object(struct fake *f, const struct http_req *q, struct http_res *res)
{
	static const char body[] =
		"crrfs asks what this server can do. This object may be deleted.\n";
	char length[20];

	snprintf(length, sizeof(length), "%zu", strlen(body));
	set(res, "content-length", length);
	set(res, "x-amz-storage-class", f->class);
	if (f->sse[0])
		set(res, "x-amz-server-side-encryption", f->sse);
	if (!f->status[PUT_OBJECT])
		set(res, "x-amz-meta-crrfs-probe", f->token);
	if (f->server)
		set(res, "server", f->server);
	if (strcmp(q->method, "GET") == 0)
		CHECK_INT(q->write(q->write_arg, body, strlen(body)), 0);
	return 200;
}

static int remove_version(struct fake *f, const char *id)
{
	for (size_t k = 0; k < f->n_made; k++)
		if (strcmp(f->made[k], id) == 0)
			f->made[k][0] = '\0';
	return 204;
}

static int list(const struct fake *f, const struct http_req *q, struct http_res *res)
{
	const char *key = strstr(q->url, "prefix=") + strlen("prefix=");

	buf_adds(&res->body, "<ListVersionsResult><EncodingType>url</EncodingType>"
			     "<IsTruncated>false</IsTruncated>");
	for (size_t k = 0; k < f->n_made; k++)
		if (f->made[k][0])
			buf_addf(&res->body,
				 "<Version><Key>%.*s</Key><VersionId>%s</VersionId><Size>1</Size>"
				 "<LastModified>2026-01-01T00:00:00Z</LastModified></Version>",
				 (int)strcspn(key, "&"), key, f->made[k]);
	buf_adds(&res->body, "</ListVersionsResult>");
	return 200;
}

static int serve(struct fake *f, enum asked asked, const struct http_req *q, struct http_res *res)
{
	bool put = strcmp(q->method, "PUT") == 0;

	switch (asked) {
	case VERSIONING:
		buf_addf(&res->body, "<VersioningConfiguration>%s</VersioningConfiguration>",
			 f->unversioned ? "" : "<Status>Enabled</Status>");
		return 200;
	case LOCK_CONF:
		buf_addf(&res->body, "<ObjectLockConfiguration>%s</ObjectLockConfiguration>",
			 f->lock ? f->lock : "");
		return f->lock ? 200 : 404;
	case READ_OBJECT: return read_object(f, q, res);
	case REMOVE:
		if (f->unversioned)
			return remove_version(f, "null");
		make_version(f, q, res);
		return 204;
	case REMOVE_VERSION: return remove_version(f, strstr(q->url, "versionId=") + 10);
	case LIST: return list(f, q, res);
	case TAGS:
		if (put && !f->status[TAGS])
			snprintf(f->tags, sizeof(f->tags), "%.*s", (int)q->body_size,
				 (const char *)q->body_data);
		buf_adds(&res->body, put ? "" : f->tags);
		return 200;
	case ACL: return 200;
	case CREATE:
		f->uploads++;
		buf_adds(&res->body, "<InitiateMultipartUploadResult><UploadId>U</UploadId>"
				     "</InitiateMultipartUploadResult>");
		return 200;
	case COPY_PART:
		buf_adds(&res->body, "<CopyPartResult><ETag>e</ETag></CopyPartResult>");
		return 200;
	case PUT_PART: set(res, "etag", "e"); return 200;
	case COMPLETE:
		f->uploads--;
		make_version(f, q, res);
		buf_adds(&res->body, "<CompleteMultipartUploadResult><ETag>e</ETag>"
				     "</CompleteMultipartUploadResult>");
		return 200;
	case ABORT: f->uploads--; return 204;
	default: return put_object(f, asked, q, res);
	}
}

static int fake_attempt(void *arg, const struct http_req *q, struct http_res *res)
{
	struct fake *f = arg;
	enum asked asked = asked_of(q);
	int status = f->status[asked];

	CHECK(!strstr(q->url, "/b/") || strstr(q->url, "/b/" CAPS_PREFIX));
	if (f->broken_after && f->requests >= f->broken_after)
		return -ENOTCONN;
	f->requests++;
	res->sent = true;
	if (status > 299) {
		res->status = status;
		if (f->stray)
			f->status[asked] = 0;
		if (status != 501 && strcmp(q->method, "HEAD") != 0)
			buf_addf(&res->body, "<Error><Code>%s</Code></Error>",
				 status == 403	 ? "AccessDenied"
				 : status == 401 ? "InvalidAccessKeyId"
				 : status == 404 ? "NoSuchBucket"
						 : "InvalidRequest");
		return 0;
	}
	res->status = serve(f, asked, q, res);
	return 0;
}

typedef int ask_fn(struct s3_client *c, struct s3_caps *caps, struct s3_error *e);

static int ask(struct fake *f, ask_fn *how, struct s3_caps *caps, struct s3_error *ret_e)
{
	struct s3_client_conf conf = { .url = "http://127.0.0.1:9",
				       .region = "us-east-1",
				       .bucket = "b",
				       .path_style = 1,
				       .max_attempts = 1,
				       .attempt = fake_attempt,
				       .attempt_arg = f };
	struct s3_client *c = NULL;
	char why[200];
	int rc;

	CHECK_INT(cred_source_static("ID", "SECRET", NULL, &conf.cred), 0);
	CHECK_INT(s3_client_new(&conf, &c, why, sizeof(why)), 0);
	rc = how(c, caps, ret_e);
	s3_client_free(c);
	return rc;
}

static int probe(struct fake *f, struct s3_caps *ret_caps, struct s3_error *ret_e)
{
	return ask(f, caps_probe, ret_caps, ret_e);
}

static size_t left_in(const struct fake *f)
{
	size_t n = 0;

	for (size_t k = 0; k < f->n_made; k++)
		n += f->made[k][0] != '\0';
	return n + (size_t)f->uploads;
}

#define ENABLED "<ObjectLockEnabled>Enabled</ObjectLockEnabled>"
#define DEFAULT "<Rule><DefaultRetention><Mode>GOVERNANCE</Mode></DefaultRetention></Rule>"
/* In the order of caps_to_text, from put to conditional; lock in the middle. */
#define MAY_ALL	    "put=yes get=yes remove=yes purge=yes "
#define BEFORE_LOCK MAY_ALL "versioning=yes versioning-api=yes tags=yes acl=yes sse=yes "
#define AFTER_LOCK  "multipart=yes part-copy=yes checksums=yes conditional=yes classes=yes "
#define ALL_UNKNOWN "multipart=? part-copy=? checksums=? conditional=? classes=? minio=?"

static void test_probe(void)
{
	static const struct {
		const char *name;
		struct fake f;
		const char *text;
		const char *code; /* of the error worth telling */
	} rows[] = {
		{ "all", { .lock = ENABLED }, BEFORE_LOCK "lock=yes " AFTER_LOCK "minio=no", "" },
		{ "MinIO",
		  { .server = "MinIO" },
		  BEFORE_LOCK "lock=no " AFTER_LOCK "minio=yes",
		  "" },
		{ "MinIO whose user may not",
		  { .server = "MinIO", .status = { [PUT_ID] = 403 } },
		  BEFORE_LOCK "lock=no " AFTER_LOCK "minio=denied",
		  "AccessDenied" },
		{ "calls itself MinIO",
		  { .server = "MinIO", .status = { [PUT_ID] = 200 } },
		  BEFORE_LOCK "lock=no " AFTER_LOCK "minio=no",
		  "" },
		{ "refuses what it has not",
		  { .status = { [VERSIONING] = 501,
				[LOCK_CONF] = 501,
				[TAGS] = 501,
				[ACL] = 400,
				[CREATE] = 405,
				[PUT_CONDITION] = 501,
				[PUT_CHECKSUM] = 501,
				[PUT_CLASS] = 400,
				[PUT_SSE] = 501,
				[LIST] = 501 },
		    .unversioned = true },
		  MAY_ALL "versioning=no versioning-api=no tags=no acl=no sse=no "
			  "lock=no multipart=no part-copy=? checksums=no conditional=no classes=no "
			  "minio=no",
		  "" },
		{ "a stray 501 for each",
		  { .status = { [VERSIONING] = 501,
				[LOCK_CONF] = 501,
				[PUT_OBJECT] = 501,
				[READ_OBJECT] = 501,
				[TAGS] = 501,
				[ACL] = 501,
				[CREATE] = 501,
				[PUT_CONDITION] = 501,
				[PUT_CHECKSUM] = 501,
				[PUT_CLASS] = 501,
				[PUT_SSE] = 501,
				[PUT_ID] = 501 },
		    .lock = ENABLED,
		    .server = "MinIO",
		    .stray = true },
		  BEFORE_LOCK "lock=yes " AFTER_LOCK "minio=yes",
		  "" },
		{ "takes all and does nothing",
		  { .status = { [TAGS] = 200,
				[PUT_CONDITION] = 200,
				[PUT_CHECKSUM] = 200,
				[PUT_CLASS] = 200,
				[PUT_SSE] = 200 } },
		  MAY_ALL
		  "versioning=yes versioning-api=yes tags=no acl=yes sse=no "
		  "lock=no multipart=yes part-copy=yes checksums=no conditional=no classes=no "
		  "minio=no",
		  "" },
		{ "drops metadata",
		  { .status = { [PUT_OBJECT] = 200 } },
		  "put=no get=yes remove=yes purge=yes versioning=yes versioning-api=yes tags=yes "
		  "acl=yes sse=yes lock=no " AFTER_LOCK "minio=no",
		  "" },
		{ "parts cannot be copied",
		  { .status = { [COPY_PART] = 501 } },
		  BEFORE_LOCK "lock=no multipart=yes part-copy=no checksums=yes conditional=yes "
			      "classes=yes minio=no",
		  "" },
		{ "an upload cannot be ended",
		  { .status = { [COMPLETE] = 403 } },
		  BEFORE_LOCK "lock=no multipart=denied part-copy=yes checksums=yes "
			      "conditional=yes classes=yes minio=no",
		  "AccessDenied" },
		{ "versioning may not be asked for, but is seen",
		  { .status = { [VERSIONING] = 403, [TAGS] = 403, [LIST] = 403 } },
		  MAY_ALL "versioning=yes versioning-api=denied tags=denied "
			  "acl=yes sse=yes lock=no " AFTER_LOCK "minio=no",
		  "AccessDenied" },
		{ "may not write",
		  { .status = { [PUT_OBJECT] = 403 } },
		  "put=denied get=? remove=? purge=? versioning=yes versioning-api=yes tags=? "
		  "acl=? "
		  "sse=? lock=no " ALL_UNKNOWN,
		  "AccessDenied" },
		/* what is written could not be removed again */
		{ "default retention",
		  { .lock = ENABLED DEFAULT },
		  "put=? get=? remove=? purge=? versioning=yes versioning-api=yes tags=? acl=? "
		  "sse=? lock=yes multipart=yes part-copy=? checksums=? conditional=? classes=? "
		  "minio=?",
		  "" },
	};

	for (size_t k = 0; k < array_size(rows); k++) {
		struct fake f = rows[k].f;
		struct s3_caps caps = { 0 };
		struct s3_error e = { 0 };
		struct buf text;

		buf_init(&text, BUF_LIMIT_SMALL);
		CHECK_CASE(rows[k].name);
		CHECK_INT(probe(&f, &caps, &e), 0);
		CHECK_INT(caps_to_text(&caps, &text), 0);
		CHECK_STR(buf_str(&text), rows[k].text);
		CHECK_STR(e.code, rows[k].code);
		CHECK_INT(left_in(&f), 0);
		buf_free(&text);
	}
	CHECK_CASE("");
}

static void test_nothing_learnt(void)
{
	static const struct {
		int status, rc;
		const char *code;
	} rows[] = {
		{ 404, -EIO, "NoSuchBucket" },
		{ 401, -EACCES, "InvalidAccessKeyId" },
		{ 500, -EIO, "InvalidRequest" },
	};
	struct fake silent = { .broken_after = 1 };
	struct s3_caps caps = { .put = CAP_DENIED };
	struct s3_error e = { 0 };

	for (size_t k = 0; k < array_size(rows); k++) {
		struct fake f = { .status = { [VERSIONING] = rows[k].status } };

		CHECK_CASE(rows[k].code);
		CHECK_INT(probe(&f, &caps, &e), rows[k].rc);
		CHECK_STR(e.code, rows[k].code);
		CHECK_STR(e.op, "GetBucketVersioning");
		CHECK_INT(caps.put, CAP_DENIED); /* untouched */
		CHECK_INT(f.requests, 1);
	}
	CHECK_CASE("");
	/* It falls silent in the middle: what was learnt stays. */
	CHECK_INT(probe(&silent, &caps, &e), 0);
	CHECK_INT(caps.versioning, CAP_YES);
	CHECK_INT(caps.put, CAP_UNKNOWN);
	CHECK_STR(e.code, "Transport");
}

/* A short look: what was true once, and what of it still is. */
static void test_check(void)
{
	static const struct {
		const char *name;
		struct fake f;
		struct s3_caps now;
		int requests;
	} rows[] = {
#define KNOWN .tags = CAP_NO, .acl = CAP_YES, .versioning_api = CAP_YES, .lock = CAP_NO
		{ "as it was",
		  { .requests = 0 },
		  { KNOWN, .put = CAP_YES, .remove = CAP_YES, .purge = CAP_YES,
		    .versioning = CAP_YES },
		  5 },
		{ "versioning was switched off",
		  { .unversioned = true },
		  { KNOWN, .put = CAP_YES, .remove = CAP_YES, .purge = CAP_YES,
		    .versioning = CAP_NO },
		  5 },
		{ "may not write any more",
		  { .status = { [PUT_OBJECT] = 403 } },
		  { KNOWN, .put = CAP_DENIED, .remove = CAP_YES, .versioning = CAP_YES },
		  3 },
	};
	const struct s3_caps known = { KNOWN, .put = CAP_YES, .remove = CAP_YES, .purge = CAP_YES,
				       .versioning = CAP_YES };
	struct fake kept = { .status = { [REMOVE_VERSION] = 403 } },
		    locked = { .lock = ENABLED DEFAULT };
	struct s3_caps caps = { 0 };
	struct s3_error e = { 0 };

	for (size_t k = 0; k < array_size(rows); k++) {
		struct fake f = rows[k].f;

		CHECK_CASE(rows[k].name);
		caps = known;
		CHECK_INT(ask(&f, caps_check, &caps, &e), 0);
		CHECK_MEM(&caps, &rows[k].now, sizeof(caps));
		CHECK_INT(f.requests, rows[k].requests);
		CHECK_INT(left_in(&f), 0);
	}
	/* Where a version cannot be removed again, or would be locked, none is written. */
	CHECK_CASE("what is written stays");
	CHECK_INT(probe(&kept, &caps, &e), 0);
	CHECK_INT(caps.purge, CAP_DENIED);
	kept.requests = 0;
	CHECK_INT(ask(&kept, caps_check, &caps, &e), 0);
	CHECK_INT(kept.requests, 1);
	CHECK_CASE("a default retention came");
	caps = known;
	CHECK_INT(ask(&locked, caps_check, &caps, &e), 0);
	CHECK_INT(locked.requests, 2);
	CHECK_INT(locked.n_made, 0);
	CHECK_CASE("");
}

static void test_text(void)
{
	struct s3_caps caps = { .put = CAP_YES, .part_copy = CAP_DENIED, .tags = CAP_NO }, back;
	const char *name, *meaning;
	struct buf text;
	enum cap cap;
	size_t n = 0;

	buf_init(&text, BUF_LIMIT_SMALL);
	CHECK_INT(caps_to_text(&caps, &text), 0);
	CHECK(!strchr(buf_str(&text), '\n'));
	CHECK_INT(caps_from_text(buf_str(&text), &back), 0);
	CHECK_MEM(&back, &caps, sizeof(caps));
	CHECK_INT(caps_from_text("new=yes tags=maybe put acl=yes  =yes get=denied\n", &back), 0);
	CHECK(back.acl == CAP_YES && back.get == CAP_DENIED && back.tags == CAP_UNKNOWN);
	CHECK_INT(caps_from_text("", &back), 0);
	CHECK_INT(back.acl, CAP_UNKNOWN);
	for (; caps_row(&caps, n, &name, &cap, &meaning); n++)
		CHECK(*name && *meaning && strstr(buf_str(&text), name));
	CHECK_INT(n, sizeof(caps) / sizeof(enum cap)); /* each has its row */
	buf_free(&text);
}

int main(void)
{
	test_probe();
	test_nothing_learnt();
	test_check();
	test_text();
	return check_done();
}
