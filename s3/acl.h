/*
 * acl.h - access control lists of one version. version NULL = current. Source: S3 User Guide,
 * "Access control list (ACL) overview".
 */
#ifndef S3_ACL_H
#define S3_ACL_H

#include "s3/client.h"

enum acl_permission {
	ACL_READ,
	ACL_WRITE,
	ACL_READ_ACP,
	ACL_WRITE_ACP,
	ACL_FULL_CONTROL,
};

struct acl_grant {
	char *id;  /* canonical user; NULL = a group */
	char *uri; /* group; NULL = a user */
	enum acl_permission permission;
};

struct acl {
	char *owner; /* canonical user id; NULL = not told */
	struct acl_grant *grants;
	size_t n;
};

void acl_free(struct acl *a); /* empties it; all-zero is empty */

int acl_get(struct s3_client *c, const char *key, const char *version, struct acl *ret_a,
	    struct s3_error *err) must_check;
int acl_put(struct s3_client *c, const char *key, const char *version, const struct acl *a,
	    struct s3_error *err) must_check;
/* PUT ?acl with a canned one. */
int acl_put_canned(struct s3_client *c, const char *key, const char *version, const char *canned,
		   struct s3_error *err) must_check;

/* The canned ACL that a is, by its owner's and the groups' grants, or NULL: "private",
 * "public-read", "public-read-write", "authenticated-read". */
const char *acl_canned(const struct acl *a);
bool acl_is_canned(const char *name); /* one that S3 knows for objects */
/* The same grants with another owner: grants of the old owner are the new one's. Same grants in
 * another order are equal. */
int acl_rebase(const struct acl *a, const char *owner, struct acl *ret_a) must_check;
bool acl_equal(const struct acl *a, const struct acl *b);

/* AccessControlPolicy, and back; -EIO with words of at least 200 bytes in why. */
int acl_read(const char *xml, size_t n, struct acl *ret_a, char *why) must_check;
int acl_write(const struct acl *a, struct buf *out) must_check;

/* Does the error say that this bucket takes no ACLs at all (AccessControlListNotSupported, 501)? */
bool acl_is_refused(const struct s3_error *e);

#endif
