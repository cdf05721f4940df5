/* SPDX-License-Identifier: MIT */
#include "access/scene_test.h"

#include "access/rate.h"
#include "base/clock.h"

#include <malloc.h>
#include <stdio.h>
#include <string.h>

enum { HOUR_MS = 3600 * 1000 };

static void with_grant(struct scene *f)
{
	struct bearer_grant g = scene_grant();

	scene_memory(f);
	bearer_grant_put(&f->act, &g);
}

TEST(bearer_live_installation_token_tells_who_asks)
{
	struct principal who;
	struct scene f;
	struct err e = { 0 };
	str text;

	with_grant(&f);
	text = scene_token(&f, SCENE_GRANT, 1, f.act.now_ms + HOUR_MS);
	CHECK(bearer_principal(f.act.bearers, f.arena, text, f.act.now_ms, &who, &e));
	CHECK(who.kind == WHO_INSTALL && who.grant_id == SCENE_GRANT && who.app_id == SCENE_APP);
	CHECK(who.account_id == SCENE_ACCOUNT && who.organization_id == SCENE_ORGANIZATION);
	CHECK_STR(who.organization_public_id, S("org_acme"));
	CHECK_STR(who.organization_slug, S("acme"));
	CHECK_STR(who.organization_name, S("Acme Inc."));
	CHECK_STR(who.grant_public_id, S("grt_one"));
	CHECK_I64(who.scopes, SCOPE_ORG_READ | SCOPE_KEYS_READ);
	CHECK(who.projects.mode == PROJECTS_ALL && who.expires_ms == f.act.now_ms + HOUR_MS);
	scene_memory_close(&f);
}

TEST(rule_213_garbage_unknown_and_expired_are_refused_alike)
{
	struct err garbage = { 0 }, unknown = { 0 }, expired = { 0 };
	struct principal who;
	struct scene f;
	str text;

	with_grant(&f);
	text = scene_token(&f, SCENE_GRANT, 1, f.act.now_ms);
	CHECK(!bearer_principal(f.act.bearers, f.arena, S("bi_oat_nonsense"), f.act.now_ms, &who,
				&garbage));
	CHECK(!bearer_principal(f.act.bearers, f.arena, token_random(f.arena, TOKEN_INSTALLATION),
				f.act.now_ms, &who, &unknown));
	CHECK(!bearer_principal(f.act.bearers, f.arena, text, f.act.now_ms, &who, &expired));
	CHECK(garbage.code == ERR_INVALID_TOKEN && unknown.code == garbage.code &&
	      expired.code == garbage.code);
	CHECK(strcmp(garbage.say, unknown.say) == 0 && strcmp(garbage.say, expired.say) == 0);
	scene_memory_close(&f);
}

TEST(rule_164_other_kinds_are_no_bearer_tokens)
{
	static const enum token_kind kinds[] = { TOKEN_CODE, TOKEN_CLIENT_SECRET, TOKEN_SESSION,
						 TOKEN_REQUEST };
	const uint8_t secret[KEY_BYTES] = { 1 };
	struct scene f;

	with_grant(&f);
	for (size_t i = 0; i < COUNT(kinds); i++)
		CHECK(scene_is_refused(&f, token_random(f.arena, kinds[i]), ERR_INVALID_TOKEN));
	CHECK(scene_is_refused(&f, derived_token(f.arena, TOKEN_REFRESH, secret, 1, 9, 1, 0, 0),
			       ERR_INVALID_TOKEN));
	CHECK(scene_is_refused(&f, STR_NONE, ERR_INVALID_TOKEN));
	scene_memory_close(&f);
}

TEST(rule_154_token_of_a_revoked_grant_hears_410_and_an_expired_one_401)
{
	struct scene f;
	str text, expired;

	with_grant(&f);
	text = scene_token(&f, SCENE_GRANT, 1, f.act.now_ms + HOUR_MS);
	expired = scene_token(&f, SCENE_GRANT, 1, f.act.now_ms - 1);
	bearer_grant_deny(&f.act, SCENE_GRANT);
	CHECK(scene_is_refused(&f, text, ERR_GRANT_REVOKED));
	CHECK(scene_is_refused(&f, expired, ERR_INVALID_TOKEN));
	scene_memory_close(&f);
}

TEST(ruling_r3_token_of_a_former_grant_id_must_be_minted_again)
{
	struct bearer_grant g = scene_grant(), found;
	struct scene f;
	str text;

	with_grant(&f);
	text = scene_token(&f, SCENE_GRANT, 1, f.act.now_ms + HOUR_MS);
	g.public_id = S("grt_two");
	g.version = 2;
	g.scopes = SCOPE_ORG_READ;
	bearer_grant_put(&f.act, &g);
	CHECK(scene_is_refused(&f, text, ERR_INVALID_TOKEN));
	CHECK(bearer_grant_find(f.act.bearers, f.arena, S("grt_one"), &found) && found.is_alias);
	CHECK_STR(found.public_id, S("grt_two"));
	CHECK_I64(found.tokens_live, 1);
	CHECK(bearer_grant_find(f.act.bearers, f.arena, S("grt_two"), &found) && !found.is_alias);
	CHECK(!bearer_grant_find(f.act.bearers, f.arena, S("grt_three"), &found));
	text = scene_token(&f, SCENE_GRANT, 2, f.act.now_ms + HOUR_MS);
	bearer_grant_deny(&f.act, SCENE_GRANT);
	CHECK(scene_is_refused(&f, text, ERR_GRANT_REVOKED));
	scene_memory_close(&f);
}

TEST(suspended_and_expired_grants_let_nothing_through)
{
	struct bearer_grant g = scene_grant();
	struct scene f;
	str text;

	with_grant(&f);
	text = scene_token(&f, SCENE_GRANT, 1, f.act.now_ms + HOUR_MS);
	g.suspended = true;
	bearer_grant_put(&f.act, &g);
	CHECK(scene_is_refused(&f, text, ERR_FORBIDDEN));
	g.suspended = false;
	g.expires_ms = f.act.now_ms;
	bearer_grant_put(&f.act, &g);
	CHECK(scene_is_refused(&f, text, ERR_GRANT_REVOKED));
	scene_memory_close(&f);
}

TEST(narrowed_token_carries_its_own_scopes_and_projects)
{
	static const int64_t ids[] = { 21, 22 };
	struct principal who;
	struct bearer_token t = { .grant_id = SCENE_GRANT,
				  .grant_version = 1,
				  .scopes = SCOPE_ORG_READ,
				  .projects = { PROJECTS_SELECTED, ids, COUNT(ids) } };
	struct scene f;
	struct err e = { 0 };
	str text;

	with_grant(&f);
	text = token_random(f.arena, TOKEN_INSTALLATION);
	t.digest = sha256(text);
	t.expires_ms = f.act.now_ms + HOUR_MS;
	bearer_token_add(&f.act, &t);
	CHECK(bearer_principal(f.act.bearers, f.arena, text, f.act.now_ms, &who, &e));
	CHECK_I64(who.scopes, SCOPE_ORG_READ);
	CHECK(project_set_has(&who.projects, 22) && !project_set_has(&who.projects, 23));
	scene_memory_close(&f);
}

TEST(single_token_can_be_stopped)
{
	struct scene f;
	struct digest d;
	str one, two;

	with_grant(&f);
	one = scene_token(&f, SCENE_GRANT, 1, f.act.now_ms + HOUR_MS);
	two = scene_token(&f, SCENE_GRANT, 1, f.act.now_ms + HOUR_MS);
	d = sha256(one);
	bearer_token_deny(&f.act, &d);
	CHECK(scene_is_refused(&f, one, ERR_INVALID_TOKEN));
	CHECK(!scene_is_refused(&f, two, ERR_INVALID_TOKEN));
	scene_memory_close(&f);
}

static str access_token(struct scene *f, struct bearer_family *family)
{
	*family = (struct bearer_family){ .id = 99,
					  .app_id = SCENE_APP,
					  .account_id = SCENE_ACCOUNT,
					  .grant_id = SCENE_GRANT,
					  .expires_ms = f->act.now_ms + 24 * HOUR_MS,
					  .secret = { 4, 5, 6 } };
	bearer_family_add(&f->act, family);
	return derived_token(f->arena, TOKEN_ACCESS, family->secret, f->settings.epoch, family->id,
			     1, 1, (uint32_t)(f->act.now_ms / 1000 + 1800));
}

TEST(access_token_is_checked_against_its_family)
{
	const uint8_t other[KEY_BYTES] = { 9 };
	struct bearer_family family;
	struct principal who;
	struct scene f;
	struct err e = { 0 };
	str text;

	with_grant(&f);
	text = access_token(&f, &family);
	CHECK(bearer_principal(f.act.bearers, f.arena, text, f.act.now_ms, &who, &e));
	CHECK(who.kind == WHO_ACCESS && who.family_id == 99 && who.grant_id == SCENE_GRANT);
	CHECK(who.account_id == SCENE_ACCOUNT && who.app_id == SCENE_APP &&
	      who.organization_id == 0);
	CHECK(scene_is_refused(&f,
			       derived_token(f.arena, TOKEN_ACCESS, other, 1, 99, 1, 1, UINT32_MAX),
			       ERR_INVALID_TOKEN));
	CHECK(scene_is_refused(
		&f, derived_token(f.arena, TOKEN_ACCESS, family.secret, 2, 99, 1, 1, UINT32_MAX),
		ERR_INVALID_TOKEN));
	CHECK(scene_is_refused(
		&f, derived_token(f.arena, TOKEN_ACCESS, family.secret, 1, 98, 1, 1, UINT32_MAX),
		ERR_INVALID_TOKEN));
	f.act.now_ms += 1800 * 1000;
	CHECK(scene_is_refused(&f, text, ERR_INVALID_TOKEN));
	scene_memory_close(&f);
}

TEST(ruling_r33_access_token_of_a_revoked_grant_still_says_who_asks)
{
	struct bearer_family family, found;
	struct principal who;
	struct bearer_grant g;
	struct scene f;
	struct err e = { 0 };
	str text;

	with_grant(&f);
	text = access_token(&f, &family);
	bearer_grant_deny(&f.act, SCENE_GRANT);
	CHECK(bearer_principal(f.act.bearers, f.arena, text, f.act.now_ms, &who, &e));
	CHECK(bearer_grant_find(f.act.bearers, f.arena, S("grt_one"), &g) && g.revoked);
	bearer_family_deny(&f.act, family.id);
	CHECK(scene_is_refused(&f, text, ERR_INVALID_TOKEN));
	CHECK(!bearer_family_find(f.act.bearers, family.id, &found));
	scene_memory_close(&f);
}

TEST(ruling_r22_single_access_token_can_be_revoked_until_it_expires)
{
	struct bearer_family family;
	struct scene f;
	struct digest d;
	str text, other;

	with_grant(&f);
	text = access_token(&f, &family);
	other = derived_token(f.arena, TOKEN_ACCESS, family.secret, 1, 99, 1, 2, UINT32_MAX);
	d = sha256(text);
	bearer_access_deny(&f.act, &d, f.act.now_ms + HOUR_MS);
	CHECK(scene_is_refused(&f, text, ERR_INVALID_TOKEN));
	CHECK(!scene_is_refused(&f, other, ERR_INVALID_TOKEN));
	scene_memory_close(&f);
}

TEST(disabled_app_and_person_lose_grants_and_families_at_once)
{
	struct bearer_family family;
	struct scene f;
	str text, access;

	for (int person = 0; person < 2; person++) {
		with_grant(&f);
		text = scene_token(&f, SCENE_GRANT, 1, f.act.now_ms + HOUR_MS);
		access = access_token(&f, &family);
		bearer_member_deny(&f.act, SCENE_ORGANIZATION + 1, SCENE_ACCOUNT);
		CHECK(!scene_is_refused(&f, text, ERR_GRANT_REVOKED));
		if (person)
			bearer_account_deny(&f.act, SCENE_ACCOUNT);
		else
			bearer_app_deny(&f.act, SCENE_APP);
		CHECK(scene_is_refused(&f, text, ERR_GRANT_REVOKED));
		CHECK(scene_is_refused(&f, access, ERR_INVALID_TOKEN));
		scene_memory_close(&f);
	}
}

static bool request_take(struct scene *f, int64_t max, int64_t after_ms, struct rate_left *left,
                         struct err *e)
{
	*left = (struct rate_left){ .max = max };
	return bearer_request_take(f->act.bearers, SCENE_GRANT, f->act.now_ms + after_ms, left, e);
}

TEST(rule_168_requests_are_counted_by_grant_and_survive_a_new_consent)
{
	struct bearer_grant g = scene_grant();
	struct rate_left left;
	struct scene f;
	struct err e = { 0 };

	with_grant(&f);
	CHECK(request_take(&f, 2, 0, &left, &e) && left.left == 1 && left.reset_s == 60);
	g.public_id = S("grt_two");
	g.version = 2;
	bearer_grant_put(&f.act, &g);
	CHECK(request_take(&f, 2, 1000, &left, &e) && left.left == 0 && left.reset_s == 59);
	CHECK(!request_take(&f, 2, 1000, &left, &e));
	CHECK(e.code == ERR_RATE_LIMITED && e.retry_after_s == 59);
	CHECK(left.left == 0 && left.reset_s == 59);
	CHECK(request_take(&f, 2, 60000, &left, &e) && left.left == 1);
	CHECK(request_take(&f, 0, 60000, &left, &e) && left.max == 0);
	left.max = 2;
	CHECK(bearer_request_take(f.act.bearers, SCENE_GRANT + 99, f.act.now_ms, &left, &e));
	CHECK_I64(left.max, 0);
	scene_memory_close(&f);
}

TEST(sweep_drops_what_is_over_and_keeps_what_lives)
{
	struct bearers_counts n;
	struct bearer_family family;
	struct bearer_grant g = scene_grant();
	struct scene f;
	str live;

	with_grant(&f);
	access_token(&f, &family);
	scene_token(&f, SCENE_GRANT, 1, f.act.now_ms + 10);
	live = scene_token(&f, SCENE_GRANT, 1, f.act.now_ms + HOUR_MS);
	bearers_sweep(f.act.bearers, f.act.now_ms + 10);
	bearers_count(f.act.bearers, &n);
	CHECK(n.tokens == 1 && n.families == 1 && n.grants == 1);
	CHECK(!scene_is_refused(&f, live, ERR_INVALID_TOKEN));
	bearer_grant_deny(&f.act, SCENE_GRANT);
	bearers_sweep(f.act.bearers, f.act.now_ms + 20);
	CHECK(scene_is_refused(&f, live, ERR_GRANT_REVOKED));      /* as long as it lasts */
	bearers_sweep(f.act.bearers, f.act.now_ms + 48 * (int64_t)HOUR_MS);
	bearers_count(f.act.bearers, &n);
	CHECK(n.tokens == 0 && n.families == 0 && n.grants == 0);
	CHECK(!bearer_grant_find(f.act.bearers, f.arena, S("grt_one"), &g));
	scene_memory_close(&f);
}

TEST(key_and_session_stop_when_denied)
{
	struct bearer_session s = { .id = 4, .account_id = SCENE_ACCOUNT, .digest = { { 7 } } },
			      found;
	struct bearer_key k = { .id = 2,
				.scopes = SCOPE_KEYS_READ,
				.organization = scene_grant().organization };
	struct principal who;
	struct scene f;
	struct err e = { 0 };
	str key;

	scene_memory(&f);
	key = token_random(f.arena, TOKEN_SECRET_KEY);
	k.digest = sha256(key);
	bearer_key_add(&f.act, &k);
	CHECK(bearer_principal(f.act.bearers, f.arena, key, f.act.now_ms, &who, &e));
	CHECK(who.kind == WHO_KEY && who.key_id == 2 && who.organization_id == SCENE_ORGANIZATION);
	bearer_key_deny(&f.act, 2);
	CHECK(scene_is_refused(&f, key, ERR_INVALID_TOKEN));
	s.seen_ms = f.act.now_ms;
	s.expires_ms = f.act.now_ms + HOUR_MS;
	bearer_session_add(&f.act, &s);
	CHECK(bearer_session_find(f.act.bearers, &s.digest, f.act.now_ms + 599000, &found));
	CHECK(bearer_session_find(f.act.bearers, &s.digest, f.act.now_ms + 1198000,
				  &found)); /* use keeps it */
	CHECK(!bearer_session_find(f.act.bearers, &s.digest, f.act.now_ms + 1199000 + 600000,
				   &found));
	bearer_session_deny(&f.act, 4);
	CHECK(!bearer_session_find(f.act.bearers, &s.digest, f.act.now_ms + 1199000, &found));
	scene_memory_close(&f);
}

/* A denial whose transaction fails is taken back; one that commits is not. */

static bool deny_then_fail(const struct act *tx, const void *in, void *out, struct err *e)
{
	struct digest d = sha256(*(const str *)in);

	(void)out;
	bearer_grant_deny(tx, SCENE_GRANT);
	bearer_token_deny(tx, &d);
	bearer_family_deny(tx, 99);
	return err_set(e, ERR_CONFLICT, "no");
}

static bool deny_and_commit(const struct act *tx, const void *in, void *out, struct err *e)
{
	(void)in;
	(void)out;
	(void)e;
	bearer_grant_deny(tx, SCENE_GRANT);
	return true;
}

static bool add_and_fail(const struct act *tx, const void *in, void *out, struct err *e)
{
	struct bearer_token t = { .digest = sha256(*(const str *)in),
				  .grant_id = SCENE_GRANT,
				  .grant_version = 1,
				  .expires_ms = INT64_MAX / 1000000 };

	(void)out;
	bearer_token_add(tx, &t);
	return err_set(e, ERR_CONFLICT, "no");
}

static void put_grant_at_once(struct scene *f)
{
	struct bearer_grant g = scene_grant();
	struct act act = f->act;

	act.db = NULL;
	bearer_grant_put(&act, &g);
}

STORE_TEST(denial_is_undone_when_the_transaction_fails_and_stays_when_it_commits)
{
	struct bearer_family family;
	struct scene f;
	struct err e = { 0 };
	str text, access, late;

	scene_open(&f);
	put_grant_at_once(&f);
	text = scene_token(&f, SCENE_GRANT, 1, f.act.now_ms + HOUR_MS);
	access = access_token(&f, &family);
	CHECK(!scene_write(&f, deny_then_fail, &text, NULL, &e) && e.code == ERR_CONFLICT);
	CHECK(!scene_is_refused(&f, text, ERR_GRANT_REVOKED) &&
	      !scene_is_refused(&f, text, ERR_INVALID_TOKEN));
	CHECK(!scene_is_refused(&f, access, ERR_INVALID_TOKEN));
	late = token_random(f.arena, TOKEN_INSTALLATION);
	CHECK(!scene_write(&f, add_and_fail, &late, NULL, &e));
	CHECK(scene_is_refused(&f, late, ERR_INVALID_TOKEN));
	CHECK(scene_write(&f, deny_and_commit, NULL, NULL, &e));
	CHECK(scene_is_refused(&f, text, ERR_GRANT_REVOKED));
	scene_close(&f);
}

TEST(family_secret_opens_only_for_its_family)
{
	uint8_t secret[KEY_BYTES] = { 1, 2 }, out[KEY_BYTES];
	struct scene f;
	str sealed;

	scene_memory(&f);
	sealed = family_secret_seal(f.arena, &f.settings, 5, secret);
	CHECK(family_secret_unseal(f.arena, &f.settings, 5, sealed, out) &&
	      memcmp(secret, out, KEY_BYTES) == 0);
	CHECK(!family_secret_unseal(f.arena, &f.settings, 6, sealed, out));
	scene_memory_close(&f);
}

/* Budget: what 100 000 connections cost. ----------------------------------------------------- */

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && !defined(INDEX_ATOMICS)

static size_t bytes_in_use(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

static void name_of(char text[NAME_BYTES_MAX + 1], int64_t id)
{
	snprintf(text, NAME_BYTES_MAX + 1, "grt_%020lld", (long long)id);
}

TEST(memory_of_a_token_a_grant_and_a_family_stays_small)
{
	enum {
		GRANTS = 100000,
		TOKENS = 200000,
		FAMILIES = 100000,
		TOKEN_MAX = 170,      /* with what a table that is being enlarged takes for a moment */
		GRANT_MAX = 340,
		FAMILY_MAX = 290
	};
	char name[NAME_BYTES_MAX + 1];
	size_t before, grants, tokens, families;
	struct scene f;

	scene_memory(&f);
	before = bytes_in_use();
	for (int64_t i = 1; i <= GRANTS; i++) {
		struct bearer_grant g = scene_grant();

		name_of(name, i);
		g.id = i;
		g.public_id = str_from(name);
		bearers_grant_put(f.act.bearers, &g);
	}
	grants = bytes_in_use();
	for (int64_t i = 0; i < TOKENS; i++) {
		struct bearer_token t = { .grant_id = i % GRANTS + 1, .grant_version = 1,
					  .scopes = SCOPE_ORG_READ | SCOPE_KEYS_READ,
					  .expires_ms = f.act.now_ms + HOUR_MS };

		t.digest = sha256((str){ (const char *)&i, sizeof(i) });
		bearers_token_put(f.act.bearers, &t);
	}
	tokens = bytes_in_use();
	for (int64_t i = 1; i <= FAMILIES; i++) {
		struct bearer_family family = { .id = i * 7919,
						.grant_id = i,
						.expires_ms = f.act.now_ms + HOUR_MS };

		bearers_family_put(f.act.bearers, &family);
	}
	families = bytes_in_use();
	printf("bytes: %zu a grant, %zu a token, %zu a family\n", (grants - before) / GRANTS,
	       (tokens - grants) / TOKENS, (families - tokens) / FAMILIES);
	CHECK((grants - before) / GRANTS <= GRANT_MAX);
	CHECK((tokens - grants) / TOKENS <= TOKEN_MAX);
	CHECK((families - tokens) / FAMILIES <= FAMILY_MAX);
	scene_memory_close(&f);
}

#endif
