/* SPDX-License-Identifier: MIT
 *
 * PKCE, S256 only. Sources: RFC 7636 4.1-4.6; RFC 9700 2.1.1 (no "plain"); contract rules 87-93,
 * ruling R8. */
#ifndef OAUTH_PKCE_H
#define OAUTH_PKCE_H

#include "base/str.h"

bool pkce_challenge_is_sane(str challenge);      /* 43 characters of base64url */
bool pkce_verifier_is_sane(str verifier);        /* 43..128 unreserved characters (RFC 7636 4.1) */

/* Does `verifier` hash to `challenge`? Constant time in the challenge. */
bool pkce_s256_matches(str verifier, str challenge);

#endif
