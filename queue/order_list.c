#include "queue/order_i.h"

#include <errno.h>
#include <string.h>

#include "base/base.h"
#include "s3/list.h"

#define PAGE 1000

void newest_free(struct newest *n)
{
	free(n->version);
	*n = (struct newest){ 0 };
}

void order_list_free(struct order_list *l)
{
	s3_page_free(&l->page);
	free(l->from);
	free(l->to);
	*l = (struct order_list){ .client = l->client };
}

static int take_entry(const struct s3_entry *e, struct newest *ret_n)
{
	ret_n->there = true;
	ret_n->is_marker = e->delete_marker;
	ret_n->mtime_ms = e->mtime_ms;
	return str_dup(list_version_id(e) ? e->version_id : "", &ret_n->version);
}

/* Does the page hold the beginning of this key, if it exists? */
static bool covers(const struct order_list *l, const char *key)
{
	if (!l->from || strcmp(key, l->from) <= 0)
		return false;
	return !l->to || strcmp(key, l->to) <= 0;
}

/*
 * A page from shortly before the key: keys after all of it but its last character. Few others stand
 * between.
 */
static int turn_to(struct order_list *l, const char *key, struct s3_error *err)
{
	auto_with(s3_page_free) struct s3_page page = { 0 };
	auto_free char *from = NULL;
	size_t n = strlen(key);
	int rc;

	/* not through the middle of a character */
	while (n > 0 && ((uint8_t)key[n - 1] & 0xc0) == 0x80)
		n--;
	rc = str_format(&from, "%.*s", n > 0 ? (int)n - 1 : 0, key);
	if (rc == 0)
		rc = list_versions(l->client, "", NULL, *from ? from : NULL, NULL, PAGE, &page,
				   err);
	if (rc != 0)
		return rc;
	order_list_free(l);
	if (page.truncated && page.n > 0)
		rc = str_dup(page.entries[page.n - 1].key, &l->to);
	if (rc != 0)
		return rc;
	l->from = take_ptr(&from);
	l->page = page;
	page = (struct s3_page){ 0 };
	return 0;
}

static int first_of(void *arg, const struct s3_entry *e)
{
	int rc = take_entry(e, arg);

	return rc != 0 ? rc : 1;
}

/* Newest first within a key: the first entry of it is the one. */
static int find_in_page(const struct order_list *l, const char *key, struct newest *ret_n)
{
	size_t low = 0;
	size_t high = l->page.n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (strcmp(l->page.entries[mid].key, key) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == l->page.n || strcmp(l->page.entries[low].key, key) != 0)
		return 0;
	return take_entry(&l->page.entries[low], ret_n);
}

int order_list_newest(struct order_list *l, const char *key, struct newest *ret_n,
		      struct s3_error *err)
{
	int rc = 0;

	*ret_n = (struct newest){ 0 };
	if (!covers(l, key))
		rc = turn_to(l, key, err);
	if (rc == 0 && covers(l, key))
		return find_in_page(l, key, ret_n);
	/* Too many stand before it. */
	if (rc == 0)
		rc = list_versions_of(l->client, key, first_of, ret_n, err);
	return rc < 0 ? rc : 0;
}
