#include "queue/store_i.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/codec.h"
#include "base/io.h"
#include "base/log.h"

#include "queue/schema.h"

#define HEADER 100
/* To look at it takes a second or two then. */
#define LOOK_MAX ((off_t)(256 * MIB))

/* SQLite takes a file of a few bytes for a new database, and removes its log. */
int store_file_stat(const char *path, char *words, size_t words_len)
{
	struct stat st;

	if (lstat(path, &st) < 0) {
		snprintf(words, words_len, "%s", strerrordesc_np(errno));
		return -errno;
	}
	if (S_ISLNK(st.st_mode)) /* db_open says so */
		return 0;
	if (!S_ISREG(st.st_mode)) {
		snprintf(words, words_len, "it is not a file");
		return -EINVAL;
	}
	if (st.st_size >= HEADER)
		return 0;
	snprintf(words, words_len, "it has %lld bytes", (long long)st.st_size);
	return -EUCLEAN;
}

int store_file_fill(const char *path, char *words, size_t words_len)
{
	const struct db_conf conf = { .path = path, .sync = DB_SYNC_FULL };
	struct db *db = NULL;
	int r = db_open(&conf, &db, words, words_len);

	if (r < 0)
		return r;
	r = schema_upgrade(db, words, words_len);
	if (r == 0) {
		db_lock(db);
		r = store_note_strays(db);
		if (r < 0)
			snprintf(words, words_len, "%s", db_why(db));
		db_unlock(db);
	}
	db_close(db);
	return r;
}

static int move_away(const char *from, const char *to)
{
	return rename(from, to) < 0 && errno != ENOENT ? -errno : 0;
}

/* The old log first: it belongs to the old file, and SQLite would read it into the new one. */
static int exchange(const char *dir, const char *whole, const char *path, const char *kept)
{
	auto_free char *log = NULL, *kept_log = NULL, *index = NULL;
	int r = str_format(&log, "%s-wal", path);

	r = r < 0 ? r : str_format(&kept_log, "%s-wal", kept);
	r = r < 0 ? r : str_format(&index, "%s-shm", path);
	r = r < 0 ? r : move_away(log, kept_log);
	r = r < 0 ? r : move_away(path, kept);
	if (r == 0 && unlink(index) < 0 && errno != ENOENT)
		r = -errno;
	r = r < 0 ? r : io_fsync_dir(dir);
	if (r == 0 && rename(whole, path) < 0)
		r = -errno;
	return r < 0 ? r : io_fsync_dir(dir);
}

int store_file_publish(const char *dir, char *ret_kept, size_t kept_len)
{
	auto_free char *whole = NULL, *path = NULL, *kept = NULL;
	time_t now = time(NULL);
	char when[32];
	struct tm tm;
	int r = str_format(&whole, "%s/" STORE_REPAIRED, dir);

	if (r < 0 || access(whole, F_OK) < 0)
		return r;
	gmtime_r(&now, &tm);
	strftime(when, sizeof(when), "%Y%m%dT%H%M%SZ", &tm);
	r = str_format(&path, "%s/" STORE_FILE, dir);
	r = r < 0 ? r : str_format(&kept, "%s.damaged-%s", path, when);
	r = r < 0 ? r : exchange(dir, whole, path, kept);
	if (r == 0 && ret_kept)
		snprintf(ret_kept, kept_len, "%s", kept);
	return r;
}

/* -EEXIST: somebody was first. */
static int give_name(const char *from, const char *to)
{
	if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	/* a file system that cannot do that */
	return link(from, to) < 0 ? -errno : unlink(from) < 0 ? -errno : 0;
}

int store_file_make(const char *dir, const char *path, char *words, size_t words_len)
{
	static const char *const endings[] = { "", "-wal", "-shm" };
	auto_free char *fresh = NULL;
	char id[17];
	int r = random_hex(8, id);

	if (r == 0)
		r = str_format(&fresh, "%s.new-%s", path, id);
	if (r != 0)
		return r;
	r = store_file_fill(fresh, words, words_len);
	/* Who was first at the same time has made the same. */
	if (r == 0) {
		r = give_name(fresh, path);
		r = r == -EEXIST ? 0 : r;
		if (r < 0)
			snprintf(words, words_len, "%s", strerrordesc_np(-r));
	}
	for (size_t i = 0; i < array_size(endings); i++) {
		auto_free char *name = NULL;

		if (str_format(&name, "%s%s", fresh, endings[i]) == 0)
			unlink(name);
	}
	return r < 0 ? r : io_fsync_dir(dir);
}

/* SQLite does not mind when the end of the last page is missing. (The log may have what is.) */
static int look_at_end(struct db *db, const char *path, off_t size, char *words, size_t words_len)
{
	auto_free char *log = NULL;
	struct db_stmt *st = NULL;
	struct stat l;
	int64_t page = 0;
	int r = str_format(&log, "%s-wal", path);

	if (r == 0)
		r = db_prepare(db, "PRAGMA page_size", &st);
	if (r < 0)
		return r;
	if (db_step(st) == 1)
		page = db_col_i64(st, 0);
	db_reset(st);
	if (page <= 0 || size % page == 0 || (stat(log, &l) == 0 && l.st_size > 0))
		return 0;
	snprintf(words, words_len, "it was cut off after %lld bytes", (long long)size);
	return -EUCLEAN;
}

static int look_at_pages(struct db *db, char *words, size_t words_len)
{
	struct db_stmt *st;
	int r = db_prepare(db, "PRAGMA quick_check(1)", &st);

	if (r == 0)
		r = db_step(st);
	if (r == 1) {
		snprintf(words, words_len, "%s", db_col_text(st, 0));
		r = strcmp(words, "ok") == 0 ? 0 : -EUCLEAN;
		db_reset(st);
	} else {
		snprintf(words, words_len, "%s", db_why(db));
		r = r == 0 ? -EIO : r;
	}
	/* SQLite puts each finding on a line of its own, below a heading. */
	for (char *p = words; *p; p++)
		if (*p == '\n')
			*p = ' ';
	return r;
}

int store_file_look(struct db *db, const char *path, char *words, size_t words_len)
{
	struct stat f;
	int r;

	if (stat(path, &f) < 0)
		return -errno;
	r = look_at_end(db, path, f.st_size, words, words_len);
	if (r < 0 || f.st_size <= LOOK_MAX)
		return r < 0 ? r : look_at_pages(db, words, words_len);
	log_info("file=%s check=no why=\"too large\" remedy=\"crrctl queue check\"", path);
	return 0;
}

int store_note_strays(struct db *db)
{
	return store_do(db, "INSERT OR REPLACE INTO info (name, value) VALUES"
			    " ('" STORE_STRAYS "', 'keep')");
}

void store_file_explain(int r, const struct store_conf *conf, const char *words, char *why,
			size_t why_len)
{
	const char *dir = conf->dir;
	char text[64];

	if (!*words)
		words = errno_text(r, text, sizeof(text));
	switch (conf->read_only && r != -EUCLEAN && r != -EPROTO ? 0 : r) {
	case -EUCLEAN:
		snprintf(why, why_len,
			 "%s/" STORE_FILE " is damaged (%s) and was left as it is; 'crrctl queue "
			 "repair --state %s' keeps it and makes a new one of what can be read",
			 dir, words, dir);
		break;
	case -EACCES:
	case -EROFS:
		snprintf(why, why_len,
			 "%s/" STORE_FILE
			 ": cannot be written (%s); it must be writable (chmod 600) "
			 "for user %u, and so must be its directory and file system",
			 dir, words, (unsigned)geteuid());
		break;
	case -ENOSPC:
		snprintf(why, why_len,
			 "%s/" STORE_FILE ": the disk is full (%s); free some space and try again",
			 dir, words);
		break;
	case -EPROTO:
		snprintf(why, why_len,
			 "%s/" STORE_FILE
			 ": %s; it was left as it is: use the crrfs that made it, or "
			 "another state directory",
			 dir, words);
		break;
	default: snprintf(why, why_len, "%s/" STORE_FILE ": %s", dir, words);
	}
}
