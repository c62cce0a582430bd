/*
 * commit.c - the close path of a file, start to end.
 *
 * Crash points, and what the next mount does (queue/recover.c; all of them: docs/durability.md):
 *
 *  after          spool   ticket  source  recovery
 *  repl_begin     yes     begun   old     nothing was promised: aborts uploads, forgets
 *  parts sent     yes     begun   old     the same
 *  upload_finish  yes     begun   new     finds it by its crrfs-id, writes the rows
 *  repl_commit    staged  gone    new     nothing to do; the workers copy
 *  repl_hold      synced  held    old     uploads the staged file, writes the rows
 *  write(2)       two     held    old     the same: what is written after it is in another file,
 *                                         which the ticket names when that is acknowledged too
 *  repl_hold of   none    held    old     makes the object of the new directory, writes the rows
 *  a directory
 *
 * Of new metadata for a version that the source has (settling, hold.c). The ticket names the
 * version that they are for, and the copy that gives them to it carries the ticket's crrfs-id:
 *
 *  after          spool   ticket  source  recovery
 *  change_meta_hold  none held    old     the version is still the current one: copies it with the
 *                                         new metadata, writes the rows; else logs it and forgets
 *  the copy       none    held    new     finds it by its crrfs-id, writes the rows
 *  repl_commit    none    gone    new     nothing to do
 *  write(2)       yes     held    old     the bytes were not promised, the metadata were: as after
 *                                         change_meta_hold. The coming version has the same ticket
 *  its upload     yes     held    new     finds it by its crrfs-id, writes the rows
 *  rename: copy   none    held    both    the new name has the metadata; the old name is deleted,
 *                                         before anything else (change_move.c)
 *  rename: delete none    held    new     the version is gone: forgets
 *
 * Early parts leave while the file is still being written. S3 fixes metadata when a multipart
 * upload is created, so a file that was made private (mode 0600: cp -p, tar, rsync, install do so
 * and set mode and times just before close) is sent at close only, once, with the right metadata.
 * Where the guess was wrong the early parts are dropped and sent again: one version, never two.
 */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/crash.h"
#include "base/log.h"
#include "fs/change.h"
#include "fs/file_i.h"
#include "fs/temp_name.h"
#include "s3/part.h"

void file_drop_uploads(struct file *f)
{
	repl_early_drop(f->locked.early, f->locked.early_n);
	f->locked.early_n = 0;
	upload_drop(f->locked.upload);
	f->locked.upload = NULL;
	meta_rec_free(&f->locked.sent);
}

void file_kill_busy(struct file *f)
{
	file_drop_uploads(f);
	repl_abandon(f->locked.ticket);
	f->locked.ticket = NULL;
	lock_take(&f->locked.l);
	file_set_state_locked(f, FILE_DEAD);
	lock_drop(&f->locked.l);
}

/* now, with our ticket's mark: what the next version carries. */
int file_marked_now(struct file *f, struct attr *ret_a)
{
	int r = file_now_copy(f, ret_a);

	return r ? r : change_mark(f->fs, &ret_a->rec, ticket_token(f->locked.ticket));
}

static void on_part(void *arg)
{
	quota_note_progress(arg);
}

/* An upload to the source that carries rec; no request yet. Busy. */
static int make_upload(struct file *f, const char *key, const struct meta_rec *rec)
{
	struct s3_put_opts opts;
	struct upload_conf conf;
	int r;

	meta_rec_free(&f->locked.sent);
	r = meta_rec_copy(&f->locked.sent, rec);
	if (r)
		return r;
	opts = change_opts(f->fs, &f->locked.sent);
	conf = (struct upload_conf){
		.client = f->fs->source,
		.pool = f->fs->upload_pool,
		.key = key,
		.opts = &opts,
		.src = body_upload_src(f->locked.body),
		.on_id = repl_note_source,
		.on_id_arg = f->locked.ticket,
		.on_part = on_part,
		.on_part_arg = f->fs->quota,
	};
	return upload_new(&conf, &f->locked.upload);
}

/* --- early parts ------------------------------------------------------------------------------ */

static bool wants_early_locked(const struct file *f, uint64_t off, uint64_t end)
{
	return f->fs->conf.early_upload && !f->locked.upload && !f->locked.late_meta &&
	       !f->locked.body->key && f->locked.now.rec_known && part_of(off) != part_of(end);
}

/* Busy. Not being able to start early is no error: the close does it all then. */
static void begin_early(struct file *f)
{
	auto_free char *key = NULL;
	auto_with(attr_free) struct attr now = { 0 };
	struct upload_src src = body_upload_src(f->locked.body);
	struct job_spec spec;

	if (node_key(f->fs->nodes, f->node, &key) || temp_name_is(key, f->fs->conf.temp_names))
		return;
	if (!f->locked.ticket && repl_begin(f->fs->repl, JOB_OBJECT, key, &f->locked.ticket))
		return;
	if (file_marked_now(f, &now) || make_upload(f, key, &now.rec))
		return;
	spec = change_spec(f->fs, &now);
	spec.multipart = true;
	f->locked.early_n =
		repl_early_new(f->locked.ticket, &spec, &src, f->locked.early, FILE_EARLY_MAX);
}

/*
 * A write of [off, end) is in the spool: parts whose last byte it wrote are whole now, and go out.
 * Only such parts: a writer who goes back to an earlier one does not make it go out again with each
 * write; the commit sends what then differs.
 */
void file_early_locked(struct file *f, uint64_t off, uint64_t end)
{
	lock_assert_held(&f->locked.l);
	if (wants_early_locked(f, off, end)) {
		file_busy_begin_locked(f);
		lock_drop(&f->locked.l);
		begin_early(f);
		lock_take(&f->locked.l);
		file_busy_end_locked(f);
	}
	if (!f->locked.upload || f->locked.body->key || f->locked.state != FILE_DIRTY)
		return;
	for (unsigned p = part_of(off); part_range(p).end <= end; p++) {
		if (!spool_has(f->locked.body->spool, part_range(p)))
			continue;
		upload_offer(f->locked.upload, p);
		for (size_t i = 0; i < f->locked.early_n; i++)
			upload_offer(f->locked.early[i].upload, p);
	}
}

/* --- commit ----------------------------------------------------------------------------------- */

/*
 * An answer was lost, and the bytes changed since: the version that may stand is not the one that
 * is to be made now, so another token must name this one. Recovery asks for the old one. What is
 * held stays promised at every moment. Busy.
 */
int file_renew_ticket_busy(struct file *f, const char *key)
{
	struct ticket *old = f->locked.ticket;
	int r;

	if (!f->locked.unclear || f->locked.unclear_changes == f->locked.changes)
		return 0;
	file_drop_uploads(f);
	f->locked.ticket = NULL;
	r = repl_begin(f->fs->repl, JOB_OBJECT, key, &f->locked.ticket);
	if (!r && f->locked.held_ref)
		r = file_promise_busy(f, key);
	if (r) {
		repl_abandon(f->locked.ticket);
		f->locked.ticket = old;
		return r;
	}
	/* what it held is promised by the new one: recovery asks only whether it happened */
	repl_leave(old);
	f->locked.unclear = false;
	return 0;
}

/* What was sent fits what is wanted. The times of writes alone do not make it stale: the version's
 * time is that of its first part. */
static int fits_sent(struct file *f, struct attr *now, bool *ret_fits)
{
	struct meta_rec *sent = &f->locked.sent;
	struct timespec ts;
	int r = 0;

	if (f->locked.mtime_set && attr_meta_get_mtime(&sent->meta, &ts))
		r = attr_meta_set_mtime(f->fs, &now->rec.meta, ts);
	*ret_fits = kv_equal(&now->rec.meta, &sent->meta) && kv_equal(&now->rec.sys, &sent->sys);
	return r;
}

/* An upload that carries now. Busy, committing. */
static int ready_upload(struct file *f, const char *key, struct attr *now)
{
	struct upload *u = f->locked.upload;
	struct s3_put_opts opts = change_opts(f->fs, &now->rec);
	bool fits = false;
	int r = 0;

	if (u && !upload_started(u)) {
		/* Kept, since it knows of an earlier try whose answer was lost. */
		meta_rec_free(&f->locked.sent);
		r = meta_rec_copy(&f->locked.sent, &now->rec);
		if (!r)
			r = upload_set_opts(u, &opts);
		if (r != -EBUSY)
			return r;
	}
	if (u) {
		r = fits_sent(f, now, &fits);
		if (!r && fits)
			r = upload_set_tags(u, &now->rec.tags);
		if (r || fits)
			return r;
		log_debug("upload=restart why=\"metadata changed after the first part\"");
	}
	file_drop_uploads(f);
	return make_upload(f, key, &now->rec);
}

static int send(struct file *f, const char *key, struct attr *now, struct s3_info *ret_info)
{
	struct s3_error err = { 0 };
	char text[400], shown[256];
	int r = ready_upload(f, key, now);

	if (!r)
		r = upload_finish(f->locked.upload, now->size, ret_info, &err);
	f->locked.unclear = r && (err.unclear || f->locked.unclear);
	f->locked.unclear_changes = f->locked.changes;
	if (r)
		log_error("op=commit key=\"%s\" why=\"%s\"", printable(key, shown, sizeof(shown)),
			  s3_error_text(&err, text, sizeof(text)));
	return r;
}

static int replace_str(char **s, const char *with)
{
	auto_free char *copy = NULL;
	int r = str_dup(with, &copy);

	if (r)
		return r;
	free(*s);
	*s = take_ptr(&copy);
	return 0;
}

/* now as the answer to the upload makes it. */
static int become(struct attr *now, const struct s3_info *info)
{
	int r = replace_str(&now->etag, info->etag);

	now->has_object = true;
	now->mtime_ms = info->mtime_ms;
	now->rec.tags_ms = clock_mono_ms();
	if (!r && info->sse)
		r = meta_rec_set_sse(&now->rec, info->sse, info->sse_key);
	return r ? r : replace_str(&now->rec.version_id, info->version_id);
}

/* Somebody suspended versioning under us. Said once, and again when it was on meanwhile. */
static void note_versioning(struct fs *fs, const char *version)
{
	bool lost = fs->conf.versioned && (!version || !strcmp(version, "null"));

	if (atomic_exchange(&fs->suspended, lost) || !lost)
		return;
	log_warn("source=suspended bucket=%s why=\"versioning is suspended: what is written now "
		 "takes the place of what was written since; 'crrctl setup %s' turns it on again\"",
		 s3_client_bucket(fs->source), s3_client_bucket(fs->source));
}

/* The source has the version: write down who must get it. Busy. */
static void hand_over(struct file *f, const char *key, const struct attr *now)
{
	struct job_spec spec = change_spec(f->fs, now);
	struct repl_facts facts = { .key = key, .version = now->rec.version_id, .spec = &spec };
	struct spool *spool = f->locked.body->spool;
	const char *staged = NULL;

	spec.multipart = upload_started(f->locked.upload);
	/* All of the body is staged, or what the version it was opened on does not have. */
	if (spool && (body_is_local(f->locked.body, now->size) ||
		      (!body_base(f->locked.body, &spec.base) && spec.base.own_n > 0))) {
		staged = spool_name(spool);
		spool_keep(spool);
	}
	change_enqueue(f->locked.ticket, &facts, staged, f->locked.early, f->locked.early_n);
	if (staged)
		spool_give(spool);
	free(spec.base.own);
	f->locked.early_n = 0;
	f->locked.ticket = NULL;
}

/* What is in the source is what we have: a body without a spool. Busy; takes now and body. */
static void become_clean(struct file *f, const char *key, struct attr *now, struct body *body)
{
	attr_learn(f->fs, key, now);
	upload_forget(f->locked.upload);
	f->locked.upload = NULL;
	meta_rec_free(&f->locked.sent);
	file_now_set(f, now);
	file_body_set(f, body);
	lock_take(&f->locked.l);
	f->locked.mtime_set = false;
	f->locked.late_meta = f->locked.late_attrs = false;
	file_set_state_locked(f, FILE_CLEAN);
	lock_drop(&f->locked.l);
}

static int commit_steps(struct file *f, const char *key)
{
	auto_with(attr_free) struct attr now = { 0 };
	auto_with(s3_info_free) struct s3_info info = { 0 };
	struct spool *spool = f->locked.body->spool;
	struct body *body = NULL;
	int r = spool ? spool_error(spool) : 0;

	if (r) { /* a torn body is never uploaded */
		file_drop_uploads(f);
		return r;
	}
	r = file_renew_ticket_busy(f, key);
	/* Who finds the version by the ticket's token takes what the ticket names for its body. */
	if (!r && f->locked.promised)
		r = file_promise_busy(f, key);
	if (!r && !f->locked.ticket)
		r = repl_begin(f->fs->repl, JOB_OBJECT, key, &f->locked.ticket);
	if (!r)
		r = file_marked_now(f, &now);
	if (!r)
		r = send(f, key, &now, &info);
	if (!r)
		r = become(&now, &info);
	if (!r)
		r = body_new(f->fs, NULL, key, &now, &body);
	if (r)
		return r;
	note_versioning(f->fs, info.version_id);
	hand_over(f, key, &now);
	become_clean(f, key, &now, body);
	crash_point("commit.clean");
	return 0;
}

/* dirty, held, settling, failed -> clean: one new version in the source and a durable row for each
 * destination. What was acknowledged before stays so, and is tried again later. */
int file_commit_busy(struct file *f)
{
	auto_free char *key = NULL;
	enum file_state was = f->locked.state;
	bool promised = was == FILE_HELD || was == FILE_SETTLING;
	int r;

	if (was == FILE_CLEAN || was == FILE_DEAD)
		return 0;
	r = gate_commit(f->fs, f->node, &key);
	if (r)
		return r;
	lock_take(&f->locked.l);
	file_set_state_locked(f, FILE_COMMITTING);
	lock_drop(&f->locked.l);
	r = was == FILE_SETTLING ? file_settle_steps(f, key) : commit_steps(f, key);
	if (r && f->locked.state == FILE_COMMITTING) {
		lock_take(&f->locked.l);
		f->locked.error = r;
		file_set_state_locked(f, promised ? was : FILE_FAILED);
		lock_drop(&f->locked.l);
	}
	gate_committed(f->fs);
	if (f->locked.state == FILE_CLEAN)
		file_drop_held_ref(f);
	else if (promised)
		file_hold_later(f);
	return r;
}

/* What is pending becomes durable: held, where the name is a temporary one, else a version. */
int file_save_busy(struct file *f)
{
	bool made = f->locked.made;
	int r = -EAGAIN;

	f->locked.made = false;
	if (made && f->locked.state == FILE_HELD && !file_may_hold_busy(f))
		return file_commit_busy(f);
	if (f->locked.state != FILE_DIRTY && f->locked.state != FILE_FAILED)
		return 0;
	if (f->locked.state == FILE_DIRTY && file_may_hold_busy(f))
		r = file_hold_busy(f);
	return r ? file_commit_busy(f) : 0;
}
