#include "queue/reason.h"

#include <errno.h>
#include <string.h>

enum side { DST = 1, SRC = 2, ANY = DST | SRC };

#define KIND(k) (1u << (k))
#define CHANGES (KIND(JOB_TAGS) | KIND(JOB_ACL) | KIND(JOB_RETENTION) | KIND(JOB_LEGAL_HOLD))

/* The first row of which all that is said fits. */
struct row {
	const char *reason;
	enum side side;
	const char *code;  /* NULL = any; a '*' at the end: so it begins */
	const char *words; /* in the message; NULL = any */
	int status;	   /* 0 = any */
};

/* What denies nothing, or what is told apart before it is asked whether it was a permission. */
static const struct row causes[] = {
	/* the copy's own words */
	{ "DstBucketObjectLockConfigMissing", ANY, "DstBucketObjectLockConfigMissing", NULL, 0 },
	{ "DstBucketUnversioned", ANY, "DstBucketUnversioned", NULL, 0 },
	{ "DstObjectHardDeleted", ANY, "DstObjectHardDeleted", NULL, 0 },
	{ "SrcObjectNotEligible", ANY, "SrcObjectNotEligible", NULL, 0 },
	/* the bucket */
	{ "DstBucketNotFound", DST, "NoSuchBucket", NULL, 0 },
	{ "SrcBucketNotFound", SRC, "NoSuchBucket", NULL, 0 },
	{ "DstBucketInvalidRegion", DST, "AuthorizationHeaderMalformed", NULL, 0 },
	{ "SrcBucketInvalidRegion", SRC, "AuthorizationHeaderMalformed", NULL, 0 },
	{ "DstBucketInvalidRegion", DST, "IllegalLocationConstraintException", NULL, 0 },
	{ "SrcBucketInvalidRegion", SRC, "IllegalLocationConstraintException", NULL, 0 },
	{ "DstBucketInvalidRegion", DST, NULL, NULL, 301 },
	{ "SrcBucketInvalidRegion", SRC, NULL, NULL, 301 },
	{ "DstBucketObjectLockConfigMissing", DST, NULL,
	  "Bucket is missing Object Lock Configuration", 0 },
	{ "DstBucketObjectLockConfigMissing", DST, "ObjectLockConfigurationNotFoundError", NULL,
	  0 },
	/* its key; AWS has no word for one that the source lacks */
	{ "DstKmsKeyNotFound", DST, "KMS.NotFoundException", NULL, 0 },
	{ "DstKmsKeyInvalidState", DST, "KMS.*", NULL, 0 },
	{ "SrcKmsKeyInvalidState", SRC, "KMS.*", NULL, 0 },
	/* who we are; the role of AWS */
	{ "AssumeRoleNotPermitted", ANY, "InvalidAccessKeyId", NULL, 0 },
	{ "AssumeRoleNotPermitted", ANY, "InvalidClientTokenId", NULL, 0 },
	{ "AssumeRoleNotPermitted", ANY, "InvalidToken", NULL, 0 },
	{ "AssumeRoleNotPermitted", ANY, "SignatureDoesNotMatch", NULL, 0 },
	/* the object; a version that is gone at the destination is meant by a change of it alone */
	{ "SrcObjectNotEligible", SRC, "InvalidObjectState", NULL, 0 },
	{ "SrcKeyNotFound", SRC, "NoSuchKey", NULL, 0 },
	{ "SrcVersionNotFound", SRC, "NoSuchVersion", NULL, 0 },
	{ "SrcObjectNotFound", SRC, NULL, NULL, 404 },
};

/* A permission is missing: the request tells which, or the kind of the job. */
static const struct denied {
	const char *reason;
	enum side side;
	const char *op; /* NULL = any */
	unsigned kinds; /* 0 = any */
} denials[] = {
	{ "DstPutObjectNotPermitted", DST, "PutObject", 0 },
	{ "DstPutObjectNotPermitted", DST, "CopyObject", 0 },
	{ "DstMultipartInitNotPermitted", DST, "CreateMultipartUpload", 0 },
	{ "DstMultipartUploadNotPermitted", DST, "UploadPart", 0 },
	{ "DstMultipartUploadNotPermitted", DST, "UploadPartCopy", 0 },
	{ "DstMultipartCompleteNotPermitted", DST, "CompleteMultipartUpload", 0 },
	{ "DstPutTaggingNotPermitted", DST, "PutObjectTagging", 0 },
	{ "DstPutTaggingNotPermitted", DST, "DeleteObjectTagging", 0 },
	{ "DstPutAclNotPermitted", DST, "PutObjectAcl", 0 },
	{ "DstPutRetentionNotPermitted", DST, "PutObjectRetention", 0 },
	{ "DstPutLegalHoldNotPermitted", DST, "PutObjectLegalHold", 0 },
	{ "DstDelObjNotPermitted", DST, "DeleteObject", 0 },
	{ "SrcGetObjectNotPermitted", SRC, "GetObject", 0 },
	{ "SrcHeadObjectNotPermitted", SRC, "HeadObject", 0 },
	{ "SrcGetTaggingNotPermitted", SRC, "GetObjectTagging", 0 },
	{ "SrcGetAclNotPermitted", SRC, "GetObjectAcl", 0 },
	{ "SrcGetRetentionNotPermitted", SRC, "GetObjectRetention", 0 },
	{ "SrcGetLegalHoldNotPermitted", SRC, "GetObjectLegalHold", 0 },
	/* requests that AWS's replication does not make, such as a listing */
	{ "DstPutObjectNotPermitted", DST, NULL, KIND(JOB_OBJECT) },
	{ "DstDelObjNotPermitted", DST, NULL, KIND(JOB_DELETE) },
	{ "DstPutTaggingNotPermitted", DST, NULL, KIND(JOB_TAGS) },
	{ "DstPutAclNotPermitted", DST, NULL, KIND(JOB_ACL) },
	{ "DstPutRetentionNotPermitted", DST, NULL, KIND(JOB_RETENTION) },
	{ "DstPutLegalHoldNotPermitted", DST, NULL, KIND(JOB_LEGAL_HOLD) },
	{ "SrcGetTaggingNotPermitted", SRC, NULL, KIND(JOB_TAGS) },
	{ "SrcGetAclNotPermitted", SRC, NULL, KIND(JOB_ACL) },
	{ "SrcGetRetentionNotPermitted", SRC, NULL, KIND(JOB_RETENTION) },
	{ "SrcGetLegalHoldNotPermitted", SRC, NULL, KIND(JOB_LEGAL_HOLD) },
	{ "SrcGetObjectNotPermitted", SRC, NULL, 0 },
};

static bool code_fits(const char *pattern, const char *code)
{
	size_t n = strlen(pattern);

	if (pattern[n - 1] == '*')
		return strncmp(pattern, code, n - 1) == 0;
	return strcmp(pattern, code) == 0;
}

static bool row_fits(const struct row *row, enum side side, const struct s3_error *e)
{
	return (row->side & side) && (!row->code || code_fits(row->code, e->code)) &&
	       (!row->words || strstr(e->message, row->words)) &&
	       (!row->status || row->status == e->status);
}

/* Not a bucket that is full, which shares the class. */
static bool is_denied(const struct s3_error *error)
{
	struct s3_error e = *error;

	return fault_classify(&e) == -EACCES && e.class == FAULT_AUTH;
}

static const char *denied_reason(enum job_kind kind, enum side side, const char *op)
{
	for (size_t i = 0; i < array_size(denials); i++) {
		const struct denied *d = &denials[i];

		if (d->side == side && (!d->op || strcmp(d->op, op) == 0) &&
		    (!d->kinds || (d->kinds & KIND(kind))))
			return d->reason;
	}
	return "";
}

const char *reason_of(enum job_kind kind, bool at_source, const struct s3_error *e)
{
	enum side side = at_source ? SRC : DST;

	for (size_t i = 0; i < array_size(causes); i++)
		if (row_fits(&causes[i], side, e))
			return causes[i].reason;
	if (is_denied(e))
		return denied_reason(kind, side, e->op);
	if (side == DST && e->class == FAULT_GONE && (CHANGES & KIND(kind)))
		return "DstVersionNotFound";
	return "";
}

enum reason_cure reason_cure(const char *reason)
{
	static const struct {
		const char *reason;
		enum reason_cure cure;
	} cures[] = {
		{ "", CURE_SLOW },
		{ "DstBucketNotFound", CURE_BUCKET },
		{ "DstBucketUnversioned", CURE_VERSIONING },
		{ "DstObjectHardDeleted", CURE_SLOW },
		{ "DstVersionNotFound", CURE_SLOW },
		{ "SrcKeyNotFound", CURE_SLOW },
		{ "SrcObjectNotEligible", CURE_SLOW },
		{ "SrcObjectNotFound", CURE_SLOW },
		{ "SrcVersionNotFound", CURE_SLOW },
	};

	for (size_t i = 0; i < array_size(cures); i++)
		if (strcmp(cures[i].reason, reason) == 0)
			return cures[i].cure;
	return CURE_SCOUT;
}
