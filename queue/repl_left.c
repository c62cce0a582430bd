/*
 * repl_left.c - commits whose rows could not be written (the state directory is full, no memory).
 * The version is in the source and acknowledged; its ticket is there, so recovery would write the
 * rows. Here they are tried again while the mount runs, those of a key in their order.
 */
#include "queue/repl_i.h"

#include <errno.h>
#include <string.h>

#include "base/codec.h"
#include "base/log.h"

/* So many changes that fail in one go mean that the trouble is not over. */
#define FAILURES_MAX 8

static int copy_facts(struct ticket *t, const struct repl_facts *f, const char *staged)
{
	int err = str_dup(f->key, &t->left.key);

	err = err < 0 ? err : str_dup(f->version, &t->left.version);
	err = err < 0 ? err : str_dup(staged, &t->left.staged);
	return err < 0 ? err : job_spec_copy(&t->left.spec, f->spec);
}

void repl_left_add(struct ticket *t, const struct repl_facts *f, const char *staged)
{
	struct repl *r = t->r;
	struct ticket **end;

	t->left.known = copy_facts(t, f, staged) == 0;
	scoped_lock(&r->locked.l);
	for (end = &r->locked.left; *end; end = &(*end)->left.next)
		;
	*end = ticket_ref(t);
}

void repl_left_free(struct repl *r)
{
	struct ticket *t, *next;

	for (t = r->locked.left; t; t = next) {
		next = t->left.next;
		ticket_unref(t);
	}
	r->locked.left = NULL;
}

/* --- one -------------------------------------------------------------------------------------- */

static void log_written(const struct ticket *t)
{
	char shown[256];

	log_info("op=enqueue key=\"%s\" result=\"written after all\"",
		 printable(t->left.key, shown, sizeof(shown)));
}

static int try_one(struct ticket *t)
{
	const struct repl_facts facts = { .key = t->left.key,
					  .version = t->left.version,
					  .spec = &t->left.spec };
	auto_with(decision_free) struct decision d = {
		.kind = t->kind,
		.token = t->kind == JOB_OBJECT ? t->token : NULL,
		.facts = &facts,
	};
	int err = repl_decide(t->r, &d);

	if (err < 0)
		return err;
	err = repl_commit_rows(t, &d, t->left.staged, NULL, 0);
	/* -ENOENT, the ticket is gone: they were written, and only the answer was not good. */
	if (err < 0 && err != -ENOENT)
		return err;
	log_written(t);
	repl_ready(t->r);
	return 0;
}

/* --- all that can be tried -------------------------------------------------------------------- */

/* A change whose key there was no memory for may be of any. */
static bool may_be_of(const struct ticket *t, const char *key)
{
	return !key || !t->left.key || strcmp(t->left.key, key) == 0;
}

/* Without a key: all that trying can help. */
static bool is_meant(const struct ticket *t, const char *key)
{
	return key ? may_be_of(t, key) : t->left.known;
}

static bool is_behind_locked(const struct repl *r, const struct ticket *t)
{
	lock_assert_held(&r->locked.l);
	for (const struct ticket *o = r->locked.left; o != t; o = o->left.next)
		if (may_be_of(o, t->left.key))
			return true;
	return false;
}

/* Only who has the mark takes tickets out; others add at the end. */
static int try_all_locked(struct repl *r, const char *key)
{
	struct ticket **at = &r->locked.left, *t;
	unsigned failures = 0;
	int first = 0;

	while ((t = *at) && failures < FAILURES_MAX) {
		int err;

		if (!is_meant(t, key) || is_behind_locked(r, t)) {
			at = &t->left.next;
			continue;
		}
		lock_drop(&r->locked.l);
		err = t->left.known ? try_one(t) : -ENOMEM;
		lock_take(&r->locked.l);
		if (err < 0) {
			first = first < 0 ? first : err;
			failures += t->left.known;
			at = &t->left.next;
			continue;
		}
		*at = t->left.next;
		ticket_unref(t);
	}
	return first;
}

int repl_left_try(struct repl *r, const char *key)
{
	int err;

	scoped_lock(&r->locked.l);
	while (r->locked.trying)
		cond_wait(&r->locked.tried, &r->locked.l);
	if (!r->locked.left)
		return 0;
	r->locked.trying = true;
	err = try_all_locked(r, key);
	r->locked.trying = false;
	cond_broadcast(&r->locked.tried);
	return err;
}

int repl_retry_left(struct repl *r)
{
	return repl_left_try(r, NULL);
}
