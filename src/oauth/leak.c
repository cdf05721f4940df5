/* SPDX-License-Identifier: MIT */
#include "oauth/leak.h"

#include "access/apps.h"
#include "access/audit.h"
#include "access/bearer.h"
#include "access/rate.h"
#include "crypto/token.h"
#include "oauth/mints.h"
#include "oauth/revoke.h"
#include "oauth/token_int.h"
#include "store/account.h"
#include "store/bearer.h"
#include "store/oauth.h"

const struct field leak_in_fields[] = {
	FIELD(struct leak_in, token, "token"),
	FIELD(struct leak_in, tokens, "tokens", .max = LEAK_TOKENS_MAX),
	FIELD_END
};
const struct field leak_out_fields[] = {
	FIELD(struct leak_out, received, "received"),
	FIELD_END
};

/* What was live, in the words of the notice, and whom to tell. */
struct leaked {
	str kind;                        /* as the notice and the audit say it */
	str name;                        /* of what it belonged to: a grant, a key, an app */
	int64_t account_id, app_id, organization_id, grant_id;
};

/* Both in the transaction that ends it: nobody is told of what did not happen. */
static bool tell(const struct act *act, const struct leaked *l, struct err *e)
{
	struct audit_detail detail = {
		.account_id = l->account_id, .app_id = l->app_id,
		.organization_id = l->organization_id, .grant_id = l->grant_id,
		AUDIT_FACTS({ S("kind"), l->kind }, { S("of"), l->name }),
	};
	struct notice notice = {
		.account_id = l->account_id, .organization_id = l->organization_id,
		.kind = S("token_leaked"), .created_ms = act->now_ms,
		.detail = arena_printf(act->arena, FMT_STR " " FMT_STR, ARG_STR(l->kind),
		                       ARG_STR(l->name)),
	};
	int64_t notice_id;

	if (!audit_add(act, AUDIT_TOKEN_LEAKED, &detail, e))
		return false;
	/* An app that the operator registered belongs to nobody who could read a notice. */
	return (l->account_id == 0 && l->organization_id == 0) ||
	       store_notice_add(act->db, act->arena, &notice, &notice_id, e);
}

/* Bearer tokens and keys ----------------------------------------------------------------------- */

static bool end_installation(const struct act *act, str token, struct err *e)
{
	struct digest d = sha256(token);

	bearer_token_deny(act, &d);
	if (act->mints != NULL)
		mints_forget(act->mints, token);
	return store_token_disable(act->db, act->arena, d.b, act->now_ms, e);
}

/* With the installation tokens that its family has minted: the finder may have used it. */
static bool end_access(const struct act *act, str token, const struct principal *whose,
                       struct err *e)
{
	struct digest d = sha256(token);

	bearer_access_deny(act, &d, whose->expires_ms);
	return store_access_revoke(act->db, act->arena, d.b, whose->expires_ms, e) &&
	       family_tokens_end(act, whose->family_id, e);
}

static bool end_key(const struct act *act, const struct principal *whose, struct err *e)
{
	bool revoked;

	bearer_key_deny(act, whose->key_id);
	return store_api_key_revoke(act->db, act->arena, whose->key_id, act->now_ms, &revoked, e);
}

static struct leaked leaked_of(const struct act *act, const struct principal *whose, str kind)
{
	struct leaked l = { .kind = kind, .account_id = whose->account_id, .app_id = whose->app_id,
		            .organization_id = whose->organization_id,
		            .grant_id = whose->grant_id };
	struct bearer_grant grant;

	l.name = whose->organization_slug;
	if (whose->grant_id != 0 &&
	    bearer_grant_by_id(act->bearers, act->arena, whose->grant_id, &grant)) {
		l.name = grant.public_id;
		l.organization_id = grant.organization.id;
	}
	return l;
}

static bool leak_bearer(const struct act *act, str token, struct err *e)
{
	struct principal whose;
	struct leaked l;
	struct err dead;
	bool ok;

	if (!bearer_principal(act->bearers, act->arena, token, act->now_ms, &whose, &dead))
		return true;
	switch (whose.kind) {
	case WHO_INSTALL:
		l = leaked_of(act, &whose, S("installation_token"));
		ok = end_installation(act, token, e);
		break;
	case WHO_ACCESS:
		l = leaked_of(act, &whose, S("access_token"));
		ok = end_access(act, token, &whose, e);
		break;
	case WHO_KEY:
		l = leaked_of(act, &whose, S("secret_key"));
		ok = end_key(act, &whose, e);
		break;
	default:
		return true;                     /* a public key */
	}
	return ok && tell(act, &l, e);
}

/* The rest ------------------------------------------------------------------------------------- */

/* Also a token that has been replaced: presented, it would end the family as well. */
static bool leak_refresh(const struct act *act, str token, struct err *e)
{
	uint8_t secret[KEY_BYTES];
	struct family_row row;
	struct derived d;
	struct leaked l;

	if (!derived_parse(token, TOKEN_REFRESH, &d))
		return true;
	if (!family_open(act, ANY_APP, &d, &row, secret, e))
		return false;
	wipe(secret, sizeof(secret));
	if (row.id == 0 || row.revoked_ms != 0 || row.expires_ms <= act->now_ms)
		return true;
	l = (struct leaked){ S("refresh_token"), row.grant.public_id, row.account_id,
		             row.app_id, row.organization_id, row.grant_id };
	return family_end(act, row.id, S("leaked"), e) && tell(act, &l, e);
}

/* Redeemed by nobody, so that its app hears that it is used up. */
static bool leak_code(const struct act *act, str token, struct err *e)
{
	struct digest d = sha256(token);
	struct stored_code code;
	struct leaked l;
	struct app app;
	bool done;

	if (!store_code_find(act->db, act->arena, d.b, &code, e))
		return false;
	if (code.id == 0)
		return true;
	if (!store_code_redeem(act->db, act->arena, code.id, act->now_ms, &done, e))
		return false;
	if (!done || !apps_by_id(act->apps, act->arena, code.app_id, &app))
		return true;
	l = (struct leaked){ .kind = S("authorization_code"), .name = app.client_id,
		             .account_id = code.account_id, .app_id = code.app_id };
	return tell(act, &l, e);
}

static bool leak_client_secret(const struct act *act, str token, struct err *e)
{
	int64_t app_id, secret_id;
	struct leaked l;
	struct app app;

	if (!apps_secret_owner(act->apps, token, act->now_ms, &app_id, &secret_id) ||
	    !apps_by_id(act->apps, act->arena, app_id, &app))
		return true;
	l = (struct leaked){ .kind = S("client_secret"), .name = app.client_id,
		             .account_id = app.account_id, .app_id = app_id,
		             .organization_id = app.organization_id };
	return store_app_secret_end(act->db, act->arena, secret_id, act->now_ms, e) &&
	       apps_refresh(act, app_id, e) && tell(act, &l, e);
}

static bool leak_session(const struct act *act, str token, struct err *e)
{
	struct digest d = sha256(token);
	struct bearer_session session;
	struct leaked l;
	bool deleted;

	if (!bearer_session_find(act->bearers, &d, act->now_ms, &session))
		return true;
	l = (struct leaked){ .kind = S("session"), .name = S("sign-in"),
		             .account_id = session.account_id };
	bearer_session_deny(act, session.id);
	return store_session_delete_by_digest(act->db, act->arena, d.b, &deleted, e) &&
	       tell(act, &l, e);
}

static bool leak_one(const struct act *act, str token, struct err *e)
{
	switch (token_kind_of(token)) {
	case TOKEN_INSTALLATION: case TOKEN_ACCESS: case TOKEN_SECRET_KEY:
		return leak_bearer(act, token, e);
	case TOKEN_REFRESH:
		return leak_refresh(act, token, e);
	case TOKEN_CODE:
		return leak_code(act, token, e);
	case TOKEN_CLIENT_SECRET:
		return leak_client_secret(act, token, e);
	case TOKEN_SESSION:
		return leak_session(act, token, e);
	case TOKEN_PUBLIC_KEY: case TOKEN_REQUEST:      /* no secrets */
	case TOKEN_UNKNOWN: case TOKEN_KIND_COUNT:
		return true;
	}
	return true;
}

bool leak_report(const struct act *act, const void *in, void *out, struct err *e)
{
	const struct leak_in *i = in;
	struct leak_out *o = out;

	if (i->token.n == 0 && i->tokens.n == 0)
		return err_set(e, ERR_INVALID_REQUEST,
		               "Send token, or tokens with up to %d of them.", LEAK_TOKENS_MAX);
	if (!rate_take(bearers_rates(act->bearers), RATE_LEAK_ADDRESS,
	               address_counted(act->arena, act->address), LEAK_REPORTS_MAX, LEAK_WINDOW_S, act->now_ms, e))
		return false;
	if (i->token.n > 0 && !leak_one(act, str_trim(i->token), e))
		return false;
	for (size_t n = 0; n < i->tokens.n; n++) {
		if (!leak_one(act, str_trim(i->tokens.v[n]), e))
			return false;
	}
	o->received = (int64_t)i->tokens.n + (i->token.n > 0);
	return true;
}
