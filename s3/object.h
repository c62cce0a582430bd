/* object.h - one object: head, get, put, copy, delete. err may be NULL everywhere; it is filled on
 * failure. */
#ifndef S3_OBJECT_H
#define S3_OBJECT_H

#include "s3/client.h"
#include "s3/types.h"

/* version NULL = current. -ENOENT: no such key, or the current version is a delete marker. ret_i
 * must be empty. */
int object_head(struct s3_client *c, const char *key, const char *version, struct s3_info *ret_i,
		struct s3_error *err) must_check;

/*
 * The size of part n (from 1) of a version that was made in parts, and how many there are: HEAD
 * with partNumber (S3 API Reference, "HeadObject"). *ret_parts 0: the server does not tell.
 */
int object_head_part(struct s3_client *c, const char *key, const char *version, unsigned n,
		     uint64_t *ret_size, unsigned *ret_parts, struct s3_error *err) must_check;

/* Reads [range.start, range.end) of a version into dst. With version NULL or "null" and etag given:
 * If-Match etag, -ESTALE when it changed. *ret_got is less than asked only at the end of the
 * object. Never writes an error body to dst. */
int object_get_range(struct s3_client *c, const char *key, const char *version, const char *etag,
		     struct s3_range range, void *dst, size_t *ret_got, struct s3_error *err)
	must_check;

/* What an answer tells of all bytes of the object. */
struct object_sums {
	bool md5_known;
	uint8_t md5[16];
	struct s3_crc32c crc;
};

/*
 * The same for a range of any length: the bytes go to write in order, each once however often the
 * transfer breaks and is begun again, and none before the head of the answer has been looked at,
 * and ret_sums (may be NULL) filled. whole: the range is all of the object. Then it is asked for
 * without a range, and with its checksum, where the server is known to heed those: of a range it
 * tells none (S3 API Reference, "GetObject", x-amz-checksum-mode).
 */
int object_get_stream(struct s3_client *c, const char *key, const char *version, const char *etag,
		      struct s3_range range, bool whole, http_write_fn *write, void *arg,
		      struct object_sums *ret_sums, uint64_t *ret_got, struct s3_error *err)
	must_check;

/* The whole body of a small object, capped at limit (-EFBIG). */
int object_get_small(struct s3_client *c, const char *key, const char *version, size_t limit,
		     struct buf *ret_b, struct s3_error *err) must_check;

/* One PUT. Settles an unclear answer by opts->token_name before it tries again, so that one call
 * makes one version. ret_i: version_id, etag, size, mtime_ms (when told). read/read_arg as in
 * http.h; size bytes. */
int object_put(struct s3_client *c, const char *key, const struct s3_put_opts *opts,
	       http_read_fn *read, void *read_arg, uint64_t size, struct s3_info *ret_i,
	       struct s3_error *err) must_check;

/* Server-side copy within the bucket. opts NULL = metadata and tags as they are; else all of meta,
 * sys, class are replaced by opts, and so are the tags when opts->tags is given (put again after
 * the copy when the server dropped them: Ceph); else they are read and given, or see keep_tags.
 * Above 5 GiB by parts. src_version may be NULL; src_etag (may be NULL) pins the source where the
 * server checks it. */
int object_copy(struct s3_client *c, const char *src_key, const char *src_version,
		const char *src_etag, uint64_t size, const char *dst_key,
		const struct s3_put_opts *opts, struct s3_info *ret_i, struct s3_error *err)
	must_check;
/* Does the server tell which version a copy was made of (s3_info.source_version)? Seen of an
 * answer; Ceph does not. */
bool object_copies_tell(const struct s3_client *c);

/* DELETE without version id: makes a delete marker in a versioned bucket, whose version id goes to
 * ret_version (new string or NULL). */
int object_delete(struct s3_client *c, const char *key, char **ret_version, struct s3_error *err)
	must_check;
/* As object_delete, as a replica: origin (may be NULL) as in s3_put_opts, MinIO only. */
int object_delete_as(struct s3_client *c, const char *key, const struct s3_origin *origin,
		     char **ret_version, struct s3_error *err) must_check;
/* Removes one version for good. Only for objects of crrfs's own: the probe of s3/caps.h. */
int object_delete_version(struct s3_client *c, const char *key, const char *version,
			  struct s3_error *err) must_check;

/* Finds the version of key whose metadata `name` has `value`: the current one first, then older
 * ones made since since_ms (0 = any; at most 100). ret_i filled with the HEAD of it. -ENOENT when
 * there is none. */
int object_find(struct s3_client *c, const char *key, const char *name, const char *value,
		int64_t since_ms, struct s3_info *ret_i, struct s3_error *err) must_check;

#endif
