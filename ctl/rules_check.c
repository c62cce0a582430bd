/* rules_check.c - crrctl rules check: what a file would do, or what is wrong with it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ctl/rules.h"

static int print_reading(const struct rule_set *rs)
{
	for (size_t i = 0; i < rules_count(rs); i++) {
		auto_with(buf_free) struct buf b;
		char shown[CTL_SHOWN];

		buf_init(&b, BUF_LIMIT_SMALL);
		if (rules_describe(rules_get(rs, i), &b))
			return -ENOMEM;
		puts(ctl_shown(buf_str(&b), shown));
	}
	for (size_t i = 0; i < rules_warning_count(rs); i++)
		printf("warning: %s\n", rules_warning(rs, i));
	return 0;
}

static int print_remarks(const struct rule_set *rs)
{
	auto_free struct rules_remark *remarks = NULL;
	size_t n = 0;
	int r = rules_lint(rs, &remarks, &n);

	for (size_t i = 0; i < n; i++) {
		char id[CTL_SHOWN], what[CTL_SHOWN];

		printf("note: line %d: rule '%s': %s; %s\n", remarks[i].line,
		       ctl_shown(remarks[i].rule_id, id), ctl_shown(remarks[i].what, what),
		       remarks[i].remedy);
	}
	return r;
}

static int check_text(const struct ctl_opts *o, const char *file, const char *at)
{
	auto_with(ctl_rules_unref) struct rule_set *rs = NULL;
	struct rules_error e;
	int r = ctl_rules_read(file, o->strict ? CTL_STRICT : CTL_GIVEN, &rs, &e);

	if (r)
		return r;
	r = print_reading(rs);
	r = r ? r : print_remarks(rs);
	if (r)
		ctl_say("out of memory");
	return r || !o->probe ? r : ctl_rules_probe(o, at, rs, NULL);
}

static void json_error(struct json_out *j, const struct rules_error *e)
{
	json_open(j, "error", '{');
	json_str(j, "code", e->code);
	json_str(j, "message", e->message);
	json_str(j, "hint", e->hint);
	json_i64(j, "line", e->line);
	json_i64(j, "column", e->col);
	json_close(j, '}');
}

static void json_reading(struct json_out *j, const struct rule_set *rs)
{
	json_open(j, "rules", '[');
	for (size_t i = 0; i < rules_count(rs); i++) {
		auto_with(buf_free) struct buf b;

		buf_init(&b, BUF_LIMIT_SMALL);
		if (rules_describe(rules_get(rs, i), &b))
			j->b->error = b.error;
		json_open(j, NULL, '{');
		json_str(j, "id", rules_get(rs, i)->id);
		json_str(j, "reading", buf_str(&b));
		json_close(j, '}');
	}
	json_close(j, ']');
	json_open(j, "warnings", '[');
	for (size_t i = 0; i < rules_warning_count(rs); i++)
		json_str(j, NULL, rules_warning(rs, i));
	json_close(j, ']');
}

static void json_remarks(struct json_out *j, const struct rule_set *rs)
{
	auto_free struct rules_remark *remarks = NULL;
	size_t n = 0;

	if (rules_lint(rs, &remarks, &n))
		j->b->error = -ENOMEM;
	json_open(j, "notes", '[');
	for (size_t i = 0; i < n; i++) {
		json_open(j, NULL, '{');
		json_str(j, "rule", remarks[i].rule_id);
		json_i64(j, "line", remarks[i].line);
		json_str(j, "what", remarks[i].what);
		json_str(j, "remedy", remarks[i].remedy);
		json_close(j, '}');
	}
	json_close(j, ']');
}

static int check_json(const struct ctl_opts *o, const char *file, const char *at)
{
	auto_with(ctl_rules_unref) struct rule_set *rs = NULL;
	auto_with(buf_free) struct buf b;
	struct rules_error e;
	struct json_out j;
	int r = ctl_rules_read(file, o->strict ? CTL_STRICT : CTL_GIVEN, &rs, &e);

	buf_init(&b, BUF_LIMIT_DOC);
	json_start(&j, &b, true);
	json_open(&j, NULL, '{');
	json_str(&j, "file", file);
	if (r) {
		json_error(&j, &e);
	} else {
		json_reading(&j, rs);
		json_remarks(&j, rs);
		r = o->probe ? ctl_rules_probe(o, at, rs, &j) : 0;
	}
	json_bool(&j, "ok", !r);
	json_close(&j, '}');
	if (b.error)
		ctl_say("out of memory");
	else
		puts(buf_str(&b));
	return r ? r : b.error;
}

int ctl_rules_check(const struct ctl_opts *o, const char *file, const char *at)
{
	int r = o->json ? check_json(o, file, at) : check_text(o, file, at);

	return r ? CTL_FAILED : CTL_OK;
}
