/* cred_i.h - shared by cred.c (the source and its places) and cred_read.c (what the files say). */
#ifndef S3_CRED_I_H
#define S3_CRED_I_H

#include "s3/cred.h"

#include <stdatomic.h>

struct cred_box {
	struct cred pub; /* first */
	atomic_uint refs;
	size_t size; /* of text */
	char text[]; /* what pub points to */
};

/* Where words for people go; size 0 = nowhere. */
struct why {
	char *text;
	size_t size;
};

#define CRED_SYSTEM_PASSWD "/etc/passwd-s3fs" /* the one passwd file that its group may read */

void cred_why(const struct why *w, const char *fmt, ...) printf_like(2, 3);
/* token may be NULL. */
int cred_box_new(const char *key_id, const char *secret, const char *token,
		 struct cred_box **ret_box) must_check;
/* Checked first; from names the place in words. */
int cred_box_check_new(const char *key_id, const char *secret, const char *token, const char *from,
		       const struct why *w, struct cred_box **ret_box) must_check;

/* All return -ENOENT when there are none there, with words. bucket may be NULL. */
int cred_passwd_read(const char *path, const char *bucket, const struct why *w,
		     struct cred_box **ret_box) must_check;
/* credentials and config are paths; the first that has the profile's keys is taken. */
int cred_profile_read(const char *credentials, const char *config, const char *profile,
		      const struct why *w, struct cred_box **ret_box) must_check;
/* The profile's region, new; NULL when the file does not say. */
int cred_region_read(const char *path, const char *profile, bool is_config, char **ret_region)
	must_check;

#endif
