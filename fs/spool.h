/*
 * spool.h - bytes of one open object that are not in S3 yet: a sparse file in the staging
 * directory, the ranges of it that are ours, and a generation per part (s3/part.h) that every write
 * to the part changes. Refcounted: uploads read it after the file has moved on. Thread-safe; the
 * lock is a leaf and is not held while bytes are read.
 */
#ifndef FS_SPOOL_H
#define FS_SPOOL_H

#include "base/base.h"
#include "s3/types.h"

struct spool;

/* makes an empty file with a random name */
int spool_new(const char *dir, struct spool **ret_s) must_check;
struct spool *spool_ref(struct spool *s);
/* the last one closes and, unless kept, unlinks the file; NULL is fine */
void spool_unref(struct spool *s);
const char *spool_name(const struct spool *s); /* in dir */

/* Puts n bytes into the file fd at off: 0 or -errno. */
typedef int spool_put_fn(void *arg, int fd, size_t n, uint64_t off);

/* -ENOSPC and such stick: see spool_error */
int spool_write(struct spool *s, const void *p, size_t n, uint64_t off) must_check;
/* The same from where only put knows, a pipe. */
int spool_write_by(struct spool *s, spool_put_fn *put, void *arg, size_t n, uint64_t off)
	must_check;
/* The first failed write's error; a spool with one must never be uploaded. 0 none. */
int spool_error(const struct spool *s);
/* Keeps bytes that the object has there anyway: ours from now on, in the same generation. Nobody
 * may write meanwhile. No error sticks. */
int spool_fill(struct spool *s, const void *p, size_t n, uint64_t off) must_check;
/* Marks [start, end) as ours and zero (a hole). */
int spool_zero(struct spool *s, struct s3_range r) must_check;
/* Forgets everything from size on; every part that changes by it gets a new generation. */
int spool_truncate(struct spool *s, uint64_t size) must_check;
/* caller stays inside our ranges */
int spool_read(struct spool *s, void *dst, size_t n, uint64_t off) must_check;
/* From off on: are the next *ret_len bytes (>= 1, <= max) ours? */
bool spool_owns(struct spool *s, uint64_t off, uint64_t max, uint64_t *ret_len);
/* Gives the disk its room back: the bytes of a spool with an error are of no use any more. */
void spool_discard(struct spool *s);
/* Copies the ranges that are ours, sorted, of at most max; -E2BIG when there are more. */
int spool_own(struct spool *s, struct s3_range *ret_r, size_t max, size_t *ret_n) must_check;
bool spool_has(struct spool *s, struct s3_range r); /* all of it ours? */
uint64_t spool_gen(struct spool *s, unsigned part); /* never 0 */
/* fdatasync, and of the directory the first time */
int spool_sync(struct spool *s) must_check;
/* The file is somebody else's to unlink from now on (the queue's). */
void spool_keep(struct spool *s);
/* It is ours again. */
void spool_unkeep(struct spool *s);
/* The file as it is stays under *ret_old, somebody else's to unlink; ours goes on in a new one with
 * its first keep bytes, in the same generations. Nobody may write meanwhile. Fails: as it was. */
int spool_part_ways(struct spool *s, uint64_t keep, char **ret_old) must_check;
/* Back to a file that we parted from: all of it is ours, and no error is left. Consumes old. */
int spool_back_to(struct spool *s, char *old, uint64_t *ret_size) must_check;
/* Removes a file of the spool's directory. */
void spool_remove(const struct spool *s, const char *name);
/* Moves the file to another directory (kept there). */
int spool_move(struct spool *s, const char *to_dir, const char *to_name) must_check;

#endif
