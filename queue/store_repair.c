#include "queue/store_check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/codec.h"
#include "base/io.h"

#include "queue/schema.h"
#include "queue/store_i.h"

/*
 *  queue.db             the damaged one; not touched until the new one is whole
 *  queue.db.work-*      a copy of it and its log, which may be mended so that SQLite opens it
 *  queue.db.new-*       the new one, until it is whole
 *  queue.db.repaired    the new one, when it is whole: from here on a start of a mount ends the
 *                       repair, too
 *  queue.db.damaged-*   what was queue.db; so is its log
 */
struct repair {
	const char *dir;
	char *path, *work, *fresh;
};

static void repair_free(struct repair *p)
{
	static const char *const endings[] = { "", "-wal", "-shm" };
	const char *const mine[] = { p->work, p->fresh };

	for (size_t i = 0; i < array_size(mine) * array_size(endings); i++) {
		const char *name = mine[i / array_size(endings)];
		auto_free char *file = NULL;

		if (name && str_format(&file, "%s%s", name, endings[i % array_size(endings)]) == 0)
			unlink(file);
	}
	free(p->path);
	free(p->work);
	free(p->fresh);
}

static int name_files(struct repair *p)
{
	char id[17];
	int r = random_hex(8, id);

	r = r < 0 ? r : str_format(&p->path, "%s/" STORE_FILE, p->dir);
	r = r < 0 ? r : str_format(&p->work, "%s.work-%s", p->path, id);
	return r < 0 ? r : str_format(&p->fresh, "%s.new-%s", p->path, id);
}

/* --- the copy that is read -------------------------------------------------------------------- */

static int copy_file(const char *from, const char *to)
{
	auto_close int in = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	auto_close int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	auto_free char *block = malloc(MIB);
	ssize_t n;

	if (in < 0 || out < 0)
		return -errno;
	if (!block)
		return -ENOMEM;
	while ((n = read(in, block, MIB)) > 0) {
		int r = io_write_full(out, block, (size_t)n);

		if (r < 0)
			return r;
	}
	return n < 0 ? -errno : 0;
}

/* SQLite, Database File Format, 1.3: all that is the same in each of our files. */
static int mend_header(const char *path)
{
	static const unsigned char same[] = { 2, 2, 0, 64, 32, 32 };
	auto_close int fd = open(path, O_RDWR | O_CLOEXEC);
	unsigned char h[100];
	unsigned page;

	if (fd < 0)
		return -errno;
	if (io_pread_full(fd, h, sizeof(h), 0) < 0)
		return 0; /* shorter than that: there is nothing in it */
	memcpy(h, "SQLite format 3", 16);
	page = (unsigned)h[16] << 8 | h[17];
	if (page != 1 && (page < 512 || (page & (page - 1)))) {
		h[16] = 4096 >> 8;
		h[17] = 0;
	}
	memcpy(h + 18, same, sizeof(same));
	memcpy(h + 44, "\0\0\0\4", 4); /* the schema's format */
	memcpy(h + 56, "\0\0\0\1", 4); /* UTF-8 */
	h[95] = (unsigned char)(h[27] +
				1); /* the number of pages is the file's, not the header's */
	return io_pwrite_full(fd, h, sizeof(h), 0);
}

static int make_work(const struct repair *p)
{
	auto_free char *log = NULL, *to = NULL;
	int r = copy_file(p->path, p->work);

	r = r < 0 ? r : str_format(&log, "%s-wal", p->path);
	r = r < 0 ? r : str_format(&to, "%s-wal", p->work);
	if (r == 0 && access(log, F_OK) == 0)
		r = copy_file(log, to);
	return r < 0 ? r : mend_header(p->work);
}

/* NULL: SQLite finds no tables in it. */
static struct db *open_work(const struct repair *p)
{
	const struct db_conf conf = { .path = p->work, .sync = DB_SYNC_OFF, .salvage = true };
	struct db *db = NULL;
	struct db_stmt *st;
	char why[256];
	bool any;

	if (db_open(&conf, &db, why, sizeof(why)) < 0)
		return NULL;
	db_lock(db);
	any = db_prepare(db, "SELECT 1 FROM sqlite_schema", &st) == 0 && db_step(st) == 1;
	db_unlock(db);
	if (any)
		return db;
	db_close(db);
	return NULL;
}

/* --- the new one ------------------------------------------------------------------------------ */

static int tell_nothing(store_tell_fn *fn, void *arg, bool *ret_lost)
{
	*ret_lost = true;
	return fn(arg, "nothing can be read: the new queue is empty");
}

/* from NULL: nothing. */
static int salvage(struct db *from, struct db *to, store_tell_fn *fn, void *arg, bool *ret_lost)
{
	int r;

	if (!from)
		return tell_nothing(fn, arg, ret_lost);
	db_lock(from);
	r = store_salvage(from, to, fn, arg, ret_lost);
	db_unlock(from);
	return r;
}

static int mend(struct db *to, store_tell_fn *fn, void *arg, bool *ret_lost)
{
	int r = store_mend(to, fn, arg, ret_lost);

	return r < 0 ? r : store_note_strays(to);
}

static int64_t version_of(struct db *from)
{
	int64_t version;

	db_lock(from);
	version = schema_version(from);
	db_unlock(from);
	return version;
}

/* What the rows of an older queue lack, the upgrade gives them. */
static int fill_from(struct db *from, struct db *to, store_tell_fn *fn, void *arg, bool *ret_lost,
		     char *why, size_t why_len)
{
	int r = from ? schema_make(to, version_of(from), why, why_len)
		     : schema_upgrade(to, why, why_len);

	if (r < 0)
		return r;
	db_lock(to);
	r = salvage(from, to, fn, arg, ret_lost);
	db_unlock(to);
	if (r == 0)
		r = schema_upgrade(to, why, why_len);
	db_lock(to);
	if (r == 0)
		r = mend(to, fn, arg, ret_lost);
	if (r < 0 && !*why)
		snprintf(why, why_len, "%s", db_why(to));
	db_unlock(to);
	return r;
}

static int fill(const struct repair *p, store_tell_fn *fn, void *arg, bool *ret_lost, char *why,
		size_t why_len)
{
	const struct db_conf conf = { .path = p->fresh, .sync = DB_SYNC_FULL };
	struct db *from, *to = NULL;
	int r = db_open(&conf, &to, why, why_len);

	if (r < 0)
		return r;
	from = open_work(p);
	r = fill_from(from, to, fn, arg, ret_lost, why, why_len);
	db_close(from);
	db_close(to);
	return r;
}

/* What a header says of a file that is of another program, or of a newer crrfs, is believed. */
static int check_ours(const struct repair *p, char *why, size_t why_len)
{
	const struct db_conf conf = { .path = p->path, .read_only = true };
	struct db *db = NULL;
	int r = store_file_stat(p->path, why, why_len);

	if (r == 0)
		r = db_open(&conf, &db, why, why_len);
	if (r == 0)
		r = schema_upgrade(db, why, why_len);
	db_close(db);
	return r == -EPROTO || r == -ENOENT || r == -EINVAL ? r : 0;
}

static int take_place(const struct repair *p, struct store_repair *ret_r)
{
	auto_free char *whole = NULL;
	int r = str_format(&whole, "%s/" STORE_REPAIRED, p->dir);

	if (r == 0 && rename(p->fresh, whole) < 0)
		r = -errno;
	if (r == 0)
		r = io_fsync_dir(p->dir);
	return r < 0 ? r : store_file_publish(p->dir, ret_r->kept, sizeof(ret_r->kept));
}

static int repair(struct repair *p, store_tell_fn *fn, void *arg, struct store_repair *ret_r,
		  char *why, size_t why_len)
{
	int r = store_file_publish(p->dir, NULL, 0); /* of a repair that was interrupted */

	r = r < 0 ? r : name_files(p);
	r = r < 0 ? r : check_ours(p, why, why_len);
	r = r < 0 ? r : make_work(p);
	r = r < 0 ? r : fill(p, fn, arg, &ret_r->lost, why, why_len);
	return r < 0 ? r : take_place(p, ret_r);
}

int store_repair(const char *dir, store_tell_fn *fn, void *arg, struct store_repair *ret_r,
		 char *why, size_t why_len)
{
	const struct store_conf conf = { .dir = dir };
	auto_with(repair_free) struct repair p = { .dir = dir };
	struct store_repair got = { .lost = false };
	char words[256] = "";
	int r = repair(&p, fn, arg, &got, words, sizeof(words));

	if (r < 0)
		store_file_explain(r, &conf, words, why, why_len);
	else
		*ret_r = got;
	return r;
}
