/* SPDX-License-Identifier: MIT */
#include "oauth/client.h"

#include "access/apps.h"
#include "access/audit.h"
#include "access/bearer.h"
#include "access/rate.h"
#include "base/text.h"
#include "crypto/crypto.h"

enum { FAILURES_WINDOW_S = 60, CLIENT_ID_BYTES_MAX = 255 };

/* By address first, so that nobody can lock an app out from elsewhere (rule 117). */
bool client_attempt_begin(const struct act *act, str client_id, str *counter_out, struct err *e)
{
	struct rates *rates = bearers_rates(act->bearers);
	const struct settings *s = act->settings;
	str counter = arena_printf(act->arena, FMT_STR " " FMT_STR,
	                           ARG_STR(str_sub(client_id, 0, CLIENT_ID_BYTES_MAX)),
	                           ARG_STR(address_network(act->arena, act->address)));

	*counter_out = counter;
	if (!rate_take(rates, RATE_TOKEN_ADDRESS, address_counted(act->arena, act->address),
	               s->client_failures_per_address_max, FAILURES_WINDOW_S, act->now_ms, e))
		return false;
	if (rate_take(rates, RATE_TOKEN_CLIENT, counter, s->client_failures_per_app_max,
	              FAILURES_WINDOW_S, act->now_ms, e))
		return true;
	rate_give(rates, RATE_TOKEN_ADDRESS, address_counted(act->arena, act->address));
	return false;
}

void client_attempt_good(const struct act *act, str counter)
{
	struct rates *rates = bearers_rates(act->bearers);

	rate_give(rates, RATE_TOKEN_ADDRESS, address_counted(act->arena, act->address));
	rate_give(rates, RATE_TOKEN_CLIENT, counter);
}

/* How the app was registered decides; "" leaves basic and post interchangeable. */
static bool method_fits(const struct app *app, str method)
{
	if (!app->confidential)
		return str_eq(method, S("none"));
	if (app->auth_method.n == 0)
		return !str_eq(method, S("none"));
	return str_eq(app->auth_method, str_eq(method, S("basic")) ? S("client_secret_basic")
	                                                           : S("client_secret_post")) &&
	       !str_eq(method, S("none"));
}

/* For the developer; the app itself learns no more than that it failed. All is looked up first,
 * so that an unknown app takes no less time. */
static str reason_of(const struct act *act, const struct app *app, const struct client_claim *claim)
{
	bool ended = apps_secret_ended(act->apps, claim->client_id, claim->client_secret, act->now_ms);
	bool right = apps_authenticate(act->apps, claim->client_id, claim->client_secret, act->now_ms, NULL);

	if (app->id == 0)
		return S("app_unknown");
	if (app->disabled_ms != 0)
		return S("disabled");
	if (!app->confidential)
		return S("secret_needless");
	if (claim->client_secret.n == 0)
		return S("secret_missing");
	if (ended)
		return S("secret_expired");
	return right ? S("method") : S("secret_wrong");
}

/* On record for unknown apps too, and counted by a few bits of what was sent as client_id, known
 * or not: an answer that waits for the disk would tell which there are (rule 259). */
static bool refuse(const struct act *act, const struct app *app, const struct client_claim *claim, struct err *e)
{
	struct digest d = sha256(claim->client_id);
	struct audit_detail detail = { .app_id = app->id, .counted_as = hex_encode(act->arena, d.b, 1) };
	struct err failed;

	if (act->db != NULL &&
	    !audit_refusal(act, AUDIT_APP_AUTH_FAILED, &detail, reason_of(act, app, claim), STR_NONE, &failed)) {
		*e = failed;
		return false;
	}
	err_set(e, ERR_INVALID_CLIENT,
	        "The app is unknown or disabled, or its client_secret is missing or wrong.");
	e->keep = true;
	return false;
}

bool client_authenticate(const struct act *act, const struct client_claim *claim, struct app *out,
                         int64_t *secret_id_out, struct err *e)
{
	str method = claim->client_auth, counter;
	struct app app = { 0 };
	int64_t secret_id = 0;
	bool known, secret_fits;

	if (method.n == 0)
		method = claim->client_secret.n > 0 ? S("post") : S("none");
	if (str_eq(method, S("both")))
		return err_set(e, ERR_INVALID_REQUEST,
		               "Send the app's credentials once: in the Authorization header or in "
		               "the body.");
	if (claim->client_id.n == 0)
		return err_set(e, ERR_INVALID_CLIENT, "client_id is missing.");
	if (!client_attempt_begin(act, claim->client_id, &counter, e))
		return false;
	known = apps_find(act->apps, act->arena, claim->client_id, &app);
	secret_fits = apps_authenticate(act->apps, claim->client_id, claim->client_secret,
	                                act->now_ms, &secret_id);
	if (!known || app.disabled_ms != 0 || !method_fits(&app, method) ||
	    (app.confidential ? !secret_fits : claim->client_secret.n > 0)) {
		/* Without the store it is asked again with it, and counted then. */
		if (act->db == NULL)
			client_attempt_good(act, counter);
		return refuse(act, &app, claim, e);
	}
	client_attempt_good(act, counter);
	*out = app;
	*secret_id_out = app.confidential ? secret_id : 0;
	return true;
}
