/*
 * xml.h - reads and writes small XML documents; the only file pair that knows libxml2.
 * No entities beyond the five, no DTD (refused), no network, caps on depth (32), size (16 MiB) and
 * nodes (200,000).
 */
#ifndef BASE_XML_H
#define BASE_XML_H

#include "base/doc.h"

/*
 * Returns new tree. -EINVAL when it is not well-formed, has a DOCTYPE or is not in UTF-8; -E2BIG
 * over a cap; -ENOMEM. On failure ret_err, which may be NULL, is filled. Thread-safe.
 */
int xml_read(const char *s, size_t n, struct doc_node **ret_root, struct doc_error *ret_err)
	must_check;

/*
 * Appends s with the five characters escaped and control characters that XML 1.0 allows as &#N;.
 * What XML 1.0 cannot carry at all (other controls, U+FFFE, U+FFFF, invalid UTF-8) is -EINVAL,
 * which sticks in b->error like the others.
 */
int xml_escape(struct buf *b, const char *s);
/* <name>escaped text</name>; text NULL writes nothing at all. */
int xml_elem(struct buf *b, const char *name, const char *text);

#endif
