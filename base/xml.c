#include "base/xml.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <libxml/xmlerror.h>

#include "base/codec.h"

#define DEPTH_MAX 32
#define NODES_MAX 200000

/* A place in the source, moved only forward. */
struct place {
	size_t offset;
	int line, col;
};

struct reading {
	xmlParserCtxt *ctxt;
	const char *source;
	size_t size;
	struct place place;
	struct doc_node *root;
	struct doc_node *open[DEPTH_MAX];
	struct buf text[DEPTH_MAX]; /* of the element in open[] */
	size_t depth;
	size_t nodes;
	int error;
	struct doc_error words;
};

/* The first error stays. */
static void fail(struct reading *r, int error, int line, int col, const char *message)
{
	if (r->error)
		return;
	r->error = error;
	r->words.line = line;
	r->words.col = col;
	printable(message, r->words.message, sizeof(r->words.message));
}

static void stop(struct reading *r, int error, const char *message)
{
	fail(r, error, xmlSAX2GetLineNumber(r->ctxt), xmlSAX2GetColumnNumber(r->ctxt), message);
	xmlStopParser(r->ctxt);
}

static void advance(struct reading *r, size_t offset)
{
	for (; r->place.offset < offset; r->place.offset++) {
		unsigned char c = (unsigned char)r->source[r->place.offset];

		if (c == '\n') {
			r->place.line++;
			r->place.col = 1;
		} else if ((c & 0xc0) != 0x80) {
			r->place.col++;
		}
	}
}

/*
 * libxml2 calls at the end of a start tag. Its '<' is found backwards, as no other can stand inside
 * a tag; where the parser's own place is all there is, that has to do.
 */
static void locate_start_tag(struct reading *r, struct doc_node *n)
{
	const xmlParserInput *in = r->ctxt->input;
	size_t at = in->consumed + (size_t)(in->cur - in->base);

	if (at <= r->size) {
		while (at > r->place.offset && r->source[at - 1] != '<')
			at--;
		if (at > r->place.offset) {
			advance(r, at - 1);
			n->line = r->place.line;
			n->col = r->place.col;
			return;
		}
	}
	n->line = in->line;
	n->col = in->col;
}

static void on_start(void *arg, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri,
		     int n_namespaces, const xmlChar **namespaces, int n_attributes,
		     int n_defaulted, const xmlChar **attributes)
{
	struct reading *r = arg;
	struct doc_node *n;

	(void)prefix, (void)uri, (void)n_namespaces, (void)namespaces;
	(void)n_attributes, (void)n_defaulted, (void)attributes;
	if (r->error)
		return;
	/* S3 speaks UTF-8 only, and a converter's state is no place for untrusted bytes. */
	if (r->ctxt->input->buf && r->ctxt->input->buf->encoder)
		return stop(r, -EINVAL, "the encoding is not UTF-8");
	if (r->depth == DEPTH_MAX)
		return stop(r, -E2BIG, "elements are nested too deeply");
	if (r->nodes == NODES_MAX)
		return stop(r, -E2BIG, "too many elements");
	if (doc_add(r->depth ? r->open[r->depth - 1] : NULL, (const char *)name, "", &n) < 0)
		return stop(r, -ENOMEM, "out of memory");
	locate_start_tag(r, n);
	if (r->depth == 0)
		r->root = n;
	r->nodes++;
	r->open[r->depth++] = n;
}

static void on_end(void *arg, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
	struct reading *r = arg;
	struct doc_node *n;
	struct buf *text;
	char *s;

	(void)name, (void)prefix, (void)uri;
	if (r->error || r->depth == 0)
		return;
	n = r->open[--r->depth];
	text = &r->text[r->depth];
	if (text->len == 0)
		return;
	if (buf_take(text, &s, NULL) < 0)
		return stop(r, -ENOMEM, "out of memory");
	free(n->text);
	n->text = s;
}

static void on_text(void *arg, const xmlChar *s, int n)
{
	struct reading *r = arg;

	if (r->error || r->depth == 0)
		return;
	if (buf_add(&r->text[r->depth - 1], s, (size_t)n) < 0)
		stop(r, r->text[r->depth - 1].error, "text is too long");
}

static void on_doctype(void *arg, const xmlChar *name, const xmlChar *public_id,
		       const xmlChar *system_id)
{
	(void)name, (void)public_id, (void)system_id;
	stop(arg, -EINVAL, "a DOCTYPE is not allowed");
}

/* Warnings and namespace slips are passed over: they do not change the tree. */
static void on_error(void *arg, xmlError *e)
{
	char message[sizeof(((struct doc_error *)0)->message)];
	int error = e->code == XML_ERR_NO_MEMORY ? -ENOMEM : -EINVAL;

	if (e->level != XML_ERR_FATAL)
		return;
	snprintf(message, sizeof(message), "%s", e->message ? e->message : "not well-formed");
	message[strcspn(message, "\n")] = '\0';
	fail(arg, error, e->line, e->int2, message);
}

/* For errors without a parser, such as a lack of memory: libxml2 would print them. */
static void ignore_error(void *arg, xmlError *e)
{
	(void)arg, (void)e;
}

static void set_handlers(xmlParserCtxt *ctxt, struct reading *r)
{
	xmlCtxtUseOptions(ctxt, XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
	memset(ctxt->sax, 0, sizeof(*ctxt->sax));
	ctxt->sax->initialized = XML_SAX2_MAGIC;
	ctxt->sax->startElementNs = on_start;
	ctxt->sax->endElementNs = on_end;
	ctxt->sax->characters = on_text;
	ctxt->sax->ignorableWhitespace = on_text;
	ctxt->sax->cdataBlock = on_text;
	ctxt->sax->internalSubset = on_doctype;
	ctxt->sax->serror = on_error;
	ctxt->userData = r;
}

static void init_library(void)
{
	xmlInitParser();
}

static void parse(struct reading *r)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	const char *nul;

	pthread_once(&once, init_library);
	if (r->size == 0)
		return fail(r, -EINVAL, 1, 1, "the document is empty");
	if (r->size > BUF_LIMIT_DOC)
		return fail(r, -E2BIG, 0, 0, "the document is over 16 MiB");
	/* libxml2 would take it for the end, and the rest would go unread. */
	nul = memchr(r->source, '\0', r->size);
	if (nul) {
		advance(r, (size_t)(nul - r->source));
		return fail(r, -EINVAL, r->place.line, r->place.col, "a NUL byte (not UTF-8?)");
	}
	xmlSetStructuredErrorFunc(NULL, ignore_error); /* this thread's */
	r->ctxt = xmlCreateMemoryParserCtxt(r->source, (int)r->size);
	if (!r->ctxt)
		return fail(r, -ENOMEM, 0, 0, "out of memory");
	set_handlers(r->ctxt, r);
	xmlParseDocument(r->ctxt);
	if (!r->ctxt->wellFormed || !r->root)
		fail(r, -EINVAL, r->ctxt->input ? r->ctxt->input->line : 0, 0, "not well-formed");
	if (r->ctxt->myDoc)
		xmlFreeDoc(r->ctxt->myDoc);
	r->ctxt->myDoc = NULL;
	xmlFreeParserCtxt(r->ctxt);
}

int xml_read(const char *s, size_t n, struct doc_node **ret_root, struct doc_error *ret_err)
{
	struct reading *r = calloc(1, sizeof(*r));
	int error;

	if (!r)
		return -ENOMEM;
	r->source = s;
	r->size = n;
	r->place = (struct place){ 0, 1, 1 };
	for (size_t i = 0; i < DEPTH_MAX; i++)
		buf_init(&r->text[i], BUF_LIMIT_DOC);
	parse(r);
	for (size_t i = 0; i < DEPTH_MAX; i++)
		buf_free(&r->text[i]);
	error = r->error;
	if (error == 0)
		*ret_root = r->root;
	else
		doc_free(r->root);
	if (error != 0 && ret_err)
		*ret_err = r->words;
	free(r);
	return error;
}

/* XML 1.0, 2.2 Char: what may not stand in a document in any spelling. */
static bool is_forbidden(const char *s, size_t k)
{
	unsigned char c = (unsigned char)*s;

	if (k == 0 || (c < 0x20 && c != '\t' && c != '\n' && c != '\r'))
		return true;
	return k == 3 && (memcmp(s, "\xef\xbf\xbe", 3) == 0 || memcmp(s, "\xef\xbf\xbf", 3) == 0);
}

static void escape_one(struct buf *b, const char *s, size_t k)
{
	switch (*s) {
	case '&': buf_adds(b, "&amp;"); break;
	case '<': buf_adds(b, "&lt;"); break;
	case '>': buf_adds(b, "&gt;"); break;
	case '"': buf_adds(b, "&quot;"); break;
	case '\'': buf_adds(b, "&apos;"); break;
	case '\t':
	case '\n':
	case '\r':
	case 0x7f: buf_addf(b, "&#%d;", *s); break;
	default: buf_add(b, s, k); break;
	}
}

int xml_escape(struct buf *b, const char *s)
{
	while (*s && !b->error) {
		size_t k = utf8_step(s);

		if (is_forbidden(s, k))
			return b->error = -EINVAL;
		escape_one(b, s, k);
		s += k;
	}
	return b->error;
}

int xml_elem(struct buf *b, const char *name, const char *text)
{
	if (!text)
		return b->error;
	buf_addf(b, "<%s>", name);
	xml_escape(b, text);
	return buf_addf(b, "</%s>", name);
}
