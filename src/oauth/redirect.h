/* SPDX-License-Identifier: MIT
 *
 * Redirect URIs: the one parser for registration, comparison and display, and the builder of what
 * is sent back. Strict on purpose: whatever a browser would read differently from us (backslash,
 * tab, user name, dot segments, odd numbers as hosts) is no redirect URI. Sources: RFC 6749 3.1.2;
 * RFC 8252 7.1, 7.3, 8.3; RFC 9700 2.1, 4.1.3; contract rules 36-41, 46, 174, 232. */
#ifndef OAUTH_REDIRECT_H
#define OAUTH_REDIRECT_H

#include "base/arena.h"
#include "base/err.h"
#include "base/field.h"
#include "model/model.h"

enum { REDIRECT_BYTES_MAX = 2048, REDIRECT_URIS_MAX = 10 };

struct redirect {            /* slices of the text */
	str  scheme;
	str  host;           /* https and http; IPv6 with its brackets */
	str  port;           /* absent: none written                   */
	str  rest;           /* path and query, as written             */
	bool loopback;       /* http on 127.0.0.1, [::1] or localhost  */
	bool private_use;    /* com.example.app:/…                     */
};

/* false: not a URI that we would ever redirect to. */
bool redirect_parse(str uri, struct redirect *out) MUST_CHECK;

/* May an app of this kind register it? ERR_INVALID_REQUEST says what to change. */
bool redirect_check(str uri, enum app_kind kind, struct err *e) MUST_CHECK;

/* Is `uri` one of the app's, byte for byte? On loopback the port is left out of the comparison for
 * native apps, for apps that registered themselves, and where dev_loopback is set (RFC 8252 7.3).
 */
bool redirect_matches(const struct app *app, str uri);

bool redirect_is_loopback(str uri);
/* What people are shown: host with port, or the scheme of a private-use URI; absent when it does
 * not parse. */
str  redirect_shown(struct arena *a, str uri);
/* Host alone, for comparing consents; absent when it does not parse. */
str  redirect_host(str uri);

/* The URI with these parameters added to its query, in order; pairs with an absent value are left
 * out. */
str  redirect_with(struct arena *a, str uri, const struct str_pair *pairs, size_t pairs_n);

#endif
