/* SPDX-License-Identifier: MIT
 *
 * The authorization endpoint: from the app's request to the code. What is wrong with the app or its
 * redirect URI is an error for a page of ours; what is wrong otherwise goes back to the app in
 * *out.redirect_to, unless nobody has checked who runs the app and the person has never approved it
 * (an open redirector): then it is an error for our page too. Sources: RFC 6749 4.1; RFC 9700 4.11;
 * OIDC Core 3.1.2.1 (prompt); contract rules 35-60, 66, 74; rulings R7, R8. */
#ifndef OAUTH_AUTHORIZE_H
#define OAUTH_AUTHORIZE_H

#include "access/act.h"
#include "base/field.h"

struct authorization_request;

enum { AUTHORIZE_LIFE_S = 3600, AUTHORIZE_PARAMETER_BYTES_MAX = 4096 };

struct authorize_in {
	str client_id, redirect_uri, response_type, response_mode, scope, state, code_challenge,
		code_challenge_method, nonce;
	str prompt, ui_locales, login_hint, request, request_uri, authorization_details;
	struct strs resource;
};
struct authorize_app { str client_id, name, type, icon_url; bool verified; };
struct authorize_out {
	str redirect_to;                 /* go there now: a code or an error                    */
	str error, error_description;    /* the error in redirect_to                            */
	str request;                     /* what the pages carry; not redeemable (rule 65)      */
	str phase;                       /* open approved; absent with redirect_to              */
	bool needs_login;
	struct authorize_app app;
	str redirect_host, login_hint, locale;
	bool loopback;
};
extern const struct field authorize_in_fields[], authorize_out_fields[], authorize_app_fields[];
bool authorize_begin(const struct act *act, const void *in, void *out,
                     struct err *e) MUST_CHECK; /* write lane */

struct authorize_request_in { str request; };
extern const struct field authorize_request_in_fields[];
/* After sign-in: makes the request this person's. */
bool authorize_resume(const struct act *act, const void *in, void *out,
                      struct err *e) MUST_CHECK; /* write lane */
/* approved -> spent: the code is made now, when the person goes back to the app. */
bool authorize_complete(const struct act *act, const void *in, void *out,
                        struct err *e) MUST_CHECK; /* write lane */

/* For consent: the request as act->who may see it. ERR_NOT_FOUND: unknown or too old;
 * ERR_FORBIDDEN: another person's; ERR_LOGIN_REQUIRED: prompt=login and signed in before. */
bool authorize_load(const struct act *act, str request, struct authorization_request *out,
                    struct app *app_out, struct err *e) MUST_CHECK;
struct authorize_app authorize_app_view(const struct app *app);
/* Redirect URI with error, description, state and issuer. */
str authorize_error_uri(struct arena *a, const struct authorization_request *r, str error,
                        str description);

#endif
