/* ListObjects and ListObjectsV2, and what the lists share. */
#include "list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int list_begin(struct req *r, struct lister *l, const char *max_name)
{
	const char *max = req_param(r, max_name), *type = req_param(r, "encoding-type");

	*l = (struct lister){ .r = r, .max = 1000, .out = &r->out };
	l->prefix = req_param(r, "prefix");
	l->delimiter = req_param(r, "delimiter");
	l->has_delimiter = l->delimiter && *l->delimiter;
	if (!l->prefix)
		l->prefix = "";
	if (type && strcmp(type, "url"))
		return req_fail_x(r, "InvalidArgument",
				  "Invalid Encoding Method specified in Request", "ArgumentName",
				  "encoding-type", "ArgumentValue", type, NULL);
	l->url = type;
	if (max && *max && parse_int(max, 0, INT32_MAX, &l->max))
		return req_fail_x(r, "InvalidArgument",
				  "Argument maxKeys must be an integer between 0"
				  " and 2147483647",
				  "ArgumentName", max_name, "ArgumentValue", max, NULL);
	if (l->max > 1000)
		l->max = 1000;
	buf_str(&l->from, l->prefix);
	return 0;
}

void list_end(struct lister *l)
{
	buf_free(&l->prefixes);
	buf_free(&l->from);
	free(l->last_prefix);
}

/* An element with a key or part of one, URL-encoded if that was asked for. */
void list_name(struct lister *l, const char *element, const char *value)
{
	struct buf b = { 0 };

	if (!value)
		return;
	if (!l->url) {
		xml_elem(l->out, element, value);
		return;
	}
	buf_url(&b, value, strlen(value), "/*", true);
	xml_elem(l->out, element, b.p ? b.p : "");
	buf_free(&b);
}

static void advance(struct lister *l, const char *p, size_t n)
{
	size_t have = l->from.len;
	int c = memcmp(p, l->from.p ? l->from.p : "", n < have ? n : have);

	if (c < 0 || (c == 0 && n <= have))
		return;
	l->from.len = 0;
	buf_add(&l->from, p, n);
}

void list_after_key(struct lister *l, const char *key)
{
	advance(l, key, strlen(key) + 1);
}

void list_after_prefix(struct lister *l, const char *prefix)
{
	size_t n = strlen(prefix);
	char *next = x_strdup(prefix);

	/* UTF-8 never ends in 0xff, so this does not overflow */
	next[n - 1] = (char)((unsigned char)next[n - 1] + 1);
	advance(l, next, n);
	free(next);
}

char *list_common_prefix(const struct lister *l, const char *key)
{
	if (!l->has_delimiter)
		return NULL;
	const char *at = strstr(key + strlen(l->prefix), l->delimiter);
	return at ? x_strndup(key, (size_t)(at - key) + strlen(l->delimiter)) : NULL;
}

bool list_add_prefix(struct lister *l, const char *prefix)
{
	if (l->count == l->max) {
		l->truncated = true;
		return false;
	}
	l->count++;
	struct buf *out = l->out;
	l->out = &l->prefixes;
	buf_str(l->out, "<CommonPrefixes>");
	list_name(l, "Prefix", prefix);
	buf_str(l->out, "</CommonPrefixes>");
	l->out = out;
	free(l->last_prefix);
	l->last_prefix = x_strdup(prefix);
	list_after_prefix(l, prefix);
	return true;
}

static void object_entry(struct lister *l, sqlite3_stmt *st, bool owner)
{
	char when[40];
	struct buf *b = l->out;

	time_iso(sqlite3_column_int64(st, 3), when);
	buf_str(b, "<Contents>");
	list_name(l, "Key", (const char *)sqlite3_column_text(st, 0));
	xml_elem(b, "LastModified", when);
	buf_fmt(b, "<ETag>&quot;%s&quot;</ETag>", (const char *)sqlite3_column_text(st, 2));
	const char *csum = (const char *)sqlite3_column_text(st, 6);
	if (csum) {
		buf_str(b, "<ChecksumAlgorithm>");
		for (; *csum && *csum != '='; csum++)
			buf_fmt(b, "%c", *csum >= 'a' ? *csum - 32 : *csum);
		buf_str(b, "</ChecksumAlgorithm>");
	}
	xml_int(b, "Size", sqlite3_column_int64(st, 1));
	if (owner)
		xml_owner(b, "Owner", (const char *)sqlite3_column_text(st, 5));
	xml_elem(b, "StorageClass", (const char *)sqlite3_column_text(st, 4));
	buf_str(b, "</Contents>");
}

/* Current objects from l->from on; *ret_last is k and the last key, or p and a common prefix. */
static void scan_objects(struct lister *l, bool owner, char **ret_last)
{
	bool more = l->max > 0;

	*ret_last = NULL;
	while (more) {
		more = false;
		sqlite3_stmt *st = db_query(
			"SELECT key, size, etag, mtime, class, owner, csum FROM versions"
			" INDEXED BY v_current WHERE bucket=? AND key>=? AND latest=1 AND marker=0"
			" ORDER BY key",
			"sz", l->r->bucket, l->from.p ? l->from.p : "", l->from.len);
		while (sqlite3_step(st) == SQLITE_ROW) {
			const char *key = (const char *)sqlite3_column_text(st, 0);
			if (!starts_with(key, l->prefix))
				break;
			char *common = list_common_prefix(l, key);
			if (!common && l->count == l->max) {
				l->truncated = true;
				break;
			}
			if (common) {
				/* seek past everything below it */
				more = list_add_prefix(l, common);
				if (more) {
					free(*ret_last);
					*ret_last = x_asprintf("p%s", common);
				}
				free(common);
				break;
			}
			free(*ret_last);
			*ret_last = x_asprintf("k%s", key);
			l->count++;
			object_entry(l, st, owner);
		}
		db_done(st);
	}
}

static void list_head(struct lister *l)
{
	xml_elem(l->out, "Name", l->r->bucket);
	list_name(l, "Prefix", l->prefix);
	if (l->has_delimiter)
		list_name(l, "Delimiter", l->delimiter);
	xml_int(l->out, "MaxKeys", l->max);
	if (l->url)
		xml_elem(l->out, "EncodingType", "url");
}

/* The contents are written aside, because what comes before depends on them. */
static void scan_aside(struct lister *l, bool owner, struct buf *contents, char **ret_last)
{
	struct buf *out = l->out;

	l->out = contents;
	db_lock();
	scan_objects(l, owner, ret_last);
	db_unlock();
	l->out = out;
}

static void add_aside(struct lister *l, struct buf *contents)
{
	buf_add(l->out, contents->p, contents->len);
	buf_add(l->out, l->prefixes.p, l->prefixes.len);
	buf_free(contents);
}

int op_list_v1(struct req *r)
{
	struct lister l;
	struct buf contents = { 0 };
	const char *marker = req_param(r, "marker");
	char *last;

	if (list_begin(r, &l, "max-keys")) {
		list_end(&l);
		return -1;
	}
	if (marker && *marker) {
		list_after_key(&l, marker);
		char *common =
			starts_with(marker, l.prefix) ? list_common_prefix(&l, marker) : NULL;
		if (common && !strcmp(common, marker))
			list_after_prefix(&l, common);
		free(common);
	}
	scan_aside(&l, true, &contents, &last);
	xml_begin(r, "ListBucketResult");
	list_head(&l);
	list_name(&l, "Marker", marker ? marker : "");
	xml_elem(l.out, "IsTruncated", l.truncated ? "true" : "false");
	if (l.truncated && l.has_delimiter && last)
		list_name(&l, "NextMarker", last + 1);
	add_aside(&l, &contents);
	xml_end(r, "ListBucketResult");
	free(last);
	list_end(&l);
	return 0;
}

/* The token is opaque: k or p and the last key or prefix in hexadecimal. */
static int use_token(struct lister *l, const char *token)
{
	size_t n = strlen(token);
	struct buf pairs = { 0 };

	for (size_t i = 1; i + 1 < n; i += 2)
		buf_fmt(&pairs, "%%%.2s", token + i);
	char *last = pairs.len ? url_decode(pairs.p, pairs.len, false) : NULL;
	buf_free(&pairs);
	if (!last || n % 2 == 0 || (token[0] != 'k' && token[0] != 'p')) {
		free(last);
		return req_fail_x(l->r, "InvalidArgument",
				  "The continuation token provided is"
				  " incorrect",
				  "ArgumentName", "continuation-token", NULL);
	}
	if (token[0] == 'p')
		list_after_prefix(l, last);
	else
		list_after_key(l, last);
	free(last);
	return 0;
}

static void put_token(struct lister *l, const char *last)
{
	char *token = x_malloc(strlen(last) * 2 + 1);

	token[0] = last[0];
	hex_encode((const uint8_t *)last + 1, strlen(last + 1), token + 1);
	xml_elem(l->out, "NextContinuationToken", token);
	free(token);
}

int op_list_v2(struct req *r)
{
	struct lister l;
	struct buf contents = { 0 };
	const char *token = req_param(r, "continuation-token");
	const char *after = req_param(r, "start-after"), *owner = req_param(r, "fetch-owner");
	char *last;

	if (strcmp(req_param(r, "list-type"), "2"))
		return req_fail(r, "InvalidArgument", "Invalid List Type specified in Request");
	if (list_begin(r, &l, "max-keys") || (token && use_token(&l, token))) {
		list_end(&l);
		return -1;
	}
	if (!token && after && *after)
		list_after_key(&l, after);
	scan_aside(&l, str_eq(owner, "true"), &contents, &last);
	xml_begin(r, "ListBucketResult");
	list_head(&l);
	xml_int(l.out, "KeyCount", l.count);
	list_name(&l, "StartAfter", after);
	xml_elem(l.out, "ContinuationToken", token);
	xml_elem(l.out, "IsTruncated", l.truncated ? "true" : "false");
	if (l.truncated && last)
		put_token(&l, last);
	add_aside(&l, &contents);
	xml_end(r, "ListBucketResult");
	free(last);
	list_end(&l);
	return 0;
}
