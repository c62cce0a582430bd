#include "queue/reason.h"
#include "tests/unit/check.h"

enum { DST, SRC };

static void test_rows(void)
{
	static const struct {
		const char *reason;
		enum job_kind kind;
		int side;
		struct s3_error e;
	} rows[] = {
		/* by the request */
		{ "DstPutObjectNotPermitted",
		  JOB_OBJECT,
		  DST,
		  { .status = 403, .op = "PutObject", .code = "AccessDenied" } },
		{ "DstPutObjectNotPermitted",
		  JOB_OBJECT,
		  DST,
		  { .status = 403, .op = "CopyObject", .code = "AccessDenied" } },
		{ "DstMultipartInitNotPermitted",
		  JOB_OBJECT,
		  DST,
		  { .status = 403, .op = "CreateMultipartUpload", .code = "AccessDenied" } },
		{ "DstMultipartUploadNotPermitted",
		  JOB_OBJECT,
		  DST,
		  { .status = 403, .op = "UploadPart", .code = "AccessDenied" } },
		{ "DstMultipartUploadNotPermitted",
		  JOB_OBJECT,
		  DST,
		  { .status = 403, .op = "UploadPartCopy", .code = "AccessDenied" } },
		{ "DstMultipartCompleteNotPermitted",
		  JOB_OBJECT,
		  DST,
		  { .status = 403, .op = "CompleteMultipartUpload", .code = "AccessDenied" } },
		{ "DstPutTaggingNotPermitted",
		  JOB_OBJECT,
		  DST,
		  { .status = 403, .op = "PutObjectTagging", .code = "AccessDenied" } },
		{ "DstPutTaggingNotPermitted",
		  JOB_TAGS,
		  DST,
		  { .status = 403, .op = "DeleteObjectTagging", .code = "AccessDenied" } },
		{ "DstPutAclNotPermitted",
		  JOB_OBJECT,
		  DST,
		  { .status = 403, .op = "PutObjectAcl", .code = "AccessDenied" } },
		{ "DstPutRetentionNotPermitted",
		  JOB_OBJECT,
		  DST,
		  { .status = 403, .op = "PutObjectRetention", .code = "AccessDenied" } },
		{ "DstPutLegalHoldNotPermitted",
		  JOB_OBJECT,
		  DST,
		  { .status = 403, .op = "PutObjectLegalHold", .code = "AccessDenied" } },
		{ "DstDelObjNotPermitted",
		  JOB_DELETE,
		  DST,
		  { .status = 403, .op = "DeleteObject", .code = "AccessDenied" } },
		{ "SrcGetObjectNotPermitted",
		  JOB_OBJECT,
		  SRC,
		  { .status = 403, .op = "GetObject", .code = "AccessDenied" } },
		{ "SrcHeadObjectNotPermitted",
		  JOB_OBJECT,
		  SRC,
		  { .status = 403, .op = "HeadObject" } },
		{ "SrcGetTaggingNotPermitted",
		  JOB_OBJECT,
		  SRC,
		  { .status = 403, .op = "GetObjectTagging", .code = "AccessDenied" } },
		{ "SrcGetAclNotPermitted",
		  JOB_OBJECT,
		  SRC,
		  { .status = 403, .op = "GetObjectAcl", .code = "AccessDenied" } },
		{ "SrcGetRetentionNotPermitted",
		  JOB_OBJECT,
		  SRC,
		  { .status = 403, .op = "GetObjectRetention", .code = "AccessDenied" } },
		{ "SrcGetLegalHoldNotPermitted",
		  JOB_OBJECT,
		  SRC,
		  { .status = 403, .op = "GetObjectLegalHold", .code = "AccessDenied" } },
		/* by the kind, where the request is none of AWS's */
		{ "DstPutObjectNotPermitted",
		  JOB_OBJECT,
		  DST,
		  { .status = 403, .op = "ListObjectVersions", .code = "AccessDenied" } },
		{ "DstPutObjectNotPermitted", JOB_OBJECT, DST, { .status = 401 } },
		{ "DstDelObjNotPermitted", JOB_DELETE, DST, { .status = 403 } },
		{ "DstPutTaggingNotPermitted", JOB_TAGS, DST, { .status = 403 } },
		{ "DstPutAclNotPermitted", JOB_ACL, DST, { .status = 403 } },
		{ "DstPutRetentionNotPermitted", JOB_RETENTION, DST, { .status = 403 } },
		{ "DstPutLegalHoldNotPermitted", JOB_LEGAL_HOLD, DST, { .status = 403 } },
		{ "SrcGetTaggingNotPermitted", JOB_TAGS, SRC, { .status = 403 } },
		{ "SrcGetAclNotPermitted", JOB_ACL, SRC, { .status = 403 } },
		{ "SrcGetRetentionNotPermitted", JOB_RETENTION, SRC, { .status = 403 } },
		{ "SrcGetLegalHoldNotPermitted", JOB_LEGAL_HOLD, SRC, { .status = 403 } },
		{ "SrcGetObjectNotPermitted", JOB_OBJECT, SRC, { .status = 403 } },
		/* buckets */
		{ "DstBucketUnversioned", JOB_OBJECT, DST, { .code = "DstBucketUnversioned" } },
		{ "DstBucketNotFound", JOB_TAGS, DST, { .status = 404, .code = "NoSuchBucket" } },
		{ "SrcBucketNotFound", JOB_OBJECT, SRC, { .status = 404, .code = "NoSuchBucket" } },
		{ "DstBucketInvalidRegion",
		  JOB_OBJECT,
		  DST,
		  { .status = 400, .code = "AuthorizationHeaderMalformed" } },
		{ "SrcBucketInvalidRegion",
		  JOB_OBJECT,
		  SRC,
		  { .status = 400, .code = "AuthorizationHeaderMalformed" } },
		{ "DstBucketInvalidRegion",
		  JOB_OBJECT,
		  DST,
		  { .status = 400, .code = "IllegalLocationConstraintException" } },
		{ "SrcBucketInvalidRegion",
		  JOB_OBJECT,
		  SRC,
		  { .status = 400, .code = "IllegalLocationConstraintException" } },
		{ "DstBucketInvalidRegion",
		  JOB_OBJECT,
		  DST,
		  { .status = 301, .code = "PermanentRedirect" } },
		{ "SrcBucketInvalidRegion", JOB_OBJECT, SRC, { .status = 301 } },
		{ "DstBucketObjectLockConfigMissing",
		  JOB_RETENTION,
		  DST,
		  { .status = 400,
		    .code = "InvalidRequest",
		    .message = "Bucket is missing Object Lock Configuration" } },
		{ "DstBucketObjectLockConfigMissing",
		  JOB_OBJECT,
		  DST,
		  { .status = 404, .code = "ObjectLockConfigurationNotFoundError" } },
		/* keys and names */
		{ "DstKmsKeyNotFound",
		  JOB_OBJECT,
		  DST,
		  { .status = 400, .code = "KMS.NotFoundException" } },
		{ "DstKmsKeyInvalidState",
		  JOB_OBJECT,
		  DST,
		  { .status = 400, .code = "KMS.KMSInvalidStateException" } },
		{ "DstKmsKeyInvalidState",
		  JOB_OBJECT,
		  DST,
		  { .status = 400, .code = "KMS.DisabledException" } },
		{ "SrcKmsKeyInvalidState",
		  JOB_OBJECT,
		  SRC,
		  { .status = 400, .code = "KMS.NotFoundException" } },
		{ "AssumeRoleNotPermitted",
		  JOB_OBJECT,
		  DST,
		  { .status = 403, .op = "PutObject", .code = "InvalidAccessKeyId" } },
		{ "AssumeRoleNotPermitted",
		  JOB_OBJECT,
		  DST,
		  { .status = 403, .code = "InvalidClientTokenId" } },
		{ "AssumeRoleNotPermitted",
		  JOB_OBJECT,
		  SRC,
		  { .status = 403, .code = "InvalidToken" } },
		{ "AssumeRoleNotPermitted",
		  JOB_OBJECT,
		  SRC,
		  { .status = 403, .op = "GetObject", .code = "SignatureDoesNotMatch" } },
		/* versions */
		{ "DstVersionNotFound", JOB_TAGS, DST, { .status = 404, .code = "NoSuchVersion" } },
		{ "DstVersionNotFound", JOB_ACL, DST, { .status = 404, .code = "NoSuchKey" } },
		{ "", JOB_OBJECT, DST, { .status = 404, .code = "NoSuchUpload" } },
		{ "DstObjectHardDeleted", JOB_TAGS, DST, { .code = "DstObjectHardDeleted" } },
		{ "SrcKeyNotFound", JOB_OBJECT, SRC, { .status = 404, .code = "NoSuchKey" } },
		{ "SrcVersionNotFound",
		  JOB_OBJECT,
		  SRC,
		  { .status = 404, .code = "NoSuchVersion" } },
		{ "SrcObjectNotFound", JOB_OBJECT, SRC, { .status = 404 } },
		{ "SrcObjectNotEligible",
		  JOB_OBJECT,
		  SRC,
		  { .status = 403, .op = "GetObject", .code = "InvalidObjectState" } },
		{ "SrcObjectNotEligible", JOB_OBJECT, DST, { .code = "SrcObjectNotEligible" } },
		/* AWS has no name for these */
		{ "", JOB_OBJECT, DST, { .status = 503, .code = "SlowDown" } },
		{ "", JOB_OBJECT, DST, { .code = "Transport" } },
		{ "", JOB_TAGS, DST, { .status = 400, .code = "InvalidTag" } },
		{ "",
		  JOB_OBJECT,
		  DST,
		  { .status = 403, .op = "PutObject", .code = "QuotaExceeded" } },
		{ "",
		  JOB_OBJECT,
		  DST,
		  { .status = 400, .code = "InvalidRequest", .message = "something else" } },
	};

	for (size_t i = 0; i < array_size(rows); i++) {
		struct s3_error e = rows[i].e;
		char name[160];

		fault_classify(&e);
		snprintf(name, sizeof(name), "%zu %s %s", i, rows[i].reason, e.code);
		CHECK_CASE(name);
		CHECK_STR(reason_of(rows[i].kind, rows[i].side == SRC, &e), rows[i].reason);
	}
	CHECK_CASE(NULL);
}

static void test_cures(void)
{
	CHECK_INT(reason_cure("DstBucketUnversioned"), CURE_VERSIONING);
	CHECK_INT(reason_cure("DstBucketNotFound"), CURE_BUCKET);
	CHECK_INT(reason_cure("DstPutObjectNotPermitted"), CURE_SCOUT);
	CHECK_INT(reason_cure("SrcBucketNotFound"), CURE_SCOUT);
	CHECK_INT(reason_cure("SrcObjectNotEligible"), CURE_SLOW);
	CHECK_INT(reason_cure(""), CURE_SLOW);
}

int main(void)
{
	test_rows();
	test_cures();
	return check_done();
}
