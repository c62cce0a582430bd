/* test_object_lock.c - s3/lock.h against scripted answers. */
#include "tests/unit/script_s3.h"

#include "s3/lock.h"

#define UNTIL	    "2026-01-01T00:00:00.123Z"
#define UNTIL_MS    1767225600123
#define ERROR(code) "<Error><Code>" code "</Code></Error>"
#define RETENTION(mode, until)                                                                     \
	"<Retention><Mode>" mode "</Mode><RetainUntilDate>" until "</RetainUntilDate></Retention>"

static void test_retention_get(void)
{
	static const struct {
		int status;
		const char *body;
		int rc;
		const char *mode;
	} rows[] = {
		{ 200, RETENTION("GOVERNANCE", UNTIL), 0, "GOVERNANCE" },
		{ 200, "<Retention/>", 0, "" },
		{ 404, ERROR("NoSuchObjectLockConfiguration"), 0, "" },
		{ 400, ERROR("InvalidRequest"), 0, "" }, /* no Object Lock on the bucket */
		{ 501, ERROR("NotImplemented"), 0, "" },
		{ 404, ERROR("NoSuchKey"), -ENOENT, NULL },
		{ 403, ERROR("AccessDenied"), -EACCES, NULL },
		{ 200, "<Retention><Mode>GOVERNANCE</Mode></Retention>", -EIO, NULL },
		{ 200, RETENTION("GOVERNANCE", "soon"), -EIO, NULL },
		{ 200, RETENTION("A-MODE-THAT-IS-TOO-LONG", UNTIL), -EIO, NULL },
		{ 200, "<LegalHold/>", -EIO, NULL },
	};

	for (size_t k = 0; k < array_size(rows); k++) {
		struct script_step step[1] = { { "GET", "/b/k?retention&versionId=v",
						 .status = rows[k].status, .body = rows[k].body } };
		struct s3_retention r = { .mode = "before", .until_ms = -1 };

		CHECK_CASE(rows[k].body);
		SCRIPT_RUN(step, c, CHECK_INT(retention_get(c, "k", "v", &r, NULL), rows[k].rc));
		CHECK_STR(r.mode, rows[k].mode ? rows[k].mode : "before");
		if (rows[k].rc == 0)
			CHECK_INT(r.until_ms, r.mode[0] ? UNTIL_MS : 0);
	}
	CHECK_CASE("");
}

static void test_put(void)
{
	static const struct script_step retention[] = {
		{ "PUT",
		  "/b/k?retention&versionId=v",
		  { "x-amz-bypass-governance-retention", NULL },
		  .sends = "<Mode>COMPLIANCE</Mode><RetainUntilDate>" UNTIL "</RetainUntilDate>",
		  .status = 200 }
	};
	static const struct script_step empty[] = { { "PUT", "/b/k?retention",
						      .sends = "\"></Retention>", .status = 200 } };
	static const struct script_step hold[] = { { "PUT", "/b/k?legal-hold&versionId=v",
						     .sends = "<Status>ON</Status>",
						     .status = 200 } };
	static const struct script_step release[] = {
		{ "PUT", "/b/k?legal-hold", .sends = "<Status>OFF</Status>", .status = 403,
		  .body = ERROR("AccessDenied") }
	};
	struct s3_retention r = { .mode = "COMPLIANCE", .until_ms = UNTIL_MS }, none = { 0 };
	struct s3_error e = { 0 };

	SCRIPT_RUN(retention, c, CHECK_INT(retention_put(c, "k", "v", &r, NULL), 0));
	SCRIPT_RUN(empty, c, CHECK_INT(retention_put(c, "k", NULL, &none, NULL), 0));
	SCRIPT_RUN(hold, c, CHECK_INT(legal_hold_put(c, "k", "v", true, NULL), 0));
	SCRIPT_RUN(release, c, CHECK_INT(legal_hold_put(c, "k", NULL, false, &e), -EACCES));
	CHECK_STR(e.op, "PutObjectLegalHold");
}

static void test_hold_get(void)
{
	static const struct {
		int status;
		const char *body;
		int rc;
		bool on;
	} rows[] = {
		{ 200, "<LegalHold><Status>ON</Status></LegalHold>", 0, true },
		{ 200, "<LegalHold><Status>OFF</Status></LegalHold>", 0, false },
		{ 200, "<LegalHold/>", 0, false },
		{ 404, ERROR("NoSuchObjectLockConfiguration"), 0, false },
		{ 400, ERROR("InvalidRequest"), 0, false },
		{ 404, ERROR("NoSuchVersion"), -ENOENT, true },
		{ 200, "<LegalHold><Status>MAYBE</Status></LegalHold>", -EIO, true },
	};

	for (size_t k = 0; k < array_size(rows); k++) {
		struct script_step step[1] = { { "GET", "/b/k?legal-hold", .status = rows[k].status,
						 .body = rows[k].body } };
		bool on = !rows[k].on;

		if (rows[k].rc != 0)
			on = true;
		CHECK_CASE(rows[k].body);
		SCRIPT_RUN(step, c, CHECK_INT(legal_hold_get(c, "k", NULL, &on, NULL), rows[k].rc));
		CHECK_INT(on, rows[k].on);
	}
	CHECK_CASE("");
}

static void test_conf(void)
{
	static const struct {
		int status;
		const char *body;
		int rc;
		bool enabled, has_default;
	} rows[] = {
		{ 200,
		  "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled>"
		  "</ObjectLockConfiguration>",
		  0, true, false },
		{ 200,
		  "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule>"
		  "<DefaultRetention><Mode>GOVERNANCE</Mode><Days>1</Days></DefaultRetention>"
		  "</Rule></ObjectLockConfiguration>",
		  0, true, true },
		{ 404, ERROR("ObjectLockConfigurationNotFoundError"), 0, false, false },
		{ 501, "", 0, false, false },
		{ 405, ERROR("MethodNotAllowed"), 0, false, false },
		{ 404, ERROR("NoSuchBucket"), -EIO, true, true },
		{ 403, ERROR("AccessDenied"), -EACCES, true, true },
	};

	for (size_t k = 0; k < array_size(rows); k++) {
		struct script_step step[1] = { { "GET", "/b?object-lock", .status = rows[k].status,
						 .body = rows[k].body } };
		struct s3_lock_conf l = { true, true };

		CHECK_CASE(rows[k].body);
		SCRIPT_RUN(step, c, CHECK_INT(lock_conf_get(c, &l, NULL), rows[k].rc));
		CHECK_INT(l.enabled, rows[k].enabled);
		CHECK_INT(l.has_default, rows[k].has_default);
	}
	CHECK_CASE("");
}

#define HEAD_ANSWER(mode, until, hold)                                                             \
	{                                                                                          \
		"HEAD", "/b/k?versionId=v", .status = 200, .answer = {                             \
			"content-length",                                                          \
			"3",                                                                       \
			"x-amz-object-lock-mode",                                                  \
			mode,                                                                      \
			"x-amz-object-lock-retain-until-date",                                     \
			until,                                                                     \
			"x-amz-object-lock-legal-hold",                                            \
			hold                                                                       \
		}                                                                                  \
	}
#define PUT_RETENTION                                                                              \
	{                                                                                          \
		"PUT", "?retention&versionId=v", .sends = "GOVERNANCE", .status = 200              \
	}
#define PUT_HOLD                                                                                   \
	{                                                                                          \
		"PUT", "?legal-hold&versionId=v", .sends = "ON", .status = 200                     \
	}

static void test_ensure(void)
{
	static const struct {
		const char *name;
		struct script_step steps[3];
		size_t n;
	} rows[] = {
		{ "dropped", { HEAD_ANSWER("", "", ""), PUT_RETENTION, PUT_HOLD }, 3 },
		{ "all there", { HEAD_ANSWER("GOVERNANCE", "2026-01-01T00:00:00Z", "ON") }, 1 },
		{ "hold dropped", { HEAD_ANSWER("GOVERNANCE", UNTIL, "OFF"), PUT_HOLD }, 2 },
		{ "a shorter default",
		  { HEAD_ANSWER("GOVERNANCE", "2025-12-31T00:00:00Z", "ON"), PUT_RETENTION },
		  2 },
		{ "a stronger default",
		  { HEAD_ANSWER("COMPLIANCE", "2027-01-01T00:00:00Z", "ON") },
		  1 },
	};
	struct s3_put_opts opts = { .lock_mode = "GOVERNANCE",
				    .retain_until_ms = UNTIL_MS,
				    .legal_hold = true },
			   none = { 0 };
	struct script nothing = { 0 };
	struct s3_client *idle = script_client(&nothing);

	for (size_t k = 0; k < array_size(rows); k++) {
		struct script script = { .steps = rows[k].steps, .n = rows[k].n };
		struct s3_client *c = script_client(&script);

		CHECK_CASE(rows[k].name);
		CHECK_INT(lock_ensure(c, "k", "v", &opts, NULL), 0);
		CHECK_INT(script.at, script.n);
		s3_client_free(c);
	}
	CHECK_CASE("");
	CHECK_INT(lock_ensure(idle, "k", "v", &none, NULL), 0);
	CHECK_INT(lock_ensure(idle, "k", "v", NULL, NULL), 0);
	s3_client_free(idle);
}

int main(void)
{
	test_ensure();
	test_retention_get();
	test_put();
	test_hold_get();
	test_conf();
	return check_done();
}
