/* ListMultipartUploads and ListParts. */
#include "list.h"
#include "mpu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct last {
	char *key, *id;
};

static void set_last(struct last *last, const char *key, const char *id)
{
	free(last->key);
	free(last->id);
	last->key = x_strdup(key);
	last->id = x_strdup(id);
}

static void upload_entry(struct lister *l, sqlite3_stmt *st)
{
	char when[40];
	struct buf *b = l->out;

	time_iso(sqlite3_column_int64(st, 2), when);
	buf_str(b, "<Upload>");
	list_name(l, "Key", (const char *)sqlite3_column_text(st, 0));
	xml_elem(b, "UploadId", (const char *)sqlite3_column_text(st, 1));
	xml_owner(b, "Initiator", (const char *)sqlite3_column_text(st, 4));
	xml_owner(b, "Owner", (const char *)sqlite3_column_text(st, 3));
	xml_elem(b, "StorageClass", (const char *)sqlite3_column_text(st, 5));
	xml_elem(b, "Initiated", when);
	buf_str(b, "</Upload>");
}

static bool scan_rows(struct lister *l, sqlite3_stmt *st, struct last *last)
{
	while (sqlite3_step(st) == SQLITE_ROW) {
		const char *key = (const char *)sqlite3_column_text(st, 0);
		if (!starts_with(key, l->prefix))
			return true;
		char *common = list_common_prefix(l, key);
		if (common) {
			bool room = list_add_prefix(l, common);
			if (room)
				set_last(last, common, NULL);
			free(common);
			return !room;
		}
		if (l->count == l->max) {
			l->truncated = true;
			return true;
		}
		l->count++;
		upload_entry(l, st);
		set_last(last, key, (const char *)sqlite3_column_text(st, 1));
	}
	return true;
}

#define WHAT "SELECT key, id, created, owner, initiator, class FROM uploads"

static void scan_from(struct lister *l, const char *key, const char *id, struct last *last)
{
	bool done = !l->max;

	if (key && *key) {
		char *common = starts_with(key, l->prefix) ? list_common_prefix(l, key) : NULL;
		list_after_key(l, key);
		if (common && !strcmp(common, key)) {
			list_after_prefix(l, common);
		} else if (id && *id && !done) {
			sqlite3_stmt *st = db_query(
				WHAT
				" WHERE bucket=?1 AND key=?2 AND (created, id)>(SELECT created, id"
				" FROM uploads WHERE id=?3) ORDER BY created, id",
				"sss", l->r->bucket, key, id);
			scan_rows(l, st, last);
			db_done(st);
		}
		free(common);
	}
	while (!done && !l->truncated) {
		sqlite3_stmt *st =
			db_query(WHAT " WHERE bucket=? AND key>=? ORDER BY key, created, id", "sz",
				 l->r->bucket, l->from.p ? l->from.p : "", l->from.len);
		done = scan_rows(l, st, last);
		db_done(st);
	}
}

int op_list_uploads(struct req *r)
{
	struct lister l;
	struct last last = { 0 };
	struct buf contents = { 0 };
	const char *key = req_param(r, "key-marker"), *id = req_param(r, "upload-id-marker");

	if (list_begin(r, &l, "max-uploads")) {
		list_end(&l);
		return -1;
	}
	l.out = &contents;
	db_lock();
	scan_from(&l, key, id, &last);
	db_unlock();
	l.out = &r->out;
	xml_begin(r, "ListMultipartUploadsResult");
	xml_elem(l.out, "Bucket", r->bucket);
	list_name(&l, "KeyMarker", key ? key : "");
	xml_elem(l.out, "UploadIdMarker", id ? id : "");
	if (l.truncated && last.key) {
		list_name(&l, "NextKeyMarker", last.key);
		xml_elem(l.out, "NextUploadIdMarker", last.id);
	}
	list_name(&l, "Prefix", l.prefix);
	if (l.has_delimiter)
		list_name(&l, "Delimiter", l.delimiter);
	xml_int(l.out, "MaxUploads", l.max);
	if (l.url)
		xml_elem(l.out, "EncodingType", "url");
	xml_elem(l.out, "IsTruncated", l.truncated ? "true" : "false");
	buf_add(l.out, contents.p, contents.len);
	buf_add(l.out, l.prefixes.p, l.prefixes.len);
	xml_end(r, "ListMultipartUploadsResult");
	buf_free(&contents);
	set_last(&last, NULL, NULL);
	list_end(&l);
	return 0;
}

static void part_entry(struct buf *b, sqlite3_stmt *st)
{
	char when[40];

	time_iso(sqlite3_column_int64(st, 3), when);
	buf_str(b, "<Part>");
	xml_int(b, "PartNumber", sqlite3_column_int64(st, 0));
	xml_elem(b, "LastModified", when);
	buf_fmt(b, "<ETag>&quot;%s&quot;</ETag>", (const char *)sqlite3_column_text(st, 1));
	xml_int(b, "Size", sqlite3_column_int64(st, 2));
	buf_str(b, "</Part>");
}

static bool parts_after(const char *id, int64_t after, int64_t max, struct buf *out,
			int64_t *ret_last)
{
	sqlite3_stmt *st =
		db_query("SELECT num, etag, size, mtime FROM parts WHERE upload=? AND num>?"
			 " ORDER BY num",
			 "si", id, after);
	bool truncated = false;
	int64_t n = 0;

	while (max && sqlite3_step(st) == SQLITE_ROW) {
		truncated = n++ == max;
		if (truncated)
			break;
		part_entry(out, st);
		*ret_last = sqlite3_column_int64(st, 0);
	}
	db_done(st);
	return truncated;
}

int op_list_parts(struct req *r)
{
	const char *max_text = req_param(r, "max-parts"), *type = req_param(r, "encoding-type");
	const char *after_text = req_param(r, "part-number-marker");
	int64_t max = 1000, after = 0, last = 0;
	struct upload u;
	struct buf parts = { 0 };
	struct lister l = { .r = r, .url = type, .out = &r->out };

	if ((max_text && parse_int(max_text, 0, INT32_MAX, &max)) ||
	    (after_text && *after_text && parse_int(after_text, 0, INT32_MAX, &after)))
		return req_fail(r, "InvalidArgument",
				"Argument max-parts or part-number-marker must be an"
				" integer between 0 and 2147483647");
	max = max > 1000 ? 1000 : max;
	db_lock();
	int rc = upload_find(r, &u);
	bool truncated = !rc && parts_after(u.id, after, max, &parts, &last);
	db_unlock();
	if (!rc) {
		xml_begin(r, "ListPartsResult");
		xml_elem(&r->out, "Bucket", r->bucket);
		list_name(&l, "Key", r->key);
		xml_elem(&r->out, "UploadId", u.id);
		xml_owner(&r->out, "Initiator", u.initiator);
		xml_owner(&r->out, "Owner", u.owner);
		xml_elem(&r->out, "StorageClass", u.class);
		xml_int(&r->out, "PartNumberMarker", after);
		xml_int(&r->out, "NextPartNumberMarker", last);
		xml_int(&r->out, "MaxParts", max);
		xml_elem(&r->out, "IsTruncated", truncated ? "true" : "false");
		buf_add(&r->out, parts.p, parts.len);
		xml_end(r, "ListPartsResult");
	}
	buf_free(&parts);
	upload_free(&u);
	return rc;
}
