/* explain.c - crrctl rules explain: rule by rule, why an object is replicated or not. */
#include <errno.h>
#include <limits.h>
#include <linux/limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

#include "ctl/rules.h"

/* What there is to explain. */
struct object {
	char *key;
	struct kv tags;
	bool tags_known, is_replica;
	bool all_deletes; /* the mount replicates each deletion: delete_markers=all */
};

static void object_free(struct object *ob)
{
	free(ob->key);
	kv_free(&ob->tags);
}

/* false: there is none, or path is in no mount */
static bool read_xattr(const char *path, const char *name, char *dst, size_t size)
{
	ssize_t n = lgetxattr(path, name, dst, size - 1);

	if (n < 0)
		return false;
	dst[n] = '\0';
	return true;
}

static int tags_given(const struct ctl_opts *o, struct kv *tags)
{
	for (size_t i = 0; i < o->tags_n; i++) {
		const char *t = o->tags[i], *eq = strchr(t, '=');
		int r = kv_setn(tags, t, (size_t)(eq - t), eq + 1, strlen(eq + 1));

		if (r)
			return r;
	}
	return 0;
}

/* What the mount says of a file that is there; without tags it has no such attribute. */
static int ask_mount(const char *path, struct object *ob)
{
	char value[XATTR_SIZE_MAX + 1];
	int r = 0;

	if (!read_xattr(path, "user.s3.state", value, sizeof(value)))
		return 0;
	ob->is_replica = read_xattr(path, "user.s3.replication-status", value, sizeof(value)) &&
			 !strcmp(value, "REPLICA");
	if (read_xattr(path, "user.s3.tags", value, sizeof(value)))
		r = kv_from_query(value, &ob->tags);
	else if (errno != ENODATA)
		return 0;
	ob->tags_known = r == 0;
	return r;
}

/* The command line comes first. */
static int read_object(const struct ctl_opts *o, const char *path, struct object *ob)
{
	int r = o->state || o->rules ? 0 : ask_mount(path, ob);

	if (r || !o->tags_n)
		return r;
	kv_free(&ob->tags);
	ob->tags_known = true;
	return tags_given(o, &ob->tags);
}

/* The folder of a path when that is in a mount; NULL for a key. The file itself may be gone. */
static int mounted_parent(const char *path, char **ret_parent)
{
	auto_free char *parent = NULL;
	char value[PATH_MAX];
	char *slash;

	if (str_dup(path, &parent))
		return -ENOMEM;
	slash = strrchr(parent, '/');
	if (slash)
		slash[slash == parent] = '\0';
	if (read_xattr(slash ? parent : ".", "user.s3.state", value, sizeof(value)))
		return str_dup(slash ? parent : ".", ret_parent);
	return 0;
}

static bool all_deletes(struct store *s)
{
	auto_free char *v = NULL;

	return store_get_info(s, "delete_markers", &v) == 0 && !strcmp(v, "all");
}

/* The rules in force, and the key that path is there. */
static int from_mount(const struct ctl_opts *o, const char *path, struct object *ob,
		      struct rule_set **ret_rs)
{
	auto_free char *dir = NULL, *parent = NULL;
	auto_with(ctl_store_close) struct store *s = NULL;
	int r = o->state ? 0 : mounted_parent(path, &parent);

	r = r ? r : ctl_open(o, parent, false, &dir, &s);
	r = r ? r : ctl_rules_in_force(s, ret_rs);
	if (r)
		return r;
	ob->all_deletes = all_deletes(s);
	return o->state || !parent ? str_dup(path, &ob->key) : ctl_key(o, s, path, &ob->key);
}

static void print_object(const struct ctl_opts *o, const struct object *ob)
{
	char shown[CTL_SHOWN], value[CTL_SHOWN];

	printf("%s%s", o->delete ? "deletion of " : "", ctl_shown(ob->key, shown));
	if (!ob->tags_known)
		fputs(", tags not known", stdout);
	for (size_t i = 0; i < ob->tags.n; i++)
		printf("%s%s=%s", i ? " " : ", tags ", ctl_shown(ob->tags.items[i].name, shown),
		       ctl_shown(ob->tags.items[i].value, value));
	putchar('\n');
}

static int print_text(const struct ctl_opts *o, const struct object *ob,
		      const struct rules_verdict *v, size_t n)
{
	print_object(o, ob);
	if (!n)
		puts("  no rules: nothing is replicated");
	for (size_t i = 0; i < n; i++) {
		auto_with(buf_free) struct buf b;
		char shown[CTL_SHOWN];
		int r;

		buf_init(&b, BUF_LIMIT_SMALL);
		r = rules_verdict_text(&v[i], &b);
		if (r)
			return r;
		printf("  %s\n", ctl_shown(buf_str(&b), shown));
	}
	return 0;
}

static int print_json(const struct object *ob, const struct rules_verdict *v, size_t n)
{
	auto_with(buf_free) struct buf b, text;
	struct json_out j;

	buf_init(&b, BUF_LIMIT_DOC);
	buf_init(&text, BUF_LIMIT_SMALL);
	json_start(&j, &b, true);
	json_open(&j, NULL, '{');
	json_str(&j, "key", ob->key);
	json_open(&j, "rules", '[');
	for (size_t i = 0; i < n; i++) {
		buf_reset(&text);
		if (rules_verdict_text(&v[i], &text))
			return text.error;
		json_open(&j, NULL, '{');
		json_str(&j, "rule", v[i].rule->id);
		json_str(&j, "destination", v[i].rule->dest_arn);
		json_str(&j, "acts",
			 v[i].why == RULES_ACTS						   ? "yes"
			 : v[i].why == RULES_TAGS_UNKNOWN || v[i].why == RULES_MAYBE_LOWER ? "maybe"
											   : "no");
		json_str(&j, "why", buf_str(&text));
		json_close(&j, '}');
	}
	json_close(&j, ']');
	json_close(&j, '}');
	if (!b.error)
		puts(buf_str(&b));
	return b.error;
}

static int explain(const struct ctl_opts *o, const struct rule_set *rs, const struct object *ob)
{
	const struct rules_facts f = { .key = ob->key,
				       .tags = &ob->tags,
				       .delete_marker = o->delete &&!ob->all_deletes,
				       .is_replica = ob->is_replica };
	size_t n = rules_count(rs);
	auto_free struct rules_verdict *v = calloc(n + 1, sizeof(*v));
	int r = v ? 0 : -ENOMEM;

	if (!r)
		rules_explain(rs, &f, ob->tags_known, v, n);
	if (!r)
		r = o->json ? print_json(ob, v, n) : print_text(o, ob, v, n);
	if (r)
		ctl_say("out of memory");
	return r;
}

int ctl_rules_explain(const struct ctl_opts *o, const char *path)
{
	auto_with(object_free) struct object ob = { .key = NULL };
	auto_with(ctl_rules_unref) struct rule_set *rs = NULL;
	struct rules_error e;
	int r = read_object(o, path, &ob);

	if (!r && o->rules) {
		r = ctl_rules_read(o->rules, CTL_GIVEN, &rs, &e);
		r = r ? r : str_dup(path, &ob.key);
	} else if (!r) {
		r = from_mount(o, path, &ob, &rs);
	}
	return r || explain(o, rs, &ob) ? CTL_FAILED : CTL_OK;
}
