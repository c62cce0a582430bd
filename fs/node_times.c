/* node_times.c - see node_times.h. */
#include "fs/node_times.h"

#include <stdatomic.h>

#include "base/clock.h"

#define NS_PER_S INT64_C(1000000000)

static int64_t wall_ns(void)
{
	struct timespec now = clock_wall_ts();

	return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

void node_times_changed(struct node_times *t)
{
	atomic_store(&t->changed, wall_ns());
}

void node_times_names_changed(struct node_times *t)
{
	int64_t now = wall_ns();

	atomic_store(&t->changed, now);
	atomic_store(&t->names_changed, now);
}

void node_times_mtime_is_set(struct node_times *t)
{
	atomic_store(&t->names_changed, 0);
}

/* The later one; a time in the future says nothing of when that was. */
static struct timespec later(struct timespec said, int64_t seen)
{
	int64_t ns = (int64_t)said.tv_sec * NS_PER_S + said.tv_nsec;

	if (!seen || (ns > seen && ns <= wall_ns()))
		return said;
	return (struct timespec){ .tv_sec = seen / NS_PER_S, .tv_nsec = (long)(seen % NS_PER_S) };
}

void node_times_to_stat(const struct node_times *t, struct stat *st)
{
	st->st_mtim = later(st->st_mtim, atomic_load(&t->names_changed));
	st->st_ctim = later(st->st_mtim, atomic_load(&t->changed));
}
