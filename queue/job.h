/*
 * job.h - one thing that one destination must receive, as data; the states and the legal steps
 * between them.
 *
 *  state    meaning                                 workers see it  leaves to
 *  waiting  committed; an earlier job of the same   no              ready (the earlier one is done)
 *           (destination, key) is not done
 *  ready    committed, first of its pair, due at    yes             claimed
 *           a time
 *  claimed  one worker of this process has it       no              done, parked,
 *                                                                   ready (later, restart)
 *  done     the replica stands; kept for status     no              gone (pruned)
 *  parked   needs a person; has a reason            no              ready (retry)
 *
 *  Invariants: at most one ready, claimed or parked row per (destination, key), and it is the
 *  oldest that is not done.
 *  A row that outlived the process that made it is `uncertain`: the replica may stand already, so
 *  that is asked first.
 */
#ifndef QUEUE_JOB_H
#define QUEUE_JOB_H

#include "base/base.h"
#include "base/kv.h"
#include "queue/job_base.h"
#include "s3/mpu.h"

enum job_kind {
	JOB_OBJECT = 1,
	JOB_TAGS = 2,
	JOB_DELETE = 3,
	/* These carry no value: the copy reads what the source has by then: the last one wins. */
	JOB_ACL = 4,
	JOB_RETENTION = 5,
	JOB_LEGAL_HOLD = 6,
};
#define JOB_KIND_LAST JOB_LEGAL_HOLD
enum job_state { JOB_WAITING = 1, JOB_READY = 2, JOB_CLAIMED = 3, JOB_DONE = 4, JOB_PARKED = 5 };
/* Live work is claimed before any backfill of the same destination. */
enum job_class { JOB_LIVE = 0, JOB_BACKFILL = 1 };

/* What the version carries. known = false: ask the source (after recovery, after a tag made an old
 * version match). */
struct job_spec {
	bool known;
	uint64_t size;
	char *etag;
	char *storage_class;
	int64_t mtime_ms; /* when the source version was made; 0 unknown */
	bool multipart;	  /* made in the parts of s3/part.h */
	struct kv meta, sys, tags;
	char *acl;		 /* canned; NULL = private, or ask */
	char *sse, *sse_key;	 /* as in s3_info */
	char *lock_mode;	 /* as in s3_info */
	int64_t retain_until_ms; /* 0 = none */
	bool legal_hold;
	/* what the writer cannot know: grants made by others, a retention that the bucket gave */
	bool ask_acl, ask_lock;
	struct job_base base; /* what it was made of */
};

/* What the rule says of the replica. Strings: NULL = not said. */
struct job_how {
	bool owner_override; /* bucket-owner-full-control, no ACL of the source */
	char *account;	     /* the destination's owner, checked */
	char *kms_key;	     /* ReplicaKmsKeyID */
	bool replicas;	     /* also a version that is a replica itself: a person asked for it */
	/* a delete: of the replica of a version that stands, since its tags match no more; the
	 * job's version is that one, not a marker */
	bool hide;
	int32_t threshold_minutes; /* of the rule's time control or metrics; 0 = none */
};

struct job {
	int64_t id; /* commit order */
	enum job_kind kind;
	enum job_state state;
	char *key;
	/* source version id; of the delete marker for JOB_DELETE; NULL in an unversioned bucket */
	char *version;
	char *dest; /* ARN */
	char *rule_id;
	char *storage_class; /* the rule's override; NULL = as the source */
	struct job_how how;
	enum job_class class;
	int64_t batch; /* the scan that made it (store_scan.c); 0 = none */
	/* order was lost at the destination: it must become the current version there */
	bool repair;
	char *token; /* value of the metadata crrfs-id; NULL when the version has none */
	struct job_spec spec;
	/* name in the staging directory that holds the whole body, or spec.base.own of it; NULL =
	 * read the source */
	char *staged;
	char *upload_id;	 /* multipart upload at the destination; NULL = none yet */
	enum mpu_sum upload_sum; /* how it was created */
	bool uncertain;
	unsigned attempt;   /* failures so far */
	int64_t due_ms;	    /* wall */
	int64_t created_ms; /* wall: when the source version was acknowledged */
	int64_t done_ms;
	char *replica_version; /* done */
	char *reason;	       /* last failure: AWS's failureReason (queue/reason.h); NULL = none */
	/* when something of its time is to be told (queue/events.h); 0 = nothing */
	int64_t alarm_ms;
	bool late;  /* the rule's time was over before it was done, and that was told */
	char *code; /* last failure: S3's code */
	char *why;  /* last failure, in words */
};

void job_spec_free(struct job_spec *s);
int job_spec_copy(struct job_spec *dst, const struct job_spec *src) must_check;
void job_how_free(struct job_how *h); /* empties */
void job_free(struct job *j);	      /* empties; all-zero is empty */
/* Does its version id stand for the same bytes for ever? S3's "null" does not. */
bool job_is_pinned(const struct job *j);
/* "object", "tags", "delete", "acl", "retention", "legal-hold" */
const char *job_kind_name(enum job_kind k);
/* Does it change a version that is there already, and makes none? */
bool job_kind_is_change(enum job_kind k);
const char *job_state_name(enum job_state s);
/* Asserts that the step is in the table above and takes it: the only writer of j->state. */
void job_step(struct job *j, enum job_state to);
bool job_step_legal(enum job_state from, enum job_state to);

/* As the xattr and AWS name it: waiting, ready, claimed -> PENDING; done -> COMPLETED; parked ->
 * FAILED. */
const char *job_status_name(enum job_state s);

/* The spec as one JSON text for the row, and back. */
int job_spec_to_json(const struct job_spec *s, struct buf *out) must_check;
int job_spec_from_json(const char *text, struct job_spec *ret_s) must_check;
/* NULL or "" is the empty one. */
int job_how_to_json(const struct job_how *h, struct buf *out) must_check;
int job_how_from_json(const char *text, struct job_how *ret_h) must_check;

#endif
