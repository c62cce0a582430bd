#include "fs/control.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#ifdef HAVE_CONFIG_H
#include <config.h> /* autoconf's: the other one is our own */
#endif

#include "base/clock.h"
#include "base/json.h"
#include "base/lock.h"
#include "base/log.h"

#include "fs/file.h"
#include "fs/history.h"

#define QUESTION_MAX (32 * 1024) /* two keys and a version id, escaped */
#define PEER_MS	     5000 /* a peer that is slower is dropped */
#define SOCKET	     "ctl.sock"
#define RESTORE	     "restore"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "unknown"
#endif

struct control {
	struct control_conf conf;	/* fixed */
	int dir_fd, listen_fd, stop_fd; /* fixed */
	bool started, restoring;	/* the owner's */
	pthread_t thread, restorer;
	struct {
		struct lock l;
		struct cond changed;
		bool stop;
		char *restore; /* what is to be restored, or is being; NULL = nothing */
		int fd;	       /* who asked for it; the restorer's when it has begun */
	} locked;
};

/* --- questions -------------------------------------------------------------------------------- */

static void say_error(struct json_out *j, const char *why)
{
	json_bool(j, "ok", false);
	json_str(j, "error", why);
}

static void answer_status(struct control *c, const char *args, struct json_out *j)
{
	struct file_counts n = { 0 };

	(void)args;
	file_count(c->conf.fs, &n);
	json_bool(j, "ok", true);
	json_i64(j, "pid", getpid());
	json_str(j, "version", PACKAGE_VERSION);
	json_str(j, "mountpoint", c->conf.mountpoint);
	json_str(j, "bucket", c->conf.bucket);
	json_str(j, "prefix", c->conf.prefix);
	json_u64(j, "open", n.open);
	json_u64(j, "dirty", n.dirty);
	json_u64(j, "deferred", n.deferred);
	json_u64(j, "held", n.held);
	json_u64(j, "settling", n.settling);
	json_str(j, "rules", rulesrc_name(c->conf.rules));
}

static void answer_reload(struct control *c, const char *args, struct json_out *j)
{
	char why[1024];

	(void)args;
	if (rulesrc_reload(c->conf.rules, c->conf.fs->repl, c->conf.dests, c->conf.store, why,
			   sizeof(why)) < 0) {
		say_error(j, why);
		return;
	}
	attr_cache_clear(c->conf.fs->attrs);
	json_bool(j, "ok", true);
	json_str(j, "rules", rulesrc_name(c->conf.rules));
}

static void answer_wake(struct control *c, const char *args, struct json_out *j)
{
	(void)args;
	workers_wake(c->conf.workers);
	scan_wake(c->conf.scan);
	json_bool(j, "ok", true);
}

static void answer_flush(struct control *c, const char *args, struct json_out *j)
{
	int err = file_commit_held(c->conf.fs);
	char words[64];

	(void)args;
	if (err < 0)
		say_error(j, errno_text(err, words, sizeof(words)));
	else
		json_bool(j, "ok", true);
}

static void answer_restore(struct control *c, const char *args, struct json_out *j)
{
	auto_with(doc_free_ptr) struct doc_node *doc = NULL;
	auto_free char *version = NULL, *made = NULL;
	struct history_restore q;
	char why[1024];

	if (json_read(args, strlen(args), &doc, NULL) < 0) {
		say_error(j, "restore needs {\"key\":...,\"version\":...,\"to\":...}");
		return;
	}
	q = (struct history_restore){ doc_text(doc, "key"), doc_text(doc, "version"),
				      doc_text(doc, "to") };
	if (!q.key || !q.version || !q.to) {
		say_error(j, "restore needs a key, a version and a key to write to");
		return;
	}
	if (history_restore(c->conf.fs, &q, &version, &made, why, sizeof(why)) < 0) {
		say_error(j, why);
		return;
	}
	json_bool(j, "ok", true);
	json_str(j, "version", version);
	json_str(j, "made", made);
}

static int answer(struct control *c, char *question, struct buf *out)
{
	static const struct {
		const char *name;
		void (*fn)(struct control *c, const char *args, struct json_out *j);
	} table[] = {
		{ "status", answer_status },
		{ "reload", answer_reload },
		{ "wake", answer_wake },
		{ "flush", answer_flush },
		{ RESTORE, answer_restore },
	};
	char *args = question + strcspn(question, " ");
	struct json_out j;
	size_t i = 0;

	if (*args)
		*args++ = '\0';

	json_start(&j, out, false);
	json_open(&j, NULL, '{');
	while (i < array_size(table) && strcmp(question, table[i].name) != 0)
		i++;
	if (i < array_size(table))
		table[i].fn(c, args, &j);
	else
		say_error(&j, "unknown question (known: status, reload, wake, flush, restore)");
	json_close(&j, '}');
	return buf_addc(out, '\n');
}

/* --- peers ------------------------------------------------------------------------------------ */

static bool is_allowed(int fd)
{
	struct ucred peer;
	socklen_t n = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) != 0)
		return false;
	return peer.uid == 0 || peer.uid == geteuid();
}

/* 1 ready, 0 stop or too late. */
static int wait_for(const struct control *c, int fd, short events, int64_t deadline)
{
	for (;;) {
		struct pollfd p[2] = { { .fd = c->stop_fd, .events = POLLIN },
				       { .fd = fd, .events = events } };
		int64_t left = deadline == CLOCK_NEVER ? -1 : max_of(deadline - clock_mono_ms(), 0);
		int n = poll(p, 2, (int)left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0 || p[0].revents)
			return 0;
		return 1;
	}
}

static bool read_question(const struct control *c, int fd, char *dst, size_t size, int64_t deadline)
{
	size_t got = 0;

	while (got + 1 < size && wait_for(c, fd, POLLIN, deadline)) {
		ssize_t n = recv(fd, dst + got, size - 1 - got, 0);
		char *end;

		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n <= 0)
			return false;
		end = memchr(dst + got, '\n', (size_t)n);
		got += (size_t)n;
		if (end) {
			*end = '\0';
			return true;
		}
	}
	return false;
}

static void send_answer(const struct control *c, int fd, const struct buf *b)
{
	int64_t deadline = clock_deadline(PEER_MS);
	size_t sent = 0;

	while (sent < b->len && wait_for(c, fd, POLLOUT, deadline)) {
		ssize_t n = send(fd, b->data + sent, b->len - sent, MSG_NOSIGNAL);

		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return;
		if (n > 0)
			sent += (size_t)n;
	}
}

static void refuse(struct control *c, int fd, const char *why)
{
	auto_with(buf_free) struct buf out;
	struct json_out j;

	buf_init(&out, BUF_LIMIT_SMALL);
	json_start(&j, &out, false);
	json_open(&j, NULL, '{');
	say_error(&j, why);
	json_close(&j, '}');
	if (buf_addc(&out, '\n') == 0)
		send_answer(c, fd, &out);
}

/* --- restores --------------------------------------------------------------------------------- */

/* A copy may take long, and the other questions shall not wait for it. Takes fd when it is 0. */
static int hand_over(struct control *c, const char *question, int fd)
{
	scoped_lock(&c->locked.l);
	if (c->locked.restore)
		return -EBUSY;
	c->locked.restore = strdup(question);
	if (!c->locked.restore)
		return -ENOMEM;
	c->locked.fd = fd;
	cond_signal(&c->locked.changed);
	return 0;
}

/* The question, which stays in its place while it is answered; NULL = stop. */
static char *next_restore(struct control *c, int *ret_fd)
{
	scoped_lock(&c->locked.l);
	while (!c->locked.stop && !c->locked.restore)
		cond_wait(&c->locked.changed, &c->locked.l);
	if (c->locked.stop)
		return NULL;
	*ret_fd = c->locked.fd;
	return c->locked.restore;
}

static void end_restore(struct control *c)
{
	scoped_lock(&c->locked.l);
	free(c->locked.restore);
	c->locked.restore = NULL;
}

static void *run_restores(void *arg)
{
	struct control *c = arg;
	char *question;
	int fd;

	pthread_setname_np(pthread_self(), "restore");
	while ((question = next_restore(c, &fd))) {
		auto_with(buf_free) struct buf out;
		int err;

		buf_init(&out, BUF_LIMIT_SMALL);
		err = answer(c, question, &out);
		end_restore(c); /* before the answer: who has it may ask for the next */
		if (err == 0)
			send_answer(c, fd, &out);
		close(fd);
	}
	return NULL;
}

/* --- the thread ------------------------------------------------------------------------------- */

static bool is_restore(const char *question)
{
	return strncmp(question, RESTORE " ", strlen(RESTORE " ")) == 0;
}

static void serve_one(struct control *c)
{
	auto_close int fd = accept4(c->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	auto_with(buf_free) struct buf out;
	char question[QUESTION_MAX];

	buf_init(&out, BUF_LIMIT_SMALL);
	if (fd < 0)
		return;
	if (!is_allowed(fd)) {
		log_warn("control=refused why=\"another user\"");
		return;
	}
	if (!read_question(c, fd, question, sizeof(question), clock_deadline(PEER_MS)))
		return;
	if (is_restore(question)) {
		int err = hand_over(c, question, fd);

		if (err == 0)
			(void)take_fd(&fd);
		else
			refuse(c, fd, err == -EBUSY ? "another restore is under way: wait for it"
						    : "out of memory");
		return;
	}
	if (answer(c, question, &out) == 0)
		send_answer(c, fd, &out);
}

static void *run(void *arg)
{
	struct control *c = arg;

	pthread_setname_np(pthread_self(), "control");
	while (wait_for(c, c->listen_fd, POLLIN, CLOCK_NEVER))
		serve_one(c);
	return NULL;
}

/* --- life ------------------------------------------------------------------------------------- */

/* By the directory's descriptor: a path may be longer than an address holds. An old socket is
 * nobody's: the directory is locked. */
static int listen_at(struct control *c)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	c->dir_fd = open(c->conf.dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	c->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	c->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->dir_fd < 0 || c->stop_fd < 0 || c->listen_fd < 0)
		return -errno;
	snprintf(addr.sun_path, sizeof(addr.sun_path), "/proc/self/fd/%d/" SOCKET, c->dir_fd);
	if (unlinkat(c->dir_fd, SOCKET, 0) != 0 && errno != ENOENT)
		return -errno;
	/* The directory is 0700, so nobody gets in between bind and chmod. */
	if (bind(c->listen_fd, (const struct sockaddr *)&addr, sizeof(addr)) != 0 ||
	    fchmodat(c->dir_fd, SOCKET, 0600, 0) != 0 || listen(c->listen_fd, 16) != 0)
		return -errno;
	return 0;
}

int control_new(const struct control_conf *conf, struct control **ret_c)
{
	struct control *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return -ENOMEM;
	c->conf = *conf;
	c->dir_fd = c->listen_fd = c->stop_fd = -1;
	lock_init(&c->locked.l);
	cond_init(&c->locked.changed);
	err = listen_at(c);
	if (err < 0) {
		control_free(c);
		return err;
	}
	*ret_c = c;
	return 0;
}

int control_start(struct control *c)
{
	sigset_t all, old;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&c->restorer, NULL, run_restores, c);
	c->restoring = err == 0;
	if (err == 0)
		err = pthread_create(&c->thread, NULL, run, c);
	c->started = err == 0;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return -err;
}

void control_stop(struct control *c)
{
	if (!c->restoring)
		return;
	lock_take(&c->locked.l);
	c->locked.stop = true;
	cond_signal(&c->locked.changed);
	lock_drop(&c->locked.l);
	if (eventfd_write(c->stop_fd, 1) != 0)
		log_debug("control stop=late");
	if (c->started)
		pthread_join(c->thread, NULL);
	pthread_join(c->restorer, NULL);
	c->started = c->restoring = false;
}

void control_free(struct control *c)
{
	int fds[3];

	if (!c)
		return;
	control_stop(c);
	if (c->locked.restore) /* nobody came to it */
		close(c->locked.fd);
	free(c->locked.restore);
	cond_free(&c->locked.changed);
	lock_free(&c->locked.l);
	if (c->listen_fd >= 0)
		unlinkat(c->dir_fd, SOCKET, 0);
	fds[0] = c->listen_fd;
	fds[1] = c->stop_fd;
	fds[2] = c->dir_fd;
	for (size_t i = 0; i < array_size(fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	free(c);
}
