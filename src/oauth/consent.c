/* SPDX-License-Identifier: MIT */
#include "oauth/consent.h"

#include "access/audit.h"
#include "base/text.h"
#include "oauth/choice.h"
#include "oauth/redirect.h"
#include "store/oauth.h"

enum { AGAIN_BYTES_MAX = 64 * 1024 };

static const char *const decisions[] = { "approve", "deny", NULL };
static const char *const accesses[] = { "all", "selected", NULL };

static const struct field consent_scope_fields[] = {
	FIELD(struct consent_scope, name, "name"),
	FIELD(struct consent_scope, destructive, "destructive"),
	FIELD(struct consent_scope, preselected, "preselected"),
	FIELD_END
};
static const struct field consent_project_fields[] = {
	FIELD(struct consent_project, organization, "organization"),
	FIELD(struct consent_project, slug, "slug"),
	FIELD(struct consent_project, name, "name"),
	FIELD(struct consent_project, preselected, "preselected"),
	FIELD_END
};
static const struct field consent_organization_fields[] = {
	FIELD(struct consent_organization, slug, "slug"),
	FIELD(struct consent_organization, name, "name"),
	FIELD(struct consent_organization, connected, "connected"),
	FIELD(struct consent_organization, preselected, "preselected"),
	FIELD(struct consent_organization, connected_scopes, "connected_scopes",
	      .flags = FIELD_OPTIONAL),
	FIELD(struct consent_organization, connected_access, "connected_access",
	      .flags = FIELD_OPTIONAL),
	FIELD_OF_LIST(struct consent_organization, projects, "projects", struct consent_project,
	              consent_project_fields),
	FIELD_END
};
static const struct field consent_chosen_fields[] = {
	FIELD(struct consent_chosen, slug, "slug"),
	FIELD(struct consent_chosen, name, "name"),
	FIELD_END
};
const struct field consent_view_out_fields[] = {
	FIELD(struct consent_view_out, request, "request"),
	FIELD(struct consent_view_out, phase, "phase"),
	FIELD_OF_OBJECT(struct consent_view_out, app, "app", authorize_app_fields),
	FIELD(struct consent_view_out, redirect_host, "redirect_host"),
	FIELD(struct consent_view_out, loopback, "loopback"),
	FIELD(struct consent_view_out, locale, "locale", .flags = FIELD_OPTIONAL),
	FIELD(struct consent_view_out, project_access, "project_access"),
	FIELD(struct consent_view_out, again, "again", .flags = FIELD_OPTIONAL),
	FIELD_OF_LIST(struct consent_view_out, scopes, "scopes", struct consent_scope,
	              consent_scope_fields),
	FIELD_OF_LIST(struct consent_view_out, organizations, "organizations",
	              struct consent_organization, consent_organization_fields),
	FIELD_OF_LIST(struct consent_view_out, chosen, "chosen", struct consent_chosen,
	              consent_chosen_fields),
	FIELD_END
};
const struct field consent_in_fields[] = {
	FIELD(struct consent_in, request, "request", .flags = FIELD_REQUIRED, .min = 1, .max = 255),
	FIELD(struct consent_in, decision, "decision", .flags = FIELD_REQUIRED,
	      .one_of = decisions),
	FIELD(struct consent_in, project_access, "project_access", .one_of = accesses),
	FIELD(struct consent_in, organizations, "organization", .max = CHOICE_ORGANIZATIONS_MAX),
	FIELD(struct consent_in, projects, "project", .max = CHOICE_PROJECTS_MAX),
	FIELD(struct consent_in, scopes, "scope", .max = SCOPE_COUNT),
	FIELD_END
};
const struct field consent_out_fields[] = {
	FIELD(struct consent_out, complete, "complete"),
	FIELD(struct consent_out, redirect_to, "redirect_to", .flags = FIELD_OPTIONAL),
	FIELD_END
};

/* View ----------------------------------------------------------------------------------------- */

static struct list scopes_offered(struct arena *a, int64_t scopes)
{
	struct consent_scope *v = arena_array(a, struct consent_scope, SCOPE_COUNT);
	size_t n = 0;

	for (int bit = 0; bit < SCOPE_COUNT; bit++) {
		bool destructive = scope_is_destructive((enum scope_bit)bit);

		if ((scopes & SCOPE_OF(bit)) != 0)
			v[n++] = (struct consent_scope){ scope_name((enum scope_bit)bit),
				                         destructive, !destructive };
	}
	return (struct list){ v, n, true };
}

/* Projects of an organization as checkboxes; ticked when the present connection has them. */
static bool projects_offered(const struct act *act, const struct offered_organization *o,
                             struct list *out, struct err *e)
{
	struct named_projects all, held = { NULL, 0 };
	struct consent_project *v;
	size_t k = 0;

	if (!store_consent_projects(act->db, act->arena, o->organization.id, &all, e))
		return false;
	if (o->grant_id != 0 && o->grant_mode == PROJECTS_SELECTED &&
	    !store_grant_projects(act->db, act->arena, o->grant_id, &held, e))
		return false;
	v = arena_array(act->arena, struct consent_project, all.n + 1);
	for (size_t i = 0; i < all.n; i++) {
		v[i] = (struct consent_project){
			.organization = o->organization.slug,
			.name = all.v[i].name,
			.slug = arena_printf(act->arena, FMT_STR "/" FMT_STR,
			                     ARG_STR(o->organization.slug), ARG_STR(all.v[i].slug)),
		};
		for (k = 0; k < held.n && !v[i].preselected; k++)
			v[i].preselected = held.v[k].id == all.v[i].id;
	}
	*out = (struct list){ v, all.n, true };
	return true;
}

/* Ticked: what is connected already, so that going on keeps it; else the only one there is. */
static bool organizations_offered(const struct act *act,
                                  const struct offered_organizations *offered,
                                  struct consent_view_out *out, struct err *e)
{
	struct consent_organization *v = arena_array(act->arena, struct consent_organization,
	                                             offered->n + 1);
	bool all = true;

	for (size_t i = 0; i < offered->n; i++) {
		const struct offered_organization *o = &offered->v[i];

		v[i] = (struct consent_organization){
			.slug = o->organization.slug,
			.name = o->organization.name,
			.connected = o->grant_id != 0,
			.preselected = o->grant_id != 0 || offered->n == 1,
		};
		if (o->grant_id != 0) {
			v[i].connected_scopes = scope_list(act->arena, o->grant_scopes);
			v[i].connected_access = project_access_name(o->grant_mode);
			all = all && o->grant_mode == PROJECTS_ALL;
		}
		if (!projects_offered(act, o, &v[i].projects, e))
			return false;
	}
	out->organizations = (struct list){ v, offered->n, true };
	out->project_access = all ? S("all") : S("selected");
	return true;
}

static bool chosen_view(const struct act *act, const struct authorization_request *r,
                        struct list *out, struct err *e)
{
	struct consent_chosen *v;
	struct choice choice;

	if (!choice_parse(act->arena, r->choice, &choice))
		return err_log(e, ERR_INTERNAL, 0, "request %lld has no readable choice",
		               (long long)r->id);
	v = arena_array(act->arena, struct consent_chosen, choice.n);
	for (size_t i = 0; i < choice.n; i++) {
		if (!store_consent_organization_name(act->db, act->arena,
		                                     choice.organizations[i].id, &v[i].slug,
		                                     &v[i].name, e))
			return false;
	}
	*out = (struct list){ v, choice.n, true };
	return true;
}

static bool decided(struct err *e)
{
	return err_set(e, ERR_CONFLICT,
	               "This was decided before. Go back to the app and connect again.");
}

static void put_parameter(struct buf *b, const char *name, str value)
{
	if (value.n == 0)
		return;
	if (buf_view(b).n > 0)
		BUF_LIT(b, "&");
	buf_str(b, str_from(name));
	BUF_LIT(b, "=");
	percent_encode(b, value);
}

/* Platform scopes and OpenID names are stored apart. */
static str scopes_asked(struct arena *a, const struct authorization_request *r)
{
	str platform = scope_text(a, r->scopes);

	if (platform.n == 0 || r->scope_text.n == 0)
		return platform.n == 0 ? r->scope_text : platform;
	return arena_printf(a, FMT_STR " " FMT_STR, ARG_STR(platform), ARG_STR(r->scope_text));
}

/* A request is its person's (rule 66): who wants another account begins anew, with what the app asked. */
static str query_again(const struct act *act, const struct app *app,
                       const struct authorization_request *r)
{
	str resources = r->resource, resource;
	struct buf b;

	buf_init_arena(&b, act->arena, AGAIN_BYTES_MAX);
	put_parameter(&b, "client_id", app->client_id);
	put_parameter(&b, "redirect_uri", r->redirect_uri);
	put_parameter(&b, "response_type", S("code"));
	put_parameter(&b, "scope", scopes_asked(act->arena, r));
	put_parameter(&b, "state", r->state);
	put_parameter(&b, "code_challenge", r->challenge);
	put_parameter(&b, "code_challenge_method", r->challenge.n > 0 ? S("S256") : STR_NONE);
	put_parameter(&b, "nonce", r->nonce);
	while (str_cut(&resources, ' ', &resource))
		put_parameter(&b, "resource", resource);
	put_parameter(&b, "ui_locales", r->locale);
	put_parameter(&b, "prompt", S("login"));
	return b.full ? STR_NONE : buf_view(&b);
}

bool consent_view(const struct act *act, const void *in, void *out, struct err *e)
{
	const struct authorize_request_in *i = in;
	struct consent_view_out *o = out;
	struct offered_organizations offered;
	struct authorization_request r;
	struct app app;

	if (!authorize_load(act, i->request, &r, &app, e))
		return false;
	*o = (struct consent_view_out){
		.request = i->request,
		.phase = r.phase,
		.app = authorize_app_view(&app),
		.redirect_host = redirect_shown(act->arena, r.redirect_uri),
		.loopback = redirect_is_loopback(r.redirect_uri),
		.locale = r.locale.n > 0 ? r.locale : STR_NONE,
		.project_access = S("all"),
		.scopes = scopes_offered(act->arena, r.scopes),
		.organizations = { .present = true },
		.chosen = { .present = true },
	};
	if (str_eq(r.phase, S("approved")))
		return chosen_view(act, &r, &o->chosen, e);
	if (!str_eq(r.phase, S("open")))
		return decided(e);
	o->again = query_again(act, &app, &r);
	return store_consent_organizations(act->db, act->arena, app.id, act->who->account_id,
	                                   &offered, e) &&
	       organizations_offered(act, &offered, o, e);
}

/* Decide --------------------------------------------------------------------------------------- */

static bool left_out(struct err *e, const char *what, const char *say)
{
	err_set(e, ERR_INVALID_REQUEST, "%s", say);
	e->required = str_from(what);
	return false;
}

static bool never_offered(struct err *e, const char *what)
{
	return err_set(e, ERR_FORBIDDEN, "This page did not offer that %s to you.", what);
}

static bool choose_scopes(const struct consent_in *in, int64_t asked, int64_t *out, struct err *e)
{
	*out = 0;
	for (size_t i = 0; i < in->scopes.n; i++) {
		int64_t bit = scope_by_name(in->scopes.v[i]);

		if (bit == 0 || (bit & asked) == 0)
			return never_offered(e, "permission");
		*out |= bit;
	}
	return *out != 0 || left_out(e, "scope", "Tick at least one permission.");
}

static bool is_ticked(str value, struct strs ticked)
{
	for (size_t i = 0; i < ticked.n; i++) {
		if (str_eq(ticked.v[i], value))
			return true;
	}
	return false;
}

/* The ticked projects of one organization. */
static bool choose_projects(const struct act *act, const struct consent_in *in,
                            const struct organization *o, struct project_set *out, struct err *e)
{
	struct named_projects all;
	int64_t *ids;
	size_t n = 0;

	*out = (struct project_set){ .mode = PROJECTS_ALL };
	if (!str_eq(in->project_access, S("selected")))
		return true;
	if (!store_consent_projects(act->db, act->arena, o->id, &all, e))
		return false;
	ids = arena_array(act->arena, int64_t, all.n + 1);
	for (size_t i = 0; i < all.n; i++) {
		str slug = arena_printf(act->arena, FMT_STR "/" FMT_STR, ARG_STR(o->slug),
		                        ARG_STR(all.v[i].slug));

		if (is_ticked(slug, in->projects))
			ids[n++] = all.v[i].id;
	}
	/* Each organization becomes a connection, and one without projects could do nothing
	 * (rulings R18, R36). */
	if (n == 0)
		return left_out(
			e, "project",
			"Tick at least one project of each organization, or choose all projects.");
	*out = (struct project_set){ PROJECTS_SELECTED, ids, n };
	return true;
}

/* A form that was put together by hand: it names an organization that the page did not offer. */
static bool organizations_were_offered(struct strs ticked,
                                       const struct offered_organizations *offered, struct err *e)
{
	for (size_t i = 0; i < ticked.n; i++) {
		bool known = false;

		for (size_t k = 0; k < offered->n && !known; k++)
			known = str_eq(offered->v[k].organization.slug, ticked.v[i]);
		if (!known)
			return never_offered(e, "organization");
	}
	return true;
}

/* A project of an organization that is not ticked is a slip, not a wish to leave it out. */
static bool projects_are_of_ticked(const struct consent_in *in, struct err *e)
{
	for (size_t i = 0; str_eq(in->project_access, S("selected")) && i < in->projects.n; i++) {
		str rest = in->projects.v[i], organization;

		if (!str_cut(&rest, '/', &organization) ||
		    !is_ticked(organization, in->organizations))
			return left_out(e, "organization",
			                "Tick the organizations of the projects too.");
	}
	return true;
}

static bool choose(const struct act *act, const struct consent_in *in,
                   const struct authorization_request *r, struct choice *out, struct err *e)
{
	struct offered_organizations offered;

	*out = (struct choice){ .organizations = arena_array(act->arena, struct choice_organization,
		                                             in->organizations.n + 1) };
	if (in->organizations.n == 0)
		return left_out(e, "organization", "Tick at least one organization.");
	if (in->project_access.n == 0)
		return left_out(e, "project", "Choose all projects or selected ones.");
	if (!choose_scopes(in, r->scopes, &out->scopes, e) ||
	    !store_consent_organizations(act->db, act->arena, r->app_id, act->who->account_id,
	                                 &offered, e) ||
	    !organizations_were_offered(in->organizations, &offered, e) ||
	    !projects_are_of_ticked(in, e))
		return false;
	for (size_t i = 0; i < offered.n; i++) {
		struct choice_organization *o = &out->organizations[out->n];

		if (!is_ticked(offered.v[i].organization.slug, in->organizations))
			continue;
		o->id = offered.v[i].organization.id;
		if (!choose_projects(act, in, &offered.v[i].organization, &o->projects, e))
			return false;
		out->n++;
	}
	return true;
}

static bool deny(const struct act *act, const struct authorization_request *r,
                 struct consent_out *out, struct err *e)
{
	struct audit_detail detail = { .app_id = r->app_id };
	bool done;

	if (!store_request_decide(act->db, act->arena, r, S("denied"), S(""), act->now_ms, &done,
	                          e))
		return false;
	if (!done)
		return decided(e);
	out->redirect_to = authorize_error_uri(act->arena, r, S("access_denied"),
	                                       S("The person did not approve."));
	return audit_add(act, AUDIT_AUTHORIZE_DENIED, &detail, e);
}

static bool approve(const struct act *act, const struct consent_in *in,
                    const struct authorization_request *r, struct consent_out *out, struct err *e)
{
	struct choice choice;
	bool done;

	if (!choose(act, in, r, &choice, e) ||
	    !store_request_decide(act->db, act->arena, r, S("approved"),
	                          choice_text(act->arena, &choice), act->now_ms, &done, e))
		return false;
	if (!done)
		return decided(e);
	out->complete = true;
	for (size_t i = 0; i < choice.n; i++) {
		const struct audit_detail detail = {
			.app_id = r->app_id, .organization_id = choice.organizations[i].id,
			AUDIT_FACTS({ S("scopes"), scope_text(act->arena, choice.scopes) }),
		};

		if (!audit_add(act, AUDIT_AUTHORIZE_APPROVED, &detail, e))
			return false;
	}
	return true;
}

bool consent_decide(const struct act *act, const void *in, void *out, struct err *e)
{
	const struct consent_in *i = in;
	struct authorization_request r;
	struct app app;

	if (!authorize_load(act, i->request, &r, &app, e))
		return false;
	if (!str_eq(r.phase, S("open")))
		return decided(e);
	r.account_id = act->who->account_id;
	return str_eq(i->decision, S("deny")) ? deny(act, &r, out, e) : approve(act, i, &r, out, e);
}
