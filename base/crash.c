#include "base/crash.h"

#ifndef NDEBUG

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/codec.h"

/* Counted for the process, and never back: like its death. */
void crash_point(const char *name)
{
	static atomic_uint passed;
	const char *armed = getenv("CRRFS_CRASH");
	size_t n = strlen(name);
	uint64_t nth = 1;

	if (!armed || strncmp(armed, name, n) != 0 || (armed[n] && armed[n] != ':'))
		return;
	if (armed[n] && parse_u64(armed + n + 1, &nth) < 0)
		abort();
	if (atomic_fetch_add(&passed, 1) + 1 == nth)
		raise(SIGKILL);
}

#endif
