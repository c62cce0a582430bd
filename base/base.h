/* base.h - attributes and scope-exit cleanup used everywhere. There is no base.c. */
#ifndef BASE_BASE_H
#define BASE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#define must_check	       __attribute__((warn_unused_result))
#define maybe_unused	       __attribute__((unused))
#define printf_like(fmt, args) __attribute__((format(printf, fmt, args)))
#define array_size(a)	       (sizeof(a) / sizeof((a)[0]))

#define KIB ((uint64_t)1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

static inline void base_free_ptr(void *p)
{
	free(*(void **)p);
}

static inline void base_close_fd(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

/* auto_free char *s = NULL;   freed at scope end */
#define auto_free __attribute__((cleanup(base_free_ptr)))
/* auto_close int fd = -1;     closed at scope end */
#define auto_close __attribute__((cleanup(base_close_fd)))
/* auto_with(buf_free) struct buf b;   any function that takes a pointer to the variable */
#define auto_with(fn) __attribute__((cleanup(fn)))

static inline void *base_take_ptr(void *p)
{
	void *v = *(void **)p;

	*(void **)p = NULL;
	return v;
}

/* Gives away what an auto_free variable holds: *ret_s = take_ptr(&s); */
#define take_ptr(p) ((__typeof__(*(p)))base_take_ptr(p))

static inline int take_fd(int *fd)
{
	int v = *fd;

	*fd = -1;
	return v;
}

#define min_of(a, b) ((a) < (b) ? (a) : (b))
#define max_of(a, b) ((a) > (b) ? (a) : (b))

#endif
