/*
 * copy_spec.c - questions to the source (what does the version carry?) and to the destination (is
 * it there already?).
 */
#include "queue/copy_i.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/codec.h"
#include "queue/repl.h"
#include "s3/object.h"
#include "s3/part.h"
#include "s3/tagging.h"

/*
 * A replica may bear the time at which its upload was begun, long before the source was
 * acknowledged.
 */
#define FIND_SINCE_MS ((int64_t)7 * 24 * 3600 * 1000)

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

/*
 * The version is there for good, so what is gone was removed by somebody with a lifecycle rule or a
 * delete by version id.
 */
static int source_gone(struct copy *c, int err)
{
	c->report.at_source = true;
	if (err == -ENOENT && strcmp(c->err->code, "NoSuchBucket") != 0)
		return -ENODATA;
	return err == -ESTALE && !c->j->version ? -ENODATA : err;
}

static int spec_from_info(struct job_spec *s, struct s3_info *i)
{
	int err;

	s->size = i->size;
	s->mtime_ms = i->mtime_ms;
	kv_move(&s->meta, &i->meta);
	kv_move(&s->sys, &i->sys);
	err = str_dup(i->etag, &s->etag);
	return err < 0 ? err : str_dup(i->storage_class, &s->storage_class);
}

static int ask_source(struct copy *c)
{
	auto_with(s3_info_free) struct s3_info info = { 0 };
	struct job_spec s = { .known = true };
	int err;

	err = object_head(c->conf->source, c->j->key, c->j->version, &info, c->err);
	if (err < 0)
		return source_gone(c, err);
	if (info.delete_marker)
		return -ENODATA;
	err = spec_from_info(&s, &info);
	if (err == 0 && info.tag_count != 0) {
		err = tagging_get(c->conf->source, c->j->key, c->j->version, &s.tags, c->err);
		if (err < 0)
			err = source_gone(c, err);
	}
	if (err < 0) {
		job_spec_free(&s);
		return err;
	}
	c->spec = s;
	return 0;
}

int copy_learn_spec(struct copy *c)
{
	const char *token = c->j->token;
	unsigned n = 0;
	int err;

	if (c->j->spec.known)
		err = job_spec_copy(&c->spec, &c->j->spec);
	else
		err = ask_source(c);
	if (err < 0)
		return err;
	/*
	 * Whoever wrote the row may not have known how the version was made; its ETag tells.
	 * Foreign boundaries need HEAD with partNumber; until that is there, another count of parts
	 * means ours.
	 */
	if (copy_etag_form(c->spec.etag, &n) && n > 0)
		c->spec.multipart = true;
	if (kv_get(&c->spec.meta, REPL_META_REPLICA))
		return -ENODATA;
	return str_dup(token ? token : kv_get(&c->spec.meta, REPL_META_ID), &c->token);
}

const char *copy_token_name(const struct copy *c)
{
	return c->token ? REPL_META_ID : c->j->version ? REPL_META_SOURCE_VERSION : NULL;
}

int copy_ask_dest(struct copy *c, struct s3_info *ret_i)
{
	const char *name = copy_token_name(c);
	const char *value = c->token ? c->token : c->j->version;
	int64_t since = max_of(c->j->created_ms - FIND_SINCE_MS, (int64_t)0);
	int err;

	if (!name)
		return 0;
	err = object_find(c->conf->dest, c->j->key, name, value, since, ret_i, c->err);
	if (err == -ENOENT)
		*c->err = (struct s3_error){ .retry_after_ms = -1 };
	return err == 0 ? 1 : err == -ENOENT ? 0 : err;
}
