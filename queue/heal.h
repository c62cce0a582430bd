/*
 * heal.h - FAILED rows run again by themselves when their cause is gone. One thread. The rows that
 * are parked for one reason at one destination are a group: now and then its cause is looked at
 * (reason_cure), by a request that asks for it, or by one row of it, the scout. When it is gone,
 * all of the group are ready. AWS leaves them FAILED for ever.
 */
#ifndef QUEUE_HEAL_H
#define QUEUE_HEAL_H

#include "queue/dest.h"
#include "queue/store.h"

struct heal;

struct heal_conf {
	struct store *store; /* both borrowed */
	struct dest_set *dests;
	int64_t first_ms;	     /* the first look; then twice as long each time; 0 = 5 s */
	int64_t max_ms;		     /* 0 = 10 min */
	void (*on_ready)(void *arg); /* rows became ready */
	void *arg;
};

int heal_new(const struct heal_conf *conf, struct heal **ret_h) must_check;
int heal_start(struct heal *h) must_check;
/* A row was parked. */
void heal_note_parked(struct heal *h);
/* A row that had been parked for this reason at dest is done. */
void heal_note_done(struct heal *h, const char *dest, const char *reason);
void heal_stop(struct heal *h); /* a request under way ends with its client (dest_set_abort) */
void heal_free(struct heal *h); /* NULL is fine */

#endif
