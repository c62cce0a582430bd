/*
 * flush.c - which of the many flushes that the kernel sends is the close that saves the file, and
 * what close and fsync wait for.
 *
 * A flush comes for every close of every copy of a descriptor: dup2 in a shell's redirection, a
 * child that inherited it and ends. To save each time would make a version of every half-written
 * state. So a flush is put off (the next one, or the release, saves) when it is plainly not the
 * last: the caller still has the file open for writing; or it is not the process that opened it,
 * and that one still has, or the caller's parent; or nothing was written yet, and a child of the
 * caller has (subprocess.Popen(stdout=file)). Whatever cannot be told (another namespace, no
 * permission to look) is taken for the last one: one version too many is better than a close that
 * says nothing.
 *
 * Some programs set mode and times by the file's name after they closed it. What they close is
 * acknowledged when it is durable here, and goes to the source a moment (settle) later, with those.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/log.h"
#include "fs/file_i.h"
#include "fs/path.h"

#define FDS_MAX 512 /* a process with more is not searched */

/* The number after `name` in a file of lines like "Tgid:\t17" or "flags:\t0100001"; -1 when it is
 * not there. */
static int64_t proc_number(const char *path, const char *name, int base)
{
	char line[256];
	int64_t v = -1;
	FILE *f = fopen(path, "re");

	if (!f)
		return -1;
	while (v < 0 && fgets(line, sizeof(line), f))
		if (!strncmp(line, name, strlen(name)))
			v = strtoll(line + strlen(name), NULL, base);
	fclose(f);
	return v;
}

/* The process (thread group) of a thread, which is what the kernel tells us; -1 when it cannot be
 * known. Most are a process's first one, which has its number: signal 0 only asks whether there is
 * such a thread in such a process, and who may not send is told so after that (tgkill(2)). */
int64_t file_process_of(pid_t tid)
{
	char path[64];

	if (tgkill(tid, tid, 0) == 0 || errno == EPERM)
		return tid;
	snprintf(path, sizeof(path), "/proc/%d/status", (int)tid);
	return proc_number(path, "Tgid:", 10);
}

/* Is it a close of an inherited copy of the descriptor, by a process that did not open the file? */
static bool is_strangers_close(const struct handle *h, pid_t tid)
{
	int64_t caller;

	if (h->opener < 0 || h->opener == tid)
		return false;
	caller = file_process_of(tid);
	return caller >= 0 && caller != h->opener;
}

/* The kernel says so of a name that it was told to forget, though it may be there again. */
static bool is_path(const char *target, const char *path)
{
	size_t n = strlen(path);

	return !strncmp(target, path, n) && (!target[n] || !strcmp(target + n, " (deleted)"));
}

static bool is_open_for_writing(pid_t tid, int fds, const char *fd, const char *path)
{
	char info[64], target[4096];
	int64_t flags;
	ssize_t n = readlinkat(fds, fd, target, sizeof(target) - 1);

	if (n < 0)
		return false;
	target[n] = '\0';
	if (!is_path(target, path))
		return false;
	snprintf(info, sizeof(info), "/proc/%d/fdinfo/%.20s", (int)tid, fd);
	flags = proc_number(info, "flags:", 8);
	return flags >= 0 && (flags & O_ACCMODE) != O_RDONLY;
}

/* Does the caller have it open for writing all the same? The descriptor that is being closed is
 * gone from its table already. */
static bool is_still_open(const struct file *f, pid_t tid)
{
	auto_free char *key = NULL, *path = NULL;
	char fds[64];
	bool found = false;
	int seen = 0;
	DIR *dir;

	if (node_key(f->fs->nodes, f->node, &key) ||
	    str_format(&path, "%s/%s", f->fs->conf.mountpoint, key + strlen(f->fs->conf.prefix)))
		return false;
	snprintf(fds, sizeof(fds), "/proc/%d/fd", (int)tid);
	dir = opendir(fds);
	if (!dir)
		return false;
	for (struct dirent *e; !found && seen++ < FDS_MAX && (e = readdir(dir));)
		found = e->d_name[0] != '.' &&
			is_open_for_writing(tid, dirfd(dir), e->d_name, path);
	closedir(dir);
	return found;
}

static int64_t parent_of(pid_t tid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/status", (int)tid);
	return proc_number(path, "PPid:", 10);
}

/* Has a child of the process it? */
static bool is_open_in_child(const struct file *f, pid_t tid)
{
	char path[64], line[1024], *rest = line;
	bool found = false;
	FILE *list;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)tid, (int)tid);
	list = fopen(path, "re");
	if (!list)
		return false;
	if (!fgets(line, sizeof(line), list))
		*line = '\0';
	fclose(list);
	while (!found) {
		char *end;
		long child = strtol(rest, &end, 10);

		if (end == rest || child <= 0)
			break;
		rest = end;
		found = is_still_open(f, (pid_t)child);
	}
	return found;
}

static bool is_put_off(const struct handle *h, pid_t tid)
{
	const struct file *f = h->file;
	int64_t parent;

	if (f->locked.state != FILE_DIRTY)
		return false;
	if (is_still_open(f, tid))
		return true;
	if (!is_strangers_close(h, tid))
		return !f->locked.has_data && is_open_in_child(f, tid);
	parent = parent_of(tid);
	return is_still_open(f, (pid_t)h->opener) ||
	       (parent > 1 && is_still_open(f, (pid_t)parent));
}

static bool sets_attrs_late(pid_t tid)
{
	static const char *const programs[] = { "7z", "7za", "install", "rsync", "unzip" };
	char path[64], name[32];
	auto_close int fd = -1;
	bool found = false;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, name, sizeof(name) - 1);
	if (n <= 0)
		return false;
	name[n] = '\0';
	name[strcspn(name, "\n")] = '\0';
	for (size_t i = 0; !found && i < array_size(programs); i++)
		found = !strcmp(name, programs[i]);
	return found;
}

/* --- what is waited for ----------------------------------------------------------------------- */

void file_awaited_busy(struct file *f, struct awaited *ret_a)
{
	auto_with(attr_free) struct attr now = { 0 };

	*ret_a = (struct awaited){ 0 };
	if ((f->locked.state != FILE_CLEAN && f->locked.state != FILE_SETTLING) ||
	    !f->locked.now.has_object || file_durability_busy(f) != DURABILITY_REPLICAS ||
	    file_now_copy(f, &now) || node_key(f->fs->nodes, f->node, &ret_a->key))
		return;
	ret_a->version = take_ptr(&now.rec.version_id);
}

int file_await(struct fs *fs, struct awaited *a)
{
	char why[64], shown[256];
	int r = a->key ? repl_wait(fs->repl, a->key, a->version,
				   clock_deadline(fs->conf.replicas_wait_ms))
		       : 0;

	if (r)
		log_warn("op=close key=\"%s\" durability=replicas why=\"%s\" result=queued",
			 printable(a->key, shown, sizeof(shown)), errno_text(r, why, sizeof(why)));
	free(a->key);
	free(a->version);
	return r == -ECANCELED ? -EIO : r;
}

/* Busy. */
static int save_at_close(struct file *f, pid_t pid)
{
	if (f->locked.state == FILE_DIRTY)
		f->locked.late_attrs =
			sets_attrs_late(pid) && file_durability_busy(f) != DURABILITY_REPLICAS;
	return file_save_busy(f);
}

int file_flush(struct fs *fs, struct handle *h, pid_t pid)
{
	struct file *f = h->file;
	struct awaited awaited = { 0 };
	int r = 0;

	if (!h->writes)
		return 0;
	file_busy_begin(f);
	if (is_put_off(h, pid)) {
		h->deferred = true;
		lock_take(&f->locked.l);
		f->locked.deferred = true;
		f->locked.deferred_ms = clock_mono_ms();
		lock_drop(&f->locked.l);
	} else {
		r = save_at_close(f, pid);
		if (r && file_is_torn(f)) {
			spool_discard(f->locked.body->spool);
			lock_take(&f->locked.l);
			f->locked.given_up = true;
			lock_drop(&f->locked.l);
		}
		/* its release, which may come when the next one has emptied it, saves no more */
		h->deferred = false;
		if (!r)
			file_awaited_busy(f, &awaited);
	}
	file_busy_end(f);
	return r ? r : file_await(fs, &awaited);
}

/* Busy. A temporary name is as durable as such names are; all else as the level says. */
static int sync_now(struct file *f)
{
	f->locked.late_attrs = false;
	f->locked.made = f->locked.made && f->locked.state != FILE_HELD;
	if (f->locked.state == FILE_SETTLING && file_durability_busy(f) == DURABILITY_STAGED)
		return 0;
	if (f->locked.state == FILE_SETTLING ||
	    (f->locked.state == FILE_HELD && !file_may_hold_busy(f)))
		return file_commit_busy(f);
	return file_save_busy(f);
}

int file_fsync(struct fs *fs, struct handle *h)
{
	struct file *f = h->file;
	struct awaited awaited = { 0 };
	int r;

	file_busy_begin(f);
	r = sync_now(f);
	if (!r)
		file_awaited_busy(f, &awaited);
	file_busy_end(f);
	return r ? r : file_await(fs, &awaited);
}

int file_hold_new(struct fs *fs, struct handle *h)
{
	struct file *f = h->file;
	int r = -EAGAIN;

	(void)fs;
	file_busy_begin(f);
	f->locked.made = f->locked.state == FILE_DIRTY;
	if (f->locked.made && file_may_hold_busy(f))
		r = file_hold_busy(f);
	if (r)
		r = file_save_busy(f);
	file_busy_end(f);
	return r;
}
