/* test_rules_parse.c - the corpus in tests/data/rules, and what a good configuration becomes. */
#include "rules/rules.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/rules_corpus.h"

#define CORPUS_LEAST 210

static void check_ok_file(const char *name)
{
	auto_with(buf_free) struct buf b;
	struct rule_set *rs;

	buf_init(&b, BUF_LIMIT_DOC);
	read_corpus(name, "", &b);
	rs = parse_ok(name, buf_str(&b), b.len);
	rules_unref(rs);
}

static void check_bad_file(const char *name)
{
	auto_with(buf_free) struct buf b, expect;
	struct rules_error e = { .line = -1 };
	struct rule_set *rs = NULL;
	char got[600];

	buf_init(&b, BUF_LIMIT_DOC);
	buf_init(&expect, BUF_LIMIT_SMALL);
	read_corpus(name, "", &b);
	read_corpus(name, ".expect", &expect);
	CHECK(rules_parse(buf_str(&b), b.len, &rs, &e) == -EINVAL);
	CHECK(rs == NULL);
	snprintf(got, sizeof(got), "%s|%s|%d\n", e.code, e.message, e.line);
	if (strcmp(got, buf_str(&expect)) != 0)
		fprintf(stderr, "hint: %s\n", e.hint);
	CHECK_STR(got, buf_str(&expect));
	CHECK((e.line > 0) == (e.col > 0));
	/* S3's words for this say nothing of the cause. */
	if (strcmp(e.code, "MalformedXML") == 0)
		CHECK(e.hint[0] != '\0');
	/* The error is not needed to get an answer. */
	CHECK(rules_parse(buf_str(&b), b.len, &rs, NULL) == -EINVAL);
}

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && strcmp(s + n - m, end) == 0;
}

static void test_corpus(void)
{
	DIR *d = opendir(corpus_dir());
	const struct dirent *e;
	int n = 0;

	CHECK(d != NULL);
	if (!d)
		return;
	while ((e = readdir(d))) {
		if (ends_with(e->d_name, ".expect") || e->d_name[0] == '.')
			continue;
		CHECK_CASE(e->d_name);
		if (strncmp(e->d_name, "ok-", 3) == 0)
			check_ok_file(e->d_name);
		else if (strncmp(e->d_name, "should-fail-", 12) == 0)
			check_bad_file(e->d_name);
		else
			CHECK(!"a file that is neither ok-* nor should-fail-*");
		n++;
	}
	CHECK_CASE(NULL);
	closedir(d);
	CHECK(n >= CORPUS_LEAST);
}

static void check_everything(const char *name)
{
	struct rule_set *rs = parse_file(name);
	const struct rule *r = rs ? rules_get(rs, 0) : NULL;

	if (!r)
		return;
	CHECK_STR(rules_role(rs), "arn:aws:iam::111122223333:role/crr");
	CHECK(rules_count(rs) == 1 && rules_get(rs, 1) == NULL);
	CHECK_STR(r->id, "all & everything");
	CHECK(r->enabled && r->v2 && r->priority == 10);
	CHECK_STR(r->prefix, "Tax/ <1>");
	CHECK(r->tags->n == 2 && strcmp(kv_get(r->tags, "class"), "pii") == 0);
	CHECK_STR(kv_get(r->tags, "keep"), "7y");
	CHECK(!r->replicate_delete_markers && r->sse_kms && r->replica_modifications);
	CHECK(strcmp(r->dest_arn, "arn:aws:s3:::dst") == 0 && strcmp(r->dest_bucket, "dst") == 0);
	CHECK(strcmp(r->account, "444455556666") == 0 && r->owner_override);
	CHECK_STR(r->storage_class, "STANDARD_IA");
	CHECK_STR(r->kms_key_id, "arn:aws:kms:eu-west-1:444455556666:key/abc");
	CHECK(r->metrics && r->threshold_minutes == 15);
	CHECK(rules_warning_count(rs) == 0 && rules_warning(rs, 0) == NULL);
	CHECK(rules_dest_count(rs) == 1 && rules_dest(rs, 1) == NULL);
	rules_unref(rs);
}

/* The other end of every field. */
static void test_plain_v1(void)
{
	struct rule_set *rs = parse_file("ok-v1-all.xml");
	const struct rule *r = rs ? rules_get(rs, 0) : NULL;

	if (!r)
		return;
	CHECK(r->enabled && !r->v2 && r->priority == 0 && r->prefix[0] == '\0' && r->tags->n == 0);
	CHECK(r->replicate_delete_markers && !r->sse_kms && !r->replica_modifications);
	CHECK(!r->account && !r->storage_class && !r->owner_override && !r->kms_key_id);
	CHECK(!r->metrics && r->threshold_minutes == 0);
	CHECK(rules_ref(rs) == rs);
	rules_unref(rs);
	CHECK(rules_count(rs) == 1);
	rules_unref(rs);
	rules_unref(NULL);
}

static void test_warnings(void)
{
	static const struct {
		const char *file, *warnings[4];
	} cases[] = {
		{ "ok-unknown-elements.xml",
		  { "line 9: unknown element 'DeleteReplication' in Rule ignored: MinIO's; the"
		    " removal of a version is never replicated",
		    "line 10: unknown element 'Source' in Rule ignored: Ceph's; objects are"
		    " selected by Filter",
		    "line 13: unknown element 'Zone' in Destination ignored: Ceph's; where a"
		    " bucket is does not stand in the rules" } },
		{ "ok-guide-nested-tags.xml", { "line 10: Tag inside Tag read as Tag" } },
		{ "ok-guide-metrics-in-rule.xml",
		  { "line 9: Metrics belongs in Destination; read as if it stood there",
		    "line 10: ReplicationTime belongs in Destination;"
		    " read as if it stood there" } },
		{ "ok-v2-empty-tags.json",
		  { "line 3: unknown element 'Comment' in ReplicationConfiguration ignored" } },
	};

	for (size_t i = 0; i < array_size(cases); i++) {
		struct rule_set *rs = parse_file(cases[i].file);
		size_t n = 0;

		if (!rs)
			continue;
		for (; cases[i].warnings[n]; n++)
			CHECK_STR(rules_warning(rs, n), cases[i].warnings[n]);
		CHECK_INT(rules_warning_count(rs), n);
		rules_unref(rs);
	}
}

/* Strictly, whatever warns is an error at the same place; the rest is taken. */
static void test_strict(void)
{
	static const struct {
		const char *file;
		int line;
		const char *hint;
	} cases[] = {
		{ "ok-unknown-elements.xml", 9,
		  "unknown element 'DeleteReplication' in Rule: MinIO's; the removal of a version"
		  " is never replicated" },
		{ "ok-guide-nested-tags.xml", 10, "Tag inside Tag" },
		{ "ok-guide-metrics-in-rule.xml", 9, "Metrics belongs in Destination" },
		{ "ok-v2-empty-tags.json", 3,
		  "unknown element 'Comment' in ReplicationConfiguration" },
		{ "ok-v2-nulls.json", 0, NULL },
		{ "ok-v1-kms.xml", 0, NULL },
	};

	for (size_t i = 0; i < array_size(cases); i++) {
		auto_with(buf_free) struct buf b;
		struct rules_error e = { .line = 0 };
		struct rule_set *rs = NULL;

		CHECK_CASE(cases[i].file);
		buf_init(&b, BUF_LIMIT_DOC);
		read_corpus(cases[i].file, "", &b);
		CHECK(rules_parse_strict(buf_str(&b), b.len, &rs, &e) ==
		      (cases[i].hint ? -EINVAL : 0));
		CHECK_INT(e.line, cases[i].line);
		if (cases[i].hint) {
			CHECK_STR(e.code, "MalformedXML");
			CHECK_STR(e.hint, cases[i].hint);
		}
		rules_unref(rs);
	}
	CHECK_CASE(NULL);
}

/* What other servers write, and what to write in its place. */
static void test_foreign_hints(void)
{
	static const struct {
		const char *file, *words;
	} cases[] = {
		{ "should-fail-minio-bucket.xml", "one of MinIO's" },
		{ "should-fail-minio-role.xml", "one of MinIO's" },
		{ "should-fail-and-tagset.xml", "each Tag stands by itself" },
		{ "should-fail-existing-objects.xml", "ExistingObjectReplication" },
		{ "should-fail-v1-with-time.xml", "the rule at line 3 has no Filter" },
	};

	for (size_t i = 0; i < array_size(cases); i++) {
		auto_with(buf_free) struct buf b;
		struct rules_error e = { .line = 0 };
		struct rule_set *rs = NULL;

		CHECK_CASE(cases[i].file);
		buf_init(&b, BUF_LIMIT_DOC);
		read_corpus(cases[i].file, "", &b);
		CHECK(rules_parse(buf_str(&b), b.len, &rs, &e) == -EINVAL);
		CHECK(strstr(e.hint, cases[i].words) != NULL);
	}
	CHECK_CASE(NULL);
}

static void test_metrics_moved(void)
{
	struct rule_set *rs = parse_file("ok-guide-metrics-in-rule.xml");

	if (!rs)
		return;
	CHECK(rules_get(rs, 0)->metrics && rules_get(rs, 0)->threshold_minutes == 15);
	rules_unref(rs);
}

static void test_generated_ids(void)
{
	static const char *const want[] = { "rule-1.2", "rule-2", "rule-1" };

	for (int again = 0; again < 2; again++) {
		struct rule_set *rs = parse_file("ok-v2-generated-ids.xml");

		for (size_t i = 0; rs && i < array_size(want); i++)
			CHECK_STR(rules_get(rs, i)->id, want[i]);
		rules_unref(rs);
	}
}

static void add_many(struct buf *b, int n)
{
	buf_adds(b, "<ReplicationConfiguration>" ROLE);
	for (int i = 0; i < n; i++)
		buf_addf(
			b,
			"<Rule><Priority>%d</Priority><Filter/><Status>Enabled</Status>"
			"<DeleteMarkerReplication><Status>Disabled</Status>"
			"</DeleteMarkerReplication><Destination><Bucket>arn:aws:s3:::d%03d</Bucket>"
			"</Destination></Rule>",
			i, (i * 7) % 100);
	buf_adds(b, "</ReplicationConfiguration>");
}

static void test_limits(void)
{
	auto_with(buf_free) struct buf b;
	struct rules_error e;
	struct rule_set *rs = NULL;

	buf_init(&b, BUF_LIMIT_DOC);
	add_many(&b, 1000);
	rs = parse_ok("1000 rules", buf_str(&b), b.len);
	if (rs) {
		CHECK(rules_count(rs) == 1000 && rules_dest_count(rs) == 100);
		CHECK_STR(rules_dest(rs, 0), "arn:aws:s3:::d000");
		CHECK_STR(rules_dest(rs, 99), "arn:aws:s3:::d099");
	}
	rules_unref(rs);
	rs = NULL;
	buf_reset(&b);
	add_many(&b, 1001);
	CHECK(rules_parse(buf_str(&b), b.len, &rs, &e) == -EINVAL);
	CHECK_STR(e.code, "InvalidRequest");
	CHECK_STR(e.message, "Number of defined replication rules cannot exceed 1000");
	while (b.len <= 2 * MIB)
		buf_addf(&b, "%1000s", "");
	CHECK(rules_parse(buf_str(&b), b.len, &rs, &e) == -EINVAL);
	CHECK_STR(e.code, "MaxMessageLengthExceeded");
	buf_reset(&b);
	for (int i = 0; i < 100; i++)
		buf_adds(&b, "<a>");
	CHECK(rules_parse(buf_str(&b), b.len, &rs, &e) == -EINVAL && rs == NULL);
}

static void test_many_warnings(void)
{
	auto_with(buf_free) struct buf b;
	struct rule_set *rs;

	buf_init(&b, BUF_LIMIT_DOC);
	buf_adds(&b, "<ReplicationConfiguration>" ROLE);
	for (int i = 0; i < 1000; i++)
		buf_adds(&b, "<What/>");
	buf_adds(&b, "<Rule><Prefix/><Status>Enabled</Status>" DEST
		     "</Rule></ReplicationConfiguration>");
	rs = parse_ok("many warnings", buf_str(&b), b.len);
	if (rs)
		CHECK(rules_warning_count(rs) == 100);
	rules_unref(rs);
}

static void test_place_and_hint(void)
{
	static const char text[] = "\xef\xbb\xbf<ReplicationConfiguration>\n " ROLE
				   "\n  <Rule><Status>On</Status></Rule>"
				   "</ReplicationConfiguration>";
	static const char json[] = "\xef\xbb\xbf {\"Role\": \"crr\",\n \"Rules\": [{}]}";
	struct rules_error e;
	struct rule_set *rs = NULL;

	CHECK(rules_parse(text, sizeof(text) - 1, &rs, &e) == -EINVAL);
	CHECK(e.line == 3 && e.col == 9);
	CHECK_STR(e.hint, "Status must be Enabled or Disabled");
	CHECK(rules_parse(json, sizeof(json) - 1, &rs, &e) == -EINVAL);
	CHECK(e.line == 1 && strcmp(e.code, "InvalidArgument") == 0);
	CHECK_STR(e.hint, "a role is arn:aws:iam::<12 digits>:role/<name>");
	CHECK(rules_parse("", 0, &rs, &e) == -EINVAL);
	CHECK(rs == NULL);
}

/* A server that keeps the rules but neither Role nor DeleteMarkerReplication, as Ceph does. */
static void test_stored(void)
{
	static const char *const texts[] = {
		"<ReplicationConfiguration><Role></Role><Rule><Priority>1</Priority><Filter/"
		">" V2_TAIL,
		"<ReplicationConfiguration><Rule><Priority>1</Priority><Filter/><Status>Enabled</"
		"Status>" DEST "</Rule></ReplicationConfiguration>",
		"<ReplicationConfiguration><Role></Role><Rule>" DEST
		"<Priority>1</Priority><Status>Enabled</Status></Rule></ReplicationConfiguration>",
	};
	/* The Prefix of version 1 is lost there: this must not become "all objects". */
	static const char lost[] =
		"<ReplicationConfiguration><Role></Role><Rule>" DEST
		"<Priority>0</Priority><Status>Enabled</Status></Rule></ReplicationConfiguration>";
	struct rule_set *none = NULL;
	struct rules_error e;

	CHECK(rules_parse_stored(lost, strlen(lost), &none, &e) == -EINVAL);
	CHECK_STR(e.hint, "Rule has neither Filter nor Prefix");

	for (size_t i = 0; i < array_size(texts); i++) {
		auto_with(buf_free) struct buf b;
		struct rule_set *rs = NULL, *again = NULL;

		buf_init(&b, BUF_LIMIT_DOC);
		CHECK(rules_parse(texts[i], strlen(texts[i]), &rs, &e) == -EINVAL);
		CHECK(rules_parse_stored(texts[i], strlen(texts[i]), &rs, &e) == 0);
		CHECK(!rules_role(rs) && rules_count(rs) == 1);
		CHECK(rules_warning_count(rs) == i &&
		      rules_get(rs, 0)->replicate_delete_markers == false);
		CHECK(rules_to_xml(rs, &b) == 0);
		CHECK(rules_parse_stored(buf_str(&b), b.len, &again, &e) == 0);
		rules_unref(rs);
		rules_unref(again);
	}
}

/* Every beginning of a good file, and every byte of it changed: no crash, an answer with a code. */
static void test_damaged(const char *name)
{
	auto_with(buf_free) struct buf b;

	buf_init(&b, BUF_LIMIT_DOC);
	read_corpus(name, "", &b);
	for (size_t i = 0; i < 2 * b.len; i++) {
		size_t at = i % b.len, len = i < b.len ? at : b.len;
		char keep = b.data[at];
		struct rule_set *rs = NULL;
		struct rules_error e = { .line = 0 };
		int r;

		if (i >= b.len)
			b.data[at] = (char)("<>\"{}[]\0x\xff"[at % 10]);
		r = rules_parse(b.data, len, &rs, &e);
		CHECK(r == 0 ? rs != NULL : rs == NULL && e.code[0] != '\0');
		rules_unref(rs);
		b.data[at] = keep;
	}
}

static void test_describe(void)
{
	static const struct {
		const char *file, *words;
	} cases[] = {
		{ "ok-v1-prefix.xml",
		  "1. r1: objects under \"Tax/\" -> bucket dst (delete markers too)" },
		{ "ok-v2-empty-filter.xml", "1. r1: all objects -> bucket dst (priority 1)" },
		{ "ok-v2-and-tags.xml",
		  "1. r1: objects tagged a=1 and b=2 -> bucket dst (priority 1)" },
		{ "ok-v2-everything.xml",
		  "1. all & everything: objects under \"Tax/ <1>\" tagged class=pii and keep=7y"
		  " -> bucket dst (priority 10, as STANDARD_IA, owned by 444455556666,"
		  " KMS-encrypted objects too, with key arn:aws:kms:eu-west-1:444455556666:key/abc,"
		  " changes to replicas sent back, within 15 minutes, with metrics)" },
	};
	auto_with(buf_free) struct buf b;
	struct rule_set *rs;

	buf_init(&b, BUF_LIMIT_SMALL);
	for (size_t i = 0; i < array_size(cases); i++) {
		rs = parse_file(cases[i].file);
		if (!rs)
			continue;
		buf_reset(&b);
		CHECK(rules_describe(rules_get(rs, 0), &b) == 0);
		CHECK_STR(buf_str(&b), cases[i].words);
		rules_unref(rs);
	}
	rs = parse_file("ok-v1-two-prefixes.xml");
	buf_reset(&b);
	if (rs) {
		CHECK(rules_describe(rules_get(rs, 1), &b) == 0);
		CHECK_STR(buf_str(&b), "2. r2 (disabled): objects under \"Legal/\" -> bucket dst"
				       " (delete markers too)");
	}
	rules_unref(rs);
}

int main(void)
{
	test_corpus();
	check_everything("ok-v2-everything.xml");
	check_everything("ok-v2-everything-wrapped.json");
	test_plain_v1();
	test_warnings();
	test_strict();
	test_foreign_hints();
	test_metrics_moved();
	test_generated_ids();
	test_limits();
	test_many_warnings();
	test_place_and_hint();
	test_stored();
	test_damaged("ok-v2-everything.xml");
	test_damaged("ok-v2-everything-wrapped.json");
	test_damaged("ok-guide-nested-tags.xml");
	test_describe();
	return check_done();
}
