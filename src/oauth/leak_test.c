/* SPDX-License-Identifier: MIT */
#include "oauth/leak.h"

#include "oauth/scene_test.h"

#include "access/bearer.h"
#include "access/key.h"
#include "access/session.h"
#include "crypto/token.h"
#include "store/account.h"

static int64_t report(struct scene *s, str token)
{
	struct leak_in in = { .token = token };
	struct leak_out out = { 0 };
	struct err e;

	CHECK(scene_write(s, &s->nobody, leak_report, &in, &out, &e));
	return out.received;
}

static size_t notices(struct scene *s)
{
	struct notice_list list;
	struct err e;
	size_t n = 0;

	fixture_read_end(s->fixture);
	CHECK(store_notice_list_of_account(fixture_read(s->fixture), s->arena, s->owner.account_id,
	                                   100, &list, &e));
	fixture_read_end(s->fixture);
	for (size_t i = 0; i < list.n; i++)
		n += str_eq(list.v[i].kind, S("token_leaked"));
	return n;
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

static enum err_code refresh(struct scene *s, const struct scene_app *app, str token)
{
	struct token_in in = scene_refresh_in(app, token);
	struct token_out out = { 0 };
	struct err e;

	return scene_write(s, &s->nobody, token_exchange, &in, &out, &e) ? ERR_NONE : e.code;
}

SCENE_TEST(rule_215_a_leaked_installation_token_ends_alone)
{
	struct token_out t = scene_connect(s, &s->partner);
	struct mint_out m = mint_of(s, &t);

	CHECK_I64(report(s, m.installation_token), 1);
	CHECK_I64(scene_token_state(s, m.installation_token), ERR_INVALID_TOKEN);
	CHECK_I64(scene_token_state(s, t.access_token), ERR_NONE);
	scene_restart(s);
	CHECK_I64(scene_token_state(s, m.installation_token), ERR_INVALID_TOKEN);
	CHECK_I64((int64_t)scene_audited(s, "token.leaked"), 1);
	CHECK_I64((int64_t)notices(s), 1);
}

SCENE_TEST(rule_215_a_leaked_access_token_takes_what_it_minted)
{
	struct token_out t = scene_connect(s, &s->partner);
	struct mint_out m = mint_of(s, &t);

	CHECK_I64(report(s, t.access_token), 1);
	CHECK_I64(scene_token_state(s, t.access_token), ERR_INVALID_TOKEN);
	CHECK_I64(scene_token_state(s, m.installation_token), ERR_INVALID_TOKEN);
	CHECK_I64(refresh(s, &s->partner, t.refresh_token), ERR_NONE);
}

SCENE_TEST(rule_215_a_leaked_refresh_token_ends_its_family)
{
	struct token_out t = scene_connect(s, &s->partner);

	CHECK_I64(report(s, t.refresh_token), 1);
	CHECK_I64(scene_token_state(s, t.access_token), ERR_INVALID_TOKEN);
	CHECK_I64(refresh(s, &s->partner, t.refresh_token), ERR_INVALID_GRANT);
	CHECK_I64((int64_t)notices(s), 1);
}

SCENE_TEST(rule_215_a_leaked_code_is_used_up)
{
	str code = scene_code(s, &(struct scene_consent){ .app = &s->partner });
	struct token_in in = scene_exchange_in(&s->partner, code, false);
	struct token_out out = { 0 };
	struct err e;

	CHECK_I64(report(s, code), 1);
	CHECK(!scene_write(s, &s->nobody, token_exchange, &in, &out, &e));
	CHECK_I64(e.code, ERR_INVALID_GRANT);
}

SCENE_TEST(rule_215_a_leaked_client_secret_is_retired)
{
	struct token_out t = scene_connect(s, &s->partner);

	CHECK_I64(report(s, s->partner.secret), 1);
	CHECK_I64(refresh(s, &s->partner, t.refresh_token), ERR_INVALID_CLIENT);
	scene_restart(s);
	CHECK_I64(refresh(s, &s->partner, t.refresh_token), ERR_INVALID_CLIENT);
	CHECK_I64((int64_t)scene_audited(s, "token.leaked"), 1);
}

SCENE_TEST(rule_215_a_leaked_key_is_revoked_and_a_public_one_stays)
{
	struct api_key_add_in in = { .organization = S("acme"), .level = S("read"),
		                     .name = S("ci") };
	struct api_key_add_out secret = { 0 }, public = { 0 };
	struct err e;

	s->settings.key_ttl_s = 3600;
	CHECK(scene_write(s, &s->operator_, api_key_add, &in, &secret, &e));
	CHECK_I64(scene_token_state(s, secret.key), ERR_NONE);
	in.is_public = true;
	in.level = STR_NONE;
	CHECK(scene_write(s, &s->operator_, api_key_add, &in, &public, &e));
	CHECK_I64(report(s, secret.key), 1);
	CHECK_I64(report(s, public.key), 1);
	CHECK_I64(scene_token_state(s, secret.key), ERR_INVALID_TOKEN);
	CHECK_I64(scene_token_state(s, public.key), ERR_NONE);
	CHECK_I64((int64_t)scene_audited(s, "token.leaked"), 1);
}

static bool session_make(const struct act *act, const void *in, void *out, struct err *e)
{
	str token = *(const str *)in;
	struct digest d = sha256(token);
	struct session row = { .account_id = *(int64_t *)out, .auth_time_ms = act->now_ms,
		               .created_ms = act->now_ms, .seen_ms = act->now_ms,
		               .expires_ms = act->now_ms + 3600 * 1000, .method = S("password"),
		               .address = S(""), .user_agent = S("") };
	struct bearer_session live;

	if (!store_session_insert(act->db, act->arena, d.b, &row, &row.id, e))
		return false;
	live = (struct bearer_session){ d, row.id, row.account_id, row.auth_time_ms, row.seen_ms,
		                        row.expires_ms };
	bearer_session_add(act, &live);
	return true;
}

SCENE_TEST(rule_215_a_leaked_session_is_signed_out)
{
	str cookie = token_random(s->arena, TOKEN_SESSION);
	int64_t account_id = s->owner.account_id;
	struct principal who;
	struct err e;

	CHECK(scene_write(s, &s->owner, session_make, &cookie, &account_id, &e));
	CHECK(session_principal(s->act.bearers, cookie, s->act.now_ms, &who, &e));
	CHECK_I64(report(s, cookie), 1);
	CHECK(!session_principal(s->act.bearers, cookie, s->act.now_ms, &who, &e));
	CHECK_I64((int64_t)notices(s), 1);
}

SCENE_TEST(rule_215_the_answer_does_not_tell_what_was_live)
{
	struct token_out t = scene_connect(s, &s->partner);
	const str tokens[] = { t.access_token, t.access_token, S("garbage"), S("bi_oat_short"),
		               token_random(s->arena, TOKEN_INSTALLATION) };
	struct leak_in in = { .tokens = { tokens, COUNT(tokens), true } };
	struct leak_out out = { 0 };
	struct err e;

	CHECK(scene_write(s, &s->nobody, leak_report, &in, &out, &e));
	CHECK_I64(out.received, COUNT(tokens));
	CHECK_I64((int64_t)scene_audited(s, "token.leaked"), 1);
	in = (struct leak_in){ 0 };
	CHECK(!scene_write(s, &s->nobody, leak_report, &in, &out, &e));
	CHECK_I64(e.code, ERR_INVALID_REQUEST);
}

SCENE_TEST(rule_215_reports_are_limited_by_address)
{
	struct leak_in in = { .token = S("garbage") };
	struct leak_out out;
	struct err e;

	for (int i = 0; i < LEAK_REPORTS_MAX; i++)
		report(s, S("garbage"));
	CHECK(!scene_write(s, &s->nobody, leak_report, &in, &out, &e));
	CHECK(e.code == ERR_RATE_LIMITED && e.retry_after_s > 0);
}
