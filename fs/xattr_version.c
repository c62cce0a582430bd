/*
 * xattr_version.c - attributes of the current version that are kept nowhere but in the source: each
 * get asks for it, each set changes it there at once. See xattr_i.h.
 */
#include <errno.h>
#include <string.h>

#include "base/codec.h"
#include "base/log.h"
#include "fs/change_i.h"
#include "fs/file.h"
#include "fs/xattr_i.h"

/* --- get -------------------------------------------------------------------------------------- */

static int asked(const char *op, const char *key, int r, bool refused, const struct s3_error *e)
{
	if (!r)
		return 0;
	if (refused)
		return -ENODATA;
	change_log_failed(op, key, e);
	return r;
}

int xattr_get_acl(struct fs *fs, const char *key, const char *version, struct buf *out)
{
	auto_with(acl_free) struct acl acl = { 0 };
	struct s3_error e = { 0 };
	int r = acl_get(fs->source, key, version, &acl, &e);

	r = asked("get-acl", key, r, acl_is_refused(&e), &e);
	if (r)
		return r;
	return acl_canned(&acl) ? buf_adds(out, acl_canned(&acl)) : grants_write(&acl, out);
}

int xattr_get_retention(struct fs *fs, const char *key, const char *version, struct buf *out)
{
	struct s3_retention got = { 0 };
	struct s3_error e = { 0 };
	int r = retention_get(fs->source, key, version, &got, &e);

	r = asked("get-retention", key, r, change_lock_is_refused(&e), &e);
	if (r)
		return r;
	return *got.mode ? retention_write(&got, out) : -ENODATA;
}

int xattr_get_hold(struct fs *fs, const char *key, const char *version, struct buf *out)
{
	struct s3_error e = { 0 };
	bool on = false;
	int r = legal_hold_get(fs->source, key, version, &on, &e);

	r = asked("get-legal-hold", key, r, change_lock_is_refused(&e), &e);
	return r ? r : buf_adds(out, on ? "ON" : "OFF");
}

/* --- set -------------------------------------------------------------------------------------- */

static int set_canned(struct fs *fs, const char *key, struct attr *a, void *arg)
{
	return change_acl_canned(fs, key, a, arg);
}

/* S3 wants the owner's name in an ACL; who left it out means the owner that there is. */
static int fill_owner(struct fs *fs, const char *key, const struct attr *a, struct acl *acl)
{
	auto_with(acl_free) struct acl now = { 0 };
	struct s3_error e = { 0 };
	int r = acl_get(fs->source, key, a->rec.version_id, &now, &e);

	if (r) {
		change_log_failed("get-acl", key, &e);
		return acl_is_refused(&e) ? -EOPNOTSUPP : r;
	}
	acl->owner = take_ptr(&now.owner);
	return 0;
}

static int set_grants(struct fs *fs, const char *key, struct attr *a, void *arg)
{
	struct acl *acl = arg;
	int r = acl->owner ? 0 : fill_owner(fs, key, a, acl);

	return r ? r : change_acl(fs, key, a, acl);
}

int xattr_set_acl(struct fs *fs, struct node *n, const char *text)
{
	auto_with(acl_free) struct acl acl = { 0 };
	int r;

	if (acl_is_canned(text))
		return file_with_version(fs, n, set_canned, (void *)(uintptr_t)text);
	r = grants_read(text, &acl);
	return r ? r : file_with_version(fs, n, set_grants, &acl);
}

static int set_retention(struct fs *fs, const char *key, struct attr *a, void *arg)
{
	return change_retention(fs, key, a, arg);
}

int xattr_set_retention(struct fs *fs, struct node *n, const char *text)
{
	struct s3_retention retention;
	int r = retention_read(text, &retention);

	return r ? r : file_with_version(fs, n, set_retention, &retention);
}

static int set_hold(struct fs *fs, const char *key, struct attr *a, void *arg)
{
	return change_legal_hold(fs, key, a, *(bool *)arg);
}

int xattr_set_hold(struct fs *fs, struct node *n, const char *text)
{
	bool on = strcmp(text, "ON") == 0;

	if (!on && strcmp(text, "OFF") != 0)
		return -EINVAL;
	return file_with_version(fs, n, set_hold, &on);
}
