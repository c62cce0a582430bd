/*
 * recover_rename.c - a rename of a file is a copy and a delete: where a dead mount made the first
 * and not the second, the second is made up for, so that the file has one name.
 */
#include "queue/recover_i.h"

#include <errno.h>

#include "base/crash.h"
#include "s3/object.h"

bool recover_is_promised(const struct store_ticket *st)
{
	return st->kind == JOB_DELETE && st->held;
}

static int was_copied(struct recovery *rc, const struct store_ticket *st)
{
	auto_with(s3_info_free) struct s3_info info = { 0 };
	const char *token = kv_get(&st->spec.meta, REPL_META_ID);

	if (!token || !st->spec.base.key)
		return -ENOENT;
	return object_find(rc->conf->source, st->spec.base.key, REPL_META_ID, token,
			   st->created_ms - RECOVER_SINCE_MS, &info, &rc->error);
}

/* What is owed is done before any ticket is settled, so that no metadata that are held for the old
 * name become a version of it; its rows are written in the order of the tickets. */
int recover_owed(void *arg, const struct store_ticket *st)
{
	struct recovery *rc = arg;
	auto_free char *version = NULL;
	int err;

	if (!recover_is_promised(st) || rc->source_down)
		return 0;
	rc->error = (struct s3_error){ .retry_after_ms = -1 };
	err = recover_rename(rc, st, &version);
	if (err < 0 && err != -ENOENT && err != -ESTALE && rc->error.class == FAULT_RETRY)
		rc->source_down = true;
	return 0;
}

int recover_rename(struct recovery *rc, const struct store_ticket *st, char **ret_version)
{
	auto_with(s3_info_free) struct s3_info now = { 0 };
	int err = was_copied(rc, st);

	if (err < 0)
		return err;
	crash_point("recover.moved");
	err = recover_check_base(rc, st, &now);
	if (err < 0)
		return err == -ENOENT ? -ESTALE : err;
	err = object_delete(rc->conf->source, st->key, ret_version, &rc->error);
	if (err == 0)
		crash_point("recover.deleted");
	return err;
}
