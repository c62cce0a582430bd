/* test_match.c - which rules act: the cases of the S3 User Guide, and a second matcher. */
#include "rules/rules.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"

#include "tests/unit/check.h"

#define RULES  10
#define ROUNDS 1500

/* A rule in short. id NULL ends a list. */
struct spec {
	const char *id;
	const char *dest;
	int priority;
	const char *prefix; /* NULL = no Prefix element */
	const char *tags;   /* "a=1&b=2"; NULL = none */
	bool markers;
	bool disabled;
	bool v1;
	bool kms;
};

static void write_tags(struct json_out *j, const struct kv *tags)
{
	json_open(j, "Tags", '[');
	for (size_t i = 0; i < tags->n; i++) {
		json_open(j, NULL, '{');
		json_str(j, "Key", tags->items[i].name);
		json_str(j, "Value", tags->items[i].value);
		json_close(j, '}');
	}
	json_close(j, ']');
}

static void write_filter(struct json_out *j, const struct spec *s)
{
	auto_with(kv_free) struct kv tags = KV_EMPTY;

	CHECK(kv_from_query(s->tags ? s->tags : "", &tags) == 0);
	json_open(j, "Filter", '{');
	if (tags.n + (s->prefix != NULL) >= 2) {
		json_open(j, "And", '{');
		if (s->prefix)
			json_str(j, "Prefix", s->prefix);
		write_tags(j, &tags);
		json_close(j, '}');
	} else if (s->prefix) {
		json_str(j, "Prefix", s->prefix);
	} else if (tags.n == 1) {
		json_open(j, "Tag", '{');
		json_str(j, "Key", tags.items[0].name);
		json_str(j, "Value", tags.items[0].value);
		json_close(j, '}');
	}
	json_close(j, '}');
}

static void write_rule(struct json_out *j, const struct spec *s)
{
	char arn[100];

	snprintf(arn, sizeof(arn), "arn:aws:s3:::%s", s->dest);
	json_open(j, NULL, '{');
	json_str(j, "ID", s->id);
	json_str(j, "Status", s->disabled ? "Disabled" : "Enabled");
	json_open(j, "Destination", '{');
	json_str(j, "Bucket", arn);
	if (s->kms) {
		json_open(j, "EncryptionConfiguration", '{');
		json_str(j, "ReplicaKmsKeyID", "arn:aws:kms:eu-west-1:111122223333:key/k");
		json_close(j, '}');
	}
	json_close(j, '}');
	if (s->kms) {
		json_open(j, "SourceSelectionCriteria", '{');
		json_open(j, "SseKmsEncryptedObjects", '{');
		json_str(j, "Status", "Enabled");
		json_close(j, '}');
		json_close(j, '}');
	}
	if (s->v1) {
		json_str(j, "Prefix", s->prefix);
	} else {
		json_i64(j, "Priority", s->priority);
		json_open(j, "DeleteMarkerReplication", '{');
		json_str(j, "Status", s->markers ? "Enabled" : "Disabled");
		json_close(j, '}');
		write_filter(j, s);
	}
	json_close(j, '}');
}

static struct rule_set *make_rules(const struct spec *specs)
{
	auto_with(buf_free) struct buf b;
	struct rule_set *rs = NULL;
	struct rules_error e;
	struct json_out j;

	buf_init(&b, BUF_LIMIT_DOC);
	json_start(&j, &b, true);
	json_open(&j, NULL, '{');
	json_str(&j, "Role", "arn:aws:iam::111122223333:role/crr");
	json_open(&j, "Rules", '[');
	for (; specs->id; specs++)
		write_rule(&j, specs);
	json_close(&j, ']');
	json_close(&j, '}');
	if (rules_parse(buf_str(&b), b.len, &rs, &e) < 0) {
		fprintf(stderr, "%s\n%s: %s (%s) at %d\n", buf_str(&b), e.code, e.message, e.hint,
			e.line);
		CHECK(!"rules_parse");
	}
	return rs;
}

/* The IDs of the rules that act, with blanks between. */
static void match_ids(const struct rule_set *rs, const struct rules_facts *f, char *dst, size_t n)
{
	const struct rule *got[RULES];
	size_t found = rules_match(rs, f, got, array_size(got)), at = 0;

	CHECK(found <= rules_dest_count(rs));
	dst[0] = '\0';
	for (size_t i = 0; i < found && at < n; i++)
		at += (size_t)snprintf(dst + at, n - at, "%s%s", i ? " " : "", got[i]->id);
}

static const struct spec all[] = { { "all", "dst", 1, .prefix = NULL }, { .id = NULL } };
static const struct spec empty_prefix[] = { { "all", "dst", 1, .prefix = "" }, { .id = NULL } };
static const struct spec tax[] = { { "tax", "dst", 1, .prefix = "Tax/" }, { .id = NULL } };
static const struct spec one_tag[] = { { "t", "dst", 1, .tags = "class=pii" }, { .id = NULL } };
static const struct spec two_tags[] = { { "t", "dst", 1, .tags = "class=pii&keep=7y" },
					{ .id = NULL } };
static const struct spec both[] = {
	{ "b", "dst", 1, .prefix = "Tax/", .tags = "class=pii&keep=7y" }, { .id = NULL }
};
static const struct spec empty_value[] = { { "t", "dst", 1, .tags = "flag=" }, { .id = NULL } };
static const struct spec overlap[] = { { "low", "dst", 1, .prefix = "Tax/", .markers = true },
				       { "high", "dst", 2, .prefix = "Tax/2024/" },
				       { .id = NULL } };
static const struct spec fan_out[] = { { "z", "zeta", 1, .prefix = "a" },
				       { "a", "alpha", 2, .prefix = "" },
				       { "m", "mid", 3, .prefix = "b" },
				       { .id = NULL } };
static const struct spec paused[] = { { "on", "dst", 1, .prefix = "" },
				      { "off", "dst", 9, .prefix = "", .disabled = true },
				      { .id = NULL } };
static const struct spec markers[] = { { "yes", "dst1", 1, .prefix = "", .markers = true },
				       { "no", "dst2", 2, .prefix = "" },
				       { .id = NULL } };
static const struct spec tag_over_all[] = { { "all", "dst", 1, .prefix = "", .markers = true },
					    { "pii", "dst", 2, .tags = "class=pii" },
					    { .id = NULL } };
static const struct spec all_over_tag[] = { { "all", "dst", 2, .prefix = "" },
					    { "pii", "dst", 1, .tags = "class=pii" },
					    { .id = NULL } };
static const struct spec old[] = { { "v1", "dst", .prefix = "Tax/", .v1 = true },
				   { "off", "dst", .prefix = "Legal/", .v1 = true,
				     .disabled = true },
				   { .id = NULL } };
static const struct spec kms[] = { { "plain", "dst", 2, .prefix = "", .markers = true },
				   { "kms", "dst", 1, .prefix = "Tax/", .kms = true },
				   { .id = NULL } };
static const struct spec odd_prefix[] = { { "odd", "dst", 1, .prefix = " *%2f\xc3\xa9" },
					  { .id = NULL } };

static const struct {
	const struct spec *rules;
	const char *key, *tags;
	bool delete_marker, is_replica;
	const char *want;
	const char *sse;
} cases[] = {
	{ all, "Tax/doc1", NULL, false, false, "all", NULL },
	{ all, "x", "a=1", false, false, "all", NULL },
	{ empty_prefix, "x", NULL, false, false, "all", NULL },
	/* The guide's example: Tax/ goes, Legal/ stays. */
	{ tax, "Tax/doc1", NULL, false, false, "tax", NULL },
	{ tax, "Tax/doc2", NULL, false, false, "tax", NULL },
	{ tax, "Tax/", NULL, false, false, "tax", NULL },
	{ tax, "Tax", NULL, false, false, "", NULL },
	{ tax, "tax/doc1", NULL, false, false, "", NULL },
	{ tax, "Legal/doc3", NULL, false, false, "", NULL },
	{ tax, "old/Tax/doc1", NULL, false, false, "", NULL },
	{ one_tag, "x", "class=pii", false, false, "t", NULL },
	{ one_tag, "x", "class=pii&more=1", false, false, "t", NULL },
	{ one_tag, "x", "class=public", false, false, "", NULL },
	{ one_tag, "x", "Class=pii", false, false, "", NULL },
	{ one_tag, "x", "class=PII", false, false, "", NULL },
	{ one_tag, "x", NULL, false, false, "", NULL },
	/* All tags are needed; some servers take any. */
	{ two_tags, "x", "class=pii&keep=7y", false, false, "t", NULL },
	{ two_tags, "x", "class=pii", false, false, "", NULL },
	{ two_tags, "x", "keep=7y", false, false, "", NULL },
	{ two_tags, "x", "class=pii&keep=8y", false, false, "", NULL },
	{ both, "Tax/a", "class=pii&keep=7y&x=y", false, false, "b", NULL },
	{ both, "Legal/a", "class=pii&keep=7y", false, false, "", NULL },
	{ both, "Tax/a", "class=pii", false, false, "", NULL },
	{ empty_value, "x", "flag=", false, false, "t", NULL },
	{ empty_value, "x", "flag=1", false, false, "", NULL },
	{ empty_value, "x", NULL, false, false, "", NULL },
	/* One destination: the greatest priority alone. */
	{ overlap, "Tax/2024/a", NULL, false, false, "high", NULL },
	{ overlap, "Tax/2023/a", NULL, false, false, "low", NULL },
	/* The winner says no to markers; the other gets no turn. */
	{ overlap, "Tax/2024/a", NULL, true, false, "", NULL },
	{ overlap, "Tax/2023/a", NULL, true, false, "low", NULL },
	/* Each destination has its winner; sorted by ARN. */
	{ fan_out, "abc", NULL, false, false, "a z", NULL },
	{ fan_out, "bcd", NULL, false, false, "a m", NULL },
	{ fan_out, "cde", NULL, false, false, "a", NULL },
	{ paused, "x", NULL, false, false, "on", NULL },
	{ markers, "x", NULL, false, false, "yes no", NULL },
	{ markers, "x", NULL, true, false, "yes", NULL },
	/* A replica goes nowhere. */
	{ markers, "x", NULL, false, true, "", NULL },
	{ markers, "x", NULL, true, true, "", NULL },
	{ tag_over_all, "x", "class=pii", false, false, "pii", NULL },
	{ tag_over_all, "x", NULL, false, false, "all", NULL },
	{ tag_over_all, "x", "class=pii", true, false, "", NULL },
	{ tag_over_all, "x", NULL, true, false, "all", NULL },
	{ all_over_tag, "x", "class=pii", false, false, "all", NULL },
	/* V1 sends the markers that people make. */
	{ old, "Tax/a", NULL, false, false, "v1", NULL },
	{ old, "Tax/a", NULL, true, false, "v1", NULL },
	{ old, "Legal/a", NULL, false, false, "", NULL },
	/* KMS-encrypted objects only by a rule that selects them; all others by any. */
	{ kms, "Tax/a", NULL, false, false, "plain", NULL },
	{ kms, "Tax/a", NULL, false, false, "plain", "AES256" },
	{ kms, "Tax/a", NULL, false, false, "kms", "aws:kms" },
	{ kms, "Tax/a", NULL, false, false, "kms", "aws:kms:dsse" },
	{ kms, "a", NULL, false, false, "", "aws:kms" },
	/* A delete marker is not encrypted. */
	{ kms, "Tax/a", NULL, true, false, "plain", "aws:kms" },
	/* No pattern, no decoding: bytes. */
	{ odd_prefix, " *%2f\xc3\xa9/a", NULL, false, false, "odd", NULL },
	{ odd_prefix, " x/\xc3\xa9/a", NULL, false, false, "", NULL },
};

static void test_cases(void)
{
	for (size_t i = 0; i < array_size(cases); i++) {
		auto_with(kv_free) struct kv tags = KV_EMPTY;
		struct rules_facts f = { .key = cases[i].key,
					 .delete_marker = cases[i].delete_marker,
					 .is_replica = cases[i].is_replica,
					 .sse = cases[i].sse };
		struct rule_set *rs = make_rules(cases[i].rules);
		char got[200], name[64];

		snprintf(name, sizeof(name), "case %zu", i);
		CHECK_CASE(name);
		if (!rs)
			continue;
		if (cases[i].tags) {
			CHECK(kv_from_query(cases[i].tags, &tags) == 0);
			f.tags = &tags;
		}
		match_ids(rs, &f, got, sizeof(got));
		CHECK_STR(got, cases[i].want);
		rules_unref(rs);
	}
	CHECK_CASE(NULL);
}

static void test_room_for_less(void)
{
	struct rules_facts f = { .key = "abc" };
	struct rule_set *rs = make_rules(fan_out);
	const struct rule *got[2] = { NULL, NULL };

	if (!rs)
		return;
	CHECK_INT(rules_match(rs, &f, got, 0), 0);
	CHECK_INT(rules_match(rs, &f, got, 1), 1);
	CHECK(got[0] && strcmp(got[0]->id, "a") == 0 && !got[1]);
	CHECK_INT(rules_match(rs, &f, got, 2), 2);
	CHECK(got[1] && strcmp(got[1]->id, "z") == 0);
	rules_unref(rs);
}

/* xorshift32: the same on every machine */
static uint32_t state;

static uint32_t pick(uint32_t below)
{
	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state % below;
}

static const char *const dests[] = { "dst-a", "dst-b", "dst-c" };
static const char *const prefixes[] = { NULL, "", "a", "aa", "ab", "aab", "b" };
static const char *const tag_sets[] = { NULL, NULL, "x=1", "x=2", "y=1", "x=1&y=1", "x=2&y=2&z=1" };
static const char *const keys[] = { "a", "aa", "aab", "aabc", "ab", "b", "c", "ba" };
static const char *const values[] = { NULL, "1", "2" };
static const char *const tag_names[] = { "x", "y", "z" };

static void random_rules(struct spec *specs)
{
	static const char *const ids[RULES] = { "0", "1", "2", "3", "4", "5", "6", "7", "8", "9" };
	uint32_t n = 1 + pick(RULES), shift = pick(RULES);

	memset(specs, 0, (RULES + 1) * sizeof(*specs));
	for (uint32_t i = 0; i < n; i++) {
		specs[i].id = ids[i];
		specs[i].dest = dests[pick(array_size(dests))];
		/* 7 and 10 share no factor: all different */
		specs[i].priority = (int)((i * 7 + shift) % RULES);
		specs[i].prefix = prefixes[pick(array_size(prefixes))];
		specs[i].tags = tag_sets[pick(array_size(tag_sets))];
		specs[i].markers = !specs[i].tags && pick(2) == 0;
		specs[i].disabled = pick(4) == 0;
		specs[i].kms = pick(3) == 0;
	}
}

/* One destination, and prefixes of which none begins another. */
static void random_v1_rules(struct spec *specs)
{
	static const char *const apart[] = { "aa", "ab", "b", "c" };
	static const char *const ids[] = { "0", "1", "2", "3" };

	memset(specs, 0, (RULES + 1) * sizeof(*specs));
	for (uint32_t i = 0, n = 1 + pick(array_size(apart)); i < n; i++)
		specs[i] = (struct spec){ .id = ids[i],
					  .dest = "dst-a",
					  .prefix = apart[i],
					  .markers = true,
					  .disabled = pick(4) == 0,
					  .kms = pick(3) == 0,
					  .v1 = true };
}

/* The second matcher: no sorting, straight from the sentences of the guide. */
static bool naive_applies(const struct spec *s, const char *key, const struct kv *tags,
			  bool encrypted)
{
	auto_with(kv_free) struct kv need = KV_EMPTY;
	size_t found = 0;

	if (s->disabled || (encrypted && !s->kms))
		return false;
	for (size_t i = 0; s->prefix && s->prefix[i]; i++)
		if (key[i] != s->prefix[i])
			return false;
	CHECK(kv_from_query(s->tags ? s->tags : "", &need) == 0);
	for (size_t i = 0; i < need.n; i++)
		for (size_t k = 0; k < tags->n; k++)
			if (strcmp(need.items[i].name, tags->items[k].name) == 0 &&
			    strcmp(need.items[i].value, tags->items[k].value) == 0)
				found++;
	return found == need.n;
}

static void naive_match(const struct spec *specs, const struct rules_facts *f, bool encrypted,
			char *dst, size_t n)
{
	size_t at = 0;

	dst[0] = '\0';
	for (size_t d = 0; d < array_size(dests) && !f->is_replica; d++) {
		const struct spec *best = NULL;

		for (const struct spec *s = specs; s->id; s++)
			if (strcmp(s->dest, dests[d]) == 0 &&
			    naive_applies(s, f->key, f->tags, encrypted && !f->delete_marker) &&
			    (!best || s->priority > best->priority))
				best = s;
		if (best && (!f->delete_marker || best->markers))
			at += (size_t)snprintf(dst + at, n - at, "%s%s", at ? " " : "", best->id);
	}
}

static void set_tags(struct kv *tags, uint32_t combination)
{
	for (size_t i = 0; i < array_size(tag_names); i++, combination /= 3)
		if (values[combination % 3])
			CHECK(kv_set(tags, tag_names[i], values[combination % 3]) == 0);
}

/* The rules that rules_explain says act, in the order of match_ids. */
static void explained_ids(const struct rule_set *rs, const struct rules_facts *f, char *dst,
			  size_t n)
{
	struct rules_verdict v[RULES];
	size_t count = rules_explain(rs, f, true, v, array_size(v)), at = 0;

	CHECK(count == rules_count(rs));
	dst[0] = '\0';
	for (size_t d = 0; d < rules_dest_count(rs); d++)
		for (size_t i = 0; i < count && at < n; i++)
			if (v[i].why == RULES_ACTS &&
			    strcmp(v[i].rule->dest_arn, rules_dest(rs, d)) == 0)
				at += (size_t)snprintf(dst + at, n - at, "%s%s", at ? " " : "",
						       v[i].rule->id);
}

/* One set of rules, one key: all 27 sets of tags, plain and encrypted objects, delete markers,
 * replicas. */
static void compare(const struct rule_set *rs, const struct spec *specs, const char *key)
{
	char got[100], want[100], said[100], first[8][100];
	bool differ = false;

	for (uint32_t c = 0; c < 27 * 8; c++) {
		auto_with(kv_free) struct kv tags = KV_EMPTY;
		bool encrypted = c & 1;
		struct rules_facts f = { .key = key,
					 .tags = &tags,
					 .delete_marker = c & 2,
					 .is_replica = c & 4,
					 .sse = encrypted ? "aws:kms" : NULL };

		set_tags(&tags, c / 8);
		match_ids(rs, &f, got, sizeof(got));
		naive_match(specs, &f, encrypted, want, sizeof(want));
		CHECK_STR(got, want);
		explained_ids(rs, &f, said, sizeof(said));
		CHECK_STR(said, want);
		if (c < 8)
			memcpy(first[c], want, sizeof(want));
		else if (!f.delete_marker)
			differ = differ || strcmp(first[c % 8], want) != 0;
	}
	CHECK(rules_tags_matter(rs, key) == differ);
}

static void test_random(uint32_t seed, int rounds)
{
	struct spec specs[RULES + 1];

	for (int i = 0; i < rounds; i++, seed++) {
		struct rule_set *rs;
		char name[64];

		snprintf(name, sizeof(name), "seed %u", (unsigned)seed);
		CHECK_CASE(name);
		state = seed * 2654435761u + 1;
		if (state == 0)
			state = 1;
		if (pick(4) == 0)
			random_v1_rules(specs);
		else
			random_rules(specs);
		rs = make_rules(specs);
		if (rs)
			compare(rs, specs, keys[pick(array_size(keys))]);
		rules_unref(rs);
	}
}

int main(void)
{
	test_cases();
	test_room_for_less();
	test_random(20260131, ROUNDS);
	return check_done();
}
