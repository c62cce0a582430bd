/* types.c - the life of s3/'s plain data. */
#include "s3/types.h"

#include <string.h>

void s3_info_free(struct s3_info *i)
{
	free(i->version_id);
	free(i->etag);
	free(i->source_version);
	free(i->storage_class);
	free(i->replication_status);
	free(i->sse);
	free(i->sse_key);
	free(i->lock_mode);
	kv_free(&i->meta);
	kv_free(&i->sys);
	memset(i, 0, sizeof(*i));
}

int s3_info_copy(struct s3_info *dst, const struct s3_info *src)
{
	auto_with(s3_info_free) struct s3_info i = { 0 };
	int rc;

	i.size = src->size;
	i.mtime_ms = src->mtime_ms;
	i.delete_marker = src->delete_marker;
	i.sse_customer = src->sse_customer;
	i.retain_until_ms = src->retain_until_ms;
	i.legal_hold = src->legal_hold;
	i.tag_count = src->tag_count;
	i.parts_count = src->parts_count;
	if ((rc = str_dup(src->version_id, &i.version_id)) != 0 ||
	    (rc = str_dup(src->etag, &i.etag)) != 0 ||
	    (rc = str_dup(src->source_version, &i.source_version)) != 0 ||
	    (rc = str_dup(src->storage_class, &i.storage_class)) != 0 ||
	    (rc = str_dup(src->replication_status, &i.replication_status)) != 0 ||
	    (rc = str_dup(src->sse, &i.sse)) != 0 ||
	    (rc = str_dup(src->sse_key, &i.sse_key)) != 0 ||
	    (rc = str_dup(src->lock_mode, &i.lock_mode)) != 0 ||
	    (rc = kv_copy(&i.meta, &src->meta)) != 0 || (rc = kv_copy(&i.sys, &src->sys)) != 0)
		return rc;
	s3_info_free(dst);
	*dst = i;
	memset(&i, 0, sizeof(i));
	return 0;
}

void s3_page_free(struct s3_page *p)
{
	for (size_t k = 0; k < p->n; k++) {
		struct s3_entry *e = &p->entries[k];

		free(e->key);
		free(e->version_id);
		free(e->etag);
		free(e->storage_class);
	}
	free(p->entries);
	free(p->next_token);
	free(p->next_key);
	free(p->next_version);
	memset(p, 0, sizeof(*p));
}
