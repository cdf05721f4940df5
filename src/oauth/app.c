/* SPDX-License-Identifier: MIT */
#include "oauth/app.h"

#include "access/apps.h"
#include "access/audit.h"
#include "access/bearer.h"
#include "access/id.h"
#include "access/principal.h"
#include "base/clock.h"
#include "base/text.h"
#include "crypto/token.h"
#include "oauth/app_int.h"
#include "oauth/redirect.h"
#include "oauth/revoke.h"
#include "store/account.h"
#include "store/oauth.h"

enum { SECOND_MS = 1000, DAY_MS = 24 * 3600 * SECOND_MS };

static const char *const kinds[] = { "web", "native", "spa", NULL };
static const char *const policies[] = { "stable", "rotating", "lagging", NULL };

const struct field app_view_fields[] = {
	FIELD(struct app_view, client_id, "clientId"),
	FIELD(struct app_view, client_secret, "clientSecret", .flags = FIELD_OPTIONAL),
	FIELD(struct app_view, name, "name"),
	FIELD(struct app_view, type, "type"),
	FIELD(struct app_view, redirect_uris, "redirectUris"),
	FIELD(struct app_view, scopes, "scopes"),
	FIELD(struct app_view, organization, "organization", .flags = FIELD_OPTIONAL),
	FIELD(struct app_view, icon_url, "iconUrl", .flags = FIELD_OPTIONAL),
	FIELD(struct app_view, refresh_policy, "refreshPolicy"),
	FIELD(struct app_view, verified, "verified"),
	FIELD(struct app_view, created_at, "createdAt"),
	FIELD(struct app_view, disabled_at, "disabledAt", .flags = FIELD_OPTIONAL),
	FIELD_END
};
const struct field app_add_in_fields[] = {
	FIELD(struct app_add_in, name, "name", .flags = FIELD_REQUIRED, .min = 1,
	      .max = APP_NAME_CHARACTERS_MAX),
	FIELD(struct app_add_in, type, "type", .flags = FIELD_REQUIRED, .one_of = kinds),
	FIELD(struct app_add_in, redirect_uris, "redirectUris", .flags = FIELD_REQUIRED, .min = 1,
	      .max = REDIRECT_URIS_MAX),
	FIELD(struct app_add_in, organization, "organization"),
	FIELD(struct app_add_in, scopes, "scopes"),
	FIELD(struct app_add_in, icon_url, "iconUrl", .max = APP_ICON_BYTES_MAX),
	FIELD(struct app_add_in, refresh_policy, "refreshPolicy", .one_of = policies),
	FIELD(struct app_add_in, dev_loopback, "devLoopback"),
	FIELD(struct app_add_in, invalid_grant_401, "invalidGrant401"),
	FIELD_END
};
const struct field app_list_out_fields[] = {
	FIELD_OF_LIST(struct app_list_out, apps, "apps", struct app_view, app_view_fields),
	FIELD_END
};
const struct field app_ref_in_fields[] = { FIELD(struct app_ref_in, client_id, "clientId",
	                                         .flags = FIELD_REQUIRED, .min = 1, .max = 255),
	                                   FIELD_END };
const struct field app_rotate_in_fields[] = { FIELD(struct app_rotate_in, client_id, "clientId",
	                                            .flags = FIELD_REQUIRED, .min = 1, .max = 255),
	                                      FIELD(struct app_rotate_in, overlap_s, "overlapS",
	                                            .min = 0, .max = SECRET_OVERLAP_S_MAX,
	                                            .initial = SECRET_OVERLAP_S),
	                                      FIELD_END };

/* Views ---------------------------------------------------------------------------------------- */

static bool view(const struct act *act, const struct app *app, struct app_view *out, struct err *e)
{
	str slug = STR_NONE, name;

	if (app->organization_id != 0 &&
	    !store_consent_organization_name(act->db, act->arena, app->organization_id, &slug,
	                                     &name, e))
		return false;
	*out = (struct app_view){
		.client_id = app->client_id,
		.name = app->name,
		.type = app_kind_name(app->kind),
		.organization = slug,
		.icon_url = app->icon_url.n > 0 ? app->icon_url : STR_NONE,
		.refresh_policy = refresh_policy_name(app->refresh_policy),
		.created_at = clock_iso(act->arena, app->created_ms),
		.disabled_at = app->disabled_ms == 0 ? STR_NONE
		                                     : clock_iso(act->arena, app->disabled_ms),
		.redirect_uris = app->redirect_uris,
		.scopes = scope_list(act->arena, app->scopes),
		.verified = app->verified,
	};
	return true;
}

bool app_held(const struct act *act, str client_id, struct app *out, struct err *e)
{
	enum role role = ROLE_NONE;

	if (!apps_find(act->apps, act->arena, client_id, out))
		return err_set(e, ERR_NOT_FOUND, "No app has this clientId.");
	if (act->who->kind == WHO_LOCAL ||
	    (out->account_id != 0 && out->account_id == act->who->account_id))
		return true;
	if (out->organization_id != 0 && !access_role(act, out->organization_id, &role, e))
		return false;
	return role >= ROLE_ADMIN || err_set(e, ERR_NOT_FOUND, "No app has this clientId.");
}

bool app_list(const struct act *act, const void *in, void *out, struct err *e)
{
	struct app_list_out *o = out;
	struct app_view *views;
	struct id_set ids;
	size_t n = 0;

	(void)in;
	if (!store_app_ids(act->db, act->arena,
	                   act->who->kind == WHO_LOCAL ? 0 : act->who->account_id, &ids, e))
		return false;
	views = arena_array(act->arena, struct app_view, ids.n + 1);
	for (size_t i = 0; i < ids.n; i++) {
		struct app app;

		if (!apps_by_id(act->apps, act->arena, ids.v[i], &app))
			continue;
		if (!view(act, &app, &views[n++], e))
			return false;
	}
	o->apps = (struct list){ views, n, true };
	return true;
}

bool app_show(const struct act *act, const void *in, void *out, struct err *e)
{
	const struct app_ref_in *i = in;
	struct app app;

	return app_held(act, i->client_id, &app, e) && view(act, &app, out, e);
}

/* Registration --------------------------------------------------------------------------------- */

/* Characters that turn or hide text would let an app show another name than it has (rule 70).
 * U+200B-F, 202A-E, 2060-9, FEFF. */
static bool hides_text(const unsigned char *p, size_t n)
{
	if (n != 3)
		return false;
	if (p[0] == 0xe2 && p[1] == 0x80)
		return (p[2] >= 0x8b && p[2] <= 0x8f) || (p[2] >= 0xa8 && p[2] <= 0xae);
	if (p[0] == 0xe2 && p[1] == 0x81)
		return p[2] >= 0xa0 && p[2] <= 0xa9;
	return p[0] == 0xef && p[1] == 0xbb && p[2] == 0xbf;
}

static bool name_is_sane(str name)
{
	const unsigned char *p = (const unsigned char *)name.p;
	size_t i = 0, n;

	while (i < name.n) {
		n = utf8_sequence(p + i, name.n - i);
		if (n == 0 || p[i] < 0x20 || p[i] == 0x7f || hides_text(p + i, n))
			return false;
		i += n;
	}
	return str_trim(name).n == name.n && name.n > 0;
}

/* Says which field it is about, for forms. */
static bool refuse_field(struct err *e, str field, const char *text)
{
	err_set(e, ERR_INVALID_REQUEST, "%s", text);
	e->required = field;
	return false;
}

static bool icon_is_sane(str url)
{
	struct redirect r;

	return redirect_parse(url, &r) && str_eq(r.scheme, S("https"));
}

static bool read_scopes(const struct app_add_in *in, int64_t *out, struct err *e)
{
	*out = in->scopes.n == 0 ? SCOPE_ALL : 0;
	for (size_t i = 0; i < in->scopes.n; i++) {
		int64_t bit = scope_by_name(in->scopes.v[i]);

		if (bit == 0)
			return err_set(e, ERR_INVALID_SCOPE,
			               "There is no scope of that name (scope %zu of the list).",
			               i + 1);
		*out |= bit;
	}
	return true;
}

static bool loopback_alone(struct strs uris)
{
	for (size_t i = 0; i < uris.n; i++) {
		if (!redirect_is_loopback(uris.v[i]))
			return false;
	}
	return true;
}

/* Rules 122, 123: who can prove who they are keeps one token; several editor processes that share a
 * file lag behind. */
static bool choose_policy(const struct app_add_in *in, struct app *app, struct err *e)
{
	app->refresh_policy = app->confidential ? REFRESH_STABLE : REFRESH_ROTATING;
	if (app->kind == APP_NATIVE && loopback_alone(in->redirect_uris))
		app->refresh_policy = REFRESH_LAGGING;
	if (in->refresh_policy.n > 0 &&
	    !refresh_policy_by_name(in->refresh_policy, &app->refresh_policy))
		return err_set(e, ERR_INVALID_REQUEST,
		               "refreshPolicy is stable, rotating or lagging.");
	if (app->refresh_policy == REFRESH_STABLE && !app->confidential)
		return err_set(e, ERR_INVALID_REQUEST,
		               "An app without a secret gets a new refresh token each time: "
		               "rotating or lagging.");
	if (app->refresh_policy == REFRESH_LAGGING &&
	    !(app->kind == APP_NATIVE && loopback_alone(in->redirect_uris)))
		return err_set(e, ERR_INVALID_REQUEST,
		               "lagging is for native apps on loopback alone.");
	return true;
}

static bool choose_owner(const struct act *act, const struct app_add_in *in, struct app *app,
                         struct err *e)
{
	struct organization o;

	if (act->who->kind == WHO_SESSION)
		app->account_id = act->who->account_id;
	if (in->organization.n == 0)
		return true;
	if (!store_organization_by_slug(act->db, act->arena, in->organization, &o, e))
		return false;
	if (o.id == 0)
		return err_set(e, ERR_NOT_FOUND, "There is no organization of that slug.");
	app->organization_id = o.id;
	return access_needs_role(act, o.id, ROLE_ADMIN, e);
}

static bool check_redirects(const struct app_add_in *in, enum app_kind kind, struct err *e)
{
	for (size_t i = 0; i < in->redirect_uris.n; i++) {
		if (!redirect_check(in->redirect_uris.v[i], kind, e)) {
			e->required = S("redirectUris");
			return false;
		}
		for (size_t k = 0; k < i; k++) {
			if (str_eq(in->redirect_uris.v[i], in->redirect_uris.v[k]))
				return refuse_field(e, S("redirectUris"), "A redirect URI is listed twice.");
		}
	}
	return true;
}

static bool read_app(const struct act *act, const struct app_add_in *in, struct app *app,
                     struct err *e)
{
	*app = (struct app){
		.client_id = id_public(act->arena, S("app_")),
		.name = in->name,
		.icon_url = in->icon_url,
		.redirect_uris = in->redirect_uris,
		.refresh_grace_s = act->settings->refresh_grace_s,
		.dev_loopback = in->dev_loopback,
		.invalid_grant_401 = in->invalid_grant_401,
		.created_ms = act->now_ms,
		/* The operator knows whom it registers; what people register themselves nobody has
		   checked. */
		.verified = act->who->kind == WHO_LOCAL,
	};
	if (!app_kind_by_name(in->type, &app->kind))
		return refuse_field(e, S("type"), "type is web, native or spa.");
	if (!name_is_sane(in->name))
		return refuse_field(e, S("name"),
		                    "name is plain text, without line breaks, hidden characters or "
		                    "blanks at its ends.");
	if (in->icon_url.n > 0 && !icon_is_sane(in->icon_url))
		return refuse_field(e, S("iconUrl"), "iconUrl is an https address.");
	app->confidential = app->kind == APP_WEB;
	app->pkce_required = !app->confidential;
	return check_redirects(in, app->kind, e) && read_scopes(in, &app->scopes, e) &&
	       choose_policy(in, app, e) && choose_owner(act, in, app, e);
}

static bool secret_add(const struct act *act, int64_t app_id, str *secret_out, struct err *e)
{
	str secret = token_random(act->arena, TOKEN_CLIENT_SECRET);
	struct digest d = sha256(secret);

	if (!store_app_secret_add(act->db, act->arena, app_id, d.b, act->now_ms, e))
		return false;
	*secret_out = secret;
	return true;
}

/* Each app is kept for good: nobody gets to fill the store with them. The operator may. */
static bool has_room(const struct act *act, struct err *e)
{
	int64_t max = act->settings->apps_per_person_max, n;

	if (act->who->kind != WHO_SESSION || max <= 0)
		return true;
	if (!store_app_count(act->db, act->arena, act->who->account_id, act->now_ms - DAY_MS, &n, e))
		return false;
	if (n < max)
		return true;
	err_set(e, ERR_CONFLICT, "One person may have %lld apps. Disable one that you no longer need; a day later there"
	        " is room for another.", (long long)max);
	e->required = S("limit");
	return false;
}

bool app_add(const struct act *act, const void *in, void *out, struct err *e)
{
	struct app_view *o = out;
	struct app app;
	str secret = STR_NONE;

	if (!read_app(act, in, &app, e) || !has_room(act, e) || !store_app_insert(act->db, act->arena, &app, &app.id, e))
		return false;
	if (app.confidential && !secret_add(act, app.id, &secret, e))
		return false;
	if (!view(act, &app, o, e))
		return false;
	o->client_secret = secret;
	return audit_add(act, AUDIT_APP_CREATED, &(struct audit_detail){
			.app_id = app.id, .organization_id = app.organization_id,
			AUDIT_FACTS({ S("name"), app.name }, { S("type"), o->type }) }, e) &&
	       apps_refresh(act, app.id, e);
}

bool app_rotate_secret(const struct act *act, const void *in, void *out, struct err *e)
{
	const struct app_rotate_in *i = in;
	struct app_view *o = out;
	struct app app;
	str secret;

	if (!app_held(act, i->client_id, &app, e))
		return false;
	if (!app.confidential)
		return err_set(e, ERR_CONFLICT,
		               "This app has no secret: it proves itself with PKCE.");
	if (app.disabled_ms != 0)
		return err_set(e, ERR_CONFLICT, "This app has been disabled.");
	if (!store_app_secrets_retire(act->db, act->arena, app.id, act->now_ms,
	                              act->now_ms + i->overlap_s * SECOND_MS, e) ||
	    !secret_add(act, app.id, &secret, e) || !view(act, &app, o, e))
		return false;
	o->client_secret = secret;
	return audit_add(act, AUDIT_APP_SECRET_ROTATED,
	                 &(struct audit_detail){ .app_id = app.id,
	                                         .organization_id = app.organization_id }, e) &&
	       apps_refresh(act, app.id, e);
}

/* A connection that ended with its app, on record in its own organization. */
static bool grant_ended(const struct act *act, const struct app *app, int64_t id, struct err *e)
{
	struct audit_detail detail = { .app_id = app->id, .grant_id = id, AUDIT_FACTS({ S("reason"), S("app_disabled") }) };
	struct grant_rows rows;

	if (!store_grant_end_tokens(act->db, act->arena, id, act->now_ms, S("app_disabled"), e) ||
	    !store_grant_list(act->db, act->arena, GRANTS_BY_ID, id, act->now_ms, &rows, e))
		return false;
	for (size_t i = 0; i < rows.n; i++) {
		detail.account_id = rows.v[i].grant.account_id;
		detail.organization_id = rows.v[i].grant.organization_id;
	}
	return audit_add(act, AUDIT_GRANT_REVOKED, &detail, e);
}

bool app_disable(const struct act *act, const void *in, void *out, struct err *e)
{
	const struct app_ref_in *i = in;
	struct id_set grants;
	struct app app;
	bool done;

	if (!app_held(act, i->client_id, &app, e))
		return false;
	bearer_app_deny(act, app.id);            /* before the commit: fails closed */
	if (!store_app_disable(act->db, act->arena, app.id, act->now_ms, &done, e))
		return false;
	if (done) {
		app.disabled_ms = act->now_ms;
		if (!store_grants_of_app_revoke(act->db, act->arena, app.id, act->now_ms, &grants,
		                                e))
			return false;
		for (size_t k = 0; k < grants.n; k++) {
			if (!grant_ended(act, &app, grants.v[k], e))
				return false;
		}
		if (!audit_add(act, AUDIT_APP_DISABLED,
		               &(struct audit_detail){ .app_id = app.id,
		                                       .organization_id = app.organization_id }, e) ||
		    !apps_refresh(act, app.id, e))
			return false;
	}
	return view(act, &app, out, e);
}
