/* SPDX-License-Identifier: MIT
 *
 * The token endpoint: a code or a refresh token for access. Runs on the write lane; authentication
 * of the app needs memory alone. A refusal that is a fact (a replayed code, a reused refresh token)
 * is committed: its error says `keep`. Sources: RFC 6749 4.1.3, 5, 6; contract rules 79-103,
 * 119-135; rulings R1-R4, R22, R23, R37, R42. */
#ifndef OAUTH_TOKEN_H
#define OAUTH_TOKEN_H

#include "access/act.h"
#include "base/field.h"

struct token_in {
	str grant_type, code, redirect_uri, client_id, client_secret, code_verifier, refresh_token,
		scope, authorization_details;
	str client_auth; /* basic, post, none, both; set by the channel, never by the client */
	struct strs resource;
};
struct token_grant {
	str grant_id, organization_id, organization_slug, organization_name, project_access;
	str refresh_token;
	struct strs scopes, project_ids; /* project_ids: empty is all; left out when nothing is left
	                                    of a limited grant */
};
struct token_out {
	str access_token, token_type, refresh_token, scope;
	int64_t expires_in;
	str grant_id, organization_id, project_access;     /* of the first grant */
	struct strs project_ids;
	struct list grants;              /* struct token_grant */
};
extern const struct field token_in_fields[], token_out_fields[];

bool token_exchange(const struct act *act, const void *in, void *out, struct err *e) MUST_CHECK;

#endif
