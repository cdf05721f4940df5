/* SPDX-License-Identifier: MIT */
#include "oauth/introspect.h"

#include "oauth/scene_test.h"

#include "crypto/token.h"
#include "oauth/grant.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND };

static const str only_web[] = { STR("acme/web"), { NULL, 0 } };

static enum err_code ask_with(struct scene *s, const struct introspect_in *in,
                              struct introspect_out *out)
{
	struct err e;

	*out = (struct introspect_out){ 0 };
	return scene_write(s, &s->nobody, token_introspect, in, out, &e) ? ERR_NONE : e.code;
}

static struct introspect_out ask(struct scene *s, const struct scene_app *app, str token)
{
	struct introspect_in in = { .token = token, .client_id = app->id,
		                    .client_secret = app->secret };
	struct introspect_out out;

	CHECK_I64(ask_with(s, &in, &out), ERR_NONE);
	return out;
}

/* As the inline lane does: without the store. */
static bool ask_memory(struct scene *s, const struct scene_app *app, str token,
                       struct introspect_out *out, struct err *e)
{
	struct introspect_in in = { .token = token, .client_id = app->id,
		                    .client_secret = app->secret };
	struct act act = s->act;

	*out = (struct introspect_out){ 0 };
	*e = (struct err){ 0 };
	act.db = NULL;
	act.who = &s->nobody;
	return token_introspect(&act, &in, out, e);
}

static struct token_out connect_as(struct scene *s, const struct scene_app *app,
                                   const str *projects)
{
	bool pkce = app->secret.p == NULL;
	struct scene_consent c = { .app = app, .projects = projects, .pkce = pkce };

	return scene_redeem(s, app, scene_code(s, &c), pkce);
}

static struct mint_out mint_of(struct scene *s, const struct token_out *t)
{
	struct mint_out out;
	struct principal who;
	struct err e;

	who = scene_bearer(s, t->access_token, &e);
	CHECK(scene_mint(s, &who, t->grant_id, &out, &e));
	return out;
}

static bool says_nothing(const struct introspect_out *o)
{
	return !o->active && o->scope.p == NULL && o->client_id.p == NULL && o->sub.p == NULL &&
	       o->exp == 0 && o->iat == 0 && o->jti.p == NULL && o->grant_id.p == NULL &&
	       !o->project_ids.present;
}

SCENE_TEST(rule_142_an_active_access_token_tells_what_it_is)
{
	struct token_out t = connect_as(s, &s->partner, NULL);
	struct introspect_out o = ask(s, &s->partner, t.access_token);

	CHECK(o.active);
	CHECK_STR(o.scope, S("keys:read translations:read"));
	CHECK_STR(o.client_id, s->partner.id);
	CHECK_STR(o.token_type, S("Bearer"));
	CHECK_STR(o.token_use, S("access_token"));
	CHECK_STR(o.iss, s->settings.public_url);
	CHECK_STR(o.aud, s->settings.public_url);
	CHECK_I64(o.exp, (s->act.now_ms / SECOND) + t.expires_in);
	CHECK_I64(o.iat, s->act.now_ms / SECOND);
	CHECK(str_starts(o.sub, S("usr_")) && o.jti.n == 32);
	CHECK(o.grant_id.p == NULL && !o.project_ids.present);
}

SCENE_TEST(rule_142_an_installation_token_tells_its_grant_and_projects)
{
	struct token_out t = connect_as(s, &s->partner, only_web);
	struct mint_out m = mint_of(s, &t);
	struct introspect_out o = ask(s, &s->partner, m.installation_token);

	CHECK(o.active);
	CHECK_STR(o.token_use, S("installation_token"));
	CHECK_STR(o.grant_id, t.grant_id);
	CHECK_STR(o.organization_id, s->acme.public_id);
	CHECK_STR(o.project_access, S("selected"));
	CHECK(o.project_ids.n == 1 && str_eq(o.project_ids.v[0], s->web.public_id));
	CHECK_I64(o.exp - o.iat, 3600);
	CHECK_I64(o.iat, s->act.now_ms / SECOND);
	scene_restart(s);
	o = ask(s, &s->partner, m.installation_token);
	CHECK(o.active && o.exp - o.iat == 3600);
}

SCENE_TEST(rule_142_a_token_for_all_projects_says_so)
{
	struct token_out t = connect_as(s, &s->partner, NULL);
	struct mint_out m = mint_of(s, &t);
	struct introspect_out o = ask(s, &s->partner, m.installation_token);

	CHECK_STR(o.project_access, S("all"));
	CHECK(o.project_ids.present && o.project_ids.n == 0);
}

SCENE_TEST(rule_141_what_is_not_active_tells_nothing_else)
{
	struct token_out t = connect_as(s, &s->partner, NULL);
	const str dead[] = { S("nonsense"), S("bi_at_"), S("rt_000000000000000000000000000000"),
		             s->partner.secret };
	struct introspect_out o;

	for (size_t i = 0; i < COUNT(dead); i++) {
		o = ask(s, &s->partner, dead[i]);
		CHECK(says_nothing(&o));
	}
	s->act.now_ms += 31 * MINUTE;
	o = ask(s, &s->partner, t.access_token);
	CHECK(says_nothing(&o));
}

SCENE_TEST(rule_141_a_revoked_grant_ends_all_its_tokens)
{
	struct token_out t = connect_as(s, &s->partner, NULL);
	struct mint_out m = mint_of(s, &t);
	struct grant_revoke_in in = { t.grant_id };
	struct grant_revoke_out done;
	struct introspect_out o;
	struct err e;

	CHECK(scene_write(s, &s->owner, grant_revoke, &in, &done, &e));
	o = ask(s, &s->partner, t.access_token);
	CHECK(says_nothing(&o));
	o = ask(s, &s->partner, m.installation_token);
	CHECK(says_nothing(&o));
	o = ask(s, &s->partner, t.refresh_token);
	CHECK(says_nothing(&o));
}

SCENE_TEST(rule_141_who_asks_must_prove_it)
{
	struct token_out t = connect_as(s, &s->partner, NULL);
	struct introspect_in in = { .token = t.access_token, .client_id = s->partner.id,
		                    .client_secret = S("wrong") };
	struct introspect_out o;

	CHECK_I64(ask_with(s, &in, &o), ERR_INVALID_CLIENT);
	in.client_secret = STR_NONE;
	CHECK_I64(ask_with(s, &in, &o), ERR_INVALID_CLIENT);
	in = (struct introspect_in){ .client_id = s->partner.id,
		                     .client_secret = s->partner.secret };
	CHECK_I64(ask_with(s, &in, &o), ERR_INVALID_REQUEST);
	CHECK_I64((int64_t)scene_audited(s, "app.auth_failed"), 2);
}

/* An answer after a commit takes longer than one without: both kinds wait for one. */
SCENE_TEST(rule_259_a_failure_of_an_unknown_app_is_on_record_as_well)
{
	struct introspect_in in = { .token = S("x"), .client_id = S("app_unknown"), .client_secret = S("wrong") };
	struct introspect_out o;

	CHECK_I64(ask_with(s, &in, &o), ERR_INVALID_CLIENT);
	CHECK_I64((int64_t)scene_audited(s, "app.auth_failed"), 1);
}

SCENE_TEST(rule_141_an_app_without_a_secret_asks_about_its_own)
{
	struct token_out theirs = connect_as(s, &s->partner, NULL);
	struct token_out mine = connect_as(s, &s->editor, NULL);
	struct introspect_out o = ask(s, &s->editor, theirs.access_token);

	CHECK(says_nothing(&o));
	CHECK(ask(s, &s->editor, mine.access_token).active);
	/* With one, it stands for a resource server. */
	CHECK(ask(s, &s->partner, mine.access_token).active);
}

SCENE_TEST(rule_143_refresh_tokens_concern_their_own_app)
{
	struct token_out mine = connect_as(s, &s->editor, NULL);
	struct introspect_out o = ask(s, &s->partner, mine.refresh_token);

	CHECK(says_nothing(&o));
	o = ask(s, &s->editor, mine.refresh_token);
	CHECK(o.active && o.exp > o.iat && o.token_type.p == NULL);
	CHECK_STR(o.token_use, S("refresh_token"));
	CHECK_STR(o.grant_id, mine.grant_id);
}

SCENE_TEST(rule_143_asking_about_a_refresh_token_does_not_use_it)
{
	struct token_out t = connect_as(s, &s->spa, NULL);
	struct token_in refresh = scene_refresh_in(&s->spa, t.refresh_token);
	struct token_out next = { 0 };
	struct err e;

	for (int i = 0; i < 3; i++)
		CHECK(ask(s, &s->spa, t.refresh_token).active);
	CHECK(scene_write(s, &s->nobody, token_exchange, &refresh, &next, &e));
	CHECK(ask(s, &s->spa, t.refresh_token).active);         /* within its grace */
	s->act.now_ms += 10 * MINUTE;
	CHECK(!ask(s, &s->spa, t.refresh_token).active);
	CHECK(ask(s, &s->spa, next.refresh_token).active);      /* and the family lives on */
}

SCENE_TEST(memory_answers_once_the_store_has_told_the_names)
{
	struct token_out t = connect_as(s, &s->partner, only_web);
	struct mint_out m = mint_of(s, &t);
	struct introspect_out o;
	struct err e;

	CHECK(!ask_memory(s, &s->partner, m.installation_token, &o, &e) && e.keep);
	CHECK(ask(s, &s->partner, m.installation_token).active);
	CHECK(ask_memory(s, &s->partner, m.installation_token, &o, &e) && o.project_ids.n == 1);
	CHECK(ask_memory(s, &s->partner, t.access_token, &o, &e) && o.active);
	CHECK(ask_memory(s, &s->partner, S("nonsense"), &o, &e) && !o.active);
	CHECK(!ask_memory(s, &s->partner, t.refresh_token, &o, &e) && e.keep);
}

SCENE_TEST(rule_144_scanning_for_tokens_is_limited)
{
	struct token_out t = connect_as(s, &s->editor, NULL);
	struct introspect_in in = { .client_id = s->editor.id };
	struct introspect_out o;
	int64_t n = 0;

	for (; n < 1000; n++) {
		in.token = token_random(s->arena, TOKEN_INSTALLATION);
		if (ask_with(s, &in, &o) != ERR_NONE)
			break;
	}
	CHECK_I64(n, 60);
	in.token = t.access_token;
	CHECK_I64(ask_with(s, &in, &o), ERR_RATE_LIMITED);      /* hits would tell as much */
	s->act.now_ms += 2 * MINUTE;
	for (n = 0; n < 200; n++)
		CHECK(ask(s, &s->editor, t.access_token).active); /* those are not counted */
}
