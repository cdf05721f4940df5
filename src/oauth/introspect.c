/* SPDX-License-Identifier: MIT */
#include "oauth/introspect.h"

#include "access/apps.h"
#include "access/bearer.h"
#include "access/rate.h"
#include "crypto/token.h"
#include "oauth/client.h"
#include "oauth/token_int.h"
#include "store/account.h"
#include "store/oauth.h"

enum {
	TOKEN_BYTES_MAX = 4096,
	SECOND_MS = 1000,
	JTI_DIGITS = 32,
	/* Well-formed tokens that turned out not to be active, in a minute (rule 144). */
	MISSES_WINDOW_S = 60,
	MISSES_OF_APP_MAX = 6000,      /* with a secret: it passes on what it is sent */
	MISSES_OF_NETWORK_MAX = 60,    /* without: anybody can say that client_id     */
};

const struct field introspect_in_fields[] = {
	FIELD(struct introspect_in, token, "token"),
	FIELD(struct introspect_in, token_type_hint, "token_type_hint"),
	FIELD(struct introspect_in, client_id, "client_id"),
	FIELD(struct introspect_in, client_secret, "client_secret"),
	FIELD(struct introspect_in, client_auth, "client_auth"),
	FIELD_END
};
const struct field introspect_out_fields[] = {
	FIELD(struct introspect_out, active, "active"),
	FIELD(struct introspect_out, scope, "scope", .flags = FIELD_OPTIONAL),
	FIELD(struct introspect_out, client_id, "client_id", .flags = FIELD_OPTIONAL),
	FIELD(struct introspect_out, token_type, "token_type", .flags = FIELD_OPTIONAL),
	FIELD(struct introspect_out, token_use, "token_use", .flags = FIELD_OPTIONAL),
	FIELD(struct introspect_out, exp, "exp", .flags = FIELD_OPTIONAL),
	FIELD(struct introspect_out, iat, "iat", .flags = FIELD_OPTIONAL),
	FIELD(struct introspect_out, sub, "sub", .flags = FIELD_OPTIONAL),
	FIELD(struct introspect_out, aud, "aud", .flags = FIELD_OPTIONAL),
	FIELD(struct introspect_out, iss, "iss", .flags = FIELD_OPTIONAL),
	FIELD(struct introspect_out, jti, "jti", .flags = FIELD_OPTIONAL),
	FIELD(struct introspect_out, grant_id, "grant_id", .flags = FIELD_OPTIONAL),
	FIELD(struct introspect_out, organization_id, "organization_id", .flags = FIELD_OPTIONAL),
	FIELD(struct introspect_out, project_access, "project_access", .flags = FIELD_OPTIONAL),
	FIELD(struct introspect_out, project_ids, "project_ids", .flags = FIELD_OPTIONAL),
	FIELD_END
};

/* Memory does not know it: the call is made again on the write lane, where act->db is there. */
static bool ask_store(struct err *e)
{
	err_set(e, ERR_UNAVAILABLE, "The server cannot look this up now; try again in a moment.");
	e->keep = true;
	return false;
}

/* Names the token to the outside without telling its digest, by which it is found. */
static str jti_of(struct arena *a, str token)
{
	struct digest d = sha256(token), again = sha256((str){ (const char *)d.b, sizeof(d.b) });

	return str_sub(digest_hex(a, &again), 0, JTI_DIGITS);
}

static void put_common(const struct act *act, str token, struct introspect_out *out)
{
	out->active = true;
	out->iss = out->aud = act->settings->public_url;
	out->jti = jti_of(act->arena, token);
}

/* Absent when the person does not exist. */
static bool subject_of(const struct act *act, int64_t account_id, str *out, struct err *e)
{
	struct account person;

	*out = bearer_public_id(act->bearers, act->arena, NOUN_ACCOUNT, account_id);
	if (out->p != NULL)
		return true;
	if (act->db == NULL)
		return ask_store(e);
	if (!store_account_by_id(act->db, act->arena, account_id, &person, e))
		return false;
	*out = person.public_id;
	bearer_public_id_keep(act->bearers, NOUN_ACCOUNT, account_id, person.public_id);
	return true;
}

/* Access and installation tokens ------------------------------------------------------------- */

/* Those memory has a name for; *all_out false: not all. */
static struct strs named_projects_of(const struct act *act, const struct project_set *set,
                                     bool *all_out)
{
	str *v = arena_array(act->arena, str, set->n + 1);
	size_t n = 0;

	for (size_t i = 0; i < set->n; i++) {
		v[n] = bearer_public_id(act->bearers, act->arena, NOUN_PROJECT, set->ids[i]);
		n += v[n].p != NULL;
	}
	*all_out = n == set->n;
	return (struct strs){ v, n, n > 0 };    /* never [], which means all: ruling R42 */
}

static bool put_projects(const struct act *act, const struct principal *whose,
                         struct introspect_out *out, struct err *e)
{
	struct named_projects all;
	bool complete;

	out->project_access = project_access_name(whose->projects.mode);
	if (whose->projects.mode != PROJECTS_SELECTED) {
		out->project_ids.present = whose->projects.mode == PROJECTS_ALL;
		return true;
	}
	out->project_ids = named_projects_of(act, &whose->projects, &complete);
	if (complete)
		return true;
	if (act->db == NULL)
		return ask_store(e);
	if (!store_consent_projects(act->db, act->arena, whose->organization_id, &all, e))
		return false;
	for (size_t i = 0; i < all.n; i++)
		bearer_public_id_keep(act->bearers, NOUN_PROJECT, all.v[i].id, all.v[i].public_id);
	out->project_ids = named_projects_of(act, &whose->projects, &complete);
	return true;
}

static bool put_installation(const struct act *act, const struct principal *whose,
                             struct introspect_out *out, struct err *e)
{
	out->token_use = S("installation_token");
	out->scope = scope_text(act->arena, whose->scopes);
	out->grant_id = whose->grant_public_id;
	out->organization_id = whose->organization_public_id;
	return put_projects(act, whose, out, e);
}

/* A token that may be asked about by this app: whose it is, with its grant and its app. An access
 * token still says who asks after its grant was revoked (ruling R33), but is worth nothing then. */
static bool bearer_open(const struct act *act, const struct app *asker, str token,
                        struct principal *whose, struct bearer_grant *grant, struct app *app)
{
	struct err refused;

	return bearer_principal(act->bearers, act->arena, token, act->now_ms, whose, &refused) &&
	       (asker->confidential || whose->app_id == asker->id) &&
	       bearer_grant_by_id(act->bearers, act->arena, whose->grant_id, grant) &&
	       !grant->revoked && !grant->suspended &&
	       (grant->expires_ms == 0 || grant->expires_ms > act->now_ms) &&
	       apps_by_id(act->apps, act->arena, whose->app_id, app) && app->disabled_ms == 0;
}

static bool introspect_bearer(const struct act *act, const struct app *asker, str token,
                              struct introspect_out *out, struct err *e)
{
	struct introspect_out found = { 0 };
	struct bearer_grant grant;
	struct principal whose;
	struct app app;

	if (!bearer_open(act, asker, token, &whose, &grant, &app))
		return true;
	if (!subject_of(act, whose.account_id, &found.sub, e))
		return false;
	if (whose.kind == WHO_ACCESS) {
		found.token_use = S("access_token");
		found.scope = scope_text(act->arena, grant.scopes & app.scopes & whose.scopes);
	} else if (!put_installation(act, &whose, &found, e)) {
		return false;
	}
	found.client_id = app.client_id;
	found.token_type = S("Bearer");
	found.exp = whose.expires_ms / SECOND_MS;
	found.iat = whose.issued_ms / SECOND_MS;
	put_common(act, token, &found);
	*out = found;
	return true;
}

/* Refresh tokens ------------------------------------------------------------------------------- */

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Would the token endpoint accept it now? Judged on a copy: asking is not using. */
static bool would_refresh(const struct act *act, const struct app *app,
                          const struct family_row *row, int64_t generation)
{
	struct family_rules rules = family_rules_of(act->settings, app);
	struct family_event event = {
		.generation = generation, .now_ms = act->now_ms, .bound = app->confidential,
		.network = address_network(act->arena, act->address),
	};
	struct family_state state;
	enum family_verdict verdict;

	family_state_of(row, &state);
	verdict = family_step(&state, &event, &rules);
	return (verdict == FAMILY_ROTATED || verdict == FAMILY_SAME) &&
	       family_surroundings_live(act, row);
}

static bool introspect_refresh(const struct act *act, const struct app *app, str token,
                               struct introspect_out *out, struct err *e)
{
	struct introspect_out found = { 0 };
	uint8_t secret[KEY_BYTES];
	struct family_row row;
	struct derived d;

	if (!derived_parse(token, TOKEN_REFRESH, &d))
		return true;
	if (act->db == NULL)
		return ask_store(e);
	if (!family_open(act, app->id, &d, &row, secret, e))
		return false;
	wipe(secret, sizeof(secret));
	if (row.id == 0 || !would_refresh(act, app, &row, d.generation))
		return true;
	if (!subject_of(act, row.account_id, &found.sub, e))
		return false;
	found.token_use = S("refresh_token");
	found.scope = token_scope_text(act->arena, row.grant.scopes & app->scopes, row.scope_text);
	found.client_id = app->client_id;
	found.grant_id = row.grant.public_id;
	found.organization_id = row.organization_public_id;
	found.exp = earlier(row.idle_expires_ms, row.expires_ms) / SECOND_MS;
	found.iat = d.generation == row.generation ? row.rotated_ms / SECOND_MS : 0;
	put_common(act, token, &found);
	*out = found;
	return true;
}

/* The endpoint --------------------------------------------------------------------------------- */

typedef bool (*introspect_fn)(const struct act *, const struct app *, str, struct introspect_out *,
                              struct err *);

static introspect_fn introspect_for(str token)
{
	switch (token_kind_of(token)) {
	case TOKEN_ACCESS: case TOKEN_INSTALLATION:
		return introspect_bearer;
	case TOKEN_REFRESH:
		return introspect_refresh;
	default:
		return NULL;    /* keys, codes and secrets are not tokens of OAuth */
	}
}

/* Counted before, given back when it was no miss. */
static bool counted(const struct act *act, const struct app *app, introspect_fn look, str token,
                    struct introspect_out *out, struct err *e)
{
	struct rates *rates = bearers_rates(act->bearers);
	str name = app->confidential ? app->client_id : address_network(act->arena, act->address);
	int64_t max = app->confidential ? MISSES_OF_APP_MAX : MISSES_OF_NETWORK_MAX;
	bool ok;

	if (!rate_take(rates, RATE_INTROSPECT_MISS, name, max, MISSES_WINDOW_S, act->now_ms,
	               e))
		return false;
	ok = look(act, app, token, out, e);
	if (!ok || out->active)
		rate_give(rates, RATE_INTROSPECT_MISS, name);
	return ok;
}

bool token_introspect(const struct act *act, const void *in, void *out, struct err *e)
{
	const struct introspect_in *i = in;
	struct client_claim claim = { i->client_id, i->client_secret, i->client_auth };
	struct introspect_out *o = out;
	introspect_fn look;
	int64_t secret_id;
	struct app app;

	if (!client_authenticate(act, &claim, &app, &secret_id, e))
		return false;
	if (i->token.n == 0 || i->token.n > TOKEN_BYTES_MAX)
		return err_set(e, ERR_INVALID_REQUEST, "token is missing.");
	look = introspect_for(i->token);
	return look == NULL || counted(act, &app, look, i->token, o, e);
}
