/*
 * repl.h - the front door of the queue for the file system. The verbs are the same for data, tags
 * and deletes:
 *
 *      repl_begin -> change the source -> repl_commit        (or repl_abandon)
 *
 * No ticket, no change. If repl_begin fails nothing may be changed. If repl_commit fails the ticket
 * stays; the data is in the source and recovery finishes the row. The rules decide in repl_commit
 * alone; repl_targets only guesses, early.
 */
#ifndef QUEUE_REPL_H
#define QUEUE_REPL_H

#include "base/kv.h"
#include "queue/dest.h"
#include "queue/job.h"
#include "queue/replica.h"
#include "queue/store.h"
#include "rules/rules.h"
#include "s3/upload.h"

/* added to the replica's tags when the policy for tags that match no more is to mark it */
#define REPL_TAG_UNMATCHED "crrfs-unmatched"

struct repl;
struct ticket;

/* What becomes of a replica when new tags of its source version match no rule any more. AWS: keep.
 */
enum repl_untag { REPL_UNTAG_KEEP, REPL_UNTAG_MARK, REPL_UNTAG_DELETE_MARKER };

struct repl_conf {
	struct store *store;	  /* borrowed */
	struct dest_set *dests;	  /* borrowed */
	struct s3_client *source; /* borrowed */
	/* borrowed: early uploads to destinations; never the source's pool */
	struct pool *upload_pool;
	const char *staging_dir; /* copied */
	uint64_t staging_max;	 /* bytes of bodies kept for destinations */
	/* AWS's way: tags that come after the version start nothing (S3 User Guide, "What isn't
	 * replicated") */
	bool tags_at_create;
	enum repl_untag untag;
	/* not AWS's way: deletes follow whatever the rules say of them, tags or not */
	bool all_deletes;
};

/* takes a reference of its own to rules */
int repl_new(const struct repl_conf *conf, struct rule_set *rules, struct repl **ret_r) must_check;
void repl_free(struct repl *r);
/* takes a reference of its own; later commits follow these */
void repl_set_rules(struct repl *r, struct rule_set *rules);
struct rule_set *repl_get_rules(struct repl *r); /* a new reference */
/* Called (in no particular thread) whenever jobs became ready: wakes the workers. */
void repl_on_ready(struct repl *r, void (*fn)(void *arg), void *arg);
/* The same, whenever other rules came into force. */
void repl_on_rules(struct repl *r, void (*fn)(void *arg), void *arg);

/* Of a version that was made. Borrowed for the call. */
struct repl_facts {
	const char *key;
	const char *version; /* NULL unversioned */
	/* size, etag, meta, sys, tags, class; spec->known false = only the key and version are
	 * known */
	const struct job_spec *spec;
};

/* The strongest of the rules that select a version of key with these tags and this encryption. A
 * rule for which destinations.conf says nothing has the mount's. */
enum durability repl_durability(struct repl *r, const char *key, const struct kv *tags,
				const char *sse, enum durability mounts);
/*
 * Waits until every destination that was selected for this version has it. -EIO: one is FAILED, or
 * the rows of a change of key cannot be written;
 * -ETIMEDOUT: not by then (mono ms); -ECANCELED: repl_stop_waits. Its rows stay in any case.
 */
int repl_wait(struct repl *r, const char *key, const char *version, int64_t deadline_ms) must_check;
void repl_stop_waits(struct repl *r);
/* For the workers: a row was finished or parked. */
void repl_note_finished(struct repl *r);

/* kind OBJECT: token names the write (goes into its metadata as REPL_META_ID): ticket_token. */
int repl_begin(struct repl *r, enum job_kind kind, const char *key, struct ticket **ret_t)
	must_check;
/* The same; its token begins with family, REPL_FAMILY_LEN hex digits by which the writes of one
 * doing are known; "": with anything. */
#define REPL_FAMILY_LEN 16
int repl_begin_of(struct repl *r, enum job_kind kind, const char *key, const char *family,
		  struct ticket **ret_t) must_check;
/* Could a version of key be for a destination, with any tags? */
bool repl_may_want(struct repl *r, const char *key);
/* Could the tags of key's current version change who gets its delete marker? */
bool repl_delete_needs_tags(struct repl *r, const char *key);
const char *ticket_token(const struct ticket *t); /* 32 hex digits; borrowed */
const char *ticket_key(const struct ticket *t);	  /* borrowed until repl_rekey or repl_hold */
/* The multipart upload at the source got this id. Matches upload_conf.on_id when arg is the ticket.
 * */
void repl_note_source(void *ticket, const char *key, const char *upload_id);

/* A destination that the rules name already for this key, and an upload to it that was begun early.
 * */
struct repl_early {
	const struct dest *dest;
	struct upload *upload;
};
/*
 * Begins an early upload to every destination which the rules name whatever the tags will be (with
 * spec->tags as known so far). The uploads read from src, and carry spec's metadata plus the
 * replica's marks. Destinations that are paused are left out. Writes up to max. Failing here costs
 * bandwidth later, never correctness: there is no error to return.
 */
size_t repl_early_new(struct ticket *t, const struct job_spec *spec, const struct upload_src *src,
		      struct repl_early *ret_e, size_t max);
void repl_early_drop(struct repl_early *e, size_t n);

/*
 * The source version exists: decide by the rules and write the rows down, synced. Consumes t on
 * success and the early uploads always (kept for the workers where the facts still agree with what
 * was sent, dropped where not). staged: name of a file in the staging directory with the whole
 * body, or NULL; taken on success: it is unlinked when no destination needs it (any more). It must
 * not change any more. kind TAGS: versions that match now and were never selected get an OBJECT
 * job; selected ones a TAGS job.
 * On failure the caller leaves the ticket (repl_leave) and the staged file: what was given is
 * remembered and tried again, by repl_retry_left and before the next change of this key. That one
 * must not overtake it, and fails as it does. What is left yet at the end is recovery's.
 */
int repl_commit(struct ticket *t, const struct repl_facts *f, const char *staged,
		struct repl_early *e, size_t n) must_check;
/* Tries again to write the rows of commits that failed. 0: none is left (that can be tried). */
int repl_retry_left(struct repl *r) must_check;
/*
 * A version (kind OBJECT) or delete marker (DELETE) that was not made through this mount, or that
 * is old: the rules decide as for a new one; where it was selected before it is left out, unless
 * again. The destination is asked first whether it has it. spec->known may be false where
 * rules_tags_matter says no: the copy then asks the source. *ret_n: rows made.
 */
struct repl_offer {
	enum job_class class;
	int64_t batch;	  /* scan; 0 = none */
	const char *dest; /* this destination only; NULL = all */
	bool again;	  /* also where the ledger or a row has it */
	bool repair;	  /* shall become the current version there */
	bool replicas;	  /* a replica too is sent on */
};
int repl_offer(struct repl *r, enum job_kind kind, const struct repl_facts *f,
	       const struct repl_offer *o, unsigned *ret_n) must_check;
/* What a rule says of its replicas. ret_h must be empty. */
int repl_how(const struct rule *rule, struct job_how *ret_h) must_check;
/* nothing was changed, or it does not matter; consumes t; NULL is fine */
void repl_abandon(struct ticket *t);
/* The change may have happened, and nobody can say: leaves the row to recovery; consumes t. */
void repl_leave(struct ticket *t);

/* The staged file (fsynced by the caller) under this key is acknowledged from now on; staged NULL:
 * the metadata of spec for the version spec->base, or, where there is none, the empty object of a
 * directory. Again for each later change of key or spec. */
int repl_hold(struct ticket *t, const char *key, const char *staged, const struct job_spec *spec)
	must_check;
/*
 * A rename of a file, of which a crash leaves one name: key, which is the version of->base.version
 * (with its ETag and of->tags), is to be deleted when the version that `copy` makes under another
 * key is there. As repl_begin otherwise; recovery deletes key where the copy was made and nobody
 * changed key since.
 */
int repl_promise_delete(struct repl *r, const char *key, const struct ticket *copy,
			const struct job_spec *of, struct ticket **ret_t) must_check;
/* A begun ticket goes on under another name (rename of a file that is not in the source yet). */
int repl_rekey(struct ticket *t, const char *key) must_check;

/* For recovery: a ticket of a gone instance, to be committed, abandoned or left like one of ours.
 * */
int repl_adopt(struct repl *r, const struct store_ticket *st, struct ticket **ret_t) must_check;

/* --- status ----------------------------------------------------------------------------------- */

struct repl_status {
	const char *dest; /* ARN */
	/* the worst of its jobs for this version: parked, then not done, then done */
	enum job_state state;
	const char *replica_version; /* NULL unknown */
	const char *reason;	     /* AWS's failureReason; NULL none */
	const char *why;	     /* NULL none */
};
/* One call of fn per destination with a row or a ledger entry for this version. */
int repl_each_status(struct repl *r, const char *key, const char *version,
		     int (*fn)(void *arg, const struct repl_status *s), void *arg) must_check;
/* "COMPLETED", "PENDING", "FAILED" folded as AWS does (FAILED first, then PENDING), or "" when no
 * destination is concerned. */
int repl_fold_status(struct repl *r, const char *key, const char *version, const char **ret_word)
	must_check;

/* The early upload that belongs to a job just claimed, if this process still has it: the worker
 * takes it. NULL = none. */
struct upload *repl_take_upload(struct repl *r, const struct job *j);
/* A staged file that no row needs any more (store_finish told): unlinks it and counts it off
 * staging_max. */
void repl_release_staged(struct repl *r, const char *staged);
/* For who counts what is staged; repl may be NULL. Bytes of bodies that are kept for destinations,
 * though the source has them; takes no lock. */
uint64_t repl_kept_bytes(void *repl);
/* Lets the oldest of them go: its replicas are made from the source. -ENOENT: none is left. */
int repl_drop_kept(void *repl) must_check;

#endif
