/* queue_export.c - crrctl queue export: all rows as JSON, one on each line. crrctl(1) has the
 * fields. */
#include <errno.h>
#include <stdio.h>

#include "base/buf.h"
#include "ctl/queue.h"
#include "queue/store_check.h"
#include "queue/store_move.h"
#include "queue/store_scan.h"

struct line {
	struct buf b;
	struct json_out j;
};

static struct json_out *begin(struct line *l, const char *row)
{
	buf_reset(&l->b);
	json_start(&l->j, &l->b, false);
	json_open(&l->j, NULL, '{');
	json_str(&l->j, "row", row);
	return &l->j;
}

static int end(struct line *l)
{
	json_close(&l->j, '}');
	if (l->b.error)
		return l->b.error;
	return puts(buf_str(&l->b)) < 0 ? -EIO : 0;
}

static int put_job(void *arg, const struct job *j)
{
	struct json_out *out = begin(arg, "job");

	ctl_queue_fields(out, j);
	json_i64(out, "done_ms", j->done_ms);
	json_str(out, "staged", j->staged);
	json_str(out, "upload", j->upload_id);
	json_str(out, "token", j->token);
	json_str(out, "etag", j->spec.etag);
	json_bool(out, "backfill", j->class == JOB_BACKFILL);
	json_i64(out, "scan", j->batch);
	return end(arg);
}

static int put_ticket(void *arg, const struct store_ticket *t)
{
	struct json_out *out = begin(arg, "ticket");

	json_i64(out, "id", t->id);
	json_str(out, "kind", job_kind_name(t->kind));
	json_str(out, "key", t->key);
	json_str(out, "token", t->token);
	json_i64(out, "created_ms", t->created_ms);
	json_bool(out, "held", t->held);
	json_str(out, "staged", t->staged);
	return end(arg);
}

static int put_replica(void *arg, const struct store_replica *r)
{
	struct json_out *out = begin(arg, "replica");

	json_str(out, "key", r->key);
	json_str(out, "version", r->version);
	json_str(out, "destination", r->dest);
	json_str(out, "replica_version", r->replica_version);
	json_i64(out, "done_ms", r->done_ms);
	json_bool(out, "delete_marker", r->delete_marker);
	return end(arg);
}

static int put_dest(void *arg, const struct store_dest *d)
{
	struct json_out *out = begin(arg, "destination");

	json_str(out, "destination", d->dest);
	json_bool(out, "paused", d->paused);
	json_i64(out, "since_ms", d->since_ms);
	json_str(out, "why", d->why);
	return end(arg);
}

static int put_scan(void *arg, const struct scan_row *s)
{
	struct json_out *out = begin(arg, "scan");

	json_i64(out, "id", s->id);
	json_str(out, "kind", s->watch ? "watch" : "resync");
	json_str(out, "state", scan_state_name(s->state));
	json_str(out, "key_marker", s->key_marker);
	json_u64(out, "seen", s->seen);
	json_u64(out, "queued", s->queued);
	json_i64(out, "started_ms", s->started_ms);
	json_str(out, "why", s->why);
	return end(arg);
}

static int put_moves(struct line *l, struct store *s)
{
	int64_t after = 0;

	for (;;) {
		auto_with(store_move_free) struct store_move m = { 0 };
		struct json_out *out;
		int r = store_move_next(s, after, &m);

		if (r)
			return r == -ENOENT ? 0 : r;
		after = m.id;
		out = begin(l, "rename");
		json_i64(out, "id", m.id);
		json_str(out, "from", m.from);
		json_str(out, "to", m.to);
		json_i64(out, "created_ms", m.created_ms);
		r = end(l);
		if (r)
			return r;
	}
}

static int put_info(struct line *l, struct store *s, const char *name)
{
	auto_free char *value = NULL;
	struct json_out *out;

	if (store_get_info(s, name, &value))
		return 0;
	out = begin(l, "info");
	json_str(out, "name", name);
	json_str(out, "value", value);
	return end(l);
}

static int put_all(struct line *l, struct store *s)
{
	static const char *const infos[] = { "bucket", "prefix", "url", "region", "mountpoint" };
	const struct store_filter all = { .limit = 0 };
	int r = 0, damaged = 0, e;

	for (size_t i = 0; r == 0 && i < array_size(infos); i++)
		r = put_info(l, s, infos[i]);
	if (r == 0)
		r = store_each_dest(s, put_dest, l);
	/* -EIO: rows that make no sense were left out, and named in the log; the others go on */
	e = r ? r : store_each_ticket(s, true, put_ticket, l);
	damaged = e ? e : damaged;
	e = r ? r : store_each_job(s, &all, put_job, l);
	damaged = e ? e : damaged;
	if (r == 0)
		r = store_each_ledger(s, put_replica, l);
	if (r == 0)
		r = store_each_scan(s, put_scan, l);
	if (r == 0)
		r = put_moves(l, s);
	return r ? r : damaged;
}

int ctl_queue_export(const struct ctl_opts *o, const char *where)
{
	struct ctl_opts found = *o;
	auto_free char *dir = NULL, *again = NULL;
	auto_with(ctl_store_close) struct store *s = NULL;
	struct line l;
	int r = ctl_queue_find(o, where, &dir);

	found.state = dir;
	if (r || ctl_open(&found, NULL, false, &again, &s))
		return CTL_FAILED;
	buf_init(&l.b, BUF_LIMIT_DOC);
	r = put_all(&l, s);
	buf_free(&l.b);
	if (r)
		ctl_say("not all rows of the queue in %s could be read: crrctl queue check", dir);
	return r ? CTL_FAILED : CTL_OK;
}
