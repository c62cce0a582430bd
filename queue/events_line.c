#include "queue/events_i.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/json.h"

static const char *event_name(enum event e)
{
	switch (e) {
	case EVENT_FAILED: return "Replication:OperationFailedReplication";
	case EVENT_MISSED: return "Replication:OperationMissedThreshold";
	case EVENT_AFTER: return "Replication:OperationReplicatedAfterThreshold";
	case EVENT_NOT_TRACKED: return "Replication:OperationNotTracked";
	case EVENT_NONE: break;
	}
	return "";
}

/* AWS shows OBJECT_PUT only; the others are named alike. */
static const char *operation_name(enum job_kind k)
{
	switch (k) {
	case JOB_OBJECT: return "OBJECT_PUT";
	case JOB_TAGS: return "OBJECT_TAGGING";
	case JOB_DELETE: return "OBJECT_DELETE";
	case JOB_ACL: return "OBJECT_ACL";
	case JOB_RETENTION: return "OBJECT_RETENTION";
	case JOB_LEGAL_HOLD: return "OBJECT_LEGAL_HOLD";
	}
	return "";
}

static void add_time(struct json_out *j, const char *name, int64_t ms)
{
	char text[40];

	time_format_iso(ms, text);
	json_str(j, name, text);
}

static void add_number_text(struct json_out *j, const char *name, int64_t v)
{
	char text[32];

	snprintf(text, sizeof(text), "%lld", (long long)v);
	json_str(j, name, text);
}

static int add_s3(struct json_out *j, const struct event_text *t)
{
	auto_with(buf_free) struct buf key;
	char sequencer[32], arn[128];
	const struct job *job = t->job;
	int err;

	buf_init(&key, BUF_LIMIT_DOC);
	err = uri_encode(job->key, true, &key);
	snprintf(sequencer, sizeof(sequencer), "%016llX", (unsigned long long)job->id);
	snprintf(arn, sizeof(arn), "arn:aws:s3:::%s", t->bucket);
	json_open(j, "s3", '{');
	json_str(j, "s3SchemaVersion", "1.0");
	json_str(j, "configurationId", "crrfs");
	json_open(j, "bucket", '{');
	json_str(j, "name", t->bucket);
	json_open(j, "ownerIdentity", '{');
	json_str(j, "principalId", "");
	json_close(j, '}');
	json_str(j, "arn", arn);
	json_close(j, '}');
	json_open(j, "object", '{');
	json_str(j, "key", buf_str(&key));
	if (job->kind != JOB_DELETE && job->spec.known) {
		json_u64(j, "size", job->spec.size);
		json_str(j, "eTag", job->spec.etag ? job->spec.etag : "");
	}
	if (job->version)
		json_str(j, "versionId", job->version);
	json_str(j, "sequencer", sequencer);
	json_close(j, '}');
	json_close(j, '}');
	return err;
}

/* threshold and replicationTime are strings in AWS's Java SDK (ReplicationEventDataEntity). */
static void add_replication(struct json_out *j, const struct event_text *t)
{
	const struct job *job = t->job;
	const char *reason = job->reason ? job->reason : job->code;

	json_open(j, "replicationEventData", '{');
	json_str(j, "replicationRuleId", job->rule_id ? job->rule_id : "");
	json_str(j, "destinationBucket", job->dest);
	json_str(j, "s3Operation", operation_name(job->kind));
	add_time(j, "requestTime", job->created_ms);
	if (t->event == EVENT_FAILED)
		json_str(j, "failureReason", reason ? reason : "");
	if (t->event == EVENT_MISSED || t->event == EVENT_AFTER)
		add_number_text(j, "threshold", job->how.threshold_minutes);
	if (t->event == EVENT_AFTER)
		add_number_text(j, "replicationTime", (job->done_ms - job->created_ms) / 1000);
	json_close(j, '}');
}

int events_line(const struct event_text *t, struct buf *out)
{
	struct json_out j;
	char id[32];
	int err;

	snprintf(id, sizeof(id), "%lld", (long long)t->job->id);
	json_start(&j, out, false);
	json_open(&j, NULL, '{');
	json_open(&j, "Records", '[');
	json_open(&j, NULL, '{');
	json_str(&j, "eventVersion", "2.2");
	json_str(&j, "eventSource", "aws:s3");
	json_str(&j, "awsRegion", t->region);
	add_time(&j, "eventTime", t->now_ms);
	json_str(&j, "eventName", event_name(t->event));
	json_open(&j, "userIdentity", '{');
	json_str(&j, "principalId", "crrfs");
	json_close(&j, '}');
	json_open(&j, "requestParameters", '{');
	json_str(&j, "sourceIPAddress", "crrfs");
	json_close(&j, '}');
	json_open(&j, "responseElements", '{');
	json_str(&j, "x-amz-request-id", id);
	json_str(&j, "x-amz-id-2", "");
	json_close(&j, '}');
	err = add_s3(&j, t);
	add_replication(&j, t);
	json_close(&j, '}');
	json_close(&j, ']');
	json_close(&j, '}');
	return err < 0 ? err : out->error;
}
