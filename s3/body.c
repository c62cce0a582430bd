/* body.c - listings are in body_list.c. See body.h. */
#include "s3/body.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/xml.h"

#include "s3/body_i.h"
#include "s3/checksum.h"
#include "s3/verb_i.h"

#define CRC32C "ChecksumCRC32C"

int body_bad(char why[BODY_WHY], const char *text)
{
	snprintf(why, BODY_WHY, "%s", text);
	return -EIO;
}

int body_root(const char *s, size_t n, const char *name, struct doc_node **ret_root,
	      char why[BODY_WHY])
{
	auto_with(doc_free_ptr) struct doc_node *root = NULL;
	struct doc_error err = { 0 };
	char seen[64];
	int rc = xml_read(s, n, &root, &err);

	if (rc == -ENOMEM)
		return rc;
	if (rc != 0) {
		snprintf(why, BODY_WHY, "the answer is no XML: line %d: %.100s", err.line,
			 err.message);
		return -EIO;
	}
	if (strcmp(root->name, name) != 0) {
		snprintf(why, BODY_WHY, "the answer is %s instead of %s",
			 printable(root->name, seen, sizeof(seen)), name);
		return -EIO;
	}
	*ret_root = take_ptr(&root);
	return 0;
}

int body_number(const struct doc_node *node, const char *name, uint64_t *ret_v, char why[BODY_WHY])
{
	const char *s = doc_text(node, name);

	if (s && parse_u64(s, ret_v) == 0)
		return 0;
	snprintf(why, BODY_WHY, "%s is %s", name, s ? "no number" : "missing");
	return -EIO;
}

/* *ret_ms is 0 when there is no such element. */
int body_time(const struct doc_node *node, const char *name, int64_t *ret_ms, char why[BODY_WHY])
{
	const char *s = doc_text(node, name);

	*ret_ms = 0;
	if (!s || !*s || time_parse_iso(s, ret_ms) == 0)
		return 0;
	snprintf(why, BODY_WHY, "%s is no time", name);
	return -EIO;
}

/* A non-empty text, percent-decoded when the listing is; new string. */
int body_name(const struct doc_node *node, const char *name, bool encoded, char **ret_s,
	      char why[BODY_WHY])
{
	auto_with(buf_free) struct buf b;
	const char *s = doc_text(node, name);
	int rc;

	buf_init(&b, BUF_LIMIT_SMALL);
	if (!s || !*s) {
		snprintf(why, BODY_WHY, "%s is missing or empty", name);
		return -EIO;
	}
	if (!encoded)
		return str_dup(s, ret_s);
	rc = uri_decode(s, strlen(s), true, &b);
	if (rc == 0)
		rc = buf_take(&b, ret_s, NULL);
	if (rc == 0 || rc == -ENOMEM)
		return rc;
	snprintf(why, BODY_WHY, "%s is not percent-encoded as it should be", name);
	return -EIO;
}

int body_version(const struct doc_node *node, const char *name, char **ret_id, char why[BODY_WHY])
{
	const char *s = doc_text(node, name);

	if (!s || !verb_is_version_id(s)) {
		snprintf(why, BODY_WHY, "%s is missing or cannot be one", name);
		return -EIO;
	}
	return str_dup(s, ret_id);
}

int body_bool(const struct doc_node *node, const char *name, bool *ret_v, char why[BODY_WHY])
{
	const char *s = doc_text(node, name);

	*ret_v = false;
	if (!s || !*s || parse_bool(s, ret_v) == 0)
		return 0;
	snprintf(why, BODY_WHY, "%s is neither true nor false", name);
	return -EIO;
}

bool body_url_encoded(const struct doc_node *root)
{
	const char *s = doc_text(root, "EncodingType");

	return s && strcmp(s, "url") == 0;
}

int body_read_tags(const char *s, size_t n, struct kv *ret_tags, char why[BODY_WHY])
{
	auto_with(doc_free_ptr) struct doc_node *root = NULL;
	auto_with(kv_free) struct kv tags = KV_EMPTY;
	const struct doc_node *set, *tag;
	int rc = 0;

	if (n > 0)
		rc = body_root(s, n, "Tagging", &root, why);
	if (rc != 0)
		return rc;
	set = root ? doc_child(root, "TagSet") : NULL;
	for (tag = set ? doc_child(set, "Tag") : NULL; tag; tag = doc_next_same(tag)) {
		const char *key = doc_text(tag, "Key"), *value = doc_text(tag, "Value");

		if (!key || !*key)
			return body_bad(why, "a tag has no key");
		if ((rc = kv_set(&tags, key, value ? value : "")) != 0)
			return rc;
	}
	kv_move(ret_tags, &tags);
	return 0;
}

int body_write_tags(const struct kv *tags, struct buf *out)
{
	buf_adds(out, "<Tagging xmlns=\"" BODY_NAMESPACE "\"><TagSet>");
	for (size_t k = 0; k < tags->n; k++) {
		buf_adds(out, "<Tag>");
		xml_elem(out, "Key", tags->items[k].name);
		xml_elem(out, "Value", tags->items[k].value);
		buf_adds(out, "</Tag>");
	}
	buf_adds(out, "</TagSet></Tagging>");
	return out->error;
}

int body_read_upload_id(const char *s, size_t n, char **ret_id, char why[BODY_WHY])
{
	auto_with(doc_free_ptr) struct doc_node *root = NULL;
	int rc = body_root(s, n, "InitiateMultipartUploadResult", &root, why);

	if (rc != 0)
		return rc;
	return body_name(root, "UploadId", false, ret_id, why);
}

int body_write_complete(const struct mpu_part *parts, size_t n, struct buf *out)
{
	buf_adds(out, "<CompleteMultipartUpload xmlns=\"" BODY_NAMESPACE "\">");
	for (size_t k = 0; k < n; k++) {
		char crc[CHECKSUM_CRC32C_TEXT];
		int rc;

		buf_addf(out, "<Part><PartNumber>%u</PartNumber><ETag>&quot;", parts[k].number);
		xml_escape(out, parts[k].etag);
		buf_adds(out, "&quot;</ETag>");
		if (parts[k].crc.known) {
			if ((rc = checksum_crc32c_text(parts[k].crc.value, crc)) != 0)
				return rc;
			xml_elem(out, CRC32C, crc);
		}
		buf_adds(out, "</Part>");
	}
	buf_adds(out, "</CompleteMultipartUpload>");
	return out->error;
}

/* A COMPOSITE one is not of the bytes; it may come without its type, but then with "-N". */
static struct s3_crc32c read_crc(const struct doc_node *root)
{
	const char *type = doc_text(root, "ChecksumType");

	if (type && *type && strcmp(type, "FULL_OBJECT") != 0)
		return (struct s3_crc32c){ .known = false };
	return checksum_crc32c_read(doc_text(root, CRC32C));
}

int body_read_complete(const char *s, size_t n, char **ret_etag, struct s3_crc32c *ret_crc,
		       char why[BODY_WHY])
{
	auto_with(doc_free_ptr) struct doc_node *root = NULL;
	int rc = body_root(s, n, "CompleteMultipartUploadResult", &root, why);

	if (rc != 0 || (rc = etag_dup(doc_text(root, "ETag"), ret_etag)) != 0)
		return rc;
	*ret_crc = read_crc(root);
	return 0;
}

int body_read_copy(const char *s, size_t n, char **ret_etag, int64_t *ret_mtime_ms,
		   struct s3_crc32c *ret_crc, char why[BODY_WHY])
{
	auto_with(doc_free_ptr) struct doc_node *root = NULL;
	auto_free char *etag = NULL;
	int64_t mtime;
	int rc;

	/* Both names at either place: servers mix them up. */
	rc = body_root(s, n, "CopyObjectResult", &root, why);
	if (rc == -EIO)
		rc = body_root(s, n, "CopyPartResult", &root, why);
	if (rc != 0 || (rc = body_time(root, "LastModified", &mtime, why)) != 0 ||
	    (rc = etag_dup(doc_text(root, "ETag"), &etag)) != 0)
		return rc;
	if (!etag)
		return body_bad(why, "the copy has no ETag");
	*ret_etag = take_ptr(&etag);
	*ret_mtime_ms = mtime;
	*ret_crc = read_crc(root);
	return 0;
}

int body_read_versioning(const char *s, size_t n, enum bucket_versioning *ret_v, char why[BODY_WHY])
{
	auto_with(doc_free_ptr) struct doc_node *root = NULL;
	int rc = body_root(s, n, "VersioningConfiguration", &root, why);
	const char *status;

	if (rc != 0)
		return rc;
	status = doc_text(root, "Status");
	if (!status || !*status)
		*ret_v = VERSIONING_OFF;
	else if (strcmp(status, "Enabled") == 0)
		*ret_v = VERSIONING_ENABLED;
	else if (strcmp(status, "Suspended") == 0)
		*ret_v = VERSIONING_SUSPENDED;
	else
		return body_bad(why, "an unknown status of versioning");
	return 0;
}

int body_write_versioning(enum bucket_versioning v, struct buf *out)
{
	buf_adds(out, "<VersioningConfiguration xmlns=\"" BODY_NAMESPACE "\">");
	xml_elem(out, "Status", v == VERSIONING_ENABLED ? "Enabled" : "Suspended");
	buf_adds(out, "</VersioningConfiguration>");
	return out->error;
}

int body_read_has_rules(const char *s, size_t n, bool *ret_has, char why[BODY_WHY])
{
	auto_with(doc_free_ptr) struct doc_node *root = NULL;
	int rc = 0;

	if (n > 0)
		rc = body_root(s, n, "ReplicationConfiguration", &root, why);
	if (rc != 0)
		return rc;
	*ret_has = root && doc_child(root, "Rule");
	return 0;
}
