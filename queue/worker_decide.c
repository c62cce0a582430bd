#include "queue/worker_i.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/backoff.h"
#include "base/log.h"
#include "queue/dest_i.h"
#include "queue/reason.h"

#define WAIT_MS 500

/*
 *  answer                                                   outcome
 *  0                                                        done
 *  -ENODATA: nothing to do any more                         done, with a code (no ledger entry)
 *  -ECANCELED: the mount stops                              later, not counted
 *  -EINPROGRESS: what it is made of is on its way           later, not counted
 *  no answer, 5xx, throttling, full, conflict, our own      later, backed off
 *  credentials that time will mend                          later
 *  permission, wrong request, no such bucket                parked
 *  the replica differs                                      later, parked at the third time
 */

static bool is_permanent(const struct worker_facts *f)
{
	const struct s3_error *e = f->error;

	switch (e->class) {
	case FAULT_AUTH: return !dest_is_stale_cred(e) && f->err != -ENOSPC;
	case FAULT_GONE: return strcmp(e->code, "NoSuchUpload") != 0;
	case FAULT_BAD: return true;
	case FAULT_CONFLICT:
		return strcmp(e->code, COPY_DIFFERS) == 0 && f->attempt + 1 >= WORKER_DIFFERS_MAX;
	case FAULT_NONE:
	case FAULT_RETRY: break;
	}
	return false;
}

static void set_words(const struct worker_facts *f, struct outcome *o)
{
	const struct s3_error *e = f->error;
	char text[400];

	if (e->code[0] || e->status) {
		snprintf(o->code, sizeof(o->code), "%s", e->code[0] ? e->code : "Unknown");
		s3_error_text(e, text, sizeof(text));
	} else {
		snprintf(o->code, sizeof(o->code), "Local");
		errno_text(f->err, text, 64);
	}
	snprintf(o->why, sizeof(o->why), "%.255s", text);
	snprintf(o->reason, sizeof(o->reason), "%s", reason_of(f->kind, f->at_source, e));
}

void worker_decide(const struct worker_facts *f, struct outcome *ret_o)
{
	const struct backoff b = { .first_ms = f->first_ms, .max_ms = f->max_ms, .factor_x10 = 20 };
	struct outcome o = { .kind = OUTCOME_DONE };

	if (f->err == 0) {
		snprintf(o.replica_version, sizeof(o.replica_version), "%s", f->version);
	} else if (f->err == -ECANCELED) {
		o.kind = OUTCOME_LATER;
		o.due_ms = f->now_ms;
		o.uncertain = f->uncertain;
	} else if (f->err == -EINPROGRESS) {
		o.kind = OUTCOME_LATER;
		o.due_ms = f->now_ms + WAIT_MS;
		o.uncertain = f->uncertain;
	} else if (f->err == -ENODATA) {
		snprintf(o.code, sizeof(o.code), "Nothing");
		snprintf(o.why, sizeof(o.why), "%.255s",
			 f->error->message[0] ? f->error->message : "the version is gone");
	} else {
		o.kind = is_permanent(f) ? OUTCOME_PARK : OUTCOME_LATER;
		o.count = true;
		o.uncertain = f->uncertain;
		o.due_ms = f->now_ms + max_of(backoff_next(&b, f->attempt + 1, f->rnd),
					      f->error->retry_after_ms);
		set_words(f, &o);
	}
	*ret_o = o;
}
