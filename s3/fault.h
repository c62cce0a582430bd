/* fault.h - one table: HTTP status, S3 error code, transport error -> errno and class. Pure. */
#ifndef S3_FAULT_H
#define S3_FAULT_H

#include "base/base.h"

enum fault_class {
	FAULT_NONE,
	FAULT_RETRY,	/* try again: 5xx, throttling, time-outs, connection trouble */
	FAULT_AUTH,	/* credentials or permission */
	FAULT_GONE,	/* key, version, bucket or upload does not exist */
	FAULT_CONFLICT, /* a precondition failed, the object changed */
	FAULT_BAD,	/* the request is wrong; it will never succeed as it is */
};

struct s3_error {
	int status; /* HTTP status; 0 = no answer */
	enum fault_class class;
	bool unclear;	   /* the server may have carried the request out */
	char op[32];	   /* the request that failed, S3's name: "PutObject"; "" = none was sent */
	char code[64];	   /* S3's code, or "Transport" */
	char message[256]; /* S3's or curl's words */
	char request_id[80];
	char region[40];	/* the right region, when the answer names it */
	int64_t retry_after_ms; /* -1 none */
};

/* Sets e->class and returns the -errno for it: 403 -EACCES, 404 -ENOENT (-EIO when it is
 * the bucket that is not there), 412 -ESTALE, 416 -ERANGE, 507/quota -ENOSPC, deadline -ETIMEDOUT,
 * else -EIO. Looks at e->status and e->code. */
int fault_classify(struct s3_error *e);

#endif
