/* SPDX-License-Identifier: MIT */
#include "oauth/grant.h"

#include "access/apps.h"
#include "access/principal.h"
#include "base/clock.h"
#include "oauth/revoke.h"
#include "oauth/token_int.h"
#include "store/account.h"
#include "store/bearer.h"
#include "store/oauth.h"

enum { NOTICES_MAX = 10 };
static const int64_t NOTICE_SHOWN_MS = INT64_C(30) * 24 * 3600 * 1000;

const struct field grant_list_in_fields[] = {
	FIELD(struct grant_list_in, organization, "organization"),
	FIELD(struct grant_list_in, app, "app"),
	FIELD_END
};
static const struct field grant_view_fields[] = {
	FIELD(struct grant_view, grant_id, "grantId"),
	FIELD(struct grant_view, app, "app"),
	FIELD(struct grant_view, user, "user"),
	FIELD(struct grant_view, organization, "organization"),
	FIELD(struct grant_view, scopes, "scopes"),
	FIELD(struct grant_view, project_ids, "projectIds", .flags = FIELD_OPTIONAL),
	FIELD(struct grant_view, project_access, "projectAccess"),
	FIELD(struct grant_view, created_at, "createdAt"),
	FIELD(struct grant_view, last_used_at, "lastUsedAt"),
	FIELD(struct grant_view, revoked_at, "revokedAt"),
	FIELD_END
};
const struct field grant_list_out_fields[] = { FIELD_OF_LIST(struct grant_list_out, grants,
	                                                     "grants", struct grant_view,
	                                                     grant_view_fields),
	                                       FIELD_END };
const struct field grant_revoke_in_fields[] = { FIELD(struct grant_revoke_in, grant_id, "grant_id",
	                                              .flags = FIELD_REQUIRED, .min = 1, .max = 64),
	                                        FIELD_END };
const struct field grant_revoke_out_fields[] = {
	FIELD(struct grant_revoke_out, revoked, "revoked"),
	FIELD(struct grant_revoke_out, grant_id, "grantId"),
	FIELD_END
};
static const struct field connected_grant_fields[] = {
	FIELD(struct connected_grant, grant_id, "grant_id"),
	FIELD(struct connected_grant, organization_name, "organization_name"),
	FIELD(struct connected_grant, organization_slug, "organization_slug"),
	FIELD(struct connected_grant, scopes, "scopes"),
	FIELD(struct connected_grant, project_access, "project_access"),
	FIELD(struct connected_grant, projects, "projects"),
	FIELD(struct connected_grant, created_at, "created_at"),
	FIELD(struct connected_grant, last_used_at, "last_used_at"),
	FIELD(struct connected_grant, live_tokens, "live_tokens"),
	FIELD_END
};
static const struct field connected_app_fields[] = {
	FIELD(struct connected_app, client_id, "client_id"),
	FIELD(struct connected_app, name, "name"),
	FIELD(struct connected_app, verified, "verified"),
	FIELD_OF_LIST(struct connected_app, grants, "grants", struct connected_grant,
	              connected_grant_fields),
	FIELD_END
};
static const struct field connected_notice_fields[] = {
	FIELD(struct connected_notice, kind, "kind"),
	FIELD(struct connected_notice, detail, "detail"),
	FIELD(struct connected_notice, created_at, "created_at"),
	FIELD_END
};
const struct field connected_list_out_fields[] = {
	FIELD_OF_LIST(struct connected_list_out, apps, "apps", struct connected_app,
	              connected_app_fields),
	FIELD_OF_LIST(struct connected_list_out, notices, "notices", struct connected_notice,
	              connected_notice_fields),
	FIELD_END
};
const struct field connected_revoke_in_fields[] = { FIELD(struct connected_revoke_in, client_id,
	                                                  "client_id", .flags = FIELD_REQUIRED,
	                                                  .min = 1, .max = 255),
	                                            FIELD_END };
const struct field connected_revoke_out_fields[] = {
	FIELD(struct connected_revoke_out, revoked, "revoked"),
	FIELD_END
};

static str iso_or_none(struct arena *a, int64_t ms)
{
	return ms == 0 ? STR_NONE : clock_iso(a, ms);
}

static bool projects_of(const struct act *act, const struct grant_row *r,
                        struct named_projects *out, struct err *e)
{
	*out = (struct named_projects){ NULL, 0 };
	return r->grant.projects.mode != PROJECTS_SELECTED ||
	       store_grant_projects(act->db, act->arena, r->grant.id, out, e);
}

/* Operator ------------------------------------------------------------------------------------- */

static bool rows_wanted(const struct act *act, const struct grant_list_in *in,
                        struct grant_rows *out, int64_t *app_id_out, struct err *e)
{
	struct organization o;
	struct app app = { 0 };

	if (in->app.n > 0 && !apps_find(act->apps, act->arena, in->app, &app))
		return err_set(e, ERR_NOT_FOUND, "No app has this client_id.");
	*app_id_out = app.id;
	if (in->organization.n == 0)
		return store_grant_list(act->db, act->arena,
		                        app.id == 0 ? GRANTS_ALL : GRANTS_BY_APP, app.id,
		                        act->now_ms, out, e);
	if (!store_organization_by_slug(act->db, act->arena, in->organization, &o, e))
		return false;
	if (o.id == 0)
		return err_set(e, ERR_NOT_FOUND, "There is no organization of that slug.");
	return store_grant_list(act->db, act->arena, GRANTS_BY_ORGANIZATION, o.id, act->now_ms, out,
	                        e);
}

bool grant_list(const struct act *act, const void *in, void *out, struct err *e)
{
	struct grant_list_out *o = out;
	struct named_projects projects;
	struct grant_view *views;
	struct grant_rows rows;
	int64_t app_id = 0;
	size_t n = 0;

	if (!rows_wanted(act, in, &rows, &app_id, e))
		return false;
	views = arena_array(act->arena, struct grant_view, rows.n + 1);
	for (size_t i = 0; i < rows.n; i++) {
		const struct grant_row *r = &rows.v[i];

		if (app_id != 0 && r->grant.app_id != app_id)
			continue;
		if (!projects_of(act, r, &projects, e))
			return false;
		views[n++] = (struct grant_view){
			.grant_id = r->grant.public_id,
			.app = r->client_id,
			.user = r->email,
			.organization = r->organization_slug,
			.project_access = project_access_name(r->grant.projects.mode),
			.created_at = clock_iso(act->arena, r->grant.created_ms),
			.last_used_at = iso_or_none(act->arena, r->last_used_ms),
			.revoked_at = iso_or_none(act->arena, r->grant.revoked_ms),
			.scopes = scope_list(act->arena, r->grant.scopes),
			.project_ids = project_ids_shown(act->arena, r->grant.projects.mode,
			                                 &projects),
		};
	}
	o->grants = (struct list){ views, n, true };
	return true;
}

/* The operator may all; a person ends their own and those of organizations they administer; others'
 * do not exist. */
static bool may_end(const struct act *act, const struct grant *g, struct err *e)
{
	enum role role;

	if (act->who->kind == WHO_LOCAL ||
	    (g->account_id != 0 && g->account_id == act->who->account_id))
		return true;
	if (!access_role(act, g->organization_id, &role, e))
		return false;
	return role >= ROLE_ADMIN ||
	       err_set(e, ERR_GRANT_NOT_FOUND, "There is no such connection.");
}

/* Not the app but somebody above it ends this: a code that it has yet to redeem would bring the
 * connection back. */
static bool end_one(const struct act *act, const struct grant *g, bool *done_out, struct err *e)
{
	return store_codes_end(act->db, act->arena, g->app_id, g->account_id, act->now_ms, e) &&
	       grant_end(act,
	                 &(struct grant_ref){ g->id, g->app_id, g->account_id, g->organization_id },
	                 act->who->kind == WHO_LOCAL ? S("revoked_by_operator")
	                                             : S("revoked_by_person"),
	                 done_out, e);
}

bool grant_revoke(const struct act *act, const void *in, void *out, struct err *e)
{
	const struct grant_revoke_in *i = in;
	struct grant g = { 0 };
	int64_t id;

	if (!store_bearer_grant_id(act->db, act->arena, i->grant_id, &id, e) ||
	    (id != 0 && !store_bearer_grant(act->db, act->arena, id, &g, e)))
		return false;
	if (g.id == 0)
		return err_set(e, ERR_GRANT_NOT_FOUND, "There is no such connection.");
	*(struct grant_revoke_out *)out = (struct grant_revoke_out){ true, g.public_id };
	return may_end(act, &g, e) && end_one(act, &g, NULL, e);
}

/* A person's connected apps -------------------------------------------------------------------- */

static bool connected_view(const struct act *act, const struct grant_row *r,
                           struct connected_grant *out, struct err *e)
{
	struct named_projects projects;
	str *slugs;

	if (!projects_of(act, r, &projects, e))
		return false;
	slugs = arena_array(act->arena, str, projects.n + 1);
	for (size_t i = 0; i < projects.n; i++)
		slugs[i] = projects.v[i].slug;
	*out = (struct connected_grant){
		.grant_id = r->grant.public_id,
		.organization_name = r->organization_name,
		.organization_slug = r->organization_slug,
		.project_access = project_access_name(r->grant.projects.mode),
		.created_at = clock_iso(act->arena, r->grant.created_ms),
		.last_used_at = iso_or_none(act->arena, r->last_used_ms),
		.scopes = scope_list(act->arena, r->grant.scopes),
		.projects = { slugs, projects.n, true },
		.live_tokens = r->tokens_live,
	};
	return true;
}

static bool notices_view(const struct act *act, struct list *out, struct err *e)
{
	struct connected_notice *v;
	struct notice_list notices;
	size_t n = 0;

	if (!store_notice_list_of_account(act->db, act->arena, act->who->account_id, NOTICES_MAX,
	                                  &notices, e))
		return false;
	v = arena_array(act->arena, struct connected_notice, notices.n + 1);
	for (size_t i = 0; i < notices.n; i++) {
		const struct notice *one = &notices.v[i];

		if (act->now_ms - one->created_ms > NOTICE_SHOWN_MS)
			continue;
		v[n++] = (struct connected_notice){ one->kind, one->detail,
			                            clock_iso(act->arena, one->created_ms) };
	}
	*out = (struct list){ v, n, true };
	return true;
}

bool connected_list(const struct act *act, const void *in, void *out, struct err *e)
{
	struct connected_list_out *o = out;
	struct connected_grant *grants;
	struct connected_app *apps;
	struct grant_rows rows;
	size_t n = 0;

	(void)in;
	if (!store_grant_list(act->db, act->arena, GRANTS_BY_ACCOUNT, act->who->account_id,
	                      act->now_ms, &rows, e))
		return false;
	apps = arena_array(act->arena, struct connected_app, rows.n + 1);
	grants = arena_array(act->arena, struct connected_grant, rows.n + 1);
	for (size_t i = 0; i < rows.n; i++) {          /* in order of apps */
		const struct grant_row *r = &rows.v[i];

		if (i == 0 || rows.v[i - 1].grant.app_id != r->grant.app_id)
			apps[n++] = (struct connected_app){
				r->client_id, r->app_name, r->app_verified, { &grants[i], 0, true }
			};
		if (!connected_view(act, r, &grants[i], e))
			return false;
		apps[n - 1].grants.n++;
	}
	o->apps = (struct list){ apps, n, true };
	return notices_view(act, &o->notices, e);
}

bool connected_revoke_app(const struct act *act, const void *in, void *out, struct err *e)
{
	const struct connected_revoke_in *i = in;
	struct connected_revoke_out *o = out;
	struct grant_rows rows;
	struct app app;
	bool done;

	if (!apps_find(act->apps, act->arena, i->client_id, &app))
		return err_set(e, ERR_NOT_FOUND, "No app has this client_id.");
	if (!store_grants_of_app_account(act->db, act->arena, app.id, act->who->account_id,
	                                 act->now_ms, &rows, e))
		return false;
	for (size_t k = 0; k < rows.n; k++) {
		if (!end_one(act, &rows.v[k].grant, &done, e))
			return false;
		o->revoked += done;
	}
	return true;
}
