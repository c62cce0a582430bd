#include "queue/schema.h"

#include <errno.h>
#include <stdio.h>

#include "base/base.h"
#include "base/log.h"

/* "crrf" in the file's header: another program's database is known as such. */
#define APPLICATION_ID 0x63727266

/*
 * State numbers are those of enum job_state: 1 waiting, 2 ready, 3 claimed, 4 done, 5 parked.
 *
 *  job.sure  the run in which the row was last known to be certain. A new run (a start of the
 *            mount) counts run.n up, and so makes every older row uncertain without touching it.
 *  job.size  bytes to send, 0 for tags and deletes: for tally alone.
 *  tally     rows and bytes by destination and state, kept by the triggers: counting a long queue
 *            is then no scan.
 *  ledger    version '' stands for "no version id", as there is no NULL in a primary key.
 *
 * job_head holds the invariant that a (dest, key) has at most one row which is ready, claimed or
 * parked. The others each serve one question of store_*.c, and are named there by INDEXED BY so
 * that a plan cannot change unseen.
 */
static const char step_1[] =
	"CREATE TABLE run (n INTEGER NOT NULL);"
	"INSERT INTO run VALUES (1);"
	"CREATE TABLE info (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"

	"CREATE TABLE ticket ("
	" id INTEGER PRIMARY KEY AUTOINCREMENT,"
	" kind INTEGER NOT NULL,"
	" key TEXT NOT NULL,"
	" token TEXT,"
	" instance TEXT NOT NULL,"
	" created_ms INTEGER NOT NULL,"
	" held INTEGER NOT NULL DEFAULT 0,"
	" staged TEXT,"
	" spec TEXT);"
	"CREATE INDEX ticket_staged ON ticket (staged) WHERE staged IS NOT NULL;"
	"CREATE TABLE ticket_upload ("
	" ticket INTEGER NOT NULL REFERENCES ticket (id) ON DELETE CASCADE,"
	" side TEXT NOT NULL,"
	" key TEXT NOT NULL,"
	" upload_id TEXT NOT NULL,"
	" PRIMARY KEY (ticket, side)) WITHOUT ROWID;"

	"CREATE TABLE job ("
	" id INTEGER PRIMARY KEY AUTOINCREMENT,"
	" kind INTEGER NOT NULL,"
	" state INTEGER NOT NULL,"
	" key TEXT NOT NULL,"
	" version TEXT,"
	" dest TEXT NOT NULL,"
	" rule_id TEXT,"
	" storage_class TEXT,"
	" token TEXT,"
	" size INTEGER NOT NULL DEFAULT 0,"
	" spec TEXT NOT NULL,"
	" staged TEXT,"
	" upload_id TEXT,"
	" sure INTEGER NOT NULL,"
	" attempt INTEGER NOT NULL DEFAULT 0,"
	" due_ms INTEGER NOT NULL,"
	" created_ms INTEGER NOT NULL,"
	" done_ms INTEGER NOT NULL DEFAULT 0,"
	" replica_version TEXT,"
	" code TEXT,"
	" why TEXT);"
	"CREATE INDEX job_ready ON job (dest, due_ms, id) WHERE state = 2;"
	"CREATE UNIQUE INDEX job_head ON job (dest, key) WHERE state IN (2, 3, 5);"
	"CREATE INDEX job_waiting ON job (dest, key, id) WHERE state = 1;"
	"CREATE INDEX job_claimed ON job (id) WHERE state = 3;"
	"CREATE INDEX job_parked ON job (id, dest) WHERE state = 5;"
	"CREATE INDEX job_open ON job (id, dest) WHERE state <> 4;"
	"CREATE INDEX job_done ON job (done_ms) WHERE state = 4;"
	"CREATE INDEX job_key ON job (key, version);"
	"CREATE INDEX job_staged ON job (staged) WHERE staged IS NOT NULL;"
	"CREATE INDEX job_staged_age ON job (id, staged) WHERE staged IS NOT NULL;"

	"CREATE TABLE part ("
	" job INTEGER NOT NULL REFERENCES job (id) ON DELETE CASCADE,"
	" number INTEGER NOT NULL,"
	" etag TEXT NOT NULL,"
	" size INTEGER NOT NULL,"
	" PRIMARY KEY (job, number)) WITHOUT ROWID;"

	"CREATE TABLE tally ("
	" dest TEXT NOT NULL,"
	" state INTEGER NOT NULL,"
	" n INTEGER NOT NULL,"
	" bytes INTEGER NOT NULL,"
	" PRIMARY KEY (dest, state)) WITHOUT ROWID;"
	"CREATE TRIGGER job_tally_in AFTER INSERT ON job BEGIN"
	" INSERT INTO tally VALUES (new.dest, new.state, 1, new.size)"
	"  ON CONFLICT (dest, state) DO UPDATE SET n = n + 1, bytes = bytes + excluded.bytes;"
	" END;"
	"CREATE TRIGGER job_tally_out AFTER DELETE ON job BEGIN"
	" UPDATE tally SET n = n - 1, bytes = bytes - old.size"
	"  WHERE dest = old.dest AND state = old.state;"
	" END;"
	"CREATE TRIGGER job_tally_step AFTER UPDATE OF state, size ON job BEGIN"
	" UPDATE tally SET n = n - 1, bytes = bytes - old.size"
	"  WHERE dest = old.dest AND state = old.state;"
	" INSERT INTO tally VALUES (new.dest, new.state, 1, new.size)"
	"  ON CONFLICT (dest, state) DO UPDATE SET n = n + 1, bytes = bytes + excluded.bytes;"
	" END;"

	"CREATE TABLE ledger ("
	" key TEXT NOT NULL,"
	" version TEXT NOT NULL,"
	" dest TEXT NOT NULL,"
	" replica_version TEXT,"
	" done_ms INTEGER NOT NULL,"
	" delete_marker INTEGER NOT NULL,"
	" PRIMARY KEY (key, version, dest)) WITHOUT ROWID;"

	"CREATE TABLE dest ("
	" dest TEXT PRIMARY KEY,"
	" paused INTEGER NOT NULL,"
	" until_ms INTEGER NOT NULL,"
	" why TEXT,"
	" since_ms INTEGER NOT NULL) WITHOUT ROWID;";

/*
 *  job.class    0 live, 1 backfill: a destination's live rows are claimed first.
 *  job.how      what the rule says of the replica, as JSON.
 *  job.batch    the scan that made the row (table scan); 0 = none.
 *  job.repair   it must become the current version, whatever the destination holds.
 *  job.reason   AWS's failureReason of the last failure; '' = it has no name for it, or none.
 *  job.failed   0 it never was FAILED, 1 it was and that is to be told, 2 it was told.
 *  job.alarm_ms when the rule's time threshold is passed; of a done row 1 = its end is to be told;
 *               0 = nothing is to be told.
 *  job.late     the threshold was passed before it was done, and that was told.
 *  job.checked  of done rows: 0 = the order at the destination is still to be looked at. Its index
 *               has all columns of that question (SQLite's own of WHERE, too): no row is read.
 *  tally        now also by rule ('' = no rule: a change that follows its version).
 *  metric       what was done and failed since the queue was made, by destination and rule.
 *  scan         walks over the source bucket: the watch, and each resync.
 *  dest.caps    what its server can do (s3/caps.h), and when that was tried, and at which URL.
 */
static const char step_2[] =
	"ALTER TABLE job ADD COLUMN class INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE job ADD COLUMN how TEXT;"
	"ALTER TABLE job ADD COLUMN batch INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE job ADD COLUMN repair INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE job ADD COLUMN reason TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE job ADD COLUMN failed INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE job ADD COLUMN alarm_ms INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE job ADD COLUMN late INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE job ADD COLUMN checked INTEGER NOT NULL DEFAULT 1;"
	"DROP INDEX job_ready;"
	"CREATE INDEX job_ready ON job (dest, class, due_ms, id) WHERE state = 2;"
	"CREATE INDEX job_alarm ON job (alarm_ms, id) WHERE alarm_ms > 0;"
	"CREATE INDEX job_failed ON job (id) WHERE failed = 1;"
	"CREATE INDEX job_unchecked ON job (dest, key, id, done_ms, state, checked)"
	" WHERE state = 4 AND checked = 0;"
	"CREATE INDEX job_batch ON job (batch, id) WHERE batch > 0;"
	"CREATE INDEX job_batch_open ON job (batch, size) WHERE batch > 0 AND state IN (1, 2, 3);"
	"CREATE INDEX job_repair ON job (batch, key, dest) WHERE batch > 0 AND repair = 1;"
	"CREATE INDEX job_reason ON job (dest, reason, id) WHERE state = 5;"

	"DROP TRIGGER job_tally_in; DROP TRIGGER job_tally_out; DROP TRIGGER job_tally_step;"
	"DROP TABLE tally;"
	"CREATE TABLE tally ("
	" dest TEXT NOT NULL,"
	" rule TEXT NOT NULL,"
	" state INTEGER NOT NULL,"
	" n INTEGER NOT NULL,"
	" bytes INTEGER NOT NULL,"
	" PRIMARY KEY (dest, rule, state)) WITHOUT ROWID;"
	"INSERT INTO tally SELECT dest, coalesce(rule_id, ''), state, count(*), sum(size) FROM job"
	" GROUP BY 1, 2, 3;"
	"CREATE TRIGGER job_tally_in AFTER INSERT ON job BEGIN"
	" INSERT INTO tally VALUES (new.dest, coalesce(new.rule_id, ''), new.state, 1, new.size)"
	"  ON CONFLICT (dest, rule, state) DO UPDATE SET n = n + 1,"
	"  bytes = bytes + excluded.bytes;"
	" END;"
	"CREATE TRIGGER job_tally_out AFTER DELETE ON job BEGIN"
	" UPDATE tally SET n = n - 1, bytes = bytes - old.size"
	"  WHERE dest = old.dest AND rule = coalesce(old.rule_id, '') AND state = old.state;"
	" END;"
	"CREATE TRIGGER job_tally_step AFTER UPDATE OF state, size, rule_id ON job BEGIN"
	" UPDATE tally SET n = n - 1, bytes = bytes - old.size"
	"  WHERE dest = old.dest AND rule = coalesce(old.rule_id, '') AND state = old.state;"
	" INSERT INTO tally VALUES (new.dest, coalesce(new.rule_id, ''), new.state, 1, new.size)"
	"  ON CONFLICT (dest, rule, state) DO UPDATE SET n = n + 1,"
	"  bytes = bytes + excluded.bytes;"
	" END;"

	"CREATE TABLE metric ("
	" dest TEXT NOT NULL,"
	" rule TEXT NOT NULL,"
	" done INTEGER NOT NULL,"
	" done_bytes INTEGER NOT NULL,"
	" failed INTEGER NOT NULL,"
	" PRIMARY KEY (dest, rule)) WITHOUT ROWID;"
	"CREATE TRIGGER job_metric_done AFTER UPDATE OF state ON job"
	" WHEN new.state = 4 AND old.state <> 4 BEGIN"
	" INSERT INTO metric VALUES (new.dest, coalesce(new.rule_id, ''), 1, new.size, 0)"
	"  ON CONFLICT (dest, rule) DO UPDATE SET done = done + 1,"
	"  done_bytes = done_bytes + excluded.done_bytes;"
	" END;"
	"CREATE TRIGGER job_metric_failed AFTER UPDATE OF failed ON job"
	" WHEN new.failed = 1 AND old.failed = 0 BEGIN"
	" INSERT INTO metric VALUES (new.dest, coalesce(new.rule_id, ''), 0, 0, 1)"
	"  ON CONFLICT (dest, rule) DO UPDATE SET failed = failed + 1;"
	" END;"

	"CREATE TABLE scan ("
	" id INTEGER PRIMARY KEY AUTOINCREMENT,"
	" kind TEXT NOT NULL,"
	" state TEXT NOT NULL,"
	" args TEXT NOT NULL,"
	" key_marker TEXT,"
	" since_ms INTEGER NOT NULL DEFAULT 0,"
	" upto_ms INTEGER NOT NULL DEFAULT 0,"
	" seen INTEGER NOT NULL DEFAULT 0,"
	" queued INTEGER NOT NULL DEFAULT 0,"
	" skipped INTEGER NOT NULL DEFAULT 0,"
	" refused INTEGER NOT NULL DEFAULT 0,"
	" busy INTEGER NOT NULL DEFAULT 0,"
	" started_ms INTEGER NOT NULL,"
	" updated_ms INTEGER NOT NULL,"
	" why TEXT);"

	"ALTER TABLE dest ADD COLUMN caps TEXT;"
	"ALTER TABLE dest ADD COLUMN caps_ms INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE dest ADD COLUMN caps_url TEXT;";

/*
 *  move         renames of directories that are under way: queue/store_move.h.
 *
 * Of an index on some rows, SQLite tries the condition at every insert and every change of state,
 * and for "state IN (...)" it makes a temporary table each time.
 */
static const char step_3[] =
	"CREATE TABLE move ("
	" id INTEGER PRIMARY KEY AUTOINCREMENT,"
	" from_key TEXT NOT NULL,"
	" to_key TEXT NOT NULL,"
	" phase INTEGER NOT NULL,"
	" had_marker INTEGER NOT NULL,"
	" upto_ms INTEGER NOT NULL,"
	" created_ms INTEGER NOT NULL);"
	"DROP INDEX job_head;"
	"CREATE UNIQUE INDEX job_head ON job (dest, key) WHERE state >= 2 AND state <> 4;"
	"DROP INDEX job_batch_open;"
	"CREATE INDEX job_batch_open ON job (batch, size) WHERE batch > 0 AND state <= 3;"
	"CREATE INDEX ticket_held ON ticket (key) WHERE held = 1;";

/*
 *  job.upload_sum  enum mpu_sum: was the upload created with checksums? Those of before were not.
 *  part.crc32c     of its bytes; NULL = not known.
 */
static const char step_4[] = "ALTER TABLE job ADD COLUMN upload_sum INTEGER NOT NULL DEFAULT 0;"
			     "ALTER TABLE part ADD COLUMN crc32c INTEGER;";

/* steps[i] leads from version i to i + 1. A step that was released is never changed. */
static const char *const steps[] = { step_1, step_2, step_3, step_4 };

static int get_number_locked(struct db *db, const char *sql, int64_t *ret_v)
{
	struct db_stmt *st;
	int r;

	r = db_prepare(db, sql, &st);
	if (r < 0)
		return r;
	r = db_step(st);
	if (r == 1)
		*ret_v = db_col_i64(st, 0);
	db_reset(st);
	return r < 0 ? r : r == 1 ? 0 : -EIO;
}

/* What is this file? *ret_version 0 = empty. */
static int inspect_locked(struct db *db, int64_t *ret_version, char *why, size_t why_len)
{
	const int64_t newest = (int64_t)array_size(steps);
	int64_t version, application, tables;
	int r;

	r = get_number_locked(db, "PRAGMA user_version", &version);
	if (r == 0)
		r = get_number_locked(db, "PRAGMA application_id", &application);
	if (r == 0)
		r = get_number_locked(db, "SELECT count(*) FROM sqlite_master", &tables);
	if (r < 0) {
		snprintf(why, why_len, "%s", db_why(db));
		return r;
	}
	if (application != APPLICATION_ID && (application != 0 || version != 0 || tables != 0)) {
		snprintf(why, why_len, "this is a database of another program");
		return -EPROTO;
	}
	if (version > newest) {
		snprintf(why, why_len,
			 "made by a newer crrfs (format %lld, this one knows up to %lld)",
			 (long long)version, (long long)newest);
		return -EPROTO;
	}
	*ret_version = version;
	return 0;
}

static int apply_locked(struct db *db, int64_t version, int64_t upto)
{
	char mark[96];
	int r;

	for (int64_t i = version; i < upto; i++) {
		r = db_exec(db, steps[i]);
		if (r < 0)
			return r;
	}
	snprintf(mark, sizeof(mark), "PRAGMA application_id = %d; PRAGMA user_version = %lld",
		 APPLICATION_ID, (long long)upto);
	return db_exec(db, mark);
}

static int upgrade_locked(struct db *db, char *why, size_t why_len)
{
	int64_t version = 0;
	int r;

	/* In a transaction: else another process may make the tables between one look and the next.
	 * */
	r = db_exec(db, "BEGIN");
	if (r == 0)
		r = inspect_locked(db, &version, why, why_len);
	else
		snprintf(why, why_len, "%s", db_why(db));
	db_rollback(db);
	if (r < 0 || version == (int64_t)array_size(steps))
		return r;
	r = db_begin(db);
	if (r == 0) {
		/* Again: another process may have been first. */
		r = inspect_locked(db, &version, why, why_len);
		if (r < 0) {
			db_rollback(db);
			return r;
		}
		r = apply_locked(db, version, (int64_t)array_size(steps));
		if (r == 0)
			r = db_commit(db);
	}
	if (r == -EROFS)
		snprintf(why, why_len, "has format %lld and must become %zu first: mount it once",
			 (long long)version, array_size(steps));
	else if (r < 0)
		snprintf(why, why_len, "%s", db_why(db));
	db_rollback(db);
	return r;
}

int schema_upgrade(struct db *db, char *why, size_t why_len)
{
	int r;

	db_lock(db);
	r = upgrade_locked(db, why, why_len);
	db_unlock(db);
	return r;
}

int64_t schema_version(struct db *db)
{
	const int64_t newest = (int64_t)array_size(steps);
	int64_t version = newest;

	if (get_number_locked(db, "PRAGMA user_version", &version) < 0 || version < 1 ||
	    version > newest)
		return newest;
	return version;
}

int schema_make(struct db *db, int64_t version, char *why, size_t why_len)
{
	int r;

	db_lock(db);
	r = db_begin(db);
	if (r == 0)
		r = apply_locked(db, 0, version);
	if (r == 0)
		r = db_commit(db);
	if (r < 0)
		snprintf(why, why_len, "%s", db_why(db));
	db_rollback(db);
	db_unlock(db);
	return r;
}
