/* SPDX-License-Identifier: MIT
 *
 * invalid_grant, with an error_description that begins with a word from a fixed list, so that
 * programs can read it, and goes on with what to do. Unknown, expired and foreign are one word: a
 * stranger must not learn which. Sources: contract E-12, E-16, rule 103. */
#ifndef OAUTH_REFUSAL_H
#define OAUTH_REFUSAL_H

#include "base/err.h"

/*        reason     error_description */
#define REFUSAL_TABLE(X)                                                                           \
	X(EXPIRED, "expired: it is unknown, has expired or belongs to another app. Ask the "       \
	           "person to connect again.")                                                     \
	X(REVOKED, "revoked: the connection was ended. Ask the person to connect again.")          \
	X(REUSED, "reused: it was used before, so that all that came of it was ended. Ask the "    \
	          "person to connect again.")                                                      \
	X(STALE, "reused: it has been replaced by a newer one. Use the refresh_token of the "      \
	         "latest answer.")                                                                 \
	X(REDIRECT,                                                                                \
	  "redirect_uri_mismatch: send the same redirect_uri as to the authorize endpoint.")       \
	X(PKCE, "pkce_failed: the code_verifier does not belong to this code.")

enum refusal {
#define X(id, text) REFUSAL_##id,
	REFUSAL_TABLE(X)
#undef X
	REFUSAL_COUNT
};

/* Fills *e with ERR_INVALID_GRANT and returns false. `keep`: what was written goes into the store
 * all the same. */
bool refusal_set(struct err *e, enum refusal why, bool keep);

#endif
