#include "queue/dest_i.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/codec.h"
#include "base/ini.h"
#include "base/io.h"
#include "base/log.h"

#define CONF_LIMIT (1024 * 1024)

static void section_free(struct destconf_section *s)
{
	free(s->arn);
	free(s->url);
	free(s->region);
	free(s->profile);
	free(s->passwd_file);
	free(s->cacert);
}

void destconf_free(struct destconf *c)
{
	for (size_t i = 0; i < c->n; i++)
		section_free(&c->sections[i]);
	free(c->sections);
	for (size_t i = 0; i < c->rules_n; i++)
		free(c->rules[i].id);
	free(c->rules);
	*c = (struct destconf){ 0 };
}

const struct destconf_section *destconf_find(const struct destconf *c, const char *arn)
{
	for (size_t i = 0; i < c->n; i++)
		if (strcmp(c->sections[i].arn, arn) == 0)
			return &c->sections[i];
	return NULL;
}

/* arn:PARTITION:s3:::BUCKET (S3 User Guide, "Policy resources"). */
const char *destconf_arn_bucket(const char *arn)
{
	const char *p;

	if (strncmp(arn, "arn:", 4) != 0)
		return NULL;
	p = strchr(arn + 4, ':');
	if (!p || p == arn + 4 || strncmp(p, ":s3:::", 6) != 0)
		return NULL;
	p += 6;
	return *p && !strpbrk(p, "/:") ? p : NULL;
}

/* ini keeps the line of a section only; people look for the line of the key. */
static int line_of(const char *text, int from, const char *name)
{
	size_t len = strlen(name);
	const char *p = text;

	for (int line = 1; *p; line++) {
		const char *end = strchrnul(p, '\n');
		const char *q = p + strspn(p, " \t");

		if (line > from && q + len < end && strncasecmp(q, name, len) == 0 &&
		    q[len + strspn(q + len, " \t")] == '=')
			return line;
		p = *end ? end + 1 : end;
	}
	return from;
}

struct reading {
	const char *file, *text;
	int line;
	char *why;
	size_t why_len;
};

static int bad_key(const struct reading *r, const char *name, const char *words)
{
	char shown[80];

	snprintf(r->why, r->why_len, "%s: line %d: %s: %s", r->file,
		 line_of(r->text, r->line, name), printable(name, shown, sizeof(shown)), words);
	return -EINVAL;
}

static int set_choice(const struct reading *r, const struct kv_item *it, enum destconf_choice *ret)
{
	bool yes;

	if (parse_bool(it->value, &yes) < 0)
		return bad_key(r, it->name, "must be yes or no");
	*ret = yes ? DESTCONF_YES : DESTCONF_NO;
	return 0;
}

static int set_text(const struct reading *r, const struct kv_item *it, char **ret)
{
	if (!*it->value)
		return bad_key(r, it->name, "has no value");
	return str_dup(it->value, ret);
}

static int set_key(const struct reading *r, const struct kv_item *it, struct destconf_section *s)
{
	const struct {
		const char *name;
		char **text;
		enum destconf_choice *choice;
	} table[] = {
		{ "url", &s->url, NULL },
		{ "region", &s->region, NULL },
		{ "profile", &s->profile, NULL },
		{ "passwd_file", &s->passwd_file, NULL },
		{ "cacert", &s->cacert, NULL },
		{ "use_path_request_style", NULL, &s->path_style },
		{ "no_check_certificate", NULL, &s->no_check_certificate },
		{ "allow_http", NULL, &s->allow_http },
		{ "unversioned_ok", NULL, &s->unversioned_ok },
		{ "class_fallback", NULL, &s->class_fallback },
	};

	for (size_t i = 0; i < array_size(table); i++) {
		if (strcmp(it->name, table[i].name) != 0)
			continue;
		if (table[i].text)
			return set_text(r, it, table[i].text);
		return set_choice(r, it, table[i].choice);
	}
	return bad_key(r, it->name,
		       "unknown key (known: url, region, profile, passwd_file, "
		       "cacert, use_path_request_style, no_check_certificate, allow_http, "
		       "unversioned_ok, class_fallback)");
}

static int read_section(const struct reading *r, const struct ini_section *in,
			struct destconf_section *s)
{
	char shown[120];
	int err;

	if (!destconf_arn_bucket(in->name)) {
		snprintf(r->why, r->why_len,
			 "%s: line %d: [%s] is not the ARN of a bucket "
			 "(arn:aws:s3:::BUCKET), nor [rule ID]",
			 r->file, in->line, printable(in->name, shown, sizeof(shown)));
		return -EINVAL;
	}
	err = str_dup(in->name, &s->arn);
	if (err < 0)
		return err;
	for (size_t i = 0; i < in->values.n; i++) {
		err = set_key(r, &in->values.items[i], s);
		if (err < 0)
			return err;
	}
	if (s->profile && s->passwd_file)
		return bad_key(r, "passwd_file", "not together with profile");
	return 0;
}

int durability_parse(const char *word, enum durability *ret_d)
{
	static const char *const words[][2] = {
		[DURABILITY_STAGED] = { "staged", "A" },
		[DURABILITY_SOURCE] = { "source", "B" },
		[DURABILITY_REPLICAS] = { "replicas", "C" },
	};

	for (size_t i = 0; i < array_size(words); i++)
		if (strcmp(word, words[i][0]) == 0 || strcmp(word, words[i][1]) == 0) {
			*ret_d = (enum durability)i;
			return 0;
		}
	return -EINVAL;
}

static int read_rule(const struct reading *r, const struct ini_section *in, const char *id,
		     struct destconf_rule *rule)
{
	int err = str_dup(id, &rule->id);

	rule->durability = DURABILITY_SOURCE;
	for (size_t i = 0; err == 0 && i < in->values.n; i++) {
		const struct kv_item *it = &in->values.items[i];

		if (strcmp(it->name, "durability") != 0)
			return bad_key(r, it->name, "unknown key (of a rule: durability)");
		if (durability_parse(it->value, &rule->durability) < 0)
			return bad_key(r, it->name, "must be staged, source or replicas");
	}
	return err;
}

/* ID of a section "rule ID", or NULL. */
static const char *rule_id(const char *section)
{
	if (strncmp(section, "rule", 4) != 0 || (section[4] != ' ' && section[4] != '\t'))
		return NULL;
	return section + 4 + strspn(section + 4, " \t");
}

static int read_sections(struct reading *r, const struct ini *ini, struct destconf *c)
{
	if (ini->n == 0)
		return 0;
	c->sections = calloc(ini->n, sizeof(*c->sections));
	c->rules = calloc(ini->n, sizeof(*c->rules));
	if (!c->sections || !c->rules)
		return -ENOMEM;
	for (size_t i = 0; i < ini->n; i++) {
		const struct ini_section *in = &ini->sections[i];
		const char *id = rule_id(in->name);
		int err;

		r->line = in->line;
		err = id ? read_rule(r, in, id, &c->rules[c->rules_n++])
			 : read_section(r, in, &c->sections[c->n++]);
		if (err < 0)
			return err;
	}
	return 0;
}

int destconf_parse(const char *file, const char *text, struct destconf *ret_c, char *why,
		   size_t why_len)
{
	struct reading r = { .file = file, .text = text, .why = why, .why_len = why_len };
	auto_with(ini_free) struct ini ini = { 0 };
	struct destconf c = { 0 };
	int line = 0;
	int err;

	err = ini_read(text, &ini, &line);
	if (err == -EINVAL)
		snprintf(why, why_len, "%s: line %d: neither [section] nor name = value", file,
			 line);
	if (err == 0)
		err = read_sections(&r, &ini, &c);
	if (err < 0) {
		if (err == -ENOMEM)
			snprintf(why, why_len, "%s: out of memory", file);
		destconf_free(&c);
		return err;
	}
	*ret_c = c;
	return 0;
}

int destconf_read(const char *file, struct destconf *ret_c, char *why, size_t why_len)
{
	auto_with(buf_free) struct buf b;
	char words[64];
	int err;

	buf_init(&b, CONF_LIMIT);
	err = io_read_file(file, CONF_LIMIT, &b);
	if (err < 0) {
		snprintf(why, why_len, "%s: %s", file, errno_text(err, words, sizeof(words)));
		return err;
	}
	return destconf_parse(file, buf_str(&b), ret_c, why, why_len);
}
