/* resync.c - crrctl resync: queues versions that exist, by the rules; follows and reports it. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/log.h"
#include "ctl/client.h"
#include "ctl/resync.h"
#include "ctl/rules.h"
#include "queue/store_scan.h"

/* --- what is asked for ------------------------------------------------------------------------ */

/* "2026-11-22" or "2026-11-22T10:00:00Z" */
static int read_time(const char *name, const char *text, int64_t *ret_ms)
{
	auto_free char *day = NULL;
	char shown[CTL_SHOWN];

	if (!text || time_parse_iso(text, ret_ms) == 0)
		return 0;
	if (str_format(&day, "%sT00:00:00Z", text) == 0 && time_parse_iso(day, ret_ms) == 0)
		return 0;
	ctl_say("--%s takes 2026-11-22 or 2026-11-22T10:00:00Z, not '%s'", name,
		ctl_shown(text, shown));
	return -EINVAL;
}

/* A path in the mount that is a folder limits the keys to it; --prefix names keys of the bucket. */
static int read_prefix(const struct ctl_opts *o, struct store *s, char **ret_prefix)
{
	auto_free char *mount = NULL, *real = NULL, *root = NULL;
	size_t n;

	if (store_get_info(s, "prefix", &mount) && str_dup("", &mount))
		return -ENOMEM;
	if (o->prefix && strncmp(o->prefix, mount, strlen(mount)) != 0) {
		ctl_say("--prefix must begin with '%s', as all keys of this mount do", mount);
		return -EINVAL;
	}
	if (o->prefix)
		return str_dup(o->prefix, ret_prefix);
	real = o->n ? realpath(o->args[0], NULL) : NULL;
	if (!real || store_get_info(s, "mountpoint", &root))
		return str_dup(mount, ret_prefix);
	n = strlen(root);
	if (strncmp(real, root, n) != 0 || real[n] != '/')
		return str_dup(mount, ret_prefix);
	return str_format(ret_prefix, "%s%s/", mount, real + n + 1);
}

static int read_args(const struct ctl_opts *o, struct store *s, struct scan_args *ret_a)
{
	struct scan_args a = { .statuses = SCAN_STATUS_DEFAULT, .current_only = o->current_only };
	int r;

	if (o->status && scan_statuses_parse(o->status, &a.statuses)) {
		ctl_say("--status takes NONE, FAILED, COMPLETED, REPLICA, with commas between "
			"them");
		return -EINVAL;
	}
	r = read_time("created-after", o->created_after, &a.after_ms);
	r = r ? r : read_time("created-before", o->created_before, &a.before_ms);
	r = r ? r : read_prefix(o, s, &a.prefix);
	r = r ? r : str_dup(o->dest, &a.dest);
	if (r) {
		scan_args_free(&a);
		return r;
	}
	*ret_a = a;
	return 0;
}

/* --- list and stop ---------------------------------------------------------------------------- */

/* What it left out. */
static void print_rest(const struct scan_row *r)
{
	if (r->refused)
		ctl_say("%llu versions could not be read; the mount's log names them",
			(unsigned long long)r->refused);
	if (r->busy)
		ctl_say("%llu versions belong to files being written; run it again",
			(unsigned long long)r->busy);
}

static int print_scan(void *arg, const struct scan_row *r)
{
	char when[32], shown[CTL_SHOWN];
	uint64_t *n = arg;

	if (!(*n)++)
		printf("%4s %-6s %-7s %-24s %10s %8s %8s  %s\n", "id", "kind", "state", "started",
		       "seen", "queued", "skipped", "at");
	time_format_iso(r->started_ms, when);
	printf("%4lld %-6s %-7s %-24s %10llu %8llu %8llu  %s\n", (long long)r->id,
	       r->watch ? "watch" : "resync", scan_state_name(r->state), when,
	       (unsigned long long)r->seen, (unsigned long long)r->queued,
	       (unsigned long long)r->skipped, ctl_shown(r->key_marker, shown));
	if (r->refused || r->busy)
		printf("     left out: %llu could not be read, %llu of files being written\n",
		       (unsigned long long)r->refused, (unsigned long long)r->busy);
	if (r->why)
		printf("     %s\n", ctl_shown(r->why, shown));
	return 0;
}

static int list(struct store *s)
{
	uint64_t n = 0;
	int r = store_each_scan(s, print_scan, &n);

	if (!r && !n)
		puts("none was asked for");
	return r;
}

static int stop(struct store *s, const char *dir, const char *id)
{
	auto_with(doc_free_ptr) struct doc_node *answer = NULL;
	int64_t v;
	int r = parse_i64(id, &v);

	if (!r)
		r = store_scan_stop(s, v);
	if (r) {
		ctl_say("no resync %s runs; 'crrctl resync --list' shows them", id);
		return CTL_FAILED;
	}
	if (ctl_ask(dir, "wake", &answer) && !answer)
		puts("nothing is mounted");
	puts("stopped; what it has queued stays queued");
	return CTL_OK;
}

/* --- following -------------------------------------------------------------------------------- */

/* 0, CTL_... when it ended otherwise, or -errno. */
static int follow(const struct ctl_opts *o, struct store *s, const char *dir, int64_t id)
{
	int64_t deadline = clock_deadline(o->timeout_ms);
	bool terminal = isatty(STDERR_FILENO);
	struct scan_left left = { 0 };
	enum scan_state state = SCAN_RUNNING;
	int pause = 20, r = 0;

	while (!r) {
		auto_with(scan_row_free) struct scan_row row = { 0 };
		auto_with(doc_free_ptr) struct doc_node *answer = NULL;

		r = store_scan_get(s, id, &row);
		r = r ? r : store_scan_left(s, id, &left);
		state = row.state;
		if (!r && terminal)
			ctl_bar(stderr, max_of(row.queued, left.rows), left.rows, left.bytes);
		if (!r && state != SCAN_RUNNING && !left.rows)
			break;
		if (!r && clock_mono_ms() >= deadline)
			r = CTL_TIMEOUT;
		if (!r)
			r = ctl_ask(dir, "status", &answer);
		poll(NULL, 0, pause);
		pause = min_of(pause * 2, 500);
	}
	if (terminal)
		fputs("\n", stderr);
	if (r == -ENOTCONN)
		ctl_say("the mount is gone; the next one goes on with resync %lld", (long long)id);
	if (r == CTL_TIMEOUT)
		ctl_say("resync %lld is still at work; 'crrctl resync --list' shows it",
			(long long)id);
	return r ? r : state == SCAN_BROKEN ? CTL_FAILED : 0;
}

static int print_end(struct store *s, int64_t id)
{
	auto_with(scan_row_free) struct scan_row row = { 0 };
	char shown[CTL_SHOWN];
	int r = store_scan_get(s, id, &row);

	if (r)
		return r;
	printf("resync %lld %s: %llu versions seen, %llu queued, %llu had what they need\n",
	       (long long)id, scan_state_name(row.state), (unsigned long long)row.seen,
	       (unsigned long long)row.queued, (unsigned long long)row.skipped);
	print_rest(&row);
	if (row.why)
		ctl_say("%s", ctl_shown(row.why, shown));
	return 0;
}

/* --- the command ------------------------------------------------------------------------------ */

static int add(struct store *s, const struct scan_args *a, int64_t *ret_id)
{
	auto_with(buf_free) struct buf json;
	int r;

	buf_init(&json, BUF_LIMIT_SMALL);
	r = scan_args_to_json(a, &json);
	return r ? r : store_scan_add(s, false, buf_str(&json), ret_id);
}

static int finish(const struct ctl_opts *o, struct store *s, const char *dir, int64_t id)
{
	struct ctl_report report = { 0 };
	int r = follow(o, s, dir, id), e;

	if (r < 0)
		return r;
	e = print_end(s, id);
	e = e ? e : ctl_report(s, id, o->report, &report);
	if (e)
		return e;
	if (!r && report.failed) {
		ctl_say("%llu FAILED; 'crrctl queue' says why", (unsigned long long)report.failed);
		r = CTL_PARKED;
	}
	return r;
}

static int run(const struct ctl_opts *o, struct store *s, const char *dir)
{
	auto_with(scan_args_free) struct scan_args a = { 0 };
	auto_with(doc_free_ptr) struct doc_node *answer = NULL;
	bool wait = o->wait || o->report;
	int64_t id;
	int r;

	if (read_args(o, s, &a))
		return CTL_USAGE;
	if (o->dry_run)
		return ctl_resync_dry(o, s, &a);
	if (wait && ctl_ask(dir, "wake", &answer) == -ENOTCONN) {
		ctl_say("nothing is mounted on %s: nobody works on its queue", dir);
		return CTL_FAILED;
	}
	doc_free(take_ptr(&answer));
	r = add(s, &a, &id);
	if (r)
		return r;
	printf("resync %lld begun\n", (long long)id);
	if (ctl_ask(dir, "wake", &answer))
		puts("nothing is mounted: the next mount does it");
	fflush(stdout);
	return wait ? finish(o, s, dir, id) : CTL_OK;
}

int ctl_resync(const struct ctl_opts *o)
{
	auto_free char *dir = NULL;
	auto_with(ctl_store_close) struct store *s = NULL;
	char words[64];
	int r = ctl_open(o, o->n ? o->args[0] : NULL, !o->list && !o->dry_run, &dir, &s);

	if (r || ctl_rules_know_dest(s, o->dest))
		return CTL_FAILED;
	if (o->list)
		r = list(s);
	else if (o->stop)
		r = stop(s, dir, o->stop);
	else
		r = run(o, s, dir);
	if (r < 0)
		ctl_say("%s: %s", dir, errno_text(r, words, sizeof(words)));
	return r < 0 ? CTL_FAILED : r;
}
