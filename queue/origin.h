/* origin.h - what the source tells of a replica, by its marks, and of a delete marker. */
#ifndef QUEUE_ORIGIN_H
#define QUEUE_ORIGIN_H

#include "s3/client.h"

/*
 * replica: a version id at dest; NULL = the current one. *ret_version: new string, NULL = it is no
 * replica of this source, or its marks do not tell, or the version is gone. -ENOENT: there is no
 * such replica.
 */
int origin_find(struct s3_client *source, struct s3_client *dest, const char *key,
		const char *replica, char **ret_version, struct s3_error *err) must_check;

/* The tags of the version that the delete marker on top of a key hides; none when there is none. */
int origin_hidden_tags(struct s3_client *source, const char *key, struct kv *ret_tags,
		       struct s3_error *err) must_check;

#endif
