/*
 * buf.h - growable bytes with a hard cap.
 *
 * The first failure sticks: later additions do nothing and return the same error, and buf_take
 * returns it, so a run of additions needs one check at its end. What has been added is always
 * followed by a NUL.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>

#include "base/base.h"

struct buf {
	char *data; /* NULL while nothing was added */
	size_t len;
	size_t cap;
	size_t limit; /* most bytes that len may reach */
	int error;    /* 0, -ENOMEM, -E2BIG; -EINVAL from xml_escape */
};

#define BUF_LIMIT_SMALL (64 * 1024)
#define BUF_LIMIT_DOC	(16 * 1024 * 1024)

/* Cannot fail; allocates nothing. */
void buf_init(struct buf *b, size_t limit);
/* Frees; b may be used again as if just initialised. NULL-safe on b->data. */
void buf_free(struct buf *b);
/* Forgets content and error, keeps the memory. */
void buf_reset(struct buf *b);

/* All return 0, -ENOMEM or -E2BIG; the error sticks in b->error. */
int buf_add(struct buf *b, const void *p, size_t n);
int buf_adds(struct buf *b, const char *s);
int buf_addc(struct buf *b, char c);
int buf_addf(struct buf *b, const char *fmt, ...) printf_like(2, 3);
int buf_addv(struct buf *b, const char *fmt, va_list ap) printf_like(2, 0);

/* Borrowed; never NULL ("" when empty); valid until the next addition. */
const char *buf_str(const struct buf *b);

/*
 * Gives the bytes (NUL-terminated, never NULL on success) to the caller, who frees them; b is empty
 * after. ret_len may be NULL.
 */
int buf_take(struct buf *b, char **ret_s, size_t *ret_len) must_check;

/* asprintf that follows the house's error convention: returns new string or -ENOMEM. */
int str_format(char **ret_s, const char *fmt, ...) printf_like(2, 3) must_check;
/* strdup: returns 0 or -ENOMEM; s == NULL gives NULL. */
int str_dup(const char *s, char **ret_s) must_check;
/* Equal, or both NULL. */
bool str_same(const char *a, const char *b);

#endif
