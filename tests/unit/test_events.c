#include <sys/eventfd.h>

#include "base/io.h"
#include "queue/events_i.h"
#include "tests/unit/store_fixture.h"

#define HEAD                                                                                       \
	"{\"Records\":[{\"eventVersion\":\"2.2\",\"eventSource\":\"aws:s3\","                      \
	"\"awsRegion\":\"eu-west-1\",\"eventTime\":\"1970-01-01T00:33:20.000Z\","                  \
	"\"eventName\":\"Replication:"
#define MIDDLE                                                                                     \
	"\",\"userIdentity\":{\"principalId\":\"crrfs\"},"                                         \
	"\"requestParameters\":{\"sourceIPAddress\":\"crrfs\"},"                                   \
	"\"responseElements\":{\"x-amz-request-id\":\"26\",\"x-amz-id-2\":\"\"},"                  \
	"\"s3\":{\"s3SchemaVersion\":\"1.0\",\"configurationId\":\"crrfs\","                       \
	"\"bucket\":{\"name\":\"src\",\"ownerIdentity\":{\"principalId\":\"\"},"                   \
	"\"arn\":\"arn:aws:s3:::src\"},\"object\":{\"key\":\"Tax/a%20b%2Bc\","
#define OBJECT "\"size\":7,\"eTag\":\"abc\","
#define TAIL                                                                                       \
	"\"versionId\":\"v1\",\"sequencer\":\"000000000000001A\"}},"                               \
	"\"replicationEventData\":{\"replicationRuleId\":\"rule-1\","                              \
	"\"destinationBucket\":\"" A "\",\"s3Operation\":\""
#define TIME "\",\"requestTime\":\"1970-01-01T00:00:01.000Z\""

static void test_line(void)
{
	static const struct {
		enum event event;
		enum job_kind kind;
		const char *line;
	} rows[] = {
		{ EVENT_FAILED, JOB_OBJECT,
		  HEAD "OperationFailedReplication" MIDDLE OBJECT TAIL "OBJECT_PUT" TIME
		       ",\"failureReason\":\"DstBucketNotFound\"}}]}" },
		{ EVENT_MISSED, JOB_OBJECT,
		  HEAD "OperationMissedThreshold" MIDDLE OBJECT TAIL "OBJECT_PUT" TIME
		       ",\"threshold\":\"15\"}}]}" },
		{ EVENT_AFTER, JOB_TAGS,
		  HEAD "OperationReplicatedAfterThreshold" MIDDLE OBJECT TAIL "OBJECT_TAGGING" TIME
		       ",\"threshold\":\"15\",\"replicationTime\":\"1000\"}}]}" },
		{ EVENT_NOT_TRACKED, JOB_DELETE,
		  HEAD "OperationNotTracked" MIDDLE TAIL "OBJECT_DELETE" TIME "}}]}" },
	};
	struct job j = make_job(JOB_OBJECT, "Tax/a b+c", "v1", A);

	j.id = 26;
	j.rule_id = (char *)(uintptr_t) "rule-1";
	j.reason = (char *)(uintptr_t) "DstBucketNotFound";
	j.how.threshold_minutes = 15;
	j.done_ms = 1001000;
	j.spec = (struct job_spec){ .known = true, .size = 7, .etag = (char *)(uintptr_t) "abc" };
	for (size_t i = 0; i < array_size(rows); i++) {
		struct event_text t = { .event = rows[i].event,
					.job = &j,
					.bucket = "src",
					.region = "eu-west-1",
					.now_ms = 2000000 };
		auto_with(buf_free) struct buf b;

		buf_init(&b, BUF_LIMIT_DOC);
		j.kind = rows[i].kind;
		CHECK_INT(events_line(&t, &b), 0);
		CHECK_STR(buf_str(&b), rows[i].line);
	}
}

/* --- what a row has to tell, with a fake clock ------------------------------------------------ */

/* The next alarm at now as "MA": missed, after, not tracked; and marks it as told. "" = none. */
static const char *told_at(struct store *s, int64_t now, int64_t *ret_next)
{
	static char text[3];
	auto_with(job_free) struct job j = { 0 };
	enum event events[2];
	int r = store_next_alarm(s, now, &j, ret_next);
	size_t n = 0;

	CHECK(r >= 0);
	text[0] = '\0';
	if (r != 1)
		return text;
	events_decide(&j, events);
	for (size_t i = 0; i < 2 && events[i]; i++)
		text[n++] = events[i] == EVENT_MISSED ? 'M' : events[i] == EVENT_AFTER ? 'A' : 'N';
	text[n] = '\0';
	CHECK_INT(store_told_alarm(s, j.id, j.state != JOB_DONE), 0);
	return text;
}

static struct job tracked(const char *key, int64_t created_ms)
{
	struct job j = make_job(JOB_OBJECT, key, "v", A);

	j.how.threshold_minutes = 15;
	j.created_ms = created_ms;
	return j;
}

#define MINUTES_15 (15 * 60000)

static void test_thresholds(void)
{
	struct store *s = fresh();
	int64_t now = clock_wall_ms(), next = 0;

	/* in time: nothing is told */
	CHECK(add_job(s, tracked("in-time", now)) > 0);
	CHECK_STR(told_at(s, now, &next), "");
	CHECK_INT(next, now + MINUTES_15);
	CHECK(work(s, OUTCOME_DONE) > 0);
	CHECK_STR(told_at(s, now + 10 * MINUTES_15, &next), "");
	CHECK(next == CLOCK_NEVER);
	/* pending when the time is over, done later */
	CHECK(add_job(s, tracked("late", now)) > 0);
	CHECK_STR(told_at(s, now + MINUTES_15 - 1, &next), "");
	CHECK_STR(told_at(s, now + MINUTES_15, &next), "M");
	CHECK_STR(told_at(s, now + MINUTES_15, &next), "");
	CHECK(work(s, OUTCOME_DONE) > 0);
	CHECK_STR(told_at(s, now, &next), "A");
	CHECK_STR(told_at(s, now + 10 * MINUTES_15, &next), "");
	/* both at once, when nobody looked in between */
	CHECK(add_job(s, tracked("unseen", now - 2 * MINUTES_15)) > 0);
	CHECK(work(s, OUTCOME_DONE) > 0);
	CHECK_STR(told_at(s, now, &next), "MA");
	CHECK_STR(told_at(s, now + 10 * MINUTES_15, &next), "");
	store_close(s);
}

/* It is done between "missed" was told and was marked. */
static void test_race(void)
{
	struct store *s = fresh();
	int64_t next = 0, id = add_job(s, tracked("k", 1000));
	auto_with(job_free) struct job j = { 0 };

	CHECK_INT(store_next_alarm(s, clock_wall_ms(), &j, &next), 1);
	CHECK_INT(work(s, OUTCOME_DONE), id);
	CHECK_INT(store_told_alarm(s, id, true), 0);
	CHECK_STR(told_at(s, clock_wall_ms(), &next), "A");
	CHECK_STR(told_at(s, clock_wall_ms(), &next), "");
	store_close(s);
}

static void test_gone(void)
{
	struct outcome o = { .kind = OUTCOME_DONE, .code = "Nothing" };
	auto_free char *unstaged = NULL;
	struct store *s = fresh();
	auto_with(job_free) struct job j = { 0 };
	int64_t next = 0;

	CHECK(add_job(s, tracked("k", clock_wall_ms())) > 0);
	CHECK(claim_at(s, 5000, &j) > 0);
	CHECK_INT(store_finish(s, &j, &o, &unstaged), 0);
	CHECK_STR(told_at(s, clock_wall_ms(), &next), "N");
	CHECK_STR(told_at(s, clock_wall_ms(), &next), "");
	store_close(s);
}

static void test_failed(void)
{
	struct store *s = fresh();
	int64_t id = add(s, "k", "v", A);
	auto_with(job_free) struct job j = { 0 };
	uint64_t n;
	int64_t scout;

	CHECK_INT(store_next_failed(s, &j), 0);
	CHECK_INT(work(s, OUTCOME_PARK), id);
	CHECK_INT(store_next_failed(s, &j), 1);
	CHECK_INT(j.id, id);
	CHECK_INT(store_told_failed(s, id), 0);
	job_free(&j);
	CHECK_INT(store_next_failed(s, &j), 0);
	/* a scout's failure is no news; after a person's word it is */
	CHECK_INT(store_scout(s, A, "", NULL, 0, &scout), 0);
	CHECK_INT(claim_at(s, clock_wall_ms() + 1000, &j), id);
	CHECK_INT(finish_as(s, &j, OUTCOME_PARK), 0);
	job_free(&j);
	CHECK_INT(store_next_failed(s, &j), 0);
	CHECK_INT(sql_number(s->read, "SELECT failed FROM metric"), 1);
	CHECK_INT(store_retry(s, NULL, NULL, &n), 0);
	CHECK_INT(claim_at(s, clock_wall_ms() + 1000, &j), id);
	CHECK_INT(finish_as(s, &j, OUTCOME_PARK), 0);
	job_free(&j);
	CHECK_INT(store_next_failed(s, &j), 1);
	CHECK_INT(sql_number(s->read, "SELECT failed FROM metric"), 2);
	store_close(s);
}

static int count_alarm(void *arg, const struct job *j)
{
	(void)j;
	++*(int *)arg;
	return 0;
}

static void test_each_alarm(void)
{
	struct store *s = fresh();
	int n = 0;

	CHECK(add_job(s, tracked("a", 1000)) > 0);
	CHECK(add_job(s, tracked("b", 1000)) > 0);
	CHECK(add(s, "c", "v", A) > 0);
	CHECK_INT(store_each_alarm(s, count_alarm, &n), 0);
	CHECK_INT(n, 2);
	store_close(s);
}

/* A row that cannot be read does not hold up the others. */
static void test_damaged(void)
{
	struct store *s = fresh();
	int64_t bad = add_job(s, tracked("bad", 1000)), next = 0;
	auto_with(job_free) struct job j = { 0 };

	CHECK_INT(work(s, OUTCOME_PARK), bad);
	CHECK(add_job(s, tracked("good", 2000)) > 0);
	CHECK(work(s, OUTCOME_PARK) > 0);
	CHECK_INT(sql(s->db, "UPDATE job SET spec = 'x' WHERE key = 'bad'"), 0);
	quiet(true);
	CHECK_STR(told_at(s, clock_wall_ms(), &next), "M");
	CHECK_INT(store_next_failed(s, &j), 1);
	quiet(false);
	CHECK_STR(j.key, "good");
	store_close(s);
}

static struct rule_set *rules(const char *id, const char *status)
{
	char xml[1200];
	struct rule_set *rs = NULL;

	snprintf(xml, sizeof(xml),
		 "<ReplicationConfiguration><Role>arn:aws:iam::123456789012:role/r</Role>"
		 "<Rule><ID>%s</ID><Status>Enabled</Status><Priority>1</Priority><Filter/>"
		 "<DeleteMarkerReplication><Status>Disabled</Status></DeleteMarkerReplication>"
		 "<Destination><Bucket>" A "</Bucket>"
		 "<ReplicationTime><Status>%s</Status><Time><Minutes>15</Minutes></Time>"
		 "</ReplicationTime><Metrics><Status>%s</Status>%s</Metrics>"
		 "</Destination></Rule></ReplicationConfiguration>",
		 id, status, status,
		 strcmp(status, "Enabled") == 0
			 ? "<EventThreshold><Minutes>15</Minutes></EventThreshold>"
			 : "");
	CHECK_INT(rules_parse(xml, strlen(xml), &rs, NULL), 0);
	return rs;
}

static void test_tracked(void)
{
	struct rule_set *on = rules("r", "Enabled"), *off = rules("r", "Disabled"),
			*other = rules("o", "Enabled");
	struct job j = tracked("k", 0);

	CHECK(!events_is_tracked(on, &j)); /* no rule: a change that follows its version */
	j.rule_id = (char *)(uintptr_t) "r";
	CHECK(events_is_tracked(on, &j));
	CHECK(!events_is_tracked(off, &j));
	CHECK(!events_is_tracked(other, &j));
	j.dest = (char *)(uintptr_t)B;
	CHECK(!events_is_tracked(on, &j));
	rules_unref(on);
	rules_unref(off);
	rules_unref(other);
}

/* --- to whom ---------------------------------------------------------------------------------- */

static const char *read_back(const char *path)
{
	static char text[4000];
	auto_with(buf_free) struct buf b;

	buf_init(&b, sizeof(text) - 1);
	CHECK_INT(io_read_file(path, sizeof(text) - 1, &b), 0);
	snprintf(text, sizeof(text), "%s", buf_str(&b));
	unlink(path);
	return text;
}

static void test_send(void)
{
	int stop = eventfd(0, EFD_CLOEXEC);
	char path[256], command[400];

	in_dir("events", path);
	CHECK_INT(events_send(path, "one\n", stop), 0);
	CHECK_INT(events_send(path, "two\n", stop), 0);
	CHECK_STR(read_back(path), "one\ntwo\n");
	CHECK_INT(events_send("/nowhere/at/all", "one\n", stop), -ENOENT);
	/* a command: the line on its standard input, and no credentials */
	setenv("AWS_SECRET_ACCESS_KEY", "hidden", 1);
	setenv("SECRET", "hidden", 1);
	snprintf(command, sizeof(command), "|(cat; env) >%s", path);
	CHECK_INT(events_send(command, "three\n", stop), 0);
	CHECK(strncmp(read_back(path), "three\n", 6) == 0);
	CHECK_INT(events_send(command, "x", stop), 0);
	CHECK(strstr(read_back(path), "hidden") == NULL);
	quiet(true);
	CHECK_INT(events_send("|exit 3", "four\n", stop), 0); /* its own affair */
	CHECK_INT(events_run("sleep 1000", "five\n", stop, 20), 0);
	quiet(false);
	/* the shell's: nobody was told */
	CHECK_INT(events_send("|exec 2>/dev/null; /nowhere/at/all", "x\n", stop), -ENOENT);
	CHECK_INT(events_send("|exec 2>/dev/null; /etc/passwd", "x\n", stop), -EACCES);
	CHECK_INT(mkfifo(path, 0600), 0);
	CHECK_INT(events_send(path, "x\n", stop), -ENXIO);
	unlink(path);
	CHECK_INT(eventfd_write(stop, 1), 0);
	CHECK_INT(events_run("sleep 1000", "six\n", stop, 100000), -ECANCELED);
	close(stop);
}

int main(void)
{
	fixture_start();
	test_line();
	test_thresholds();
	test_race();
	test_gone();
	test_failed();
	test_each_alarm();
	test_damaged();
	test_tracked();
	test_send();
	fixture_end();
	return check_done();
}
