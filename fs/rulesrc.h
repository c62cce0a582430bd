/*
 * rulesrc.h - where the rules come from: a file, the bucket's own ReplicationConfiguration, or
 * nowhere. Reads, parses, reloads; what is in force is written to the store ("rules" as XML,
 * "rules_source") for crrctl to show.
 */
#ifndef FS_RULESRC_H
#define FS_RULESRC_H

#include "queue/repl.h"

struct rulesrc;

/* from: an absolute path, "bucket", or NULL (nothing is replicated). source is borrowed. strict:
 * what is not understood in a file is an error, not a warning. */
int rulesrc_new(const char *from, bool strict, struct s3_client *source, struct rulesrc **ret_r)
	must_check;
void rulesrc_free(struct rulesrc *r); /* NULL is fine */
typedef int rulesrc_check_fn(void *arg, const struct rule_set *rs, char *why, size_t why_len);
/* What rules must pass before rulesrc_reload puts them into force. */
void rulesrc_set_check(struct rulesrc *r, rulesrc_check_fn *fn, void *arg);
/* for people: the file, "bucket" or "none" */
const char *rulesrc_name(const struct rulesrc *r);
bool rulesrc_is_none(const struct rulesrc *r);

/* Returns a new reference; logs the warnings of the parser. Without a source: a set that selects
 * nothing. -errno with one line in why: "FILE:LINE:COL: CODE: message (hint)". */
int rulesrc_load(struct rulesrc *r, struct rule_set **ret_rs, char *why, size_t why_len) must_check;
/* Writes what is in force down. */
int rulesrc_publish(struct rulesrc *r, struct rule_set *rs, struct store *s) must_check;
/* Loads and puts into force; the old rules stay when anything is wrong with the new ones. Logs how
 * it went. One caller at a time by itself. */
int rulesrc_reload(struct rulesrc *r, struct repl *repl, struct dest_set *dests, struct store *s,
		   char *why, size_t why_len) must_check;

#endif
