/*
 * commit.c - the close path of a file, start to end.
 *
 * Crash points, and what the next mount does (queue/recover.c):
 *
 *  after                             spool   ticket  source        recovery
 *  repl_begin                        yes     begun   old version   nothing was promised: aborts uploads, forgets
 *  parts sent, upload noted          yes     begun   old version   the same
 *  upload_finish                     yes     begun   new version   finds it by its crrfs-id, writes the rows
 *  repl_commit                       staged  gone    new version   nothing to do; the workers copy
 *  repl_hold                         synced  held    old version   uploads the staged file, writes the rows
 *
 * Early parts leave while the file is still being written. S3 fixes metadata when a multipart upload is created, so a file that was made
 * private (mode 0600: cp -p, tar, rsync, install do so and set mode and times just before close) is sent at close only, once, with the right
 * metadata. Where the guess was wrong the early parts are dropped and sent again: one version, never two.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/log.h"
#include "fs/change.h"
#include "fs/file_i.h"
#include "fs/path.h"
#include "fs/settle.h"
#include "s3/part.h"
#include "s3/tagging.h"

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

/* The upload to the source, not begun yet; carries now.rec. Busy. */
static int make_upload(struct file *f, const char *key)
{
	struct s3_put_opts opts;
	struct upload_conf conf;
	int r;

	file_rec_touch(f);
	r = change_mark(&f->locked.now.rec, ticket_token(f->locked.ticket));
	meta_rec_free(&f->locked.sent);
	if (!r)
		r = meta_rec_copy(&f->locked.sent, &f->locked.now.rec);
	if (r)
		return r;
	opts = change_opts(&f->locked.sent);
	conf = (struct upload_conf){
		.client = f->fs->source,
		.pool = f->fs->upload_pool,
		.key = key,
		.opts = &opts,
		.src = body_upload_src(f->locked.body),
		.on_id = repl_note_source,
		.on_id_arg = f->locked.ticket,
	};
	return upload_new(&conf, &f->locked.upload);
}

/* --- early parts ------------------------------------------------------------------------------------------------- */

static bool wants_early_locked(const struct file *f, uint64_t off, uint64_t end)
{
	return f->fs->conf.early_upload && !f->locked.upload && !f->locked.late_meta && !f->locked.body->key &&
	       f->locked.now.rec_known && part_of(off) != part_of(end);
}

/* Busy. Not being able to start early is no error: the close does it all then. */
static void begin_early(struct file *f)
{
	auto_free char *key = NULL, *name = NULL;
	struct job_spec spec;
	struct upload_src src = body_upload_src(f->locked.body);

	if (node_key(f->fs->nodes, f->node, &key) || node_name(f->fs->nodes, f->node, &name) || path_is_temporary(name))
		return;
	if (!f->locked.ticket && repl_begin(f->fs->repl, JOB_OBJECT, key, &f->locked.ticket))
		return;
	if (make_upload(f, key))
		return;
	if (change_spec(&f->locked.now, &spec))
		return;
	spec.multipart = true;
	f->locked.early_n = repl_early_new(f->locked.ticket, &spec, &src, f->locked.early, FILE_EARLY_MAX);
}

/*
 * A write of [off, end) is in the spool: parts whose last byte it wrote are whole now, and go out. Only such parts: a writer who goes back to
 * an earlier one does not make it go out again with each write; the commit sends what then differs.
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
	if (!f->locked.upload || f->locked.body->key)
		return;
	for (unsigned p = part_of(off); part_range(p).end <= end; p++) {
		if (!spool_has(f->locked.body->spool, part_range(p)))
			continue;
		upload_offer(f->locked.upload, p);
		for (size_t i = 0; i < f->locked.early_n; i++)
			upload_offer(f->locked.early[i].upload, p);
	}
}

/* --- commit ------------------------------------------------------------------------------------------------------ */

/* An upload that carries what the version shall carry. Busy, committing. */
static int ready_upload(struct file *f, const char *key)
{
	struct meta_rec *now = &f->locked.now.rec, *sent = &f->locked.sent;
	struct timespec ts;
	int r;

	if (f->locked.upload && upload_started(f->locked.upload)) {
		/* Times of writes alone do not make it stale: the version's time is that of its first part. */
		if (f->locked.mtime_set && attr_meta_get_mtime(&sent->meta, &ts)) {
			r = attr_meta_set_mtime(f->fs, &now->meta, ts);
			if (r)
				return r;
		}
		f->locked.mtime_set = false;
		r = change_mark(&f->locked.now.rec, ticket_token(f->locked.ticket));
		if (r)
			return r;
		if (kv_equal(&now->meta, &sent->meta) && kv_equal(&now->sys, &sent->sys))
			return 0;
		log_debug("upload=restart why=\"metadata changed after the first part\"");
	}
	file_drop_uploads(f);
	return make_upload(f, key);
}

static int send(struct file *f, const char *key, struct s3_info *ret_info)
{
	struct s3_error err = { 0 };
	char text[400], shown[256];
	bool multipart;
	int r = ready_upload(f, key);

	if (!r)
		r = upload_finish(f->locked.upload, f->locked.now.size, ret_info, &err);
	if (r) {
		log_error("op=commit key=\"%s\" why=\"%s\"", printable(key, shown, sizeof(shown)),
			  s3_error_text(&err, text, sizeof(text)));
		return r;
	}
	multipart = upload_started(f->locked.upload);
	/* Some servers ignore tags on CreateMultipartUpload, and those set after it are not in it. */
	if (multipart && (f->locked.now.rec.tags.n || f->locked.sent.tags.n))
		r = tagging_put(f->fs->source, key, ret_info->version_id, &f->locked.now.rec.tags, &err);
	if (r)
		log_error("op=tag key=\"%s\" why=\"%s\"", printable(key, shown, sizeof(shown)),
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

/* The source has the version: write down who must get it. Busy. */
static int hand_over(struct file *f, const char *key, const struct s3_info *info)
{
	struct attr *now = &f->locked.now;
	struct job_spec spec;
	struct repl_facts facts = { .key = key, .version = info->version_id, .spec = &spec };
	struct spool *spool = f->locked.body->spool;
	const char *staged = NULL;
	int r;

	now->has_object = true;
	now->mtime_ms = info->mtime_ms;
	r = replace_str(&now->etag, info->etag);
	if (!r)
		r = replace_str(&now->rec.version_id, info->version_id);
	if (!r)
		r = change_spec(now, &spec);
	if (r)
		return r;
	spec.multipart = upload_started(f->locked.upload);
	if (spool && body_is_local(f->locked.body, now->size)) {
		staged = spool_name(spool);
		spool_keep(spool);
	}
	r = repl_commit(f->locked.ticket, &facts, staged, f->locked.early, f->locked.early_n);
	f->locked.early_n = 0;
	if (r) {
		/* The version stands, only the row does not: the ticket stays for the next mount to finish. */
		char why[64], shown[256];

		log_error("op=enqueue key=\"%s\" why=\"%s\" remedy=\"free space in the state directory; the next mount finishes it\"",
			  printable(key, shown, sizeof(shown)), errno_text(r, why, sizeof(why)));
		repl_leave(f->locked.ticket);
	}
	f->locked.ticket = NULL;
	return 0;
}

/* What is in the source is what we have: a body without a spool. Busy. */
static int become_clean(struct file *f, const char *key)
{
	struct body *body = NULL, *old;
	int r = body_new(f->fs, NULL, key, &f->locked.now, &body);

	if (r)
		return r;
	attr_learn(f->fs, key, &f->locked.now);
	upload_forget(f->locked.upload);
	f->locked.upload = NULL;
	meta_rec_free(&f->locked.sent);
	lock_take(&f->locked.l);
	old = f->locked.body;
	f->locked.body = body;
	f->locked.mtime_set = false;
	f->locked.late_meta = false;
	file_set_state_locked(f, FILE_CLEAN);
	lock_drop(&f->locked.l);
	body_unref(old);
	return 0;
}

static int commit_steps(struct file *f, const char *key)
{
	struct s3_info info = { 0 };
	struct spool *spool = f->locked.body->spool;
	int r = spool ? spool_error(spool) : 0;

	if (!r && !f->locked.ticket)
		r = repl_begin(f->fs->repl, JOB_OBJECT, key, &f->locked.ticket);
	if (!r)
		r = send(f, key, &info);
	if (!r)
		r = hand_over(f, key, &info);
	if (!r)
		r = become_clean(f, key);
	s3_info_free(&info);
	return r;
}

void file_drop_held_ref(struct file *f)
{
	bool had = f->locked.held_ref;

	f->locked.held_ref = false;
	if (had)
		file_put(f);    /* never the last one: our caller has its own */
}

/* dirty, held, failed -> clean: one new version in the source and a durable row for each destination. */
int file_commit_busy(struct file *f)
{
	auto_free char *key = NULL;
	bool was_held;
	int r = node_key(f->fs->nodes, f->node, &key);

	lock_take(&f->locked.l);
	was_held = f->locked.state == FILE_HELD;
	if (r || f->locked.state == FILE_CLEAN || f->locked.state == FILE_DEAD) {
		lock_drop(&f->locked.l);
		return r == -ESTALE ? 0 : r;
	}
	file_set_state_locked(f, FILE_COMMITTING);
	lock_drop(&f->locked.l);

	r = commit_steps(f, key);
	if (!r) {
		file_drop_held_ref(f);
		return 0;
	}
	if (was_held) {
		file_drop_uploads(f);           /* it stays acknowledged: tried again later */
		f->locked.hold_until = clock_deadline(f->fs->conf.hold_ms ? f->fs->conf.hold_ms : 10000);
	}
	lock_take(&f->locked.l);
	f->locked.error = r;
	file_set_state_locked(f, was_held ? FILE_HELD : FILE_FAILED);
	lock_drop(&f->locked.l);
	if (was_held)
		settle_note(f->fs->settle, f->locked.hold_until);
	return r;
}

/* --- held names -------------------------------------------------------------------------------------------------- */

bool file_may_hold_busy(struct file *f)
{
	auto_free char *name = NULL;
	struct spool *spool = f->locked.body->spool;

	return f->fs->conf.hold_ms > 0 && !node_name(f->fs->nodes, f->node, &name) && path_is_temporary(name) && spool &&
	       !spool_error(spool) && body_is_local(f->locked.body, f->locked.now.size);
}

/* Acknowledges what is staged: synced, and written down. Again when key or metadata of a held file changed. */
int file_hold_busy(struct file *f)
{
	auto_free char *key = NULL;
	struct job_spec spec;
	struct spool *spool = f->locked.body->spool;
	int r = node_key(f->fs->nodes, f->node, &key);

	if (r)
		return r == -ESTALE ? 0 : r;
	file_drop_uploads(f);
	file_rec_touch(f);
	r = spool_sync(spool);
	if (!r && !f->locked.ticket)
		r = repl_begin(f->fs->repl, JOB_OBJECT, key, &f->locked.ticket);
	if (!r)
		r = change_mark(&f->locked.now.rec, ticket_token(f->locked.ticket));
	if (!r)
		r = change_spec(&f->locked.now, &spec);
	if (!r)
		r = repl_hold(f->locked.ticket, key, spool_name(spool), &spec);
	if (r)
		return r;
	spool_keep(spool);
	lock_take(&f->fs->files->l);
	if (!f->locked.held_ref)
		f->refs++;
	lock_drop(&f->fs->files->l);
	f->locked.held_ref = true;
	f->locked.hold_until = clock_deadline(f->fs->conf.hold_ms);
	lock_take(&f->locked.l);
	file_set_state_locked(f, FILE_HELD);
	lock_drop(&f->locked.l);
	settle_note(f->fs->settle, f->locked.hold_until);
	return 0;
}

/* Referenced files that are held and due. */
static size_t collect_due(struct fs *fs, int64_t now, struct file **due, size_t max, int64_t *ret_next)
{
	size_t n = 0;

	*ret_next = CLOCK_NEVER;
	scoped_lock(&fs->files->l);
	for (struct file *f = fs->files->first; f; f = f->next) {
		if (f->locked.state != FILE_HELD)
			continue;
		if (f->locked.hold_until > now) {
			*ret_next = min_of(*ret_next, f->locked.hold_until);
		} else if (n < max) {
			f->refs++;
			due[n++] = f;
		} else {
			*ret_next = now;
		}
	}
	return n;
}

static int commit_held(struct fs *fs, int64_t now, int64_t *ret_next)
{
	struct file *due[32];
	size_t n = collect_due(fs, now, due, array_size(due), ret_next);
	int first = 0;

	for (size_t i = 0; i < n; i++) {
		int r = 0;

		file_busy_begin(due[i]);
		if (due[i]->locked.state == FILE_HELD)
			r = file_commit_busy(due[i]);
		file_busy_end(due[i]);
		file_put(due[i]);
		if (r && !first)
			first = r;
	}
	return first;
}

void file_commit_due(struct fs *fs, int64_t now_mono_ms, int64_t *ret_next)
{
	if (commit_held(fs, now_mono_ms, ret_next))
		log_debug("a held name could not be uploaded; tried again later");
}

int file_commit_held(struct fs *fs)
{
	struct file_counts counts;
	int r = 0;

	/* Everything is due at the end of time; failed ones are held again, so each is tried once. */
	file_count(fs, &counts);
	for (uint64_t left = counts.held; left > 0 && !r; left = left > 32 ? left - 32 : 0) {
		int64_t next;

		r = commit_held(fs, CLOCK_NEVER, &next);
	}
	return r;
}
