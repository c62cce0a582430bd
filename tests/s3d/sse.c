/*
 * Encryption headers. Nothing is encrypted: what was asked for is kept with the metadata and
 * answered, keys are checked, ETags are no MD5 where AWS's are none.
 */
#include "s3d.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <libxml/parser.h>
#include <libxml/tree.h>

#define SSE	 "x-amz-server-side-encryption"
#define KEY_ID	 SSE "-aws-kms-key-id"
#define USES_BK	 SSE "-bucket-key-enabled"
#define CUSTOMER SSE "-customer-algorithm"
#define KEY_MD5	 SSE "-customer-key-MD5"

static int invalid(struct req *r, const char *why)
{
	return req_fail(r, "InvalidRequest", why);
}

static int bad_argument(struct req *r, const char *name, const char *value, const char *why)
{
	return req_fail_x(r, "InvalidArgument", why, "ArgumentName", name, "ArgumentValue", value,
			  NULL);
}

/* ---- the customer's key (SSE-C) ---- */

/* prefix: "x-amz-" or "x-amz-copy-source-" */
static const char *customer_header(const struct req *r, const char *prefix, const char *which)
{
	char name[96];

	snprintf(name, sizeof(name), "%sserver-side-encryption-customer-%s", prefix, which);
	return req_header(r, name);
}

/* Checks the three headers; *ret_md5 is NULL without them, borrowed otherwise. */
static int customer_key(struct req *r, const char *prefix, const char **ret_md5)
{
	const char *alg = customer_header(r, prefix, "algorithm");
	const char *key = customer_header(r, prefix, "key");
	const char *md5 = customer_header(r, prefix, "key-MD5");
	uint8_t raw[32], sum[16], want[16];

	*ret_md5 = NULL;
	if (!alg && !key && !md5)
		return 0;
	if (!str_eq(alg, "AES256"))
		return req_fail(r, "InvalidEncryptionAlgorithmError",
				"The encryption request you specified is not valid. The valid"
				" value is AES256.");
	if (!key || !md5)
		return bad_argument(r, CUSTOMER, alg,
				    "Requests specifying Server Side Encryption with Customer"
				    " provided keys must provide an appropriate secret key.");
	if (b64_decode(key, raw, sizeof(raw)))
		return bad_argument(r, CUSTOMER, alg,
				    "The secret key was invalid for the specified algorithm.");
	EVP_MD_CTX *ctx = md5_new();
	EVP_DigestUpdate(ctx, raw, sizeof(raw));
	EVP_DigestFinal_ex(ctx, sum, NULL);
	EVP_MD_CTX_free(ctx);
	if (b64_decode(md5, want, sizeof(want)) || memcmp(sum, want, sizeof(sum)))
		return bad_argument(r, KEY_MD5, md5,
				    "The calculated MD5 hash of the key did not match the hash"
				    " that was provided.");
	*ret_md5 = md5;
	return 0;
}

/* Whether the stored version may be read with what the request says. */
int sse_check_read(struct req *r, const struct ver *v, bool copy)
{
	const char *given;

	if (customer_key(r, copy ? "x-amz-copy-source-" : "x-amz-", &given))
		return -1;
	char *stored = meta_get(v->meta, KEY_MD5), *key = meta_get(v->meta, KEY_ID), *arn = NULL;
	int rc = 0;
	if (stored && !given)
		rc = invalid(r, "The object was stored using a form of Server Side Encryption. The"
				" correct parameters must be provided to retrieve the object.");
	else if (given && !stored)
		rc = invalid(r, "The encryption parameters are not applicable to this object.");
	else if (given && strcmp(given, stored))
		rc = req_fail(r, "AccessDenied", "Access Denied");
	else if (key && !strstr(key, ":alias/aws/s3"))
		rc = settings_kms_find(r, key, &arn);
	free(stored);
	free(key);
	free(arn);
	return rc;
}

/* A part must come with the key that its upload was begun with. */
int sse_check_part(struct req *r, const char *upload_meta)
{
	const char *given;

	if (customer_key(r, "x-amz-", &given))
		return -1;
	char *stored = meta_get(upload_meta, KEY_MD5);
	int rc = 0;
	if (stored && !given)
		rc = invalid(r,
			     "The multipart upload initiate requested encryption. Subsequent part"
			     " requests must include the appropriate encryption parameters.");
	else if (given && !stored)
		rc = invalid(r, "The multipart upload initiate did not request encryption. Please"
				" resend the request without sending encryption parameters.");
	else if (given && strcmp(given, stored))
		rc = invalid(r, "The provided encryption parameters did not match the ones used"
				" originally.");
	free(stored);
	return rc;
}

/* ---- the server's keys ---- */

struct wish {
	char *alg, *key, *bucket_key;
};

static void wish_free(struct wish *w)
{
	free(w->alg);
	free(w->key);
	free(w->bucket_key);
}

static xmlNode *default_rule(xmlDoc *doc)
{
	return doc ? xml_child(xmlDocGetRootElement(doc), "Rule") : NULL;
}

/* What PutBucketEncryption said, if anything. */
static void wish_of_bucket(const struct req *r, struct wish *w)
{
	db_lock();
	char *text = bucket_conf_get(r->b.name, "encryption");
	db_unlock();
	xmlDoc *doc = text ? xmlReadMemory(text, (int)strlen(text), NULL, NULL,
					   XML_PARSE_NONET | XML_PARSE_NOERROR)
			   : NULL;
	xmlNode *rule = default_rule(doc);
	xmlNode *by_default = xml_child(rule, "ApplyServerSideEncryptionByDefault");

	w->alg = xml_text(by_default, "SSEAlgorithm");
	w->key = xml_text(by_default, "KMSMasterKeyID");
	w->bucket_key = xml_text(rule, "BucketKeyEnabled");
	xmlFreeDoc(doc);
	free(text);
}

static bool algorithm_valid(const char *alg)
{
	return alg && (!strcmp(alg, "AES256") || starts_with(alg, "aws:kms"));
}

static int check_algorithm(struct req *r, const struct wish *w)
{
	if (strcmp(w->alg, "AES256") && strcmp(w->alg, "aws:kms") && strcmp(w->alg, "aws:kms:dsse"))
		return bad_argument(r, SSE, w->alg,
				    "The encryption method specified is not supported");
	if (w->key && !strcmp(w->alg, "AES256"))
		return bad_argument(r, SSE, w->alg,
				    "Server Side Encryption with AWS KMS managed key requires HTTP"
				    " header x-amz-server-side-encryption : aws:kms");
	return 0;
}

static int add_wish(struct req *r, const struct wish *w, struct buf *meta)
{
	char *arn = NULL;

	if (!w->alg)
		return w->key ? bad_argument(r, KEY_ID, w->key,
					     "Server Side Encryption with AWS KMS managed key"
					     " requires HTTP header x-amz-server-side-encryption :"
					     " aws:kms")
			      : 0;
	if (check_algorithm(r, w))
		return -1;
	if (w->key && settings_kms_find(r, w->key, &arn))
		return -1;
	buf_fmt(meta, SSE ": %s\n", w->alg);
	if (!arn && strcmp(w->alg, "AES256"))
		arn = x_asprintf("arn:aws:kms:%s:%s:alias/aws/s3", r->b.region, r->b.owner);
	if (arn)
		buf_fmt(meta, KEY_ID ": %s\n", arn);
	if (w->bucket_key && !strcasecmp(w->bucket_key, "true"))
		buf_str(meta, USES_BK ": true\n");
	free(arn);
	return 0;
}

/* Adds lines for what the headers of a new object ask for, or the bucket's default. */
int sse_from_headers(struct req *r, struct buf *meta)
{
	struct wish w = { x_strdup(req_header(r, SSE)), x_strdup(req_header(r, KEY_ID)),
			  x_strdup(req_header(r, USES_BK)) };
	const char *md5;
	int rc = customer_key(r, "x-amz-", &md5);

	if (!rc && md5 && w.alg)
		rc = bad_argument(
			r, CUSTOMER, "AES256",
			"Server Side Encryption with Customer provided key is incompatible"
			" with the encryption method specified");
	else if (!rc && md5)
		buf_fmt(meta, CUSTOMER ": AES256\n" KEY_MD5 ": %s\n", md5);
	if (!rc && !md5 && !w.alg && !w.key) {
		wish_free(&w);
		wish_of_bucket(r, &w);
	}
	if (!rc && !md5)
		rc = add_wish(r, &w, meta);
	wish_free(&w);
	return rc;
}

int op_put_encryption(struct req *r)
{
	xmlDoc *doc = xml_parse(r, "ServerSideEncryptionConfiguration");

	if (!doc)
		return -1;
	xmlNode *by_default = xml_child(default_rule(doc), "ApplyServerSideEncryptionByDefault");
	char *alg = xml_text(by_default, "SSEAlgorithm"),
	     *key = xml_text(by_default, "KMSMasterKeyID");
	bool ok = algorithm_valid(alg) && !(key && !strcmp(alg, "AES256"));
	free(alg);
	free(key);
	xmlFreeDoc(doc);
	return ok ? op_put_conf(r) : xml_bad(r);
}

/* ---- the answer ---- */

/* PutObject, CopyObject and the multipart operations say how the object is kept. */
void sse_answer(struct req *r, const char *meta)
{
	static const char *const names[] = { SSE, KEY_ID, USES_BK, CUSTOMER, KEY_MD5 };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char *value = meta_get(meta, names[i]);
		req_set(r, names[i], value);
		free(value);
	}
}

/* The ETag is no digest of the data with KMS and with the customer's key. */
bool sse_hides_md5(const char *meta)
{
	char *alg = meta_get(meta, SSE), *customer = meta_get(meta, CUSTOMER);
	bool hidden = customer || (alg && strcmp(alg, "AES256"));

	free(alg);
	free(customer);
	return hidden;
}

char *sse_etag(const char *meta, const char *md5)
{
	char other[33] = "";

	if (!sse_hides_md5(meta))
		return x_strdup(md5);
	random_hex(other, 32);
	return x_strdup(other);
}
