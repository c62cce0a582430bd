/*
 * seen.h - which stretches of directories a listing has shown whole, not long ago: a name in one of
 * them that nobody knows of is not there, and need not be asked for. Who makes many new files in a
 * directory pays for a listing now and then, not for a question each.
 *
 * Pure but for its memory; not thread-safe: attr_cache.c's lock guards it.
 */
#ifndef FS_SEEN_H
#define FS_SEEN_H

#include "base/base.h"

struct seen;

enum seen_advice {
	SEEN_NOTHING, /* ask for the name alone: what a listing shows would not be remembered */
	SEEN_ABSENT,  /* it is not there */
	SEEN_ALONE,   /* ask for the name alone, unless others ask at the same time (flight.h) */
	/* list from *ret_from on: many names of this directory were not there, or are asked for in
	 * its order */
	SEEN_LIST,
};

int seen_new(int64_t ttl_ms, struct seen **ret_s) must_check;
void seen_free(struct seen *s);
/* dir: a key, "" or ending in '/'. ret_from (SEEN_ALONE, SEEN_LIST): a name that a listing is to
 * begin after, "" = from the start; of at least 256 bytes. */
enum seen_advice seen_ask(struct seen *s, const char *dir, const char *name, int64_t now_ms,
			  char *ret_from);
/* Until when (mono) it answers that name is not there; 0: it does not. */
int64_t seen_until(struct seen *s, const char *dir, const char *name);
/* Does it answer for every name in dir, but those that were shown? */
bool seen_whole(struct seen *s, const char *dir, int64_t now_ms);
/* A question for one name of dir was answered: no such name. */
void seen_note_absent(struct seen *s, const char *dir, int64_t now_ms);
/* A request begun at since_ms (mono) showed every name after from, up to to (NULL = to the end; a
 * directory's name ends in '/'), which holds for hold_ms at most. What cannot be remembered is
 * not. */
void seen_put(struct seen *s, const char *dir, const char *from, const char *to, int64_t since_ms,
	      int64_t hold_ms);
/* Something came or went in dir that the names known do not tell. */
void seen_drop(struct seen *s, const char *dir);
void seen_clear(struct seen *s);

#endif
