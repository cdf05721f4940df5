/* SPDX-License-Identifier: MIT */
#include "oauth/token_int.h"

#include "access/narrow.h"
#include "access/rate.h"
#include "crypto/token.h"
#include "oauth/client.h"
#include "oauth/resource.h"
#include "store/oauth.h"

enum { SECOND_MS = 1000, PARAMETER_BYTES_MAX = 4096, SECRET_USE_NOTED_MS = 3600 * SECOND_MS };

const struct field token_in_fields[] = { FIELD(struct token_in, grant_type, "grant_type"),
	                                 FIELD(struct token_in, code, "code"),
	                                 FIELD(struct token_in, redirect_uri, "redirect_uri"),
	                                 FIELD(struct token_in, client_id, "client_id"),
	                                 FIELD(struct token_in, client_secret, "client_secret"),
	                                 FIELD(struct token_in, client_auth, "client_auth"),
	                                 FIELD(struct token_in, code_verifier, "code_verifier"),
	                                 FIELD(struct token_in, refresh_token, "refresh_token"),
	                                 FIELD(struct token_in, scope, "scope"),
	                                 FIELD(struct token_in, authorization_details,
	                                       "authorization_details"),
	                                 { .name = "resource",
	                                   .offset = offsetof(struct token_in, resource),
	                                   .kind = FIELD_STR_OR_STRS },
	                                 FIELD_END };

static const struct field token_grant_fields[] = {
	FIELD(struct token_grant, grant_id, "grant_id"),
	FIELD(struct token_grant, organization_id, "organization_id"),
	FIELD(struct token_grant, organization_slug, "organization_slug"),
	FIELD(struct token_grant, organization_name, "organization_name"),
	FIELD(struct token_grant, scopes, "scopes"),
	FIELD(struct token_grant, project_ids, "project_ids", .flags = FIELD_OPTIONAL),
	FIELD(struct token_grant, project_access, "project_access"),
	FIELD(struct token_grant, refresh_token, "refresh_token"),
	FIELD_END
};

const struct field token_out_fields[] = {
	FIELD(struct token_out, access_token, "access_token"),
	FIELD(struct token_out, token_type, "token_type"),
	FIELD(struct token_out, expires_in, "expires_in"),
	FIELD(struct token_out, refresh_token, "refresh_token"),
	FIELD(struct token_out, scope, "scope"),
	FIELD(struct token_out, grant_id, "grant_id"),
	FIELD(struct token_out, project_access, "project_access"),
	FIELD(struct token_out, project_ids, "project_ids", .flags = FIELD_OPTIONAL),
	FIELD(struct token_out, organization_id, "organization_id"),
	FIELD_OF_LIST(struct token_out, grants, "grants", struct token_grant, token_grant_fields),
	FIELD_END
};

/* What both ways share ------------------------------------------------------------------------- */

struct family_rules family_rules_of(const struct settings *s, const struct app *app)
{
	return (struct family_rules){ app->refresh_policy, app->refresh_grace_s * SECOND_MS,
		                      s->refresh_idle_s * SECOND_MS };
}

int64_t family_absolute_ms(const struct settings *s, const struct app *app)
{
	return (app->confidential ? s->refresh_absolute_s : s->refresh_absolute_public_s) *
	       SECOND_MS;
}

void token_put_access(const struct act *act, const struct access_source *source,
                      struct token_out *out)
{
	int64_t expires_s = source->expires_ms / SECOND_MS;

	out->access_token = derived_token(act->arena, TOKEN_ACCESS, source->secret,
	                                  act->settings->epoch, source->family_id,
	                                  (uint32_t)source->generation,
	                                  access_counter(source->serial, source->scopes),
	                                  (uint32_t)expires_s);
	out->token_type = S("Bearer");
	out->expires_in = expires_s - act->now_ms / SECOND_MS;
}

struct strs project_ids_shown(struct arena *a, enum project_mode mode,
                              const struct named_projects *projects)
{
	str *v;

	if (mode == PROJECTS_ALL)
		return (struct strs){ NULL, 0, true };
	if (mode != PROJECTS_SELECTED || projects == NULL || projects->n == 0)
		return (struct strs){ NULL, 0, false }; /* never [], which means all: ruling R42 */
	v = arena_array(a, str, projects->n);
	for (size_t i = 0; i < projects->n; i++)
		v[i] = projects->v[i].public_id;
	return (struct strs){ v, projects->n, true };
}

str token_scope_text(struct arena *a, int64_t scopes, str openid)
{
	str parts[] = { scope_text(a, scopes), openid };

	if (parts[0].n == 0 || openid.n == 0)
		return parts[0].n == 0 ? openid : parts[0];
	return arena_join(a, parts, COUNT(parts), S(" "));
}

void token_put_grant(const struct act *act, const struct granted *g, struct token_out *out)
{
	struct token_grant *grants = out->grants.v, *one = &grants[out->grants.n];

	*one = (struct token_grant){
		.grant_id = g->grant_id,
		.organization_id = g->organization_id,
		.organization_slug = g->organization_slug,
		.organization_name = g->organization_name,
		.project_access = project_access_name(g->mode),
		.refresh_token = g->refresh_token,
		.scopes = scope_list(act->arena, g->scopes),
		.project_ids = project_ids_shown(act->arena, g->mode, g->projects),
	};
	out->grants.present = true;
	if (out->grants.n++ > 0)
		return;
	out->refresh_token = one->refresh_token;
	out->grant_id = one->grant_id;
	out->organization_id = one->organization_id;
	out->project_access = one->project_access;
	out->project_ids = one->project_ids;
}

/* The endpoint --------------------------------------------------------------------------------- */

static const struct grant_type {
	str name, parameter;
	bool (*call)(const struct act *, const struct token_asker *, const struct token_in *,
	             struct token_out *, struct err *);
} grant_types[] = {
	{ STR("authorization_code"), STR("code"), code_exchange },
	{ STR("refresh_token"), STR("refresh_token"), refresh_exchange },
};

static const struct grant_type *grant_type_find(str name)
{
	for (size_t i = 0; i < COUNT(grant_types); i++) {
		if (str_eq(grant_types[i].name, name))
			return &grant_types[i];
	}
	return NULL;
}

static bool lengths_are_sane(const struct token_in *in)
{
	const str all[] = { in->code,          in->redirect_uri,  in->client_id, in->client_secret,
		            in->code_verifier, in->refresh_token, in->scope };

	for (size_t i = 0; i < COUNT(all); i++) {
		if (all[i].n > PARAMETER_BYTES_MAX)
			return false;
	}
	return true;
}

static bool exchange(const struct act *act, const struct grant_type *type,
                     const struct token_in *in, const struct app *app, struct token_out *out,
                     struct err *e)
{
	str presented = type->call == code_exchange ? in->code : in->refresh_token;
	struct token_asker asker = { .app = *app,
		                     .network = str_sub(address_network(act->arena, act->address),
		                                        0, FAMILY_NETWORK_BYTES_MAX) };

	if (presented.n == 0)
		return err_set(e, ERR_INVALID_REQUEST, FMT_STR " is missing.",
		               ARG_STR(type->parameter));
	if (in->authorization_details.n > 0)
		return err_set(e, ERR_INVALID_AUTHORIZATION_DETAILS,
		               "No type of authorization_details is known here.");
	if (!resource_check(act, in->resource, S(""), &asker.resource))
		return err_set(e, ERR_INVALID_TARGET, "resource does not name this server.");
	return type->call(act, &asker, in, out, e);
}

bool token_exchange(const struct act *act, const void *in, void *out, struct err *e)
{
	const struct token_in *t = in;
	const struct grant_type *type = grant_type_find(t->grant_type);
	struct client_claim claim = { t->client_id, t->client_secret, t->client_auth };
	int64_t secret_id;
	struct app app;

	if (t->grant_type.n == 0)
		return err_set(e, ERR_INVALID_REQUEST, "grant_type is missing.");
	if (type == NULL)
		return err_set(e, ERR_UNSUPPORTED_GRANT_TYPE,
		               "grant_type is authorization_code or refresh_token.");
	if (!lengths_are_sane(t))
		return err_set(e, ERR_INVALID_REQUEST, "A parameter is longer than %d bytes.",
		               PARAMETER_BYTES_MAX);
	if (!client_authenticate(act, &claim, &app, &secret_id, e))
		return false;
	if (!exchange(act, type, t, &app, out, e)) {
		if (e->code == ERR_INVALID_GRANT && app.invalid_grant_401)
			e->status = 401;
		return false;
	}
	/* A refresh writes one row (ruling R23): uses are noted when a code is exchanged. */
	return secret_id == 0 || type->call != code_exchange ||
	       store_app_secret_used(act->db, act->arena, secret_id, act->now_ms,
	                             act->now_ms - SECRET_USE_NOTED_MS, e);
}
