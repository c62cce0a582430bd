#include <errno.h>
#include <malloc.h>
#include <string.h>

#include "queue/scan_look.h"
#include "queue/scan_walk.h"
#include "tests/unit/queue_fixture.h"
#include "tests/unit/check.h"

#define HEAD "<ReplicationConfiguration><Role>arn:aws:iam::123456789012:role/r</Role>"
#define RULE_ALL                                                                                   \
	HEAD "<Rule><ID>all</ID><Status>Enabled</Status><Priority>1</Priority><Filter/>"           \
	     "<DeleteMarkerReplication><Status>Enabled</Status></DeleteMarkerReplication>"         \
	     "<Destination><Bucket>" COPY                                                          \
	     "</Bucket></Destination></Rule></ReplicationConfiguration>"

/* --- a listing that is made up ---------------------------------------------------------------- */

/*
 * Key k has 1 + k % 5 versions, newest first, of which the second is a delete marker where k is
 * even; version ids tell their age: v3 is the newest of three.
 */
struct listing {
	unsigned keys;
	unsigned page;	/* versions of each */
	bool inclusive; /* the marker's key is listed again, as some servers do */
	unsigned asked;
	unsigned fail_at; /* this page fails once; 0 = none */
};

static unsigned versions_of(unsigned k)
{
	return 1 + k % 5;
}

static void add_entry(struct s3_page *p, unsigned k, unsigned age)
{
	struct s3_entry *e = &p->entries[p->n++];
	unsigned n = versions_of(k);

	*e = (struct s3_entry){ .size = 1, .mtime_ms = n - age + 1, .is_latest = age == 0 };
	e->delete_marker = age == 1 && k % 2 == 0;
	must(str_format(&e->key, "key%06u", k));
	must(str_format(&e->version_id, "v%u", n - age));
}

static int list(void *arg, const char *prefix, const char *key_marker, const char *version_marker,
		struct s3_page *ret_p, struct s3_error *err)
{
	struct listing *l = arg;
	unsigned k = 0, age = 0;

	CHECK_STR(prefix, "key");
	if (++l->asked == l->fail_at) {
		l->fail_at = 0;
		*err = (struct s3_error){ .class = FAULT_RETRY };
		return -EIO;
	}
	if (key_marker)
		k = (unsigned)atol(key_marker + 3) + (version_marker || l->inclusive ? 0 : 1);
	if (version_marker)
		age = versions_of(k) - (unsigned)atol(version_marker + 1) + 1;
	*ret_p = (struct s3_page){ .entries = calloc(l->page, sizeof(struct s3_entry)) };
	for (; k < l->keys && ret_p->n < l->page; k++, age = 0)
		for (; age < versions_of(k) && ret_p->n < l->page; age++)
			add_entry(ret_p, k, age);
	if (ret_p->n > 0 && ret_p->n == l->page) {
		const struct s3_entry *last = &ret_p->entries[ret_p->n - 1];

		ret_p->truncated = true;
		must(str_dup(last->key, &ret_p->next_key));
		must(str_dup(last->version_id, &ret_p->next_version));
	}
	return 0;
}

/* --- walking ---------------------------------------------------------------------------------- */

struct walked {
	unsigned keys, versions;
	unsigned refuse; /* this many keys are refused once each */
	bool wrong;
};

static int see_key(void *arg, struct scan_key *k)
{
	struct walked *w = arg;
	char name[32];

	if (w->refuse > 0) {
		w->refuse--;
		return -EAGAIN;
	}
	snprintf(name, sizeof(name), "key%06u", w->keys);
	if (strcmp(name, k->name) != 0 || k->n != versions_of(w->keys))
		w->wrong = true;
	for (size_t i = 0; i < k->n; i++) {
		snprintf(name, sizeof(name), "v%zu", k->n - i);
		if (strcmp(name, k->versions[i].id) != 0 || k->versions[i].latest != (i == 0))
			w->wrong = true;
	}
	w->keys++;
	w->versions += (unsigned)k->n;
	return 0;
}

static void walk_all(struct scan_walk *w, struct walked *seen)
{
	struct s3_error err = { 0 };

	for (int tries = 0; !w->end && tries < 100000; tries++) {
		int r = scan_walk_load(w, &err);

		if (r == 0)
			r = scan_walk_page(w, see_key, seen);
		CHECK(r == 0 || r == -EAGAIN || r == -EIO);
	}
	CHECK(w->end && !seen->wrong);
}

static void test_walk(void)
{
	static const struct {
		const char *name;
		struct listing l;
		unsigned refuse;
	} table[] = {
		{ "one page", { .keys = 10, .page = 1000 }, 0 },
		{ "keys across pages", { .keys = 10, .page = 2 }, 0 },
		{ "a version each page", { .keys = 12, .page = 1 }, 0 },
		{ "full last page", { .keys = 5, .page = 15 }, 0 },
		{ "nothing", { .keys = 0, .page = 10 }, 0 },
		{ "refused", { .keys = 10, .page = 4 }, 7 },
		{ "a page fails", { .keys = 10, .page = 4, .fail_at = 3 }, 0 },
	};

	for (size_t i = 0; i < array_size(table); i++) {
		auto_with(scan_walk_free) struct scan_walk w = { 0 };
		struct listing l = table[i].l;
		struct walked seen = { .refuse = table[i].refuse };

		CHECK_CASE(table[i].name);
		must(scan_walk_init(&w, list, &l, "key", NULL));
		walk_all(&w, &seen);
		CHECK_INT(seen.keys, l.keys);
		CHECK_INT(w.seen, seen.versions);
	}
	CHECK_CASE("");
}

/* From the last key that was done, whether the server lists the marker's key again or not. */
static void test_walk_goes_on(void)
{
	for (int inclusive = 0; inclusive < 2; inclusive++) {
		auto_with(scan_walk_free) struct scan_walk w = { 0 };
		struct listing l = { .keys = 9, .page = 4, .inclusive = inclusive == 1 };
		struct walked seen = { .keys = 5 };

		must(scan_walk_init(&w, list, &l, "key", "key000004"));
		walk_all(&w, &seen);
		CHECK_INT(seen.keys, 9);
		CHECK_STR(w.done_key, "key000008");
	}
}

/* --- planning --------------------------------------------------------------------------------- */

struct fake_look {
	const char *status;  /* of v1, v2, ...: n p f c x t, as below */
	const char *tags;    /* of v1, v2, ...: s = class=secret, x = refused */
	const char *replica; /* of v1, v2, ...: r = is one, x = refused */
	unsigned learned, marked;
};

static size_t age_of(const struct scan_version *v)
{
	return (size_t)atol(v->id + 1) - 1;
}

static int fake_status(void *arg, const struct scan_key *k, const struct scan_version *v,
		       const char *dest, enum scan_status *ret_s)
{
	const struct fake_look *l = arg;

	(void)k;
	(void)dest;
	switch (l->status[age_of(v)]) {
	case 'n': *ret_s = SCAN_NONE; break;
	case 'p': *ret_s = SCAN_PENDING; break;
	case 'f': *ret_s = SCAN_FAILED; break;
	case 'c': *ret_s = SCAN_COMPLETED; break;
	case 'x': *ret_s = SCAN_NOTHING; break;
	default: *ret_s = SCAN_TAKEN;
	}
	return 0;
}

static int fake_learn(void *arg, const struct scan_key *k, struct scan_version *v)
{
	struct fake_look *l = arg;

	(void)k;
	l->learned++;
	v->refused = l->tags && l->tags[age_of(v)] == 'x';
	v->learned = !v->refused;
	if (l->tags && l->tags[age_of(v)] == 's')
		must(kv_set(&v->tags, "class", "secret"));
	return 0;
}

static int fake_mark(void *arg, const struct scan_key *k, struct scan_version *v)
{
	struct fake_look *l = arg;

	(void)k;
	l->marked++;
	v->refused = l->replica && l->replica[age_of(v)] == 'x';
	v->marked = !v->refused;
	v->replica = l->replica && l->replica[age_of(v)] == 'r';
	return 0;
}

/* kinds, oldest first: o an object, d a delete marker, - an object that the walk is not about. */
static struct scan_key make_key(const char *name, const char *kinds)
{
	size_t n = strlen(kinds);
	struct scan_key k = { .versions = calloc(n, sizeof(*k.versions)), .n = n, .cap = n };

	must(str_dup(name, &k.name));
	for (size_t i = 0; i < n; i++) {
		struct scan_version *v = &k.versions[n - 1 - i];

		must(str_format(&v->id, "v%zu", i + 1));
		v->delete_marker = kinds[i] == 'd';
		v->wanted = kinds[i] != '-';
		v->latest = i == n - 1;
	}
	return k;
}

/* "copy:v1 v2! tagged:v2" in the order of the steps: ~ retry, + again, ! repair, * relay. */
static void plan_text(const struct scan_plan *p, const struct scan_key *k, char text[400])
{
	text[0] = '\0';
	for (size_t i = 0; i < p->n; i++) {
		const struct scan_step *s = &p->steps[i];
		size_t len = strlen(text);

		snprintf(text + len, 400 - len, "%s%s:%s%s%s%s%s", len ? " " : "", s->dest + 13,
			 k->versions[s->version].id, s->retry ? "~" : "", s->again ? "+" : "",
			 s->repair ? "!" : "", s->relay ? "*" : "");
	}
}

#define DEFAULT SCAN_STATUS_DEFAULT

/* clang-format off */
static const struct plan_case {
	const char *name, *kinds, *status;
	unsigned statuses;
	const char *want;
	uint64_t skipped;
} plan_cases[] = {
	{ "all missing, oldest first", "oodo", "nnnn", DEFAULT, "copy:v1 copy:v2 copy:v3 copy:v4", 0 },
	{ "all there", "oo", "cc", DEFAULT, "", 2 },
	{ "the last is missing", "oo", "cn", DEFAULT, "copy:v2", 1 },
	{ "an old one is missing", "oo", "nc", DEFAULT, "copy:v1 copy:v2+!", 1 },
	{ "a newer one is pending", "ooo", "ncp", DEFAULT, "copy:v1 copy:v3+!", 2 },
	{ "missing around it", "ooo", "ncn", DEFAULT, "copy:v1 copy:v3!", 1 },
	{ "a marker is current", "ood", "ncc", DEFAULT, "copy:v1 copy:v3+!", 2 },
	{ "failed", "oo", "fp", DEFAULT, "copy:v1~+", 1 },
	{ "failed, not asked for", "oo", "fn", SCAN_NONE, "copy:v2", 1 },
	{ "failed after a missing one", "oo", "nf", DEFAULT, "copy:v1 copy:v2~+ copy:v2+!", 0 },
	{ "completed again", "oo", "cc", SCAN_COMPLETED, "copy:v1+ copy:v2+", 0 },
	{ "tried in vain", "o", "x", DEFAULT, "", 1 },
	{ "interrupted", "oo", "tn", DEFAULT, "copy:v2", 1 },
	{ "interrupted before the repair", "oo", "tc", DEFAULT, "copy:v2+!", 2 },
	{ "interrupted after the repair", "oo", "tt", DEFAULT, "", 2 },
	{ "only one of them", "-o-", "nnn", DEFAULT, "copy:v2", 0 },
	{ "only one, a newer one is there", "o-", "nc", DEFAULT, "copy:v1 copy:v2+!", 0 },
};

/* What the version carries decides. */
static const struct learn_case {
	const char *name, *rules, *key, *kinds, *status, *tags, *replica;
	unsigned statuses;
	const char *want;
	unsigned learned, marked;
	uint64_t refused;
} learn_cases[] = {
	{ "replicas too", RULE_ALL, "a", "oo", "nn", "..", "r.", SCAN_REPLICA, "copy:v1*", 0, 2, 0 },
	{ "a replica that was tried", RULE_ALL, "a", "o", "x", ".", "r", SCAN_REPLICA, "copy:v1+*", 0, 1, 0 },
	{ "by tags", RULES_TWO, "a", "ooo", "nnn", "s.s", "...", DEFAULT, "tagged:v1 tagged:v3", 3, 0, 0 },
	{ "by prefix and tags", RULES_TWO, "Tax/a", "oo", "nn", ".s", "..", DEFAULT,
	  "copy:v1 copy:v2 tagged:v2", 2, 0, 0 },
	{ "a marker over tags", RULES_TWO, "Tax/a", "od", "nn", "s.", "..", DEFAULT,
	  "copy:v1 tagged:v1 copy:v2", 1, 0, 0 },
	{ "an old replica", RULE_ALL, "a", "oo", "nc", "..", "r.", DEFAULT, "", 0, 1, 0 },
	{ "an old one that is none", RULE_ALL, "a", "oo", "nc", "..", "..", DEFAULT,
	  "copy:v1 copy:v2+!", 0, 1, 0 },
	{ "an old replica and one that is none", RULE_ALL, "a", "ooo", "nnc", "...", "r..", DEFAULT,
	  "copy:v2 copy:v3+!", 0, 2, 0 },
	{ "a replica on top", RULE_ALL, "a", "oo", "cn", "..", ".r", DEFAULT, "copy:v2", 0, 0, 0 },
	{ "interrupted at a replica", RULE_ALL, "a", "oo", "tc", "..", "r.", DEFAULT, "", 0, 1, 0 },
	{ "an old one that is refused", RULE_ALL, "a", "oo", "nc", "..", "x.", DEFAULT, "", 0, 1, 1 },
	{ "tags that are refused", RULES_TWO, "a", "oo", "nn", "xs", "..", DEFAULT, "tagged:v2", 2, 0,
	  1 },
	{ "a marker over tags that are refused", RULES_TWO, "Tax/a", "od", "nn", "x.", "..", DEFAULT,
	  "", 1, 0, 2 },
};
/* clang-format on */

static void check_plan(const char *rules, const char *name, const char *kinds,
		       struct fake_look *look, unsigned statuses, const char *want,
		       struct scan_plan *ret_counts)
{
	struct rule_set *rs = rules_from(rules);
	const struct scan_view view = {
		.rules = rs,
		.learn = fake_learn,
		.mark = fake_mark,
		.status = fake_status,
		.arg = look,
	};
	const struct scan_args args = { .statuses = statuses };
	auto_with(scan_key_free) struct scan_key k = make_key(name, kinds);
	auto_with(scan_plan_free) struct scan_plan plan = { 0 };
	char text[400];

	CHECK_INT(scan_plan_key(&view, &args, &k, &plan), 0);
	plan_text(&plan, &k, text);
	CHECK_STR(text, want);
	*ret_counts = (struct scan_plan){ .skipped = plan.skipped, .refused = plan.refused };
	rules_unref(rs);
}

static void test_plan(void)
{
	struct scan_plan counts = { 0 };

	for (size_t i = 0; i < array_size(plan_cases); i++) {
		const struct plan_case *c = &plan_cases[i];
		struct fake_look look = { .status = c->status };

		CHECK_CASE(c->name);
		check_plan(RULE_ALL, "a", c->kinds, &look, c->statuses, c->want, &counts);
		CHECK_INT(counts.skipped, c->skipped);
		CHECK_INT(look.learned, 0);
	}
	for (size_t i = 0; i < array_size(learn_cases); i++) {
		const struct learn_case *c = &learn_cases[i];
		struct fake_look look = { .status = c->status,
					  .tags = c->tags,
					  .replica = c->replica };

		CHECK_CASE(c->name);
		check_plan(c->rules, c->key, c->kinds, &look, c->statuses, c->want, &counts);
		CHECK_INT(look.learned, c->learned);
		CHECK_INT(look.marked, c->marked);
		CHECK_INT(counts.refused, c->refused);
	}
	CHECK_CASE("");
}

/* --- both, of many ---------------------------------------------------------------------------- */

struct planned {
	struct scan_view view;
	struct scan_args args;
	unsigned steps;
	bool wrong;
	size_t most; /* bytes in use */
};

static int plan_key(void *arg, struct scan_key *k)
{
	struct planned *p = arg;
	auto_with(scan_plan_free) struct scan_plan plan = { 0 };
	int err;

	for (size_t i = 0; i < k->n; i++)
		k->versions[i].wanted = scan_look_wants(&p->args, &k->versions[i]);
	err = scan_plan_key(&p->view, &p->args, k, &plan);
	for (size_t i = 0; i < plan.n; i++)
		if (plan.steps[i].version != k->n - 1 - i)
			p->wrong = true;
	p->steps += (unsigned)plan.n;
	if (p->steps % 1000 < 5)
		p->most = max_of(p->most, mallinfo2().uordblks);
	return err;
}

/* A hundred thousand versions: in order within each key, in the memory of a page. */
static void test_many(void)
{
	struct rule_set *rs = rules_from(RULE_ALL);
	struct fake_look look = { .status = "nnnnn" };
	struct planned p = {
		.view = { .rules = rs,
			  .learn = fake_learn,
			  .mark = fake_mark,
			  .status = fake_status,
			  .arg = &look },
	};
	struct listing l = { .keys = 33335, .page = 1000 };
	struct scan_walk w;
	struct s3_error err;
	size_t before = mallinfo2().uordblks;

	p.args.statuses = SCAN_NONE;
	must(scan_walk_init(&w, list, &l, "key", NULL));
	while (!w.end) {
		must(scan_walk_load(&w, &err));
		must(scan_walk_page(&w, plan_key, &p));
	}
	CHECK_INT(p.steps, 100005);
	CHECK(!p.wrong);
	CHECK(p.most == 0 || p.most - before < MIB);
	scan_walk_free(&w);
	rules_unref(rs);
}

/* --- wishes ----------------------------------------------------------------------------------- */

static void test_args(void)
{
	struct scan_args a = { .prefix = (char[]){ "a b\xff\"/" },
			       .dest = (char[]){ COPY },
			       .after_ms = 5,
			       .before_ms = 7,
			       .statuses = SCAN_FAILED | SCAN_REPLICA,
			       .current_only = true };
	auto_with(scan_args_free) struct scan_args b = { 0 };
	struct scan_version v = { .mtime_ms = 5, .latest = true };
	auto_with(buf_free) struct buf json;
	unsigned mask = 0;

	buf_init(&json, BUF_LIMIT_SMALL);
	CHECK_INT(scan_args_to_json(&a, &json), 0);
	CHECK_INT(scan_args_from_json(buf_str(&json), &b), 0);
	CHECK_STR(b.prefix, a.prefix);
	CHECK_STR(b.dest, a.dest);
	CHECK(b.after_ms == 5 && b.before_ms == 7 && b.statuses == a.statuses && b.current_only);
	CHECK_INT(scan_args_from_json("{}", &b), -EINVAL);
	CHECK(scan_look_wants(&a, &v));
	v.mtime_ms = 7;
	CHECK(!scan_look_wants(&a, &v));
	v.mtime_ms = 6;
	v.latest = false;
	CHECK(!scan_look_wants(&a, &v));
	CHECK_INT(scan_statuses_parse("NONE,COMPLETED", &mask), 0);
	CHECK_INT(mask, SCAN_NONE | SCAN_COMPLETED);
	CHECK_INT(scan_statuses_parse("", &mask), -EINVAL);
	CHECK_INT(scan_statuses_parse("NONE,", &mask), -EINVAL);
	CHECK_INT(scan_statuses_parse("none", &mask), -EINVAL);
}

int main(void)
{
	test_walk();
	test_walk_goes_on();
	test_plan();
	test_many();
	test_args();
	return check_done();
}
