#include "s3/checksum.h"

#include <string.h>

#include "base/codec.h"

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

int checksum_get(struct s3_client *c, const char *key, const char *version, struct kv *ret_sums,
		 bool *ret_whole, struct s3_error *err)
{
	auto_with(
		s3_req_free) struct s3_req q = { .op = "HeadObject", .method = "HEAD", .key = key };
	auto_with(s3_res_free) struct s3_res res = { 0 };
	const char *type;
	int rc;

	if ((rc = verb_query_version(&q, version)) != 0 ||
	    (rc = kv_set(&q.headers, NAME "mode", "ENABLED")) != 0 ||
	    (rc = verb_call(c, &q, &res, err)) != 0)
		return rc;
	type = kv_get(&res.headers, NAME "type");
	*ret_whole = type && strcmp(type, "FULL_OBJECT") == 0;
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
