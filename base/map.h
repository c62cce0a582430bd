/* map.h - hash table from string to pointer. Copies keys, borrows values. Not thread-safe. */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "base/base.h"

struct map;

int map_new(struct map **ret_m) must_check;
void map_free(struct map *m);			     /* NULL is fine; values stay the caller's */
void *map_get(const struct map *m, const char *key); /* NULL when absent */
int map_set(struct map *m, const char *key, void *value) must_check; /* value != NULL; replaces */
void *map_del(struct map *m, const char *key); /* the value removed, or NULL */
size_t map_count(const struct map *m);
/*
 * Calls fn for each entry in no order; stops at and returns fn's first non-zero. fn must not change
 * the map.
 */
int map_each(const struct map *m, int (*fn)(void *arg, const char *key, void *value), void *arg);

#endif
