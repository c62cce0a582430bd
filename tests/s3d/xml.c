/* XML in (libxml2) and out (by hand). */
#include "s3d.h"

#include <stdlib.h>
#include <string.h>
#include <libxml/parser.h>
#include <libxml/tree.h>

#define XMLNS "http://s3.amazonaws.com/doc/2006-03-01/"

void xml_escape(struct buf *b, const char *s)
{
	while (*s) {
		size_t plain = 0;
		while ((unsigned char)s[plain] >= 32 && !strchr("&<>\"", s[plain]))
			plain++;
		buf_add(b, s, plain);
		s += plain;
		unsigned char c = (unsigned char)*s;
		if (!c)
			break;
		s++;
		if (c == '&')
			buf_str(b, "&amp;");
		else if (c == '<')
			buf_str(b, "&lt;");
		else if (c == '>')
			buf_str(b, "&gt;");
		else if (c == '"')
			buf_str(b, "&quot;");
		else
			buf_fmt(b, "&#x%X;", c);
	}
}

void xml_elem(struct buf *b, const char *name, const char *value)
{
	if (!value)
		return;
	buf_add(b, "<", 1);
	buf_str(b, name);
	buf_add(b, ">", 1);
	xml_escape(b, value);
	buf_add(b, "</", 2);
	buf_str(b, name);
	buf_add(b, ">", 1);
}

void xml_int(struct buf *b, const char *name, int64_t value)
{
	buf_fmt(b, "<%s>%lld</%s>", name, (long long)value, name);
}

void xml_begin(struct req *r, const char *root)
{
	req_set(r, "Content-Type", "application/xml");
	buf_fmt(&r->out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<%s xmlns=\"" XMLNS "\">",
		root);
}

void xml_end(struct req *r, const char *root)
{
	buf_fmt(&r->out, "</%s>", root);
	if (!r->status)
		r->status = 200;
}

int xml_bad(struct req *r)
{
	return req_fail(r, "MalformedXML",
			"The XML you provided was not well-formed or did not"
			" validate against our published schema");
}

struct _xmlDoc *xml_parse(struct req *r, const char *root)
{
	const struct buf *b = &r->body.mem;
	xmlDoc *doc = NULL;

	if (b->len)
		doc = xmlReadMemory(b->p, (int)b->len, NULL, NULL,
				    XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING |
					    XML_PARSE_NOCDATA);
	xmlNode *top = doc ? xmlDocGetRootElement(doc) : NULL;
	bool wrong_ns =
		top && top->ns && top->ns->href && strcmp((const char *)top->ns->href, XMLNS);
	if (!top || doc->intSubset || wrong_ns || strcmp((const char *)top->name, root)) {
		xmlFreeDoc(doc);
		xml_bad(r);
		return NULL;
	}
	return doc;
}

static xmlNode *seek(xmlNode *n, const char *name)
{
	for (; n; n = n->next)
		if (n->type == XML_ELEMENT_NODE && (!name || !strcmp((const char *)n->name, name)))
			return n;
	return NULL;
}

/* name NULL: any element */
struct _xmlNode *xml_child(struct _xmlNode *n, const char *name)
{
	return n ? seek(n->children, name) : NULL;
}

struct _xmlNode *xml_next(struct _xmlNode *n, const char *name)
{
	return n ? seek(n->next, name) : NULL;
}

char *xml_content(struct _xmlNode *n)
{
	xmlChar *s = xmlNodeGetContent(n);
	char *copy = x_strdup(s ? (const char *)s : "");

	xmlFree(s);
	return copy;
}

char *xml_text(struct _xmlNode *n, const char *name)
{
	xmlNode *c = xml_child(n, name);

	return c ? xml_content(c) : NULL;
}
