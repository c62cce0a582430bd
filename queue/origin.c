#include "queue/origin.h"

#include <errno.h>
#include <string.h>

#include "queue/replica.h"
#include "s3/list.h"
#include "s3/object.h"
#include "s3/tagging.h"

int origin_find(struct s3_client *source, struct s3_client *dest, const char *key,
		const char *replica, char **ret_version, struct s3_error *err)
{
	auto_with(s3_info_free) struct s3_info there = { 0 }, here = { 0 };
	const char *version, *token, *of;
	int rc = object_head(dest, key, replica, &there, err);

	if (rc < 0)
		return rc;
	*ret_version = NULL;
	of = kv_get(&there.meta, REPL_META_REPLICA);
	version = kv_get(&there.meta, REPL_META_SOURCE_VERSION);
	token = kv_get(&there.meta, REPL_META_ID);
	if (!of || strcmp(of, s3_client_bucket(source)) != 0 || (!version && !token))
		return 0;
	if (version)
		return str_dup(version, ret_version);
	rc = object_find(source, key, REPL_META_ID, token, 0, &here, err);
	if (rc < 0)
		return rc == -ENOENT ? 0 : rc;
	return str_dup(here.version_id, ret_version);
}

static int note_hidden(void *arg, const struct s3_entry *e)
{
	if (e->delete_marker || !e->version_id)
		return 0;
	return str_dup(e->version_id, arg) < 0 ? -ENOMEM : 1;
}

int origin_hidden_tags(struct s3_client *source, const char *key, struct kv *ret_tags,
		       struct s3_error *err)
{
	auto_free char *hidden = NULL;
	int rc = list_versions_of(source, key, note_hidden, &hidden, err);

	if (rc < 0 || !hidden)
		return rc;
	return tagging_get(source, key, hidden, ret_tags, err);
}
