/* SPDX-License-Identifier: MIT */
#include "oauth/me.h"

#include "access/apps.h"
#include "oauth/token_int.h"
#include "store/account.h"
#include "store/oauth.h"

static const struct field me_user_fields[] = {
	FIELD(struct me_user, id, "id"),
	FIELD(struct me_user, name, "name"),
	FIELD(struct me_user, email, "email"),
	FIELD(struct me_user, image, "image"),
	FIELD_END
};
static const struct field me_client_fields[] = {
	FIELD(struct me_client, id, "id"),
	FIELD(struct me_client, name, "name"),
	FIELD_END
};
static const struct field me_organization_fields[] = {
	FIELD(struct me_organization, id, "id", .flags = FIELD_OPTIONAL),
	FIELD(struct me_organization, name, "name", .flags = FIELD_OPTIONAL),
	FIELD(struct me_organization, slug, "slug", .flags = FIELD_OPTIONAL),
	FIELD_END
};
static const struct field me_grant_fields[] = {
	FIELD(struct me_grant, grant_id, "grantId"),
	FIELD(struct me_grant, organization_id, "organizationId"),
	FIELD(struct me_grant, organization_slug, "organizationSlug"),
	FIELD(struct me_grant, scopes, "scopes"),
	FIELD(struct me_grant, project_ids, "projectIds", .flags = FIELD_OPTIONAL),
	FIELD(struct me_grant, project_access, "projectAccess"),
	FIELD_END
};
const struct field me_out_fields[] = {
	FIELD_OF_OBJECT(struct me_out, user, "user", me_user_fields),
	FIELD_OF_OBJECT(struct me_out, client, "client", me_client_fields),
	FIELD_OF_OBJECT(struct me_out, organization, "organization", me_organization_fields,
	                .flags = FIELD_OPTIONAL),
	FIELD(struct me_out, grant_id, "grantId", .flags = FIELD_OPTIONAL),
	FIELD(struct me_out, scopes, "scopes"),
	FIELD(struct me_out, project_ids, "projectIds", .flags = FIELD_OPTIONAL),
	FIELD(struct me_out, project_access, "projectAccess", .flags = FIELD_OPTIONAL),
	FIELD_OF_LIST(struct me_out, grants, "grants", struct me_grant, me_grant_fields,
	              .flags = FIELD_OPTIONAL),
	FIELD_END
};

static bool put_installation(const struct act *act, struct me_out *out, struct err *e)
{
	const struct principal *who = act->who;
	struct named_projects all, mine = { NULL, 0 };

	out->organization = (struct me_organization){ who->organization_public_id,
		                                      who->organization_name,
		                                      who->organization_slug };
	out->grant_id = who->grant_public_id;
	out->scopes = scope_list(act->arena, who->scopes);
	out->project_access = project_access_name(who->projects.mode);
	if (who->projects.mode == PROJECTS_SELECTED) {
		if (!store_consent_projects(act->db, act->arena, who->organization_id, &all, e))
			return false;
		mine.v = arena_array(act->arena, struct named_project, all.n + 1);
		for (size_t i = 0; i < all.n; i++) {
			if (project_set_has(&who->projects, all.v[i].id))
				mine.v[mine.n++] = all.v[i];
		}
	}
	out->project_ids = project_ids_shown(act->arena, who->projects.mode, &mine);
	return true;
}

static bool put_grants(const struct act *act, struct me_out *out, struct err *e)
{
	struct me_grant *views;
	struct grant_rows rows;
	int64_t scopes = 0;

	if (!store_grants_of_app_account(act->db, act->arena, act->who->app_id,
	                                 act->who->account_id, act->now_ms, &rows, e))
		return false;
	views = arena_array(act->arena, struct me_grant, rows.n + 1);
	for (size_t i = 0; i < rows.n; i++) {
		const struct grant_row *r = &rows.v[i];
		struct named_projects projects = { NULL, 0 };

		if (r->grant.projects.mode == PROJECTS_SELECTED &&
		    !store_grant_projects(act->db, act->arena, r->grant.id, &projects, e))
			return false;
		scopes |= r->grant.scopes & act->who->scopes;
		views[i] = (struct me_grant){
			.grant_id = r->grant.public_id,
			.organization_id = r->organization_public_id,
			.organization_slug = r->organization_slug,
			.project_access = project_access_name(r->grant.projects.mode),
			.scopes = scope_list(act->arena, r->grant.scopes & act->who->scopes),
			.project_ids = project_ids_shown(act->arena, r->grant.projects.mode,
			                                 &projects),
		};
	}
	out->scopes = scope_list(act->arena, scopes);
	out->grants = (struct list){ views, rows.n, true };
	return true;
}

bool me_get(const struct act *act, const void *in, void *out, struct err *e)
{
	struct me_out *o = out;
	struct account person;
	struct app app;

	(void)in;
	if (!store_account_by_id(act->db, act->arena, act->who->account_id, &person, e))
		return false;
	o->user = (struct me_user){ person.public_id, person.name, person.email, STR_NONE };
	if (apps_by_id(act->apps, act->arena, act->who->app_id, &app))
		o->client = (struct me_client){ app.client_id, app.name };
	return act->who->kind == WHO_INSTALL ? put_installation(act, o, e) : put_grants(act, o, e);
}
