/* upload_i.h - shared by upload.c (life, offers), upload_part.c and upload_finish.c. */
#ifndef S3_UPLOAD_I_H
#define S3_UPLOAD_I_H

#include "base/lock.h"

#include "s3/upload.h"

/*
 * state       multipart id  parts go out  opts        leaves to
 * NEW         none          no            may change  CREATING (a part is to be sent), PUTTING (a
 *                                                     small object is finished), SETTLED, GONE
 * CREATING    asked for     no            fixed       OPEN, NEW (failed), GONE
 * OPEN        yes           yes           fixed       COMPLETING, NEW (finish starts afresh),
 *                                                     SETTLED, GONE
 * PUTTING     none          no            fixed       DONE, NEW (failed)
 * COMPLETING  yes           no            fixed       DONE, TAGGING, OPEN (failed)
 * TAGGING     used up       no            fixed       DONE, GONE
 * DONE        used up       no            fixed       GONE
 * SETTLED     maybe         no            fixed       GONE
 * GONE        maybe         the last end  fixed       -
 *
 * TAGGING: the version stands, its tags or its lock may not yet. SETTLED: somebody else will
 * complete it. GONE: the owner has left; it is freed with the last reference.
 */
enum upload_state {
	UPLOAD_NEW,
	UPLOAD_CREATING,
	UPLOAD_OPEN,
	UPLOAD_PUTTING,
	UPLOAD_COMPLETING,
	UPLOAD_TAGGING,
	UPLOAD_DONE,
	UPLOAD_SETTLED,
	UPLOAD_GONE,
	UPLOAD_STATES
};

struct upload_part {
	/* of what the server holds under this number; 0 = of no known generation */
	uint64_t gen;
	uint64_t size;
	char etag[80];
	struct s3_crc32c crc; /* of the bytes of gen, in an upload with checksums */
	bool on_server;	      /* it holds something, or may */
	bool queued;	      /* a helper or finish shall send it, */
	bool sending;	      /* is sending it */
	uint64_t want;	      /* the size to send */
	uint64_t sending_gen; /* 0 = not read yet */
};

/* Owned copy of a struct s3_put_opts. */
struct upload_opts {
	struct kv meta, sys, tags;
	char *storage_class, *acl, *sse, *sse_key, *lock_mode, *owner, *token_name;
	int64_t retain_until_ms;
	bool legal_hold;
	bool has_origin;
	char *origin_version, *origin_etag;
	struct s3_origin origin; /* borrows the two */
};

struct upload {
	/* fixed after creation */
	struct s3_client *client;
	struct pool *pool;
	char *key;
	struct upload_src src;
	void (*on_id)(void *arg, const char *key, const char *id);
	void *on_id_arg;
	void (*on_part)(void *arg);
	void *on_part_arg;

	struct lock lock;
	struct cond changed; /* any field below */
	struct {
		enum upload_state state;
		struct upload_opts opts;   /* fixed outside NEW */
		char *id;		   /* fixed while somebody is active */
		enum mpu_sum sum;	   /* of id, likewise */
		struct upload_part *parts; /* part n at n-1 */
		unsigned n_parts;	   /* allocated */
		unsigned first_queued;	   /* no part below it is queued */
		unsigned refs;
		unsigned helpers;	/* tasks in the pool */
		unsigned active;	/* parts being sent */
		bool finishing, closed; /* either: no more offers */
		bool tags_late;		/* set after the multipart upload was created */
		bool in_callback;	/* on_id runs */
		bool abort_wanted;
		bool copy_refused;     /* by the server: all parts are sent */
		int failed;	       /* the first failure since finish last began */
		struct s3_error error; /* its reason; no part is sent after it */
		struct s3_info made;   /* in TAGGING */
		uint64_t unclear_gen;  /* of a small object whose PUT may have gone */
		uint64_t unclear_size; /* through; gen 0 = none */
	} locked;
};

void upload_set_state_locked(struct upload *u, enum upload_state to);
/* upload_opts.c. dst must be empty; it is the caller's to free on failure too. src may be NULL. */
int upload_opts_copy(struct upload_opts *dst, const struct s3_put_opts *src) must_check;
void upload_opts_free(struct upload_opts *o);
struct s3_put_opts upload_opts_view(const struct upload_opts *o); /* borrows */
/* The first failure counts: no more parts go out. */
void upload_fail_locked(struct upload *u, int rc, const struct s3_error *e);
/* A multipart upload is there when it returns 0. Takes the lock. */
int upload_ensure_open(struct upload *u, struct s3_error *e) must_check;
/* upload_part.c. Sends part n, of size bytes, unless it stands; its end is written down. */
void upload_send_part(struct upload *u, unsigned n, uint64_t size);
/* Room for part n. */
int upload_grow_locked(struct upload *u, unsigned n) must_check;
/* Asks for at most n more tasks in the pool that send queued parts. Takes the lock. */
void upload_ask_help(struct upload *u, unsigned n);
/* Sends queued parts in this thread until none is left. Takes the lock. */
void upload_send_queued(struct upload *u);
void upload_unqueue_locked(struct upload *u);

#define UPLOAD_HELPERS_MAX 6

#endif
