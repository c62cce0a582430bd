/*
 * body_lock.c - the bodies of Object Lock. See body.h. Source: S3 API Reference,
 * "GetObjectRetention", "GetObjectLegalHold", "GetObjectLockConfiguration".
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/xml.h"

#include "s3/body_i.h"

int body_read_retention(const char *s, size_t n, struct s3_retention *ret_r, char why[BODY_WHY])
{
	auto_with(doc_free_ptr) struct doc_node *root = NULL;
	struct s3_retention r = { 0 };
	int rc = body_root(s, n, "Retention", &root, why);
	const char *mode;

	if (rc != 0 || (rc = body_time(root, "RetainUntilDate", &r.until_ms, why)) != 0)
		return rc;
	mode = doc_text(root, "Mode");
	if (!mode || !*mode) {
		*ret_r = (struct s3_retention){ 0 };
		return 0;
	}
	if (strlen(mode) >= sizeof(r.mode))
		return body_bad(why, "an unknown mode of retention");
	if (r.until_ms == 0)
		return body_bad(why, "a retention without its date");
	memcpy(r.mode, mode, strlen(mode) + 1);
	*ret_r = r;
	return 0;
}

int body_write_retention(const struct s3_retention *r, struct buf *out)
{
	char until[32];

	buf_adds(out, "<Retention xmlns=\"" BODY_NAMESPACE "\">");
	if (r->mode[0]) {
		time_format_iso(r->until_ms, until);
		xml_elem(out, "Mode", r->mode);
		xml_elem(out, "RetainUntilDate", until);
	}
	buf_adds(out, "</Retention>");
	return out->error;
}

int body_read_legal_hold(const char *s, size_t n, bool *ret_on, char why[BODY_WHY])
{
	auto_with(doc_free_ptr) struct doc_node *root = NULL;
	int rc = body_root(s, n, "LegalHold", &root, why);
	const char *status;

	if (rc != 0)
		return rc;
	status = doc_text(root, "Status");
	if (status && *status && strcmp(status, "ON") != 0 && strcmp(status, "OFF") != 0)
		return body_bad(why, "an unknown status of the legal hold");
	*ret_on = status && strcmp(status, "ON") == 0;
	return 0;
}

int body_write_legal_hold(bool on, struct buf *out)
{
	buf_adds(out, "<LegalHold xmlns=\"" BODY_NAMESPACE "\">");
	xml_elem(out, "Status", on ? "ON" : "OFF");
	buf_adds(out, "</LegalHold>");
	return out->error;
}

int body_read_lock_conf(const char *s, size_t n, struct s3_lock_conf *ret_l, char why[BODY_WHY])
{
	auto_with(doc_free_ptr) struct doc_node *root = NULL;
	int rc = body_root(s, n, "ObjectLockConfiguration", &root, why);
	const struct doc_node *retention;
	const char *enabled, *mode;

	if (rc != 0)
		return rc;
	enabled = doc_text(root, "ObjectLockEnabled");
	retention = doc_child(doc_child(root, "Rule"), "DefaultRetention");
	mode = doc_text(retention, "Mode");
	ret_l->enabled = enabled && strcmp(enabled, "Enabled") == 0;
	ret_l->has_default = ret_l->enabled && mode && *mode;
	return 0;
}
