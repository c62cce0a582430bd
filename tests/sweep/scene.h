/*
 * scene.h - what points.c sweeps: work that calls crrfs as crrfs calls itself, so that each of its
 * calls may fail, and that says afterwards whether what must hold does hold (with check.h).
 */
#ifndef TESTS_SWEEP_SCENE_H
#define TESTS_SWEEP_SCENE_H

#define CHECK_SHARED /* points.c counts */

#include "base/base.h"
#include "tests/sweep/sweep.h"
#include "tests/unit/check.h"

struct scene {
	const char *name;
	void (*before)(void); /* nothing fails in it; NULL */
	/* 0, or the first error it had. Whatever it made is gone when it returns. */
	int (*run)(void);
	/* Afterwards, nothing fails any more: what run returned, and whether something had failed.
	 * Ends what `before` began. NULL */
	void (*after)(int r, bool failed);
	unsigned kinds; /* of failure that it is good for: SCENE_MEMORY | ... */
	/* Errors that stand for one of memory, SQL or files: 0-terminated; mostly none. */
	int also[4];
};

#define SCENE_KIND(k) (1u << (k))
#define SCENE_MEMORY  (SCENE_KIND(SWEEP_MEMORY) | SCENE_KIND(SWEEP_LIBRARY))
#define SCENE_FILE    SCENE_KIND(SWEEP_FILE)
#define SCENE_SQL     (SCENE_KIND(SWEEP_SQL) | SCENE_KIND(SWEEP_DISK))
#define SCENE_S3      SCENE_KIND(SWEEP_S3)
#define SCENE_THREAD  SCENE_KIND(SWEEP_THREAD)
#define SCENE_ALL     (SCENE_KIND(SWEEP_KINDS) - 1)

/* Results are untouched on failure: a pointer that points nowhere stays what it is. */
#define SCENE_UNTOUCHED(type) ((type)(uintptr_t)0x5a5a5a50)
#define SCENE_SAME(r, p)                                                                           \
	CHECK((r) >= 0 || (uintptr_t)(p) == (uintptr_t)0x5a5a5a50)

extern const struct scene base_scenes[];  /* each ends with an empty one */
extern const struct scene rules_scenes[];
extern const struct scene s3_scenes[];
extern const struct scene queue_scenes[];
extern const struct scene fs_scenes[];

#endif
