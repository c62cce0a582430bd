/* change.c - changes of a key that need no open file. See change.h. */
#include "fs/change.h"

#include <errno.h>
#include <string.h>

#include "base/codec.h"
#include "base/log.h"
#include "s3/object.h"
#include "s3/tagging.h"

struct job_spec change_spec(const struct attr *a)
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
	};
}

int change_mark(struct meta_rec *rec, const char *token)
{
	for (size_t i = rec->meta.n; i-- > 0;)
		if (!strncmp(rec->meta.items[i].name, REPL_META_PREFIX, strlen(REPL_META_PREFIX)))
			kv_del(&rec->meta, rec->meta.items[i].name);
	return kv_set(&rec->meta, REPL_META_ID, token);
}

struct s3_put_opts change_opts(const struct meta_rec *rec)
{
	return (struct s3_put_opts){
		.meta = &rec->meta,
		.sys = &rec->sys,
		.tags = &rec->tags,
		.storage_class = rec->storage_class,
		.token_name = REPL_META_ID,
	};
}

static void log_failed(const char *op, const char *key, const struct s3_error *e)
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
	log_error(
		"op=enqueue key=\"%s\" why=\"%s\" remedy=\"free space in the state directory; the "
		"next mount finishes it\"",
		printable(facts->key, shown, sizeof(shown)), errno_text(r, why, sizeof(why)));
	repl_leave(t);
}

/* The source was asked: r says how it went. Decides what becomes of the ticket; the row's failure
 * is not the caller's. */
static int finish(struct ticket *t, int r, const struct s3_error *e, const struct repl_facts *facts)
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
	free(take_ptr(&a.rec.version_id));
	if (!r)
		r = str_dup(info->version_id, &a.rec.version_id);
	if (!r)
		r = str_dup(info->etag, &a.etag);
	if (r)
		return r;
	attr_free(ret_a);
	*ret_a = a;
	memset(&a, 0, sizeof(a));
	return 0;
}

static bool key_is_dir(const char *key)
{
	size_t n = strlen(key);

	return n && key[n - 1] == '/';
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

/* After the request: remember what the version is and write down who must get it. */
static int settle_version(struct fs *fs, struct ticket *t, const char *key, int r,
			  const struct s3_error *e, const struct attr *a)
{
	struct job_spec spec = { 0 };
	struct repl_facts facts = { .key = key, .spec = &spec };

	if (!r) {
		spec = change_spec(a);
		facts.version = a->rec.version_id;
		attr_learn(fs, key, a);
	}
	return finish(t, r, e, &facts);
}

int change_put(struct fs *fs, const char *key, const struct meta_rec *rec, const void *body,
	       size_t n, struct attr *ret_a)
{
	auto_with(meta_rec_free) struct meta_rec mine = { 0 };
	auto_with(attr_free) struct attr made = { 0 };
	auto_with(s3_info_free) struct s3_info info = { 0 };
	struct s3_error e = { 0 };
	struct memory m = { body };
	struct ticket *t = NULL;
	int r = meta_rec_copy(&mine, rec);

	if (!r)
		r = repl_begin(fs->repl, JOB_OBJECT, key, &t);
	if (r)
		return r;
	r = change_mark(&mine, ticket_token(t));
	if (!r) {
		struct s3_put_opts opts = change_opts(&mine);

		r = object_put(fs->source, key, &opts, read_memory, &m, n, &info, &e);
		if (r)
			log_failed("put", key, &e);
	}
	if (!r)
		r = attr_of(&mine, &info, n, key_is_dir(key), &made);
	r = settle_version(fs, t, key, r, &e, &made);
	if (!r && ret_a)
		r = attr_copy(ret_a, &made);
	return r;
}

/* One server-side copy of src (as a) to dst with rec. *ret_a (may be NULL): the new version. */
static int copy(struct fs *fs, const char *src, const struct attr *a, const char *dst,
		const struct meta_rec *rec, struct attr *ret_a)
{
	auto_with(meta_rec_free) struct meta_rec mine = { 0 };
	auto_with(attr_free) struct attr made = { 0 };
	auto_with(s3_info_free) struct s3_info info = { 0 };
	struct s3_error e = { 0 };
	struct ticket *t = NULL;
	int r = meta_rec_copy(&mine, rec);

	if (!r)
		r = repl_begin(fs->repl, JOB_OBJECT, dst, &t);
	if (r)
		return r;
	r = change_mark(&mine, ticket_token(t));
	if (!r) {
		struct s3_put_opts opts = change_opts(&mine);

		r = object_copy(fs->source, src, a->rec.version_id, a->etag, a->size, dst, &opts,
				&info, &e);
		if (r)
			log_failed("copy", dst, &e);
	}
	if (!r)
		r = attr_of(&mine, &info, a->size, key_is_dir(dst), &made);
	r = settle_version(fs, t, dst, r, &e, &made);
	if (!r && ret_a) {
		attr_free(ret_a);
		*ret_a = made;
		memset(&made, 0, sizeof(made));
	}
	return r;
}

int change_meta(struct fs *fs, const char *key, struct attr *a, const struct meta_rec *rec)
{
	auto_with(attr_free) struct attr made = { 0 };
	int r = copy(fs, key, a, key, rec, &made);

	if (r)
		return r;
	attr_free(a);
	*a = made;
	memset(&made, 0, sizeof(made));
	return 0;
}

int change_copy(struct fs *fs, const char *key, const struct attr *a, const char *to_key,
		struct attr *ret_a)
{
	return copy(fs, key, a, to_key, &a->rec, ret_a);
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
		log_failed("tag", key, &e);
		return finish(t, r, &e, &facts);
	}
	kv_move(&a->rec.tags, &mine);
	a->rec.tags_known = true;
	attr_learn(fs, key, a);
	spec = change_spec(a);
	return finish(t, 0, &e, &facts);
}

/* What will be deleted has these tags: as they are known, else, where a rule looks at them, as the
 * source says. */
static int learn_tags(struct fs *fs, const char *key, struct kv *ret_tags)
{
	auto_with(attr_free) struct attr a = { 0 };
	struct s3_error e = { 0 };
	int r;

	if (!attr_cache_get(fs->attrs, key, &a) && a.rec_known && a.rec.tags_known) {
		kv_move(ret_tags, &a.rec.tags);
		return 0;
	}
	if (!repl_delete_needs_tags(fs->repl, key))
		return 0;
	r = tagging_get(fs->source, key, NULL, ret_tags, &e);
	if (r == -ENOENT)
		return 0;
	if (r)
		log_failed("delete", key, &e);
	return r;
}

int change_delete(struct fs *fs, const char *key, const struct kv *tags)
{
	auto_with(kv_free) struct kv learned = KV_EMPTY;
	struct job_spec spec = { 0 };
	auto_free char *version = NULL;
	struct repl_facts facts = { .key = key, .spec = &spec };
	struct s3_error e = { 0 };
	struct ticket *t = NULL;
	int r = tags ? 0 : learn_tags(fs, key, &learned);

	if (!r)
		r = repl_begin(fs->repl, JOB_DELETE, key, &t);
	if (r)
		return r;
	spec.tags = tags ? *tags : learned; /* borrowed for the call */
	r = object_delete(fs->source, key, &version, &e);
	if (r)
		log_failed("delete", key, &e);
	facts.version = version;
	r = finish(t, r, &e, &facts);
	if (!r) {
		attr_cache_put_absent(fs->attrs, key);
		metadb_del(fs->metadb, key);
	}
	return r;
}
