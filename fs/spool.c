/*
 * spool.c - local bytes not yet in S3. See spool.h.
 *
 * What is ours is more than what takes room on the disk: a hole is ours, too. A generation is drawn
 * from one counter of the spool; an untouched part has the generation of the last truncate below
 * it.
 */
#include "fs/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/codec.h"
#include "base/io.h"
#include "base/lock.h"
#include "base/log.h"
#include "fs/ranges.h"
#include "s3/part.h"

#define ROOM_MAX (64 * MIB) /* kept free on the disk, or a twentieth of a small one */

struct spool {
	char *dir;	     /* fixed */
	char *name;	     /* of the one owner who may part ways, move, or come back */
	int fd;		     /* fixed */
	struct quota *quota; /* fixed; borrowed; NULL: not counted */
	atomic_uint refs;
	atomic_bool kept;
	struct {
		struct lock l;
		struct ranges own;
		struct ranges data; /* of own: on the disk */
		uint64_t aside;	    /* bytes of the file that we parted from */
		struct quota_share share;
		bool leaving, given;
		uint64_t *gens; /* by part number - 1; 0 = never touched */
		unsigned gens_n;
		uint64_t last_gen;
		uint64_t base_gen; /* of parts never touched */
		int error;	   /* of the first failed write, */
		uint64_t torn;	   /* and in front of this all is whole */
		bool dir_synced;
	} locked;
};

/* A file of a random name. */
static int make_file(const char *dir, char **ret_name, int *ret_fd)
{
	auto_free char *name = NULL, *path = NULL;
	char random[33];
	int fd, r = random_hex(16, random);

	if (!r)
		r = str_dup(random, &name);
	if (!r)
		r = str_format(&path, "%s/%s", dir, random);
	if (r)
		return r;
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	*ret_name = take_ptr(&name);
	*ret_fd = fd;
	return 0;
}

int spool_new(const char *dir, struct quota *quota, struct spool **ret_s)
{
	struct spool *s = calloc(1, sizeof(*s));
	char words[64];
	int r;

	if (!s)
		return -ENOMEM;
	s->fd = -1;
	s->quota = quota;
	atomic_init(&s->refs, 1);
	lock_init(&s->locked.l);
	s->locked.last_gen = s->locked.base_gen = 1;
	r = str_dup(dir, &s->dir);
	if (!r)
		r = make_file(dir, &s->name, &s->fd);
	if (r) {
		log_error("staging=failed file=%s why=\"%s\" remedy=\"%s\"", dir,
			  errno_text(r, words, sizeof(words)), io_remedy(r));
		spool_unref(s);
		return r;
	}
	*ret_s = s;
	return 0;
}

struct spool *spool_ref(struct spool *s)
{
	atomic_fetch_add(&s->refs, 1);
	return s;
}

static void remove_file(const struct spool *s, const char *name)
{
	auto_free char *path = NULL;

	if (!str_format(&path, "%s/%s", s->dir, name))
		unlink(path);
}

/* --- what it takes of the disk ---------------------------------------------------------------- */

static void count_locked(struct spool *s)
{
	enum quota_kind kind = s->locked.given	   ? QUOTA_GIVEN
			       : s->locked.error   ? QUOTA_TORN
			       : s->locked.leaving ? QUOTA_LEAVING
						   : QUOTA_OPEN;
	uint64_t bytes = s->locked.data.bytes + s->locked.aside;

	lock_assert_held(&s->locked.l);
	if (bytes != s->locked.share.bytes || kind != s->locked.share.kind)
		quota_set(s->quota, &s->locked.share, bytes, kind);
}

uint64_t spool_bytes(struct spool *s)
{
	scoped_lock(&s->locked.l);
	return s->locked.data.bytes + s->locked.aside;
}

void spool_set_leaving(struct spool *s, bool leaving)
{
	scoped_lock(&s->locked.l);
	s->locked.leaving = leaving;
	count_locked(s);
}

void spool_give(struct spool *s)
{
	scoped_lock(&s->locked.l);
	s->locked.given = true;
	count_locked(s);
}

void spool_unref(struct spool *s)
{
	if (!s || atomic_fetch_sub(&s->refs, 1) != 1)
		return;
	if (s->fd >= 0 && !atomic_load(&s->kept))
		remove_file(s, s->name);
	if (s->fd >= 0)
		close(s->fd);
	quota_set(s->quota, &s->locked.share, 0, QUOTA_OPEN);
	lock_free(&s->locked.l);
	ranges_free(&s->locked.own);
	ranges_free(&s->locked.data);
	free(s->locked.gens);
	free(s->dir);
	free(s->name);
	free(s);
}

const char *spool_name(const struct spool *s)
{
	return s->name;
}

/* --- its bytes -------------------------------------------------------------------------------- */

/* Every part from first to last gets a new generation. */
static int touch_locked(struct spool *s, unsigned first, unsigned last)
{
	uint64_t gen = ++s->locked.last_gen;

	lock_assert_held(&s->locked.l);
	if (last > s->locked.gens_n) {
		unsigned n = max_of(last, s->locked.gens_n ? s->locked.gens_n * 2 : 16u);
		uint64_t *gens = realloc(s->locked.gens, n * sizeof(*gens));

		if (!gens)
			return -ENOMEM;
		memset(gens + s->locked.gens_n, 0, (n - s->locked.gens_n) * sizeof(*gens));
		s->locked.gens = gens;
		s->locked.gens_n = n;
	}
	for (unsigned p = first; p <= last; p++)
		s->locked.gens[p - 1] = gen;
	return 0;
}

static void fail_locked(struct spool *s, int err, uint64_t off)
{
	char words[64];
	bool first = !s->locked.error;

	lock_assert_held(&s->locked.l);
	s->locked.torn = first ? off : min_of(s->locked.torn, off);
	if (first)
		s->locked.error = err;
	count_locked(s);
	if (first && err != -ETIMEDOUT) /* that is the source's, and not of this place */
		log_error("staging=failed file=%s/%s why=\"%s\" remedy=\"%s\"", s->dir, s->name,
			  errno_text(err, words, sizeof(words)), io_remedy(err));
}

void spool_fail(struct spool *s, int err, uint64_t off)
{
	scoped_lock(&s->locked.l);
	fail_locked(s, err, off);
}

void spool_mend(struct spool *s, uint64_t size)
{
	scoped_lock(&s->locked.l);
	if (s->locked.error && size <= s->locked.torn)
		s->locked.error = 0;
	count_locked(s);
}

/* data: it takes room on the disk. */
static int note_locked(struct spool *s, struct s3_range r, bool data)
{
	int err = data ? ranges_add(&s->locked.data, r) : 0;

	if (!err)
		err = ranges_add(&s->locked.own, r);
	if (!err)
		err = touch_locked(s, part_of(r.start), part_of(r.end - 1));
	if (err)
		fail_locked(s, err, r.start);
	count_locked(s);
	return err;
}

/*
 * The queue lives on the same disk: deletes and small saves must not die of one big file. Asked
 * now and then (where a mebibyte begins), since it is a system call.
 */
static int check_room(const struct spool *s, uint64_t off, size_t n)
{
	struct statvfs fs;
	uint64_t reserve, avail;

	if (off % MIB && off / MIB == (off + n - 1) / MIB)
		return 0;
	if (fstatvfs(s->fd, &fs))
		return 0;
	avail = (uint64_t)fs.f_bavail * fs.f_frsize;
	reserve = min_of(ROOM_MAX, (uint64_t)fs.f_blocks * fs.f_frsize / 20);
	return avail < reserve + n ? -ENOSPC : 0;
}

bool is_no_room(int r)
{
	return r == -ENOSPC || r == -EDQUOT;
}

static int put_memory(void *arg, int fd, size_t n, uint64_t off)
{
	return io_pwrite_full(fd, *(const void **)arg, n, off);
}

int spool_write(struct spool *s, const void *p, size_t n, uint64_t off)
{
	int r = spool_write_by(s, put_memory, &p, n, off);

	if (r)
		spool_fail(s, r, off);
	return r;
}

/* A part of it was put: what is behind all that is ours goes. */
static void take_back_locked(struct spool *s, uint64_t off)
{
	const struct ranges *own = &s->locked.own;
	uint64_t end = own->n ? own->r[own->n - 1].end : 0;

	lock_assert_held(&s->locked.l);
	if (off >= end)
		(void)!ftruncate(s->fd, (off_t)end);
}

int spool_write_by(struct spool *s, spool_put_fn *put, void *arg, size_t n, uint64_t off)
{
	int r;

	if (!n)
		return 0;
	r = spool_error(s);
	if (r)
		return r;
	/* Generation first and last: an upload that reads in between sees it change and sends the
	 * part again. */
	lock_take(&s->locked.l);
	r = touch_locked(s, part_of(off), part_of(off + n - 1));
	lock_drop(&s->locked.l);
	if (!r)
		r = check_room(s, off, n);
	if (!r)
		r = put(arg, s->fd, n, off);
	scoped_lock(&s->locked.l);
	if (is_no_room(r))
		take_back_locked(s, off);
	else if (r)
		fail_locked(s, r, off);
	return r ? r : note_locked(s, (struct s3_range){ off, off + n }, true);
}

int spool_fill(struct spool *s, const void *p, size_t n, uint64_t off)
{
	int r = check_room(s, off, n);

	if (!r)
		r = io_pwrite_full(s->fd, p, n, off);
	if (r)
		return r;
	scoped_lock(&s->locked.l);
	r = ranges_add(&s->locked.data, (struct s3_range){ off, off + n });
	if (!r)
		r = ranges_add(&s->locked.own, (struct s3_range){ off, off + n });
	count_locked(s);
	return r;
}

int spool_error(const struct spool *s)
{
	struct spool *w = (struct spool *)(uintptr_t)s;

	scoped_lock(&w->locked.l);
	return s->locked.error;
}

int spool_zero(struct spool *s, struct s3_range r)
{
	if (r.start >= r.end)
		return 0;
	/* Never written there, or cut off before: the sparse file reads as zeros, but must be long
	 * enough. */
	scoped_lock(&s->locked.l);
	if (lseek(s->fd, 0, SEEK_END) < (off_t)r.end && ftruncate(s->fd, (off_t)r.end))
		return -errno;
	return note_locked(s, r, false);
}

int spool_truncate(struct spool *s, uint64_t size)
{
	int r;

	scoped_lock(&s->locked.l);
	if (lseek(s->fd, 0, SEEK_END) > (off_t)size && ftruncate(s->fd, (off_t)size))
		return -errno;
	ranges_cut(&s->locked.own, size);
	ranges_cut(&s->locked.data, size);
	count_locked(s);
	r = touch_locked(s, part_of(size), max_of(part_of(size), s->locked.gens_n));
	if (!r)
		s->locked.base_gen = s->locked.last_gen;
	return r;
}

int spool_read(struct spool *s, void *dst, size_t n, uint64_t off)
{
	return io_pread_full(s->fd, dst, n, off);
}

void spool_discard(struct spool *s)
{
	(void)!ftruncate(s->fd, 0);
	scoped_lock(&s->locked.l);
	ranges_cut(&s->locked.data, 0); /* who reads what is ours gets an error */
	s->locked.torn = 0;
	count_locked(s);
}

bool spool_owns(struct spool *s, uint64_t off, uint64_t max, uint64_t *ret_len)
{
	scoped_lock(&s->locked.l);
	return ranges_at(&s->locked.own, off, max, ret_len);
}

bool spool_has(struct spool *s, struct s3_range r)
{
	uint64_t len;

	if (r.start >= r.end)
		return true;
	return spool_owns(s, r.start, r.end - r.start, &len) && len == r.end - r.start;
}

int spool_own(struct spool *s, struct s3_range *ret_r, size_t max, size_t *ret_n)
{
	scoped_lock(&s->locked.l);
	if (s->locked.own.n > max)
		return -E2BIG;
	if (s->locked.own.n)
		memcpy(ret_r, s->locked.own.r, s->locked.own.n * sizeof(*ret_r));
	*ret_n = s->locked.own.n;
	return 0;
}

uint64_t spool_gen(struct spool *s, unsigned part)
{
	scoped_lock(&s->locked.l);
	if (part <= s->locked.gens_n && s->locked.gens[part - 1])
		return s->locked.gens[part - 1];
	return s->locked.base_gen;
}

int spool_sync(struct spool *s)
{
	bool synced;
	int r;

	if (fdatasync(s->fd))
		return -errno;
	lock_take(&s->locked.l);
	synced = s->locked.dir_synced;
	lock_drop(&s->locked.l);
	if (synced)
		return 0;
	r = io_fsync_dir(s->dir);
	lock_take(&s->locked.l);
	if (!r)
		s->locked.dir_synced = true;
	lock_drop(&s->locked.l);
	return r;
}

void spool_keep(struct spool *s)
{
	atomic_store(&s->kept, true);
}

void spool_unkeep(struct spool *s)
{
	atomic_store(&s->kept, false);
}

/* --- another file ----------------------------------------------------------------------------- */

/* The kernel copies, or shares the blocks, where the file system can. */
static int copy_bytes(int from, int to, uint64_t off, uint64_t end)
{
	auto_free void *p = NULL;
	int r = 0;

	while (off < end) {
		off_t in = (off_t)off, out = (off_t)off;
		ssize_t n = copy_file_range(from, &in, to, &out, end - off, 0);

		if (n < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EIO))
			return -errno;
		if (n <= 0)
			break;
		off += (uint64_t)n;
	}
	if (off < end && !(p = malloc(MIB)))
		return -ENOMEM;
	for (; !r && off < end; off += MIB) {
		size_t n = (size_t)min_of((uint64_t)MIB, end - off);

		r = io_pread_full(from, p, n, off);
		if (!r)
			r = io_pwrite_full(to, p, n, off);
	}
	return r;
}

/* Holes stay holes. */
static int copy_file(int from, int to, uint64_t keep)
{
	off_t size = lseek(from, 0, SEEK_END), at = 0, hole;
	int r = 0;

	if (size < 0)
		return -errno;
	size = min_of(size, (off_t)keep);
	while (!r && at < size) {
		at = lseek(from, at, SEEK_DATA);
		if (at < 0 && errno == ENXIO)
			break;
		hole = at < 0 ? at : lseek(from, at, SEEK_HOLE);
		if (hole < 0)
			return -errno;
		r = copy_bytes(from, to, (uint64_t)at, (uint64_t)min_of(hole, size));
		at = hole;
	}
	return !r && ftruncate(to, size) ? -errno : r;
}

/* Takes name. Uploads may be reading: the descriptor's number stays. */
static int use_file(struct spool *s, int fd, char *name)
{
	s->name = name;
	if (dup3(fd, s->fd, O_CLOEXEC) < 0)
		return -errno;
	lock_take(&s->locked.l);
	s->locked.dir_synced = false;
	lock_drop(&s->locked.l);
	return 0;
}

int spool_part_ways(struct spool *s, uint64_t keep, char **ret_old)
{
	auto_free char *name = NULL;
	auto_close int fd = -1;
	char *old = s->name;
	int r = check_room(s, 0, (size_t)keep);

	if (!r)
		r = make_file(s->dir, &name, &fd);
	if (!r)
		r = copy_file(s->fd, fd, keep);
	if (!r)
		r = use_file(s, fd, name);
	if (r) {
		if (name)
			remove_file(s, name);
		s->name = old;
		return r;
	}
	take_ptr(&name);
	spool_unkeep(s);
	lock_take(&s->locked.l);
	s->locked.aside = s->locked.data.bytes;
	ranges_cut(&s->locked.data, keep);
	count_locked(s);
	lock_drop(&s->locked.l);
	*ret_old = old;
	return 0;
}

void spool_remove_old(struct spool *s, const char *old)
{
	remove_file(s, old);
	scoped_lock(&s->locked.l);
	s->locked.aside = 0;
	count_locked(s);
}

static int all_is_ours_locked(struct spool *s, uint64_t size)
{
	unsigned last = part_of(size ? size - 1 : 0);

	ranges_cut(&s->locked.own, 0);
	ranges_cut(&s->locked.data, 0);
	s->locked.error = 0;
	s->locked.torn = 0;
	s->locked.aside = 0;
	s->locked.error = ranges_add(&s->locked.own, (struct s3_range){ 0, size });
	if (!s->locked.error)
		s->locked.error = ranges_add(&s->locked.data, (struct s3_range){ 0, size });
	if (!s->locked.error)
		s->locked.error = touch_locked(s, 1, max_of(last, s->locked.gens_n));
	s->locked.base_gen = s->locked.last_gen;
	count_locked(s);
	return s->locked.error;
}

int spool_back_to(struct spool *s, char *old, uint64_t *ret_size)
{
	auto_free char *name = old, *path = NULL;
	auto_close int fd = -1;
	struct stat st;
	int r = str_format(&path, "%s/%s", s->dir, name);

	if (r)
		return r;
	fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &st))
		return -errno;
	remove_file(s, s->name);
	free(s->name);
	spool_keep(s);
	r = use_file(s, fd, take_ptr(&name));
	scoped_lock(&s->locked.l);
	if (!r)
		r = all_is_ours_locked(s, (uint64_t)st.st_size);
	if (!r)
		*ret_size = (uint64_t)st.st_size;
	return r;
}

int spool_move(struct spool *s, const char *to_dir, const char *to_name)
{
	auto_free char *from = NULL, *to = NULL;
	int r = str_format(&from, "%s/%s", s->dir, s->name);

	if (!r)
		r = str_format(&to, "%s/%s", to_dir, to_name);
	if (!r && rename(from, to))
		r = -errno;
	if (!r)
		spool_keep(s);
	return r;
}
