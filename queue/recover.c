#include "queue/recover_i.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/codec.h"
#include "base/crash.h"
#include "base/log.h"
#include "queue/origin.h"
#include "s3/list.h"
#include "s3/object.h"
#include "s3/part.h"
#include "s3/tagging.h"

/*
 *  ticket   did it happen?                                      yes      no
 *  object   a version with the ticket's token is at the source  commit   abort its uploads, abandon
 *  held     the same                                            commit   upload the file, commit
 *  held, of a directory: the same                               commit   make its marker, commit
 *  held, no file (metadata): the same                           commit   if the version that they
 *                                                                        are for is current yet:
 *                                                                        copy it, commit;
 *                                                                        else abandon
 *  tags...  nobody can say: what is there now is right          commit   (no object: abandon)
 *  delete   the newest version is a delete marker made since;   commit   abandon
 *           without versions: the key is gone
 *  delete,  (of a rename's old name) was the copy made, and is  delete,  abandon
 *  held     this the version that was copied? The delete comes  commit
 *           before all else, its rows in their order
 *
 *  When the source gives no answer the ticket is left for the next start.
 */

#define DELETE_SINCE_MS ((int64_t)60 * 1000)

static void log_ticket(const struct store_ticket *st, const char *result, const char *why)
{
	char key[400];

	printable(st->key, key, sizeof(key));
	log_info("ticket=%lld kind=%s key=\"%s\" held=%s result=%s%s%s%s", (long long)st->id,
		 job_kind_name(st->kind), key, st->held ? "yes" : "no", result,
		 why ? " why=\"" : "", why ? why : "", why ? "\"" : "");
}

static void log_overtaken(const struct store_ticket *st)
{
	char key[400];

	log_warn("ticket=%lld key=\"%s\" result=forgotten why=\"new metadata for a version that "
		 "somebody else replaced meanwhile\"",
		 (long long)st->id, printable(st->key, key, sizeof(key)));
}

int recover_left(struct recovery *rc, const struct store_ticket *st, struct ticket *t, int err)
{
	char text[400];

	if (rc->error.code[0] || rc->error.status)
		s3_error_text(&rc->error, text, sizeof(text));
	else
		errno_text(err, text, 64);
	if ((rc->error.class == FAULT_RETRY || rc->error.class == FAULT_AUTH) &&
	    strcmp(rc->error.code, "Local") != 0)
		rc->source_down = true;
	rc->result.left++;
	log_ticket(st, "left", text);
	repl_leave(t);
	return 0;
}

/* --- uploads that a dead mount began ---------------------------------------------------------- */

static const char *upload_key(const struct store_ticket *st, const char *side)
{
	const char *key = kv_get(&st->upload_keys, side);

	return key ? key : st->key;
}

/* Best effort: what is not aborted now is for the bucket's lifecycle rule. */
static void abort_at_dest(struct recovery *rc, const char *arn, const char *key, const char *id)
{
	struct s3_error e = { 0 };
	struct dest *d;
	char why[300];
	int err;

	if (dest_get(rc->conf->dests, arn, &d, why, sizeof(why)) < 0)
		return;
	if (!dest_admit(d, clock_wall_ms()))
		return;
	err = mpu_abort(dest_client(d), key, id, &e);
	(void)dest_note(d, err, &e, clock_wall_ms());
	if (err < 0)
		log_debug("dest=%s result=\"an upload was left behind\" error=%d", arn, err);
}

static void abort_at_dests(struct recovery *rc, const struct store_ticket *st)
{
	for (size_t i = 0; i < st->uploads.n; i++) {
		const char *side = st->uploads.items[i].name;

		if (strcmp(side, "source") != 0)
			abort_at_dest(rc, side, upload_key(st, side), st->uploads.items[i].value);
	}
}

/*
 * Before the question: an upload that is gone cannot be completed behind our back. One that was
 * completed is not harmed.
 */
static int abort_at_source(struct recovery *rc, const struct store_ticket *st)
{
	const char *id = kv_get(&st->uploads, "source");

	if (!id)
		return 0;
	return mpu_abort(rc->conf->source, upload_key(st, "source"), id, &rc->error);
}

/* --- the ends --------------------------------------------------------------------------------- */

int recover_abandon(struct recovery *rc, const struct store_ticket *st, struct ticket *t)
{
	abort_at_dests(rc, st);
	rc->result.abandoned++;
	log_ticket(st, "abandoned", NULL);
	repl_abandon(t);
	crash_point("recover.abandoned");
	return 0;
}

static bool has_plan(const struct s3_info *i)
{
	const char *dash = i->etag ? strchr(i->etag, '-') : NULL;
	uint64_t n;

	return dash && parse_u64(dash + 1, &n) == 0 && n == part_count(i->size);
}

static int make_spec(struct recovery *rc, const struct store_ticket *st, struct s3_info *info,
		     struct job_spec *ret_s)
{
	struct job_spec s = {
		.known = true,
		.size = info->size,
		.mtime_ms = info->mtime_ms,
		.multipart = has_plan(info),
		.sse = take_ptr(&info->sse),
		.sse_key = take_ptr(&info->sse_key),
		/* it may have been changed since, and a retention may be the bucket's */
		.ask_acl = true,
		.ask_lock = true,
	};
	int err;

	err = str_dup(info->etag, &s.etag);
	err = err < 0 ? err : str_dup(info->storage_class, &s.storage_class);
	kv_move(&s.meta, &info->meta);
	kv_move(&s.sys, &info->sys);
	if (err == 0 && info->tag_count != 0)
		err = tagging_get(rc->conf->source, st->key, info->version_id, &s.tags, &rc->error);
	if (err < 0) {
		job_spec_free(&s);
		return err;
	}
	*ret_s = s;
	return 0;
}

static int commit_facts(struct recovery *rc, const struct store_ticket *st, struct ticket *t,
			const char *version, const struct job_spec *spec, const char *staged)
{
	const struct repl_facts facts = { .key = st->key, .version = version, .spec = spec };
	int err;

	err = repl_commit(t, &facts, staged, NULL, 0);
	if (err < 0) {
		repl_leave(t);
		return err;
	}
	rc->result.committed++;
	log_ticket(st, "committed", NULL);
	return 0;
}

int recover_commit(struct recovery *rc, const struct store_ticket *st, struct ticket *t,
		   struct s3_info *info, const char *staged)
{
	struct job_spec spec = { 0 };
	int err;

	err = make_spec(rc, st, info, &spec);
	if (err < 0)
		return recover_left(rc, st, t, err);
	crash_point("recover.found");
	abort_at_dests(rc, st);
	err = commit_facts(rc, st, t, info->version_id, &spec, staged);
	job_spec_free(&spec);
	return err;
}

/* --- by kind ---------------------------------------------------------------------------------- */

static int settle_held(struct recovery *rc, const struct store_ticket *st, struct ticket *t)
{
	auto_with(s3_info_free) struct s3_info info = { 0 };
	struct job_spec spec = { 0 };
	int err;

	err = recover_upload(rc, st, &info);
	if (err == -ENODATA || err == -EBADMSG)
		return recover_lost(rc, st, t, err);
	if (err < 0)
		return recover_left(rc, st, t, err);
	crash_point("recover.uploaded");
	rc->result.uploaded++;
	err = job_spec_copy(&spec, &st->spec);
	if (err == 0) {
		free(spec.etag);
		spec.etag = take_ptr(&info.etag);
		spec.known = true;
		spec.mtime_ms = info.mtime_ms ? info.mtime_ms : clock_wall_ms();
		spec.size = info.size;
		spec.multipart = part_count(info.size) > 1;
		err = kv_set(&spec.meta, REPL_META_ID, st->token);
	}
	if (err < 0)
		repl_leave(t);
	else
		err = commit_facts(rc, st, t, info.version_id, &spec, st->staged);
	job_spec_free(&spec);
	return err;
}

static int settle_meta(struct recovery *rc, const struct store_ticket *st, struct ticket *t)
{
	auto_with(s3_info_free) struct s3_info info = { 0 };
	int err = recover_meta(rc, st, &info);

	if (err == 0)
		crash_point("recover.copied");
	if (err == -ESTALE || err == -ENOENT) {
		log_overtaken(st);
		return recover_abandon(rc, st, t);
	}
	return err < 0 ? recover_left(rc, st, t, err) : recover_commit(rc, st, t, &info, NULL);
}

static int settle_object(struct recovery *rc, const struct store_ticket *st, struct ticket *t)
{
	auto_with(s3_info_free) struct s3_info info = { 0 };
	int err;

	err = abort_at_source(rc, st);
	if (err < 0)
		return recover_left(rc, st, t, err);
	crash_point("recover.aborted");
	err = object_find(rc->conf->source, st->key, REPL_META_ID, st->token,
			  st->created_ms - RECOVER_SINCE_MS, &info, &rc->error);
	if (err == 0)
		return recover_commit(rc, st, t, &info, st->held ? st->staged : NULL);
	if (err != -ENOENT)
		return recover_left(rc, st, t, err);
	rc->error = (struct s3_error){ 0 };
	if (st->held)
		return st->staged || !st->spec.base.key ? settle_held(rc, st, t)
							: settle_meta(rc, st, t);
	return recover_abandon(rc, st, t);
}

static int settle_change(struct recovery *rc, const struct store_ticket *st, struct ticket *t)
{
	auto_with(s3_info_free) struct s3_info info = { 0 };
	int err;

	err = object_head(rc->conf->source, st->key, NULL, &info, &rc->error);
	if (err == -ENOENT)
		return recover_abandon(rc, st, t);
	if (err < 0)
		return recover_left(rc, st, t, err);
	return recover_commit(rc, st, t, &info, NULL);
}

struct newest {
	bool is_marker;
	int64_t mtime_ms;
	char *version;
};

static void newest_free(struct newest *n)
{
	free(n->version);
}

static int note_newest(void *arg, const struct s3_entry *e)
{
	struct newest *n = arg;

	n->is_marker = e->delete_marker;
	n->mtime_ms = e->mtime_ms;
	return str_dup(e->version_id ? e->version_id : "", &n->version) < 0 ? -ENOMEM : 1;
}

static int note_job(void *arg, const struct job *j)
{
	(void)j;
	*(bool *)arg = true;
	return 0;
}

static int note_replica(void *arg, const struct store_replica *r)
{
	(void)r;
	*(bool *)arg = true;
	return 0;
}

/* A marker that has rows belongs to a ticket that was committed. */
static int has_rows(struct recovery *rc, const char *key, const char *version, bool *ret_has)
{
	struct store_filter filter = { .key = key, .version = version };
	int err;

	err = store_each_job(rc->conf->store, &filter, note_job, ret_has);
	if (err < 0)
		return err;
	return store_each_replica(rc->conf->store, key, version, note_replica, ret_has);
}

/* Deletes under rules with tags go by those of the version that is deleted. */
static int learn_hidden_tags(struct recovery *rc, const struct store_ticket *st,
			     struct job_spec *spec)
{
	int err;

	if (!repl_delete_needs_tags(rc->conf->repl, st->key))
		return 0;
	err = origin_hidden_tags(rc->conf->source, st->key, &spec->tags, &rc->error);
	return err == -ENOENT ? 0 : err;
}

/* Without versions a deletion is to be seen by what is not there. */
static int settle_gone(struct recovery *rc, const struct store_ticket *st, struct ticket *t)
{
	auto_with(s3_info_free) struct s3_info info = { 0 };
	const struct job_spec spec = { 0 };
	int err = object_head(rc->conf->source, st->key, NULL, &info, &rc->error);

	if (err == 0)
		return recover_abandon(rc, st, t);
	if (err != -ENOENT)
		return recover_left(rc, st, t, err);
	return commit_facts(rc, st, t, NULL, &spec, NULL);
}

static int settle_delete(struct recovery *rc, const struct store_ticket *st, struct ticket *t)
{
	auto_with(job_spec_free) struct job_spec spec = { 0 };
	auto_with(newest_free) struct newest n = { 0 };
	bool has = false;
	int err;

	err = list_versions_of(rc->conf->source, st->key, note_newest, &n, &rc->error);
	if (err >= 0)
		err = n.is_marker ? learn_hidden_tags(rc, st, &spec) : 0;
	if (err < 0)
		return recover_left(rc, st, t, err);
	if (!n.is_marker || n.mtime_ms < st->created_ms - DELETE_SINCE_MS)
		return recover_abandon(rc, st, t);
	err = has_rows(rc, st->key, n.version, &has);
	if (err < 0) {
		repl_leave(t);
		return err;
	}
	if (has)
		return recover_abandon(rc, st, t);
	return commit_facts(rc, st, t, n.version, &spec, NULL);
}

static int settle_deletion(struct recovery *rc, const struct store_ticket *st, struct ticket *t)
{
	auto_free char *version = NULL;
	int err;

	if (!recover_is_promised(st))
		return rc->conf->unversioned ? settle_gone(rc, st, t) : settle_delete(rc, st, t);
	err = recover_rename(rc, st, &version);
	if (err == -ENOENT)
		return recover_abandon(rc, st, t);
	if (err < 0 && err != -ESTALE)
		return recover_left(rc, st, t, err);
	rc->error = (struct s3_error){ .retry_after_ms = -1 };
	if (err < 0) /* it was deleted already, or has been written anew */
		return rc->conf->unversioned ? settle_gone(rc, st, t) : settle_delete(rc, st, t);
	return commit_facts(rc, st, t, version, &st->spec, NULL);
}

static int settle(void *arg, const struct store_ticket *st)
{
	struct recovery *rc = arg;
	struct ticket *t;
	int err;

	err = repl_adopt(rc->conf->repl, st, &t);
	if (err < 0)
		return err;
	if (rc->conf->on_key)
		rc->conf->on_key(rc->conf->on_key_arg, st->key);
	if (rc->source_down)
		return recover_left(rc, st, t, -ENOTCONN);
	rc->error = (struct s3_error){ .retry_after_ms = -1 };
	switch (st->kind) {
	case JOB_OBJECT: return settle_object(rc, st, t);
	case JOB_TAGS:
	case JOB_ACL:
	case JOB_RETENTION:
	case JOB_LEGAL_HOLD: return settle_change(rc, st, t);
	case JOB_DELETE: return settle_deletion(rc, st, t);
	}
	return recover_left(rc, st, t, -EINVAL);
}

/* --- the staging directory -------------------------------------------------------------------- */

/* Out of the way, for a person. */
static int keep_stray(const struct recover_conf *conf, const char *name)
{
	auto_free char *from = NULL, *to = NULL;
	int err = str_format(&from, "%s/%s", conf->staging_dir, name);

	if (err == 0)
		err = str_format(&to, "%s/%s", conf->failed_dir, name);
	return err == 0 && rename(from, to) < 0 ? -errno : err;
}

/* 1 = it is gone from the staging directory, 0 = nothing was to be done, or -errno. */
static int take_away(const struct recover_conf *conf, const struct dirent *e, bool keep)
{
	auto_free char *path = NULL;
	int err;

	if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
	    (e->d_type != DT_REG && e->d_type != DT_UNKNOWN) ||
	    store_is_staged(conf->store, e->d_name))
		return 0;
	if (keep) {
		err = keep_stray(conf, e->d_name);
	} else {
		err = str_format(&path, "%s/%s", conf->staging_dir, e->d_name);
		if (err == 0 && unlink(path) < 0)
			err = -errno;
	}
	if (err == 0)
		return 1;
	return err == -ENOENT || err == -EISDIR ? 0 : err;
}

static void log_swept(const struct recover_conf *conf, unsigned swept, bool keep)
{
	if (keep)
		log_warn("staging=kept files=%u folder=%s why=\"the queue lost rows: what was "
			 "acknowledged may be among them\"",
			 swept, conf->failed_dir);
	else
		log_info("staging=swept files=%u", swept);
}

/* What was neither closed nor fsynced was never promised. A queue that lost rows cannot tell. */
static int sweep(const struct recover_conf *conf)
{
	bool keep = store_keeps_strays(conf->store);
	DIR *dir = opendir(conf->staging_dir);
	const struct dirent *e;
	unsigned swept = 0;
	int err = 0;

	if (!dir)
		return -errno;
	while (err >= 0 && (e = readdir(dir))) {
		err = take_away(conf, e, keep);
		swept += err == 1;
	}
	closedir(dir);
	if (swept > 0)
		log_swept(conf, swept, keep);
	if (err >= 0 && keep)
		err = store_forget_strays(conf->store);
	return min_of(err, 0);
}

int recover_run(const struct recover_conf *conf, struct recover_result *ret_r)
{
	struct recovery rc = { .conf = conf };
	int err;

	err = store_reset_claims(conf->store);
	crash_point("recover.reset");
	err = err < 0 ? err : store_each_ticket(conf->store, false, recover_owed, &rc);
	err = err < 0 ? err : store_each_ticket(conf->store, false, settle, &rc);
	crash_point("recover.settled");
	err = err < 0 ? err : sweep(conf);
	if (err < 0)
		return err;
	crash_point("recover.swept");
	*ret_r = rc.result;
	return 0;
}
