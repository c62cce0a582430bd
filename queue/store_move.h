/*
 * store_move.h - renames of directories that are under way: what a dead mount left is finished by
 * the next one. Few rows, and short-lived.
 *
 *  phase   meaning                             old name    new name   leaves to
 *  copy    nobody was told how it went         all keys    some       delete, back
 *  delete  all were copied: it has happened    some        all        (gone)
 *  back    it failed, and that was told        all         some       (gone)
 */
#ifndef QUEUE_STORE_MOVE_H
#define QUEUE_STORE_MOVE_H

#include "queue/store.h"

enum move_phase { MOVE_COPY = 1, MOVE_DELETE, MOVE_BACK };

struct store_move {
	int64_t id;
	char *from, *to; /* "d/" */
	enum move_phase phase;
	bool had_marker; /* the new name was an empty directory with an object of its own */
	/* delete: what is younger under the old name (by the source's clock) was made since */
	int64_t upto_ms;
	int64_t created_ms; /* set by store_move_add */
};

void store_move_free(struct store_move *m); /* empties */

/* All that change something are synced. Sets m->id, created_ms. */
int store_move_add(struct store *s, struct store_move *m) must_check;
int store_move_set(struct store *s, const struct store_move *m) must_check; /* phase, upto_ms */
int store_move_drop(struct store *s, int64_t id) must_check;
/* The oldest whose id is greater. -ENOENT. */
int store_move_next(struct store *s, int64_t after, struct store_move *ret_m) must_check;

#endif
