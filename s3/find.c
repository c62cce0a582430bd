/* find.c - which version did we make? object_find, and the settling of unclear answers that stands
 * on it. See object.h, verb_i.h. */
#include <errno.h>
#include <string.h>

#include "base/backoff.h"
#include "base/clock.h"
#include "base/codec.h"

#include "s3/list.h"
#include "s3/object.h"
#include "s3/client_i.h"
#include "s3/verb_i.h"

#define LOOKED_AT_MAX 100 /* HEADs */
#define LISTED_MAX    1000

struct find {
	struct s3_client *client;
	const char *key, *name, *value;
	int64_t since_ms;
	char *current; /* version id of the one looked at first */
	unsigned listed, looked_at;
	struct s3_info *ret_i;
	struct s3_error *err;
};

/* 1 = this is it (ret_i filled), 0 = it is not, or -errno. A version that went away is not it. */
static int look_at(struct find *f, const char *version)
{
	auto_with(s3_info_free) struct s3_info i = { 0 };
	const char *value;
	int rc = object_head(f->client, f->key, version, &i, f->err);

	if (rc == -ENOENT)
		return 0;
	if (rc != 0)
		return rc;
	value = kv_get(&i.meta, f->name);
	if (value && strcmp(value, f->value) == 0) {
		*f->ret_i = i;
		memset(&i, 0, sizeof(i));
		return 1;
	}
	if (!version)
		f->current = take_ptr(&i.version_id);
	return 0;
}

/* Times do not fall along the list (a multipart version bears the time of its start), so an old one
 * does not end it. */
static int look_at_entry(void *arg, const struct s3_entry *e)
{
	struct find *f = arg;

	if (f->listed++ >= LISTED_MAX || f->looked_at >= LOOKED_AT_MAX)
		return -ENOENT;
	if (e->delete_marker || (e->mtime_ms != 0 && e->mtime_ms < f->since_ms))
		return 0;
	if (f->current && strcmp(f->current, e->version_id) == 0)
		return 0;
	f->looked_at++;
	return look_at(f, e->version_id);
}

int object_find(struct s3_client *c, const char *key, const char *name, const char *value,
		int64_t since_ms, struct s3_info *ret_i, struct s3_error *err)
{
	struct s3_error own = { 0 };
	struct find f = { .client = c,
			  .key = key,
			  .name = name,
			  .value = value,
			  .since_ms = since_ms,
			  .ret_i = ret_i,
			  .err = &own };
	int rc = look_at(&f, NULL);

	if (rc == 0)
		rc = list_versions_of(c, key, look_at_entry, &f, &own);
	free(f.current);
	if (rc == 0 || rc == -ENOENT || list_is_unknown(&own))
		return verb_refuse(-ENOENT, "no version has this token", err);
	if (rc < 0 && err)
		*err = own;
	return min_of(rc, 0);
}

int settle_init(struct settle *s, struct s3_client *c, const char *key,
		const struct s3_put_opts *opts)
{
	const char *name = opts ? opts->token_name : NULL;

	/* A replica may bear any time. */
	*s = (struct settle){ .client = c,
			      .key = key,
			      .since_ms =
				      opts && opts->origin ? 0 : clock_wall_ms() - SETTLE_SKEW_MS };
	if (!name)
		return 0;
	s->value = opts->meta ? kv_get(opts->meta, name) : NULL;
	if (!s->value)
		return -EINVAL;
	s->name = name;
	return 0;
}

void settle_wait(unsigned tries)
{
	static const struct backoff pause = { .first_ms = 300, .max_ms = 3000, .factor_x10 = 25 };
	char digits[9] = "";
	uint8_t rnd[4] = { 0 };

	if (random_hex(sizeof(rnd), digits) != 0 || hex_decode(digits, rnd, sizeof(rnd)) != 0)
		rnd[0] = 0x80;
	verb_wait(backoff_next(&pause, tries,
			       (uint32_t)rnd[0] << 24 | (uint32_t)rnd[1] << 16 |
				       (uint32_t)rnd[2] << 8 | rnd[3]));
}

bool settle_is_over(const struct s3_client *c, unsigned tries, unsigned silent)
{
	return tries >= SETTLE_TRIES || (silent > 0 && silent * c->stall_ms >= c->call_ms);
}

int settle_try(struct settle *s, int rc, const struct s3_error *e, struct s3_info *ret_i)
{
	int found;

	if (!e->unclear || !s->name || rc == -ECANCELED || rc == -ENOMEM)
		return rc;
	s->tries++;
	s->silent += rc == -ETIMEDOUT;
	/* The server may be at it still: look a little later. */
	settle_wait(s->tries);
	found = object_find(s->client, s->key, s->name, s->value, s->since_ms, ret_i, NULL);
	if (found == 0)
		return 0;
	return found == -ENOENT && !settle_is_over(s->client, s->tries, s->silent) ? -EAGAIN : rc;
}
