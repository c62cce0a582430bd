#include "s3/checksum.h"

#include <string.h>

#include "base/codec.h"

#include "s3/client_i.h"
#include "s3/verb_i.h"

#define NAME "x-amz-checksum-"

int checksum_crc32c_text(uint32_t crc, char ret_s[CHECKSUM_CRC32C_TEXT])
{
	uint8_t bytes[4] = { (uint8_t)(crc >> 24), (uint8_t)(crc >> 16), (uint8_t)(crc >> 8),
			     (uint8_t)crc };
	auto_with(buf_free) struct buf text;
	int rc;

	buf_init(&text, BUF_LIMIT_SMALL);
	if ((rc = base64_encode(bytes, sizeof(bytes), &text)) == 0)
		memcpy(ret_s, buf_str(&text), CHECKSUM_CRC32C_TEXT);
	return rc;
}

struct s3_crc32c checksum_crc32c_read(const char *s)
{
	struct s3_crc32c crc = { .known = false };
	auto_with(buf_free) struct buf bytes;

	buf_init(&bytes, BUF_LIMIT_SMALL);
	if (!s || base64_decode(s, &bytes) != 0 || bytes.len != sizeof(crc.value))
		return crc;
	crc.known = true;
	for (size_t i = 0; i < bytes.len; i++)
		crc.value = crc.value << 8 | (uint8_t)buf_str(&bytes)[i];
	return crc;
}

static int read_sums(const struct kv *headers, struct kv *ret_sums)
{
	for (size_t i = 0; i < headers->n; i++) {
		const char *name = headers->items[i].name;
		int rc;

		if (strncmp(name, NAME, strlen(NAME)) != 0 || strcmp(name, NAME "type") == 0)
			continue;
		rc = kv_set(ret_sums, name + strlen(NAME), headers->items[i].value);
		if (rc != 0)
			return rc;
	}
	return 0;
}

enum checksums checksum_state(const struct s3_client *c)
{
	return (enum checksums)atomic_load(&c->checksums);
}

static bool is_whole(const struct kv *headers)
{
	const char *type = kv_get(headers, NAME "type");

	return type && strcmp(type, "FULL_OBJECT") == 0;
}

struct s3_crc32c checksum_read_whole(const struct kv *headers)
{
	return checksum_crc32c_read(is_whole(headers) ? kv_get(headers, NAME "crc32c") : NULL);
}

static int head(struct s3_client *c, const char *key, const char *version, struct s3_res *ret_res,
		struct s3_error *err)
{
	auto_with(
		s3_req_free) struct s3_req q = { .op = "HeadObject", .method = "HEAD", .key = key };
	int rc;

	if ((rc = verb_query_version(&q, version)) != 0 ||
	    (rc = kv_set(&q.headers, NAME "mode", "ENABLED")) != 0)
		return rc;
	return verb_call(c, &q, ret_res, err);
}

int checksum_ask_whole(struct s3_client *c, const char *key, const char *version, const char *etag,
		       struct s3_crc32c *ret_crc)
{
	auto_with(s3_res_free) struct s3_res res = { 0 };
	int rc = head(c, key, version, &res, NULL);

	if (rc != 0)
		return rc;
	*ret_crc = (struct s3_crc32c){ .known = false };
	if ((version && strcmp(version, "null") != 0) ||
	    etag_equal(etag, kv_get(&res.headers, "etag")))
		*ret_crc = checksum_read_whole(&res.headers);
	return 0;
}

int checksum_get(struct s3_client *c, const char *key, const char *version, struct kv *ret_sums,
		 bool *ret_whole, struct s3_error *err)
{
	auto_with(s3_res_free) struct s3_res res = { 0 };
	int rc = head(c, key, version, &res, err);

	if (rc != 0)
		return rc;
	*ret_whole = is_whole(&res.headers);
	return read_sums(&res.headers, ret_sums);
}

enum checksum_word checksum_compare(const struct kv *a, const struct kv *b, bool whole)
{
	for (size_t i = 0; i < a->n; i++) {
		const char *other = kv_get(b, a->items[i].name);

		if (!other)
			continue;
		if (strcmp(a->items[i].value, other) == 0)
			return CHECKSUM_SAME;
		return whole ? CHECKSUM_OTHER : CHECKSUM_UNKNOWN;
	}
	return CHECKSUM_UNKNOWN;
}
