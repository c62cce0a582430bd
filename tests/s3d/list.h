/* What the lists share. */
#ifndef S3D_LIST_H
#define S3D_LIST_H

#include "s3d.h"

struct lister {
	struct req *r;
	const char *prefix, *delimiter;
	bool url, has_delimiter;
	int64_t max, count;
	bool truncated;
	struct buf *out, prefixes;
	char *last_prefix; /* the common prefix being collected; never NULL */
	struct buf from;   /* the next key to look at, inclusive; may hold a NUL at its end */
};

int list_begin(struct req *r, struct lister *l, const char *max_name);
void list_end(struct lister *l);
void list_name(struct lister *l, const char *element, const char *value);
void list_after_key(struct lister *l, const char *key);		   /* continue behind this key */
void list_after_prefix(struct lister *l, const char *prefix);	   /* behind all below it */
char *list_common_prefix(const struct lister *l, const char *key); /* returns new or NULL */
bool list_add_prefix(struct lister *l, const char *prefix);	   /* false: no room left */

#endif
