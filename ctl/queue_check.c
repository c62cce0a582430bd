/* queue_check.c - crrctl queue check and repair: is the queue sound, and what is left of it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/log.h"
#include "ctl/queue.h"
#include "queue/store_check.h"

/* As fs/state.c chooses it when a mount is not told where. */
static int usual_dir(const char *bucket, char **ret_dir)
{
	const char *xdg = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	const char *name = strncmp(bucket, "s3://", 5) ? bucket : bucket + 5;
	int n = (int)strcspn(name, "/");

	if (geteuid() == 0)
		return str_format(ret_dir, "/var/lib/crrfs/%.*s", n, name);
	if (xdg && *xdg == '/')
		return str_format(ret_dir, "%s/crrfs/%.*s", xdg, n, name);
	return str_format(ret_dir, "%s/.local/state/crrfs/%.*s", home ? home : "", n, name);
}

static bool has_queue(const char *dir)
{
	auto_free char *file = NULL;
	struct stat st;

	return str_format(&file, "%s/queue.db", dir) == 0 && lstat(file, &st) == 0;
}

int ctl_queue_find(const struct ctl_opts *o, const char *where, char **ret_dir)
{
	auto_free char *usual = NULL;
	int r;

	if (!where || o->state)
		return ctl_find(o, where, ret_dir);
	if (has_queue(where))
		return str_dup(where, ret_dir);
	r = usual_dir(where, &usual);
	if (r == 0 && has_queue(usual)) {
		*ret_dir = take_ptr(&usual);
		return 0;
	}
	return r ? r : ctl_find(o, where, ret_dir);
}

struct findings {
	uint64_t n;
	bool shown;
};

static int print_line(void *arg, const char *line)
{
	struct findings *f = arg;
	char shown[CTL_SHOWN];

	f->n++;
	if (f->shown)
		puts(ctl_shown(line, shown));
	return 0;
}

/* *f counts what is wrong. */
static int check(const char *dir, struct findings *f)
{
	const struct store_conf conf = { .dir = dir, .read_only = true };
	auto_with(ctl_store_close) struct store *s = NULL;
	auto_free char *staging = NULL;
	char why[600] = "", shown[CTL_SHOWN];
	int r = store_open(&conf, &s, why, sizeof(why));

	if (r == -EUCLEAN)
		f->n++;
	if (r) {
		if (r != -EUCLEAN || f->shown)
			ctl_say("%s",
				*why ? ctl_shown(why, shown) : errno_text(r, why, sizeof(why)));
		return r == -EUCLEAN ? 0 : r;
	}
	r = str_format(&staging, "%s/staging", dir);
	if (!r)
		r = store_check(s, staging, print_line, f);
	if (r)
		ctl_say("the queue in %s: %s", ctl_shown(dir, shown),
			errno_text(r, why, sizeof(why)));
	return r;
}

int ctl_queue_check(const struct ctl_opts *o, const char *where)
{
	struct findings f = { .shown = true };
	auto_free char *dir = NULL;
	char shown[CTL_SHOWN];

	if (ctl_queue_find(o, where, &dir) || check(dir, &f))
		return CTL_FAILED;
	if (!f.n) {
		printf("%s/queue.db is sound\n", ctl_shown(dir, shown));
		return CTL_OK;
	}
	printf("%llu found; with the mount down, 'crrctl queue repair --state %s' keeps the file "
	       "and "
	       "makes a new one of what can be read\n",
	       (unsigned long long)f.n, ctl_shown(dir, shown));
	return CTL_DIFFERENT;
}

/* The lock of fs/state.c: no mount runs while we have it. */
static int take_lock(const char *dir, int *ret_fd)
{
	auto_free char *path = NULL;
	char why[64], shown[CTL_SHOWN], pid[32] = "";
	auto_close int fd = -1;
	int r = str_format(&path, "%s/lock", dir);

	if (r)
		return r;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0) {
		*ret_fd = take_fd(&fd);
		return 0;
	}
	r = -errno;
	if (r == -EWOULDBLOCK && pread(fd, pid, sizeof(pid) - 1, 0) > 0) {
		pid[strspn(pid, "0123456789")] = '\0';
		ctl_say("%s: a mount uses it (pid %s); unmount it first", ctl_shown(dir, shown),
			pid);
	} else {
		ctl_say("%s: %s", ctl_shown(path, shown), errno_text(r, why, sizeof(why)));
	}
	return r;
}

static int repair(const char *dir)
{
	struct findings f = { .shown = true };
	struct store_repair done = { .lost = false };
	char why[600] = "", shown[CTL_SHOWN];
	int r = store_repair(dir, print_line, &f, &done, why, sizeof(why));

	if (r) {
		ctl_say("%s", *why ? ctl_shown(why, shown) : errno_text(r, why, sizeof(why)));
		return CTL_FAILED;
	}
	printf("the old file is kept as %s\n", ctl_shown(done.kept, shown));
	if (!done.lost)
		return CTL_OK;
	printf("Rows are lost. Mount it again; then 'crrctl resync' sends the versions that no row "
	       "is "
	       "left of,\nand 'crrctl verify --repair' compares the buckets. Files that were "
	       "acknowledged "
	       "and are\nnot in the source yet are in %s/failed/ then.\n",
	       ctl_shown(dir, shown));
	return CTL_DIFFERENT;
}

int ctl_queue_repair(const struct ctl_opts *o, const char *where)
{
	struct findings f = { .shown = false };
	auto_free char *dir = NULL;
	auto_close int lock = -1;
	char shown[CTL_SHOWN];

	if (ctl_queue_find(o, where, &dir) || take_lock(dir, &lock) || check(dir, &f))
		return CTL_FAILED;
	if (f.n)
		return repair(dir);
	printf("%s/queue.db is sound, and was left as it is\n", ctl_shown(dir, shown));
	return CTL_OK;
}
