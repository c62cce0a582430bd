/* io.h - whole reads and writes, durable files. 0 or -errno. */
#ifndef BASE_IO_H
#define BASE_IO_H

#include <sys/types.h>

#include "base/base.h"
#include "base/buf.h"

/* -EIO on a short file. */
int io_pread_full(int fd, void *dst, size_t n, uint64_t off) must_check;
int io_pwrite_full(int fd, const void *p, size_t n, uint64_t off) must_check;
int io_write_full(int fd, const void *p, size_t n) must_check;
/* Appends to an initialised buf; -E2BIG beyond limit. */
int io_read_file(const char *path, size_t limit, struct buf *ret_b) must_check;
/*
 * Writes path.tmp, fsyncs, renames over path, fsyncs the directory. One caller at a time for one
 * path.
 */
int io_replace_file(const char *path, const void *p, size_t n, mode_t mode) must_check;
/* path is the directory itself. */
int io_fsync_dir(const char *path) must_check;
/*
 * mkdir -p; the last component is made with exactly mode (parents 0755) and, when it exists, must
 * be a directory.
 */
int io_mkdirs(const char *path, mode_t mode) must_check;
/* What an operator does about this error (-errno) of a local file, for a message that names the
 * file; "" when there is nothing to say. */
const char *io_remedy(int err);

#endif
