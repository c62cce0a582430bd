/* explain.c - why each rule acts for an object or not. */
#include "base/codec.h"

#include "rules/rules_i.h"

/* What the rule by itself says of the object; the other rules for its destination come later. */
static void judge_alone(const struct rules_facts *f, bool tags_known, struct rules_verdict *v)
{
	const struct rule *r = v->rule;
	const struct kv_item *missing = tags_known ? rules_tag_missing(r, f->tags) : NULL;

	v->why = RULES_ACTS;
	if (!r->enabled) {
		v->why = RULES_DISABLED;
	} else if (f->is_replica) {
		v->why = RULES_OF_REPLICA;
	} else if (!rules_prefix_matches(r, f->key)) {
		v->why = RULES_OTHER_PREFIX;
	} else if (!rules_sse_matches(r, f)) {
		v->why = RULES_OTHER_SSE;
	} else if (missing) {
		v->why = RULES_OTHER_TAG;
		v->tag = missing->name;
		v->tag_has = f->tags ? kv_get(f->tags, missing->name) : NULL;
	} else if (!tags_known && r->tags->n > 0) {
		v->why = RULES_TAGS_UNKNOWN;
	}
}

/* The rules of one destination, greatest priority first: the first that matches decides, and all
 * below it have no say; below one that perhaps matches they perhaps have none. */
static struct rules_verdict judge(const struct rules_dest *d, size_t at,
				  const struct rules_facts *f, bool tags_known)
{
	struct rules_verdict v = { .rule = &d->rules[at]->rule }, higher;

	judge_alone(f, tags_known, &v);
	if (v.why != RULES_ACTS && v.why != RULES_TAGS_UNKNOWN)
		return v;
	for (size_t i = 0; i < at; i++) {
		higher = (struct rules_verdict){ .rule = &d->rules[i]->rule };
		judge_alone(f, tags_known, &higher);
		if (higher.why == RULES_ACTS) {
			v.why = RULES_LOWER;
			v.other = higher.rule;
			return v;
		}
		if (higher.why == RULES_TAGS_UNKNOWN && !v.other)
			v.other = higher.rule;
	}
	if (f->delete_marker && !v.rule->replicate_delete_markers)
		v.why = RULES_NO_MARKERS;
	else if (v.other && v.why == RULES_ACTS)
		v.why = RULES_MAYBE_LOWER;
	return v;
}

size_t rules_explain(const struct rule_set *rs, const struct rules_facts *f, bool tags_known,
		     struct rules_verdict *ret_v, size_t max)
{
	for (size_t i = 0; i < rs->n_dests; i++) {
		const struct rules_dest *d = &rs->dests[i];

		for (size_t k = 0; k < d->n; k++)
			if (d->rules[k]->index < max)
				ret_v[d->rules[k]->index] = judge(d, k, f, tags_known);
	}
	return rs->n;
}

static void add_action(struct buf *b, const struct rule *r)
{
	char shown[300];

	buf_adds(b, "acts");
	if (r->storage_class)
		buf_addf(b, ", class %s", r->storage_class);
	if (r->owner_override)
		buf_addf(b, ", owner %s", printable(r->account, shown, sizeof(shown)));
	if (r->sse_kms)
		buf_addf(b, ", key %s", printable(r->kms_key_id, shown, sizeof(shown)));
}

static void add_tag(struct buf *b, const struct rules_verdict *v)
{
	char name[600], value[600];

	buf_addf(b, "tag %s is ", printable(v->tag, name, sizeof(name)));
	if (v->tag_has)
		buf_addf(b, "'%s', not ", printable(v->tag_has, value, sizeof(value)));
	else
		buf_adds(b, "missing; it must be ");
	buf_addf(b, "'%s'", printable(kv_get(v->rule->tags, v->tag), value, sizeof(value)));
}

static void add_why(struct buf *b, const struct rules_verdict *v)
{
	char shown[1200];

	switch (v->why) {
	case RULES_ACTS: add_action(b, v->rule); break;
	case RULES_DISABLED: buf_adds(b, "disabled"); break;
	case RULES_OF_REPLICA:
		buf_adds(b, "the object is a replica, and those are not replicated again");
		break;
	case RULES_OTHER_PREFIX:
		buf_addf(b, "the key does not begin with '%s'",
			 printable(v->rule->prefix, shown, sizeof(shown)));
		break;
	case RULES_OTHER_TAG: add_tag(b, v); break;
	case RULES_TAGS_UNKNOWN: buf_adds(b, "it depends on tags that are not known"); break;
	case RULES_OTHER_SSE:
		buf_adds(b, "the object is encrypted with a KMS key, and the rule does not select"
			    " SseKmsEncryptedObjects");
		break;
	case RULES_LOWER:
		buf_addf(b, "rule '%s' has the greater priority (%d) for this destination",
			 printable(v->other->id, shown, sizeof(shown)), (int)v->other->priority);
		break;
	case RULES_MAYBE_LOWER:
		buf_addf(b,
			 "acts, unless the object has the tags of rule '%s', which has the greater"
			 " priority (%d)",
			 printable(v->other->id, shown, sizeof(shown)), (int)v->other->priority);
		break;
	case RULES_NO_MARKERS: buf_adds(b, "it does not replicate delete markers"); break;
	}
}

int rules_verdict_text(const struct rules_verdict *v, struct buf *out)
{
	char shown[600];

	buf_addf(out, "rule '%s'", printable(v->rule->id, shown, sizeof(shown)));
	if (v->rule->v2)
		buf_addf(out, " (priority %d)", (int)v->rule->priority);
	buf_addf(out, " -> %s: ", v->rule->dest_arn);
	add_why(out, v);
	return out->error;
}
