/*
 * change_lock.c - who may read a version, and how long it must stay: changes of a version that is
 * there, which make no new one. See change.h.
 */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "fs/change_i.h"

/* arg: the new value */
typedef int put_fn(struct s3_client *c, const char *key, const char *version, const void *arg,
		   struct s3_error *e);

/* Of the bucket or the server, not of this request: S3 API Reference, "PutObjectRetention"; Ceph
 * and MinIO say InvalidRequest, too, where the bucket has no Object Lock. */
bool change_lock_is_refused(const struct s3_error *e)
{
	return strcmp(e->code, "InvalidRequest") == 0 ||
	       strcmp(e->code, "ObjectLockConfigurationNotFoundError") == 0 || e->status == 501 ||
	       e->status == 405;
}

static int errno_of(enum job_kind kind, int err, const struct s3_error *e)
{
	if (kind == JOB_ACL ? acl_is_refused(e) : change_lock_is_refused(e))
		return -EOPNOTSUPP;
	return strcmp(e->code, "InvalidArgument") == 0 ? -EINVAL : err;
}

static int change_version(struct fs *fs, enum job_kind kind, const char *key, const struct attr *a,
			  put_fn *put, const void *arg)
{
	struct job_spec spec = change_spec_of_old(fs, a);
	struct repl_facts facts = { .key = key, .version = a->rec.version_id, .spec = &spec };
	struct s3_error e = { 0 };
	struct ticket *t = NULL;
	int r = repl_begin(fs->repl, kind, key, &t);

	if (r)
		return r;
	r = put(fs->source, key, a->rec.version_id, arg, &e);
	if (r) {
		change_log_failed(job_kind_name(kind), key, &e);
		r = errno_of(kind, r, &e);
	}
	return change_finish(t, r, &e, &facts);
}

static int put_acl(struct s3_client *c, const char *key, const char *version, const void *arg,
		   struct s3_error *e)
{
	return acl_put(c, key, version, arg, e);
}

static int put_canned(struct s3_client *c, const char *key, const char *version, const void *arg,
		      struct s3_error *e)
{
	return acl_put_canned(c, key, version, arg, e);
}

static int put_retention(struct s3_client *c, const char *key, const char *version, const void *arg,
			 struct s3_error *e)
{
	return retention_put(c, key, version, arg, e);
}

static int put_hold(struct s3_client *c, const char *key, const char *version, const void *arg,
		    struct s3_error *e)
{
	return legal_hold_put(c, key, version, *(const bool *)arg, e);
}

static void remember_acl(struct fs *fs, const char *key, struct attr *a, bool own)
{
	a->rec.own_acl = own;
	attr_learn(fs, key, a);
}

int change_acl(struct fs *fs, const char *key, struct attr *a, const struct acl *acl)
{
	int r = change_version(fs, JOB_ACL, key, a, put_acl, acl);

	if (!r)
		remember_acl(fs, key, a, true);
	return r;
}

int change_acl_canned(struct fs *fs, const char *key, struct attr *a, const char *canned)
{
	const char *usual = fs->conf.default_acl ? fs->conf.default_acl : "private";
	int r = change_version(fs, JOB_ACL, key, a, put_canned, canned);

	if (!r)
		remember_acl(fs, key, a, strcmp(canned, usual) != 0);
	return r;
}

int change_retention(struct fs *fs, const char *key, const struct attr *a,
		     const struct s3_retention *retention)
{
	return change_version(fs, JOB_RETENTION, key, a, put_retention, retention);
}

int change_legal_hold(struct fs *fs, const char *key, const struct attr *a, bool on)
{
	return change_version(fs, JOB_LEGAL_HOLD, key, a, put_hold, &on);
}
