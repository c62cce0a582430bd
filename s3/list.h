/* list.h - pages of keys and of versions; always with encoding-type=url, answers decoded. */
#ifndef S3_LIST_H
#define S3_LIST_H

#include "s3/client.h"
#include "s3/types.h"

/* ListObjectsV2. delimiter NULL = none; token NULL = first page; max 1..1000. ret_p must be empty.
 * Keys that do not start with prefix are an error. */
int list_keys(struct s3_client *c, const char *prefix, const char *delimiter, const char *token,
	      unsigned max, struct s3_page *ret_p, struct s3_error *err) must_check;
/* The same, of the first page of what comes after the key `after`. */
int list_keys_after(struct s3_client *c, const char *prefix, const char *delimiter,
		    const char *after, unsigned max, struct s3_page *ret_p, struct s3_error *err)
	must_check;
/* ListObjectVersions, newest first within a key; common prefixes come after the versions of their
 * page. delimiter NULL = none; markers NULL = start. */
int list_versions(struct s3_client *c, const char *prefix, const char *delimiter,
		  const char *key_marker, const char *version_marker, unsigned max,
		  struct s3_page *ret_p, struct s3_error *err) must_check;
/* Calls fn for each version of exactly this key, newest first; stops at its first non-zero, which
 * is returned. */
int list_versions_of(struct s3_client *c, const char *key,
		     int (*fn)(void *arg, const struct s3_entry *e), void *arg,
		     struct s3_error *err) must_check;

/* S3's "null" is NULL here: as in s3_info, no id that stands for the same bytes for ever. */
const char *list_version_id(const struct s3_entry *e);
/* The server has no ListObjectVersions, so it keeps none (R2, Garage: 501 NotImplemented). */
bool list_is_unknown(const struct s3_error *e);

#endif
