/* SPDX-License-Identifier: MIT
 *
 * The revocation endpoint: an app gives up a token. A refresh token takes all with it that came of
 * it; an access or an installation token goes alone. What is unknown or another app's is none of
 * the caller's business: the same empty answer. Sources: RFC 7009 2.1-2.2; contract rules 136-140.
 */
#ifndef OAUTH_TOKEN_REVOKE_H
#define OAUTH_TOKEN_REVOKE_H

#include "access/act.h"
#include "base/field.h"

/* client_auth as in token.exchange. token_type_hint is not needed: tokens say what they are. */
struct token_revoke_in { str token, token_type_hint, client_id, client_secret, client_auth; };
extern const struct field token_revoke_in_fields[], token_revoke_out_fields[];
bool token_revoke(const struct act *act, const void *in, void *out, struct err *e) MUST_CHECK;

#endif
