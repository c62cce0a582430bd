/*
 * store.h - the durable rows: tickets (a change is being made), jobs (what a destination must get),
 * parts, the ledger. The only home of the queue's SQL, so that a second store can stand beside it.
 * Thread-safe; several processes may open it.
 *
 * Two connections. Acknowledging writes (ticket, commit) are synchronous=FULL and grouped: callers
 * that arrive while a transaction is being synced share the next one. Claim and finish are
 * synchronous=NORMAL: power loss may take them back, the row is then ready again and uncertain, and
 * the copy asks the destination before it sends.
 */
#ifndef QUEUE_STORE_H
#define QUEUE_STORE_H

#include "queue/job.h"
#include "s3/mpu.h"

struct store;

struct store_conf {
	const char *dir;      /* the state directory; the file is queue.db in it */
	const char *instance; /* random id of this mount; NULL for crrctl */
	bool read_only;
	bool was_left; /* the last mount did not end in order: its log must be there */
};

/*
 * A file that is not there is made, but for read_only. With an instance (a mount) the file is
 * looked at first. On failure it is as it was, log and all, and why says what to do; -EUCLEAN: it
 * is damaged, -EPROTO: it is another program's, or of a newer crrfs.
 */
int store_open(const struct store_conf *conf, struct store **ret_s, char *why, size_t why_len)
	must_check;
void store_close(struct store *s); /* NULL is fine */
/* Damage was met, or the file was taken away: it was logged, and nothing is written any more
 * (-EIO), neither now nor by store_close. */
bool store_is_damaged(const struct store *s);
/*
 * Rows may be missing: what lies in the staging directory and no row names may have been
 * acknowledged. True until store_forget_strays.
 */
bool store_keeps_strays(struct store *s);
int store_forget_strays(struct store *s) must_check;

/* --- tickets ---------------------------------------------------------------------------------- */

struct store_ticket {
	int64_t id;
	enum job_kind kind;
	char *key;
	char *token;
	char *instance;
	int64_t created_ms;
	bool held;	      /* acknowledged, not yet in the source */
	char *staged;	      /* held: the name in the staging directory; NULL: metadata only */
	struct job_spec spec; /* held: what the version shall carry */
	/* destination ARN (or "source") -> multipart upload id; the key it was made under is in
	 * upload_keys */
	struct kv uploads;
	struct kv upload_keys;
};

void store_ticket_free(struct store_ticket *t);

int store_begin(struct store *s, enum job_kind kind, const char *key, const char *token,
		int64_t *ret_id) must_check;
/* The same, held from its first moment: spec's promise is kept by recovery, whatever else is held
 * for the key (repl_promise_delete). */
int store_begin_held(struct store *s, enum job_kind kind, const char *key, const char *token,
		     const struct job_spec *spec, int64_t *ret_id) must_check;
/* A multipart upload exists; side is "source" or an ARN. Not synced: an orphan is the lifecycle
 * rule's. */
int store_note_upload(struct store *s, int64_t ticket, const char *side, const char *key,
		      const char *upload_id) must_check;
int store_drop_upload(struct store *s, int64_t ticket, const char *side) must_check;
/* The ticket (made by store_begin) becomes held, or what it holds changes: a staged file, or
 * (staged NULL) metadata for the version spec->base. spec NULL: its key alone changes. Synced. */
int store_hold(struct store *s, int64_t ticket, const char *key, const char *staged,
	       const struct job_spec *spec) must_check;
/* Removes the ticket and adds the jobs, in one synced transaction. Jobs come with id 0 and get
 * their ids; state waiting or ready is decided here. A change (job_kind_is_change) replaces
 * an unfinished one of the same kind for (key, version, dest) that is the last of it. ticket 0: no
 * change of ours stands behind the jobs. parts[i] (may be NULL) are recorded for jobs[i]. */
struct store_parts {
	const struct mpu_part *parts;
	size_t n;
};
int store_commit(struct store *s, int64_t ticket, struct job *jobs, const struct store_parts *parts,
		 size_t n) must_check;
/* Jobs that no change of ours stands behind. Not synced: SQLite's log keeps the order, so whoever
 * notes afterwards how far he is finds them again whenever they are lost. */
int store_add(struct store *s, struct job *jobs, size_t n) must_check;
/* The same for jobs of one key and destination, made from what was seen of them at since_ms (wall):
 * *ret_added false = something was queued or done for the pair since, or is under way, and nothing
 * was added. */
int store_add_if_quiet(struct store *s, int64_t since_ms, struct job *jobs, size_t n,
		       bool *ret_added) must_check;
int store_abandon(struct store *s, int64_t ticket) must_check; /* not synced */
/* The same, synced: what it held is gone, and shall not be back after a power failure. */
int store_abandon_held(struct store *s, int64_t ticket) must_check;
/* Of a version or a delete that nobody wants: the ticket (0 = none) goes, and what older tickets
 * hold for the key is not wanted any more, as after store_commit. Synced. */
int store_take_place(struct store *s, int64_t ticket, const char *key) must_check;
/* Calls fn for each ticket of other instances, oldest first (all instances when any is true). fn
 * may commit or abandon it. */
int store_each_ticket(struct store *s, bool any, int (*fn)(void *arg, const struct store_ticket *t),
		      void *arg) must_check;

/* --- jobs ------------------------------------------------------------------------------------- */

/* At start: claimed becomes ready, and every row not done becomes uncertain. */
int store_reset_claims(struct store *s) must_check;
/* Live work first: the next due job of a destination for which allow(arg, dest) says yes; 1 =
 * found, 0 = none. *ret_next_due, wall ms: when to look for another one; CLOCK_NEVER. */
int store_claim(struct store *s, int64_t now_ms, bool (*allow)(void *arg, const char *dest),
		void *arg, struct job *ret_j, int64_t *ret_next_due) must_check;

enum outcome_kind { OUTCOME_DONE, OUTCOME_LATER, OUTCOME_PARK };
struct outcome {
	enum outcome_kind kind;
	char replica_version[256]; /* done; "" = unknown */
	int64_t due_ms;		   /* later: wall */
	bool count;		   /* later: counts as a failed attempt */
	bool uncertain;		   /* later: the destination may hold it already */
	char reason[48];	   /* AWS's failureReason; "" = none */
	char code[64];
	char why[256];
};
/* Also writes the ledger and makes the next waiting row of the pair ready. *ret_unstaged (new
 * string or NULL): a staged file that no row needs any more. */
int store_finish(struct store *s, const struct job *j, const struct outcome *o, char **ret_unstaged)
	must_check;

/* Not synced: a lost part is sent again. */
/* NULL forgets it and its parts */
int store_put_upload(struct store *s, int64_t job, const char *upload_id, enum mpu_sum sum)
	must_check;
int store_put_part(struct store *s, int64_t job, const struct mpu_part *p) must_check;
/* caller frees; sorted */
int store_get_parts(struct store *s, int64_t job, struct mpu_part **ret_parts, size_t *ret_n)
	must_check;

/* Forgets the staged file in all rows that name it (they read the source from now on). */
int store_unstage(struct store *s, const char *staged) must_check;
/* does a row or a held ticket need it? */
bool store_is_staged(struct store *s, const char *staged);
/* -ENOENT when none */
int store_oldest_staged(struct store *s, char **ret_staged) must_check;

/* parked -> ready, due now. dest, key NULL = all. */
int store_retry(struct store *s, const char *dest, const char *key, uint64_t *ret_n) must_check;
/* Calls fn once for each (destination, reason) that has parked rows; "" = no reason. */
int store_each_parked(struct store *s, int (*fn)(void *arg, const char *dest, const char *reason),
		      void *arg) must_check;
/* The first parked row of them after this id, else the first of all, becomes ready; its failures so
 * far still count. Rows parked with except_code (NULL = none) stay. *ret_id 0: there is none. */
int store_scout(struct store *s, const char *dest, const char *reason, const char *except_code,
		int64_t after, int64_t *ret_id) must_check;
/* All of them, but for except_code. */
int store_release(struct store *s, const char *dest, const char *reason, const char *except_code,
		  uint64_t *ret_n) must_check;

/* What is to be told of rows (queue/events.h). 1 = *ret_j is the next one, 0 = none. */
int store_next_failed(struct store *s, struct job *ret_j) must_check;
int store_told_failed(struct store *s, int64_t job) must_check;
/* *ret_next: when the next alarm is due, CLOCK_NEVER; written with 0. */
int store_next_alarm(struct store *s, int64_t now_ms, struct job *ret_j, int64_t *ret_next)
	must_check;
/* late: its time is over, and it was not done. */
int store_told_alarm(struct store *s, int64_t job, bool late) must_check;
/* Of every row with an alarm; fn may tell it. */
int store_each_alarm(struct store *s, int (*fn)(void *arg, const struct job *j), void *arg)
	must_check;

/* Done rows older than this many ms go; the ledger stays. */
int store_prune(struct store *s, int64_t older_than_ms) must_check;

/* --- questions -------------------------------------------------------------------------------- */

struct store_filter {
	const char *dest; /* NULL = any */
	const char *key;
	const char *version;
	bool unfinished; /* not done only */
	bool parked;	 /* parked only */
	uint64_t limit;	 /* 0 = none */
};
int store_each_job(struct store *s, const struct store_filter *f,
		   int (*fn)(void *arg, const struct job *j), void *arg) must_check;

struct store_counts {
	uint64_t waiting, ready, claimed, parked, done;
	uint64_t bytes;	   /* of object jobs not done */
	int64_t oldest_ms; /* created_ms of the oldest not done; 0 = none */
};
/* NULL = all */
int store_count(struct store *s, const char *dest, struct store_counts *ret_c) must_check;
/* Of one rule at one destination; rule "" = changes that follow their version, by no rule. */
struct store_metric {
	const char *dest, *rule;
	uint64_t pending, pending_bytes;		  /* not done and not FAILED */
	uint64_t failed;				  /* are FAILED */
	uint64_t done;					  /* rows that are kept */
	uint64_t failed_ever, done_ever, done_bytes_ever; /* since the queue was made */
};
int store_each_metric(struct store *s, int (*fn)(void *arg, const struct store_metric *m),
		      void *arg) must_check;

/* How far a rule is behind at a destination, and how long it took, of live rows done since. */
struct store_lag {
	int64_t pending_since_ms; /* created_ms of the oldest pending; 0 = none */
	uint64_t n;		  /* done since */
	int64_t p50_ms, p99_ms, max_ms;
	/* the oldest that is not done, FAILED or not; NULL = none. version NULL: it has none */
	char *oldest_key, *oldest_version;
	int64_t oldest_ms; /* its created_ms */
};
int store_get_lag(struct store *s, const char *dest, const char *rule, int64_t since_ms,
		  struct store_lag *ret_l) must_check;
void store_lag_free(struct store_lag *l);
int store_count_tickets(struct store *s, uint64_t *ret_begun, uint64_t *ret_held) must_check;

/* The ledger: source version -> replica version, for ever. */
struct store_replica {
	const char *key, *version, *dest, *replica_version;
	int64_t done_ms;
	bool delete_marker;
};
int store_each_replica(struct store *s, const char *key, const char *version,
		       int (*fn)(void *arg, const struct store_replica *r), void *arg) must_check;
/* Was the object (kind JOB_OBJECT) or delete marker (JOB_DELETE) of this version ever queued for,
 * or copied to, dest? */
int store_was_selected(struct store *s, enum job_kind kind, const char *key, const char *version,
		       const char *dest, bool *ret_was) must_check;

/* Health of destinations, for crrctl to see. */
struct store_dest {
	const char *dest;
	bool paused;
	int64_t until_ms;
	const char *why;
	int64_t since_ms;
};
int store_put_dest(struct store *s, const struct store_dest *d) must_check;
int store_each_dest(struct store *s, int (*fn)(void *arg, const struct store_dest *d), void *arg)
	must_check;

/* What the server at url can do (s3/caps.h), tried at a time. -ENOENT: not known of this url. */
int store_put_caps(struct store *s, const char *dest, const char *url, const char *text,
		   int64_t when_ms) must_check;
int store_get_caps(struct store *s, const char *dest, const char *url, char **ret_text,
		   int64_t *ret_when_ms) must_check;

/* Free text by name: the bucket this state belongs to, the mountpoint, the rules' source. */
int store_put_info(struct store *s, const char *name, const char *value) must_check;
/* -ENOENT */
int store_get_info(struct store *s, const char *name, char **ret_value) must_check;

#endif
