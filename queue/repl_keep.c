/*
 * What is kept in this process for rows that are not done: the staged bodies (counted against
 * staging_max, the oldest goes first)
 * and the early uploads.
 */
#include "queue/repl_i.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"

/* --- bodies ----------------------------------------------------------------------------------- */

int repl_staged_size(const struct repl *r, const char *staged, uint64_t *ret_size)
{
	auto_free char *path = NULL;
	struct stat st;
	int err;

	err = str_format(&path, "%s/%s", r->staging_dir, staged);
	if (err < 0)
		return err;
	if (stat(path, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	/* One with holes has only what is not its base's. */
	*ret_size = min_of((uint64_t)st.st_size, (uint64_t)st.st_blocks * 512);
	return 0;
}

void repl_unlink_staged(const struct repl *r, const char *staged)
{
	auto_free char *path = NULL;
	char words[64];

	if (str_format(&path, "%s/%s", r->staging_dir, staged) < 0)
		return;
	if (unlink(path) < 0 && errno != ENOENT)
		log_warn("staged=%s result=\"not removed\" why=\"%s\"", staged,
			 errno_text(errno, words, sizeof(words)));
}

static int count_body(struct repl *r, const char *staged, uint64_t size)
{
	struct kept_body *old;
	struct kept_body *body = malloc(sizeof(*body));
	int err;

	if (!body)
		return -ENOMEM;
	body->size = size;
	lock_take(&r->locked.l);
	old = map_get(r->locked.bodies, staged);
	err = map_set(r->locked.bodies, staged, body);
	if (err == 0)
		r->locked.bytes += size - (old ? old->size : 0);
	lock_drop(&r->locked.l);
	free(err < 0 ? body : old);
	return err;
}

static void uncount_body(struct repl *r, const char *staged)
{
	struct kept_body *body;

	lock_take(&r->locked.l);
	body = map_del(r->locked.bodies, staged);
	if (body)
		r->locked.bytes -= body->size;
	lock_drop(&r->locked.l);
	free(body);
}

static bool is_too_much(struct repl *r)
{
	scoped_lock(&r->locked.l);
	return r->locked.bytes > r->staging_max;
}

void repl_release_staged(struct repl *r, const char *staged)
{
	uncount_body(r, staged);
	repl_unlink_staged(r, staged);
}

/*
 * A copy that reads the file just now has it open and goes on; others find it gone and read the
 * source.
 */
static int release_oldest(struct repl *r)
{
	auto_free char *staged = NULL;
	int err;

	err = store_oldest_staged(r->store, &staged);
	if (err < 0)
		return err;
	err = store_unstage(r->store, staged);
	if (err < 0)
		return err;
	uncount_body(r, staged);
	if (!store_is_staged(r->store, staged))
		repl_unlink_staged(r, staged);
	log_debug("staged=%s result=released why=\"staging_max\"", staged);
	return 0;
}

uint64_t repl_kept_bytes(void *repl)
{
	struct repl *r = repl;

	return r ? atomic_load(&r->locked.bytes) : 0;
}

int repl_drop_kept(void *repl)
{
	return repl ? release_oldest(repl) : -ENOENT;
}

int repl_keep_body(struct repl *r, const char *staged, uint64_t size)
{
	int err = count_body(r, staged, size);

	while (err == 0 && is_too_much(r))
		err = release_oldest(r);
	return err == -ENOENT ? 0 : err;
}

/* At start: what an earlier process kept is counted. */
int repl_make_room(struct repl *r)
{
	DIR *dir = opendir(r->staging_dir);
	const struct dirent *e;
	int err = 0;

	if (!dir)
		return -errno;
	while (err == 0 && (e = readdir(dir))) {
		uint64_t size = 0;

		if (e->d_name[0] == '.' || !store_is_staged(r->store, e->d_name))
			continue;
		if (repl_staged_size(r, e->d_name, &size) == 0)
			err = count_body(r, e->d_name, size);
	}
	closedir(dir);
	while (err == 0 && is_too_much(r))
		err = release_oldest(r);
	return err == -ENOENT ? 0 : err;
}

/* --- early uploads ---------------------------------------------------------------------------- */

static int upload_name(const char *token, const char *dest, char **ret_name)
{
	return str_format(ret_name, "%s %s", token, dest);
}

int repl_keep_upload(struct repl *r, const char *token, const char *dest, struct upload *u)
{
	struct kept_upload *k = malloc(sizeof(*k));
	auto_free char *name = NULL;
	int err;

	err = k ? upload_name(token, dest, &name) : -ENOMEM;
	if (err == 0) {
		*k = (struct kept_upload){ .upload = u };
		lock_take(&r->locked.l);
		err = map_set(r->locked.uploads, name, k);
		lock_drop(&r->locked.l);
	}
	if (err)
		free(k);
	return err;
}

void repl_name_upload(struct repl *r, const struct job *j)
{
	auto_free char *name = NULL;
	struct kept_upload *k;

	if (!j->token || upload_name(j->token, j->dest, &name) < 0)
		return;
	scoped_lock(&r->locked.l);
	k = map_get(r->locked.uploads, name);
	if (k)
		k->job = j->id;
}

struct upload *repl_take_upload(struct repl *r, const struct job *j)
{
	auto_free struct kept_upload *k = NULL;
	auto_free char *name = NULL;

	if (!j->token || j->kind != JOB_OBJECT || upload_name(j->token, j->dest, &name) < 0)
		return NULL;
	lock_take(&r->locked.l);
	k = map_del(r->locked.uploads, name);
	lock_drop(&r->locked.l);
	return k ? k->upload : NULL;
}
