/* upload_opts.c - an upload's own copy of what its version shall carry. See upload_i.h. */
#include "s3/upload_i.h"

#include <string.h>

void upload_opts_free(struct upload_opts *o)
{
	kv_free(&o->meta);
	kv_free(&o->sys);
	kv_free(&o->tags);
	free(o->storage_class);
	free(o->acl);
	free(o->sse);
	free(o->sse_key);
	free(o->lock_mode);
	free(o->owner);
	free(o->token_name);
	free(o->origin_version);
	free(o->origin_etag);
	memset(o, 0, sizeof(*o));
}

static int origin_copy(struct upload_opts *dst, const struct s3_origin *src)
{
	int rc;

	if (!src)
		return 0;
	if ((rc = str_dup(src->version_id, &dst->origin_version)) != 0 ||
	    (rc = str_dup(src->etag, &dst->origin_etag)) != 0)
		return rc;
	dst->has_origin = true;
	dst->origin = (struct s3_origin){ .version_id = dst->origin_version,
					  .mtime_ms = src->mtime_ms,
					  .etag = dst->origin_etag };
	return 0;
}

int upload_opts_copy(struct upload_opts *dst, const struct s3_put_opts *src)
{
	int rc;

	if (!src)
		return 0;
	if ((src->meta && (rc = kv_copy(&dst->meta, src->meta)) != 0) ||
	    (src->sys && (rc = kv_copy(&dst->sys, src->sys)) != 0) ||
	    (src->tags && (rc = kv_copy(&dst->tags, src->tags)) != 0) ||
	    (rc = str_dup(src->storage_class, &dst->storage_class)) != 0 ||
	    (rc = str_dup(src->acl, &dst->acl)) != 0 || (rc = str_dup(src->sse, &dst->sse)) != 0 ||
	    (rc = str_dup(src->sse_key, &dst->sse_key)) != 0 ||
	    (rc = str_dup(src->lock_mode, &dst->lock_mode)) != 0 ||
	    (rc = str_dup(src->owner, &dst->owner)) != 0 ||
	    (rc = str_dup(src->token_name, &dst->token_name)) != 0)
		return rc;
	dst->retain_until_ms = src->retain_until_ms;
	dst->legal_hold = src->legal_hold;
	return origin_copy(dst, src->origin);
}

struct s3_put_opts upload_opts_view(const struct upload_opts *o)
{
	return (struct s3_put_opts){ .meta = &o->meta,
				     .sys = &o->sys,
				     .tags = &o->tags,
				     .storage_class = o->storage_class,
				     .acl = o->acl,
				     .sse = o->sse,
				     .sse_key = o->sse_key,
				     .lock_mode = o->lock_mode,
				     .retain_until_ms = o->retain_until_ms,
				     .legal_hold = o->legal_hold,
				     .owner = o->owner,
				     .origin = o->has_origin ? &o->origin : NULL,
				     .token_name = o->token_name };
}
