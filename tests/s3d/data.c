/*
 * Bodies at rest. They never change once a row names them. Small ones are rows of the index,
 * named "@ID", because making a file can cost more than all the rest of a small PUT.
 */
#include "s3d.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool data_is_small(const char *file)
{
	return file[0] == '@';
}

static int64_t small_id(const char *file)
{
	return strtoll(file + 1, NULL, 10);
}

int data_put_small(const void *p, size_t n, char ret_file[33])
{
	db_lock();
	int rc = db_run("INSERT INTO small(body) VALUES(?)", "b", p, n);
	if (!rc)
		snprintf(ret_file, 33, "@%lld", (long long)db_last_id());
	db_unlock();
	return rc;
}

int data_get_small(const char *file, struct buf *ret)
{
	int rc = -EIO;

	db_lock();
	sqlite3_stmt *st = db_query("SELECT body FROM small WHERE id=?", "i", small_id(file));
	if (sqlite3_step(st) == SQLITE_ROW) {
		const void *p = sqlite3_column_blob(st, 0);
		buf_add(ret, p, (size_t)sqlite3_column_bytes(st, 0));
		rc = 0;
	}
	db_done(st);
	db_unlock();
	return rc;
}

void data_unlink(const char *file)
{
	if (!file)
		return;
	if (data_is_small(file)) {
		db_lock();
		db_run("DELETE FROM small WHERE id=?", "i", small_id(file));
		db_unlock();
		return;
	}
	char *path = data_path(file);
	unlink(path);
	free(path);
}

/* The same bytes under a second name. Needs db_lock, so that the first name cannot go. */
int data_link(const char *file, char ret_file[33])
{
	if (data_is_small(file)) {
		int err = db_run("INSERT INTO small(body) SELECT body FROM small WHERE id=?", "i",
				 small_id(file));
		snprintf(ret_file, 33, "@%lld", (long long)db_last_id());
		return err;
	}
	random_hex(ret_file, 32);
	ret_file[32] = 0;
	char *from = data_path(file), *to = data_path(ret_file);
	int rc = link(from, to) ? -errno : 0;
	free(from);
	free(to);
	return rc;
}

static int data_open(const char *file)
{
	char *path = data_path(file);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int rc = fd < 0 ? -errno : fd;

	free(path);
	return rc;
}

/* Gives the bytes to fn, piece by piece. file may be NULL if len is 0. */
static int each_piece(const char *file, int64_t off, int64_t len,
		      int (*fn)(void *arg, const char *p, size_t n), void *arg)
{
	struct buf small = { 0 };
	int rc = 0;

	if (len <= 0)
		return 0;
	if (data_is_small(file)) {
		rc = data_get_small(file, &small);
		if (!rc)
			rc = (int64_t)small.len < off + len ? -EIO
							    : fn(arg, small.p + off, (size_t)len);
		buf_free(&small);
		return rc;
	}
	int fd = data_open(file);
	if (fd < 0)
		return fd;
	char *chunk = x_malloc(65536);
	while (len > 0 && !rc) {
		ssize_t n = pread(fd, chunk, (size_t)(len < 65536 ? len : 65536), off);
		rc = n <= 0 ? -EIO : fn(arg, chunk, (size_t)n);
		off += n;
		len -= n;
	}
	free(chunk);
	close(fd);
	return rc;
}

static int into_digest(void *arg, const char *p, size_t n)
{
	EVP_DigestUpdate(arg, p, n);
	return 0;
}

static int into_csum(void *arg, const char *p, size_t n)
{
	csum_update(arg, p, n);
	return 0;
}

static int into_file(void *arg, const char *p, size_t n)
{
	return write(*(int *)arg, p, n) == (ssize_t)n ? 0 : -EIO;
}

int data_md5(const char *file, int64_t off, int64_t len, char ret_hex[33])
{
	EVP_MD_CTX *ctx = md5_new();
	uint8_t raw[16];
	int rc = each_piece(file, off, len, into_digest, ctx);

	EVP_DigestFinal_ex(ctx, raw, NULL);
	hex_encode(raw, 16, ret_hex);
	EVP_MD_CTX_free(ctx);
	return rc;
}

int data_csum(const char *file, int64_t len, struct csum *c)
{
	return each_piece(file, 0, len, into_csum, c);
}

int data_create(char ret_file[33])
{
	random_hex(ret_file, 32);
	ret_file[32] = 0;
	char *path = data_path(ret_file);
	int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
	int rc = fd < 0 ? -errno : fd;
	free(path);
	return rc;
}

int data_append(int out, const char *file, int64_t off, int64_t len)
{
	if (data_is_small(file))
		return each_piece(file, off, len, into_file, &out);
	int in = data_open(file);
	if (in < 0)
		return in;
	while (len > 0) {
		loff_t at = off;
		ssize_t n = copy_file_range(in, &at, out, NULL, (size_t)len, 0);
		if (n <= 0)
			break;
		off += n;
		len -= n;
	}
	close(in);
	return each_piece(file, off, len, into_file, &out);
}
