/*
 * change_move.c - a file gets another name. S3 has no rename: a copy is made and the old key
 * deleted.
 *
 *  after             old name  new name  tickets                  recovery
 *  ticket.begun      yes       no        copy begun               forgets
 *  ticket.promised   yes       no        copy begun, delete held  forgets both
 *  rename.copied     yes       yes       the same                 deletes the old name, writes rows
 *  ticket.committed  yes       yes       delete held              the same
 *  change.deleted    no        yes       delete held              writes the rows of the marker
 *  ticket.committed  no        yes       none                     nothing to do
 */
#include <errno.h>

#include "base/crash.h"
#include "fs/change_i.h"

static int promise_delete(struct fs *fs, const char *key, const struct attr *a,
			  const struct ticket *copy, struct ticket **ret_t)
{
	const struct job_spec of = {
		.tags = a->rec.tags,
		.base = { .version = a->rec.version_id, .etag = a->etag },
	};

	return repl_promise_delete(fs->repl, key, copy, &of, ret_t);
}

/* The copy failed, or nobody knows: then recovery asks whether the name is to be deleted. */
static void give_up(struct ticket *t, const struct s3_error *e)
{
	if (e->unclear)
		repl_leave(t);
	else
		repl_abandon(t);
}

int change_move(struct fs *fs, const char *key, const struct attr *a, const char *to_key,
		struct attr *ret_a)
{
	auto_with(attr_free) struct attr made = { 0 };
	struct ticket *copy = NULL, *deletion = NULL;
	struct s3_error e = { 0 };
	bool other = false;
	int r = repl_begin(fs->repl, JOB_OBJECT, to_key, &copy);

	if (r)
		return r;
	r = promise_delete(fs, key, a, copy, &deletion);
	if (r) {
		repl_abandon(copy);
		return r;
	}
	r = change_copy_under(fs, copy, key, a, change_pin(fs, a), to_key, &a->rec, &made, &other,
			      &e);
	if (!r)
		crash_point("rename.copied");
	r = change_settle_copy(fs, copy, key, a, to_key, r, other, &e, &made);
	if (r) {
		give_up(deletion, &e);
		return change_or_exdev(r);
	}
	r = change_delete_now(fs, key, &a->rec.tags, deletion);
	if (!r)
		change_move_attr(ret_a, &made);
	return r;
}
