/* test_body.c - S3's XML bodies: as AWS and Ceph write them, and as nobody should. */
#include "tests/unit/check.h"

#include <errno.h>

#include "s3/body.h"

#define XML	   "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
#define NS	   " xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\""
#define MD5_QUOTED "&quot;d41d8cd98f00b204e9800998ecf8427e&quot;"

static char why[BODY_WHY];

/* An AWS page: '+' is a space, keys before and after a common prefix. */
static const char aws_keys[] = XML
	"<ListBucketResult" NS "><Name>b</Name><Prefix/><KeyCount>4</KeyCount><MaxKeys>4</MaxKeys>"
	"<Delimiter>%2F</Delimiter><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>"
	"<NextContinuationToken>1ueGcxLPRx1Tr/XYExHnhbYLgveDs2J/wm36Hy4vbOwM=</"
	"NextContinuationToken>"
	"<Contents><Key>a+b%2Bc%25</Key><LastModified>2009-10-12T17:50:30.000Z</LastModified>"
	"<ETag>&quot;FBA9DEDE5F27731C9771645A39863328&quot;</ETag><Size>434234</"
	"Size><StorageClass>STANDARD</StorageClass></Contents>"
	"<Contents><Key>z%C3%A4%01</Key><LastModified>2009-10-12T17:50:30.123Z</LastModified>"
	"<ETag>&quot;fba9dede5f27731c9771645a39863328-7&quot;</ETag><Size>5497558138880</"
	"Size><StorageClass>GLACIER</StorageClass></Contents>"
	"<CommonPrefixes><Prefix>photos/</Prefix></CommonPrefixes><CommonPrefixes><Prefix>a/</"
	"Prefix></CommonPrefixes>"
	"</ListBucketResult>";

static void test_aws_keys(void)
{
	struct s3_page p = { 0 };

	CHECK_CASE("aws keys");
	if (!CHECK_INT(body_read_keys(aws_keys, strlen(aws_keys), &p, why), 0) ||
	    !CHECK_INT(p.n, 4))
		return;
	CHECK_STR(p.entries[0].key, "a b+c%");
	CHECK_STR(p.entries[0].etag, "fba9dede5f27731c9771645a39863328");
	CHECK_INT(p.entries[0].size, 434234);
	CHECK_INT(p.entries[0].mtime_ms, 1255369830000);
	CHECK_STR(p.entries[0].storage_class, NULL);
	CHECK_STR(p.entries[1].key, "a/");
	CHECK(p.entries[1].is_prefix);
	CHECK_STR(p.entries[2].key, "photos/");
	CHECK_STR(p.entries[3].key, "z\xc3\xa4\x01");
	CHECK_STR(p.entries[3].etag, "fba9dede5f27731c9771645a39863328-7");
	CHECK_STR(p.entries[3].storage_class, "GLACIER");
	CHECK_INT(p.entries[3].size, 5497558138880);
	CHECK(p.truncated);
	CHECK_STR(p.next_token, "1ueGcxLPRx1Tr/XYExHnhbYLgveDs2J/wm36Hy4vbOwM=");
	s3_page_free(&p);
}

/* A server that does not know encoding-type: names are as they stand. */
static void test_plain_keys(void)
{
	static const char xml[] = "<ListBucketResult><IsTruncated>false</"
				  "IsTruncated><Contents><Key>a+%41</Key><Size>0</Size>"
				  "</Contents></ListBucketResult>";
	struct s3_page p = { 0 };

	CHECK_CASE("plain keys");
	CHECK_INT(body_read_keys(xml, strlen(xml), &p, why), 0);
	if (CHECK_INT(p.n, 1)) {
		CHECK_STR(p.entries[0].key, "a+%41");
		CHECK_STR(p.entries[0].etag, NULL);
	}
	CHECK(!p.truncated);
	s3_page_free(&p);
}

#define CEPH_VERSION(key, id, latest)                                                              \
	"<Version><Key>" key "</Key><VersionId>" id "</VersionId><IsLatest>" latest "</IsLatest>"  \
	"<LastModified>2026-11-22T18:19:15.985Z</LastModified><ETag>" MD5_QUOTED                   \
	"</ETag><Size>10</Size>"                                                                   \
	"<StorageClass>STANDARD</StorageClass><Owner><ID>t</ID><DisplayName>t</DisplayName></"     \
	"Owner><Type>Normal</Type></Version>"

/* As Ceph 16.2 writes it: the marker is not encoded although EncodingType says so. */
static const char ceph_versions[] = XML
	"<ListVersionsResult" NS "><EncodingType>url</EncodingType><Name>bk3</Name><Prefix>keys/</"
	"Prefix><MaxKeys>3</MaxKeys>"
	"<IsTruncated>true</IsTruncated><KeyMarker></KeyMarker><VersionIdMarker></VersionIdMarker>"
	"<NextKeyMarker>keys/a "
	"b+c%20&amp;</NextKeyMarker><NextVersionIdMarker>eFtp.nY6</NextVersionIdMarker>"
	"<DeleteMarker><Key>keys%2F.</Key><VersionId>m1</VersionId><IsLatest>true</IsLatest>"
	"<LastModified>2026-11-22T18:19:16.000Z</LastModified></DeleteMarker>" CEPH_VERSION(
		"keys%2F.", "null", "false") CEPH_VERSION("keys%2Fa%20b%2Bc%2520%26", "eFtp.nY6",
							  "true") "</ListVersionsResult>";

static void test_versions(void)
{
	struct s3_page p = { 0 };

	CHECK_CASE("ceph versions");
	if (!CHECK_INT(body_read_versions(ceph_versions, strlen(ceph_versions), &p, why), 0) ||
	    !CHECK_INT(p.n, 3))
		return;
	CHECK(p.entries[0].delete_marker && p.entries[0].is_latest);
	CHECK_STR(p.entries[0].key, "keys/.");
	CHECK_STR(p.entries[1].version_id, "null");
	CHECK(!p.entries[1].is_latest);
	CHECK_STR(p.entries[2].key, "keys/a b+c%20&");
	CHECK_STR(p.next_key, "keys/a b+c%20&");
	CHECK_STR(p.next_version, "eFtp.nY6");
	s3_page_free(&p);

	/* AWS does encode it. */
	static const char aws[] = "<ListVersionsResult><EncodingType>url</"
				  "EncodingType><IsTruncated>true</IsTruncated>"
				  "<NextKeyMarker>a+b%252</NextKeyMarker>" CEPH_VERSION(
					  "a+b%252", "v", "true") "</ListVersionsResult>";

	CHECK_CASE("aws versions");
	CHECK_INT(body_read_versions(aws, strlen(aws), &p, why), 0);
	CHECK_STR(p.next_key, "a b%2");
	CHECK_STR(p.next_version, NULL);
	s3_page_free(&p);
}

/* Page readers: what must be refused, and with which words. */
static void test_bad_pages(void)
{
#define ONE(more) "<ListBucketResult><EncodingType>url</EncodingType>" more "</ListBucketResult>"
	static const struct {
		const char *name, *xml, *why;
	} rows[] = {
		{ "empty", "", "no XML" },
		{ "no XML", "<html><p>Bad gateway</html>", "no XML" },
		{ "truncated", "<ListBucketResult><Contents><Key>a</Key>", "no XML" },
		{ "other root", "<Error><Code>SlowDown</Code></Error>",
		  "Error instead of ListBucketResult" },
		{ "entity bomb",
		  "<!DOCTYPE x [<!ENTITY a \"aaaa\">]><ListBucketResult>&a;</ListBucketResult>",
		  "no XML" },
		{ "external entity",
		  "<!DOCTYPE x [<!ENTITY a SYSTEM "
		  "\"file:///etc/passwd\">]><ListBucketResult><Contents><Key>&a;</Key>"
		  "<Size>1</Size></Contents></ListBucketResult>",
		  "no XML" },
		{ "no key", ONE("<Contents><Size>1</Size></Contents>"), "Key is missing" },
		{ "empty key", ONE("<Contents><Key/><Size>1</Size></Contents>"), "Key is missing" },
		{ "bad escape", ONE("<Contents><Key>a%2</Key><Size>1</Size></Contents>"),
		  "percent-encoded" },
		{ "NUL in key", ONE("<Contents><Key>a%00b</Key><Size>1</Size></Contents>"),
		  "percent-encoded" },
		{ "no size", ONE("<Contents><Key>a</Key></Contents>"), "Size is missing" },
		{ "negative size", ONE("<Contents><Key>a</Key><Size>-1</Size></Contents>"),
		  "Size is no number" },
		{ "huge size",
		  ONE("<Contents><Key>a</Key><Size>99999999999999999999</Size></Contents>"),
		  "Size is no number" },
		{ "size with words", ONE("<Contents><Key>a</Key><Size>1 MB</Size></Contents>"),
		  "Size is no number" },
		{ "bad time",
		  ONE("<Contents><Key>a</Key><Size>1</Size><LastModified>yesterday</LastModified></"
		      "Contents>"),
		  "no time" },
		{ "bad bool", ONE("<IsTruncated>maybe</IsTruncated>"), "neither true nor false" },
		{ "no token", ONE("<IsTruncated>true</IsTruncated>"),
		  "NextContinuationToken is missing" },
		{ "empty prefix", ONE("<CommonPrefixes><Prefix></Prefix></CommonPrefixes>"),
		  "Prefix is missing" },
	};

	for (size_t k = 0; k < array_size(rows); k++) {
		struct s3_page p = { 0 };

		CHECK_CASE(rows[k].name);
		why[0] = '\0';
		CHECK_INT(body_read_keys(rows[k].xml, strlen(rows[k].xml), &p, why), -EIO);
		if (!CHECK(strstr(why, rows[k].why)))
			fprintf(stderr, "\tgot: %s\n", why);
		CHECK(p.n == 0 && !p.entries);
	}
	CHECK_CASE("");
}

static void test_bad_versions(void)
{
	static const char *const rows[] = {
		"<ListVersionsResult><Version><Key>a</Key><Size>1</Size></Version></"
		"ListVersionsResult>",
		"<ListVersionsResult><Version><Key>a</Key><VersionId>v</VersionId></Version></"
		"ListVersionsResult>",
		"<ListVersionsResult><DeleteMarker><Key>a</Key></DeleteMarker></"
		"ListVersionsResult>",
		"<ListVersionsResult><IsTruncated>true</IsTruncated></ListVersionsResult>",
		"<ListVersionsResult><DeleteMarker><Key>a</Key><VersionId>v&#x9b;2J</VersionId>"
		"</DeleteMarker></ListVersionsResult>",
		"<ListVersionsResult><DeleteMarker><Key>a</Key><VersionId>v&#10;w</VersionId>"
		"</DeleteMarker></ListVersionsResult>",
		"<ListVersionsResult><DeleteMarker><Key>a</Key><VersionId>v\x7f</VersionId>"
		"</DeleteMarker></ListVersionsResult>",
		"<ListBucketResult/>",
	};

	for (size_t k = 0; k < array_size(rows); k++) {
		struct s3_page p = { 0 };

		CHECK_CASE(rows[k]);
		CHECK_INT(body_read_versions(rows[k], strlen(rows[k]), &p, why), -EIO);
	}
	CHECK_CASE("");
}

static void test_tags(void)
{
	static const char two[] =
		XML "<Tagging" NS "><TagSet><Tag><Key>b</Key><Value>x &amp; y</Value></Tag>"
		    "<Tag><Key>a</Key><Value/></Tag></TagSet></Tagging>";
	static const char none[] = "<Tagging><TagSet/></Tagging>",
			  no_key[] =
				  "<Tagging><TagSet><Tag><Value>v</Value></Tag></TagSet></Tagging>";
	auto_with(kv_free) struct kv tags = KV_EMPTY, again = KV_EMPTY;
	auto_with(buf_free) struct buf b;

	buf_init(&b, BUF_LIMIT_SMALL);
	CHECK_INT(body_read_tags(two, strlen(two), &tags, why), 0);
	CHECK_INT(tags.n, 2);
	CHECK_STR(kv_get(&tags, "b"), "x & y");
	CHECK_STR(kv_get(&tags, "a"), "");
	CHECK_INT(kv_set(&tags, "<\">", "\xe2\x82\xac'"), 0);
	CHECK_INT(body_write_tags(&tags, &b), 0);
	CHECK_INT(body_read_tags(buf_str(&b), b.len, &again, why), 0);
	CHECK(kv_equal(&tags, &again));
	CHECK_INT(body_read_tags(no_key, strlen(no_key), &tags, why), -EIO);
	CHECK_INT(tags.n, 3);
	CHECK_INT(body_read_tags(none, strlen(none), &tags, why), 0);
	CHECK_INT(tags.n, 0);
	CHECK_INT(body_read_tags("", 0, &again, why), 0); /* Ceph */
	CHECK_INT(again.n, 0);
}

static void test_multipart(void)
{
	static const char started[] =
		XML "<InitiateMultipartUploadResult" NS
		    "><Bucket>b</Bucket><Key>k</Key><UploadId>VXBs.b2Fk</UploadId>"
		    "</InitiateMultipartUploadResult>";
	static const char no_id[] =
		"<InitiateMultipartUploadResult><UploadId/></InitiateMultipartUploadResult>";
	static const char aws[] = XML "<CompleteMultipartUploadResult" NS
				      "><Location>l</Location><Bucket>b</Bucket><Key>k</Key>"
				      "<ETag>&quot;3858F62230AC3C915F300C664312C11F-9&quot;</"
				      "ETag><ChecksumCRC32C>Nks/tw==</ChecksumCRC32C>"
				      "<ChecksumType>FULL_OBJECT</ChecksumType>"
				      "</CompleteMultipartUploadResult>";
	static const char composite[] = "<CompleteMultipartUploadResult><ETag>e</ETag>"
					"<ChecksumCRC32C>Nks/tw==</ChecksumCRC32C><ChecksumType>"
					"COMPOSITE</ChecksumType></CompleteMultipartUploadResult>";
	static const char ceph[] = "   "
				   "\n<CompleteMultipartUploadResult><Bucket>b</Bucket><ETag></"
				   "ETag></CompleteMultipartUploadResult>";
	static const struct mpu_part parts[] = { { 1, "aa", 5, { true, 0x364b3fb7 } },
						 { 3, "b&b", 7, { false, 0 } } };
	struct s3_crc32c crc;
	char *s = NULL;
	auto_with(buf_free) struct buf b;

	buf_init(&b, BUF_LIMIT_SMALL);
	CHECK_INT(body_read_upload_id(started, strlen(started), &s, why), 0);
	CHECK_STR(s, "VXBs.b2Fk");
	free(take_ptr(&s));
	CHECK_INT(body_read_upload_id(no_id, strlen(no_id), &s, why), -EIO);
	CHECK_INT(body_read_complete(aws, strlen(aws), &s, &crc, why), 0);
	CHECK_STR(s, "3858f62230ac3c915f300c664312c11f-9");
	CHECK(crc.known && crc.value == 0x364b3fb7);
	free(take_ptr(&s));
	CHECK_INT(body_read_complete(composite, strlen(composite), &s, &crc, why), 0);
	CHECK(!crc.known);
	free(take_ptr(&s));
	CHECK_INT(body_read_complete(ceph + 4, strlen(ceph) - 4, &s, &crc, why), 0);
	CHECK_STR(s, NULL);
	CHECK_INT(body_write_complete(parts, 2, &b), 0);
	CHECK(strstr(buf_str(&b),
		     "<Part><PartNumber>1</PartNumber><ETag>&quot;aa&quot;</ETag>"
		     "<ChecksumCRC32C>Nks/tw==</ChecksumCRC32C></Part>"
		     "<Part><PartNumber>3</PartNumber><ETag>&quot;b&amp;b&quot;</ETag></Part></"
		     "Complete"));
}

/* 10,000 parts fit the body. */
static void test_complete_of_many(void)
{
	struct mpu_part *parts = calloc(10000, sizeof(*parts));
	auto_with(buf_free) struct buf b;

	buf_init(&b, BUF_LIMIT_DOC);
	for (unsigned n = 1; parts && n <= 10000; n++) {
		parts[n - 1].number = n;
		memset(parts[n - 1].etag, 'e', sizeof(parts[n - 1].etag) - 1);
	}
	CHECK_INT(body_write_complete(parts, 10000, &b), 0);
	CHECK(strstr(buf_str(&b), "<PartNumber>10000</PartNumber>"));
	free(parts);
}

static void test_copy(void)
{
	static const char aws[] =
		XML "<CopyObjectResult" NS "><LastModified>2009-10-12T17:50:30.000Z</LastModified>"
		    "<ETag>&quot;9b2cf535f27731c974343645a3985328&quot;</ETag></CopyObjectResult>";
	static const char ceph[] =
		"<CopyPartResult><LastModified>2009-10-12T17:50:30.000Z</LastModified>"
		"<ETag>9b2cf535f27731c974343645a3985328</ETag>"
		"<ChecksumCRC32C>AAAAAA==</ChecksumCRC32C></CopyPartResult>";
	static const char none[] = "<CopyObjectResult><ETag/></CopyObjectResult>",
			  error[] = "<Error><Code>InternalError</Code></Error>";
	struct s3_crc32c crc;
	char *s = NULL;
	int64_t ms = 0;

	CHECK_INT(body_read_copy(aws, strlen(aws), &s, &ms, &crc, why), 0);
	CHECK_STR(s, "9b2cf535f27731c974343645a3985328");
	CHECK_INT(ms, 1255369830000);
	free(take_ptr(&s));
	CHECK(!crc.known);
	CHECK_INT(body_read_copy(ceph, strlen(ceph), &s, &ms, &crc, why), 0);
	CHECK(crc.known && crc.value == 0);
	CHECK_STR(s, "9b2cf535f27731c974343645a3985328");
	free(take_ptr(&s));
	CHECK_INT(body_read_copy(none, strlen(none), &s, &ms, &crc, why), -EIO);
	CHECK_INT(body_read_copy(error, strlen(error), &s, &ms, &crc, why), -EIO);
	CHECK_INT(body_read_copy("", 0, &s, &ms, &crc, why), -EIO);
}

static void test_uploads(void)
{
	/* As Ceph 16.2 writes it: encoded without an EncodingType, the marker not. */
	static const char ceph[] =
		"<ListMultipartUploadsResult><Prefix>mp/</Prefix><NextKeyMarker>mp/a "
		"b+c%20&amp;</NextKeyMarker>"
		"<NextUploadIdMarker>2~d1</NextUploadIdMarker><MaxUploads>1</"
		"MaxUploads><IsTruncated>true</IsTruncated>"
		"<Upload><Key>mp/a%20b%2Bc%2520%26</Key><UploadId>2~d1</UploadId>"
		"<Initiated>2026-11-22T18:19:50.644Z</Initiated></Upload></"
		"ListMultipartUploadsResult>";
	static const char plain[] =
		"<ListMultipartUploadsResult><Upload><Key>a+b</Key><UploadId>x</UploadId></Upload>"
		"<Upload><Key>c%20d</Key><UploadId>y</UploadId></Upload></"
		"ListMultipartUploadsResult>";
	static const char no_id[] = "<ListMultipartUploadsResult><Upload><Key>a</Key></Upload></"
				    "ListMultipartUploadsResult>";
	struct body_uploads u = { 0 };

	CHECK_INT(body_read_uploads(ceph, strlen(ceph), &u, why), 0);
	if (CHECK_INT(u.n, 1)) {
		CHECK_STR(u.items[0].key, "mp/a b+c%20&");
		CHECK_STR(u.items[0].id, "2~d1");
		CHECK(u.items[0].started_ms > 1700000000000);
	}
	CHECK(u.truncated);
	CHECK_STR(u.next_key, "mp/a b+c%20&");
	body_uploads_free(&u);
	CHECK_INT(body_read_uploads(plain, strlen(plain), &u, why), 0);
	if (CHECK_INT(u.n, 2)) {
		CHECK_STR(u.items[0].key, "a+b");
		CHECK_STR(u.items[1].key, "c%20d");
	}
	body_uploads_free(&u);
	CHECK_INT(body_read_uploads(no_id, strlen(no_id), &u, why), -EIO);
}

static void test_parts(void)
{
	static const char two[] =
		"<ListPartsResult><NextPartNumberMarker>3</NextPartNumberMarker><IsTruncated>true</"
		"IsTruncated>"
		"<Part><PartNumber>2</PartNumber><ETag>\"7778aef83f66abc1fa1e8477f296d394\"</"
		"ETag><Size>10485760</Size></Part>"
		"<Part><PartNumber>3</PartNumber><ETag>\"aaaa18db4cc2f85cedef654fccc4a4x8\"</"
		"ETag><Size>1</Size></Part>"
		"</ListPartsResult>";
	static const char *const bad[] = {
		"<ListPartsResult><Part><PartNumber>0</PartNumber><ETag>a</ETag><Size>1</Size></"
		"Part></ListPartsResult>",
		"<ListPartsResult><Part><PartNumber>4294967297</PartNumber><ETag>a</ETag><Size>1</"
		"Size></Part></ListPartsResult>",
		"<ListPartsResult><Part><PartNumber>1</PartNumber><Size>1</Size></Part></"
		"ListPartsResult>",
		"<ListPartsResult><Part><PartNumber>1</PartNumber><ETag>a</ETag></Part></"
		"ListPartsResult>",
		"<ListPartsResult><IsTruncated>true</IsTruncated></ListPartsResult>",
		"<ListPartsResult><Part><PartNumber>1</PartNumber><Size>1</Size><ETag>"
		"0123456789012345678901234567890123456789012345678901234567890123456789012345678901"
		"234567890123456789"
		"</ETag></Part></ListPartsResult>",
	};
	struct body_parts p = { 0 };

	CHECK_INT(body_read_parts(two, strlen(two), &p, why), 0);
	if (CHECK_INT(p.n, 2)) {
		CHECK_INT(p.items[0].number, 2);
		CHECK_INT(p.items[0].size, 10485760);
		CHECK_STR(p.items[0].etag, "7778aef83f66abc1fa1e8477f296d394");
		CHECK_STR(p.items[1].etag, "aaaa18db4cc2f85cedef654fccc4a4x8");
	}
	CHECK(p.truncated);
	CHECK_INT(p.next, 3);
	body_parts_free(&p);
	for (size_t k = 0; k < array_size(bad); k++) {
		CHECK_CASE(bad[k]);
		CHECK_INT(body_read_parts(bad[k], strlen(bad[k]), &p, why), -EIO);
	}
	CHECK_CASE("");
}

static void test_bucket(void)
{
	static const struct {
		const char *xml;
		int rc;
		enum bucket_versioning v;
	} rows[] = {
		{ "<VersioningConfiguration" NS "/>", 0, VERSIONING_OFF },
		{ "<VersioningConfiguration><Status>Enabled</Status><MfaDelete>Disabled</"
		  "MfaDelete></VersioningConfiguration>",
		  0, VERSIONING_ENABLED },
		{ "<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>",
		  0, VERSIONING_SUSPENDED },
		{ "<VersioningConfiguration><Status>enabled?</Status></VersioningConfiguration>",
		  -EIO, VERSIONING_OFF },
		{ "", -EIO, VERSIONING_OFF },
	};
	static const struct {
		const char *xml;
		int rc;
		bool has;
	} replication[] = {
		{ "", 0, false },
		{ "<ReplicationConfiguration><Role></Role></ReplicationConfiguration>", 0, false },
		{ "<ReplicationConfiguration" NS "><Rule/></ReplicationConfiguration>", 0, true },
		{ "<html/>", -EIO, false },
	};

	for (size_t k = 0; k < array_size(rows); k++) {
		enum bucket_versioning v = VERSIONING_OFF;

		CHECK_CASE(rows[k].xml);
		CHECK_INT(body_read_versioning(rows[k].xml, strlen(rows[k].xml), &v, why),
			  rows[k].rc);
		CHECK_INT(v, rows[k].v);
	}
	for (size_t k = 0; k < array_size(replication); k++) {
		bool has = false;

		CHECK_CASE(replication[k].xml);
		CHECK_INT(body_read_has_rules(replication[k].xml, strlen(replication[k].xml), &has,
					      why),
			  replication[k].rc);
		CHECK_INT(has, replication[k].has);
	}
	CHECK_CASE("");
}

int main(void)
{
	test_aws_keys();
	test_plain_keys();
	test_versions();
	test_bad_pages();
	test_bad_versions();
	test_tags();
	test_multipart();
	test_complete_of_many();
	test_copy();
	test_uploads();
	test_parts();
	test_bucket();
	return check_done();
}
