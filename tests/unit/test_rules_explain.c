/* test_rules_explain.c - why each rule acts or not. That those which act are those of rules_match is
 * compared at random in test_match.c. */
#include "rules/rules.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/rules_corpus.h"

#define RULE(id, priority, filter, more_dest, more, markers)                                       \
	"<Rule><ID>" id "</ID><Priority>" priority "</Priority><Filter>" filter "</Filter>"        \
	"<Status>Enabled</Status>" more "<Destination><Bucket>arn:aws:s3:::dst</Bucket>" more_dest \
	"</Destination><DeleteMarkerReplication><Status>" markers                                  \
	"</Status></DeleteMarkerReplication></Rule>"
#define TAG(k, v)   "<Tag><Key>" k "</Key><Value>" v "</Value></Tag>"
#define WRAP(rules) "<ReplicationConfiguration>" ROLE rules "</ReplicationConfiguration>"

static const char one[] = WRAP(RULE("tax", "10", "<Prefix>Tax/</Prefix>",
				    "<Account>444455556666</Account>"
				    "<StorageClass>STANDARD_IA</StorageClass>"
				    "<AccessControlTranslation><Owner>Destination</Owner>"
				    "</AccessControlTranslation>",
				    "", "Disabled"));
static const char kms[] = WRAP(
	RULE("kms", "1", "",
	     "<EncryptionConfiguration><ReplicaKmsKeyID>arn:aws:kms:eu-west-1:444455556666:key/k"
	     "</ReplicaKmsKeyID></EncryptionConfiguration>",
	     "<SourceSelectionCriteria><SseKmsEncryptedObjects><Status>Enabled</Status>"
	     "</SseKmsEncryptedObjects></SourceSelectionCriteria>",
	     "Enabled"));
static const char two[] = WRAP(RULE("all", "1", "", "", "", "Enabled")
				       RULE("pii", "2", TAG("class", "pii"), "", "", "Disabled"));
static const char three[] =
	WRAP(RULE("low", "1", "", "", "", "Enabled") RULE("high", "3", "", "", "", "Disabled")
		     RULE("mid", "2", "", "", "", "Enabled"));
static const char v1[] =
	WRAP("<Rule><ID>off</ID><Prefix></Prefix><Status>Disabled</Status>" DEST "</Rule>");
static const char v1_on[] =
	WRAP("<Rule><ID>on</ID><Prefix></Prefix><Status>Enabled</Status>" DEST "</Rule>");

#define TO " -> arn:aws:s3:::dst: "

static const struct {
	const char *rules, *key;
	const char *tags; /* NULL = not known */
	const char *sse;
	bool marker, replica;
	const char *want; /* a line for each rule */
} cases[] = {
	{ one, "Tax/a", "", NULL, false, false,
	  "rule 'tax' (priority 10)" TO "acts, class STANDARD_IA, owner 444455556666\n" },
	{ one, "Tax/a", NULL, NULL, false, false,
	  "rule 'tax' (priority 10)" TO "acts, class STANDARD_IA, owner 444455556666\n" },
	{ one, "Legal/a", "", NULL, false, false,
	  "rule 'tax' (priority 10)" TO "the key does not begin with 'Tax/'\n" },
	{ one, "Tax/a", "", NULL, true, false,
	  "rule 'tax' (priority 10)" TO "it does not replicate delete markers\n" },
	{ one, "Tax/a", "", NULL, false, true,
	  "rule 'tax' (priority 10)" TO
	  "the object is a replica, and those are not replicated again\n" },
	{ one, "Tax/a", "", "aws:kms", false, false,
	  "rule 'tax' (priority 10)" TO "the object is encrypted with a KMS key, and the rule does"
	  " not select SseKmsEncryptedObjects\n" },
	{ kms, "a", "", "aws:kms", false, false,
	  "rule 'kms' (priority 1)" TO "acts, key arn:aws:kms:eu-west-1:444455556666:key/k\n" },
	{ kms, "a", "", "aws:kms", true, false,
	  "rule 'kms' (priority 1)" TO "acts, key arn:aws:kms:eu-west-1:444455556666:key/k\n" },
	{ two, "a", "class=pii", NULL, false, false,
	  "rule 'all' (priority 1)" TO
	  "rule 'pii' has the greater priority (2) for this destination\n"
	  "rule 'pii' (priority 2)" TO "acts\n" },
	{ two, "a", "", NULL, false, false,
	  "rule 'all' (priority 1)" TO "acts\n"
	  "rule 'pii' (priority 2)" TO "tag class is missing; it must be 'pii'\n" },
	{ two, "a", "class=public", NULL, false, false,
	  "rule 'all' (priority 1)" TO "acts\n"
	  "rule 'pii' (priority 2)" TO "tag class is 'public', not 'pii'\n" },
	{ two, "a", NULL, NULL, false, false,
	  "rule 'all' (priority 1)" TO
	  "acts, unless the object has the tags of rule 'pii', which has the greater priority (2)\n"
	  "rule 'pii' (priority 2)" TO "it depends on tags that are not known\n" },
	{ two, "a", "class=pii", NULL, true, false,
	  "rule 'all' (priority 1)" TO
	  "rule 'pii' has the greater priority (2) for this destination\n"
	  "rule 'pii' (priority 2)" TO "it does not replicate delete markers\n" },
	/* the winner is named, not the next one above */
	{ three, "a", "", NULL, false, false,
	  "rule 'low' (priority 1)" TO
	  "rule 'high' has the greater priority (3) for this destination\n"
	  "rule 'high' (priority 3)" TO "acts\n"
	  "rule 'mid' (priority 2)" TO
	  "rule 'high' has the greater priority (3) for this destination\n" },
	{ v1, "a", "", NULL, false, false, "rule 'off'" TO "disabled\n" },
	{ v1_on, "a", "", NULL, true, false, "rule 'on'" TO "acts\n" },
};

static void check_row(size_t at)
{
	auto_with(buf_free) struct buf b;
	auto_with(kv_free) struct kv tags = KV_EMPTY;
	struct rules_facts f = { .key = cases[at].key,
				 .tags = &tags,
				 .delete_marker = cases[at].marker,
				 .is_replica = cases[at].replica,
				 .sse = cases[at].sse };
	struct rule_set *rs = parse_ok("case", cases[at].rules, strlen(cases[at].rules));
	struct rules_verdict v[3];
	size_t n;

	buf_init(&b, BUF_LIMIT_SMALL);
	if (!rs)
		return;
	CHECK(kv_from_query(cases[at].tags ? cases[at].tags : "", &tags) == 0);
	n = rules_explain(rs, &f, cases[at].tags != NULL, v, array_size(v));
	CHECK_INT(n, rules_count(rs));
	for (size_t i = 0; i < n; i++) {
		CHECK(rules_verdict_text(&v[i], &b) == 0);
		buf_addc(&b, '\n');
	}
	CHECK_STR(buf_str(&b), cases[at].want);
	rules_unref(rs);
}

static void test_room_for_less(void)
{
	const struct rules_facts f = { .key = "a" };
	struct rule_set *rs = parse_ok("three", three, strlen(three));
	struct rules_verdict v[2] = { { .rule = NULL } };

	if (!rs)
		return;
	CHECK_INT(rules_explain(rs, &f, true, v, 1), 3);
	CHECK(v[0].rule == rules_get(rs, 0) && v[1].rule == NULL);
	rules_unref(rs);
}

int main(void)
{
	for (size_t i = 0; i < array_size(cases); i++) {
		char name[32];

		snprintf(name, sizeof(name), "case %zu", i);
		CHECK_CASE(name);
		check_row(i);
	}
	CHECK_CASE(NULL);
	test_room_for_less();
	return check_done();
}
