/* fuzz_names.c - keys <-> names, and what of them reaches logs: nothing escapes its directory. */
#include "base/codec.h"
#include "fs/path.h"
#include "fs/temp_name.h"
#include "s3/types.h"
#include "tests/fuzz/fuzz.h"

static void check_name(const char *name, size_t len)
{
	auto_free char *key = NULL, *parent = NULL;
	size_t last_len = 0;
	const char *last;

	if (!path_is_name(name, len) || strlen(name) != len)
		return;
	FUZZ_MUST(len > 0 && len <= 255 && !strchr(name, '/'));
	FUZZ_MUST(strcmp(name, ".") && strcmp(name, ".."));
	if (path_child_key("some/dir/", name, false, &key))
		return;
	FUZZ_MUST(strlen(key) <= S3_KEY_MAX && !strncmp(key, "some/dir/", 9));
	last = path_last(key, &last_len);
	FUZZ_MUST(last_len == len && !memcmp(last, name, len));
	FUZZ_MUST(!path_parent_key(key, &parent) && !strcmp(parent, "some/dir/"));
	(void)temp_name_is(name, NULL);
	FUZZ_MUST(path_content_type(name));
}

static void check_key(const char *key)
{
	auto_free char *parent = NULL;
	size_t len = 0;
	const char *last = path_last(key, &len);

	FUZZ_MUST(last >= key && last + len <= key + strlen(key));
	if (path_parent_key(key, &parent))
		return;
	FUZZ_MUST(!strncmp(key, parent, strlen(parent)));
	FUZZ_MUST(!*parent || parent[strlen(parent) - 1] == '/');
}

static void check_printable(const char *text)
{
	char shown[64];
	const char *p = printable(text, shown, sizeof(shown));

	FUZZ_MUST(strlen(p) < sizeof(shown));
	for (; *p; p++)
		FUZZ_MUST((unsigned char)*p >= ' ' && *p != 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = fuzz_text(data, size);

	check_name(text, strlen(text));
	check_key(text);
	check_printable(text);
	return 0;
}
