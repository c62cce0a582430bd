/* acl.h - the ACL of one version, as S3's XML (AccessControlPolicy), kept opaque here. */
#ifndef S3_ACL_H
#define S3_ACL_H

#include "s3/client.h"

int acl_get(struct s3_client *c, const char *key, const char *version, struct buf *ret_xml,
	    struct s3_error *err) must_check;
int acl_put(struct s3_client *c, const char *key, const char *version, const char *xml,
	    struct s3_error *err) must_check;

#endif
