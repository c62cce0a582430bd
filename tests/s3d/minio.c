/*
 * With --minio: what MinIO lets a replicating client say of a new version. After its sources
 * (cmd/object-api-options.go, cmd/object-handlers-common.go: checkPreconditionsPUT) and minio-go:
 *
 *   ?versionId=UUID|null            PutObject, CreateMultipartUpload; and of a delete marker
 *   X-Minio-Source-Mtime            PutObject, CompleteMultipartUpload, DeleteObject
 *   X-Minio-Source-Etag             PutObject, CreateMultipartUpload
 *   X-Minio-Source-DeleteMarker     DeleteObject: make a marker of this id
 *   X-Amz-Replication-Status        REPLICA: HEAD and GET say so
 */
#include "s3d.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

bool uuid_valid(const char *s)
{
	size_t i = 0;

	for (; s[i]; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;
		if (dash ? s[i] != '-' : !isxdigit((unsigned char)s[i]))
			return false;
	}
	return i == 36;
}

void uuid_make(char out[37])
{
	char hex[33];
	size_t n = 0;

	random_hex(hex, 32);
	hex[12] = '4';
	hex[16] = '8';
	for (size_t i = 0; i < 32; i++) {
		if (i == 8 || i == 12 || i == 16 || i == 20)
			out[n++] = '-';
		out[n++] = hex[i];
	}
	out[n] = 0;
}

static int bad_argument(struct req *r, const char *name, const char *value, const char *why)
{
	return req_fail_x(r, "InvalidArgument", why, "ArgumentName", name, "ArgumentValue", value,
			  NULL);
}

/* The version id that the new version is to get; on other servers there is no such thing. */
int minio_version_id(struct req *r, struct ver *v)
{
	const char *vid = req_param(r, "versionId");

	if (!vid || !*vid)
		return 0;
	if (!conf.minio)
		return bad_argument(r, "versionId", vid,
				    "This operation does not accept a version-id.");
	if (!vid_valid(vid))
		return bad_argument(r, "versionId", vid, "Invalid version id specified");
	if (strcmp(vid, "null") && r->b.versioning != VERSIONING_ENABLED)
		return bad_argument(
			r, "versionId", vid,
			"VersionID specified, but versioning not enabled on the bucket");
	v->vid = x_strdup(vid);
	return 0;
}

/* v is made now, or when the request says; versions are ordered by that, to the nanosecond. */
int minio_mtime(struct req *r, struct ver *v)
{
	const char *mtime = conf.minio ? req_header(r, "X-Minio-Source-Mtime") : NULL;
	int64_t ns;

	v->mtime = now_ms();
	if (!mtime)
		return 0;
	if (time_parse_iso_ns(mtime, &ns))
		return bad_argument(r, "X-Minio-Source-Mtime", mtime, "Unable to parse the time");
	v->mtime = ns / 1000000;
	v->seq = ns;
	return 0;
}

const char *minio_etag(const struct req *r)
{
	return conf.minio ? req_header(r, "X-Minio-Source-Etag") : NULL;
}

/* A line of metadata for a replica. */
void minio_status(const struct req *r, struct buf *meta)
{
	if (conf.minio && str_eq(req_header(r, "x-amz-replication-status"), "REPLICA"))
		buf_str(meta, "x-amz-replication-status: REPLICA\n");
}

/* 412 for a version that is there already, told by its id and ETag. Needs db_lock. */
int minio_check_duplicate(struct req *r, const struct ver *v)
{
	const char *etag = minio_etag(r);
	struct ver old;

	if (!etag || !v->vid || ver_find(r->bucket, r->key, v->vid, &old))
		return 0;
	bool same = !strcmp(old.etag, etag);
	ver_free(&old);
	return same ? req_fail(r, "PreconditionFailed",
			       "At least one of the pre-conditions you specified did not hold")
		    : 0;
}

bool minio_wants_marker(const struct req *r)
{
	return conf.minio && str_eq(req_header(r, "X-Minio-Source-DeleteMarker"), "true");
}
