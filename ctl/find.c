/* find.c - from a path, or from nothing, to the state directory of a mount and the queue in it. */
#include <errno.h>
#include <limits.h>
#include <mntent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/log.h"
#include "ctl/ctl.h"

static int get_xattr(const char *path, const char *name, char **ret_value)
{
	char value[PATH_MAX + 1];
	ssize_t n = getxattr(path, name, value, sizeof(value) - 1);

	if (n < 0)
		return -errno;
	value[n] = '\0';
	return str_dup(value, ret_value);
}

/* The mountpoint of the only crrfs mount. -ENOENT none, -EMLINK several. */
static int only_mount(char **ret_path)
{
	auto_free char *found = NULL;
	FILE *mounts = setmntent("/proc/self/mounts", "r");
	struct mntent ent, *m;
	char strings[8192];
	int r = mounts ? 0 : -ENOENT;

	while (!r && (m = getmntent_r(mounts, &ent, strings, sizeof(strings)))) {
		if (strcmp(m->mnt_type, "fuse.crrfs"))
			continue;
		r = found ? -EMLINK : str_dup(m->mnt_dir, &found);
	}
	if (mounts)
		endmntent(mounts);
	if (r)
		return r;
	if (!found)
		return -ENOENT;
	*ret_path = take_ptr(&found);
	return 0;
}

int ctl_find(const struct ctl_opts *o, const char *path, char **ret_dir)
{
	auto_free char *mount = NULL;
	char why[64], shown[CTL_SHOWN];
	int r;

	if (o->state)
		return str_dup(o->state, ret_dir);
	if (path) {
		r = get_xattr(path, "user.s3.state", ret_dir);
		if (r == -ENODATA || r == -EOPNOTSUPP)
			ctl_say("'%s' is not in a crrfs mount; name a path in one, or use --state "
				"DIR",
				ctl_shown(path, shown));
		else if (r)
			ctl_say("'%s': %s", ctl_shown(path, shown),
				errno_text(r, why, sizeof(why)));
		return r;
	}
	r = only_mount(&mount);
	if (r == -EMLINK)
		ctl_say("several mounts run: name a path in one of them");
	else if (r)
		ctl_say("no crrfs mount runs here: use --state DIR to look at an unmounted one");
	else
		r = get_xattr(mount, "user.s3.state", ret_dir);
	return r;
}

int ctl_open(const struct ctl_opts *o, const char *path, bool write, char **ret_dir,
	     struct store **ret_s)
{
	auto_free char *dir = NULL, *file = NULL;
	struct store_conf conf = { .read_only = !write };
	char why[600] = "", shown[CTL_SHOWN];
	struct stat st;
	int r = ctl_find(o, path, &dir);

	if (r)
		return r;
	r = str_format(&file, "%s/queue.db", dir);
	if (!r && stat(file, &st)) {
		r = -errno;
		ctl_say("%s: no queue here (%s); is it the state directory of a mount?",
			ctl_shown(dir, shown), errno_text(r, why, sizeof(why)));
		return r;
	}
	conf.dir = dir;
	if (!r)
		r = store_open(&conf, ret_s, why, sizeof(why));
	if (r) {
		ctl_say("%s", *why ? ctl_shown(why, shown) : errno_text(r, why, sizeof(why)));
		return r;
	}
	*ret_dir = take_ptr(&dir);
	return 0;
}

int ctl_key(const struct ctl_opts *o, struct store *s, const char *path, char **ret_key)
{
	auto_free char *mount = NULL, *real = NULL, *prefix = NULL, *dir = NULL, *parent = NULL;
	char *slash;
	size_t n;

	if (o->state)
		return str_dup(path, ret_key);
	/* The name itself may be gone already: its directory tells where the mount is. */
	if (str_dup(path, &parent))
		return -ENOMEM;
	slash = strrchr(parent, '/');
	if (slash)
		*(slash == parent ? slash + 1 : slash) = '\0';
	dir = realpath(slash ? parent : ".", NULL);
	if (!dir || store_get_info(s, "mountpoint", &mount))
		return str_dup(path, ret_key);
	n = strlen(mount);
	if (strncmp(dir, mount, n) || (dir[n] && dir[n] != '/'))
		return str_dup(path, ret_key);
	if (store_get_info(s, "prefix", &prefix) && str_dup("", &prefix))
		return -ENOMEM;
	return str_format(ret_key, "%s%s%s%s", prefix, dir[n] ? dir + n + 1 : "", dir[n] ? "/" : "",
			  slash ? strrchr(path, '/') + 1 : path);
}
