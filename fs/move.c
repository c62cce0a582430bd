/*
 * move.c - see move.h. The phases are in queue/store_move.h.
 *
 * No list of what was copied is kept, so that memory does not grow: the listings of the two names,
 * which have the same order, are gone through side by side. A copy is younger than what it was made
 * of, by the source's own clock. So what another writer adds or changes under the old name before
 * it is deleted there is seen, and goes along; what comes after the rename stays where it was put.
 *
 * Later the user has been there. Copies are taken back where their crrfs-id says that this rename
 * made them; what its new name does not have is copied again only where that never had a version.
 */
#include "fs/move.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/crash.h"
#include "base/lock.h"
#include "base/log.h"
#include "fs/attr.h"
#include "fs/change.h"
#include "queue/probe.h"
#include "queue/replica.h"
#include "s3/caps.h"
#include "s3/list.h"
#include "s3/object.h"

#define AT_ONCE 16
/* keys, from which on it is worth five requests to know whether copies keep tags */
#define WORTH_ASKING 10
#define PAGE	     1000
#define COPIES_INFO  "copies_keep_tags" /* the name in the store */

/* --- several at once -------------------------------------------------------------------------- */

enum act {
	ACT_NONE,
	ACT_COPY,
	ACT_COPY_ONCE, /* unless it is a copy that this rename made */
	ACT_DELETE,
	ACT_MOVE,
	ACT_FINISH,   /* delete where the new name ever had it, else move */
	ACT_TAKE_BACK /* delete where it is a copy that this rename made */
};

struct run {
	struct fs *fs;
	struct store_move *m;
	char family[REPL_FAMILY_LEN + 1]; /* of the copies' crrfs-ids */
	bool resumed;
	struct lock l;
	struct cond changed;
	unsigned running;    /* l */
	int error;	     /* l: the first */
	int64_t youngest_ms; /* l: of the copies */
};

struct task {
	struct run *run;
	enum act act;
	char *key;
	struct attr attr; /* of what is to be copied */
};

static void task_free(struct task *t)
{
	if (!t)
		return;
	free(t->key);
	attr_free(&t->attr);
	free(t);
}

static void note_copy(struct run *r, int64_t mtime_ms)
{
	scoped_lock(&r->l);
	r->youngest_ms = max_of(r->youngest_ms, mtime_ms);
}

/* A copy takes the tags along by itself: they need not be known where no rule asks for them. */
static bool needs_tags(const struct fs *fs, const char *to)
{
	return fs->copies_keep_tags <= 0 || repl_may_want(fs->repl, to);
}

/* As the listing says it is, with what the database knows. */
static int copy_seen(struct task *t, const char *to)
{
	auto_with(attr_free) struct attr made = { 0 };
	struct fs *fs = t->run->fs;
	int r = attr_load(fs, t->key, &t->attr, needs_tags(fs, to));

	if (!r)
		r = change_copy_of(fs, t->key, &t->attr, to, t->run->family, &made);
	if (!r)
		note_copy(t->run, made.mtime_ms);
	return r;
}

static int new_key(const struct task *t, char **ret_to)
{
	const struct store_move *m = t->run->m;

	return str_format(ret_to, "%s%s", m->to, t->key + strlen(m->from));
}

static int copy_key(struct task *t)
{
	auto_free char *to = NULL;
	struct run *run = t->run;
	int r = new_key(t, &to);

	if (!r && strlen(to) > S3_KEY_MAX)
		r = -ENAMETOOLONG;
	if (!r)
		r = copy_seen(t, to);
	if (r == -ESTALE || r == -ENOENT) {
		/* replaced or removed since it was listed */
		attr_cache_drop(run->fs->attrs, t->key);
		attr_free(&t->attr);
		r = attr_get(run->fs, t->key, &t->attr);
		if (r == -ENOENT)
			return 0;
		r = r ? r : copy_seen(t, to);
	}
	return r;
}

static int note_any(void *arg, const struct s3_entry *e)
{
	(void)e;
	*(bool *)arg = true;
	return 1;
}

/* Its new name has nothing now: because it was removed there since, or because it was never copied?
 * A source that keeps no versions does not know, and no file is lost. */
static int was_moved(struct task *t, bool *ret_was)
{
	auto_free char *to = NULL;
	struct s3_error e = { 0 };
	int r = new_key(t, &to);

	*ret_was = false;
	if (!r)
		r = list_versions_of(t->run->fs->source, to, note_any, ret_was, &e);
	return r < 0 && !list_is_unknown(&e) ? r : 0;
}

/* Or did somebody write it since? */
static int is_our_copy(const struct task *t, const char *key, bool *ret_ours)
{
	auto_with(s3_info_free) struct s3_info info = { 0 };
	const char *family = t->run->family, *id;
	int r = object_head(t->run->fs->source, key, NULL, &info, NULL);

	*ret_ours = false;
	if (r)
		return r == -ENOENT ? 0 : r;
	id = kv_get(&info.meta, REPL_META_ID);
	*ret_ours = id && !strncmp(id, family, strlen(family));
	return 0;
}

/* Was the copy of it made before the crash? */
static int is_made(const struct task *t, bool *ret_made)
{
	auto_free char *to = NULL;
	int r = new_key(t, &to);

	return r ? r : is_our_copy(t, to, ret_made);
}

static int carry_out(struct task *t)
{
	bool copies = t->act == ACT_COPY || t->act == ACT_MOVE;
	bool deletes = t->act != ACT_COPY && t->act != ACT_COPY_ONCE;
	int r = 0;

	if (t->act == ACT_FINISH) {
		r = was_moved(t, &copies);
		copies = !copies;
	} else if (t->act == ACT_TAKE_BACK) {
		r = is_our_copy(t, t->key, &deletes);
	} else if (t->act == ACT_COPY_ONCE) {
		r = is_made(t, &copies);
		copies = !copies;
	}
	if (!r && copies)
		r = copy_key(t);
	if (!r && deletes)
		r = change_delete(t->run->fs, t->key, NULL);
	return r;
}

static void task_run(void *arg)
{
	struct task *t = arg;
	struct run *r = t->run;
	int err = carry_out(t);

	task_free(t);
	scoped_lock(&r->l);
	if (err && !r->error)
		r->error = err;
	r->running--;
	cond_signal(&r->changed);
}

static int task_start(struct run *r, enum act act, const struct s3_entry *e)
{
	struct task *t = calloc(1, sizeof(*t));
	int err = t ? str_dup(e->key, &t->key) : -ENOMEM;

	if (!err && act != ACT_DELETE && act != ACT_TAKE_BACK)
		err = attr_from_entry(r->fs, e, &t->attr);
	lock_take(&r->l);
	while (r->running >= AT_ONCE)
		cond_wait(&r->changed, &r->l);
	err = r->error ? r->error : err;
	r->running += !err;
	lock_drop(&r->l);
	if (err) {
		task_free(t);
		return err;
	}
	t->run = r;
	t->act = act;
	if (pool_try_submit(r->fs->read_pool, task_run, t))
		task_run(t);
	return 0;
}

static int wait_all(struct run *r, int err)
{
	scoped_lock(&r->l);
	while (r->running)
		cond_wait(&r->changed, &r->l);
	err = r->error ? r->error : err;
	r->error = 0;
	return err;
}

/* --- two listings side by side ---------------------------------------------------------------- */

struct side {
	const char *prefix;
	struct s3_page page;
	size_t at;
	char *token;
	bool begun;
};

static void side_free(struct side *s)
{
	s3_page_free(&s->page);
	free(s->token);
}

/* *ret_e: the entry it stands on, NULL at the end. */
static int side_look(struct fs *fs, struct side *s, const struct s3_entry **ret_e)
{
	while (s->at >= s->page.n && (!s->begun || s->page.truncated)) {
		int r;

		free(s->token);
		s->token = take_ptr(&s->page.next_token);
		s3_page_free(&s->page);
		s->page = (struct s3_page){ 0 };
		r = list_keys(fs->source, s->prefix, NULL, s->token, PAGE, &s->page, NULL);
		if (r)
			return r;
		s->begun = true;
		s->at = 0;
	}
	*ret_e = s->at < s->page.n ? &s->page.entries[s->at] : NULL;
	return 0;
}

/* The entry of the same name on the other side; NULL when there is none. */
static int side_find(struct fs *fs, struct side *s, const char *name, const struct s3_entry **ret_e)
{
	size_t skip = strlen(s->prefix);
	int r;

	while (!(r = side_look(fs, s, ret_e)) && *ret_e && strcmp((*ret_e)->key + skip, name) < 0)
		s->at++;
	if (!r && *ret_e && strcmp((*ret_e)->key + skip, name))
		*ret_e = NULL;
	return r;
}

/* What is to become of e, which is listed under one name; other (or NULL) is what the other has.
 * other_prefix NULL: nothing. */
typedef enum act decide_fn(struct run *r, const struct s3_entry *e, const struct s3_entry *other);

/* "yes TIME" or "no TIME", wall ms: believed as long as what is known of a destination. */
static int recall_copies(struct fs *fs, bool *ret_keeps)
{
	auto_free char *text = NULL;
	int64_t age_ms;
	uint64_t when;
	int r = store_get_info(fs->store, COPIES_INFO, &text);
	const char *time = r ? NULL : strchr(text, ' ');

	if (!time || parse_u64(time + 1, &when) || when > INT64_MAX)
		return -ENOENT;
	age_ms = clock_wall_ms() - (int64_t)when;
	if (age_ms < 0 || age_ms >= PROBE_REMEMBERED_MS)
		return -ENOENT;
	*ret_keeps = !strncmp(text, "yes ", 4);
	return 0;
}

/* So that where versions may not be removed not each mount leaves some. */
static void note_copies(struct fs *fs, bool keeps)
{
	auto_free char *text = NULL;

	if (str_format(&text, "%s %lld", keeps ? "yes" : "no", (long long)clock_wall_ms()) ||
	    store_put_info(fs->store, COPIES_INFO, text))
		log_debug("copies-keep-tags=unwritten");
}

/* Not where nobody could remove the object again: fs_conf.ask_lock. */
static void learn_copies(struct run *r, const struct s3_page *first)
{
	struct fs *fs = r->fs;
	bool keeps = false;

	if (fs->copies_keep_tags || first->n < WORTH_ASKING || fs->conf.ask_lock ||
	    repl_may_want(fs->repl, r->m->to))
		return;
	if (recall_copies(fs, &keeps)) {
		if (caps_copy_keeps_tags(fs->source, &keeps))
			return;
		note_copies(fs, keeps);
	}
	fs->copies_keep_tags = keeps ? 1 : -1;
	log_info("copies-keep-tags=%s", keeps ? "yes" : "no");
}

static int join(struct run *r, const char *prefix, const char *other_prefix, decide_fn *decide)
{
	auto_with(side_free) struct side side = { .prefix = prefix };
	auto_with(side_free) struct side opposite = { .prefix = other_prefix };
	const struct s3_entry *e = NULL, *other = NULL;
	int err;

	while (!(err = side_look(r->fs, &side, &e)) && e) {
		enum act act;

		if (!side.at)
			learn_copies(r, &side.page);
		err = other_prefix ? side_find(r->fs, &opposite, e->key + strlen(prefix), &other)
				   : 0;
		if (err)
			break;
		act = decide(r, e, other);
		if (act != ACT_NONE)
			err = task_start(r, act, e);
		if (err)
			break;
		side.at++;
	}
	return wait_all(r, err);
}

/* --- phases ----------------------------------------------------------------------------------- */

/* Was copy made of what e is now, or of something younger? */
static bool is_copied(const struct s3_entry *e, const struct s3_entry *copy)
{
	if (!copy)
		return false;
	if (copy->mtime_ms != e->mtime_ms)
		return copy->mtime_ms > e->mtime_ms;
	return e->etag && copy->etag && !strcmp(e->etag, copy->etag);
}

static enum act decide_copy(struct run *r, const struct s3_entry *e, const struct s3_entry *copy)
{
	bool marker = !strcmp(e->key, r->m->from);

	if (!r->resumed || !copy)
		return ACT_COPY;
	/* An empty directory that is replaced has an object of its own. */
	if (!is_copied(e, copy) && !(marker && r->m->had_marker))
		return ACT_COPY;
	note_copy(r, copy->mtime_ms);
	return marker && r->m->had_marker ? ACT_COPY_ONCE : ACT_NONE;
}

static enum act decide_delete(struct run *r, const struct s3_entry *e, const struct s3_entry *copy)
{
	if (r->resumed && e->mtime_ms > r->m->upto_ms)
		return ACT_NONE; /* made since, by somebody who meant the old name */
	if (r->resumed && !copy)
		return ACT_FINISH;
	return is_copied(e, copy) ? ACT_DELETE : ACT_MOVE;
}

static enum act decide_back(struct run *r, const struct s3_entry *copy, const struct s3_entry *e)
{
	bool marker = !strcmp(copy->key, r->m->to);

	return e && !(marker && r->m->had_marker) ? ACT_TAKE_BACK : ACT_NONE;
}

static int copy_all(struct run *r)
{
	int err = join(r, r->m->from, r->resumed ? r->m->to : NULL, decide_copy);

	if (err)
		return err;
	crash_point("move.copied");
	r->m->phase = MOVE_DELETE;
	r->m->upto_ms = r->youngest_ms;
	err = store_move_set(r->fs->store, r->m);
	if (!err)
		crash_point("move.decided");
	return err;
}

/* Its row goes when nothing is left. */
static int delete_all(struct run *r)
{
	struct store_move *m = r->m;
	int err = m->phase == MOVE_BACK ? join(r, m->to, m->from, decide_back)
					: join(r, m->from, m->to, decide_delete);

	if (err)
		return err;
	crash_point("move.deleted");
	err = store_move_drop(r->fs->store, m->id);
	if (!err)
		crash_point("move.dropped");
	return err;
}

static void log_move(const struct store_move *m, const char *result, int err)
{
	char from[256], to[256], why[64];

	if (err)
		log_error("op=rename from=\"%s\" to=\"%s\" result=%s why=\"%s\"",
			  printable(m->from, from, sizeof(from)), printable(m->to, to, sizeof(to)),
			  result, errno_text(err, why, sizeof(why)));
	else
		log_info("op=rename from=\"%s\" to=\"%s\" result=%s",
			 printable(m->from, from, sizeof(from)), printable(m->to, to, sizeof(to)),
			 result);
}

/* Of this rename alone, and the same when it is resumed. */
static void name_family(struct run *r)
{
	snprintf(r->family, sizeof(r->family), "%011llx%05llx",
		 (unsigned long long)r->m->created_ms & 0xfffffffffffull,
		 (unsigned long long)r->m->id & 0xfffffull);
}

static void run_begin(struct run *r)
{
	name_family(r);
	lock_init(&r->l);
	cond_init(&r->changed);
}

static void run_end(struct run *r)
{
	cond_free(&r->changed);
	lock_free(&r->l);
}

/* All or nothing: what the caller is told. What is then left to be deleted is no failure of his. */
static int run_phases(struct run *r, bool *ret_left)
{
	int err = copy_all(r), left;

	if (err) {
		r->m->phase = MOVE_BACK;
		left = store_move_set(r->fs->store, r->m);
		if (left)
			log_move(r->m, "undecided", left);
		else
			crash_point("move.back");
	}
	left = delete_all(r);
	*ret_left = left != 0;
	if (left)
		log_move(r->m,
			 err ? "failed,some-are-under-both-names" : "some-are-under-both-names",
			 left);
	return err;
}

int move_run(struct fs *fs, const char *from, const char *to, bool had_marker, bool *ret_left)
{
	auto_with(store_move_free) struct store_move m = { .phase = MOVE_COPY,
							   .had_marker = had_marker };
	struct run run = { .fs = fs, .m = &m };
	int r = str_dup(from, &m.from);

	if (!r)
		r = str_dup(to, &m.to);
	if (!r)
		r = store_move_add(fs->store, &m);
	if (r)
		return r;
	crash_point("move.begun");
	run_begin(&run);
	r = run_phases(&run, ret_left);
	run_end(&run);
	return r;
}

int move_resume(struct fs *fs, struct store_move *m)
{
	struct run run = { .fs = fs, .m = m, .resumed = true };
	int r = 0;

	run_begin(&run);
	if (m->phase == MOVE_COPY) {
		r = copy_all(&run);
		run.resumed = false; /* what others did meanwhile goes along */
	}
	if (!r)
		r = delete_all(&run);
	run_end(&run);
	log_move(m, r ? "unfinished" : "finished", r);
	return r;
}
