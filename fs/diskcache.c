/*
 * diskcache.c - see diskcache.h.
 *
 * A file per version, named by the hash of its id:
 *
 *   0       the id, in words: a file is believed only when this is the same
 *   4096    per block 8 bytes: "blk1" and the CRC32C of the block's number and bytes
 *   ...     the blocks, where they would be in the object; what is not there is a hole
 *
 * A block's bytes are written before its checksum, and neither is synced: what a crash leaves does
 * not match. Which version was used last is its file's time, read once at the start; from then on a
 * list knows.
 */
#include "fs/diskcache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/codec.h"
#include "base/digest.h"
#include "base/io.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/map.h"

#define HEADER	  4096u
#define NAME_SIZE (2 * SHA256_SIZE + 1)
#define MARK	  "blk1"

struct version {
	char name[NAME_SIZE];
	uint64_t bytes;		     /* on the disk */
	int64_t used;		     /* at the start: its file's time */
	struct version *prev, *next; /* next was used later */
};

struct diskcache {
	char *dir; /* fixed */
	int dir_fd, lock_fd;
	uint64_t max_bytes;
	size_t block;
	struct {
		struct lock l;
		struct map *versions;
		struct version *oldest, *newest;
		uint64_t bytes;
		bool complained;
	} locked;
};

struct diskcache_file {
	struct diskcache *d;
	int fd;
	uint64_t table, data; /* where they begin */
	char name[NAME_SIZE];
};

struct entry {
	char mark[4];
	uint8_t crc[4];
};

/* --- the list --------------------------------------------------------------------------------- */

static void list_remove(struct diskcache *d, struct version *v)
{
	if (v->prev)
		v->prev->next = v->next;
	else
		d->locked.oldest = v->next;
	if (v->next)
		v->next->prev = v->prev;
	else
		d->locked.newest = v->prev;
	v->prev = v->next = NULL;
}

/* After v->used's place from the end: at the start they come in no order, later always last. */
static void list_insert(struct diskcache *d, struct version *v)
{
	struct version *after = d->locked.newest;

	while (after && after->used > v->used)
		after = after->prev;
	v->prev = after;
	v->next = after ? after->next : d->locked.oldest;
	if (v->prev)
		v->prev->next = v;
	else
		d->locked.oldest = v;
	if (v->next)
		v->next->prev = v;
	else
		d->locked.newest = v;
}

static void forget_locked(struct diskcache *d, struct version *v)
{
	lock_assert_held(&d->locked.l);
	unlinkat(d->dir_fd, v->name, 0);
	map_del(d->locked.versions, v->name);
	list_remove(d, v);
	d->locked.bytes -= v->bytes;
	free(v);
}

static void shrink_locked(struct diskcache *d, uint64_t to)
{
	while (d->locked.bytes > to && d->locked.oldest)
		forget_locked(d, d->locked.oldest);
}

static int remember_locked(struct diskcache *d, const char *name, uint64_t bytes, int64_t used,
			   struct version **ret_v)
{
	struct version *v = calloc(1, sizeof(*v));
	int r = v ? map_set(d->locked.versions, name, v) : -ENOMEM;

	if (r) {
		free(v);
		return r;
	}
	snprintf(v->name, sizeof(v->name), "%s", name);
	v->bytes = bytes;
	v->used = used;
	list_insert(d, v);
	d->locked.bytes += bytes;
	if (ret_v)
		*ret_v = v;
	return 0;
}

/* --- start ------------------------------------------------------------------------------------ */

static int by_time(const void *a, const void *b)
{
	const struct version *x = a, *y = b;

	return x->used < y->used ? -1 : x->used > y->used;
}

/* What earlier mounts left, oldest first. */
static int find_versions(struct diskcache *d, struct version **ret_v, size_t *ret_n)
{
	DIR *dir = opendir(d->dir);
	struct version *found = NULL;
	const struct dirent *e;
	size_t n = 0, cap = 0;
	struct stat st;

	if (!dir)
		return -errno;
	while ((e = readdir(dir)) != NULL) {
		if (strlen(e->d_name) != NAME_SIZE - 1 ||
		    fstatat(d->dir_fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) || !S_ISREG(st.st_mode))
			continue;
		if (n == cap) {
			struct version *more;

			cap = cap ? cap * 2 : 64;
			more = realloc(found, cap * sizeof(*found));
			if (!more)
				break;
			found = more;
		}
		found[n] = (struct version){ .bytes = (uint64_t)st.st_blocks * 512,
					     .used = st.st_mtim.tv_sec };
		memcpy(found[n++].name, e->d_name, NAME_SIZE);
	}
	closedir(dir);
	if (n)
		qsort(found, n, sizeof(*found), by_time);
	*ret_v = found;
	*ret_n = n;
	return 0;
}

static int load(struct diskcache *d)
{
	auto_free struct version *found = NULL;
	size_t n = 0;
	int r = find_versions(d, &found, &n);

	scoped_lock(&d->locked.l);
	for (size_t i = 0; i < n && !r; i++)
		r = remember_locked(d, found[i].name, found[i].bytes, found[i].used, NULL);
	shrink_locked(d, d->max_bytes);
	return r;
}

static int open_dir(struct diskcache *d, char *why, size_t why_len)
{
	char text[64];
	int r = io_mkdirs(d->dir, 0700);

	if (!r) {
		d->dir_fd = open(d->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		r = d->dir_fd < 0 ? -errno : 0;
	}
	if (!r) {
		d->lock_fd =
			openat(d->dir_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		r = d->lock_fd < 0 ? -errno : 0;
	}
	if (!r && flock(d->lock_fd, LOCK_EX | LOCK_NB))
		r = errno == EWOULDBLOCK ? -EBUSY : -errno;
	if (r)
		snprintf(why, why_len, "disk_cache %s: %s", d->dir,
			 r == -EBUSY ? "another mount uses it" : errno_text(r, text, sizeof(text)));
	return r;
}

int diskcache_new(const struct diskcache_conf *conf, struct diskcache **ret_d, char *why,
		  size_t why_len)
{
	struct diskcache *d = calloc(1, sizeof(*d));
	int r;

	snprintf(why, why_len, "out of memory");
	if (!d)
		return -ENOMEM;
	d->dir_fd = d->lock_fd = -1;
	d->max_bytes = conf->max_bytes;
	d->block = conf->block;
	lock_init(&d->locked.l);
	r = map_new(&d->locked.versions);
	if (!r)
		r = str_dup(conf->dir, &d->dir);
	if (!r)
		r = open_dir(d, why, why_len);
	if (!r)
		r = load(d);
	if (r) {
		diskcache_free(d);
		return r;
	}
	*ret_d = d;
	return 0;
}

void diskcache_free(struct diskcache *d)
{
	if (!d)
		return;
	for (struct version *v = d->locked.oldest, *next; v; v = next) {
		next = v->next;
		free(v);
	}
	map_free(d->locked.versions);
	lock_free(&d->locked.l);
	if (d->dir_fd >= 0)
		close(d->dir_fd);
	if (d->lock_fd >= 0)
		close(d->lock_fd);
	free(d->dir);
	free(d);
}

/* --- versions --------------------------------------------------------------------------------- */

/* Another version's, another program's, or cut off: begun anew. */
static int check_header(int fd, const char *header)
{
	char there[HEADER];

	if (pread(fd, there, HEADER, 0) == (ssize_t)HEADER && !memcmp(there, header, HEADER))
		return 0;
	if (ftruncate(fd, 0))
		return -errno;
	return io_pwrite_full(fd, header, HEADER, 0);
}

static void use_locked(struct diskcache *d, const char *name)
{
	struct version *v = map_get(d->locked.versions, name);

	if (!v) {
		(void)!remember_locked(d, name, HEADER, INT64_MAX, NULL);
		return;
	}
	list_remove(d, v);
	v->used = INT64_MAX;
	list_insert(d, v);
}

struct diskcache_file *diskcache_open(struct diskcache *d, const char *id, uint64_t size)
{
	uint64_t blocks = (size + d->block - 1) / d->block;
	char header[HEADER] = { 0 };
	uint8_t hash[SHA256_SIZE];
	struct diskcache_file *f;
	int n = snprintf(header, sizeof(header), "crrfs disk cache 1\n%zu %llu\n%s\n", d->block,
			 (unsigned long long)size, id);

	if (n < 0 || (size_t)n >= sizeof(header) || sha256(header, (size_t)n, hash))
		return NULL;
	f = calloc(1, sizeof(*f));
	if (!f)
		return NULL;
	f->d = d;
	f->table = HEADER;
	f->data = HEADER + (blocks * sizeof(struct entry) + HEADER - 1) / HEADER * HEADER;
	hex_encode(hash, SHA256_SIZE, f->name);
	lock_take(&d->locked.l);
	f->fd = openat(d->dir_fd, f->name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (f->fd >= 0 && check_header(f->fd, header)) {
		close(f->fd);
		unlinkat(d->dir_fd, f->name, 0);
		f->fd = -1;
	}
	if (f->fd >= 0)
		use_locked(d, f->name);
	lock_drop(&d->locked.l);
	if (f->fd < 0) {
		free(f);
		return NULL;
	}
	(void)!futimens(f->fd, NULL);
	return f;
}

void diskcache_close(struct diskcache_file *f)
{
	if (!f)
		return;
	close(f->fd);
	free(f);
}

/* --- blocks ----------------------------------------------------------------------------------- */

static struct entry entry_of(uint64_t number, const void *p, size_t n)
{
	struct entry e = { .mark = { 'b', 'l', 'k', '1' } };
	uint32_t crc = crc32c(crc32c(0, &number, sizeof(number)), p, n);

	for (unsigned i = 0; i < sizeof(e.crc); i++)
		e.crc[i] = (uint8_t)(crc >> 8 * i);
	return e;
}

static bool get_entry(const struct diskcache_file *f, uint64_t number, struct entry *ret_e)
{
	return pread(f->fd, ret_e, sizeof(*ret_e), (off_t)(f->table + number * sizeof(*ret_e))) ==
		       (ssize_t)sizeof(*ret_e) &&
	       !memcmp(ret_e->mark, MARK, sizeof(ret_e->mark));
}

static int set_entry(const struct diskcache_file *f, uint64_t number, const struct entry *e)
{
	return io_pwrite_full(f->fd, e, sizeof(*e), f->table + number * sizeof(*e));
}

bool diskcache_has(struct diskcache_file *f, uint64_t number)
{
	struct entry e;

	return get_entry(f, number, &e);
}

bool diskcache_get(struct diskcache_file *f, uint64_t number, void *dst, size_t n)
{
	const struct entry none = { .mark = { 0 } };
	struct entry e, is;

	if (!get_entry(f, number, &e))
		return false;
	if (!io_pread_full(f->fd, dst, n, f->data + number * f->d->block)) {
		is = entry_of(number, dst, n);
		if (!memcmp(&is, &e, sizeof(e)))
			return true;
	}
	log_warn("disk_cache=damaged file=%s/%s block=%llu action=fetch", f->d->dir, f->name,
		 (unsigned long long)number);
	(void)!set_entry(f, number, &none);
	return false;
}

/* The disk is full, or broken: make room, and go on without. */
static void put_failed(struct diskcache_file *f, int error)
{
	struct diskcache *d = f->d;
	char text[64];

	scoped_lock(&d->locked.l);
	if (!d->locked.complained)
		log_warn("disk_cache=\"cannot write\" dir=%s why=\"%s\"", d->dir,
			 errno_text(error, text, sizeof(text)));
	d->locked.complained = true;
	shrink_locked(d, d->locked.bytes / 2);
}

/* Room for n bytes more of it: a version larger than the whole keeps its start. False when it was
 * thrown out. */
static bool reserve(struct diskcache_file *f, size_t n)
{
	struct diskcache *d = f->d;
	struct version *v;

	scoped_lock(&d->locked.l);
	v = map_get(d->locked.versions, f->name);
	while (v && d->locked.bytes + n > d->max_bytes && d->locked.oldest != v)
		forget_locked(d, d->locked.oldest);
	if (!v || d->locked.bytes + n > d->max_bytes)
		return false;
	v->bytes += n;
	d->locked.bytes += n;
	return true;
}

void diskcache_put(struct diskcache_file *f, uint64_t number, const void *p, size_t n)
{
	const struct entry e = entry_of(number, p, n);
	int r;

	if (!reserve(f, n))
		return;
	r = io_pwrite_full(f->fd, p, n, f->data + number * f->d->block);
	if (!r)
		r = set_entry(f, number, &e);
	if (r)
		put_failed(f, r);
}
