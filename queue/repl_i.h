/* repl_i.h - inside repl*.c: the tickets, the early uploads, and what is kept for the workers. */
#ifndef QUEUE_REPL_I_H
#define QUEUE_REPL_I_H

#include <stdatomic.h>

#include "base/lock.h"
#include "base/map.h"
#include "queue/repl.h"

struct repl {
	struct store *store;
	struct dest_set *dests;
	struct s3_client *source;
	struct pool *pool;
	char *staging_dir;
	uint64_t staging_max;
	bool tags_at_create;
	enum repl_untag untag;
	bool all_deletes;
	atomic_bool held_left; /* there may be held tickets that nobody here has */
	struct {
		struct lock l;
		struct cond finished; /* a row, or the waits */
		uint64_t finishes;
		bool stop_waits;
		struct rule_set *rules;
		struct map *uploads; /* token and destination -> struct kept_upload, owned */
		struct map *bodies;  /* staged name -> struct kept_body, owned */
		struct ticket *left; /* repl_left.c: counted, in the order of their commits */
		bool trying;	     /* somebody goes over left */
		struct cond tried;
		_Atomic uint64_t bytes; /* of bodies; peeked at without the lock */
		void (*on_ready)(void *arg);
		void *on_ready_arg;
		void (*on_rules)(void *arg);
		void *on_rules_arg;
	} locked;
};

struct kept_upload {
	struct upload *upload;
	int64_t job; /* 0 until the row stands */
};

struct kept_body {
	uint64_t size;
};

/*
 * An early upload as its ticket remembers it. It holds a reference to the ticket until the upload
 * ends; the ticket's list holds one to it.
 */
struct early {
	int refs;	       /* atomic */
	struct early *next;    /* in the ticket's list */
	struct ticket *ticket; /* counted */
	struct upload_src inner;
	struct upload *upload; /* only compared, never followed: repl_early owns it */
	char *arn, *key;
	/* as sent: replica borrows from the others */
	char *storage_class;
	struct job_spec spec;
	struct job_how how;
	struct s3_caps caps;
	struct replica replica;
};

struct ticket {
	int refs; /* atomic */
	struct repl *r;
	enum job_kind kind;
	char token[33];
	struct {
		struct lock l;
		int64_t id;   /* of the row; 0 = none: no rule can want this */
		bool settled; /* consumed: nothing is written to the row any more */
		char *key;
		bool held;
		char *staged;	      /* held: the file's name */
		struct job_spec spec; /* held */
		/* side -> upload id: to be noted when the row is made later */
		struct kv uploads;
		struct kv upload_keys; /* side -> key */
		struct early *early;
	} locked;
	/* when it is among repl.left: what repl_commit was given. The ticket's row is there yet. */
	struct {
		struct ticket *next; /* the repl's lock; the others are fixed */
		bool known;	     /* false: there was no memory for version, staged and spec */
		char *key, *version, *staged;
		struct job_spec spec;
	} left;
};

/* What was changed, and (filled by repl_decide) the jobs that follow of it. */
struct decision {
	enum job_kind kind;
	const char *token; /* of a version that we made; NULL = what its metadata say */
	const struct repl_facts *facts;
	bool replicas; /* a replica is like any other version */
	struct job *jobs;
	size_t n, cap;
};

int repl_decide(struct repl *r, struct decision *d) must_check;
void decision_free(struct decision *d);

/* Writes the rows of d down; the early uploads are consumed always. */
int repl_commit_rows(struct ticket *t, struct decision *d, const char *staged, struct repl_early *e,
		     size_t n) must_check;

/* The rows of this change could not be written: it is tried again. Copies what it needs. */
void repl_left_add(struct ticket *t, const struct repl_facts *f, const char *staged);
/* Tries the changes of key that are left again, oldest first. 0: none is left. */
int repl_left_try(struct repl *r, const char *key) must_check;
void repl_left_free(struct repl *r);

struct ticket *ticket_ref(struct ticket *t);
void ticket_unref(struct ticket *t); /* NULL is fine */
/* Makes the row if there is none yet. */
int ticket_row(struct ticket *t, int64_t *ret_id) must_check;
/* The ticket's row is gone, or somebody else's from now on; frees the caller's reference. */
void ticket_consume(struct ticket *t);
void ticket_note(struct ticket *t, const char *side, const char *key, const char *upload_id);

/* The record of an early upload of this ticket, or NULL; valid until the ticket is consumed. */
struct early *early_find(struct ticket *t, const struct upload *u);
void early_unref(struct early *e);
/*
 * Is what was sent early what this job's destination must get now? Tags may differ: they are put
 * again at the end anyway.
 */
bool early_fits(const struct early *e, struct upload *u, const struct job *j);

/* Can an enabled rule want this key, whatever the tags? */
bool repl_may_match(const struct rule_set *rs, enum job_kind kind, const char *key);
void repl_ready(struct repl *r);

/* A body is kept for rows: counts it, and lets the oldest go while there are too many bytes. */
int repl_keep_body(struct repl *r, const char *staged, uint64_t size) must_check;
int repl_make_room(struct repl *r) must_check;
int repl_staged_size(const struct repl *r, const char *staged, uint64_t *ret_size) must_check;
void repl_unlink_staged(const struct repl *r, const char *staged);
/*
 * Takes u for the worker that will claim this job of token: before the row is written, since it may
 * be claimed at once.
 */
int repl_keep_upload(struct repl *r, const char *token, const char *dest, struct upload *u)
	must_check;
/* The row stands: it is this job. */
void repl_name_upload(struct repl *r, const struct job *j);

#endif
