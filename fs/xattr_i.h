/* xattr_i.h - xattr names and values <-> metadata names and values: xattr_code.c. Pure. */
#ifndef FS_XATTR_I_H
#define FS_XATTR_I_H

#include "base/base.h"
#include "base/buf.h"

#define XATTR_NAME_LEN 255 /* XATTR_NAME_MAX of the kernel */

/* The name behind "user." -> a header's name: bytes outside [a-z0-9._-] become %xx (lower case:
 * servers fold names). */
int xattr_name_encode(const char *name, struct buf *out) must_check;
/* A header's name -> the whole xattr name: "user.NAME", or "user.s3.meta.NAME" where that could be
 * taken for one of crrfs's own. */
int xattr_name_decode(const char *header, struct buf *out) must_check;
/* Plain printable ASCII stays as it is; else, and where it could be taken for encoded or a server
 * would change it, %XX. */
int xattr_value_encode(const void *value, size_t size, struct buf *out) must_check;
int xattr_value_decode(const char *text, struct buf *out) must_check;

#endif
