/*
 * caps_copy.c - does a copy that replaces the metadata leave the tags as they are? By the S3 API
 * (CopyObject, x-amz-tagging-directive) it does; Ceph loses them. See caps.h.
 */
#include "s3/caps.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/codec.h"

#include "s3/object.h"
#include "s3/tagging.h"

#define BODY "crrfs asks what a copy keeps here. This object may be deleted.\n"
#define NAME "crrfs-probe"

struct probe {
	struct s3_client *client;
	char key[64];
	struct kv tags;
	struct s3_info put, copied;
};

static int read_body(void *arg, void *dst, size_t n, uint64_t off)
{
	(void)arg;
	memcpy(dst, &BODY[off], n);
	return 0;
}

static int put_tagged(struct probe *p)
{
	struct s3_put_opts opts = { .tags = &p->tags };

	return object_put(p->client, p->key, &opts, read_body, NULL, sizeof(BODY) - 1, &p->put,
			  NULL);
}

static int copy_it(struct probe *p)
{
	auto_with(kv_free) struct kv meta = KV_EMPTY;
	struct s3_put_opts opts = { .meta = &meta, .keep_tags = true };
	int rc = kv_set(&meta, NAME, "copied");

	return rc ? rc
		  : object_copy(p->client, p->key, NULL, p->put.etag, sizeof(BODY) - 1, p->key,
				&opts, &p->copied, NULL);
}

/* As far as this may: what stays says of itself that it may be deleted. */
static void clean_up(struct probe *p)
{
	const char *const made[] = { p->put.version_id, p->copied.version_id };
	bool gone = p->put.version_id;

	for (size_t i = 0; i < array_size(made); i++)
		if (made[i] && object_delete_version(p->client, p->key, made[i], NULL))
			gone = false;
	if (!gone && object_delete(p->client, p->key, NULL, NULL))
		return;
}

int caps_copy_keeps_tags(struct s3_client *c, bool *ret_keeps)
{
	auto_with(kv_free) struct kv got = KV_EMPTY;
	struct probe p = { .client = c };
	char token[17];
	int rc = random_hex(8, token);

	if (!rc)
		rc = kv_set(&p.tags, NAME, "yes");
	if (rc)
		return rc;
	snprintf(p.key, sizeof(p.key), CAPS_PREFIX "%s-copy", token);
	rc = put_tagged(&p);
	if (!rc) {
		rc = copy_it(&p);
		if (!rc)
			rc = tagging_get(c, p.key, p.copied.version_id, &got, NULL);
		clean_up(&p);
	}
	if (!rc)
		*ret_keeps = kv_equal(&got, &p.tags);
	kv_free(&p.tags);
	s3_info_free(&p.put);
	s3_info_free(&p.copied);
	return rc;
}
