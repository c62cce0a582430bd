/*
 * replica.h - what a replica carries: the source version's own, what the rule says instead, and
 * what the destination's server can take. Pure.
 */
#ifndef QUEUE_REPLICA_H
#define QUEUE_REPLICA_H

#include "queue/job.h"
#include "s3/caps.h"
#include "s3/types.h"

/* Names in user metadata that crrfs keeps for itself; hidden from xattrs, ignored when buckets are
 * compared. */
#define REPL_META_PREFIX "crrfs-"
#define REPL_META_ID	 "crrfs-id" /* unique to each write */
/* on replicas: the source bucket; a version that has it is replicated by no rule */
#define REPL_META_REPLICA "crrfs-replica-of"
/* on replicas, when it was known at upload */
#define REPL_META_SOURCE_VERSION "crrfs-source-version"
/* on replicas: when the source version was made, ISO 8601 */
#define REPL_META_SOURCE_TIME "crrfs-source-time"
/* on replicas whose server has no tags, no ACLs: the tags as a query string, the canned ACL */
#define REPL_META_TAGS "crrfs-tags"
#define REPL_META_ACL  "crrfs-acl"

struct replica_in {
	const char *source_bucket;
	const struct job_spec *spec;
	const struct job_how *how;
	const char *storage_class;   /* the rule's; NULL = as the source, "" = the default */
	const struct s3_caps *caps;  /* NULL = unknown: all is taken to be there */
	const char *token, *version; /* of the source version; NULL = not known (yet) */
	int64_t now_ms;		     /* wall: a retention that is over is not sent */
	bool anew;		     /* without the time and id of the source version */
};

/* Owned but for what `in` holds, which must outlive it. */
struct replica {
	struct kv meta;
	struct s3_origin origin;
	struct s3_put_opts opts; /* points to the two above, and into `in` */
};

int replica_make(const struct replica_in *in, struct replica *ret_r) must_check;
void replica_free(struct replica *r);
/* In all that is fixed when an upload is begun: tags can still follow. */
bool replica_equal(const struct replica *a, const struct replica *b);

/* MinIO's version ids are UUIDs, and it refuses others. */
bool replica_is_uuid(const char *s);
/* Is an encryption one of KMS? Then an ETag is no MD5 (S3 API Reference, "Object"). */
bool replica_is_kms(const char *sse);

#endif
