/*
 * verify_body.c - bodies whose ETags prove nothing: other parts, KMS, a server that has its own
 * ETags. The sizes of the parts, then checksums of the servers, then (--deep) the bytes decide.
 */
#include "ctl/verify.h"

#include <errno.h>
#include <string.h>

#include "base/codec.h"
#include "queue/replica.h"
#include "s3/checksum.h"
#include "s3/object.h"
#include "s3/part.h"

#define CHUNK ((size_t)MIB)

struct proof {
	struct verify *v;
	const char *key;
	struct s3_client *there;
	struct v_pair *pair;
};

/* --- parts ------------------------------------------------------------------------------------ */

/* How many parts an ETag is of: "MD5-N"; 0 = none, or another form. */
static unsigned parts_of(const struct s3_info *i)
{
	const char *dash = i->etag ? strchr(i->etag, '-') : NULL;
	uint64_t n;

	if (!dash || dash - i->etag != 32 || replica_is_kms(i->sse) || i->sse_customer ||
	    parse_u64(dash + 1, &n) || n > PART_COUNT_MAX)
		return 0;
	return (unsigned)n;
}

/* 1 = the two were made in the same parts, 0 = not, or nobody tells. */
static int same_parts(const struct proof *p, unsigned n, struct s3_error *e)
{
	for (unsigned i = 1; i <= n; i++) {
		uint64_t here = 0, there = 0;
		unsigned here_n = 0, there_n = 0;
		int r = object_head_part(p->v->client.source, p->key, p->pair->src->id, i, &here,
					 &here_n, e);

		r = r ? r
		      : object_head_part(p->there, p->key, p->pair->dst->id, i, &there, &there_n,
					 e);
		if (r)
			return r;
		if (here_n != n || there_n != n || here != there)
			return 0;
	}
	return 1;
}

/* The ETag of parts is a digest of theirs: the same parts of the same bytes have the same. */
static int compare_parts(const struct proof *p, struct s3_error *e)
{
	unsigned n = parts_of(&p->pair->src->info);
	int r;

	if (n == 0 || parts_of(&p->pair->dst->info) != n)
		return 0;
	r = same_parts(p, n, e);
	if (r == 1)
		p->pair->body = V_OTHER_ETAG;
	return min_of(r, 0);
}

/* --- checksums -------------------------------------------------------------------------------- */

static int compare_checksums(const struct proof *p, struct s3_error *e)
{
	auto_with(kv_free) struct kv here = KV_EMPTY, there = KV_EMPTY;
	bool here_whole = false, there_whole = false;
	int r = checksum_get(p->v->client.source, p->key, p->pair->src->id, &here, &here_whole, e);

	if (!r && here.n)
		r = checksum_get(p->there, p->key, p->pair->dst->id, &there, &there_whole, e);
	if (r)
		return r;
	switch (checksum_compare(&here, &there, here_whole && there_whole)) {
	case CHECKSUM_SAME: p->pair->body = V_SAME; break;
	case CHECKSUM_OTHER: p->pair->body = V_OTHER_BYTES; break;
	case CHECKSUM_UNKNOWN: break;
	}
	return 0;
}

/* --- bytes ------------------------------------------------------------------------------------ */

static int read_chunk(struct s3_client *c, const struct proof *p, const char *version, uint64_t off,
		      char *dst, struct s3_error *e)
{
	uint64_t end = min_of(off + CHUNK, p->pair->src->info.size);
	size_t got = 0;
	int r = object_get_range(c, p->key, version, NULL, (struct s3_range){ off, end }, dst, &got,
				 e);

	return r || got == end - off ? r : -EIO;
}

/* In step, so that the first difference ends it and memory stays flat. */
static int compare_bytes(const struct proof *p, struct s3_error *e)
{
	auto_free char *here = malloc(CHUNK), *there = malloc(CHUNK);
	uint64_t size = p->pair->src->info.size;

	if (!here || !there)
		return -ENOMEM;
	for (uint64_t off = 0; off < size; off += CHUNK) {
		size_t n = (size_t)min_of(size - off, (uint64_t)CHUNK);
		int r = read_chunk(p->v->client.source, p, p->pair->src->id, off, here, e);

		r = r ? r : read_chunk(p->there, p, p->pair->dst->id, off, there, e);
		if (r)
			return r;
		if (memcmp(here, there, n) != 0) {
			p->pair->body = V_OTHER_BYTES;
			return 0;
		}
	}
	p->pair->body = V_SAME;
	return 0;
}

/* --- all -------------------------------------------------------------------------------------- */

static void prove(void *arg, size_t i)
{
	const struct proof *p = &((const struct proof *)arg)[i];
	struct s3_error e = { 0 };
	int r = compare_parts(p, &e);

	if (!r && p->pair->body == V_DOUBT)
		r = compare_checksums(p, &e);
	if (!r && p->pair->body == V_DOUBT && p->v->o->deep)
		r = compare_bytes(p, &e);
	p->pair->err = r;
}

int verify_prove(struct verify *v, struct v_batch *b)
{
	auto_free struct proof *proofs = NULL;
	size_t n = 0, max = 0;

	for (size_t i = 0; i < b->n; i++)
		for (size_t d = 0; d < v->dests_n; d++)
			max += b->groups[i].there[d].pairs_n;
	proofs = calloc(max + 1, sizeof(*proofs));
	if (!proofs)
		return -ENOMEM;
	for (size_t i = 0; i < b->n; i++) {
		for (size_t d = 0; d < v->dests_n; d++) {
			struct v_there *t = &b->groups[i].there[d];

			for (size_t k = 0; k < t->pairs_n; k++)
				if (t->pairs[k].state == V_THERE && t->pairs[k].body == V_DOUBT)
					proofs[n++] =
						(struct proof){ v, b->groups[i].key,
								v->dests[d].client, &t->pairs[k] };
		}
	}
	verify_parallel(v, n, prove, proofs);
	return 0;
}
