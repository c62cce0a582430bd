#include "queue/store.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/db.h"
#include "base/log.h"

#include "queue/store_i.h"

/* --- uploads and parts ------------------------------------------------------------------------ */

struct upload_args {
	int64_t job;
	const char *upload_id;
	enum mpu_sum sum;
	const struct mpu_part *part;
	struct mpu_part *parts; /* found */
	size_t n, cap;
};

static int put_upload(struct db *db, void *arg)
{
	const struct upload_args *a = arg;
	struct db_stmt *st;
	int r;

	/* Parts belong to the upload that they were sent to. */
	r = store_prepare_text(db,
			       "DELETE FROM part WHERE job = ?2 AND"
			       " (SELECT upload_id FROM job WHERE id = ?2) IS NOT ?1",
			       &st, a->upload_id);
	if (r < 0)
		return r;
	db_bind_i64(st, 2, a->job);
	r = db_run(st);
	if (r < 0)
		return r;
	r = store_prepare_text(db, "UPDATE job SET upload_id = ?1, upload_sum = ?3 WHERE id = ?2",
			       &st, a->upload_id);
	if (r < 0)
		return r;
	db_bind_i64(st, 2, a->job);
	db_bind_i64(st, 3, a->sum);
	r = db_run(st);
	return r < 0 ? r : db_changes(db) ? 0 : -ENOENT;
}

int store_put_upload(struct store *s, int64_t job, const char *upload_id, enum mpu_sum sum)
{
	struct upload_args a = { .job = job, .upload_id = upload_id, .sum = sum };

	return store_run(s, "put-upload", put_upload, &a);
}

int64_t store_crc(const struct mpu_part *p)
{
	return p->crc.known ? (int64_t)p->crc.value : -1;
}

static int put_part(struct db *db, void *arg)
{
	const struct upload_args *a = arg;
	struct db_stmt *st;
	int r;

	r = store_prepare_text(db,
			       "INSERT OR REPLACE INTO part (etag, number, size, crc32c, job)"
			       " SELECT ?1, ?2, ?3, nullif(?5, -1), id FROM job WHERE id = ?4",
			       &st, a->part->etag);
	if (r < 0)
		return r;
	db_bind_i64(st, 2, a->part->number);
	db_bind_i64(st, 3, (int64_t)a->part->size);
	db_bind_i64(st, 4, a->job);
	db_bind_i64(st, 5, store_crc(a->part));
	r = db_run(st);
	return r < 0 ? r : db_changes(db) ? 0 : -ENOENT;
}

int store_put_part(struct store *s, int64_t job, const struct mpu_part *p)
{
	struct upload_args a = { .job = job, .part = p };

	return store_run(s, "put-part", put_part, &a);
}

static int read_part(struct db_stmt *st, struct upload_args *a)
{
	const char *etag = db_col_text(st, 1);
	int64_t number = db_col_i64(st, 0), size = db_col_i64(st, 2), crc = db_col_i64(st, 3);
	struct mpu_part *p;

	if (a->n == a->cap) {
		size_t cap = a->cap ? a->cap * 2 : 16;

		p = reallocarray(a->parts, cap, sizeof(*p));
		if (!p)
			return -ENOMEM;
		a->parts = p;
		a->cap = cap;
	}
	p = &a->parts[a->n];
	if (!etag || strlen(etag) >= sizeof(p->etag) || number < 1 || number > INT32_MAX ||
	    size < 0 || crc < -1 || crc > UINT32_MAX) {
		log_error("job=%lld part=%lld error=\"the row is damaged\"", (long long)a->job,
			  (long long)number);
		return -EIO;
	}
	p->number = (unsigned)number;
	p->size = (uint64_t)size;
	p->crc = (struct s3_crc32c){ .known = crc >= 0, .value = crc >= 0 ? (uint32_t)crc : 0 };
	snprintf(p->etag, sizeof(p->etag), "%s", etag);
	a->n++;
	return 0;
}

static int get_parts(struct db *db, void *arg)
{
	struct upload_args *a = arg;
	struct db_stmt *st;
	int r;

	r = db_prepare(db,
		       "SELECT number, etag, size, ifnull(crc32c, -1) FROM part WHERE job = ?1"
		       " ORDER BY number",
		       &st);
	if (r < 0)
		return r;
	db_bind_i64(st, 1, a->job);
	while ((r = db_step(st)) == 1) {
		r = read_part(st, a);
		if (r < 0)
			break;
	}
	db_reset(st);
	return r;
}

int store_get_parts(struct store *s, int64_t job, struct mpu_part **ret_parts, size_t *ret_n)
{
	struct upload_args a = { .job = job };
	int r;

	r = store_ask(s, "get-parts", get_parts, &a);
	if (r < 0) {
		free(a.parts);
		return r;
	}
	*ret_parts = a.parts;
	*ret_n = a.n;
	return 0;
}

/* --- staged files ----------------------------------------------------------------------------- */

int store_is_needed(struct db *db, const char *staged)
{
	struct db_stmt *st;
	int r;

	r = store_prepare_text(db,
			       "SELECT 1 FROM job INDEXED BY job_staged WHERE staged = ?1"
			       " UNION ALL SELECT 1 FROM ticket INDEXED BY ticket_staged"
			       " WHERE staged = ?1 LIMIT 1",
			       &st, staged);
	if (r < 0)
		return r;
	r = db_step(st);
	db_reset(st);
	return r;
}

struct staged_args {
	const char *staged;
	char *got;
};

static int ask_needed(struct db *db, void *arg)
{
	return store_is_needed(db, arg);
}

bool store_is_staged(struct store *s, const char *staged)
{
	/* In doubt it is needed. */
	return store_ask(s, "is-staged", ask_needed, (void *)(uintptr_t)staged) != 0;
}

static int is_held(struct db *db, const char *staged)
{
	struct db_stmt *st;
	int r;

	r = store_prepare_text(db,
			       "SELECT 1 FROM ticket INDEXED BY ticket_staged WHERE staged = ?1",
			       &st, staged);
	if (r < 0)
		return r;
	r = db_step(st);
	db_reset(st);
	return r;
}

static int unstage(struct db *db, void *arg)
{
	struct db_stmt *st;
	int r;

	r = is_held(db, arg);
	if (r != 0)
		return r < 0 ? r : -EPERM;
	r = store_prepare_text(
		db, "UPDATE job INDEXED BY job_staged SET staged = NULL WHERE staged = ?1", &st,
		arg);
	return r < 0 ? r : db_run(st);
}

/* -EPERM: a held ticket names it, so it is the only copy. */
int store_unstage(struct store *s, const char *staged)
{
	return store_run(s, "unstage", unstage, (void *)(uintptr_t)staged);
}

static int oldest_staged(struct db *db, void *arg)
{
	char **ret_staged = arg;
	struct db_stmt *st;
	int r;

	r = db_prepare(db,
		       "SELECT staged FROM job AS j INDEXED BY job_staged_age"
		       " WHERE staged IS NOT NULL AND NOT EXISTS"
		       " (SELECT 1 FROM ticket INDEXED BY ticket_staged WHERE staged = j.staged)"
		       " ORDER BY id LIMIT 1",
		       &st);
	if (r < 0)
		return r;
	r = db_step(st);
	if (r == 1)
		r = store_col_dup(st, 0, ret_staged);
	else if (r == 0)
		r = -ENOENT;
	db_reset(st);
	return r;
}

int store_oldest_staged(struct store *s, char **ret_staged)
{
	return store_ask(s, "oldest-staged", oldest_staged, ret_staged);
}
