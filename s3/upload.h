/*
 * upload.h - one version on its way to one bucket. A small object (one part) becomes a single PUT
 * when it is finished; a larger one goes out in parts (s3/part.h) while it is still being written,
 * by threads of a pool that the caller owns.
 *
 * A part must be sent if and only if its generation (asked of the source of the bytes) differs from
 * the one last sent: S3 keeps the last upload of a part number (User Guide, "Multipart upload
 * overview"). There is no DIRTY, SENDING or RESEND.
 */
#ifndef S3_UPLOAD_H
#define S3_UPLOAD_H

#include "base/pool.h"
#include "s3/mpu.h"
#include "s3/types.h"

struct upload;

/* A version in the same bucket; the strings live as long as the source of the bytes. */
struct upload_base {
	const char *key, *version, *etag; /* version NULL: the ETag alone pins it */
};

struct upload_src { /* the bytes; alive between retain and release */
	int (*read)(void *arg, void *dst, size_t n, uint64_t off);
	/* changes with every write to the part; never 0 */
	uint64_t (*gen)(void *arg, unsigned part);
	void (*retain)(void *arg);  /* upload_new calls it once, */
	void (*release)(void *arg); /* the end of the upload once */
	void *arg;
	/* Are all bytes of the range those of *ret_base at the same place? Then the server may copy
	 * them (UploadPartCopy). NULL: never. */
	bool (*base)(void *arg, struct s3_range range, struct upload_base *ret_base);
};

struct upload_conf {
	struct s3_client *client;	/* borrowed; outlives the upload */
	struct pool *pool;		/* borrowed; outlives the upload */
	const char *key;		/* copied */
	const struct s3_put_opts *opts; /* copied; opts->token_name is kept */
	struct upload_src src;
	/* Called in a pool thread right after CreateMultipartUpload answered, before any part: to
	 * write the id down. May be NULL. */
	void (*on_id)(void *arg, const char *key, const char *id);
	void *on_id_arg;
	/* Called in any thread when a part is at the server. May be NULL. arg outlives the pool. */
	void (*on_part)(void *arg);
	void *on_part_arg;
};

/* no network */
int upload_new(const struct upload_conf *conf, struct upload **ret_u) must_check;

/* Sends the full part n in the pool: a no-op when it was sent in this generation, is being sent,
 * the pool is full, or the upload has failed before (the reason is kept for upload_finish). Never
 * blocks on the network. */
void upload_offer(struct upload *u, unsigned n);

/* New metadata and tags, known later than upload_new: taken while no multipart upload exists yet,
 * else -EBUSY (nothing changed). */
int upload_set_opts(struct upload *u, const struct s3_put_opts *opts) must_check;

/* Other tags than upload_new's, known late: unlike metadata they can still be put on the version
 * once it stands, before upload_finish returns. */
int upload_set_tags(struct upload *u, const struct kv *tags) must_check;

/* Has a multipart upload been created (or is it being created)? Then metadata is fixed. */
bool upload_started(const struct upload *u);
/* A part was sent that an object of this size does not have. Ceph does not complete without it. */
bool upload_exceeds(struct upload *u, uint64_t size);

/* Sends what differs, completes: one version. Blocks; parts go out in parallel through the pool. On
 * failure the upload may be tried again or dropped. */
int upload_finish(struct upload *u, uint64_t size, struct s3_info *ret_i, struct s3_error *err)
	must_check;

/* For one who completes it himself: no more parts go out, waits until none is in flight or the
 * deadline has passed (-ETIMEDOUT). */
int upload_settle(struct upload *u, int64_t deadline_mono_ms) must_check;
/* After upload_settle: the id (NULL when no multipart upload was created) and the parts that stand
 * in their current generation. */
const char *upload_id(const struct upload *u);
enum mpu_sum upload_sum(const struct upload *u); /* as it was created */
/* sorted by number */
size_t upload_parts(struct upload *u, struct mpu_part *ret_parts, size_t max);
/* Frees without aborting: somebody else has the id now. Waits for nothing: parts in flight are left
 * to end by themselves. */
void upload_forget(struct upload *u);

/* Aborts on the server (in the pool) and frees. NULL is fine. */
void upload_drop(struct upload *u);

#endif
