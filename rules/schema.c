/*
 * schema.c - the shape of a ReplicationConfiguration, as a table, and the pass that brings a
 * document into it.
 *
 * What differs between files is settled here once: JSON's plural names, nulls, unknown elements,
 * blanks around words, and two mistakes that stand in the examples of the S3 Developer Guide
 * (replication-add-config): <Tag> inside <Tag>, and Metrics and ReplicationTime beside Destination
 * instead of in it.
 *
 * An unknown element is ignored with a warning, but not where it would widen what a rule selects: a
 * misspelt <prefix> in a Filter must not become "all objects". A strict set has neither unknown
 * elements nor mistakes.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/codec.h"

#include "rules/rules_i.h"

enum kind {
	GROUP,	/* elements only */
	TEXT,	/* taken as it is: every blank counts */
	WORD,	/* text; blanks around it do not count */
	NUMBER, /* a whole number, of any size */
};

enum {
	MANY = 1,   /* may repeat */
	CLOSED = 2, /* an unknown child is an error */
};

struct schema {
	const char *name;
	const char *json_name; /* where JSON has another; name is its beginning */
	enum kind kind;
	int flags;
	const struct schema *children; /* of a GROUP; ends with a NULL name */
	/* before the children are looked at */
	int (*mend)(struct rule_set *rs, struct doc_node *n, struct rules_error *err);
};

static int mend_and(struct rule_set *rs, struct doc_node *n, struct rules_error *err);
static int mend_rule(struct rule_set *rs, struct doc_node *n, struct rules_error *err);

#define END                                                                                        \
	{                                                                                          \
		.name = NULL                                                                       \
	}

static const struct schema status_only[] = { { .name = "Status", .kind = WORD }, END };

static const struct schema in_tag[] = { { .name = "Key", .kind = TEXT },
					{ .name = "Value", .kind = TEXT },
					END };

static const struct schema in_and[] = {
	{ .name = "Prefix", .kind = TEXT },
	{ .name = "Tag", .json_name = "Tags", .flags = MANY | CLOSED, .children = in_tag },
	END
};

static const struct schema in_filter[] = {
	{ .name = "Prefix", .kind = TEXT },
	{ .name = "Tag", .flags = CLOSED, .children = in_tag },
	{ .name = "And", .flags = CLOSED, .children = in_and, .mend = mend_and },
	END
};

static const struct schema in_criteria[] = {
	{ .name = "SseKmsEncryptedObjects", .children = status_only },
	{ .name = "ReplicaModifications", .children = status_only },
	END
};

static const struct schema in_acl[] = { { .name = "Owner", .kind = WORD }, END };
static const struct schema in_encryption[] = { { .name = "ReplicaKmsKeyID", .kind = WORD }, END };
static const struct schema minutes_only[] = { { .name = "Minutes", .kind = NUMBER }, END };

static const struct schema in_time[] = { { .name = "Status", .kind = WORD },
					 { .name = "Time", .children = minutes_only },
					 END };

static const struct schema in_metrics[] = { { .name = "Status", .kind = WORD },
					    { .name = "EventThreshold", .children = minutes_only },
					    END };

static const struct schema in_destination[] = {
	{ .name = "Bucket", .kind = WORD },
	{ .name = "Account", .kind = WORD },
	{ .name = "StorageClass", .kind = WORD },
	{ .name = "AccessControlTranslation", .children = in_acl },
	{ .name = "EncryptionConfiguration", .children = in_encryption },
	{ .name = "ReplicationTime", .children = in_time },
	{ .name = "Metrics", .children = in_metrics },
	END
};

static const struct schema in_rule[] = {
	{ .name = "ID", .kind = TEXT },
	{ .name = "Priority", .kind = NUMBER },
	{ .name = "Prefix", .kind = TEXT },
	{ .name = "Filter", .flags = CLOSED, .children = in_filter },
	{ .name = "Status", .kind = WORD },
	{ .name = "SourceSelectionCriteria", .children = in_criteria },
	{ .name = "ExistingObjectReplication", .children = status_only },
	{ .name = "Destination", .children = in_destination },
	{ .name = "DeleteMarkerReplication", .children = status_only },
	END
};

static const struct schema in_configuration[] = { { .name = "Role", .kind = WORD },
						  { .name = "Rule",
						    .json_name = "Rules",
						    .flags = MANY,
						    .children = in_rule,
						    .mend = mend_rule },
						  END };

static const struct schema configuration = { .name = "ReplicationConfiguration",
					     .children = in_configuration };
static const struct schema in_wrapper[] = {
	{ .name = "ReplicationConfiguration", .children = in_configuration }, END
};
static const struct schema wrapper = { .name = "the document", .children = in_wrapper };

static struct doc_node *find(struct doc_node *n, const char *name)
{
	struct doc_node *c;

	for (c = n->first; c && strcmp(c->name, name) != 0; c = c->next)
		;
	return c;
}

/*
 * All editing takes a node's children off and gives back those that stay, so that first, last and
 * next are right at every moment and nothing is lost on the way out of an error.
 */
static struct doc_node *take_children(struct doc_node *n)
{
	struct doc_node *list = n->first;

	n->first = n->last = NULL;
	return list;
}

static struct doc_node *pop(struct doc_node **list)
{
	struct doc_node *n = *list;

	*list = n->next;
	n->next = NULL;
	return n;
}

static void append(struct doc_node *parent, struct doc_node *n)
{
	if (parent->last)
		parent->last->next = n;
	else
		parent->first = n;
	parent->last = n;
}

/* <And><Tag><Tag>..</Tag><Tag>..</Tag></Tag></And>: the inner ones take the place of the outer. */
static int mend_and(struct rule_set *rs, struct doc_node *n, struct rules_error *err)
{
	struct doc_node *list = take_children(n);
	int r = 0;

	while (list) {
		struct doc_node *c = pop(&list), *inner;

		if (r < 0 || strcmp(c->name, "Tag") != 0 || !find(c, "Tag") || find(c, "Key") ||
		    find(c, "Value")) {
			append(n, c);
			continue;
		}
		r = rs->strict ? rules_malformed(err, c, "Tag inside Tag")
			       : rules_warn(rs, c, "Tag inside Tag read as Tag");
		inner = take_children(c);
		while (inner)
			append(n, pop(&inner));
		doc_free(c);
	}
	return r;
}

static bool belongs_in_destination(const struct doc_node *n)
{
	return strcmp(n->name, "Metrics") == 0 || strcmp(n->name, "ReplicationTime") == 0;
}

/* Metrics and ReplicationTime that stand in Rule move into a Destination that has none. */
static int mend_rule(struct rule_set *rs, struct doc_node *n, struct rules_error *err)
{
	struct doc_node *dest = find(n, "Destination"), *list;
	int r = 0;

	if (!dest)
		return 0;
	list = take_children(n);
	while (list) {
		struct doc_node *c = pop(&list);

		if (r == 0 && belongs_in_destination(c) && !find(dest, c->name)) {
			r = rs->strict
				    ? rules_malformed(err, c, "%s belongs in Destination", c->name)
				    : rules_warn(rs, c,
						 "%s belongs in Destination; read as if it stood "
						 "there",
						 c->name);
			append(dest, c);
		} else {
			append(n, c);
		}
	}
	return r;
}

static void trim(char *s)
{
	static const char blank[] = " \t\r\n";
	size_t start = strspn(s, blank), n = strlen(s + start);

	while (n > 0 && strchr(blank, s[start + n - 1]))
		n--;
	memmove(s, s + start, n);
	s[n] = '\0';
}

/* JSON can say characters that XML 1.0 cannot, and what is read here must be writable as XML. */
static bool text_writable(const char *s)
{
	for (const unsigned char *p = (const unsigned char *)s; *p; p++) {
		if (*p < 0x20 && *p != '\t' && *p != '\n' && *p != '\r')
			return false;
		if (p[0] == 0xef && p[1] == 0xbf && (p[2] == 0xbe || p[2] == 0xbf))
			return false;
	}
	return true;
}

static bool text_is_number(const char *s)
{
	s += *s == '-';
	return *s && strspn(s, "0123456789") == strlen(s);
}

static int tidy_text(struct doc_node *n, const struct schema *s, struct rules_error *err)
{
	if (n->first || n->kind == DOC_OBJECT || n->empty_array)
		return rules_malformed(err, n, "%s holds text, not other elements", s->name);
	if (!text_writable(n->text))
		return rules_malformed(err, n, "%s has a character that XML does not allow",
				       s->name);
	if (s->kind != TEXT)
		trim(n->text);
	if (s->kind == NUMBER && !text_is_number(n->text))
		return rules_malformed(err, n, "%s must be a whole number", s->name);
	return 0;
}

static const struct schema *schema_of(const struct schema *s, struct doc_node *n, bool json)
{
	const struct schema *c;

	for (c = s->children; c->name; c++) {
		if (json && c->json_name && strcmp(n->name, c->json_name) == 0)
			n->name[strlen(c->name)] = '\0';
		if (strcmp(n->name, c->name) == 0)
			return c;
	}
	return NULL;
}

/* What other servers add to the schema, and what S3 has in its place. */
static const char *foreign(const char *name)
{
	static const struct {
		const char *name, *words;
	} known[] = {
		{ "DeleteReplication", ": MinIO's; the removal of a version is never replicated" },
		{ "Source", ": Ceph's; objects are selected by Filter" },
		{ "Zone", ": Ceph's; where a bucket is does not stand in the rules" },
		{ "TagSet", ": it stands in object tagging; here each Tag stands by itself" },
	};

	for (size_t i = 0; i < array_size(known); i++)
		if (strcmp(name, known[i].name) == 0)
			return known[i].words;
	return "";
}

static int unknown_node(struct rule_set *rs, const struct schema *s, const struct doc_node *n,
			struct rules_error *err)
{
	char shown[64];

	(void)printable(n->name, shown, sizeof(shown));
	if ((s->flags & CLOSED) || rs->strict)
		return rules_malformed(err, n, "unknown element '%s' in %s%s", shown, s->name,
				       foreign(n->name));
	return rules_warn(rs, n, "unknown element '%s' in %s ignored%s", shown, s->name,
			  foreign(n->name));
}

/* Settles the names and throws out nulls and strangers. */
static int tidy_names(struct rule_set *rs, struct doc_node *n, const struct schema *s, bool json,
		      struct rules_error *err)
{
	struct doc_node *list = take_children(n);
	int r = 0;

	while (list) {
		struct doc_node *c = pop(&list);
		const struct schema *cs = schema_of(s, c, json);
		bool absent = c->kind == DOC_NULL || (c->empty_array && cs && (cs->flags & MANY));

		if (!absent && !cs && r == 0)
			r = unknown_node(rs, s, c, err);
		if (absent || !cs)
			doc_free(c);
		else
			append(n, c);
	}
	return r;
}

static int tidy(struct rule_set *rs, struct doc_node *n, const struct schema *s, bool json,
		struct rules_error *err)
{
	int r;

	if (s->kind != GROUP)
		return tidy_text(n, s, err);
	if (n->empty_array || n->text[strspn(n->text, " \t\r\n")])
		return rules_malformed(err, n, "%s holds elements, not text", s->name);
	r = s->mend ? s->mend(rs, n, err) : 0;
	if (r < 0)
		return r;
	r = tidy_names(rs, n, s, json, err);
	if (r < 0)
		return r;
	for (struct doc_node *c = n->first; c; c = c->next) {
		const struct schema *cs = schema_of(s, c, json);

		assert(cs); /* tidy_names has left no others */
		if (!(cs->flags & MANY) && find(n, c->name) != c)
			return rules_malformed(err, c, "%s stands twice in %s", c->name, s->name);
		r = tidy(rs, c, cs, json, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int rules_tidy(struct rule_set *rs, bool json, const struct doc_node **ret_conf,
	       struct rules_error *err)
{
	struct doc_node *root = rs->doc;
	int r;

	if (json && find(root, configuration.name)) {
		r = tidy(rs, root, &wrapper, json, err);
		if (r < 0)
			return r;
		*ret_conf = find(root, configuration.name);
		return *ret_conf ? 0
				 : rules_malformed(err, root, "ReplicationConfiguration is null");
	}
	if (!json && strcmp(root->name, configuration.name) != 0) {
		char shown[64];

		return rules_malformed(err, root,
				       "the root element is '%s', not ReplicationConfiguration",
				       printable(root->name, shown, sizeof(shown)));
	}
	r = tidy(rs, root, &configuration, json, err);
	if (r < 0)
		return r;
	*ret_conf = root;
	return 0;
}
