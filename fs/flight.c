/* flight.c - one listing for all who ask at the same time. See flight.h. */
#include "fs/flight.h"

#include <errno.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/lock.h"
#include "base/map.h"

struct flight {
	char *after;	 /* the directory's key and the name from which it is listed */
	unsigned in;	 /* who entered and did not leave: with the last it goes */
	bool listing;	 /* one of them */
	unsigned landed; /* how many listings have ended */
	int result;	 /* of the last of them */
};

struct flights {
	struct {
		struct lock l;
		struct cond changed;
		struct map *under_way; /* by after */
		unsigned waiting;
	} locked;
};

int flights_new(struct flights **ret_f)
{
	struct flights *f = calloc(1, sizeof(*f));
	int r;

	if (!f)
		return -ENOMEM;
	r = map_new(&f->locked.under_way);
	if (r) {
		free(f);
		return r;
	}
	lock_init(&f->locked.l);
	cond_init(&f->locked.changed);
	*ret_f = f;
	return 0;
}

void flights_free(struct flights *f)
{
	if (!f)
		return;
	map_free(f->locked.under_way);
	cond_free(&f->locked.changed);
	lock_free(&f->locked.l);
	free(f);
}

/* Takes after. NULL: no memory. */
static struct flight *flight_get_locked(struct flights *f, char *after)
{
	struct flight *in = map_get(f->locked.under_way, after);

	lock_assert_held(&f->locked.l);
	if (!in) {
		in = calloc(1, sizeof(*in));
		if (in && map_set(f->locked.under_way, after, in))
			free(take_ptr(&in));
		if (in)
			in->after = take_ptr(&after);
	}
	free(after);
	return in;
}

static void get_off_locked(struct flights *f, struct flight *in)
{
	lock_assert_held(&f->locked.l);
	if (--in->in)
		return;
	map_del(f->locked.under_way, in->after);
	free(in->after);
	free(in);
}

/* What the one who listed met may be his alone. */
static bool is_his_own(int result)
{
	return result == -EINTR || result == -ENOMEM;
}

static int wait_locked(struct flights *f, struct flight *in, struct cancel *cancel)
{
	unsigned landed = in->landed;

	lock_assert_held(&f->locked.l);
	f->locked.waiting++;
	while (in->landed == landed && !cancel_is_fired(cancel))
		cond_wait(&f->locked.changed, &f->locked.l);
	f->locked.waiting--;
	if (in->landed == landed)
		return -EINTR;
	return is_his_own(in->result) ? 0 : in->result;
}

static int enter_locked(struct flights *f, struct flight *in, bool worth, struct cancel *cancel,
			enum flight_role *ret_role)
{
	bool first = !in->in++;

	lock_assert_held(&f->locked.l);
	if (in->listing) {
		*ret_role = FLIGHT_OVER;
		return wait_locked(f, in, cancel);
	}
	*ret_role = first && !worth ? FLIGHT_ALONE : FLIGHT_LIST;
	in->listing = *ret_role == FLIGHT_LIST;
	return 0;
}

int flight_enter(struct flights *f, const char *dir, const char *from, bool worth,
		 struct cancel *cancel, struct flight_seat *ret_seat)
{
	struct cancel_watch watch;
	struct flight *in;
	enum flight_role role = FLIGHT_ALONE;
	char *after = NULL;
	int r = str_format(&after, "%s%s", dir, from);

	if (r)
		return r;
	cancel_watch_cond(&watch, cancel, &f->locked.l, &f->locked.changed);
	lock_take(&f->locked.l);
	in = flight_get_locked(f, after);
	r = in ? enter_locked(f, in, worth, cancel, &role) : -ENOMEM;
	if (in && r)
		get_off_locked(f, in);
	lock_drop(&f->locked.l);
	cancel_unwatch(&watch);
	if (!r)
		*ret_seat = (struct flight_seat){ in, role };
	return r;
}

void flight_leave(struct flights *f, struct flight_seat *seat, int result)
{
	struct flight *in = take_ptr(&seat->in);

	scoped_lock(&f->locked.l);
	if (seat->role == FLIGHT_LIST) {
		in->listing = false;
		in->landed++;
		in->result = result;
		cond_broadcast(&f->locked.changed);
	}
	get_off_locked(f, in);
}

unsigned flights_waiting(struct flights *f)
{
	scoped_lock(&f->locked.l);
	return f->locked.waiting;
}
