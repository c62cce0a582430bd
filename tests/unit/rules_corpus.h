/* rules_corpus.h - the files of tests/data/rules, and the pieces that many of them have. */
#ifndef TESTS_UNIT_RULES_CORPUS_H
#define TESTS_UNIT_RULES_CORPUS_H

#include <stdio.h>

#include "base/io.h"
#include "rules/rules.h"

#include "tests/unit/check.h"

#define ROLE "<Role>arn:aws:iam::111122223333:role/crr</Role>"
#define DEST "<Destination><Bucket>arn:aws:s3:::dst</Bucket></Destination>"
#define V2_TAIL                                                                                    \
	"<Status>Enabled</Status>" DEST                                                            \
	"<DeleteMarkerReplication><Status>Disabled</Status></DeleteMarkerReplication></Rule>"      \
	"</ReplicationConfiguration>"

static inline const char *corpus_dir(void)
{
	static char dir[4096];
	const char *srcdir = getenv("srcdir");

	snprintf(dir, sizeof(dir), "%s/tests/data/rules", srcdir && *srcdir ? srcdir : ".");
	return dir;
}

static inline void read_corpus(const char *name, const char *suffix, struct buf *ret_b)
{
	char path[4600];

	snprintf(path, sizeof(path), "%s/%s%s", corpus_dir(), name, suffix);
	CHECK(io_read_file(path, BUF_LIMIT_DOC, ret_b) == 0);
}

static inline struct rule_set *parse_ok(const char *name, const char *text, size_t len)
{
	struct rule_set *rs = NULL;
	struct rules_error e = { .line = 0 };
	int r = rules_parse(text, len, &rs, &e);

	if (r < 0)
		fprintf(stderr, "%s: %s: %s (%s) at %d:%d\n", name, e.code, e.message, e.hint,
			e.line, e.col);
	CHECK(r == 0);
	return rs;
}

static inline struct rule_set *parse_file(const char *name)
{
	auto_with(buf_free) struct buf b;

	buf_init(&b, BUF_LIMIT_DOC);
	read_corpus(name, "", &b);
	return parse_ok(name, buf_str(&b), b.len);
}

#endif
