#include "base/ini.h"

#include <errno.h>

#include "tests/unit/check.h"

/* The sections as text: [name@line]k=v,k=v */
static void flatten(const struct ini *ini, struct buf *out)
{
	for (size_t i = 0; i < ini->n; i++) {
		const struct ini_section *s = &ini->sections[i];

		buf_addf(out, "[%s@%d]", s->name, s->line);
		for (size_t k = 0; k < s->values.n; k++)
			buf_addf(out, "%s%s=%s", k ? "," : "", s->values.items[k].name,
				 s->values.items[k].value);
	}
}

static void test_good(void)
{
	static const struct {
		const char *in, *want;
	} cases[] = {
		{ "", "" },
		{ "# c\n; c\n\n  # c\n", "" },
		{ "[a]", "[a@1]" },
		{ "\xef\xbb\xbf[a]\n", "[a@1]" },
		{ "[ profile x ]  # note\nRegion = eu-1  \nkey=a=b # kept\n",
		  "[profile x@1]key=a=b # kept,region=eu-1" },
		{ "[a]\r\nk = v\r\n[b]\r\n", "[a@1]k=v[b@3]" },
		{ "[a]\nx=1\n[b]\nx=2\n[a]\ny=3\nx=4\n", "[a@1]x=4,y=3[b@3]x=2" },
		{ "[a]\ns3 =\n  max = 1\n  # c\n\n\tsig = v4\nregion = r\n", "[a@1]region=r,s3=" },
		{ "[a]\n  s3 =\n    max = 1\n  region = r\n", "[a@1]region=r,s3=" },
		{ "[a]\ns3 =\n  nested\n[b]\n  k = v\n", "[a@1]s3=[b@4]k=v" },
		{ "[a]\n  k = v\n\tl = w\n", "[a@1]k=v,l=w" },
		{ "[a]\nempty =\nk = v\n", "[a@1]empty=,k=v" },
	};

	for (size_t i = 0; i < array_size(cases); i++) {
		struct ini ini = { NULL, 0 };
		auto_with(buf_free) struct buf b;
		int line = 77;

		CHECK_CASE(cases[i].in);
		buf_init(&b, BUF_LIMIT_SMALL);
		CHECK_INT(ini_read(cases[i].in, &ini, &line), 0);
		CHECK_INT(line, 77);
		flatten(&ini, &b);
		CHECK_STR(buf_str(&b), cases[i].want);
		ini_free(&ini);
	}
	CHECK_CASE("");
}

static void test_bad(void)
{
	static const struct {
		const char *in;
		int line;
	} cases[] = {
		{ "k = v", 1 },	     { "[a]\nword\n", 2 },
		{ "[a]\n= v\n", 2 }, { "\n\n[a\n", 3 },
		{ "[]\n", 1 },	     { "[ ]\n", 1 },
		{ "[a] x\n", 1 },    { "[a]\nk = v\n  nested\n", 3 },
		{ "  k = v\n", 1 },
	};

	for (size_t i = 0; i < array_size(cases); i++) {
		struct ini ini = { NULL, 0 };
		int line = 0;

		CHECK_CASE(cases[i].in);
		CHECK_INT(ini_read(cases[i].in, &ini, &line), -EINVAL);
		CHECK_INT(line, cases[i].line);
		CHECK(ini.sections == NULL);
		CHECK_INT(ini_read(cases[i].in, &ini, NULL), -EINVAL);
	}
	CHECK_CASE("");
}

static void test_find(void)
{
	struct ini ini;

	CHECK_INT(ini_read("[a]\nk=1\n[A]\nk=2\n", &ini, NULL), 0);
	CHECK_STR(kv_get(&ini_find(&ini, "a")->values, "k"), "1");
	CHECK_STR(kv_get(&ini_find(&ini, "A")->values, "k"), "2");
	CHECK(ini_find(&ini, "b") == NULL);
	ini_free(&ini);
	CHECK(ini_find(&ini, "a") == NULL);
	ini_free(&ini);
}

int main(void)
{
	test_good();
	test_bad();
	test_find();
	return check_done();
}
