/*
 * store_i.h - what the files of the store share.
 *
 *  store.c         connections, group commit, transactions; destinations
 *  store_info.c    free text by name, and whether rows may be missing
 *  store_file.c    queue.db as a file: made, looked at before use, what a person is told of it
 *  store_check.c   what is wrong with the rows
 *  store_repair.c  the files of a repair: the damaged queue is kept, a new one takes its place
 *  store_salvage.c rows: what can be read of a damaged queue
 *  store_mend.c    and made sound
 *  store_ticket.c  tickets, and the commit that makes jobs of one
 *  store_job.c     claim, finish, retry, prune
 *  store_part.c    what a job carries: its upload, the parts of it, the staged file
 *  store_ask.c     rows as structs, and questions
 *  store_metric.c  how much, how late, how many failed
 *  store_heal.c    parked rows by their reason
 *  store_move.c    renames of directories
 *  store_event.c   rows of which something is to be told
 *
 * Order of locks: write, then the lock of one db. locked.l is never held with another.
 * One connection writes, whether it syncs or not: another one's commit would make it read anew what
 * it has of the file. Callers take turns by `write`, so that SQLite's busy waiting is for other
 * processes only.
 */
#ifndef QUEUE_STORE_I_H
#define QUEUE_STORE_I_H

#include "base/db.h"
#include "base/lock.h"

#include "queue/store.h"
#include "queue/store_check.h"

typedef int store_fn(struct db *db, void *arg);

/* One caller's part of a batch; lives on the caller's stack. */
struct store_op {
	struct store_op *next;
	const char *what;
	store_fn *fn;
	void *arg;
	int result;
	bool done;
};

struct store {
	/* fixed */
	char *instance; /* "" for crrctl */
	char *dir;
	bool read_only;
	struct db *db;	 /* all that writes; NULL when read_only */
	struct db *read; /* questions: they never wait for a writer */

	bool damaged; /* atomic, for good */

	struct lock write; /* held for a transaction */
	struct cond led;   /* a batch is done */
	struct {
		struct lock l;
		struct store_op *first, **last; /* callers that wait for the next batch */
		bool leading;			/* the mark: one caller is at work for a batch */
	} locked;
};

/*
 * Runs fn in a synced transaction that it may share with other callers. fn may be run twice: then
 * what it did first was undone.
 */
int store_run_synced(struct store *s, const char *what, store_fn *fn, void *arg) must_check;
/* Runs fn in a transaction of its own that is not synced. */
int store_run(struct store *s, const char *what, store_fn *fn, void *arg) must_check;
/* Runs fn on the connection for questions. */
int store_ask(struct store *s, const char *what, store_fn *fn, void *arg) must_check;

/* db_prepare and db_run for a statement without parameters. */
int store_do(struct db *db, const char *sql) must_check;
/* Prepares sql and binds up to n texts from 1 on. */
int store_prepare(struct db *db, const char *sql, struct db_stmt **ret_s, size_t n,
		  const char *const *texts) must_check;
#define store_prepare_text(db, sql, ret_s, ...)                                                    \
	store_prepare(db, sql, ret_s,                                                              \
		      sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(const char *),         \
		      (const char *const[]){ __VA_ARGS__ })
/* Column i as a new string, or NULL. */
int store_col_dup(struct db_stmt *st, int i, char **ret_v) must_check;

/* The columns that store_read_job reads, in its order. */
#define STORE_JOB_COLUMNS                                                                          \
	"id, kind, state, key, version, dest, rule_id, storage_class, token, spec, staged,"        \
	" upload_id, sure IS NOT (SELECT n FROM run), attempt, due_ms, created_ms, done_ms,"       \
	" replica_version, code, why, class, how, batch, repair,"                                  \
	" nullif(reason, ''), alarm_ms, late, upload_sum"
/* The row that st stands on. -EIO (logged, naming the row) when it makes no sense. */
int store_read_job(struct db_stmt *st, struct job *ret_j) must_check;
/* What is bound for part.crc32c; -1 = NULL. */
int64_t store_crc(const struct mpu_part *p);
/* The same, with nothing logged; what was read of it is freed by the caller. */
int store_parse_job(struct db_stmt *st, struct job *j) must_check;
#define STORE_TICKET_COLUMNS "id, kind, key, token, instance, created_ms, held, staged, spec"
/* All but t->id and the uploads. -EINVAL: it makes no sense. */
int store_parse_ticket(struct db_stmt *st, struct store_ticket *t) must_check;
/* 1 = no change of the key is under way, and for the destination nothing waits or was done since
 * (wall); 0 = otherwise. */
int store_is_quiet(struct db *db, const char *key, const char *dest, int64_t since_ms) must_check;
/* --- the file (store_file.c) ------------------------------------------------------------------ */

#define STORE_FILE     "queue.db"
#define STORE_REPAIRED "queue.db.repaired" /* whole, and to take the place of queue.db */
#define STORE_STRAYS   "strays"		   /* the name in table info */

/* What must be so before SQLite sees the file: -ENOENT, -EUCLEAN with words. */
int store_file_stat(const char *path, char *words, size_t words_len) must_check;
/* Makes it whole under another name first: a file of this name without tables is a damaged one. */
int store_file_make(const char *dir, const char *path, char *words, size_t words_len) must_check;
/* Are all pages sound? Of a file that is too large for a start to wait for it is not asked. */
int store_file_look(struct db *db, const char *path, char *words, size_t words_len) must_check;
/* Makes an empty queue of it, or brings an older one up to now. */
int store_file_fill(const char *path, char *words, size_t words_len) must_check;
/* When a new file is whole (STORE_REPAIRED), it takes the place of the old one, which is kept under
 * the name that is returned (ret_kept may be NULL). Also of a repair that was interrupted. */
int store_file_publish(const char *dir, char *ret_kept, size_t kept_len) must_check;
/* The words of r, with file and remedy. */
void store_file_explain(int r, const struct store_conf *conf, const char *words, char *why,
			size_t why_len);
/* Copies what can be read into an empty queue of the same format. Both need their lock; a line for
 * each table and lost row; *ret_lost is set when anything is missing. (store_salvage.c) */
int store_salvage(struct db *from, struct db *to, store_tell_fn *fn, void *arg, bool *ret_lost)
	must_check;
/* Of today's format: rows that make no sense are mended or go, and all are made to fit together.
 * Needs the lock; told and returned as above. (store_mend.c) */
int store_mend(struct db *db, store_tell_fn *fn, void *arg, bool *ret_lost) must_check;
/* Notes that rows may be missing (store_keeps_strays). */
int store_note_strays(struct db *db) must_check;

/* 1 = a row (one that is done names no file) or a held ticket needs the staged file, 0 = none. */
int store_is_needed(struct db *db, const char *staged) must_check;

#endif
