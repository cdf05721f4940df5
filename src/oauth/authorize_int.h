/* SPDX-License-Identifier: MIT
 *
 * The part of the authorization endpoint that needs no store: what an app has sent, checked. */
#ifndef OAUTH_AUTHORIZE_INT_H
#define OAUTH_AUTHORIZE_INT_H

#include "oauth/authorize.h"
#include "store/oauth.h"

struct prompt {
	bool none, login, consent;
};

struct begin {
	const struct authorize_in *in;
	struct app app;
	struct prompt prompt;
	struct authorization_request row;
	str error, description; /* what is wrong and may be told to the app; absent: nothing */
	str reason, value;      /* the same for the record (access/audit.h); absent: no mistake */
};

/* All parameters but client_id and redirect_uri, which are settled before. Fills prompt and row; on
 * false, error. */
bool authorize_check(const struct act *act, struct begin *b) MUST_CHECK;

#endif
