#include "queue/events_i.h"

#ifdef HAVE_CONFIG_H
#include <config.h>
#endif

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"

#define COMMAND_MS 60000

/* --- a file ----------------------------------------------------------------------------------- */

/* Opened for each line: it may be rotated away at any time. Never blocks, also if it is a pipe. */
static int append(const char *path, const char *line)
{
	auto_close int fd =
		open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
	struct stat st;
	int err;

	if (fd < 0 || fstat(fd, &st) != 0)
		return -errno;
	err = io_write_full(fd, line, strlen(line));
	if (!S_ISREG(st.st_mode))
		return err;
	if (err == 0 && fdatasync(fd) != 0)
		err = -errno;
	/* Half a line must not stand before the next one. */
	if (err < 0 && ftruncate(fd, st.st_size) != 0)
		log_debug("events=cut-short");
	return err;
}

/* --- a command -------------------------------------------------------------------------------- */

/* A few names, so that no credential is among them. */
static size_t make_environment(char *ret_env[], size_t max)
{
	static const char *const names[] = { "PATH=", "HOME=",	 "USER=", "LOGNAME=", "SHELL=",
					     "LANG=", "LC_ALL=", "TZ=",	  "TMPDIR=" };
	size_t n = 0;

	for (char **e = environ; *e && n + 1 < max; e++)
		for (size_t i = 0; i < array_size(names); i++)
			if (strncmp(*e, names[i], strlen(names[i])) == 0) {
				ret_env[n++] = *e;
				break;
			}
	ret_env[n] = NULL;
	return n;
}

/* A file in memory: no pipe, which could block or break. */
static int make_stdin(const char *line, int *ret_fd)
{
	auto_close int fd = memfd_create("event", MFD_CLOEXEC);
	int err;

	if (fd < 0)
		return -errno;
	err = io_write_full(fd, line, strlen(line));
	if (err == 0 && lseek(fd, 0, SEEK_SET) < 0)
		err = -errno;
	if (err < 0)
		return err;
	*ret_fd = take_fd(&fd);
	return 0;
}

/* A group of its own, so that what it starts can be killed with it. Our threads block all signals,
 * the command shall not. */
static int set_attributes(posix_spawnattr_t *attr)
{
	sigset_t none, all;
	int r;

	sigemptyset(&none);
	sigfillset(&all);
	r = posix_spawnattr_setsigmask(attr, &none);
	r = r ? r : posix_spawnattr_setsigdefault(attr, &all);
	r = r ? r : posix_spawnattr_setpgroup(attr, 0);
	return r ? r
		 : posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
							  POSIX_SPAWN_SETPGROUP);
}

static int spawn(const char *command, int in, pid_t *ret_pid)
{
	const char *const argv[] = { "sh", "-c", command, NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	char *env[16];
	int r;

	make_environment(env, array_size(env));
	r = posix_spawn_file_actions_init(&actions);
	if (r)
		return -r;
	r = posix_spawnattr_init(&attr);
	if (r) {
		posix_spawn_file_actions_destroy(&actions);
		return -r;
	}
	r = set_attributes(&attr);
	r = r ? r : posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
#ifdef HAVE_POSIX_SPAWN_FILE_ACTIONS_ADDCLOSEFROM_NP
	/* libcurl opens sockets that a child would inherit. */
	r = r ? r : posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
#endif
	r = r ? r
	      : posix_spawn(ret_pid, "/bin/sh", &actions, &attr, (char *const *)(uintptr_t)argv,
			    env);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	return -r;
}

/* 0 = it ended, -ETIMEDOUT, -ECANCELED. */
static int wait_end(pid_t pid, int stop_fd, int64_t deadline)
{
	auto_close int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	if (fd < 0)
		return -errno;
	for (;;) {
		struct pollfd p[2] = { { .fd = stop_fd, .events = POLLIN },
				       { .fd = fd, .events = POLLIN } };
		int64_t left = max_of(deadline - clock_mono_ms(), (int64_t)0);
		int n = poll(p, 2, (int)left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (p[1].revents)
			return 0;
		if (p[0].revents)
			return -ECANCELED;
		if (n == 0)
			return -ETIMEDOUT;
	}
}

/* Of a command that ended by itself. */
static int judge_status(int status)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return -ENOENT;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 126)
		return -EACCES;
	if (status != 0)
		log_warn("events=command result=\"%s %d\"",
			 WIFSIGNALED(status) ? "signal" : "exit status",
			 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	return 0;
}

int events_run(const char *command, const char *line, int stop_fd, int64_t limit_ms)
{
	auto_close int in = -1;
	pid_t pid = 0;
	int status = 0;
	int err = make_stdin(line, &in);

	err = err < 0 ? err : spawn(command, in, &pid);
	if (err < 0)
		return err;
	err = wait_end(pid, stop_fd, clock_deadline(limit_ms));
	if (err < 0)
		kill(-pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (err == 0)
		return judge_status(status);
	if (err != -ETIMEDOUT)
		return err;
	log_warn("events=command result=\"killed after %lld ms\"", (long long)limit_ms);
	return 0;
}

int events_send(const char *to, const char *line, int stop_fd)
{
	return *to == '|' ? events_run(to + 1, line, stop_fd, COMMAND_MS) : append(to, line);
}
