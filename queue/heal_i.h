/* heal_i.h - inside heal*.c: when which group is looked at. Pure; time is mono ms. */
#ifndef QUEUE_HEAL_I_H
#define QUEUE_HEAL_I_H

#include "queue/heal.h"

struct heal_group {
	char *dest, *reason;
	unsigned looks;	 /* since it was found */
	int64_t next_ms; /* of the next look */
	int64_t scout;	 /* the row that was tried last: another one is next */
	bool parked;	 /* it has parked rows, as of the last round */
	bool cured;	 /* its rows are to be released */
};

struct heal_plan {
	int64_t first_ms, max_ms;
	struct heal_group *groups;
	size_t n;
	int64_t blind_until_ms; /* the queue could not be read: no look before; 0 = it could */
};

/* A round: begin, see each group that has parked rows, take what is due, end. One in which not all
 * were seen: begin, blind. */
void heal_plan_begin(struct heal_plan *p);
int heal_plan_see(struct heal_plan *p, const char *dest, const char *reason, int64_t now_ms)
	must_check;
/* A group that is cured or due, or NULL. Its next look is put off; borrowed until the end. */
struct heal_group *heal_plan_due(struct heal_plan *p, int64_t now_ms);
/* Forgets the groups that have no rows, and had the time to get some back. */
void heal_plan_end(struct heal_plan *p, int64_t now_ms);
/* What is known stays as it is, and is looked for again first_ms later. */
void heal_plan_blind(struct heal_plan *p, int64_t now_ms);
/* Marks it, where it is known. */
void heal_plan_cured(struct heal_plan *p, const char *dest, const char *reason);
int64_t heal_plan_next(const struct heal_plan *p); /* CLOCK_NEVER: no group */
void heal_plan_free(struct heal_plan *p);

#endif
