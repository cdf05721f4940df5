/* SPDX-License-Identifier: MIT */
#include "access/session.h"

#include "access/account.h"
#include "access/audit.h"
#include "access/bearer.h"
#include "access/rate.h"
#include "base/clock.h"
#include "base/text.h"
#include "crypto/token.h"
#include "store/account.h"

#include <string.h>

enum { SESSION_ID_BYTES = 10, USUAL_ATTEMPTS_FACTOR = 10 };

const struct field login_in_fields[] = {
	FIELD(struct login_in, email, "email", FIELD_REQUIRED | FIELD_NONEMPTY, .min = 1, .max = EMAIL_BYTES_MAX),
	FIELD(struct login_in, password, "password", FIELD_REQUIRED | FIELD_NONEMPTY, .min = 1,
	      .max = PASSWORD_BYTES_MAX),
	FIELD_END
};
const struct field login_out_fields[] = {
	FIELD(struct login_out, token, "token"),
	FIELD(struct login_out, account_id, "accountId"),
	FIELD(struct login_out, expires_at, "expiresAt"),
	FIELD(struct login_out, expires_in, "expiresIn"),
	FIELD_END
};
const struct field logout_out_fields[] = {
	FIELD(struct logout_out, ended, "ended"),
	FIELD_END
};
static const struct field session_fields[] = {
	FIELD(struct session_view, id, "id"),
	FIELD(struct session_view, method, "method"),
	FIELD(struct session_view, address, "address"),
	FIELD(struct session_view, user_agent, "userAgent"),
	FIELD(struct session_view, created_at, "createdAt"),
	FIELD(struct session_view, seen_at, "seenAt"),
	FIELD(struct session_view, expires_at, "expiresAt"),
	FIELD(struct session_view, current, "current"),
	FIELD_END
};
const struct field session_list_out_fields[] = {
	FIELD_OF_LIST(struct session_list_out, sessions, "sessions", struct session_view, session_fields),
	FIELD_END
};
const struct field session_revoke_in_fields[] = {
	FIELD(struct session_revoke_in, id, "id", FIELD_REQUIRED | FIELD_NONEMPTY),
	FIELD_END
};
const struct field session_password_in_fields[] = {
	FIELD(struct session_password_in, old_password, "oldPassword", FIELD_REQUIRED | FIELD_NONEMPTY, .min = 1,
	      .max = PASSWORD_BYTES_MAX),
	FIELD(struct session_password_in, new_password, "newPassword", FIELD_REQUIRED),
	FIELD_END
};

bool session_principal(struct bearers *b, str cookie, int64_t now_ms, struct principal *out,
		       struct err *e)
{
	struct bearer_session s;
	struct digest d;

	if (token_kind_of(cookie) != TOKEN_SESSION)
		return err_set(e, ERR_LOGIN_REQUIRED, "Sign in first.");
	d = sha256(cookie);
	if (!bearer_session_find(b, &d, now_ms, &s))
		return err_set(e, ERR_LOGIN_REQUIRED, "Sign in first.");
	*out = (struct principal){
		.kind = WHO_SESSION,
		.account_id = s.account_id,
		.session_id = s.id,
		.auth_time_ms = s.auth_time_ms,
		.expires_ms = s.expires_ms,
		.projects = { .mode = PROJECTS_NONE },
	};
	return true;
}

/* Signing in --------------------------------------------------------------------------------- */

struct login {
	const struct login_in *in;
	struct account account;         /* id 0: nobody, or disabled */
	str     hash;                   /* absent: nobody             */
	bool    known_network;          /* this person has signed in from here before */
	str     address, account_place; /* names of the counters */
	bool    address_counted, account_counted, usual_counted;
	str     token;
	int64_t expires_ms;
};

static bool has_session_from(struct arena *a, const struct session_list *sessions, str network)
{
	bool found = false;

	for (size_t i = 0; i < sessions->n; i++)
		found |= str_eq(address_network(a, sessions->v[i].address), network);
	return found;
}

/* The same reads whether or not there is such a person: the time must not tell. */
static bool login_look_up(const struct act *tx, void *arg, struct err *e)
{
	struct login *l = arg;
	struct session_list sessions;
	str hash;

	if (!store_account_by_email(tx->db, tx->arena, l->in->email, &l->account, e) ||
	    !store_password_get(tx->db, tx->arena, l->account.id, &hash, e) ||
	    !store_session_list(tx->db, tx->arena, l->account.id, tx->now_ms, &sessions, e))
		return false;
	if (l->account.disabled_ms != 0)
		l->account.id = 0;
	l->hash = l->account.id == 0 ? STR_NONE : hash;
	l->known_network =
		l->account.id != 0 && tx->address.n > 0 &&
		has_session_from(tx->arena, &sessions, address_network(tx->arena, tx->address));
	return true;
}

static void login_name_counters(const struct act *act, struct login *l)
{
	str network = address_network(act->arena, act->address);
	str email = arena_lower(act->arena, l->in->email);

	l->address = address_counted(act->arena, act->address);
	l->account_place =
		arena_printf(act->arena, FMT_STR " " FMT_STR, ARG_STR(network), ARG_STR(email));
}

/* Counts the attempt in advance, so that many at once cannot slip through. The address comes
 * first: nobody can lock a person out from elsewhere, and a person's usual network gets its
 * password checked for much longer, but not for ever: others may be in it, too. */
static bool login_count(const struct act *act, struct login *l, struct err *e)
{
	const struct settings *s = act->settings;
	struct rates *rates = bearers_rates(act->bearers);
	struct err refused = { 0 };

	login_name_counters(act, l);
	if (act->address.n == 0)
		return true;            /* the operator's own socket */
	l->address_counted = rate_take(rates, RATE_LOGIN_ADDRESS, l->address, s->login_attempts_max,
				       s->login_window_s, act->now_ms, &refused);
	l->account_counted = l->address_counted &&
			     rate_take(rates, RATE_LOGIN_ACCOUNT, l->account_place,
				       s->login_attempts_max, s->login_window_s, act->now_ms,
				       &refused);
	l->usual_counted = !l->account_counted && l->known_network &&
			   rate_take(rates, RATE_LOGIN_USUAL, l->account_place,
				     s->login_attempts_max * USUAL_ATTEMPTS_FACTOR,
				     s->login_window_s, act->now_ms, &refused);
	if (l->account_counted || l->usual_counted)
		return true;
	*e = refused;
	return false;
}

/* Only what was counted: a right password must not make room for wrong ones. */
static void login_uncount(const struct act *act, const struct login *l)
{
	struct rates *rates = bearers_rates(act->bearers);

	if (l->address_counted)
		rate_give(rates, RATE_LOGIN_ADDRESS, l->address);
	if (l->account_counted)
		rate_give(rates, RATE_LOGIN_ACCOUNT, l->account_place);
	if (l->usual_counted)
		rate_give(rates, RATE_LOGIN_USUAL, l->account_place);
}

/* The session the browser had is over: an id that someone else may have planted does not live
 * on (rule 72). */
static bool end_former(const struct act *tx, struct err *e)
{
	str digest;

	if (tx->who->kind != WHO_SESSION)
		return true;
	bearer_session_deny(tx, tx->who->session_id);
	return store_session_delete(tx->db, tx->arena, tx->who->session_id, tx->who->account_id,
				    &digest, e);
}

static bool login_write(const struct act *tx, void *arg, struct err *e)
{
	struct login *l = arg;
	struct digest d = sha256(l->token);
	struct session s = {
		.account_id = l->account.id, .auth_time_ms = tx->now_ms, .created_ms = tx->now_ms,
		.seen_ms = tx->now_ms, .expires_ms = l->expires_ms, .method = S("password"),
		.address = tx->address.p == NULL ? S("") : tx->address,
		.user_agent = audit_header_text(tx->arena, tx->user_agent),
	};
	struct audit_detail detail = { .account_id = l->account.id };
	struct bearer_session live;

	if (!end_former(tx, e) || !store_session_insert(tx->db, tx->arena, d.b, &s, &s.id, e))
		return false;
	live = (struct bearer_session){ d, s.id, s.account_id, s.auth_time_ms,
					s.seen_ms, s.expires_ms };
	bearer_session_add(tx, &live);
	return audit_add(tx, AUDIT_SESSION_CREATED, &detail, e);
}

/* The address that was typed is not recorded: it may be a password in the wrong box. */
static bool login_refused_write(const struct act *tx, void *arg, struct err *e)
{
	const struct login *l = arg;
	struct audit_detail detail = { .account_id = l->account.id };

	return audit_refusal(tx, AUDIT_SESSION_REFUSED, &detail, S("credentials"), STR_NONE, e);
}

/* The account may have been disabled while the password was checked. */
static bool login_still_allowed(const struct act *tx, void *arg, struct err *e)
{
	struct login *l = arg;
	struct account now;

	if (!store_account_by_id(tx->db, tx->arena, l->account.id, &now, e))
		return false;
	if (now.id == 0 || now.disabled_ms != 0)
		return err_set(e, ERR_FORBIDDEN, "The email address or the password is wrong.");
	return login_write(tx, arg, e);
}

bool session_login(const struct act *act, const void *in, void *out, struct err *e)
{
	struct login *l = arena_new(act->arena, struct login);
	struct login_out *o = out;

	l->in = in;
	if (!act_read(act, login_look_up, l, e) || !login_count(act, l, e))
		return false;
	if (!password_verify(l->hash, l->in->password)) {
		if (!act_write(act, login_refused_write, l, e))
			return false;
		return err_set(e, ERR_FORBIDDEN, "The email address or the password is wrong.");
	}
	login_uncount(act, l);
	l->token = token_random(act->arena, TOKEN_SESSION);
	l->expires_ms = act->now_ms + act->settings->session_ttl_s * 1000;
	if (!act_write(act, login_still_allowed, l, e))
		return false;
	*o = (struct login_out){ l->token, l->account.public_id, clock_iso(act->arena, l->expires_ms),
				 act->settings->session_ttl_s };
	return true;
}

/* Ending ------------------------------------------------------------------------------------- */

static bool end_one(const struct act *act, int64_t id, struct err *e)
{
	str digest;

	bearer_session_deny(act, id);
	return store_session_delete(act->db, act->arena, id, act->who->account_id, &digest, e) &&
	       audit_add(act, AUDIT_SESSION_ENDED, NULL, e);
}

bool session_logout(const struct act *act, const void *in, void *out, struct err *e)
{
	(void)in;
	((struct logout_out *)out)->ended = true;
	return end_one(act, act->who->session_id, e);
}

/* Internal ids do not leave the server: this is one-way and differs from server to server. */
static str session_public_id(const struct act *act, int64_t id)
{
	str text = arena_printf(act->arena, "session %lld", (long long)id);
	struct digest d = hmac_sha256(act->settings->server_key, KEY_BYTES, text);
	str hex = hex_encode(act->arena, d.b, SESSION_ID_BYTES);

	return arena_printf(act->arena, "ses_" FMT_STR, ARG_STR(hex));
}

static struct session_view session_view_of(const struct act *act, const struct session *s)
{
	return (struct session_view){
		.id = session_public_id(act, s->id),
		.method = s->method,
		.address = s->address,
		.user_agent = s->user_agent,
		.created_at = clock_iso(act->arena, s->created_ms),
		.seen_at = clock_iso(act->arena, s->seen_ms),
		.expires_at = clock_iso(act->arena, s->expires_ms),
		.current = s->id == act->who->session_id,
	};
}

bool session_list(const struct act *act, const void *in, void *out, struct err *e)
{
	struct session_list_out *o = out;
	struct session_list sessions;
	struct session_view *v;

	(void)in;
	if (!store_session_list(act->db, act->arena, act->who->account_id, act->now_ms, &sessions,
				e))
		return false;
	v = arena_array(act->arena, struct session_view, sessions.n);
	for (size_t i = 0; i < sessions.n; i++)
		v[i] = session_view_of(act, &sessions.v[i]);
	o->sessions = (struct list){ v, sessions.n, true };
	return true;
}

bool session_revoke(const struct act *act, const void *in, void *out, struct err *e)
{
	const struct session_revoke_in *i = in;
	struct session_list sessions;

	if (!store_session_list(act->db, act->arena, act->who->account_id, act->now_ms, &sessions,
				e))
		return false;
	for (size_t n = 0; n < sessions.n; n++) {
		if (!str_eq(session_public_id(act, sessions.v[n].id), i->id))
			continue;
		((struct logout_out *)out)->ended = true;
		return end_one(act, sessions.v[n].id, e);
	}
	return err_set(e, ERR_NOT_FOUND, "There is no such session.");
}

/* Its own counter for each person: who found an open browser must not guess the password in it. */
static bool password_count(const struct act *act, str *counter_out, struct err *e)
{
	const struct settings *s = act->settings;

	*counter_out = arena_printf(act->arena, "password %lld", (long long)act->who->account_id);
	return rate_take(bearers_rates(act->bearers), RATE_LOGIN_ACCOUNT, *counter_out,
			 s->login_attempts_max, s->login_window_s, act->now_ms, e);
}

static bool end_others(const struct act *tx, struct err *e)
{
	struct session_list sessions;

	if (!store_session_list(tx->db, tx->arena, tx->who->account_id, tx->now_ms, &sessions, e))
		return false;
	for (size_t i = 0; i < sessions.n; i++) {
		if (sessions.v[i].id != tx->who->session_id && !end_one(tx, sessions.v[i].id, e))
			return false;
	}
	return true;
}

bool session_revoke_others(const struct act *act, const void *in, void *out, struct err *e)
{
	(void)in;
	((struct logout_out *)out)->ended = true;
	return end_others(act, e);
}

/* Changing the password ---------------------------------------------------------------------- */

struct password_change { str former, fresh; };      /* hashes */

static bool password_look_up(const struct act *tx, void *arg, struct err *e)
{
	struct password_change *c = arg;

	return store_password_get(tx->db, tx->arena, tx->who->account_id, &c->former, e);
}

/* The old hash is compared again: of two changes at once one is the first. */
static bool password_write(const struct act *tx, void *arg, struct err *e)
{
	struct password_change *c = arg;
	str now;

	if (!store_password_get(tx->db, tx->arena, tx->who->account_id, &now, e))
		return false;
	if (!str_eq(now, c->former))
		return err_set(e, ERR_FORBIDDEN, "The old password is wrong.");
	return store_password_set(tx->db, tx->arena, tx->who->account_id, c->fresh, tx->now_ms, e) &&
	       end_others(tx, e) && audit_add(tx, AUDIT_USER_PASSWORD_CHANGED, NULL, e);
}

bool session_password(const struct act *act, const void *in, void *out, struct err *e)
{
	const struct session_password_in *i = in;
	struct password_change *c = arena_new(act->arena, struct password_change);
	str counter;

	if (!password_is_fit(i->new_password, e) || !act_read(act, password_look_up, c, e) ||
	    !password_count(act, &counter, e))
		return false;
	if (!password_verify(c->former, i->old_password))
		return err_set(e, ERR_FORBIDDEN, "The old password is wrong.");
	rate_give(bearers_rates(act->bearers), RATE_LOGIN_ACCOUNT, counter);
	c->fresh = password_hash(act->arena, i->new_password);
	((struct logout_out *)out)->ended = true;
	return act_write(act, password_write, c, e);
}
