/* config_check.c - the bucket, the mountpoint, and options that must fit each other. */
#include "fs/config_i.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/codec.h"

#include "fs/path.h"
#include "queue/dest.h"

#define SHOWN 160

static int set_prefix(const struct config_reading *r, const char *text)
{
	char shown[SHOWN];
	size_t len;

	text += strspn(text, "/");
	len = strlen(text);
	while (len > 0 && text[len - 1] == '/')
		len--;
	for (size_t i = 0; i < len;) {
		size_t n = strcspn(text + i, "/");

		n = min_of(n, len - i);
		if (n == 0 || n > 255 || (n == 1 && text[i] == '.') ||
		    (n == 2 && strncmp(text + i, "..", 2) == 0))
			return config_bad(r,
					  "prefix '%s': an empty, '.', '..' or too long name in it",
					  printable(text, shown, sizeof(shown)));
		i += n + 1;
	}
	if (len + 1 > 900)
		return config_bad(r, "the prefix is longer than 900 bytes");
	free(r->c->prefix);
	r->c->prefix = NULL;
	return str_format(&r->c->prefix, "%.*s%s", (int)len, text, len ? "/" : "");
}

int config_read_source(struct config *c, const char *text, char *why, size_t why_len)
{
	const struct config_reading r = { c, why, why_len };
	bool url = strncasecmp(text, "s3://", 5) == 0;
	const char *name = url ? text + 5 : text;
	size_t len = strcspn(name, url ? "/" : ":/");
	char shown[SHOWN];
	bool bad_form;

	bad_form = len == 0;
	if (!url)
		bad_form |= name[len] == '/' || strstr(name, "://") ||
			    (name[len] == ':' && name[len + 1] && name[len + 1] != '/');
	if (bad_form)
		return config_bad(&r,
				  "'%s' is not a bucket; write s3://BUCKET or s3://BUCKET/PREFIX",
				  printable(text, shown, sizeof(shown)));
	free(c->bucket);
	c->bucket = strndup(name, len);
	if (!c->bucket)
		return -ENOMEM;
	return set_prefix(&r, name + len + (!url && name[len] == ':'));
}

int config_read_mountpoint(const struct config_reading *r, const char *path)
{
	char words[64], shown[SHOWN];
	struct stat st;

	printable(path, shown, sizeof(shown));
	r->c->mountpoint = realpath(path, NULL);
	if (!r->c->mountpoint) {
		int err = errno;

		return config_bad(r, "mountpoint %s: %s%s", shown,
				  errno_text(err, words, sizeof(words)),
				  err == ENOTCONN ? " (a dead mount: umount it first)" : "");
	}
	if (stat(r->c->mountpoint, &st) != 0)
		return config_bad(r, "mountpoint %s: %s", shown,
				  errno_text(errno, words, sizeof(words)));
	if (!S_ISDIR(st.st_mode))
		return config_bad(r, "mountpoint %s is not a directory", shown);
	return 0;
}

/* These are read again while the mount runs, from "/". */
static int make_env_absolute(const char *name)
{
	auto_free char *path = NULL;
	const char *old = getenv(name);
	int err;

	if (!old || !*old || *old == '/')
		return 0;
	err = config_make_absolute(old, &path);
	if (err == 0 && setenv(name, path, 1) != 0)
		err = -errno;
	return err;
}

/* Is a word among the options for the kernel? */
static bool is_passed_on(const struct config *c, const char *word)
{
	size_t n = strlen(word);

	for (const char *at = buf_str(&c->fuse); *at; at += *at == ',') {
		size_t len = strcspn(at, ",");

		if (len == n && strncmp(at, word, n) == 0)
			return true;
		at += len;
	}
	return false;
}

static int check_time(const struct config_reading *r)
{
	struct config *c = r->c;

	if (!c->at_ms)
		return 0;
	if (is_passed_on(c, "rw"))
		return config_bad(r, "version_at is read-only: give ro instead of rw");
	if (c->at_ms > clock_wall_ms())
		return config_bad(r, "version_at is in the future");
	if (c->ro)
		return 0;
	c->ro = true;
	return config_pass_on(c, "ro", NULL);
}

static int check_history(const struct config_reading *r)
{
	struct config *c = r->c;
	const char *name = c->versions_dir ? c->versions_dir : CONFIG_VERSIONS_DIR;

	if (!path_is_name(name, strlen(name)) || !utf8_valid(name))
		return config_bad(r, "versions_dir must be one name, without '/', or no");
	if (!c->versions_dir)
		return str_dup(name, &c->versions_dir);
	return 0;
}

int config_check(const struct config_reading *r)
{
	struct config *c = r->c;
	int err = make_env_absolute("AWS_SHARED_CREDENTIALS_FILE");

	if (err == 0)
		err = make_env_absolute("AWS_CONFIG_FILE");
	if (err < 0)
		return err;

	c->durability %= DURABILITY_REPLICAS + 1; /* A, B, C come after the words they stand for */
	if (c->profile && c->passwd_file)
		return config_bad(r, "profile and passwd_file exclude each other");
	if (c->retry_first_ms && c->retry_max_ms && c->retry_first_ms > c->retry_max_ms)
		return config_bad(r, "retry_first is longer than retry_max");
	err = check_history(r);
	if (err == 0)
		err = check_time(r);
	if (err < 0)
		return err;
	if (!c->destinations && access(CONFIG_DESTINATIONS, F_OK) == 0)
		return str_dup(CONFIG_DESTINATIONS, &c->destinations);
	return 0;
}
