/*
 * spool.h - bytes of one open object that are not in S3 yet: a sparse file in the staging
 * directory, the ranges of it that are ours, and a generation per part (s3/part.h) that every write
 * to the part changes. Refcounted: uploads read it after the file has moved on. Thread-safe; the
 * lock is not held while bytes are read, and none but the quota's is taken under it.
 *
 * A spool of which a write has failed is torn, and must never be uploaded, until it is cut to what
 * is in front of that write.
 */
#ifndef FS_SPOOL_H
#define FS_SPOOL_H

#include "base/base.h"
#include "fs/quota.h"
#include "s3/types.h"

struct spool;

/* makes an empty file with a random name; borrows quota, which outlives it (NULL: not counted) */
int spool_new(const char *dir, struct quota *quota, struct spool **ret_s) must_check;
struct spool *spool_ref(struct spool *s);
/* the last one closes and, unless kept, unlinks the file; NULL is fine */
void spool_unref(struct spool *s);
const char *spool_name(const struct spool *s); /* in dir */

/* Puts n bytes into the file fd at off: 0 or -errno. After -ENOSPC or -EDQUOT it may be called
 * again for the same bytes. */
typedef int spool_put_fn(void *arg, int fd, size_t n, uint64_t off);

/* Errors stick: see spool_error */
int spool_write(struct spool *s, const void *p, size_t n, uint64_t off) must_check;
/* The same from where only put knows, a pipe. That there is no room (is_no_room) does not stick: it
 * may be tried again, or given up with spool_fail. */
int spool_write_by(struct spool *s, spool_put_fn *put, void *arg, size_t n, uint64_t off)
	must_check;
/* There was no room for a write: -ENOSPC, -EDQUOT. */
bool is_no_room(int r);
/* A write at off was given up. */
void spool_fail(struct spool *s, int err, uint64_t off);
/* The first failed write's error; a spool with one must never be uploaded. 0 none. */
int spool_error(const struct spool *s);
/* The content is cut to size: no error is left, if what failed was behind that. */
void spool_mend(struct spool *s, uint64_t size);
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
/* Gives the disk its room back: the bytes of a spool with an error are of no use any more. Only
 * what is written into the empty file is whole again. */
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
/* Removes that file instead. */
void spool_remove_old(struct spool *s, const char *old);
/* How many bytes it takes of the disk, without holes; the quota counts them. */
uint64_t spool_bytes(struct spool *s);
/* They will go without a program's doing: it is being committed, or about to be. */
void spool_set_leaving(struct spool *s, bool leaving);
/* The queue keeps the file, and counts it. */
void spool_give(struct spool *s);
/* Moves the file to another directory (kept there). */
int spool_move(struct spool *s, const char *to_dir, const char *to_name) must_check;

#endif
