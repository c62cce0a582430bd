/*
 * copy_spec.c - questions to the source (what does the version carry?) and to the destination (is
 * it there already?).
 */
#include "queue/copy_i.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "s3/list.h"
#include "s3/object.h"
#include "s3/part.h"
#include "s3/tagging.h"

/*
 * A replica may bear the time at which its upload was begun, long before the source was
 * acknowledged.
 */
#define FIND_SINCE_MS ((int64_t)7 * 24 * 3600 * 1000)

/*
 * The version is there for good, so what is gone was removed by somebody with a lifecycle rule or a
 * delete by version id.
 */
static int source_gone(struct copy *c, int err)
{
	c->report.at_source = true;
	if (err == -ENOENT || (err == -ESTALE && !job_is_pinned(c->j)))
		return copy_nothing(c, "the source version is gone");
	return err;
}

static void take_protection(struct job_spec *s, struct s3_info *i)
{
	free(s->sse);
	free(s->sse_key);
	free(s->lock_mode);
	s->sse = take_ptr(&i->sse);
	s->sse_key = take_ptr(&i->sse_key);
	s->lock_mode = take_ptr(&i->lock_mode);
	s->retain_until_ms = i->retain_until_ms;
	s->legal_hold = i->legal_hold == 1;
}

static int spec_from_info(struct job_spec *s, struct s3_info *i)
{
	int err;

	s->size = i->size;
	s->mtime_ms = i->mtime_ms;
	kv_move(&s->meta, &i->meta);
	kv_move(&s->sys, &i->sys);
	take_protection(s, i);
	err = str_dup(i->etag, &s->etag);
	return err < 0 ? err : str_dup(i->storage_class, &s->storage_class);
}

/* S3 refuses a HEAD of it with 400, as it does for nothing else that we ask. */
static int not_eligible(struct copy *c)
{
	c->report.at_source = true;
	*c->err = (struct s3_error){ .status = c->err->status,
				     .class = FAULT_BAD,
				     .retry_after_ms = -1 };
	snprintf(c->err->op, sizeof(c->err->op), "HeadObject");
	snprintf(c->err->code, sizeof(c->err->code), COPY_NOT_ELIGIBLE);
	snprintf(c->err->message, sizeof(c->err->message),
		 "it cannot be read without a customer's key (SSE-C)");
	return -EIO;
}

static int head_source(struct copy *c, struct s3_info *ret_i)
{
	int err = object_head(c->conf->source, c->j->key, c->j->version, ret_i, c->err);

	if (err < 0 && c->err->status == 400)
		return not_eligible(c);
	if (err < 0)
		return source_gone(c, err);
	if (ret_i->sse_customer)
		return not_eligible(c);
	return ret_i->delete_marker ? copy_nothing(c, "it is a delete marker") : 0;
}

/* A bucket that takes no ACLs has none to copy. */
static int ask_acl(struct copy *c, struct job_spec *s)
{
	const char *canned;
	int err;

	if (c->j->how.owner_override)
		return 0;
	err = acl_get(c->conf->source, c->j->key, c->j->version, &c->acl, c->err);
	if (err < 0 && acl_is_refused(c->err))
		return 0;
	if (err < 0)
		return source_gone(c, err);
	canned = acl_canned(&c->acl);
	if (!canned)
		return 0;
	acl_free(&c->acl);
	free(s->acl);
	s->acl = NULL;
	/* what it gets anyway */
	return strcmp(canned, "private") == 0 ? 0 : str_dup(canned, &s->acl);
}

static int ask_all(struct copy *c, struct job_spec *s)
{
	auto_with(s3_info_free) struct s3_info info = { 0 };
	int err;

	err = head_source(c, &info);
	err = err < 0 ? err : spec_from_info(s, &info);
	if (err == 0 && info.tag_count != 0) {
		err = tagging_get(c->conf->source, c->j->key, c->j->version, &s->tags, c->err);
		if (err < 0)
			err = source_gone(c, err);
	}
	return err < 0 ? err : ask_acl(c, s);
}

/* What the writer could not know: the bucket gave it. */
static int ask_rest(struct copy *c, struct job_spec *s)
{
	auto_with(s3_info_free) struct s3_info info = { 0 };
	int err = s->ask_lock ? head_source(c, &info) : 0;

	if (err < 0)
		return err;
	if (s->ask_lock)
		take_protection(s, &info);
	return s->ask_acl ? ask_acl(c, s) : 0;
}

/*
 * S3 User Guide, "Replicating encrypted objects": not without SseKmsEncryptedObjects, which comes
 * with the key. Where the encryption was known the rules have looked at it already.
 */
static int check_eligible(struct copy *c)
{
	if (kv_get(&c->spec.meta, REPL_META_REPLICA) && !c->j->how.replicas)
		return copy_nothing(c, "it is a replica itself");
	if (replica_is_kms(c->spec.sse) && !c->j->how.kms_key)
		return copy_nothing(c,
				    "it is encrypted with SSE-KMS, which the rule does not select");
	return 0;
}

int copy_learn_spec(struct copy *c)
{
	const char *token = c->j->token;
	unsigned n = 0;
	int err;

	if (c->j->spec.known) {
		err = job_spec_copy(&c->spec, &c->j->spec);
		err = err < 0 ? err : ask_rest(c, &c->spec);
	} else {
		c->spec.known = true;
		err = ask_all(c, &c->spec);
	}
	if (err < 0)
		return err;
	/* Whoever wrote the row may not have known how the version was made; its ETag tells. */
	if (copy_etag_form(c->spec.etag, &n) && n > 0)
		c->spec.multipart = true;
	err = check_eligible(c);
	return err < 0 ? err
		       : str_dup(token ? token : kv_get(&c->spec.meta, REPL_META_ID), &c->token);
}

/* --- the parts it was made in ----------------------------------------------------------------- */

/* 1 = told, 0 = the server does not tell. */
static int part_size_of(struct copy *c, unsigned number, unsigned n, uint64_t *ret_size)
{
	unsigned parts = 0;
	int err = object_head_part(c->conf->source, c->j->key, c->j->version, number, ret_size,
				   &parts, c->err);

	if (err < 0)
		return source_gone(c, err);
	return parts == n;
}

/* Parts of many sizes: each is asked for. */
static int list_parts(struct copy *c, unsigned n)
{
	auto_free uint64_t *ends = calloc(n, sizeof(*ends));
	uint64_t end = 0;

	if (!ends)
		return -ENOMEM;
	for (unsigned i = 0; i < n; i++) {
		uint64_t size = 0;
		int r = copy_is_stopping(c) ? -ECANCELED : part_size_of(c, i + 1, n, &size);

		if (r < 0)
			return r;
		end += size;
		if (r == 0 || end > c->spec.size || (size == 0 && n > 1))
			return 0;
		ends[i] = end;
	}
	if (end == c->spec.size) {
		layout_free(&c->layout);
		layout_listed(c->spec.size, n, take_ptr(&ends), &c->layout);
	}
	return 0;
}

/* The bytes of a whole file that is staged here came in our parts, whoever wrote the row. */
static bool made_by_us(const struct copy *c, unsigned n)
{
	return c->token && (c->early || c->j->upload_id || n == part_count(c->spec.size));
}

int copy_learn_layout(struct copy *c)
{
	uint64_t first = 0;
	unsigned n = 0;
	int r;

	layout_ours(c->spec.size, &c->layout);
	if (!copy_etag_form(c->spec.etag, &n) || n == 0 || made_by_us(c, n))
		return 0;
	/* One part is all of it, whatever the server tells. */
	first = max_of(c->spec.size, (uint64_t)1);
	r = n == 1 ? 1 : part_size_of(c, 1, n, &first);
	if (r < 0)
		return r;
	if (r == 0) {
		layout_guess(c->spec.size, n, &c->layout);
		return 0;
	}
	if (n == part_count(c->spec.size) && first == layout_range(&c->layout, 1).end) {
		c->layout.is_source = true;
		return 0;
	}
	return layout_even(c->spec.size, n, first, &c->layout) ? 0 : list_parts(c, n);
}

/* --- the time of a version -------------------------------------------------------------------- */

bool copy_is_for_minio(const struct copy *c)
{
	/* a repair must become the newest: it is a version of today */
	return c->conf->caps && c->conf->caps->minio == CAP_YES && c->j->version && !c->j->repair;
}

struct listed {
	const char *version;
	int64_t mtime_ms;
};

static int note_time(void *arg, const struct s3_entry *e)
{
	struct listed *l = arg;

	if (strcmp(e->version_id, l->version) != 0)
		return 0;
	l->mtime_ms = e->mtime_ms;
	return 1;
}

/*
 * MinIO orders the history of a key by the times of its versions, so a replica gets the source's,
 * which a list alone tells to the millisecond. Where it tells seconds, *ms, when we heard of the
 * version, keeps those of one second in order.
 */
int copy_learn_time(struct copy *c, int64_t *ms)
{
	struct listed l = { .version = c->j->version };
	int err = list_versions_of(c->conf->source, c->j->key, note_time, &l, c->err);

	if (err < 0) {
		c->report.at_source = true;
		return err;
	}
	if (l.mtime_ms % 1000 != 0)
		*ms = l.mtime_ms;
	else if (l.mtime_ms != 0)
		*ms = min_of(max_of(*ms, l.mtime_ms), l.mtime_ms + 999);
	return 0;
}

/* --- the destination -------------------------------------------------------------------------- */

const char *copy_token_name(const struct copy *c)
{
	return c->token ? REPL_META_ID : c->j->version ? REPL_META_SOURCE_VERSION : NULL;
}

const char *copy_token_value(const struct copy *c)
{
	return c->token ? c->token : c->j->version;
}

/* A copy within the source has the token of the version it was made of. */
static bool is_of_another(const struct copy *c, const struct s3_info *i)
{
	const char *of = kv_get(&i->meta, REPL_META_SOURCE_VERSION);

	return of && c->j->version && strcmp(of, c->j->version) != 0;
}

static int find_there(struct copy *c, const char *name, const char *value, struct s3_info *ret_i)
{
	/* The row of an old version may be young. */
	int64_t born =
		c->spec.mtime_ms ? min_of(c->spec.mtime_ms, c->j->created_ms) : c->j->created_ms;
	int64_t since = max_of(born - FIND_SINCE_MS, (int64_t)0);
	int err = object_find(c->conf->dest, c->j->key, name, value, since, ret_i, c->err);

	if (err == -ENOENT)
		*c->err = (struct s3_error){ .retry_after_ms = -1 };
	return err == 0 ? 1 : err == -ENOENT ? 0 : err;
}

int copy_ask_dest(struct copy *c, struct s3_info *ret_i)
{
	const char *name = copy_token_name(c);
	int r;

	if (!name)
		return 0;
	if (!copy_keeps_versions(c))
		return copy_is_current(c, ret_i);
	r = find_there(c, name, copy_token_value(c), ret_i);
	if (r != 1 || !is_of_another(c, ret_i))
		return r;
	s3_info_free(ret_i);
	return find_there(c, REPL_META_SOURCE_VERSION, c->j->version, ret_i);
}

int copy_is_current(struct copy *c, struct s3_info *ret_i)
{
	auto_with(s3_info_free) struct s3_info now = { 0 };
	const char *name = copy_token_name(c);
	const char *theirs;
	int err = object_head(c->conf->dest, c->j->key, NULL, &now, c->err);

	if (err == -ENOENT) {
		*c->err = (struct s3_error){ .retry_after_ms = -1 };
		return 0;
	}
	if (err < 0)
		return err;
	theirs = name ? kv_get(&now.meta, name) : NULL;
	if (!theirs || strcmp(theirs, copy_token_value(c)) != 0 || is_of_another(c, &now))
		return 0;
	*ret_i = now;
	now = (struct s3_info){ 0 };
	return 1;
}
