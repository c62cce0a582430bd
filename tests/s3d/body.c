/* What arrives: hashed on the way, kept in memory while small, spilled to a file when not. */
#include "s3d.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

const char *const csum_names[CSUM_N] = { "", "crc32", "crc32c", "crc64nvme", "sha1", "sha256" };

static EVP_MD *md_md5, *md_sha1, *md_sha256;

void hash_init(void)
{
	md_md5 = EVP_MD_fetch(NULL, "MD5", NULL);
	md_sha1 = EVP_MD_fetch(NULL, "SHA1", NULL);
	md_sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	crc_init();
}

static EVP_MD_CTX *hash_new(const EVP_MD *md)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	if (!ctx || EVP_DigestInit_ex(ctx, md, NULL) != 1)
		abort();
	return ctx;
}

EVP_MD_CTX *md5_new(void)
{
	return hash_new(md_md5);
}

void sha256_hex(const void *p, size_t n, char out[65])
{
	EVP_MD_CTX *ctx = hash_new(md_sha256);
	uint8_t raw[32];

	EVP_DigestUpdate(ctx, p, n);
	EVP_DigestFinal_ex(ctx, raw, NULL);
	EVP_MD_CTX_free(ctx);
	hex_encode(raw, 32, out);
}

void hmac_sha256(const void *key, size_t klen, const void *p, size_t n, uint8_t out[32])
{
	uint8_t pad[64] = { 0 }, inner[32];
	EVP_MD_CTX *ctx = hash_new(md_sha256);

	if (klen > 64) {
		EVP_DigestUpdate(ctx, key, klen);
		EVP_DigestFinal_ex(ctx, pad, NULL);
		EVP_DigestInit_ex(ctx, md_sha256, NULL);
	} else {
		memcpy(pad, key, klen);
	}
	for (size_t i = 0; i < 64; i++)
		pad[i] ^= 0x36;
	EVP_DigestUpdate(ctx, pad, 64);
	EVP_DigestUpdate(ctx, p, n);
	EVP_DigestFinal_ex(ctx, inner, NULL);
	for (size_t i = 0; i < 64; i++)
		pad[i] ^= 0x36 ^ 0x5c;
	EVP_DigestInit_ex(ctx, md_sha256, NULL);
	EVP_DigestUpdate(ctx, pad, 64);
	EVP_DigestUpdate(ctx, inner, 32);
	EVP_DigestFinal_ex(ctx, out, NULL);
	EVP_MD_CTX_free(ctx);
}

enum csum_alg csum_by_name(const char *name)
{
	for (int i = 1; i < CSUM_N; i++)
		if (!strcasecmp(name, csum_names[i]))
			return (enum csum_alg)i;
	return CSUM_NONE;
}

size_t csum_length(enum csum_alg alg)
{
	static const size_t len[CSUM_N] = { 0, 4, 4, 8, 20, 32 };

	return len[alg];
}

void csum_start(struct csum *c, enum csum_alg alg)
{
	*c = (struct csum){ .alg = alg };
	if (alg == CSUM_SHA1)
		c->ctx = hash_new(md_sha1);
	else if (alg == CSUM_SHA256)
		c->ctx = hash_new(md_sha256);
}

void csum_update(struct csum *c, const void *p, size_t n)
{
	if (c->alg == CSUM_CRC32)
		c->crc32 = crc32_update(c->crc32, p, n);
	else if (c->alg == CSUM_CRC32C)
		c->crc32 = crc32c_update(c->crc32, p, n);
	else if (c->alg == CSUM_CRC64NVME)
		c->crc64 = crc64nvme_update(c->crc64, p, n);
	else if (c->ctx)
		EVP_DigestUpdate(c->ctx, p, n);
}

size_t csum_final(struct csum *c, uint8_t out[32])
{
	size_t n = csum_length(c->alg);

	if (c->ctx)
		EVP_DigestFinal_ex(c->ctx, out, NULL);
	else
		for (size_t i = 0; i < n; i++)
			out[i] = (uint8_t)(n == 8 ? c->crc64 >> (8 * (7 - i))
						  : c->crc32 >> (8 * (3 - i)));
	return n;
}

void csum_free(struct csum *c)
{
	EVP_MD_CTX_free(c->ctx);
	*c = (struct csum){ 0 };
}

void csum_element(enum csum_alg alg, char out[24])
{
	snprintf(out, 24, "Checksum%s", csum_names[alg]);
	for (char *p = out + strlen("Checksum"); *p; p++)
		*p = (char)toupper((unsigned char)*p);
}

static int find_csum(void *arg, const char *name, const char *value)
{
	struct req *r = arg;
	struct body *b = &r->body;

	if (strncasecmp(name, "x-amz-checksum-", 15))
		return 0;
	if (!strcasecmp(name + 15, "mode") || !strcasecmp(name + 15, "type") ||
	    !strcasecmp(name + 15, "algorithm"))
		return 0;
	enum csum_alg alg = csum_by_name(name + 15);
	if (!alg)
		return 0;
	if (b->csum.alg)
		return req_fail(r, "InvalidRequest",
				"Expecting a single x-amz-checksum- header."
				" Multiple checksum Types are not allowed.");
	uint8_t raw[32];
	if (b64_decode(value, raw, csum_length(alg))) {
		char why[96];
		snprintf(why, sizeof(why), "Value for x-amz-checksum-%s header is invalid.",
			 csum_names[alg]);
		return req_fail(r, "InvalidRequest", why);
	}
	csum_start(&b->csum, alg);
	b->csum_want = x_strdup(value);
	return 0;
}

static int begin_checksum(struct req *r)
{
	struct body *b = &r->body;
	const char *md5 = req_header(r, "Content-MD5");
	const char *trailer = req_header(r, "x-amz-trailer");

	if (md5) {
		if (b64_decode(md5, b->md5_want, 16))
			return req_fail(r, "InvalidDigest",
					"The Content-MD5 you specified was"
					" invalid.");
		b->md5_wanted = true;
	}
	/* CompleteMultipartUpload carries the checksum of the object, not of its body */
	if (!strcmp(r->method, "POST") && req_param(r, "uploadId"))
		return 0;
	if (r->lacks & LACK_CHECKSUM)
		return 0;
	if (req_headers_each(r, find_csum, r))
		return -1;
	if (trailer && b->trailer) {
		enum csum_alg alg = CSUM_NONE;
		if (!strncasecmp(trailer, "x-amz-checksum-", 15))
			alg = csum_by_name(trailer + 15);
		if (!alg || b->csum.alg)
			return req_fail(r, "InvalidRequest",
					"The value specified in the x-amz-trailer"
					" header is not supported");
		csum_start(&b->csum, alg);
		b->csum_trailer = true;
	}
	return 0;
}

/* Reads the headers about the body; r->body.payload is known by now. */
int body_begin(struct req *r)
{
	struct body *b = &r->body;
	const char *len = req_header(r, "x-amz-decoded-content-length");

	if (begin_checksum(r))
		return -1;
	if (b->payload >= PAYLOAD_CHUNKED_UNSIGNED) {
		if (!len || parse_int(len, 0, INT64_MAX, &b->decoded_length))
			return req_fail(r, "MissingContentLength",
					"You must provide the Content-Length HTTP header.");
		b->ck = chunked_new();
	} else {
		b->decoded_length = b->content_length;
	}
	if (b->object && b->decoded_length > 5 * GIB)
		return req_fail_x(r, "EntityTooLarge",
				  "Your proposed upload exceeds the maximum"
				  " allowed size",
				  "MaxSizeAllowed", "5368709120", NULL);
	if (!b->object && b->decoded_length > MAX_XML)
		return req_fail(r, "MaxMessageLengthExceeded", "Your request was too big.");
	if (b->payload == PAYLOAD_SIGNED)
		b->sha256 = hash_new(md_sha256);
	if (b->object || b->md5_wanted)
		b->md5 = hash_new(md_md5);
	return 0;
}

/* Some operations are refused without a digest of their body. */
int body_needs_digest(struct req *r)
{
	return r->body.md5_wanted || r->body.csum.alg
		       ? 0
		       : req_fail(r, "InvalidRequest",
				  "Missing required header for this request: Content-MD5 OR"
				  " x-amz-checksum-*");
}

static int write_all(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t w = write(fd, p, n);
		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return -errno;
		p += w;
		n -= (size_t)w;
	}
	return 0;
}

static int spill(struct body *b)
{
	random_hex(b->file, 32);
	char *path = tmp_path(b->file);
	b->fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
	int rc = b->fd < 0 ? -errno : write_all(b->fd, b->mem.p, b->mem.len);
	free(path);
	buf_free(&b->mem);
	return rc;
}

int body_raw(struct req *r, const char *p, size_t n)
{
	struct body *b = &r->body;
	int rc = 0;

	b->size += (int64_t)n;
	if (b->sha256)
		EVP_DigestUpdate(b->sha256, p, n);
	if (b->md5)
		EVP_DigestUpdate(b->md5, p, n);
	csum_update(&b->csum, p, n);
	if (b->fd >= 0) {
		rc = write_all(b->fd, p, n);
	} else if (!b->object && b->mem.len + n > MAX_XML) {
		return req_fail(r, "MaxMessageLengthExceeded", "Your request was too big.");
	} else {
		buf_add(&b->mem, p, n);
		if (b->object && b->mem.len > SMALL_BODY)
			rc = spill(b);
	}
	if (rc)
		return req_fail(r, "InternalError", "The body could not be stored.");
	return 0;
}

static int feed_damaged(struct req *r, const char *p, size_t n)
{
	char first = (char)(*p ^ 1);
	int rc = body_raw(r, &first, 1);

	r->body.damage = false;
	return rc ? rc : body_raw(r, p + 1, n - 1);
}

int body_feed(struct req *r, const char *p, size_t n)
{
	struct body *b = &r->body;

	b->wire += (int64_t)n;
	if (r->failed)
		return -1;
	if (b->damage && !b->ck)
		return feed_damaged(r, p, n);
	return b->ck ? chunked_feed(r, b->ck, p, n) : body_raw(r, p, n);
}

static int check_hashes(struct req *r)
{
	struct body *b = &r->body;
	uint8_t raw[32];

	if (b->sha256) {
		char hex[65];
		EVP_DigestFinal_ex(b->sha256, raw, NULL);
		hex_encode(raw, 32, hex);
		if (strcmp(hex, b->sha256_want))
			return req_fail_x(r, "XAmzContentSHA256Mismatch",
					  "The provided"
					  " 'x-amz-content-sha256' header does not match what was"
					  " computed.",
					  "ClientComputedContentSHA256", b->sha256_want,
					  "S3ComputedContentSHA256", hex, NULL);
	}
	if (b->md5) {
		EVP_DigestFinal_ex(b->md5, b->md5_raw, NULL);
		hex_encode(b->md5_raw, 16, b->md5_hex);
	}
	if (b->md5_wanted && memcmp(b->md5_raw, b->md5_want, 16))
		return req_fail(r, "BadDigest",
				"The Content-MD5 you specified did not match what we"
				" received.");
	if (!b->csum.alg)
		return 0;
	size_t n = csum_final(&b->csum, raw);
	b->csum_value = b64_encode(raw, n);
	if (b->csum_trailer && !b->csum_want)
		return req_fail(r, "MalformedTrailerError",
				"The request contained trailing data that"
				" was not well-formed or did not conform to our published schema.");
	if (b->csum_want && strcmp(b->csum_want, b->csum_value)) {
		char why[96];
		snprintf(why, sizeof(why),
			 "The %s you specified did not match the calculated"
			 " checksum.",
			 csum_names[b->csum.alg]);
		return req_fail(r, "BadDigest", why);
	}
	return 0;
}

int body_finish(struct req *r)
{
	struct body *b = &r->body;

	if (b->ck && chunked_finish(r, b->ck))
		return -1;
	if (b->decoded_length >= 0 && b->size != b->decoded_length)
		return req_fail(r, "IncompleteBody",
				"You did not provide the number of bytes"
				" specified by the Content-Length HTTP header");
	return check_hashes(r);
}

/* Gives the body its final place; an empty body has no file. */
int body_store(struct req *r, char file[33], bool *ret_has_file)
{
	struct body *b = &r->body;
	int rc = 0;

	*ret_has_file = b->size > 0;
	if (!b->size)
		return 0;
	if (b->fd >= 0) {
		memcpy(file, b->file, sizeof(b->file));
		char *from = tmp_path(file), *to = data_path(file);
		rc = rename(from, to) ? -errno : 0;
		b->file[0] = 0;
		free(from);
		free(to);
	} else if (b->size <= ROW_BODY) {
		rc = data_put_small(b->mem.p, b->mem.len, file);
	} else {
		random_hex(file, 32);
		file[32] = 0;
		char *to = data_path(file);
		int fd = open(to, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
		rc = fd < 0 ? -errno : write_all(fd, b->mem.p, b->mem.len);
		if (fd >= 0 && close(fd))
			rc = -errno;
		if (rc)
			unlink(to);
		free(to);
	}
	return rc ? req_fail(r, "InternalError", "The body could not be stored.") : 0;
}

void body_free(struct body *b)
{
	if (b->fd >= 0)
		close(b->fd);
	if (b->file[0]) {
		char *path = tmp_path(b->file);
		unlink(path);
		free(path);
	}
	buf_free(&b->mem);
	EVP_MD_CTX_free(b->md5);
	EVP_MD_CTX_free(b->sha256);
	csum_free(&b->csum);
	free(b->csum_want);
	free(b->csum_value);
	chunked_free(b->ck);
}
