#include "ctl/client.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"

/* What a mount has published: main.c of fs/. */
struct known {
	char *url, *region, *profile, *passwd_file, *cacert, *destinations;
	bool path_style_given, path_style, no_check_certificate, allow_http;
};

static void known_free(struct known *k)
{
	free(k->url);
	free(k->region);
	free(k->profile);
	free(k->passwd_file);
	free(k->cacert);
	free(k->destinations);
}

/* "" is what a mount writes for what it was not given. */
static void read_text(struct store *s, const char *name, char **ret_v)
{
	if (store_get_info(s, name, ret_v) == 0 && !**ret_v) {
		free(*ret_v);
		*ret_v = NULL;
	}
}

static bool read_flag(struct store *s, const char *name)
{
	auto_free char *v = NULL;

	read_text(s, name, &v);
	return v && strcmp(v, "1") == 0;
}

static void read_known(struct store *s, struct known *k)
{
	auto_free char *style = NULL;

	read_text(s, "url", &k->url);
	read_text(s, "region", &k->region);
	read_text(s, "profile", &k->profile);
	read_text(s, "passwd_file", &k->passwd_file);
	read_text(s, "cacert", &k->cacert);
	read_text(s, "destinations", &k->destinations);
	read_text(s, "path_style", &style);
	k->path_style_given = style && strcmp(style, "-1") != 0;
	k->path_style = style && strcmp(style, "1") == 0;
	k->no_check_certificate = read_flag(s, "no_check_certificate");
	k->allow_http = read_flag(s, "allow_http");
}

static int replace(char **p, const char *given)
{
	if (!given)
		return 0;
	free(*p);
	*p = NULL;
	return str_dup(given, p);
}

/* The command line comes first. */
static int apply_options(const struct ctl_opts *o, struct known *k)
{
	int r = replace(&k->url, o->url);

	r = r ? r : replace(&k->region, o->region);
	r = r ? r : replace(&k->profile, o->profile);
	r = r ? r : replace(&k->passwd_file, o->passwd_file);
	r = r ? r : replace(&k->cacert, o->cacert);
	r = r ? r : replace(&k->destinations, o->destinations);
	if (o->path_style)
		k->path_style_given = k->path_style = true;
	k->no_check_certificate |= o->no_check_certificate;
	k->allow_http |= o->allow_http;
	return r;
}

static int make_clients(const struct known *k, struct ctl_client *c)
{
	const struct cred_conf cred = { .passwd_file = k->passwd_file,
					.profile = k->profile,
					.bucket = c->bucket };
	struct s3_client_conf s3 = {
		.url = k->url,
		.region = k->region,
		.bucket = c->bucket,
		.path_style = k->path_style_given ? k->path_style : -1,
		.cacert = k->cacert,
		.no_check_certificate = k->no_check_certificate,
		.allow_http = k->allow_http,
	};
	const struct dest_set_conf dests = { .file = k->destinations,
					     .source = &s3,
					     .source_cred = &cred };
	char why[400] = "", shown[CTL_SHOWN];
	int r = dest_set_new(&dests, &c->dests, why, sizeof(why));

	/* a destination has its own credentials */
	if (!r && !c->bucket)
		return 0;
	if (!r)
		r = cred_source_new(&cred, &s3.cred, why, sizeof(why));
	if (!r) {
		r = s3_client_new(&s3, &c->source, why, sizeof(why));
		if (r)
			cred_source_free(s3.cred);
	}
	if (r)
		ctl_say("%s", *why ? ctl_shown(why, shown) : "out of memory");
	return r;
}

/* "s3://bucket/a" -> "bucket", "a/" */
static int read_bucket(const char *text, struct ctl_client *c)
{
	const char *name = strncmp(text, "s3://", 5) ? text : text + 5;
	size_t n = strcspn(name, "/");
	const char *prefix = name[n] ? name + n + 1 : "";
	size_t len = strlen(prefix);
	int r = str_format(&c->bucket, "%.*s", (int)n, name);

	return r ? r
		 : str_format(&c->prefix, "%s%s", prefix, len && prefix[len - 1] != '/' ? "/" : "");
}

static int read_mount(const struct ctl_opts *o, const char *path, struct ctl_client *c,
		      struct known *k)
{
	auto_with(ctl_store_close) struct store *s = NULL;
	int r = ctl_open(o, path, false, &c->state, &s);

	if (r)
		return r;
	read_known(s, k);
	r = store_get_info(s, "bucket", &c->bucket);
	if (r)
		ctl_say("%s does not say which bucket it belongs to: mount it once", c->state);
	if (!r && store_get_info(s, "prefix", &c->prefix))
		r = str_dup("", &c->prefix);
	return r;
}

int ctl_client_new(const struct ctl_opts *o, const char *bucket, const char *path,
		   struct ctl_client *ret_c)
{
	auto_with(known_free) struct known k = { 0 };
	struct ctl_client c = { 0 };
	bool arn = bucket && strncmp(bucket, "arn:", 4) == 0;
	int r = arn ? 0 : bucket ? read_bucket(bucket, &c) : read_mount(o, path, &c, &k);

	r = r ? r : apply_options(o, &k);
	r = r ? r : make_clients(&k, &c);
	if (r) {
		ctl_client_free(&c);
		return r;
	}
	*ret_c = c;
	return 0;
}

void ctl_client_free(struct ctl_client *c)
{
	s3_client_free(c->source);
	dest_set_free(c->dests);
	free(c->bucket);
	free(c->prefix);
	free(c->state);
	*c = (struct ctl_client){ 0 };
}

void ctl_say_s3(const char *what, int err, const struct s3_error *e)
{
	char text[400], shown[CTL_SHOWN];

	if (e->status || *e->code || *e->message)
		s3_error_text(e, text, sizeof(text));
	else
		errno_text(err, text, sizeof(text));
	ctl_say("%s: %s", what, ctl_shown(text, shown));
}
