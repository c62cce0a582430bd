/* match.c - which rules act for an object: one small predicate per criterion, the greatest priority
 * per destination. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/rules_i.h"

static int compare_for_dest(const void *pa, const void *pb)
{
	const struct rule_full *a = *(struct rule_full *const *)pa,
			       *b = *(struct rule_full *const *)pb;
	int c = strcmp(a->rule.dest_arn, b->rule.dest_arn);

	if (c)
		return c;
	if (a->rule.priority != b->rule.priority)
		return a->rule.priority > b->rule.priority ? -1 : 1;
	return a->index < b->index ? -1 : a->index > b->index;
}

int rules_index(struct rule_set *rs)
{
	rs->by_dest = calloc(rs->n, sizeof(*rs->by_dest));
	rs->dests = calloc(rs->n, sizeof(*rs->dests));
	if (!rs->by_dest || !rs->dests)
		return -ENOMEM;
	for (size_t i = 0; i < rs->n; i++)
		rs->by_dest[i] = &rs->rules[i];
	qsort(rs->by_dest, rs->n, sizeof(struct rule_full *), compare_for_dest);
	for (size_t i = 0; i < rs->n; i++) {
		const char *arn = rs->by_dest[i]->rule.dest_arn;

		if (i == 0 || strcmp(arn, rs->dests[rs->n_dests - 1].arn) != 0)
			rs->dests[rs->n_dests++] =
				(struct rules_dest){ .arn = arn, .rules = &rs->by_dest[i] };
		rs->dests[rs->n_dests - 1].n++;
	}
	return 0;
}

bool rules_prefix_matches(const struct rule *r, const char *key)
{
	return strncmp(key, r->prefix, strlen(r->prefix)) == 0;
}

/* Every tag of the rule, with its value; the object may have more. */
const struct kv_item *rules_tag_missing(const struct rule *r, const struct kv *tags)
{
	for (size_t i = 0; i < r->tags->n; i++) {
		const struct kv_item *need = &r->tags->items[i];
		const char *v = tags ? kv_get(tags, need->name) : NULL;

		if (!v || strcmp(v, need->value) != 0)
			return need;
	}
	return NULL;
}

/* A delete marker is not encrypted, whatever the object was. */
bool rules_sse_matches(const struct rule *r, const struct rules_facts *f)
{
	bool kms = f->sse && !f->delete_marker &&
		   (strcmp(f->sse, "aws:kms") == 0 || strcmp(f->sse, "aws:kms:dsse") == 0);

	return !kms || r->sse_kms;
}

static const struct rule *winner(const struct rules_dest *d, const struct rules_facts *f)
{
	for (size_t i = 0; i < d->n; i++) {
		const struct rule *r = &d->rules[i]->rule;

		if (r->enabled && rules_prefix_matches(r, f->key) &&
		    !rules_tag_missing(r, f->tags) && rules_sse_matches(r, f))
			return r;
	}
	return NULL;
}

size_t rules_match(const struct rule_set *rs, const struct rules_facts *f,
		   const struct rule **ret_rules, size_t max)
{
	size_t n = 0;

	if (f->is_replica)
		return 0;
	for (size_t i = 0; i < rs->n_dests && n < max; i++) {
		const struct rule *r = winner(&rs->dests[i], f);

		/* The winner decides alone: a lower rule that wants the marker gets no turn. */
		if (r && (!f->delete_marker || r->replicate_delete_markers))
			ret_rules[n++] = r;
	}
	return n;
}

/* For an object of which all but the tags is known. */
static bool tags_matter_for(const struct rules_dest *d, const struct rules_facts *f)
{
	for (size_t i = 0; i < d->n; i++) {
		const struct rule *r = &d->rules[i]->rule;

		if (r->enabled && rules_prefix_matches(r, f->key) && rules_sse_matches(r, f))
			return r->tags->n > 0;
	}
	return false;
}

bool rules_tags_matter(const struct rule_set *rs, const char *key)
{
	const struct rules_facts plain = { .key = key }, kms = { .key = key, .sse = "aws:kms" };

	for (size_t i = 0; i < rs->n_dests; i++)
		if (tags_matter_for(&rs->dests[i], &plain) || tags_matter_for(&rs->dests[i], &kms))
			return true;
	return false;
}
