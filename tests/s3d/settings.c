/*
 * What a test changes while the server runs, besides faults, through /_s3d/settings: what a
 * bucket's server lacks, what state a KMS key is in, the replication status of a version.
 */
#include "s3d.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MAX_KEYS 32

struct lacking {
	char bucket[64];
	unsigned lacks;
};

struct key {
	char *arn, *state;
};

static struct {
	pthread_mutex_t mutex;
	unsigned everywhere;
	struct lacking *list; /* buckets that differ from that */
	size_t n;
	struct key keys[MAX_KEYS];
	size_t nkeys;
	char *expired; /* the id of an access key; NULL or "": none */
} settings = { .mutex = PTHREAD_MUTEX_INITIALIZER };

static const struct {
	const char *name;
	enum lack lack;
} features[] = {
	{ "acl", LACK_ACL },
	{ "checksum", LACK_CHECKSUM },
	{ "classes", LACK_CLASSES },
	{ "conditional", LACK_CONDITIONAL },
	{ "encryption", LACK_ENCRYPTION },
	{ "full-object", LACK_FULL_OBJECT },
	{ "lock", LACK_LOCK },
	{ "multipart", LACK_MULTIPART },
	{ "partcopy", LACK_PARTCOPY },
	{ "tagging", LACK_TAGGING },
	{ "versioning", LACK_VERSIONING },
};

/* A request is refused (501) if it has the parameter or the header. */
static const struct {
	enum lack lack;
	const char *param, *header;
} needs[] = {
	{ LACK_VERSIONING, "versioning", NULL },
	{ LACK_VERSIONING, "versions", NULL },
	{ LACK_TAGGING, "tagging", NULL },
	{ LACK_TAGGING, NULL, "x-amz-tagging" },
	{ LACK_TAGGING, NULL, "x-amz-tagging-directive" },
	{ LACK_LOCK, "object-lock", NULL },
	{ LACK_LOCK, "retention", NULL },
	{ LACK_LOCK, "legal-hold", NULL },
	{ LACK_LOCK, NULL, "x-amz-object-lock-mode" },
	{ LACK_LOCK, NULL, "x-amz-object-lock-retain-until-date" },
	{ LACK_LOCK, NULL, "x-amz-object-lock-legal-hold" },
	{ LACK_MULTIPART, "uploads", NULL },
	{ LACK_MULTIPART, "uploadId", NULL },
	{ LACK_PARTCOPY, "uploadId", "x-amz-copy-source" },
	{ LACK_ENCRYPTION, "encryption", NULL },
	{ LACK_ENCRYPTION, NULL, "x-amz-server-side-encryption" },
	{ LACK_ENCRYPTION, NULL, "x-amz-server-side-encryption-customer-algorithm" },
};

/* A comma-separated list of features; empty for none. */
static int parse_features(const char *text, unsigned *ret)
{
	*ret = 0;
	while (*text) {
		size_t n = strcspn(text, ","), i = 0,
		       count = sizeof(features) / sizeof(features[0]);
		while (i < count &&
		       (strlen(features[i].name) != n || strncmp(features[i].name, text, n)))
			i++;
		if (i == count)
			return -EINVAL;
		*ret |= features[i].lack;
		text += n + (text[n] == ',');
	}
	return 0;
}

int settings_without(const char *text)
{
	unsigned lacks;

	if (parse_features(text, &lacks))
		return -EINVAL;
	settings.everywhere |= lacks;
	return 0;
}

static struct lacking *find_bucket(const char *bucket)
{
	for (size_t i = 0; i < settings.n; i++)
		if (!strcmp(settings.list[i].bucket, bucket))
			return &settings.list[i];
	return NULL;
}

unsigned settings_lacks(const char *bucket)
{
	pthread_mutex_lock(&settings.mutex);
	const struct lacking *l = find_bucket(bucket);
	unsigned lacks = l ? l->lacks : settings.everywhere;
	pthread_mutex_unlock(&settings.mutex);
	return lacks;
}

int settings_check(struct req *r)
{
	for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++) {
		if (!(r->lacks & needs[i].lack) ||
		    (needs[i].param && !req_param(r, needs[i].param)) ||
		    (needs[i].header && !req_header(r, needs[i].header)))
			continue;
		return req_fail_x(r, "NotImplemented",
				  "A header or query you provided implies functionality that is"
				  " not implemented",
				  "Header", needs[i].header, NULL);
	}
	return 0;
}

static int set_lacking(const char *text, const char *bucket)
{
	unsigned lacks;

	if (parse_features(text, &lacks) || strlen(bucket) > 63)
		return -EINVAL;
	struct lacking *l = find_bucket(bucket);
	if (!*bucket) {
		settings.everywhere = lacks;
	} else if (l) {
		l->lacks = lacks;
	} else {
		settings.list = x_realloc(settings.list, (settings.n + 1) * sizeof(*l));
		l = &settings.list[settings.n++];
		l->lacks = lacks;
		snprintf(l->bucket, sizeof(l->bucket), "%s", bucket);
	}
	return 0;
}

/* ---- KMS keys ---- */

int settings_kms_key(const char *arn, const char *state)
{
	size_t i = 0;

	if (strcmp(state, "enabled") && strcmp(state, "disabled") && strcmp(state, "unknown"))
		return -EINVAL;
	while (i < settings.nkeys && strcmp(settings.keys[i].arn, arn))
		i++;
	if (i == MAX_KEYS || !starts_with(arn, "arn:aws:kms:"))
		return -EINVAL;
	if (i == settings.nkeys)
		settings.keys[settings.nkeys++].arn = x_strdup(arn);
	free(settings.keys[i].state);
	settings.keys[i].state = x_strdup(state);
	return 0;
}

/* Named by its ARN, or by what follows "key/" or the last colon (an alias). */
static bool same_key(const char *arn, const char *name)
{
	const char *id = strstr(arn, ":key/");

	return !strcmp(arn, name) || !strcmp(id ? id + 5 : strrchr(arn, ':') + 1, name);
}

/* Without any known key all are fine. */
int settings_kms_find(struct req *r, const char *name, char **ret_arn)
{
	const char *state = settings.nkeys ? "unknown" : "enabled", *arn = name;

	pthread_mutex_lock(&settings.mutex);
	for (size_t i = 0; i < settings.nkeys; i++)
		if (same_key(settings.keys[i].arn, name)) {
			state = settings.keys[i].state;
			arn = settings.keys[i].arn;
		}
	*ret_arn = starts_with(arn, "arn:")
			   ? x_strdup(arn)
			   : x_asprintf("arn:aws:kms:%s:%s:key/%s", r->b.region, r->b.owner, arn);
	bool disabled = !strcmp(state, "disabled"), enabled = !strcmp(state, "enabled");
	pthread_mutex_unlock(&settings.mutex);
	if (enabled)
		return 0;
	free(*ret_arn);
	*ret_arn = NULL;
	char *why = disabled ? x_asprintf("%s is disabled.", name)
			     : x_asprintf("Invalid keyId '%s'", name);
	req_fail(r, disabled ? "KMS.DisabledException" : "KMS.NotFoundException", why);
	free(why);
	return -1;
}

bool settings_is_expired(const char *id)
{
	pthread_mutex_lock(&settings.mutex);
	bool is = str_eq(settings.expired, id);
	pthread_mutex_unlock(&settings.mutex);
	return is;
}

/* ---- the admin page ---- */

struct line {
	char *without, *bucket, *key, *version, *status, *kms, *state, *expired;
};

static int parse_word(struct line *l, const char *word)
{
	const struct {
		const char *name;
		char **to;
	} words[] = {
		{ "without", &l->without },
		{ "bucket", &l->bucket },
		{ "key", &l->key },
		{ "version", &l->version },
		{ "replication-status", &l->status },
		{ "kms-key", &l->kms },
		{ "state", &l->state },
		{ "expired-key", &l->expired },
	};
	size_t n = strcspn(word, "=");

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (word[n] && strlen(words[i].name) == n && !strncmp(words[i].name, word, n)) {
			free(*words[i].to);
			*words[i].to = url_decode(word + n + 1, strlen(word + n + 1), false);
			return *words[i].to ? 0 : -EINVAL;
		}
	return -EINVAL;
}

static int set_status(const struct line *l)
{
	struct ver v;

	if (!l->bucket || !l->key)
		return -EINVAL;
	db_lock();
	int rc = ver_find(l->bucket, l->key, l->version, &v);
	if (!rc) {
		char *meta = meta_set(v.meta, "x-amz-replication-status", l->status);
		rc = db_run("UPDATE versions SET meta=? WHERE seq=?", "si", meta, v.seq);
		free(meta);
		ver_free(&v);
	}
	db_unlock();
	return rc;
}

static int apply_line(const struct line *l)
{
	if (l->status)
		return set_status(l);
	pthread_mutex_lock(&settings.mutex);
	int rc = -EINVAL;
	if (l->without)
		rc = set_lacking(l->without, l->bucket ? l->bucket : "");
	else if (l->kms && l->state)
		rc = settings_kms_key(l->kms, l->state);
	else if (l->expired) {
		free(settings.expired);
		settings.expired = x_strdup(l->expired);
		rc = 0;
	}
	pthread_mutex_unlock(&settings.mutex);
	return rc;
}

static int parse_line(char *text)
{
	struct line l = { 0 };
	char *save = NULL;
	int rc = 0;

	for (char *w = strtok_r(text, " \t\r", &save); w && !rc; w = strtok_r(NULL, " \t\r", &save))
		rc = parse_word(&l, w);
	if (!rc)
		rc = apply_line(&l);
	free(l.without);
	free(l.bucket);
	free(l.key);
	free(l.version);
	free(l.status);
	free(l.kms);
	free(l.state);
	free(l.expired);
	return rc;
}

static void show_lacking(struct buf *out, unsigned lacks, const char *bucket)
{
	const char *comma = "";

	buf_str(out, "without=");
	for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++)
		if (lacks & features[i].lack) {
			buf_fmt(out, "%s%s", comma, features[i].name);
			comma = ",";
		}
	buf_fmt(out, "%s%s\n", *bucket ? " bucket=" : "", bucket);
}

static void show(struct buf *out)
{
	pthread_mutex_lock(&settings.mutex);
	show_lacking(out, settings.everywhere, "");
	for (size_t i = 0; i < settings.n; i++)
		show_lacking(out, settings.list[i].lacks, settings.list[i].bucket);
	for (size_t i = 0; i < settings.nkeys; i++)
		buf_fmt(out, "kms-key=%s state=%s\n", settings.keys[i].arn, settings.keys[i].state);
	if (settings.expired && *settings.expired)
		buf_fmt(out, "expired-key=%s\n", settings.expired);
	pthread_mutex_unlock(&settings.mutex);
}

/* PUT applies its lines up to the first bad one; GET shows what is set. */
int settings_admin(struct req *r)
{
	char *save = NULL, *text = r->body.mem.p;
	bool put = !strcmp(r->method, "PUT");

	req_set(r, "Content-Type", "text/plain");
	r->status = put || !strcmp(r->method, "GET") ? 200 : 405;
	for (char *l = put && text ? strtok_r(text, "\n", &save) : NULL; l && r->status == 200;
	     l = strtok_r(NULL, "\n", &save))
		if (parse_line(l))
			r->status = 400;
	if (r->status == 200)
		show(&r->out);
	else
		buf_str(&r->out, "bad setting\n");
	return 0;
}

void settings_free(void)
{
	for (size_t i = 0; i < settings.nkeys; i++) {
		free(settings.keys[i].arn);
		free(settings.keys[i].state);
	}
	free(settings.list);
	free(settings.expired);
}
