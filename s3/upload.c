/*
 * upload.c - life, offers and who sends which part. The table of states is in upload_i.h;
 * upload_part.c sends one, upload_finish is in upload_finish.c.
 *
 * A part that shall go out is marked queued. Helpers (tasks in the pool) and upload_finish take the
 * lowest queued part, send it and take the next. So a full pool holds nobody up: finish takes all
 * parts itself, and never waits for a task that has not begun.
 */
#include "s3/upload.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/crash.h"
#include "base/log.h"

#include "s3/part.h"
#include "s3/upload_i.h"

#define BIT(state) (1u << (state))

static const unsigned leaves_to[UPLOAD_STATES] = {
	[UPLOAD_NEW] =
		BIT(UPLOAD_CREATING) | BIT(UPLOAD_PUTTING) | BIT(UPLOAD_SETTLED) | BIT(UPLOAD_GONE),
	[UPLOAD_CREATING] = BIT(UPLOAD_OPEN) | BIT(UPLOAD_NEW) | BIT(UPLOAD_GONE),
	[UPLOAD_OPEN] =
		BIT(UPLOAD_COMPLETING) | BIT(UPLOAD_NEW) | BIT(UPLOAD_SETTLED) | BIT(UPLOAD_GONE),
	[UPLOAD_PUTTING] = BIT(UPLOAD_DONE) | BIT(UPLOAD_NEW),
	[UPLOAD_COMPLETING] = BIT(UPLOAD_DONE) | BIT(UPLOAD_TAGGING) | BIT(UPLOAD_OPEN),
	[UPLOAD_TAGGING] = BIT(UPLOAD_DONE) | BIT(UPLOAD_GONE),
	[UPLOAD_DONE] = BIT(UPLOAD_GONE),
	[UPLOAD_SETTLED] = BIT(UPLOAD_GONE),
};

void upload_set_state_locked(struct upload *u, enum upload_state to)
{
	lock_assert_held(&u->lock);
	if (!(leaves_to[u->locked.state] & BIT(to)))
		abort();
	u->locked.state = to;
	cond_broadcast(&u->changed);
}

int upload_new(const struct upload_conf *conf, struct upload **ret_u)
{
	struct upload *u = calloc(1, sizeof(*u));
	int rc;

	if (!u)
		return -ENOMEM;
	u->client = conf->client;
	u->pool = conf->pool;
	u->src = conf->src;
	u->on_id = conf->on_id;
	u->on_id_arg = conf->on_id_arg;
	u->on_part = conf->on_part;
	u->on_part_arg = conf->on_part_arg;
	u->locked.refs = 1;
	if ((rc = str_dup(conf->key, &u->key)) != 0 ||
	    (rc = upload_opts_copy(&u->locked.opts, conf->opts)) != 0) {
		upload_opts_free(&u->locked.opts);
		free(u->key);
		free(u);
		return rc;
	}
	lock_init(&u->lock);
	cond_init(&u->changed);
	u->src.retain(u->src.arg);
	*ret_u = u;
	return 0;
}

static void unref(struct upload *u)
{
	bool last;

	lock_take(&u->lock);
	last = --u->locked.refs == 0;
	lock_drop(&u->lock);
	if (!last)
		return;
	u->src.release(u->src.arg);
	upload_opts_free(&u->locked.opts);
	s3_info_free(&u->locked.made);
	free(u->locked.id);
	free(u->locked.parts);
	free(u->key);
	cond_free(&u->changed);
	lock_free(&u->lock);
	free(u);
}

int upload_grow_locked(struct upload *u, unsigned n)
{
	unsigned want = max_of(max_of(n, 16u), min_of(2 * u->locked.n_parts, PART_COUNT_MAX));
	struct upload_part *parts;

	lock_assert_held(&u->lock);
	if (n <= u->locked.n_parts)
		return 0;
	parts = reallocarray(u->locked.parts, want, sizeof(*parts));
	if (!parts)
		return -ENOMEM;
	memset(parts + u->locked.n_parts, 0, (want - u->locked.n_parts) * sizeof(*parts));
	u->locked.parts = parts;
	u->locked.n_parts = want;
	return 0;
}

void upload_unqueue_locked(struct upload *u)
{
	lock_assert_held(&u->lock);
	for (unsigned k = 0; k < u->locked.n_parts; k++)
		u->locked.parts[k].queued = false;
}

void upload_fail_locked(struct upload *u, int rc, const struct s3_error *e)
{
	lock_assert_held(&u->lock);
	if (u->locked.failed == 0) {
		u->locked.failed = rc;
		u->locked.error = *e;
	}
	upload_unqueue_locked(u);
}

static void abort_id(struct upload *u, const char *id)
{
	struct s3_error e = { 0 };
	char text[400];
	int rc = mpu_abort(u->client, u->key, id, &e);

	if (rc != 0)
		log_debug("event=abort-failed error=%d why=\"%s\"", -rc,
			  s3_error_text(&e, text, sizeof(text)));
}

/* The part's end; the last one after upload_drop aborts. */
static void leave(struct upload *u)
{
	auto_free char *id = NULL;

	lock_take(&u->lock);
	u->locked.active--;
	if (u->locked.active == 0 && u->locked.abort_wanted) {
		u->locked.abort_wanted = false;
		id = take_ptr(&u->locked.id);
	}
	cond_broadcast(&u->changed);
	lock_drop(&u->lock);
	if (id)
		abort_id(u, id);
}

/* Tells the owner of the id, unless he has left: then nobody but us knows of it. */
static void tell_id(struct upload *u, const char *id)
{
	lock_take(&u->lock);
	if (u->locked.state == UPLOAD_GONE) {
		u->locked.abort_wanted = true;
		lock_drop(&u->lock);
		return;
	}
	u->locked.in_callback = true;
	lock_drop(&u->lock);
	if (u->on_id)
		u->on_id(u->on_id_arg, u->key, id);
	lock_take(&u->lock);
	u->locked.in_callback = false;
	cond_broadcast(&u->changed);
	lock_drop(&u->lock);
}

static int create(struct upload *u, struct s3_error *e)
{
	struct s3_put_opts opts = upload_opts_view(&u->locked.opts); /* fixed while CREATING */
	enum mpu_sum sum = MPU_SUM_NONE;
	auto_free char *id = NULL;
	int rc = mpu_create(u->client, u->key, &opts, &id, &sum, e);

	if (rc == 0) {
		crash_point("upload.created");
		tell_id(u, id);
		crash_point("upload.noted");
	}
	scoped_lock(&u->lock);
	u->locked.id = take_ptr(&id);
	u->locked.sum = sum;
	if (u->locked.state == UPLOAD_CREATING) {
		upload_set_state_locked(u, rc == 0 ? UPLOAD_OPEN : UPLOAD_NEW);
	} else if (rc == 0) {
		rc = -ECANCELED;
		if (!u->on_id)
			u->locked.abort_wanted = true;
	}
	if (rc != 0)
		upload_fail_locked(u, rc, e);
	return rc;
}

/* One of those who want to send a part makes the multipart upload, the others wait for it. */
int upload_ensure_open(struct upload *u, struct s3_error *e)
{
	lock_take(&u->lock);
	while (u->locked.state == UPLOAD_CREATING)
		cond_wait(&u->changed, &u->lock);
	if (u->locked.state != UPLOAD_NEW || u->locked.failed != 0) {
		int rc = u->locked.failed;

		if (rc == 0 && u->locked.state != UPLOAD_OPEN)
			rc = -ECANCELED;
		lock_drop(&u->lock);
		return rc;
	}
	upload_set_state_locked(u, UPLOAD_CREATING);
	lock_drop(&u->lock);
	return create(u, e);
}

/* 0 when there is none; else the part is marked as being sent and the caller is active. */
static unsigned pick_locked(struct upload *u, uint64_t *ret_size)
{
	lock_assert_held(&u->lock);
	for (unsigned k = max_of(u->locked.first_queued, 1u) - 1; k < u->locked.n_parts; k++) {
		struct upload_part *p = &u->locked.parts[k];

		if (!p->queued)
			continue;
		p->queued = false;
		p->sending = true;
		p->sending_gen = 0;
		*ret_size = p->want;
		u->locked.first_queued = k + 1;
		u->locked.active++;
		return k + 1;
	}
	u->locked.first_queued = u->locked.n_parts + 1;
	return 0;
}

void upload_send_queued(struct upload *u)
{
	for (;;) {
		uint64_t size = 0;
		unsigned n;

		lock_take(&u->lock);
		n = pick_locked(u, &size);
		lock_drop(&u->lock);
		if (n == 0)
			return;
		upload_send_part(u, n, size);
		lock_take(&u->lock);
		u->locked.parts[n - 1].sending = false;
		lock_drop(&u->lock);
		leave(u);
	}
}

/* In the pool. Between the last look for a queued part and the leaving one may come: so both are
 * one step. */
static void help(void *arg)
{
	struct upload *u = arg;
	bool more;

	do {
		upload_send_queued(u);
		lock_take(&u->lock);
		more = u->locked.first_queued <= u->locked.n_parts;
		if (!more)
			u->locked.helpers--;
		lock_drop(&u->lock);
	} while (more);
	unref(u);
}

void upload_ask_help(struct upload *u, unsigned n)
{
	while (n-- > 0) {
		lock_take(&u->lock);
		if (u->locked.helpers >= UPLOAD_HELPERS_MAX) {
			lock_drop(&u->lock);
			return;
		}
		u->locked.helpers++;
		u->locked.refs++;
		lock_drop(&u->lock);
		if (pool_try_submit(u->pool, help, u) == 0)
			continue;
		lock_take(&u->lock);
		/* With no helper at all nobody would take what is queued: it stays for finish. */
		if (--u->locked.helpers == 0 && !u->locked.finishing)
			upload_unqueue_locked(u);
		lock_drop(&u->lock);
		unref(u);
		return;
	}
}

void upload_offer(struct upload *u, unsigned n)
{
	uint64_t gen;
	bool wanted = false;

	if (n < 1 || n > PART_COUNT_MAX)
		return;
	gen = u->src.gen(u->src.arg, n);
	lock_take(&u->lock);
	if (u->locked.state <= UPLOAD_OPEN && !u->locked.closed && !u->locked.finishing &&
	    u->locked.failed == 0 && upload_grow_locked(u, n) == 0) {
		struct upload_part *p = &u->locked.parts[n - 1];

		wanted = !p->queued && !p->sending && (p->gen != gen || p->size != part_size(n));
		if (wanted) {
			p->queued = true;
			p->want = part_size(n);
			u->locked.first_queued = min_of(u->locked.first_queued, n);
		}
	}
	lock_drop(&u->lock);
	if (wanted)
		upload_ask_help(u, 1);
}

int upload_set_opts(struct upload *u, const struct s3_put_opts *opts)
{
	struct upload_opts o = { 0 };
	int rc = upload_opts_copy(&o, opts);

	if (rc == 0) {
		scoped_lock(&u->lock);
		if (u->locked.state == UPLOAD_NEW && !u->locked.finishing) {
			struct upload_opts old = u->locked.opts;

			u->locked.opts = o;
			o = old;
		} else {
			rc = -EBUSY;
		}
	}
	upload_opts_free(&o);
	return rc;
}

int upload_set_tags(struct upload *u, const struct kv *tags)
{
	struct kv copy = KV_EMPTY;
	int rc = kv_copy(&copy, tags);

	if (rc != 0)
		return rc;
	lock_take(&u->lock);
	while (u->locked.state == UPLOAD_CREATING) /* it reads them */
		cond_wait(&u->changed, &u->lock);
	if ((u->locked.state == UPLOAD_NEW || u->locked.state == UPLOAD_OPEN ||
	     u->locked.state == UPLOAD_TAGGING) &&
	    !u->locked.finishing) {
		u->locked.tags_late |= !kv_equal(&u->locked.opts.tags, &copy);
		kv_move(&u->locked.opts.tags, &copy);
	} else {
		rc = -EBUSY;
	}
	lock_drop(&u->lock);
	kv_free(&copy);
	return rc;
}

bool upload_started(const struct upload *cu)
{
	struct upload *u = (struct upload *)cu;

	scoped_lock(&u->lock);
	return u->locked.state == UPLOAD_CREATING || u->locked.id;
}

/* The parts as they are now; the generations are asked for without the lock. */
static int snapshot(struct upload *u, struct upload_part **ret_parts, unsigned *ret_n)
{
	struct upload_part *parts;

	scoped_lock(&u->lock);
	parts = calloc(max_of(u->locked.n_parts, 1u), sizeof(*parts));
	if (!parts)
		return -ENOMEM;
	if (u->locked.n_parts > 0)
		memcpy(parts, u->locked.parts, u->locked.n_parts * sizeof(*parts));
	*ret_parts = parts;
	*ret_n = u->locked.n_parts;
	return 0;
}

bool upload_exceeds(struct upload *u, uint64_t size)
{
	scoped_lock(&u->lock);
	for (unsigned k = part_count(size); k < u->locked.n_parts; k++)
		if (u->locked.parts[k].on_server || u->locked.parts[k].sending)
			return true;
	return false;
}

int upload_settle(struct upload *u, int64_t deadline_mono_ms)
{
	scoped_lock(&u->lock);
	u->locked.closed = true;
	if (!u->locked.finishing)
		upload_unqueue_locked(u);
	while (u->locked.active > 0 || u->locked.finishing)
		if (!cond_wait_until(&u->changed, &u->lock, deadline_mono_ms) &&
		    (u->locked.active > 0 || u->locked.finishing))
			return -ETIMEDOUT;
	if (u->locked.state == UPLOAD_SETTLED)
		return 0;
	if (u->locked.state != UPLOAD_NEW && u->locked.state != UPLOAD_OPEN)
		return -EINVAL;
	upload_set_state_locked(u, UPLOAD_SETTLED);
	return 0;
}

const char *upload_id(const struct upload *cu)
{
	struct upload *u = (struct upload *)cu;

	scoped_lock(&u->lock);
	return u->locked.id;
}

enum mpu_sum upload_sum(const struct upload *cu)
{
	struct upload *u = (struct upload *)cu;

	scoped_lock(&u->lock);
	return u->locked.sum;
}

size_t upload_parts(struct upload *u, struct mpu_part *ret_parts, size_t max)
{
	auto_free struct upload_part *parts = NULL;
	size_t count = 0;
	unsigned n = 0;

	if (snapshot(u, &parts, &n) != 0)
		return 0;
	for (unsigned k = 0; k < n && count < max; k++) {
		if (!parts[k].on_server || parts[k].gen == 0 ||
		    parts[k].gen != u->src.gen(u->src.arg, k + 1))
			continue;
		ret_parts[count].number = k + 1;
		ret_parts[count].size = parts[k].size;
		ret_parts[count].crc = parts[k].crc;
		memcpy(ret_parts[count].etag, parts[k].etag, sizeof(parts[k].etag));
		count++;
	}
	return count;
}

static void abort_task(void *arg)
{
	struct upload *u = arg;

	abort_id(u, u->locked.id);
	unref(u);
}

/* True when it is for the caller to abort: nothing is in flight that would do it at its end. */
static bool leave_owner(struct upload *u, bool abort_wanted)
{
	bool used_up;

	scoped_lock(&u->lock);
	if (u->locked.finishing)
		abort();
	while (u->locked.in_callback)
		cond_wait(&u->changed, &u->lock);
	used_up = u->locked.state == UPLOAD_DONE || u->locked.state == UPLOAD_TAGGING;
	upload_unqueue_locked(u);
	upload_set_state_locked(u, UPLOAD_GONE);
	if (!abort_wanted || used_up)
		return false;
	u->locked.abort_wanted = u->locked.active > 0;
	return u->locked.active == 0 && u->locked.id;
}

void upload_forget(struct upload *u)
{
	if (!u)
		return;
	leave_owner(u, false);
	unref(u);
}

void upload_drop(struct upload *u)
{
	if (!u)
		return;
	if (!leave_owner(u, true))
		unref(u);
	else if (pool_try_submit(u->pool, abort_task, u) != 0)
		abort_task(u); /* better one request here than a wait for the pool, or parts that
				  cost money for ever */
}
