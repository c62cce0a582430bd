/* fuzz_row.c - what the queue's rows hold as JSON, in a file that somebody may have changed: it is
 * read whole or refused, and what was read is written the same way. */
#include "base/json.h"
#include "queue/job.h"
#include "tests/fuzz/fuzz.h"

/* Walks over all of it, and never stands still. */
static void check_base(const struct job_base *b)
{
	uint64_t off = 0, len = 0;

	for (unsigned i = 0; i < 100; i++) {
		(void)job_base_owns(b, off, MIB, &len);
		FUZZ_MUST(len > 0 && len <= MIB);
		if (off > UINT64_MAX - len)
			break;
		if (job_base_has(b, (struct s3_range){ off, off + len }))
			FUZZ_MUST(off + len <= b->shown);
		off += len;
	}
}

static void check_spec(const char *text)
{
	struct job_spec s = { 0 }, again = { 0 }, copy = { 0 };
	auto_with(buf_free) struct buf out, twice;

	buf_init(&out, BUF_LIMIT_DOC);
	buf_init(&twice, BUF_LIMIT_DOC);
	if (job_spec_from_json(text, &s))
		return;
	FUZZ_MUST(!job_spec_to_json(&s, &out));
	FUZZ_MUST(!job_spec_from_json(buf_str(&out), &again));
	FUZZ_MUST(!job_spec_copy(&copy, &again));
	FUZZ_MUST(!job_spec_to_json(&copy, &twice));
	FUZZ_MUST(!strcmp(buf_str(&out), buf_str(&twice)));
	check_base(&copy.base);
	job_spec_free(&s);
	job_spec_free(&again);
	job_spec_free(&copy);
}

static void check_how(const char *text)
{
	struct job_how h = { 0 }, again = { 0 };
	auto_with(buf_free) struct buf out;

	buf_init(&out, BUF_LIMIT_DOC);
	if (job_how_from_json(text, &h))
		return;
	FUZZ_MUST(!job_how_to_json(&h, &out));
	FUZZ_MUST(!job_how_from_json(buf_str(&out), &again));
	job_how_free(&h);
	job_how_free(&again);
}

static void check_kv(const char *text)
{
	auto_with(kv_free) struct kv kv = KV_EMPTY;
	auto_with(kv_free) struct kv again = KV_EMPTY;
	auto_with(buf_free) struct buf out;

	buf_init(&out, BUF_LIMIT_DOC);
	if (json_to_kv(text, &kv))
		return;
	FUZZ_MUST(!json_from_kv(&kv, &out));
	FUZZ_MUST(!json_to_kv(buf_str(&out), &again));
	FUZZ_MUST(kv_equal(&kv, &again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned choice = fuzz_choose(&data, &size, 3);
	auto_free char *text = fuzz_text(data, size);

	if (choice == 0)
		check_spec(text);
	else if (choice == 1)
		check_how(text);
	else
		check_kv(text);
	return 0;
}
