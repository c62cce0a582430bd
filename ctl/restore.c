/* restore.c - crrctl restore: the running mount makes an older version the current one again. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/json.h"
#include "base/log.h"
#include "ctl/ctl.h"

/* The file may be deleted, and so may be the folders it was in: *ret_dir is the nearest one above
 * it that is there, *ret_rest what is below that (in path). */
static int split(const char *path, char **ret_dir, const char **ret_rest)
{
	auto_free char *dir = NULL;
	struct stat st;
	size_t n = strlen(path);

	do {
		while (n && path[n - 1] != '/')
			n--;
		free(take_ptr(&dir));
		if (str_format(&dir, "%.*s", n ? (int)n : 1, n ? path : "."))
			return -ENOMEM;
		*ret_rest = path + n;
		while (n && path[n - 1] == '/')
			n--;
	} while (n && stat(dir, &st) && (errno == ENOENT || errno == ENOTDIR));
	*ret_dir = take_ptr(&dir);
	return 0;
}

/* The key of a path in the mount that answered; words on stderr when it is none. */
static int key_of(const struct doc_node *mount, const char *path, char **ret_key)
{
	auto_free char *dir = NULL, *real = NULL;
	const char *rest, *top = doc_text(mount, "mountpoint"), *prefix = doc_text(mount, "prefix");
	char shown[CTL_SHOWN];
	size_t n = top ? strlen(top) : 0;
	int r = split(path, &dir, &rest);

	if (r)
		return r;
	real = realpath(dir, NULL);
	if (!real || !n || strncmp(real, top, n) || (real[n] && real[n] != '/')) {
		ctl_say("'%s' is not in the mount %s", ctl_shown(path, shown), top ? top : "");
		return -EINVAL;
	}
	return str_format(ret_key, "%s%s%s%s", prefix ? prefix : "", real[n] ? real + n + 1 : "",
			  real[n] && real[n + 1] ? "/" : "", rest);
}

static int find(const struct ctl_opts *o, const char *path, char **ret_dir,
		struct doc_node **ret_mount)
{
	auto_free char *above = NULL;
	const char *rest;
	int r = split(path, &above, &rest);

	if (!r)
		r = ctl_find(o, above, ret_dir);
	if (r)
		return r;
	r = ctl_ask(*ret_dir, "status", ret_mount);
	if (r)
		ctl_say("no mount runs on %s: it is the mount that restores", *ret_dir);
	return r;
}

static int make_question(const char *key, const char *version, const char *to, struct buf *out)
{
	struct json_out j;

	buf_adds(out, "restore ");
	json_start(&j, out, false);
	json_open(&j, NULL, '{');
	json_str(&j, "key", key);
	json_str(&j, "version", version);
	json_str(&j, "to", to);
	json_close(&j, '}');
	return out->error;
}

static int report(int r, const struct doc_node *answer, const char *path)
{
	const char *ok = doc_text(answer, "ok"), *made = doc_text(answer, "made");
	char shown[CTL_SHOWN], version[CTL_SHOWN], new[CTL_SHOWN], why[64];

	if (r == -ETIMEDOUT)
		ctl_say("the mount is still copying, and goes on: see 'crrctl versions'");
	else if (r)
		ctl_say("the mount does not answer: %s", errno_text(r, why, sizeof(why)));
	else if (!ok || strcmp(ok, "true") != 0)
		ctl_say("%s", ctl_shown(doc_text(answer, "error"), shown));
	else
		printf("%s: restored from version %s, as version %s\n", ctl_shown(path, shown),
		       ctl_shown(doc_text(answer, "version"), version),
		       ctl_shown(made ? made : "null", new));
	return r || !ok || strcmp(ok, "true") != 0 ? CTL_FAILED : CTL_OK;
}

int ctl_restore(const struct ctl_opts *o)
{
	auto_free char *dir = NULL, *key = NULL, *to = NULL;
	auto_with(doc_free_ptr) struct doc_node *mount = NULL, *answer = NULL;
	auto_with(buf_free) struct buf question;
	const char *target;
	int r;

	buf_init(&question, BUF_LIMIT_SMALL);
	if (o->n != 2) {
		ctl_say("restore needs a PATH and a VERSION (an id, a name in .versions, latest)");
		return CTL_USAGE;
	}
	target = o->to ? o->to : o->args[0];
	r = find(o, o->args[0], &dir, &mount);
	if (!r)
		r = o->state ? str_dup(o->args[0], &key) : key_of(mount, o->args[0], &key);
	if (!r)
		r = o->state ? str_dup(target, &to) : key_of(mount, target, &to);
	if (!r)
		r = make_question(key, o->args[1], to, &question);
	if (r)
		return CTL_FAILED;
	r = ctl_ask(dir, buf_str(&question), &answer);
	return report(r, answer, target);
}
