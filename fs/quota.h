/*
 * quota.h - staging_max: how many bytes may be staged, who waits when they are too many, and for
 * what.
 *
 * Counted is what is written of open files (no holes), what is held, and what the queue keeps for
 * its copies. A file that is larger than staging_max alone is not: nobody can make room for it, so
 * neither does it wait, nor does anybody wait because of it.
 *
 * A write that would go over the quota, or that the disk has no room for, first lets kept bodies
 * go (their versions stand in the source: the replicas are made from there), then waits. It waits
 * only for what leaves by itself: files that are being committed, or are acknowledged and about to
 * be. None of those needs the writer, nor room: no commit, no fsync, close or rename asks here. So
 * nobody waits for himself, and when nothing is about to leave, nobody waits at all:
 *
 *  it is          leaving                  otherwise
 *  over the quota waits                    goes on: the quota is soft
 *  on a full disk waits                    ENOSPC; who was told that closes his file now, and its
 *                                          torn bytes go: for those a moment is waited, and for a
 *                                          kept body that a copy was reading when it was let go
 *
 * A wait ends without room when nothing has left, and no part has reached the source, for timeout:
 * then the source does not answer. Over the quota that is ETIMEDOUT (the disk is not full), on a
 * full disk ENOSPC. Where something has left, but not enough, timeout is also the longest wait for
 * the quota: it is soft. Nobody overtakes: the first who waits tries first. WAITERS_MAX keeps
 * threads for those who do not write (loop.c has 256).
 *
 * Thread-safe. The lock is a leaf but for a cancel's, which is taken before it (base/cancel.h);
 * waits hold no other. A share's lock, where its owner has one, is taken before it.
 */
#ifndef FS_QUOTA_H
#define FS_QUOTA_H

#include "base/base.h"
#include "base/cancel.h"

struct quota;

struct quota_conf {
	uint64_t max;	    /* bytes */
	int64_t timeout_ms; /* of the source */
	/* Bytes of what could be let go; takes no lock. */
	uint64_t (*kept)(void *arg);
	/* Lets the oldest of them go. 0 or -errno. */
	int (*drop)(void *arg);
	void *arg;
};

int quota_new(const struct quota_conf *conf, struct quota **ret_q) must_check;
void quota_stop(struct quota *q); /* NULL is fine; nobody waits from now on */
void quota_free(struct quota *q);

/* --- what is counted -------------------------------------------------------------------------- */

enum quota_kind {
	QUOTA_OPEN,    /* leaves when a program says so */
	QUOTA_LEAVING, /* without one */
	QUOTA_TORN,    /* of no use any more: goes with its last close */
	QUOTA_GIVEN,   /* the queue's, which counts it among what is kept; and a copy of it runs */
	QUOTA_KINDS
};

struct quota_share { /* one file's; all 0 at first, and at last */
	uint64_t bytes;
	enum quota_kind kind;
};

/* q NULL: counts nothing. */
void quota_set(struct quota *q, struct quota_share *s, uint64_t bytes, enum quota_kind kind);
/* Something is on its way, though nothing has left yet. */
void quota_note_progress(struct quota *q);

/* --- who waits -------------------------------------------------------------------------------- */

/* For one write, from its first look to its end. Its owner's. */
struct quota_wait {
	struct quota *q;
	struct cancel *cancel;
	struct cancel_watch watch;
	struct quota_wait *next; /* behind us */
	bool in_line, crowd, dropped;
	bool kept_fast; /* what is kept could not be let go; not asked again before a wait */
	int64_t began_ms, since_ms;
	uint64_t seen; /* of what left */
};

/* There is room for so many bytes, and nobody waits. */
bool quota_has_room(struct quota *q, uint64_t want);
/* cancel: who gives it up; borrowed, NULL: nobody. */
void quota_begin(struct quota *q, struct cancel *cancel, struct quota_wait *ret_w);
/*
 * Waits until a write of want bytes to a file of own bytes may be tried. full: the disk had no room
 * for it when it was tried last. -ENOSPC, -ETIMEDOUT, -EINTR: given up.
 */
int quota_room(struct quota_wait *w, bool full, uint64_t own, uint64_t want) must_check;
void quota_end(struct quota_wait *w);

/* --- the decision ----------------------------------------------------------------------------- */

struct quota_view {
	bool full;
	uint64_t want, own;
	uint64_t used, leaving; /* what counts for the quota; leaving is part of used */
	/* on the disk, whether it counts or not: leaves when the source or a destination has it; or
	 * when a program closes it, or a copy that reads it ends */
	bool any_leaving, any_torn;
	uint64_t kept; /* part of used: could be let go */
	uint64_t max;
	bool behind; /* somebody has waited for longer */
	bool crowd;  /* too many wait */
	bool given_up;
	int64_t idle_ms, waited_ms; /* since something left, since the wait began */
	int64_t timeout_ms;
};

enum quota_step { QUOTA_GO, QUOTA_DROP, QUOTA_WAIT, QUOTA_FAIL };

/* *ret_error: of QUOTA_FAIL. */
enum quota_step quota_decide(const struct quota_view *v, int *ret_error);

#endif
