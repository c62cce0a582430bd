/*
 * aws-chunked: SIZE[;chunk-signature=HEX] CRLF data CRLF ... 0[;...] CRLF [trailers] CRLF.
 * Signed chunks are verified (SigV4 streaming: each signature covers the one before).
 *
 *   state      on             next
 *   SIZE       line, n > 0    DATA
 *   SIZE       line, n = 0    TRAILER
 *   DATA       n bytes        DATA_END
 *   DATA_END   CRLF           SIZE
 *   TRAILER    header line    TRAILER
 *   TRAILER    empty line     DONE
 */
#include "s3d.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum state { SIZE, DATA, DATA_END, TRAILER, DONE };

struct chunked {
	enum state state;
	uint64_t left;
	char line[1024];
	size_t n;
	char signature[65], previous[65];
	bool started;
	EVP_MD_CTX *sha;
	struct buf trailers; /* name:value LF, for the trailer's signature */
	char trailer_signature[65];
	bool bad;
};

#define EMPTY_SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

struct chunked *chunked_new(void)
{
	return x_calloc(1, sizeof(struct chunked));
}

void chunked_free(struct chunked *c)
{
	if (!c)
		return;
	EVP_MD_CTX_free(c->sha);
	buf_free(&c->trailers);
	free(c);
}

static int bad_chunk(struct req *r)
{
	return req_fail(r, "InvalidChunkSizeError", "The chunks of the body are malformed.");
}

static bool is_signed(const struct req *r)
{
	return r->body.payload == PAYLOAD_CHUNKED_SIGNED;
}

static void sign(const struct req *r, struct chunked *c, const char *kind, const char *hash,
		 bool with_empty, char out[65])
{
	char *text = x_asprintf("AWS4-HMAC-SHA256-%s\n%s\n%s\n%s\n%s%s%s", kind, r->sign_date,
				r->sign_scope, c->started ? c->previous : r->sign_seed,
				with_empty ? EMPTY_SHA256 : "", with_empty ? "\n" : "", hash);
	uint8_t mac[32];

	hmac_sha256(r->sign_key, 32, text, strlen(text), mac);
	hex_encode(mac, 32, out);
	free(text);
}

static int chunk_done(struct req *r, struct chunked *c)
{
	uint8_t raw[32];
	char hash[65], want[65];

	if (!is_signed(r))
		return 0;
	EVP_DigestFinal_ex(c->sha, raw, NULL);
	hex_encode(raw, 32, hash);
	sign(r, c, "PAYLOAD", hash, true, want);
	if (strcmp(want, c->signature))
		return req_fail(r, "SignatureDoesNotMatch",
				"The signature of a chunk does not match.");
	memcpy(c->previous, want, sizeof(want));
	c->started = true;
	return 0;
}

static int size_line(struct req *r, struct chunked *c)
{
	char *end;

	if (!isxdigit((unsigned char)c->line[0]))
		return bad_chunk(r);
	errno = 0;
	c->left = strtoull(c->line, &end, 16);
	if (errno || c->left > 5ULL * (uint64_t)GIB || (*end && *end != ';'))
		return bad_chunk(r);
	if (is_signed(r)) {
		if (strncmp(end, ";chunk-signature=", 17) || strlen(end + 17) != 64)
			return bad_chunk(r);
		memcpy(c->signature, end + 17, 65);
		EVP_MD_CTX_free(c->sha);
		c->sha = EVP_MD_CTX_new();
		EVP_DigestInit_ex(c->sha, EVP_sha256(), NULL);
	}
	c->state = c->left ? DATA : TRAILER;
	return c->left ? 0 : chunk_done(r, c);
}

static int trailer_line(struct req *r, struct chunked *c)
{
	struct body *b = &r->body;

	if (!c->n) {
		c->state = DONE;
		return 0;
	}
	char *colon = strchr(c->line, ':');
	if (!colon || !b->trailer)
		return req_fail(r, "MalformedTrailerError",
				"The request contained trailing data that"
				" was not well-formed or did not conform to our published schema.");
	*colon = 0;
	char *value = colon + 1 + strspn(colon + 1, " ");
	if (!strcasecmp(c->line, "x-amz-trailer-signature")) {
		snprintf(c->trailer_signature, sizeof(c->trailer_signature), "%.64s", value);
		return 0;
	}
	buf_fmt(&c->trailers, "%s:%s\n", c->line, value);
	if (b->csum_trailer && !strncasecmp(c->line, "x-amz-checksum-", 15) &&
	    csum_by_name(c->line + 15) == b->csum.alg) {
		free(b->csum_want);
		b->csum_want = x_strdup(value);
	}
	return 0;
}

static int line_done(struct req *r, struct chunked *c)
{
	if (!c->n || c->line[c->n - 1] != '\r')
		return bad_chunk(r);
	c->line[--c->n] = 0;
	int rc;
	if (c->state == SIZE) {
		rc = size_line(r, c);
	} else if (c->state == DATA_END) {
		rc = c->n ? bad_chunk(r) : 0;
		c->state = SIZE;
	} else {
		rc = trailer_line(r, c);
	}
	c->n = 0;
	return rc;
}

int chunked_feed(struct req *r, struct chunked *c, const char *p, size_t n)
{
	while (n) {
		if (c->state == DATA) {
			size_t take = c->left < n ? (size_t)c->left : n;
			if (c->sha)
				EVP_DigestUpdate(c->sha, p, take);
			if (body_raw(r, p, take))
				return -1;
			c->left -= take;
			p += take;
			n -= take;
			if (!c->left) {
				c->state = DATA_END;
				if (chunk_done(r, c))
					return -1;
			}
			continue;
		}
		if (c->state == DONE)
			return bad_chunk(r);
		char ch = *p++;
		n--;
		if (ch == '\n') {
			if (line_done(r, c))
				return -1;
		} else if (c->n + 1 >= sizeof(c->line)) {
			return bad_chunk(r);
		} else {
			c->line[c->n++] = ch;
		}
	}
	return 0;
}

int chunked_finish(struct req *r, struct chunked *c)
{
	if (c->state != DONE)
		return req_fail(r, "IncompleteBody", "The request body terminated unexpectedly");
	if (!is_signed(r) || !r->body.trailer)
		return 0;
	char hash[65], want[65];
	sha256_hex(c->trailers.p ? c->trailers.p : "", c->trailers.len, hash);
	sign(r, c, "TRAILER", hash, false, want);
	if (strcmp(want, c->trailer_signature))
		return req_fail(r, "SignatureDoesNotMatch",
				"The signature of the trailer does not"
				" match.");
	return 0;
}
