#include "queue/copy_i.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/crash.h"
#include "base/log.h"
#include "s3/object.h"

/*
 *  A copy is a straight line: learn the spec, ask the destination (only when uncertain or to repair
 *  its order), send, check, tag, grant. Whatever ends it early leaves at most recorded parts
 *  behind; uncertain says whether a replica may stand.
 */

bool copy_is_stopping(const struct copy *c)
{
	return c->conf->stopping && c->conf->stopping(c->conf->arg);
}

bool copy_keeps_versions(const struct copy *c)
{
	return !c->conf->caps || c->conf->caps->versioning != CAP_NO;
}

int copy_blame(struct copy *c, int err)
{
	return copy_body_blame(&c->body, err, c->err, &c->report.at_source);
}

int copy_nothing(struct copy *c, const char *why)
{
	*c->err = (struct s3_error){ .class = FAULT_GONE, .retry_after_ms = -1 };
	snprintf(c->err->message, sizeof(c->err->message), "%s", why);
	return -ENODATA;
}

int copy_make_replica(struct copy *c, struct replica *ret_r)
{
	const struct replica_in in = {
		.source_bucket = c->conf->source_bucket,
		.spec = &c->spec,
		.how = &c->j->how,
		.storage_class = c->class_dropped ? "" : c->j->storage_class,
		.caps = c->conf->caps,
		.token = c->token,
		.version = c->j->version,
		.now_ms = clock_wall_ms(),
		.anew = c->j->repair,
	};

	return replica_make(&in, ret_r);
}

bool copy_is_duplicate(const struct copy *c)
{
	return !c->j->repair && c->conf->caps && c->conf->caps->minio == CAP_YES &&
	       replica_is_uuid(c->j->version) && strcmp(c->err->code, "PreconditionFailed") == 0;
}

static bool drops_class(struct copy *c)
{
	if (!c->conf->class_fallback || c->class_dropped ||
	    strcmp(c->err->code, "InvalidStorageClass") != 0)
		return false;
	log_info("job=%lld result=\"the destination does not have this storage class; its default "
		 "is used\"",
		 (long long)c->j->id);
	c->class_dropped = true;
	return true;
}

/* "Bucket owner enforced": S3 User Guide, "Controlling ownership of objects". */
static bool drops_acl(struct copy *c)
{
	struct s3_caps *caps = c->conf->caps;

	if (!caps || caps->acl == CAP_NO ||
	    strcmp(c->err->code, "AccessControlListNotSupported") != 0)
		return false;
	caps->acl = CAP_NO;
	return true;
}

bool copy_falls_back(struct copy *c)
{
	if (!drops_class(c) && !drops_acl(c))
		return false;
	*c->err = (struct s3_error){ .retry_after_ms = -1 };
	return true;
}

/* --- an object -------------------------------------------------------------------------------- */

static int put_whole(struct copy *c, struct s3_info *ret_i)
{
	auto_with(replica_free) struct replica r = { 0 };
	int err;

	err = copy_make_replica(c, &r);
	if (err < 0)
		return err;
	copy_body_aim(&c->body, (struct s3_range){ 0, c->spec.size });
	err = object_put(c->conf->dest, c->j->key, &r.opts, copy_body_read, &c->body, c->spec.size,
			 ret_i, c->err);
	if (err < 0 && copy_is_duplicate(c)) {
		err = object_head(c->conf->dest, c->j->key, c->j->version, ret_i, c->err);
		return err < 0 ? err : copy_put_tags(c, ret_i->version_id);
	}
	if (err < 0)
		c->report.uncertain = c->err->unclear || err == -ECANCELED;
	else
		crash_point("copy.put");
	return err;
}

static int copy_single(struct copy *c, struct s3_info *ret_i)
{
	int err;

	do
		err = put_whole(c, ret_i);
	while (err < 0 && copy_falls_back(c));
	if (err < 0) {
		err = copy_name_lock(c, copy_blame(c, err));
		(void)copy_stored_others(c);
		return err;
	}
	c->report.bytes += c->spec.size;
	return copy_check_etag(c, ret_i);
}

static bool is_in_parts(const struct copy *c)
{
	const struct s3_caps *caps = c->conf->caps;

	if (caps && caps->multipart == CAP_NO && c->spec.size <= S3_SINGLE_MAX)
		return false;
	if (c->layout.is_source || (c->base.usable && copy_is_for_minio(c)))
		return true;
	if (c->layout.n < 2)
		return false;
	return c->spec.multipart || c->spec.size > S3_SINGLE_MAX || c->early || c->j->upload_id;
}

/*
 * A single PUT carries them; at CreateMultipartUpload some servers drop them, and they may be newer
 * than it.
 */
static int make_whole(struct copy *c, const char *version)
{
	int err = copy_put_tags(c, version);

	return err < 0 ? err : copy_put_lock(c, version);
}

static int send_object(struct copy *c, struct s3_info *ret_i)
{
	int err;

	err = copy_body_open(&c->body, c->j, c->conf, &c->spec);
	err = err < 0 ? err : copy_learn_base(c);
	err = err < 0 ? err : copy_from_base(c, ret_i);
	if (err != 0)
		return err < 0 ? err : 0;
	err = copy_learn_layout(c);
	if (err < 0)
		return err;
	if (!is_in_parts(c))
		return copy_single(c, ret_i);
	err = copy_in_parts(c, ret_i);
	return err < 0 ? err : make_whole(c, ret_i->version_id);
}

static bool must_be_versioned(const struct copy *c)
{
	const struct s3_caps *caps = c->conf->caps;

	return !c->conf->unversioned_ok && caps && caps->versioning_api == CAP_YES;
}

/* 1 = it is there, ret_i is it. */
static int ask_first(struct copy *c, struct s3_info *ret_i)
{
	int found;
	int err;

	if (!c->j->uncertain && !c->j->repair)
		return 0;
	found = c->j->repair ? copy_is_current(c, ret_i) : copy_ask_dest(c, ret_i);
	if (found == 0 && c->j->repair)
		return copy_is_theirs(c, NULL);
	/* Without versions an older one would take the place of a newer one. */
	if (found == 0 && !copy_keeps_versions(c))
		return copy_is_overtaken(c, NULL);
	/* Made while versioning was suspended: the next PUT like that takes its place. */
	if (found == 1 && must_be_versioned(c) && !ret_i->version_id) {
		s3_info_free(ret_i);
		found = 0;
	}
	if (found != 1)
		return found;
	err = make_whole(c, ret_i->version_id);
	return err < 0 ? err : 1;
}

int copy_check_versioned(struct copy *c, const char *version)
{
	if (!must_be_versioned(c) || version)
		return 0;
	*c->err = (struct s3_error){ .class = FAULT_AUTH, .retry_after_ms = -1 };
	snprintf(c->err->code, sizeof(c->err->code), COPY_UNVERSIONED);
	snprintf(c->err->message, sizeof(c->err->message),
		 "versioning is not enabled at the destination (any more)");
	c->report.uncertain = false;
	return -EACCES;
}

static int copy_object(struct copy *c, char *ret_version)
{
	auto_with(s3_info_free) struct s3_info info = { 0 };
	int err;

	c->report.uncertain = c->j->uncertain;
	err = copy_learn_spec(c);
	err = err < 0 ? err : copy_check_lock(c);
	if (err == 0 && copy_is_for_minio(c))
		err = copy_learn_time(c, &c->spec.mtime_ms);
	err = err < 0 ? err : ask_first(c, &info);
	if (err < 0)
		return err;
	c->report.uncertain = false;
	if (err == 0)
		err = send_object(c, &info);
	else
		err = 0;
	err = err < 0 ? err : copy_put_acl(c, info.version_id);
	err = err < 0 ? err : copy_check_versioned(c, info.version_id);
	/* what came of the recorded upload is of no use: the next try begins a new one */
	if (err < 0 && strcmp(c->err->code, COPY_UNVERSIONED) == 0 && c->j->upload_id &&
	    c->conf->on_upload(c->conf->arg, NULL, MPU_SUM_NONE) < 0)
		log_debug("job=%lld result=\"upload not forgotten\"", (long long)c->j->id);
	if (err == 0)
		snprintf(ret_version, 256, "%s", info.version_id ? info.version_id : "");
	return err;
}

/* --- any -------------------------------------------------------------------------------------- */

static int run(struct copy *c, char *ret_version)
{
	switch (c->j->kind) {
	case JOB_OBJECT: return copy_object(c, ret_version);
	case JOB_DELETE: return copy_delete(c, ret_version);
	case JOB_TAGS:
	case JOB_ACL:
	case JOB_RETENTION:
	case JOB_LEGAL_HOLD: return copy_change(c, ret_version);
	}
	return -EINVAL;
}

int copy_run(const struct job *j, const struct copy_conf *conf, char *ret_version,
	     struct s3_error *ret_err)
{
	struct s3_error error = { .retry_after_ms = -1 };
	struct copy c = {
		.j = j,
		.conf = conf,
		.err = &error,
		.early = conf->early,
		.body = { .fd = -1 },
	};
	int err;

	err = run(&c, ret_version);
	if (err == -ECANCELED && c.early)
		upload_forget(c.early);
	else
		upload_drop(c.early);
	copy_body_close(&c.body);
	job_spec_free(&c.spec);
	acl_free(&c.acl);
	layout_free(&c.layout);
	free(c.token);
	free(c.base.etag);
	if (conf->report)
		*conf->report = c.report;
	if (err < 0)
		*ret_err = error;
	return err;
}
