#include "queue/store.h"

#include <errno.h>

#include "base/db.h"

#include "queue/store_i.h"

/* --- strays ----------------------------------------------------------------------------------- */

bool store_keeps_strays(struct store *s)
{
	auto_free char *v = NULL;
	int r = store_get_info(s, STORE_STRAYS, &v);

	/* In doubt they are kept. */
	return r == 0 ? *v != '\0' : r != -ENOENT;
}

int store_forget_strays(struct store *s)
{
	return store_put_info(s, STORE_STRAYS, "");
}

/* --- info ------------------------------------------------------------------------------------- */

struct info_args {
	const char *name, *value;
	char *got;
};

static int put_info(struct db *db, void *arg)
{
	const struct info_args *a = arg;
	struct db_stmt *st;
	int r;

	r = store_prepare_text(db, "INSERT OR REPLACE INTO info (name, value) VALUES (?1, ?2)", &st,
			       a->name, a->value);
	return r < 0 ? r : db_run(st);
}

int store_put_info(struct store *s, const char *name, const char *value)
{
	struct info_args a = { .name = name, .value = value };

	return store_run(s, "put-info", put_info, &a);
}

static int get_info(struct db *db, void *arg)
{
	struct info_args *a = arg;
	struct db_stmt *st;
	int r;

	r = store_prepare_text(db, "SELECT value FROM info WHERE name = ?1", &st, a->name);
	if (r < 0)
		return r;
	r = db_step(st);
	if (r == 1)
		r = store_col_dup(st, 0, &a->got);
	else if (r == 0)
		r = -ENOENT;
	db_reset(st);
	return r;
}

int store_get_info(struct store *s, const char *name, char **ret_value)
{
	struct info_args a = { .name = name };
	int r;

	r = store_ask(s, "get-info", get_info, &a);
	if (r == 0)
		*ret_value = a.got;
	return r;
}
