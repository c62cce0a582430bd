#include "fs/state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/codec.h"
#include "base/io.h"
#include "base/log.h"

#define BOOT_ID	    "/proc/sys/kernel/random/boot_id"
#define BOUND_LIMIT 8192

struct state {
	char *dir, *staging, *failed;
	int lock_fd;
	bool was_left;
};

bool state_was_left(const struct state *s)
{
	return s->was_left;
}

const char *state_dir(const struct state *s)
{
	return s->dir;
}

const char *state_staging_dir(const struct state *s)
{
	return s->staging;
}

const char *state_failed_dir(const struct state *s)
{
	return s->failed;
}

void state_free(struct state *s, bool in_order)
{
	if (!s)
		return;
	if (in_order && ftruncate(s->lock_fd, 0) < 0)
		log_debug("state lock=pid_stays");
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	free(s->dir);
	free(s->staging);
	free(s->failed);
	free(s);
}

static int refuse(const char *path, int err, char *why, size_t why_len)
{
	const char *remedy = io_remedy(err);
	char words[64];

	snprintf(why, why_len, "state %s: %s%s%s", path, errno_text(err, words, sizeof(words)),
		 *remedy ? "; " : "", remedy);
	return err;
}

static int choose_dir(const struct state_conf *conf, char **ret_dir, char *why, size_t why_len)
{
	const char *xdg = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

	if (conf->dir)
		return str_dup(conf->dir, ret_dir);
	if (geteuid() == 0)
		return str_format(ret_dir, "/var/lib/crrfs/%s", conf->bucket);
	if (xdg && *xdg == '/')
		return str_format(ret_dir, "%s/crrfs/%s", xdg, conf->bucket);
	if (home && *home == '/')
		return str_format(ret_dir, "%s/.local/state/crrfs/%s", home, conf->bucket);
	snprintf(why, why_len, "no home directory: name a state directory with -o state=DIR");
	return -ENOENT;
}

static int check_place(const char *dir, const char *mountpoint, char *why, size_t why_len)
{
	size_t n = strlen(mountpoint);

	if (n == 1 || strncmp(dir, mountpoint, n) != 0 || (dir[n] && dir[n] != '/'))
		return 0;
	snprintf(why, why_len,
		 "state %s lies in the mountpoint itself; name another place with state=DIR", dir);
	return -EINVAL;
}

static int check_dir(const char *dir, char *why, size_t why_len)
{
	struct stat st;

	if (lstat(dir, &st) != 0)
		return refuse(dir, -errno, why, why_len);
	if (!S_ISDIR(st.st_mode)) {
		snprintf(why, why_len, "state %s: not a directory", dir);
		return -ENOTDIR;
	}
	if (st.st_uid != geteuid()) {
		snprintf(why, why_len, "state %s: belongs to user %u, not to %u", dir,
			 (unsigned)st.st_uid, (unsigned)geteuid());
		return -EACCES;
	}
	if (st.st_mode & 077) {
		snprintf(why, why_len, "state %s: others may enter it (mode %04o); chmod 700 it",
			 dir, (unsigned)(st.st_mode & 07777));
		return -EACCES;
	}
	return 0;
}

static int make_dir(const char *dir, char *why, size_t why_len)
{
	mode_t old = umask(022);
	int err = io_mkdirs(dir, 0700);

	umask(old);
	return err < 0 ? refuse(dir, err, why, why_len) : check_dir(dir, why, why_len);
}

/* The pid is for people: the lock decides. */
static void write_pid(int fd)
{
	char text[32];
	int n = snprintf(text, sizeof(text), "%ld\n", (long)getpid());

	if (ftruncate(fd, 0) != 0 || io_pwrite_full(fd, text, (size_t)n, 0) < 0)
		log_debug("state lock=no_pid");
}

static int take_lock(struct state *s, char *why, size_t why_len)
{
	auto_free char *path = NULL;
	char pid[32] = "";
	struct stat st;
	int err;

	if (str_format(&path, "%s/lock", s->dir) < 0)
		return -ENOMEM;
	s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (s->lock_fd < 0 || fstat(s->lock_fd, &st) != 0)
		return refuse(path, -errno, why, why_len);
	if (st.st_nlink > 1) { /* it is written to */
		snprintf(why, why_len, "%s: it is a hard link to something else; remove it", path);
		return -EMLINK;
	}
	if (flock(s->lock_fd, LOCK_EX | LOCK_NB) == 0) {
		s->was_left = lseek(s->lock_fd, 0, SEEK_END) > 0;
		write_pid(s->lock_fd);
		return 0;
	}
	err = errno == EWOULDBLOCK ? -EBUSY : -errno;
	if (err == -EBUSY && pread(s->lock_fd, pid, sizeof(pid) - 1, 0) > 0) {
		pid[strspn(pid, "0123456789")] = '\0';
		snprintf(why, why_len,
			 "state %s: another mount uses it (pid %s); unmount that one, or give this "
			 "one its own state=DIR",
			 s->dir, pid);
		return err;
	}
	return refuse(path, err, why, why_len);
}

static int bind_to(struct state *s, const struct state_conf *conf, char *why, size_t why_len)
{
	auto_free char *path = NULL, *mine = NULL;
	auto_with(buf_free) struct buf old;
	/* A bucket of AWS has one name everywhere, and its url depends on the region. */
	const char *url = strstr(conf->url, ".amazonaws.com") ? "aws" : conf->url;
	char shown[600];
	int err;

	buf_init(&old, BOUND_LIMIT);
	if (str_format(&path, "%s/bucket", s->dir) < 0 ||
	    str_format(&mine, "%s s3://%s/%s\n", url, conf->bucket, conf->prefix) < 0)
		return -ENOMEM;
	err = io_read_file(path, BOUND_LIMIT, &old);
	if (err == -ENOENT)
		err = io_replace_file(path, mine, strlen(mine), 0600);
	if (err < 0)
		return refuse(path, err, why, why_len);
	if (old.len == 0 || strcmp(buf_str(&old), mine) == 0)
		return 0;
	old.data[strcspn(old.data, "\n")] = '\0';
	snprintf(why, why_len, "state %s belongs to bucket %s; give this mount its own state=DIR",
		 s->dir, printable(old.data, shown, sizeof(shown)));
	return -EINVAL;
}

/* Each is somebody's only copy, and the failure was told to who made it: so they are never removed
 * here, and nobody shall wonder where the space went. */
static void tell_failed(const struct state *s)
{
	unsigned long long files = 0, bytes = 0;
	DIR *dir = opendir(s->failed);
	const struct dirent *e;
	struct stat info;

	while (dir && (e = readdir(dir)))
		if (fstatat(dirfd(dir), e->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(info.st_mode)) {
			files++;
			bytes += (unsigned long long)info.st_size;
		}
	if (dir)
		closedir(dir);
	if (files)
		log_warn("failed=%s files=%llu bytes=%llu remedy=\"the log of the time says which "
			 "they are; save or remove them\"",
			 s->failed, files, bytes);
}

static int open_state(struct state *s, const struct state_conf *conf, char *why, size_t why_len)
{
	int err = choose_dir(conf, &s->dir, why, why_len);

	if (err == 0)
		err = check_place(s->dir, conf->mountpoint, why, why_len);
	if (err == 0)
		err = make_dir(s->dir, why, why_len);
	if (err == 0)
		err = take_lock(s, why, why_len);
	if (err == 0)
		err = bind_to(s, conf, why, why_len);
	if (err == 0)
		err = str_format(&s->staging, "%s/staging", s->dir);
	if (err == 0)
		err = str_format(&s->failed, "%s/failed", s->dir);
	if (err == 0)
		err = make_dir(s->staging, why, why_len);
	if (err == 0)
		err = make_dir(s->failed, why, why_len);
	if (err == 0)
		tell_failed(s);
	return err;
}

int state_new(const struct state_conf *conf, struct state **ret_s, char *why, size_t why_len)
{
	struct state *s = calloc(1, sizeof(*s));
	int err;

	snprintf(why, why_len, "out of memory");
	if (!s)
		return -ENOMEM;
	s->lock_fd = -1;
	err = open_state(s, conf, why, why_len);
	if (err < 0) {
		state_free(s, false);
		return err;
	}
	*ret_s = s;
	return 0;
}

/* --- after a boot ----------------------------------------------------------------------------- */

/* What is torn is collected first: the rows cannot be changed while they are read. */
static int collect(void *arg, const struct job *j)
{
	return j->staged ? kv_set(arg, j->staged, "") : 0;
}

static int forget_staged(struct store *s, unsigned *ret_n)
{
	const struct store_filter unfinished = { .unfinished = true };
	struct kv names = KV_EMPTY;
	int err = store_each_job(s, &unfinished, collect, &names);

	for (size_t i = 0; err == 0 && i < names.n; i++)
		err = store_unstage(s, names.items[i].name);
	if (err == 0)
		*ret_n = (unsigned)names.n;
	kv_free(&names);
	return err;
}

int state_check_boot(struct store *s, unsigned *ret_n)
{
	auto_with(buf_free) struct buf boot;
	auto_free char *old = NULL;
	unsigned n = 0;
	int err;

	buf_init(&boot, 256);
	err = io_read_file(BOOT_ID, 256, &boot);
	if (err < 0 && err != -ENOENT)
		return err;
	if (boot.len)
		boot.data[strcspn(boot.data, "\n")] = '\0';
	err = store_get_info(s, "boot_id", &old);
	if (err == 0 && (!boot.len || strcmp(old, buf_str(&boot)) != 0))
		err = forget_staged(s, &n);
	if (err == 0 || err == -ENOENT)
		err = store_put_info(s, "boot_id", buf_str(&boot));
	if (err == 0)
		*ret_n = n;
	return err;
}
