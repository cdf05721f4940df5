/* SPDX-License-Identifier: MIT
 *
 * The pages as a table. A new page is a row, a template that begins with its title and, where its view needs
 * more than operations answer, an `extend`. */
#include "web/page.h"
#include "web/assets.h"
#include "web/audit.h"
#include "web/project.h"
#include "web/rows.h"
#include "web/settings.h"
#include "web/view.h"

#include "base/clock.h"
#include "base/text.h"

/* TEXTS_MAX: the most that text.all lists; it cannot begin further on. */
enum { HINT_BYTES_MAX = 254, TEXTS_MAX = 200 };

/* Home ----------------------------------------------------------------------------------------- */

/* Projects are listed under the organization of their "org/project" slug. */
static void put_projects_of(struct json_out *v, const struct json *projects, str organization)
{
	json_key(v, S("projects"));
	json_open_array(v);
	for (const struct json *p = projects == NULL ? NULL : projects->first; p != NULL; p = p->next) {
		str slug = json_str(json_get(p, S("slug")));
		ptrdiff_t slash = str_index(slug, '/');

		if (slash > 0 && str_eq(str_sub(slug, 0, (size_t)slash), organization))
			json_put(v, p);
	}
	json_close_array(v);
}

static void extend_home(struct page_job *j, struct json_out *v)
{
	const struct json *user = answer(j, "user"), *projects;

	if (user == NULL || answer(j, "projects") == NULL)
		return;
	projects = json_get(answer(j, "projects"), S("projects"));
	json_key(v, S("result"));
	json_open_object(v);
	json_key(v, S("organizations"));
	json_open_array(v);
	for (const struct json *o = json_get(user, S("organizations"))->first; o != NULL; o = o->next) {
		json_open_object(v);
		put_str(v, "name", json_str(json_get(o, S("name"))));
		put_str(v, "slug", json_str(json_get(o, S("slug"))));
		put_str(v, "role_name", words(j, "roles", json_str(json_get(o, S("role")))));
		put_projects_of(v, projects, json_str(json_get(o, S("slug"))));
		json_close_object(v);
	}
	json_close_array(v);
	json_close_object(v);
}

/* Sign in -------------------------------------------------------------------------------------- */

static void extend_login(struct page_job *j, struct json_out *v)
{
	str next = page_param(j, S("next"));

	put_str(v, "next", page_is_local(next) ? next : S("/"));
	put_bool(v, "connecting", page_is_consent(next));
	put_param(j, v, "ui_locales");
	put_str(v, "email", str_sub(page_param(j, S("login_hint")), 0, HINT_BYTES_MAX));
	json_key(v, S("hide_sign_in"));
	json_put_bool(v, true);
}

/* Consent -------------------------------------------------------------------------------------- */

/* The page shown again because something was left out: what the person had unticked stays unticked. An address
 * ticks nothing, for anyone can write one: only what is offered ticked and was sent ticked is ticked. */
static bool is_ticked(const struct page_job *j, const char *name, str value, bool offered)
{
	if (!offered || page_param(j, S("problem")).n == 0)
		return offered;
	for (size_t i = 0; i < j->params_n; i++) {
		if (str_eq(j->params[i].name, str_from(name)) && str_eq(j->params[i].value, value))
			return true;
	}
	return false;
}

static void put_offered_projects(struct page_job *j, struct json_out *v, const struct json *projects)
{
	json_open_array(v);
	for (const struct json *p = projects->first; p != NULL; p = p->next) {
		str slug = json_str(json_get(p, S("slug")));

		json_open_object(v);
		put_str(v, "organization", json_str(json_get(p, S("organization"))));
		put_str(v, "slug", slug);
		put_str(v, "name", json_str(json_get(p, S("name"))));
		put_bool(v, "ticked", is_ticked(j, "project", slug, json_is_true(json_get(p, S("preselected")))));
		json_close_object(v);
	}
	json_close_array(v);
}

static void put_organizations(struct page_job *j, struct json_out *v, const struct json *organizations)
{
	json_key(v, S("organizations"));
	json_open_array(v);
	for (const struct json *o = organizations->first; o != NULL; o = o->next) {
		str slug = json_str(json_get(o, S("slug")));

		json_open_object(v);
		for (const struct json *m = o->first; m != NULL; m = m->next) {
			json_key(v, m->name);
			if (str_eq(m->name, S("projects")))
				put_offered_projects(j, v, m);
			else
				json_put(v, m);
		}
		put_bool(v, "ticked", is_ticked(j, "organization", slug, json_is_true(json_get(o, S("preselected")))));
		json_close_object(v);
	}
	json_close_array(v);
}

static void put_scopes(struct page_job *j, struct json_out *v)
{
	json_key(v, S("scopes"));
	json_open_array(v);
	for (const struct json *s = json_get(answer(j, "result"), S("scopes"))->first; s != NULL; s = s->next) {
		str name = json_str(json_get(s, S("name")));

		json_open_object(v);
		put_str(v, "name", name);
		put_str(v, "text", words(j, "scopes", name));
		put_bool(v, "destructive", json_is_true(json_get(s, S("destructive"))));
		put_bool(v, "ticked", is_ticked(j, "scope", name, json_is_true(json_get(s, S("preselected")))));
		json_close_object(v);
	}
	json_close_array(v);
}

static bool has_projects(const struct json *organizations)
{
	for (const struct json *o = organizations->first; o != NULL; o = o->next) {
		if (json_get(o, S("projects"))->first != NULL)
			return true;
	}
	return false;
}

static void extend_consent(struct page_job *j, struct json_out *v)
{
	str problem = page_param(j, S("problem"));
	const struct json *result = answer(j, "result");
	bool some = has_projects(json_get(result, S("organizations")));
	bool selected = str_eq(json_str(json_get(result, S("project_access"))), S("selected")) ||
			(problem.n > 0 && page_param_is(j, S("project_access"), S("selected")));

	put_param(j, v, "request");
	put_organizations(j, v, json_get(result, S("organizations")));
	put_scopes(j, v);
	put_bool(v, "has_projects", some);
	put_bool(v, "all_projects", !some || !selected);
	for (size_t i = 0; i < 3; i++) {
		static const char *const problems[] = { "organization", "project", "scope" };

		json_key(v, arena_printf(j->arena, "problem_%s", problems[i]));
		json_put_bool(v, str_eq(problem, str_from(problems[i])));
	}
}

static void extend_complete(struct page_job *j, struct json_out *v)
{
	put_param(j, v, "request");
}

/* Connected apps ------------------------------------------------------------------------------- */

static void put_grant(struct page_job *j, struct json_out *v, const struct json *app, const struct json *grant)
{
	json_open_object(v);
	for (const struct json *m = grant->first; m != NULL; m = m->next) {
		json_key(v, m->name);
		json_put(v, m);
	}
	put_str(v, "app_name", json_str(json_get(app, S("name"))));
	put_permissions(j, v, json_get(grant, S("scopes")));
	put_bool(v, "all_projects", !str_eq(json_str(json_get(grant, S("project_access"))), S("selected")));
	put_day(v, grant, "created_at", "created_day");
	put_day(v, grant, "last_used_at", "last_used_day");
	json_close_object(v);
}

static void put_notices(struct json_out *v, const struct json *notices)
{
	json_key(v, S("notices"));
	json_open_array(v);
	for (const struct json *n = notices == NULL ? NULL : notices->first; n != NULL; n = n->next) {
		str kind = json_str(json_get(n, S("kind")));

		json_open_object(v);
		put_bool(v, "reused", str_eq(kind, S("refresh_reuse_detected")));
		put_bool(v, "leaked", str_eq(kind, S("token_leaked")));
		put_str(v, "detail", json_str(json_get(n, S("detail"))));
		put_str(v, "at", json_str(json_get(n, S("created_at"))));
		put_day(v, n, "created_at", "day");
		json_close_object(v);
	}
	json_close_array(v);
}

static void extend_connected(struct page_job *j, struct json_out *v)
{
	const struct json *apps = json_get(answer(j, "connected"), S("apps"));

	json_key(v, S("done"));
	json_put_bool(v, page_param_is(j, S("done"), S("1")));
	put_notices(v, json_get(answer(j, "connected"), S("notices")));
	json_key(v, S("result"));
	json_open_object(v);
	json_key(v, S("apps"));
	json_open_array(v);
	for (const struct json *app = apps == NULL ? NULL : apps->first; app != NULL; app = app->next) {
		json_open_object(v);
		put_str(v, "client_id", json_str(json_get(app, S("client_id"))));
		put_str(v, "name", json_str(json_get(app, S("name"))));
		json_key(v, S("verified"));
		json_put_bool(v, json_is_true(json_get(app, S("verified"))));
		json_key(v, S("grants"));
		json_open_array(v);
		for (const struct json *g = json_get(app, S("grants"))->first; g != NULL; g = g->next)
			put_grant(j, v, app, g);
		json_close_array(v);
		put_bool(v, "several", json_get(app, S("grants"))->count > 1);
		json_close_object(v);
	}
	json_close_array(v);
	json_close_object(v);
}

/* Project -------------------------------------------------------------------------------------- */

static str chosen_language(struct page_job *j)
{
	str wanted = page_param(j, S("languages"));
	const struct json *targets = json_get(answer(j, "result"), S("lng"));

	if (wanted.n > 0)
		return wanted;
	return targets != NULL && targets->first != NULL ? targets->first->text : json_str(json_get(answer(j, "result"), S("sl")));
}

static void put_row(struct page_job *j, struct json_out *v, const struct json *key, str language)
{
	const struct json *text = json_get(json_get(key, S("tr")), language);
	str state = json_str(json_get(text, S("st")));

	json_open_object(v);
	put_str(v, "k", json_str(json_get(key, S("k"))));
	put_str(v, "ns", json_str(json_get(key, S("ns"))));
	put_str(v, "src", json_str(json_get(key, S("src"))));
	put_bool(v, "has", text != NULL);
	put_str(v, "text", json_str(json_get(text, S("t"))));
	put_str(v, "state", state.n == 0 ? S("") : words(j, "states", state));
	json_close_object(v);
}

static void put_targets(struct page_job *j, struct json_out *v, const struct json *project, str chosen)
{
	json_key(v, S("targets"));
	json_open_array(v);
	for (const struct json *l = json_get(project, S("lng"))->first; l != NULL; l = l->next) {
		json_open_object(v);
		put_str(v, "code", l->text);
		put_str(v, "name", strings_language_name(j->arena, j->language, l->text));
		put_bool(v, "current", str_eq(l->text, chosen));
		json_close_object(v);
	}
	json_close_array(v);
}

static void put_namespaces(struct page_job *j, struct json_out *v, const struct json *project)
{
	const struct json *all = json_get(project, S("nss"));

	json_key(v, S("namespaces"));
	json_open_array(v);
	for (const struct json *n = all == NULL ? NULL : all->first; n != NULL; n = n->next) {
		str name = json_str(json_get(n, S("nm")));

		json_open_object(v);
		put_str(v, "name", name);
		json_key(v, S("keys"));
		json_put(v, json_get(n, S("kc")));
		put_bool(v, "current", page_param_is(j, S("namespaces"), name));
		json_close_object(v);
	}
	json_close_array(v);
}

/* This page again with the longest list there is; the same search and choices. */
static str address_of_more(struct page_job *j)
{
	static const char *const kept[] = { "search", "namespaces", "languages" };
	str address = arena_printf(j->arena, FMT_STR "?limit=%d", ARG_STR(http_request(j->x)->path), TEXTS_MAX);

	for (size_t i = 0; i < COUNT(kept); i++)
		address = arena_printf(j->arena, FMT_STR FMT_STR, ARG_STR(address),
				       ARG_STR(carried(j, kept[i], page_param(j, str_from(kept[i])))));
	return address;
}

static void extend_project(struct page_job *j, struct json_out *v)
{
	const struct json *project = answer(j, "result"), *texts = answer(j, "texts"), *keys = json_get(texts, S("keys"));
	str language = chosen_language(j);
	bool has_more = json_is_true(json_get(texts, S("has_more")));
	bool longest = keys != NULL && keys->count >= TEXTS_MAX;

	put_project_settings_link(j, v);
	put_str(v, "project_name", json_str(json_get(project, S("name"))));
	put_str(v, "source_language", json_str(json_get(project, S("sl"))));
	put_str(v, "language", language);
	put_param(j, v, "search");
	put_str(v, "delivered", json_str(json_get(json_get(project, S("cdn")), S("mfst"))));
	put_str(v, "more", has_more && !longest ? address_of_more(j) : S(""));
	put_bool(v, "narrow", has_more && longest);
	put_targets(j, v, project, language);
	put_namespaces(j, v, project);
	json_key(v, S("rows"));
	json_open_array(v);
	for (const struct json *k = keys == NULL ? NULL : keys->first; k != NULL; k = k->next)
		put_row(j, v, k, language);
	json_close_array(v);
}

/* The demo app's own page ---------------------------------------------------------------------- */

/* Only what our own tokens and ids are made of goes into lines that a person pastes into a shell: anyone can
 * write a link to this page. */
static bool is_plain(str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if ((c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && c != '_')
			return false;
	}
	return s.n > 0;
}

static void extend_demo(struct page_job *j, struct json_out *v)
{
	static const char *const shown[] = { "code", "state", "iss", "error", "error_description" };

	for (size_t i = 0; i < COUNT(shown); i++)
		put_param(j, v, shown[i]);
	put_str(v, "base", operation_settings(j->call.env)->public_url);
	put_bool(v, "runnable", is_plain(page_param(j, S("code"))) && is_plain(page_param(j, S("state"))));
}

/* Addresses without a template ----------------------------------------------------------------- */

/* The authorize endpoint: to sign-in or to consent; back to the app when the answer says so (page.c). */
static void finish_authorize(struct page_job *j)
{
	const struct json *begun = answer(j, "authorize");
	str request = json_str(json_get(begun, S("request")));
	str next;

	next = arena_printf(j->arena, "/consent?request=" FMT_STR, ARG_STR(page_query_encoded(j, request)));
	if (j->signed_in && !json_is_true(json_get(begun, S("needs_login")))) {
		page_redirect(j, next);
		return;
	}
	page_redirect(j, arena_printf(j->arena, "/login?next=" FMT_STR FMT_STR FMT_STR, ARG_STR(page_query_encoded(j, next)),
				      ARG_STR(carried(j, "ui_locales", json_str(json_get(begun, S("locale"))))),
				      ARG_STR(carried(j, "login_hint", json_str(json_get(begun, S("login_hint")))))));
}

/* The visitor's choice of language, kept in a cookie; 303 back. */
static void finish_language(struct page_job *j)
{
	str next = page_param(j, S("next"));
	bool found;
	size_t language = strings_by_code(page_param(j, S("code")), &found);
	struct http_pair cookie;

	next = page_is_local(next) ? next : S("/");
	if (!found) {
		page_redirect(j, next);
		return;
	}
	cookie = page_cookie(j, S("bi18n_language"), strings_code(language), INT64_C(31536000));
	page_redirect_with(j, next, &cookie, 1);
}

static const struct page pages[] = {
	{ "/", "home", PAGE_MAYBE,
	  { { "user", "account.view" }, { "projects", "project.list_visible" } }, NULL, extend_home, NULL },
	{ "/login", "login", PAGE_POPUP, { { NULL, NULL } }, NULL, extend_login, NULL },
	{ "/language", NULL, PAGE_POPUP, { { NULL, NULL } }, NULL, NULL, finish_language },
	{ "/api/auth/mcp/authorize", NULL, PAGE_POPUP, { { "authorize", "authorize.begin" } }, NULL, NULL, finish_authorize },
	{ "/consent", "consent", PAGE_SIGNED_IN | PAGE_POPUP | PAGE_AWAY,
	  { { "user", "account.view" }, { "resume", "authorize.resume" }, { "result", "consent.view" } }, "consent.js", extend_consent, NULL },
	{ "/complete", "complete", PAGE_SIGNED_IN | PAGE_POPUP | PAGE_AWAY,
	  { { "user", "account.view" }, { "result", "consent.view" } }, NULL, extend_complete, NULL },
	{ "/settings/connected-apps", "connected", PAGE_SIGNED_IN,
	  { { "user", "account.view" }, { "connected", "connected.list" } }, NULL, extend_connected, NULL },
	{ "/settings/apps", "apps", PAGE_SIGNED_IN,
	  { { "user", "account.view" }, { "own", "app.list" }, { "failures", "app.failures" } }, NULL, extend_apps, NULL },
	{ "/settings/apps/:clientId", "app", PAGE_SIGNED_IN,
	  { { "user", "account.view" }, { "app", "app.show" }, { "failures", "app.failures" } }, NULL, extend_app, NULL },
	{ "/settings/sessions", "sessions", PAGE_SIGNED_IN,
	  { { "user", "account.view" }, { "own", "session.list" } }, NULL, extend_sessions, NULL },
	{ "/settings/audit", "audit", PAGE_SIGNED_IN | PAGE_FILTER | PAGE_CORRECTS,
	  { { "user", "account.view" }, { "result", "audit.organization" } }, NULL, extend_audit, NULL },
	{ "/settings/audit/export", NULL, PAGE_SIGNED_IN | PAGE_FILTER, { { NULL, NULL } }, NULL, NULL, finish_audit_export },
	{ "/settings/password", "password", PAGE_SIGNED_IN, { { "user", "account.view" } }, NULL, extend_password, NULL },
	{ "/projects/:orgSlug/:projectSlug", "project", PAGE_SIGNED_IN | PAGE_FILTER,
	  { { "user", "account.view" }, { "result", "project.summary" }, { "texts", "text.all" } }, NULL, extend_project, NULL },
	{ "/projects/:orgSlug/:projectSlug/settings", "project_settings", PAGE_SIGNED_IN,
	  { { "user", "account.view" }, { "result", "project.settings" } }, NULL, extend_project_settings, NULL },
	{ "/demo-app/callback", "demo", PAGE_MAYBE, { { "user", "account.view" } }, NULL, extend_demo, NULL },
};

const struct page *page_rows(size_t *n_out)
{
	*n_out = COUNT(pages);
	return pages;
}
