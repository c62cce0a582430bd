/*
 * temp_name.h - names that programs use for a file which they rename or remove soon. One too many
 * costs a little delay before it is uploaded (what it holds is safe meanwhile), one too few costs a
 * version that nobody wanted.
 */
#ifndef FS_TEMP_NAME_H
#define FS_TEMP_NAME_H

#include "base/base.h"

/* By the last name of the key, and whether it is in a git repository. more: further patterns as for
 * fnmatch(3), with ':' between them; NULL = none. */
bool temp_name_is(const char *key, const char *more);

#endif
