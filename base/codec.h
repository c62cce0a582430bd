/* codec.h - text encodings and strict numbers. Pure. */
#ifndef BASE_CODEC_H
#define BASE_CODEC_H

#include "base/base.h"
#include "base/buf.h"

void hex_encode(const void *p, size_t n, char *dst); /* dst holds 2n+1; lower case */
/* Exactly 2n digits, else -EINVAL. */
int hex_decode(const char *s, void *dst, size_t n) must_check;
int base64_encode(const void *p, size_t n, struct buf *out);
int base64_decode(const char *s, struct buf *out) must_check; /* -EINVAL */

/* SigV4's UriEncode: everything but A-Za-z0-9-._~ becomes %XX; '/' too unless keep_slash. */
int uri_encode(const char *s, bool keep_slash, struct buf *out);
/*
 * Decodes %XX; '+' becomes a space only with plus_is_space. -EINVAL on bad escapes or an embedded
 * NUL.
 */
int uri_decode(const char *s, size_t n, bool plus_is_space, struct buf *out) must_check;

/*
 * The whole string must be the number; no sign for unsigned, no blanks, no overflow. -EINVAL /
 * -ERANGE.
 */
int parse_u64(const char *s, uint64_t *ret_v) must_check;
int parse_i64(const char *s, int64_t *ret_v) must_check;
/* "10", "64K", "5MiB", "2G", "1T": powers of 1024, the letter in any case. */
int parse_size(const char *s, uint64_t *ret_v) must_check;
/* "yes|no|true|false|1|0|on|off", in any case. */
int parse_bool(const char *s, bool *ret_v) must_check;
/* Human size such as "1.5 MiB" for people; dst of 32 bytes is enough. */
void format_size(uint64_t v, char *dst, size_t n);

/* n random bytes as 2n hex digits from getrandom(2); dst holds 2n+1. 0 or -errno. n <= 32 */
int random_hex(size_t n, char *dst) must_check;
/* Is s valid UTF-8 (no surrogates, no overlong forms)? */
bool utf8_valid(const char *s);
/*
 * Bytes (1 to 4) of the valid UTF-8 sequence that s begins with; 0 at the end or when it is
 * invalid.
 */
size_t utf8_step(const char *s);
/* Number of code points in valid UTF-8. */
size_t utf8_length(const char *s);
/*
 * Copies s for a log line or a message: control characters and invalid bytes become \xNN. dst
 * always NUL-terminated, cut to n. NULL is "(null)".
 */
const char *printable(const char *s, char *dst, size_t n);

#endif
