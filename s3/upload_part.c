/* upload_part.c - one part of an upload on its way: its bytes are sent, or the server copies them.
 * See upload.h, upload_i.h. */
#include <errno.h>
#include <string.h>

#include "base/crash.h"

#include "s3/part.h"
#include "s3/upload_i.h"

struct part_reader {
	const struct upload_src *src;
	uint64_t start;
};

static int read_part(void *arg, void *dst, size_t n, uint64_t off)
{
	const struct part_reader *r = arg;

	return r->src->read(r->src->arg, dst, n, r->start + off);
}

/* Writes down how the sending of generation `before` ended. */
static void note_sent_locked(struct upload *u, const struct mpu_part *sent, uint64_t before,
			     uint64_t after, int rc, const struct s3_error *e)
{
	struct upload_part *p = &u->locked.parts[sent->number - 1];

	lock_assert_held(&u->lock);
	if (rc == 0) {
		p->on_server = true;
		p->gen = before == after ? before : 0;
		p->size = sent->size;
		p->crc = sent->crc;
		memcpy(p->etag, sent->etag, sizeof(p->etag));
		return;
	}
	if (e->unclear) {
		p->on_server = true;
		p->gen = 0;
	}
	/* Bytes that changed while they were sent do not match their checksum: that is no failure,
	 * it just was not sent. */
	if (before == after || e->class != FAULT_BAD)
		upload_fail_locked(u, rc, e);
}

/* Is it about the copy, and not about the upload or us? Whether the server is down for all, the
 * bytes that are sent instead will show. */
static bool is_refusal(int rc, const struct s3_error *e)
{
	return rc != -ECANCELED && rc != -ENOMEM && strcmp(e->code, "NoSuchUpload") != 0;
}

/*
 * The server makes the part of bytes that it has. -EOPNOTSUPP: it is to be sent, since it is no
 * part of a base, or since the server refuses such a copy, or fails at it again and again: then no
 * other part is tried either, and reading the base tells what is wrong with it, if anything is.
 */
static int copy_part(struct upload *u, unsigned n, uint64_t size, struct mpu_part *ret_part,
		     struct s3_error *e)
{
	uint64_t start = part_range(n).start;
	struct s3_range range = { start, start + size };
	struct upload_base base;
	bool refused;
	int rc;

	lock_take(&u->lock);
	refused = u->locked.copy_refused;
	lock_drop(&u->lock);
	if (refused || !u->src.base || !u->src.base(u->src.arg, range, &base))
		return -EOPNOTSUPP;
	rc = mpu_part_copy(u->client, u->key, u->locked.id, u->locked.sum, n, base.key,
			   base.version, base.etag, range, ret_part, e);
	if (rc == 0 || !is_refusal(rc, e))
		return rc;
	*e = (struct s3_error){ 0 };
	scoped_lock(&u->lock);
	u->locked.copy_refused = true;
	return -EOPNOTSUPP;
}

void upload_send_part(struct upload *u, unsigned n, uint64_t size)
{
	struct part_reader reader = { &u->src, part_range(n).start };
	struct mpu_part sent = { .number = n };
	struct s3_error e = { 0 };
	uint64_t before, after;
	bool current;
	int rc;

	if (upload_ensure_open(u, &e) != 0)
		return;
	before = u->src.gen(u->src.arg, n);
	lock_take(&u->lock);
	u->locked.parts[n - 1].sending_gen = before;
	current = u->locked.parts[n - 1].gen == before && u->locked.parts[n - 1].size == size;
	lock_drop(&u->lock);
	if (current)
		return;
	rc = copy_part(u, n, size, &sent, &e);
	if (rc == -EOPNOTSUPP)
		rc = mpu_part_put(u->client, u->key, u->locked.id, u->locked.sum, n, read_part,
				  &reader, size, &sent, &e);
	if (rc == 0)
		crash_point("upload.part");
	if (rc == 0 && u->on_part)
		u->on_part(u->on_part_arg);
	sent.number = n;
	after = u->src.gen(u->src.arg, n);
	scoped_lock(&u->lock);
	note_sent_locked(u, &sent, before, after, rc, &e);
}
