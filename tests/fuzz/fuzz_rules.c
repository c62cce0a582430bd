/* fuzz_rules.c - replication rules, XML and JSON: what is read can be written and read again. */
#include <errno.h>

#include "base/buf.h"
#include "rules/rules.h"
#include "tests/fuzz/fuzz.h"

static void check_again(const struct rule_set *rs, bool json)
{
	auto_with(buf_free) struct buf out, twice;
	struct rule_set *again = NULL;
	struct rules_error e = { 0 };
	int err;

	buf_init(&out, BUF_LIMIT_DOC);
	buf_init(&twice, BUF_LIMIT_DOC);
	err = json ? rules_to_json(rs, false, &out) : rules_to_xml(rs, &out);
	if (err)
		return;
	err = rules_parse_stored(buf_str(&out), out.len, &again, &e);
	if (err)
		fprintf(stderr, "%s: %s (%s)\n%s\n", e.code, e.message, e.hint, buf_str(&out));
	FUZZ_MUST(!err);
	FUZZ_MUST(rules_count(again) == rules_count(rs));
	FUZZ_MUST(!(json ? rules_to_json(again, false, &twice) : rules_to_xml(again, &twice)));
	FUZZ_MUST(!strcmp(buf_str(&out), buf_str(&twice)));
	rules_unref(again);
}

static void ask(const struct rule_set *rs)
{
	static const char *const keys[] = { "", "Tax/a", "logs/2026/x", "\xc3\xa9" };
	const struct rule *won[16];
	struct rules_verdict verdicts[16];
	struct rules_remark *remarks = NULL;
	size_t n = 0;

	for (size_t i = 0; i < array_size(keys); i++) {
		struct rules_facts f = { .key = keys[i], .delete_marker = i % 2 };
		size_t got = rules_match(rs, &f, won, array_size(won));

		FUZZ_MUST(got <= rules_dest_count(rs));
		(void)rules_explain(rs, &f, i > 1, verdicts, array_size(verdicts));
		(void)rules_tags_matter(rs, keys[i]);
	}
	(void)!rules_lint(rs, &remarks, &n);
	free(remarks);
	for (size_t i = 0; i < rules_count(rs); i++) {
		auto_with(buf_free) struct buf out;

		buf_init(&out, BUF_LIMIT_DOC);
		(void)!rules_describe(rules_get(rs, i), &out);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rule_set *rs = NULL;
	struct rules_error e = { 0 };
	unsigned how = fuzz_choose(&data, &size, 3);
	const char *s = (const char *)data;
	int err;

	if (how == 0)
		err = rules_parse(s, size, &rs, &e);
	else if (how == 1)
		err = rules_parse_strict(s, size, &rs, &e);
	else
		err = rules_parse_stored(s, size, &rs, &e);
	if (err) {
		FUZZ_MUST(err == -ENOMEM || (*e.code && *e.message));
		return 0;
	}
	check_again(rs, false);
	check_again(rs, true);
	ask(rs);
	rules_unref(rs);
	return 0;
}
