#include "rules/rules.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/codec.h"
#include "base/json.h"
#include "base/xml.h"

#include "rules/rules_i.h"

#define WARNINGS_MAX 100

int rules_fail(struct rules_error *err, const struct doc_node *at, const char *code,
	       const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return -EINVAL;
	*err = (struct rules_error){ .line = at ? at->line : 0, .col = at ? at->col : 0 };
	(void)snprintf(err->code, sizeof(err->code), "%s", code);
	va_start(ap, fmt);
	(void)vsnprintf(err->message, sizeof(err->message), fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static void set_hint(struct rules_error *err, const char *fmt, va_list ap)
{
	if (err)
		(void)vsnprintf(err->hint, sizeof(err->hint), fmt, ap);
}

int rules_malformed(struct rules_error *err, const struct doc_node *at, const char *fmt, ...)
{
	va_list ap;

	(void)rules_fail(err, at, "MalformedXML",
			 "The XML you provided was not well-formed or did not validate"
			 " against our published schema");
	va_start(ap, fmt);
	set_hint(err, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

int rules_hint(struct rules_error *err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set_hint(err, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

int rules_warn(struct rule_set *rs, const struct doc_node *at, const char *fmt, ...)
{
	auto_with(buf_free) struct buf b;
	char **grown;
	va_list ap;
	int r;

	buf_init(&b, BUF_LIMIT_SMALL);
	if (rs->n_warnings >= WARNINGS_MAX)
		return 0;
	if (at->line > 0)
		buf_addf(&b, "line %d: ", at->line);
	va_start(ap, fmt);
	buf_addv(&b, fmt, ap);
	va_end(ap);
	grown = reallocarray(rs->warnings, rs->n_warnings + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	rs->warnings = grown;
	r = buf_take(&b, &rs->warnings[rs->n_warnings], NULL);
	if (r < 0)
		return -ENOMEM;
	rs->n_warnings++;
	return 0;
}

static void rules_free(struct rule_set *rs)
{
	for (size_t i = 0; i < rs->n; i++)
		kv_free(&rs->rules[i].tags);
	for (size_t i = 0; i < rs->n_warnings; i++)
		free(rs->warnings[i]);
	free(rs->warnings);
	free(rs->rules);
	free(rs->by_dest);
	free(rs->dests);
	doc_free(rs->doc);
	free(rs);
}

static int rules_read_doc(const char *text, size_t len, bool json, struct doc_node **ret_doc,
			  struct rules_error *err)
{
	struct doc_error de = { .line = 0 };
	struct doc_node at = { .line = 0 };
	char shown[150];
	int r;

	r = json ? json_read(text, len, ret_doc, &de) : xml_read(text, len, ret_doc, &de);
	if (r == -E2BIG) {
		(void)rules_fail(err, NULL, "MaxMessageLengthExceeded",
				 "Your request was too big.");
		return rules_hint(err, "too many elements, or too deep");
	}
	if (r == 0 || r == -ENOMEM)
		return r;
	at.line = de.line;
	at.col = de.line > 0 ? max_of(de.col, 1) : 0;
	return rules_malformed(err, &at, "%s", printable(de.message, shown, sizeof(shown)));
}

static int rules_fill(struct rule_set *rs, const char *text, size_t len, struct rules_error *err)
{
	static const char bom[] = "\xef\xbb\xbf";
	const struct doc_node *conf = NULL;
	bool json;
	size_t i;
	int r;

	if (len > RULES_MAX_BYTES) {
		(void)rules_fail(err, NULL, "MaxMessageLengthExceeded",
				 "Your request was too big.");
		return rules_hint(err, "a replication configuration has at most 2 MiB");
	}
	if (len >= 3 && memcmp(text, bom, 3) == 0) {
		text += 3;
		len -= 3;
	}
	for (i = 0; i < len && strchr(" \t\r\n", text[i]) && text[i]; i++)
		;
	if (i == len)
		return rules_malformed(err, NULL, "the document is empty");
	json = text[i] == '{';
	r = rules_read_doc(text, len, json, &rs->doc, err);
	if (r < 0)
		return r;
	r = rules_tidy(rs, json, &conf, err);
	if (r < 0)
		return r;
	r = rules_read(rs, conf, err);
	return r < 0 ? r : rules_index(rs);
}

int rules_none(struct rule_set **ret_rs)
{
	struct rule_set *rs = calloc(1, sizeof(*rs));

	if (!rs)
		return -ENOMEM;
	atomic_init(&rs->refs, 1);
	*ret_rs = rs;
	return 0;
}

enum mode { PLAIN, STRICT, STORED };

static int parse(const char *text, size_t len, enum mode mode, struct rule_set **ret_rs,
		 struct rules_error *ret_err)
{
	struct rule_set *rs;
	int r = rules_none(&rs);

	if (r < 0)
		return r;
	rs->stored = mode == STORED;
	rs->strict = mode == STRICT;
	r = rules_fill(rs, text, len, ret_err);
	if (r < 0) {
		rules_free(rs);
		return r;
	}
	*ret_rs = rs;
	return 0;
}

int rules_parse(const char *text, size_t len, struct rule_set **ret_rs, struct rules_error *ret_err)
{
	return parse(text, len, PLAIN, ret_rs, ret_err);
}

int rules_parse_strict(const char *text, size_t len, struct rule_set **ret_rs,
		       struct rules_error *ret_err)
{
	return parse(text, len, STRICT, ret_rs, ret_err);
}

int rules_parse_stored(const char *text, size_t len, struct rule_set **ret_rs,
		       struct rules_error *ret_err)
{
	return parse(text, len, STORED, ret_rs, ret_err);
}

struct rule_set *rules_ref(struct rule_set *rs)
{
	if (rs)
		atomic_fetch_add(&rs->refs, 1);
	return rs;
}

void rules_unref(struct rule_set *rs)
{
	if (rs && atomic_fetch_sub(&rs->refs, 1) == 1)
		rules_free(rs);
}

size_t rules_warning_count(const struct rule_set *rs)
{
	return rs->n_warnings;
}

const char *rules_warning(const struct rule_set *rs, size_t i)
{
	return i < rs->n_warnings ? rs->warnings[i] : NULL;
}

const char *rules_role(const struct rule_set *rs)
{
	return rs->role;
}

size_t rules_count(const struct rule_set *rs)
{
	return rs->n;
}

const struct rule *rules_get(const struct rule_set *rs, size_t i)
{
	return i < rs->n ? &rs->rules[i].rule : NULL;
}

size_t rules_dest_count(const struct rule_set *rs)
{
	return rs->n_dests;
}

const char *rules_dest(const struct rule_set *rs, size_t i)
{
	return i < rs->n_dests ? rs->dests[i].arn : NULL;
}
