/*
 * diskcache.h - what was read of the source, kept in a directory across mounts: whole blocks of
 * one immutable version each, with a checksum that is compared at each read. Versions that were
 * not used for longest go first. Whatever is wrong with the disk, its only effect is that bytes
 * are fetched. Thread-safe.
 */
#ifndef FS_DISKCACHE_H
#define FS_DISKCACHE_H

#include "base/base.h"

struct diskcache;

struct diskcache_conf {
	const char *dir; /* made, 0700; nobody else's */
	uint64_t max_bytes;
	size_t block;
};

/* 0, -EBUSY: another mount has it, or why it cannot be used. */
int diskcache_new(const struct diskcache_conf *conf, struct diskcache **ret_d, char *why,
		  size_t why_len) must_check;
void diskcache_free(struct diskcache *d);

/* One version, open: one thread's. */
struct diskcache_file;

/* id: all that tells this version's bytes from any other's. NULL: not to be had. */
struct diskcache_file *diskcache_open(struct diskcache *d, const char *id, uint64_t size);
void diskcache_close(struct diskcache_file *f); /* NULL is fine */
/* Block `number`, which has n bytes: false when it is not there, or not as it was put. */
bool diskcache_get(struct diskcache_file *f, uint64_t number, void *dst, size_t n);
bool diskcache_has(struct diskcache_file *f, uint64_t number);
void diskcache_put(struct diskcache_file *f, uint64_t number, const void *p, size_t n);

#endif
