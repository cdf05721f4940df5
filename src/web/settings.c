/* SPDX-License-Identifier: MIT */
#include "web/settings.h"

#include "base/text.h"
#include "web/failures.h"
#include "web/rows.h"
#include "web/view.h"

#include <string.h>

/* The verifier and challenge of RFC 7636, appendix B: known to everybody, for trying an app out by hand. */
#define TRY_VERIFIER  "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
#define TRY_CHALLENGE "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"

enum { FIELDS_ADDED_MAX = 64, ECHO_BYTES_MAX = 16 * 1024, FIELD_NAME_BYTES_MAX = 32,
       LISTED_MAX = 5 };    /* failures of each app in a list of all (oauth/app_failures.h) */

/* The field that was refused: named by the operation, or the first word of a check of fields ("name: …"). */
static str refused_field(const struct err *e)
{
	str say = str_from(e->say);
	ptrdiff_t colon = str_index(say, ':');

	if (e->required.n > 0)
		return e->required;
	return colon > 0 && colon <= FIELD_NAME_BYTES_MAX ? str_sub(say, 0, (size_t)colon) : STR_NONE;
}

/* Asked by a form on this page, and refused: says so once, beside the field where one is known. */
static void put_problem(struct page_job *j, struct json_out *v, const char *const *fields, size_t fields_n)
{
	const struct err *e = j->form_error;
	str field = e == NULL ? STR_NONE : refused_field(e);
	bool known = false;

	for (size_t i = 0; i < fields_n; i++) {
		bool hit = field.n > 0 && str_eq(field, str_from(fields[i]));

		put_bool(v, arena_cstr(j->arena, arena_printf(j->arena, "problem_%s", fields[i])), hit);
		known |= hit;
	}
	put_bool(v, "problem", e != NULL);
	put_bool(v, "problem_other", e != NULL && !known);
	put_str(v, "problem_text", e == NULL ? S("") : str_from(e->say));
}

static void put_done(struct page_job *j, struct json_out *v)
{
	put_bool(v, "done", page_param(j, S("done")).n > 0 && j->form == NULL);
}

/* Apps: what can go wrong ---------------------------------------------------------------------- */

static void put_failures(struct page_job *j, struct json_out *v, str client_id)
{
	const struct json *all = json_get(answer(j, "failures"), S("failures"));
	int64_t n = 0;

	json_key(v, S("failures"));
	json_open_array(v);
	for (const struct json *f = all == NULL ? NULL : all->first; f != NULL; f = f->next) {
		if (!str_eq(json_str(json_get(f, S("clientId"))), client_id))
			continue;
		n++;
		json_open_object(v);
		put_str(v, "at", json_str(json_get(f, S("at"))));
		put_str(v, "minute", minute_of(j, json_str(json_get(f, S("at")))));
		put_str(v, "kind", json_str(json_get(f, S("kind"))));
		put_str(v, "address", json_str(json_get(f, S("address"))));
		put_str(v, "text", failure_words(j, json_str(json_get(f, S("kind"))), json_str(json_get(f, S("reason")))));
		put_str(v, "value", json_str(json_get(f, S("value"))));
		json_close_object(v);
	}
	json_close_array(v);
	put_str(v, "failures_n", n == 0 ? S("") : arena_printf(j->arena, n < LISTED_MAX ? "%lld" : "%lld+", (long long)n));
}

/* Apps: the page ------------------------------------------------------------------------------- */

/* Where the app's own link would begin: the first redirect URI, all its scopes. */
static str try_address(struct page_job *j, const struct json *app, bool has_secret)
{
	const struct json *uris = json_get(app, S("redirectUris")), *scopes = json_get(app, S("scopes"));
	str uri = uris == NULL || uris->first == NULL ? S("") : uris->first->text;
	struct buf b;

	buf_init_arena(&b, j->arena, ECHO_BYTES_MAX);
	for (const struct json *s = scopes == NULL ? NULL : scopes->first; s != NULL; s = s->next) {
		if (b.n > 0)
			BUF_LIT(&b, " ");
		buf_str(&b, s->text);
	}
	return arena_printf(j->arena, "/api/auth/mcp/authorize?response_type=code" FMT_STR FMT_STR FMT_STR "&state=try-it%s",
			    ARG_STR(carried(j, "client_id", json_str(json_get(app, S("clientId"))))),
			    ARG_STR(carried(j, "redirect_uri", uri)), ARG_STR(carried(j, "scope", buf_view(&b))),
			    has_secret ? "" : "&code_challenge_method=S256&code_challenge=" TRY_CHALLENGE);
}

static void put_app(struct page_job *j, struct json_out *v, const struct json *app)
{
	str type = json_str(json_get(app, S("type")));
	bool has_secret = str_eq(type, S("web"));

	json_open_object(v);
	for (const struct json *m = app->first; m != NULL; m = m->next) {
		json_key(v, m->name);
		json_put(v, m);
	}
	put_str(v, "type_name", words(j, "appTypes", type));
	put_bool(v, "has_secret", has_secret);
	put_bool(v, "disabled", json_str(json_get(app, S("disabledAt"))).n > 0);
	put_day(v, app, "createdAt", "created_day");
	put_day(v, app, "disabledAt", "disabled_day");
	put_str(v, "try", try_address(j, app, has_secret));
	put_permissions(j, v, json_get(app, S("scopes")));
	put_failures(j, v, json_str(json_get(app, S("clientId"))));
	json_close_object(v);
}

static void put_types(struct page_job *j, struct json_out *v, str chosen)
{
	static const char *const types[] = { "web", "native", "spa" };

	json_key(v, S("types"));
	json_open_array(v);
	for (size_t i = 0; i < COUNT(types); i++) {
		json_open_object(v);
		put_str(v, "value", str_from(types[i]));
		put_str(v, "name", words(j, "appTypes", str_from(types[i])));
		put_str(v, "help", words(j, "appTypeHelp", str_from(types[i])));
		put_bool(v, "chosen", chosen.n == 0 ? i == 0 : str_eq(chosen, str_from(types[i])));
		json_close_object(v);
	}
	json_close_array(v);
}

/* What was typed, when it has to be typed again. */
static void put_typed(struct page_job *j, struct json_out *v)
{
	static const char *const texts[] = { "name", "redirect_uris", "iconUrl" };
	bool again = j->form_error != NULL && page_param(j, S("name")).p != NULL;
	str none = STR_NONE;

	json_key(v, S("typed"));
	json_open_object(v);
	for (size_t i = 0; i < COUNT(texts); i++)
		put_str(v, texts[i], again ? str_sub(page_param(j, str_from(texts[i])), 0, ECHO_BYTES_MAX) : S(""));
	json_close_object(v);
	put_types(j, v, again ? page_param(j, S("type")) : none);
	put_administered(j, v, again ? page_param(j, S("organization")) : none);
}

void extend_apps(struct page_job *j, struct json_out *v)
{
	static const char *const fields[] = { "name", "type", "redirectUris", "iconUrl", "limit" };
	const struct json *apps = json_get(answer(j, "own"), S("apps"));

	put_done(j, v);
	put_bool(v, "deleted", page_param(j, S("deleted")).n > 0 && j->form == NULL);
	put_problem(j, v, fields, COUNT(fields));
	put_typed(j, v);
	if (j->form_answer != NULL) {
		json_key(v, S("made"));
		json_put(v, j->form_answer);
	}
	put_str(v, "verifier", S(TRY_VERIFIER));
	json_key(v, S("apps"));
	json_open_array(v);
	for (const struct json *app = apps == NULL ? NULL : apps->first; app != NULL; app = app->next)
		put_app(j, v, app);
	json_close_array(v);
}

/* One app; "one" is a list of it, so that both pages share their parts. */
void extend_app(struct page_job *j, struct json_out *v)
{
	const struct json *app = answer(j, "app");

	put_str(v, "verifier", S(TRY_VERIFIER));
	json_key(v, S("one"));
	json_open_array(v);
	if (app != NULL)
		put_app(j, v, app);
	json_close_array(v);
}

/* Apps: the form ------------------------------------------------------------------------------- */

/* The text area holds one redirect URI a line; the operation takes a list. */
void prepare_app_act(struct page_job *j)
{
	struct param *params = arena_array(j->arena, struct param, j->params_n + FIELDS_ADDED_MAX);
	str rest = page_param(j, S("redirect_uris")), line;
	size_t n = j->params_n;

	memcpy(params, j->params, n * sizeof(*params));
	while (n < j->params_n + FIELDS_ADDED_MAX && str_cut(&rest, '\n', &line)) {
		if (str_ends(line, S("\r")))
			line = str_sub(line, 0, line.n - 1);
		line = str_trim(line);
		if (line.n > 0)
			params[n++] = (struct param){ S("redirectUris"), line };
	}
	j->params = params;
	j->params_n = n;
	page_rename(j, S("icon_url"), S("iconUrl"));
	page_rename(j, S("client_id"), S("clientId"));
}

static const struct { const char *decision, *operation; } app_acts[] = {
	{ "register", "app.add" },
	{ "rotate",   "app.rotate_secret" },
	{ "disable",  "app.disable" },
	{ "delete",   "app.delete" },
};

const char *choose_app_act(struct page_job *j)
{
	str decision = page_param(j, S("decision"));

	for (size_t i = 0; i < COUNT(app_acts); i++) {
		if (str_eq(decision, str_from(app_acts[i].decision)))
			return app_acts[i].operation;
	}
	return NULL;
}

static void refuse_decision(struct page_job *j, const char *say)
{
	struct err refused;

	err_set(&refused, ERR_INVALID_REQUEST, "%s", say);
	page_error(j, &refused);
}

static bool is_for_the_form(const struct err *e)
{
	return e->code == ERR_INVALID_REQUEST || e->code == ERR_INVALID_SCOPE || e->code == ERR_CONFLICT;
}

/* A secret is on the page that answers, and on no other: no-store, and the store has only its digest. */
void finish_app_act(struct page_job *j, bool ok, const struct err *e)
{
	if (j->call.op == NULL)
		refuse_decision(j, "decision: register, rotate, disable or delete is needed.");
	else if (!ok && is_for_the_form(e))
		page_show(j, "/settings/apps", err_status(e->code), e);
	else if (!ok)
		page_error(j, e);
	else if (page_param_is(j, S("decision"), S("disable")))
		page_redirect(j, S("/settings/apps?done=1"));
	else if (page_param_is(j, S("decision"), S("delete")))
		page_redirect(j, S("/settings/apps?deleted=1"));
	else
		page_show(j, "/settings/apps", 200, NULL);
}

/* Sign-ins ------------------------------------------------------------------------------------- */

void extend_sessions(struct page_job *j, struct json_out *v)
{
	const struct json *all = json_get(answer(j, "own"), S("sessions"));

	put_done(j, v);
	put_bool(v, "several", all != NULL && all->count > 1);
	json_key(v, S("sessions"));
	json_open_array(v);
	for (const struct json *s = all == NULL ? NULL : all->first; s != NULL; s = s->next) {
		json_open_object(v);
		for (const struct json *m = s->first; m != NULL; m = m->next) {
			json_key(v, m->name);
			json_put(v, m);
		}
		put_str(v, "created_minute", minute_of(j, json_str(json_get(s, S("createdAt")))));
		put_str(v, "seen_minute", minute_of(j, json_str(json_get(s, S("seenAt")))));
		json_close_object(v);
	}
	json_close_array(v);
}

const char *choose_session_act(struct page_job *j)
{
	if (page_param_is(j, S("decision"), S("revoke")))
		return "session.revoke";
	return page_param_is(j, S("decision"), S("revoke-others")) ? "session.revoke_others" : NULL;
}

void finish_session_act(struct page_job *j, bool ok, const struct err *e)
{
	if (j->call.op == NULL)
		refuse_decision(j, "decision: revoke or revoke-others is needed.");
	else if (!ok)
		page_error(j, e);
	else
		page_redirect(j, S("/settings/sessions?done=1"));
}

/* Password ------------------------------------------------------------------------------------- */

void extend_password(struct page_job *j, struct json_out *v)
{
	const struct err *e = j->form_error;

	put_done(j, v);
	put_bool(v, "wrong", e != NULL && e->code == ERR_FORBIDDEN);
	put_bool(v, "unfit", e != NULL && e->code == ERR_INVALID_REQUEST);
	json_key(v, S("limited"));
	json_put_i64(v, e != NULL && e->code == ERR_RATE_LIMITED ? e->retry_after_s : 0);
}

void prepare_password(struct page_job *j)
{
	page_rename(j, S("old_password"), S("oldPassword"));
	page_rename(j, S("new_password"), S("newPassword"));
}

void finish_password(struct page_job *j, bool ok, const struct err *e)
{
	if (ok) {
		page_redirect(j, S("/settings/password?done=1"));
	} else if (e->code == ERR_FORBIDDEN || e->code == ERR_INVALID_REQUEST || e->code == ERR_RATE_LIMITED) {
		j->retry_after_s = e->retry_after_s;
		page_show(j, "/settings/password", err_status(e->code), e);
	} else {
		page_error(j, e);
	}
}
