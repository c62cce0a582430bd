/*
 * xattr.c - extended attributes. See xattr.h.
 *
 *  name                            get  set  list  what
 *  user.s3.tags                    yes  yes  no    all tags as k=v&k2=v2
 *  user.s3.tag.KEY                 yes  yes  yes   one tag
 *  user.s3.meta.NAME, user.NAME    yes  yes  yes   x-amz-meta-NAME
 *  user.s3.acl, .retention,        yes  yes  no    of the version, asked for and set at once; not
 *  .legal-hold                                     listed, or cp -a would copy them
 *  user.s3.version-id, ...         yes  no   no    facts: not listed, or cp -a would copy them
 *  user.s3.replication.DEST        yes  no   no    how it stands at one destination
 *  user.s3.state, .mountpoint      yes  no   no    of the mount, on any file, without a request
 *  user.s3.invalidate              no   yes  no    drops the caches
 *  security.*, trusted.*, system.* no   no   no    answered here: they are asked for all the time
 */
#include "fs/xattr.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

#include "base/clock.h"
#include "base/log.h"
#include "fs/file.h"
#include "fs/history.h"
#include "fs/xattr_i.h"
#include "s3/object.h"
#include "s3/tagging.h"

#define META_BYTES_MAX	2048 /* S3 User Guide, "User-defined object metadata" */
#define META_BYTES_OURS 256  /* of which so many may be needed for crrfs's own marks */

/* --- names ------------------------------------------------------------------------------------ */

enum kind {
	KIND_FOREIGN,
	KIND_TAGS,
	KIND_TAG,
	KIND_META,
	KIND_ACL,
	KIND_RETENTION,
	KIND_HOLD,
	KIND_FACT,
	KIND_DEST,
	KIND_STATE,
	KIND_MOUNTPOINT,
	KIND_INVALIDATE,
	KIND_NONE
};

/* Of a name; *ret_rest: the tag's key, the metadata's name, the fact, the destination. */
static enum kind kind_of(const char *name, const char **ret_rest)
{
	static const struct {
		const char *name;
		bool prefix;
		enum kind kind;
	} table[] = {
		{ "user.s3.tags", false, KIND_TAGS },
		{ "user.s3.tag.", true, KIND_TAG },
		{ "user.s3.meta.", true, KIND_META },
		{ "user.s3.acl", false, KIND_ACL },
		{ "user.s3.retention", false, KIND_RETENTION },
		{ "user.s3.legal-hold", false, KIND_HOLD },
		{ "user.s3.replication.", true, KIND_DEST },
		{ "user.s3.state", false, KIND_STATE },
		{ "user.s3.mountpoint", false, KIND_MOUNTPOINT },
		{ "user.s3.invalidate", false, KIND_INVALIDATE },
		{ "user.s3.", true, KIND_FACT },
		{ "user.", true, KIND_META },
	};

	for (size_t i = 0; i < array_size(table); i++) {
		size_t n = strlen(table[i].name);

		if (table[i].prefix ? strncmp(name, table[i].name, n) : strcmp(name, table[i].name))
			continue;
		*ret_rest = name + n;
		return table[i].prefix && !name[n] ? KIND_NONE : table[i].kind;
	}
	return KIND_FOREIGN;
}

/* --- get -------------------------------------------------------------------------------------- */

static int get_tags(const struct attr *a, struct buf *out)
{
	return a->rec.tags.n ? kv_to_query(&a->rec.tags, out) : -ENODATA;
}

static int get_str(const char *s, struct buf *out)
{
	return s ? buf_adds(out, s) : -ENODATA;
}

static int get_meta(const struct attr *a, const char *name, struct buf *out)
{
	auto_with(buf_free) struct buf encoded;
	const char *value;

	buf_init(&encoded, BUF_LIMIT_SMALL);
	if (xattr_name_encode(name, &encoded))
		return encoded.error;
	value = attr_meta_is_reserved(buf_str(&encoded)) ? NULL
							 : kv_get(&a->rec.meta, buf_str(&encoded));
	return value ? xattr_value_decode(value, out) : -ENODATA;
}

/* Of a version that nobody replicates here: the server may, by rules of its own. */
static int get_server_status(struct fs *fs, const char *key, const char *version, struct buf *out)
{
	auto_with(s3_info_free) struct s3_info info = { 0 };
	int r = object_head(fs->source, key, version, &info, NULL);

	return r ? r : get_str(info.replication_status, out);
}

/* A change of a replica may be under way to where it came from: that comes first. */
static int get_status(struct fs *fs, const char *key, const struct attr *a, struct buf *out)
{
	bool replica = kv_get(&a->rec.meta, REPL_META_REPLICA);
	const char *word = "";
	int r = fs->repl ? repl_fold_status(fs->repl, key, a->rec.version_id, &word) : 0;

	if (r)
		return r;
	if (replica && (!*word || !strcmp(word, job_status_name(JOB_DONE))))
		return buf_adds(out, "REPLICA");
	return *word ? buf_adds(out, word) : get_server_status(fs, key, a->rec.version_id, out);
}

static int get_time(const struct attr *a, struct buf *out)
{
	char text[32];

	if (!a->mtime_ms)
		return -ENODATA;
	time_format_iso(a->mtime_ms, text);
	return buf_adds(out, text);
}

static int get_fact(struct fs *fs, const char *key, const struct attr *a, const char *fact,
		    struct buf *out)
{
	if (!strcmp(fact, "version-id"))
		return get_str(a->rec.version_id, out);
	if (!strcmp(fact, "etag"))
		return get_str(a->etag, out);
	if (!strcmp(fact, "storage-class"))
		return get_str(a->rec.storage_class ? a->rec.storage_class : "STANDARD", out);
	if (!strcmp(fact, "encryption"))
		return get_str(a->rec.sse, out);
	if (!strcmp(fact, "kms-key"))
		return get_str(a->rec.sse_key, out);
	if (!strcmp(fact, "content-type"))
		return get_str(kv_get(&a->rec.sys, "content-type"), out);
	if (!strcmp(fact, "last-modified"))
		return get_time(a, out);
	if (!strcmp(fact, "replication-status"))
		return get_status(fs, key, a, out);
	return -ENODATA;
}

struct find_dest {
	const char *want; /* ARN, or the bucket's name in it */
	struct buf *out;
	bool found;
};

static int see_dest(void *arg, const struct repl_status *s)
{
	struct find_dest *f = arg;
	const char *bucket = strrchr(s->dest, ':'), *word = job_status_name(s->state), *more;
	const char *reason = s->reason ? s->reason : "";

	if (strcmp(s->dest, f->want) && strcmp(bucket ? bucket + 1 : s->dest, f->want))
		return 0;
	f->found = true;
	more = s->state == JOB_DONE ? s->replica_version : s->why;
	more = more ? more : "";
	return buf_addf(f->out, "%s%s%s%s%s%s", word, *reason ? " " : "", reason,
			*reason && *more ? ":" : "", *more ? " " : "", more);
}

static int get_dest(struct fs *fs, const char *key, const struct attr *a, const char *dest,
		    struct buf *out)
{
	struct find_dest f = { .want = dest, .out = out };
	int r = fs->repl ? repl_each_status(fs->repl, key, a->rec.version_id, see_dest, &f) : 0;

	return r ? r : f.found ? 0 : -ENODATA;
}

/* Of what is in the source. A version that is not there yet has no facts. */
static int get_of_version(struct fs *fs, struct node *n, enum kind kind, const char *rest,
			  struct buf *out)
{
	auto_free char *key = NULL;
	auto_with(attr_free) struct attr a = { 0 };
	auto_with(history_place_free) struct history_place p = { 0 };
	const char *at;
	bool dirty = false;
	/* Not for the tags' sake: so much must be known of the version that it is the current one
	 * for sure. */
	bool exact = kind != KIND_FACT || !strcmp(rest, "version-id") ||
		     !strcmp(rest, "replication-status");
	int r = node_key(fs->nodes, n, &key);

	if (!r)
		r = file_get_rec(fs, n, exact, &a, &dirty);
	if (!r && (!a.has_object || dirty) && strcmp(rest, "content-type"))
		r = -ENODATA;
	if (!r && !node_is_dir(n))
		r = history_place(fs, key, &p);
	if (r)
		return r;
	at = p.key ? p.key : key;
	switch (kind) {
	case KIND_DEST: return get_dest(fs, at, &a, rest, out);
	case KIND_ACL: return xattr_get_acl(fs, at, a.rec.version_id, out);
	case KIND_RETENTION: return xattr_get_retention(fs, at, a.rec.version_id, out);
	case KIND_HOLD: return xattr_get_hold(fs, at, a.rec.version_id, out);
	default: return get_fact(fs, at, &a, rest, out);
	}
}

static int get_of_rec(struct fs *fs, struct node *n, enum kind kind, const char *rest,
		      struct buf *out)
{
	auto_with(attr_free) struct attr a = { 0 };
	bool dirty = false;
	int r = file_get_rec(fs, n, kind != KIND_META, &a, &dirty);

	if (r)
		return r;
	if (kind == KIND_META)
		return get_meta(&a, rest, out);
	return kind == KIND_TAGS ? get_tags(&a, out) : get_str(kv_get(&a.rec.tags, rest), out);
}

/* What ls -l asks for: told that a file system does not have them it asks for no further file's.
 * Where SELinux is in force the kernel answers for itself. */
static bool is_never_here(const char *name)
{
	return !strcmp(name, "security.selinux") || !strcmp(name, "system.posix_acl_access") ||
	       !strcmp(name, "system.posix_acl_default");
}

int xattr_get(struct fs *fs, struct node *n, const char *name, struct buf *out)
{
	const char *rest = NULL;
	enum kind kind = kind_of(name, &rest);

	switch (kind) {
	case KIND_TAGS:
	case KIND_TAG:
	case KIND_META: return get_of_rec(fs, n, kind, rest, out);
	case KIND_ACL:
	case KIND_RETENTION:
	case KIND_HOLD:
	case KIND_FACT:
	case KIND_DEST: return get_of_version(fs, n, kind, rest, out);
	case KIND_STATE: return get_str(fs->conf.state_dir, out);
	case KIND_MOUNTPOINT: return get_str(fs->conf.mountpoint, out);
	case KIND_INVALIDATE:
	case KIND_NONE: return -ENODATA;
	case KIND_FOREIGN: break;
	}
	return is_never_here(name) ? -EOPNOTSUPP : -ENODATA;
}

/* --- edits ------------------------------------------------------------------------------------ */

struct edit {
	enum kind kind;
	const char *name;      /* tag's key or encoded metadata name */
	const char *value;     /* encoded; NULL: remove */
	const struct kv *tags; /* KIND_TAGS */
	int flags;	       /* XATTR_CREATE, XATTR_REPLACE */
};

static int check_tags(const struct kv *tags)
{
	char why[200];
	int r = tagging_check(tags, why, sizeof(why));

	if (r)
		log_debug("op=tag why=\"%s\"", why);
	return r;
}

static int check_flags(bool there, int flags)
{
	if (there && (flags & XATTR_CREATE))
		return -EEXIST;
	return !there && (flags & XATTR_REPLACE) ? -ENODATA : 0;
}

static int set_one(struct kv *kv, const struct edit *e)
{
	const char *now = kv_get(kv, e->name);
	int r;

	if (!e->value)
		return kv_del(kv, e->name) ? 0 : -ENODATA;
	r = check_flags(now, e->flags);
	if (!r && now && !strcmp(now, e->value))
		return 1;
	return r ? r : kv_set(kv, e->name, e->value);
}

static int set_all_tags(struct kv *tags, const struct edit *e)
{
	int r = check_flags(tags->n > 0, e->flags);

	if (!r && kv_equal(tags, e->tags))
		return e->value ? 1 : -ENODATA;
	return r ? r : kv_copy(tags, e->tags);
}

/* What users have put there; crrfs's own marks are counted by META_BYTES_OURS. */
static size_t users_bytes(const struct kv *meta)
{
	size_t n = 0;

	for (size_t i = 0; i < meta->n; i++)
		if (strncmp(meta->items[i].name, REPL_META_PREFIX, strlen(REPL_META_PREFIX)))
			n += strlen(meta->items[i].name) + strlen(meta->items[i].value);
	return n;
}

static int edit_rec(void *arg, struct meta_rec *rec, bool *ret_tags_only)
{
	const struct edit *e = arg;
	int r;

	*ret_tags_only = e->kind != KIND_META;
	if (e->kind == KIND_META) {
		r = set_one(&rec->meta, e);
		return !r && e->value && users_bytes(&rec->meta) > META_BYTES_MAX - META_BYTES_OURS
			       ? -ENOSPC
			       : r;
	}
	r = e->kind == KIND_TAGS ? set_all_tags(&rec->tags, e) : set_one(&rec->tags, e);
	rec->tags_known = true;
	return r ? r : check_tags(&rec->tags);
}

static int edit_tag(struct fs *fs, struct node *n, const char *key, const char *value, int flags)
{
	struct edit e = { .kind = KIND_TAG, .name = key, .value = value, .flags = flags };
	auto_with(kv_free) struct kv alone = KV_EMPTY;
	int r = value ? kv_set(&alone, key, value) : 0;

	if (!r)
		r = check_tags(&alone); /* before anything is asked */
	return r ? r : file_edit_rec(fs, n, edit_rec, &e);
}

static int edit_tags(struct fs *fs, struct node *n, const char *value, int flags)
{
	auto_with(kv_free) struct kv tags = KV_EMPTY;
	struct edit e = { .kind = KIND_TAGS, .value = value, .tags = &tags, .flags = flags };
	int r = value ? kv_from_query(value, &tags) : 0;

	if (r == -EEXIST)
		r = -EINVAL;
	if (!r)
		r = check_tags(&tags);
	return r ? r : file_edit_rec(fs, n, edit_rec, &e);
}

/* value NULL: remove. */
static int edit_meta(struct fs *fs, struct node *n, const char *name, const void *value,
		     size_t size, int flags)
{
	auto_with(buf_free) struct buf key, text;
	struct edit e = { .kind = KIND_META, .flags = flags };
	int r;

	buf_init(&key, BUF_LIMIT_SMALL);
	buf_init(&text, BUF_LIMIT_DOC);
	r = xattr_name_encode(name, &key);
	if (!r && attr_meta_is_reserved(buf_str(&key)))
		r = -EPERM;
	if (!r && value)
		r = xattr_value_encode(value, size, &text);
	if (!r && key.len + text.len > META_BYTES_MAX - META_BYTES_OURS)
		r = -ENOSPC;
	e.name = buf_str(&key);
	e.value = value ? buf_str(&text) : NULL;
	return r ? r : file_edit_rec(fs, n, edit_rec, &e);
}

static int invalidate(struct fs *fs, struct node *n)
{
	auto_free char *key = NULL;
	int r = node_key(fs->nodes, n, &key);

	if (r)
		return r;
	attr_forget(fs, key, true);
	return 0;
}

static int set_foreign(const char *name, bool remove)
{
	bool acl = !strncmp(name, "system.", strlen("system."));

	return remove && !acl ? -ENODATA : -EOPNOTSUPP;
}

/* The value as a string: tags cannot hold NUL bytes. */
static int value_text(const void *value, size_t size, char **ret_text)
{
	if (size && memchr(value, '\0', size))
		return -EINVAL;
	return str_format(ret_text, "%.*s", (int)size, size ? (const char *)value : "");
}

int xattr_set(struct fs *fs, struct node *n, const char *name, const void *value, size_t size,
	      int flags)
{
	const char *rest = NULL;
	enum kind kind = kind_of(name, &rest);
	auto_free char *text = NULL;
	bool is_text = kind != KIND_META && kind != KIND_FOREIGN;
	int r = is_text ? value_text(value, size, &text) : 0;

	if (r)
		return r;
	switch (kind) {
	case KIND_TAG: return edit_tag(fs, n, rest, text, flags);
	case KIND_TAGS: return edit_tags(fs, n, text, flags);
	case KIND_META: return edit_meta(fs, n, rest, value ? value : "", size, flags);
	case KIND_ACL: return xattr_set_acl(fs, n, text);
	case KIND_RETENTION: return xattr_set_retention(fs, n, text);
	case KIND_HOLD: return xattr_set_hold(fs, n, text);
	case KIND_INVALIDATE: return invalidate(fs, n);
	case KIND_FACT:
	case KIND_DEST:
	case KIND_STATE:
	case KIND_MOUNTPOINT: return -EPERM;
	case KIND_NONE: return -EINVAL;
	case KIND_FOREIGN: break;
	}
	return set_foreign(name, false);
}

int xattr_remove(struct fs *fs, struct node *n, const char *name)
{
	const char *rest = NULL;
	enum kind kind = kind_of(name, &rest);

	switch (kind) {
	case KIND_TAG: return edit_tag(fs, n, rest, NULL, 0);
	case KIND_TAGS: return edit_tags(fs, n, NULL, 0);
	case KIND_META: return edit_meta(fs, n, rest, NULL, 0, 0);
	case KIND_ACL: return xattr_set_acl(fs, n, "private");
	case KIND_RETENTION: return xattr_set_retention(fs, n, "");
	case KIND_HOLD: return xattr_set_hold(fs, n, "OFF");
	case KIND_FACT:
	case KIND_DEST:
	case KIND_STATE:
	case KIND_MOUNTPOINT: return -EPERM;
	case KIND_INVALIDATE:
	case KIND_NONE: return -ENODATA;
	case KIND_FOREIGN: break;
	}
	return set_foreign(name, true);
}

/* --- list ------------------------------------------------------------------------------------- */

static void list_tags(const struct kv *tags, struct buf *out)
{
	static const char prefix[] = "user.s3.tag.";

	for (size_t i = 0; i < tags->n; i++)
		if (strlen(prefix) + strlen(tags->items[i].name) <= XATTR_NAME_LEN) {
			buf_adds(out, prefix);
			buf_add(out, tags->items[i].name, strlen(tags->items[i].name) + 1);
		}
}

static void list_meta(const struct kv *meta, struct buf *out)
{
	for (size_t i = 0; i < meta->n; i++) {
		auto_with(buf_free) struct buf name;

		buf_init(&name, BUF_LIMIT_SMALL);
		if (attr_meta_is_reserved(meta->items[i].name))
			continue;
		if (!xattr_name_decode(meta->items[i].name, &name) && name.len <= XATTR_NAME_LEN)
			buf_add(out, buf_str(&name), name.len + 1);
	}
}

int xattr_list(struct fs *fs, struct node *n, struct buf *out)
{
	auto_with(attr_free) struct attr a = { 0 };
	bool dirty = false;
	int r = file_get_rec(fs, n, true, &a, &dirty);

	if (r)
		return r;
	list_tags(&a.rec.tags, out);
	list_meta(&a.rec.meta, out);
	return out->error;
}
