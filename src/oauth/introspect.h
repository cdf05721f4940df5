/* SPDX-License-Identifier: MIT
 *
 * The introspection endpoint: what a token is worth right now. An app with a secret stands for a
 * resource server and may ask about every access and installation token it was shown; an app
 * without one only about its own; refresh tokens concern their own app alone. Everything else is
 * "not active", without a reason. Answers from memory; what memory lacks is asked again with the
 * store (operation/operation.h, LANE_INLINE). Sources: RFC 7662 2.1-2.3, 4; contract rules 141-144.
 */
#ifndef OAUTH_INTROSPECT_H
#define OAUTH_INTROSPECT_H

#include "access/act.h"
#include "base/field.h"

/* client_auth as in token.exchange. token_type_hint is not needed: tokens say what they are. */
struct introspect_in { str token, token_type_hint, client_id, client_secret, client_auth; };
struct introspect_out {
	bool active;                     /* false: nothing else is told */
	str scope, client_id, token_type, token_use, sub, aud, iss, jti, grant_id, organization_id,
		project_access;
	int64_t exp, iat;                /* seconds; iat 0: not known */
	struct strs project_ids;         /* installation tokens; as in the answer of a mint */
};
extern const struct field introspect_in_fields[], introspect_out_fields[];
bool token_introspect(const struct act *act, const void *in, void *out, struct err *e) MUST_CHECK;

#endif
