/*
 * caps.c - the asking of what a server can do; the words are in caps_text.c. See caps.h. The
 * answers of servers without a thing: AWS's and MinIO's 501 NotImplemented, 405, 400 of many codes;
 * some answer 200 and do nothing, so what can be looked at again is.
 */
#include "s3/caps.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/codec.h"
#include "base/digest.h"

#include "s3/acl.h"
#include "s3/checksum.h"
#include "s3/list.h"
#include "s3/lock.h"
#include "s3/mpu.h"
#include "s3/object.h"
#include "s3/tagging.h"
#include "s3/verb_i.h"

#define BODY	  "crrfs asks what this server can do. This object may be deleted.\n"
#define BODY_SIZE (sizeof(BODY) - 1)
#define TOKEN	  "crrfs-probe"
#define CLASS	  "STANDARD_IA"
#define SSE	  "AES256"
#define MADE_MAX  16

struct probe {
	struct s3_client *client;
	struct s3_caps caps;
	struct s3_error first; /* worth telling */
	char key[64];
	const char *token; /* the random part of key */
	struct kv meta;
	bool lost;	    /* the server has stopped answering */
	bool unimplemented; /* so said an answer to the last question */
	bool is_minio;
	bool default_retention;
	bool written;	      /* the key may exist */
	char *made[MADE_MAX]; /* version ids */
	size_t n_made;
};

/* What a failure says of the capability that was tried. */
static enum cap cap_of(struct probe *p, const struct s3_error *e)
{
	bool retry = e->class == FAULT_RETRY || e->status == 0;

	p->unimplemented |= e->status == 501 || strcmp(e->code, "NotImplemented") == 0;
	if (e->status != 403 && !retry)
		return CAP_NO;
	if (!p->first.code[0])
		p->first = *e;
	p->lost |= e->status == 0 || e->status == 503;
	return retry ? CAP_UNKNOWN : CAP_DENIED;
}

static void note(struct probe *p, enum cap *cap, int rc, const struct s3_error *e)
{
	*cap = rc == 0 ? CAP_YES : cap_of(p, e);
}

/* A version of ours stands. */
static void note_made(struct probe *p, const char *version)
{
	p->written = true;
	if (version && p->n_made < MADE_MAX && str_dup(version, &p->made[p->n_made]) == 0)
		p->n_made++;
}

static int read_body(void *arg, void *dst, size_t n, uint64_t off)
{
	(void)arg;
	memcpy(dst, &BODY[off], n);
	return 0;
}

static int put(struct probe *p, const struct s3_put_opts *opts, struct s3_info *ret_i,
	       struct s3_error *e)
{
	int rc = object_put(p->client, p->key, opts, read_body, NULL, BODY_SIZE, ret_i, e);

	if (rc == 0)
		note_made(p, ret_i->version_id);
	p->written |= e->unclear;
	return rc;
}

/* One PUT with a header that no other verb sends; a refusal is an answer. */
static int put_with(struct probe *p, const char *name, const char *value, struct s3_res *res,
		    struct s3_error *e)
{
	auto_with(s3_req_free) struct s3_req q = { .op = "PutObject",
						   .method = "PUT",
						   .key = p->key,
						   .body_data = BODY,
						   .body_size = BODY_SIZE,
						   .single = true };
	int rc = kv_set(&q.headers, name, value);

	if (rc != 0)
		return rc;
	rc = verb_call(p->client, &q, res, e);
	if (rc == 0)
		note_made(p, verb_version_id(res));
	p->written |= e->unclear;
	return rc;
}

/* A stray 501 (of a proxy, while a server starts) is not believed at once. */
static void ask_twice(struct probe *p, void (*ask)(struct probe *p))
{
	p->unimplemented = false;
	ask(p);
	if (p->unimplemented && !p->lost)
		ask(p);
}

/* ---- the questions ---- */

/* -errno when nothing can be learnt from this server. */
static int ask_versioning(struct probe *p, struct s3_error *e)
{
	enum bucket_versioning v;
	int rc = bucket_versioning_get(p->client, &v, e);

	if (rc == -ENOMEM || rc == -ECANCELED)
		return rc;
	note(p, &p->caps.versioning_api, rc, e);
	if (rc == 0)
		p->caps.versioning = v == VERSIONING_ENABLED ? CAP_YES : CAP_NO;
	else
		p->caps.versioning = p->caps.versioning_api;
	if (rc == 0 || (e->class == FAULT_BAD && e->code[0]))
		return 0;
	return p->caps.versioning_api == CAP_DENIED && strcmp(e->code, "AccessDenied") == 0 ? 0
											    : rc;
}

static void ask_lock(struct probe *p)
{
	struct s3_lock_conf conf = { 0 };
	struct s3_error e = { 0 };
	int rc = lock_conf_get(p->client, &conf, &e);

	note(p, &p->caps.lock, rc, &e);
	if (rc == 0 && !conf.enabled) {
		p->caps.lock = CAP_NO;
		p->unimplemented = true; /* it may be: lock_conf_get does not tell a 501 apart */
	}
	p->default_retention = conf.has_default;
}

static void ask_put(struct probe *p)
{
	struct s3_put_opts opts = { .meta = &p->meta, .token_name = TOKEN };
	auto_with(s3_info_free) struct s3_info i = { 0 };
	struct s3_error e = { 0 };

	note(p, &p->caps.put, put(p, &opts, &i, &e), &e);
	if (p->caps.put == CAP_YES && i.version_id)
		p->caps.versioning = CAP_YES;
}

/* HEAD for the headers, GET for the bytes. */
static void ask_get(struct probe *p)
{
	auto_with(s3_req_free) struct s3_req q = { .op = "HeadObject",
						   .method = "HEAD",
						   .key = p->key };
	auto_with(s3_res_free) struct s3_res res = { 0 };
	auto_with(buf_free) struct buf body;
	struct s3_error e = { 0 };
	const char *server, *token;
	int rc = verb_call(p->client, &q, &res, &e);

	buf_init(&body, BUF_LIMIT_SMALL);
	if (rc == 0) {
		server = kv_get(&res.headers, "server");
		token = kv_get(&res.headers, VERB_META TOKEN);
		p->is_minio = server && strncasecmp(server, "MinIO", 5) == 0;
		if (!token || strcmp(token, p->token) != 0)
			p->caps.put = CAP_NO;
		rc = object_get_small(p->client, p->key, NULL, BUF_LIMIT_SMALL, &body, &e);
	}
	note(p, &p->caps.get, rc, &e);
	if (rc == 0 && strcmp(buf_str(&body), BODY) != 0)
		p->caps.get = CAP_NO;
}

static void ask_tags(struct probe *p)
{
	auto_with(kv_free) struct kv tags = KV_EMPTY, seen = KV_EMPTY;
	struct s3_error e = { 0 };
	int rc = kv_set(&tags, TOKEN, p->token);

	if (rc == 0)
		rc = tagging_put(p->client, p->key, NULL, &tags, &e);
	if (rc == 0)
		rc = tagging_get(p->client, p->key, NULL, &seen, &e);
	note(p, &p->caps.tags, rc, &e);
	if (rc == 0 && !kv_equal(&tags, &seen))
		p->caps.tags = CAP_NO;
}

/* MinIO takes "private" and does nothing, public ones are refused where access is blocked, and
 * bucket-owner-full-control is taken where ACLs are off (S3 User Guide, "Controlling ownership of
 * objects"): this one is known to all that have ACLs. */
static void ask_acl(struct probe *p)
{
	struct s3_error e = { 0 };

	note(p, &p->caps.acl, acl_put_canned(p->client, p->key, NULL, "bucket-owner-read", &e), &e);
}

/* A wrong one must be refused, the right one given back. */
static void ask_checksums(struct probe *p)
{
	static const char name[] = "x-amz-checksum-crc32c", wrong[] = "AAAAAA==";
	auto_with(s3_res_free) struct s3_res bad = { 0 }, good = { 0 };
	struct s3_error e = { 0 };
	const char *echo;
	char right[CHECKSUM_CRC32C_TEXT];
	int rc;

	if (checksum_crc32c_text(crc32c(0, BODY, BODY_SIZE), right) != 0)
		return;
	rc = put_with(p, name, wrong, &bad, &e);
	if (rc == 0 || e.status != 400) {
		p->caps.checksums = rc == 0 ? CAP_NO : cap_of(p, &e);
		return;
	}
	note(p, &p->caps.checksums, put_with(p, name, right, &good, &e), &e);
	echo = kv_get(&good.headers, name);
	if (p->caps.checksums == CAP_YES && (!echo || strcmp(echo, right) != 0))
		p->caps.checksums = CAP_NO;
}

static void ask_conditional(struct probe *p)
{
	auto_with(s3_res_free) struct s3_res res = { 0 };
	struct s3_error e = { 0 };
	int rc = put_with(p, "if-none-match", "*", &res, &e);

	if (rc == 0)
		p->caps.conditional = CAP_NO;
	else
		p->caps.conditional = e.status == 412 ? CAP_YES : cap_of(p, &e);
}

static void ask_sse(struct probe *p)
{
	struct s3_put_opts opts = { .meta = &p->meta, .sse = SSE };
	auto_with(s3_info_free) struct s3_info made = { 0 }, seen = { 0 };
	struct s3_error e = { 0 };
	int rc = put(p, &opts, &made, &e);

	if (rc == 0)
		rc = object_head(p->client, p->key, made.version_id, &seen, &e);
	note(p, &p->caps.sse, rc, &e);
	if (rc == 0 && (!seen.sse || strcmp(seen.sse, SSE) != 0))
		p->caps.sse = CAP_NO;
}

static void ask_classes(struct probe *p)
{
	struct s3_put_opts opts = { .meta = &p->meta, .storage_class = CLASS };
	auto_with(s3_info_free) struct s3_info made = { 0 }, seen = { 0 };
	struct s3_error e = { 0 };
	int rc = put(p, &opts, &made, &e);

	if (rc == 0)
		rc = object_head(p->client, p->key, made.version_id, &seen, &e);
	note(p, &p->caps.classes, rc, &e);
	if (rc == 0 && (!seen.storage_class || strcmp(seen.storage_class, CLASS) != 0))
		p->caps.classes = CAP_NO;
}

static int put_part(struct probe *p, const char *id, enum mpu_sum sum, struct mpu_part *ret_part,
		    struct s3_error *e)
{
	return mpu_part_put(p->client, p->key, id, sum, 1, read_body, NULL, BODY_SIZE, ret_part, e);
}

static int abort_upload(void *arg, const char *key, const char *id, int64_t started_ms)
{
	struct probe *p = arg;
	struct s3_error e = { 0 };

	(void)started_ms;
	if (mpu_abort(p->client, key, id, &e) != 0)
		(void)cap_of(p, &e);
	return 0;
}

/* An upload of one part, which is copied from the object where that can be. Without an object it is
 * only begun. */
static void ask_multipart(struct probe *p)
{
	struct s3_put_opts opts = { .meta = &p->meta };
	auto_with(s3_info_free) struct s3_info i = { 0 };
	struct s3_range all = { 0, BODY_SIZE };
	auto_free char *id = NULL;
	struct s3_error e = { 0 };
	enum mpu_sum sum = MPU_SUM_NONE;
	struct mpu_part part;
	int rc = mpu_create(p->client, p->key, &opts, &id, &sum, &e);

	if (rc != 0) {
		note(p, &p->caps.multipart, rc, &e);
		if (e.unclear && mpu_list(p->client, p->key, abort_upload, p, &e) != 0)
			(void)cap_of(p, &e);
		return;
	}
	rc = p->written ? mpu_part_copy(p->client, p->key, id, sum, 1, p->key, NULL, NULL, all,
					&part, &e)
			: -ENOENT;
	if (p->written)
		note(p, &p->caps.part_copy, rc, &e);
	if (rc != 0)
		rc = put_part(p, id, sum, &part, &e);
	note(p, &p->caps.multipart, rc, &e);
	if (rc == 0 && p->written) {
		rc = mpu_complete(p->client, p->key, id, &part, 1, TOKEN, p->token, &i, &e);
		note(p, &p->caps.multipart, rc, &e);
		if (rc == 0) {
			note_made(p, i.version_id);
			return;
		}
	}
	(void)abort_upload(p, p->key, id, 0);
}

/* A random UUID, RFC 9562 version 4. */
static int make_uuid(char ret_uuid[37])
{
	char hex[33];
	int rc = random_hex(16, hex);

	if (rc == 0)
		snprintf(ret_uuid, 37, "%.8s-%.4s-4%.3s-a%.3s-%.12s", hex, hex + 8, hex + 13,
			 hex + 17, hex + 20);
	return rc;
}

static void ask_minio(struct probe *p)
{
	auto_with(s3_info_free) struct s3_info i = { 0 };
	struct s3_error e = { 0 };
	char uuid[37];
	struct s3_origin origin = { .version_id = uuid };
	struct s3_put_opts opts = { .meta = &p->meta, .origin = &origin };

	if (make_uuid(uuid) != 0)
		return;
	note(p, &p->caps.minio, put(p, &opts, &i, &e), &e);
	if (p->caps.minio == CAP_YES && (!i.version_id || strcmp(i.version_id, uuid) != 0))
		p->caps.minio = CAP_NO;
}

static void ask_remove(struct probe *p)
{
	auto_free char *marker = NULL;
	struct s3_error e = { 0 };

	note(p, &p->caps.remove, object_delete(p->client, p->key, &marker, &e), &e);
	if (p->caps.remove == CAP_YES)
		note_made(p, marker);
}

/* ---- all of it ---- */

static void ask_object(struct probe *p)
{
	static void (*const asks[])(
		struct probe * p) = { ask_tags,	     ask_acl,	  ask_multipart, ask_conditional,
				      ask_checksums, ask_classes, ask_sse };

	ask_twice(p, ask_put);
	if (p->caps.put != CAP_YES)
		return;
	ask_twice(p, ask_get);
	for (size_t k = 0; k < array_size(asks) && !p->lost; k++)
		ask_twice(p, asks[k]);
	if (p->is_minio && !p->lost)
		ask_twice(p, ask_minio);
	else if (!p->is_minio && p->caps.get == CAP_YES)
		p->caps.minio = CAP_NO;
}

/* False when there is no use in going on. */
static bool remove_version(struct probe *p, const char *version)
{
	struct s3_error e = { 0 };
	int rc = object_delete_version(p->client, p->key, version, &e);

	if (rc == 0 && p->caps.purge == CAP_UNKNOWN)
		p->caps.purge = CAP_YES;
	else if (rc != 0)
		p->caps.purge = cap_of(p, &e);
	return !p->lost;
}

static int remove_entry(void *arg, const struct s3_entry *entry)
{
	return remove_version(arg, entry->version_id) ? 0 : 1;
}

/* By the ids that were told; then by the list, for those whose answer was lost. */
static void clean_up(struct probe *p)
{
	struct s3_error e = { 0 };

	p->lost = false;
	if (p->caps.remove == CAP_UNKNOWN || p->n_made == 0)
		ask_twice(p, ask_remove);
	for (size_t k = 0; k < p->n_made && !p->lost; k++)
		(void)remove_version(p, p->made[k]);
	if (!p->lost && list_versions_of(p->client, p->key, remove_entry, p, &e) < 0)
		(void)cap_of(p, &e);
	if (p->n_made == 0 && !p->lost)
		p->caps.purge = p->caps.remove;
}

static int probe_all(struct probe *p)
{
	struct s3_error e = { 0 };
	int rc = ask_versioning(p, &e);

	if (rc == 0 && p->unimplemented)
		rc = ask_versioning(p, &e);
	if (rc != 0) {
		p->first = e;
		return rc;
	}
	ask_twice(p, ask_lock);
	if (p->default_retention && !p->lost)
		ask_twice(p, ask_multipart);
	else if (!p->lost)
		ask_object(p);
	if (p->written)
		clean_up(p);
	return 0;
}

/* Nothing is written where it could not be removed again. */
static int probe_again(struct probe *p)
{
	bool writes = p->caps.put == CAP_YES && p->caps.purge == CAP_YES;
	struct s3_error e = { 0 };
	int rc = ask_versioning(p, &e);

	if (rc != 0) {
		p->first = e;
		return rc;
	}
	if (!writes || p->lost)
		return 0;
	ask_lock(p);
	if (p->default_retention || p->lost)
		return 0;
	p->caps.purge = CAP_UNKNOWN;
	ask_put(p);
	if (p->written)
		clean_up(p);
	return 0;
}

static int run(struct probe p, int (*how)(struct probe *p), struct s3_caps *c, struct s3_error *err)
{
	char token[17];
	int rc = random_hex(8, token);

	if (rc != 0)
		return rc;
	snprintf(p.key, sizeof(p.key), CAPS_PREFIX "%s", token);
	p.token = token;
	if ((rc = kv_set(&p.meta, TOKEN, token)) == 0)
		rc = how(&p);
	if (rc == 0)
		*c = p.caps;
	if (err)
		*err = p.first;
	for (size_t k = 0; k < p.n_made; k++)
		free(p.made[k]);
	kv_free(&p.meta);
	return rc;
}

int caps_probe(struct s3_client *c, struct s3_caps *ret_c, struct s3_error *err)
{
	return run((struct probe){ .client = c }, probe_all, ret_c, err);
}

int caps_check(struct s3_client *client, struct s3_caps *c, struct s3_error *err)
{
	return run((struct probe){ .client = client, .caps = *c }, probe_again, c, err);
}
