/*
 * recover_held.c - what was acknowledged and is not in the source yet: a staged file is uploaded,
 * a directory's marker made, metadata are given to the version that they were meant for.
 */
#include "queue/recover_i.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/codec.h"
#include "base/io.h"
#include "base/log.h"
#include "s3/acl.h"
#include "s3/object.h"
#include "s3/upload.h"

/*
 * The upload's source of bytes: a file that no longer changes. The upload ends, and releases it, in
 * a thread of its own choice.
 */
struct held_file {
	int refs; /* atomic */
	int fd; /* -1: of a directory, without a byte */
};

static void held_unref(void *arg)
{
	struct held_file *f = arg;

	if (__atomic_sub_fetch(&f->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	if (f->fd >= 0)
		close(f->fd);
	free(f);
}

static void held_ref(void *arg)
{
	struct held_file *f = arg;

	__atomic_add_fetch(&f->refs, 1, __ATOMIC_RELAXED);
}

static int held_read(void *arg, void *dst, size_t n, uint64_t off)
{
	const struct held_file *f = arg;

	return io_pread_full(f->fd, dst, n, off);
}

static uint64_t held_gen(void *arg, unsigned part)
{
	(void)arg;
	(void)part;
	return 1;
}

static int held_open(const struct recovery *rc, const struct store_ticket *st,
		     struct held_file **ret_f, uint64_t *ret_size)
{
	auto_free char *path = NULL;
	auto_close int fd = -1;
	struct held_file *f;
	struct stat info = { 0 };
	int err;

	if (st->staged) {
		err = str_format(&path, "%s/%s", rc->conf->staging_dir, st->staged);
		if (err < 0)
			return err;
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		if (fd < 0 || fstat(fd, &info) < 0)
			return errno == ENOENT ? -ENODATA : -errno;
	} else if (st->spec.size) {
		return -ENODATA;
	}
	if ((uint64_t)info.st_size != st->spec.size)
		return -EBADMSG;
	f = malloc(sizeof(*f));
	if (!f)
		return -ENOMEM;
	*f = (struct held_file){ .refs = 1, .fd = take_fd(&fd) };
	*ret_f = f;
	*ret_size = (uint64_t)info.st_size;
	return 0;
}

static int held_send(struct recovery *rc, const struct store_ticket *st, struct held_file *f,
		     uint64_t size, const struct s3_put_opts *opts, struct s3_info *ret_i)
{
	const struct upload_conf conf = {
		.client = rc->conf->source,
		.pool = rc->conf->pool,
		.key = st->key,
		.opts = opts,
		.src = { held_read, held_gen, held_ref, held_unref, f, NULL },
	};
	struct upload *u;
	int err;

	err = upload_new(&conf, &u);
	if (err < 0)
		return err;
	err = upload_finish(u, size, ret_i, &rc->error);
	upload_drop(u);
	return err;
}

/* meta: with the ticket's token. Borrows. */
static struct s3_put_opts held_opts(const struct store_ticket *st, const struct kv *meta)
{
	return (struct s3_put_opts){
		.meta = meta,
		.sys = &st->spec.sys,
		.tags = st->spec.tags.n > 0 ? &st->spec.tags : NULL,
		.storage_class = st->spec.storage_class,
		.acl = st->spec.acl,
		.sse = st->spec.sse,
		.sse_key = st->spec.sse_key,
		.token_name = REPL_META_ID,
	};
}

int recover_upload(struct recovery *rc, const struct store_ticket *st, struct s3_info *ret_i)
{
	auto_with(kv_free) struct kv meta = KV_EMPTY;
	struct s3_put_opts opts = held_opts(st, &meta);
	struct held_file *f = NULL;
	uint64_t size = 0;
	int err;

	err = held_open(rc, st, &f, &size);
	err = err < 0 ? err : kv_copy(&meta, &st->spec.meta);
	err = err < 0 ? err : kv_set(&meta, REPL_META_ID, st->token);
	err = err < 0 ? err : held_send(rc, st, f, size, &opts, ret_i);
	if (f)
		held_unref(f);
	return err;
}

int recover_lost(struct recovery *rc, const struct store_ticket *st, struct ticket *t, int err)
{
	auto_free char *from = NULL, *to = NULL;
	char key[400];

	(void)printable(st->key, key, sizeof(key));
	if (err == -ENODATA) {
		log_error("ticket=%lld key=\"%s\" staged=%s result=\"the acknowledged file is "
			  "missing\"",
			  (long long)st->id, key, st->staged ? st->staged : "none");
		return recover_abandon(rc, st, t);
	}
	err = str_format(&from, "%s/%s", rc->conf->staging_dir, st->staged);
	err = err < 0 ? err : str_format(&to, "%s/%s", rc->conf->failed_dir, st->staged);
	if (err == 0 && rename(from, to) < 0)
		err = -errno;
	if (err < 0)
		return recover_left(rc, st, t, err);
	log_error(
		"ticket=%lld key=\"%s\" result=\"the acknowledged file has another size\" kept=%s",
		(long long)st->id, key, to);
	return recover_abandon(rc, st, t);
}

/* --- metadata --------------------------------------------------------------------------------- */

int recover_check_base(struct recovery *rc, const struct store_ticket *st, struct s3_info *ret_i)
{
	const struct job_base *base = &st->spec.base;
	int err = object_head(rc->conf->source, st->key, NULL, ret_i, &rc->error);

	if (err < 0)
		return err;
	if (base->etag && ret_i->etag && strcmp(base->etag, ret_i->etag) != 0)
		return -ESTALE;
	if (base->version && ret_i->version_id && strcmp(base->version, ret_i->version_id) != 0)
		return -ESTALE;
	return 0;
}

/* The version that the copy made, as HEAD tells of it. */
static int head_made(struct recovery *rc, const struct store_ticket *st, struct s3_info *info)
{
	auto_free char *version = take_ptr(&info->version_id);

	s3_info_free(info);
	return object_head(rc->conf->source, st->key, version, info, &rc->error);
}

int recover_meta(struct recovery *rc, const struct store_ticket *st, struct s3_info *ret_i)
{
	auto_with(kv_free) struct kv meta = KV_EMPTY;
	auto_with(acl_free) struct acl acl = { 0 };
	struct s3_put_opts opts = held_opts(st, &meta);
	struct s3_client *source = rc->conf->source;
	uint64_t size;
	int err;

	err = recover_check_base(rc, st, ret_i);
	if (err == 0 && st->spec.ask_acl)
		err = acl_get(source, st->key, st->spec.base.version, &acl, &rc->error);
	if (err == 0 && st->spec.ask_acl)
		opts.acl = acl_canned(&acl);
	err = err < 0 ? err : kv_copy(&meta, &st->spec.meta);
	err = err < 0 ? err : kv_set(&meta, REPL_META_ID, st->token);
	size = ret_i->size;
	s3_info_free(ret_i);
	err = err < 0 ? err
		      : object_copy(source, st->key, NULL, st->spec.base.etag, size, st->key, &opts,
				    ret_i, &rc->error);
	if (err == 0 && acl.owner && !acl_canned(&acl))
		err = acl_put(source, st->key, ret_i->version_id, &acl, &rc->error);
	return err < 0 ? err : head_made(rc, st, ret_i);
}
