#include "queue/order_i.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/lock.h"
#include "base/log.h"

#define KEYS_AT_ONCE 1000 /* as many as a listing tells at once */

struct order {
	struct order_conf conf; /* fixed */
	pthread_t thread;
	bool started;
	struct {
		struct lock l;
		struct cond changed;
		bool stop;
	} locked;
};

/* --- one destination -------------------------------------------------------------------------- */

static bool is_stopping(struct order *o)
{
	scoped_lock(&o->locked.l);
	return o->locked.stop;
}

/* Is it no use to ask about the next key? Who may not list a bucket learns of no key. */
static bool ends_pass(const struct s3_error *e, int err, bool listed)
{
	return err == -ECANCELED || err == -ENOMEM || e->class == FAULT_NONE ||
	       e->class == FAULT_RETRY || (!listed && e->class != FAULT_BAD);
}

/* What is wrong with one key holds up no other. */
static int note_failure(const struct order_look *l, int err, bool listed)
{
	bool ends = ends_pass(&l->error, err, listed);
	bool for_good = !ends && l->error.class == FAULT_BAD;
	char shown[400], why[400];

	log_debug("order=unknown key=\"%s\" dest=%s result=\"%s\" why=\"%s\"",
		  printable(l->row->key, shown, sizeof(shown)), dest_arn(l->dest),
		  for_good ? "not looked at again" : "to be looked at again",
		  l->error.class != FAULT_NONE ? s3_error_text(&l->error, why, sizeof(why))
					       : errno_text(err, why, sizeof(why)));
	if (ends)
		return err;
	return for_good ? store_order_done(l->conf->store, dest_arn(l->dest), l->row) : 0;
}

static int look_at_key(struct order *o, struct dest *d, const struct order_row *row,
		       struct order_list *source, struct order_list *there)
{
	auto_with(order_look_free) struct order_look l = { .conf = &o->conf, .dest = d };
	struct s3_caps caps;
	bool listed;
	int err;

	l.row = row;
	/* What came last is what is there. */
	if (dest_get_caps(d, &caps) && caps.versioning == CAP_NO)
		return store_order_done(o->conf.store, dest_arn(d), row);
	err = order_list_newest(source, row->key, &l.source, &l.error);
	err = err < 0 ? err : order_list_newest(there, row->key, &l.there, &l.error);
	listed = err == 0;
	err = err < 0 ? err : order_look(&l);
	if (err == 1)
		return store_order_done(o->conf.store, dest_arn(d), row);
	return err < 0 ? note_failure(&l, err, listed) : 0;
}

/* The next keys after *after; false when there are no more, or it is no use to go on. The listings
 * are made after the rows were read, and kept no longer. */
static bool look_at_some(struct order *o, struct dest *d, char **after)
{
	auto_with(order_list_free) struct order_list source = { .client = o->conf.source };
	auto_with(order_list_free) struct order_list there = { .client = dest_client(d) };
	int64_t before = clock_wall_ms() - o->conf.after_ms;
	struct order_row *rows = NULL;
	size_t n = 0;
	int err;

	err = store_order_due(o->conf.store, dest_arn(d), *after, before, KEYS_AT_ONCE, &rows, &n);
	for (size_t i = 0; err >= 0 && i < n && !is_stopping(o); i++)
		err = look_at_key(o, d, &rows[i], &source, &there);
	if (err >= 0 && n > 0) {
		free(*after);
		*after = NULL;
		err = str_dup(rows[n - 1].key, after);
	}
	order_rows_free(rows, n);
	return err >= 0 && n == KEYS_AT_ONCE && !is_stopping(o);
}

static void look_at_dest(void *arg, struct dest *d)
{
	struct order *o = arg;
	auto_free char *after = NULL;
	struct dest_health h;

	dest_get_health(d, &h);
	while (!h.paused && look_at_some(o, d, &after))
		;
}

/* --- the thread ------------------------------------------------------------------------------- */

static bool wait_turn(struct order *o)
{
	int64_t deadline = clock_deadline(o->conf.after_ms);

	scoped_lock(&o->locked.l);
	while (!o->locked.stop && cond_wait_until(&o->locked.changed, &o->locked.l, deadline))
		;
	return !o->locked.stop;
}

static void *run(void *arg)
{
	struct order *o = arg;

	pthread_setname_np(pthread_self(), "order");
	while (wait_turn(o))
		dest_set_each(o->conf.dests, look_at_dest, o);
	return NULL;
}

int order_new(const struct order_conf *conf, struct order **ret_o)
{
	struct order *o = calloc(1, sizeof(*o));

	if (!o)
		return -ENOMEM;
	o->conf = *conf;
	lock_init(&o->locked.l);
	cond_init(&o->locked.changed);
	*ret_o = o;
	return 0;
}

int order_start(struct order *o)
{
	int r;

	if (o->conf.after_ms <= 0)
		return 0;
	r = pthread_create(&o->thread, NULL, run, o);
	o->started = r == 0;
	return -r;
}

void order_stop(struct order *o)
{
	if (!o->started)
		return;
	lock_take(&o->locked.l);
	o->locked.stop = true;
	cond_broadcast(&o->locked.changed);
	lock_drop(&o->locked.l);
	pthread_join(o->thread, NULL);
	o->started = false;
}

void order_free(struct order *o)
{
	if (!o)
		return;
	order_stop(o);
	cond_free(&o->locked.changed);
	lock_free(&o->locked.l);
	free(o);
}
