/* SPDX-License-Identifier: MIT
 *
 * Who is the app? Authentication at the token endpoint, from memory alone.
 * Sources: RFC 6749 2.3; contract rules 102, 108-118. */
#ifndef OAUTH_CLIENT_H
#define OAUTH_CLIENT_H

#include "access/act.h"

/* client_auth: how the credentials came: basic, post, none or both. Absent: by whether there is a
 * secret. */
struct client_claim { str client_id, client_secret, client_auth; };

/* ERR_INVALID_CLIENT for all that is wrong with the app; ERR_INVALID_REQUEST for two methods at
 * once; ERR_RATE_LIMITED after too many failures. Failures are audited: the error says `keep` (with
 * act->db NULL it is for the caller to ask again with the store).
 * *secret_id_out: the secret that fitted, 0 for public apps. */
bool client_authenticate(const struct act *act, const struct client_claim *claim, struct app *out,
                         int64_t *secret_id_out, struct err *e) MUST_CHECK;

/* For other doors that apps authenticate at: an attempt counts as a failure until it is known to be
 * good. ERR_RATE_LIMITED. *counter_out lives in act->arena. */
bool client_attempt_begin(const struct act *act, str client_id, str *counter_out,
                          struct err *e) MUST_CHECK;
void client_attempt_good(const struct act *act, str counter);

#endif
