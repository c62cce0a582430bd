/* fuzz_xml.c - the bodies that a server sends: whatever it says, nothing is taken that is not whole. */
#include "s3/acl.h"
#include "s3/body.h"
#include "s3/lifecycle.h"
#include "tests/fuzz/fuzz.h"

static char why[400];

static void check_page(const struct s3_page *p, bool versions)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct s3_entry *e = &p->entries[i];

		FUZZ_MUST(e->key && *e->key);
		FUZZ_MUST(strlen(e->key) <= S3_KEY_MAX);
		FUZZ_MUST(!versions || e->is_prefix || e->version_id);
	}
	if (p->truncated)
		FUZZ_MUST(versions ? p->next_key != NULL : p->next_token != NULL);
}

static void read_list(const char *s, size_t n, bool versions)
{
	auto_with(s3_page_free) struct s3_page p = { 0 };
	int err = versions ? body_read_versions(s, n, &p, why) : body_read_keys(s, n, &p, why);

	if (!err)
		check_page(&p, versions);
}

static void read_tags(const char *s, size_t n)
{
	auto_with(kv_free) struct kv tags = KV_EMPTY;
	auto_with(kv_free) struct kv again = KV_EMPTY;
	auto_with(buf_free) struct buf out;

	buf_init(&out, BUF_LIMIT_DOC);
	if (body_read_tags(s, n, &tags, why) || body_write_tags(&tags, &out))
		return;
	FUZZ_MUST(!body_read_tags(buf_str(&out), out.len, &again, why));
	FUZZ_MUST(kv_equal(&tags, &again));
}

static void read_acl(const char *s, size_t n)
{
	auto_with(acl_free) struct acl a = { 0 };
	auto_with(acl_free) struct acl again = { 0 };
	auto_with(buf_free) struct buf out;

	buf_init(&out, BUF_LIMIT_DOC);
	if (acl_read(s, n, &a, why) || acl_write(&a, &out))
		return;
	FUZZ_MUST(!acl_read(buf_str(&out), out.len, &again, why));
	FUZZ_MUST(acl_equal(&a, &again));
	(void)acl_canned(&a);
}

static void read_uploads(const char *s, size_t n)
{
	struct body_uploads u = { 0 };
	struct body_parts p = { 0 };

	if (!body_read_uploads(s, n, &u, why))
		FUZZ_MUST(!u.truncated || u.next_key);
	if (!body_read_parts(s, n, &p, why))
		for (size_t i = 0; i < p.n; i++)
			FUZZ_MUST(p.items[i].number >= 1);
	body_uploads_free(&u);
	body_parts_free(&p);
}

static void read_texts(const char *s, size_t n)
{
	auto_free char *id = NULL, *etag = NULL, *copied = NULL;
	struct s3_crc32c crc;
	int64_t mtime_ms;

	(void)!body_read_upload_id(s, n, &id, why);
	(void)!body_read_complete(s, n, &etag, &crc, why);
	(void)!body_read_copy(s, n, &copied, &mtime_ms, &crc, why);
}

static void read_settings(const char *s, size_t n)
{
	enum bucket_versioning versioning;
	struct s3_retention retention = { 0 };
	struct s3_lock_conf lock = { 0 };
	bool on, has;

	(void)!body_read_versioning(s, n, &versioning, why);
	(void)!body_read_retention(s, n, &retention, why);
	(void)!body_read_legal_hold(s, n, &on, why);
	(void)!body_read_lock_conf(s, n, &lock, why);
	(void)!body_read_has_rules(s, n, &has, why);
}

/* With the rules that were missing nothing is missing. */
static void read_lifecycle(const char *s, size_t n)
{
	const struct lifecycle_days days = { .noncurrent = 30, .uploads = 7 };
	struct lifecycle_gaps before = { 0 }, after = { 0 };
	auto_with(buf_free) struct buf out, rules;

	buf_init(&out, BUF_LIMIT_DOC);
	buf_init(&rules, BUF_LIMIT_DOC);
	if (!lifecycle_find_gaps(s, n, &before, why) &&
	    !lifecycle_extend(s, n, &days, &out, &rules, why)) {
		FUZZ_MUST(!lifecycle_find_gaps(buf_str(&out), out.len, &after, why));
		FUZZ_MUST(!lifecycle_has_gap(&after, GAP_EXPIRATION));
		FUZZ_MUST(!lifecycle_has_gap(&after, GAP_UPLOADS));
	}
	lifecycle_gaps_free(&before);
	lifecycle_gaps_free(&after);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned choice = fuzz_choose(&data, &size, 7);
	const char *s = (const char *)data;

	switch (choice) {
	case 0: read_list(s, size, false); break;
	case 1: read_list(s, size, true); break;
	case 2: read_tags(s, size); break;
	case 3: read_acl(s, size); break;
	case 4: read_uploads(s, size); break;
	case 5: read_texts(s, size); break;
	default:
		read_settings(s, size);
		read_lifecycle(s, size);
		break;
	}
	return 0;
}
