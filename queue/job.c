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
	*s = (struct job_spec){ 0 };
}

int job_spec_copy(struct job_spec *dst, const struct job_spec *src)
{
	struct job_spec n = { .known = src->known,
			      .size = src->size,
			      .mtime_ms = src->mtime_ms,
			      .multipart = src->multipart };
	int r;

	r = str_dup(src->etag, &n.etag);
	if (r == 0)
		r = str_dup(src->storage_class, &n.storage_class);
	if (r == 0)
		r = kv_copy(&n.meta, &src->meta);
	if (r == 0)
		r = kv_copy(&n.sys, &src->sys);
	if (r == 0)
		r = kv_copy(&n.tags, &src->tags);
	if (r < 0) {
		job_spec_free(&n);
		return r;
	}
	job_spec_free(dst);
	*dst = n;
	return 0;
}

void job_free(struct job *j)
{
	free(j->key);
	free(j->version);
	free(j->dest);
	free(j->rule_id);
	free(j->storage_class);
	free(j->token);
	job_spec_free(&j->spec);
	free(j->staged);
	free(j->upload_id);
	free(j->replica_version);
	free(j->code);
	free(j->why);
	*j = (struct job){ 0 };
}

const char *job_kind_name(enum job_kind k)
{
	switch (k) {
	case JOB_OBJECT: return "object";
	case JOB_TAGS: return "tags";
	case JOB_DELETE: return "delete";
	}
	return "unknown";
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
	return r;
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
