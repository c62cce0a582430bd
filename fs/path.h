/*
 * path.h - names and keys. The one place that knows the directory-marker rule (a directory "d" is
 * the key "d/", or just a prefix of other keys), and which keys cannot be names.
 */
#ifndef FS_PATH_H
#define FS_PATH_H

#include "base/base.h"
#include "base/buf.h"

#define PATH_NAME_MAX 255

/* Can this one component of a key be shown as a name? Not empty, not "." or "..", at most 255
 * bytes, no '/'. */
bool path_is_name(const char *name, size_t len);
/* dir_key is "" or ends in '/'. -ENAMETOOLONG when name > 255 bytes or the key > 1024 - 1 bytes. */
int path_child_key(const char *dir_key, const char *name, bool is_dir, char **ret_key) must_check;
/* Is it a directory's: "d/", or the root's, ""? */
bool path_is_dir_key(const char *key);
/* The last component of a key, without the marker's '/': borrowed from key; *ret_len its length. */
const char *path_last(const char *key, size_t *ret_len);
/* The key of the directory that holds key: "" or ends in '/'. */
int path_parent_key(const char *key, char **ret_key) must_check;
/* Content-Type by the name's ending; "application/octet-stream" when unknown. Static string. */
const char *path_content_type(const char *name);

#endif
