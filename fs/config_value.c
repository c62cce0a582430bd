/* config_value.c - the texts of options to values. See config_i.h. */
#include "fs/config_i.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

int config_parse_seconds(const char *s, int64_t *ret_ms)
{
	size_t whole = strspn(s, "0123456789");
	size_t part = s[whole] == '.' ? 1 + strspn(s + whole + 1, "0123456789") : 0;
	uint64_t ms = 0, unit = 100;

	if (whole == 0 || whole > 12 || part == 1 || s[whole + part])
		return -EINVAL;
	for (size_t i = 0; i < whole; i++)
		ms = ms * 10 + (uint64_t)(s[i] - '0');
	ms *= 1000;
	for (size_t i = 1; i < part; i++, unit /= 10)
		ms += unit * (uint64_t)(s[whole + i] - '0');
	*ret_ms = (int64_t)ms;
	return 0;
}

int config_parse_octal(const char *s, uint64_t *ret_v)
{
	uint64_t v = 0;

	if (!*s || strlen(s) > 6 || s[strspn(s, "01234567")])
		return -EINVAL;
	for (; *s; s++)
		v = v * 8 + (uint64_t)(*s - '0');
	*ret_v = v;
	return 0;
}

int config_parse_level(const char *s, enum log_level *ret_level)
{
	static const char *const names[] = { "error", "warn", "info", "debug" };

	for (size_t i = 0; i < array_size(names); i++) {
		if (strcasecmp(s, names[i]) == 0 ||
		    (i == LOG_LEVEL_WARN && strcasecmp(s, "warning") == 0)) {
			*ret_level = (enum log_level)i;
			return 0;
		}
	}
	return -EINVAL;
}

int config_parse_word(const char *s, const char *words, int *ret_i)
{
	size_t len = strlen(s);

	for (int i = 0;; i++) {
		size_t n = strcspn(words, "|");

		if (n == len && strncmp(s, words, n) == 0) {
			*ret_i = i;
			return 0;
		}
		if (!words[n])
			return -EINVAL;
		words += n + 1;
	}
}

int config_parse_sse(const char *s, char **ret_sse, char **ret_key)
{
	static const struct {
		const char *text, *sse;
	} words[] = {
		{ "", "AES256" },	  { "1", "AES256" },	  { "AES256", "AES256" },
		{ "aws:kms", "aws:kms" }, { "kmsid", "aws:kms" }, { "k", "aws:kms" },
	};

	for (size_t i = 0; i < array_size(words); i++) {
		auto_free char *sse = NULL;
		size_t n = strlen(words[i].text);
		bool has_key = strcmp(words[i].sse, "aws:kms") == 0 && s[0] &&
			       strncmp(s, words[i].text, n) == 0 && s[n] == ':' && s[n + 1];
		int err;

		if (!has_key && strcmp(s, words[i].text) != 0)
			continue;
		err = str_dup(words[i].sse, &sse);
		if (err == 0)
			err = str_dup(has_key ? s + n + 1 : NULL, ret_key);
		if (err == 0)
			*ret_sse = take_ptr(&sse);
		return err;
	}
	return -EINVAL;
}
