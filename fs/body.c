/* body.c - the bytes of a version-to-be: the spool's ranges over the version that the file was
 * opened on. See file_i.h. */
#include <errno.h>
#include <string.h>

#include "fs/file_i.h"
#include "s3/part.h"

int body_new(struct fs *fs, struct spool *spool, const char *key, const struct attr *base,
	     struct body **ret_b)
{
	struct body *b = calloc(1, sizeof(*b));
	int r = 0;

	if (!b)
		return -ENOMEM;
	b->fs = fs;
	atomic_init(&b->refs, 1);
	if (base && base->has_object && base->size) {
		r = str_dup(key, &b->key);
		if (!r)
			r = str_dup(base->rec.version_id, &b->version_id);
		if (!r)
			r = str_dup(base->etag, &b->etag);
		b->full_size = base->size;
		atomic_init(&b->base_size, base->size);
	}
	if (r) {
		body_unref(b);
		return r;
	}
	b->spool = spool;
	*ret_b = b;
	return 0;
}

struct body *body_ref(struct body *b)
{
	atomic_fetch_add(&b->refs, 1);
	return b;
}

void body_unref(struct body *b)
{
	if (!b || atomic_fetch_sub(&b->refs, 1) != 1)
		return;
	spool_unref(b->spool);
	free(b->key);
	free(b->version_id);
	free(b->etag);
	free(b);
}

static int read_base(struct body *b, struct read_pos *pos, uint8_t *dst, size_t n, uint64_t off)
{
	struct read_id id = { b->key, b->version_id, b->etag, b->full_size };
	uint64_t shown = atomic_load(&b->base_size);
	size_t from_base = off < shown ? (size_t)min_of((uint64_t)n, shown - off) : 0;
	int r = from_base ? read_cache_read(b->fs->cache, &id, pos, dst, from_base, off) : 0;

	if (!r)
		memset(dst + from_base, 0, n - from_base);
	return r;
}

/* keep: what is read of the base goes into the spool. */
static int read_bytes(struct body *b, struct read_pos *pos, void *dst, size_t n, uint64_t off,
		      bool keep)
{
	int r = 0;

	for (size_t done = 0; done < n && !r;) {
		uint8_t *to = (uint8_t *)dst + done;
		uint64_t at = off + done, len = n - done;

		if (b->spool && spool_owns(b->spool, at, n - done, &len)) {
			r = spool_read(b->spool, to, (size_t)len, at);
		} else {
			r = read_base(b, pos, to, (size_t)len, at);
			if (!r && keep && spool_fill(b->spool, to, (size_t)len, at))
				keep = false; /* a destination reads it from the source then */
		}
		done += (size_t)len;
	}
	return r;
}

int body_read(struct body *b, struct read_pos *pos, void *dst, size_t n, uint64_t off)
{
	return read_bytes(b, pos, dst, n, off, false);
}

/* None of these bytes is ours. */
static bool is_untouched(struct body *b, struct s3_range r)
{
	uint64_t len;

	return !b->spool ||
	       (!spool_owns(b->spool, r.start, r.end - r.start, &len) && len == r.end - r.start);
}

bool body_is_local(struct body *b, uint64_t size)
{
	return !size || (b->spool && spool_has(b->spool, (struct s3_range){ 0, size }));
}

/* Not for a small object: see src_base. */
int body_base(struct body *b, struct job_base *ret_base)
{
	struct job_base base = { .key = b->key,
				 .version = b->version_id,
				 .etag = b->etag,
				 .size = b->full_size,
				 .shown = atomic_load(&b->base_size) };
	int r = 0;

	if (!b->key || b->full_size <= PART_SIZE_MIN)
		return -ENOENT;
	if (b->spool) {
		base.own = calloc(JOB_BASE_OWN_MAX, sizeof(*base.own));
		r = base.own ? spool_own(b->spool, base.own, JOB_BASE_OWN_MAX, &base.own_n)
			     : -ENOMEM;
	}
	if (r) {
		free(base.own);
		return r;
	}
	*ret_base = base;
	return 0;
}

static int src_read(void *arg, void *dst, size_t n, uint64_t off)
{
	struct body *b = arg;

	/*
	 * A part with something of ours becomes ours as a whole, so that no destination needs to
	 * read the rest of it. The file has the mark of the commit: nobody writes.
	 */
	return read_bytes(b, NULL, dst, n, off, !is_untouched(b, part_range(part_of(off))));
}

/*
 * A part of a smaller object cannot be copied: S3 API Reference, "UploadPartCopy". Nor would it be
 * worth it.
 */
static bool src_base(void *arg, struct s3_range range, struct upload_base *ret_base)
{
	struct body *b = arg;

	if (!b->key || b->full_size <= PART_SIZE_MIN || range.end > atomic_load(&b->base_size) ||
	    !is_untouched(b, range))
		return false;
	*ret_base = (struct upload_base){ b->key, b->version_id, b->etag };
	return true;
}

static uint64_t src_gen(void *arg, unsigned part)
{
	struct body *b = arg;

	return b->spool ? spool_gen(b->spool, part) : 1;
}

static void src_retain(void *arg)
{
	body_ref(arg);
}

static void src_release(void *arg)
{
	body_unref(arg);
}

struct upload_src body_upload_src(struct body *b)
{
	return (struct upload_src){ src_read, src_gen, src_retain, src_release, b,
				    src_base };
}
