#include "queue/probe.h"

#include <errno.h>

#include "base/clock.h"
#include "base/log.h"

/* Young, and a bucket that could be written to: what else it says was tried. */
static bool recall(struct store *s, const char *arn, struct s3_client *c, struct s3_caps *ret_c)
{
	auto_free char *text = NULL;
	int64_t when_ms, age_ms;

	if (store_get_caps(s, arn, s3_client_url(c), &text, &when_ms) < 0)
		return false;
	age_ms = clock_wall_ms() - when_ms;
	return age_ms >= 0 && age_ms < PROBE_REMEMBERED_MS && caps_from_text(text, ret_c) == 0 &&
	       ret_c->put == CAP_YES;
}

static bool is_same(const struct s3_caps *a, const struct s3_caps *b)
{
	return a->versioning == b->versioning && a->versioning_api == b->versioning_api &&
	       a->put == b->put && a->remove == b->remove && a->purge == b->purge;
}

static void remember(struct store *s, const char *arn, struct s3_client *c,
		     const struct s3_caps *caps)
{
	auto_with(buf_free) struct buf text;
	char words[64];
	int err;

	buf_init(&text, BUF_LIMIT_SMALL);
	err = caps_to_text(caps, &text);
	if (err == 0)
		log_info("dest=%s %s", arn, buf_str(&text));
	err = err < 0 ? err
		      : store_put_caps(s, arn, s3_client_url(c), buf_str(&text), clock_wall_ms());
	if (err < 0)
		log_warn("dest=%s result=\"what it can do is not written down\" why=\"%s\"", arn,
			 errno_text(err, words, sizeof(words)));
}

int probe_caps(struct store *s, const char *arn, struct s3_client *c, struct s3_caps *ret_c,
	       struct s3_error *err)
{
	struct s3_caps known = { 0 }, now;
	int rc;

	if (recall(s, arn, c, &known)) {
		now = known;
		rc = caps_check(c, &now, err);
		if (rc < 0)
			return rc;
		if (is_same(&known, &now)) {
			*ret_c = now;
			return 0;
		}
	}
	rc = caps_probe(c, ret_c, err);
	/* What fell silent in the middle is asked again the next time. */
	if (rc == 0 && err->class != FAULT_RETRY)
		remember(s, arn, c, ret_c);
	return rc;
}

int probe_dest(struct store *s, struct dest *d, struct s3_error *err)
{
	struct s3_caps caps;
	int rc;

	if (!dest_begin_caps(d))
		return 0;
	rc = probe_caps(s, dest_arn(d), dest_client(d), &caps, err);
	dest_end_caps(d, rc == 0 ? &caps : NULL);
	return rc;
}
