/* copy_check.c - is the replica what it should be? */
#include "queue/copy_i.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/codec.h"
#include "base/digest.h"
#include "s3/part.h"

bool copy_etag_form(const char *etag, unsigned *ret_n)
{
	uint64_t n = 0;

	if (!etag || strspn(etag, "0123456789abcdef") != 32 || (etag[32] && etag[32] != '-'))
		return false;
	if (etag[32] && (parse_u64(etag + 33, &n) < 0 || n == 0 || n > PART_COUNT_MAX))
		return false;
	*ret_n = (unsigned)n;
	return true;
}

static int body_md5(struct copy *c, char *ret_hex)
{
	auto_with(digest_free_ptr) struct digest *d = NULL;
	auto_free char *chunk = malloc((size_t)MIB);
	uint8_t sum[MD5_SIZE];
	int err;

	err = chunk ? digest_new(DIGEST_MD5, &d) : -ENOMEM;
	copy_body_aim(&c->body, (struct s3_range){ 0, c->spec.size });
	for (uint64_t off = 0; err == 0 && off < c->spec.size;) {
		size_t n = (size_t)min_of(c->spec.size - off, MIB);

		err = copy_body_read(&c->body, chunk, n, off);
		if (err == 0)
			digest_add(d, chunk, n);
		off += n;
	}
	err = err < 0 ? err : digest_end(d, sum);
	if (err == 0)
		hex_encode(sum, sizeof(sum), ret_hex);
	return err;
}

static int differs(struct copy *c, const char *etag)
{
	*c->err = (struct s3_error){ .class = FAULT_CONFLICT, .retry_after_ms = -1 };
	snprintf(c->err->code, sizeof(c->err->code), "%s", COPY_DIFFERS);
	snprintf(c->err->message, sizeof(c->err->message),
		 "the replica's ETag is %.80s, the source's %.80s", etag, c->spec.etag);
	c->report.uncertain = false;
	c->report.at_source = true;
	return -EIO;
}

bool copy_stored_others(struct copy *c)
{
	static const char *const codes[] = { "ChecksumMismatch", "ETagMismatch" };
	char op[sizeof(c->err->op)];

	for (size_t i = 0; i < array_size(codes); i++) {
		if (strcmp(c->err->code, codes[i]) != 0)
			continue;
		memcpy(op, c->err->op, sizeof(op));
		*c->err = (struct s3_error){ .class = FAULT_CONFLICT, .retry_after_ms = -1 };
		memcpy(c->err->op, op, sizeof(op));
		snprintf(c->err->code, sizeof(c->err->code), "%s", COPY_DIFFERS);
		snprintf(c->err->message, sizeof(c->err->message),
			 "the destination says that it stored other bytes than were sent (%s of "
			 "%.31s)",
			 codes[i], op);
		return true;
	}
	return false;
}

/* With KMS on one side an ETag is no digest of the bytes, though it may look like one. */
static bool can_compare(const struct copy *c, const struct s3_info *replica, unsigned *ret_n)
{
	unsigned a = 0;
	unsigned b = 0;

	if (replica_is_kms(c->spec.sse) || replica_is_kms(replica->sse) || replica->sse_customer)
		return false;
	if (!copy_etag_form(c->spec.etag, &a) || !copy_etag_form(replica->etag, &b) || a != b)
		return false;
	*ret_n = a;
	return true;
}

/* Did the source version come in the very parts in which we sent it? */
static bool same_parts(const struct copy *c, unsigned n)
{
	bool ours = c->token && c->j->spec.known && c->j->spec.multipart;

	return n == c->layout.n && (ours || c->layout.is_source);
}

/*
 * Only forms that can be compared are: MD5 with MD5, and "MD5-N" of the same parts. Where a server
 * encrypts without saying so the bytes themselves decide before a single PUT is called different.
 */
int copy_check_etag(struct copy *c, const struct s3_info *replica)
{
	char hex[2 * MD5_SIZE + 1];
	unsigned n;
	int err;

	if (!can_compare(c, replica, &n) || strcmp(c->spec.etag, replica->etag) == 0)
		return 0;
	if (n > 0)
		return same_parts(c, n) ? differs(c, replica->etag) : 0;
	err = body_md5(c, hex);
	if (err < 0)
		return copy_blame(c, err);
	if (strcmp(hex, c->spec.etag) == 0 || (c->body.fd < 0 && strcmp(hex, replica->etag) == 0))
		return 0;
	return differs(c, replica->etag);
}
