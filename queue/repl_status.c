#include "queue/repl_i.h"

#include <errno.h>
#include <string.h>

struct status_row {
	char *dest, *replica_version, *reason, *why;
	enum job_state state;
};

struct status_list {
	struct status_row *rows;
	size_t n;
};

static void status_list_free(struct status_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->rows[i].dest);
		free(l->rows[i].replica_version);
		free(l->rows[i].reason);
		free(l->rows[i].why);
	}
	free(l->rows);
}

static int find_or_add(struct status_list *l, const char *dest, struct status_row **ret_row)
{
	struct status_row *grown;

	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->rows[i].dest, dest) == 0) {
			*ret_row = &l->rows[i];
			return 0;
		}
	grown = reallocarray(l->rows, l->n + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	l->rows = grown;
	grown[l->n] = (struct status_row){ .state = JOB_DONE };
	if (str_dup(dest, &grown[l->n].dest) < 0)
		return -ENOMEM;
	*ret_row = &grown[l->n++];
	return 0;
}

static unsigned badness(enum job_state s)
{
	return s == JOB_PARKED ? 2 : s == JOB_DONE ? 0 : 1;
}

static int replace(char **p, const char *s)
{
	char *copy = NULL;

	if (!s || !*s)
		return 0;
	if (str_dup(s, &copy) < 0)
		return -ENOMEM;
	free(*p);
	*p = copy;
	return 0;
}

static int fold_job(void *arg, const struct job *j)
{
	struct status_row *row;
	int err;

	err = find_or_add(arg, j->dest, &row);
	if (err == 0 && j->state == JOB_DONE && !job_kind_is_change(j->kind))
		err = replace(&row->replica_version, j->replica_version);
	if (err < 0 || badness(j->state) < badness(row->state))
		return err;
	row->state = j->state;
	if (j->state == JOB_DONE)
		return 0;
	err = replace(&row->reason, j->reason);
	return err < 0 ? err : replace(&row->why, j->why);
}

static int fold_replica(void *arg, const struct store_replica *r)
{
	struct status_row *row;
	int err;

	err = find_or_add(arg, r->dest, &row);
	return err < 0 ? err : replace(&row->replica_version, r->replica_version);
}

static int collect(struct repl *r, const char *key, const char *version, struct status_list *l)
{
	struct store_filter filter = { .key = key, .version = version };
	int err;

	err = store_each_replica(r->store, key, version, fold_replica, l);
	return err != 0 ? err : store_each_job(r->store, &filter, fold_job, l);
}

int repl_each_status(struct repl *r, const char *key, const char *version,
		     int (*fn)(void *arg, const struct repl_status *s), void *arg)
{
	auto_with(status_list_free) struct status_list l = { 0 };
	int err;

	err = collect(r, key, version, &l);
	for (size_t i = 0; err == 0 && i < l.n; i++) {
		const struct repl_status s = {
			.dest = l.rows[i].dest,
			.state = l.rows[i].state,
			.replica_version = l.rows[i].replica_version,
			.reason = l.rows[i].reason,
			.why = l.rows[i].why,
		};

		err = fn(arg, &s);
	}
	return err;
}

/*
 * S3 User Guide, "Getting replication status information": FAILED when one failed, PENDING when one
 * is not done, else COMPLETED.
 */
int repl_fold_status(struct repl *r, const char *key, const char *version, const char **ret_word)
{
	auto_with(status_list_free) struct status_list l = { 0 };
	enum job_state worst = JOB_DONE;
	int err;

	err = collect(r, key, version, &l);
	if (err < 0)
		return err;
	for (size_t i = 0; i < l.n; i++)
		if (badness(l.rows[i].state) > badness(worst))
			worst = l.rows[i].state;
	*ret_word = l.n == 0 ? "" : job_status_name(worst);
	return 0;
}
