/* rules.c - crrctl rules: show what is in force, read it again, try a file. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "base/log.h"
#include "ctl/ctl.h"
#include "rules/rules.h"

static int check_text(const char *name, const char *text, size_t n, bool stored,
		      struct rule_set **ret_rs)
{
	struct rules_error e = { .code = "" };
	char shown[CTL_SHOWN];
	int r = stored ? rules_parse_stored(text, n, ret_rs, &e) : rules_parse(text, n, ret_rs, &e);

	if (r == -EINVAL)
		ctl_say("%s:%d:%d: %s: %s%s%s%s", ctl_shown(name, shown), e.line, e.col, e.code,
			e.message, *e.hint ? " (" : "", e.hint, *e.hint ? ")" : "");
	else if (r)
		ctl_say("%s: out of memory", ctl_shown(name, shown));
	return r;
}

static int describe(const struct rule_set *rs)
{
	for (size_t i = 0; i < rules_count(rs); i++) {
		auto_with(buf_free) struct buf b;
		char shown[CTL_SHOWN];

		buf_init(&b, BUF_LIMIT_SMALL);
		if (rules_describe(rules_get(rs, i), &b))
			return -ENOMEM;
		printf("%s\n", ctl_shown(buf_str(&b), shown));
	}
	for (size_t i = 0; i < rules_warning_count(rs); i++)
		printf("warning: %s\n", rules_warning(rs, i));
	return 0;
}

static int check(const char *file)
{
	auto_with(buf_free) struct buf text;
	struct rule_set *rs = NULL;
	char why[64], shown[CTL_SHOWN];
	int r;

	buf_init(&text, BUF_LIMIT_DOC);
	r = io_read_file(file, BUF_LIMIT_DOC, &text);
	if (r) {
		ctl_say("%s: %s", ctl_shown(file, shown), errno_text(r, why, sizeof(why)));
		return CTL_FAILED;
	}
	if (check_text(file, buf_str(&text), text.len, false, &rs))
		return CTL_FAILED;
	r = describe(rs);
	rules_unref(rs);
	return r ? CTL_FAILED : CTL_OK;
}

static int show(const struct ctl_opts *o, const char *path)
{
	auto_free char *dir = NULL, *xml = NULL;
	auto_with(ctl_store_close) struct store *s = NULL;
	struct rule_set *rs = NULL;
	int r = ctl_open(o, path, false, &dir, &s);

	if (r)
		return CTL_FAILED;
	if (store_get_info(s, "rules", &xml) || !*xml) {
		puts("no rules: nothing is replicated");
		return CTL_OK;
	}
	if (o->json)
		puts(xml);
	if (check_text("rules in force", xml, strlen(xml), true, &rs))
		return CTL_FAILED;
	r = o->json ? 0 : describe(rs);
	rules_unref(rs);
	return r ? CTL_FAILED : CTL_OK;
}

static int reload(const struct ctl_opts *o, const char *path)
{
	auto_free char *dir = NULL;
	auto_with(doc_free_ptr) struct doc_node *answer = NULL;
	const char *ok, *error;
	char shown[CTL_SHOWN];

	if (ctl_find(o, path, &dir))
		return CTL_FAILED;
	if (ctl_ask(dir, "reload", &answer)) {
		ctl_say("nothing is mounted on %s: the next mount reads the rules anyway", dir);
		return CTL_FAILED;
	}
	ok = doc_text(answer, "ok");
	error = doc_text(answer, "error");
	if (ok && !strcmp(ok, "true")) {
		puts("rules read again");
		return CTL_OK;
	}
	ctl_say("%s", ctl_shown(error ? error : "the mount refused", shown));
	ctl_say("the old rules stay in force");
	return CTL_FAILED;
}

int ctl_rules(const struct ctl_opts *o)
{
	const char *what = o->n ? o->args[0] : "show";
	const char *arg = o->n > 1 ? o->args[1] : NULL;

	if (!strcmp(what, "show"))
		return show(o, arg);
	if (!strcmp(what, "reload"))
		return reload(o, arg);
	if (!strcmp(what, "check") && arg)
		return check(arg);
	ctl_say("rules takes 'show [PATH]', 'reload [PATH]' or 'check FILE'");
	return CTL_USAGE;
}
