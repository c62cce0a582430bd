/*
 * hold.c - what is acknowledged and not in the source yet, and when it goes there: staged files
 * (held), and new metadata of versions that the source has (settling). The crash points are at the
 * head of commit.c.
 *
 * A further change moves the deadline; of what settles not for ever: after MOVES_MAX periods it is
 * due. A new directory that is due may wait on: hold_dir.c.
 */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/crash.h"
#include "base/log.h"
#include "fs/change.h"
#include "fs/file_i.h"
#include "fs/notify.h"
#include "fs/temp_name.h"
#include "fs/settle.h"

#define MOVES_MAX 10
#define AGAIN_MS  10000 /* after a failure */
#define DUE_MAX	  32	/* collected at once */

static void count_bytes(struct file *f, uint64_t n)
{
	_Atomic uint64_t *all = &f->fs->files->held_bytes;

	atomic_fetch_add(all, n - f->locked.held_bytes); /* may wrap, and comes out right */
	f->locked.held_bytes = n;
}

void file_drop_held_ref(struct file *f)
{
	bool had = f->locked.held_ref;

	count_bytes(f, 0);

	f->locked.held_ref = f->locked.held_meta = false;
	if (had)
		file_put(f); /* never the last one: our caller has its own */
}

/* It is looked after by the deadline from now on, open or not. */
static void keep_for(struct file *f, int64_t period_ms, bool may_move_on)
{
	int64_t now = clock_mono_ms();

	lock_take(&f->fs->files->l);
	if (!f->locked.held_ref) {
		f->refs++;
		f->locked.held_since = now;
	}
	lock_drop(&f->fs->files->l);
	f->locked.held_ref = true;
	f->locked.active_ms = now;
	f->locked.hold_until = now + period_ms;
	if (!may_move_on)
		f->locked.hold_until =
			min_of(f->locked.hold_until, f->locked.held_since + MOVES_MAX * period_ms);
}

void file_hold_later(struct file *f)
{
	f->locked.hold_until = clock_deadline(AGAIN_MS);
	settle_note(f->fs->settle, f->locked.hold_until);
}

static void become(struct file *f, enum file_state state)
{
	lock_take(&f->locked.l);
	file_set_state_locked(f, state);
	lock_drop(&f->locked.l);
	settle_note(f->fs->settle, f->locked.hold_until);
}

/* --- held ------------------------------------------------------------------------------------- */

void file_drop_promised(struct file *f)
{
	auto_free char *name = take_ptr(&f->locked.promised);

	if (name)
		spool_remove_old(f->locked.body->spool, name);
}

/* Acknowledged under this ticket from now on. The spool is synced; a directory has none. */
static int write_hold(struct file *f, const char *key, struct attr *ret_now)
{
	struct spool *spool = f->locked.body->spool;
	struct job_spec spec;
	int r = file_marked_now(f, ret_now);

	if (r)
		return r;
	spec = change_spec(f->fs, ret_now);
	r = repl_hold(f->locked.ticket, key, spool ? spool_name(spool) : NULL, &spec);
	if (r)
		return r;
	if (spool)
		spool_keep(spool);
	file_drop_promised(f);
	crash_point("hold.kept");
	return 0;
}

static int sync_spool(struct file *f)
{
	return f->locked.body->spool ? spool_sync(f->locked.body->spool) : 0;
}

static int write_meta_hold(struct file *f, const char *key)
{
	auto_with(attr_free) struct attr now = { 0 };
	int r = file_now_copy(f, &now);

	return r ? r : change_meta_hold(f->fs, f->locked.ticket, key, &now);
}

int file_promise_busy(struct file *f, const char *key)
{
	auto_with(attr_free) struct attr now = { 0 };
	int r;

	if (f->locked.held_meta)
		return write_meta_hold(f, key);
	r = sync_spool(f);
	return r ? r : write_hold(f, key, &now);
}

enum durability file_durability_busy(struct file *f)
{
	const struct fs *fs = f->fs;
	auto_free char *key = NULL;

	if (node_key(fs->nodes, f->node, &key))
		return fs->conf.durability;
	return repl_durability(fs->repl, key, &f->locked.now.rec.tags, fs->conf.sse,
			       fs->conf.durability);
}

static bool has_room(const struct file *f)
{
	return atomic_load(&f->fs->files->held_bytes) - f->locked.held_bytes + f->locked.now.size <=
	       f->fs->conf.staging_max;
}

static bool is_link(const struct file *f)
{
	return S_ISLNK(attr_meta_mode(f->fs, &f->locked.now.rec.meta, false));
}

/* How long what is staged may stay here only, in ms: 0 = it goes at once, by itself; -1 = it may
 * not. Where the backlog is too large the close waits for the source. */
static int64_t hold_period(struct file *f)
{
	const struct fs_conf *conf = &f->fs->conf;
	struct spool *spool = f->locked.body->spool;
	auto_free char *key = NULL;

	if (node_is_dir(f->node))
		return conf->settle_ms > 0 ? conf->settle_ms : -1;
	if (!spool || spool_error(spool) || !body_is_local(f->locked.body, f->locked.now.size) ||
	    node_key(f->fs->nodes, f->node, &key))
		return -1;
	if (conf->hold_ms > 0 && temp_name_is(key, conf->temp_names))
		return conf->hold_ms;
	if (conf->settle_ms > 0 && f->locked.made && is_link(f))
		return conf->settle_ms;
	if (conf->hold_ms > 0 && f->locked.made)
		return conf->hold_ms;
	if (conf->settle_ms > 0 && f->locked.late_attrs)
		return conf->settle_ms;
	return file_durability_busy(f) == DURABILITY_STAGED && has_room(f) ? 0 : -1;
}

bool file_may_hold_busy(struct file *f)
{
	return hold_period(f) >= 0;
}

int file_hold_busy(struct file *f)
{
	auto_free char *key = NULL;
	auto_with(attr_free) struct attr now = { 0 };
	int64_t period = hold_period(f);
	int r = node_key(f->fs->nodes, f->node, &key);

	if (!r)
		r = file_renew_ticket_busy(f, key);
	if (!r && period && f->locked.upload && upload_started(f->locked.upload))
		file_drop_uploads(f);
	if (!r)
		r = sync_spool(f);
	crash_point("hold.synced");
	if (!r && !f->locked.ticket)
		r = repl_begin(f->fs->repl, JOB_OBJECT, key, &f->locked.ticket);
	if (!r)
		r = write_hold(f, key, &now);
	if (r)
		return r;
	file_now_set(f, &now);
	f->locked.held_meta = false;
	if (period >= 0) /* else it was held for another reason, and is still */
		f->locked.hold_period = period;
	/* a download may take its time */
	keep_for(f, f->locked.hold_period, f->locked.hold_period == f->fs->conf.hold_ms);
	count_bytes(f, f->locked.hold_period ? 0 : f->locked.now.size);
	become(f, FILE_HELD);
	return 0;
}

/* The torn body goes: the file is what was acknowledged. */
static int go_back(struct file *f)
{
	uint64_t size;
	int r;

	if (!f->locked.promised)
		return -EIO;
	file_drop_uploads(f);
	r = spool_back_to(f->locked.body->spool, take_ptr(&f->locked.promised), &size);
	if (r)
		return r;
	lock_take(&f->locked.l);
	f->locked.now.size = size;
	f->locked.changes++;
	lock_drop(&f->locked.l);
	return 0;
}

int file_hold_again_busy(struct file *f)
{
	auto_free char *key = NULL;
	int r = node_key(f->fs->nodes, f->node, &key);

	if (!r && spool_error(f->locked.body->spool))
		r = go_back(f);
	if (!r)
		r = file_promise_busy(f, key);
	if (r)
		return r;
	count_bytes(f, f->locked.hold_period ? 0 : f->locked.now.size);
	become(f, FILE_HELD);
	file_hold_later(f);
	notify_key(f->fs->notify, key, false);
	return 0;
}

/* --- settling --------------------------------------------------------------------------------- */

/* Some servers copy nothing that is encrypted: then it is the one who changes something who must
 * hear of it. So the first such copy of a mount does not wait. */
bool file_may_settle_busy(struct file *f)
{
	return f->fs->conf.settle_ms > 0 && f->locked.now.has_object &&
	       (!f->locked.now.rec.sse || f->fs->files->copies_encrypted);
}

int file_settle_busy(struct file *f)
{
	auto_free char *key = NULL;
	bool begun = false;
	int r = node_key(f->fs->nodes, f->node, &key);

	if (!r && !f->locked.ticket) {
		r = repl_begin(f->fs->repl, JOB_OBJECT, key, &f->locked.ticket);
		begun = !r;
	}
	if (!r)
		r = write_meta_hold(f, key);
	if (r && begun) {
		repl_abandon(f->locked.ticket);
		f->locked.ticket = NULL;
	}
	if (r)
		return r;
	keep_for(f, f->fs->conf.settle_ms, false);
	f->locked.held_meta = true;
	become(f, FILE_SETTLING);
	return 0;
}

void file_settled_busy(struct file *f, struct attr *now)
{
	repl_abandon(f->locked.ticket);
	f->locked.ticket = NULL;
	f->locked.unclear = false;
	file_now_set(f, now);
	become(f, FILE_CLEAN);
	file_drop_held_ref(f);
}

/* Somebody else replaced the version that the metadata were for: theirs is the last word. */
static void forget_meta(struct file *f, const char *key)
{
	char shown[256];

	log_warn("op=settle key=\"%s\" result=forgotten why=\"somebody else replaced the object\"",
		 printable(key, shown, sizeof(shown)));
	repl_abandon(f->locked.ticket);
	f->locked.ticket = NULL;
	f->locked.unclear = false;
	attr_cache_drop(f->fs->attrs, key);
	become(f, FILE_CLEAN);
	if (file_refresh(f, true))
		log_debug("op=settle result=\"what is there now is not known\"");
}

int file_settle_steps(struct file *f, const char *key)
{
	auto_with(attr_free) struct attr now = { 0 };
	struct body *body = NULL;
	int r = file_now_copy(f, &now);

	if (!r)
		r = change_meta_held(f->fs, f->locked.ticket, key, &now, &f->locked.unclear);
	if (r == -ESTALE || r == -ENOENT) {
		forget_meta(f, key);
		return -ESTALE;
	}
	if (r)
		return r;
	f->locked.ticket = NULL;
	f->locked.unclear = false;
	/* Without memory for a new body the old version is read on. */
	if (!body_new(f->fs, NULL, key, &now, &body))
		file_body_set(f, body);
	file_now_set(f, &now);
	become(f, FILE_CLEAN);
	return 0;
}

static bool is_waiting(enum file_state s)
{
	return s == FILE_HELD || s == FILE_SETTLING;
}

/* Its name is gone (a directory was removed): there is nothing left to promise. */
static bool is_nameless(struct file *f)
{
	auto_free char *key = NULL;

	return node_key(f->fs->nodes, f->node, &key) == -ESTALE;
}

/* What was acknowledged is not dropped without a word: its bytes are kept aside. */
static void keep_aside(struct file *f)
{
	struct spool *spool = f->locked.body->spool;
	char shown[256];

	if (f->locked.state != FILE_HELD || !spool ||
	    spool_move(spool, f->fs->conf.failed_dir, spool_name(spool)))
		return;
	log_error("upload=failed key=\"%s\" why=\"its name is gone\" kept=%s/%s",
		  printable(ticket_key(f->locked.ticket), shown, sizeof(shown)),
		  f->fs->conf.failed_dir, spool_name(spool));
}

static int commit_waiting_busy(struct file *f)
{
	int r = file_commit_busy(f);

	if (f->locked.state == FILE_CLEAN) /* forgotten: that is done, too */
		return 0;
	if (!r || !is_waiting(f->locked.state) || !is_nameless(f))
		return r;
	keep_aside(f);
	file_kill_busy(f);
	file_drop_held_ref(f);
	return 0;
}

int file_settle_dir(struct fs *fs, struct node *dir)
{
	struct file *f = file_peek(fs, dir);
	int r = 0;

	if (!f)
		return 0;
	file_busy_begin(f);
	if (is_waiting(f->locked.state))
		r = commit_waiting_busy(f);
	file_busy_end(f);
	file_put(f);
	return r;
}

static int settle_name(void *arg, struct node *n)
{
	struct file *f = file_peek(arg, n);
	int r = 0;

	if (!f)
		return 0;
	file_busy_begin(f);
	if (f->locked.state == FILE_HELD && (node_is_dir(n) || is_link(f)))
		r = commit_waiting_busy(f);
	file_busy_end(f);
	file_put(f);
	return r;
}

int file_settle_names(struct fs *fs, struct node *dir)
{
	int r = file_settle_dir(fs, dir);

	return r ? r : node_each_file(fs->nodes, dir, true, settle_name, fs);
}

/* --- what is due ------------------------------------------------------------------------------ */

/* Those that are committed together; NULL: nobody waits. */
struct round {
	struct lock l;
	struct cond changed;
	unsigned running; /* l */
	int error;	  /* l: the first */
};

struct due {
	struct file *file; /* referenced */
	struct round *round;
};

/* The thread may find it again. */
static void give_back(struct file *f)
{
	struct settle *settle = f->fs->settle;

	lock_take(&f->fs->files->l);
	f->due_taken = false;
	lock_drop(&f->fs->files->l);
	file_put(f);
	settle_note(settle, clock_mono_ms());
}

static void commit_one(void *arg)
{
	struct due *d = arg;
	struct file *f = d->file;
	struct round *round = d->round;
	int r = 0;

	free(d);
	file_busy_begin(f);
	/* it may have been changed meanwhile */
	if (is_waiting(f->locked.state) &&
	    (round || (f->locked.hold_until <= clock_mono_ms() && !file_is_being_filled_busy(f))))
		r = commit_waiting_busy(f);
	file_busy_end(f);
	if (r)
		log_debug("what was held could not be made a version; tried again later");
	if (!round) {
		give_back(f);
		return;
	}
	file_put(f);
	lock_take(&round->l);
	round->running--;
	if (r && !round->error)
		round->error = r;
	cond_signal(&round->changed);
	lock_drop(&round->l);
}

/* Referenced files that are due, and that no task has already. */
static size_t collect_due(struct fs *fs, int64_t now, struct file **due, size_t max,
			  int64_t *ret_next)
{
	size_t n = 0;

	*ret_next = CLOCK_NEVER;
	scoped_lock(&fs->files->l);
	for (struct file *f = fs->files->first; f; f = f->next) {
		if (!is_waiting(f->locked.state) || f->due_taken)
			continue;
		if (f->locked.hold_until > now) {
			*ret_next = min_of(*ret_next, f->locked.hold_until);
		} else if (n < max) {
			f->refs++;
			f->due_taken = true;
			due[n++] = f;
		} else {
			*ret_next = now;
		}
	}
	return n;
}

/* All that wait, or are on their way: that may fail yet. Each once in a round. */
static size_t collect_all(struct fs *fs, uint64_t number, struct file **due, size_t max)
{
	size_t n = 0;

	scoped_lock(&fs->files->l);
	for (struct file *f = fs->files->first; f && n < max; f = f->next) {
		enum file_state s = f->locked.state;

		if ((!is_waiting(s) && s != FILE_COMMITTING) || f->round == number)
			continue;
		f->refs++;
		f->round = number;
		due[n++] = f;
	}
	return n;
}

static void submit(struct fs *fs, struct file *f, struct round *round)
{
	struct due *d = malloc(sizeof(*d));

	if (!d) {
		if (round)
			file_put(f);
		else
			give_back(f);
		return;
	}
	*d = (struct due){ f, round };
	if (round) {
		lock_take(&round->l);
		round->running++;
		lock_drop(&round->l);
	}
	if (settle_submit(fs->settle, commit_one, d))
		commit_one(d);
}

void file_commit_due(struct fs *fs, int64_t now_mono_ms, int64_t *ret_next)
{
	struct file *due[DUE_MAX];
	size_t n = collect_due(fs, now_mono_ms, due, array_size(due), ret_next);

	for (size_t i = 0; i < n; i++)
		submit(fs, due[i], NULL);
}

int file_commit_held(struct fs *fs)
{
	struct file *due[DUE_MAX];
	struct round round = { 0 };
	uint64_t number;
	size_t n;

	lock_init(&round.l);
	cond_init(&round.changed);
	lock_take(&fs->files->l);
	number = ++fs->files->rounds;
	lock_drop(&fs->files->l);
	while ((n = collect_all(fs, number, due, array_size(due)))) {
		for (size_t i = 0; i < n; i++)
			submit(fs, due[i], &round);
		lock_take(&round.l);
		while (round.running)
			cond_wait(&round.changed, &round.l);
		lock_drop(&round.l);
	}
	cond_free(&round.changed);
	lock_free(&round.l);
	return round.error;
}
