/* endpoint.h - where a bucket is spoken to: URL of the service, host, path. Pure. */
#ifndef S3_ENDPOINT_H
#define S3_ENDPOINT_H

#include "base/base.h"
#include "base/kv.h"

struct endpoint {
	bool tls;
	bool loopback;	 /* localhost, 127.0.0.0/8, ::1 */
	bool is_address; /* no name: there is no virtual-host style */
	char host[256];	 /* lower case, IPv6 in brackets; :port unless the scheme's own */
};

/* "http[s]://host[:port][/]" and nothing more. -EINVAL with words in why. */
int endpoint_parse(const char *url, struct endpoint *ret_e, char *why, size_t why_len) must_check;
/* AWS's own for a region. */
int endpoint_aws(const char *region, struct endpoint *ret_e) must_check;
/* May stand in a host name and in a signature: a-z, 0-9, '-', at most 39. */
bool region_is_valid(const char *region);
/* Can the bucket be part of a host name? With TLS no dots: no certificate covers them. */
bool bucket_fits_host(const char *bucket, bool tls);

/* Where a request goes. Strings are new. */
struct place {
	char *host;
	char *path; /* percent-encoded */
	char *url;  /* all of it, with the query */
};

/* key NULL = the bucket itself. */
int endpoint_place(const struct endpoint *e, bool path_style, const char *bucket, const char *key,
		   const struct kv *query, struct place *ret_p) must_check;
void place_free(struct place *p);

#endif
