/* dir_keep.c - see dir_keep.h. */
#include "fs/dir_keep.h"

#include <errno.h>
#include <stdlib.h>

#include "base/lock.h"

#define KEPT_MAX 4 /* programs that do so at once */

struct kept {
	const struct node *node; /* the dir's; NULL: nothing here */
	struct dir *dir;
	int64_t until_ms;
};

struct dir_keep {
	void (*free_dir)(struct dir *d); /* fixed */
	struct lock l;
	struct kept kept[KEPT_MAX]; /* l */
	unsigned next;		    /* l: the one that goes next */
};

int dir_keep_new(void (*free_dir)(struct dir *d), struct dir_keep **ret_k)
{
	struct dir_keep *k = calloc(1, sizeof(*k));

	if (!k)
		return -ENOMEM;
	k->free_dir = free_dir;
	lock_init(&k->l);
	*ret_k = k;
	return 0;
}

/* What was in its place is to be freed without the lock. */
static struct dir *replace(struct dir_keep *k, unsigned at, struct kept with)
{
	struct dir *old;

	lock_assert_held(&k->l);
	old = k->kept[at].dir;
	k->kept[at] = with;
	return old;
}

void dir_keep_put(struct dir_keep *k, const struct node *n, struct dir *d, int64_t until_ms)
{
	struct dir *old;

	lock_take(&k->l);
	old = replace(k, k->next++ % KEPT_MAX, (struct kept){ n, d, until_ms });
	lock_drop(&k->l);
	if (old)
		k->free_dir(old);
}

struct dir *dir_keep_take(struct dir_keep *k, const struct node *n, int64_t now_ms)
{
	scoped_lock(&k->l);
	for (unsigned i = 0; i < KEPT_MAX; i++)
		if (k->kept[i].node == n && now_ms < k->kept[i].until_ms)
			return replace(k, i, (struct kept){ 0 });
	return NULL;
}

void dir_keep_drop(struct dir_keep *k, const struct node *n)
{
	for (unsigned i = 0; i < KEPT_MAX; i++) {
		struct dir *old = NULL;

		lock_take(&k->l);
		if (k->kept[i].dir && (!n || k->kept[i].node == n))
			old = replace(k, i, (struct kept){ 0 });
		lock_drop(&k->l);
		if (old)
			k->free_dir(old);
	}
}

void dir_keep_free(struct dir_keep *k)
{
	if (!k)
		return;
	dir_keep_drop(k, NULL);
	lock_free(&k->l);
	free(k);
}
