/*
 * loop.c - the threads that take requests. See loop.h.
 *
 *  thread   means                              leaves to
 *  taking   waits for a request                busy, gone (no mount any more, or told to end)
 *  busy     has one answered                   taking
 *  gone     is to be joined                    -
 *
 * There is always one that is taking, up to THREADS_MAX in all: who takes the last one's place
 * while it is busy is made when it is needed, and stays. Where none can be made (a limit of
 * processes) nothing is taken while all are busy: loop_wait tries again, since those may wait for
 * the network.
 */
#define FUSE_USE_VERSION 312

#include "fs/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/lock.h"
#include "base/log.h"

#define THREADS_MAX   256 /* so many may wait for a source that does not answer, and df does not */
#define REQUEST_BYTES (LOOP_WRITE_BYTES + 4096)
#define LARGE	      (64 * KIB) /* only writes are */
#define KICK_MS	      100
#define AGAIN_MS      1000 /* a thread could not be made */
/* After a large request so many are taken by the pipe: other threads' are among them. */
#define PIPE_TURNS 32

struct worker {
	struct loop *loop;
	pthread_t thread;
	atomic_bool taking;
	void *bytes;   /* the thread's; REQUEST_BYTES */
	int pipe[2];   /* the thread's; -1 none */
	bool pipeless; /* the thread's: there is none to be had */
};

struct loop {
	struct fuse_session *session; /* fixed */
	atomic_uint pipe_turns;
	atomic_bool ending;
	struct {
		struct lock l;
		struct cond changed;
		struct worker *workers[THREADS_MAX];
		unsigned n, taking, gone;
		bool stopped;
		bool is_short; /* none could be made, and none is taking */
		bool is_told;
		int error;
	} locked;
};

static void *work(void *arg);

/* --- taking ----------------------------------------------------------------------------------- */

static void close_pipe(struct worker *w)
{
	for (size_t i = 0; i < 2; i++) {
		if (w->pipe[i] >= 0)
			close(w->pipe[i]);
		w->pipe[i] = -1;
	}
}

static bool have_pipe(struct worker *w)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	/* a slot for each page and one for the header: the kernel refuses what does not fit */
	const size_t size = ((LOOP_WRITE_BYTES + page - 1) / page + 1) * page;

	if (w->pipe[0] >= 0 || w->pipeless)
		return !w->pipeless;
	/* who has many pipes gets no large one any more (pipe(7)) */
	if (pipe2(w->pipe, O_CLOEXEC | O_NONBLOCK) ||
	    fcntl(w->pipe[0], F_SETPIPE_SZ, (int)size) < (int)size) {
		close_pipe(w);
		w->pipeless = true;
	}
	return !w->pipeless;
}

/* What was not asked for, as of a write that was refused, is not the next request's. */
static void clear_pipe(struct worker *w)
{
	int left = 0;

	if (w->pipe[0] >= 0 && (ioctl(w->pipe[0], FIONREAD, &left) || left))
		close_pipe(w);
}

static void note_size(struct loop *l, size_t n)
{
	unsigned turns = atomic_load_explicit(&l->pipe_turns, memory_order_relaxed);

	if (n >= LARGE)
		turns = PIPE_TURNS;
	else if (turns)
		turns--;
	else
		return;
	atomic_store_explicit(&l->pipe_turns, turns, memory_order_relaxed);
}

/*
 * Who takes a request comes after who answered those before it: the kernel sends a RELEASE when all
 * that went by that handle is answered. ThreadSanitizer knows that of read(2) and readv(2), if only
 * of nothing, and not of splice(2).
 */
static ssize_t take_by_pipe(int fd, struct worker *w)
{
	ssize_t n = splice(fd, NULL, w->pipe[1], NULL, REQUEST_BYTES, 0);

#ifdef __SANITIZE_THREAD__
	if (n > 0 && readv(fd, NULL, 0))
		return -1;
#endif
	return n;
}

/* Bytes, or -errno. In the pipe when ret_b says so. */
static ssize_t take(struct worker *w, struct fuse_buf *ret_b)
{
	struct loop *l = w->loop;
	int fd = fuse_session_fd(l->session);
	bool by_pipe = atomic_load_explicit(&l->pipe_turns, memory_order_relaxed) && have_pipe(w);
	ssize_t n = by_pipe ? take_by_pipe(fd, w) : read(fd, w->bytes, REQUEST_BYTES);

	if (n < 0)
		return -errno;
	*ret_b = (struct fuse_buf){ .mem = w->bytes, .size = (size_t)n };
	if (by_pipe && (size_t)n >= LARGE) {
		ret_b->flags = FUSE_BUF_IS_FD;
		ret_b->fd = w->pipe[0];
	} else if (by_pipe && read(w->pipe[0], w->bytes, (size_t)n) != n) {
		return -EIO;
	}
	note_size(l, (size_t)n);
	return n;
}

/* --- threads ---------------------------------------------------------------------------------- */

static void worker_free(struct worker *w)
{
	if (!w)
		return;
	close_pipe(w);
	free(w->bytes);
	free(w);
}

static int add_worker_locked(struct loop *l)
{
	struct worker *w = calloc(1, sizeof(*w));
	int err;

	lock_assert_held(&l->locked.l);
	if (!w)
		return -ENOMEM;
	*w = (struct worker){ .loop = l, .bytes = malloc(REQUEST_BYTES), .pipe = { -1, -1 } };
	atomic_store(&w->taking, true);
	err = w->bytes ? -pthread_create(&w->thread, NULL, work, w) : -ENOMEM;
	if (err) {
		worker_free(w);
		return err;
	}
	l->locked.workers[l->locked.n++] = w;
	l->locked.taking++;
	return 0;
}

/* See to it that one is taking. */
static void fill_up_locked(struct loop *l)
{
	char words[64];
	int err;

	lock_assert_held(&l->locked.l);
	l->locked.is_short = false;
	if (l->locked.taking || l->locked.n == THREADS_MAX)
		return;
	err = add_worker_locked(l);
	if (!err && l->locked.is_told) {
		log_info("threads=enough have=%u", l->locked.n);
		l->locked.is_told = false;
	}
	if (!err)
		return;
	l->locked.is_short = true;
	cond_broadcast(&l->locked.changed);
	if (l->locked.is_told)
		return;
	l->locked.is_told = true;
	log_warn("threads=short have=%u why=\"no thread more could be made (%s): who waits for the "
		 "source holds up others; raise TasksMax= of the service, pids.max of the cgroup, "
		 "or ulimit -u\"",
		 l->locked.n, errno_text(err, words, sizeof(words)));
}

static void now_busy(struct worker *w)
{
	struct loop *l = w->loop;

	atomic_store(&w->taking, false);
	scoped_lock(&l->locked.l);
	l->locked.taking--;
	fill_up_locked(l);
}

static void now_taking(struct worker *w)
{
	struct loop *l = w->loop;

	atomic_store(&w->taking, true);
	scoped_lock(&l->locked.l);
	l->locked.taking++;
}

static void now_gone(struct worker *w, int err)
{
	struct loop *l = w->loop;

	atomic_store(&w->taking, false);
	scoped_lock(&l->locked.l);
	l->locked.taking--;
	l->locked.gone++;
	l->locked.stopped = true;
	if (!l->locked.error)
		l->locked.error = err;
	cond_broadcast(&l->locked.changed);
}

/* ENOENT: it was given up before we had it. ENODEV: unmounted. */
static bool is_passing(ssize_t err)
{
	return err == -EINTR || err == -EAGAIN || err == -ENOENT;
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct loop *l = w->loop;
	ssize_t n = 0;

	pthread_setname_np(pthread_self(), "fuse");
	while (!atomic_load(&l->ending)) {
		struct fuse_buf b = { 0 };

		n = take(w, &b);
		if (n < 0 && is_passing(n))
			continue;
		if (n < (ssize_t)sizeof(struct fuse_in_header))
			break;
		now_busy(w);
		fuse_session_process_buf(l->session, &b);
		if (b.flags & FUSE_BUF_IS_FD)
			clear_pipe(w);
		now_taking(w);
	}
	if (atomic_load(&l->ending) || n == -ENODEV)
		n = 0;
	else if (n >= 0)
		n = -EIO;
	now_gone(w, (int)n);
	return NULL;
}

/* --- life ------------------------------------------------------------------------------------- */

static void do_nothing(int sig)
{
	(void)sig;
}

int loop_new(struct fuse_session *se, struct loop **ret_l)
{
	/* no SA_RESTART: who waits for a request shall look */
	const struct sigaction wake = { .sa_handler = do_nothing };
	struct loop *l;

	if (sigaction(SIGUSR1, &wake, NULL))
		return -errno;
	l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	l->session = se;
	lock_init(&l->locked.l);
	cond_init(&l->locked.changed);
	*ret_l = l;
	return 0;
}

int loop_start(struct loop *l)
{
	scoped_lock(&l->locked.l);
	return add_worker_locked(l);
}

int loop_wait(struct loop *l)
{
	scoped_lock(&l->locked.l);
	while (!l->locked.stopped) {
		if (!l->locked.is_short)
			cond_wait(&l->locked.changed, &l->locked.l);
		else if (!cond_wait_until(&l->locked.changed, &l->locked.l,
					  clock_deadline(AGAIN_MS)))
			fill_up_locked(l);
	}
	return l->locked.error;
}

void loop_stop(struct loop *l)
{
	scoped_lock(&l->locked.l);
	l->locked.stopped = true;
	cond_broadcast(&l->locked.changed);
}

/* Again and again, since the first signal may come before it waits. */
static void kick_locked(struct loop *l)
{
	lock_assert_held(&l->locked.l);
	for (unsigned i = 0; i < l->locked.n; i++)
		if (atomic_load(&l->locked.workers[i]->taking))
			pthread_kill(l->locked.workers[i]->thread, SIGUSR1);
}

void loop_end(struct loop *l)
{
	unsigned n;

	atomic_store(&l->ending, true);
	lock_take(&l->locked.l);
	while (l->locked.gone < l->locked.n) {
		kick_locked(l);
		cond_wait_until(&l->locked.changed, &l->locked.l, clock_deadline(KICK_MS));
	}
	n = l->locked.n;
	l->locked.n = l->locked.gone = 0;
	lock_drop(&l->locked.l);
	for (unsigned i = 0; i < n; i++) {
		pthread_join(l->locked.workers[i]->thread, NULL);
		worker_free(l->locked.workers[i]);
	}
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	cond_free(&l->locked.changed);
	lock_free(&l->locked.l);
	free(l);
}
