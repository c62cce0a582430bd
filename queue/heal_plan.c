#include "queue/heal_i.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "queue/reason.h"

void heal_plan_begin(struct heal_plan *p)
{
	p->blind_until_ms = 0;
	for (size_t i = 0; i < p->n; i++)
		p->groups[i].parked = false;
}

static struct heal_group *find(struct heal_plan *p, const char *dest, const char *reason)
{
	for (size_t i = 0; i < p->n; i++)
		if (strcmp(p->groups[i].dest, dest) == 0 &&
		    strcmp(p->groups[i].reason, reason) == 0)
			return &p->groups[i];
	return NULL;
}

/* After so many looks without success. */
static int64_t delay_ms(const struct heal_plan *p, const struct heal_group *g)
{
	int64_t ms = p->first_ms;

	if (reason_cure(g->reason) == CURE_SLOW)
		return p->max_ms;
	for (unsigned i = 0; i < g->looks && ms < p->max_ms; i++)
		ms *= 2;
	return min_of(ms, p->max_ms);
}

static int add(struct heal_plan *p, const char *dest, const char *reason, int64_t now_ms)
{
	struct heal_group *grown = reallocarray(p->groups, p->n + 1, sizeof(*grown));
	struct heal_group g = { .parked = true };
	int err;

	if (!grown)
		return -ENOMEM;
	p->groups = grown;
	err = str_dup(dest, &g.dest);
	err = err < 0 ? err : str_dup(reason, &g.reason);
	if (err < 0) {
		free(g.dest);
		return err;
	}
	g.next_ms = now_ms + delay_ms(p, &g);
	grown[p->n++] = g;
	return 0;
}

int heal_plan_see(struct heal_plan *p, const char *dest, const char *reason, int64_t now_ms)
{
	struct heal_group *g = find(p, dest, reason);

	if (!g)
		return add(p, dest, reason, now_ms);
	g->parked = true;
	return 0;
}

struct heal_group *heal_plan_due(struct heal_plan *p, int64_t now_ms)
{
	for (size_t i = 0; i < p->n; i++) {
		struct heal_group *g = &p->groups[i];

		if (!g->parked || (!g->cured && now_ms < g->next_ms))
			continue;
		if (g->cured)
			g->looks = 0;
		else
			g->looks++;
		g->next_ms = now_ms + delay_ms(p, g);
		return g;
	}
	return NULL;
}

static void forget(struct heal_plan *p, struct heal_group *g)
{
	free(g->dest);
	free(g->reason);
	*g = p->groups[--p->n];
}

/* A scout that is under way leaves its group empty: what is known of it is kept until its next
 * look. */
void heal_plan_end(struct heal_plan *p, int64_t now_ms)
{
	for (size_t i = p->n; i-- > 0;) {
		struct heal_group *g = &p->groups[i];

		if (!g->parked && (g->cured || now_ms >= g->next_ms))
			forget(p, g);
	}
}

void heal_plan_blind(struct heal_plan *p, int64_t now_ms)
{
	p->blind_until_ms = now_ms + p->first_ms;
}

void heal_plan_cured(struct heal_plan *p, const char *dest, const char *reason)
{
	struct heal_group *g = find(p, dest, reason);

	if (g)
		g->cured = true;
}

int64_t heal_plan_next(const struct heal_plan *p)
{
	int64_t next = CLOCK_NEVER;

	if (p->blind_until_ms)
		return p->blind_until_ms;
	for (size_t i = 0; i < p->n; i++)
		next = min_of(next, p->groups[i].next_ms);
	return next;
}

void heal_plan_free(struct heal_plan *p)
{
	while (p->n > 0)
		forget(p, &p->groups[p->n - 1]);
	free(p->groups);
	p->groups = NULL;
}
