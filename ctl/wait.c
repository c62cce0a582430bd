/* wait.c - crrctl wait: until what was written is at every destination, with a progress bar on a
 * terminal. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/codec.h"
#include "ctl/ctl.h"

struct left {
	uint64_t local; /* not in the source yet: put-off closes, held names, new metadata */
	uint64_t rows, bytes, parked;
	bool stuck; /* all that is left waits behind something that is FAILED */
};

static uint64_t number(const struct doc_node *n, const char *name)
{
	const char *text = doc_text(n, name);
	uint64_t v;

	return text && !parse_u64(text, &v) ? v : 0;
}

static int look(struct store *s, const char *dir, struct left *ret_l)
{
	auto_with(doc_free_ptr) struct doc_node *mount = NULL;
	struct store_counts c;
	uint64_t begun, held;
	int r;

	*ret_l = (struct left){ 0 };
	/* The mount first: what leaves it arrives in the rows, so nothing is missed in between. */
	if (!ctl_ask(dir, "status", &mount))
		ret_l->local = number(mount, "deferred") + number(mount, "held") +
			       number(mount, "settling");
	r = store_count_tickets(s, &begun, &held);
	if (r)
		return r;
	ret_l->local = max_of(ret_l->local, held);
	r = store_count(s, NULL, &c);
	if (r)
		return r;
	ret_l->rows = c.ready + c.waiting + c.claimed;
	ret_l->bytes = c.bytes;
	ret_l->parked = c.parked;
	ret_l->stuck = c.parked && !c.ready && !c.claimed;
	return 0;
}

int ctl_wait(const struct ctl_opts *o)
{
	auto_free char *dir = NULL;
	auto_with(ctl_store_close) struct store *s = NULL;
	auto_with(doc_free_ptr) struct doc_node *flushed = NULL;
	int64_t deadline = clock_deadline(o->timeout_ms);
	bool terminal = isatty(STDERR_FILENO);
	struct left left = { 0 };
	uint64_t most = 0;
	int pause = 20, r = ctl_open(o, o->n ? o->args[0] : NULL, false, &dir, &s);

	if (r)
		return CTL_FAILED;
	if (ctl_ask(dir, "flush", &flushed) == -ENOTCONN) {
		ctl_say("nothing is mounted on %s: nobody works on its queue", dir);
		return CTL_FAILED;
	}
	for (;;) {
		r = look(s, dir, &left);
		if (r)
			break;
		most = max_of(most, left.rows + left.local);
		if (terminal && most)
			ctl_bar(stderr, most, left.rows + left.local, left.bytes);
		if (!left.local && (!left.rows || left.stuck))
			break;
		if (clock_mono_ms() >= deadline)
			break;
		poll(NULL, 0, pause);
		pause = min_of(pause * 2, 250);
	}
	if (terminal && most)
		fputs("\n", stderr);
	if (r) {
		ctl_say("the queue in %s cannot be read", dir);
		return CTL_FAILED;
	}
	if (left.stuck && !left.local) {
		ctl_say("%llu FAILED, %llu wait behind them; 'crrctl queue' says why, 'crrctl "
			"retry' tries again",
			(unsigned long long)left.parked, (unsigned long long)left.rows);
		return CTL_PARKED;
	}
	if (left.rows || left.local) {
		ctl_say("%llu still to be replicated; 'crrctl status' says why",
			(unsigned long long)(left.rows + left.local));
		return CTL_TIMEOUT;
	}
	return CTL_OK;
}
