/* SPDX-License-Identifier: MIT */
#include "oauth/scene_test.h"

#include "oauth/app.h"
#include "store/account.h"

#include <stdio.h>
#include <string.h>

enum { SECOND = 1000 };

static struct authorize_out begin_as(struct scene *s, const struct principal *who,
                                     const struct authorize_in *in, struct err *e)
{
	struct authorize_out out = { 0 };

	if (scene_write(s, who, authorize_begin, in, &out, e))
		e->code = ERR_NONE;
	return out;
}

/* Begins as the owner; what the app would be told, absent: a page would be shown. */
static str error_of(struct scene *s, const struct authorize_in *in)
{
	struct err e;
	struct authorize_out out = begin_as(s, &s->owner, in, &e);

	CHECK_I64(e.code, ERR_NONE);
	CHECK((out.error.p == NULL) == (out.request.p != NULL));
	return out.error;
}

static bool has(str text, const char *part)
{
	return str_find(text, str_from(part)) >= 0;
}

static str begin_request(struct scene *s, const struct authorize_in *in)
{
	struct err e;
	struct authorize_out out = begin_as(s, &s->owner, in, &e);

	CHECK(out.request.n > 0);
	return out.request;
}

SCENE_TEST(rule_035_a_wrong_app_or_redirect_uri_is_told_to_nobody)
{
	struct authorize_in good = scene_authorize(&s->partner, false), in;
	struct err e;

	in = good;
	in.client_id = S("app_unknown");
	CHECK(begin_as(s, &s->owner, &in, &e).redirect_to.p == NULL);
	CHECK_I64(e.code, ERR_INVALID_REQUEST);
	in = good;
	in.redirect_uri = S("https://evil.example/cb");
	in.prompt = S("none");                                   /* rule 55 */
	CHECK(begin_as(s, &s->owner, &in, &e).redirect_to.p == NULL);
	CHECK_I64(e.code, ERR_INVALID_REQUEST);
	in = good;
	in.redirect_uri = STR_NONE;                              /* rule 41 */
	begin_as(s, &s->owner, &in, &e);
	CHECK_I64(e.code, ERR_INVALID_REQUEST);
	CHECK(scene_app_disable(s, &s->partner));
	begin_as(s, &s->owner, &good, &e);
	CHECK_I64(e.code, ERR_INVALID_REQUEST);
}

SCENE_TEST(rule_042_response_type_is_code)
{
	struct authorize_in in = scene_authorize(&s->partner, false);

	in.response_type = STR_NONE;
	CHECK_STR(error_of(s, &in), S("invalid_request"));
	in.response_type = S("token");
	CHECK_STR(error_of(s, &in), S("unsupported_response_type"));
}

SCENE_TEST(rule_047_errors_go_back_with_state_and_issuer)
{
	struct authorize_in in = scene_authorize(&s->partner, false);
	struct authorize_out out;
	struct err e;

	in.scope = S("nonsense");
	out = begin_as(s, &s->nobody, &in, &e);
	CHECK(str_starts(out.redirect_to,
	                 S(WEB_REDIRECT "?error=invalid_scope&error_description=")));
	CHECK(has(out.redirect_to, "&state=st%261"));
	CHECK(has(out.redirect_to, "&iss=http%3A%2F%2F127.0.0.1%3A52490"));
	in.state = STR_NONE;
	out = begin_as(s, &s->nobody, &in, &e);
	CHECK(!has(out.redirect_to, "state="));
}

SCENE_TEST(rule_048_scope_empty_is_the_default_and_unknown_is_refused)
{
	struct authorize_in in = scene_authorize(&s->partner, false);
	struct authorize_request_in view = { 0 };
	struct consent_view_out out = { 0 };
	struct err e;

	in.scope = S("");
	view.request = begin_request(s, &in);
	CHECK(scene_read(s, &s->owner, consent_view, &view, &out, &e));
	CHECK_I64((int64_t)out.scopes.n, 9);
	in.scope = S("keys:read keys:reed");
	CHECK_STR(error_of(s, &in), S("invalid_scope"));
	in.scope = S("keys:read keys:read openid");
	view.request = begin_request(s, &in);
	CHECK(scene_read(s, &s->owner, consent_view, &view, &out, &e));
	CHECK_I64((int64_t)out.scopes.n, 1);
}

SCENE_TEST(rule_053_errors_of_unknown_operators_stay_here)
{
	str redirect = S("https://unchecked.example/cb");
	struct app_add_in add = { .name = S("Unchecked"),
		                  .type = S("web"),
		                  .redirect_uris = { &redirect, 1, true } };
	struct app_view app = { 0 };
	struct scene_app unchecked;
	struct authorize_in in;
	struct authorize_out out;
	struct err e;

	CHECK(scene_write(s, &s->owner, app_add, &add, &app, &e));
	CHECK(!app.verified);
	unchecked = (struct scene_app){ app.client_id, app.client_secret, redirect };
	in = scene_authorize(&unchecked, false);
	in.scope = S("nonsense");
	out = begin_as(s, &s->owner, &in, &e);
	CHECK(out.redirect_to.p == NULL && e.code == ERR_INVALID_REQUEST &&
	      has(str_from(e.say), "invalid_scope"));
	scene_connect(s, &unchecked);
	out = begin_as(s, &s->owner, &in, &e);
	CHECK(out.redirect_to.n > 0);
	out = begin_as(s, &s->nobody, &in, &e);
	CHECK(out.redirect_to.p == NULL && e.code == ERR_INVALID_REQUEST);
}

SCENE_TEST(rule_054_prompt_none_shows_no_page)
{
	struct authorize_in in = scene_authorize(&s->partner, false);
	struct authorize_out out;
	struct err e;

	in.prompt = S("none");
	out = begin_as(s, &s->nobody, &in, &e);
	CHECK_STR(out.error, S("login_required"));
	CHECK_STR(error_of(s, &in), S("consent_required"));
	in.prompt = S("none login");
	CHECK_STR(error_of(s, &in), S("invalid_request"));
	in.prompt = S("nonsense");
	CHECK_STR(error_of(s, &in), S("invalid_request"));
}

SCENE_TEST(rule_054_prompt_login_asks_for_the_password_again)
{
	struct authorize_in in = scene_authorize(&s->partner, false);
	struct authorize_request_in view = { 0 };
	struct consent_view_out out = { 0 };
	struct authorize_out begun;
	struct err e;

	s->act.now_ms += 5 * SECOND;
	in.prompt = S("login");
	begun = begin_as(s, &s->owner, &in, &e);
	CHECK(begun.needs_login);
	view.request = begun.request;
	CHECK(!scene_read(s, &s->owner, consent_view, &view, &out, &e));
	CHECK_I64(e.code, ERR_LOGIN_REQUIRED);
	s->owner.auth_time_ms = s->act.now_ms;
	CHECK(scene_read(s, &s->owner, consent_view, &view, &out, &e));
}

SCENE_TEST(rule_056_resources_are_ours)
{
	static const str ours[] = { STR("http://127.0.0.1:52490/") },
			 others[] = { STR("http://127.0.0.1:52490.evil/") };
	struct authorize_in in = scene_authorize(&s->partner, false);

	in.resource = (struct strs){ ours, 1, true };
	CHECK(error_of(s, &in).p == NULL);
	in.resource = (struct strs){ others, 1, true };
	CHECK_STR(error_of(s, &in), S("invalid_target"));
}

SCENE_TEST(rule_060_parameters_have_a_length)
{
	struct authorize_in in = scene_authorize(&s->partner, false);
	char *long_text = arena_alloc(s->arena, 5000);
	struct authorize_out out;
	struct err e;

	memset(long_text, 'x', 5000);
	in.state = (str){ long_text, 1024 };                      /* rule 45 */
	CHECK(error_of(s, &in).p == NULL);
	in.state = (str){ long_text, 5000 };
	out = begin_as(s, &s->owner, &in, &e);
	CHECK_STR(out.error, S("invalid_request"));
	CHECK(!has(out.redirect_to, "state="));
	in.state = STR_NONE;
	in.nonce = (str){ long_text, 5000 };
	CHECK_STR(error_of(s, &in), S("invalid_request"));
}

SCENE_TEST(authorize_is_not_a_way_to_fill_the_disk)
{
	struct authorize_in in = scene_authorize(&s->partner, false);
	struct err e = { 0 };

	for (int i = 0; i < 700 && e.code == ERR_NONE; i++)
		begin_as(s, &s->nobody, &in, &e);
	CHECK_I64(e.code, ERR_RATE_LIMITED);
	s->act.address = S("198.51.100.9");
	CHECK(error_of(s, &in).p == NULL);
}

SCENE_TEST(rule_087_public_apps_need_pkce)
{
	struct authorize_in in = scene_authorize(&s->spa, false);

	CHECK_STR(error_of(s, &in), S("invalid_request"));
	in = scene_authorize(&s->spa, true);
	CHECK(error_of(s, &in).p == NULL);
	in = scene_authorize(&s->partner, false);                 /* ruling R8 */
	CHECK(error_of(s, &in).p == NULL);
}

SCENE_TEST(rule_088_only_s256)
{
	static const str methods[] = {
		STR("plain"), STR("s256"), STR(""), { NULL, 0 }, STR("S512")
	};
	struct authorize_in in = scene_authorize(&s->spa, true);

	for (size_t i = 0; i < COUNT(methods); i++) {
		in.code_challenge_method = methods[i];
		CHECK_STR(error_of(s, &in), S("invalid_request"));
	}
	in.code_challenge_method = S("S256");
	in.code_challenge = S("short");
	CHECK_STR(error_of(s, &in), S("invalid_request"));
}

/* Consent -------------------------------------------------------------------------------------- */

static struct consent_in decision(str request, const str *organizations, size_t n)
{
	static const str scopes[] = { STR("keys:read") };

	return (struct consent_in){ .request = request,
		                    .decision = S("approve"),
		                    .project_access = S("all"),
		                    .organizations = { organizations, n, true },
		                    .scopes = { scopes, 1, true } };
}

static enum err_code decide(struct scene *s, const struct principal *who,
                            const struct consent_in *in, struct err *e)
{
	struct consent_out out = { 0 };

	return scene_write(s, who, consent_decide, in, &out, e) ? ERR_NONE : e->code;
}

static const str acme[] = { STR("acme") };

SCENE_TEST(rule_065_what_the_pages_carry_is_not_redeemable)
{
	struct authorize_in in = scene_authorize(&s->partner, false);
	struct token_in exchange = scene_exchange_in(&s->partner, begin_request(s, &in), false);
	struct token_out out = { 0 };
	struct err e;

	CHECK(!scene_write(s, &s->nobody, token_exchange, &exchange, &out, &e));
	CHECK_I64(e.code, ERR_INVALID_GRANT);
}

SCENE_TEST(rule_066_another_person_cannot_go_on)
{
	struct authorize_in in = scene_authorize(&s->partner, false);
	struct consent_in consent = decision(begin_request(s, &in), acme, 1);
	struct authorize_request_in request = { consent.request };
	struct consent_view_out view = { 0 };
	struct authorize_out out = { 0 };
	struct err e;

	CHECK(!scene_read(s, &s->member, consent_view, &request, &view, &e) &&
	      e.code == ERR_FORBIDDEN);
	CHECK_I64(decide(s, &s->member, &consent, &e), ERR_FORBIDDEN);
	CHECK_I64(decide(s, &s->owner, &consent, &e), ERR_NONE);
	CHECK(!scene_write(s, &s->member, authorize_complete, &request, &out, &e) &&
	      e.code == ERR_FORBIDDEN);
}

SCENE_TEST(rule_066_signing_in_makes_the_request_ones_own)
{
	struct authorize_in in = scene_authorize(&s->partner, false);
	struct authorize_request_in request;
	struct authorize_out begun, out = { 0 };
	struct err e;

	begun = begin_as(s, &s->nobody, &in, &e);
	CHECK(begun.needs_login);
	request.request = begun.request;
	CHECK(scene_write(s, &s->owner, authorize_resume, &request, &out, &e));
	CHECK_STR(out.phase, S("open"));
	CHECK(!scene_write(s, &s->member, authorize_resume, &request, &out, &e) &&
	      e.code == ERR_FORBIDDEN);
}

SCENE_TEST(rule_066_another_account_asks_the_same_anew)
{
	struct authorize_in in = scene_authorize(&s->partner, true);
	struct authorize_request_in request;
	struct consent_view_out view = { 0 };
	struct err e;

	in.scope = S("openid translations:publish keys:read");
	in.state = S("a b&c");
	request.request = begin_request(s, &in);
	CHECK(scene_read(s, &s->owner, consent_view, &request, &view, &e));
	CHECK(str_find(view.again, S("scope=keys%3Aread%20translations%3Apublish%20openid&")) > 0);
	CHECK(str_find(view.again, S("&state=a%20b%26c&")) > 0);
	CHECK(str_find(view.again, S("&code_challenge_method=S256&")) > 0);
	CHECK(str_ends(view.again, S("&prompt=login")));
}

SCENE_TEST(rule_067_destructive_scopes_are_not_ticked)
{
	struct authorize_in in = scene_authorize(&s->partner, false);
	struct authorize_request_in request;
	struct consent_view_out out = { 0 };
	const struct consent_scope *scopes;
	struct err e;

	in.scope = S("translations:publish keys:read");
	request.request = begin_request(s, &in);
	CHECK(scene_read(s, &s->owner, consent_view, &request, &out, &e));
	scopes = out.scopes.v;
	CHECK(out.scopes.n == 2 && scopes[0].preselected && !scopes[0].destructive);
	CHECK(!scopes[1].preselected && scopes[1].destructive);
	CHECK_STR(out.redirect_host, S("partner.example"));
	CHECK(out.organizations.n == 2 && !out.loopback);
}

SCENE_TEST(rule_068_only_administered_organizations_are_offered_and_accepted)
{
	static const str beta[] = { STR("beta") }, scopes[] = { STR("keys:write") };
	struct authorize_in in = scene_authorize(&s->partner, false);
	struct authorize_request_in request;
	struct consent_view_out view = { 0 };
	struct authorize_out begun;
	struct consent_in consent;
	struct err e;

	in.scope = S("keys:read");
	begun = begin_as(s, &s->member, &in, &e);
	request.request = begun.request;
	CHECK(scene_read(s, &s->member, consent_view, &request, &view, &e) &&
	      view.organizations.n == 0);
	consent = decision(begun.request, acme, 1);
	CHECK_I64(decide(s, &s->member, &consent, &e), ERR_FORBIDDEN);
	consent.organizations.v = beta;
	CHECK_I64(decide(s, &s->member, &consent, &e), ERR_FORBIDDEN);
	consent = decision(begin_request(s, &in), acme, 1);
	consent.scopes.v = scopes;                                /* not asked for */
	CHECK_I64(decide(s, &s->owner, &consent, &e), ERR_FORBIDDEN);
}

SCENE_TEST(ruling_36_what_is_left_out_is_named)
{
	static const str foreign[] = { STR("beta/site") };
	struct authorize_in in = scene_authorize(&s->partner, false);
	struct consent_in consent = decision(begin_request(s, &in), acme, 0), more;
	struct err e;

	CHECK_I64(decide(s, &s->owner, &consent, &e), ERR_INVALID_REQUEST);
	CHECK_STR(e.required, S("organization"));
	consent.organizations.n = 1;
	more = consent;
	more.project_access = S("selected");
	CHECK_I64(decide(s, &s->owner, &more, &e), ERR_INVALID_REQUEST);
	CHECK_STR(e.required, S("project"));
	more.projects = (struct strs){ foreign, 1, true };
	CHECK_I64(decide(s, &s->owner, &more, &e), ERR_INVALID_REQUEST);
	CHECK_STR(e.required, S("organization"));
	more = consent;
	more.scopes.n = 0;
	CHECK_I64(decide(s, &s->owner, &more, &e), ERR_INVALID_REQUEST);
	CHECK_STR(e.required, S("scope"));
	CHECK_I64(decide(s, &s->owner, &consent, &e), ERR_NONE);
	CHECK_I64(decide(s, &s->owner, &consent, &e), ERR_CONFLICT);
}

SCENE_TEST(rule_073_denial_goes_back_to_the_app)
{
	struct authorize_in in = scene_authorize(&s->partner, false);
	struct consent_in consent = { .request = begin_request(s, &in), .decision = S("deny") };
	struct consent_out out = { 0 };
	struct err e;

	CHECK(scene_write(s, &s->owner, consent_decide, &consent, &out, &e));
	CHECK(str_starts(out.redirect_to, S(WEB_REDIRECT "?error=access_denied")) &&
	      has(out.redirect_to, "&state=st%261&iss="));
	CHECK_I64((int64_t)scene_audited(s, "authorize.denied"), 1);
}

SCENE_TEST(rule_074_the_code_is_made_at_the_click_and_once)
{
	struct authorize_in in = scene_authorize(&s->partner, false);
	struct consent_in consent = decision(begin_request(s, &in), acme, 1);
	struct authorize_request_in request = { consent.request };
	struct consent_view_out view = { 0 };
	struct authorize_out out = { 0 };
	struct err e;

	CHECK(!scene_write(s, &s->owner, authorize_complete, &request, &out, &e) &&
	      e.code == ERR_CONFLICT);
	CHECK_I64(decide(s, &s->owner, &consent, &e), ERR_NONE);
	CHECK(scene_read(s, &s->owner, consent_view, &request, &view, &e));
	CHECK_STR(view.phase, S("approved"));
	CHECK(view.chosen.n == 1);
	s->act.now_ms += 1200 * SECOND;                           /* longer than a code lives */
	CHECK(scene_write(s, &s->owner, authorize_complete, &request, &out, &e));
	CHECK(str_starts(out.redirect_to, S(WEB_REDIRECT "?code=bi_ac_")) &&
	      has(out.redirect_to, "&state=st%261&iss="));
	CHECK(!scene_write(s, &s->owner, authorize_complete, &request, &out, &e) &&
	      e.code == ERR_CONFLICT);
	s->act.now_ms += 3600 * SECOND;
	CHECK(!scene_write(s, &s->owner, authorize_complete, &request, &out, &e) &&
	      e.code == ERR_NOT_FOUND);
}

SCENE_TEST(rule_061_consent_is_remembered_only_when_nothing_changed)
{
	struct authorize_in in = scene_authorize(&s->partner, false);
	struct authorize_out out;
	struct token_out t;
	struct err e;

	scene_connect(s, &s->partner);
	in.prompt = S("none");
	in.scope = S("keys:read translations:read");
	out = begin_as(s, &s->owner, &in, &e);
	CHECK(str_starts(out.redirect_to, S(WEB_REDIRECT "?code=bi_ac_")));
	t = scene_redeem(s, &s->partner,
	                 str_sub(out.redirect_to, sizeof(WEB_REDIRECT "?code=") - 1, 42), false);
	CHECK_STR(t.organization_id, s->acme.public_id);
	in.scope = S("keys:read");
	CHECK_STR(error_of(s, &in), S("consent_required"));
	in.prompt = STR_NONE;
	in.scope = S("keys:read translations:read");
	CHECK(begin_request(s, &in).n > 0); /* asked again unless told not to */
	scene_connect(s, &s->spa);
	in = scene_authorize(&s->spa, true);
	in.prompt = S("none");
	in.scope = S("keys:read translations:read");
	CHECK_STR(error_of(s, &in), S("consent_required"));
}
