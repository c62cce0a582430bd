/* test_lifecycle.c - what a lifecycle configuration lacks, and how it is written with that. */
#include "tests/unit/script_s3.h"

#include <errno.h>

#include "s3/bucket.h"
#include "s3/lifecycle.h"

#define NS " xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\""
#define CONF(rules)                                                                                \
	"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<LifecycleConfiguration" NS ">" rules         \
	"</LifecycleConfiguration>"
#define RULE(filter, action) "<Rule><ID>a</ID>" filter "<Status>Enabled</Status>" action "</Rule>"
#define EXPIRE		     "<Expiration><Days>10</Days></Expiration>"
#define MOVE		     "<Transition><Days>3</Days><StorageClass>GLACIER</StorageClass></Transition>"
#define NONCURRENT                                                                                 \
	"<NoncurrentVersionExpiration><NoncurrentDays>7</NoncurrentDays>"                          \
	"</NoncurrentVersionExpiration>"
#define ABORT                                                                                      \
	"<AbortIncompleteMultipartUpload><DaysAfterInitiation>2</DaysAfterInitiation>"             \
	"</AbortIncompleteMultipartUpload>"
#define V1(p)	  "<Prefix>" p "</Prefix>"
#define V2(f)	  "<Filter>" f "</Filter>"
#define TAG(k, v) "<Tag><Key>" k "</Key><Value>" v "</Value></Tag>"
#define SWEEP	  RULE(V2(V1("")), ABORT)

static char why[LIFECYCLE_WHY];

/* gaps: a letter each: e expiration, t transition, u uploads. added: rules that extend adds (7 and 2
 * days). */
static const struct {
	const char *name, *xml, *gaps, *what, *added;
} cases[] = {
	{ "none at all", "", "u", "all objects",
	  "<Rule><ID>crrfs-1</ID><Filter><Prefix></Prefix></Filter><Status>Enabled</Status>" ABORT
	  "</Rule>\n" },
	{ "no rule", "<LifecycleConfiguration" NS "/>", "u", "all objects",
	  "<Rule><ID>crrfs-1</ID><Filter><Prefix></Prefix></Filter><Status>Enabled</Status>" ABORT
	  "</Rule>\n" },
	{ "v1 prefix", CONF(RULE(V1("logs/"), EXPIRE)), "eu", "objects under 'logs/'",
	  "<Rule><ID>crrfs-1</ID><Prefix>logs/</Prefix><Status>Enabled</Status>" NONCURRENT
	  "</Rule>\n<Rule><ID>crrfs-2</ID><Prefix></Prefix><Status>Enabled</Status>" ABORT
	  "</Rule>\n" },
	{ "v2 prefix", CONF(SWEEP RULE(V2(V1("a&amp;b")), EXPIRE)), "e", "objects under 'a&b'",
	  "<Rule><ID>crrfs-1</ID><Filter><Prefix>a&amp;b</Prefix></Filter><Status>Enabled</"
	  "Status>" NONCURRENT "</Rule>\n" },
	{ "empty filter", CONF(SWEEP RULE("<Filter/>", EXPIRE)), "e", "all objects",
	  "<Rule><ID>crrfs-1</ID><Filter><Prefix></Prefix></Filter><Status>Enabled</"
	  "Status>" NONCURRENT "</Rule>\n" },
	{ "tag", CONF(SWEEP RULE(V2(TAG("k", "v")), EXPIRE)), "e", "all objects tagged k=v",
	  "<Rule><ID>crrfs-1</ID><Filter>" TAG("k",
					       "v") "</Filter><Status>Enabled</Status>" NONCURRENT
						    "</Rule>\n" },
	{ "and",
	  CONF(SWEEP RULE(V2("<And>" V1("p/") TAG("k", "v") TAG(
				  "l", "") "<ObjectSizeGreaterThan>5</ObjectSizeGreaterThan>"
					   "<ObjectSizeLessThan>9</ObjectSizeLessThan></And>"),
			  EXPIRE)),
	  "e", "objects under 'p/' tagged k=v and l=, over 5 bytes, under 9 bytes",
	  "<Rule><ID>crrfs-1</ID><Filter><And>" V1("p/") TAG("k", "v")
		  TAG("l", "") "<ObjectSizeGreaterThan>5</"
			       "ObjectSizeGreaterThan><ObjectSizeLessThan>9</ObjectSizeLessThan>"
			       "</And></Filter><Status>Enabled</Status>" NONCURRENT "</Rule>\n" },
	{ "same rule", CONF(SWEEP RULE(V2(V1("p/")), EXPIRE NONCURRENT)), "", NULL, "" },
	{ "wider rule",
	  CONF(SWEEP RULE(V2("<And>" V1("p/q/") TAG("k", "v") "</And>"), EXPIRE)
		       RULE(V2(V1("p/")), NONCURRENT)),
	  "", NULL, "" },
	{ "narrower rule", CONF(SWEEP RULE(V2(V1("p/")), EXPIRE) RULE(V2(V1("p/q/")), NONCURRENT)),
	  "e", "objects under 'p/'",
	  "<Rule><ID>crrfs-1</ID><Filter><Prefix>p/</Prefix></Filter><Status>Enabled</"
	  "Status>" NONCURRENT "</Rule>\n" },
	{ "other tag",
	  CONF(SWEEP RULE(V2(TAG("k", "v")), EXPIRE) RULE(V2(TAG("k", "w")), NONCURRENT)), "e",
	  "all objects tagged k=v",
	  "<Rule><ID>crrfs-1</ID><Filter>" TAG("k",
					       "v") "</Filter><Status>Enabled</Status>" NONCURRENT
						    "</Rule>\n" },
	{ "disabled rules count on neither side",
	  CONF(SWEEP "<Rule><ID>d</ID><Filter/><Status>Disabled</Status>" NONCURRENT
		     "</Rule><Rule><ID>x</ID><Filter/><Status>Disabled</Status>" EXPIRE
		     "</Rule>" RULE("<Filter/>", EXPIRE)),
	  "e", "all objects",
	  "<Rule><ID>crrfs-1</ID><Filter><Prefix></Prefix></Filter><Status>Enabled</"
	  "Status>" NONCURRENT "</Rule>\n" },
	{ "old delete markers are no versions",
	  CONF(SWEEP RULE("<Filter/>", "<Expiration><ExpiredObjectDeleteMarker>true"
				       "</ExpiredObjectDeleteMarker></Expiration>")),
	  "", NULL, "" },
	{ "transition", CONF(SWEEP RULE("<Filter/>", MOVE)), "t", "all objects", "" },
	{ "our id is taken",
	  CONF(SWEEP "<Rule><ID>crrfs-1</ID><Filter/><Status>Enabled</Status>" EXPIRE "</Rule>"),
	  "e", "all objects",
	  "<Rule><ID>crrfs-2</ID><Filter><Prefix></Prefix></Filter><Status>Enabled</"
	  "Status>" NONCURRENT "</Rule>\n" },
};

static void test_gaps(void)
{
	for (size_t i = 0; i < array_size(cases); i++) {
		const char *xml = cases[i].xml, *gaps = cases[i].gaps;
		struct lifecycle_gaps g = { 0 };

		CHECK_CASE(cases[i].name);
		if (!CHECK_INT(lifecycle_find_gaps(xml, strlen(xml), &g, why), 0) ||
		    !CHECK_INT(g.n, strlen(gaps)))
			continue;
		for (size_t k = 0; k < g.n; k++)
			CHECK_INT("etu"[g.items[k].kind], gaps[k]);
		if (g.n)
			CHECK_STR(g.items[0].what, cases[i].what);
		CHECK_INT(lifecycle_has_gap(&g, GAP_UPLOADS), strchr(gaps, 'u') != NULL);
		lifecycle_gaps_free(&g);
	}
}

static void test_extend(void)
{
	const struct lifecycle_days days = { .noncurrent = 7, .uploads = 2 };

	for (size_t i = 0; i < array_size(cases); i++) {
		const char *xml = cases[i].xml, *end = strstr(xml, "</LifecycleConfiguration");
		size_t before = end ? (size_t)(end - xml) : 0;
		struct lifecycle_gaps g = { 0 };
		struct buf out, rules;

		CHECK_CASE(cases[i].name);
		buf_init(&out, BUF_LIMIT_DOC);
		buf_init(&rules, BUF_LIMIT_DOC);
		CHECK_INT(lifecycle_extend(xml, strlen(xml), &days, &out, &rules, why), 0);
		CHECK_STR(buf_str(&rules), cases[i].added);
		/* What was there is there, byte for byte, and nothing is lacking any more. */
		CHECK(strncmp(buf_str(&out), xml, before) == 0);
		if (end)
			CHECK_STR(buf_str(&out) + before + rules.len, end);
		CHECK_INT(lifecycle_find_gaps(buf_str(&out), out.len, &g, why), 0);
		CHECK(!lifecycle_has_gap(&g, GAP_EXPIRATION) &&
		      !lifecycle_has_gap(&g, GAP_UPLOADS));
		lifecycle_gaps_free(&g);
		buf_free(&out);
		buf_free(&rules);
	}
}

/* No days, no rule. */
static void test_days(void)
{
	static const char xml[] = CONF(RULE(V1("p/"), EXPIRE));
	const struct lifecycle_days none = { 0 };
	struct buf out, rules;

	CHECK_CASE("no days");
	buf_init(&out, BUF_LIMIT_DOC);
	buf_init(&rules, BUF_LIMIT_DOC);
	CHECK_INT(lifecycle_extend(xml, strlen(xml), &none, &out, &rules, why), 0);
	CHECK_STR(buf_str(&out), xml);
	CHECK_INT(rules.len, 0);
	buf_free(&out);
	buf_free(&rules);
}

static void test_bad(void)
{
	static const char *const bad[] = {
		"<LifecycleConfiguration>",
		"<Tagging/>",
		"hello",
		"<!DOCTYPE x><LifecycleConfiguration/>",
		"<s:LifecycleConfiguration xmlns:s=\"x\"><s:Rule><s:Status>Enabled</s:Status>"
		"</s:Rule></s:LifecycleConfiguration>",
	};
	const struct lifecycle_days days = { 1, 1 };

	for (size_t i = 0; i < array_size(bad); i++) {
		struct lifecycle_gaps g = { 0 };
		struct buf out, rules;

		CHECK_CASE(bad[i]);
		buf_init(&out, BUF_LIMIT_DOC);
		buf_init(&rules, BUF_LIMIT_DOC);
		*why = '\0';
		CHECK_INT(lifecycle_extend(bad[i], strlen(bad[i]), &days, &out, &rules, why),
			  -EINVAL);
		CHECK(*why);
		CHECK_INT(out.len, 0);
		buf_free(&out);
		buf_free(&rules);
		if (i + 1 < array_size(bad)) /* the last can be read, but not be extended */
			CHECK_INT(lifecycle_find_gaps(bad[i], strlen(bad[i]), &g, why), -EINVAL);
		lifecycle_gaps_free(&g);
	}
}

/* What AWS keeps beside the XML goes back with it. */
static void test_minimum(void)
{
#define MINIMUM "x-amz-transition-default-minimum-object-size"
	static const struct script_step get[] = {
		{ "GET", "/b?lifecycle", .status = 200,
		  .answer = { MINIMUM, "varies_by_storage_class" }, .body = CONF("") },
		{ "GET", "/b?lifecycle", .status = 200, .body = CONF("") },
	};
	static const struct script_step put[] = {
		{ "PUT", "/b?lifecycle", .headers = { MINIMUM, "varies_by_storage_class" },
		  .sends = "<x/>", .status = 200 },
		{ "PUT", "/b?lifecycle", .headers = { MINIMUM, NULL }, .status = 200 },
	};
	struct buf xml;
	char *minimum = NULL;

	CHECK_CASE("minimum");
	buf_init(&xml, BUF_LIMIT_DOC);
	SCRIPT_RUN(get, c, {
		CHECK_INT(bucket_lifecycle_get(c, &xml, &minimum, NULL), 0);
		CHECK_STR(minimum, "varies_by_storage_class");
		free(take_ptr(&minimum));
		CHECK_INT(bucket_lifecycle_get(c, &xml, &minimum, NULL), 0);
		CHECK_STR(minimum, NULL);
	});
	SCRIPT_RUN(put, c, {
		CHECK_INT(bucket_lifecycle_put(c, "<x/>", "varies_by_storage_class", NULL), 0);
		CHECK_INT(bucket_lifecycle_put(c, "<x/>", NULL, NULL), 0);
	});
	buf_free(&xml);
}

int main(void)
{
	test_minimum();
	test_gaps();
	test_extend();
	test_days();
	test_bad();
	return check_done();
}
