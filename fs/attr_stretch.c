/* attr_stretch.c - the names of a directory, or of a stretch of it, all at once. See seen.h. */
#include <string.h>

#include "base/clock.h"
#include "fs/attr.h"
#include "s3/list.h"

#define PAGE_MAX 1000

/* What the listing shows of a name in dir_key: learned. *hold_ms: lowered to how long it holds. */
static int learn_entry(struct fs *fs, const char *dir_key, const struct s3_entry *e, int64_t since,
		       int64_t *hold_ms)
{
	auto_with(attr_free) struct attr a = { 0 };
	int r;

	if (!strcmp(e->key, dir_key))
		return 0; /* its own marker */
	r = attr_from_entry(fs, e, &a);
	if (!r) {
		attr_cache_put_seen(fs->attrs, e->key, &a, since);
		*hold_ms = min_of(*hold_ms, attr_hold_ms(&a));
	}
	return r;
}

int attr_list_stretch(struct fs *fs, const char *dir_key, const char *from)
{
	auto_with(s3_page_free) struct s3_page page = { 0 };
	auto_free char *after = NULL;
	int64_t since = clock_mono_ms(), hold_ms = CLOCK_NEVER;
	const char *last = NULL;
	int r = str_format(&after, "%s%s", dir_key, from);

	if (!r)
		r = list_keys_after(fs->source, dir_key, "/", *after ? after : NULL, PAGE_MAX,
				    &page, NULL);
	for (size_t i = 0; !r && i < page.n; i++)
		r = learn_entry(fs, dir_key, &page.entries[i], since, &hold_ms);
	if (r)
		return r;
	if (page.truncated)
		last = page.n ? page.entries[page.n - 1].key + strlen(dir_key) : "";
	attr_cache_put_stretch(fs->attrs, dir_key, from, last, since, hold_ms);
	return 0;
}
