/* bucket.h - the bucket itself. */
#ifndef S3_BUCKET_H
#define S3_BUCKET_H

#include "s3/client.h"

enum bucket_versioning { VERSIONING_OFF, VERSIONING_ENABLED, VERSIONING_SUSPENDED };

/* -ENOENT, -EACCES */
int bucket_head(struct s3_client *c, struct s3_error *err) must_check;
int bucket_versioning_get(struct s3_client *c, enum bucket_versioning *ret_v, struct s3_error *err)
	must_check;
int bucket_versioning_put(struct s3_client *c, enum bucket_versioning v, struct s3_error *err)
	must_check;
/* The XML as stored. -ENOENT: none (also Ceph's 200 with an empty configuration). */
int bucket_replication_get(struct s3_client *c, struct buf *ret_xml, struct s3_error *err)
	must_check;
int bucket_replication_put(struct s3_client *c, const char *xml, struct s3_error *err) must_check;
int bucket_replication_delete(struct s3_client *c, struct s3_error *err) must_check;
/* The lifecycle configuration as stored. -ENOENT: none. minimum is what belongs to it beside the
 * XML, and would be lost by a put without it: x-amz-transition-default-minimum-object-size; new
 * string, NULL = the server has none. ret_minimum may be NULL. */
int bucket_lifecycle_get(struct s3_client *c, struct buf *ret_xml, char **ret_minimum,
			 struct s3_error *err) must_check;
int bucket_lifecycle_put(struct s3_client *c, const char *xml, const char *minimum,
			 struct s3_error *err) must_check;

#endif
