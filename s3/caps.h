/*
 * caps.h - what a bucket's server can do: tried once with a small object under CAPS_PREFIX, which
 * is removed again (by version id), and remembered by the caller as text.
 */
#ifndef S3_CAPS_H
#define S3_CAPS_H

#include "s3/bucket.h"
#include "s3/client.h"

#define CAPS_PREFIX ".crrfs-probe/"

/* UNKNOWN: not tried, or no answer. DENIED: the server can, these credentials may not. */
enum cap { CAP_UNKNOWN, CAP_NO, CAP_YES, CAP_DENIED };

struct s3_caps {
	enum cap put;		/* PutObject (and the metadata comes back) */
	enum cap get;		/* HeadObject, GetObject of what was put */
	enum cap remove;	/* DeleteObject: a marker, or the object */
	enum cap purge;		/* DeleteObjectVersion: a probe leaves nothing behind */
	enum cap versioning;	/* yes: enabled; no: off or suspended; and see versioning_api */
	enum cap versioning_api; /* no: GetBucketVersioning is not implemented (R2, Garage) */
	enum cap tags;
	enum cap acl;
	enum cap sse;		/* SSE-S3: x-amz-server-side-encryption: AES256 is taken */
	enum cap lock;		/* Object Lock is enabled on the bucket */
	enum cap multipart;
	enum cap part_copy;
	enum cap checksums;	/* x-amz-checksum-* is verified and given back */
	enum cap conditional;	/* PUT with If-None-Match is heeded */
	enum cap classes;	/* a storage class other than STANDARD is taken */
	enum cap minio;		/* version id and time can be given */
};

/*
 * Tries all of it; about 20 requests; what is "not implemented" is asked twice. 0 also when much is
 * missing: the answers are in ret_c, and the first error that is neither "not implemented" nor a
 * missing feature in *err (status 0 and code "" = none). A bucket with a default retention is not
 * written to, as nobody could remove the object again: then all that needs it stays unknown. -errno
 * when nothing could be learnt: no answer, no such bucket, bad credentials.
 */
int caps_probe(struct s3_client *c, struct s3_caps *ret_c, struct s3_error *err) must_check;

/*
 * Is it still as *c says? Asks for versioning and the lock, and writes and removes one object,
 * where a probe did; of *c these answers are renewed. Returned and told as by caps_probe.
 */
int caps_check(struct s3_client *client, struct s3_caps *c, struct s3_error *err) must_check;

/* Does a copy that replaces the metadata leave the tags alone (s3_put_opts.keep_tags)? Tried with
 * an object under CAPS_PREFIX, five requests. *ret_keeps: only where all of them were answered. */
int caps_copy_keeps_tags(struct s3_client *c, bool *ret_keeps) must_check;

/* One line "put=yes tags=no ...", and back (unknown words are ignored). */
int caps_to_text(const struct s3_caps *c, struct buf *out) must_check;
int caps_from_text(const char *text, struct s3_caps *ret_c) must_check;

/* Each capability with its name and what its absence means, for tables. false = i is past the end.
 */
bool caps_row(const struct s3_caps *c, size_t i, const char **ret_name, enum cap *ret_cap,
	      const char **ret_meaning);
const char *cap_name(enum cap c); /* "yes", "no", "denied", "?" */

#endif
