/* SPDX-License-Identifier: MIT
 *
 * Somebody found secrets of ours where they do not belong and tells us. Whoever holds a token may
 * end it, so no credential is asked for. What is live ends: an installation token; an access token
 * with what it minted; a refresh token with its family; a secret key; a client secret; a session; a
 * code. The owner gets a notice, and the answer is the same for live, dead and unknown. Public keys
 * are meant to be seen and stay. Sources: contract rule 215; ruling R43. */
#ifndef OAUTH_LEAK_H
#define OAUTH_LEAK_H

#include "access/act.h"
#include "base/field.h"

enum { LEAK_TOKENS_MAX = 100, LEAK_REPORTS_MAX = 30, LEAK_WINDOW_S = 60 };

struct leak_in { str token; struct strs tokens; };
struct leak_out { int64_t received; };
extern const struct field leak_in_fields[], leak_out_fields[];
bool leak_report(const struct act *act, const void *in, void *out, struct err *e) MUST_CHECK;

#endif
