#include "base/xml.h"

#include <errno.h>
#include <pthread.h>

#include "tests/unit/check.h"

/* The tree as text: name{children}'text', without what is empty. */
static void flatten(const struct doc_node *n, struct buf *out)
{
	buf_adds(out, n->name);
	if (*n->text)
		buf_addf(out, "'%s'", n->text);
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
		{ "<a/>", "a" },
		{ "<a></a>", "a" },
		{ "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<a>x</a>\n<!-- end -->", "a'x'" },
		{ "<?xml version='1.0' encoding='utf-8'?><a/>", "a" },
		{ "\xef\xbb\xbf<a>bom</a>", "a'bom'" },
		{ "<a><b>1</b><c/><b>2</b></a>", "a{b'1' c b'2'}" },
		{ "<a>x<b>y</b>z</a>", "a'xz'{b'y'}" },
		{ "<a> <b/> </a>", "a'  '{b}" },
		{ "<a>&lt;&amp;&gt;&quot;&apos;&#65;&#x42;</a>", "a'<&>\"'AB'" },
		{ "<a>1<![CDATA[<&]]>2</a>", "a'1<&2'" },
		{ "<a>1<!-- no -->2<?pi no?>3</a>", "a'123'" },
		{ "<a>l1\r\nl2</a>", "a'l1\nl2'" },
		{ "<s:a xmlns:s=\"urn:s\"><s:b t=\"1\">x</s:b></s:a>", "a{b'x'}" },
		{ "<a xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><b/></a>", "a{b}" },
		{ "<u:a/>", "a" },
		{ "<a>\xe2\x82\xac</a>", "a'\xe2\x82\xac'" },
	};

	for (size_t i = 0; i < array_size(cases); i++) {
		auto_with(doc_free_ptr) struct doc_node *root = NULL;
		auto_with(buf_free) struct buf b;
		struct doc_error e = { 0, 0, "" };

		CHECK_CASE(cases[i].in);
		buf_init(&b, BUF_LIMIT_SMALL);
		if (!CHECK_INT(xml_read(cases[i].in, strlen(cases[i].in), &root, &e), 0)) {
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
		const char *word; /* in the message */
	} cases[] = {
		{ "", 1, "empty" },
		{ " ", 1, "" },
		{ "text", 1, "" },
		{ "<a>", 1, "" },
		{ "<a>\n<b>\n</a>", 3, "mismatch" },
		{ "<a></a><b/>", 1, "Extra content" },
		{ "<a>&undefined;</a>", 1, "undefined" },
		{ "<a>\n\n<b c=d/></a>", 3, "" },
		{ "<a>&#0;</a>", 1, "" },
		{ "<a>&#1;</a>", 1, "" },
		{ "<a>\x01</a>", 1, "" },
		{ "<a>\xff</a>", 1, "" },
		{ "<a>\xc0\xaf</a>", 1, "" },
		{ "<!DOCTYPE a><a/>", 1, "DOCTYPE" },
		{ "<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>", 1, "DOCTYPE" },
		{ "<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>", 1, "DOCTYPE" },
		{ "<!DOCTYPE a [<!ENTITY % p SYSTEM \"file:///etc/passwd\"> %p;]><a/>", 1,
		  "DOCTYPE" },
		{ "<?xml version='1.0' encoding='ISO-8859-1'?><a>\xe9</a>", 1, "UTF-8" },
		{ "<?xml version='1.0' encoding='no-such'?><a/>", 1, "" },
		{ "<a b='1' b='2'/>", 1, "" },
	};

	for (size_t i = 0; i < array_size(cases); i++) {
		struct doc_node *root = NULL;
		struct doc_error e = { 0, 0, "" };

		CHECK_CASE(cases[i].in);
		CHECK_INT(xml_read(cases[i].in, strlen(cases[i].in), &root, &e), -EINVAL);
		CHECK(root == NULL);
		CHECK_INT(e.line, cases[i].line);
		CHECK(e.message[0] != '\0');
		if (!CHECK(strstr(e.message, cases[i].word) != NULL))
			fprintf(stderr, "%s\n", e.message);
		CHECK_INT(xml_read(cases[i].in, strlen(cases[i].in), &root, NULL), -EINVAL);
		doc_free(root);
	}
	CHECK_CASE("embedded NUL");
	{
		struct doc_node *root = NULL;

		CHECK_INT(xml_read("<a>\0</a>", 8, &root, NULL), -EINVAL);
		CHECK_INT(xml_read("<a/>\0", 5, &root, NULL), -EINVAL);
		CHECK_INT(xml_read("\xff\xfe<\0a\0/\0>\0", 10, &root, NULL), -EINVAL);
	}
	CHECK_CASE("");
}

static void test_places(void)
{
	static const char text[] = "<?xml version=\"1.0\"?>\n"
				   "<root a='>'\n"
				   "      b='2'>\n"
				   "  <first/><second>\n"
				   "\xe2\x82\xac<third/></second>\n"
				   "\t<fourth\n\n/>\n"
				   "</root>\n";
	static const struct {
		const char *name;
		int line, col;
	} cases[] = {
		{ "first", 4, 3 },
		{ "second", 4, 11 },
		{ "fourth", 6, 2 },
	};
	auto_with(doc_free_ptr) struct doc_node *root = NULL;
	const struct doc_node *n;

	CHECK_INT(xml_read(text, sizeof(text) - 1, &root, NULL), 0);
	CHECK_INT(root->line, 2);
	CHECK_INT(root->col, 1);
	for (size_t i = 0; i < array_size(cases); i++) {
		CHECK_CASE(cases[i].name);
		n = doc_child(root, cases[i].name);
		CHECK_INT(n->line, cases[i].line);
		CHECK_INT(n->col, cases[i].col);
	}
	CHECK_CASE("third");
	n = doc_child(doc_child(root, "second"), "third");
	CHECK_INT(n->line, 5);
	CHECK_INT(n->col, 2);
	CHECK_CASE("");
}

/* prefix, then n times piece, then suffix */
static int read_repeated(const char *prefix, const char *piece, size_t n, const char *suffix,
			 struct doc_node **ret_root)
{
	auto_with(buf_free) struct buf b;

	buf_init(&b, 64 * MIB);
	buf_adds(&b, prefix);
	for (size_t i = 0; i < n; i++)
		buf_adds(&b, piece);
	buf_adds(&b, suffix);
	return b.error ? b.error : xml_read(buf_str(&b), b.len, ret_root, NULL);
}

static void test_caps(void)
{
	auto_with(buf_free) struct buf close;
	struct doc_node *root = NULL;
	const struct doc_node *last;

	buf_init(&close, BUF_LIMIT_SMALL);
	for (int i = 0; i < 32; i++)
		buf_adds(&close, "</a>");
	CHECK_INT(read_repeated("", "<a>", 32, buf_str(&close), &root), 0);
	doc_free(root);
	root = NULL;
	buf_adds(&close, "</a>");
	CHECK_INT(read_repeated("", "<a>", 33, buf_str(&close), &root), -E2BIG);
	CHECK_INT(read_repeated("", "<a>", 100000, "", &root), -E2BIG);
	CHECK_INT(read_repeated("<r>", "<b/>", 200000, "</r>", &root), -E2BIG);
	CHECK(root == NULL);
	CHECK_INT(read_repeated("<r>", "<b/>\n", 199999, "</r>", &root), 0);
	CHECK_INT(doc_count(root, "b"), 199999);
	for (last = root->first; last->next; last = last->next)
		;
	/* The places stay right far beyond libxml2's own window. */
	CHECK_INT(last->line, 199999);
	CHECK_INT(last->col, 1);
	doc_free(root);
	root = NULL;
	CHECK_INT(read_repeated("<r>", "0123456789abcde\n", MIB - 1, "</r>", &root), 0);
	CHECK(root && strlen(root->text) == 16 * MIB - 16);
	doc_free(root);
	root = NULL;
	CHECK_INT(read_repeated("<r>", "0123456789abcde\n", MIB, "</r>", &root), -E2BIG);
	CHECK(root == NULL);
}

static void test_writing(void)
{
	static const struct {
		const char *in;
		int want;
		const char *out;
	} cases[] = {
		{ "", 0, "" },
		{ "a<b>&\"'", 0, "a&lt;b&gt;&amp;&quot;&apos;" },
		{ "1\t2\n3\r4\x7f", 0, "1&#9;2&#10;3&#13;4&#127;" },
		{ "\xe2\x82\xac]]>", 0, "\xe2\x82\xac]]&gt;" },
		{ "a\x01", -EINVAL, "a" },
		{ "a\x1f", -EINVAL, "a" },
		{ "a\xef\xbf\xbf", -EINVAL, "a" },
		{ "a\xff", -EINVAL, "a" },
	};

	for (size_t i = 0; i < array_size(cases); i++) {
		auto_with(buf_free) struct buf b;
		auto_with(doc_free_ptr) struct doc_node *root = NULL;

		CHECK_CASE(cases[i].out);
		buf_init(&b, BUF_LIMIT_SMALL);
		CHECK_INT(xml_escape(&b, cases[i].in), cases[i].want);
		CHECK_STR(buf_str(&b), cases[i].out);
		CHECK_INT(buf_adds(&b, ""), cases[i].want);
		if (cases[i].want)
			continue;
		buf_reset(&b);
		CHECK_INT(xml_elem(&b, "t", cases[i].in), 0);
		CHECK_INT(xml_read(buf_str(&b), b.len, &root, NULL), 0);
		CHECK_STR(root->text, cases[i].in);
	}
	CHECK_CASE("");
}

static void test_element(void)
{
	auto_with(buf_free) struct buf b;

	buf_init(&b, BUF_LIMIT_SMALL);
	CHECK_INT(xml_elem(&b, "a", NULL), 0);
	CHECK_INT(xml_elem(&b, "a", ""), 0);
	CHECK_INT(xml_elem(&b, "b", "1&2"), 0);
	CHECK_STR(buf_str(&b), "<a></a><b>1&amp;2</b>");
}

static void *read_many(void *arg)
{
	int *failures = arg;

	for (int i = 0; i < 200; i++) {
		struct doc_node *root = NULL;

		*failures += xml_read("<a><b>1</b></a>", 15, &root, NULL) != 0;
		doc_free(root);
		root = NULL;
		*failures += xml_read("<a><b>1</a>", 11, &root, NULL) != -EINVAL;
	}
	return NULL;
}

static void test_threads(void)
{
	pthread_t threads[4];
	int failures[4] = { 0 };

	for (size_t i = 0; i < array_size(threads); i++)
		pthread_create(&threads[i], NULL, read_many, &failures[i]);
	for (size_t i = 0; i < array_size(threads); i++) {
		pthread_join(threads[i], NULL);
		CHECK_INT(failures[i], 0);
	}
}

int main(void)
{
	/* First, so that the library is set up by several threads at once. */
	test_threads();
	test_trees();
	test_refused();
	test_places();
	test_caps();
	test_writing();
	test_element();
	return check_done();
}
