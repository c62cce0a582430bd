/* copy_parts.c - an object in parts: what is recorded is not sent again. */
#include "queue/copy_i.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/crash.h"
#include "base/log.h"
#include "s3/object.h"

#define SETTLE_STEP_MS 500

static uint64_t size_of(const struct copy *c, unsigned number)
{
	struct s3_range r = layout_range(&c->layout, number);

	return r.end - r.start;
}

static bool take_part(struct copy *c, struct copy_parts *p, const struct mpu_part *part)
{
	if (part->number < 1 || part->number > p->n || part->size != size_of(c, part->number) ||
	    !part->etag[0])
		return false;
	p->parts[part->number - 1] = *part;
	return true;
}

/* Records are for the next process; that one cannot be written down is no reason to stop. */
static void record_upload(struct copy *c, const char *id, enum mpu_sum sum)
{
	if (c->conf->on_upload(c->conf->arg, id, sum) < 0)
		log_debug("job=%lld result=\"upload not recorded\"", (long long)c->j->id);
}

void copy_record_part(const struct copy *c, const struct mpu_part *part)
{
	if (c->conf->on_part(c->conf->arg, part) < 0)
		log_debug("job=%lld part=%u result=unrecorded", (long long)c->j->id, part->number);
}

static void forget(struct copy *c, struct copy_parts *p)
{
	free(p->id);
	p->id = NULL;
	memset(p->parts, 0, p->n * sizeof(*p->parts));
	record_upload(c, NULL, MPU_SUM_NONE);
}

static void abort_upload(struct copy *c, struct copy_parts *p)
{
	if (p->id && mpu_abort(c->conf->dest, c->j->key, p->id, NULL) < 0)
		log_debug("job=%lld result=\"an upload was left behind\"", (long long)c->j->id);
	forget(c, p);
}

/* --- where it stands -------------------------------------------------------------------------- */

/* What is in flight ends by itself; nothing new begins. */
static int settle_early(struct copy *c)
{
	int err;

	do {
		if (copy_is_stopping(c))
			return -ECANCELED;
		err = upload_settle(c->early, clock_deadline(SETTLE_STEP_MS));
	} while (err == -ETIMEDOUT);
	return err;
}

/* What it has done by now, written down; also when the mount stops, for the next one. */
static void record_early(struct copy *c, struct copy_parts *p, struct mpu_part *room)
{
	size_t n = upload_parts(c->early, room, p->n);

	if (!c->j->upload_id || strcmp(c->j->upload_id, p->id) != 0)
		record_upload(c, p->id, p->sum);
	for (size_t i = 0; i < n; i++)
		if (take_part(c, p, &room[i]))
			copy_record_part(c, &room[i]);
}

static int take_early(struct copy *c, struct copy_parts *p)
{
	auto_free struct mpu_part *room = calloc(p->n, sizeof(*room));
	int settled;
	int err;

	settled = room ? settle_early(c) : -ENOMEM;
	if (settled == -ENOMEM)
		return settled;
	/* No multipart upload came of it. */
	if (settled == -EINVAL || !upload_id(c->early))
		return settled == -EINVAL ? 0 : settled;
	p->sum = upload_sum(c->early);
	err = str_dup(upload_id(c->early), &p->id);
	if (err < 0)
		return err;
	record_early(c, p, room);
	upload_forget(c->early);
	c->early = NULL;
	return settled;
}

static int take_recorded(struct copy *c, struct copy_parts *p)
{
	if (!c->j->upload_id)
		return 0;
	p->sum = c->j->upload_sum;
	for (size_t i = 0; i < c->conf->parts_n; i++)
		if (!take_part(c, p, &c->conf->parts[i]))
			log_debug("job=%lld part=%u result=\"not of this plan\"",
				  (long long)c->j->id, c->conf->parts[i].number);
	return str_dup(c->j->upload_id, &p->id);
}

/* --- one go ----------------------------------------------------------------------------------- */

static int create(struct copy *c, struct copy_parts *p)
{
	auto_with(replica_free) struct replica r = { 0 };
	int err;

	err = copy_make_replica(c, &r);
	err = err < 0 ? err
		      : mpu_create(c->conf->dest, c->j->key, &r.opts, &p->id, &p->sum, c->err);
	if (err == 0) {
		crash_point("copy.created");
		record_upload(c, p->id, p->sum);
		crash_point("copy.noted");
	}
	return err < 0 && copy_falls_back(c) ? create(c, p) : copy_name_lock(c, err);
}

static bool is_missing(const struct copy *c, const struct copy_parts *p, unsigned number)
{
	(void)c;
	return !p->parts[number - 1].number;
}

static int send_part(const struct copy *c, const struct copy_parts *p, unsigned number,
		     struct copy_body *b, struct mpu_part *ret_part, struct s3_error *e)
{
	int err;

	copy_body_aim(b, layout_range(&c->layout, number));
	err = mpu_part_put(c->conf->dest, c->j->key, p->id, p->sum, number, copy_body_read, b,
			   size_of(c, number), ret_part, e);
	if (err < 0)
		return err;
	crash_point("copy.part");
	ret_part->number = number;
	copy_record_part(c, ret_part);
	crash_point("copy.part_noted");
	return 0;
}

static uint64_t missing_bytes(const struct copy *c, const struct copy_parts *p)
{
	uint64_t bytes = 0;

	for (unsigned number = 1; number <= p->n; number++)
		if (is_missing(c, p, number))
			bytes += size_of(c, number);
	return bytes;
}

static int send_missing(struct copy *c, struct copy_parts *p)
{
	int err = copy_parts_from_base(c, p);
	uint64_t before = missing_bytes(c, p);

	if (err < 0)
		return err;
	err = copy_crew_run(c, p, is_missing, send_part);
	c->report.bytes += before - missing_bytes(c, p);
	if (err < 0)
		(void)copy_stored_others(c);
	return err;
}

static int complete(struct copy *c, struct copy_parts *p, struct s3_info *ret_i)
{
	auto_with(replica_free) struct replica r = { 0 };
	const char *name = copy_token_name(c);
	int err;

	crash_point("copy.before_complete");
	err = copy_make_replica(c, &r);
	err = err < 0 ? err
		      : mpu_complete_as(c->conf->dest, c->j->key, p->id, p->parts, p->n, name,
					copy_token_value(c), r.opts.origin, ret_i, c->err);
	if (err < 0)
		c->report.uncertain = c->err->unclear || err == -ECANCELED;
	else
		crash_point("copy.completed");
	/* what it has of the parts, or made of them, is of no use to the next try */
	if (err < 0 && (copy_stored_others(c) || strcmp(c->err->code, "BadDigest") == 0))
		abort_upload(c, p);
	return err;
}

static int send_all(struct copy *c, struct copy_parts *p, struct s3_info *ret_i)
{
	int err = 0;

	if (!p->id)
		err = create(c, p);
	if (err < 0 && copy_is_duplicate(c))
		return object_head(c->conf->dest, c->j->key, c->j->version, ret_i, c->err);
	err = err < 0 ? err : send_missing(c, p);
	return err < 0 ? err : complete(c, p, ret_i);
}

/* --- all of it -------------------------------------------------------------------------------- */

/* The upload is no use any more: gone, or its parts are not what was recorded. */
static bool is_spoilt(const struct copy *c, int err)
{
	static const char *const codes[] = {
		"NoSuchUpload",
		"InvalidPart",
		"InvalidPartOrder",
		"EntityTooSmall",
	};

	for (size_t i = 0; err < 0 && i < array_size(codes); i++)
		if (strcmp(c->err->code, codes[i]) == 0)
			return true;
	return false;
}

int copy_in_parts(struct copy *c, struct s3_info *ret_i)
{
	struct copy_parts p = { .n = c->layout.n };
	int err;

	p.parts = calloc(p.n, sizeof(*p.parts));
	if (!p.parts)
		return -ENOMEM;
	err = c->early ? take_early(c, &p) : 0;
	if (err == 0 && !p.id)
		err = take_recorded(c, &p);
	err = err < 0 ? err : send_all(c, &p, ret_i);
	/* Once more from the beginning; what fails again waits for its turn. */
	if (is_spoilt(c, err) && !c->report.at_source) {
		abort_upload(c, &p);
		*c->err = (struct s3_error){ .retry_after_ms = -1 };
		err = send_all(c, &p, ret_i);
	}
	if (err == 0)
		err = copy_check_etag(c, ret_i);
	if (err == -ENODATA)
		abort_upload(c, &p);
	else if (strcmp(c->err->code, COPY_DIFFERS) == 0 && err < 0)
		forget(c, &p);
	free(p.id);
	free(p.parts);
	return err;
}
