/*
 * flight.h - one listing for all who ask for the same names at the same time ("single flight").
 *
 * A name that nothing cached answers for is asked for alone, or its directory is listed from some
 * name on (seen.h says which). Of those who come while others are asking, one lists; the others
 * wait for what he learns:
 *
 *  under way from there          worth a listing    not so far
 *  nothing                       FLIGHT_LIST        FLIGHT_ALONE
 *  questions for single names    FLIGHT_LIST        FLIGHT_LIST
 *  a listing                     waits              waits: FLIGHT_OVER
 *
 * Thread-safe. The lock is a leaf but for a cancel's (base/cancel.h); waits hold no other.
 */
#ifndef FS_FLIGHT_H
#define FS_FLIGHT_H

#include "base/base.h"
#include "base/cancel.h"

struct flights;
struct flight;

enum flight_role {
	FLIGHT_ALONE, /* ask for the name */
	FLIGHT_LIST,  /* list, for all who come meanwhile */
	FLIGHT_OVER,  /* somebody listed: look at what is known now */
};

struct flight_seat {
	struct flight *in;
	enum flight_role role;
};

int flights_new(struct flights **ret_f) must_check;
void flights_free(struct flights *f); /* NULL is fine; nobody is in one */

/*
 * For names of dir (a key) that come after from. cancel: who gives the wait up; borrowed, NULL:
 * nobody. 0 with a seat that flight_leave gives back; -EINTR: given up; -ENOMEM; or why the
 * listing that was waited for failed, so that nobody waits twice for a source that does not answer.
 */
int flight_enter(struct flights *f, const char *dir, const char *from, bool worth,
		 struct cancel *cancel, struct flight_seat *ret_seat) must_check;
/* result: of the question or listing: 0 or -errno. */
void flight_leave(struct flights *f, struct flight_seat *seat, int result);
/* How many wait for a listing now. */
unsigned flights_waiting(struct flights *f);

#endif
