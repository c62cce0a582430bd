/* answer.h - what an answer means: S3's error document, or the status and headers alone. Pure. */
#ifndef S3_ANSWER_H
#define S3_ANSWER_H

#include "s3/client.h"

/* An answer that is no success, or an <Error> in a 200. Fills *e and returns its -errno (fault.h).
 * e->unclear is set when the server may have carried the request out. body may hold anything. */
int answer_error(const struct s3_req *req, int status, const struct kv *headers,
		 const struct buf *body, int64_t wall_ms, struct s3_error *e) must_check;
/* A 200 that may be an error: 0, or as answer_error; what is no whole XML document is
 * MalformedAnswer. Blanks sent to keep the connection alive are removed from the body's start. */
int answer_check_200(const struct s3_req *req, const struct kv *headers, struct buf *body,
		     int64_t wall_ms, struct s3_error *e) must_check;
/* Refused before any work, and to be tried again later, whatever the status: throttled, or not
 * ready yet. */
bool answer_is_refusal(const struct s3_error *e);
/* The MD5 of all the bytes, where the ETag is one (S3 API Reference, "Object"). */
bool answer_md5(const struct kv *headers, uint8_t ret_md5[16]);
/* Does the ETag say that other bytes arrived than these? Only where it is an MD5 of them at all
 * (S3 API Reference, "Object"). */
bool answer_md5_differs(const struct kv *headers, const uint8_t md5[16]);
/* A success, of other bytes than were sent: -EIO. */
int answer_other_bytes(const char *code, int status, struct s3_error *e);
/* No answer. */
void answer_none(const char *code, enum fault_class class, const char *why, struct s3_error *e);

#endif
