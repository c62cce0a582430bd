/*
 * copy_i.h - inside copy*.c: one copy under way, in one thread.
 *
 *  copy.c         one job from the start to the end
 *  copy_spec.c    questions: what does the version carry, is it at the destination already?
 *  copy_parts.c   an object in parts
 *  copy_check.c   is the replica what it should be?
 *  copy_change.c  tags, ACL, retention, legal hold of a version that is there
 *  copy_delete.c  a delete marker
 *  copy_body.c    the bytes
 *  copy_base.c    those that the destination has already
 *  copy_crew.c    several parts at a time
 */
#ifndef QUEUE_COPY_I_H
#define QUEUE_COPY_I_H

#include "queue/copy.h"
#include "queue/layout.h"
#include "queue/replica.h"
#include "s3/acl.h"
#include "s3/types.h"

/*
 * The bytes of the source version: the staged file while it is there, and where it has them, else
 * ranged GETs through one block that is kept.
 */
struct copy_body {
	const struct job *job;
	const struct copy_conf *conf;
	const struct job_spec *spec;
	int fd;	     /* the staged file; -1 = read the source */
	bool lent;   /* it is another one's */
	bool fails;  /* it could not be read: the source is */
	char *block; /* read from the source last */
	uint64_t block_off;
	size_t block_len;
	uint64_t base, end; /* of what is being sent inside the object */
	/* the first failure sticks; it is ours, whatever the request then says */
	int err;
	struct s3_error error;
};

int copy_body_open(struct copy_body *b, const struct job *j, const struct copy_conf *conf,
		   const struct job_spec *spec) must_check;
void copy_body_close(struct copy_body *b);
/* What is to be sent next. */
void copy_body_aim(struct copy_body *b, struct s3_range range);
/* matches http_read_fn; off from base */
int copy_body_read(void *arg, void *dst, size_t n, uint64_t off);
/* The same bytes for another thread, as long as b is open. */
void copy_body_lend(const struct copy_body *b, struct copy_body *ret_b);
/* After a request that read it failed with err and *e: whose fault was it? Returns the error that
 * counts, with *e; sets *ret_at_source. */
int copy_body_blame(const struct copy_body *b, int err, struct s3_error *e, bool *ret_at_source);

/* Of an upload. Part n is at n-1; number 0 = missing. */
struct copy_parts {
	char *id;	  /* NULL = none yet */
	enum mpu_sum sum; /* as it was created */
	struct mpu_part *parts;
	unsigned n;
};

struct copy {
	const struct job *j;
	const struct copy_conf *conf;
	struct job_spec spec; /* owned: the job's, or what the source told */
	struct acl acl;	      /* of the source, where it is no canned one; n 0 = none */
	char *token;	      /* owned; NULL = none */
	struct layout layout; /* of an object that is sent in parts */
	struct {
		bool usable;	     /* the destination has the bytes of spec.base, */
		const char *version; /* of this version id (NULL = none), */
		char *etag;	     /* or of this ETag; owned */
	} base;
	bool class_dropped; /* the destination does not have it: its default */
	struct copy_body body;
	struct copy_report report;
	struct s3_error *err;
	struct upload *early; /* owned until settled */
};

/* What the version carries, in c->spec, c->acl and c->token. -ENODATA: nothing is to be done. */
int copy_learn_spec(struct copy *c) must_check;
/* The destination is a MinIO, and takes the id and the time of the version. */
bool copy_is_for_minio(const struct copy *c);
/* For it: the time of the source version in *ms, which holds when we heard of it. */
int copy_learn_time(struct copy *c, int64_t *ms) must_check;
/* The parts to send it in, in c->layout. */
int copy_learn_layout(struct copy *c) must_check;
/* Does the destination have it already? 1 = yes (ret_version filled), 0 = no. */
int copy_ask_dest(struct copy *c, struct s3_info *ret_i) must_check;
/* -ENODATA: a replica of a version that is newer than this one stands there: `replica`, or the
 * current one (NULL). */
int copy_is_overtaken(struct copy *c, const char *replica) must_check;
/* -ENODATA: that version (NULL = the current one) at the destination is no replica of this
 * source; 0 = it is, or there is none. */
int copy_is_theirs(struct copy *c, const char *version) must_check;
/* 0, or -EACCES with COPY_UNVERSIONED: what was made has no version id, and should have. */
int copy_check_versioned(struct copy *c, const char *version) must_check;
/* Is its current version a replica of this one? 1 = yes (ret_i filled), 0 = no. */
int copy_is_current(struct copy *c, struct s3_info *ret_i) must_check;
/* Does the destination have the bytes of c->spec.base? In c->base. */
int copy_learn_base(struct copy *c) must_check;
/* 1 = the replica was made of them alone, 0 = it is to be sent. */
int copy_from_base(struct copy *c, struct s3_info *ret_i) must_check;
/* Copies, and records, those of the parts that are theirs and missing; what is missing then is to
 * be sent. */
int copy_parts_from_base(struct copy *c, struct copy_parts *p) must_check;
/* For several threads at once: is this part to be made; makes and records it. b: this thread's. */
typedef bool copy_wants_fn(const struct copy *c, const struct copy_parts *p, unsigned number);
typedef int copy_part_fn(const struct copy *c, const struct copy_parts *p, unsigned number,
			 struct copy_body *b, struct mpu_part *ret_part, struct s3_error *e);
/* Makes all that are wanted, in no order. After a failure, which is the first one's, what was under
 * way has ended, and nothing else was begun. */
int copy_crew_run(struct copy *c, struct copy_parts *p, copy_wants_fn *wants, copy_part_fn *make)
	must_check;
/* Thread-safe. */
void copy_record_part(const struct copy *c, const struct mpu_part *part);
/* In the parts of c->layout; ret_i: version and ETag of the replica. */
int copy_in_parts(struct copy *c, struct s3_info *ret_i) must_check;
/* As copy_body_blame, of c->body. */
int copy_blame(struct copy *c, int err);
/* -ENODATA with these words. */
int copy_nothing(struct copy *c, const char *why);
/* Is it a plain MD5? n = 0; is it "MD5-N"? n = N. */
bool copy_etag_form(const char *etag, unsigned *ret_n);
/* 0, or -EIO with COPY_DIFFERS. */
int copy_check_etag(struct copy *c, const struct s3_info *replica) must_check;
/* The request that failed sent bytes, and the answer says that others were stored: then the code is
 * COPY_DIFFERS from now on. */
bool copy_stored_others(struct copy *c);
const char *copy_token_name(const struct copy *c);
const char *copy_token_value(const struct copy *c);
/* What the replica carries; borrows from c. */
int copy_make_replica(struct copy *c, struct replica *ret_r) must_check;
/* The class is not there, and the destination's own is good enough; or it takes no ACLs: it goes
 * without from now on. */
bool copy_falls_back(struct copy *c);
bool copy_is_stopping(const struct copy *c);
/* MinIO has a version of this id and ETag already. */
bool copy_is_duplicate(const struct copy *c);
/* Does the destination? */
bool copy_keeps_versions(const struct copy *c);

int copy_delete(struct copy *c, char *ret_version) must_check;
/* Jobs that make no version: tags, ACL, retention, legal hold. */
int copy_change(struct copy *c, char *ret_version) must_check;
/* The tags and, where no header could carry it, the ACL of a replica that stands. */
int copy_put_tags(struct copy *c, const char *version) must_check;
int copy_put_acl(struct copy *c, const char *version) must_check;
/* What of the retention and the legal hold the server has lost on the way (Ceph: in parts). */
int copy_put_lock(struct copy *c, const char *version) must_check;
/* -EINVAL with COPY_LOCK_MISSING where it is known that the destination could not keep them. */
int copy_check_lock(struct copy *c) must_check;
/* A request with them failed with err: since there is no Object Lock? Then its code says so. */
int copy_name_lock(struct copy *c, int err);

#endif
