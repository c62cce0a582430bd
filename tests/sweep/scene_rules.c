/* scene_rules.c - a configuration is read, written, explained and remarked on. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "rules/rules.h"
#include "tests/sweep/scene.h"

static const char text[] =
	"<ReplicationConfiguration><Role>arn:aws:iam::123456789012:role/r</Role>"
	"<Rule><ID>tax</ID><Status>Enabled</Status><Priority>1</Priority>"
	"<Filter><And><Prefix>Tax/</Prefix><Tag><Key>a</Key><Value>b</Value></Tag>"
	"<Tag><Key>c</Key><Value>d</Value></Tag></And></Filter><Unknown/>"
	"<DeleteMarkerReplication><Status>Disabled</Status></DeleteMarkerReplication>"
	"<Destination><Bucket>arn:aws:s3:::copy</Bucket><StorageClass>STANDARD_IA</StorageClass>"
	"<Account>123456789012</Account><AccessControlTranslation><Owner>Destination</Owner>"
	"</AccessControlTranslation></Destination></Rule>"
	"<Rule><Status>Enabled</Status><Priority>2</Priority><Filter><Prefix></Prefix></Filter>"
	"<DeleteMarkerReplication><Status>Enabled</Status></DeleteMarkerReplication>"
	"<Destination><Bucket>arn:aws:s3:::copy</Bucket></Destination></Rule>"
	"</ReplicationConfiguration>";

static int explain(const struct rule_set *rs, struct buf *b)
{
	auto_with(kv_free) struct kv tags = KV_EMPTY;
	struct rules_facts facts = { .key = "Tax/a", .tags = &tags };
	struct rules_verdict v[2];
	struct rules_remark *remarks = SCENE_UNTOUCHED(struct rules_remark *);
	size_t n = 0;
	int r = kv_set(&tags, "a", "b");

	if (r < 0)
		return r;
	n = rules_explain(rs, &facts, true, v, 2);
	CHECK_INT(n, 2);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = rules_verdict_text(&v[i], b);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = rules_describe(rules_get(rs, i), b);
	if (r < 0)
		return r;
	r = rules_lint(rs, &remarks, &n);
	SCENE_SAME(r, remarks);
	if (r == 0)
		free(remarks);
	return r;
}

static int run_rules(void)
{
	struct rule_set *rs = SCENE_UNTOUCHED(struct rule_set *);
	struct rule_set *again = SCENE_UNTOUCHED(struct rule_set *);
	auto_with(buf_free) struct buf xml, json;
	struct rules_error e;
	int r = rules_parse(text, strlen(text), &rs, &e);

	SCENE_SAME(r, rs);
	buf_init(&xml, BUF_LIMIT_DOC);
	buf_init(&json, BUF_LIMIT_DOC);
	if (r < 0)
		return r;
	CHECK_INT(rules_count(rs), 2);
	CHECK(rules_warning_count(rs) > 0);
	r = rules_to_xml(rs, &xml);
	if (r == 0)
		r = rules_to_json(rs, true, &json);
	if (r == 0) {
		r = rules_parse(buf_str(&json), json.len, &again, &e);
		SCENE_SAME(r, again);
		if (r == 0)
			rules_unref(again);
	}
	if (r == 0)
		r = explain(rs, &xml);
	rules_unref(rs);
	return r;
}

static int run_wrong(void)
{
	static const char wrong[] = "<ReplicationConfiguration><Role>x</Role><Rule/>"
				    "</ReplicationConfiguration>";
	struct rule_set *rs = SCENE_UNTOUCHED(struct rule_set *);
	struct rules_error e;
	int r = rules_parse(wrong, strlen(wrong), &rs, &e);

	SCENE_SAME(r, rs);
	CHECK(r == -EINVAL || r == -ENOMEM);
	CHECK(r == -ENOMEM || *e.message);
	if (r != -EINVAL)
		return r;
	r = rules_none(&rs);
	if (r == 0)
		rules_unref(rs);
	return r;
}

const struct scene rules_scenes[] = {
	{ .name = "rules", .run = run_rules, .kinds = SCENE_MEMORY },
	{ .name = "rules_wrong", .run = run_wrong, .kinds = SCENE_MEMORY },
	{ 0 },
};
