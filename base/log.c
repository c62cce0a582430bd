#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#define LINE_MAX_BYTES 2048

static atomic_int log_level = LOG_LEVEL_INFO;
static atomic_bool use_syslog;
static char syslog_ident[32]; /* openlog keeps the pointer */

static const char *const level_names[] = { "error", "warn", "info", "debug" };
static const int level_priorities[] = { LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

void log_to_stderr(enum log_level level)
{
	atomic_store(&log_level, (int)level);
	atomic_store(&use_syslog, false);
}

void log_to_syslog(const char *ident, enum log_level level)
{
	atomic_store(&log_level, (int)level);
	snprintf(syslog_ident, sizeof(syslog_ident), "%s", ident);
	openlog(syslog_ident, LOG_PID | LOG_NDELAY, LOG_DAEMON);
	atomic_store(&use_syslog, true);
}

enum log_level log_get_level(void)
{
	return (enum log_level)atomic_load(&log_level);
}

void log_set_level(enum log_level level)
{
	atomic_store(&log_level, (int)level);
}

/*
 * One write: lines of several threads and processes do not mix. What does not fit is lost, not
 * waited for.
 */
static void write_line(const char *line, size_t n)
{
	ssize_t k;

	do {
		k = write(STDERR_FILENO, line, n);
	} while (k < 0 && errno == EINTR);
}

static void emit(enum log_level level, const char *fmt, va_list ap)
{
	char line[LINE_MAX_BYTES];
	size_t head, n;
	int saved = errno, k;

	if ((int)level > atomic_load(&log_level))
		return;
	head = (size_t)snprintf(line, sizeof(line), "crrfs: %s: ", level_names[level]);
	k = vsnprintf(line + head, sizeof(line) - head, fmt, ap);
	if (k < 0)
		k = 0;
	n = min_of(head + (size_t)k, sizeof(line) - 2);
	/* One event, one line: a line break that slipped in must not start a forged one. */
	for (size_t i = head; i < n; i++) {
		if (line[i] == '\n' || line[i] == '\r')
			line[i] = ' ';
	}
	line[n] = '\0';
	if (atomic_load(&use_syslog)) {
		syslog(level_priorities[level], "%s", line + head);
	} else {
		line[n] = '\n';
		write_line(line, n + 1);
	}
	errno = saved;
}

void log_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	emit(LOG_LEVEL_ERROR, fmt, ap);
	va_end(ap);
}

void log_warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	emit(LOG_LEVEL_WARN, fmt, ap);
	va_end(ap);
}

void log_info(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	emit(LOG_LEVEL_INFO, fmt, ap);
	va_end(ap);
}

void log_debug(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	emit(LOG_LEVEL_DEBUG, fmt, ap);
	va_end(ap);
}

const char *errno_text(int err, char *dst, size_t n)
{
	char scratch[64];

	if (n > 0)
		snprintf(dst, n, "%s", strerror_r(err < 0 ? -err : err, scratch, sizeof(scratch)));
	return dst;
}
