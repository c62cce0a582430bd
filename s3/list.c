/* list.c - see list.h. */
#include "s3/list.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "s3/body.h"
#include "s3/verb_i.h"

#define PAGE_OF_ONE_KEY 250

static int set_number(struct kv *query, const char *name, unsigned v)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", v);
	return kv_set(query, name, text);
}

static int set_unless_null(struct kv *query, const char *name, const char *value)
{
	return value ? kv_set(query, name, value) : 0;
}

/* NULL, or words of what is wrong with the page as an answer to this question. */
static const char *check_page(const struct s3_page *p, const char *prefix, const char *delimiter)
{
	size_t len = strlen(prefix);

	for (size_t k = 0; k < p->n; k++) {
		const struct s3_entry *e = &p->entries[k];
		size_t key_len = strlen(e->key), delimiter_len = delimiter ? strlen(delimiter) : 0;

		if (strncmp(e->key, prefix, len) != 0)
			return "the listing has a key that does not start with the prefix";
		if (key_len > S3_KEY_MAX)
			return "the listing has a key that is too long";
		if (!e->is_prefix)
			continue;
		if (!delimiter || key_len < len + delimiter_len ||
		    strcmp(e->key + key_len - delimiter_len, delimiter) != 0)
			return "the listing has a common prefix that does not end in the delimiter";
	}
	return NULL;
}

static int parse_keys(void *page, const struct s3_res *res, char why[S3_WHY])
{
	s3_page_free(page);
	return body_read_keys(buf_str(&res->body), res->body.len, page, why);
}

static int parse_versions(void *page, const struct s3_res *res, char why[S3_WHY])
{
	s3_page_free(page);
	return body_read_versions(buf_str(&res->body), res->body.len, page, why);
}

struct from { /* where a page begins: at most one of them */
	const char *token, *after;
};

static int list_from(struct s3_client *c, const char *prefix, const char *delimiter,
		     const struct from *from, unsigned max, struct s3_page *ret_p,
		     struct s3_error *err)
{
	auto_with(s3_page_free) struct s3_page p = { 0 };
	auto_with(s3_req_free) struct s3_req q = { .op = "ListObjectsV2",
						   .method = "GET",
						   .parse = parse_keys,
						   .parse_arg = &p };
	auto_with(s3_res_free) struct s3_res res = { 0 };
	const char *wrong;
	int rc;

	if ((rc = kv_set(&q.query, "list-type", "2")) != 0 ||
	    (rc = kv_set(&q.query, "encoding-type", "url")) != 0 ||
	    (rc = kv_set(&q.query, "prefix", prefix)) != 0 ||
	    (rc = set_number(&q.query, "max-keys", max)) != 0 ||
	    (rc = set_unless_null(&q.query, "delimiter", delimiter)) != 0 ||
	    (rc = set_unless_null(&q.query, "continuation-token", from->token)) != 0 ||
	    (rc = set_unless_null(&q.query, "start-after", from->after)) != 0 ||
	    (rc = verb_call(c, &q, &res, err)) != 0)
		return rc;
	wrong = check_page(&p, prefix, delimiter);
	if (!wrong && from->token && p.next_token && strcmp(from->token, p.next_token) == 0)
		wrong = "the listing does not move on";
	if (!wrong && from->after && p.n && strcmp(p.entries[0].key, from->after) <= 0)
		wrong = "the listing does not begin where it should";
	if (wrong)
		return verb_bad_answer(&res, wrong, err);
	*ret_p = p;
	memset(&p, 0, sizeof(p));
	return 0;
}

int list_keys(struct s3_client *c, const char *prefix, const char *delimiter, const char *token,
	      unsigned max, struct s3_page *ret_p, struct s3_error *err)
{
	const struct from from = { .token = token };

	return list_from(c, prefix, delimiter, &from, max, ret_p, err);
}

int list_keys_after(struct s3_client *c, const char *prefix, const char *delimiter,
		    const char *after, unsigned max, struct s3_page *ret_p, struct s3_error *err)
{
	const struct from from = { .after = after };

	return list_from(c, prefix, delimiter, &from, max, ret_p, err);
}

static bool same(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

int list_versions(struct s3_client *c, const char *prefix, const char *delimiter,
		  const char *key_marker, const char *version_marker, unsigned max,
		  struct s3_page *ret_p, struct s3_error *err)
{
	auto_with(s3_page_free) struct s3_page p = { 0 };
	auto_with(s3_req_free) struct s3_req q = { .op = "ListObjectVersions",
						   .method = "GET",
						   .parse = parse_versions,
						   .parse_arg = &p };
	auto_with(s3_res_free) struct s3_res res = { 0 };
	const char *wrong;
	int rc;

	if ((rc = kv_set(&q.query, "versions", "")) != 0 ||
	    (rc = kv_set(&q.query, "encoding-type", "url")) != 0 ||
	    (rc = kv_set(&q.query, "prefix", prefix)) != 0 ||
	    (rc = set_number(&q.query, "max-keys", max)) != 0 ||
	    (rc = set_unless_null(&q.query, "delimiter", delimiter)) != 0 ||
	    (rc = set_unless_null(&q.query, "key-marker", key_marker)) != 0 ||
	    (rc = set_unless_null(&q.query, "version-id-marker", version_marker)) != 0 ||
	    (rc = verb_call(c, &q, &res, err)) != 0)
		return rc;
	wrong = check_page(&p, prefix, delimiter);
	if (!wrong && p.truncated && same(key_marker, p.next_key) &&
	    same(version_marker, p.next_version))
		wrong = "the listing does not move on";
	if (wrong)
		return verb_bad_answer(&res, wrong, err);
	*ret_p = p;
	memset(&p, 0, sizeof(p));
	return 0;
}

int list_versions_of(struct s3_client *c, const char *key,
		     int (*fn)(void *arg, const struct s3_entry *e), void *arg,
		     struct s3_error *err)
{
	auto_with(s3_page_free) struct s3_page p = { 0 };

	/* The key itself is the first of all that start with it. */
	do {
		auto_with(s3_page_free) struct s3_page last = p;
		int rc;

		p = (struct s3_page){ 0 };
		rc = list_versions(c, key, NULL, last.next_key, last.next_version, PAGE_OF_ONE_KEY,
				   &p, err);
		if (rc != 0)
			return rc;
		for (size_t k = 0; k < p.n; k++) {
			if (strcmp(p.entries[k].key, key) != 0)
				return 0;
			if ((rc = fn(arg, &p.entries[k])) != 0)
				return rc;
		}
	} while (p.truncated);
	return 0;
}

const char *list_version_id(const struct s3_entry *e)
{
	return e->version_id && strcmp(e->version_id, "null") != 0 ? e->version_id : NULL;
}

bool list_is_unknown(const struct s3_error *e)
{
	return e->status == 501;
}
