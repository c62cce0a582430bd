/*
 * copy_base.c - what the destination has already is copied there: the bytes of the version that
 * this one was made of (queue/job_base.h), out of its replica. It saves sending them, and is never
 * needed: whatever is in its way, they are sent.
 */
#include "queue/copy_i.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/crash.h"
#include "base/log.h"
#include "s3/mpu.h"
#include "s3/object.h"
#include "s3/part.h"

static void give_up(struct copy *c, const char *why)
{
	log_info("job=%lld result=\"the bytes are sent, not copied at the destination\" why=\"%s\"",
		 (long long)c->j->id, why);
	c->base.usable = false;
}

/* What another try would not change. Whoever is refused for another reason is told so when he
 * sends. */
static bool is_refused(const struct s3_error *e)
{
	return e->status != 0 && !e->unclear && e->class != FAULT_RETRY && e->class != FAULT_NONE &&
	       strcmp(e->code, "NoSuchUpload") != 0;
}

/* Takes the error along. */
static bool gave_up(struct copy *c, int err)
{
	char text[400];

	if (err >= 0 || !is_refused(c->err))
		return false;
	give_up(c, s3_error_text(c->err, text, sizeof(text)));
	*c->err = (struct s3_error){ .retry_after_ms = -1 };
	return true;
}

/* A version id is for ever, and S3's "null" is not: then the bytes of today must be those. */
static bool is_pinned(const char *version)
{
	return version && *version && strcmp(version, "null") != 0;
}

static bool is_replica(const struct job_base *b, const struct s3_info *i)
{
	const char *of = kv_get(&i->meta, REPL_META_SOURCE_VERSION);

	if (i->size != b->size || i->delete_marker || i->sse_customer || !i->etag)
		return false;
	if (of && is_pinned(b->version))
		return strcmp(of, b->version) == 0;
	return b->etag && strcmp(b->etag, i->etag) == 0;
}

/* Somebody may have overwritten it, here or there. */
static int look_at_replica(struct copy *c)
{
	auto_with(s3_info_free) struct s3_info i = { 0 };
	const struct job_base *b = &c->spec.base;
	int err = object_head(c->conf->dest, b->key, c->base.version, &i, c->err);

	if (gave_up(c, err))
		return 0;
	if (err < 0)
		return err;
	if (!is_replica(b, &i)) {
		give_up(c, "its replica is not there any more");
		return 0;
	}
	c->base.etag = take_ptr(&i.etag);
	return 0;
}

static bool lacks(enum cap cap)
{
	return cap == CAP_NO || cap == CAP_DENIED;
}

/* It was not there when it was asked last: no fault of the copies. */
static bool was_away(const struct job *j)
{
	return j->code && strcmp(j->code, "Transport") == 0 && !j->uncertain;
}

int copy_learn_base(struct copy *c)
{
	const struct job_base *b = &c->spec.base;
	const char *version = c->conf->base_version;
	const struct s3_caps *caps = c->conf->caps;
	/* A replica that differed may have been made so. */
	bool distrust = c->j->code && strcmp(c->j->code, COPY_DIFFERS) == 0;
	bool in_parts = copy_is_for_minio(c) || c->j->upload_id || c->early ||
			!job_base_is_whole(b, c->spec.size);

	/* A server that only fails at copies would keep the bytes from ever getting there. */
	if (c->j->attempt > 0 && !was_away(c->j))
		return 0;
	/* Three requests, for so few bytes. */
	if (copy_is_for_minio(c) && min_of(b->size, c->spec.size) <= PART_SIZE_MIN)
		return 0;
	if (!b->key || !version || distrust || (caps && lacks(caps->get)) ||
	    (in_parts && caps && (lacks(caps->part_copy) || lacks(caps->multipart))))
		return 0;
	c->base.usable = true;
	c->base.version = *version ? version : NULL;
	return is_pinned(b->version) && is_pinned(version) ? 0 : look_at_replica(c);
}

/* --- all of it -------------------------------------------------------------------------------- */

/* MinIO takes the id of the source's version for an upload, in parts or not, and not for a copy. An
 * upload that was begun is gone on with: nobody else would end it. */
static bool is_one_request(const struct copy *c)
{
	return c->base.usable && !copy_is_for_minio(c) && !c->j->upload_id && !c->early &&
	       job_base_is_whole(&c->spec.base, c->spec.size);
}

static int copy_whole(struct copy *c, struct s3_info *ret_i)
{
	static const struct kv none = KV_EMPTY;
	const struct s3_caps *caps = c->conf->caps;
	auto_with(replica_free) struct replica r = { 0 };
	int err = copy_make_replica(c, &r);

	if (err < 0)
		return err;
	/* The new version has none, whatever the old one had. */
	if (!r.opts.tags && !(caps && caps->tags == CAP_NO))
		r.opts.tags = &none;
	err = object_copy(c->conf->dest, c->spec.base.key, c->base.version, c->base.etag,
			  c->spec.size, c->j->key, &r.opts, ret_i, c->err);
	if (err < 0)
		c->report.uncertain = c->err->unclear || err == -ECANCELED;
	else
		crash_point("copy.from_base");
	return err;
}

int copy_from_base(struct copy *c, struct s3_info *ret_i)
{
	int err;

	if (!is_one_request(c))
		return 0;
	do
		err = copy_whole(c, ret_i);
	while (err < 0 && copy_falls_back(c));
	if (gave_up(c, err))
		return 0;
	err = err < 0 ? err : copy_check_etag(c, ret_i);
	return err < 0 ? err : 1;
}

/* --- parts of it ------------------------------------------------------------------------------ */

static bool is_of_base(const struct copy *c, const struct copy_parts *p, unsigned number)
{
	return !p->parts[number - 1].number &&
	       job_base_has(&c->spec.base, layout_range(&c->layout, number));
}

/* Nothing passes through here: a copy is little more than a round trip. */
static int copy_part(const struct copy *c, const struct copy_parts *p, unsigned number,
		     struct copy_body *b, struct mpu_part *ret_part, struct s3_error *e)
{
	int err = mpu_part_copy(c->conf->dest, c->j->key, p->id, p->sum, number, c->spec.base.key,
				c->base.version, c->base.etag, layout_range(&c->layout, number),
				ret_part, e);

	(void)b;
	if (err == 0)
		copy_record_part(c, ret_part);
	return err;
}

int copy_parts_from_base(struct copy *c, struct copy_parts *p)
{
	int err = c->base.usable ? copy_crew_run(c, p, is_of_base, copy_part) : 0;

	if (err < 0)
		c->report.uncertain = c->err->unclear; /* it was there, and did not say */
	return gave_up(c, err) ? 0 : err;
}
