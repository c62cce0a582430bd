/* test_acl.c - s3/acl.h: the document, what it says, and the verbs against scripted answers. */
#include "tests/unit/script_s3.h"

#include "s3/acl.h"

#define XSI    "http://www.w3.org/2001/XMLSchema-instance"
#define GLOBAL "http://acs.amazonaws.com/groups/global/"
#define USER(id, permission)                                                                       \
	"<Grant><Grantee xmlns:xsi=\"" XSI "\" xsi:type=\"CanonicalUser\"><ID>" id                 \
	"</ID><DisplayName>name</DisplayName></Grantee><Permission>" permission                    \
	"</Permission></Grant>"
#define GROUP(uri, permissions)                                                                    \
	"<Grant><Grantee xmlns:xsi=\"" XSI "\" xsi:type=\"Group\"><URI>" uri                       \
	"</URI></Grantee>" permissions "</Grant>"
#define READ_IT	 "<Permission>READ</Permission>"
#define WRITE_IT "<Permission>WRITE</Permission>"
#define POLICY(owner, grants)                                                                      \
	"<AccessControlPolicy xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Owner><ID>" owner \
	"</ID><DisplayName>me</DisplayName></Owner><AccessControlList>" grants                     \
	"</AccessControlList></AccessControlPolicy>"

static struct acl parsed(const char *xml)
{
	struct acl a = { 0 };
	char why[200] = "";

	if (!CHECK_INT(acl_read(xml, strlen(xml), &a, why), 0))
		fprintf(stderr, "\t%s\n", why);
	return a;
}

static void test_canned(void)
{
	static const struct {
		const char *xml, *canned;
	} rows[] = {
		{ POLICY("me", USER("me", "FULL_CONTROL")), "private" },
		{ POLICY("me", USER("me", "FULL_CONTROL") GROUP(GLOBAL "AllUsers", READ_IT)),
		  "public-read" },
		{ POLICY("me", GROUP(GLOBAL "AllUsers", WRITE_IT) USER("me", "FULL_CONTROL")
				       GROUP(GLOBAL "AllUsers", READ_IT)),
		  "public-read-write" },
		/* Ceph */
		{ POLICY("me",
			 USER("me", "FULL_CONTROL") GROUP(GLOBAL "AllUsers", READ_IT WRITE_IT)),
		  "public-read-write" },
		{ POLICY("me",
			 USER("me", "FULL_CONTROL") GROUP(GLOBAL "AuthenticatedUsers", READ_IT)),
		  "authenticated-read" },
		{ POLICY("me", USER("me", "FULL_CONTROL") USER("you", "READ")), NULL },
		{ POLICY("me", USER("me", "READ")), NULL },
		{ POLICY("me", USER("you", "FULL_CONTROL")), NULL },
		{ POLICY("me", ""), NULL },
		{ POLICY("me", USER("me", "FULL_CONTROL") GROUP(GLOBAL "AllUsers", WRITE_IT)),
		  NULL },
		{ POLICY("me", USER("me", "FULL_CONTROL")
				       GROUP(GLOBAL "AuthenticatedUsers", READ_IT WRITE_IT)),
		  NULL },
		{ POLICY("me", USER("me", "FULL_CONTROL") GROUP(GLOBAL "AllUsers", READ_IT)
				       GROUP(GLOBAL "AuthenticatedUsers", READ_IT)),
		  NULL },
		{ POLICY("", USER("me", "FULL_CONTROL")), NULL }, /* whose? */
	};

	for (size_t k = 0; k < array_size(rows); k++) {
		struct acl a = parsed(rows[k].xml);

		CHECK_CASE(rows[k].xml);
		CHECK_STR(acl_canned(&a), rows[k].canned);
		acl_free(&a);
	}
	CHECK_CASE("");
	CHECK(acl_is_canned("bucket-owner-full-control") && acl_is_canned("private"));
	CHECK(!acl_is_canned("log-delivery-write") && !acl_is_canned(""));
}

static void test_bad(void)
{
	static const char *const rows[] = {
		"",
		"<html>",
		"<Error/>",
		POLICY("me", USER("me", "OWN")),
		POLICY("me", USER("", "READ")),
		POLICY("me", GROUP(GLOBAL "AllUsers", "")),
		POLICY("me", "<Grant>" READ_IT "</Grant>"),
		POLICY("me", "<Grant><Grantee><ID>a</ID><URI>b</URI></Grantee>" READ_IT "</Grant>"),
	};

	for (size_t k = 0; k < array_size(rows); k++) {
		struct acl a = { 0 };
		char why[200] = "";

		CHECK_CASE(rows[k]);
		CHECK_INT(acl_read(rows[k], strlen(rows[k]), &a, why), -EIO);
		CHECK(why[0] && !a.grants);
	}
	CHECK_CASE("");
}

static void test_rebase(void)
{
	struct acl a = parsed(POLICY("me", USER("me", "FULL_CONTROL") USER("you", "READ_ACP")
						   GROUP(GLOBAL "AllUsers", READ_IT)));
	struct acl b =
		parsed(POLICY("him", GROUP(GLOBAL "AllUsers", READ_IT) USER("you", "READ_ACP")
					     USER("him", "FULL_CONTROL")));
	struct acl less =
		parsed(POLICY("him", USER("you", "READ_ACP") USER("him", "FULL_CONTROL")));
	struct acl moved = { 0 };

	CHECK(acl_equal(&a, &a) && !acl_equal(&a, &b));
	CHECK_INT(acl_rebase(&a, "him", &moved), 0);
	CHECK(acl_equal(&moved, &b) && acl_equal(&b, &moved));
	CHECK(!acl_equal(&moved, &less) && !acl_equal(&less, &moved));
	acl_free(&a);
	acl_free(&b);
	acl_free(&less);
	acl_free(&moved);
	CHECK(acl_equal(&a, &moved)); /* both empty */
}

/* What is written is read as the same, and is what S3 takes: the type as an attribute. */
static void test_write(void)
{
	struct acl a = parsed(POLICY("me", USER("a&lt;b", "WRITE_ACP")
						   GROUP(GLOBAL "AllUsers", READ_IT WRITE_IT)));
	struct acl back;
	struct buf b;

	buf_init(&b, BUF_LIMIT_SMALL);
	CHECK_STR(a.grants[0].id, "a<b");
	CHECK_INT(acl_write(&a, &b), 0);
	CHECK(strstr(buf_str(&b), "xsi:type=\"CanonicalUser\"><ID>a&lt;b</ID></Grantee>"
				  "<Permission>WRITE_ACP</Permission>"));
	CHECK(strstr(buf_str(&b), "xsi:type=\"Group\"><URI>" GLOBAL "AllUsers</URI>"));
	CHECK(strstr(buf_str(&b), "<Owner><ID>me</ID></Owner>"));
	back = parsed(buf_str(&b));
	CHECK(acl_equal(&a, &back));
	acl_free(&a);
	acl_free(&back);
	buf_free(&b);
}

static void test_verbs(void)
{
	static const struct script_step get[] = { { "GET", "/b/k?acl&versionId=v", .status = 200,
						    .body = POLICY("me", USER("me", "READ")) } };
	static const struct script_step odd[] = { { "GET", "/b/k?acl", .status = 200,
						    .body = "whole object" } };
	static const struct script_step put[] = { { "PUT",
						    "/b/k?acl&versionId=v",
						    { "content-type", "application/xml",
						      "x-amz-acl", NULL },
						    .sends = "<ID>me</ID>",
						    .status = 200 } };
	static const struct script_step canned[] = {
		{ "PUT", "/b/k?acl", { "x-amz-acl", "public-read" }, .status = 200 }
	};
	struct acl a = { 0 }, none = { 0 };
	struct script nothing = { 0 };
	struct s3_client *idle = script_client(&nothing);

	SCRIPT_RUN(get, c, CHECK_INT(acl_get(c, "k", "v", &a, NULL), 0));
	CHECK_INT(a.n, 1);
	CHECK_INT(a.grants[0].permission, ACL_READ);
	SCRIPT_RUN(put, c, CHECK_INT(acl_put(c, "k", "v", &a, NULL), 0));
	SCRIPT_RUN(odd, c, CHECK_INT(acl_get(c, "k", NULL, &none, NULL), -EIO));
	SCRIPT_RUN(canned, c, CHECK_INT(acl_put_canned(c, "k", NULL, "public-read", NULL), 0));
	CHECK_INT(acl_put_canned(idle, "k", NULL, "public", NULL), -EINVAL);
	acl_free(&a);
	s3_client_free(idle);
}

static void test_refused(void)
{
	static const struct {
		struct s3_error e;
		bool refused;
	} rows[] = {
		{ { .status = 400, .code = "AccessControlListNotSupported" }, true },
		{ { .status = 501, .code = "NotImplemented" }, true },
		{ { .status = 405, .code = "MethodNotAllowed" }, true },
		{ { .status = 403, .code = "AccessDenied" }, false },
		{ { .status = 400, .code = "InvalidArgument" }, false },
		{ { .status = 503, .code = "SlowDown" }, false },
	};

	for (size_t k = 0; k < array_size(rows); k++)
		CHECK_INT(acl_is_refused(&rows[k].e), rows[k].refused);
}

int main(void)
{
	test_canned();
	test_bad();
	test_rebase();
	test_write();
	test_verbs();
	test_refused();
	return check_done();
}
