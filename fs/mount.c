#define FUSE_USE_VERSION 312

#include "fs/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>

#include "base/codec.h"
#include "base/log.h"

#include "fs/loop.h"
#include "fs/notify.h"
#include "fs/ops.h"

#define READAHEAD_KB "1020" /* LOOP_WRITE_BYTES: the kernel asks for no more at once */

struct mount {
	struct mount_conf conf;	      /* fixed */
	struct fuse_session *session; /* fixed */
	struct loop *loop;	      /* fixed */
	pthread_t signals;	      /* fixed once started */
	bool started, mounted;	      /* the server's */
	atomic_bool loop_done;	      /* there is nothing to stop any more */
	atomic_bool ended;	      /* the signal thread shall end */
	atomic_bool hurried;
	unsigned stops; /* the signal thread's: how often it was told to stop */
};

/* --- signals ---------------------------------------------------------------------------------- */

static void signal_set(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGHUP);
	sigaddset(set, SIGUSR2);
	sigaddset(set, SIGALRM); /* the time for the end is over */
}

void mount_begin_end(const struct mount *m)
{
	struct itimerval t;

	if (getitimer(ITIMER_REAL, &t) == 0 && (t.it_value.tv_sec || t.it_value.tv_usec))
		return;
	t = (struct itimerval){ .it_value = { .tv_sec = m->conf.drain_ms / 1000,
					      .tv_usec = m->conf.drain_ms % 1000 * 1000 + 1 } };
	if (setitimer(ITIMER_REAL, &t, NULL) != 0)
		log_warn("end=unbounded error=%d", errno);
}

static void hurry(struct mount *m)
{
	atomic_store(&m->hurried, true);
	m->conf.on_hurry(m->conf.arg);
}

static void told_to_stop(struct mount *m, int sig)
{
	m->stops++;
	if (m->stops > 2)
		_exit(1);
	log_info("signal=%d action=%s", sig, m->stops == 1 ? "stop" : "stop_at_once");
	if (m->stops == 1 && !atomic_load(&m->loop_done)) {
		mount_begin_end(m); /* a change under way may wait for the network, too */
		loop_stop(m->loop);
	} else {
		hurry(m);
	}
}

static void step_log_level(void)
{
	static const char *const names[] = { "error", "warn", "info", "debug" };
	enum log_level next =
		log_get_level() == LOG_LEVEL_DEBUG ? LOG_LEVEL_ERROR : log_get_level() + 1;

	log_set_level(LOG_LEVEL_INFO);
	log_info("log_level=%s", names[next]);
	log_set_level(next);
}

static void *hear_signals(void *arg)
{
	struct mount *m = arg;
	sigset_t set;

	pthread_setname_np(pthread_self(), "signals");
	signal_set(&set);
	for (;;) {
		int sig = sigwaitinfo(&set, NULL);

		if (atomic_load(&m->ended))
			return NULL;
		if (sig == SIGTERM || sig == SIGINT)
			told_to_stop(m, sig);
		else if (sig == SIGALRM)
			hurry(m);
		else if (sig == SIGHUP)
			m->conf.on_reload(m->conf.arg);
		else if (sig == SIGUSR2)
			step_log_level();
	}
}

static int start_signals(struct mount *m)
{
	int err;

	err = pthread_create(&m->signals, NULL, hear_signals, m);
	m->started = err == 0;
	return -err;
}

/* --- mounting --------------------------------------------------------------------------------- */

/* libfuse and fusermount3 say why on stderr. */
struct capture {
	int saved, fd;
};

static void capture_begin(struct capture *c)
{
	c->saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	c->fd = memfd_create("words", MFD_CLOEXEC);
	if (c->saved >= 0 && c->fd >= 0)
		dup2(c->fd, STDERR_FILENO);
}

/* The first line of what was said. */
static void capture_end(struct capture *c, char *dst, size_t n)
{
	char words[512];
	ssize_t got = c->fd >= 0 ? pread(c->fd, words, sizeof(words) - 1, 0) : 0;

	if (c->saved >= 0) {
		dup2(c->saved, STDERR_FILENO);
		close(c->saved);
	}
	if (c->fd >= 0)
		close(c->fd);
	words[max_of(got, 0)] = '\0';
	words[strcspn(words, "\n")] = '\0';
	printable(words, dst, n);
}

static void log_for_fuse(enum fuse_log_level level, const char *fmt, va_list ap) printf_like(2, 0);
static void log_for_fuse(enum fuse_log_level level, const char *fmt, va_list ap)
{
	char line[512], shown[600];

	vsnprintf(line, sizeof(line), fmt, ap);
	line[strcspn(line, "\n")] = '\0';
	printable(line, shown, sizeof(shown));
	if (level <= FUSE_LOG_ERR)
		log_error("libfuse=\"%s\"", shown);
	else
		log_debug("libfuse=\"%s\"", shown);
}

static int add_options(const struct mount_conf *conf, struct fuse_args *args)
{
	auto_free char *name = NULL;
	char *list = NULL;
	int bad = 0;

	if (str_format(&name, "fsname=%s", conf->source) < 0)
		return -ENOMEM;
	bad |= *conf->options && fuse_opt_add_opt(&list, conf->options) != 0;
	bad |= fuse_opt_add_opt(&list, "default_permissions,subtype=crrfs") != 0;
	bad |= fuse_opt_add_opt_escaped(&list, name) != 0;
	bad |= fuse_opt_add_arg(args, "crrfs") != 0 || fuse_opt_add_arg(args, "-o") != 0 ||
	       fuse_opt_add_arg(args, list) != 0;
	free(list);
	return bad ? -ENOMEM : 0;
}

static int make_session(struct mount *m)
{
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	int err = add_options(&m->conf, &args);

	if (err == 0) {
		m->session = fuse_session_new(&args, ops_table(), sizeof(*ops_table()), m->conf.fs);
		err = m->session ? 0 : -EINVAL;
	}
	if (err == 0) {
		m->mounted = fuse_session_mount(m->session, m->conf.mountpoint) == 0;
		err = m->mounted ? ops_attach(m->session) : -EIO;
	}
	fuse_opt_free_args(&args);
	return err;
}

/*
 * The kernel reads 128 KiB ahead of a FUSE mount, and asks for as much at a time, unless root says
 * otherwise here; the mount's own word (max_readahead) can only lower it. A quarter of the CPU time
 * of a long read. No request is made: nobody would answer it yet.
 */
static void raise_readahead(const char *mountpoint)
{
	char path[64];
	struct statx st;
	int fd;

	if (statx(AT_FDCWD, mountpoint, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_TYPE, &st))
		return;
	snprintf(path, sizeof(path), "/sys/class/bdi/%u:%u/read_ahead_kb", st.stx_dev_major,
		 st.stx_dev_minor);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	(void)!write(fd, READAHEAD_KB, strlen(READAHEAD_KB));
	close(fd);
}

static int mount_now(struct mount *m, char *why, size_t why_len)
{
	struct capture words;
	char said[600];
	sigset_t set;
	int err;

	signal_set(&set);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	capture_begin(&words);
	err = make_session(m);
	capture_end(&words, said, sizeof(said));
	if (err < 0)
		snprintf(why, why_len, "cannot mount on %s: %s%s", m->conf.mountpoint,
			 *said ? said : "libfuse does not say why",
			 access("/dev/fuse", F_OK) == 0
				 ? ""
				 : " (there is no /dev/fuse: modprobe fuse)");
	else
		fuse_set_log_func(log_for_fuse);
	if (err == 0)
		raise_readahead(m->conf.mountpoint);
	return err;
}

int mount_new(const struct mount_conf *conf, struct mount **ret_m, char *why, size_t why_len)
{
	struct mount *m = calloc(1, sizeof(*m));
	int err;

	snprintf(why, why_len, "out of memory");
	if (!m)
		return -ENOMEM;
	m->conf = *conf;
	err = mount_now(m, why, why_len);
	if (err == 0) {
		err = loop_new(m->session, &m->loop);
		if (err == 0)
			err = start_signals(m);
		if (err == 0)
			err = notify_start(conf->fs->notify, m->session);
		if (err < 0)
			snprintf(why, why_len, "no threads");
	}
	if (err < 0) {
		mount_free(m);
		return err;
	}
	*ret_m = m;
	return 0;
}

static void unmount(struct mount *m)
{
	if (m->mounted)
		fuse_session_unmount(m->session);
	m->mounted = false;
}

/* The kernel that is being told something waits for what it asked: so that ends first. */
int mount_serve(struct mount *m)
{
	int err = loop_start(m->loop);

	if (err == 0)
		err = loop_wait(m->loop);
	notify_stop(m->conf.fs->notify);
	loop_end(m->loop);
	atomic_store(&m->loop_done, true);
	unmount(m);
	return err;
}

bool mount_is_hurried(const struct mount *m)
{
	return atomic_load(&m->hurried);
}

void mount_free(struct mount *m)
{
	if (!m)
		return;
	if (m->started) {
		atomic_store(&m->loop_done, true);
		atomic_store(&m->ended, true);
		pthread_kill(m->signals, SIGTERM);
		pthread_join(m->signals, NULL);
	}
	unmount(m);
	notify_stop(m->conf.fs->notify);
	loop_free(m->loop);
	if (m->session)
		fuse_session_destroy(m->session);
	free(m);
}
