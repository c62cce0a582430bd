/*
 * kv.h - a sorted list of name/value strings: tags, metadata, headers, query parameters.
 * Names are unique and compared byte by byte (callers that want case-insensitive names store them
 * in lower case).
 */
#ifndef BASE_KV_H
#define BASE_KV_H

#include "base/base.h"
#include "base/buf.h"

struct kv_item {
	char *name;
	char *value; /* never NULL */
};

struct kv {
	struct kv_item *items; /* sorted by name */
	size_t n;
	size_t cap;
};

/* A kv that is all zero is empty and valid. */
#define KV_EMPTY ((struct kv){ NULL, 0, 0 })

void kv_free(struct kv *kv); /* empties it; may be used again */
/* Copies both; replaces; 0 or -ENOMEM. */
int kv_set(struct kv *kv, const char *name, const char *value) must_check;
/* The same with lengths; -EINVAL when a NUL is among the bytes. */
int kv_setn(struct kv *kv, const char *name, size_t name_len, const char *value, size_t value_len)
	must_check;
const char *kv_get(const struct kv *kv, const char *name); /* borrowed, or NULL */
bool kv_del(struct kv *kv, const char *name);		   /* true when it was there */
/* Replaces what dst held; dst untouched on failure. */
int kv_copy(struct kv *dst, const struct kv *src) must_check;
/* Sets each of src in dst; on failure some may have been set. */
int kv_merge(struct kv *dst, const struct kv *src) must_check;
/* Frees what dst held, takes src's; src is empty after. */
void kv_move(struct kv *dst, struct kv *src);
bool kv_equal(const struct kv *a, const struct kv *b);
/* Sum of the lengths of names and values: S3 counts user metadata like this. */
size_t kv_bytes(const struct kv *kv);

/*
 * URL query form "k=v&k2=v2", percent-encoded: the form of x-amz-tagging and of the user.s3.tags
 * xattr.
 */
int kv_to_query(const struct kv *kv, struct buf *out) must_check;
/*
 * -EINVAL: bad percent-encoding, an empty name; -EEXIST: a name twice. "" is the empty set. '+' is
 * a space. ret_kv is written over: what it held is not freed.
 */
int kv_from_query(const char *s, struct kv *ret_kv) must_check;

#endif
