/*
 * ops_cancel.c - FUSE_INTERRUPT: who waits for an answer got a signal.
 *
 * The kernel says so for every signal, also for those that programs send themselves all the time
 * (SIGALRM for a progress bar, SIGURG in Go's scheduler, SIGCHLD), and an EINTR from stat(2) or
 * open(2) is what they do not expect. So it is looked which one it was: only one that kills him, or
 * with which people and supervisors tell a program to stop, whether it has a handler or not, ends
 * the operation. Where that cannot be seen (another PID namespace) the answer is waited for.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "fs/ops_i.h"

#define BIT(sig) (UINT64_C(1) << ((sig)-1))

static const uint64_t stops =
	BIT(SIGKILL) | BIT(SIGTERM) | BIT(SIGINT) | BIT(SIGQUIT) | BIT(SIGHUP);
/* what does nothing, or does not kill, where there is no handler: signal(7) */
static const uint64_t harmless = BIT(SIGCHLD) | BIT(SIGURG) | BIT(SIGWINCH) | BIT(SIGCONT) |
				 BIT(SIGSTOP) | BIT(SIGTSTP) | BIT(SIGTTIN) | BIT(SIGTTOU);

struct signals {
	uint64_t pending, blocked, ignored, caught;
};

/* proc(5), status: masks in hexadecimal. False when it cannot be seen. */
static bool read_signals(pid_t tid, struct signals *ret_s)
{
	char path[64], line[256];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)tid);
	f = tid > 0 ? fopen(path, "re") : NULL;
	if (!f)
		return false;
	*ret_s = (struct signals){ 0 };
	while (fgets(line, sizeof(line), f)) {
		uint64_t mask = strlen(line) > 8 ? strtoull(line + 7, NULL, 16) : 0;

		if (!strncmp(line, "SigPnd:", 7) || !strncmp(line, "ShdPnd:", 7))
			ret_s->pending |= mask;
		else if (!strncmp(line, "SigBlk:", 7))
			ret_s->blocked = mask;
		else if (!strncmp(line, "SigIgn:", 7))
			ret_s->ignored = mask;
		else if (!strncmp(line, "SigCgt:", 7))
			ret_s->caught = mask;
	}
	fclose(f);
	return true;
}

static bool is_told_to_stop(pid_t tid)
{
	struct signals s;
	uint64_t heard;

	if (!read_signals(tid, &s))
		return false;
	heard = s.pending & ~s.blocked & ~s.ignored;
	return (heard & stops) || (heard & ~s.caught & ~harmless);
}

/* In another thread of the loop, or in ours when it came before. */
static void on_interrupt(fuse_req_t req, void *arg)
{
	struct ops_cancel *c = arg;

	if (is_told_to_stop(fuse_req_ctx(req)->pid))
		cancel_fire(&c->cancel);
}

void ops_cancel_begin(struct ops_cancel *c, fuse_req_t req)
{
	c->req = req;
	cancel_init(&c->cancel);
	c->before = cancel_enter(&c->cancel);
	fuse_req_interrupt_func(req, on_interrupt, c);
}

void ops_cancel_end(struct ops_cancel *c)
{
	fuse_req_interrupt_func(c->req, NULL, NULL);
	cancel_enter(c->before);
	cancel_free(&c->cancel);
}
