/* cred.c - see cred.h. */
#include "s3/cred_i.h"

#include <errno.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/lock.h"
#include "base/log.h"

enum kind {
	KIND_FIXED,   /* static, environment */
	KIND_PASSWD,  /* paths[0] */
	KIND_PROFILE, /* paths[0] credentials, paths[1] config */
};

/* What a file looked like when it was read. */
struct file_mark {
	bool exists;
	struct timespec mtime;
	off_t size;
	ino_t inode;
};

struct cred_source {
	enum kind kind;
	char *paths[2];
	char *profile;
	char *bucket;
	char *region;
	struct {
		struct lock l;
		struct cred_box *box;
		struct file_mark marks[2];
	} locked;
};

void cred_why(const struct why *w, const char *fmt, ...)
{
	va_list ap;

	if (!w->size)
		return;
	va_start(ap, fmt);
	vsnprintf(w->text, w->size, fmt, ap);
	va_end(ap);
}

/* ---- one set of credentials ---- */

/* token may be NULL. */
int cred_box_new(const char *key_id, const char *secret, const char *token,
		 struct cred_box **ret_box)
{
	size_t n[3] = { strlen(key_id) + 1, strlen(secret) + 1, token ? strlen(token) + 1 : 0 };
	struct cred_box *b = calloc(1, sizeof(*b) + n[0] + n[1] + n[2]);

	if (!b)
		return -ENOMEM;
	b->size = n[0] + n[1] + n[2];
	memcpy(b->text, key_id, n[0]);
	memcpy(b->text + n[0], secret, n[1]);
	if (token)
		memcpy(b->text + n[0] + n[1], token, n[2]);
	b->pub.key_id = b->text;
	b->pub.secret = b->text + n[0];
	b->pub.session_token = token && *token ? b->text + n[0] + n[1] : NULL;
	b->pub.expires_ms = CLOCK_NEVER;
	atomic_init(&b->refs, 1);
	*ret_box = b;
	return 0;
}

void cred_unref(const struct cred *c)
{
	struct cred_box *b = (struct cred_box *)(uintptr_t)c; /* pub is its first member */

	if (!b || atomic_fetch_sub(&b->refs, 1) != 1)
		return;
	explicit_bzero(b->text, b->size);
	free(b);
}

static bool word_is_valid(const char *s)
{
	for (; *s; s++) {
		if (*s <= ' ' || *s > '~')
			return false;
	}
	return true;
}

int cred_box_check_new(const char *key_id, const char *secret, const char *token, const char *from,
		       const struct why *w, struct cred_box **ret_box)
{
	if (!key_id || !*key_id || !secret || !*secret) {
		cred_why(w, "%s: the access key id and the secret access key must both be given",
			 from);
		return -EINVAL;
	}
	if (!word_is_valid(key_id) || !word_is_valid(secret) || (token && !word_is_valid(token))) {
		cred_why(w, "%s: credentials must be printable ASCII without blanks", from);
		return -EINVAL;
	}
	return cred_box_new(key_id, secret, token, ret_box);
}

/* ---- files ---- */

static void mark_take(const char *path, struct file_mark *m)
{
	struct stat st;

	*m = (struct file_mark){ 0 };
	if (!path || stat(path, &st) != 0)
		return;
	m->exists = true;
	m->mtime = st.st_mtim;
	m->size = st.st_size;
	m->inode = st.st_ino;
}

static bool mark_equal(const struct file_mark *a, const struct file_mark *b)
{
	return a->exists == b->exists && a->size == b->size && a->inode == b->inode &&
	       a->mtime.tv_sec == b->mtime.tv_sec && a->mtime.tv_nsec == b->mtime.tv_nsec;
}

static int home_path(const char *name, char **ret_path)
{
	const char *home = getenv("HOME");
	struct passwd pw, *found = NULL;
	char text[4096];

	if ((!home || !*home) && getpwuid_r(geteuid(), &pw, text, sizeof(text), &found) == 0 &&
	    found)
		home = found->pw_dir;
	return str_format(ret_path, "%s/%s", home ? home : "", name);
}

static int env_path(const char *variable, const char *name, char **ret_path)
{
	const char *v = getenv(variable);

	return v && *v ? str_dup(v, ret_path) : home_path(name, ret_path);
}

/* ---- the region ---- */

static int region_find(struct cred_source *s, const char *profile)
{
	auto_free char *config = NULL;
	auto_free char *credentials = NULL;
	const char *v = getenv("AWS_REGION");
	int rc;

	if (!v || !*v)
		v = getenv("AWS_DEFAULT_REGION");
	if (v && *v)
		return str_dup(v, &s->region);
	if (!profile)
		return 0;
	rc = env_path("AWS_CONFIG_FILE", ".aws/config", &config);
	if (rc == 0)
		rc = cred_region_read(config, profile, true, &s->region);
	if (rc || s->region)
		return rc;
	rc = env_path("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials", &credentials);
	return rc ? rc : cred_region_read(credentials, profile, false, &s->region);
}

/* ---- the source ---- */

static int source_read(const struct cred_source *s, const struct why *w, struct cred_box **ret_box)
{
	if (s->kind == KIND_PASSWD)
		return cred_passwd_read(s->paths[0], s->bucket, w, ret_box);
	return cred_profile_read(s->paths[0], s->paths[1], s->profile, w, ret_box);
}

static int use_passwd(struct cred_source *s, const char *path, const struct why *w)
{
	int rc = str_dup(path, &s->paths[0]);

	s->kind = KIND_PASSWD;
	if (rc)
		return rc;
	mark_take(path, &s->locked.marks[0]);
	rc = source_read(s, w, &s->locked.box);
	return rc ? rc : region_find(s, NULL);
}

static int use_profile(struct cred_source *s, const char *profile, const struct why *w)
{
	int rc = str_dup(profile, &s->profile);

	s->kind = KIND_PROFILE;
	if (rc == 0)
		rc = env_path("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials", &s->paths[0]);
	if (rc == 0)
		rc = env_path("AWS_CONFIG_FILE", ".aws/config", &s->paths[1]);
	if (rc)
		return rc;
	for (unsigned i = 0; i < 2; i++)
		mark_take(s->paths[i], &s->locked.marks[i]);
	rc = source_read(s, w, &s->locked.box);
	return rc ? rc : region_find(s, profile);
}

/* What a failed try left behind. */
static void source_clear(struct cred_source *s)
{
	for (unsigned i = 0; i < 2; i++) {
		free(take_ptr(&s->paths[i]));
		s->locked.marks[i] = (struct file_mark){ 0 };
	}
	free(take_ptr(&s->profile));
}

/* Nothing was named: the usual places. */
static int use_usual(struct cred_source *s, const struct why *w)
{
	const char *id = getenv("AWS_ACCESS_KEY_ID"), *secret = getenv("AWS_SECRET_ACCESS_KEY");
	const char *profile = getenv("AWS_PROFILE");
	auto_free char *path = NULL;
	int rc;

	if ((id && *id) || (secret && *secret)) {
		rc = cred_box_check_new(id, secret, getenv("AWS_SESSION_TOKEN"), "environment", w,
					&s->locked.box);
		return rc ? rc : region_find(s, profile && *profile ? profile : "default");
	}
	if (profile && *profile)
		return use_profile(s, profile, w);
	rc = use_profile(s, "default", w);
	if (rc != -ENOENT)
		return rc;
	source_clear(s);
	rc = home_path(".passwd-s3fs", &path);
	if (rc)
		return rc;
	if (access(path, F_OK) == 0)
		return use_passwd(s, path, w);
	if (access(CRED_SYSTEM_PASSWD, F_OK) == 0)
		return use_passwd(s, CRED_SYSTEM_PASSWD, w);
	cred_why(w, "no credentials found: give passwd_file=FILE or profile=NAME, or set "
		    "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
	return -ENOENT;
}

static int source_alloc(struct cred_source **ret_s)
{
	struct cred_source *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	lock_init(&s->locked.l);
	*ret_s = s;
	return 0;
}

int cred_source_new(const struct cred_conf *conf, struct cred_source **ret_s, char *why,
		    size_t why_len)
{
	const struct why w = { why, why ? why_len : 0 };
	struct cred_source *s;
	int rc;

	cred_why(&w, "out of memory");
	rc = source_alloc(&s);
	if (rc)
		return rc;
	rc = str_dup(conf->bucket, &s->bucket);
	if (rc == 0 && conf->passwd_file)
		rc = use_passwd(s, conf->passwd_file, &w);
	else if (rc == 0 && conf->profile)
		rc = use_profile(s, conf->profile, &w);
	else if (rc == 0)
		rc = use_usual(s, &w);
	if (rc) {
		cred_source_free(s);
		return rc;
	}
	cred_why(&w, "%s", "");
	*ret_s = s;
	return 0;
}

int cred_source_static(const char *key_id, const char *secret, const char *token,
		       struct cred_source **ret_s)
{
	struct cred_source *s;
	int rc = source_alloc(&s);

	if (rc)
		return rc;
	rc = cred_box_new(key_id, secret, token, &s->locked.box);
	if (rc) {
		cred_source_free(s);
		return rc;
	}
	*ret_s = s;
	return 0;
}

void cred_source_free(struct cred_source *s)
{
	if (!s)
		return;
	source_clear(s);
	free(s->bucket);
	free(s->region);
	cred_unref(s->locked.box ? &s->locked.box->pub : NULL);
	lock_free(&s->locked.l);
	free(s);
}

static bool source_changed_locked(struct cred_source *s, struct file_mark now[2])
{
	bool changed = false;

	lock_assert_held(&s->locked.l);
	for (unsigned i = 0; i < 2; i++) {
		mark_take(s->paths[i], &now[i]);
		changed |= !mark_equal(&now[i], &s->locked.marks[i]);
	}
	return changed;
}

/* A file that cannot be read now is tried again the next time; until then the last good
 * credentials stay. */
static void source_refresh_locked(struct cred_source *s)
{
	struct file_mark now[2];
	struct cred_box *box = NULL;
	char text[256];
	const struct why w = { text, sizeof(text) };
	int rc;

	if (s->kind == KIND_FIXED || !source_changed_locked(s, now))
		return;
	rc = source_read(s, &w, &box);
	if (rc) {
		log_debug("event=credentials-kept why=\"%s\"", text);
		return;
	}
	cred_unref(&s->locked.box->pub);
	s->locked.box = box;
	memcpy(s->locked.marks, now, sizeof(now));
}

int cred_source_get(struct cred_source *s, const struct cred **ret_c)
{
	scoped_lock(&s->locked.l);

	source_refresh_locked(s);
	atomic_fetch_add(&s->locked.box->refs, 1);
	*ret_c = &s->locked.box->pub;
	return 0;
}

const char *cred_source_region(const struct cred_source *s)
{
	return s->region;
}
