/*
 * copy_base.c - what the destination has already is copied there: the bytes of the version that
 * this one was made of (queue/job_base.h), out of its replica. It saves sending them, and is never
 * needed: whatever is in its way, they are sent.
 */
#include "queue/copy_i.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "s3/mpu.h"
#include "s3/object.h"

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

/* Without a version id somebody may have overwritten it: the object tells whether it is still the
 * replica. */
static bool is_replica(const struct job_base *b, const struct s3_info *i)
{
	const char *of = kv_get(&i->meta, REPL_META_SOURCE_VERSION);

	if (i->size != b->size || i->delete_marker || i->sse_customer)
		return false;
	if (of && b->version)
		return strcmp(of, b->version) == 0;
	return b->etag && i->etag && strcmp(b->etag, i->etag) == 0;
}

static int learn_unversioned(struct copy *c)
{
	auto_with(s3_info_free) struct s3_info i = { 0 };
	const struct job_base *b = &c->spec.base;
	int err = object_head(c->conf->dest, b->key, NULL, &i, c->err);

	if (gave_up(c, err))
		return 0;
	if (err < 0)
		return err;
	if (!i.etag || !is_replica(b, &i)) {
		give_up(c, "its replica is not there any more");
		return 0;
	}
	c->base.etag = take_ptr(&i.etag);
	return 0;
}

int copy_learn_base(struct copy *c)
{
	const char *version = c->conf->base_version;
	const struct s3_caps *caps = c->conf->caps;
	/* A replica that differed may have been made so. */
	bool distrust = c->j->code && strcmp(c->j->code, COPY_DIFFERS) == 0;
	bool needs_parts = copy_is_for_minio(c) || !job_base_is_whole(&c->spec.base, c->spec.size);

	if (!c->spec.base.key || !version || distrust)
		return 0;
	if (needs_parts && caps && (caps->part_copy == CAP_NO || caps->multipart == CAP_NO))
		return 0;
	c->base.usable = true;
	if (!*version)
		return learn_unversioned(c);
	c->base.version = version;
	return 0;
}

/* --- all of it -------------------------------------------------------------------------------- */

/* MinIO takes the id of the source's version for an upload, in parts or not, and not for a copy. */
static bool is_one_request(const struct copy *c)
{
	return c->base.usable && !copy_is_for_minio(c) &&
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

/* --- a part of it ----------------------------------------------------------------------------- */

int copy_part_from_base(struct copy *c, const char *id, unsigned number, struct mpu_part *ret_part)
{
	struct s3_range range = layout_range(&c->layout, number);
	int err;

	if (!c->base.usable || !job_base_has(&c->spec.base, range))
		return 0;
	err = mpu_part_copy(c->conf->dest, c->j->key, id, number, c->spec.base.key, c->base.version,
			    c->base.etag, range, ret_part, c->err);
	if (gave_up(c, err))
		return 0;
	return err < 0 ? err : 1;
}
