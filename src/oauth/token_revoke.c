/* SPDX-License-Identifier: MIT */
#include "oauth/token_revoke.h"

#include "access/audit.h"
#include "access/bearer.h"
#include "crypto/token.h"
#include "oauth/client.h"
#include "oauth/mints.h"
#include "oauth/revoke.h"
#include "oauth/token_int.h"
#include "store/oauth.h"

enum { TOKEN_BYTES_MAX = 4096 };

const struct field token_revoke_in_fields[] = {
	FIELD(struct token_revoke_in, token, "token"),
	FIELD(struct token_revoke_in, token_type_hint, "token_type_hint"),
	FIELD(struct token_revoke_in, client_id, "client_id"),
	FIELD(struct token_revoke_in, client_secret, "client_secret"),
	FIELD(struct token_revoke_in, client_auth, "client_auth"),
	FIELD_END
};
const struct field token_revoke_out_fields[] = { FIELD_END };

static bool revoke_refresh(const struct act *act, const struct app *app, str token, struct err *e)
{
	uint8_t secret[KEY_BYTES];
	struct family_row row;
	struct derived d;

	if (!derived_parse(token, TOKEN_REFRESH, &d))
		return true;
	if (!family_open(act, app->id, &d, &row, secret, e))
		return false;
	wipe(secret, sizeof(secret));
	if (row.id == 0 || row.revoked_ms != 0)
		return true;
	return family_end(act, row.id, S("revoked_by_app"), e) &&
	       audit_add(act, AUDIT_TOKEN_REVOKED,
	                 &(struct audit_detail){ .app_id = row.app_id,
	                                         .account_id = row.account_id,
	                                         .organization_id = row.organization_id,
	                                         .grant_id = row.grant_id,
	                                         AUDIT_FACTS({ S("kind"), S("refresh_token") }) },
	                 e);
}

/* Access and installation tokens: memory knows whose they are. */
static bool revoke_bearer(const struct act *act, const struct app *app, str token, struct err *e)
{
	struct digest d = sha256(token);
	struct principal whose;
	struct err unknown;
	bool is_access;

	if (!bearer_principal(act->bearers, act->arena, token, act->now_ms, &whose, &unknown) ||
	    whose.app_id != app->id)
		return true;
	is_access = whose.kind == WHO_ACCESS;
	if (is_access) {
		bearer_access_deny(act, &d, whose.expires_ms);
		if (!store_access_revoke(act->db, act->arena, d.b, whose.expires_ms, e))
			return false;
	} else {
		bearer_token_deny(act, &d);
		mints_forget(act->mints, token);
		if (!store_token_disable(act->db, act->arena, d.b, act->now_ms, e))
			return false;
	}
	return audit_add(act, AUDIT_TOKEN_REVOKED,
	                 &(struct audit_detail){
				 .app_id = whose.app_id,
				 .account_id = whose.account_id,
				 .organization_id = whose.organization_id,
				 .grant_id = whose.grant_id,
				 AUDIT_FACTS({ S("kind"), is_access ? S("access_token")
	                                                            : S("installation_token") }) },
	                 e);
}

bool token_revoke(const struct act *act, const void *in, void *out, struct err *e)
{
	const struct token_revoke_in *i = in;
	struct client_claim claim = { i->client_id, i->client_secret, i->client_auth };
	int64_t secret_id;
	struct app app;

	(void)out;
	if (!client_authenticate(act, &claim, &app, &secret_id, e))
		return false;
	if (i->token.n == 0 || i->token.n > TOKEN_BYTES_MAX)
		return err_set(e, ERR_INVALID_REQUEST, "token is missing.");
	switch (token_kind_of(i->token)) {
	case TOKEN_REFRESH:
		return revoke_refresh(act, &app, i->token, e);
	case TOKEN_ACCESS: case TOKEN_INSTALLATION:
		return revoke_bearer(act, &app, i->token, e);
	default:
		return true;
	}
}
