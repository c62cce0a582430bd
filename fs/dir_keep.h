/*
 * dir_keep.h - listings that were opened, looked at, and closed before their end. rm(1) asks so
 * whether a directory is empty, and opens it again at once to empty it: that one goes on with what
 * the first one asked for, unless the kernel tells of it before it tells of the close. Who reads to
 * the end gets a listing of his own.
 *
 * Thread-safe. Values are dir.c's.
 */
#ifndef FS_DIR_KEEP_H
#define FS_DIR_KEEP_H

#include "base/base.h"

struct dir;
struct node;
struct dir_keep;

int dir_keep_new(void (*free_dir)(struct dir *d), struct dir_keep **ret_k) must_check;
void dir_keep_free(struct dir_keep *k); /* frees what it has; NULL is fine */
/* Takes d, a listing of n, which has a reference of it. Who was kept longest goes. */
void dir_keep_put(struct dir_keep *k, const struct node *n, struct dir *d, int64_t until_ms);
/* One of n that may be gone on with at now_ms (mono); NULL. */
struct dir *dir_keep_take(struct dir_keep *k, const struct node *n, int64_t now_ms);
/* A name in n was changed; NULL: anything may have. */
void dir_keep_drop(struct dir_keep *k, const struct node *n);

#endif
