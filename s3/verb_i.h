/* verb_i.h - what every verb of s3/ does in the same way. Private to s3/. */
#ifndef S3_VERB_I_H
#define S3_VERB_I_H

#include "s3/client.h"
#include "s3/types.h"

/* s3_call; res->error goes to err (may be NULL) on failure. An answer whose x-amz-version-id cannot
 * be one is a failure. */
int verb_call(struct s3_client *c, const struct s3_req *q, struct s3_res *res, struct s3_error *err)
	must_check;

/* The answer made no sense: fills err and returns -EIO. It may be better next time. */
int verb_bad_answer(const struct s3_res *res, const char *why, struct s3_error *err);
/* The request will not even be sent: fills err and returns rc. */
int verb_refuse(int rc, const char *why, struct s3_error *err);

/* versionId=; NULL adds nothing. */
int verb_query_version(struct s3_req *q, const char *version) must_check;
/* The body of q is this XML, with its Content-MD5, which AWS wants for several of them. xml is
 * borrowed. */
int verb_body_xml(struct s3_req *q, const char *xml, size_t n) must_check;
#define VERB_META "x-amz-meta-"
bool verb_is_sys_name(const char *name); /* a name of s3_info.sys */
/* All of opts, which may be NULL, for PutObject, CopyObject and CreateMultipartUpload;
 * x-amz-tagging only when there are tags. -EINVAL with err for what no header can carry. */
int verb_add_opts(struct s3_req *q, const struct s3_put_opts *opts, struct s3_error *err)
	must_check;
/* The headers of origin, which may be NULL; not the version id. */
int verb_add_origin(struct s3_req *q, const struct s3_origin *origin, struct s3_error *err)
	must_check;
/* x-amz-copy-source and, with an etag, x-amz-copy-source-if-match. version and etag may be NULL. */
int verb_copy_source(struct s3_req *q, const char *bucket, const char *key, const char *version,
		     const char *etag) must_check;
/* Valid UTF-8 without control characters, of a length that S3 has: fit for terminals and logs. */
bool verb_is_version_id(const char *id);
/* x-amz-version-id, borrowed; NULL when the answer has none, or "null": what has that id is
 * replaced by the next write while versioning is not enabled (S3 User Guide, "Adding objects to
 * versioning-suspended buckets"). */
const char *verb_version_id(const struct s3_res *res);
/* Fills i, which must be empty, from the headers. */
int verb_info(const struct s3_res *res, struct s3_info *ret_i) must_check;
/* The encryption alone, into i. */
int verb_info_sse(const struct s3_res *res, struct s3_info *i) must_check;
/* The XML of an answer, given away. */
void verb_take_body(struct s3_res *res, struct buf *ret_b);

/* Without quotes; lower case when it is hex digits (an MD5, or an MD5 with a number of parts). NULL
 * for none or an empty one. */
int etag_dup(const char *s, char **ret_etag) must_check;
/* Without regard to quotes and case. False when one is NULL. */
bool etag_equal(const char *a, const char *b);
/* The header form: with quotes. */
int etag_quote(const char *etag, char **ret_s) must_check;

/* A wait of at most a few seconds. */
void verb_wait(int64_t ms);

/*
 * The tries of one verb that makes a version. After a try with an unclear outcome the version is
 * looked for by its token, so that one call makes one version however often the answer is lost.
 */
struct settle {
	struct s3_client *client;
	const char *key;
	const char *name, *value; /* the token; name NULL = cannot be settled */
	int64_t since_ms;	  /* wall; versions older than this are not ours; 0 = any may be */
	unsigned tries;		  /* that have failed with an unclear outcome, */
	unsigned silent;	  /* of these without any answer */
};

/* opts may be NULL. -EINVAL when opts->token_name is no name in opts->meta. */
int settle_init(struct settle *s, struct s3_client *c, const char *key,
		const struct s3_put_opts *opts) must_check;
/* After a try failed with rc: 0 = it was carried out, ret_i is the version; -EAGAIN = it was not,
 * try again; else the call has failed with rc. */
int settle_try(struct settle *s, int rc, const struct s3_error *e, struct s3_info *ret_i)
	must_check;
/* The wait before try number tries+1. */
void settle_wait(unsigned tries);
/* Whoever called was promised an error within call_ms, and a server that is silent takes stall_ms a
 * try. */
bool settle_is_over(const struct s3_client *c, unsigned tries, unsigned silent);

#define SETTLE_TRIES 4 /* s3_call has its own within each */
/* How far the server's clock may be from ours; SigV4 refuses more (S3 API Reference,
 * RequestTimeTooSkewed). */
#define SETTLE_SKEW_MS (15 * 60 * 1000)

#endif
