/* body_i.h - the pieces that body.c and body_list.c read with. All but body_url_encoded return 0,
 * -ENOMEM, or -EIO with why. */
#ifndef S3_BODY_I_H
#define S3_BODY_I_H

#include "base/doc.h"

#include "s3/body.h"

#define BODY_NAMESPACE "http://s3.amazonaws.com/doc/2006-03-01/"

int body_bad(char why[BODY_WHY], const char *text) must_check;
int body_root(const char *s, size_t n, const char *name, struct doc_node **ret_root,
	      char why[BODY_WHY]) must_check;
int body_number(const struct doc_node *node, const char *name, uint64_t *ret_v, char why[BODY_WHY])
	must_check;
int body_time(const struct doc_node *node, const char *name, int64_t *ret_ms, char why[BODY_WHY])
	must_check;
int body_name(const struct doc_node *node, const char *name, bool encoded, char **ret_s,
	      char why[BODY_WHY]) must_check;
/* An id of a version: no control characters, which terminals obey. */
int body_version(const struct doc_node *node, const char *name, char **ret_id, char why[BODY_WHY])
	must_check;
int body_bool(const struct doc_node *node, const char *name, bool *ret_v, char why[BODY_WHY])
	must_check;
/* Did the server take encoding-type=url? Some do not know it. */
bool body_url_encoded(const struct doc_node *root);

#endif
