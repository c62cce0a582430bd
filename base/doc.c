#include "base/doc.h"

#include <errno.h>
#include <string.h>

void doc_free(struct doc_node *root)
{
	struct doc_node *n = root;

	/* Without recursion: a node's children are put in front of what is still to be freed. */
	while (n) {
		struct doc_node *next;

		if (n->first) {
			n->last->next = n->next;
			next = n->first;
		} else {
			next = n->next;
		}
		free(n->name);
		free(n->text);
		free(n);
		n = next;
	}
}

static const struct doc_node *find_same(const struct doc_node *n, const char *name)
{
	while (n && strcmp(n->name, name) != 0)
		n = n->next;
	return n;
}

const struct doc_node *doc_child(const struct doc_node *n, const char *name)
{
	return n ? find_same(n->first, name) : NULL;
}

const struct doc_node *doc_next_same(const struct doc_node *n)
{
	return find_same(n->next, n->name);
}

const char *doc_text(const struct doc_node *n, const char *name)
{
	const struct doc_node *child = doc_child(n, name);

	return child ? child->text : NULL;
}

size_t doc_count(const struct doc_node *n, const char *name)
{
	size_t count = 0;

	for (const struct doc_node *c = doc_child(n, name); c; c = doc_next_same(c))
		count++;
	return count;
}

int doc_add(struct doc_node *parent, const char *name, const char *text, struct doc_node **ret_n)
{
	struct doc_node *n = calloc(1, sizeof(*n));

	if (!n)
		return -ENOMEM;
	if (str_dup(name, &n->name) < 0 || str_dup(text, &n->text) < 0) {
		doc_free(n);
		return -ENOMEM;
	}
	if (parent) {
		if (parent->last)
			parent->last->next = n;
		else
			parent->first = n;
		parent->last = n;
	}
	*ret_n = n;
	return 0;
}
