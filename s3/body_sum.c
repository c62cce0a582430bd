#include "s3/body_sum.h"

#include <errno.h>

#define HASH_CHUNK (256 * 1024)

static int body_each(const struct s3_req *q, void (*add)(void *arg, const void *p, size_t n),
		     void *arg)
{
	auto_free char *chunk = NULL;
	size_t n;
	int rc;

	if (!q->read) {
		add(arg, q->body_size ? q->body_data : "", (size_t)q->body_size);
		return 0;
	}
	chunk = malloc(HASH_CHUNK);
	if (!chunk)
		return -ENOMEM;
	for (uint64_t off = 0; off < q->body_size; off += n) {
		n = (size_t)min_of(q->body_size - off, (uint64_t)HASH_CHUNK);
		rc = q->read(q->read_arg, chunk, n, off);
		if (rc)
			return rc;
		add(arg, chunk, n);
	}
	return 0;
}

static void add_to_digest(void *arg, const void *p, size_t n)
{
	digest_add(arg, p, n);
}

int body_hash(const struct s3_req *q, enum digest_kind kind, uint8_t ret_hash[DIGEST_MAX])
{
	auto_with(digest_free_ptr) struct digest *d = NULL;
	int rc;

	if ((rc = digest_new(kind, &d)) != 0 || (rc = body_each(q, add_to_digest, d)) != 0)
		return rc;
	return digest_end(d, ret_hash);
}

static void add_to_crc32c(void *arg, const void *p, size_t n)
{
	uint32_t *crc = arg;

	*crc = crc32c(*crc, p, n);
}

int body_crc32c(const struct s3_req *q, uint32_t *ret_crc)
{
	uint32_t crc = 0;
	int rc = body_each(q, add_to_crc32c, &crc);

	if (rc == 0)
		*ret_crc = crc;
	return rc;
}
