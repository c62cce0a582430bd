#include "s3/lifecycle.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/doc.h"
#include "base/kv.h"
#include "base/xml.h"

#define ROOT	 "LifecycleConfiguration"
#define ROOT_END "</" ROOT
#define HEAD                                                                                       \
	"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"                                             \
	"<" ROOT " xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"

/* --- filters ---------------------------------------------------------------------------------- */

/* All that an object must have. Strings borrowed from the document. */
struct filter {
	const char *prefix;	      /* "" = any */
	const char *larger, *smaller; /* ObjectSizeGreaterThan, ObjectSizeLessThan; NULL */
	struct kv tags;
};

static void filter_free(struct filter *f)
{
	kv_free(&f->tags);
}

static int read_tags(const struct doc_node *n, struct kv *tags)
{
	for (const struct doc_node *t = doc_child(n, "Tag"); t; t = doc_next_same(t)) {
		const char *key = doc_text(t, "Key"), *value = doc_text(t, "Value");
		int r = kv_set(tags, key ? key : "", value ? value : "");

		if (r)
			return r;
	}
	return 0;
}

/* The three forms: Prefix in the rule itself; one condition in Filter; several in Filter/And. */
static int read_filter(const struct doc_node *rule, struct filter *f)
{
	const struct doc_node *n = doc_child(rule, "Filter");

	if (!n)
		n = rule;
	else if (doc_child(n, "And"))
		n = doc_child(n, "And");
	f->prefix = doc_text(n, "Prefix");
	if (!f->prefix)
		f->prefix = "";
	f->larger = doc_text(n, "ObjectSizeGreaterThan");
	f->smaller = doc_text(n, "ObjectSizeLessThan");
	return read_tags(n, &f->tags);
}

static bool same_or_absent(const char *a, const char *b)
{
	return !a || (b && strcmp(a, b) == 0);
}

/* Has whatever b selects been selected by a? Sizes are only compared for being the same. */
static bool covers(const struct filter *a, const struct filter *b)
{
	if (strncmp(a->prefix, b->prefix, strlen(a->prefix)) != 0 ||
	    !same_or_absent(a->larger, b->larger) || !same_or_absent(a->smaller, b->smaller))
		return false;
	for (size_t i = 0; i < a->tags.n; i++)
		if (!same_or_absent(a->tags.items[i].value,
				    kv_get(&b->tags, a->tags.items[i].name)))
			return false;
	return true;
}

static int say_filter(const struct filter *f, struct buf *b)
{
	buf_adds(b, *f->prefix ? "objects under '" : "all objects");
	if (*f->prefix)
		buf_addf(b, "%s'", f->prefix);
	for (size_t i = 0; i < f->tags.n; i++)
		buf_addf(b, "%s %s=%s", i ? " and" : " tagged", f->tags.items[i].name,
			 f->tags.items[i].value);
	if (f->larger)
		buf_addf(b, ", over %s bytes", f->larger);
	if (f->smaller)
		buf_addf(b, ", under %s bytes", f->smaller);
	return b->error;
}

/* --- what is there ---------------------------------------------------------------------------- */

static bool is_enabled(const struct doc_node *rule)
{
	const char *status = doc_text(rule, "Status");

	return status && strcmp(status, "Enabled") == 0;
}

/* One that removes old delete markers is no matter of versions. */
static bool expires(const struct doc_node *rule)
{
	const struct doc_node *e = doc_child(rule, "Expiration");

	return doc_child(e, "Days") || doc_child(e, "Date");
}

/* Does an enabled rule have this action for all that f selects? */
static int is_covered(const struct doc_node *root, const char *action, const struct filter *f,
		      bool *ret_is)
{
	*ret_is = false;
	for (const struct doc_node *n = doc_child(root, "Rule"); n && !*ret_is;
	     n = doc_next_same(n)) {
		auto_with(filter_free) struct filter g = { .prefix = "" };
		int r;

		if (!is_enabled(n) || !doc_child(n, action))
			continue;
		r = read_filter(n, &g);
		if (r)
			return r;
		*ret_is = covers(&g, f);
	}
	return 0;
}

/* ret_root NULL: no configuration. */
static int read_root(const char *xml, size_t n, struct doc_node **ret_root, char *why)
{
	struct doc_error e = { .message = "" };
	struct doc_node *root = NULL;
	int r = n ? xml_read(xml, n, &root, &e) : 0;

	if (r == -ENOMEM)
		return r;
	if (r) {
		snprintf(why, LIFECYCLE_WHY, "line %d: %s", e.line, e.message);
		return -EINVAL;
	}
	if (root && strcmp(root->name, ROOT) != 0) {
		snprintf(why, LIFECYCLE_WHY, "the document is no " ROOT);
		doc_free(root);
		return -EINVAL;
	}
	*ret_root = root;
	return 0;
}

/* --- each gap --------------------------------------------------------------------------------- */

struct gap {
	enum lifecycle_gap_kind kind;
	const struct doc_node *rule; /* NULL: GAP_UPLOADS */
	const struct filter *filter;
};

typedef int gap_fn(void *arg, const struct gap *g);

static int each_gap_of_rule(const struct doc_node *root, const struct doc_node *rule, gap_fn *fn,
			    void *arg)
{
	const struct {
		enum lifecycle_gap_kind kind;
		bool has;
		const char *lacks;
	} actions[] = {
		{ GAP_EXPIRATION, expires(rule), "NoncurrentVersionExpiration" },
		{ GAP_TRANSITION, doc_child(rule, "Transition"), "NoncurrentVersionTransition" },
	};
	auto_with(filter_free) struct filter f = { .prefix = "" };
	int r = read_filter(rule, &f);

	for (size_t i = 0; !r && i < array_size(actions); i++) {
		const struct gap g = { actions[i].kind, rule, &f };
		bool covered = true;

		if (actions[i].has)
			r = is_covered(root, actions[i].lacks, &f, &covered);
		if (!r && !covered)
			r = fn(arg, &g);
	}
	return r;
}

static int each_gap(const struct doc_node *root, gap_fn *fn, void *arg)
{
	const struct filter all = { .prefix = "" };
	const struct gap uploads = { GAP_UPLOADS, NULL, &all };
	bool covered;
	int r = 0;

	for (const struct doc_node *n = doc_child(root, "Rule"); n && !r; n = doc_next_same(n))
		if (is_enabled(n))
			r = each_gap_of_rule(root, n, fn, arg);
	r = r ? r : is_covered(root, "AbortIncompleteMultipartUpload", &all, &covered);
	return r || covered ? r : fn(arg, &uploads);
}

static const char *rule_id(const struct doc_node *rule)
{
	const char *id = rule ? doc_text(rule, "ID") : NULL;

	return id ? id : "";
}

void lifecycle_gaps_free(struct lifecycle_gaps *g)
{
	for (size_t i = 0; i < g->n; i++) {
		free(g->items[i].rule);
		free(g->items[i].what);
	}
	free(g->items);
	*g = (struct lifecycle_gaps){ 0 };
}

bool lifecycle_has_gap(const struct lifecycle_gaps *g, enum lifecycle_gap_kind kind)
{
	for (size_t i = 0; i < g->n; i++)
		if (g->items[i].kind == kind)
			return true;
	return false;
}

static int note_gap(void *arg, const struct gap *g)
{
	struct lifecycle_gaps *gaps = arg;
	struct lifecycle_gap *grown = reallocarray(gaps->items, gaps->n + 1, sizeof(*grown));
	auto_with(buf_free) struct buf what;
	int r;

	buf_init(&what, BUF_LIMIT_SMALL);
	if (!grown)
		return -ENOMEM;
	gaps->items = grown;
	grown[gaps->n] = (struct lifecycle_gap){ .kind = g->kind };
	grown += gaps->n++;
	r = str_dup(rule_id(g->rule), &grown->rule);
	r = r ? r : say_filter(g->filter, &what);
	return r ? r : buf_take(&what, &grown->what, NULL);
}

int lifecycle_find_gaps(const char *xml, size_t n, struct lifecycle_gaps *ret_g, char *why)
{
	auto_with(doc_free_ptr) struct doc_node *root = NULL;
	auto_with(lifecycle_gaps_free) struct lifecycle_gaps g = { 0 };
	int r = read_root(xml, n, &root, why);

	r = r ? r : each_gap(root, note_gap, &g);
	if (r)
		return r;
	*ret_g = g;
	g = (struct lifecycle_gaps){ 0 };
	return 0;
}

/* --- new rules -------------------------------------------------------------------------------- */

struct extending {
	const struct doc_node *root;
	const struct lifecycle_days *days;
	unsigned made; /* so far: their number is in their id */
	struct buf *rules;
};

static bool has_id(const struct doc_node *root, const char *id)
{
	for (const struct doc_node *n = doc_child(root, "Rule"); n; n = doc_next_same(n))
		if (strcmp(rule_id(n), id) == 0)
			return true;
	return false;
}

/* IDs are unique in a configuration. */
static void add_id(struct extending *x)
{
	char id[32];

	do
		snprintf(id, sizeof(id), "crrfs-%u", ++x->made);
	while (has_id(x->root, id));
	xml_elem(x->rules, "ID", id);
}

static void add_tag(struct buf *b, const struct kv_item *tag)
{
	buf_adds(b, "<Tag>");
	xml_elem(b, "Key", tag->name);
	xml_elem(b, "Value", tag->value);
	buf_adds(b, "</Tag>");
}

/* One condition stands alone in Filter, several in And; none is an empty prefix. */
static void add_filter(struct buf *b, const struct filter *f)
{
	size_t n = f->tags.n + (*f->prefix != 0) + (f->larger != NULL) + (f->smaller != NULL);

	buf_adds(b, n > 1 ? "<Filter><And>" : "<Filter>");
	xml_elem(b, "Prefix", *f->prefix || !n ? f->prefix : NULL);
	for (size_t i = 0; i < f->tags.n; i++)
		add_tag(b, &f->tags.items[i]);
	xml_elem(b, "ObjectSizeGreaterThan", f->larger);
	xml_elem(b, "ObjectSizeLessThan", f->smaller);
	buf_adds(b, n > 1 ? "</And></Filter>" : "</Filter>");
}

static void add_action(struct buf *b, const char *action, const char *element, unsigned days)
{
	buf_addf(b, "<%s><%s>%u</%s></%s>", action, element, days, element, action);
}

/* Servers refuse Prefix beside Filter: the new rule has the form of the old ones. */
static int add_rule(void *arg, const struct gap *g)
{
	struct extending *x = arg;
	const struct doc_node *like = g->rule ? g->rule : doc_child(x->root, "Rule");
	struct buf *b = x->rules;

	if (g->kind == GAP_TRANSITION || !(g->rule ? x->days->noncurrent : x->days->uploads))
		return 0;
	buf_adds(b, "<Rule>");
	add_id(x);
	if (like && !doc_child(like, "Filter"))
		xml_elem(b, "Prefix", g->filter->prefix);
	else
		add_filter(b, g->filter);
	buf_adds(b, "<Status>Enabled</Status>");
	if (g->kind == GAP_EXPIRATION)
		add_action(b, "NoncurrentVersionExpiration", "NoncurrentDays", x->days->noncurrent);
	else
		add_action(b, "AbortIncompleteMultipartUpload", "DaysAfterInitiation",
			   x->days->uploads);
	return buf_adds(b, "</Rule>\n");
}

/* Where the last end tag of the root begins; NULL: <LifecycleConfiguration/>. */
static const char *find_end(const char *xml, size_t n)
{
	const char *end = NULL, *p = xml;

	while ((p = memmem(p, n - (size_t)(p - xml), ROOT_END, strlen(ROOT_END))))
		end = p++;
	return end;
}

int lifecycle_extend(const char *xml, size_t n, const struct lifecycle_days *days, struct buf *out,
		     struct buf *ret_rules, char *why)
{
	auto_with(doc_free_ptr) struct doc_node *root = NULL;
	struct extending x = { .days = days, .rules = ret_rules };
	const char *end;
	int r = read_root(xml, n, &root, why);

	if (r)
		return r;
	x.root = root;
	r = each_gap(root, add_rule, &x);
	if (r)
		return r;
	end = doc_child(root, "Rule") ? find_end(xml, n) : NULL;
	if (doc_child(root, "Rule") && !end) {
		snprintf(why, LIFECYCLE_WHY,
			 "the end of the configuration is not where it should be");
		return -EINVAL;
	}
	if (!ret_rules->len)
		return buf_add(out, xml, n);
	buf_add(out, end ? xml : HEAD, end ? (size_t)(end - xml) : strlen(HEAD));
	buf_add(out, ret_rules->data, ret_rules->len);
	return end ? buf_add(out, end, n - (size_t)(end - xml)) : buf_adds(out, ROOT_END ">\n");
}
