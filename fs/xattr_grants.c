/* xattr_grants.c - ACLs and retentions as people write them. See xattr_i.h. */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "fs/xattr_i.h"

static const char *const permissions[] = {
	[ACL_READ] = "read",
	[ACL_WRITE] = "write",
	[ACL_READ_ACP] = "read-acp",
	[ACL_WRITE_ACP] = "write-acp",
	[ACL_FULL_CONTROL] = "full-control",
};

/* --- grants ----------------------------------------------------------------------------------- */

/* What would read back as something else: no server has such ids, a hostile one may say so. */
static bool is_plain(const char *s)
{
	return !s || (*s && !strchr(s, ';'));
}

int grants_write(const struct acl *a, struct buf *out)
{
	bool plain = is_plain(a->owner);

	if (a->owner)
		buf_addf(out, "owner=%s", a->owner);
	for (size_t i = 0; i < a->n; i++) {
		const struct acl_grant *g = &a->grants[i];

		plain = plain && is_plain(g->id) && is_plain(g->uri);
		buf_addf(out, "%s%s=%s%s", i || a->owner ? ";" : "", permissions[g->permission],
			 g->id ? "id:" : "", g->id ? g->id : g->uri);
	}
	return plain ? out->error : -EBADMSG;
}

static int add_grant(struct acl *a, enum acl_permission permission, const char *grantee)
{
	bool user = strncmp(grantee, "id:", 3) == 0;
	struct acl_grant *grown, g = { .permission = permission };
	int r;

	if (user ? !grantee[3] : strncmp(grantee, "http://", 7) != 0)
		return -EINVAL;
	grown = reallocarray(a->grants, a->n + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	a->grants = grown;
	r = user ? str_dup(grantee + 3, &g.id) : str_dup(grantee, &g.uri);
	if (!r)
		a->grants[a->n++] = g;
	return r;
}

static int read_one(char *word, struct acl *a)
{
	char *value = strchr(word, '=');

	if (!value || !value[1])
		return -EINVAL;
	*value++ = '\0';
	if (strcmp(word, "owner") == 0)
		return a->owner ? -EINVAL : str_dup(value, &a->owner);
	for (size_t i = 0; i < array_size(permissions); i++)
		if (strcmp(word, permissions[i]) == 0)
			return add_grant(a, (enum acl_permission)i, value);
	return -EINVAL;
}

int grants_read(const char *text, struct acl *ret_a)
{
	auto_with(acl_free) struct acl a = { 0 };
	auto_free char *copy = NULL;
	char *rest, *word;
	int r = str_dup(text, &copy);

	rest = copy;
	while (!r && (word = strsep(&rest, ";")))
		r = read_one(word, &a);
	if (!r && !a.n)
		r = -EINVAL;
	if (r)
		return r;
	acl_free(ret_a);
	*ret_a = a;
	memset(&a, 0, sizeof(a));
	return 0;
}

/* --- retention -------------------------------------------------------------------------------- */

int retention_write(const struct s3_retention *r, struct buf *out)
{
	char when[40], *part;

	time_format_iso(r->until_ms, when);
	part = strstr(when, ".000Z");
	if (part)
		memcpy(part, "Z", 2);
	return buf_addf(out, "%s %s", r->mode, when);
}

int retention_read(const char *text, struct s3_retention *ret_r)
{
	static const char *const modes[] = { "GOVERNANCE", "COMPLIANCE" };
	struct s3_retention got = { 0 };
	size_t n = strcspn(text, " ");

	for (size_t i = 0; i < array_size(modes); i++)
		if (strlen(modes[i]) == n && strncmp(text, modes[i], n) == 0)
			memcpy(got.mode, modes[i], n + 1);
	if (*text && (!*got.mode || !text[n] || time_parse_iso(text + n + 1, &got.until_ms) != 0))
		return -EINVAL;
	*ret_r = got;
	return 0;
}
