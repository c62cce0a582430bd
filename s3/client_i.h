/* client_i.h - shared by client.c (the handle) and call.c (s3_call). */
#ifndef S3_CLIENT_I_H
#define S3_CLIENT_I_H

#include <stdatomic.h>

#include "base/lock.h"
#include "s3/checksum.h"
#include "s3/client.h"
#include "s3/endpoint.h"

struct s3_client {
	char *bucket;
	char *url; /* for people */
	bool aws;  /* no URL was given: the host follows the region */
	bool path_style;
	bool tls;
	struct endpoint endpoint; /* fixed unless aws */
	int64_t stall_ms;
	int64_t call_ms;
	unsigned max_attempts;
	bool patient;
	struct cred_source *cred;
	struct http *http; /* NULL with another attempt function */
	http_attempt_fn *attempt;
	void *attempt_arg;
	_Atomic int64_t skew_ms; /* server's clock - ours */
	atomic_bool wants_md5;	 /* it has refused data without Content-MD5 */
	atomic_int checksums;	 /* enum checksums, as its latest answer tells */
	atomic_bool copies_tell; /* what they were made of: one did */
	atomic_int mpu_sums;	 /* the same of multipart uploads: FULL_OBJECT */
	struct {
		struct lock l;
		struct cond cond; /* aborted */
		bool aborted;
		char region[40];
	} locked;
};

#endif
