/*
 * sweep.h - the failure sweep's one place: it counts what may fail in crrfs, and makes the k-th of
 * it fail. Linked with -Wl,--wrap=..., so that exactly the calls made by crrfs' own archives come
 * here (what a library calls inside does not) and no file of crrfs knows of it. Libraries that
 * take an allocator are given one.
 *
 * Steered through memory that may be a file, SWEEP_FILE, mapped by a test that looks on.
 */
#ifndef TESTS_SWEEP_SWEEP_H
#define TESTS_SWEEP_SWEEP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "s3/http.h"

/* What fails, and how: `how` counts from 0. tests/sweep/mount_sweep.py has the same list. */
enum sweep_kind {
	SWEEP_MEMORY,  /* malloc and its like: ENOMEM */
	SWEEP_LIBRARY, /* the same inside SQLite and libxml2 */
	SWEEP_FILE,    /* system calls for files: EIO, ENOSPC */
	SWEEP_DISK,    /* the same under SQLite: EIO, ENOSPC */
	SWEEP_SQL,     /* SQLite's functions: IOERR, FULL, BUSY, NOMEM */
	SWEEP_S3,      /* attempts: not sent, answer lost, 500, 403 */
	SWEEP_THREAD,  /* pthread_create: EAGAIN */
	SWEEP_KINDS
};

enum sweep_s3 { SWEEP_S3_UNSENT, SWEEP_S3_LOST, SWEEP_S3_500, SWEEP_S3_403 };

/* All of 8 bytes: the layout of SWEEP_FILE. */
struct sweep {
	_Atomic int64_t kind; /* that fails; -1 = none, and nothing is counted */
	_Atomic int64_t how;
	_Atomic int64_t at;    /* which of them, from 1; 0 = none, they are counted */
	_Atomic int64_t times; /* and how many in a row */
	_Atomic int64_t hits;  /* so many have failed */
	_Atomic int64_t seen[SWEEP_KINDS];
};

/* Borrowed; shared with child processes. */
struct sweep *sweep_shared(void);

/* From now on, in all threads; the counts begin anew. */
void sweep_arm(enum sweep_kind kind, int how, int64_t at, int64_t times);
void sweep_count(void); /* the same, but nothing fails */
void sweep_disarm(void);

/* What this thread does until the end of the pause does not count: a test's own server. Nests. */
void sweep_pause(void);
void sweep_resume(void);

/* An attempt on a real or a made up server, which fails when its turn has come. */
int sweep_attempt(http_attempt_fn *attempt, void *arg, const struct http_req *req,
		  struct http_res *res);

/* --- for sweep_sql.c -------------------------------------------------------------------------- */

/* Counts one of this kind, in words what. Has its turn come? */
bool sweep_fails(enum sweep_kind kind, const char *what);
/* The same, and errno. room: the call asks the disk for room, and so it may also be full. */
bool sweep_no_file(enum sweep_kind kind, const char *what, bool room);
void sweep_take_libraries(void);

#endif
