#include "queue/job.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/codec.h"
#include "base/doc.h"
#include "base/json.h"
#include "base/log.h"

#define STATES 6 /* with 0: a job that has no row yet */

void job_spec_free(struct job_spec *s)
{
	free(s->etag);
	free(s->storage_class);
	kv_free(&s->meta);
	kv_free(&s->sys);
	kv_free(&s->tags);
	free(s->acl);
	free(s->sse);
	free(s->sse_key);
	free(s->lock_mode);
	job_base_free(&s->base);
	*s = (struct job_spec){ 0 };
}

static int copy_texts(struct job_spec *n, const struct job_spec *src)
{
	int r = str_dup(src->etag, &n->etag);

	r = r < 0 ? r : str_dup(src->storage_class, &n->storage_class);
	r = r < 0 ? r : str_dup(src->acl, &n->acl);
	r = r < 0 ? r : str_dup(src->sse, &n->sse);
	r = r < 0 ? r : str_dup(src->sse_key, &n->sse_key);
	return r < 0 ? r : str_dup(src->lock_mode, &n->lock_mode);
}

int job_spec_copy(struct job_spec *dst, const struct job_spec *src)
{
	struct job_spec n = { .known = src->known,
			      .size = src->size,
			      .mtime_ms = src->mtime_ms,
			      .multipart = src->multipart,
			      .retain_until_ms = src->retain_until_ms,
			      .legal_hold = src->legal_hold,
			      .ask_acl = src->ask_acl,
			      .ask_lock = src->ask_lock };
	int r = copy_texts(&n, src);

	r = r < 0 ? r : kv_copy(&n.meta, &src->meta);
	r = r < 0 ? r : kv_copy(&n.sys, &src->sys);
	r = r < 0 ? r : kv_copy(&n.tags, &src->tags);
	r = r < 0 ? r : job_base_copy(&n.base, &src->base);
	if (r < 0) {
		job_spec_free(&n);
		return r;
	}
	job_spec_free(dst);
	*dst = n;
	return 0;
}

void job_how_free(struct job_how *h)
{
	free(h->account);
	free(h->kms_key);
	*h = (struct job_how){ 0 };
}

void job_free(struct job *j)
{
	free(j->key);
	free(j->version);
	free(j->dest);
	free(j->rule_id);
	free(j->storage_class);
	job_how_free(&j->how);
	free(j->token);
	job_spec_free(&j->spec);
	free(j->staged);
	free(j->upload_id);
	free(j->replica_version);
	free(j->reason);
	free(j->code);
	free(j->why);
	*j = (struct job){ 0 };
}

bool job_is_pinned(const struct job *j)
{
	return j->version && strcmp(j->version, "null") != 0;
}

const char *job_kind_name(enum job_kind k)
{
	switch (k) {
	case JOB_OBJECT: return "object";
	case JOB_TAGS: return "tags";
	case JOB_DELETE: return "delete";
	case JOB_ACL: return "acl";
	case JOB_RETENTION: return "retention";
	case JOB_LEGAL_HOLD: return "legal-hold";
	}
	return "unknown";
}

bool job_kind_is_change(enum job_kind k)
{
	return k != JOB_OBJECT && k != JOB_DELETE;
}

const char *job_state_name(enum job_state s)
{
	switch (s) {
	case JOB_WAITING: return "waiting";
	case JOB_READY: return "ready";
	case JOB_CLAIMED: return "claimed";
	case JOB_DONE: return "done";
	case JOB_PARKED: return "parked";
	}
	return "unknown";
}

const char *job_status_name(enum job_state s)
{
	switch (s) {
	case JOB_WAITING:
	case JOB_READY:
	case JOB_CLAIMED: return "PENDING";
	case JOB_DONE: return "COMPLETED";
	case JOB_PARKED: return "FAILED";
	}
	return "";
}

bool job_step_legal(enum job_state from, enum job_state to)
{
	static const bool legal[STATES][STATES] = {
		[0] = { [JOB_WAITING] = true, [JOB_READY] = true },
		[JOB_WAITING] = { [JOB_READY] = true },
		[JOB_READY] = { [JOB_CLAIMED] = true },
		[JOB_CLAIMED] = { [JOB_DONE] = true, [JOB_READY] = true, [JOB_PARKED] = true },
		[JOB_PARKED] = { [JOB_READY] = true },
	};

	return (unsigned)from < STATES && (unsigned)to < STATES && legal[from][to];
}

void job_step(struct job *j, enum job_state to)
{
	if (!job_step_legal(j->state, to)) {
		log_error("job=%lld step from=%s to=%s is not legal", (long long)j->id,
			  job_state_name(j->state), job_state_name(to));
		abort();
	}
	j->state = to;
}

/*
 * The lists go into the JSON as percent-encoded queries: metadata from a server may be any bytes,
 * and JSON would not bring back what is not UTF-8.
 */
static int kv_to_json(struct json_out *j, const char *name, const struct kv *kv)
{
	auto_with(buf_free) struct buf b;
	int r;

	buf_init(&b, BUF_LIMIT_DOC);
	r = kv_to_query(kv, &b);
	if (r == 0)
		json_str(j, name, buf_str(&b));
	return r;
}

static void add_text(struct json_out *j, const char *name, const char *value)
{
	if (value)
		json_str(j, name, value);
}

static void add_flag(struct json_out *j, const char *name, bool value)
{
	if (value)
		json_bool(j, name, true);
}

/* What few versions have is left out where they have it not. */
static void add_protection(struct json_out *j, const struct job_spec *s)
{
	add_text(j, "acl", s->acl);
	add_text(j, "sse", s->sse);
	add_text(j, "sse_key", s->sse_key);
	add_text(j, "lock_mode", s->lock_mode);
	if (s->retain_until_ms)
		json_i64(j, "retain_until", s->retain_until_ms);
	add_flag(j, "legal_hold", s->legal_hold);
	add_flag(j, "ask_acl", s->ask_acl);
	add_flag(j, "ask_lock", s->ask_lock);
}

int job_spec_to_json(const struct job_spec *s, struct buf *out)
{
	struct json_out j;
	int r;

	if (s->size > INT64_MAX)
		return -EINVAL; /* JSON readers and SQL end there */
	json_start(&j, out, false);
	json_open(&j, NULL, '{');
	json_bool(&j, "known", s->known);
	json_u64(&j, "size", s->size);
	json_str(&j, "etag", s->etag);
	json_str(&j, "class", s->storage_class);
	json_i64(&j, "mtime", s->mtime_ms);
	json_bool(&j, "multipart", s->multipart);
	r = kv_to_json(&j, "meta", &s->meta);
	if (r == 0)
		r = kv_to_json(&j, "sys", &s->sys);
	if (r == 0)
		r = kv_to_json(&j, "tags", &s->tags);
	add_protection(&j, s);
	job_base_to_json(&s->base, &j);
	json_close(&j, '}');
	return r < 0 ? r : out->error;
}

static int read_bool(const struct doc_node *root, const char *name, bool *ret_v)
{
	const struct doc_node *n = doc_child(root, name);

	if (!n || n->kind != DOC_BOOL)
		return -EINVAL;
	*ret_v = strcmp(n->text, "true") == 0;
	return 0;
}

static const char *read_number(const struct doc_node *root, const char *name)
{
	const struct doc_node *n = doc_child(root, name);

	return n && n->kind == DOC_NUMBER ? n->text : ""; /* "" is no number to parse_* */
}

static int read_text(const struct doc_node *root, const char *name, char **ret_v)
{
	const struct doc_node *n = doc_child(root, name);

	if (!n || (n->kind != DOC_STRING && n->kind != DOC_NULL))
		return -EINVAL;
	return str_dup(n->kind == DOC_NULL ? NULL : n->text, ret_v);
}

static int read_kv(const struct doc_node *root, const char *name, struct kv *ret_kv)
{
	const struct doc_node *n = doc_child(root, name);
	int r;

	if (!n || n->kind != DOC_STRING)
		return -EINVAL;
	r = kv_from_query(n->text, ret_kv);
	return r == -EEXIST ? -EINVAL : r;
}

/* Missing is none. */
static int maybe_text(const struct doc_node *root, const char *name, char **ret_v)
{
	return doc_child(root, name) ? read_text(root, name, ret_v) : 0;
}

static int maybe_bool(const struct doc_node *root, const char *name, bool *ret_v)
{
	return doc_child(root, name) ? read_bool(root, name, ret_v) : 0;
}

static int read_protection(const struct doc_node *root, struct job_spec *ret_s)
{
	int r = maybe_text(root, "acl", &ret_s->acl);

	r = r < 0 ? r : maybe_text(root, "sse", &ret_s->sse);
	r = r < 0 ? r : maybe_text(root, "sse_key", &ret_s->sse_key);
	r = r < 0 ? r : maybe_text(root, "lock_mode", &ret_s->lock_mode);
	r = r < 0 ? r : maybe_bool(root, "legal_hold", &ret_s->legal_hold);
	r = r < 0 ? r : maybe_bool(root, "ask_acl", &ret_s->ask_acl);
	r = r < 0 ? r : maybe_bool(root, "ask_lock", &ret_s->ask_lock);
	if (r == 0 && doc_child(root, "retain_until") &&
	    parse_i64(read_number(root, "retain_until"), &ret_s->retain_until_ms) < 0)
		r = -EINVAL;
	return r;
}

static int read_spec(const struct doc_node *root, struct job_spec *ret_s)
{
	int r;

	r = read_bool(root, "known", &ret_s->known);
	if (r == 0)
		r = read_bool(root, "multipart", &ret_s->multipart);
	if (r == 0 && (parse_u64(read_number(root, "size"), &ret_s->size) < 0 ||
		       parse_i64(read_number(root, "mtime"), &ret_s->mtime_ms) < 0))
		r = -EINVAL;
	if (r == 0)
		r = read_text(root, "etag", &ret_s->etag);
	if (r == 0)
		r = read_text(root, "class", &ret_s->storage_class);
	if (r == 0)
		r = read_kv(root, "meta", &ret_s->meta);
	if (r == 0)
		r = read_kv(root, "sys", &ret_s->sys);
	if (r == 0)
		r = read_kv(root, "tags", &ret_s->tags);
	r = r < 0 ? r : read_protection(root, ret_s);
	return r < 0 ? r : job_base_from_json(root, &ret_s->base);
}

int job_spec_from_json(const char *text, struct job_spec *ret_s)
{
	auto_with(doc_free_ptr) struct doc_node *root = NULL;
	struct job_spec s = { 0 };
	struct doc_error err;
	int r;

	r = json_read(text, strlen(text), &root, &err);
	if (r == 0)
		r = read_spec(root, &s);
	if (r < 0) {
		job_spec_free(&s);
		return r;
	}
	*ret_s = s;
	return 0;
}

int job_how_to_json(const struct job_how *h, struct buf *out)
{
	struct json_out j;

	json_start(&j, out, false);
	json_open(&j, NULL, '{');
	add_flag(&j, "owner_override", h->owner_override);
	add_flag(&j, "replicas", h->replicas);
	add_flag(&j, "hide", h->hide);
	add_text(&j, "account", h->account);
	add_text(&j, "kms_key", h->kms_key);
	if (h->threshold_minutes)
		json_i64(&j, "threshold", h->threshold_minutes);
	json_close(&j, '}');
	return out->error;
}

static int read_how(const struct doc_node *root, struct job_how *ret_h)
{
	int64_t minutes = 0;
	int r = maybe_bool(root, "owner_override", &ret_h->owner_override);

	r = r < 0 ? r : maybe_bool(root, "replicas", &ret_h->replicas);
	r = r < 0 ? r : maybe_bool(root, "hide", &ret_h->hide);
	r = r < 0 ? r : maybe_text(root, "account", &ret_h->account);
	r = r < 0 ? r : maybe_text(root, "kms_key", &ret_h->kms_key);
	if (r == 0 && doc_child(root, "threshold") &&
	    (parse_i64(read_number(root, "threshold"), &minutes) < 0 || minutes < 0 ||
	     minutes > INT32_MAX))
		r = -EINVAL;
	ret_h->threshold_minutes = (int32_t)minutes;
	return r;
}

int job_how_from_json(const char *text, struct job_how *ret_h)
{
	auto_with(doc_free_ptr) struct doc_node *root = NULL;
	struct job_how h = { 0 };
	struct doc_error err;
	int r;

	if (!text || !*text) {
		*ret_h = h;
		return 0;
	}
	r = json_read(text, strlen(text), &root, &err);
	if (r == 0)
		r = read_how(root, &h);
	if (r < 0) {
		job_how_free(&h);
		return r;
	}
	*ret_h = h;
	return 0;
}
