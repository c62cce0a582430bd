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
	int status;	   /* 0 = any */
	const char *code;  /* NULL = any; a '*' at the end: so it begins */
	const char *words; /* in the message; NULL = any */
};

/* What denies nothing, or what is told apart before it is asked whether it was a permission. */
static const struct row causes[] = {
	/* the copy's own words */
	{ "DstBucketObjectLockConfigMissing", ANY, 0, "DstBucketObjectLockConfigMissing", NULL },
	{ "DstBucketUnversioned", ANY, 0, "DstBucketUnversioned", NULL },
	{ "DstObjectHardDeleted", ANY, 0, "DstObjectHardDeleted", NULL },
	{ "SrcObjectNotEligible", ANY, 0, "SrcObjectNotEligible", NULL },
	/* the bucket */
	{ "DstBucketNotFound", DST, 0, "NoSuchBucket", NULL },
	{ "SrcBucketNotFound", SRC, 0, "NoSuchBucket", NULL },
	{ "DstBucketInvalidRegion", DST, 0, "AuthorizationHeaderMalformed", NULL },
	{ "SrcBucketInvalidRegion", SRC, 0, "AuthorizationHeaderMalformed", NULL },
	{ "DstBucketInvalidRegion", DST, 0, "IllegalLocationConstraintException", NULL },
	{ "SrcBucketInvalidRegion", SRC, 0, "IllegalLocationConstraintException", NULL },
	{ "DstBucketInvalidRegion", DST, 301, NULL, NULL },
	{ "SrcBucketInvalidRegion", SRC, 301, NULL, NULL },
	{ "DstBucketObjectLockConfigMissing", DST, 0, NULL,
	  "Bucket is missing Object Lock Configuration" },
	{ "DstBucketObjectLockConfigMissing", DST, 0, "ObjectLockConfigurationNotFoundError",
	  NULL },
	/* its key; AWS has no word for one that the source lacks */
	{ "DstKmsKeyNotFound", DST, 0, "KMS.NotFoundException", NULL },
	{ "DstKmsKeyInvalidState", DST, 0, "KMS.*", NULL },
	{ "SrcKmsKeyInvalidState", SRC, 0, "KMS.*", NULL },
	/* who we are; the role of AWS */
	{ "AssumeRoleNotPermitted", ANY, 0, "InvalidAccessKeyId", NULL },
	{ "AssumeRoleNotPermitted", ANY, 0, "InvalidClientTokenId", NULL },
	{ "AssumeRoleNotPermitted", ANY, 0, "InvalidToken", NULL },
	{ "AssumeRoleNotPermitted", ANY, 0, "SignatureDoesNotMatch", NULL },
	/* the object; a version that is gone at the destination is meant by a change of it alone */
	{ "SrcObjectNotEligible", SRC, 0, "InvalidObjectState", NULL },
	{ "SrcKeyNotFound", SRC, 0, "NoSuchKey", NULL },
	{ "SrcVersionNotFound", SRC, 0, "NoSuchVersion", NULL },
	{ "SrcObjectNotFound", SRC, 404, NULL, NULL },
};

/* A permission is missing: the request tells which, or the kind of the job. */
static const struct denied {
	const char *reason;
	enum side side;
	unsigned kinds; /* 0 = any */
	const char *op; /* NULL = any */
} denials[] = {
	{ "DstPutObjectNotPermitted", DST, 0, "PutObject" },
	{ "DstPutObjectNotPermitted", DST, 0, "CopyObject" },
	{ "DstMultipartInitNotPermitted", DST, 0, "CreateMultipartUpload" },
	{ "DstMultipartUploadNotPermitted", DST, 0, "UploadPart" },
	{ "DstMultipartUploadNotPermitted", DST, 0, "UploadPartCopy" },
	{ "DstMultipartCompleteNotPermitted", DST, 0, "CompleteMultipartUpload" },
	{ "DstPutTaggingNotPermitted", DST, 0, "PutObjectTagging" },
	{ "DstPutTaggingNotPermitted", DST, 0, "DeleteObjectTagging" },
	{ "DstPutAclNotPermitted", DST, 0, "PutObjectAcl" },
	{ "DstPutRetentionNotPermitted", DST, 0, "PutObjectRetention" },
	{ "DstPutLegalHoldNotPermitted", DST, 0, "PutObjectLegalHold" },
	{ "DstDelObjNotPermitted", DST, 0, "DeleteObject" },
	{ "SrcGetObjectNotPermitted", SRC, 0, "GetObject" },
	{ "SrcHeadObjectNotPermitted", SRC, 0, "HeadObject" },
	{ "SrcGetTaggingNotPermitted", SRC, 0, "GetObjectTagging" },
	{ "SrcGetAclNotPermitted", SRC, 0, "GetObjectAcl" },
	{ "SrcGetRetentionNotPermitted", SRC, 0, "GetObjectRetention" },
	{ "SrcGetLegalHoldNotPermitted", SRC, 0, "GetObjectLegalHold" },
	/* requests that AWS's replication does not make, such as a listing */
	{ "DstPutObjectNotPermitted", DST, KIND(JOB_OBJECT), NULL },
	{ "DstDelObjNotPermitted", DST, KIND(JOB_DELETE), NULL },
	{ "DstPutTaggingNotPermitted", DST, KIND(JOB_TAGS), NULL },
	{ "DstPutAclNotPermitted", DST, KIND(JOB_ACL), NULL },
	{ "DstPutRetentionNotPermitted", DST, KIND(JOB_RETENTION), NULL },
	{ "DstPutLegalHoldNotPermitted", DST, KIND(JOB_LEGAL_HOLD), NULL },
	{ "SrcGetTaggingNotPermitted", SRC, KIND(JOB_TAGS), NULL },
	{ "SrcGetAclNotPermitted", SRC, KIND(JOB_ACL), NULL },
	{ "SrcGetRetentionNotPermitted", SRC, KIND(JOB_RETENTION), NULL },
	{ "SrcGetLegalHoldNotPermitted", SRC, KIND(JOB_LEGAL_HOLD), NULL },
	{ "SrcGetObjectNotPermitted", SRC, 0, NULL },
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
