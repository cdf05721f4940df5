/* SPDX-License-Identifier: MIT */
#include "oauth/scene_test.h"

#include "access/bearer.h"
#include "oauth/app.h"
#include "oauth/grant.h"
#include "store/account.h"

#include <pthread.h>
#include <stdio.h>

enum { THREADS = 64, SECOND = 1000, DAY_S = 24 * 3600 };

static enum err_code exchange(struct scene *s, const struct token_in *in, struct token_out *out,
                              struct err *e)
{
	*out = (struct token_out){ 0 };
	return scene_write(s, &s->nobody, token_exchange, in, out, e) ? ERR_NONE : e->code;
}

static enum err_code redeem_as(struct scene *s, const struct token_in *in)
{
	struct token_out out;
	struct err e;

	return exchange(s, in, &out, &e);
}

/* Code ----------------------------------------------------------------------------------------- */

SCENE_TEST(rule_097_a_code_becomes_tokens)
{
	struct token_out t = scene_connect(s, &s->partner);
	struct principal who;
	struct err e;

	CHECK_STR(t.token_type, S("Bearer"));
	CHECK_I64(t.expires_in, 1800);
	CHECK_STR(t.scope, S("keys:read translations:read"));
	CHECK_I64((int64_t)t.grants.n, 1);
	CHECK_STR(t.grant_id, scene_grant(&t, 0)->grant_id);
	CHECK_STR(t.refresh_token, scene_grant(&t, 0)->refresh_token);
	CHECK_STR(t.organization_id, s->acme.public_id);
	CHECK_STR(t.project_access, S("all"));
	CHECK(t.project_ids.present && t.project_ids.n == 0);
	who = scene_bearer(s, t.access_token, &e);
	CHECK(who.kind == WHO_ACCESS && who.account_id == s->owner.account_id);
	CHECK_I64((int64_t)scene_audited(s, "code.redeemed"), 1);
	CHECK_I64((int64_t)scene_audited(s, "grant.created"), 1);
}

SCENE_TEST(rule_077_codes_are_kept_as_digests)
{
	str code = scene_code(s, &(struct scene_consent){ .app = &s->partner });

	CHECK(str_starts(code, S("bi_ac_")));
	CHECK_I64(redeem_as(s, &(struct token_in){ .grant_type = S("authorization_code"),
	                                           .code = S("bi_ac_nonsense"),
	                                           .redirect_uri = s->partner.redirect,
	                                           .client_id = s->partner.id,
	                                           .client_secret = s->partner.secret }),
	          ERR_INVALID_GRANT);
}

SCENE_TEST(rule_080_replay_revokes_all)
{
	str code = scene_code(s, &(struct scene_consent){ .app = &s->partner });
	struct token_out t = scene_redeem(s, &s->partner, code, false), again;
	struct token_in in = scene_exchange_in(&s->partner, code, false);
	struct principal who;
	struct mint_out minted;
	struct err e;

	who = scene_bearer(s, t.access_token, &e);
	CHECK(scene_mint(s, &who, t.grant_id, &minted, &e));
	CHECK_I64(scene_token_state(s, minted.installation_token), ERR_NONE);
	CHECK_I64(exchange(s, &in, &again, &e), ERR_INVALID_GRANT);
	CHECK(str_starts(str_from(e.say), S("reused")));
	CHECK_I64(scene_token_state(s, t.access_token), ERR_INVALID_TOKEN);
	CHECK_I64(scene_token_state(s, minted.installation_token), ERR_INVALID_TOKEN);
	in = scene_refresh_in(&s->partner, t.refresh_token);
	CHECK_I64(redeem_as(s, &in), ERR_INVALID_GRANT);
	CHECK_I64((int64_t)scene_audited(s, "code.replayed"), 1);
	scene_restart(s);
	CHECK_I64(scene_token_state(s, t.access_token), ERR_INVALID_TOKEN);
	CHECK_I64(scene_token_state(s, minted.installation_token), ERR_INVALID_TOKEN);
}

SCENE_TEST(rule_080_replay_revokes_even_after_the_code_has_expired)
{
	str code = scene_code(s, &(struct scene_consent){ .app = &s->partner });
	struct token_out t = scene_redeem(s, &s->partner, code, false);
	struct token_in in = scene_exchange_in(&s->partner, code, false);

	s->act.now_ms += 700 * SECOND;
	CHECK_I64(redeem_as(s, &in), ERR_INVALID_GRANT);
	CHECK_I64(scene_token_state(s, t.access_token), ERR_INVALID_TOKEN);
}

SCENE_TEST(rule_082_a_code_of_another_app_stays_valid_for_its_own)
{
	str code = scene_code(s, &(struct scene_consent){ .app = &s->partner });
	struct token_in in = scene_exchange_in(&s->spa, code, true);
	struct token_out t;
	struct err foreign, unknown;

	CHECK_I64(exchange(s, &in, &t, &foreign), ERR_INVALID_GRANT);
	in.code = S("bi_ac_000000000000000000000000000000000000");
	CHECK_I64(exchange(s, &in, &t, &unknown), ERR_INVALID_GRANT);
	CHECK_STR(str_from(foreign.say), str_from(unknown.say));       /* rule 103 */
	scene_redeem(s, &s->partner, code, false);
}

SCENE_TEST(rule_083_mistakes_do_not_use_a_code_up)
{
	str code = scene_code(s, &(struct scene_consent){ .app = &s->partner });
	static const str elsewhere[] = { STR("https://elsewhere.example/") };
	struct token_in good = scene_exchange_in(&s->partner, code, false), in;

	in = good;
	in.client_id = S("app_unknown");
	CHECK_I64(redeem_as(s, &in), ERR_INVALID_CLIENT);
	in = good;
	in.client_secret = S("wrong");
	CHECK_I64(redeem_as(s, &in), ERR_INVALID_CLIENT);
	in = good;
	in.client_secret = STR_NONE;
	CHECK_I64(redeem_as(s, &in), ERR_INVALID_CLIENT);
	in = good;
	in.client_auth = S("both");
	CHECK_I64(redeem_as(s, &in), ERR_INVALID_REQUEST);
	in = good;
	in.resource = (struct strs){ elsewhere, 1, true };
	CHECK_I64(redeem_as(s, &in), ERR_INVALID_TARGET);
	in = good;
	in.redirect_uri = S("https://partner.example/other");
	CHECK_I64(redeem_as(s, &in), ERR_INVALID_GRANT);
	in = good;
	in.redirect_uri = STR_NONE;
	CHECK_I64(redeem_as(s, &in), ERR_INVALID_REQUEST);
	in = good;
	in.code = STR_NONE;
	CHECK_I64(redeem_as(s, &in), ERR_INVALID_REQUEST);
	in = good;
	in.grant_type = S("password");
	in.client_id = S("app_unknown");
	CHECK_I64(redeem_as(s, &in),
	          ERR_UNSUPPORTED_GRANT_TYPE); /* before any other check: rule 101 */
	CHECK_I64(redeem_as(s, &good), ERR_NONE);
}

SCENE_TEST(rule_083_three_wrong_verifiers_end_a_code)
{
	str code = scene_code(s, &(struct scene_consent){ .app = &s->spa, .pkce = true });
	struct token_in in = scene_exchange_in(&s->spa, code, true);

	in.code_verifier = S("0123456789012345678901234567890123456789012");
	CHECK_I64(redeem_as(s, &in), ERR_INVALID_GRANT);
	CHECK_I64(redeem_as(s, &in), ERR_INVALID_GRANT);
	CHECK_I64(redeem_as(s, &in), ERR_INVALID_GRANT);
	in.code_verifier = S(VERIFIER);
	CHECK_I64(redeem_as(s, &in), ERR_INVALID_GRANT);
}

SCENE_TEST(rule_083_two_wrong_verifiers_do_not)
{
	str code = scene_code(s, &(struct scene_consent){ .app = &s->spa, .pkce = true });
	struct token_in in = scene_exchange_in(&s->spa, code, true);

	in.code_verifier = S("0123456789012345678901234567890123456789012");
	CHECK_I64(redeem_as(s, &in), ERR_INVALID_GRANT);
	CHECK_I64(redeem_as(s, &in), ERR_INVALID_GRANT);
	in.code_verifier = S("short");
	CHECK_I64(redeem_as(s, &in), ERR_INVALID_REQUEST);
	in.code_verifier = STR_NONE;
	CHECK_I64(redeem_as(s, &in), ERR_INVALID_REQUEST);
	in.code_verifier = S(VERIFIER);
	CHECK_I64(redeem_as(s, &in), ERR_NONE);
}

SCENE_TEST(rule_084_a_code_expires_to_the_second)
{
	str first = scene_code(s, &(struct scene_consent){ .app = &s->partner });
	str second = scene_code(s, &(struct scene_consent){ .app = &s->partner });
	struct token_in in = scene_exchange_in(&s->partner, first, false);

	s->act.now_ms += 599 * SECOND;
	CHECK_I64(redeem_as(s, &in), ERR_NONE);
	in.code = second;
	s->act.now_ms += 1 * SECOND;
	CHECK_I64(redeem_as(s, &in), ERR_INVALID_GRANT);
}

SCENE_TEST(rule_085_redirect_uri_may_be_left_out_with_pkce)
{
	str code = scene_code(s, &(struct scene_consent){ .app = &s->partner, .pkce = true });
	struct token_in in = scene_exchange_in(&s->partner, code, true);

	in.redirect_uri = STR_NONE;
	CHECK_I64(redeem_as(s, &in), ERR_NONE);
}

SCENE_TEST(rule_091_a_verifier_without_a_challenge_is_a_downgrade)
{
	str code = scene_code(s, &(struct scene_consent){ .app = &s->partner });
	struct token_in in = scene_exchange_in(&s->partner, code, true);

	CHECK_I64(redeem_as(s, &in), ERR_INVALID_GRANT);
}

SCENE_TEST(rule_118_a_disabled_app_gets_nothing)
{
	struct token_out t = scene_connect(s, &s->partner);
	str code = scene_code(s, &(struct scene_consent){ .app = &s->partner });
	struct token_in in = scene_exchange_in(&s->partner, code, false);
	struct principal who;
	struct mint_out minted;
	struct err e;

	who = scene_bearer(s, t.access_token, &e);
	CHECK(scene_mint(s, &who, t.grant_id, &minted, &e));
	CHECK(scene_app_disable(s, &s->partner));
	CHECK_I64(redeem_as(s, &in), ERR_INVALID_CLIENT);
	CHECK(scene_token_state(s, minted.installation_token) != ERR_NONE);
	CHECK(scene_token_state(s, t.access_token) != ERR_NONE);
	scene_restart(s);
	CHECK(scene_token_state(s, minted.installation_token) != ERR_NONE);
}

SCENE_TEST(rule_117_guessing_secrets_is_slowed_down)
{
	struct token_in in = scene_refresh_in(&s->partner, S("rt_x"));
	enum err_code last = ERR_NONE;
	struct token_out out;
	struct err e = { 0 };

	in.client_secret = S("wrong");
	for (int i = 0; i < 100 && last != ERR_RATE_LIMITED; i++)
		last = exchange(s, &in, &out, &e);
	CHECK_I64(last, ERR_RATE_LIMITED);
	CHECK(e.retry_after_s > 0);
	/* From elsewhere the app itself still gets in. */
	s->act.address = S("198.51.100.9");
	scene_connect(s, &s->partner);
}

/* Parallel redemption -------------------------------------------------------------------------- */

struct racer {
	pthread_t thread;
	struct act act;
	struct token_in in;
	struct token_out out;
	struct err e;
	bool ok;
};

static void *race(void *arg)
{
	struct racer *r = arg;

	r->ok = scene_submit(&r->act, token_exchange, &r->in, &r->out, &r->e);
	return NULL;
}

static void race_all(struct scene *s, struct racer racers[THREADS], const struct token_in *in)
{
	fixture_read_end(s->fixture);
	for (int i = 0; i < THREADS; i++) {
		racers[i] = (struct racer){ .act = s->act, .in = *in };
		racers[i].act.arena = arena_create(16 * 1024);
		racers[i].act.who = &s->nobody;
		CHECK(pthread_create(&racers[i].thread, NULL, race, &racers[i]) == 0);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(racers[i].thread, NULL);
}

static void race_over(struct racer racers[THREADS])
{
	for (int i = 0; i < THREADS; i++)
		arena_destroy(racers[i].act.arena);
}

SCENE_TEST(rule_079_of_many_redemptions_one_succeeds)
{
	static struct racer racers[THREADS];
	str code = scene_code(s, &(struct scene_consent){ .app = &s->partner });
	struct token_in in = scene_exchange_in(&s->partner, code, false);
	int won = 0;

	race_all(s, racers, &in);
	for (int i = 0; i < THREADS; i++) {
		won += racers[i].ok;
		CHECK(racers[i].ok || racers[i].e.code == ERR_INVALID_GRANT);
	}
	CHECK_I64(won, 1);
	race_over(racers);
}

SCENE_TEST(rule_124_parallel_refreshes_get_the_same_successor)
{
	static struct racer racers[THREADS];
	struct token_out t = scene_connect(s, &s->spa);
	struct token_in in = scene_refresh_in(&s->spa, t.refresh_token);

	race_all(s, racers, &in);
	for (int i = 0; i < THREADS; i++) {
		CHECK(racers[i].ok);
		CHECK_STR(racers[i].out.refresh_token, racers[0].out.refresh_token);
		CHECK(!str_eq(racers[i].out.refresh_token, t.refresh_token));
	}
	race_over(racers);
}

/* Refresh -------------------------------------------------------------------------------------- */

static struct token_out refresh(struct scene *s, const struct scene_app *app, str token)
{
	struct token_in in = scene_refresh_in(app, token);
	struct token_out out;
	struct err e;

	if (exchange(s, &in, &out, &e) != ERR_NONE)
		fprintf(stderr, "%s %s\n", e.say, e.msg);
	CHECK(out.access_token.n > 0);
	return out;
}

static enum err_code refresh_fails(struct scene *s, const struct scene_app *app, str token,
                                   const char *word)
{
	struct token_in in = scene_refresh_in(app, token);
	struct token_out out;
	struct err e;
	enum err_code code = exchange(s, &in, &out, &e);

	CHECK(code == ERR_NONE || str_starts(str_from(e.say), str_from(word)));
	return code;
}

SCENE_TEST(rule_123_confidential_apps_keep_their_refresh_token)
{
	struct token_out t = scene_connect(s, &s->partner), next = { 0 };

	for (int i = 0; i < 5; i++) {
		s->act.now_ms += 1700 * SECOND;
		next = refresh(s, &s->partner, t.refresh_token);
		CHECK_STR(next.refresh_token, t.refresh_token);
		CHECK_STR(next.token_type, S("Bearer"));
		CHECK_STR(next.scope, S("keys:read translations:read"));
		CHECK_STR(next.grant_id, t.grant_id);
		CHECK_STR(next.project_access, S("all"));
		CHECK_I64(next.expires_in, 1800);
		CHECK_I64(scene_token_state(s, next.access_token), ERR_NONE);
	}
	CHECK(!str_eq(next.access_token, t.access_token));
	CHECK_I64((int64_t)scene_audited(s, "token.refreshed"), 5);
}

SCENE_TEST(rule_127_reuse_ends_the_family)
{
	struct token_out t = scene_connect(s, &s->spa),
			 thief = refresh(s, &s->spa, t.refresh_token);
	struct principal who;
	struct mint_out minted;
	struct err e;

	who = scene_bearer(s, thief.access_token, &e);
	CHECK(scene_mint(s, &who, t.grant_id, &minted, &e));
	s->act.now_ms += 121 * SECOND;
	CHECK_I64(refresh_fails(s, &s->spa, t.refresh_token, "reused"), ERR_INVALID_GRANT);
	CHECK_I64(refresh_fails(s, &s->spa, thief.refresh_token, "revoked"), ERR_INVALID_GRANT);
	CHECK_I64(scene_token_state(s, thief.access_token), ERR_INVALID_TOKEN);
	CHECK_I64(scene_token_state(s, t.access_token), ERR_INVALID_TOKEN);
	CHECK_I64(scene_token_state(s, minted.installation_token), ERR_INVALID_TOKEN);
	CHECK_I64((int64_t)scene_audited(s, "token.reuse_detected"), 1);
}

SCENE_TEST(rule_125_a_lost_answer_can_be_asked_for_again)
{
	struct token_out t = scene_connect(s, &s->spa),
			 first = refresh(s, &s->spa, t.refresh_token), again;

	s->act.now_ms += 60 * SECOND;
	again = refresh(s, &s->spa, t.refresh_token);
	CHECK_STR(again.refresh_token, first.refresh_token);
	CHECK(!str_eq(again.access_token, first.access_token));
	CHECK_I64(again.expires_in, 1800);
	CHECK(!str_eq(refresh(s, &s->spa, again.refresh_token).refresh_token, again.refresh_token));
}

/* What a refresh writes is what the next one reads: the idle end moves, the absolute one does not, and
 * no access token outlives it. */
SCENE_TEST(rule_135_a_family_used_now_and_then_lives_to_its_absolute_end)
{
	struct token_out t, last;

	s->settings.refresh_absolute_s = 90 * DAY_S;
	t = scene_connect(s, &s->partner);
	for (int day = 20; day < 90; day += 20) {
		s->act.now_ms += (int64_t)20 * DAY_S * SECOND;
		last = refresh(s, &s->partner, t.refresh_token);
		CHECK_I64(last.expires_in, 1800);
	}
	s->act.now_ms += (int64_t)10 * DAY_S * SECOND - 600 * SECOND;
	last = refresh(s, &s->partner, t.refresh_token);
	CHECK_I64(last.expires_in, 600);
	CHECK_I64(scene_token_state(s, last.access_token), ERR_NONE);
	s->act.now_ms += 600 * SECOND;
	CHECK_I64(scene_token_state(s, last.access_token), ERR_INVALID_TOKEN);
	CHECK_I64(refresh_fails(s, &s->partner, t.refresh_token, "expired"), ERR_INVALID_GRANT);
}

SCENE_TEST(rule_126_a_bound_app_may_ask_again_a_day_after_each_replacement)
{
	str uri[] = { STR(WEB_REDIRECT) };
	struct app_add_in in = { .name = S("Bound"), .type = S("web"), .redirect_uris = { uri, 1, true },
		                 .refresh_policy = S("rotating") };
	struct app_view v = { 0 };
	struct scene_app bound;
	struct token_out t, next;
	struct err e;

	CHECK(scene_write(s, &s->operator_, app_add, &in, &v, &e));
	bound = (struct scene_app){ v.client_id, v.client_secret, S(WEB_REDIRECT) };
	t = scene_connect(s, &bound);
	s->act.now_ms += (int64_t)10 * DAY_S * SECOND;
	next = refresh(s, &bound, t.refresh_token);
	s->act.now_ms += (int64_t)DAY_S * SECOND;
	CHECK_STR(refresh(s, &bound, t.refresh_token).refresh_token, next.refresh_token);
	s->act.now_ms += SECOND;
	CHECK_I64(refresh_fails(s, &bound, t.refresh_token, ""), ERR_INVALID_GRANT);
	CHECK(refresh(s, &bound, next.refresh_token).refresh_token.n > 0);
}

/* A step of less than the grace forward, an hour back over a restart, and forward again. */
SCENE_TEST(rule_227_a_chain_outlives_a_clock_that_steps)
{
	struct token_out t = scene_connect(s, &s->spa),
			 next = refresh(s, &s->spa, t.refresh_token), again;
	struct principal who;
	struct mint_out minted;
	struct err e;

	s->act.now_ms += 90 * SECOND;
	CHECK_STR(refresh(s, &s->spa, t.refresh_token).refresh_token, next.refresh_token);
	s->act.now_ms -= 3600 * SECOND;
	scene_restart(s);
	CHECK_I64(scene_token_state(s, next.access_token), ERR_NONE);
	CHECK_STR(refresh(s, &s->spa, t.refresh_token).refresh_token, next.refresh_token);
	again = refresh(s, &s->spa, next.refresh_token);
	who = scene_bearer(s, again.access_token, &e);
	CHECK(scene_mint(s, &who, t.grant_id, &minted, &e));
	CHECK_I64(minted.expires_in, 3600);
	CHECK_I64(again.expires_in, 1800);
	s->act.now_ms += 3600 * SECOND;
	scene_restart(s);
	CHECK_I64(scene_token_state(s, again.access_token), ERR_INVALID_TOKEN);
	CHECK(refresh(s, &s->spa, again.refresh_token).refresh_token.n > 0);
	CHECK_I64((int64_t)scene_audited(s, "token.reuse_detected"), 0);
}

SCENE_TEST(rule_123_the_editor_shares_a_token_between_processes)
{
	struct token_out t = scene_connect(s, &s->editor), live = t;

	for (int i = 0; i < 10; i++) {
		s->act.now_ms += 3600 * SECOND;
		live = refresh(s, &s->editor, live.refresh_token);
	}
	s->act.now_ms += 3600 * SECOND;
	CHECK_STR(refresh(s, &s->editor, t.refresh_token).refresh_token, live.refresh_token);
	s->act.address = S("198.51.100.1");
	CHECK_I64(refresh_fails(s, &s->editor, t.refresh_token, "reused"), ERR_INVALID_GRANT);
	s->act.address = S("203.0.113.99");
	live = refresh(s, &s->editor, live.refresh_token);
	CHECK(live.refresh_token.n > 0);
}

SCENE_TEST(rule_119_refresh_tokens_belong_to_their_app)
{
	struct token_out t = scene_connect(s, &s->spa);

	CHECK_I64(refresh_fails(s, &s->editor, t.refresh_token, "expired"), ERR_INVALID_GRANT);
	refresh(s, &s->spa, t.refresh_token);
}

SCENE_TEST(rule_120_a_confidential_app_must_prove_itself_to_refresh)
{
	struct token_out t = scene_connect(s, &s->partner), out;
	struct token_in in = scene_refresh_in(&s->partner, t.refresh_token);
	struct err e;

	in.client_secret = STR_NONE;
	CHECK_I64(exchange(s, &in, &out, &e), ERR_INVALID_CLIENT);
	in.client_secret = s->partner.secret;
	in.client_auth = S("none");
	CHECK_I64(exchange(s, &in, &out, &e), ERR_INVALID_CLIENT);
}

SCENE_TEST(rule_121_a_refresh_may_narrow_the_access_token)
{
	struct token_out t = scene_connect(s, &s->partner), out;
	struct token_in in = scene_refresh_in(&s->partner, t.refresh_token);
	struct principal who;
	struct mint_out minted;
	struct err e;

	in.scope = S("keys:read");
	CHECK_I64(exchange(s, &in, &out, &e), ERR_NONE);
	CHECK_STR(out.scope, S("keys:read"));
	who = scene_bearer(s, out.access_token, &e);
	CHECK(scene_mint(s, &who, t.grant_id, &minted, &e));
	CHECK(minted.scopes.n == 1 && str_eq(minted.scopes.v[0], S("keys:read")));
	in.scope = S("keys:read keys:write");
	CHECK_I64(exchange(s, &in, &out, &e), ERR_INVALID_SCOPE);
	in.scope = S("nonsense");
	CHECK_I64(exchange(s, &in, &out, &e), ERR_INVALID_SCOPE);
	in.scope = STR_NONE;
	CHECK_I64(exchange(s, &in, &out, &e), ERR_NONE);
	CHECK_STR(out.scope, S("keys:read translations:read"));
	who = scene_bearer(s, out.access_token, &e);
	CHECK(scene_mint(s, &who, t.grant_id, &minted, &e) && minted.scopes.n == 2);
}

SCENE_TEST(rule_129_only_refresh_tokens_refresh)
{
	struct token_out t = scene_connect(s, &s->partner);
	struct principal who;
	struct mint_out minted;
	struct err e;

	who = scene_bearer(s, t.access_token, &e);
	CHECK(scene_mint(s, &who, t.grant_id, &minted, &e));
	CHECK_I64(refresh_fails(s, &s->partner, t.access_token, "expired"), ERR_INVALID_GRANT);
	CHECK_I64(refresh_fails(s, &s->partner, minted.installation_token, "expired"),
	          ERR_INVALID_GRANT);
	CHECK_I64(refresh_fails(s, &s->partner, s->partner.secret, "expired"), ERR_INVALID_GRANT);
	CHECK_I64(scene_token_state(s, t.refresh_token), ERR_INVALID_TOKEN);
}

SCENE_TEST(rule_134_families_have_a_cap_and_the_oldest_goes)
{
	struct token_out t[4];

	s->settings.families_max = 3;
	for (int i = 0; i < 4; i++) {
		s->act.now_ms += SECOND;
		t[i] = scene_connect(s, &s->partner);
	}
	CHECK_I64(refresh_fails(s, &s->partner, t[0].refresh_token, "revoked"), ERR_INVALID_GRANT);
	for (int i = 1; i < 4; i++)
		refresh(s, &s->partner, t[i].refresh_token);
	CHECK_I64((int64_t)scene_audited(s, "family.evicted"), 1);
}

SCENE_TEST(rule_268_after_a_restore_lost_tokens_are_dead_and_others_live)
{
	struct token_out t = scene_connect(s, &s->spa), stable = scene_connect(s, &s->partner),
			 next;

	s->settings.epoch = 2;
	CHECK_I64(scene_token_state(s, t.access_token), ERR_INVALID_TOKEN);
	next = refresh(s, &s->spa, t.refresh_token);
	CHECK_I64(scene_token_state(s, next.access_token), ERR_NONE);
	CHECK_STR(refresh(s, &s->spa, t.refresh_token).refresh_token,
	          next.refresh_token); /* in the grace, over the border */
	CHECK_STR(refresh(s, &s->partner, stable.refresh_token).refresh_token,
	          stable.refresh_token);
}

/* Consent applied ------------------------------------------------------------------------------ */

static const str acme_and_beta[] = { STR("acme"), STR("beta"), { NULL, 0 } };
static const str more_scopes[] = { STR("keys:read"), STR("keys:write"), { NULL, 0 } };
static const str only_web[] = { STR("acme/web"), { NULL, 0 } };

SCENE_TEST(ruling_04_one_consent_may_cover_several_organizations)
{
	str code = scene_code(s, &(struct scene_consent){ .app = &s->partner,
	                                                  .organizations = acme_and_beta });
	struct token_out t = scene_redeem(s, &s->partner, code, false);
	const struct token_grant *a = scene_grant(&t, 0), *b = scene_grant(&t, 1);
	struct token_out next;

	CHECK_STR(a->organization_slug, S("acme"));
	CHECK_STR(b->organization_slug, S("beta"));
	CHECK(!str_eq(a->refresh_token, b->refresh_token) && !str_eq(a->grant_id, b->grant_id));
	CHECK_STR(t.grant_id, a->grant_id);
	next = refresh(s, &s->partner, b->refresh_token);
	CHECK_STR(next.grant_id, b->grant_id);
	CHECK_STR(next.organization_id, s->beta.public_id);
}

SCENE_TEST(ruling_20_an_access_token_mints_for_all_grants_of_app_and_person)
{
	str code = scene_code(s, &(struct scene_consent){ .app = &s->partner,
	                                                  .organizations = acme_and_beta });
	struct token_out t = scene_redeem(s, &s->partner, code, false);
	struct principal who;
	struct mint_out minted;
	struct err e;

	who = scene_bearer(s, t.access_token, &e);
	CHECK(scene_mint(s, &who, scene_grant(&t, 1)->grant_id, &minted, &e));
	CHECK_STR(minted.organization_id, s->beta.public_id);
}

SCENE_TEST(ruling_03_the_same_consent_keeps_the_grant)
{
	struct token_out t = scene_connect(s, &s->partner), again = scene_connect(s, &s->partner);

	CHECK_STR(again.grant_id, t.grant_id);
	CHECK(!str_eq(again.refresh_token, t.refresh_token));
	refresh(s, &s->partner, t.refresh_token);          /* older families survive */
	CHECK_I64((int64_t)scene_audited(s, "grant.created"), 1);
	CHECK_I64((int64_t)scene_audited(s, "grant.changed"), 0);
}

SCENE_TEST(ruling_03_other_scopes_reissue_the_grant_at_the_exchange)
{
	struct token_out t = scene_connect(s, &s->partner), changed;
	struct principal who;
	struct mint_out before, after;
	struct err e;
	str code;

	who = scene_bearer(s, t.access_token, &e);
	CHECK(scene_mint(s, &who, t.grant_id, &before, &e));
	code = scene_code(s, &(struct scene_consent){ .app = &s->partner, .scopes = more_scopes });
	CHECK_I64(scene_token_state(s, before.installation_token),
	          ERR_NONE); /* until then the old one is whole */
	CHECK_STR(refresh(s, &s->partner, t.refresh_token).grant_id, t.grant_id);
	changed = scene_redeem(s, &s->partner, code, false);
	CHECK(!str_eq(changed.grant_id, t.grant_id));
	CHECK_STR(changed.scope, S("keys:read keys:write"));
	CHECK_I64(scene_token_state(s, before.installation_token), ERR_INVALID_TOKEN);
	CHECK(scene_mint(s, &who, t.grant_id, &after, &e)); /* by its former id */
	CHECK_STR(after.grant_id, changed.grant_id);
	CHECK(after.scopes.n == 2 && str_eq(after.scopes.v[1], S("keys:write")));
	CHECK_STR(refresh(s, &s->partner, t.refresh_token).grant_id, changed.grant_id);
	scene_restart(s);
	CHECK(scene_mint(s, &who, t.grant_id, &after, &e));
	CHECK_STR(after.grant_id, changed.grant_id);
}

SCENE_TEST(ruling_42_a_limited_grant_is_never_shown_as_all)
{
	str code = scene_code(s,
	                      &(struct scene_consent){ .app = &s->partner, .projects = only_web });
	struct token_out t = scene_redeem(s, &s->partner, code, false), next;
	struct principal who;
	struct mint_out minted;
	struct err e;

	CHECK_STR(t.project_access, S("selected"));
	CHECK(t.project_ids.n == 1 && str_eq(t.project_ids.v[0], s->web.public_id));
	next = refresh(s, &s->partner, t.refresh_token);
	CHECK(next.project_ids.n == 1 && str_eq(next.project_ids.v[0], s->web.public_id));
	who = scene_bearer(s, t.access_token, &e);
	CHECK(scene_mint(s, &who, t.grant_id, &minted, &e));
	CHECK(minted.project_ids.n == 1 && str_eq(minted.project_access, S("selected")));
}

/* Roles ---------------------------------------------------------------------------------------- */

static bool demote(const struct act *act, const void *in, void *out, struct err *e)
{
	const struct scene *s = in;

	(void)out;
	return store_member_put(act->db, act->arena, s->acme.id, s->owner.account_id, ROLE_MEMBER,
	                        act->now_ms, e);
}

static bool disable(const struct act *act, const void *in, void *out, struct err *e)
{
	const struct scene *s = in;
	bool changed;

	(void)out;
	return store_account_disable(act->db, act->arena, s->owner.account_id, act->now_ms,
	                             &changed, e);
}

SCENE_TEST(rule_068_a_lost_role_grants_nothing)
{
	struct token_out t = scene_connect(s, &s->partner);
	str code = scene_code(s, &(struct scene_consent){ .app = &s->partner });
	struct token_in in = scene_exchange_in(&s->partner, code, false);
	struct principal who;
	struct mint_out minted;
	struct err e;

	who = scene_bearer(s, t.access_token, &e);
	CHECK(scene_write(s, &s->operator_, demote, s, NULL, &e));
	CHECK_I64(redeem_as(s, &in), ERR_INVALID_GRANT);
	CHECK_I64(refresh_fails(s, &s->partner, t.refresh_token, "revoked"), ERR_INVALID_GRANT);
	/* Even before memory hears of it: the statement asks again. */
	CHECK(!scene_mint(s, &who, t.grant_id, &minted, &e));
	CHECK_I64(e.code, ERR_GRANT_REVOKED);
}

SCENE_TEST(rule_131_a_disabled_person_refreshes_nothing)
{
	struct token_out t = scene_connect(s, &s->partner);
	struct err e;

	CHECK(scene_write(s, &s->operator_, disable, s, NULL, &e));
	CHECK_I64(refresh_fails(s, &s->partner, t.refresh_token, "revoked"), ERR_INVALID_GRANT);
}
