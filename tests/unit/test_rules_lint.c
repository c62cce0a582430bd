/* test_rules_lint.c - what is valid and hardly meant. */
#include "rules/rules.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/rules_corpus.h"

#define RULE_(id, priority, filter, dest, more, markers, status)                                   \
	"<Rule><ID>" id "</ID><Priority>" priority "</Priority><Filter>" filter                    \
	"</Filter><Status>" status "</Status>" more "<Destination><Bucket>arn:aws:s3:::" dest      \
	"</Destination><DeleteMarkerReplication><Status>" markers                                  \
	"</Status></DeleteMarkerReplication></Rule>\n"
#define RULE(id, priority, filter)                                                                 \
	RULE_(id, priority, filter, "dst</Bucket>", "", "Disabled", "Enabled")
#define PREFIX(p) "<Prefix>" p "</Prefix>"
#define TAG(k)	  "<Tag><Key>" k "</Key><Value>1</Value></Tag>"
#define KEY                                                                                        \
	"<EncryptionConfiguration><ReplicaKmsKeyID>arn:aws:kms:eu-west-1:444455556666:key/k"       \
	"</ReplicaKmsKeyID></EncryptionConfiguration>"
#define CRITERION(name, status)                                                                    \
	"<SourceSelectionCriteria><" name "><Status>" status "</Status></" name                    \
	"></SourceSelectionCriteria>"

static const struct {
	const char *rules;
	const char *want; /* "id:line: what" lines */
} cases[] = {
	{ RULE("a", "1", "")
		  RULE_("b", "2", PREFIX("x"), "other</Bucket>", "", "Enabled", "Enabled"),
	  "" },
	{ RULE_("a", "1", "", "dst</Bucket>", "", "Disabled", "Disabled"),
	  "a:2: never acts: it is disabled\n" },
	/* shadows */
	{ RULE("a", "1", PREFIX("Tax/2024/")) RULE("b", "2", PREFIX("Tax/")),
	  "a:2: never acts: rule 'b' has all that it selects and the greater priority (2)\n" },
	{ RULE("a", "2", PREFIX("Tax/2024/")) RULE("b", "1", PREFIX("Tax/")), "" },
	{ RULE("a", "1", PREFIX("Tax/")) RULE("b", "2", PREFIX("Tax/")),
	  "a:2: never acts: rule 'b' has the same filter and the greater priority (2)\n" },
	{ RULE_("a", "1", "", "dst</Bucket>", "", "Enabled", "Enabled") RULE("b", "2", ""),
	  "a:2: never acts: rule 'b' has the same filter and the greater priority (2), and"
	  " replicates no delete markers\n" },
	{ RULE("a", "1", "") RULE("b", "2", TAG("k")), "" },
	{ RULE("a", "1", "<And>" TAG("k") TAG("l") "</And>") RULE("b", "2", TAG("k")),
	  "a:2: never acts: rule 'b' has all that it selects and the greater priority (2)\n" },
	{ RULE("a", "1", TAG("l")) RULE("b", "2", TAG("k")), "" },
	{ RULE("a", "1", "") RULE_("b", "2", "", "dst</Bucket>", "", "Disabled", "Disabled"),
	  "b:3: never acts: it is disabled\n" },
	{ RULE("a", "1", "") RULE_("b", "2", "", "other</Bucket>", "", "Disabled", "Enabled"), "" },
	/* the lower rule still has the encrypted objects */
	{ RULE_("a", "1", "", "dst</Bucket>" KEY, CRITERION("SseKmsEncryptedObjects", "Enabled"),
		"Disabled", "Enabled") RULE("b", "2", ""),
	  "" },
	/* prefixes */
	{ RULE("a", "1", PREFIX("/Tax")),
	  "a:2: Prefix begins with '/', and keys hardly ever do\n" },
	{ RULE("a", "1", PREFIX("Tax//a")),
	  "a:2: Prefix has '//', which no path in a mount has\n" },
	{ RULE("a", "1", PREFIX("Tax/*")),
	  "a:2: Prefix has '*' or '?', which mean only themselves\n" },
	{ RULE("a", "1", PREFIX("Tax/ ")),
	  "a:2: Prefix begins or ends with a blank, and it counts\n" },
	/* tags */
	{ RULE("a", "1",
	       "<And>" TAG("0") TAG("1") TAG("2") TAG("3") TAG("4") TAG("5") TAG("6") TAG("7")
		       TAG("8") TAG("9") TAG("10") "</And>"),
	  "a:2: never acts: it needs 11 tags, and an object has at most 10\n" },
	{ RULE("a", "1", TAG("aws:x")), "a:2: tag 'aws:x' can only be set by AWS itself\n" },
	/* destinations */
	{ RULE_("a", "1", "", "dst</Bucket><Account>444455556666</Account>", "", "Disabled",
		"Enabled"),
	  "a:2: Account without AccessControlTranslation: the replica's owner stays as it is\n" },
	{ RULE_("a", "1", "", "dst</Bucket><StorageClass>DEEP_ARCHIVE</StorageClass>", "",
		"Disabled", "Enabled"),
	  "a:2: replicas of class DEEP_ARCHIVE can be read only after hours of restoring\n" },
	{ RULE_("a", "1", "", "dst</Bucket><StorageClass>GLACIER_IR</StorageClass>", "", "Disabled",
		"Enabled"),
	  "" },
	{ RULE_("a", "1", "", "dst</Bucket>" KEY, CRITERION("SseKmsEncryptedObjects", "Disabled"),
		"Disabled", "Enabled"),
	  "a:2: ReplicaKmsKeyID is not used: SseKmsEncryptedObjects is Disabled\n" },
	{ RULE_("a", "1", "", "dst</Bucket>", CRITERION("ReplicaModifications", "Enabled"),
		"Disabled", "Enabled"),
	  "a:2: ReplicaModifications works only when the rules of bucket 'dst' have it, too\n" },
};

static void check_row(size_t at)
{
	auto_with(buf_free) struct buf b, got;
	auto_free struct rules_remark *remarks = NULL;
	struct rule_set *rs;
	size_t n = 0;

	buf_init(&b, BUF_LIMIT_SMALL);
	buf_init(&got, BUF_LIMIT_SMALL);
	buf_addf(&b, "<ReplicationConfiguration>" ROLE "\n%s</ReplicationConfiguration>",
		 cases[at].rules);
	rs = parse_ok("case", buf_str(&b), b.len);
	if (!rs)
		return;
	CHECK(rules_lint(rs, &remarks, &n) == 0);
	CHECK((n == 0) == (remarks == NULL));
	for (size_t i = 0; i < n; i++) {
		buf_addf(&got, "%s:%d: %s\n", remarks[i].rule_id, remarks[i].line, remarks[i].what);
		CHECK(remarks[i].remedy[0] != '\0');
	}
	CHECK_STR(buf_str(&got), cases[at].want);
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
	return check_done();
}
