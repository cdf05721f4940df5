/* SPDX-License-Identifier: MIT
 *
 * Counters of attempts by a name (an address, an account with a network) in windows that begin
 * with the first attempt. Bounded: when a slot is needed the oldest window of its set gives way.
 * Any thread. Grants count in access/bearer.h. Sources: contract rules 75, 117, 144, 168; ruling
 * R34. */
#ifndef ACCESS_RATE_H
#define ACCESS_RATE_H

#include "base/arena.h"
#include "base/err.h"

enum rate_kind {
	RATE_LOGIN_ADDRESS,      /* wrong passwords from one address                  */
	RATE_LOGIN_ACCOUNT,      /* wrong passwords for one account from one network  */
	RATE_LOGIN_USUAL,        /* … that has a sign-in of this account, beyond those */
	RATE_TOKEN_ADDRESS,      /* failed client authentications from one address    */
	RATE_TOKEN_CLIENT,       /* … for one client from one network                 */
	RATE_AUTHORIZE,          /* visits to the authorize endpoint from one address */
	RATE_INTROSPECT_MISS,    /* questions about tokens that are not active        */
	RATE_LEAK_ADDRESS,       /* leaked tokens reported from one address           */
	RATE_AUDIT,              /* refusals on record, by what they are about        */
};

struct rates;
struct rates *rates_create(size_t slots);
void rates_destroy(struct rates *r);

/* Counts one attempt. false: the limit is reached, nothing counted; ERR_RATE_LIMITED with
 * retry_after_s. */
bool rate_take(struct rates *r, enum rate_kind kind, str name, int64_t max, int64_t window_s,
	       int64_t now_ms, struct err *e) MUST_CHECK;
/* Gives an attempt back: it was not a failure after all. */
void rate_give(struct rates *r, enum rate_kind kind, str name);
/* Would rate_take succeed? Counts nothing. */
bool rate_allows(struct rates *r, enum rate_kind kind, str name, int64_t max, int64_t window_s,
		 int64_t now_ms);

/* "203.0.113.7" -> "203.0.113.0/24", "2001:db8:1:2::7" -> "2001:db8:1:2::/64" (IPv4-mapped
 * counts as IPv4); anything else comes back as it is. */
str address_network(struct arena *a, str address);
/* The name under which one client counts: its IPv4 address; of IPv6 the network, because a customer
 * has a whole /64 to come from. */
str address_counted(struct arena *a, str address);

/* Of a limit by the minute, after an attempt. */
struct rate_left {
	int64_t max;                     /* 0: there is no limit, or nothing was counted */
	int64_t left;                    /* attempts until it is reached                 */
	int     reset_s;                 /* until all of them are there again, at least 1 */
};

/* A window in one word: lock-free, for counters embedded in nodes. Zero it to begin. out->max is
 * the limit, the rest is filled. */
bool rate_window_take(_Atomic uint64_t *window, int64_t window_ms, int64_t now_ms,
                      struct rate_left *out) MUST_CHECK;

#endif
