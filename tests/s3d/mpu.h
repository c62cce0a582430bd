/* Multipart uploads: what mpu.c, complete.c and list_mpu.c share. */
#ifndef S3D_MPU_H
#define S3D_MPU_H

#include "s3d.h"

struct upload {
	char id[33];
	int64_t created, lock_until;
	bool hold, busy;
	char *owner, *initiator, *meta, *tags, *acl, *class, *csum, *lock_mode;
	char *vid, *etag; /* given by a replicating client; NULL otherwise */
};

/* csum: "ALG" or "ALG FULL_OBJECT"; NULL without. Needs db_lock; answers NoSuchUpload. */
enum csum_alg upload_alg(const char *csum);
int upload_find(struct req *r, struct upload *ret);
void upload_free(struct upload *u);
int part_number(struct req *r, int64_t *ret);

#endif
