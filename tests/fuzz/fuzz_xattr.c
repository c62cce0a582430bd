/* fuzz_xattr.c - names and values of xattrs <-> metadata: whatever a program sets it gets back. */
#include "fs/xattr_i.h"
#include "s3/tagging.h"
#include "tests/fuzz/fuzz.h"

static void check_name(const char *name)
{
	auto_with(buf_free) struct buf header, back;

	buf_init(&header, BUF_LIMIT_SMALL);
	buf_init(&back, BUF_LIMIT_SMALL);
	if (xattr_name_encode(name, &header))
		return;
	for (const char *p = buf_str(&header); *p; p++)
		FUZZ_MUST(strchr("abcdefghijklmnopqrstuvwxyz0123456789._-%", *p));
	if (xattr_name_decode(buf_str(&header), &back))
		return;
	FUZZ_MUST(!strncmp(buf_str(&back), "user.", 5));
	if (strncmp(buf_str(&back), "user.s3.meta.", 13))
		FUZZ_MUST(!strcmp(buf_str(&back) + 5, name));
	else
		FUZZ_MUST(!strcmp(buf_str(&back) + 13, name) || !strcmp(buf_str(&back) + 5, name));
}

static void check_value(const uint8_t *data, size_t size)
{
	auto_with(buf_free) struct buf text, back;

	buf_init(&text, BUF_LIMIT_DOC);
	buf_init(&back, BUF_LIMIT_DOC);
	if (xattr_value_encode(data, size, &text))
		return;
	for (const char *p = buf_str(&text); *p; p++)
		FUZZ_MUST((unsigned char)*p >= ' ' && (unsigned char)*p < 0x7f);
	FUZZ_MUST(!xattr_value_decode(buf_str(&text), &back));
	FUZZ_MUST(back.len == size &&
		  !memcmp(buf_str(&back), size ? data : (const void *)"", size));
}

/* What another client wrote there. */
static void check_foreign(const char *text)
{
	auto_with(buf_free) struct buf name, value;

	buf_init(&name, BUF_LIMIT_SMALL);
	buf_init(&value, BUF_LIMIT_SMALL);
	if (!xattr_name_decode(text, &name))
		FUZZ_MUST(!strncmp(buf_str(&name), "user.", 5));
	(void)!xattr_value_decode(text, &value);
}

static void check_grants(const char *text)
{
	auto_with(acl_free) struct acl a = { 0 };
	auto_with(acl_free) struct acl again = { 0 };
	auto_with(buf_free) struct buf out;

	buf_init(&out, BUF_LIMIT_SMALL);
	if (grants_read(text, &a) || grants_write(&a, &out))
		return;
	FUZZ_MUST(!grants_read(buf_str(&out), &again));
	FUZZ_MUST(acl_equal(&a, &again));
}

static void check_retention(const char *text)
{
	auto_with(buf_free) struct buf out;
	struct s3_retention r = { 0 };

	buf_init(&out, BUF_LIMIT_SMALL);
	if (!retention_read(text, &r))
		(void)!retention_write(&r, &out);
}

/* user.s3.tags: what S3 would take is written and read as the same. */
static void check_tags(const char *text)
{
	auto_with(kv_free) struct kv tags = KV_EMPTY;
	auto_with(kv_free) struct kv again = KV_EMPTY;
	auto_with(buf_free) struct buf out;
	char why[200] = "";

	buf_init(&out, BUF_LIMIT_DOC);
	if (kv_from_query(text, &tags))
		return;
	if (tagging_check(&tags, why, sizeof(why)))
		FUZZ_MUST(*why);
	FUZZ_MUST(!kv_to_query(&tags, &out));
	FUZZ_MUST(!kv_from_query(buf_str(&out), &again));
	FUZZ_MUST(kv_equal(&tags, &again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned choice = fuzz_choose(&data, &size, 6);
	auto_free char *text = fuzz_text(data, size);

	switch (choice) {
	case 0: check_name(text); break;
	case 1: check_value(data, size); break;
	case 2: check_foreign(text); break;
	case 3: check_grants(text); break;
	case 4: check_retention(text); break;
	default: check_tags(text); break;
	}
	return 0;
}
