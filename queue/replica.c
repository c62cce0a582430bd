#include "queue/replica.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"

#define META_BYTES_MAX 2048 /* S3 User Guide, "User-defined object metadata" */
#define UUID_LEN       36

bool replica_is_kms(const char *sse)
{
	return sse && strncmp(sse, "aws:kms", strlen("aws:kms")) == 0;
}

static bool lacks(const struct replica_in *in, enum cap cap)
{
	return in->caps && cap == CAP_NO;
}

/* --- metadata --------------------------------------------------------------------------------- */

/* What does not fit is left out: it is not of the object itself. */
static int add_emulated(struct kv *meta, const char *name, const char *value)
{
	if (kv_bytes(meta) + strlen(name) + strlen(value) > META_BYTES_MAX)
		return 0;
	return kv_set(meta, name, value);
}

static int add_tags(const struct replica_in *in, struct kv *meta)
{
	auto_with(buf_free) struct buf b;
	int err;

	buf_init(&b, BUF_LIMIT_DOC);
	err = kv_to_query(&in->spec->tags, &b);
	return err < 0 ? err : add_emulated(meta, REPL_META_TAGS, buf_str(&b));
}

/* Of what the server cannot keep otherwise. */
static int emulate(const struct replica_in *in, struct kv *meta)
{
	int err = 0;

	if (!in->caps)
		return 0;
	if (lacks(in, in->caps->tags) && in->spec->tags.n > 0)
		err = add_tags(in, meta);
	if (err == 0 && lacks(in, in->caps->acl) && in->spec->acl && !in->how->owner_override)
		err = add_emulated(meta, REPL_META_ACL, in->spec->acl);
	return err;
}

static int make_meta(const struct replica_in *in, struct kv *meta)
{
	static const char *const own[] = { REPL_META_SOURCE_VERSION, REPL_META_SOURCE_TIME,
					   REPL_META_TAGS, REPL_META_ACL };
	char when[40];
	int err;

	err = kv_copy(meta, &in->spec->meta);
	for (size_t i = 0; i < array_size(own); i++)
		kv_del(meta, own[i]);
	err = err < 0 ? err : kv_set(meta, REPL_META_REPLICA, in->source_bucket);
	if (err == 0 && in->token)
		err = kv_set(meta, REPL_META_ID, in->token);
	if (err == 0 && in->version)
		err = kv_set(meta, REPL_META_SOURCE_VERSION, in->version);
	if (err == 0 && in->version && in->spec->mtime_ms > 0) {
		time_format_iso(in->spec->mtime_ms, when);
		err = kv_set(meta, REPL_META_SOURCE_TIME, when);
	}
	return err < 0 ? err : emulate(in, meta);
}

/* --- options ---------------------------------------------------------------------------------- */

static const char *pick_class(const struct replica_in *in)
{
	if (!in->storage_class)
		return in->spec->storage_class;
	return *in->storage_class ? in->storage_class : NULL;
}

/* S3 User Guide, "Changing the replica owner": the source's ACL is not copied then. */
static const char *pick_acl(const struct replica_in *in)
{
	if (in->caps && in->caps->acl == CAP_NO)
		return NULL;
	return in->how->owner_override ? "bucket-owner-full-control" : in->spec->acl;
}

/*
 * S3 User Guide, "Replicating encrypted objects": of the same kind, KMS with the rule's key. A
 * server that has no SSE-S3 keeps the replica as it keeps all else.
 */
static void pick_sse(const struct replica_in *in, struct s3_put_opts *o)
{
	if (replica_is_kms(in->spec->sse)) {
		o->sse = in->spec->sse;
		o->sse_key = in->how->kms_key;
	} else if (in->spec->sse && !(in->caps && in->caps->sse != CAP_YES)) {
		o->sse = in->spec->sse;
	}
}

static void pick_lock(const struct replica_in *in, struct s3_put_opts *o)
{
	if (in->spec->lock_mode && in->spec->retain_until_ms > in->now_ms) {
		o->lock_mode = in->spec->lock_mode;
		o->retain_until_ms = in->spec->retain_until_ms;
	}
	o->legal_hold = in->spec->legal_hold;
}

bool replica_is_uuid(const char *s)
{
	return s && strlen(s) == UUID_LEN && strspn(s, "0123456789abcdefABCDEF-") == UUID_LEN &&
	       s[8] == '-' && s[13] == '-' && s[18] == '-' && s[23] == '-';
}

static void pick_origin(const struct replica_in *in, struct replica *r)
{
	if (!in->caps || in->caps->minio != CAP_YES || in->anew)
		return;
	r->origin = (struct s3_origin){
		.version_id = replica_is_uuid(in->version) ? in->version : NULL,
		.mtime_ms = in->spec->mtime_ms,
		/* with KMS it is no digest of the bytes, and the answer to a PUT shall be one */
		.etag = replica_is_kms(in->spec->sse) ? NULL : in->spec->etag,
	};
	r->opts.origin = &r->origin;
}

int replica_make(const struct replica_in *in, struct replica *ret_r)
{
	int err;

	*ret_r = (struct replica){ 0 };
	err = make_meta(in, &ret_r->meta);
	if (err < 0) {
		replica_free(ret_r);
		return err;
	}
	ret_r->opts = (struct s3_put_opts){
		.meta = &ret_r->meta,
		.sys = &in->spec->sys,
		.storage_class = pick_class(in),
		.acl = pick_acl(in),
		.owner = in->how->account,
	};
	if (in->spec->tags.n > 0 && !(in->caps && lacks(in, in->caps->tags)))
		ret_r->opts.tags = &in->spec->tags;
	if (in->token)
		ret_r->opts.token_name = REPL_META_ID;
	else if (in->version)
		ret_r->opts.token_name = REPL_META_SOURCE_VERSION;
	pick_sse(in, &ret_r->opts);
	pick_lock(in, &ret_r->opts);
	pick_origin(in, ret_r);
	return 0;
}

void replica_free(struct replica *r)
{
	kv_free(&r->meta);
	*r = (struct replica){ 0 };
}

bool replica_equal(const struct replica *a, const struct replica *b)
{
	const struct s3_put_opts *p = &a->opts;
	const struct s3_put_opts *q = &b->opts;

	return kv_equal(&a->meta, &b->meta) && kv_equal(p->sys, q->sys) &&
	       str_same(p->storage_class, q->storage_class) && str_same(p->acl, q->acl) &&
	       str_same(p->sse, q->sse) && str_same(p->sse_key, q->sse_key) &&
	       str_same(p->owner, q->owner) && str_same(p->lock_mode, q->lock_mode) &&
	       p->retain_until_ms == q->retain_until_ms && p->legal_hold == q->legal_hold;
}
