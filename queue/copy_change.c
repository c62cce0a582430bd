/*
 * copy_change.c - a version is at the destination, and its tags, ACL, retention or legal hold are
 * to follow the source's. No body is sent.
 */
#include "queue/copy_i.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/crash.h"
#include "s3/lock.h"
#include "s3/object.h"
#include "s3/tagging.h"

static bool lacks(const struct copy *c, enum cap (*which)(const struct s3_caps *caps))
{
	return c->conf->caps && which(c->conf->caps) == CAP_NO;
}

static enum cap cap_tags(const struct s3_caps *caps)
{
	return caps->tags;
}

static enum cap cap_acl(const struct s3_caps *caps)
{
	return caps->acl;
}

static enum cap cap_lock(const struct s3_caps *caps)
{
	return caps->lock;
}

/* Nothing is left to carry them; the bucket is a matter of its own. */
static int gone_at(struct copy *c, int err, const char *why)
{
	return err == -ENOENT ? copy_nothing(c, why) : err;
}

static int at_source(struct copy *c, int err)
{
	if (err < 0)
		c->report.at_source = true;
	return gone_at(c, err, "the source version is gone");
}

static int at_dest(struct copy *c, int err)
{
	return gone_at(c, err, "the replica is gone");
}

/* --- tags ------------------------------------------------------------------------------------- */

static int set_meta_tags(struct kv *meta, const struct kv *tags)
{
	auto_with(buf_free) struct buf b;
	int err;

	buf_init(&b, BUF_LIMIT_DOC);
	kv_del(meta, REPL_META_TAGS);
	if (tags->n == 0)
		return 0;
	err = kv_to_query(tags, &b);
	return err < 0 ? err : kv_set(meta, REPL_META_TAGS, buf_str(&b));
}

/*
 * A server without tags has them in the metadata, which no request can change: the object is copied
 * onto itself there, by the server. That makes it the current version, so an older one is left.
 */
static int retag_metadata(struct copy *c, char **version)
{
	auto_with(s3_info_free) struct s3_info now = { 0 };
	auto_with(s3_info_free) struct s3_info made = { 0 };
	struct s3_put_opts opts;
	int err = object_head(c->conf->dest, c->j->key, NULL, &now, c->err);

	if (err < 0)
		return err;
	if (*version && (!now.version_id || strcmp(*version, now.version_id) != 0))
		return copy_nothing(c, "the destination takes no tags, and has a newer version");
	err = set_meta_tags(&now.meta, &c->spec.tags);
	opts = (struct s3_put_opts){
		.meta = &now.meta,
		.sys = &now.sys,
		.storage_class = now.storage_class,
		.sse = now.sse,
		.sse_key = now.sse_key,
	};
	err = err < 0 ? err
		      : object_copy(c->conf->dest, c->j->key, *version, now.etag, now.size,
				    c->j->key, &opts, &made, c->err);
	if (err == 0 && made.version_id) {
		free(*version);
		*version = take_ptr(&made.version_id);
	}
	return err;
}

static int change_tags(struct copy *c, char **version)
{
	if (lacks(c, cap_tags))
		return at_dest(c, retag_metadata(c, version));
	return at_dest(c, tagging_put(c->conf->dest, c->j->key, *version, &c->spec.tags, c->err));
}

int copy_put_tags(struct copy *c, const char *version)
{
	int err;

	if (c->spec.tags.n == 0 || lacks(c, cap_tags))
		return 0;
	err = tagging_put(c->conf->dest, c->j->key, version, &c->spec.tags, c->err);
	/* The replica stands without its tags: the next try finds it by its token. */
	if (err < 0)
		c->report.uncertain = copy_token_name(c) != NULL;
	return err;
}

/* --- ACL -------------------------------------------------------------------------------------- */

/* A grantee that this server does not know (another vendor's users) makes it refuse all of it. */
static bool is_unknown_grantee(const struct s3_error *e)
{
	return strcmp(e->code, "InvalidArgument") == 0 || strcmp(e->code, "InvalidID") == 0 ||
	       strcmp(e->code, "UnresolvableGrantByEmailAddress") == 0;
}

/* What everybody was granted, which each server knows. */
static const char *nearest_canned(const struct acl *a)
{
	bool read = false;
	bool write = false;
	bool users = false;

	for (size_t i = 0; i < a->n; i++) {
		const struct acl_grant *g = &a->grants[i];
		bool all = g->uri && strstr(g->uri, "/AllUsers");

		read |= all && g->permission == ACL_READ;
		write |= all && g->permission == ACL_WRITE;
		users |= g->uri && strstr(g->uri, "/AuthenticatedUsers") &&
			 g->permission == ACL_READ;
	}
	if (read)
		return write ? "public-read-write" : "public-read";
	return users ? "authenticated-read" : "private";
}

/* The grants of the source, with the destination's owner in the place of its own. */
static int put_grants(struct copy *c, const char *version, const struct acl *a)
{
	auto_with(acl_free) struct acl there = { 0 };
	auto_with(acl_free) struct acl wanted = { 0 };
	int err = acl_get(c->conf->dest, c->j->key, version, &there, c->err);

	if (err < 0)
		return err;
	err = acl_rebase(a, there.owner, &wanted);
	if (err < 0 || acl_equal(&there, &wanted))
		return err;
	err = acl_put(c->conf->dest, c->j->key, version, &wanted, c->err);
	if (err < 0 && is_unknown_grantee(c->err))
		err = acl_put_canned(c->conf->dest, c->j->key, version, nearest_canned(a), c->err);
	return err;
}

/* "Bucket owner enforced", or a server without ACLs: there is nothing that could be equal. */
static int without_acl(struct copy *c, int err)
{
	if (err < 0 && acl_is_refused(c->err)) {
		if (c->conf->caps)
			c->conf->caps->acl = CAP_NO;
		return copy_nothing(c, "the destination takes no ACLs");
	}
	return err;
}

int copy_put_acl(struct copy *c, const char *version)
{
	int err;

	if (c->acl.n == 0 || lacks(c, cap_acl) || c->j->how.owner_override)
		return 0;
	err = without_acl(c, put_grants(c, version, &c->acl));
	if (err == -ENODATA)
		return 0;
	if (err < 0)
		c->report.uncertain = copy_token_name(c) != NULL;
	return err;
}

static int change_acl(struct copy *c, char **version)
{
	auto_with(acl_free) struct acl a = { 0 };
	const char *canned;
	int err;

	if (lacks(c, cap_acl))
		return copy_nothing(c, "the destination takes no ACLs");
	err = at_source(c, acl_get(c->conf->source, c->j->key, c->j->version, &a, c->err));
	if (err < 0)
		return err;
	canned = acl_canned(&a);
	if (canned)
		err = acl_put_canned(c->conf->dest, c->j->key, *version, canned, c->err);
	else
		err = put_grants(c, *version, &a);
	return at_dest(c, without_acl(c, err));
}

/* --- Object Lock ------------------------------------------------------------------------------ */

/* One that is over is none. */
static bool is_retained(const struct copy *c)
{
	return c->spec.lock_mode && c->spec.retain_until_ms > clock_wall_ms();
}

static bool is_locked(const struct copy *c)
{
	return c->spec.legal_hold || is_retained(c);
}

int copy_name_lock(struct copy *c, int err)
{
	const struct s3_caps *caps = c->conf->caps;

	if (err == 0 || c->body.err != 0 || strcmp(c->err->code, "InvalidRequest") != 0 ||
	    (caps && caps->lock == CAP_YES))
		return err;
	if (is_locked(c) || c->j->kind == JOB_RETENTION || c->j->kind == JOB_LEGAL_HOLD)
		snprintf(c->err->code, sizeof(c->err->code), COPY_LOCK_MISSING);
	return err;
}

int copy_check_lock(struct copy *c)
{
	if (!lacks(c, cap_lock) || !is_locked(c))
		return 0;
	*c->err = (struct s3_error){ .class = FAULT_BAD, .retry_after_ms = -1 };
	snprintf(c->err->code, sizeof(c->err->code), COPY_LOCK_MISSING);
	snprintf(c->err->message, sizeof(c->err->message),
		 "the destination's bucket has no Object Lock");
	return -EINVAL;
}

int copy_put_lock(struct copy *c, const char *version)
{
	const struct s3_put_opts wanted = { .lock_mode = is_retained(c) ? c->spec.lock_mode : NULL,
					    .retain_until_ms = c->spec.retain_until_ms,
					    .legal_hold = c->spec.legal_hold };
	int err;

	if (!is_locked(c))
		return 0;
	err = lock_ensure(c->conf->dest, c->j->key, version, &wanted, c->err);
	/* The replica stands without it: the next try finds it by its token. */
	if (err < 0)
		c->report.uncertain = copy_token_name(c) != NULL;
	return copy_name_lock(c, err);
}

static int change_retention(struct copy *c, char **version)
{
	struct s3_retention r = { 0 };
	int err =
		at_source(c, retention_get(c->conf->source, c->j->key, c->j->version, &r, c->err));

	if (err < 0)
		return err;
	err = at_dest(c, retention_put(c->conf->dest, c->j->key, *version, &r, c->err));
	return copy_name_lock(c, err);
}

static int change_legal_hold(struct copy *c, char **version)
{
	bool on = false;
	int err = at_source(c,
			    legal_hold_get(c->conf->source, c->j->key, c->j->version, &on, c->err));

	if (err < 0)
		return err;
	err = at_dest(c, legal_hold_put(c->conf->dest, c->j->key, *version, on, c->err));
	return copy_name_lock(c, err);
}

/* --- which version ---------------------------------------------------------------------------- */

/* A change at a replica goes back to the version it was made of. */
static const char *home_version(const struct copy *c)
{
	const char *home = kv_get(&c->spec.meta, REPL_META_REPLICA);

	if (!home || strcmp(home, s3_client_bucket(c->conf->dest)) != 0)
		return NULL;
	return kv_get(&c->spec.meta, REPL_META_SOURCE_VERSION);
}

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
		return err < 0 ? err : copy_nothing(c, "no replica is there to be changed");
	return str_dup(info.version_id, ret_version);
}

/*
 * "" in the ledger: the destination's answer had no version id, so its bucket has no versions. Then
 * what is current is meant, unless it is the replica of another version by now.
 */
static int which_version(struct copy *c, char **ret_version)
{
	const char *known = c->conf->replica_version ? c->conf->replica_version : home_version(c);

	if (known && *known)
		return str_dup(known, ret_version);
	if (known && !c->j->version)
		return 0;
	return find_replica(c, ret_version);
}

static int change(struct copy *c, char **version)
{
	switch (c->j->kind) {
	case JOB_TAGS: return change_tags(c, version);
	case JOB_ACL: return change_acl(c, version);
	case JOB_RETENTION: return change_retention(c, version);
	case JOB_LEGAL_HOLD: return change_legal_hold(c, version);
	case JOB_OBJECT:
	case JOB_DELETE: break;
	}
	return -EINVAL;
}

int copy_change(struct copy *c, char *ret_version)
{
	auto_free char *version = NULL;
	const char *token = c->j->token;
	int err;

	err = job_spec_copy(&c->spec, &c->j->spec);
	token = token ? token : kv_get(&c->spec.meta, REPL_META_ID);
	err = err < 0 ? err : str_dup(token, &c->token);
	err = err < 0 ? err : which_version(c, &version);
	err = err < 0 ? err : change(c, &version);
	if (err < 0)
		return err;
	crash_point("copy.changed");
	snprintf(ret_version, 256, "%s", version ? version : "");
	return 0;
}
