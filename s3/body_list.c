/* body_list.c - the bodies that are pages: keys, versions, unfinished uploads, parts. See body.h.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/codec.h"

#include "s3/body_i.h"
#include "s3/verb_i.h"

static bool is_common_prefix(const struct doc_node *node)
{
	return strcmp(node->name, "CommonPrefixes") == 0;
}

/* Reads what a Contents, Version, DeleteMarker or CommonPrefixes element says; e must be empty and
 * is the caller's to free. */
static int read_entry(const struct doc_node *node, bool encoded, struct s3_entry *e,
		      char why[BODY_WHY])
{
	const char *class = doc_text(node, "StorageClass");
	int rc;

	if (is_common_prefix(node)) {
		e->is_prefix = true;
		return body_name(node, "Prefix", encoded, &e->key, why);
	}
	e->delete_marker = strcmp(node->name, "DeleteMarker") == 0;
	if ((rc = body_name(node, "Key", encoded, &e->key, why)) != 0 ||
	    (rc = body_time(node, "LastModified", &e->mtime_ms, why)) != 0 ||
	    (rc = body_bool(node, "IsLatest", &e->is_latest, why)) != 0 ||
	    (rc = etag_dup(doc_text(node, "ETag"), &e->etag)) != 0)
		return rc;
	if (class && *class && strcmp(class, "STANDARD") != 0 &&
	    (rc = str_dup(class, &e->storage_class)) != 0)
		return rc;
	if (strcmp(node->name, "Contents") != 0 &&
	    (rc = body_version(node, "VersionId", &e->version_id, why)) != 0)
		return rc;
	return e->delete_marker ? 0 : body_number(node, "Size", &e->size, why);
}

static bool is_entry(const char *name, const char *const *kinds)
{
	for (; *kinds; kinds++)
		if (strcmp(name, *kinds) == 0)
			return true;
	return false;
}

/* Of one sort, in document order, behind those that p has already. */
static int read_sort(const struct doc_node *root, const char *const *kinds, bool prefixes,
		     struct s3_page *p, char why[BODY_WHY])
{
	bool encoded = body_url_encoded(root);

	for (const struct doc_node *node = root->first; node; node = node->next) {
		int rc;

		if (!is_entry(node->name, kinds) || is_common_prefix(node) != prefixes)
			continue;
		rc = read_entry(node, encoded, &p->entries[p->n++], why);
		if (rc != 0)
			return rc;
	}
	return 0;
}

/* The entries of a page: keys, then common prefixes, which Ceph writes first. */
static int read_entries(const struct doc_node *root, const char *const *kinds, struct s3_page *p,
			char why[BODY_WHY])
{
	size_t count = 0;
	int rc;

	for (const struct doc_node *node = root->first; node; node = node->next)
		count += is_entry(node->name, kinds);
	p->entries = calloc(max_of(count, 1u), sizeof(*p->entries));
	if (!p->entries)
		return -ENOMEM;
	rc = read_sort(root, kinds, false, p, why);
	if (rc == 0)
		rc = read_sort(root, kinds, true, p, why);
	return rc == 0 ? body_bool(root, "IsTruncated", &p->truncated, why) : rc;
}

/*
 * A key marker. Ceph does not encode it, although it says that it does; but a marker that is the
 * page's last key as it stands needs no decoding, and one that is encoded cannot look so.
 */
static int read_marker(const struct doc_node *root, bool encoded, const char *last_key,
		       char **ret_s, char why[BODY_WHY])
{
	const char *s = doc_text(root, "NextKeyMarker");

	return body_name(root, "NextKeyMarker",
			 encoded && !(s && last_key && strcmp(s, last_key) == 0), ret_s, why);
}

/* The greatest key or common prefix, which come in two sequences; NULL. */
static const char *last_key_of(const struct s3_page *p)
{
	const char *last = NULL;

	for (size_t i = 0; i < p->n; i++)
		if (!last || strcmp(last, p->entries[i].key) < 0)
			last = p->entries[i].key;
	return last;
}

static int compare_keys(const void *a, const void *b)
{
	return strcmp(((const struct s3_entry *)a)->key, ((const struct s3_entry *)b)->key);
}

static void give_page(struct s3_page *p, struct s3_page *ret_p)
{
	*ret_p = *p;
	memset(p, 0, sizeof(*p));
}

int body_read_keys(const char *s, size_t n, struct s3_page *ret_p, char why[BODY_WHY])
{
	static const char *const kinds[] = { "Contents", "CommonPrefixes", NULL };
	auto_with(doc_free_ptr) struct doc_node *root = NULL;
	auto_with(s3_page_free) struct s3_page p = { 0 };
	int rc = body_root(s, n, "ListBucketResult", &root, why);

	if (rc != 0 || (rc = read_entries(root, kinds, &p, why)) != 0)
		return rc;
	/* The token is opaque: it is not encoded, whatever encoding-type says. */
	if (p.truncated &&
	    (rc = body_name(root, "NextContinuationToken", false, &p.next_token, why)) != 0)
		return rc;
	qsort(p.entries, p.n, sizeof(*p.entries), compare_keys);
	give_page(&p, ret_p);
	return 0;
}

int body_read_versions(const char *s, size_t n, struct s3_page *ret_p, char why[BODY_WHY])
{
	static const char *const kinds[] = { "Version", "DeleteMarker", "CommonPrefixes", NULL };
	auto_with(doc_free_ptr) struct doc_node *root = NULL;
	auto_with(s3_page_free) struct s3_page p = { 0 };
	int rc = body_root(s, n, "ListVersionsResult", &root, why);
	const char *version;

	if (rc != 0 || (rc = read_entries(root, kinds, &p, why)) != 0)
		return rc;
	if (p.truncated && (rc = read_marker(root, body_url_encoded(root), last_key_of(&p),
					     &p.next_key, why)) != 0)
		return rc;
	version = doc_text(root, "NextVersionIdMarker");
	if (p.truncated && version && *version && (rc = str_dup(version, &p.next_version)) != 0)
		return rc;
	give_page(&p, ret_p);
	return 0;
}

void body_uploads_free(struct body_uploads *u)
{
	for (size_t k = 0; k < u->n; k++) {
		free(u->items[k].key);
		free(u->items[k].id);
	}
	free(u->items);
	free(u->next_key);
	free(u->next_id);
	memset(u, 0, sizeof(*u));
}

static bool looks_encoded(const char *s)
{
	static const char digits[] = "0123456789ABCDEFabcdef";

	for (; *s; s++) {
		if (*s <= ' ' || *s > '~' || *s == '+' || *s == '&')
			return false;
		if (*s == '%' && (!s[1] || !strchr(digits, s[1]) || !s[2] || !strchr(digits, s[2])))
			return false;
	}
	return true;
}

/* Ceph encodes here without saying so. */
static bool uploads_encoded(const struct doc_node *root)
{
	if (doc_child(root, "EncodingType"))
		return body_url_encoded(root);
	for (const struct doc_node *node = doc_child(root, "Upload"); node;
	     node = doc_next_same(node)) {
		const char *key = doc_text(node, "Key");

		if (!key || !looks_encoded(key))
			return false;
	}
	return true;
}

static int read_uploads(const struct doc_node *root, struct body_uploads *u, char why[BODY_WHY])
{
	bool encoded = uploads_encoded(root);
	int rc;

	u->items = calloc(max_of(doc_count(root, "Upload"), 1u), sizeof(*u->items));
	if (!u->items)
		return -ENOMEM;
	for (const struct doc_node *node = doc_child(root, "Upload"); node;
	     node = doc_next_same(node)) {
		struct body_upload *item = &u->items[u->n++];

		if ((rc = body_name(node, "Key", encoded, &item->key, why)) != 0 ||
		    (rc = body_name(node, "UploadId", false, &item->id, why)) != 0 ||
		    (rc = body_time(node, "Initiated", &item->started_ms, why)) != 0)
			return rc;
	}
	if ((rc = body_bool(root, "IsTruncated", &u->truncated, why)) != 0 || !u->truncated)
		return rc;
	if ((rc = read_marker(root, encoded, u->n > 0 ? u->items[u->n - 1].key : NULL, &u->next_key,
			      why)) != 0)
		return rc;
	return body_name(root, "NextUploadIdMarker", false, &u->next_id, why);
}

int body_read_uploads(const char *s, size_t n, struct body_uploads *ret_u, char why[BODY_WHY])
{
	auto_with(doc_free_ptr) struct doc_node *root = NULL;
	auto_with(body_uploads_free) struct body_uploads u = { 0 };
	int rc = body_root(s, n, "ListMultipartUploadsResult", &root, why);

	if (rc != 0 || (rc = read_uploads(root, &u, why)) != 0)
		return rc;
	*ret_u = u;
	memset(&u, 0, sizeof(u));
	return 0;
}

void body_parts_free(struct body_parts *p)
{
	free(p->items);
	memset(p, 0, sizeof(*p));
}

static int read_part(const struct doc_node *node, struct mpu_part *p, char why[BODY_WHY])
{
	auto_free char *etag = NULL;
	uint64_t number = 0;
	int rc;

	if ((rc = body_number(node, "PartNumber", &number, why)) != 0 ||
	    (rc = body_number(node, "Size", &p->size, why)) != 0 ||
	    (rc = etag_dup(doc_text(node, "ETag"), &etag)) != 0)
		return rc;
	if (number < 1 || number > UINT32_MAX)
		return body_bad(why, "a part number is out of range");
	if (!etag || strlen(etag) >= sizeof(p->etag))
		return body_bad(why, "a part's ETag is missing or too long");
	p->number = (unsigned)number;
	memcpy(p->etag, etag, strlen(etag) + 1);
	return 0;
}

int body_read_parts(const char *s, size_t n, struct body_parts *ret_p, char why[BODY_WHY])
{
	auto_with(doc_free_ptr) struct doc_node *root = NULL;
	auto_with(body_parts_free) struct body_parts p = { 0 };
	int rc = body_root(s, n, "ListPartsResult", &root, why);

	if (rc != 0)
		return rc;
	p.items = calloc(max_of(doc_count(root, "Part"), 1u), sizeof(*p.items));
	if (!p.items)
		return -ENOMEM;
	for (const struct doc_node *node = doc_child(root, "Part"); node;
	     node = doc_next_same(node))
		if ((rc = read_part(node, &p.items[p.n++], why)) != 0)
			return rc;
	if ((rc = body_bool(root, "IsTruncated", &p.truncated, why)) != 0)
		return rc;
	if (p.truncated && (rc = body_number(root, "NextPartNumberMarker", &p.next, why)) != 0)
		return rc;
	*ret_p = p;
	memset(&p, 0, sizeof(p));
	return 0;
}
