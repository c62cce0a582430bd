#include "queue/copy_i.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/codec.h"
#include "base/digest.h"
#include "base/log.h"
#include "queue/repl.h"
#include "s3/list.h"
#include "s3/object.h"
#include "s3/part.h"
#include "s3/tagging.h"

/*
 *  A copy is a straight line: learn the spec, ask the destination (only when uncertain), send,
 *  check, tag. Whatever ends it early leaves at most recorded parts behind; uncertain says whether
 *  a replica may stand.
 */

bool copy_is_stopping(const struct copy *c)
{
	return c->conf->stopping && c->conf->stopping(c->conf->arg);
}

int copy_blame(struct copy *c, int err)
{
	if (err == 0 || c->body.err == 0)
		return err;
	c->report.at_source = true;
	*c->err = c->body.error;
	if (c->body.err == -ENOENT && strcmp(c->body.error.code, "NoSuchBucket") != 0)
		return -ENODATA;
	if (c->body.err == -ESTALE && !c->j->version)
		return -ENODATA;
	return c->body.err;
}

int copy_put_opts(struct copy *c, struct kv *ret_meta, struct s3_put_opts *ret_opts)
{
	int err;

	err = c->conf->replica_meta(c->conf->arg, &c->spec, c->token, c->j->version, ret_meta);
	if (err < 0)
		return err;
	*ret_opts = (struct s3_put_opts){
		.meta = ret_meta,
		.sys = &c->spec.sys,
		.tags = c->spec.tags.n > 0 ? &c->spec.tags : NULL,
		.storage_class = c->j->storage_class ? c->j->storage_class : c->spec.storage_class,
		.token_name = copy_token_name(c),
	};
	return 0;
}

/* --- is it the same? -------------------------------------------------------------------------- */

static int body_md5(struct copy *c, char *ret_hex)
{
	auto_with(digest_free_ptr) struct digest *d = NULL;
	auto_free char *chunk = malloc((size_t)MIB);
	uint8_t sum[MD5_SIZE];
	int err;

	err = chunk ? digest_new(DIGEST_MD5, &d) : -ENOMEM;
	c->body.base = 0;
	for (uint64_t off = 0; err == 0 && off < c->spec.size;) {
		size_t n = (size_t)min_of(c->spec.size - off, MIB);

		err = copy_body_read(&c->body, chunk, n, off);
		if (err == 0)
			digest_add(d, chunk, n);
		off += n;
	}
	err = err < 0 ? err : digest_end(d, sum);
	if (err == 0)
		hex_encode(sum, sizeof(sum), ret_hex);
	return err;
}

static int differs(struct copy *c, const char *etag)
{
	*c->err = (struct s3_error){ .class = FAULT_CONFLICT, .retry_after_ms = -1 };
	snprintf(c->err->code, sizeof(c->err->code), "%s", COPY_DIFFERS);
	snprintf(c->err->message, sizeof(c->err->message),
		 "the replica's ETag is %.80s, the source's %.80s", etag, c->spec.etag);
	c->report.uncertain = false;
	c->report.at_source = true;
	return -EIO;
}

/*
 * Only forms that can be compared are: MD5 with MD5, and "MD5-N" where we made both sides in the
 * same parts. With KMS an ETag looks
 * like an MD5 and is none, so the bytes themselves decide before a single PUT is called different.
 */
int copy_check_etag(struct copy *c, const struct s3_info *replica)
{
	unsigned a = 0;
	unsigned b = 0;
	char hex[2 * MD5_SIZE + 1];
	int err;

	if (!copy_etag_form(c->spec.etag, &a) || !copy_etag_form(replica->etag, &b) || a != b ||
	    strcmp(c->spec.etag, replica->etag) == 0)
		return 0;
	if (a > 0) {
		bool ours = c->token && c->j->spec.known && c->spec.multipart;

		return ours && a == part_count(c->spec.size) ? differs(c, replica->etag) : 0;
	}
	err = body_md5(c, hex);
	if (err < 0)
		return copy_blame(c, err);
	if (strcmp(hex, c->spec.etag) == 0 || (c->body.fd < 0 && strcmp(hex, replica->etag) == 0))
		return 0;
	return differs(c, replica->etag);
}

/* --- an object -------------------------------------------------------------------------------- */

static int copy_single(struct copy *c, struct s3_info *ret_i)
{
	auto_with(kv_free) struct kv meta = KV_EMPTY;
	struct s3_put_opts opts;
	int err;

	err = copy_put_opts(c, &meta, &opts);
	if (err < 0)
		return err;
	c->body.base = 0;
	err = object_put(c->conf->dest, c->j->key, &opts, copy_body_read, &c->body, c->spec.size,
			 ret_i, c->err);
	if (err < 0) {
		c->report.uncertain = c->err->unclear || err == -ECANCELED;
		return copy_blame(c, err);
	}
	c->report.bytes += c->spec.size;
	return 0;
}

static int put_tags(struct copy *c, const char *version)
{
	int err;

	if (c->spec.tags.n == 0)
		return 0;
	err = tagging_put(c->conf->dest, c->j->key, version, &c->spec.tags, c->err);
	/* The replica stands without its tags: the next try finds it by its token. */
	if (err < 0)
		c->report.uncertain = copy_token_name(c) != NULL;
	return err;
}

static bool is_in_parts(const struct copy *c)
{
	if (part_count(c->spec.size) < 2)
		return false;
	return c->spec.multipart || c->spec.size > S3_SINGLE_MAX || c->early || c->j->upload_id;
}

static int send_object(struct copy *c, struct s3_info *ret_i)
{
	bool in_parts = is_in_parts(c);
	int err;

	err = copy_body_open(&c->body, c->j, c->conf, &c->spec);
	if (err < 0)
		return err;
	if (!in_parts) {
		err = copy_single(c, ret_i);
		return err < 0 ? err : copy_check_etag(c, ret_i);
	}
	err = copy_in_parts(c, ret_i);
	/*
	 * A single PUT carries them; at CreateMultipartUpload some servers drop them, and they may
	 * be newer than it.
	 */
	return err < 0 ? err : put_tags(c, ret_i->version_id);
}

static int copy_object(struct copy *c, char *ret_version)
{
	auto_with(s3_info_free) struct s3_info info = { 0 };
	int err;

	c->report.uncertain = c->j->uncertain;
	err = copy_learn_spec(c);
	if (err < 0)
		return err;
	if (c->j->uncertain) {
		err = copy_ask_dest(c, &info);
		if (err < 0)
			return err;
		c->report.uncertain = false;
		if (err == 1)
			err = put_tags(c, info.version_id);
		else
			err = send_object(c, &info);
	} else {
		err = send_object(c, &info);
	}
	if (err == 0)
		snprintf(ret_version, 256, "%s", info.version_id ? info.version_id : "");
	return err;
}

/* --- tags ------------------------------------------------------------------------------------- */

/* The ledger does not know the replica: the marks on it tell. -ENODATA: there is none. */
static int find_replica(struct copy *c, char **ret_version)
{
	auto_with(s3_info_free) struct s3_info info = { 0 };
	int err;

	if (!copy_token_name(c))
		return 0;
	err = copy_ask_dest(c, &info);
	if (err == 0 && c->token && c->j->version) {
		free(c->token);
		c->token = NULL;
		err = copy_ask_dest(c, &info);
	}
	if (err <= 0)
		return err < 0 ? err : -ENODATA;
	return str_dup(info.version_id, ret_version);
}

/*
 * "" in the ledger: the destination's answer had no version id, so its bucket has no versions, and
 * what is current is meant.
 */
static int copy_tags(struct copy *c, char *ret_version)
{
	auto_free char *version = NULL;
	int err;

	err = job_spec_copy(&c->spec, &c->j->spec);
	err = err < 0 ? err : str_dup(c->j->token, &c->token);
	if (err < 0)
		return err;
	if (!c->conf->replica_version)
		err = find_replica(c, &version);
	else if (*c->conf->replica_version)
		err = str_dup(c->conf->replica_version, &version);
	err = err < 0 ? err : tagging_put(c->conf->dest, c->j->key, version, &c->spec.tags, c->err);
	/* No replica is left to carry them; the bucket is a matter of its own. */
	if (err == -ENOENT && strcmp(c->err->code, "NoSuchBucket") != 0)
		return -ENODATA;
	if (err == 0)
		snprintf(ret_version, 256, "%s", version ? version : "");
	return err;
}

/* --- a delete --------------------------------------------------------------------------------- */

struct newest {
	bool is_marker;
	char *version;
};

static int note_newest(void *arg, const struct s3_entry *e)
{
	struct newest *n = arg;

	n->is_marker = e->delete_marker;
	return str_dup(e->version_id, &n->version) < 0 ? -ENOMEM : 1;
}

static int copy_delete(struct copy *c, char *ret_version)
{
	struct newest n = { 0 };
	auto_free char *version = NULL;
	int err = 0;

	c->report.uncertain = c->j->uncertain;
	if (c->j->uncertain) {
		err = list_versions_of(c->conf->dest, c->j->key, note_newest, &n, c->err);
		version = n.version;
		if (err < 0 && !(err == -ENOENT && strcmp(c->err->code, "NoSuchBucket") != 0))
			return err;
		c->report.uncertain = false;
	}
	err = 0;
	if (!n.is_marker) {
		free(version);
		version = NULL;
		err = object_delete(c->conf->dest, c->j->key, &version, c->err);
	}
	if (err < 0) {
		c->report.uncertain = c->err->unclear || err == -ECANCELED;
		return err;
	}
	snprintf(ret_version, 256, "%s", version ? version : "");
	return 0;
}

/* --- any -------------------------------------------------------------------------------------- */

static int run(struct copy *c, char *ret_version)
{
	switch (c->j->kind) {
	case JOB_OBJECT: return copy_object(c, ret_version);
	case JOB_TAGS: return copy_tags(c, ret_version);
	case JOB_DELETE: return copy_delete(c, ret_version);
	case JOB_ACL:
	case JOB_RETENTION:
	case JOB_LEGAL_HOLD: break;
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
	free(c.token);
	if (conf->report)
		*conf->report = c.report;
	if (err < 0)
		*ret_err = error;
	return err;
}
