/* describe.c - a rule in plain words. */
#include <stdio.h>

#include "base/codec.h"

#include "rules/rules_i.h"

static void add_quoted(struct buf *b, const char *s)
{
	char shown[1200];

	buf_addf(b, "\"%s\"", printable(s, shown, sizeof(shown)));
}

static void add_objects(struct buf *b, const struct rule *r)
{
	char shown[600];

	if (!r->prefix[0] && r->tags->n == 0) {
		buf_adds(b, "all objects");
		return;
	}
	buf_adds(b, "objects");
	if (r->prefix[0]) {
		buf_adds(b, " under ");
		add_quoted(b, r->prefix);
	}
	for (size_t i = 0; i < r->tags->n; i++) {
		const struct kv_item *t = &r->tags->items[i];

		buf_adds(b, i == 0 ? " tagged " : " and ");
		buf_adds(b, printable(t->name, shown, sizeof(shown)));
		buf_addf(b, "=%s", printable(t->value, shown, sizeof(shown)));
	}
}

/* "(" before the first, ", " before the others */
static void add_note(struct buf *b, bool *open, const char *text)
{
	buf_addf(b, "%s%s", *open ? ", " : " (", text);
	*open = true;
}

static void add_notes(struct buf *b, const struct rule *r)
{
	bool open = false;
	char text[400], shown[300];

	if (r->replicate_delete_markers)
		add_note(b, &open, "delete markers too");
	if (r->v2) {
		(void)snprintf(text, sizeof(text), "priority %d", (int)r->priority);
		add_note(b, &open, text);
	}
	if (r->storage_class) {
		(void)snprintf(text, sizeof(text), "as %s", r->storage_class);
		add_note(b, &open, text);
	}
	if (r->owner_override) {
		(void)snprintf(text, sizeof(text), "owned by %s",
			       printable(r->account, shown, sizeof(shown)));
		add_note(b, &open, text);
	}
	if (r->sse_kms) {
		(void)snprintf(text, sizeof(text), "KMS-encrypted objects too, with key %s",
			       printable(r->kms_key_id, shown, sizeof(shown)));
		add_note(b, &open, text);
	}
	if (r->replica_modifications)
		add_note(b, &open, "changes to replicas sent back");
	if (r->threshold_minutes) {
		(void)snprintf(text, sizeof(text), "within %d minutes", (int)r->threshold_minutes);
		add_note(b, &open, text);
	}
	if (r->metrics)
		add_note(b, &open, "with metrics");
	if (open)
		buf_addc(b, ')');
}

int rules_describe(const struct rule *r, struct buf *out)
{
	const struct rule_full *full = (const struct rule_full *)r;
	char shown[600];

	buf_addf(out, "%zu. %s%s: ", full->index + 1, printable(r->id, shown, sizeof(shown)),
		 r->enabled ? "" : " (disabled)");
	add_objects(out, r);
	buf_addf(out, " -> bucket %s", r->dest_bucket);
	add_notes(out, r);
	return out->error;
}
