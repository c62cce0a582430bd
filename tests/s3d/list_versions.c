/* ListObjectVersions: by key, newest first; versions and delete markers in one order. */
#include "list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct last {
	char *key, *vid;
};

static void set_last(struct last *last, const char *key, const char *vid)
{
	free(last->key);
	free(last->vid);
	last->key = x_strdup(key);
	last->vid = x_strdup(vid);
}

static void entry(struct lister *l, sqlite3_stmt *st)
{
	bool marker = sqlite3_column_int(st, 3);
	const char *element = marker ? "DeleteMarker" : "Version";
	char when[40];
	struct buf *b = l->out;

	time_iso(sqlite3_column_int64(st, 6), when);
	buf_fmt(b, "<%s>", element);
	list_name(l, "Key", (const char *)sqlite3_column_text(st, 0));
	xml_elem(b, "VersionId", (const char *)sqlite3_column_text(st, 1));
	xml_elem(b, "IsLatest", sqlite3_column_int(st, 2) ? "true" : "false");
	xml_elem(b, "LastModified", when);
	if (!marker) {
		buf_fmt(b, "<ETag>&quot;%s&quot;</ETag>", (const char *)sqlite3_column_text(st, 5));
		xml_int(b, "Size", sqlite3_column_int64(st, 4));
		xml_elem(b, "StorageClass", (const char *)sqlite3_column_text(st, 7));
	}
	xml_owner(b, "Owner", (const char *)sqlite3_column_text(st, 8));
	buf_fmt(b, "</%s>", element);
}

/* One pass over rows; false when a common prefix was met and the scan must seek. */
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
		entry(l, st);
		set_last(last, key, (const char *)sqlite3_column_text(st, 1));
	}
	return true;
}

#define WHAT "SELECT key, vid, latest, marker, size, etag, mtime, class, owner, seq FROM versions"

/* What is older than version vid of key. */
static void scan_rest_of_key(struct lister *l, const char *key, const char *vid, struct last *last)
{
	sqlite3_stmt *st =
		db_query(WHAT " WHERE bucket=?1 AND key=?2 AND seq<(SELECT seq FROM versions"
			      " WHERE bucket=?1 AND key=?2 AND vid=?3) ORDER BY seq DESC",
			 "sss", l->r->bucket, key, vid);

	if (l->max)
		scan_rows(l, st, last);
	db_done(st);
}

static void scan(struct lister *l, struct last *last)
{
	bool done = !l->max || l->truncated;

	while (!done) {
		sqlite3_stmt *st =
			db_query(WHAT " INDEXED BY v_order WHERE bucket=? AND key>=?"
				      " ORDER BY key, seq DESC",
				 "sz", l->r->bucket, l->from.p ? l->from.p : "", l->from.len);
		done = scan_rows(l, st, last);
		db_done(st);
	}
}

static void scan_from(struct lister *l, const char *key, const char *vid, struct last *last)
{
	if (key && *key) {
		char *common = starts_with(key, l->prefix) ? list_common_prefix(l, key) : NULL;
		list_after_key(l, key);
		if (common && !strcmp(common, key))
			list_after_prefix(l, common);
		else if (vid && *vid && starts_with(key, l->prefix))
			scan_rest_of_key(l, key, vid, last);
		free(common);
	}
	scan(l, last);
}

int op_list_versions(struct req *r)
{
	struct lister l;
	struct last last = { 0 };
	struct buf contents = { 0 };
	const char *key = req_param(r, "key-marker"), *vid = req_param(r, "version-id-marker");

	if (vid && *vid && (!key || !*key))
		return req_fail_x(r, "InvalidArgument",
				  "A version-id marker cannot be specified without"
				  " a key marker.",
				  "ArgumentName", "version-id-marker", "ArgumentValue", vid, NULL);
	if (vid && *vid && !vid_valid(vid))
		return req_fail_x(r, "InvalidArgument", "Invalid version id specified",
				  "ArgumentName", "version-id-marker", "ArgumentValue", vid, NULL);
	if (list_begin(r, &l, "max-keys")) {
		list_end(&l);
		return -1;
	}
	l.out = &contents;
	db_lock();
	scan_from(&l, key, vid, &last);
	db_unlock();
	l.out = &r->out;
	xml_begin(r, "ListVersionsResult");
	xml_elem(l.out, "Name", r->bucket);
	list_name(&l, "Prefix", l.prefix);
	list_name(&l, "KeyMarker", key ? key : "");
	xml_elem(l.out, "VersionIdMarker", vid ? vid : "");
	if (l.truncated && last.key) {
		list_name(&l, "NextKeyMarker", last.key);
		xml_elem(l.out, "NextVersionIdMarker", last.vid);
	}
	if (l.has_delimiter)
		list_name(&l, "Delimiter", l.delimiter);
	xml_int(l.out, "MaxKeys", l.max);
	if (l.url)
		xml_elem(l.out, "EncodingType", "url");
	xml_elem(l.out, "IsTruncated", l.truncated ? "true" : "false");
	buf_add(l.out, contents.p, contents.len);
	buf_add(l.out, l.prefixes.p, l.prefixes.len);
	xml_end(r, "ListVersionsResult");
	buf_free(&contents);
	set_last(&last, NULL, NULL);
	list_end(&l);
	return 0;
}
