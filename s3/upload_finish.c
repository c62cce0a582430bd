/* upload_finish.c - the end of an upload: what differs goes out, one version comes to be. See
 * upload.h, upload_i.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/crash.h"

#include "s3/lock.h"
#include "s3/object.h"
#include "s3/part.h"
#include "s3/tagging.h"
#include "s3/upload_i.h"
#include "s3/verb_i.h"

/* How often finish sends again what was changed in the meantime before it gives up. */
#define ROUNDS_MAX 8

static void wait_idle_locked(struct upload *u)
{
	lock_assert_held(&u->lock);
	while (u->locked.active > 0)
		cond_wait(&u->changed, &u->lock);
}

static int changing(struct s3_error *e)
{
	(void)!verb_refuse(-EAGAIN, "the bytes did not stop changing while they were sent", e);
	e->class = FAULT_CONFLICT;
	return -EAGAIN;
}

static int read_memory(void *arg, void *dst, size_t n, uint64_t off)
{
	memcpy(dst, (const char *)arg + off, n);
	return 0;
}

/* A small object is read in one generation before it is sent, so that its one version is no
 * mixture. */
static int read_small(struct upload *u, char *dst, size_t size, uint64_t *ret_gen,
		      struct s3_error *e)
{
	for (int round = 0; round < ROUNDS_MAX; round++) {
		uint64_t gen = u->src.gen(u->src.arg, 1);
		int rc = size > 0 ? u->src.read(u->src.arg, dst, size, 0) : 0;

		if (rc != 0)
			return verb_refuse(rc, "the bytes to send could not be read", e);
		if (u->src.gen(u->src.arg, 1) == gen) {
			*ret_gen = gen;
			return 0;
		}
	}
	return changing(e);
}

/* The same bytes once more, after an answer that was lost for good: perhaps they are a version
 * already. */
static int made_before(struct upload *u, uint64_t gen, uint64_t size, struct s3_info *ret_i,
		       struct s3_error *e)
{
	const char *name = u->locked.opts.token_name,
		   *value = name ? kv_get(&u->locked.opts.meta, name) : NULL;
	bool maybe;

	lock_take(&u->lock);
	maybe = u->locked.unclear_gen == gen && u->locked.unclear_size == size;
	lock_drop(&u->lock);
	if (!maybe || !value)
		return -ENOENT;
	return object_find(u->client, u->key, name, value, 0, ret_i, e);
}

static int put_bytes(struct upload *u, char *bytes, uint64_t size, uint64_t gen,
		     struct s3_info *ret_i, struct s3_error *e)
{
	struct s3_put_opts opts = upload_opts_view(&u->locked.opts); /* fixed while PUTTING */
	int rc = made_before(u, gen, size, ret_i, e);

	if (rc == -ENOENT)
		return object_put(u->client, u->key, &opts, read_memory, bytes, size, ret_i, e);
	if (rc != 0)
		e->unclear = true; /* still */
	return rc;
}

/* In PUTTING. */
static int put_small(struct upload *u, uint64_t size, struct s3_info *ret_i, struct s3_error *e)
{
	auto_free char *bytes = malloc(max_of((size_t)size, 1u));
	uint64_t gen = 0;
	int rc = bytes ? read_small(u, bytes, (size_t)size, &gen, e) : -ENOMEM;

	if (rc == 0)
		rc = put_bytes(u, bytes, size, gen, ret_i, e);
	if (rc == 0)
		crash_point("upload.put");
	scoped_lock(&u->lock);
	u->locked.unclear_gen = rc != 0 && e->unclear ? gen : 0;
	u->locked.unclear_size = size;
	upload_set_state_locked(u, rc == 0 ? UPLOAD_DONE : UPLOAD_NEW);
	return rc;
}

/* Queues every part of the object that the server does not hold in its present generation. *ret_n:
 * how many were queued. */
static int queue_what_differs(struct upload *u, uint64_t size, unsigned *ret_n)
{
	unsigned count = part_count(size), queued = 0;

	lock_take(&u->lock);
	int rc = upload_grow_locked(u, count);

	lock_drop(&u->lock);
	for (unsigned n = 1; rc == 0 && n <= count; n++) {
		uint64_t gen = u->src.gen(u->src.arg, n);
		struct s3_range range = part_range_in(n, size);
		struct upload_part *p;

		scoped_lock(&u->lock);
		p = &u->locked.parts[n - 1];
		if (p->sending || (p->gen == gen && p->size == range.end - range.start))
			continue;
		p->queued = true;
		p->want = range.end - range.start;
		u->locked.first_queued = min_of(u->locked.first_queued, n);
		queued++;
	}
	if (rc == 0)
		*ret_n = queued;
	return rc;
}

/* Until the server holds every part in its present generation. */
static int send_what_differs(struct upload *u, uint64_t size, struct s3_error *e)
{
	for (int round = 0; round < ROUNDS_MAX; round++) {
		unsigned queued = 0;
		bool busy;
		int rc;

		lock_take(&u->lock);
		busy = u->locked.active > 0;
		lock_drop(&u->lock);
		rc = queue_what_differs(u, size, &queued);
		if (rc != 0)
			return rc;
		upload_ask_help(u, min_of(queued, (unsigned)UPLOAD_HELPERS_MAX));
		upload_send_queued(u);

		scoped_lock(&u->lock);
		wait_idle_locked(u);
		if (u->locked.failed != 0) {
			*e = u->locked.error;
			return u->locked.failed;
		}
		if (queued == 0 && !busy)
			return 0;
	}
	return changing(e);
}

/* May the version stand without its tags or its lock yet? */
static bool lacks_locked(const struct upload *u)
{
	const struct upload_opts *o = &u->locked.opts;

	lock_assert_held(&u->lock);
	return o->tags.n > 0 || u->locked.tags_late || o->lock_mode || o->legal_hold;
}

/* In COMPLETING. */
static int complete(struct upload *u, uint64_t size, struct s3_info *ret_i, struct s3_error *e)
{
	size_t n = part_count(size);
	auto_free struct mpu_part *parts = calloc(n, sizeof(*parts));
	const char *name = u->locked.opts.token_name; /* fixed outside NEW */
	int rc = parts ? 0 : -ENOMEM;

	for (size_t k = 0; parts && k < n;
	     k++) { /* nobody is active, finish is ours: these are ours too */
		parts[k].number = (unsigned)k + 1;
		parts[k].size = u->locked.parts[k].size;
		parts[k].crc = u->locked.parts[k].crc;
		memcpy(parts[k].etag, u->locked.parts[k].etag, sizeof(parts[k].etag));
	}
	crash_point("upload.before_complete");
	if (rc == 0)
		rc = mpu_complete_as(u->client, u->key, u->locked.id, parts, n, name,
				     name ? kv_get(&u->locked.opts.meta, name) : NULL,
				     upload_opts_view(&u->locked.opts).origin, ret_i, e);
	/* It may have gone through before, and cannot be looked for: then it must not be made a
	 * second time. */
	if (rc != 0 && !name)
		e->class = e->class == FAULT_GONE ? FAULT_BAD : e->class;
	if (rc == 0)
		crash_point("upload.completed");
	scoped_lock(&u->lock);
	if (rc != 0)
		upload_set_state_locked(u, UPLOAD_OPEN);
	else
		upload_set_state_locked(u, lacks_locked(u) ? UPLOAD_TAGGING : UPLOAD_DONE);
	return rc;
}

/* Is a part on its way that finish must not overtake: one beyond the end, or any when no multipart
 * upload is wanted? */
static bool must_wait_locked(struct upload *u, uint64_t size)
{
	unsigned count = part_count(size);

	lock_assert_held(&u->lock);
	if (count == 1)
		return u->locked.active > 0;
	for (unsigned k = count; k < u->locked.n_parts; k++)
		if (u->locked.parts[k].sending)
			return true;
	return false;
}

/* Parts beyond the end cannot be taken back, and some servers want every part in the list (Ceph); a
 * part of no bytes is no good either. */
static bool unfit_locked(struct upload *u, uint64_t size)
{
	unsigned count = part_count(size);

	lock_assert_held(&u->lock);
	if (u->locked.state != UPLOAD_OPEN)
		return false;
	for (unsigned k = count; k < u->locked.n_parts; k++)
		if (u->locked.parts[k].on_server)
			return true;
	return size == 0;
}

/* Back to the beginning: the multipart upload is of no use. */
static void start_afresh(struct upload *u)
{
	auto_free char *id = NULL;

	lock_take(&u->lock);
	wait_idle_locked(u);
	if (u->locked.state == UPLOAD_OPEN) {
		id = take_ptr(&u->locked.id);
		for (unsigned k = 0; k < u->locked.n_parts; k++)
			u->locked.parts[k] = (struct upload_part){ 0 };
		upload_set_state_locked(u, UPLOAD_NEW);
	}
	u->locked.failed = 0;
	lock_drop(&u->lock);
	if (id && mpu_abort(u->client, u->key, id, NULL) != 0)
		return; /* it is left to the bucket's lifecycle */
}

static int finish_once(struct upload *u, uint64_t size, struct s3_info *ret_i, struct s3_error *e)
{
	bool unfit, small;
	int rc;

	lock_take(&u->lock);
	while (must_wait_locked(u, size))
		cond_wait(&u->changed, &u->lock);
	unfit = unfit_locked(u, size);
	lock_drop(&u->lock);
	if (unfit)
		start_afresh(u);

	lock_take(&u->lock);
	small = u->locked.state == UPLOAD_NEW && part_count(size) == 1;
	if (small)
		upload_set_state_locked(u, UPLOAD_PUTTING);
	lock_drop(&u->lock);
	if (small)
		return put_small(u, size, ret_i, e);
	if ((rc = send_what_differs(u, size, e)) != 0)
		return rc;
	lock_take(&u->lock);
	upload_set_state_locked(u, UPLOAD_COMPLETING);
	lock_drop(&u->lock);
	return complete(u, size, ret_i, e);
}

/* In TAGGING: the version is kept until its tags and its lock are on it, so that a further try
 * makes no second one. */
static int finish_tags(struct upload *u, struct s3_info *ret_i, struct s3_error *e)
{
	struct s3_put_opts opts = upload_opts_view(&u->locked.opts);
	const char *version = u->locked.made.version_id;
	int rc = lock_ensure(u->client, u->key, version, &opts, e);

	if (rc == 0 && (opts.tags->n > 0 || u->locked.tags_late))
		rc = tagging_ensure(u->client, u->key, version, opts.tags, e);
	if (rc != 0)
		return rc;
	scoped_lock(&u->lock);
	*ret_i = u->locked.made;
	memset(&u->locked.made, 0, sizeof(u->locked.made));
	upload_set_state_locked(u, UPLOAD_DONE);
	return 0;
}

/* Somebody has aborted our multipart upload (a lifecycle rule, for one), or what the server has of
 * its parts, or made of them, is not what was sent, or what it told of them. */
static bool is_spoilt(const struct s3_error *e)
{
	static const char *const codes[] = { "BadDigest", "ChecksumMismatch", "InvalidPart" };

	if (e->class == FAULT_GONE && strcmp(e->code, "NoSuchUpload") == 0)
		return true;
	for (size_t i = 0; i < array_size(codes); i++)
		if (strcmp(e->code, codes[i]) == 0)
			return strcmp(e->op, "CompleteMultipartUpload") == 0;
	return false;
}

static int finish_tries(struct upload *u, uint64_t size, struct s3_info *ret_i, struct s3_error *e)
{
	auto_with(s3_info_free) struct s3_info i = { 0 };
	int rc = finish_once(u, size, &i, e);

	/* once more, from the beginning */
	if (rc != 0 && is_spoilt(e)) {
		start_afresh(u);
		*e = (struct s3_error){ 0 };
		rc = finish_once(u, size, &i, e);
	}
	if (rc != 0)
		return rc;
	scoped_lock(&u->lock);
	if (u->locked.state == UPLOAD_TAGGING)
		u->locked.made = i;
	else
		*ret_i = i;
	memset(&i, 0, sizeof(i));
	return 0;
}

/* False when there is nothing to finish any more. *ret_tagging: the version stands already, from an
 * earlier try. */
static bool begin(struct upload *u, bool *ret_tagging)
{
	scoped_lock(&u->lock);
	*ret_tagging = u->locked.state == UPLOAD_TAGGING;
	if (u->locked.finishing || u->locked.closed ||
	    (u->locked.state > UPLOAD_OPEN && !*ret_tagging))
		return false;
	u->locked.finishing = true;
	u->locked.failed = 0; /* try again what an offer failed to send */
	upload_unqueue_locked(u);
	return true;
}

int upload_finish(struct upload *u, uint64_t size, struct s3_info *ret_i, struct s3_error *err)
{
	struct s3_error e = { 0 };
	bool tagging;
	int rc = 0;

	if (size > PART_OBJECT_MAX)
		return verb_refuse(-EFBIG, "larger than an object may be", err);
	if (!begin(u, &tagging))
		return verb_refuse(-EBUSY, "the upload is finished, settled or being finished",
				   err);
	if (!tagging)
		rc = finish_tries(u, size, ret_i, &e);
	lock_take(&u->lock);
	tagging = rc == 0 && u->locked.state == UPLOAD_TAGGING;
	lock_drop(&u->lock);
	if (tagging)
		rc = finish_tags(u, ret_i, &e);
	if (rc != 0 && err)
		*err = e;
	scoped_lock(&u->lock);
	u->locked.finishing = false;
	cond_broadcast(&u->changed);
	return rc;
}
