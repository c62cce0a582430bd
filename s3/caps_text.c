/* caps_text.c - capabilities as words. The asking is in caps.c. See caps.h. */
#include "s3/caps.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	size_t offset;
	const char *meaning; /* of its absence */
} rows[] = {
	{ "put", offsetof(struct s3_caps, put), "nothing can be written there" },
	{ "get", offsetof(struct s3_caps, get), "what was written cannot be read or compared" },
	{ "remove", offsetof(struct s3_caps, remove), "deletions cannot be carried out" },
	{ "purge", offsetof(struct s3_caps, purge),
	  "what a probe wrote stays behind as old versions" },
	{ "versioning", offsetof(struct s3_caps, versioning),
	  "what is replaced or deleted is gone: it keeps no old versions" },
	{ "versioning-api", offsetof(struct s3_caps, versioning_api),
	  "it cannot be asked whether old versions are kept" },
	{ "tags", offsetof(struct s3_caps, tags), "tags are kept in the metadata crrfs-tags" },
	{ "acl", offsetof(struct s3_caps, acl),
	  "policies say who may read: canned ACLs are kept in the metadata crrfs-acl" },
	{ "sse", offsetof(struct s3_caps, sse), "it encrypts as it encrypts all else" },
	{ "lock", offsetof(struct s3_caps, lock), "no retention and no legal hold" },
	{ "multipart", offsetof(struct s3_caps, multipart),
	  "no object over 5 GiB, and none is sent before its file is closed" },
	{ "part-copy", offsetof(struct s3_caps, part_copy),
	  "a large object is sent whole again when a part of it changes" },
	{ "checksums", offsetof(struct s3_caps, checksums),
	  "bytes are proved by their ETag alone" },
	{ "conditional", offsetof(struct s3_caps, conditional),
	  "nothing keeps two writers of a key apart" },
	{ "classes", offsetof(struct s3_caps, classes), "every object is of class STANDARD" },
	{ "minio", offsetof(struct s3_caps, minio),
	  "versions get ids and times of their own there" },
};

static enum cap *cap_at(struct s3_caps *c, size_t i)
{
	return (enum cap *)((char *)c + rows[i].offset);
}

const char *cap_name(enum cap c)
{
	static const char *const names[] = {
		[CAP_UNKNOWN] = "?", [CAP_NO] = "no", [CAP_YES] = "yes", [CAP_DENIED] = "denied"
	};

	return names[c];
}

bool caps_row(const struct s3_caps *c, size_t i, const char **ret_name, enum cap *ret_cap,
	      const char **ret_meaning)
{
	if (i >= array_size(rows))
		return false;
	*ret_name = rows[i].name;
	*ret_cap = *cap_at((struct s3_caps *)c, i);
	*ret_meaning = rows[i].meaning;
	return true;
}

int caps_to_text(const struct s3_caps *c, struct buf *out)
{
	for (size_t i = 0; i < array_size(rows); i++)
		buf_addf(out, "%s%s=%s", i > 0 ? " " : "", rows[i].name,
			 cap_name(*cap_at((struct s3_caps *)c, i)));
	return out->error;
}

static bool same_word(const char *s, size_t n, const char *word)
{
	return strlen(word) == n && memcmp(s, word, n) == 0;
}

/* "name=word" */
static void read_word(const char *s, size_t n, struct s3_caps *c)
{
	const char *eq = memchr(s, '=', n);

	for (size_t i = 0; eq && i < array_size(rows); i++) {
		if (!same_word(s, (size_t)(eq - s), rows[i].name))
			continue;
		for (int cap = CAP_UNKNOWN; cap <= CAP_DENIED; cap++)
			if (same_word(eq + 1, n - (size_t)(eq + 1 - s), cap_name((enum cap)cap)))
				*cap_at(c, i) = (enum cap)cap;
	}
}

int caps_from_text(const char *text, struct s3_caps *ret_c)
{
	struct s3_caps c = { 0 };

	while (*text) {
		size_t n = strcspn(text, " \n");

		read_word(text, n, &c);
		text += n + (text[n] != '\0');
	}
	*ret_c = c;
	return 0;
}
