/* events_i.h - inside events*.c: what is told of a row, as what text, and to whom. */
#ifndef QUEUE_EVENTS_I_H
#define QUEUE_EVENTS_I_H

#include "queue/events.h"

enum event {
	EVENT_NONE,
	EVENT_FAILED,
	EVENT_MISSED,
	EVENT_AFTER,
	EVENT_NOT_TRACKED,
};

/* Pure: what a row whose alarm_ms has come has to tell, at most two, in order; EVENT_NONE ends. */
void events_decide(const struct job *j, enum event ret_events[2]);
/* Pure: does a rule still give it a time? */
bool events_is_tracked(const struct rule_set *rs, const struct job *j);

/* Pure: the message, with no line end. */
struct event_text {
	enum event event;
	const struct job *job;
	const char *bucket, *region;
	int64_t now_ms;
};
int events_line(const struct event_text *t, struct buf *out) must_check;

/* line ends in a newline. stop_fd: readable when the mount stops (-ECANCELED). What the command
 * says with its exit status is logged and is no error, but for the shell's own: 127 (-ENOENT) and
 * 126 (-EACCES), by which nobody has been told (POSIX, Shell Command Language, 2.8.2). */
int events_send(const char *to, const char *line, int stop_fd) must_check;
/* For tests. */
int events_run(const char *command, const char *line, int stop_fd, int64_t limit_ms) must_check;

#endif
