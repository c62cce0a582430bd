/*
 * attr_meta.c - POSIX attributes <-> user metadata. Names and forms are s3fs's (metaheader.cpp):
 * mode decimal with the file type, uid and gid decimal, mtime as seconds[.nanoseconds]. rclone
 * writes the same names, mode in octal.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/codec.h"
#include "fs/attr.h"

#define STAT_BLOCK  512
#define NSEC_DIGITS 9

void attr_free(struct attr *a)
{
	free(a->etag);
	meta_rec_free(&a->rec);
	memset(a, 0, sizeof(*a));
}

int attr_copy(struct attr *dst, const struct attr *src)
{
	auto_with(attr_free) struct attr a = {
		.is_dir = src->is_dir,
		.has_object = src->has_object,
		.past = src->past,
		.size = src->size,
		.mtime_ms = src->mtime_ms,
		.mtime_about = src->mtime_about,
		.rec_known = src->rec_known,
	};
	int r = str_dup(src->etag, &a.etag);

	if (!r)
		r = meta_rec_copy(&a.rec, &src->rec);
	if (r)
		return r;
	attr_free(dst);
	*dst = a;
	memset(&a, 0, sizeof(a));
	return 0;
}

/* --- reading ---------------------------------------------------------------------------------- */

static bool type_fits(uint64_t mode, bool is_dir)
{
	mode_t type = (mode_t)(mode & S_IFMT);

	if (mode > (S_IFMT | 07777))
		return false;
	return is_dir ? type == S_IFDIR
		      : type == S_IFREG || type == S_IFLNK || type == S_IFIFO || type == S_IFSOCK ||
				type == S_IFCHR || type == S_IFBLK;
}

static int parse_octal(const char *s, uint64_t *ret_v)
{
	uint64_t v = 0;

	if (!*s || strlen(s) > 7)
		return -EINVAL;
	for (; *s; s++) {
		if (*s < '0' || *s > '7')
			return -EINVAL;
		v = v * 8 + (uint64_t)(*s - '0');
	}
	*ret_v = v;
	return 0;
}

/* Decimal when that gives a type that fits, else octal (rclone, or a mode without a type). */
static int parse_mode(const char *s, bool is_dir, mode_t *ret_mode)
{
	uint64_t v;

	if (!s)
		return -ENOENT;
	if (parse_u64(s, &v) || !type_fits(v, is_dir)) {
		if (parse_octal(s, &v) || v > (S_IFMT | 07777))
			return -EINVAL;
	}
	if (!v)
		/* "0" is what foreign tools leave there: not a file nobody may touch */
		return -EINVAL;
	*ret_mode = (mode_t)v;
	return 0;
}

mode_t attr_meta_mode(const struct fs *fs, const struct kv *meta, bool is_dir)
{
	mode_t mode, type = is_dir ? S_IFDIR : S_IFREG;

	if (!fs->conf.posix_meta || parse_mode(kv_get(meta, "mode"), is_dir, &mode))
		return type | ((is_dir ? 0755u : 0644u) & ~fs->conf.umask);
	/* octal ones may have no type, or one that does not fit */
	return !is_dir && type_fits(mode, false) ? mode : type | (mode & 07777);
}

mode_t attr_mode_unset_id(mode_t mode, bool in_group)
{
	if (S_ISDIR(mode))
		return mode;
	if (!in_group || (mode & S_IXGRP))
		mode &= ~(mode_t)S_ISGID;
	return mode & ~(mode_t)S_ISUID;
}

static dev_t get_rdev(const struct kv *meta, mode_t mode)
{
	const char *s = S_ISCHR(mode) || S_ISBLK(mode) ? kv_get(meta, "rdev") : NULL;
	char *end = NULL;
	unsigned long long v = s ? strtoull(s, &end, 16) : 0;

	return s && *s && !*end ? (dev_t)v : 0;
}

bool attr_meta_get_mtime(const struct kv *meta, struct timespec *ret_ts)
{
	const char *s = kv_get(meta, "mtime"), *dot = s ? strchr(s, '.') : NULL;
	auto_free char *whole = NULL;
	long nsec = 0;
	int64_t sec;

	if (!s || str_format(&whole, "%.*s", dot ? (int)(dot - s) : (int)strlen(s), s) ||
	    parse_i64(whole, &sec))
		return false;
	for (int i = 1; dot && i <= NSEC_DIGITS; i++) {
		int digit = dot[i] ? dot[i] - '0' : 0;

		if (digit < 0 || digit > 9)
			return false;
		nsec = nsec * 10 + digit;
		if (!dot[i]) {
			for (; i < NSEC_DIGITS; i++)
				nsec *= 10;
			break;
		}
	}
	*ret_ts = (struct timespec){ .tv_sec = sec, .tv_nsec = nsec };
	return true;
}

static uint32_t get_id(const struct kv *meta, const char *name, uint32_t otherwise)
{
	const char *s = kv_get(meta, name);
	uint64_t v;

	return s && !parse_u64(s, &v) && v < UINT32_MAX ? (uint32_t)v : otherwise;
}

/* The versions directory as a whole is for its owner: what was private once is among them. */
static mode_t past_mode(const struct attr *a)
{
	if (a->is_dir)
		return S_IFDIR | 0500;
	return S_IFREG | (a->has_object ? 0400 : 0);
}

void attr_to_stat(const struct fs *fs, const struct attr *a, struct stat *ret_st)
{
	bool posix = fs->conf.posix_meta && a->rec_known && !a->past;
	const struct kv none = KV_EMPTY, *meta = posix ? &a->rec.meta : &none;
	/* a directory that is only a prefix has no time of its own */
	int64_t ms = !a->mtime_ms && a->is_dir ? fs->conf.start_ms : a->mtime_ms;
	struct timespec ts;

	if (!attr_meta_get_mtime(meta, &ts))
		ts = (struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };
	memset(ret_st, 0, sizeof(*ret_st));
	ret_st->st_mode = a->past ? past_mode(a) : attr_meta_mode(fs, meta, a->is_dir);
	/* not 2 for directories: find(1) would think that it has no subdirectories */
	ret_st->st_nlink = 1;
	/* what has a body is a file, whatever it says */
	if (a->size && !a->is_dir && !S_ISLNK(ret_st->st_mode))
		ret_st->st_mode = S_IFREG | (ret_st->st_mode & 07777);
	if (!a->past)
		ret_st->st_rdev = get_rdev(meta, ret_st->st_mode);
	ret_st->st_uid = get_id(meta, "uid", fs->conf.uid);
	ret_st->st_gid = get_id(meta, "gid", fs->conf.gid);
	ret_st->st_size = a->is_dir ? 0 : (off_t)a->size;
	ret_st->st_blksize = (blksize_t)MIB;
	ret_st->st_blocks = (ret_st->st_size + STAT_BLOCK - 1) / STAT_BLOCK;
	ret_st->st_atim = ret_st->st_mtim = ret_st->st_ctim = ts;
}

/* --- writing ---------------------------------------------------------------------------------- */

static int set_number(struct kv *meta, const char *name, uint64_t v)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, v);
	return kv_set(meta, name, text);
}

int attr_meta_set_mode(const struct fs *fs, struct kv *meta, mode_t mode)
{
	return fs->conf.posix_meta ? set_number(meta, "mode", mode) : 0;
}

int attr_meta_set_rdev(const struct fs *fs, struct kv *meta, dev_t rdev)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIx64, (uint64_t)rdev);
	return fs->conf.posix_meta ? kv_set(meta, "rdev", text) : 0;
}

int attr_meta_set_owner(const struct fs *fs, struct kv *meta, uid_t uid, gid_t gid)
{
	int r = fs->conf.posix_meta ? set_number(meta, "uid", uid) : 0;

	if (!r && fs->conf.posix_meta)
		r = set_number(meta, "gid", gid);
	return r;
}

int attr_meta_set_mtime(const struct fs *fs, struct kv *meta, struct timespec ts)
{
	char text[48];

	if (!fs->conf.posix_meta)
		return 0;
	if (ts.tv_nsec)
		snprintf(text, sizeof(text), "%" PRId64 ".%09ld", (int64_t)ts.tv_sec, ts.tv_nsec);
	else
		snprintf(text, sizeof(text), "%" PRId64, (int64_t)ts.tv_sec);
	return kv_set(meta, "mtime", text);
}

bool attr_meta_is_reserved(const char *name)
{
	static const char *const own[] = {
		"mode", "uid", "gid", "mtime", "ctime", "atime", "rdev"
	};

	for (size_t i = 0; i < array_size(own); i++)
		if (!strcmp(name, own[i]))
			return true;
	return !strncmp(name, REPL_META_PREFIX, strlen(REPL_META_PREFIX));
}
