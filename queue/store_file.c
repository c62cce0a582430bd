#include "queue/store_i.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
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

static int fill(const char *path, char *words, size_t words_len)
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

int store_file_make(const char *dir, const char *path, char *words, size_t words_len)
{
	static const char *const endings[] = { "", "-wal", "-shm" };
	auto_free char *fresh = NULL;
	char id[17];
	int r = random_hex(8, id);

	if (r == 0)
		r = str_format(&fresh, "%s.new-%s", path, id);
	if (r < 0)
		return r;
	r = fill(fresh, words, words_len);
	/* Who was first at the same time has made the same. */
	if (r == 0 && link(fresh, path) < 0 && errno != EEXIST) {
		r = -errno;
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
	struct db_stmt *st;
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
