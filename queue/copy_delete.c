/*
 * copy_delete.c - a delete marker. It carries no metadata, so whether it stands at the destination
 * already is told by what is around it.
 */
#include "queue/copy_i.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/crash.h"
#include "queue/origin.h"
#include "s3/list.h"
#include "s3/object.h"

struct newest {
	bool is_marker;
	char *version;
};

static int note_newest(void *arg, const struct s3_entry *e)
{
	struct newest *n = arg;

	n->is_marker = e->delete_marker;
	return str_dup(list_version_id(e), &n->version) < 0 ? -ENOMEM : 1;
}

/* Made by somebody there: then it is newer than all of ours, and not ours to be put right. */
int copy_is_theirs(struct copy *c, const char *version)
{
	auto_with(s3_info_free) struct s3_info i = { 0 };
	const char *of;
	int err;

	err = object_head(c->conf->dest, c->j->key, version, &i, c->err);
	if (err == -ENOENT) {
		*c->err = (struct s3_error){ .retry_after_ms = -1 };
		return 0;
	}
	if (err < 0)
		return err;
	of = kv_get(&i.meta, REPL_META_REPLICA);
	if (of && strcmp(of, s3_client_bucket(c->conf->source)) == 0)
		return 0;
	return copy_nothing(c, "the destination's current version was written there");
}

struct order_of {
	const char *ours, *other;
	bool other_first;
};

static int find_first(void *arg, const struct s3_entry *e)
{
	struct order_of *o = arg;

	o->other_first = e->version_id && strcmp(e->version_id, o->other) == 0;
	return o->other_first || (e->version_id && strcmp(e->version_id, o->ours) == 0);
}

/* Nobody can put ours below it, and above it would hide it. */
int copy_is_overtaken(struct copy *c, const char *replica)
{
	auto_free char *origin = NULL;
	struct order_of order = { .ours = c->j->version };
	int err = origin_find(c->conf->source, c->conf->dest, c->j->key, replica, &origin, c->err);

	if (err < 0 || !origin || !c->j->version)
		return err == -ENOENT ? 0 : err;
	/* ours itself: it is to be hidden */
	if (strcmp(origin, c->j->version) == 0)
		return 0;
	order.other = origin;
	err = list_versions_of(c->conf->source, c->j->key, find_first, &order, c->err);
	if (err > 0 && order.other_first)
		return copy_nothing(c, "a newer version stands at the destination already");
	return min_of(err, 0);
}

static int delete_there(struct copy *c, char **version)
{
	struct s3_origin origin = { .mtime_ms = c->j->spec.mtime_ms ? c->j->spec.mtime_ms
								    : c->j->created_ms };
	int err;

	/* A marker with the id of an object would take its place. */
	if (!copy_is_for_minio(c) || c->j->how.hide)
		return object_delete(c->conf->dest, c->j->key, version, c->err);
	if (replica_is_uuid(c->j->version))
		origin.version_id = c->j->version;
	err = copy_learn_time(c, &origin.mtime_ms);
	return err < 0 ? err : object_delete_as(c->conf->dest, c->j->key, &origin, version, c->err);
}

/* 1 = nothing is to be made: *ret_version is the marker that stands. */
static int ask_first(struct copy *c, char **ret_version)
{
	struct newest n = { 0 };
	auto_free char *version = NULL;
	int err;

	/* No marker can be seen, and it does no harm to delete once more. */
	if (!copy_keeps_versions(c))
		return c->j->repair ? 0 : copy_is_overtaken(c, NULL);
	err = list_versions_of(c->conf->dest, c->j->key, note_newest, &n, c->err);
	version = n.version;
	if (err == -ENOENT)
		err = 0;
	if (err < 0)
		return err;
	if (n.is_marker) {
		*ret_version = take_ptr(&version);
		return 1;
	}
	if (!version)
		return 0;
	return c->j->repair ? copy_is_theirs(c, version) : copy_is_overtaken(c, version);
}

int copy_delete(struct copy *c, char *ret_version)
{
	auto_free char *version = NULL;
	int err = 0;

	c->report.uncertain = c->j->uncertain;
	if (c->j->uncertain)
		err = ask_first(c, &version);
	if (err < 0)
		return err;
	c->report.uncertain = false;
	if (err == 0)
		err = delete_there(c, &version);
	if (err < 0) {
		c->report.uncertain = c->err->unclear || err == -ECANCELED;
		return err;
	}
	crash_point("copy.deleted");
	err = copy_check_versioned(c, version);
	if (err < 0)
		return err;
	snprintf(ret_version, 256, "%s", version ? version : "");
	return 0;
}
