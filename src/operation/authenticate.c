/* SPDX-License-Identifier: MIT
 *
 * Who is asking: one credential to one principal, from memory. */
#include "access/apps.h"
#include "access/bearer.h"
#include "access/session.h"
#include "crypto/crypto.h"
#include "oauth/client.h"
#include "operation/operation_int.h"

static bool authenticate_client(struct operation_env *env, struct arena *a, const struct credential *cred,
                                int64_t now_ms, struct principal *who, struct err *e)
{
	const struct act act = { .bearers = env->config.bearers, .settings = env->config.settings,
		.arena = a, .address = cred->address, .now_ms = now_ms };
	str counter;
	struct app app;
	bool known = apps_find(env->config.apps, a, cred->client_id, &app);

	if (!client_attempt_begin(&act, cred->client_id, &counter, e))
		return false;
	/* Always compared, so that an unknown id takes as long as a wrong secret. */
	if (!apps_authenticate(env->config.apps, cred->client_id, cred->client_secret, now_ms, NULL) ||
	    !known || app.disabled_ms != 0)
		return err_set(e, ERR_INVALID_CLIENT, "The client id or secret is wrong, or the app is disabled.");
	client_attempt_good(&act, counter);
	*who = (struct principal){ .kind = WHO_CLIENT, .app_id = app.id };
	return true;
}

/* Rule 165: the same token in both headers is one credential; two are a mistake that nobody
 * should guess at. */
static bool one_token(const struct credential *cred, str *token_out, struct err *e)
{
	bool both = cred->bearer.p != NULL && cred->api_key.p != NULL;

	if ((both && !secret_equal(cred->bearer, cred->api_key)) ||
	    (cred->client_id.p != NULL && cred->api_key.p != NULL))
		return err_set(e, ERR_INVALID_REQUEST,
		               "Authorization and x-api-key carry different credentials; send one of them.");
	*token_out = cred->bearer.p != NULL ? cred->bearer : cred->api_key;
	return true;
}

bool operation_authenticate(struct operation_env *env, struct arena *a, const struct credential *cred, int64_t now_ms,
                            struct principal *who, struct err *e)
{
	str token;

	if (cred->local) {
		*who = (struct principal){ .kind = WHO_LOCAL, .scopes = SCOPE_ALL };
		return true;
	}
	if (!one_token(cred, &token, e))
		return false;
	if (token.p != NULL)
		return bearer_principal(env->config.bearers, a, token, now_ms, who, e);
	if (cred->client_id.p != NULL)
		return authenticate_client(env, a, cred, now_ms, who, e);
	if (cred->session.p != NULL)
		return session_principal(env->config.bearers, cred->session, now_ms, who, e);
	*who = (struct principal){ .kind = WHO_ANONYMOUS };
	return true;
}

bool operation_is_operator(const struct operation_env *env, str token)
{
	str want = env->config.operator_token;

	return want.n > 0 && secret_equal(token, want);
}
