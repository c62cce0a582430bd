#include "base/ini.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

/* Where the reader stands in the text. */
struct reading {
	struct ini ini;
	struct ini_section *section; /* the current one, in ini; NULL before the first */
	/* The last "name =" had no value: lines deeper than block_indent are its nested block. */
	bool in_block;
	size_t block_indent;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

/* Narrows [*s, *s + *n) to what is between its blanks. */
static void trim(const char **s, size_t *n)
{
	while (*n > 0 && is_blank(**s)) {
		(*s)++;
		(*n)--;
	}
	while (*n > 0 && is_blank((*s)[*n - 1]))
		(*n)--;
}

static int add_section(struct reading *r, const char *name, size_t n, int line)
{
	struct ini *ini = &r->ini;
	struct ini_section *sections;
	auto_free char *copy = strndup(name, n);

	if (!copy)
		return -ENOMEM;
	r->section = (struct ini_section *)ini_find(ini, copy);
	if (r->section)
		return 0;
	sections = reallocarray(ini->sections, ini->n + 1, sizeof(*sections));
	if (!sections)
		return -ENOMEM;
	ini->sections = sections;
	r->section = &sections[ini->n++];
	*r->section = (struct ini_section){ .name = take_ptr(&copy), .line = line };
	return 0;
}

/* s is trimmed and begins with '['. */
static int read_header(struct reading *r, const char *s, size_t n, int line)
{
	const char *close = memchr(s, ']', n);
	const char *rest, *name = s + 1;
	size_t rest_len, name_len;

	if (!close)
		return -EINVAL;
	rest = close + 1;
	rest_len = n - (size_t)(rest - s);
	trim(&rest, &rest_len);
	name_len = (size_t)(close - name);
	trim(&name, &name_len);
	if (name_len == 0 || (rest_len > 0 && *rest != '#' && *rest != ';'))
		return -EINVAL;
	r->in_block = false;
	return add_section(r, name, name_len, line);
}

static int read_value(struct reading *r, const char *s, size_t n, size_t indent)
{
	const char *equals = memchr(s, '=', n);
	auto_free char *name = NULL;
	const char *value;
	size_t name_len, value_len;

	if (!r->section || !equals)
		return -EINVAL;
	name_len = (size_t)(equals - s);
	value = equals + 1;
	value_len = n - name_len - 1;
	trim(&s, &name_len);
	trim(&value, &value_len);
	if (name_len == 0)
		return -EINVAL;
	name = strndup(s, name_len);
	if (!name)
		return -ENOMEM;
	for (char *c = name; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	r->in_block = value_len == 0;
	r->block_indent = indent;
	return kv_setn(&r->section->values, name, name_len, value, value_len);
}

static int read_line(struct reading *r, const char *s, size_t n, int line)
{
	const char *whole = s;
	size_t indent;

	trim(&s, &n);
	indent = (size_t)(s - whole);
	if (n == 0 || *s == '#' || *s == ';')
		return 0;
	if (r->in_block && indent > r->block_indent)
		return 0;
	if (*s == '[')
		return read_header(r, s, n, line);
	return read_value(r, s, n, indent);
}

int ini_read(const char *text, struct ini *ret_ini, int *ret_line)
{
	struct reading r = { .section = NULL };

	if (strncmp(text, "\xef\xbb\xbf", 3) == 0)
		text += 3;
	for (int line = 1;; line++) {
		size_t n = strcspn(text, "\n");
		int error = read_line(&r, text, n, line);

		if (error < 0) {
			ini_free(&r.ini);
			if (ret_line)
				*ret_line = line;
			return error;
		}
		if (text[n] == '\0')
			break;
		text += n + 1;
	}
	*ret_ini = r.ini;
	return 0;
}

void ini_free(struct ini *ini)
{
	for (size_t i = 0; i < ini->n; i++) {
		free(ini->sections[i].name);
		kv_free(&ini->sections[i].values);
	}
	free(ini->sections);
	*ini = (struct ini){ NULL, 0 };
}

const struct ini_section *ini_find(const struct ini *ini, const char *name)
{
	for (size_t i = 0; i < ini->n; i++) {
		if (strcmp(ini->sections[i].name, name) == 0)
			return &ini->sections[i];
	}
	return NULL;
}
