/* ini.h - reads the INI dialect of ~/.aws/config and destinations.conf. */
#ifndef BASE_INI_H
#define BASE_INI_H

#include "base/base.h"
#include "base/kv.h"

struct ini_section {
	char *name; /* as written between the brackets, trimmed */
	int line;
	struct kv values; /* names in lower case, values trimmed */
};

struct ini {
	struct ini_section *sections;
	size_t n;
};

/*
 * Comments: # or ; at the start of a line. A section twice is merged; a name twice in it: the last
 * one counts. The lines of a nested block (AWS: "s3 =" without a value, then lines indented deeper
 * than it) are skipped; any other line may be indented. -EINVAL with the line in ret_line (may be
 * NULL) for anything else. ret_ini is written over.
 */
int ini_read(const char *text, struct ini *ret_ini, int *ret_line) must_check;
void ini_free(struct ini *ini);
/* NULL when absent. */
const struct ini_section *ini_find(const struct ini *ini, const char *name);

#endif
