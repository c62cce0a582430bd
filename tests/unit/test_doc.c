#include "base/doc.h"

#include "tests/unit/check.h"

static void test_lookup(void)
{
	auto_with(doc_free_ptr) struct doc_node *root = NULL;
	struct doc_node *n;
	const struct doc_node *b;

	CHECK_INT(doc_add(NULL, "root", "", &root), 0);
	CHECK_INT(doc_add(root, "a", "1", &n), 0);
	CHECK_INT(doc_add(root, "b", "2", &n), 0);
	CHECK_INT(doc_add(n, "inner", "deep", &n), 0);
	CHECK_INT(doc_add(root, "a", NULL, &n), 0);
	n->kind = DOC_NULL;
	CHECK_INT(doc_add(root, "b", "4", &n), 0);

	CHECK_STR(doc_text(root, "a"), "1");
	CHECK(doc_text(root, "c") == NULL);
	CHECK_INT(doc_count(root, "a"), 2);
	CHECK_INT(doc_count(root, "c"), 0);
	b = doc_child(root, "b");
	CHECK_STR(b->text, "2");
	CHECK_STR(doc_text(b, "inner"), "deep");
	b = doc_next_same(b);
	CHECK_STR(b->text, "4");
	CHECK(doc_next_same(b) == NULL);
	b = doc_next_same(doc_child(root, "a"));
	CHECK(b->text == NULL);
	CHECK(doc_child(NULL, "a") == NULL);
	CHECK(doc_text(NULL, "a") == NULL);
	CHECK_INT(doc_count(NULL, "a"), 0);
}

/* Freeing must not need a stack as deep as the document. */
static void test_deep(void)
{
	auto_with(doc_free_ptr) struct doc_node *root = NULL;
	struct doc_node *n, *leaf;

	CHECK_INT(doc_add(NULL, "r", "", &root), 0);
	n = root;
	for (int i = 0; i < 200000; i++) {
		if (doc_add(n, "leaf", "", &leaf) < 0 || doc_add(n, "n", "", &n) < 0)
			break;
	}
	CHECK_INT(doc_count(root, "n"), 1);
	doc_free(NULL);
}

int main(void)
{
	test_lookup();
	test_deep();
	return check_done();
}
