/*
 * main.c - composes a mount, from the bottom up, and takes it down again. The only file that knows
 * all rooms.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#ifdef HAVE_CONFIG_H
#include <config.h> /* autoconf's: the other one is our own */
#endif

#include "base/clock.h"
#include "base/codec.h"
#include "base/log.h"
#include "queue/order.h"
#include "queue/recover.h"
#include "queue/repl.h"
#include "queue/scan.h"
#include "queue/worker.h"
#include "rules/rules.h"
#include "s3/client.h"

#include "fs/attr.h"
#include "fs/buckets.h"
#include "fs/cache.h"
#include "fs/config.h"
#include "fs/control.h"
#include "fs/daemon.h"
#include "fs/dir.h"
#include "fs/dir_keep.h"
#include "fs/file.h"
#include "fs/flight.h"
#include "fs/introduce.h"
#include "fs/metadb.h"
#include "fs/mount.h"
#include "fs/node.h"
#include "fs/notify.h"
#include "fs/rulesrc.h"
#include "fs/settle.h"
#include "fs/state.h"

#define READ_THREADS  24 /* a directory rename takes 16: reads go on beside it */
#define EARLY_THREADS 8
#define POOL_QUEUE    256
#define ATTR_ENTRIES  200000
#define DRAIN_STEP_MS 500
#define EXCLUSIVE_MS  (24 * 3600 * 1000)

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "unknown"
#endif

struct app {
	struct config conf;
	struct daemon daemon;
	char why[1200];
	enum daemon_exit code; /* what a failure now would mean */
	char *source_name;
	struct buckets buckets;
	struct state *state;
	struct store *store;
	struct pool *early_pool;
	struct events *events; /* NULL = none are wanted */
	struct workers *workers;
	struct order *order;
	struct scan *scan;
	struct control *control;
	struct mount *mount;
	struct fs fs;
	bool recovered, damaged;
};

/* --- the queue -------------------------------------------------------------------------------- */

static int open_buckets(struct app *a)
{
	return buckets_open(&a->conf, &a->buckets, a->why, sizeof(a->why));
}

static int open_state(struct app *a)
{
	const struct state_conf sc = {
		.dir = a->conf.state,
		.url = s3_client_url(a->buckets.client),
		.bucket = a->conf.bucket,
		.prefix = a->conf.prefix,
		.mountpoint = a->conf.mountpoint,
	};
	struct store_conf conf = { 0 };
	char instance[33];
	unsigned torn = 0;
	int err = state_new(&sc, &a->state, a->why, sizeof(a->why));

	if (err < 0)
		return err;
	conf.dir = state_dir(a->state);
	err = random_hex(16, instance);
	if (err < 0)
		return err;
	conf.instance = instance;
	conf.was_left = state_was_left(a->state);
	err = store_open(&conf, &a->store, a->why, sizeof(a->why));
	if (err < 0)
		return err;
	snprintf(a->why, sizeof(a->why),
		 "state %s cannot be written; is its disk full? free space, and look into %s",
		 conf.dir, state_failed_dir(a->state));
	err = state_check_boot(a->store, &torn);
	if (err == 0 && torn)
		log_info("boot=new staged_forgotten=%u", torn);
	if (err == 0)
		err = introduce(&a->conf, a->store);
	return err < 0 ? err : rulesrc_publish(a->buckets.rulesrc, a->buckets.rules, a->store);
}

static int check_dests(struct app *a)
{
	if (rulesrc_is_none(a->buckets.rulesrc))
		return 0;
	return buckets_check(&a->buckets, a->store, a->why, sizeof(a->why));
}

static int start_pool(const char *name, unsigned threads, struct pool **ret_p)
{
	int err = pool_new(name, threads, POOL_QUEUE, ret_p);

	return err < 0 ? err : pool_start(*ret_p);
}

static int open_events(struct app *a)
{
	char region[40];
	const struct events_conf conf = {
		.store = a->store,
		.repl = a->fs.repl,
		.to = a->conf.events,
		.bucket = a->conf.bucket,
		.region = region,
	};
	int err;

	if (!conf.to)
		return 0;
	s3_client_region(a->buckets.client, region);
	err = events_new(&conf, &a->events, a->why, sizeof(a->why));
	if (err == 0)
		repl_on_rules(a->fs.repl, events_wake, a->events);
	return err;
}

static int open_queue(struct app *a)
{
	const struct config *c = &a->conf;
	struct repl_conf rc = {
		.store = a->store,
		.dests = a->buckets.dests,
		.source = a->buckets.client,
		.staging_dir = state_staging_dir(a->state),
		.staging_max = c->staging_max,
		.tags_at_create = c->tags_at_create,
		.untag = (enum repl_untag)c->untag,
		.all_deletes = c->all_deletes,
	};
	struct workers_conf wc = {
		.store = a->store,
		.dests = a->buckets.dests,
		.source = a->buckets.client,
		.source_bucket = c->bucket,
		.staging_dir = state_staging_dir(a->state),
		.threads = c->repl_threads,
		.retry_first_ms = c->retry_first_ms,
		.retry_max_ms = c->retry_max_ms,
		.heal_first_ms = c->heal_first_ms,
		.heal_max_ms = c->heal_max_ms,
	};
	struct order_conf oc = {
		.store = a->store,
		.dests = a->buckets.dests,
		.source = a->buckets.client,
		.after_ms = a->buckets.unversioned ? 0 : c->order_ms,
		.tags_at_create = c->tags_at_create,
	};
	int err = start_pool("read", READ_THREADS, &a->fs.read_pool);

	snprintf(a->why, sizeof(a->why), "out of memory or threads");
	if (err == 0)
		err = start_pool("upload", c->upload_threads, &a->fs.upload_pool);
	if (err == 0)
		err = start_pool("early", EARLY_THREADS, &a->early_pool);
	rc.upload_pool = wc.pool = a->early_pool;
	if (err == 0)
		err = repl_new(&rc, a->buckets.rules, &a->fs.repl);
	if (err == 0)
		err = open_events(a);
	wc.repl = a->fs.repl;
	oc.repl = a->fs.repl;
	wc.events = a->events;
	if (err == 0)
		err = workers_new(&wc, &a->workers);
	if (err == 0)
		err = order_new(&oc, &a->order);
	if (err == 0)
		repl_on_ready(a->fs.repl, workers_wake, a->workers);
	return err;
}

static int open_scan(struct app *a)
{
	const struct scan_conf conf = {
		.store = a->store,
		.repl = a->fs.repl,
		.source = a->buckets.client,
		.prefix = a->conf.prefix,
		.all_deletes = a->conf.all_deletes,
		.watch_ms = a->conf.watch_ms,
		.watch_pages = a->conf.watch_pages,
		.on_ready = workers_wake,
		.arg = a->workers,
	};

	return scan_new(&conf, &a->scan);
}

static int recover(struct app *a)
{
	const struct recover_conf conf = {
		.store = a->store,
		.repl = a->fs.repl,
		.dests = a->buckets.dests,
		.source = a->buckets.client,
		.pool = a->fs.upload_pool,
		.staging_dir = state_staging_dir(a->state),
		.failed_dir = state_failed_dir(a->state),
		.unversioned = a->buckets.unversioned,
		.on_key = metadb_forget,
		.on_key_arg = a->fs.metadb,
	};
	struct recover_result r = { 0 };
	char words[64];
	int err = recover_run(&conf, &r);

	if (err < 0)
		snprintf(a->why, sizeof(a->why),
			 "what the last mount left cannot be settled: %s; see the log",
			 errno_text(err, words, sizeof(words)));
	else if (r.committed || r.abandoned || r.uploaded || r.left)
		log_info("recover=done committed=%u abandoned=%u uploaded=%u left=%u", r.committed,
			 r.abandoned, r.uploaded, r.left);
	a->recovered = err == 0;
	if (err == 0)
		file_finish_moves(&a->fs);
	return err;
}

/* --- the file system -------------------------------------------------------------------------- */

static struct fs_conf fs_conf(const struct app *a)
{
	const struct config *c = &a->conf;
	int64_t attr_ms = max_of(c->attr_ms, (int64_t)(c->exclusive ? EXCLUSIVE_MS : 0));

	return (struct fs_conf){
		.prefix = c->prefix,
		.staging_dir = a->state ? state_staging_dir(a->state) : NULL,
		.failed_dir = a->state ? state_failed_dir(a->state) : NULL,
		.uid = c->uid,
		.gid = c->gid,
		.umask = c->umask,
		.posix_meta = c->posix_meta,
		.read_only = c->ro,
		.versioned = !a->buckets.unversioned,
		.attr_ms = attr_ms,
		.absent_ms = c->exclusive ? attr_ms : min_of(attr_ms, (int64_t)ATTR_MOMENT_MS),
		.start_ms = c->at_ms ? c->at_ms : clock_wall_ms(),
		.temp_names = c->temp_names,
		.hold_ms = c->hold_ms,
		.settle_ms = c->settle_ms,
		.durability = (enum durability)c->durability,
		.replicas_wait_ms = c->replicas_wait_ms,
		.staging_max = c->staging_max,
		.early_upload = c->early_upload,
		.default_acl = c->default_acl,
		.storage_class = c->storage_class,
		.sse = c->sse,
		.sse_key = c->sse_key,
		.ask_lock = a->buckets.ask_lock,
		.state_dir = a->state ? state_dir(a->state) : NULL,
		.mountpoint = c->mountpoint,
		.versions_dir = strcmp(c->versions_dir, "no") && !c->at_ms ? c->versions_dir : NULL,
		.at_ms = c->at_ms,
	};
}

static int open_fs(struct app *a)
{
	const struct read_cache_conf cache = { a->buckets.client, a->fs.read_pool, a->conf.memory,
					       a->conf.disk_cache, a->conf.disk_cache_max };
	const struct quota_conf quota = { a->conf.staging_max, s3_client_call_ms(a->buckets.client),
					  repl_kept_bytes, repl_drop_kept, a->fs.repl };
	struct fs *fs = &a->fs;
	int err = 0;

	fs->conf = fs_conf(a);
	fs->source = a->buckets.client;
	fs->store = a->store;
	if (a->state)
		err = metadb_open(state_dir(a->state), METADB_BYTES_MAX, &fs->metadb, a->why,
				  sizeof(a->why));
	if (err < 0)
		return err;
	snprintf(a->why, sizeof(a->why), "out of memory");
	err = node_table_new(a->conf.prefix, &fs->nodes);
	if (err == 0)
		err = attr_cache_new(ATTR_ENTRIES, fs->conf.attr_ms, &fs->attrs);
	if (err == 0)
		err = flights_new(&fs->flights);
	if (err == 0)
		err = notify_new(fs->nodes, &fs->notify);
	if (err == 0)
		attr_cache_on_change(fs->attrs, notify_key, fs->notify);
	if (err == 0)
		err = read_cache_new(&cache, &fs->cache, a->why, sizeof(a->why));
	if (err == 0)
		err = quota_new(&quota, &fs->quota);
	if (err == 0)
		err = file_table_new(fs, &fs->files);
	if (err == 0)
		err = settle_new(fs, &fs->settle);
	return err ? err : dir_keep_new(dir_free, &fs->dirs);
}

static void on_reload(void *arg)
{
	struct app *a = arg;
	char why[1024];

	attr_forget(&a->fs, a->conf.prefix, false);
	log_info("caches=dropped");
	if (!a->fs.repl) /* a mount of the past */
		return;
	/* It logs how it went. */
	if (rulesrc_reload(a->buckets.rulesrc, a->fs.repl, a->buckets.dests, a->store, why,
			   sizeof(why)) < 0)
		log_debug("reload=failed");
}

static void on_hurry(void *arg)
{
	struct app *a = arg;

	buckets_abort(&a->buckets);
	if (a->fs.repl)
		repl_stop_waits(a->fs.repl);
	quota_stop(a->fs.quota);
}

static int mount_it(struct app *a)
{
	const struct mount_conf conf = {
		.source = a->source_name,
		.mountpoint = a->conf.mountpoint,
		.options = buf_str(&a->conf.fuse),
		.fs = &a->fs,
		.on_reload = on_reload,
		.drain_ms = a->conf.drain_ms,
		.on_hurry = on_hurry,
		.arg = a,
	};
	int err;

	a->code = DAEMON_MOUNT_FAILED;
	err = mount_new(&conf, &a->mount, a->why, sizeof(a->why));
	a->code = DAEMON_FAILED;
	return err;
}

static int start(struct app *a)
{
	const struct control_conf conf = {
		.dir = state_dir(a->state),
		.mountpoint = a->conf.mountpoint,
		.bucket = a->conf.bucket,
		.prefix = a->conf.prefix,
		.fs = &a->fs,
		.workers = a->workers,
		.scan = a->scan,
		.rules = a->buckets.rulesrc,
		.dests = a->buckets.dests,
		.store = a->store,
	};
	int err;

	snprintf(a->why, sizeof(a->why), "the threads or the control socket in %s cannot be made",
		 conf.dir);
	err = control_new(&conf, &a->control);
	if (err == 0)
		err = control_start(a->control);
	if (err == 0)
		err = settle_start(a->fs.settle);
	if (err == 0 && a->events)
		err = events_start(a->events);
	if (err == 0)
		err = workers_start(a->workers);
	if (err == 0)
		err = order_start(a->order);
	return err < 0 ? err : scan_start(a->scan);
}

/* --- from the beginning to the end ------------------------------------------------------------ */

static int open_past_source(struct app *a)
{
	int err = buckets_open_source(&a->conf, &a->buckets, a->why, sizeof(a->why));

	return err < 0 ? err : start_pool("read", READ_THREADS, &a->fs.read_pool);
}

typedef int step_fn(struct app *a);

static int set_up(struct app *a)
{
	static step_fn *const now[] = {
		open_buckets, open_state, check_dests, open_queue, open_scan,
		open_fs,      recover,	  mount_it,    start,	   NULL,
	};
	/* Nothing is written, here or there: no state, no queue, no rules, nobody to ask. */
	static step_fn *const past[] = { open_past_source, open_fs, mount_it, NULL };
	step_fn *const *steps = a->conf.at_ms ? past : now;
	char words[64];

	for (size_t i = 0; steps[i]; i++) {
		int err;

		a->why[0] = '\0';
		err = steps[i](a);
		if (err < 0 && !a->why[0])
			snprintf(a->why, sizeof(a->why), "%s",
				 errno_text(err, words, sizeof(words)));
		if (err < 0)
			return err;
	}
	return 0;
}

/* What is not done in time stays in the queue for the next mount. */
static void drain(struct app *a)
{
	struct store_counts left = { 0 };
	char words[64];
	int err;

	mount_begin_end(a->mount);
	scan_stop(a->scan); /* nothing more comes from there */
	err = file_commit_held(&a->fs);
	if (err < 0)
		log_warn("held=left why=\"%s\"", errno_text(err, words, sizeof(words)));
	while (!mount_is_hurried(a->mount))
		if (workers_drain(a->workers, clock_deadline(DRAIN_STEP_MS)))
			break;
	if (store_count(a->store, NULL, &left) == 0)
		log_info("drain=done left=%" PRIu64 " parked=%" PRIu64,
			 left.waiting + left.ready + left.claimed, left.parked);
}

/* In reverse order; any part may be missing. Nothing waits for the network any more. */
static void take_down(struct app *a)
{
	buckets_abort(&a->buckets);
	order_free(a->order);
	if (a->scan)
		scan_stop(a->scan);
	if (a->workers)
		workers_stop(a->workers);
	if (a->events)
		events_stop(a->events);
	control_free(a->control);
	if (a->fs.settle)
		settle_stop(a->fs.settle);
	mount_free(a->mount);
	settle_free(a->fs.settle);
	dir_keep_free(a->fs.dirs);
	file_table_free(a->fs.files);
	read_cache_free(a->fs.cache);
	flights_free(a->fs.flights);
	attr_cache_free(a->fs.attrs);
	notify_free(a->fs.notify);
	node_table_free(a->fs.nodes);
	metadb_close(a->fs.metadb);
	scan_free(a->scan);
	workers_free(a->workers);
	events_free(a->events);
	repl_free(a->fs.repl);
	pool_free(a->early_pool);
	pool_free(a->fs.upload_pool);
	pool_free(a->fs.read_pool);
	quota_free(a->fs.quota);
	store_close(a->store);
	state_free(a->state, a->recovered && !a->damaged);
	buckets_close(&a->buckets);
}

static void log_up(const struct app *a)
{
	char at[32];

	if (!a->conf.at_ms) {
		log_info("mount=up source=%s mountpoint=%s rules=%s state=%s pid=%ld",
			 a->source_name, a->conf.mountpoint, rulesrc_name(a->buckets.rulesrc),
			 state_dir(a->state), (long)getpid());
		return;
	}
	time_format_iso(a->conf.at_ms, at);
	log_info("mount=up source=%s mountpoint=%s version_at=%s pid=%ld", a->source_name,
		 a->conf.mountpoint, at, (long)getpid());
}

/* In front the log has told them already. */
static const char *notes(const struct app *a)
{
	return a->daemon.front || a->buckets.notes.len == 0 ? NULL : buf_str(&a->buckets.notes);
}

static int run(struct app *a)
{
	char words[64];
	int err = set_up(a);

	if (err < 0) {
		if (!a->daemon.front)
			log_error("start=failed why=\"%s\"", a->why);
		return (int)a->code;
	}
	log_up(a);
	a->why[0] = '\0';
	daemon_report(&a->daemon, DAEMON_OK, notes(a));
	err = mount_serve(a->mount);
	if (err < 0)
		log_error("mount=broken why=\"%s\"", errno_text(err, words, sizeof(words)));
	if (a->store)
		drain(a);
	a->damaged = a->store && store_is_damaged(a->store);
	log_info("mount=down mountpoint=%s", a->conf.mountpoint);
	return err < 0 || a->damaged ? (int)DAEMON_FAILED : (int)DAEMON_OK;
}

static int name_source(struct app *a)
{
	const char *prefix = a->conf.prefix;

	return str_format(&a->source_name, "s3://%s%s%.*s", a->conf.bucket, *prefix ? "/" : "",
			  *prefix ? (int)strlen(prefix) - 1 : 0, prefix);
}

int main(int argc, char **argv)
{
	struct app a = { .code = DAEMON_FAILED };
	int err = config_read(argc, argv, &a.conf, a.why, sizeof(a.why));
	int code = DAEMON_FAILED;

	if (a.conf.help || a.conf.version) {
		if (a.conf.help)
			config_print_help();
		else
			puts("crrfs " PACKAGE_VERSION);
		config_free(&a.conf);
		return DAEMON_OK;
	}
	if (err == 0) {
		a.why[0] = '\0';
		err = name_source(&a);
	}
	if (err == 0)
		err = daemon_start(a.conf.foreground, a.conf.log_level, &a.daemon);
	if (err < 0) {
		fprintf(stderr, "crrfs: %s\n",
			a.why[0] ? a.why : errno_text(err, a.why, sizeof(a.why)));
	} else {
		code = run(&a);
		take_down(&a);
		/* Only now: whoever hears of the failure may try again at once. */
		daemon_report(&a.daemon, (enum daemon_exit)code, a.why[0] ? a.why : NULL);
	}
	free(a.source_name);
	config_free(&a.conf);
	return code;
}
