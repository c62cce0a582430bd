/* tagging.c - see tagging.h. */
#include "s3/tagging.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/codec.h"

#include "s3/body.h"
#include "s3/verb_i.h"

#define TAGS_MAX      10
#define TAG_KEY_MAX   128
#define TAG_VALUE_MAX 256

int tagging_get(struct s3_client *c, const char *key, const char *version, struct kv *ret_tags,
		struct s3_error *err)
{
	auto_with(s3_req_free) struct s3_req q = { .op = "GetObjectTagging",
						   .method = "GET",
						   .key = key };
	auto_with(s3_res_free) struct s3_res res = { 0 };
	char why[BODY_WHY];
	int rc;

	if ((rc = kv_set(&q.query, "tagging", "")) != 0 ||
	    (rc = verb_query_version(&q, version)) != 0)
		return rc;
	rc = verb_call(c, &q, &res, err);
	if (rc != 0 && strcmp(res.error.code, "NoSuchTagSet") == 0) {
		kv_free(ret_tags);
		return 0;
	}
	if (rc != 0)
		return rc;
	rc = body_read_tags(buf_str(&res.body), res.body.len, ret_tags, why);
	return rc == -EIO ? verb_bad_answer(&res, why, err) : rc;
}

/* No tags at all are put as an empty set: DELETE ?tagging without a version id keeps them on Ceph.
 */
int tagging_put(struct s3_client *c, const char *key, const char *version, const struct kv *tags,
		struct s3_error *err)
{
	auto_with(s3_req_free) struct s3_req q = { .op = "PutObjectTagging",
						   .method = "PUT",
						   .key = key };
	auto_with(s3_res_free) struct s3_res res = { 0 };
	auto_with(buf_free) struct buf b;
	char why[160];
	int rc;

	buf_init(&b, BUF_LIMIT_SMALL);
	if ((rc = tagging_check(tags, why, sizeof(why))) != 0)
		return verb_refuse(rc, why, err);
	if ((rc = kv_set(&q.query, "tagging", "")) != 0 ||
	    (rc = verb_query_version(&q, version)) != 0 || (rc = body_write_tags(tags, &b)) != 0 ||
	    (rc = verb_body_xml(&q, buf_str(&b), b.len)) != 0)
		return rc;
	return verb_call(c, &q, &res, err);
}

int tagging_ensure(struct s3_client *c, const char *key, const char *version, const struct kv *tags,
		   struct s3_error *err)
{
	auto_with(kv_free) struct kv seen = KV_EMPTY;
	int rc = tagging_get(c, key, version, &seen, err);

	if (rc != 0 || kv_equal(&seen, tags))
		return rc;
	return tagging_put(c, key, version, tags, err);
}

static const char *check_text(const char *s, size_t max)
{
	if (!utf8_valid(s))
		return "is not valid UTF-8";
	if (utf8_length(s) > max)
		return "is too long";
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return "has control characters";
	return NULL;
}

static const char *check_key(const char *key)
{
	if (!*key)
		return "is empty";
	if (strncasecmp(key, "aws:", 4) == 0)
		return "starts with aws:, which is AWS's own";
	return check_text(key, TAG_KEY_MAX);
}

int tagging_check(const struct kv *tags, char *why, size_t why_len)
{
	char shown[64];

	if (tags->n > TAGS_MAX) {
		snprintf(why, why_len, "%zu tags, but an object has at most %d", tags->n, TAGS_MAX);
		return -ENOSPC;
	}
	for (size_t k = 0; k < tags->n; k++) {
		const char *wrong = check_key(tags->items[k].name), *what = "key";

		if (!wrong) {
			wrong = check_text(tags->items[k].value, TAG_VALUE_MAX);
			what = "value";
		}
		if (wrong) {
			snprintf(why, why_len, "the %s of tag \"%s\" %s", what,
				 printable(tags->items[k].name, shown, sizeof(shown)), wrong);
			return -EINVAL;
		}
	}
	return 0;
}
