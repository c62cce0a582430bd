#include "queue/copy_i.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/io.h"
#include "base/log.h"
#include "s3/object.h"

#define BLOCK_SIZE ((size_t)(8 * MIB))

/* Of the staged file: all of the body, or what is not its base's. */
static bool is_long_enough(const struct copy_body *b, uint64_t size)
{
	const struct job_base *base = &b->spec->base;

	/* The source told the spec, and no base: the file has only what is not in that. */
	if (b->job->spec.base.key && !base->key)
		return false;
	if (!base->key)
		return size == b->spec->size;
	return base->own_n > 0 && size >= base->own[base->own_n - 1].end;
}

/* A body that is not there, or not whole, is no trouble: the source has it. */
static int open_staged(const struct copy_body *b, int *ret_fd)
{
	auto_free char *path = NULL;
	auto_close int fd = -1;
	struct stat st;
	int err;

	err = str_format(&path, "%s/%s", b->conf->staging_dir, b->job->staged);
	if (err < 0)
		return err;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || !is_long_enough(b, (uint64_t)st.st_size))
		return -EIO;
	*ret_fd = take_fd(&fd);
	return 0;
}

int copy_body_open(struct copy_body *b, const struct job *j, const struct copy_conf *conf,
		   const struct job_spec *spec)
{
	/* A replica that differed was made from these bytes: the source decides. */
	bool distrust = j->code && strcmp(j->code, COPY_DIFFERS) == 0;
	int err;

	*b = (struct copy_body){ .job = j, .conf = conf, .spec = spec, .fd = -1 };
	if (!j->staged || distrust)
		return 0;
	err = open_staged(b, &b->fd);
	if (err < 0)
		log_debug("job=%lld staged=%s result=\"read from the source\" error=%d",
			  (long long)j->id, j->staged, err);
	return err == -ENOMEM ? err : 0;
}

void copy_body_aim(struct copy_body *b, struct s3_range range)
{
	b->base = range.start;
	b->end = range.end;
}

void copy_body_close(struct copy_body *b)
{
	if (b->fd >= 0 && !b->lent)
		close(b->fd);
	b->fd = -1;
	free(b->block);
	b->block = NULL;
}

void copy_body_lend(const struct copy_body *b, struct copy_body *ret_b)
{
	*ret_b = (struct copy_body){
		.job = b->job, .conf = b->conf, .spec = b->spec, .fd = b->fd, .lent = true
	};
}

int copy_body_blame(const struct copy_body *b, int err, struct s3_error *e, bool *ret_at_source)
{
	if (err == 0 || b->err == 0)
		return err;
	*ret_at_source = true;
	*e = b->error;
	if (b->err == -ENOENT)
		return -ENODATA;
	if (b->err == -ESTALE && !job_is_pinned(b->job))
		return -ENODATA;
	return b->err;
}

static int fill_block(struct copy_body *b, uint64_t off)
{
	const struct job *j = b->job;
	/* Not beyond what is being sent: the next part may come from elsewhere. */
	struct s3_range range = { off, min_of(off + BLOCK_SIZE, b->end) };
	const char *etag = job_is_pinned(j) ? NULL : b->spec->etag;
	size_t got = 0;
	int err;

	if (b->conf->stopping && b->conf->stopping(b->conf->arg))
		return -ECANCELED;
	if (!b->block) {
		b->block = malloc(min_of((size_t)b->spec->size, BLOCK_SIZE));
		if (!b->block)
			return -ENOMEM;
	}
	b->block_len = 0;
	err = object_get_range(b->conf->source, j->key, j->version, etag, range, b->block, &got,
			       &b->error);
	if (err < 0)
		return err;
	if (got != range.end - range.start)
		return -EIO;
	b->block_off = off;
	b->block_len = got;
	return 0;
}

static int read_source(struct copy_body *b, char *dst, size_t n, uint64_t off)
{
	while (n > 0) {
		size_t skip, len;

		if (off < b->block_off || off >= b->block_off + b->block_len) {
			int err = fill_block(b, off);

			if (err < 0)
				return err;
		}
		skip = (size_t)(off - b->block_off);
		len = min_of(n, b->block_len - skip);
		memcpy(dst, b->block + skip, len);
		dst += len;
		off += len;
		n -= len;
	}
	return 0;
}

static bool is_staged(const struct copy_body *b, uint64_t off, uint64_t max, uint64_t *ret_len)
{
	const struct job_base *base = &b->spec->base;

	*ret_len = max;
	if (b->fd < 0 || b->fails)
		return false;
	return !base->key || job_base_owns(base, off, max, ret_len);
}

static int read_bytes(struct copy_body *b, char *dst, size_t n, uint64_t off)
{
	uint64_t len;

	if (is_staged(b, off, n, &len)) {
		if (io_pread_full(b->fd, dst, (size_t)len, off) == 0)
			return (int)len;
		log_warn("job=%lld staged=%s result=\"cannot be read; the source is read instead\"",
			 (long long)b->job->id, b->job->staged);
		b->fails = true; /* others may be reading it */
	}
	b->err = read_source(b, dst, (size_t)len, off);
	return b->err < 0 ? b->err : (int)len;
}

int copy_body_read(void *arg, void *dst, size_t n, uint64_t off)
{
	struct copy_body *b = arg;

	for (size_t done = 0; done < n && b->err == 0;) {
		size_t len = min_of(n - done, (size_t)MIB);
		int r = read_bytes(b, (char *)dst + done, len, b->base + off + done);

		done += r > 0 ? (size_t)r : 0;
	}
	return b->err;
}
