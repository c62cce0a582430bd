/* xattr_i.h - what the files of xattr*.c share. */
#ifndef FS_XATTR_I_H
#define FS_XATTR_I_H

#include "base/base.h"
#include "base/buf.h"
#include "fs/fs.h"
#include "fs/node.h"
#include "s3/acl.h"
#include "s3/lock.h"

#define XATTR_NAME_LEN 255 /* XATTR_NAME_MAX of the kernel */

/* --- names and values <-> metadata names and values: xattr_code.c. Pure ----------------------- */

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

/* --- user.s3.acl, user.s3.retention, user.s3.legal-hold: xattr_version.c ---------------------- */

/* version NULL = current. -ENODATA: there is none. */
int xattr_get_acl(struct fs *fs, const char *key, const char *version, struct buf *out) must_check;
int xattr_get_retention(struct fs *fs, const char *key, const char *version, struct buf *out)
	must_check;
int xattr_get_hold(struct fs *fs, const char *key, const char *version, struct buf *out) must_check;
/* -EINVAL: not such a text. */
int xattr_set_acl(struct fs *fs, struct node *n, const char *text) must_check;
int xattr_set_retention(struct fs *fs, struct node *n, const char *text) must_check;
int xattr_set_hold(struct fs *fs, struct node *n, const char *text) must_check;

/*
 * The texts: xattr_grants.c. Pure.
 *
 * grants     owner=ID;PERMISSION=GRANTEE;...   GRANTEE: id:CANONICAL-USER or a group's URI
 *            PERMISSION: read, write, read-acp, write-acp, full-control
 * retention  MODE TIME                         "GOVERNANCE 2030-01-01T00:00:00Z"; "" none
 */
int grants_write(const struct acl *a, struct buf *out)
	must_check; /* -EBADMSG: cannot be written so */
int grants_read(const char *text, struct acl *ret_a) must_check; /* owner may be left out: NULL */
int retention_write(const struct s3_retention *r, struct buf *out) must_check;
int retention_read(const char *text, struct s3_retention *ret_r) must_check;

#endif
