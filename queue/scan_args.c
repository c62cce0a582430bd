/* scan_args.c - what was asked for, in words and as the row keeps it. */
#include <errno.h>
#include <string.h>

#include "base/codec.h"
#include "base/json.h"
#include "queue/scan_plan.h"

void scan_args_free(struct scan_args *a)
{
	free(a->prefix);
	free(a->dest);
	*a = (struct scan_args){ 0 };
}

int scan_args_to_json(const struct scan_args *a, struct buf *out)
{
	auto_with(buf_free) struct buf prefix;
	struct json_out j;

	/* A key may be any bytes, which JSON would not bring back. */
	buf_init(&prefix, BUF_LIMIT_SMALL);
	json_start(&j, out, false);
	json_open(&j, NULL, '{');
	if (uri_encode(a->prefix, true, &prefix) == 0)
		json_str(&j, "prefix", buf_str(&prefix));
	json_str(&j, "dest", a->dest);
	json_i64(&j, "after", a->after_ms);
	json_i64(&j, "before", a->before_ms);
	json_u64(&j, "statuses", a->statuses);
	json_bool(&j, "current_only", a->current_only);
	json_close(&j, '}');
	return prefix.error ? prefix.error : out->error;
}

static int read_args(const struct doc_node *root, struct scan_args *a)
{
	const char *prefix = doc_text(root, "prefix"), *after = doc_text(root, "after"),
		   *before = doc_text(root, "before"), *statuses = doc_text(root, "statuses"),
		   *current = doc_text(root, "current_only");
	auto_with(buf_free) struct buf decoded;
	uint64_t mask;
	int err;

	buf_init(&decoded, BUF_LIMIT_SMALL);
	if (!prefix || !after || !before || !statuses || !current)
		return -EINVAL;
	err = uri_decode(prefix, strlen(prefix), false, &decoded);
	err = err < 0 ? err : str_dup(buf_str(&decoded), &a->prefix);
	err = err < 0 ? err : str_dup(doc_text(root, "dest"), &a->dest);
	err = err < 0 ? err : parse_i64(after, &a->after_ms);
	err = err < 0 ? err : parse_i64(before, &a->before_ms);
	err = err < 0 ? err : parse_u64(statuses, &mask);
	if (err < 0)
		return err;
	a->statuses = (unsigned)mask;
	a->current_only = strcmp(current, "true") == 0;
	return 0;
}

int scan_args_from_json(const char *text, struct scan_args *ret_a)
{
	auto_with(doc_free_ptr) struct doc_node *root = NULL;
	struct scan_args a = { 0 };
	int err = json_read(text, strlen(text), &root, NULL);

	err = err < 0 ? err : read_args(root, &a);
	if (err < 0) {
		scan_args_free(&a);
		return err;
	}
	*ret_a = a;
	return 0;
}

int scan_statuses_parse(const char *words, unsigned *ret_mask)
{
	static const struct {
		const char *word;
		enum scan_status status;
	} table[] = {
		{ "NONE", SCAN_NONE },
		{ "FAILED", SCAN_FAILED },
		{ "COMPLETED", SCAN_COMPLETED },
		{ "REPLICA", SCAN_REPLICA },
	};
	unsigned mask = 0;

	for (const char *at = words;; at++) {
		size_t n = strcspn(at, ","), i = 0;

		while (i < array_size(table) &&
		       (strlen(table[i].word) != n || strncmp(table[i].word, at, n) != 0))
			i++;
		if (i == array_size(table))
			return -EINVAL;
		mask |= table[i].status;
		at += n;
		if (!*at)
			break;
	}
	*ret_mask = mask;
	return 0;
}
