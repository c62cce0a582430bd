/*
 * job_base.h - the version that another one was made of by an edit, a rename or a change of its
 * metadata: a destination that has its replica has most of the bytes, and copies them there. It is
 * a hint: without it, or where the replica is gone, the bytes are sent. Pure.
 */
#ifndef QUEUE_JOB_BASE_H
#define QUEUE_JOB_BASE_H

#include "base/json.h"
#include "s3/types.h"

#define JOB_BASE_OWN_MAX 1024 /* ranges that a row may bear */

struct job_base {
	char *key;	      /* NULL = there is none */
	char *version;	      /* NULL in an unversioned bucket */
	char *etag;	      /* NULL = not known */
	uint64_t size;	      /* of it */
	uint64_t shown;	      /* the first so many bytes are the same in both, but for own: */
	struct s3_range *own; /* sorted; a staged file has these bytes, and no others */
	size_t own_n;
};

void job_base_free(struct job_base *b); /* empties; all-zero is empty */
int job_base_copy(struct job_base *dst, const struct job_base *src) must_check;
/* From off on: are the next *ret_len bytes (<= max) the new version's own? */
bool job_base_owns(const struct job_base *b, uint64_t off, uint64_t max, uint64_t *ret_len);
/* Are these bytes the base's at the same place? */
bool job_base_has(const struct job_base *b, struct s3_range r);
/* Are those of a version of this size just the base's, all of them? */
bool job_base_is_whole(const struct job_base *b, uint64_t size);
/* Can a copy of a version with this ETag have that one? Of those that were made alike, in parts
 * or not, no other: another writer was there before the copy was made, of whose bytes a destination
 * has none. NULL = not known; with KMS an ETag says nothing. */
bool job_base_may_be(const char *etag, const char *copy);

/* As the member "base" of an object; nothing where there is none. */
void job_base_to_json(const struct job_base *b, struct json_out *j);
/* ret_b is left alone where there is none. */
int job_base_from_json(const struct doc_node *root, struct job_base *ret_b) must_check;

#endif
