/* fault.c - see fault.h. The code counts before the status: gateways send odd statuses with it. */
#include "s3/fault.h"

#include <errno.h>
#include <string.h>

struct code_row {
	const char *code;
	enum fault_class class;
	int error;
};

struct status_row {
	int status;
	enum fault_class class;
	int error;
};

/* S3 API Reference, "Error responses"; Ceph's and MinIO's own codes where they differ. A full
 * bucket counts as AUTH: like a permission that is missing it concerns the whole destination, and
 * passes when somebody there acts. */
static const struct code_row code_table[] = {
	{ "AccessDenied", FAULT_AUTH, -EACCES },
	{ "AccountProblem", FAULT_AUTH, -EACCES },
	{ "AllAccessDisabled", FAULT_AUTH, -EACCES },
	{ "AuthorizationHeaderMalformed", FAULT_AUTH, -EACCES },
	{ "BadDigest", FAULT_RETRY, -EIO },
	{ "BandwidthLimitExceeded", FAULT_RETRY, -EIO },
	{ "ChecksumMismatch", FAULT_RETRY, -EIO },
	{ "ConcurrentModification", FAULT_RETRY, -EIO },
	{ "ConditionalRequestConflict", FAULT_CONFLICT, -ESTALE },
	{ "ETagMismatch", FAULT_RETRY, -EIO },
	{ "ExpiredToken", FAULT_AUTH, -EACCES },
	{ "IncompleteBody", FAULT_RETRY, -EIO },
	{ "InternalError", FAULT_RETRY, -EIO },
	{ "InternalServerError", FAULT_RETRY, -EIO },
	{ "InvalidAccessKeyId", FAULT_AUTH, -EACCES },
	{ "InvalidClientTokenId", FAULT_AUTH, -EACCES },
	{ "InvalidObjectState", FAULT_BAD, -EACCES },
	{ "InvalidRange", FAULT_BAD, -ERANGE },
	{ "InvalidSecurity", FAULT_AUTH, -EACCES },
	{ "InvalidTag", FAULT_BAD, -EINVAL },
	{ "InvalidToken", FAULT_AUTH, -EACCES },
	{ "KeyTooLongError", FAULT_BAD, -EIO },
	{ "MalformedAnswer", FAULT_RETRY, -EIO },
	{ "NoSuchBucket", FAULT_GONE, -EIO }, /* or all its files would look removed */
	{ "NoSuchKey", FAULT_GONE, -ENOENT },
	{ "NoSuchUpload", FAULT_GONE, -ENOENT },
	{ "NoSuchVersion", FAULT_GONE, -ENOENT },
	{ "NotSignedUp", FAULT_AUTH, -EACCES },
	{ "OperationAborted", FAULT_RETRY, -EIO },
	{ "PreconditionFailed", FAULT_CONFLICT, -ESTALE },
	{ "QuotaExceeded", FAULT_AUTH, -ENOSPC },
	{ "RequestExpired", FAULT_AUTH, -EACCES },
	{ "RequestLimitExceeded", FAULT_RETRY, -EIO },
	{ "RequestThrottled", FAULT_RETRY, -EIO },
	{ "RequestTimeTooSkewed", FAULT_AUTH, -EACCES },
	{ "RequestTimeout", FAULT_RETRY, -EIO },
	{ "ServiceUnavailable", FAULT_RETRY, -EIO },
	{ "SignatureDoesNotMatch", FAULT_AUTH, -EACCES },
	{ "SlowDown", FAULT_RETRY, -EIO },
	{ "SlowDownRead", FAULT_RETRY, -EIO },
	{ "SlowDownWrite", FAULT_RETRY, -EIO },
	{ "Throttling", FAULT_RETRY, -EIO },
	{ "ThrottlingException", FAULT_RETRY, -EIO },
	{ "TokenRefreshRequired", FAULT_AUTH, -EACCES },
	{ "TooManyRequests", FAULT_RETRY, -EIO },
	{ "Transport", FAULT_RETRY, -EIO },
	{ "UserSuspended", FAULT_AUTH, -EACCES },
	{ "XAmzContentSHA256Mismatch", FAULT_RETRY, -EIO },
	{ "XMinioAdminBucketQuotaExceeded", FAULT_AUTH, -ENOSPC },
	{ "XMinioServerNotInitialized", FAULT_RETRY, -EIO },
	{ "XMinioStorageFull", FAULT_AUTH, -ENOSPC },
};

static const struct status_row status_table[] = {
	{ 401, FAULT_AUTH, -EACCES },	  { 403, FAULT_AUTH, -EACCES },
	{ 404, FAULT_GONE, -ENOENT },	  { 408, FAULT_RETRY, -EIO },
	{ 409, FAULT_CONFLICT, -EIO },	  { 410, FAULT_GONE, -ENOENT },
	{ 412, FAULT_CONFLICT, -ESTALE }, { 416, FAULT_BAD, -ERANGE },
	{ 425, FAULT_RETRY, -EIO },	  { 429, FAULT_RETRY, -EIO },
	{ 501, FAULT_BAD, -EIO },	  { 505, FAULT_BAD, -EIO },
	{ 507, FAULT_AUTH, -ENOSPC },
};

/* What no row names. */
static enum fault_class class_of_range(const struct s3_error *e)
{
	if (e->status == 0 || e->status >= 500)
		return FAULT_RETRY;
	if (e->status >= 200 && e->status < 300)
		return e->code[0] ? FAULT_RETRY : FAULT_NONE; /* an error in a 200 */
	return FAULT_BAD;
}

int fault_classify(struct s3_error *e)
{
	for (size_t i = 0; i < array_size(code_table); i++) {
		if (strcmp(code_table[i].code, e->code) == 0) {
			e->class = code_table[i].class;
			return code_table[i].error;
		}
	}
	for (size_t i = 0; i < array_size(status_table); i++) {
		if (status_table[i].status == e->status) {
			e->class = status_table[i].class;
			return status_table[i].error;
		}
	}
	e->class = class_of_range(e);
	return e->class == FAULT_NONE ? 0 : -EIO;
}
