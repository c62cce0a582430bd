/* Which operation a request is: the first row that fits. */
#include "s3d.h"

#include <stdlib.h>
#include <string.h>

#define B(name, method, param, body, perm, run)                                                    \
	{                                                                                          \
		name, method, 'B', param, NULL, NULL, body, perm, NULL, run                        \
	}
#define O(name, method, param, body, perm, run)                                                    \
	{                                                                                          \
		name, method, 'O', param, NULL, NULL, body, perm, NULL, run                        \
	}

static const struct op ops[] = {
	{ "ListBuckets", "GET", 'S', NULL, NULL, NULL, TAKES_NONE, 0, NULL, op_list_buckets },

	B("GetBucketLocation", "GET", "location", TAKES_NONE, 'O', op_get_location),
	B("GetBucketVersioning", "GET", "versioning", TAKES_NONE, 'O', op_get_versioning),
	B("PutBucketVersioning", "PUT", "versioning", TAKES_XML, 'O', op_put_versioning),
	B("GetBucketReplication", "GET", "replication", TAKES_NONE, 'O', op_get_conf),
	B("PutBucketReplication", "PUT", "replication", TAKES_XML, 'O', op_put_replication),
	B("DeleteBucketReplication", "DELETE", "replication", TAKES_NONE, 'O', op_delete_conf),
	B("GetBucketLifecycleConfiguration", "GET", "lifecycle", TAKES_NONE, 'O', op_get_conf),
	B("PutBucketLifecycleConfiguration", "PUT", "lifecycle", TAKES_XML, 'O', op_put_lifecycle),
	B("DeleteBucketLifecycle", "DELETE", "lifecycle", TAKES_NONE, 'O', op_delete_conf),
	B("GetBucketTagging", "GET", "tagging", TAKES_NONE, 'O', op_get_conf),
	B("PutBucketTagging", "PUT", "tagging", TAKES_XML, 'O', op_put_bucket_tagging),
	B("DeleteBucketTagging", "DELETE", "tagging", TAKES_NONE, 'O', op_delete_conf),
	B("GetBucketPolicy", "GET", "policy", TAKES_NONE, 'O', op_get_conf),
	B("PutBucketPolicy", "PUT", "policy", TAKES_XML, 'O', op_put_conf),
	B("DeleteBucketPolicy", "DELETE", "policy", TAKES_NONE, 'O', op_delete_conf),
	B("GetBucketEncryption", "GET", "encryption", TAKES_NONE, 'O', op_get_conf),
	B("PutBucketEncryption", "PUT", "encryption", TAKES_XML, 'O', op_put_encryption),
	B("DeleteBucketEncryption", "DELETE", "encryption", TAKES_NONE, 'O', op_delete_conf),
	B("GetBucketOwnershipControls", "GET", "ownershipControls", TAKES_NONE, 'O', op_get_conf),
	B("PutBucketOwnershipControls", "PUT", "ownershipControls", TAKES_XML, 'O', op_put_conf),
	B("DeleteBucketOwnershipControls", "DELETE", "ownershipControls", TAKES_NONE, 'O',
	  op_delete_conf),
	B("GetPublicAccessBlock", "GET", "publicAccessBlock", TAKES_NONE, 'O', op_get_conf),
	B("PutPublicAccessBlock", "PUT", "publicAccessBlock", TAKES_XML, 'O', op_put_conf),
	B("DeletePublicAccessBlock", "DELETE", "publicAccessBlock", TAKES_NONE, 'O',
	  op_delete_conf),
	B("GetObjectLockConfiguration", "GET", "object-lock", TAKES_NONE, 'O', op_get_conf),
	B("PutObjectLockConfiguration", "PUT", "object-lock", TAKES_XML, 'O',
	  op_put_object_lock_conf),
	B("GetBucketAcl", "GET", "acl", TAKES_NONE, 'O', op_get_bucket_acl),
	B("PutBucketAcl", "PUT", "acl", TAKES_XML, 'O', op_put_bucket_acl),
	B("ListObjectVersions", "GET", "versions", TAKES_NONE, 'R', op_list_versions),
	B("ListMultipartUploads", "GET", "uploads", TAKES_NONE, 'R', op_list_uploads),
	B("DeleteObjects", "POST", "delete", TAKES_XML, 'W', op_delete_objects),
	B("ListObjectsV2", "GET", "list-type", TAKES_NONE, 'R', op_list_v2),
	B("HeadBucket", "HEAD", NULL, TAKES_NONE, 'R', op_head_bucket),
	B("ListObjects", "GET", NULL, TAKES_NONE, 'R', op_list_v1),
	B("CreateBucket", "PUT", NULL, TAKES_XML, 0, op_create_bucket),
	B("DeleteBucket", "DELETE", NULL, TAKES_NONE, 'O', op_delete_bucket),

	{ "UploadPartCopy", "PUT", 'O', "uploadId", "partNumber", "x-amz-copy-source", TAKES_NONE,
	  'W', NULL, op_upload_part_copy },
	{ "UploadPart", "PUT", 'O', "uploadId", "partNumber", NULL, TAKES_OBJECT, 'W',
	  op_upload_part_pre, op_upload_part },
	O("PutObjectTagging", "PUT", "tagging", TAKES_XML, 'W', op_put_tagging),
	O("GetObjectTagging", "GET", "tagging", TAKES_NONE, 'R', op_get_tagging),
	O("DeleteObjectTagging", "DELETE", "tagging", TAKES_NONE, 'W', op_delete_tagging),
	O("PutObjectAcl", "PUT", "acl", TAKES_XML, 'W', op_put_acl),
	O("GetObjectAcl", "GET", "acl", TAKES_NONE, 'R', op_get_acl),
	O("PutObjectRetention", "PUT", "retention", TAKES_XML, 'W', op_put_retention),
	O("GetObjectRetention", "GET", "retention", TAKES_NONE, 'R', op_get_retention),
	O("PutObjectLegalHold", "PUT", "legal-hold", TAKES_XML, 'W', op_put_legal_hold),
	O("GetObjectLegalHold", "GET", "legal-hold", TAKES_NONE, 'R', op_get_legal_hold),
	O("GetObjectAttributes", "GET", "attributes", TAKES_NONE, 'R', op_get_attributes),
	{ "CopyObject", "PUT", 'O', NULL, NULL, "x-amz-copy-source", TAKES_NONE, 'W',
	  op_copy_object_pre, op_copy_object },
	{ "PutObject", "PUT", 'O', NULL, NULL, NULL, TAKES_OBJECT, 'W', op_put_object_pre,
	  op_put_object },
	O("ListParts", "GET", "uploadId", TAKES_NONE, 'W', op_list_parts),
	O("GetObject", "GET", NULL, TAKES_NONE, 'R', op_get_object),
	O("HeadObject", "HEAD", NULL, TAKES_NONE, 'R', op_head_object),
	O("AbortMultipartUpload", "DELETE", "uploadId", TAKES_NONE, 'W', op_abort_upload),
	O("DeleteObject", "DELETE", NULL, TAKES_NONE, 'W', op_delete_object),
	{ "CreateMultipartUpload", "POST", 'O', "uploads", NULL, NULL, TAKES_XML, 'W',
	  op_create_upload_pre, op_create_upload },
	O("CompleteMultipartUpload", "POST", "uploadId", TAKES_XML, 'W', op_complete_upload),
};

static const char *const unsupported[] = {
	"accelerate",	 "analytics",	   "cors",	   "intelligent-tiering",
	"inventory",	 "logging",	   "metrics",	   "notification",
	"policyStatus",	 "requestPayment", "restore",	   "select",
	"torrent",	 "website",	   "renameObject", "append",
	"metadataTable", "session",
};

/* Sub-resources that mean nothing together with another method or scope. */
static const char *const subresources[] = {
	"location",   "versioning",	   "replication",	"lifecycle",   "policy",
	"encryption", "ownershipControls", "publicAccessBlock", "object-lock", "tagging",
	"acl",	      "retention",	   "legal-hold",	"attributes",  "delete",
	"versions",
};

static bool names_other(const struct req *r, const struct op *op)
{
	for (size_t i = 0; i < sizeof(unsupported) / sizeof(unsupported[0]); i++)
		if (req_param(r, unsupported[i]))
			return true;
	for (size_t i = 0; !op->param && i < sizeof(subresources) / sizeof(subresources[0]); i++)
		if (req_param(r, subresources[i]))
			return true;
	return false;
}

int route_find(struct req *r)
{
	char scope = r->key ? 'O' : r->bucket ? 'B' : 'S';

	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		const struct op *op = &ops[i];
		if (op->scope != scope || strcmp(op->method, r->method) ||
		    (op->param && !req_param(r, op->param)) ||
		    (op->param2 && !req_param(r, op->param2)) ||
		    (op->header && !req_header(r, op->header)))
			continue;
		if (names_other(r, op))
			break;
		r->op = op;
		return 0;
	}
	if (strcmp(r->method, "GET") && strcmp(r->method, "PUT") && strcmp(r->method, "HEAD") &&
	    strcmp(r->method, "POST") && strcmp(r->method, "DELETE"))
		return req_fail(r, "MethodNotAllowed",
				"The specified method is not allowed against"
				" this resource.");
	return req_fail(r, "NotImplemented",
			"A header or query you provided implies functionality"
			" that is not implemented");
}
