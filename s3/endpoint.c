/* endpoint.c - see endpoint.h. */
#include "s3/endpoint.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/codec.h"

#define URL_LIMIT (16 * KIB) /* a key of 1,024 bytes, each as %XX, a token and the rest */

static const char lower[] = "abcdefghijklmnopqrstuvwxyz0123456789";

static int refuse(char *why, size_t why_len, const char *url)
{
	if (why_len)
		snprintf(why, why_len, "url %.100s: expected http[s]://host[:port]", url);
	return -EINVAL;
}

bool region_is_valid(const char *region)
{
	size_t n = strlen(region);

	return n > 0 && n < 40 && region[0] != '-' && region[n - 1] != '-' &&
	       strspn(region, "abcdefghijklmnopqrstuvwxyz0123456789-") == n;
}

bool bucket_fits_host(const char *bucket, bool tls)
{
	size_t n = strlen(bucket);

	if (n < 3 || n > 63 || strspn(bucket, "abcdefghijklmnopqrstuvwxyz0123456789.-") != n)
		return false;
	if (!strchr(lower, bucket[0]) || !strchr(lower, bucket[n - 1]) || strstr(bucket, ".."))
		return false;
	return !tls || !strchr(bucket, '.');
}

static bool host_is_valid(const char *host, bool bracketed)
{
	size_t n = strlen(host);

	if (bracketed)
		return n > 0 && strspn(host, "0123456789abcdef:.") == n;
	return n > 0 && n <= 200 && strspn(host, "abcdefghijklmnopqrstuvwxyz0123456789.-_") == n;
}

static void host_judge(const char *host, bool bracketed, struct endpoint *e)
{
	struct in6_addr a6;
	struct in_addr a4;

	if (bracketed) {
		e->is_address = true;
		e->loopback = inet_pton(AF_INET6, host, &a6) == 1 && IN6_IS_ADDR_LOOPBACK(&a6);
	} else if (inet_pton(AF_INET, host, &a4) == 1) {
		e->is_address = true;
		e->loopback = (ntohl(a4.s_addr) >> 24) == 127;
	} else
		e->loopback = strcmp(host, "localhost") == 0;
}

/* rest is what follows "://", in lower case, cut up in place. */
static int authority_parse(char *rest, struct endpoint *e)
{
	bool bracketed = rest[0] == '[';
	char *host = bracketed ? rest + 1 : rest;
	char *end = bracketed ? strchr(host, ']') : host + strcspn(host, ":");
	uint64_t port = e->tls ? 443 : 80, standard = port;
	int n;

	if (!end)
		return -EINVAL;
	if (bracketed)
		*end++ = '\0';
	if (*end == ':') {
		*end++ = '\0';
		if (parse_u64(end, &port) != 0 || port == 0 || port > 65535)
			return -EINVAL;
	} else if (*end)
		return -EINVAL;
	if (!host_is_valid(host, bracketed))
		return -EINVAL;
	host_judge(host, bracketed, e);
	n = snprintf(e->host, sizeof(e->host), bracketed ? "[%s]" : "%s", host);
	if (port != standard && n > 0)
		snprintf(e->host + n, sizeof(e->host) - (size_t)n, ":%u", (unsigned)port);
	return 0;
}

int endpoint_parse(const char *url, struct endpoint *ret_e, char *why, size_t why_len)
{
	struct endpoint e = { 0 };
	char text[256];
	size_t n = strlen(url);
	char *rest;

	if (n >= sizeof(text))
		return refuse(why, why_len, url);
	for (size_t i = 0; i <= n; i++)
		text[i] = (char)(url[i] >= 'A' && url[i] <= 'Z' ? url[i] + 32 : url[i]);
	if (n && text[n - 1] == '/')
		text[n - 1] = '\0';
	if (strncmp(text, "https://", 8) == 0)
		e.tls = true;
	else if (strncmp(text, "http://", 7) != 0)
		return refuse(why, why_len, url);
	rest = text + (e.tls ? 8 : 7);
	if (authority_parse(rest, &e) != 0)
		return refuse(why, why_len, url);
	*ret_e = e;
	return 0;
}

int endpoint_aws(const char *region, struct endpoint *ret_e)
{
	if (!region_is_valid(region))
		return -EINVAL;
	*ret_e = (struct endpoint){ .tls = true };
	snprintf(ret_e->host, sizeof(ret_e->host), "s3.%s.amazonaws.com%s", region,
		 strncmp(region, "cn-", 3) == 0 ? ".cn" : "");
	return 0;
}

static int query_add(const struct kv *query, struct buf *b)
{
	for (size_t i = 0; query && i < query->n; i++) {
		buf_addc(b, i ? '&' : '?');
		uri_encode(query->items[i].name, false, b);
		if (*query->items[i].value) {
			buf_addc(b, '=');
			uri_encode(query->items[i].value, false, b);
		}
	}
	return b->error;
}

int endpoint_place(const struct endpoint *e, bool path_style, const char *bucket, const char *key,
		   const struct kv *query, struct place *ret_p)
{
	auto_with(buf_free) struct buf path;
	auto_with(buf_free) struct buf url;
	struct place p = { 0 };
	int rc;

	buf_init(&path, URL_LIMIT);
	buf_init(&url, URL_LIMIT);
	buf_addc(&path, '/');
	if (path_style)
		uri_encode(bucket, false, &path);
	if (path_style && key)
		buf_addc(&path, '/');
	if (key)
		uri_encode(key, true, &path);
	rc = path_style ? str_dup(e->host, &p.host) : str_format(&p.host, "%s.%s", bucket, e->host);
	if (rc == 0) {
		buf_addf(&url, "%s://%s%s", e->tls ? "https" : "http", p.host, buf_str(&path));
		query_add(query, &url);
		rc = buf_take(&path, &p.path, NULL);
	}
	if (rc == 0)
		rc = buf_take(&url, &p.url, NULL);
	if (rc) {
		place_free(&p);
		return rc;
	}
	*ret_p = p;
	return 0;
}

void place_free(struct place *p)
{
	free(p->host);
	free(p->path);
	free(p->url);
	*p = (struct place){ 0 };
}
