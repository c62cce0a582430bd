/* cred_read.c - what the files say: s3fs's passwd file and AWS's profiles. See cred.h. */
#include "s3/cred_i.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/ini.h"
#include "base/io.h"
#include "base/log.h"

#define FILE_MAX MIB

static void buf_wipe(struct buf *b)
{
	if (b->data)
		explicit_bzero(b->data, b->cap);
	buf_free(b);
}

static void ini_wipe(struct ini *ini)
{
	for (size_t i = 0; i < ini->n; i++) {
		struct kv *values = &ini->sections[i].values;

		for (size_t j = 0; j < values->n; j++)
			explicit_bzero(values->items[j].value, strlen(values->items[j].value));
	}
	ini_free(ini);
}

/* private: refuse a file that others may read (the mode of the file opened, not of its name). */
static int file_read(const char *path, bool private, const struct why *w, struct buf *ret_b)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	auto_free char *data = NULL;
	char text[64];
	struct stat st;
	int rc;

	if (fd < 0 || fstat(fd, &st) != 0) {
		rc = -errno;
		cred_why(w, "%s: %s", path, errno_text(rc, text, sizeof(text)));
		return rc;
	}
	if (!S_ISREG(st.st_mode) || st.st_size < 0 || (uint64_t)st.st_size > FILE_MAX) {
		cred_why(w, "%s: not a regular file of at most 1 MiB", path);
		return -EINVAL;
	}
	if (private && (st.st_mode & 077 & ~(strcmp(path, CRED_SYSTEM_PASSWD) == 0 ? 040u : 0u))) {
		cred_why(w, "%s: others may read the secrets in it (mode %03o); chmod 600 it", path,
			 (unsigned)(st.st_mode & 0777));
		return -EACCES;
	}
	buf_init(ret_b, FILE_MAX + 1);
	if (!st.st_size)
		return 0;
	data = malloc((size_t)st.st_size);
	if (!data)
		return -ENOMEM;
	rc = io_pread_full(fd, data, (size_t)st.st_size, 0);
	if (rc == 0)
		rc = buf_add(ret_b, data, (size_t)st.st_size);
	explicit_bzero(data, (size_t)st.st_size);
	if (rc)
		cred_why(w, "%s: %s", path, errno_text(rc, text, sizeof(text)));
	else if (strlen(buf_str(ret_b)) != ret_b->len) {
		cred_why(w, "%s: holds a NUL byte", path);
		rc = -EINVAL;
	}
	return rc;
}

/* ---- s3fs's passwd file ---- */

struct passwd_line {
	char *bucket; /* NULL = any */
	char *key_id;
	char *secret;
};

/* Cuts the line up in place. 1 = a line, 0 = nothing in it, -EINVAL. */
static int passwd_line_cut(char *line, struct passwd_line *ret_l)
{
	char *first, *last, *end;

	line += strspn(line, " \t\r");
	for (end = line + strlen(line); end > line && strchr(" \t\r", end[-1]); end--)
		end[-1] = '\0';
	if (!*line || *line == '#')
		return 0;
	first = strchr(line, ':');
	last = strrchr(line, ':');
	if (!first || strpbrk(line, " \t[]"))
		return -EINVAL;
	*first = '\0';
	*last = '\0';
	*ret_l = (struct passwd_line){ NULL, line, last + 1 };
	if (first != last) {
		ret_l->bucket = line;
		ret_l->key_id = first + 1;
	}
	return *ret_l->key_id && *ret_l->secret ? 1 : -EINVAL;
}

static int passwd_choose(const char *path, char *text, const char *bucket, const struct why *w,
			 struct passwd_line *ret_l)
{
	struct passwd_line any = { 0 }, own = { 0 };
	char *next = text;

	for (int number = 1; next; number++) {
		char *line = strsep(&next, "\n");
		struct passwd_line l, *slot;
		int rc = passwd_line_cut(line, &l);

		if (rc == 0)
			continue;
		if (rc < 0) {
			cred_why(w, "%s:%d: expected ID:SECRET or BUCKET:ID:SECRET", path, number);
			return rc;
		}
		if (l.bucket && (!bucket || strcmp(l.bucket, bucket) != 0))
			continue;
		slot = l.bucket ? &own : &any;
		if (slot->key_id) {
			cred_why(w, "%s:%d: a second line for the same bucket", path, number);
			return -EINVAL;
		}
		*slot = l;
	}
	*ret_l = own.key_id ? own : any;
	if (ret_l->key_id)
		return 0;
	cred_why(w, "%s: no line for bucket %s and none without a bucket", path,
		 bucket ? bucket : "(none)");
	return -ENOENT;
}

int cred_passwd_read(const char *path, const char *bucket, const struct why *w,
		     struct cred_box **ret_box)
{
	auto_with(buf_wipe) struct buf b = { 0 };
	struct passwd_line l;
	int rc = file_read(path, true, w, &b);

	if (rc == 0 && !b.data) {
		cred_why(w, "%s: empty", path);
		rc = -ENOENT;
	}
	if (rc == 0)
		rc = passwd_choose(path, b.data, bucket, w, &l);
	if (rc)
		return rc;
	return cred_box_check_new(l.key_id, l.secret, NULL, path, w, ret_box);
}

/* ---- profiles ---- */

/* A file that is missing is empty. */
static int profile_file_read(const char *path, const struct why *w, struct ini *ret_ini)
{
	auto_with(buf_wipe) struct buf b = { 0 };
	int line = 0;
	int rc = file_read(path, false, w, &b);

	*ret_ini = (struct ini){ 0 };
	if (rc == -ENOENT || rc == -ENOTDIR)
		return 0;
	if (rc)
		return rc;
	rc = ini_read(buf_str(&b), ret_ini, &line);
	if (rc)
		cred_why(w, "%s:%d: not understood", path, line);
	return rc;
}

static const struct ini_section *profile_find(const struct ini *ini, const char *profile,
					      bool is_config)
{
	char name[256];

	if (is_config && strcmp(profile, "default") != 0) {
		snprintf(name, sizeof(name), "profile %s", profile);
		return ini_find(ini, name);
	}
	return ini_find(ini, profile);
}

static int section_to_box(const char *profile, const struct ini_section *section, const char *path,
			  const struct why *w, struct cred_box **ret_box)
{
	static const char *const foreign[] = {
		"credential_process",	   "role_arn", "sso_start_url", "sso_session",
		"web_identity_token_file",
	};
	const char *key_id = section ? kv_get(&section->values, "aws_access_key_id") : NULL;
	char from[512];

	if (key_id) {
		snprintf(from, sizeof(from), "%s: profile %s", path, profile);
		return cred_box_check_new(key_id, kv_get(&section->values, "aws_secret_access_key"),
					  kv_get(&section->values, "aws_session_token"), from, w,
					  ret_box);
	}
	for (size_t i = 0; section && i < array_size(foreign); i++) {
		if (kv_get(&section->values, foreign[i])) {
			cred_why(w,
				 "%s: profile %s: %s is not supported; give aws_access_key_id "
				 "and aws_secret_access_key",
				 path, profile, foreign[i]);
			return -EINVAL;
		}
	}
	return -ENOENT;
}

int cred_profile_read(const char *credentials, const char *config, const char *profile,
		      const struct why *w, struct cred_box **ret_box)
{
	const char *const paths[2] = { credentials, config };
	int rc = -ENOENT;

	for (unsigned i = 0; i < 2 && rc == -ENOENT; i++) {
		auto_with(ini_wipe) struct ini ini = { 0 };

		rc = profile_file_read(paths[i], w, &ini);
		if (rc)
			return rc;
		rc = section_to_box(profile, profile_find(&ini, profile, i == 1), paths[i], w,
				    ret_box);
	}
	if (rc == -ENOENT)
		cred_why(w, "profile %s has no credentials in %s or %s", profile, paths[0],
			 paths[1]);
	return rc;
}

int cred_region_read(const char *path, const char *profile, bool is_config, char **ret_region)
{
	auto_with(ini_wipe) struct ini ini = { 0 };
	const struct why nowhere = { NULL, 0 };
	const struct ini_section *section;

	if (profile_file_read(path, &nowhere, &ini) != 0)
		return 0; /* complained of already, where credentials were wanted from it */
	section = profile_find(&ini, profile, is_config);
	return section ? str_dup(kv_get(&section->values, "region"), ret_region) : 0;
}
