/*
 * dir.c - listing -> readdir. See dir.h.
 *
 * A cookie is page << 12 | index; local files have cookies from LOCAL on. The tokens of the pages
 * seen are kept, so that going back is one request. Which local files there are is decided when the
 * first page is asked for, and those that a page then has are crossed out: a file that becomes an
 * object meanwhile is shown once.
 *
 * One caller works on a handle at a time (busy); no lock is held while S3 is asked.
 */
#include "fs/dir.h"

#include <errno.h>
#include <string.h>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/codec.h"
#include "base/lock.h"
#include "base/log.h"
#include "fs/dir_keep.h"
#include "fs/file.h"
#include "fs/history.h"
#include "fs/path.h"

#define PAGE_MAX      1000
#define PAGE_BITS     12
#define PAGE_FRESH_MS 10000 /* a page that is older is not vouched for any more */
#define LOCAL	      ((uint64_t)1 << 52)
#define HEADS_MAX     16 /* in flight */
#define WINDOW	      64 /* entries whose metadata is asked for at once */

struct item {
	char *name;
	bool hidden;
	struct attr attr;
};

struct local_name {
	char *name;
	bool listed; /* a page has it by now */
};

struct dir {
	struct fs *fs;	   /* fixed */
	struct node *node; /* fixed; referenced */
	char *key;	   /* fixed */
	struct lock l;
	struct cond changed;
	bool busy; /* l */
	/* busy's: */
	bool loaded;
	uint64_t page; /* the one that items are of */
	struct item *items;
	size_t n;
	int64_t since; /* when it was asked for (mono) */
	bool last;     /* no page after this one */
	char **tokens; /* of page 0 (NULL), 1, ... */
	size_t tokens_n;
	struct local_name *local; /* sorted */
	size_t local_n;
	struct attr local_attr; /* of the local item given last */
	struct attr self;	/* the directory, as last known; is_dir false: not known */
	bool kept;  /* page 0 is there for who opened it now (dir_keep.h) */
	bool ended; /* somebody has read to the end */
};

static struct dir *take_kept(struct fs *fs, const struct node *n, const char *key)
{
	struct dir *d = dir_keep_take(fs->dirs, n, clock_mono_ms());

	if (d && strcmp(d->key, key)) { /* renamed since */
		dir_free(d);
		return NULL;
	}
	if (d)
		d->kept = true;
	return d;
}

int dir_open(struct fs *fs, struct node *n, struct dir **ret_d)
{
	struct dir *d;
	char *key = NULL;
	int r = node_is_dir(n) ? node_key(fs->nodes, n, &key) : -ENOTDIR;

	if (r)
		return r;
	d = take_kept(fs, n, key);
	if (d) {
		free(key);
		*ret_d = d;
		return 0;
	}
	d = calloc(1, sizeof(*d));
	if (d)
		r = node_ref(fs->nodes, node_ino(n), &d->node);
	if (!d || r) {
		free(d);
		free(key);
		return r ? r : -ENOMEM;
	}
	d->fs = fs;
	d->key = key;
	lock_init(&d->l);
	cond_init(&d->changed);
	if (attr_cache_get(fs->attrs, key, &d->self))
		attr_free(&d->self);
	*ret_d = d;
	return 0;
}

static void items_free(struct dir *d)
{
	for (size_t i = 0; i < d->n; i++) {
		free(d->items[i].name);
		attr_free(&d->items[i].attr);
	}
	free(take_ptr(&d->items));
	d->n = 0;
	d->loaded = false;
}

static void local_free(struct dir *d)
{
	for (size_t i = 0; i < d->local_n; i++)
		free(d->local[i].name);
	free(take_ptr(&d->local));
	d->local_n = 0;
	attr_free(&d->local_attr);
}

static void reset(struct dir *d)
{
	items_free(d);
	for (size_t i = 0; i < d->tokens_n; i++)
		free(d->tokens[i]);
	free(take_ptr(&d->tokens));
	d->tokens_n = 0;
	local_free(d);
}

void dir_free(struct dir *d)
{
	if (!d)
		return;
	reset(d);
	attr_free(&d->self);
	node_unref(d->fs->nodes, d->node);
	cond_free(&d->changed);
	lock_free(&d->l);
	free(d->key);
	free(d);
}

/* All of it is on the page, and nobody knows better yet. */
static bool is_worth_keeping(const struct dir *d, int64_t until)
{
	return d->loaded && !d->page && d->last && !d->ended && clock_mono_ms() < until &&
	       !history_holds(d->fs, d->key);
}

void dir_close(struct dir *d)
{
	int64_t until = d ? d->since + min_of(d->fs->conf.attr_ms, PAGE_FRESH_MS) : 0;

	if (d && is_worth_keeping(d, until))
		dir_keep_put(d->fs->dirs, d->node, d, until);
	else
		dir_free(d);
}

/* --- local files ------------------------------------------------------------------------------ */

static bool is_local(struct fs *fs, struct node *n, struct attr *ret_a)
{
	return !file_peek_attr(fs, n, ret_a) && !ret_a->has_object;
}

static int add_local(void *arg, struct node *n)
{
	struct dir *d = arg;
	auto_with(attr_free) struct attr a = { 0 };
	auto_free char *name = NULL;
	struct local_name *grown;

	if (!is_local(d->fs, n, &a) || node_name(d->fs->nodes, n, &name))
		return 0;
	grown = reallocarray(d->local, d->local_n + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	d->local = grown;
	d->local[d->local_n++] = (struct local_name){ .name = take_ptr(&name) };
	return 0;
}

static int compare_local(const void *a, const void *b)
{
	const struct local_name *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static struct local_name *find_local(struct dir *d, const char *name)
{
	struct local_name key = { .name = (char *)(uintptr_t)name };

	return d->local_n ? bsearch(&key, d->local, d->local_n, sizeof(key), compare_local) : NULL;
}

/* What waits here under the name of an item: *ret_a. -ENOENT: nothing (any more). */
static int peek_local(struct dir *d, const char *name, struct attr *ret_a)
{
	struct node *n = NULL;
	int r = node_find(d->fs->nodes, node_ino(d->node), name, &n);

	if (!r)
		r = file_peek_attr(d->fs, n, ret_a);
	node_unref(d->fs->nodes, n);
	return r;
}

/* The source has it too, or what is below it. */
static int cross_out(struct dir *d, struct local_name *local, const struct s3_entry *e,
		     struct item *i)
{
	auto_with(attr_free) struct attr pending = { 0 };

	local->listed = true;
	if (!e->is_prefix || peek_local(d, i->name, &pending) || !pending.is_dir)
		return attr_from_entry(d->fs, e, &i->attr);
	pending.has_object = true; /* as dir_make.c has it */
	i->attr = pending;
	memset(&pending, 0, sizeof(pending));
	return 0;
}

/* Page 0 again: the directory as it is now, or was for who asked a moment ago. */
static int begin(struct dir *d)
{
	int r;

	if (d->kept) {
		d->kept = false;
		return 0;
	}
	reset(d);
	d->tokens = calloc(1, sizeof(char *));
	if (!d->tokens)
		return -ENOMEM;
	d->tokens_n = 1;
	r = node_each_file(d->fs->nodes, d->node, true, add_local, d);
	if (d->local_n)
		qsort(d->local, d->local_n, sizeof(*d->local), compare_local);
	return r;
}

static int one_local(void *arg, struct node *n)
{
	auto_with(attr_free) struct attr a = { 0 };

	/* of a file: whatever the source has of it */
	return !file_peek_attr(arg, n, &a) && !(a.is_dir && a.has_object);
}

bool dir_has_local(struct fs *fs, struct node *n)
{
	return node_each_file(fs->nodes, n, false, one_local, fs) > 0;
}

/* --- pages ------------------------------------------------------------------------------------ */

static int add_item(struct dir *d, const struct s3_entry *e)
{
	struct item *i = &d->items[d->n];
	struct local_name *local;
	size_t len;
	const char *name = path_last(e->key, &len);
	char shown[256];
	int r;

	*i = (struct item){ 0 };
	r = str_format(&i->name, "%.*s", (int)len, name);
	if (r)
		return r;
	d->n++;
	i->hidden = !path_is_name(name, len) || strlen(i->name) != len;
	if (i->hidden && strcmp(e->key, d->key))
		log_debug("op=list hidden=\"%s\" why=\"cannot be a name\"",
			  printable(e->key, shown, sizeof(shown)));
	/* The marker of the directory itself; and what the versions directory is in the way of. */
	i->hidden |= !strcmp(e->key, d->key) || history_is_top(d->fs, d->key, i->name);
	if (i->hidden)
		return 0;
	local = find_local(d, i->name);
	return local ? cross_out(d, local, e, i) : attr_from_entry(d->fs, e, &i->attr);
}

/* The file of the same name as the directory at index at comes before it, among names that begin
 * with it. */
static void hide_file(struct dir *d, size_t at)
{
	size_t len = strlen(d->items[at].name);

	for (size_t i = at; i-- > 0 && !strncmp(d->items[i].name, d->items[at].name, len);)
		if (!d->items[i].name[len] && !d->items[i].attr.is_dir)
			d->items[i].hidden = true;
}

/* Lookups that follow a listing are answered from it: for a while from when the page came, and
 * again from when the name was handed out, since a page may take longer than that. */
static void remember_again(struct dir *d, const struct item *i)
{
	auto_free char *key = NULL;

	if (!i->hidden && clock_mono_ms() - d->since < PAGE_FRESH_MS &&
	    !path_child_key(d->key, i->name, i->attr.is_dir, &key))
		attr_cache_put_seen(d->fs->attrs, key, &i->attr, d->since);
}

/* What is hidden, too: the directory is not empty (attr_cache_is_empty). */
static void remember_items(struct dir *d, const struct s3_page *p, int64_t since)
{
	if (clock_mono_ms() - since >= PAGE_FRESH_MS)
		return;
	for (size_t i = 0; i < d->n; i++)
		if (strcmp(p->entries[i].key, d->key) != 0 &&
		    !history_is_top(d->fs, d->key, d->items[i].name))
			attr_cache_put_seen(d->fs->attrs, p->entries[i].key, &d->items[i].attr,
					    since);
}

/* A page with keys shows that the directory is there: who walks through its names need not ask for
 * it again. The first one shows whether it has a marker. */
static void remember_self(struct dir *d, uint64_t page, const struct s3_page *p, int64_t since)
{
	bool marker = !page && !strcmp(p->entries[0].key, d->key);
	auto_with(attr_free) struct attr now = { 0 };
	int r = attr_cache_get(d->fs->attrs, d->key, &now);

	if (marker && (r || !now.has_object)) {
		attr_free(&now);
		r = attr_from_entry(d->fs, &p->entries[0], &now);
	}
	if (!r) {
		attr_free(&d->self);
		d->self = now;
		memset(&now, 0, sizeof(now));
	}
	if (d->self.is_dir)
		attr_cache_put_seen(d->fs->attrs, d->key, &d->self, since);
}

/* After the names of the first page: which others are not there. */
static void remember_whole(struct dir *d, const struct s3_page *p, int64_t since)
{
	const char *last = p->truncated && p->n ? p->entries[p->n - 1].key + strlen(d->key) : NULL;
	int64_t hold_ms = CLOCK_NEVER;

	if (history_holds(d->fs, d->key) || d->fs->conf.at_ms || (p->truncated && !p->n) ||
	    clock_mono_ms() - since >= PAGE_FRESH_MS)
		return;
	for (size_t i = 0; i < d->n; i++)
		hold_ms = min_of(hold_ms, attr_hold_ms(&d->items[i].attr));
	attr_cache_put_stretch(d->fs->attrs, d->key, "", last, since, hold_ms);
}

static int take_page(struct dir *d, uint64_t page, const struct s3_page *p, int64_t since)
{
	int r = 0;

	items_free(d);
	d->items = calloc(p->n ? p->n : 1, sizeof(*d->items));
	if (!d->items)
		return -ENOMEM;
	for (size_t i = 0; i < p->n && !r; i++)
		r = add_item(d, &p->entries[i]);
	if (r)
		return r;
	for (size_t i = 0; i < d->n; i++)
		if (d->items[i].attr.is_dir && !d->items[i].hidden)
			hide_file(d, i);
	remember_items(d, p, since);
	if (p->n)
		remember_self(d, page, p, since);
	if (!page)
		remember_whole(d, p, since);
	d->page = page;
	d->since = since;
	d->last = !p->truncated;
	d->loaded = true;
	return 0;
}

static int load_page(struct dir *d, uint64_t page)
{
	auto_with(s3_page_free) struct s3_page p = { 0 };
	int64_t since = clock_mono_ms();
	int r = history_keys(d->fs, d->key, "/", d->tokens[page], PAGE_MAX, &p);

	if (!r)
		r = take_page(d, page, &p, since);
	/* One that is asked for again may end elsewhere by now: the next one begins there. */
	while (!r && d->tokens_n > page + 1)
		free(d->tokens[--d->tokens_n]);
	if (!r && !d->last) {
		char **grown = reallocarray(d->tokens, d->tokens_n + 1, sizeof(char *));

		if (!grown)
			return -ENOMEM;
		d->tokens = grown;
		d->tokens[d->tokens_n++] = take_ptr(&p.next_token);
	}
	return r;
}

/* -ENOENT: there are not so many pages. */
static int need_page(struct dir *d, uint64_t page)
{
	int r = 0;

	if (d->loaded && d->page == page)
		return 0;
	while (!r && d->tokens_n <= page) {
		r = load_page(d, d->tokens_n - 1);
		if (!r && d->last)
			return -ENOENT;
	}
	return r ? r : d->loaded && d->page == page ? 0 : load_page(d, page);
}

/* --- metadata of what was not seen yet -------------------------------------------------------- */

struct fill {
	struct dir *d;
	struct cancel *cancel; /* of the reader, for whom the pool's threads work */
	struct lock l;
	struct cond changed;
	unsigned running; /* l */
	int error;	  /* l: the first that goes for all of them */
};

struct fill_task {
	struct fill *f;
	struct item *item;
};

static void fill_run(void *arg)
{
	struct fill_task *t = arg;
	struct fill *f = t->f;
	struct cancel *before = cancel_enter(f->cancel);
	auto_free char *key = NULL;
	int r = path_child_key(f->d->key, t->item->name, t->item->attr.is_dir, &key);

	if (!r)
		r = attr_complete(f->d->fs, key, &t->item->attr);
	/* gone or replaced meanwhile: it keeps what the listing said */
	if (r == -ENOENT || r == -ESTALE)
		r = 0;
	cancel_enter(before);
	free(t);
	lock_take(&f->l);
	if (r && !f->error)
		f->error = r;
	f->running--;
	cond_signal(&f->changed);
	lock_drop(&f->l);
}

static void fill_start(struct fill *f, struct item *item)
{
	struct fill_task *t = malloc(sizeof(*t));
	bool stop;

	if (!t)
		return;
	*t = (struct fill_task){ f, item };
	lock_take(&f->l);
	while (f->running >= HEADS_MAX)
		cond_wait(&f->changed, &f->l);
	stop = f->error;
	f->running += !stop;
	lock_drop(&f->l);
	if (stop) {
		free(t);
		return;
	}
	if (pool_try_submit(f->d->fs->read_pool, fill_run, t))
		fill_run(t);
}

/* From index on, a window of entries gets its metadata: or the source does not answer. */
static int fill_items(struct dir *d, size_t from)
{
	struct fill f = { .d = d, .cancel = cancel_here() };

	if (!d->fs->conf.posix_meta || d->items[from].attr.rec_known || d->items[from].attr.past)
		return 0;
	lock_init(&f.l);
	cond_init(&f.changed);
	for (size_t i = from; i < d->n && i < from + WINDOW; i++)
		if (!d->items[i].hidden && !d->items[i].attr.rec_known)
			fill_start(&f, &d->items[i]);
	lock_take(&f.l);
	while (f.running)
		cond_wait(&f.changed, &f.l);
	lock_drop(&f.l);
	cond_free(&f.changed);
	lock_free(&f.l);
	return f.error;
}

/* --- one item --------------------------------------------------------------------------------- */

static int next_local(struct dir *d, uint64_t cookie, struct dir_item *ret_i)
{
	for (size_t i = (size_t)(cookie - LOCAL); i < d->local_n; i++) {
		const char *name = d->local[i].name;

		if (d->local[i].listed)
			continue;
		attr_free(&d->local_attr);
		/* An object by now, or removed. */
		if (peek_local(d, name, &d->local_attr) &&
		    attr_lookup(d->fs, d->key, name, &d->local_attr))
			continue;
		*ret_i = (struct dir_item){ d->local[i].name, d->local_attr.is_dir, d->local_attr,
					    LOCAL + i + 1, false };
		return 1;
	}
	return 0;
}

static int next(struct dir *d, uint64_t cookie, bool want_attr, struct dir_item *ret_i)
{
	uint64_t page = cookie >> PAGE_BITS;
	size_t i = (size_t)(cookie & ((1u << PAGE_BITS) - 1));
	int r = cookie && d->tokens_n && !d->kept ? 0 : begin(d);

	while (!r && cookie < LOCAL) {
		r = need_page(d, page);
		if (r == -ENOENT)
			return next_local(d, LOCAL, ret_i);
		while (!r && i < d->n && d->items[i].hidden)
			i++;
		if (!r && i < d->n) {
			if (want_attr)
				r = fill_items(d, i);
			else
				remember_again(d, &d->items[i]);
			if (r)
				return r;
			*ret_i = (struct dir_item){ d->items[i].name, d->items[i].attr.is_dir,
						    d->items[i].attr, page << PAGE_BITS | (i + 1),
						    i + 1 == d->n };
			return 1;
		}
		if (!r && d->last)
			return next_local(d, LOCAL, ret_i);
		page++;
		i = 0;
	}
	return r ? r : next_local(d, cookie, ret_i);
}

int dir_next(struct dir *d, uint64_t cookie, bool want_attr, struct dir_item *ret_i)
{
	int r;

	lock_take(&d->l);
	while (d->busy)
		cond_wait(&d->changed, &d->l);
	d->busy = true;
	lock_drop(&d->l);
	r = next(d, cookie, want_attr, ret_i);
	d->ended |= !r;
	lock_take(&d->l);
	d->busy = false;
	cond_signal(&d->changed);
	lock_drop(&d->l);
	return r;
}
