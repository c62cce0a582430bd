/* test_rules_write.c - what is read can be written, as XML and as the AWS CLI's JSON, and read
 * again. */
#include "rules/rules.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/rules_corpus.h"

#define XML_HEAD                                                                                   \
	"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"                                             \
	"<ReplicationConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">" ROLE

/* The forms in which a set can be written. */
static int write_as(const struct rule_set *rs, int form, struct buf *b)
{
	return form == 0 ? rules_to_xml(rs, b) : rules_to_json(rs, form == 2, b);
}

/* What is written must be read again, strictly, and be written the same. */
static void check_round_trip(const char *name, const struct rule_set *rs)
{
	for (int form = 0; form < 3; form++) {
		auto_with(buf_free) struct buf text, xml, xml_again;
		struct rule_set *again = NULL;
		struct rules_error e = { .line = 0 };

		buf_init(&text, BUF_LIMIT_DOC);
		buf_init(&xml, BUF_LIMIT_DOC);
		buf_init(&xml_again, BUF_LIMIT_DOC);
		CHECK(write_as(rs, form, &text) == 0);
		CHECK(rules_to_xml(rs, &xml) == 0);
		CHECK(rules_parse_strict(buf_str(&text), text.len, &again, &e) == 0);
		if (!again) {
			fprintf(stderr, "%s: %s (%s)\n%s\n", name, e.message, e.hint,
				buf_str(&text));
			continue;
		}
		CHECK(rules_to_xml(again, &xml_again) == 0);
		CHECK_STR(buf_str(&xml_again), buf_str(&xml));
		CHECK(rules_warning_count(again) == 0);
		CHECK(rules_count(again) == rules_count(rs));
		rules_unref(again);
	}
}

/* Absent and empty stay apart, since the XML of both is compared. */
static void test_round_trips(void)
{
	DIR *d = opendir(corpus_dir());
	const struct dirent *e;
	int n = 0;

	CHECK(d != NULL);
	while (d && (e = readdir(d))) {
		struct rule_set *rs;

		if (strncmp(e->d_name, "ok-", 3) != 0)
			continue;
		CHECK_CASE(e->d_name);
		rs = parse_file(e->d_name);
		if (rs)
			check_round_trip(e->d_name, rs);
		rules_unref(rs);
		n++;
	}
	CHECK_CASE(NULL);
	if (d)
		closedir(d);
	CHECK(n >= 40);
}

/* XML and JSON in, the API model's order out; absent and empty stay apart. */
static void test_written(void)
{
	static const struct {
		const char *file, *xml;
	} cases[] = {
		{ "ok-v1-prefix.json",
		  XML_HEAD "<Rule><ID>v1</ID><Prefix>Tax/</Prefix>"
			   "<Status>Enabled</Status>" DEST "</Rule></ReplicationConfiguration>" },
		{ "ok-v1-no-id.xml",
		  XML_HEAD "<Rule><ID>rule-1</ID><Prefix>Tax/</Prefix>"
			   "<Status>Enabled</Status>" DEST "</Rule></ReplicationConfiguration>" },
		{ "ok-v2-empty-filter.xml",
		  XML_HEAD "<Rule><ID>r1</ID><Priority>1</Priority><Filter></Filter>" V2_TAIL },
		{ "ok-v2-empty-filter.json",
		  XML_HEAD "<Rule><ID>r1</ID><Priority>1</Priority><Filter></Filter>" V2_TAIL },
		{ "ok-v2-filter-empty-string.json",
		  XML_HEAD "<Rule><ID>r1</ID><Priority>1</Priority><Filter></Filter>" V2_TAIL },
		{ "ok-v2-empty-prefix.xml", XML_HEAD "<Rule><ID>r1</ID><Priority>1</Priority>"
						     "<Filter><Prefix></Prefix></Filter>" V2_TAIL },
		{ "ok-v2-blanks-in-prefix.xml",
		  XML_HEAD "<Rule><ID>r1</ID><Priority>1</Priority>"
			   "<Filter><Prefix> a b </Prefix></Filter>" V2_TAIL },
		{ "ok-v2-blanks-around-words.xml",
		  XML_HEAD "<Rule><ID>r1</ID>"
			   "<Priority>1</Priority><Filter><Prefix>Tax/</Prefix></Filter>" V2_TAIL },
		{ "ok-v2-nulls.json", XML_HEAD "<Rule><ID>r1</ID><Priority>1</Priority>"
					       "<Filter><Prefix>Tax/</Prefix></Filter>" V2_TAIL },
		{ "ok-v2-and-empty-prefix.xml",
		  XML_HEAD "<Rule><ID>r1</ID><Priority>1</Priority>"
			   "<Filter><And><Prefix></Prefix><Tag><Key>a</Key><Value>1</Value></Tag>"
			   "</And></Filter>" V2_TAIL },
		{ "ok-guide-nested-tags.xml", XML_HEAD
		  "<Rule><ID>r1</ID><Priority>1</Priority>"
		  "<Filter><And><Prefix>Tax/</Prefix><Tag><Key>a</Key><Value>1</Value></Tag>"
		  "<Tag><Key>b</Key><Value>2</Value></Tag></And></Filter>" V2_TAIL },
		{ "ok-v2-everything-wrapped.json", XML_HEAD
		  "<Rule><ID>all &amp; everything</ID>"
		  "<Priority>10</Priority><Filter><And><Prefix>Tax/ &lt;1&gt;</Prefix>"
		  "<Tag><Key>class</Key><Value>pii</Value></Tag>"
		  "<Tag><Key>keep</Key><Value>7y</Value></Tag></And></Filter>"
		  "<Status>Enabled</Status><SourceSelectionCriteria>"
		  "<SseKmsEncryptedObjects><Status>Enabled</Status></SseKmsEncryptedObjects>"
		  "<ReplicaModifications><Status>Enabled</Status></ReplicaModifications>"
		  "</SourceSelectionCriteria><Destination><Bucket>arn:aws:s3:::dst</Bucket>"
		  "<Account>444455556666</Account><StorageClass>STANDARD_IA</StorageClass>"
		  "<AccessControlTranslation><Owner>Destination</Owner>"
		  "</AccessControlTranslation><EncryptionConfiguration><ReplicaKmsKeyID>"
		  "arn:aws:kms:eu-west-1:444455556666:key/abc</ReplicaKmsKeyID>"
		  "</EncryptionConfiguration><ReplicationTime><Status>Enabled</Status>"
		  "<Time><Minutes>15</Minutes></Time></ReplicationTime><Metrics>"
		  "<Status>Enabled</Status><EventThreshold><Minutes>15</Minutes>"
		  "</EventThreshold></Metrics></Destination><DeleteMarkerReplication>"
		  "<Status>Disabled</Status></DeleteMarkerReplication></Rule>"
		  "</ReplicationConfiguration>" },
	};

	for (size_t i = 0; i < array_size(cases); i++) {
		auto_with(buf_free) struct buf b;
		struct rule_set *rs = parse_file(cases[i].file);

		buf_init(&b, BUF_LIMIT_DOC);
		if (!rs)
			continue;
		CHECK(rules_to_xml(rs, &b) == 0);
		CHECK_STR(buf_str(&b), cases[i].xml);
		rules_unref(rs);
	}
}

static void test_json_written(void)
{
	static const char want[] = "{\n"
				   "  \"Role\": \"arn:aws:iam::111122223333:role/crr\",\n"
				   "  \"Rules\": [\n"
				   "    {\n"
				   "      \"ID\": \"r1\",\n"
				   "      \"Priority\": 1,\n"
				   "      \"Filter\": {},\n"
				   "      \"Status\": \"Enabled\",\n"
				   "      \"Destination\": {\n"
				   "        \"Bucket\": \"arn:aws:s3:::dst\"\n"
				   "      },\n"
				   "      \"DeleteMarkerReplication\": {\n"
				   "        \"Status\": \"Disabled\"\n"
				   "      }\n"
				   "    }\n"
				   "  ]\n"
				   "}";
	static const char wrapped[] = "{\n  \"ReplicationConfiguration\": {\n    \"Role\"";
	auto_with(buf_free) struct buf b;
	struct rule_set *rs = parse_file("ok-v2-empty-filter.xml");

	buf_init(&b, BUF_LIMIT_SMALL);
	if (!rs)
		return;
	CHECK(rules_to_json(rs, false, &b) == 0);
	CHECK_STR(buf_str(&b), want);
	buf_reset(&b);
	CHECK(rules_to_json(rs, true, &b) == 0);
	CHECK(strncmp(buf_str(&b), wrapped, strlen(wrapped)) == 0);
	rules_unref(rs);
}

/* A set without rules selects nothing and is written as nothing. */
static void test_none(void)
{
	auto_with(buf_free) struct buf b;
	const struct rules_facts f = { .key = "a" };
	struct rule_set *rs = NULL;
	const struct rule *got;

	buf_init(&b, BUF_LIMIT_SMALL);
	CHECK(rules_none(&rs) == 0);
	if (!rs)
		return;
	CHECK(rules_count(rs) == 0 && rules_dest_count(rs) == 0 && !rules_role(rs));
	CHECK(rules_match(rs, &f, &got, 1) == 0);
	CHECK(rules_to_xml(rs, &b) == 0 && rules_to_json(rs, true, &b) == 0);
	CHECK_STR(buf_str(&b), "");
	rules_unref(rs);
}

int main(void)
{
	test_round_trips();
	test_written();
	test_json_written();
	test_none();
	return check_done();
}
