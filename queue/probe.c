#include "queue/probe.h"

#include <errno.h>

#include "base/clock.h"
#include "base/log.h"

/* What a full probe could find better is tried again: one stray answer, or a server that had less
 * then, would last for days. The short look asks for the lock; few but MinIO are MinIO. */
static bool has_all(const struct s3_caps *caps)
{
	struct s3_caps c = *caps;
	const char *name, *meaning;
	enum cap cap;

	if (c.lock == CAP_NO)
		c.lock = CAP_YES;
	if (c.minio == CAP_NO)
		c.minio = CAP_YES;
	for (size_t i = 0; caps_row(&c, i, &name, &cap, &meaning); i++)
		if (cap != CAP_YES)
			return false;
	return true;
}

/* Young, and with nothing missing. */
static bool recall(struct store *s, const char *arn, struct s3_client *c, struct s3_caps *ret_c)
{
	auto_free char *text = NULL;
	int64_t when_ms, age_ms;

	if (store_get_caps(s, arn, s3_client_url(c), &text, &when_ms) < 0)
		return false;
	age_ms = clock_wall_ms() - when_ms;
	return age_ms >= 0 && age_ms < PROBE_REMEMBERED_MS && caps_from_text(text, ret_c) == 0 &&
	       has_all(ret_c);
}

static bool is_same(const struct s3_caps *a, const struct s3_caps *b)
{
	return a->versioning == b->versioning && a->versioning_api == b->versioning_api &&
	       a->put == b->put && a->remove == b->remove && a->purge == b->purge &&
	       a->lock == b->lock;
}

void probe_remember(struct store *s, const char *arn, struct s3_client *c,
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

int probe_caps(struct store *s, const char *arn, struct s3_client *c, bool anew,
	       struct s3_caps *ret_c, struct s3_error *err)
{
	struct s3_caps known = { 0 }, now;
	int rc;

	if (!anew && recall(s, arn, c, &known)) {
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
		probe_remember(s, arn, c, ret_c);
	return rc;
}

int probe_dest(struct store *s, struct dest *d, struct s3_error *err)
{
	struct s3_caps caps;
	int rc;

	if (!dest_begin_caps(d))
		return 0;
	rc = probe_caps(s, dest_arn(d), dest_client(d), false, &caps, err);
	dest_end_caps(d, rc == 0 ? &caps : NULL);
	return rc;
}
