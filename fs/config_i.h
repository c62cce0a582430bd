/* config_i.h - what config.c, config_check.c and config_value.c share. */
#ifndef FS_CONFIG_I_H
#define FS_CONFIG_I_H

#include "fs/config.h"

struct config_reading {
	struct config *c;
	char *why;
	size_t why_len;
};

/* config.c */
/* -EINVAL, with the reason in why */
int config_bad(const struct config_reading *r, const char *fmt, ...) printf_like(2, 3);
int config_make_absolute(const char *path, char **ret_path) must_check;
/* An option for libfuse or the kernel; value may be NULL. */
int config_pass_on(struct config *c, const char *name, const char *value) must_check;

/* config_check.c */
int config_read_mountpoint(const struct config_reading *r, const char *path) must_check;
/* All that was read, as a whole. */
int config_check(const struct config_reading *r) must_check;

/* config_value.c: pure; -EINVAL: no such value. */
/* "10", "0.5": to ms. */
int config_parse_seconds(const char *s, int64_t *ret_ms) must_check;
int config_parse_octal(const char *s, uint64_t *ret_v) must_check;
int config_parse_level(const char *s, enum log_level *ret_level) must_check;
/* Which of "a|b|c" is s? */
int config_parse_word(const char *s, const char *words, int *ret_i) must_check;
/* "AES256", "aws:kms[:KEY]"; s3fs writes them "", "1", "kmsid[:KEY]", "k[:KEY]". New strings; no
 * key: NULL. */
int config_parse_sse(const char *s, char **ret_sse, char **ret_key) must_check;

#endif
