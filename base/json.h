/* json.h - reads JSON into a doc tree and writes JSON; the only file pair that knows jansson. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/doc.h"
#include "base/kv.h"

/*
 * Returns new tree (kind DOC_OBJECT root). Root must be an object; duplicate members are refused.
 * -EINVAL; -E2BIG over a cap (depth 32, 200,000 values, 16 MiB); -ENOMEM. On failure ret_err, which
 * may be NULL, is filled. Thread-safe.
 */
int json_read(const char *s, size_t n, struct doc_node **ret_root, struct doc_error *ret_err)
	must_check;

/*
 * A streaming writer into a buf: commas and escapes are its business. name is NULL inside arrays
 * and for the root. Invalid UTF-8 in strings is written as U+FFFD.
 */
struct json_out {
	struct buf *b; /* borrowed */
	unsigned depth;
	bool need_comma[32];
	bool pretty;
};

void json_start(struct json_out *j, struct buf *b, bool pretty);
/* Deeper than 31 brackets is -E2BIG in b->error. */
void json_open(struct json_out *j, const char *name, char bracket);	/* '{' or '[' */
void json_close(struct json_out *j, char bracket);			/* '}' or ']' */
void json_str(struct json_out *j, const char *name, const char *value); /* value NULL writes null */
void json_u64(struct json_out *j, const char *name, uint64_t v);
void json_i64(struct json_out *j, const char *name, int64_t v);
void json_bool(struct json_out *j, const char *name, bool v);

/*
 * {"name":"value",...} of strings, and back (-EINVAL on anything else; ret_kv is written over, not
 * freed).
 */
int json_from_kv(const struct kv *kv, struct buf *out);
int json_to_kv(const char *s, struct kv *ret_kv) must_check;

#endif
