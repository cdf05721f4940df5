/* SPDX-License-Identifier: MIT
 *
 * The pages as a table. A new page is a row, a template and, where its view needs more than operations answer, an `extend`. */
#include "web/page.h"
#include "web/assets.h"
#include "web/rows.h"

#include "base/clock.h"
#include "base/text.h"

static void put_param(struct page_job *j, struct json_out *v, const char *name)
{
	str value = page_param(j, str_from(name));

	json_key(v, str_from(name));
	json_put_str(v, value.p == NULL ? S("") : value);
}

/* The answer of the step with this key; NULL: not asked. */
static const struct json *answer(const struct page_job *j, const char *key)
{
	for (int i = 0; i < j->step; i++) {
		if (str_eq(str_from(j->page->steps[i].key), str_from(key)))
			return j->answers[i];
	}
	return NULL;
}

static void put_str(struct json_out *v, const char *name, str value)
{
	json_key(v, str_from(name));
	json_put_str(v, value);
}

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
		put_str(v, "role", json_str(json_get(o, S("role"))));
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
	json_key(v, S("hide_sign_in"));
	json_put_bool(v, true);
}

/* Consent -------------------------------------------------------------------------------------- */

static void put_scopes(struct page_job *j, struct json_out *v)
{
	json_key(v, S("scopes"));
	json_open_array(v);
	for (const struct json *s = json_get(answer(j, "result"), S("scopes"))->first; s != NULL; s = s->next) {
		str name = json_str(json_get(s, S("name")));
		str key = arena_printf(j->arena, "scopes." FMT_STR, ARG_STR(name));
		char *colon = (char *)(uintptr_t)key.p;

		for (size_t i = 0; i < key.n; i++)
			colon[i] = colon[i] == ':' ? '_' : colon[i];
		json_open_object(v);
		put_str(v, "name", name);
		put_str(v, "text", strings_named(j->language, key));
		json_key(v, S("destructive"));
		json_put_bool(v, json_is_true(json_get(s, S("destructive"))));
		json_key(v, S("preselected"));
		json_put_bool(v, json_is_true(json_get(s, S("preselected"))));
		json_close_object(v);
	}
	json_close_array(v);
}

static void extend_consent(struct page_job *j, struct json_out *v)
{
	str problem = page_param(j, S("problem"));

	put_param(j, v, "request");
	put_scopes(j, v);
	json_key(v, S("all_projects"));
	json_put_bool(v, !str_eq(json_str(json_get(answer(j, "result"), S("project_access"))), S("selected")));
	for (size_t i = 0; i < 3; i++) {
		static const char *const problems[] = { "organization", "project", "scope" };

		json_key(v, arena_printf(j->arena, "problem_%s", problems[i]));
		json_put_bool(v, str_eq(problem, str_from(problems[i])));
	}
	j->form_action = json_str(json_get(answer(j, "result"), S("redirect_origin")));
}

static void extend_complete(struct page_job *j, struct json_out *v)
{
	put_param(j, v, "request");
	j->form_action = json_str(json_get(answer(j, "result"), S("redirect_origin")));
}

/* Connected apps ------------------------------------------------------------------------------- */

static void put_day(struct json_out *v, const struct json *grant, const char *from, const char *to)
{
	str at = json_str(json_get(grant, str_from(from)));

	put_str(v, to, str_sub(at, 0, 10));
}

static void put_grant(struct json_out *v, const struct json *app, const struct json *grant)
{
	json_open_object(v);
	for (const struct json *m = grant->first; m != NULL; m = m->next) {
		json_key(v, m->name);
		json_put(v, m);
	}
	put_str(v, "app_name", json_str(json_get(app, S("name"))));
	json_key(v, S("all_projects"));
	json_put_bool(v, !str_eq(json_str(json_get(grant, S("project_access"))), S("selected")));
	put_day(v, grant, "created_at", "created_day");
	put_day(v, grant, "last_used_at", "last_used_day");
	json_close_object(v);
}

static void extend_connected(struct page_job *j, struct json_out *v)
{
	const struct json *apps = json_get(answer(j, "connected"), S("apps"));

	json_key(v, S("done"));
	json_put_bool(v, page_param_is(j, S("done"), S("1")));
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
			put_grant(v, app, g);
		json_close_array(v);
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
	json_key(v, S("has"));
	json_put_bool(v, text != NULL);
	put_str(v, "text", json_str(json_get(text, S("t"))));
	put_str(v, "state", state.n == 0 ? S("") :
		strings_named(j->language, arena_printf(j->arena, "states." FMT_STR, ARG_STR(state))));
	json_close_object(v);
}

static void extend_project(struct page_job *j, struct json_out *v)
{
	const struct json *project = answer(j, "result"), *keys = json_get(answer(j, "texts"), S("keys"));
	str language = chosen_language(j);

	put_str(v, "project_name", json_str(json_get(project, S("prj"))));
	put_str(v, "source_language", json_str(json_get(project, S("sl"))));
	put_str(v, "language", language);
	put_param(j, v, "search");
	put_str(v, "delivered", json_str(json_get(json_get(project, S("cdn")), S("mfst"))));
	json_key(v, S("targets"));
	json_open_array(v);
	for (const struct json *l = json_get(project, S("lng"))->first; l != NULL; l = l->next) {
		json_open_object(v);
		put_str(v, "code", l->text);
		json_key(v, S("current"));
		json_put_bool(v, str_eq(l->text, language));
		json_close_object(v);
	}
	json_close_array(v);
	json_key(v, S("rows"));
	json_open_array(v);
	for (const struct json *k = keys == NULL ? NULL : keys->first; k != NULL; k = k->next)
		put_row(j, v, k, language);
	json_close_array(v);
}

/* The demo app's own page ---------------------------------------------------------------------- */

static void extend_demo(struct page_job *j, struct json_out *v)
{
	static const char *const shown[] = { "code", "state", "iss", "error", "error_description" };

	for (size_t i = 0; i < COUNT(shown); i++)
		put_param(j, v, shown[i]);
	put_str(v, "base", operation_settings(j->call.env)->public_url);
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
	page_redirect(j, arena_printf(j->arena, "/login?next=" FMT_STR, ARG_STR(page_query_encoded(j, next))));
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
	{ "/", "home", "home.title", PAGE_MAYBE,
	  { { "user", "account.view" }, { "projects", "project.list_visible" } }, NULL, extend_home, NULL },
	{ "/login", "login", "login.title", PAGE_POPUP, { { NULL, NULL } }, NULL, extend_login, NULL },
	{ "/language", NULL, NULL, 0, { { NULL, NULL } }, NULL, NULL, finish_language },
	{ "/api/auth/mcp/authorize", NULL, NULL, PAGE_POPUP, { { "authorize", "authorize.begin" } }, NULL, NULL, finish_authorize },
	{ "/consent", "consent", "common.permissions", PAGE_SIGNED_IN | PAGE_POPUP,
	  { { "user", "account.view" }, { "resume", "authorize.resume" }, { "result", "consent.view" } }, "consent.js", extend_consent, NULL },
	{ "/complete", "complete", "complete.title", PAGE_SIGNED_IN | PAGE_POPUP,
	  { { "user", "account.view" }, { "result", "consent.view" } }, NULL, extend_complete, NULL },
	{ "/settings/connected-apps", "connected", "connected.title", PAGE_SIGNED_IN,
	  { { "user", "account.view" }, { "connected", "connected.list" } }, NULL, extend_connected, NULL },
	{ "/projects/:orgSlug/:projectSlug", "project", "common.project", PAGE_SIGNED_IN,
	  { { "user", "account.view" }, { "result", "project.summary" }, { "texts", "text.all" } }, NULL, extend_project, NULL },
	{ "/demo-app/callback", "demo", "demo.title", 0, { { NULL, NULL } }, NULL, extend_demo, NULL },
};

const struct page *page_rows(size_t *n_out)
{
	*n_out = COUNT(pages);
	return pages;
}
