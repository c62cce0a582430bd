/* rules.c - crrctl rules: show what is in force, read it again; the rest is in rules_*.c and
 * explain.c. */
#include "ctl/rules.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "base/log.h"

void ctl_say_rules(const char *name, const struct rules_error *e)
{
	char shown[CTL_SHOWN], place[32] = "";

	if (e->line)
		snprintf(place, sizeof(place), ":%d:%d", e->line, e->col);
	ctl_say("%s%s: %s%s%s%s%s%s", ctl_shown(name, shown), place, e->code, *e->code ? ": " : "",
		e->message, *e->hint ? " (" : "", e->hint, *e->hint ? ")" : "");
}

int ctl_rules_parse(const char *name, const char *text, size_t n, enum ctl_form form,
		    struct rule_set **ret_rs, struct rules_error *ret_e)
{
	static int (*const parse[])(const char *, size_t, struct rule_set **,
				    struct rules_error *) = {
		[CTL_GIVEN] = rules_parse,
		[CTL_STRICT] = rules_parse_strict,
		[CTL_STORED] = rules_parse_stored,
	};
	int r = parse[form](text, n, ret_rs, ret_e);

	if (r == -ENOMEM)
		*ret_e = (struct rules_error){ .message = "out of memory" };
	if (r)
		ctl_say_rules(name, ret_e);
	return r;
}

int ctl_rules_read(const char *file, enum ctl_form form, struct rule_set **ret_rs,
		   struct rules_error *ret_e)
{
	auto_with(buf_free) struct buf text;
	char why[64];
	int r;

	buf_init(&text, BUF_LIMIT_DOC);
	r = io_read_file(file, BUF_LIMIT_DOC, &text);
	if (!r)
		return ctl_rules_parse(file, buf_str(&text), text.len, form, ret_rs, ret_e);
	*ret_e = (struct rules_error){ .code = "" };
	snprintf(ret_e->message, sizeof(ret_e->message), "%s", errno_text(r, why, sizeof(why)));
	ctl_say_rules(file, ret_e);
	return r;
}

int ctl_rules_in_force(struct store *s, struct rule_set **ret_rs)
{
	auto_free char *xml = NULL;
	struct rules_error e;

	if (store_get_info(s, "rules", &xml) || !*xml)
		return rules_none(ret_rs);
	return ctl_rules_parse("rules in force", xml, strlen(xml), CTL_STORED, ret_rs, &e);
}

int ctl_rules_know_dest(struct store *s, const char *arn)
{
	struct store_counts c = { 0 };
	struct rule_set *rs = NULL;
	char shown[CTL_SHOWN];
	bool known = false;
	int r;

	if (!arn)
		return 0;
	r = ctl_rules_in_force(s, &rs);
	for (size_t i = 0; !r && i < rules_dest_count(rs); i++)
		known |= strcmp(rules_dest(rs, i), arn) == 0;
	rules_unref(rs);
	if (!r && !known)
		r = store_count(s, arn, &c);
	if (r || known || c.waiting + c.ready + c.claimed + c.parked + c.done > 0)
		return r;
	ctl_say("no rule has the destination %s, and nothing is queued for it; 'crrctl status' "
		"lists them",
		ctl_shown(arn, shown));
	return -ENOENT;
}

int ctl_rules_client(const struct ctl_opts *o, const char *at, struct ctl_client *ret_c)
{
	bool is_bucket = at && !strncmp(at, "s3://", 5);

	return ctl_client_new(o, is_bucket ? at : NULL, is_bucket ? NULL : at, ret_c);
}

static int print_in_force(const struct ctl_opts *o, const struct rule_set *rs)
{
	auto_with(buf_free) struct buf b;
	char shown[CTL_SHOWN];
	int r = 0;

	buf_init(&b, BUF_LIMIT_DOC);
	if (o->json) {
		r = rules_to_json(rs, true, &b);
		if (!r)
			puts(rules_count(rs) ? buf_str(&b) : "{}");
		return r;
	}
	if (!rules_count(rs))
		puts("no rules: nothing is replicated");
	for (size_t i = 0; !r && i < rules_count(rs); i++) {
		buf_reset(&b);
		r = rules_describe(rules_get(rs, i), &b);
		if (!r)
			puts(ctl_shown(buf_str(&b), shown));
	}
	return r;
}

static int show(const struct ctl_opts *o, const char *path)
{
	auto_free char *dir = NULL;
	auto_with(ctl_store_close) struct store *s = NULL;
	auto_with(ctl_rules_unref) struct rule_set *rs = NULL;
	int r = ctl_open(o, path, false, &dir, &s);

	if (r)
		return CTL_FAILED;
	r = ctl_rules_in_force(s, &rs);
	return r || print_in_force(o, rs) ? CTL_FAILED : CTL_OK;
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
	const char *arg = o->n > 1 ? o->args[1] : NULL, *at = o->n > 2 ? o->args[2] : NULL;

	if (o->n <= 2 && !strcmp(what, "show"))
		return show(o, arg);
	if (o->n <= 2 && !strcmp(what, "reload"))
		return reload(o, arg);
	if (o->n <= 2 && !strcmp(what, "get"))
		return ctl_rules_get(o, arg);
	if (o->n <= 2 && !strcmp(what, "delete"))
		return ctl_rules_delete(o, arg);
	if (o->n == 2 && !strcmp(what, "explain"))
		return ctl_rules_explain(o, arg);
	if (arg && o->n <= 3 && !strcmp(what, "check"))
		return ctl_rules_check(o, arg, at);
	if (arg && o->n <= 3 && !strcmp(what, "put"))
		return ctl_rules_put(o, arg, at);
	ctl_say("rules takes 'show [PATH]', 'reload [PATH]', 'check FILE', 'explain PATH|KEY',"
		" and 'get', 'put FILE' or 'delete' with [PATH|s3://BUCKET]");
	return CTL_USAGE;
}
