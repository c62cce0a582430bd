#include "queue/store_i.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"

/*
 * SQLite ends a question at the first page that makes no sense. Rows with numbers are therefore
 * asked for by ranges of them: up to the trouble from the front, up to it from the back, and what
 * is between by halves. Of tables without numbers only the front and the back are to be had.
 *
 * The new queue has the tables of the damaged one's format: what that cannot have is not missed.
 */
#define TABLES_MAX 32
#define BARREN_MAX 4000 /* questions one after the other that gave no row: there is nothing more */
#define RANGES_MAX (2 * BARREN_MAX)
#define BEYOND	   10000	/* how far numbers may go on behind the last one that was seen */
#define ROWS_MAX   (1ull << 28) /* of a table without numbers: its pages form a ring */
#define NAMED_MAX  50		/* lost jobs */

struct salvage {
	struct db *from, *to;
	store_tell_fn *fn;
	void *arg;
	char *sql[TABLES_MAX *
		  3]; /* as long as the connections: db_prepare knows them by address */
	size_t sql_n;
	bool *lost;
	bool jobs_torn;
};

struct table {
	char name[64];
	char columns[1024]; /* with commas between them */
	char order[128];    /* the primary key */
	char back[160];	    /* the same, descending */
	int columns_n;
	int state;	  /* which of them is job.state; -1 = none */
	bool has_numbers; /* the key is the row's number */
	uint64_t saved;
	unsigned barren;
	int64_t low, high, last; /* numbers: asked for, and the last one seen */
	bool torn;
};

static int keep_sql(struct salvage *v, char *text, const char **ret_sql)
{
	if (v->sql_n == array_size(v->sql)) {
		free(text);
		return -E2BIG;
	}
	v->sql[v->sql_n++] = text;
	*ret_sql = text;
	return 0;
}

static int tell(struct salvage *v, const char *fmt, ...) printf_like(2, 3);
static int tell(struct salvage *v, const char *fmt, ...)
{
	char line[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	return v->fn(v->arg, line);
}

/* The number that sql asks for with one text, or another one when it cannot be had. */
static int64_t number_or(struct db *db, const char *sql, const char *text, int64_t otherwise)
{
	struct db_stmt *st;
	int64_t n = otherwise;

	if (store_prepare_text(db, sql, &st, text) < 0)
		return otherwise;
	if (db_step(st) == 1 && !db_col_is_null(st, 0))
		n = db_col_i64(st, 0);
	db_reset(st);
	return n;
}

/* --- what is to be read ----------------------------------------------------------------------- */

static void append(char *list, size_t size, const char *word, const char *behind)
{
	size_t n = strlen(list);

	snprintf(list + n, size - n, "%s%s%s", n ? ", " : "", word, behind);
}

static int describe(struct salvage *v, struct table *t)
{
	struct db_stmt *st;
	int r = store_prepare_text(v->to, "SELECT name, pk FROM pragma_table_info(?1) ORDER BY cid",
				   &st, t->name);

	t->state = -1;
	while (r >= 0 && (r = db_step(st)) == 1) {
		const char *name = db_col_text(st, 0);

		if (db_col_i64(st, 1) > 0) {
			append(t->order, sizeof(t->order), name, "");
			append(t->back, sizeof(t->back), name, " DESC");
			t->has_numbers = strcmp(name, "id") == 0;
		}
		if (strcmp(t->name, "job") == 0 && strcmp(name, "state") == 0)
			t->state = t->columns_n;
		append(t->columns, sizeof(t->columns), name, "");
		t->columns_n++;
	}
	if (r == 0 && !*t->order) {
		append(t->order, sizeof(t->order), "rowid", "");
		append(t->back, sizeof(t->back), "rowid", " DESC");
	}
	return r;
}

/* The tally is kept by the triggers. */
static int list_tables(struct salvage *v, struct table *tables, size_t *ret_n)
{
	struct db_stmt *st;
	size_t n = 0;
	int r = db_prepare(v->to,
			   "SELECT name FROM sqlite_schema WHERE type = 'table'"
			   " AND name NOT LIKE 'sqlite_%' AND name <> 'tally' ORDER BY name",
			   &st);

	while (r >= 0 && (r = db_step(st)) == 1 && n < TABLES_MAX)
		snprintf(tables[n++].name, sizeof(tables->name), "%s", db_col_text(st, 0));
	if (r == 1)
		db_reset(st);
	for (size_t i = 0; r >= 0 && i < n; i++)
		r = describe(v, &tables[i]);
	*ret_n = n;
	return min_of(r, 0);
}

static int make_sql(struct salvage *v, const struct table *t, const char *const texts[3],
		    struct db *db, struct db_stmt **ret_st)
{
	const char *sql = NULL;
	char *text = NULL;
	int r = str_format(&text, "%s%s%s%s%s", texts[0], t->columns, texts[1], t->name, texts[2]);

	if (r == 0)
		r = keep_sql(v, text, &sql);
	return r < 0 ? r : db_prepare(db, sql, ret_st);
}

/* --- reading ---------------------------------------------------------------------------------- */

struct reader {
	struct salvage *v;
	struct table *t;
	struct db_stmt *forward, *back, *put;
};

/* The row that st stands on. A job whose place at the head is taken waits. */
static int put_row(struct reader *rd, struct db_stmt *st)
{
	struct table *t = rd->t;
	int r;

	for (int i = 0; i < t->columns_n; i++)
		db_bind_column(rd->put, i + 1, st, i);
	r = db_run(rd->put);
	if (r == 0 && db_changes(rd->v->to) == 0 && t->state >= 0) {
		db_bind_i64(rd->put, t->state + 1, JOB_WAITING);
		r = db_run(rd->put);
	}
	if (r < 0)
		return r;
	if (db_changes(rd->v->to) > 0) {
		t->saved++;
		t->barren = 0;
	}
	return 0;
}

/* Behind the last one, and within what was asked for: a page that makes no sense leads anywhere. */
static bool follows(const struct table *t, int64_t number, int way)
{
	return way > 0 ? number > t->last && number <= t->high
		       : number < t->last && number >= t->low;
}

/* What the question gives, until its end (*ret_whole) or the first trouble. way: 1 numbers grow,
 * -1 they shrink, 0 there are none. t->last: the last one. */
static int read_on(struct reader *rd, struct db_stmt *st, int way, bool *ret_whole)
{
	struct table *t = rd->t;
	uint64_t n = 0;
	int r, put = 0;

	t->barren++;
	while (put == 0 && (r = db_step(st)) == 1) {
		if (way ? !follows(t, db_col_i64(st, 0), way) : ++n > ROWS_MAX)
			break;
		t->last = db_col_i64(st, 0);
		put = put_row(rd, st);
	}
	db_reset(st);
	if (put < 0 || r == -ENOMEM)
		return put < 0 ? put : r;
	*ret_whole = r == 0;
	return 0;
}

/* From the front, then from the back; what is between is *low to *high. */
static int read_both_ways(struct reader *rd, int64_t *low, int64_t *high, bool *ret_whole)
{
	struct db_stmt *const ways[] = { rd->forward, rd->back };
	struct table *t = rd->t;

	for (size_t i = 0; i < array_size(ways); i++) {
		bool whole = false;
		int r;

		t->low = *low;
		t->high = *high;
		t->last = i == 0 ? *low - 1 : *high + 1;
		db_bind_i64(ways[i], 1, *low);
		db_bind_i64(ways[i], 2, *high);
		r = read_on(rd, ways[i], i == 0 ? 1 : -1, &whole);
		if (r < 0)
			return r;
		*ret_whole = whole && (i == 0 || *ret_whole);
		if (i == 0)
			*low = t->last + 1;
		else
			*high = t->last - 1;
	}
	return 0;
}

/*
 * The largest first, so that what is sound is found soon. An end without trouble is not believed,
 * either: a page that makes no sense may say that there is nothing more.
 */
static int read_between(struct reader *rd, int64_t low, int64_t high)
{
	struct range {
		int64_t low, high;
	} *todo = calloc(2 * RANGES_MAX, sizeof(*todo));
	size_t first = 0, n = 1;
	bool whole;
	int r = todo ? 0 : -ENOMEM;

	if (todo)
		todo[0] = (struct range){ low, high };
	for (; r == 0 && first < n && rd->t->barren < BARREN_MAX; first++) {
		low = todo[first].low;
		high = todo[first].high;
		r = read_both_ways(rd, &low, &high, &whole);
		if (low < high && n + 2 <= 2 * RANGES_MAX) {
			todo[n++] = (struct range){ low, low + (high - low) / 2 };
			todo[n++] = (struct range){ low + (high - low) / 2 + 1, high };
		}
	}
	free(todo);
	return r;
}

static int read_numbers(struct reader *rd)
{
	const char *const forward[] = { "SELECT ", " FROM ",
					" WHERE id BETWEEN ?1 AND ?2 ORDER BY id" };
	const char *const back[] = { "SELECT ", " FROM ",
				     " WHERE id BETWEEN ?1 AND ?2 ORDER BY id DESC" };
	struct salvage *v = rd->v;
	int64_t given = number_or(v->from, "SELECT seq FROM sqlite_sequence WHERE name = ?1",
				  rd->t->name, 0);
	int64_t low = 0, high = INT64_MAX - 1;
	bool whole = false;
	int r = make_sql(v, rd->t, forward, v->from, &rd->forward);

	if (r == 0)
		r = make_sql(v, rd->t, back, v->from, &rd->back);
	if (r < 0) {
		rd->t->torn = true;
		return r == -ENOMEM ? r : 0;
	}
	r = read_both_ways(rd, &low, &high, &whole);
	if (r < 0 || (whole && (low > high || high == INT64_MAX - 1)))
		return r; /* nothing more is seen from behind, either */
	rd->t->torn = true;
	if (high == INT64_MAX - 1)
		high = max_of(given, low + BEYOND);
	return read_between(rd, low, high);
}

/* A number that was given to a row is not given again. */
static int keep_last_number(struct salvage *v, const struct table *t)
{
	int64_t last =
		number_or(v->from, "SELECT seq FROM sqlite_sequence WHERE name = ?1", t->name, 0);
	struct db_stmt *st;
	int r = store_prepare_text(v->to,
				   "INSERT INTO sqlite_sequence SELECT ?1, 0 WHERE NOT EXISTS"
				   " (SELECT 1 FROM sqlite_sequence WHERE name = ?1)",
				   &st, t->name);

	if (r == 0)
		r = db_run(st);
	if (r == 0)
		r = store_prepare_text(
			v->to, "UPDATE sqlite_sequence SET seq = max(seq, ?2) WHERE name = ?1", &st,
			t->name);
	if (r < 0)
		return r;
	db_bind_i64(st, 2, last);
	return db_run(st);
}

static int read_ends(struct reader *rd)
{
	auto_free char *order = NULL, *back = NULL;
	struct table *t = rd->t;
	bool whole = false;
	int r = str_format(&order, " ORDER BY %s", t->order);

	if (r == 0)
		r = str_format(&back, " ORDER BY %s", t->back);
	for (int i = 0; r == 0 && i < 2; i++) {
		const char *const texts[] = { "SELECT ", " FROM ", i == 0 ? order : back };
		uint64_t before = t->saved;
		struct db_stmt *st;

		whole = false;
		r = make_sql(rd->v, t, texts, rd->v->from, &st);
		if (r == 0)
			r = read_on(rd, st, 0, &whole);
		if (whole && strcmp(t->order, "rowid") == 0)
			return 0; /* rows without a key would be there twice */
		/* an end that was too early is seen from the other side */
		t->torn = t->torn || r < 0 || !whole || (i == 1 && t->saved > before);
	}
	return r == -ENOMEM ? r : 0;
}

static int copy_table(struct salvage *v, struct table *t)
{
	struct reader rd = { .v = v, .t = t };
	auto_free char *marks = NULL;
	const char *sql = NULL;
	char *text = NULL;
	int r = str_dup("?", &marks);

	for (int i = 1; r == 0 && i < t->columns_n; i++) {
		auto_free char *more = take_ptr(&marks);

		r = str_format(&marks, "%s, ?", more);
	}
	if (r == 0)
		r = str_format(&text, "INSERT OR IGNORE INTO %s (%s) VALUES (%s)", t->name,
			       t->columns, marks);
	if (r == 0)
		r = keep_sql(v, text, &sql);
	if (r == 0)
		r = db_prepare(v->to, sql, &rd.put);
	if (r < 0)
		return r;
	r = t->has_numbers ? read_numbers(&rd) : read_ends(&rd);
	if (r == 0 && t->has_numbers)
		r = keep_last_number(v, t);
	*v->lost = *v->lost || t->torn;
	v->jobs_torn = v->jobs_torn || (t->torn && t->state >= 0);
	if (r < 0)
		return r;
	return tell(v, "%-14s %8llu rows%s", t->name, (unsigned long long)t->saved,
		    t->torn ? ", and others that cannot be read" : "");
}

/* --- what was lost ---------------------------------------------------------------------------- */

/* An index has the number and the key of jobs whose rows are gone. */
static int name_lost_jobs(struct salvage *v)
{
	struct db_stmt *st;
	int told = 0, n = 0;

	if (!v->jobs_torn ||
	    db_prepare(v->from, "SELECT id, key, version FROM job INDEXED BY job_key", &st) < 0)
		return 0;
	while (told == 0 && n < NAMED_MAX && db_step(st) == 1) {
		struct db_stmt *is;
		int r = db_prepare(v->to, "SELECT 1 FROM job WHERE id = ?1", &is);

		if (r == 0) {
			db_bind_i64(is, 1, db_col_i64(st, 0));
			r = db_step(is);
			db_reset(is);
		}
		if (r < 0)
			told = r;
		else if (r == 0 && ++n <= NAMED_MAX)
			told = tell(v, "lost: job %lld of %s, version %s",
				    (long long)db_col_i64(st, 0), db_col_text(st, 1),
				    db_col_text(st, 2) ? db_col_text(st, 2) : "-");
	}
	db_reset(st);
	return told;
}

int store_salvage(struct db *from, struct db *to, store_tell_fn *fn, void *arg, bool *ret_lost)
{
	struct salvage v = { .from = from, .to = to, .fn = fn, .arg = arg, .lost = ret_lost };
	auto_free struct table *tables = calloc(TABLES_MAX, sizeof(*tables));
	size_t n = 0;
	int r = tables ? list_tables(&v, tables, &n) : -ENOMEM;

	if (r == 0)
		r = db_exec(to, "PRAGMA foreign_keys=OFF");
	if (r == 0)
		r = db_begin(to);
	if (r == 0)
		(void)!db_exec(from, "BEGIN"); /* one lock for all: fast */
	if (r == 0)
		r = store_do(to, "DELETE FROM run");
	for (size_t i = 0; r == 0 && i < n; i++)
		r = copy_table(&v, &tables[i]);
	if (r == 0)
		r = name_lost_jobs(&v);
	if (r == 0)
		r = db_commit(to);
	db_rollback(from);
	for (size_t i = 0; i < v.sql_n; i++)
		free(v.sql[i]);
	return r;
}
