/* resync_report.c - what became of the rows of a resync: a line of CSV each (RFC 4180). */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "ctl/resync.h"
#include "queue/store_scan.h"

struct report {
	FILE *to; /* NULL = count only */
	const char *bucket;
	struct ctl_report n;
};

static void put_field(FILE *to, const char *text, char after)
{
	if (!text)
		text = "";
	if (!text[strcspn(text, "\",\r\n")]) {
		fputs(text, to);
	} else {
		putc('"', to);
		for (; *text; text++) {
			if (*text == '"')
				putc('"', to);
			putc(*text, to);
		}
		putc('"', to);
	}
	putc(after, to);
}

static const char *status_of(struct ctl_report *n, const struct job *j)
{
	if (j->state == JOB_DONE && j->code)
		return n->skipped++, "SKIPPED";
	if (j->state == JOB_DONE)
		return n->completed++, "COMPLETED";
	if (j->state == JOB_PARKED)
		return n->failed++, "FAILED";
	return n->pending++, "PENDING";
}

static int put_row(void *arg, const struct job *j, bool late)
{
	struct report *r = arg;
	const char *status = status_of(&r->n, j);
	const char *reason = j->reason ? j->reason : j->code ? j->code : NULL;
	auto_free char *why = NULL;

	if (!r->to)
		return 0;
	if (j->state == JOB_DONE && !j->code)
		reason = late ? "out-of-order" : NULL;
	else if (str_format(&why, "%s%s%s", reason ? reason : "", reason && j->why ? ": " : "",
			    j->why ? j->why : ""))
		return -ENOMEM;
	put_field(r->to, r->bucket, ',');
	put_field(r->to, j->key, ',');
	put_field(r->to, j->version, ',');
	put_field(r->to, j->dest, ',');
	put_field(r->to, status, ',');
	put_field(r->to, j->replica_version, ',');
	put_field(r->to, why ? why : reason, '\n');
	return ferror(r->to) ? -EIO : 0;
}

static int close_file(FILE *to, int r)
{
	if (fclose(to) && !r)
		r = -errno;
	return r;
}

int ctl_report(struct store *s, int64_t scan, const char *path, struct ctl_report *ret_r)
{
	auto_free char *bucket = NULL;
	struct report r = { 0 };
	char words[64];
	int err = store_get_info(s, "bucket", &bucket);

	if (err)
		return err;
	r.bucket = bucket;
	if (path) {
		r.to = fopen(path, "we");
		if (!r.to) {
			ctl_say("%s: %s", path, errno_text(-errno, words, sizeof(words)));
			return -EIO;
		}
		fputs("bucket,key,version,destination,status,replica version,reason\n", r.to);
	}
	err = store_each_scanned(s, scan, put_row, &r);
	if (r.to)
		err = close_file(r.to, err);
	*ret_r = r.n;
	return err;
}
