/*
 * doc.h - a small document tree, read from XML or from JSON, so that one reader serves both forms.
 * From JSON: an object's member is a child of that name; an array member "Rules":[a,b] becomes two
 * children named "Rules"; scalars become text ("true", "7", numbers as written); null becomes a
 * child with text NULL and kind DOC_NULL. An empty array is one child with empty_array; an array in
 * an array is a child of kind DOC_ARRAY_ITEM, whose children have its name.
 */
#ifndef BASE_DOC_H
#define BASE_DOC_H

#include "base/base.h"
#include "base/buf.h"

enum doc_kind {
	DOC_ELEMENT,
	DOC_STRING,
	DOC_NUMBER,
	DOC_BOOL,
	DOC_NULL,
	DOC_OBJECT,
	DOC_ARRAY_ITEM
};

struct doc_node {
	char *name;		/* local name, without namespace prefix; "" for a JSON root */
	char *text;		/* text directly inside, "" when none; for XML not trimmed */
	enum doc_kind kind;	/* DOC_ELEMENT for all of XML */
	bool empty_array;	/* JSON only: the member was [] */
	int line, col;		/* of the start tag or value, from 1; 0 when unknown */
	struct doc_node *first; /* children, in document order */
	struct doc_node *last;	/* the last child */
	struct doc_node *next;	/* sibling */
};

struct doc_error {
	int line, col;
	char message[256];
};

void doc_free(struct doc_node *root);
static inline void doc_free_ptr(struct doc_node **n)
{
	doc_free(*n);
}
/* First child of that name, or NULL. n may be NULL here, in doc_text and in doc_count. */
const struct doc_node *doc_child(const struct doc_node *n, const char *name);
/* Next sibling of the same name as n, or NULL. */
const struct doc_node *doc_next_same(const struct doc_node *n);
/* Text of the first child of that name, or NULL when there is no such child. Borrowed. */
const char *doc_text(const struct doc_node *n, const char *name);
size_t doc_count(const struct doc_node *n, const char *name);

/*
 * For the readers in xml.c and json.c: appends a new child (to parent, or a root when parent is
 * NULL). The caller frees via the root. text NULL stays NULL; the kind is DOC_ELEMENT.
 */
int doc_add(struct doc_node *parent, const char *name, const char *text, struct doc_node **ret_n)
	must_check;

#endif
