/* node_times.c - when a node changed, as this mount has seen it: S3 does not keep that. */
#include "base/clock.h"
#include "fs/node_i.h"

#define NS_PER_S INT64_C(1000000000)

static int64_t wall_ns(void)
{
	struct timespec now = clock_wall_ts();

	return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

void node_changed(struct node *n)
{
	atomic_store(&n->changed, wall_ns());
}

void node_names_changed(struct node *dir)
{
	int64_t now = wall_ns();

	atomic_store(&dir->changed, now);
	atomic_store(&dir->names_changed, now);
}

void node_mtime_is_set(struct node *n)
{
	atomic_store(&n->names_changed, 0);
}

/* The later one; a time in the future says nothing of when that was. */
static struct timespec later(struct timespec said, int64_t seen)
{
	int64_t ns = (int64_t)said.tv_sec * NS_PER_S + said.tv_nsec;

	if (!seen || (ns > seen && ns <= wall_ns()))
		return said;
	return (struct timespec){ .tv_sec = seen / NS_PER_S, .tv_nsec = (long)(seen % NS_PER_S) };
}

void node_times(const struct node *n, struct stat *st)
{
	st->st_mtim = later(st->st_mtim, atomic_load(&n->names_changed));
	st->st_ctim = later(st->st_mtim, atomic_load(&n->changed));
}
