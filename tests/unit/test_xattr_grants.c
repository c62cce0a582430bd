/* test_xattr_grants.c - ACLs and retentions as people write them: there and back, and refused. */
#include <errno.h>

#include "fs/xattr_i.h"
#include "tests/unit/check.h"

#define GROUP "http://acs.amazonaws.com/groups/global/AllUsers"

static void test_grants(void)
{
	static const char *const rows[] = {
		"owner=me;full-control=id:me",
		"owner=me;full-control=id:me;read=" GROUP,
		"owner=me;write=id:a=b;read-acp=" GROUP ";write-acp=id:you",
	};

	for (size_t i = 0; i < array_size(rows); i++) {
		auto_with(acl_free) struct acl a = { 0 };
		auto_with(buf_free) struct buf text;

		CHECK_CASE(rows[i]);
		buf_init(&text, BUF_LIMIT_SMALL);
		CHECK_INT(grants_read(rows[i], &a), 0);
		CHECK_INT(grants_read(rows[i], &a), 0); /* replaces */
		CHECK_INT(grants_write(&a, &text), 0);
		CHECK_STR(buf_str(&text), rows[i]);
	}
	CHECK_CASE("");
}

static void test_no_owner(void)
{
	auto_with(acl_free) struct acl a = { 0 };
	auto_with(buf_free) struct buf text;

	buf_init(&text, BUF_LIMIT_SMALL);
	CHECK_INT(grants_read("read=" GROUP, &a), 0);
	CHECK(a.owner == NULL);
	CHECK_INT(a.n, 1);
	CHECK_INT(a.grants[0].permission, ACL_READ);
	CHECK(a.grants[0].id == NULL);
	CHECK_STR(a.grants[0].uri, GROUP);
	CHECK_INT(grants_write(&a, &text), 0);
	CHECK_STR(buf_str(&text), "read=" GROUP);
}

/* A server's word: what it says must not read back as other grants. */
static void test_no_grants(void)
{
	struct acl_grant g = { .id = (char *)"x;full-control=id:evil", .permission = ACL_READ };
	struct acl a = { .owner = (char *)"me", .grants = &g, .n = 1 };
	auto_with(buf_free) struct buf text;

	buf_init(&text, BUF_LIMIT_SMALL);
	CHECK_INT(grants_write(&a, &text), -EBADMSG);
	g.id = (char *)"x";
	CHECK_INT(grants_write(&a, &text), 0);
	a.owner = (char *)"me;read=id:evil";
	CHECK_INT(grants_write(&a, &text), -EBADMSG);
}

static void test_bad_grants(void)
{
	static const char *const rows[] = {
		"",
		"owner=me",
		"owner=me;owner=you;read=id:x",
		"owner=;read=id:x",
		"read",
		"read=",
		"read=x",
		"read=id:",
		"READ=id:x",
		"read=id:x;",
		";read=id:x",
		"reads=id:x",
		"public-read;read=id:x",
	};
	auto_with(acl_free) struct acl a = { 0 };

	for (size_t i = 0; i < array_size(rows); i++) {
		CHECK_CASE(rows[i]);
		CHECK_INT(grants_read(rows[i], &a), -EINVAL);
		CHECK(a.owner == NULL && a.n == 0);
	}
	CHECK_CASE("");
}

static void test_retention(void)
{
	static const char *const bad[] = {
		"GOVERNANCE",	"GOVERNANCE ",		 "governance 2030-01-01T00:00:00Z",
		"COMPLIANCE x", " 2030-01-01T00:00:00Z", "GOVERNANCE 2030-01-01T00:00:00Z x",
	};
	auto_with(buf_free) struct buf text;
	struct s3_retention r = { 0 };

	buf_init(&text, BUF_LIMIT_SMALL);
	CHECK_INT(retention_read("COMPLIANCE 2030-01-01T00:00:00Z", &r), 0);
	CHECK_STR(r.mode, "COMPLIANCE");
	CHECK_INT(r.until_ms, 1893456000000);
	CHECK_INT(retention_write(&r, &text), 0);
	CHECK_STR(buf_str(&text), "COMPLIANCE 2030-01-01T00:00:00Z");
	for (size_t i = 0; i < array_size(bad); i++) {
		CHECK_CASE(bad[i]);
		CHECK_INT(retention_read(bad[i], &r), -EINVAL);
		CHECK_STR(r.mode, "COMPLIANCE");
	}
	CHECK_CASE("");
	CHECK_INT(retention_read("", &r), 0);
	CHECK_STR(r.mode, "");
}

int main(void)
{
	test_grants();
	test_no_owner();
	test_no_grants();
	test_bad_grants();
	test_retention();
	return check_done();
}
