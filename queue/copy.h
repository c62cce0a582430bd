/*
 * copy.h - carries out one job; one algorithm for early, cold, retried and restarted copies: parts
 * that are recorded are skipped, every other part is read and sent and recorded, then the upload is
 * completed. An object of one part is a single PUT. Bytes that the destination has in the replica
 * of the version that this one was made of are copied there (job_base.h), the others come from the
 * staged file while it is kept, else from the source by version id.
 */
#ifndef QUEUE_COPY_H
#define QUEUE_COPY_H

#include "base/pool.h"
#include "queue/job.h"
#include "queue/store.h"
#include "s3/caps.h"
#include "s3/client.h"
#include "s3/upload.h"

/* What the worker wants to know beside success. */
struct copy_report {
	/* the failure was the source's or ours, it says nothing about the destination */
	bool at_source;
	bool uncertain; /* the replica may stand all the same: ask before sending again */
	uint64_t bytes; /* sent */
};

struct copy_conf {
	struct s3_client *source, *dest; /* borrowed */
	const char *source_bucket;
	const char *staging_dir;
	struct pool *pool; /* borrowed; for what one thread would be slow with; NULL = none */
	/* taken: an upload that is still under way for this job; NULL = none */
	struct upload *early;
	/* Called as things become known, to be written down. */
	/* NULL id: it is gone at the destination, forget its parts */
	int (*on_upload)(void *arg, const char *upload_id, enum mpu_sum sum);
	/* from any thread */
	int (*on_part)(void *arg, const struct mpu_part *p);
	const struct mpu_part *parts; /* recorded before; borrowed */
	size_t parts_n;
	void *arg;
	/* what the destination can do; NULL = not known, all is tried. acl becomes CAP_NO when the
	 * destination says that it takes none */
	struct s3_caps *caps;
	bool unversioned_ok; /* a replica without a version id is no failure */
	bool class_fallback; /* a storage class that is not there: the destination's default */
	/* asked between parts, and between blocks read from the source */
	bool (*stopping)(void *arg);
	/* changes: of the replica, from the ledger; "" = it has none, NULL = not known */
	const char *replica_version;
	/* of the replica of job->spec.base, likewise */
	const char *base_version;
	struct copy_report *report; /* filled whatever is returned; may be NULL */
};

/* The code of an error that is ours: the replica's ETag is not what the source's says. Not
 * uncertain: the next try makes a new version. */
#define COPY_DIFFERS "ReplicaDiffers"
/* The replica was made, and has no version id: versioning was switched off at the destination. */
#define COPY_UNVERSIONED "DstBucketUnversioned"
/* It has a retention or a legal hold, which the destination cannot keep. */
#define COPY_LOCK_MISSING "DstBucketObjectLockConfigMissing"
/* The version can be read by nobody without its customer's key. */
#define COPY_NOT_ELIGIBLE "SrcObjectNotEligible"

/* 0: the replica stands, ret_version (>= 256 bytes) has its version id or "". -errno with *ret_err
 * filled. -ECANCELED: stopping. -ENODATA: the job has nothing to do (any more): the source version
 * is gone, is a replica itself, ...; ret_err->message says which. */
int copy_run(const struct job *j, const struct copy_conf *conf, char *ret_version,
	     struct s3_error *ret_err) must_check;

#endif
