/* SPDX-License-Identifier: MIT
 *
 * Signing in and out. The cookie is a SESSION token; only its digest is kept. Sources: contract
 * rules 72, 75. */
#ifndef ACCESS_SESSION_H
#define ACCESS_SESSION_H

#include "access/act.h"
#include "base/field.h"

struct bearers;

/* Who the cookie stands for. Inline. false: ERR_LOGIN_REQUIRED, always with the same text. */
bool session_principal(struct bearers *b, str cookie, int64_t now_ms, struct principal *out,
                       struct err *e) MUST_CHECK;

/* session.login {email, password} -> {token, accountId, expiresAt}; slow lane. ERR_FORBIDDEN:
 * wrong email or password (one text, equal time); ERR_RATE_LIMITED. Sets a fresh session,
 * whatever the caller had before. */
struct login_in  { str email, password; };
struct login_out { str token, account_id, expires_at; int64_t expires_in; };
extern const struct field login_in_fields[], login_out_fields[];
bool session_login(const struct act *act, const void *in, void *out, struct err *e) MUST_CHECK;

/* session.logout {} -> {ended}: the session that asks. Write lane. */
struct logout_out { bool ended; };
extern const struct field logout_out_fields[];
bool session_logout(const struct act *act, const void *in, void *out, struct err *e) MUST_CHECK;

/* session.list {} -> {sessions}: of the account that asks. */
struct session_view {
	str id, method, address, user_agent, created_at, seen_at, expires_at;
	bool current;
};
struct session_list_out { struct list sessions; };
extern const struct field session_list_out_fields[];
bool session_list(const struct act *act, const void *in, void *out, struct err *e) MUST_CHECK;

/* session.revoke {id} -> {ended}: one of the caller's own. ERR_NOT_FOUND. Write lane. */
struct session_revoke_in { str id; };
extern const struct field session_revoke_in_fields[];
bool session_revoke(const struct act *act, const void *in, void *out, struct err *e) MUST_CHECK;

/* session.revoke_others {} -> {ended}: all of the caller's but the one that asks. Write lane. */
bool session_revoke_others(const struct act *act, const void *in, void *out, struct err *e) MUST_CHECK;

/* session.password {oldPassword, newPassword} -> {ended}: the caller's own; the other sessions end. Connected apps
 * stay: they never saw the password. Slow lane. ERR_FORBIDDEN: the old one is wrong; ERR_RATE_LIMITED. */
struct session_password_in { str old_password, new_password; };
extern const struct field session_password_in_fields[];
bool session_password(const struct act *act, const void *in, void *out, struct err *e) MUST_CHECK;

#endif
