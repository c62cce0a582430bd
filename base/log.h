/*
 * log.h - to stderr or syslog. The level and the target are the one process-wide state of crrfs.
 * Lines are "key=value ..." text; callers pass strings from outside through printable(). errno is
 * kept.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/base.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

void log_to_stderr(enum log_level level);
void log_to_syslog(const char *ident, enum log_level level);
enum log_level log_get_level(void);
void log_set_level(enum log_level level);

void log_error(const char *fmt, ...) printf_like(1, 2);
void log_warn(const char *fmt, ...) printf_like(1, 2);
void log_info(const char *fmt, ...) printf_like(1, 2);
void log_debug(const char *fmt, ...) printf_like(1, 2);

/* strerror_r for positive or negative errno; dst of 64 bytes is enough; returns dst. */
const char *errno_text(int err, char *dst, size_t n);

#endif
