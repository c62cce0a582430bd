/*
 * ops_notify.c - what the kernel is told without having asked. See notify.h.
 *
 * The kernel takes the directory's lock to forget a name, and those of the pages to forget bytes:
 * it waits for lookups and reads that are under way. So it is never told that from within an
 * operation, and no operation waits for this thread.
 */
#include "fs/notify.h"

#include <errno.h>
#include <string.h>

#include "base/lock.h"
#include "base/log.h"
#include "fs/ops_i.h"

#define WAITING_MAX 65536 /* then everything is told to be unknown */
/* Names that the kernel may know: each costs memory here and there, and it keeps them for as long
 * as it has memory itself. When it knows more it is told to forget the oldest. */
#define KNOWN_MAX   100000
#define KNOWN_SLACK 10000

struct news {
	struct news *next;
	bool other, below;
	char key[]; /* below: all that begins with it */
};

struct notify {
	struct node_table *nodes;     /* fixed */
	struct fuse_session *session; /* fixed once started */
	pthread_t thread;
	bool started;
	struct lock l;
	struct cond changed;
	struct news *first, **last; /* l */
	size_t waiting;		    /* l */
	bool too_many;		    /* l: names are known */
	bool stopped;		    /* l */
};

int notify_new(struct node_table *nodes, struct notify **ret_n)
{
	struct notify *n = calloc(1, sizeof(*n));

	if (!n)
		return -ENOMEM;
	n->nodes = nodes;
	n->last = &n->first;
	lock_init(&n->l);
	cond_init(&n->changed);
	*ret_n = n;
	return 0;
}

static void drop_all(struct notify *n)
{
	while (n->first) {
		struct news *next = n->first->next;

		free(n->first);
		n->first = next;
	}
	n->last = &n->first;
	n->waiting = 0;
}

void notify_free(struct notify *n)
{
	if (!n)
		return;
	drop_all(n);
	cond_free(&n->changed);
	lock_free(&n->l);
	free(n);
}

static void append(struct notify *n, const char *key, bool other, bool below)
{
	size_t len = strlen(key) + 1;
	struct news *x = malloc(sizeof(*x) + len);

	if (!x)
		return; /* the kernel's own time limits hold */
	*x = (struct news){ .other = other, .below = below };
	memcpy(x->key, key, len);
	scoped_lock(&n->l);
	if (n->waiting >= WAITING_MAX) {
		drop_all(n);
		x->key[0] = '\0';
		x->below = true;
	}
	*n->last = x;
	n->last = &x->next;
	n->waiting++;
	cond_signal(&n->changed);
}

void notify_key(void *n, const char *key, bool other)
{
	append(n, key, other, false);
}

void notify_attrs(struct notify *n, uint64_t ino)
{
	int r = fuse_lowlevel_notify_inval_inode(n->session, ino, -1, 0);

	if (r && r != -ENOENT)
		log_debug("op=notify ino=%llu error=%d", (unsigned long long)ino, -r);
}

void notify_below(struct notify *n, const char *dir_key)
{
	append(n, dir_key, true, true);
}

/* A name is forgotten only where it matters: a directory that somebody works in would lose its
 * path. What the kernel does not know (any more) is no error. */
static void forget(struct notify *n, uint64_t dir, const char *name, uint64_t ino, bool other)
{
	int r = 0;

	if (ino)
		r = fuse_lowlevel_notify_inval_inode(n->session, ino, 0, 0);
	if (other && dir)
		r = fuse_lowlevel_notify_inval_entry(n->session, dir, name, strlen(name));
	if (r && r != -ENOENT)
		log_debug("op=notify ino=%llu error=%d", (unsigned long long)ino, -r);
}

/* The last part of the key. */
static void name_of(const char *key, char *dst, size_t n)
{
	size_t len = strlen(key);
	const char *begin;

	len -= len && key[len - 1] == '/';
	for (begin = key + len; begin > key && begin[-1] != '/'; begin--)
		;
	len = min_of(len - (size_t)(begin - key), n - 1);
	memcpy(dst, begin, len);
	dst[len] = '\0';
}

static void tell_key(struct notify *n, const char *key, bool other)
{
	struct node *dir = NULL, *node = NULL;
	char name[256];

	if (node_find_key(n->nodes, key, &dir, &node))
		return;
	name_of(key, name, sizeof(name));
	forget(n, node_ino(dir), name, node ? node_ino(node) : 0, other);
	node_unref(n->nodes, node);
	node_unref(n->nodes, dir);
}

static void tell_node(struct notify *n, uint64_t ino)
{
	auto_free char *name = NULL;
	struct node *node = NULL;

	if (node_ref(n->nodes, ino, &node))
		return;
	/* of a directory the attributes: to ask for them shows whether it is there */
	if (node_is_dir(node) || node_name(n->nodes, node, &name))
		forget(n, 0, NULL, ino, false);
	else
		forget(n, node_parent(n->nodes, node), name, ino, true);
	node_unref(n->nodes, node);
}

static void tell_below(struct notify *n, const char *key)
{
	struct node *dir = NULL, *node = NULL;
	uint64_t *inos = NULL;
	size_t count = 0;

	(void)!node_find_key(n->nodes, key, &dir, &node);
	if (!node)
		node = take_ptr(&dir); /* the key is the root's, or nobody asked for that one */
	if (!node && node_ref(n->nodes, NODE_ROOT, &node))
		return;
	if (!node_list_below(n->nodes, node, &inos, &count))
		for (size_t i = 0; i < count; i++)
			tell_node(n, inos[i]);
	free(inos);
	node_unref(n->nodes, node);
	node_unref(n->nodes, dir);
}

void notify_known(struct notify *n)
{
	if (node_count(n->nodes) <= KNOWN_MAX + KNOWN_SLACK)
		return;
	scoped_lock(&n->l);
	if (n->too_many)
		return;
	n->too_many = true;
	cond_signal(&n->changed);
}

/* What is over, once: the kernel's answers come a little later. */
static void forget_oldest(struct notify *n)
{
	size_t known = node_count(n->nodes);

	for (size_t i = KNOWN_MAX; i < known; i++) {
		auto_free char *name = NULL;
		uint64_t dir;

		if (node_next_idle(n->nodes, &dir, &name))
			return;
		forget(n, dir, name, 0, true);
	}
}

/* False: to be stopped. *ret_x NULL: there are too many names. */
static bool next_news(struct notify *n, struct news **ret_x)
{
	struct news *x;

	scoped_lock(&n->l);
	while (!n->stopped && !n->first && !n->too_many)
		cond_wait(&n->changed, &n->l);
	x = n->first;
	if (x)
		n->first = x->next;
	else
		n->too_many = false;
	if (!n->first)
		n->last = &n->first;
	n->waiting -= x != NULL;
	*ret_x = x;
	return !n->stopped;
}

static void *run(void *arg)
{
	struct notify *n = arg;
	struct news *x = NULL;

	pthread_setname_np(pthread_self(), "notify");
	while (next_news(n, &x)) {
		if (!x)
			forget_oldest(n);
		else if (x->below)
			tell_below(n, x->key);
		else
			tell_key(n, x->key, x->other);
		free(x);
	}
	free(x);
	return NULL;
}

int notify_start(struct notify *n, struct fuse_session *se)
{
	int err;

	n->session = se;
	err = pthread_create(&n->thread, NULL, run, n);
	n->started = err == 0;
	return -err;
}

void notify_stop(struct notify *n)
{
	if (!n->started)
		return;
	lock_take(&n->l);
	n->stopped = true;
	cond_signal(&n->changed);
	lock_drop(&n->l);
	pthread_join(n->thread, NULL);
	n->started = false;
}
