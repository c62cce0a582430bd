/* copy_i.h - inside copy*.c: one copy under way, in one thread. */
#ifndef QUEUE_COPY_I_H
#define QUEUE_COPY_I_H

#include "queue/copy.h"
#include "s3/types.h"

/*
 * The bytes of the source version: the staged file while it is there, else ranged GETs through one
 * block that is kept.
 */
struct copy_body {
	const struct job *job;
	const struct copy_conf *conf;
	const struct job_spec *spec;
	int fd;	     /* the staged file; -1 = read the source */
	char *block; /* read from the source last */
	uint64_t block_off;
	size_t block_len;
	uint64_t base; /* offset of what is being sent inside the object */
	/* the first failure sticks; it is ours, whatever the request then says */
	int err;
	struct s3_error error;
};

int copy_body_open(struct copy_body *b, const struct job *j, const struct copy_conf *conf,
		   const struct job_spec *spec) must_check;
void copy_body_close(struct copy_body *b);
/* matches http_read_fn; off from base */
int copy_body_read(void *arg, void *dst, size_t n, uint64_t off);

struct copy {
	const struct job *j;
	const struct copy_conf *conf;
	struct job_spec spec; /* owned: the job's, or what the source told */
	char *token;	      /* owned; NULL = none */
	struct copy_body body;
	struct copy_report report;
	struct s3_error *err;
	struct upload *early; /* owned until settled */
};

/* What the version carries, in c->spec and c->token. -ENODATA: gone, or a replica itself. */
int copy_learn_spec(struct copy *c) must_check;
/* Does the destination have it already? 1 = yes (ret_version filled), 0 = no. */
int copy_ask_dest(struct copy *c, struct s3_info *ret_i) must_check;
/* In the parts of s3/part.h; ret_i: version and ETag of the replica. */
int copy_in_parts(struct copy *c, struct s3_info *ret_i) must_check;
/* After a request that read the body failed: whose fault was it? Returns the error that counts. */
int copy_blame(struct copy *c, int err);
/* Is it a plain MD5? n = 0; is it "MD5-N"? n = N. */
bool copy_etag_form(const char *etag, unsigned *ret_n);
/* 0, or -EIO with COPY_DIFFERS. */
int copy_check_etag(struct copy *c, const struct s3_info *replica) must_check;
const char *copy_token_name(const struct copy *c);
int copy_put_opts(struct copy *c, struct kv *ret_meta, struct s3_put_opts *ret_opts) must_check;
bool copy_is_stopping(const struct copy *c);

#endif
