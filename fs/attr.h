/*
 * attr.h - what is known of a key: POSIX attributes from S3 metadata, a cache with expiry (negative
 * entries too), and the requests that fill it. Metadata names are s3fs's (mode, uid, gid decimal;
 * mtime seconds[.nanoseconds]); rclone's float mtime reads the same. A device's number is rclone's
 * rdev, hexadecimal.
 */
#ifndef FS_ATTR_H
#define FS_ATTR_H

#include <sys/stat.h>

#include "fs/fs.h"
#include "fs/metadb.h"
#include "fs/seen.h"
#include "s3/types.h"

/* One object or directory as last seen. */
struct attr {
	bool is_dir;
	/* false: a directory that is only a prefix of keys, or a past delete marker */
	bool has_object;
	/* of the versions view (history.h): its metadata is not mode and owner here */
	bool past;
	uint64_t size;
	char *etag;	  /* NULL unknown */
	int64_t mtime_ms; /* Last-Modified */
	/* ours: mtime_ms is when the source answered; as in meta_of */
	bool mtime_about;
	/* rec is filled (from HEAD, from the database, or because this mount wrote it) */
	bool rec_known;
	struct meta_rec rec;
};

void attr_free(struct attr *a);
int attr_copy(struct attr *dst, const struct attr *src) must_check;
/* mode, uid, gid, size, mtime, nlink, blocks for stat(2); st_ino is the caller's. */
void attr_to_stat(const struct fs *fs, const struct attr *a, struct stat *ret_st);

/* POSIX attributes <-> metadata. attr_meta_set_* change one thing in meta (nothing when posix_meta
 * is off). */
/* with the file type; also that of a symlink, FIFO, socket, device */
mode_t attr_meta_mode(const struct fs *fs, const struct kv *meta, bool is_dir);
/* What a write by another than root, or a chown, leaves of a mode's set-user-ID and set-group-ID:
 * write(2), chown(2). in_group: the caller is root or of the file's group; then what the group may
 * not execute keeps the latter. */
mode_t attr_mode_unset_id(mode_t mode, bool in_group);
int attr_meta_set_mode(const struct fs *fs, struct kv *meta, mode_t mode) must_check;
int attr_meta_set_rdev(const struct fs *fs, struct kv *meta, dev_t rdev) must_check;
int attr_meta_set_owner(const struct fs *fs, struct kv *meta, uid_t uid, gid_t gid) must_check;
int attr_meta_set_mtime(const struct fs *fs, struct kv *meta, struct timespec ts) must_check;
bool attr_meta_get_mtime(const struct kv *meta, struct timespec *ret_ts);
/* Names that are crrfs's own: mode, uid, gid, mtime, ctime, atime, rdev, REPL_META_PREFIX*. */
bool attr_meta_is_reserved(const char *name);

/* How long a may be believed at most, whatever attr_timeout says: a directory without a marker, and
 * the versions view, change by what happens to other keys. a NULL: absent. */
int64_t attr_hold_ms(const struct attr *a);
#define ATTR_MOMENT_MS 1000

struct attr_cache;
int attr_cache_new(size_t max_entries, int64_t ttl_ms, struct attr_cache **ret_c) must_check;
/* fn hears, in the thread that learned it and without a lock, when the source says of a key
 * something else than what was known of it: another writer was there. Set before anything is put.
 * other: it is there, or it is gone; else it is another version. */
typedef void attr_changed_fn(void *arg, const char *key, bool other);
void attr_cache_on_change(struct attr_cache *c, attr_changed_fn *fn, void *arg);
void attr_cache_free(struct attr_cache *c);
/* Copies; key is the file's key or the directory's "d/". */
void attr_cache_put(struct attr_cache *c, const char *key, const struct attr *a);
void attr_cache_put_absent(struct attr_cache *c, const char *key);
/* What the source said to a request begun at since (mono ms): not over what was learned after that.
 * a NULL: absent. */
void attr_cache_put_seen(struct attr_cache *c, const char *key, const struct attr *a,
			 int64_t since);
/* Not believed any more, though what comes next is compared with it. */
void attr_cache_drop(struct attr_cache *c, const char *key);
void attr_cache_clear(struct attr_cache *c);
/* Of all keys that begin with prefix. What was absent is told by fn (see above; may be NULL). */
void attr_cache_clear_below(struct attr_cache *c, const char *prefix);
/*
 * Of a name that attr_cache_get knew nothing of, with its keys as a file and as a directory: is it
 * known to be absent, since a listing showed all names around it? See seen.h.
 * attr_cache_note_absent: it was asked for alone, and is not there; attr_cache_put_stretch: what a
 * request begun at since showed whole, after its names were put; the least attr_hold_ms of these.
 */
enum seen_advice attr_cache_ask_absent(struct attr_cache *c, const char *dir_key, const char *name,
				       const char *file_key, const char *as_dir, char *ret_from);
/* Until when (mono ms) the name, a directory of this key, is known to be absent; in the past: it is
 * not. */
int64_t attr_cache_absent_until(struct attr_cache *c, const char *dir_key, const char *name,
				const char *key);
/* Is every name of the directory known, and known to be absent? */
bool attr_cache_is_empty(struct attr_cache *c, const char *dir_key);
void attr_cache_note_absent(struct attr_cache *c, const char *dir_key);
void attr_cache_put_stretch(struct attr_cache *c, const char *dir_key, const char *from,
			    const char *to, int64_t since, int64_t hold_ms);
/* 0 with a copy, -ENOENT known to be absent, -EAGAIN not known (or expired). */
int attr_cache_get(struct attr_cache *c, const char *key, struct attr *ret_a) must_check;

/*
 * What is at name in the directory dir_key: a file or a directory (which wins when both are). From
 * the cache, else one ListObjectsV2 (of the name, or, where many names were not there, of the names
 * around it), and, where POSIX metadata is wanted and not in the database, one HEAD. -ENOENT, or
 * the request's error.
 */
int attr_lookup(struct fs *fs, const char *dir_key, const char *name, struct attr *ret_a)
	must_check;
/* Asks for the names of dir_key after from ("": all), as many as a page has: all of them are known
 * then, and so is what is absent. */
int attr_list_stretch(struct fs *fs, const char *dir_key, const char *from) must_check;
/* As attr_lookup for a key whose kind is known ("f" or "d/"). */
int attr_get(struct fs *fs, const char *key, struct attr *ret_a) must_check;
/* One version of the bucket's key, with its tags, from the source. */
int attr_of_version(struct fs *fs, const char *key, const char *version, struct attr *ret_a)
	must_check;
/* Makes sure that a->rec and, when want_tags, its tags are known: HEAD, GetObjectTagging as needed.
 * Stores what it learned. -ENOENT, -ESTALE. */
int attr_load(struct fs *fs, const char *key, struct attr *a, bool want_tags) must_check;
/* Whether a's tags are known, and were no longer ago than attr_timeout: anybody may give a version
 * others (S3 API Reference, PutObjectTagging): neither version nor ETag vouches for them. */
bool attr_tags_hold(const struct fs *fs, const struct attr *a);
/* Of a listing's entry: asks for what POSIX attributes still need. Nothing when they are not
 * wanted. */
int attr_complete(struct fs *fs, const char *key, struct attr *a) must_check;
/* Forgets what is cached of the key (a directory: and of all below it; "": of everything), by the
 * kernel too, which hears of it a little later. kept: and what the database has. */
void attr_forget(struct fs *fs, const char *key, bool kept);
/* This mount made this version: remember (cache and database). */
void attr_learn(struct fs *fs, const char *key, const struct attr *a);
/* A listing's entry -> what is known of it (from the cache and the database as far as they agree
 * with the ETag); never makes a request. */
int attr_from_entry(struct fs *fs, const struct s3_entry *e, struct attr *ret_a) must_check;

#endif
