/* SPDX-License-Identifier: MIT
 *
 * Ending grants and refresh families: in memory before the commit (fails closed), then in the same
 * transaction all rows that hang on them. Sources: contract rules 80, 127, 128, 138, 145, 153;
 * ruling R33. */
#ifndef OAUTH_REVOKE_H
#define OAUTH_REVOKE_H

#include "access/act.h"

/* One family: its refresh token, its access tokens and the installation tokens that these minted.
 */
bool family_end(const struct act *act, int64_t family_id, str reason, struct err *e) MUST_CHECK;
/* The installation tokens that its access tokens minted, alone. */
bool family_tokens_end(const struct act *act, int64_t family_id, struct err *e) MUST_CHECK;

/* A grant with its families and installation tokens. Access tokens go on: their app hears 410 from
 * what it asks for. *done_out (may be NULL) false: it was revoked before. Audited. */
struct grant_ref { int64_t id, app_id, account_id, organization_id; };
bool grant_end(const struct act *act, const struct grant_ref *grant, str reason, bool *done_out,
               struct err *e) MUST_CHECK;

#endif
