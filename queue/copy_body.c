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
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != b->spec->size)
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

void copy_body_close(struct copy_body *b)
{
	if (b->fd >= 0)
		close(b->fd);
	b->fd = -1;
	free(b->block);
	b->block = NULL;
}

static int fill_block(struct copy_body *b, uint64_t off)
{
	const struct job *j = b->job;
	uint64_t start = off / BLOCK_SIZE * BLOCK_SIZE;
	struct s3_range range = { start, min_of(start + BLOCK_SIZE, b->spec->size) };
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
	b->block_off = start;
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

int copy_body_read(void *arg, void *dst, size_t n, uint64_t off)
{
	struct copy_body *b = arg;

	if (b->err < 0)
		return b->err;
	if (b->fd >= 0 && io_pread_full(b->fd, dst, n, b->base + off) == 0)
		return 0;
	if (b->fd >= 0) {
		log_warn("job=%lld staged=%s result=\"cannot be read; the source is read instead\"",
			 (long long)b->job->id, b->job->staged);
		close(b->fd);
		b->fd = -1;
	}
	b->err = read_source(b, dst, n, b->base + off);
	return b->err;
}
