#include "base/map.h"

#include <errno.h>

#include "tests/unit/check.h"

static int sum(void *arg, const char *key, void *value)
{
	(void)key;
	*(int *)arg += *(int *)value;
	return 0;
}

static int stop_at_once(void *arg, const char *key, void *value)
{
	(void)key, (void)value;
	return ++*(int *)arg == 3 ? -ECANCELED : 0;
}

int main(void)
{
	static int values[5000];
	struct map *m;
	char key[32];
	int n = 0;

	CHECK_INT(map_new(&m), 0);
	CHECK(map_get(m, "") == NULL);
	CHECK(map_del(m, "x") == NULL);
	CHECK_INT(map_set(m, "x", NULL), -EINVAL);
	for (int i = 0; i < 5000; i++) {
		values[i] = i;
		/* Lengths on both sides of the hash's blocks of eight. */
		snprintf(key, sizeof(key), "%.*s%d", i % 20, "aaaaaaaaaaaaaaaaaaaa", i);
		CHECK_INT(map_set(m, key, &values[i]), 0);
		memset(key, 'z', 5);
	}
	CHECK_INT(map_count(m), 5000);
	for (int i = 0; i < 5000; i++) {
		snprintf(key, sizeof(key), "%.*s%d", i % 20, "aaaaaaaaaaaaaaaaaaaa", i);
		CHECK(map_get(m, key) == &values[i]);
	}
	CHECK_INT(map_each(m, sum, &n), 0);
	CHECK_INT(n, 5000 * 4999 / 2);
	n = 0;
	CHECK_INT(map_each(m, stop_at_once, &n), -ECANCELED);
	CHECK_INT(n, 3);
	CHECK_INT(map_set(m, "0", &values[9]), 0);
	CHECK(map_get(m, "0") == &values[9]);
	CHECK_INT(map_count(m), 5000);
	for (int i = 0; i < 5000; i += 2) {
		snprintf(key, sizeof(key), "%.*s%d", i % 20, "aaaaaaaaaaaaaaaaaaaa", i);
		CHECK(map_del(m, key) != NULL);
		CHECK(map_get(m, key) == NULL);
	}
	CHECK_INT(map_count(m), 2500);
	CHECK_INT(map_set(m, "", &values[1]), 0);
	CHECK(map_get(m, "") == &values[1]);
	map_free(m);
	map_free(NULL);
	return check_done();
}
