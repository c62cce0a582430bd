#include "base/json.h"

#include <errno.h>

#include "tests/unit/check.h"

/* The tree as text: name:kind'text'@line:col{children} */
static void flatten(const struct doc_node *n, struct buf *out)
{
	static const char kinds[] = "-snb0oa";

	buf_addf(out, "%s:%c", n->name, kinds[n->kind]);
	if (n->text && *n->text)
		buf_addf(out, "'%s'", n->text);
	if (n->empty_array)
		buf_adds(out, "[]");
	buf_addf(out, "@%d:%d", n->line, n->col);
	if (!n->first)
		return;
	buf_addc(out, '{');
	for (const struct doc_node *c = n->first; c; c = c->next) {
		flatten(c, out);
		if (c->next)
			buf_addc(out, ' ');
	}
	buf_addc(out, '}');
}

static void test_trees(void)
{
	static const struct {
		const char *in, *want;
	} cases[] = {
		{ "{}", ":o@1:1" },
		{ " \n { } ", ":o@2:2" },
		{ "{\"a\":\"x\"}", ":o@1:1{a:s'x'@1:6}" },
		{ "{\"z\":1,\n \"a\": -2.50e3 }", ":o@1:1{z:n'1'@1:6 a:n'-2.50e3'@2:7}" },
		{ "{\"t\":true,\"f\":false,\"n\":null}",
		  ":o@1:1{t:b'true'@1:6 f:b'false'@1:15 n:0@1:25}" },
		{ "{\"a\":[1,\"2\",{\"b\":3}]}",
		  ":o@1:1{a:n'1'@1:7 a:s'2'@1:9 a:o@1:13{b:n'3'@1:18}}" },
		{ "{\"a\":[],\"b\":[ ] }", ":o@1:1{a:a[]@1:6 b:a[]@1:13}" },
		{ "{\"a\":[[1,2],[]]}",
		  ":o@1:1{a:a@1:7{a:n'1'@1:8 a:n'2'@1:10} a:a@1:13{a:a[]@1:13}}" },
		{ "{\"o\":{},\"p\" : {\"q\":{ }} }", ":o@1:1{o:o@1:6 p:o@1:15{q:o@1:20}}" },
		{ "{\"\\\"{,\\\\\":\"[\\\"\\u20ac:\",\"\xe2\x82\xac\":\n\t1}",
		  ":o@1:1{\"{,\\:s'[\"\xe2\x82\xac:'@1:11 \xe2\x82\xac:n'1'@2:2}" },
		{ "{\"a\":\"\"}", ":o@1:1{a:s@1:6}" },
	};

	for (size_t i = 0; i < array_size(cases); i++) {
		auto_with(doc_free_ptr) struct doc_node *root = NULL;
		auto_with(buf_free) struct buf b;
		struct doc_error e = { 0, 0, "" };

		CHECK_CASE(cases[i].in);
		buf_init(&b, BUF_LIMIT_SMALL);
		if (!CHECK_INT(json_read(cases[i].in, strlen(cases[i].in), &root, &e), 0)) {
			fprintf(stderr, "%d:%d %s\n", e.line, e.col, e.message);
			continue;
		}
		flatten(root, &b);
		CHECK_STR(buf_str(&b), cases[i].want);
	}
	CHECK_CASE("");
}

static void test_refused(void)
{
	static const struct {
		const char *in;
		int line;
	} cases[] = {
		{ "", 1 },
		{ "[]", 1 },
		{ "1", 1 },
		{ "\"s\"", 1 },
		{ "{", 1 },
		{ "{}x", 1 },
		{ "{\"a\":1,\n\"a\":2}", 2 },
		{ "{\"a\":1,}", 1 },
		{ "{\n\n'a':1}", 3 },
		{ "{\"a\":01}", 1 },
		{ "{\"a\":nul}", 1 },
		{ "{\"a\":\"\\u0000\"}", 1 },
		{ "{\"a\":\"\xff\"}", 1 },
		{ "{\"a\":\"\n\"}", 1 },
		{ "{\"a\":\"unended", 1 },
		{ "{\"a\":\"\\", 1 },
		{ "{\"a\":\"\\\"", 1 },
		{ "{\"a\":99999999999999999999}", 1 },
		{ "{\"a\":NaN}", 1 },
		{ "// {}", 1 },
	};

	for (size_t i = 0; i < array_size(cases); i++) {
		struct doc_node *root = NULL;
		struct doc_error e = { 0, 0, "" };

		CHECK_CASE(cases[i].in);
		CHECK_INT(json_read(cases[i].in, strlen(cases[i].in), &root, &e), -EINVAL);
		CHECK(root == NULL);
		CHECK_INT(e.line, cases[i].line);
		CHECK(e.message[0] != '\0');
		CHECK_INT(json_read(cases[i].in, strlen(cases[i].in), &root, NULL), -EINVAL);
	}
	CHECK_CASE("");
}

static int read_repeated(const char *prefix, const char *piece, size_t n, const char *suffix,
			 struct doc_node **ret_root)
{
	auto_with(buf_free) struct buf b;

	buf_init(&b, 64 * MIB);
	buf_adds(&b, prefix);
	for (size_t i = 0; i < n; i++)
		buf_adds(&b, piece);
	buf_adds(&b, suffix);
	return b.error ? b.error : json_read(buf_str(&b), b.len, ret_root, NULL);
}

static void test_caps(void)
{
	auto_with(buf_free) struct buf close;
	struct doc_node *root = NULL;

	buf_init(&close, BUF_LIMIT_SMALL);
	buf_adds(&close, "1");
	for (int i = 0; i < 32; i++)
		buf_adds(&close, "}");
	CHECK_INT(read_repeated("", "{\"a\":", 32, buf_str(&close), &root), 0);
	doc_free(root);
	root = NULL;
	buf_adds(&close, "}");
	CHECK_INT(read_repeated("", "{\"a\":", 33, buf_str(&close), &root), -E2BIG);
	CHECK_INT(read_repeated("", "[", 1000000, "", &root), -E2BIG);
	CHECK_INT(read_repeated("{\"a\":[0", ",0", 300000, "]}", &root), -E2BIG);
	CHECK_INT(read_repeated("{\"a\":\"", "0123456789abcde,", MIB, "\"}", &root), -E2BIG);
	CHECK(root == NULL);
	CHECK_INT(read_repeated("{\"a\":\"", "0123456789abcde,", MIB - 1, "\"}", &root), 0);
	CHECK(root && strlen(doc_text(root, "a")) == 16 * MIB - 16);
	doc_free(root);
}

static void write_all(struct json_out *j)
{
	json_open(j, NULL, '{');
	json_str(j, "s", "a\"b\\c\n\t\x01\x7f\xff\xe2\x82\xac/");
	json_str(j, "none", NULL);
	json_u64(j, "u", UINT64_MAX);
	json_i64(j, "i", INT64_MIN);
	json_bool(j, "b", true);
	json_open(j, "empty", '{');
	json_close(j, '}');
	json_open(j, "list", '[');
	json_u64(j, NULL, 1);
	json_open(j, NULL, '[');
	json_close(j, ']');
	json_bool(j, NULL, false);
	json_close(j, ']');
	json_str(j, "k\"", "v");
	json_close(j, '}');
}

static void test_writing(void)
{
	auto_with(buf_free) struct buf b;
	auto_with(doc_free_ptr) struct doc_node *root = NULL;
	struct json_out j;

	buf_init(&b, BUF_LIMIT_SMALL);
	json_start(&j, &b, false);
	write_all(&j);
	CHECK_INT(b.error, 0);
	CHECK_STR(buf_str(&b),
		  "{\"s\":\"a\\\"b\\\\c\\n\\t\\u0001\\u007f\xef\xbf\xbd\xe2\x82\xac/\","
		  "\"none\":null,\"u\":18446744073709551615,\"i\":-9223372036854775808,\"b\":true,"
		  "\"empty\":{},\"list\":[1,[],false],\"k\\\"\":\"v\"}");
	buf_reset(&b);
	json_start(&j, &b, true);
	json_open(&j, NULL, '{');
	json_u64(&j, "a", 1);
	json_open(&j, "l", '[');
	json_str(&j, NULL, "x");
	json_open(&j, NULL, '{');
	json_close(&j, '}');
	json_close(&j, ']');
	json_close(&j, '}');
	CHECK_STR(buf_str(&b), "{\n  \"a\": 1,\n  \"l\": [\n    \"x\",\n    {}\n  ]\n}");
	CHECK_INT(json_read(buf_str(&b), b.len, &root, NULL), 0);
}

static void test_writing_caps(void)
{
	auto_with(buf_free) struct buf b;
	struct json_out j;

	buf_init(&b, BUF_LIMIT_SMALL);
	json_start(&j, &b, true);
	for (int i = 0; i < 31; i++)
		json_open(&j, NULL, '[');
	CHECK_INT(b.error, 0);
	for (int i = 0; i < 100; i++)
		json_open(&j, NULL, '[');
	CHECK_INT(b.error, -E2BIG);
	for (int i = 0; i < 200; i++)
		json_close(&j, ']');
	CHECK_INT(b.error, -E2BIG);
}

static void test_kv(void)
{
	static const char *const bad[] = {
		"",
		"[]",
		"{\"a\":1}",
		"{\"a\":null}",
		"{\"a\":[\"x\"]}",
		"{\"a\":{}}",
		"{\"a\":\"1\",\"a\":\"2\"}",
		"{\"a\":\"1\"",
		"{\"a\":\"\\u0000\"}",
	};
	auto_with(kv_free) struct kv kv = KV_EMPTY;
	auto_with(kv_free) struct kv back = KV_EMPTY;
	auto_with(buf_free) struct buf b;

	buf_init(&b, BUF_LIMIT_SMALL);
	CHECK_INT(json_from_kv(&kv, &b), 0);
	CHECK_STR(buf_str(&b), "{}");
	CHECK_INT(json_to_kv("{}", &back), 0);
	CHECK_INT(back.n, 0);
	CHECK_INT(kv_set(&kv, "b", "\"x\"\n"), 0);
	CHECK_INT(kv_set(&kv, "a", ""), 0);
	buf_reset(&b);
	CHECK_INT(json_from_kv(&kv, &b), 0);
	CHECK_STR(buf_str(&b), "{\"a\":\"\",\"b\":\"\\\"x\\\"\\n\"}");
	CHECK_INT(json_to_kv(buf_str(&b), &back), 0);
	CHECK(kv_equal(&kv, &back));
	for (size_t i = 0; i < array_size(bad); i++) {
		CHECK_CASE(bad[i]);
		CHECK_INT(json_to_kv(bad[i], &back), -EINVAL);
		CHECK(kv_equal(&kv, &back));
	}
	CHECK_CASE("");
}

int main(void)
{
	test_trees();
	test_refused();
	test_caps();
	test_writing();
	test_writing_caps();
	test_kv();
	return check_done();
}
