/* SPDX-License-Identifier: MIT
 *
 * What happens when a refresh token is presented: the three policies as one pure function. No I/O,
 * no clock.
 *
 *   stable    the same token comes back each time (apps that authenticate themselves)
 *   rotating  a new token each time; a lost answer can be asked for again within the grace
 *   lagging   as rotating, but several processes that share one stored token may present any
 * predecessor from the network of the last refresh
 *
 * Never: reuse is found (the family ends) within the grace, or when the app has proved itself with
 * its secret. What the policies leave open: within the grace a thief gets the successor too; a
 * lagging family does not notice a thief in the owner's own network, nor ends for a stale token
 * from elsewhere unless somebody advanced the chain from a network first seen after that token had
 * been replaced. No time of a replacement is forgotten that still matters; in a burst of more than
 * FAMILY_EXACT_MAX within one grace, that grace may last a 64th longer.
 * Drawn and explained in docs/refresh.md, checked in model/family.pml. Sources: contract rules
 * 119-128; rulings R2, R37. */
#ifndef OAUTH_FAMILY_H
#define OAUTH_FAMILY_H

#include "model/model.h"

enum {
	FAMILY_SLACK_MS     = 60 * 1000,          /* requests overtake one another by less      */
	FAMILY_HISTORY_MAX  = 128,                /* of runs within one grace and the slack     */
	FAMILY_EXACT_MAX    = 32,                 /* from here on, replacements join into runs  */
	FAMILY_RUNS_A_GRACE = 64,                 /* … each at most a 64th of that time long    */
	FAMILY_NETWORKS_MAX = 16,
	FAMILY_NETWORK_BYTES_MAX = 64,
	FAMILY_RETRY_MS     = 24 * 3600 * 1000,   /* rule 126: crash-safe retry by a bound app  */
};

struct family_network {
	str name;
	int64_t first_generation;
}; /* the first generation that a refresh from there made */

/* Generations that were replaced one after the other; mostly one, many only in a burst. */
struct family_run { int64_t first_ms, last_ms, count; };

struct family_state {
	int64_t generation; /* the live one, from 1                                     */
	int64_t used_ms, rotated_ms, idle_expires_ms, expires_ms, revoked_ms;
	str network; /* of the last successful refresh                           */
	struct family_run replaced[FAMILY_HISTORY_MAX]; /* [0] ends with generation - 1 */
	size_t  replaced_n;         /* older ones were replaced before any grace that still runs */
	struct family_network networks[FAMILY_NETWORKS_MAX];
	size_t  networks_n;
};

struct family_rules { enum refresh_policy policy; int64_t grace_ms, idle_ms; };

struct family_event {
	int64_t generation;                       /* presented; its MAC has been verified */
	int64_t now_ms;
	str     network;
	bool    bound;                            /* the app authenticated with its secret */
};

enum family_verdict {
	FAMILY_ROTATED,      /* accepted, there is a new live generation         */
	FAMILY_SAME,         /* accepted, the live generation is handed out      */
	FAMILY_EXPIRED,
	FAMILY_REVOKED,
	FAMILY_REFUSED,      /* not accepted, the family lives on                */
	FAMILY_REUSED,       /* not accepted, the family must end                */
};

/* *state is the row before and, for ROTATED and SAME, the row after. */
enum family_verdict family_step(struct family_state *state, const struct family_event *ev,
                                const struct family_rules *rules);

/* First refresh token of a new family. */
void family_begin(struct family_state *state, int64_t now_ms, int64_t expires_ms, str network,
                  const struct family_rules *rules);

/* Columns `history` ("last", or "last,count,first" for a run) and `networks` ("generation name
 * generation name"). Unreadable text is dropped. */
str  family_history_text(struct arena *a, const struct family_state *s);
void family_history_parse(str text, struct family_state *s);
str  family_networks_text(struct arena *a, const struct family_state *s);
void family_networks_parse(str text, struct family_state *s);

#endif
