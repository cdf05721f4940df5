/* SPDX-License-Identifier: MIT */
#include "oauth/authorize_int.h"

#include "access/apps.h"
#include "access/audit.h"
#include "access/bearer.h"
#include "access/rate.h"
#include "crypto/token.h"
#include "oauth/choice.h"
#include "oauth/code.h"
#include "oauth/pkce.h"
#include "oauth/redirect.h"
#include "oauth/resource.h"
#include "store/oauth.h"

/* Each visit is a row until it expires; nobody gets to fill the disk with them. */
enum { SECOND_MS = 1000, VISITS_WINDOW_S = 60 };

const struct field authorize_in_fields[] = {
	FIELD(struct authorize_in, client_id, "client_id"),
	FIELD(struct authorize_in, redirect_uri, "redirect_uri"),
	FIELD(struct authorize_in, response_type, "response_type"),
	FIELD(struct authorize_in, response_mode, "response_mode"),
	FIELD(struct authorize_in, scope, "scope"),
	FIELD(struct authorize_in, state, "state"),
	FIELD(struct authorize_in, code_challenge, "code_challenge"),
	FIELD(struct authorize_in, code_challenge_method, "code_challenge_method"),
	FIELD(struct authorize_in, nonce, "nonce"),
	FIELD(struct authorize_in, prompt, "prompt"),
	FIELD(struct authorize_in, ui_locales, "ui_locales"),
	FIELD(struct authorize_in, login_hint, "login_hint"),
	FIELD(struct authorize_in, request, "request"),
	FIELD(struct authorize_in, request_uri, "request_uri"),
	FIELD(struct authorize_in, authorization_details, "authorization_details"),
	{ .name = "resource",
	  .offset = offsetof(struct authorize_in, resource),
	  .kind = FIELD_STRS },
	FIELD_END
};
const struct field authorize_app_fields[] = {
	FIELD(struct authorize_app, client_id, "client_id"),
	FIELD(struct authorize_app, name, "name"),
	FIELD(struct authorize_app, type, "type"),
	FIELD(struct authorize_app, icon_url, "icon_url", .flags = FIELD_OPTIONAL),
	FIELD(struct authorize_app, verified, "verified"),
	FIELD_END
};
const struct field authorize_out_fields[] = {
	FIELD(struct authorize_out, redirect_to, "redirect_to", .flags = FIELD_OPTIONAL),
	FIELD(struct authorize_out, error, "error", .flags = FIELD_OPTIONAL),
	FIELD(struct authorize_out, error_description, "error_description",
	      .flags = FIELD_OPTIONAL),
	FIELD(struct authorize_out, request, "request", .flags = FIELD_OPTIONAL),
	FIELD(struct authorize_out, phase, "phase", .flags = FIELD_OPTIONAL),
	FIELD(struct authorize_out, needs_login, "needs_login"),
	FIELD_OF_OBJECT(struct authorize_out, app, "app", authorize_app_fields),
	FIELD(struct authorize_out, redirect_host, "redirect_host"),
	FIELD(struct authorize_out, loopback, "loopback"),
	FIELD(struct authorize_out, login_hint, "login_hint", .flags = FIELD_OPTIONAL),
	FIELD(struct authorize_out, locale, "locale", .flags = FIELD_OPTIONAL),
	FIELD_END
};
const struct field authorize_request_in_fields[] = { FIELD(struct authorize_request_in, request,
	                                                   "request", .flags = FIELD_REQUIRED,
	                                                   .min = 1, .max = 255),
	                                             FIELD_END };

struct authorize_app authorize_app_view(const struct app *app)
{
	return (struct authorize_app){ .client_id = app->client_id,
		                       .name = app->name,
		                       .type = app_kind_name(app->kind),
		                       .icon_url = app->verified && app->icon_url.n > 0
		                                           ? app->icon_url
		                                           : STR_NONE,
		                       .verified = app->verified };
}

str authorize_error_uri(struct arena *a, const struct authorization_request *r, str error,
                        str description)
{
	const struct str_pair pairs[] = { { S("error"), error },
		                          { S("error_description"), description },
		                          { S("state"), r->state },
		                          { S("iss"), r->issuer } };

	return redirect_with(a, r->redirect_uri, pairs, COUNT(pairs));
}

/* The request's parameters --------------------------------------------------------------------- */

/* reason: for the record and the developer; absent when it is no mistake of the app. */
static bool wrong(struct begin *b, str error, str reason, str description)
{
	b->error = error;
	b->reason = reason;
	b->description = description;
	return false;
}

/* The developer reads it in the console: what is wrong here is the app's mistake, or somebody else's who names it. */
static bool note_refused(const struct act *act, const struct begin *b, str reason, str value, struct err *e)
{
	const struct audit_detail detail = { .app_id = b->app.id };

	return audit_refusal(act, AUDIT_AUTHORIZE_REFUSED, &detail, reason, value, e);
}

static bool refuse_app(const struct act *act, const struct begin *b, str reason, str value, const char *say,
                       struct err *e)
{
	if (!note_refused(act, b, reason, value, e))
		return false;
	err_set(e, ERR_INVALID_REQUEST, "%s", say);
	e->keep = true;
	return false;
}

/* Whom would we talk to? Nothing is sent anywhere before this is settled (rules 35, 55). */
static bool check_app(const struct act *act, struct begin *b, struct err *e)
{
	const struct authorize_in *in = b->in;

	if (in->client_id.n == 0 || in->client_id.n > AUTHORIZE_PARAMETER_BYTES_MAX)
		return err_set(e, ERR_INVALID_REQUEST, "client_id is missing.");
	if (!apps_find(act->apps, act->arena, in->client_id, &b->app))
		return err_set(e, ERR_INVALID_REQUEST, "No app has this client_id.");
	if (b->app.disabled_ms != 0)
		return refuse_app(act, b, S("disabled"), STR_NONE, "This app has been disabled.", e);
	if (in->redirect_uri.n == 0)
		return refuse_app(act, b, S("redirect_missing"), STR_NONE, "redirect_uri is missing.", e);
	return redirect_matches(&b->app, in->redirect_uri) ||
	       refuse_app(act, b, S("redirect_unregistered"), audit_uri(act->arena, in->redirect_uri),
	                  "Invalid redirect URI: redirect_uri is not one that this app has registered.", e);
}

static bool check_lengths(struct begin *b)
{
	const struct authorize_in *in = b->in;
	const str all[] = { in->response_type,
		            in->response_mode,
		            in->scope,
		            in->code_challenge,
		            in->code_challenge_method,
		            in->nonce,
		            in->prompt,
		            in->ui_locales,
		            in->login_hint };

	for (size_t i = 0; i < COUNT(all); i++) {
		if (all[i].n > AUTHORIZE_PARAMETER_BYTES_MAX)
			return wrong(b, S("invalid_request"), S("too_long"),
				     S("A parameter is longer than 4096 bytes."));
	}
	if (in->state.n > AUTHORIZE_PARAMETER_BYTES_MAX) {
		b->row.state = STR_NONE;
		return wrong(b, S("invalid_request"), S("too_long"),
			     S("state is longer than 4096 bytes."));
	}
	return true;
}

static bool check_response(struct begin *b)
{
	const struct authorize_in *in = b->in;

	if (in->request.n > 0)
		return wrong(b, S("request_not_supported"), S("request_object"),
			     S("Send the parameters themselves."));
	if (in->request_uri.n > 0)
		return wrong(b, S("request_uri_not_supported"), S("request_object"),
			     S("Send the parameters themselves."));
	/* Ignored, they would leave the app with more than it asked for (RFC 9396 5). */
	if (in->authorization_details.n > 0)
		return wrong(b, S("invalid_authorization_details"), S("request_object"),
			     S("No type of authorization_details is known here."));
	if (in->response_type.n == 0)
		return wrong(b, S("invalid_request"), S("response"),
			     S("response_type is missing."));
	if (!str_eq(in->response_type, S("code")))
		return wrong(b, S("unsupported_response_type"), S("response"),
			     S("response_type is code."));
	if (in->response_mode.n > 0 && !str_eq(in->response_mode, S("query")))
		return wrong(b, S("invalid_request"), S("response"),
			     S("response_mode is query."));
	return true;
}

static bool check_prompt(struct begin *b)
{
	str rest = b->in->prompt, word;
	size_t words = 0;

	while (str_cut(&rest, ' ', &word)) {
		if (word.n == 0)
			continue;
		words++;
		if (str_eq(word, S("none")))
			b->prompt.none = true;
		else if (str_eq(word, S("login")) || str_eq(word, S("select_account")))
			b->prompt.login = true;
		else if (str_eq(word, S("consent")))
			b->prompt.consent = true;
		else
			return wrong(b, S("invalid_request"), S("prompt"),
				     S("prompt is none, login, select_account or consent."));
	}
	if (b->prompt.none && words > 1)
		return wrong(b, S("invalid_request"), S("prompt"),
			     S("prompt=none stands alone."));
	b->row.prompt = b->prompt.none      ? S("none")
	                : b->prompt.login   ? S("login")
	                : b->prompt.consent ? S("consent")
	                                    : S("");
	return true;
}

static bool check_pkce(struct begin *b)
{
	const struct authorize_in *in = b->in;

	if (in->code_challenge.n == 0) {
		if (in->code_challenge_method.n > 0)
			return wrong(b, S("invalid_request"), S("pkce_missing"),
				     S("code_challenge is missing."));
		if (b->app.pkce_required || !b->app.confidential)
			return wrong(b, S("invalid_request"), S("pkce_missing"),
				     S("This app has to send a code_challenge (PKCE, S256)."));
		return true;
	}
	/* No method means plain, which shows the verifier to whoever sees the address (RFC
	 * 7636 4.3, RFC 9700 2.1.1). */
	if (!str_eq(in->code_challenge_method, S("S256")))
		return wrong(b, S("invalid_request"), S("pkce_method"),
			     S("code_challenge_method is S256."));
	if (!pkce_challenge_is_sane(in->code_challenge))
		return wrong(b, S("invalid_request"), S("pkce_challenge"),
			     S("code_challenge is 43 characters of base64url."));
	b->row.challenge = in->code_challenge;
	return true;
}

/* What apps get that ask for no platform scope: they asked for nothing, so for the default. */
static int64_t default_scopes(const struct app *app)
{
	int64_t set = 0;

	for (int bit = 0; bit < SCOPE_COUNT; bit++) {
		if (!scope_is_destructive((enum scope_bit)bit))
			set |= SCOPE_OF(bit);
	}
	if (app->mcp_class)
		set = scope_level(S("read"));    /* ruling R7 */
	return set & app->scopes;
}

/* The first word that names no scope, or one outside `allowed`; absent: all are fine. */
static str scope_wrong(struct arena *a, str scope, int64_t allowed)
{
	str word;
	int64_t set;

	while (str_cut(&scope, ' ', &word)) {
		if (!scope_parse(a, word, &set, NULL) || (set & ~allowed) != 0)
			return audit_value(a, word);
	}
	return STR_NONE;
}

static bool check_scope(const struct act *act, struct begin *b)
{
	int64_t set;

	b->row.scope_text = S("");
	b->value = scope_wrong(act->arena, b->in->scope, b->app.scopes);
	if (!scope_parse(act->arena, b->in->scope, &set, &b->row.scope_text))
		return wrong(b, S("invalid_scope"), S("scope_unknown"),
			     S("scope names a scope that does not exist."));
	if ((set & ~b->app.scopes) != 0)
		return wrong(b, S("invalid_scope"), S("scope_forbidden"),
			     S("scope names a scope that this app may not ask for."));
	b->value = STR_NONE;
	b->row.scopes = set == 0 ? default_scopes(&b->app) : set;
	if (b->row.scopes == 0)
		return wrong(b, S("invalid_scope"), S("scope_none"),
			     S("This app may not ask for any scope."));
	return true;
}

bool authorize_check(const struct act *act, struct begin *b)
{
	if (!check_lengths(b) || !check_response(b) || !check_prompt(b) || !check_pkce(b) ||
	    !check_scope(act, b))
		return false;
	return resource_check(act, b->in->resource, S(""), &b->row.resource) ||
	       wrong(b, S("invalid_target"), S("resource"),
		     S("resource does not name this server."));
}

/* Who is there? -------------------------------------------------------------------------------- */

static bool signed_in(const struct act *act)
{
	return act->who->kind == WHO_SESSION;
}

/* Rule 61: only for apps that prove who they are, whose operator has been checked, and when nothing
 * at all has changed. */
static bool consent_remembered(const struct act *act, struct begin *b, bool *out, struct err *e)
{
	struct choice choice = { .scopes = b->row.scopes };
	struct named_projects projects;
	struct grant_rows grants;
	int64_t *ids;

	*out = false;
	if (!b->app.confidential || !b->app.verified)
		return true;
	if (!store_grants_of_app_account(act->db, act->arena, b->app.id, act->who->account_id,
	                                 act->now_ms, &grants, e))
		return false;
	choice.organizations = arena_array(act->arena, struct choice_organization, grants.n + 1);
	for (size_t i = 0; i < grants.n; i++) {
		const struct grant_row *g = &grants.v[i];
		struct choice_organization *o = &choice.organizations[choice.n++];

		if (g->grant.scopes != b->row.scopes || g->grant.suspended_ms != 0 ||
		    !str_eq(g->redirect_host, redirect_host(b->row.redirect_uri)) ||
		    g->grant.projects.mode == PROJECTS_NONE)
			return true;
		*o = (struct choice_organization){ g->grant.organization_id, g->grant.projects };
		if (g->grant.projects.mode != PROJECTS_SELECTED)
			continue;
		if (!store_grant_projects(act->db, act->arena, g->grant.id, &projects, e))
			return false;
		if (projects.n == 0)
			return true;
		ids = arena_array(act->arena, int64_t, projects.n);
		for (size_t k = 0; k < projects.n; k++)
			ids[k] = projects.v[k].id;
		o->projects.ids = ids;
		o->projects.n = projects.n;
	}
	*out = choice.n > 0;
	b->row.choice = choice_text(act->arena, &choice);
	return true;
}

/* The person has approved this app before, or somebody has checked who runs it: errors may go back
 * to it (rule 53). */
static bool may_redirect_errors(const struct act *act, const struct begin *b, bool *out,
                                struct err *e)
{
	struct grant_rows grants = { NULL, 0 };

	*out = b->app.verified;
	if (*out || !signed_in(act))
		return true;
	if (!store_grants_of_app_account(act->db, act->arena, b->app.id, act->who->account_id,
	                                 act->now_ms, &grants, e))
		return false;
	*out = grants.n > 0;
	return true;
}

static bool answer_error(const struct act *act, const struct begin *b, struct authorize_out *out,
                         struct err *e)
{
	bool may;

	if (!may_redirect_errors(act, b, &may, e) ||
	    (b->reason.n > 0 && !note_refused(act, b, b->reason, b->value, e)))
		return false;
	if (!may) {
		err_set(e, ERR_INVALID_REQUEST,
		        "The app's request is wrong, and nothing was sent to it: " FMT_STR
		        " (" FMT_STR ")",
		        ARG_STR(b->description), ARG_STR(b->error));
		e->keep = true;
		return false;
	}
	out->redirect_to = authorize_error_uri(act->arena, &b->row, b->error, b->description);
	out->error = b->error;
	out->error_description = b->description;
	return true;
}

/* Answers -------------------------------------------------------------------------------------- */

static str code_uri(const struct act *act, const struct authorization_request *r, str code)
{
	const struct str_pair pairs[] = { { S("code"), code },
		                          { S("state"), r->state },
		                          { S("iss"), r->issuer } };

	return redirect_with(act->arena, r->redirect_uri, pairs, COUNT(pairs));
}

/* No page may be shown: a remembered consent gives the code at once, all else is an error. */
static bool begin_silently(const struct act *act, struct begin *b, struct authorize_out *out,
                           struct err *e)
{
	bool remembered;
	str code;

	if (!signed_in(act)) {
		wrong(b, S("login_required"), STR_NONE,
		      S("Nobody is signed in."));
		return answer_error(act, b, out, e);
	}
	if (!consent_remembered(act, b, &remembered, e))
		return false;
	if (!remembered) {
		wrong(b, S("consent_required"), STR_NONE,
		      S("The person has to approve this."));
		return answer_error(act, b, out, e);
	}
	b->row.account_id = act->who->account_id;
	if (!code_issue(act, &b->row, act->who->auth_time_ms, &code, e))
		return false;
	out->redirect_to = code_uri(act, &b->row, code);
	return true;
}

/* Once, when the request becomes a person's: whoever is not signed in sees no consent page. */
static bool note_shown(const struct act *act, int64_t app_id, struct err *e)
{
	return audit_add(act, AUDIT_AUTHORIZE_SHOWN, &(struct audit_detail){ .app_id = app_id }, e);
}

static bool begin_with_pages(const struct act *act, struct begin *b, struct authorize_out *out,
                             struct err *e)
{
	str request = token_random(act->arena, TOKEN_REQUEST);
	struct digest d = sha256(request);
	int64_t id;

	out->needs_login = !signed_in(act) || b->prompt.login;
	b->row.account_id = out->needs_login ? 0 : act->who->account_id;
	b->row.phase = S("open");
	out->request = request;
	out->phase = b->row.phase;
	out->login_hint = b->in->login_hint;
	return store_request_insert(act->db, act->arena, d.b, &b->row, &id, e) &&
	       (out->needs_login || note_shown(act, b->app.id, e));
}

static void put_app(const struct act *act, const struct app *app,
                    const struct authorization_request *r, struct authorize_out *out)
{
	out->app = authorize_app_view(app);
	out->redirect_host = redirect_shown(act->arena, r->redirect_uri);
	out->loopback = redirect_is_loopback(r->redirect_uri);
	out->locale = r->locale.n > 0 ? r->locale : STR_NONE;
}

bool authorize_begin(const struct act *act, const void *in, void *out, struct err *e)
{
	struct begin b = { .in = in };

	if (!rate_take(bearers_rates(act->bearers), RATE_AUTHORIZE,
	               address_counted(act->arena, act->address),
	               act->settings->authorize_per_minute_max, VISITS_WINDOW_S, act->now_ms, e) ||
	    !check_app(act, &b, e))
		return false;
	b.row = (struct authorization_request){
		.app_id = b.app.id,
		.redirect_uri = b.in->redirect_uri,
		.state = b.in->state,
		.nonce = b.in->nonce,
		.locale = str_sub(b.in->ui_locales, 0, AUTHORIZE_PARAMETER_BYTES_MAX),
		.issuer = act->settings->public_url,
		.created_ms = act->now_ms,
		.expires_ms = act->now_ms + AUTHORIZE_LIFE_S * SECOND_MS,
	};
	put_app(act, &b.app, &b.row, out);
	if (!authorize_check(act, &b))
		return answer_error(act, &b, out, e);
	return b.prompt.none ? begin_silently(act, &b, out, e) : begin_with_pages(act, &b, out, e);
}

/* Later steps ---------------------------------------------------------------------------------- */

bool authorize_load(const struct act *act, str request, struct authorization_request *out,
                    struct app *app_out, struct err *e)
{
	struct digest d = sha256(request);
	struct authorization_request r;

	if (token_kind_of(request) != TOKEN_REQUEST)
		return err_set(
			e, ERR_NOT_FOUND,
			"This link is not one of ours. Go back to the app and connect again.");
	if (!store_request_find(act->db, act->arena, d.b, &r, e))
		return false;
	if (r.id == 0 || r.expires_ms <= act->now_ms ||
	    !apps_by_id(act->apps, act->arena, r.app_id, app_out))
		return err_set(e, ERR_NOT_FOUND,
		               "This link has expired. Go back to the app and connect again.");
	if (app_out->disabled_ms != 0)
		return err_set(e, ERR_NOT_FOUND, "This app has been disabled.");
	/* Who began it approves it: switching accounts begins anew (rule 66). */
	if (r.account_id != 0 && r.account_id != act->who->account_id)
		return err_set(e, ERR_FORBIDDEN,
		               "Somebody else began this. Go back to the app and connect again.");
	if (str_eq(r.prompt, S("login")) && act->who->auth_time_ms < r.created_ms)
		return err_set(e, ERR_LOGIN_REQUIRED, "The app asks you to sign in again.");
	*out = r;
	return true;
}

static bool used_up(struct err *e)
{
	return err_set(e, ERR_CONFLICT,
	               "This link was used before. Go back to the app and connect again.");
}

bool authorize_resume(const struct act *act, const void *in, void *out, struct err *e)
{
	const struct authorize_request_in *i = in;
	struct authorize_out *o = out;
	struct authorization_request r;
	struct app app;
	bool done = true;

	if (!authorize_load(act, i->request, &r, &app, e))
		return false;
	if (str_eq(r.phase, S("open")) &&
	    !store_request_claim(act->db, act->arena, r.id, act->who->account_id, act->now_ms,
	                         &done, e))
		return false;
	if (!done || str_eq(r.phase, S("spent")) || str_eq(r.phase, S("denied")))
		return used_up(e);
	if (r.account_id == 0 && !note_shown(act, app.id, e))
		return false;
	o->request = i->request;
	o->phase = r.phase;
	put_app(act, &app, &r, o);
	return true;
}

bool authorize_complete(const struct act *act, const void *in, void *out, struct err *e)
{
	const struct authorize_request_in *i = in;
	struct authorize_out *o = out;
	struct authorization_request r;
	struct app app;
	bool done;
	str code;

	if (!authorize_load(act, i->request, &r, &app, e) ||
	    !store_request_spend(act->db, act->arena, r.id, act->who->account_id, act->now_ms,
	                         &done, e))
		return false;
	if (!done)
		return used_up(e);
	put_app(act, &app, &r, o);
	if (!code_issue(act, &r, act->who->auth_time_ms, &code, e))
		return false;
	o->redirect_to = code_uri(act, &r, code);
	return true;
}
