/* change.c - changes of a key that need no open file. See change.h. */
#include "fs/change_i.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/crash.h"
#include "base/log.h"
#include "fs/path.h"
#include "queue/replica.h"
#include "s3/object.h"
#include "s3/tagging.h"

struct job_spec change_spec(const struct fs *fs, const struct attr *a)
{
	return (struct job_spec){
		.known = a->rec_known && a->rec.tags_known,
		.size = a->size,
		.etag = a->etag,
		.storage_class = a->rec.storage_class,
		.mtime_ms = a->mtime_ms,
		.meta = a->rec.meta,
		.sys = a->rec.sys,
		.tags = a->rec.tags,
		.acl = (char *)(uintptr_t)fs->conf.default_acl,
		.sse = a->rec.sse,
		.sse_key = a->rec.sse_key,
		.ask_lock = fs->conf.ask_lock,
	};
}

struct job_spec change_spec_of_old(const struct fs *fs, const struct attr *a)
{
	struct job_spec spec = change_spec(fs, a);

	spec.acl = NULL;
	spec.ask_acl = spec.ask_lock = true;
	return spec;
}

static int set_class(struct meta_rec *rec, const char *class)
{
	auto_free char *copy = NULL;
	int r = str_dup(class, &copy);

	if (r)
		return r;
	free(rec->storage_class);
	rec->storage_class = take_ptr(&copy);
	return 0;
}

/* The token, and what the mount is told to give to all that it writes. */
static int mark(const struct fs *fs, struct meta_rec *rec, const char *token)
{
	int r = 0;

	for (size_t i = rec->meta.n; i-- > 0;)
		if (!strncmp(rec->meta.items[i].name, REPL_META_PREFIX, strlen(REPL_META_PREFIX)))
			kv_del(&rec->meta, rec->meta.items[i].name);
	if (fs->conf.storage_class)
		r = set_class(rec, fs->conf.storage_class);
	if (!r && fs->conf.sse)
		r = meta_rec_set_sse(rec, fs->conf.sse, fs->conf.sse_key);
	return r ? r : kv_set(&rec->meta, REPL_META_ID, token);
}

int change_mark(const struct fs *fs, struct meta_rec *rec, const char *token)
{
	int r = meta_rec_set_sse(rec, NULL, NULL);

	rec->own_acl = false;
	return r ? r : mark(fs, rec, token);
}

struct s3_put_opts change_opts(const struct fs *fs, const struct meta_rec *rec)
{
	return (struct s3_put_opts){
		.meta = &rec->meta,
		.sys = &rec->sys,
		.tags = &rec->tags,
		.storage_class = rec->storage_class,
		.acl = fs->conf.default_acl,
		.sse = rec->sse,
		.sse_key = rec->sse_key,
		.token_name = REPL_META_ID,
	};
}

void change_log_failed(const char *op, const char *key, const struct s3_error *e)
{
	char shown[256], text[400];

	if (e->class != FAULT_NONE)
		log_warn("op=%s key=\"%s\" why=\"%s\"", op, printable(key, shown, sizeof(shown)),
			 s3_error_text(e, text, sizeof(text)));
}

void change_enqueue(struct ticket *t, const struct repl_facts *facts, const char *staged,
		    struct repl_early *early, size_t n)
{
	char shown[256], why[64];
	int r = repl_commit(t, facts, staged, early, n);

	if (!r)
		return;
	log_error("op=enqueue key=\"%s\" why=\"%s\" remedy=\"free space in the state directory; it "
		  "is tried again, at the latest by the next mount\"",
		  printable(facts->key, shown, sizeof(shown)), errno_text(r, why, sizeof(why)));
	repl_leave(t);
}

int change_finish(struct ticket *t, int r, const struct s3_error *e, const struct repl_facts *facts)
{
	/* No answer, or one that went wrong here, after the source did it: recovery asks what
	 * happened. */
	if (r && (e->unclear || e->class == FAULT_NONE)) {
		repl_leave(t);
		return r;
	}
	if (r) {
		repl_abandon(t);
		return r;
	}
	change_enqueue(t, facts, NULL, NULL, 0);
	return 0;
}

/* What a new version is, by the answer to the request that made it: a = rec + info. */
static int attr_of(const struct meta_rec *rec, const struct s3_info *info, uint64_t size,
		   bool is_dir, struct attr *ret_a)
{
	auto_with(attr_free) struct attr a = {
		.is_dir = is_dir, .has_object = true, .size = size, .mtime_ms = info->mtime_ms
	};
	int r = meta_rec_copy(&a.rec, rec);

	a.rec_known = a.rec.tags_known = true;
	a.rec.tags_ms = clock_mono_ms();
	free(take_ptr(&a.rec.version_id));
	if (!r)
		r = str_dup(info->version_id, &a.rec.version_id);
	if (!r)
		r = str_dup(info->etag, &a.etag);
	if (!r && info->sse)
		r = meta_rec_set_sse(&a.rec, info->sse, info->sse_key);
	if (r)
		return r;
	attr_free(ret_a);
	*ret_a = a;
	memset(&a, 0, sizeof(a));
	return 0;
}

struct memory {
	const uint8_t *p;
};

static int read_memory(void *arg, void *dst, size_t n, uint64_t off)
{
	const struct memory *m = arg;

	memcpy(dst, m->p + off, n);
	return 0;
}

/* After the request: remembers what the version is and writes down who must get it. Consumes t. */
static int settle(struct fs *fs, struct ticket *t, const char *key, int r, const struct s3_error *e,
		  const struct attr *a, const struct job_base *base)
{
	struct job_spec spec = { 0 };
	struct repl_facts facts = { .key = key, .spec = &spec };

	if (!r) {
		spec = a->rec.own_acl ? change_spec_of_old(fs, a) : change_spec(fs, a);
		spec.base = *base; /* borrowed */
		facts.version = a->rec.version_id;
		attr_learn(fs, key, a);
	}
	return change_finish(t, r, e, &facts);
}

int change_put(struct fs *fs, const char *key, const struct meta_rec *rec, const void *body,
	       size_t n, struct attr *ret_a)
{
	auto_with(meta_rec_free) struct meta_rec mine = { 0 };
	auto_with(attr_free) struct attr made = { 0 };
	auto_with(s3_info_free) struct s3_info info = { 0 };
	struct s3_error e = { 0 };
	const struct job_base none = { 0 };
	struct memory m = { body };
	struct ticket *t = NULL;
	int r = meta_rec_copy(&mine, rec);

	if (!r)
		r = repl_begin(fs->repl, JOB_OBJECT, key, &t);
	if (r)
		return r;
	r = change_mark(fs, &mine, ticket_token(t));
	if (!r) {
		struct s3_put_opts opts = change_opts(fs, &mine);

		r = object_put(fs->source, key, &opts, read_memory, &m, n, &info, &e);
		if (r)
			change_log_failed("put", key, &e);
		else
			crash_point("change.put");
	}
	if (!r)
		r = attr_of(&mine, &info, n, path_is_dir_key(key), &made);
	r = settle(fs, t, key, r, &e, &made, &none);
	if (!r && ret_a)
		r = attr_copy(ret_a, &made);
	return r;
}

/* --- copies ----------------------------------------------------------------------------------- */

/* The ACL of src, which a copy does not take along by itself: S3 API Reference, "CopyObject". */
static int read_acl(struct fs *fs, const char *src, const struct attr *a, struct acl *ret_acl)
{
	struct s3_error e = { 0 };
	int r = acl_get(fs->source, src, a->rec.version_id, ret_acl, &e);

	if (r)
		change_log_failed("get-acl", src, &e);
	return r;
}

/* One that no x-amz-acl can name. The copy stands: that it is more private than it was is no reason
 * to say that it failed. */
static void write_acl(struct fs *fs, const char *dst, const char *version, const struct acl *acl)
{
	struct s3_error e = { 0 };

	if (acl->owner && !acl_canned(acl) && acl_put(fs->source, dst, version, acl, &e))
		change_log_failed("put-acl", dst, &e);
}

static int send_copy(struct fs *fs, const char *src, const struct attr *a, const char *version,
		     const char *dst, const struct meta_rec *rec, struct s3_info *ret_info,
		     struct s3_error *e)
{
	auto_with(acl_free) struct acl acl = { 0 };
	struct s3_put_opts opts = change_opts(fs, rec);
	int r = rec->own_acl ? read_acl(fs, src, a, &acl) : 0;

	if (r)
		return r;
	if (!rec->tags_known) {
		opts.tags = NULL;
		opts.keep_tags = true;
	}
	if (rec->own_acl)
		opts.acl = acl_canned(&acl);
	r = object_copy(fs->source, src, version, a->etag, a->size, dst, &opts, ret_info, e);
	if (r)
		change_log_failed("copy", dst, e);
	else
		write_acl(fs, dst, ret_info->version_id, &acl);
	/* Ceph, where the source is encrypted */
	return r && e->status == 501 ? -EOPNOTSUPP : r;
}

/* Ceph's copies have the encryption that their source has, whatever is wanted, and its answer does
 * not say. Where that cannot be asked it is as it was wanted. */
static void ask_sse(struct fs *fs, const char *key, const char *version, struct meta_rec *rec)
{
	auto_with(s3_info_free) struct s3_info info = { 0 };

	if (object_head(fs->source, key, version, &info, NULL) ||
	    meta_rec_set_sse(rec, info.sse, info.sse_key))
		log_debug("op=copy result=\"the encryption is not known\"");
}

/* A destination that has src can make the copy by itself, where it is a copy of that one, and need
 * not be encrypted otherwise: Ceph would not. Borrows. */
static struct job_base base_of(const char *src, const struct attr *a, const struct attr *made)
{
	if (!a->size || !str_same(a->rec.sse, made->rec.sse) ||
	    !str_same(a->rec.sse_key, made->rec.sse_key) ||
	    (!replica_is_kms(a->rec.sse) && !job_base_may_be(a->etag, made->etag)))
		return (struct job_base){ 0 };
	return (struct job_base){ .key = (char *)(uintptr_t)src,
				  .version = a->rec.version_id,
				  .etag = a->etag,
				  .size = a->size,
				  .shown = a->size };
}

/* rec as the copy under t has it. */
static int mark_copy(struct fs *fs, const struct ticket *t, const struct meta_rec *rec,
		     struct meta_rec *ret_mine)
{
	int r = meta_rec_copy(ret_mine, rec);

	return r ? r : mark(fs, ret_mine, ticket_token(t));
}

const char *change_pin(const struct fs *fs, const struct attr *a)
{
	return a->etag && object_copies_tell(fs->source) ? NULL : a->rec.version_id;
}

/* What is remembered of key is not so (any more). -ESTALE: look at it anew. */
static int overtaken(struct fs *fs, const char *key)
{
	attr_cache_drop(fs->attrs, key);
	metadb_del(fs->metadb, key);
	return -ESTALE;
}

/* Metadata that the database knows are of the version that it names. */
static bool is_other(struct fs *fs, const char *src, const struct attr *a, const char *copied)
{
	auto_with(meta_rec_free) struct meta_rec seen = { 0 };
	const struct meta_of of = { .etag = a->etag };
	const char *version = a->rec.version_id;

	if (!version && !metadb_get(fs->metadb, src, &of, &seen))
		version = seen.version_id;
	return version && copied && strcmp(version, copied) != 0;
}

int change_copy_under(struct fs *fs, const struct ticket *t, const char *src, const struct attr *a,
		      const char *version, const char *dst, const struct meta_rec *rec,
		      struct attr *ret_made, bool *ret_other, struct s3_error *e)
{
	auto_with(meta_rec_free) struct meta_rec mine = { 0 };
	auto_with(s3_info_free) struct s3_info info = { 0 };
	int r = mark_copy(fs, t, rec, &mine);

	if (!r)
		r = send_copy(fs, src, a, version, dst, &mine, &info, e);
	if (!r && ret_other)
		*ret_other = is_other(fs, src, a, info.source_version);
	if (!r && mine.sse && !info.sse)
		ask_sse(fs, dst, info.version_id, &mine);
	if (!r)
		r = attr_of(&mine, &info, a->size, path_is_dir_key(dst), ret_made);
	if (!r)
		ret_made->rec.tags_known = mine.tags_known;
	return r;
}

int change_settle_copy(struct fs *fs, struct ticket *t, const char *src, const struct attr *a,
		       const char *dst, int r, bool other, const struct s3_error *e,
		       struct attr *made)
{
	struct job_base base = { 0 };

	if (!other)
		base = base_of(src, a, made);
	r = settle(fs, t, dst, r, e, made, &base);
	return !r && other ? overtaken(fs, src) : r;
}

void change_move_attr(struct attr *to, struct attr *from)
{
	attr_free(to);
	*to = *from;
	memset(from, 0, sizeof(*from));
}

/* family: repl_begin_of's. -ESTALE, unless anything goes: the copy is of another version than a. */
static int copy(struct fs *fs, const char *src, const struct attr *a, const char *version,
		const char *dst, const struct meta_rec *rec, const char *family, bool anything,
		struct attr *ret_a)
{
	auto_with(attr_free) struct attr made = { 0 };
	bool other = false;
	struct s3_error e = { 0 };
	struct ticket *t = NULL;
	int r = repl_begin_of(fs->repl, JOB_OBJECT, dst, family, &t);

	if (r)
		return r;
	r = change_copy_under(fs, t, src, a, version, dst, rec, &made, anything ? NULL : &other,
			      &e);
	if (!r)
		crash_point("change.copied");
	r = change_settle_copy(fs, t, src, a, dst, r, other, &e, &made);
	if (!r && ret_a)
		change_move_attr(ret_a, &made);
	return r;
}

int change_meta(struct fs *fs, const char *key, struct attr *a, const struct meta_rec *rec)
{
	auto_with(attr_free) struct attr made = { 0 };
	/* What somebody else wrote since does not go under. */
	int r = copy(fs, key, a, NULL, key, rec, "", true, &made);

	if (!r)
		change_move_attr(a, &made);
	return r;
}

int change_meta_hold(struct fs *fs, struct ticket *t, const char *key, const struct attr *a)
{
	auto_with(meta_rec_free) struct meta_rec mine = { 0 };
	struct attr marked = *a; /* borrows */
	struct job_spec spec;
	int r = mark_copy(fs, t, &a->rec, &mine);

	if (r)
		return r;
	marked.rec = mine;
	spec = mine.own_acl ? change_spec_of_old(fs, &marked) : change_spec(fs, &marked);
	spec.base = (struct job_base){ .key = (char *)(uintptr_t)key,
				       .version = a->rec.version_id,
				       .etag = a->etag,
				       .size = a->size,
				       .shown = a->size };
	return repl_hold(t, key, NULL, &spec);
}

/* An earlier try whose answer was lost. -ENOENT: it made nothing. */
static int find_made(struct fs *fs, const struct ticket *t, const char *key, const struct attr *a,
		     struct attr *ret_made, struct s3_error *e)
{
	auto_with(meta_rec_free) struct meta_rec mine = { 0 };
	auto_with(s3_info_free) struct s3_info info = { 0 };
	int r = mark_copy(fs, t, &a->rec, &mine);

	if (!r)
		r = object_find(fs->source, key, REPL_META_ID, ticket_token(t), 0, &info, e);
	return r ? r : attr_of(&mine, &info, a->size, path_is_dir_key(key), ret_made);
}

/* Is it what a says yet? Not every server looks at the copy's condition (Ceph does not). */
static int check_current(struct fs *fs, const char *key, const struct attr *a, struct s3_error *e)
{
	auto_with(s3_info_free) struct s3_info info = { 0 };
	int r = object_head(fs->source, key, NULL, &info, e);

	if (r && r != -ENOENT)
		change_log_failed("settle", key, e);
	if (r)
		return r;
	if (info.delete_marker)
		return -ENOENT;
	if (info.etag && a->etag && strcmp(info.etag, a->etag))
		return -ESTALE;
	return info.version_id && a->rec.version_id && strcmp(info.version_id, a->rec.version_id)
		       ? -ESTALE
		       : 0;
}

int change_meta_held(struct fs *fs, struct ticket *t, const char *key, struct attr *a,
		     bool *unclear)
{
	auto_with(attr_free) struct attr made = { 0 };
	struct s3_error e = { 0 };
	int r = *unclear ? find_made(fs, t, key, a, &made, &e) : -ENOENT;

	if (r == -ENOENT) {
		e = (struct s3_error){ 0 };
		r = check_current(fs, key, a, &e);
		if (r) /* asked only */
			return r;
		r = change_copy_under(fs, t, key, a, NULL, key, &a->rec, &made, NULL, &e);
	}
	if (r) {
		*unclear = *unclear || e.unclear || e.class == FAULT_NONE;
		return r;
	}
	crash_point("settle.copied");
	r = change_settle_copy(fs, t, key, a, key, 0, false, &e, &made);
	if (!r)
		change_move_attr(a, &made);
	return r;
}

int change_or_exdev(int r)
{
	return r == -EOPNOTSUPP ? -EXDEV : r;
}

int change_copy(struct fs *fs, const char *key, const struct attr *a, const char *to_key,
		struct attr *ret_a)
{
	return change_or_exdev(
		copy(fs, key, a, a->rec.version_id, to_key, &a->rec, "", true, ret_a));
}

int change_copy_of(struct fs *fs, const char *key, const struct attr *a, const char *to_key,
		   const char *family, struct attr *ret_a)
{
	return change_or_exdev(
		copy(fs, key, a, change_pin(fs, a), to_key, &a->rec, family, false, ret_a));
}

int change_tags(struct fs *fs, const char *key, struct attr *a, const struct kv *tags)
{
	struct job_spec spec;
	struct repl_facts facts = { .key = key, .version = a->rec.version_id, .spec = &spec };
	struct s3_error e = { 0 };
	struct ticket *t = NULL;
	auto_with(kv_free) struct kv mine = KV_EMPTY;
	int r = kv_copy(&mine, tags);

	if (!r)
		r = repl_begin(fs->repl, JOB_TAGS, key, &t);
	if (r)
		return r;
	r = tagging_put(fs->source, key, a->rec.version_id, &mine, &e);
	if (r) {
		change_log_failed("tag", key, &e);
		return change_finish(t, r, &e, &facts);
	}
	crash_point("change.tagged");
	kv_move(&a->rec.tags, &mine);
	a->rec.tags_known = true;
	a->rec.tags_ms = clock_mono_ms();
	attr_learn(fs, key, a);
	spec = change_spec_of_old(fs, a);
	return change_finish(t, 0, &e, &facts);
}

/* What will be deleted has these tags: as they are known, else, where a rule looks at them, as the
 * source says. */
static int learn_tags(struct fs *fs, const char *key, struct kv *ret_tags)
{
	auto_with(attr_free) struct attr a = { 0 };
	struct s3_error e = { 0 };
	int r;

	if (!attr_cache_get(fs->attrs, key, &a) && a.rec_known && attr_tags_hold(fs, &a)) {
		kv_move(ret_tags, &a.rec.tags);
		return 0;
	}
	if (!repl_delete_needs_tags(fs->repl, key))
		return 0;
	r = tagging_get(fs->source, key, NULL, ret_tags, &e);
	if (r == -ENOENT)
		return 0;
	if (r)
		change_log_failed("delete", key, &e);
	return r;
}

int change_delete_now(struct fs *fs, const char *key, const struct kv *tags, struct ticket *t)
{
	const struct job_spec spec = { .tags = *tags }; /* borrowed for the call */
	auto_free char *version = NULL;
	struct repl_facts facts = { .key = key, .spec = &spec };
	struct s3_error e = { 0 };
	int r = object_delete(fs->source, key, &version, &e);

	if (r)
		change_log_failed("delete", key, &e);
	else
		crash_point("change.deleted");
	facts.version = version;
	r = change_finish(t, r, &e, &facts);
	if (!r) {
		attr_cache_put_absent(fs->attrs, key);
		metadb_del(fs->metadb, key);
	}
	return r;
}

int change_delete(struct fs *fs, const char *key, const struct kv *tags)
{
	auto_with(kv_free) struct kv learned = KV_EMPTY;
	struct ticket *t = NULL;
	int r = tags ? 0 : learn_tags(fs, key, &learned);

	if (!r)
		r = repl_begin(fs->repl, JOB_DELETE, key, &t);
	return r ? r : change_delete_now(fs, key, tags ? tags : &learned, t);
}
