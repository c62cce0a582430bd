#include "fs/node.h"

#include <errno.h>

#include "base/lock.h"
#include "tests/unit/check.h"

static struct node_table *table(const char *root)
{
	struct node_table *t = NULL;

	CHECK_INT(node_table_new(root, &t), 0);
	return t;
}

static void check_key(struct node_table *t, const struct node *n, const char *want)
{
	auto_free char *key = NULL;

	CHECK_INT(node_key(t, n, &key), 0);
	CHECK_STR(key, want);
}

static struct node *get(struct node_table *t, uint64_t parent, const char *name, bool is_dir)
{
	struct node *n = NULL;

	CHECK_INT(node_get(t, parent, name, is_dir, true, &n), 0);
	return n;
}

static void test_keys(void)
{
	struct node_table *t = table("pre/");
	struct node *root = NULL, *d, *f;
	auto_free char *name = NULL;

	CHECK_INT(node_ref(t, NODE_ROOT, &root), 0);
	CHECK_INT(node_ino(root), NODE_ROOT);
	CHECK(node_is_dir(root));
	check_key(t, root, "pre/");
	d = get(t, NODE_ROOT, "d", true);
	f = get(t, node_ino(d), "f", false);
	check_key(t, d, "pre/d/");
	check_key(t, f, "pre/d/f");
	CHECK_INT(node_name(t, f, &name), 0);
	CHECK_STR(name, "f");
	CHECK_INT(node_parent(t, f), node_ino(d));
	CHECK(node_ino(f) != node_ino(d));
	node_unref(t, root);
	node_unref(t, d);
	node_unref(t, f);
	node_unref(t, NULL);
	node_table_free(t);
}

static void test_life(void)
{
	struct node_table *t = table("");
	struct node *d = get(t, NODE_ROOT, "d", true), *f = get(t, node_ino(d), "f", false),
		    *again = NULL;
	uint64_t dino = node_ino(d), fino = node_ino(f);

	again = get(t, dino, "f", false);
	CHECK(again == f);
	node_unref(t, again);
	node_unref(t, f);
	node_unref(t, d);
	node_forget(t, fino, 1);
	CHECK_INT(node_ref(t, fino, &again), 0); /* one lookup is left */
	node_unref(t, again);
	/* The parent is forgotten first: it lives on while its child does. */
	node_forget(t, dino, 1);
	CHECK_INT(node_find(t, dino, "f", &again), 0);
	check_key(t, again, "d/f");
	node_forget(t, fino, 1);
	check_key(t, again, "d/f");
	node_unref(t, again);
	CHECK_INT(node_count(t), 2); /* the parent, by the name in it */
	/* Names keep their numbers. */
	d = get(t, NODE_ROOT, "d", true);
	f = get(t, dino, "f", false);
	CHECK_INT(node_ino(d), dino);
	CHECK_INT(node_ino(f), fino);
	check_key(t, f, "d/f");
	CHECK_INT(node_count(t), 3);
	/* Those of what was removed are not used again. */
	node_remove(t, dino, "f");
	node_forget(t, fino, 100);
	node_unref(t, f);
	CHECK_INT(node_ref(t, fino, &again), -ESTALE);
	f = get(t, dino, "f", false);
	CHECK(node_ino(f) > fino);
	node_forget(t, node_ino(f), 100);
	node_unref(t, f);
	node_forget(t, dino, 100);
	node_unref(t, d);
	node_remove(t, NODE_ROOT, "d");
	CHECK_INT(node_find(t, NODE_ROOT, "d", &again), -ENOENT);
	CHECK_INT(node_get(t, 4711, "x", false, true, &again), -ESTALE);
	node_forget(t, NODE_ROOT, 100);
	node_forget(t, 4711, 1);
	node_table_free(t);
}

/* The numbers of so many names are kept that nobody uses, and the pages of none. */
static void test_kept(void)
{
	const int more = 100, kept = 32768;
	struct node_table *t = table("");
	char name[16];

	for (int i = 0; i < kept + more; i++) {
		struct node *n;

		snprintf(name, sizeof(name), "%d", i);
		n = get(t, NODE_ROOT, name, i % 2);
		node_set_content(t, n, 1);
		CHECK_INT(node_content(t, n), 1);
		node_forget(t, node_ino(n), 1);
		node_unref(t, n);
	}
	CHECK_INT(node_count(t), 1);
	for (int i = more; i < kept + more; i++) {
		struct node *n;

		snprintf(name, sizeof(name), "%d", i);
		n = get(t, NODE_ROOT, name, i % 2);
		CHECK_INT(node_ino(n), NODE_ROOT + 1 + i);
		CHECK_INT(node_content(t, n), 0);
		node_unref(t, n);
	}
	for (int i = 0; i < more; i++) {
		struct node *n = NULL;

		CHECK_INT(node_ref(t, (uint64_t)(NODE_ROOT + 1 + i), &n), -ESTALE);
	}
	node_table_free(t);
}

static void test_kept_moves(void)
{
	struct node_table *t = table("");
	struct node *d = get(t, NODE_ROOT, "d", true), *f = get(t, node_ino(d), "f", false);
	uint64_t dino = node_ino(d), fino = node_ino(f);

	node_forget(t, fino, 1);
	node_unref(t, f);
	CHECK_INT(node_move(t, dino, "f", NODE_ROOT, "g"), 0);
	CHECK_INT(node_find(t, NODE_ROOT, "g", &f), 0);
	CHECK_INT(node_ino(f), fino);
	node_unref(t, f);
	/* another kind of that name is another node */
	f = get(t, NODE_ROOT, "g", true);
	CHECK(node_ino(f) > fino);
	CHECK_INT(node_move(t, NODE_ROOT, "d", node_ino(f), "d"), 0);
	check_key(t, d, "g/d/");
	node_forget(t, dino, 1);
	node_unref(t, d);
	CHECK_INT(node_get(t, dino, "new", false, true, &d), 0);
	check_key(t, d, "g/d/new");
	node_unref(t, d);
	node_unref(t, f);
	node_table_free(t);
}

static void test_kind_changes(void)
{
	struct node_table *t = table("");
	struct node *f = get(t, NODE_ROOT, "x", false), *d = get(t, NODE_ROOT, "x", true);
	auto_free char *key = NULL;

	CHECK(f != d);
	CHECK_INT(node_key(t, f, &key), -ESTALE);
	CHECK_INT(node_name(t, f, &key), -ESTALE);
	check_key(t, d, "x/");
	node_unref(t, f);
	node_unref(t, d);
	CHECK_INT(node_get(t, node_ino(f), "y", false, false, &d), -ENOTDIR);
	node_table_free(t);
}

static void test_remove(void)
{
	struct node_table *t = table("");
	struct node *d = get(t, NODE_ROOT, "d", true), *f = get(t, node_ino(d), "f", false),
		    *n = NULL;
	auto_free char *key = NULL;

	node_remove(t, node_ino(d), "f");
	node_remove(t, node_ino(d), "f");
	CHECK_INT(node_key(t, f, &key), -ESTALE);
	CHECK_INT(node_find(t, node_ino(d), "f", &n), -ENOENT);
	CHECK_INT(node_ref(t, node_ino(f), &n), 0); /* nameless, but there */
	node_unref(t, n);
	/* a new file of that name is another node */
	n = get(t, node_ino(d), "f", false);
	CHECK(n != f);
	node_remove(t, NODE_ROOT, "d");
	CHECK_INT(node_key(t, n, &key), -ESTALE); /* the way to it is gone */
	node_forget(t, node_ino(f), 1);
	node_unref(t, f);
	node_unref(t, n);
	node_unref(t, d);
	node_table_free(t);
}

static void test_move(void)
{
	struct node_table *t = table("");
	struct node *a = get(t, NODE_ROOT, "a", true), *b = get(t, NODE_ROOT, "b", true);
	struct node *f = get(t, node_ino(a), "f", false), *old = get(t, node_ino(b), "g", false);
	auto_free char *key = NULL;
	uint64_t ino = node_ino(f);

	CHECK_INT(node_move(t, node_ino(a), "f", node_ino(b), "g"), 0);
	check_key(t, f, "b/g");
	CHECK_INT(node_ino(f), ino);
	CHECK_INT(node_key(t, old, &key), -ESTALE);
	CHECK_INT(node_move(t, node_ino(b), "g", node_ino(b), "g"), 0);
	check_key(t, f, "b/g");
	CHECK_INT(node_move(t, NODE_ROOT, "b", node_ino(a), "c"), 0);
	check_key(t, f, "a/c/g");
	check_key(t, b, "a/c/");
	CHECK_INT(node_move(t, NODE_ROOT, "nobody", node_ino(a), "x"), 0);
	CHECK_INT(node_move(t, node_ino(a), "c", 999, "x"), -ESTALE);
	node_unref(t, a);
	node_unref(t, b);
	node_unref(t, f);
	node_unref(t, old);
	node_table_free(t);
}

struct seen {
	struct node_table *t;
	unsigned n;
	int stop;
};

static int see(void *arg, struct node *n)
{
	struct seen *s = arg;

	CHECK(node_file(s->t, n) != NULL); /* the table is not locked meanwhile */
	s->n++;
	return s->stop;
}

static unsigned count(struct node_table *t, struct node *dir, bool direct)
{
	struct seen s = { .t = t };

	CHECK_INT(node_each_file(t, dir, direct, see, &s), 0);
	return s.n;
}

static void test_files(void)
{
	struct node_table *t = table("");
	struct node *root = NULL, *d = get(t, NODE_ROOT, "d", true), *f[3];
	struct seen s = { .t = t, .stop = -EIO };
	int any = 0;

	CHECK_INT(node_ref(t, NODE_ROOT, &root), 0);
	f[0] = get(t, NODE_ROOT, "f", false);
	f[1] = get(t, node_ino(d), "f", false);
	f[2] = get(t, node_ino(d), "g", false);
	CHECK_INT(count(t, root, false), 0);
	for (size_t i = 0; i < 3; i++)
		node_set_file(t, f[i], (struct file *)&any);
	CHECK(node_file(t, f[1]) == (struct file *)&any);
	CHECK_INT(count(t, root, false), 3);
	CHECK_INT(count(t, root, true), 1);
	CHECK_INT(count(t, d, false), 2);
	CHECK_INT(node_each_file(t, root, false, see, &s), -EIO);
	CHECK_INT(s.n, 1);
	node_set_file(t, f[1], NULL);
	CHECK_INT(count(t, d, true), 1);
	node_set_file(t, f[0], NULL);
	node_set_file(t, f[2], NULL);
	CHECK_INT(count(t, root, false), 0);
	for (size_t i = 0; i < 3; i++)
		node_unref(t, f[i]);
	node_unref(t, d);
	node_unref(t, root);
	node_table_free(t);
}

static void test_many(void)
{
	struct node_table *t = table("");
	uint64_t first = 0;
	char name[16];

	for (int round = 0; round < 2; round++)
		for (int i = 0; i < 5000; i++) {
			struct node *n;

			snprintf(name, sizeof(name), "%d", i);
			n = get(t, NODE_ROOT, name, false);
			if (!first)
				first = node_ino(n);
			CHECK_INT(node_ino(n), first + (uint64_t)i);
			node_unref(t, n);
		}
	CHECK_INT(node_count(t), 5001);
	for (int i = 0; i < 5000; i++)
		node_forget(t, first + (uint64_t)i, 2);
	CHECK_INT(node_count(t), 1);
	node_table_free(t);
}

static void *hammer(void *arg)
{
	struct node_table *t = arg;
	char name[16];

	for (int i = 0; i < 20000; i++) {
		struct node *d = NULL, *n = NULL;
		auto_free char *key = NULL;

		snprintf(name, sizeof(name), "%d", i % 7);
		if (node_get(t, NODE_ROOT, "d", true, true, &d))
			continue;
		if (!node_get(t, node_ino(d), name, false, true, &n)) {
			if (i % 5 == 0)
				node_remove(t, node_ino(d), name);
			if (i % 11 == 0 && node_move(t, node_ino(d), name, NODE_ROOT, name))
				CHECK(false);
			if (!node_key(t, n, &key))
				CHECK(*key != '\0');
			node_forget(t, node_ino(n), 1);
			node_unref(t, n);
		}
		node_forget(t, node_ino(d), 1);
		node_unref(t, d);
	}
	return NULL;
}

static void test_threads(void)
{
	struct node_table *t = table("");
	pthread_t th[4];

	for (size_t i = 0; i < array_size(th); i++)
		CHECK_INT(pthread_create(&th[i], NULL, hammer, t), 0);
	for (size_t i = 0; i < array_size(th); i++)
		pthread_join(th[i], NULL);
	node_table_free(t);
}

/* What nobody here uses, in the order in which it was found; round and round. */
static void test_idle(void)
{
	struct node_table *t = table("");
	struct node *d = NULL, *used = NULL, *n = NULL;
	char name[8];
	uint64_t dir = 0;

	CHECK_INT(node_get(t, NODE_ROOT, "d", true, true, &d), 0);
	CHECK_INT(node_get(t, NODE_ROOT, "used", false, true, &used), 0);
	for (int i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		CHECK_INT(node_get(t, node_ino(d), name, false, true, &n), 0);
		node_unref(t, n);
	}
	CHECK_INT(node_count(t), 6);
	node_remove(t, node_ino(d), "f1");
	for (int i = 0; i < 4; i++) {
		auto_free char *got = NULL;

		CHECK_INT(node_next_idle(t, &dir, &got), 0);
		CHECK_STR(got, i % 2 ? "f2" : "f0");
		CHECK_INT(dir, node_ino(d));
	}
	for (uint64_t ino = node_ino(used) + 1; ino <= node_ino(used) + 3; ino++)
		node_forget(t, ino, 1);
	{
		auto_free char *got = NULL;

		CHECK_INT(node_next_idle(t, &dir, &got), -ENOENT);
	}
	node_unref(t, used);
	node_unref(t, d);
	node_table_free(t);
}

int main(void)
{
	test_keys();
	test_life();
	test_kept();
	test_kept_moves();
	test_kind_changes();
	test_remove();
	test_move();
	test_files();
	test_many();
	test_idle();
	test_threads();
	return check_done();
}
