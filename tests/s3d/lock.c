/* Object Lock: retention and legal hold, stored and enforced on delete. */
#include "s3d.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <libxml/parser.h>
#include <libxml/tree.h>

#define DAY_MS (24LL * 3600 * 1000)

static bool mode_valid(const char *mode)
{
	return mode && (!strcmp(mode, "GOVERNANCE") || !strcmp(mode, "COMPLIANCE"));
}

static int invalid(struct req *r, const char *why)
{
	return req_fail(r, "InvalidRequest", why);
}

/* The bucket's default retention, if it has one. */
static void lock_default(struct req *r, struct ver *v)
{
	if (!r->b.object_lock)
		return;
	db_lock();
	char *conf_xml = bucket_conf_get(r->b.name, "object-lock");
	db_unlock();
	xmlDoc *doc = conf_xml ? xmlReadMemory(conf_xml, (int)strlen(conf_xml), NULL, NULL,
					       XML_PARSE_NONET | XML_PARSE_NOERROR)
			       : NULL;
	xmlNode *rule = doc ? xml_child(xmlDocGetRootElement(doc), "Rule") : NULL;
	xmlNode *def = xml_child(rule, "DefaultRetention");
	char *mode = xml_text(def, "Mode"), *days = xml_text(def, "Days");
	char *years = xml_text(def, "Years");
	int64_t n = 0;
	if (mode && (days || years) && !parse_int(days ? days : years, 1, 36500, &n)) {
		v->lock_mode = x_strdup(mode);
		v->lock_until = now_ms() + n * DAY_MS * (days ? 1 : 365);
	}
	free(mode);
	free(days);
	free(years);
	xmlFreeDoc(doc);
	free(conf_xml);
}

/* what: "Object" or "Part" */
int lock_needs_digest(struct req *r, const char *what)
{
	char why[128];

	if (r->body.md5_wanted || r->body.csum.alg)
		return 0;
	snprintf(why, sizeof(why),
		 "Content-MD5 OR x-amz-checksum- HTTP header is required for Put %s requests with"
		 " Object Lock parameters",
		 what);
	return invalid(r, why);
}

static int retention_from_headers(struct req *r, const char *mode, const char *until, struct ver *v)
{
	if (!mode_valid(mode))
		return req_fail(r, "InvalidArgument", "Unknown wormMode directive.");
	if (time_parse_iso(until, &v->lock_until))
		return req_fail(r, "InvalidArgument",
				"The retain until date must be provided in ISO 8601 format");
	if (v->lock_until <= now_ms())
		return req_fail(r, "InvalidArgument",
				"The retain until date must be in the future!");
	v->lock_mode = x_strdup(mode);
	return 0;
}

int lock_from_headers(struct req *r, struct ver *v)
{
	const char *mode = req_header(r, "x-amz-object-lock-mode");
	const char *until = req_header(r, "x-amz-object-lock-retain-until-date");
	const char *hold = req_header(r, "x-amz-object-lock-legal-hold");

	if ((mode || until || hold) && !r->b.object_lock)
		return invalid(r, "Bucket is missing Object Lock Configuration");
	if (!mode != !until)
		return req_fail(r, "InvalidArgument",
				"x-amz-object-lock-retain-until-date and"
				" x-amz-object-lock-mode must both be supplied");
	if (mode && retention_from_headers(r, mode, until, v))
		return -1;
	if (!mode)
		lock_default(r, v);
	if (hold && strcmp(hold, "ON") && strcmp(hold, "OFF"))
		return req_fail(r, "InvalidArgument", "Legal Hold must be either of 'ON' or 'OFF'");
	v->hold = str_eq(hold, "ON");
	return r->op->body == TAKES_OBJECT && (v->lock_mode || hold)
		       ? lock_needs_digest(r, "Object")
		       : 0;
}

static bool bypass(const struct req *r)
{
	const char *h = req_header(r, "x-amz-bypass-governance-retention");

	return h && !strcasecmp(h, "true");
}

/* Whether this version may not be deleted for good. */
int lock_check_delete(struct req *r, const struct ver *v, bool *ret_denied)
{
	bool retained = v->lock_mode && v->lock_until > now_ms() &&
			!(!strcmp(v->lock_mode, "GOVERNANCE") && bypass(r));

	*ret_denied = v->hold || retained;
	return 0;
}

static int find_target(struct req *r, struct ver *v)
{
	if (!r->b.object_lock)
		return invalid(r, "Bucket is missing Object Lock Configuration");
	db_lock();
	int rc = find_version(r, r->bucket, r->key, req_param(r, "versionId"), v);
	db_unlock();
	if (!rc && v->marker) {
		ver_free(v);
		rc = req_fail(r, "MethodNotAllowed",
			      "The specified method is not allowed against this"
			      " resource.");
	}
	return rc;
}

int op_get_retention(struct req *r)
{
	struct ver v;

	if (find_target(r, &v))
		return -1;
	int rc = 0;
	if (!v.lock_mode) {
		rc = req_fail(r, "NoSuchObjectLockConfiguration",
			      "The specified object does not have a"
			      " ObjectLock configuration");
	} else {
		char until[40];
		time_iso(v.lock_until, until);
		xml_begin(r, "Retention");
		xml_elem(&r->out, "Mode", v.lock_mode);
		xml_elem(&r->out, "RetainUntilDate", until);
		xml_end(r, "Retention");
	}
	ver_free(&v);
	return rc;
}

static int check_change(struct req *r, const struct ver *v, const char *mode, int64_t until)
{
	bool active = v->lock_mode && v->lock_until > now_ms();
	bool weaker = !mode || until < v->lock_until ||
		      (active && str_eq(v->lock_mode, "COMPLIANCE") && strcmp(mode, "COMPLIANCE"));

	if (!active || !weaker || (!strcmp(v->lock_mode, "GOVERNANCE") && bypass(r)))
		return 0;
	return req_fail(r, "AccessDenied",
			"Access Denied because object protected by object lock.");
}

int op_put_retention(struct req *r)
{
	struct ver v;

	if (body_needs_digest(r))
		return -1;
	xmlDoc *doc = xml_parse(r, "Retention");
	if (!doc)
		return -1;
	char *mode = xml_text(xmlDocGetRootElement(doc), "Mode");
	char *date = xml_text(xmlDocGetRootElement(doc), "RetainUntilDate");
	int64_t until = 0;
	xmlFreeDoc(doc);
	int rc = 0;
	if (!mode != !date || (mode && (!mode_valid(mode) || time_parse_iso(date, &until))))
		rc = xml_bad(r);
	else if (mode && until <= now_ms())
		rc = req_fail(r, "InvalidArgument", "The retain until date must be in the future!");
	else if (!find_target(r, &v)) {
		rc = check_change(r, &v, mode, until);
		db_lock();
		if (!rc && db_run("UPDATE versions SET lock_mode=?, lock_until=? WHERE seq=?",
				  "sii", mode, until, v.seq))
			rc = req_fail(r, "InternalError", "The index failed.");
		db_unlock();
		ver_free(&v);
	} else {
		rc = -1;
	}
	free(mode);
	free(date);
	if (!rc)
		r->status = 200;
	return rc;
}

int op_get_legal_hold(struct req *r)
{
	struct ver v;

	if (find_target(r, &v))
		return -1;
	xml_begin(r, "LegalHold");
	xml_elem(&r->out, "Status", v.hold ? "ON" : "OFF");
	xml_end(r, "LegalHold");
	ver_free(&v);
	return 0;
}

int op_put_legal_hold(struct req *r)
{
	struct ver v;

	if (body_needs_digest(r))
		return -1;
	xmlDoc *doc = xml_parse(r, "LegalHold");
	if (!doc)
		return -1;
	char *status = xml_text(xmlDocGetRootElement(doc), "Status");
	xmlFreeDoc(doc);
	bool on = str_eq(status, "ON"), off = str_eq(status, "OFF");
	free(status);
	if (!on && !off)
		return xml_bad(r);
	if (find_target(r, &v))
		return -1;
	db_lock();
	int rc = db_run("UPDATE versions SET hold=? WHERE seq=?", "ii", (int64_t)on, v.seq);
	db_unlock();
	ver_free(&v);
	r->status = 200;
	return rc ? req_fail(r, "InternalError", "The index failed.") : 0;
}
