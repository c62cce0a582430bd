/* config_i.h - what config.c takes from config_value.c. Pure; -EINVAL: no such value. */
#ifndef FS_CONFIG_I_H
#define FS_CONFIG_I_H

#include "fs/config.h"

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
