/* SPDX-License-Identifier: MIT */
#include "access/scene_test.h"

#include "store/oauth.h"

struct app_made { str client_id; struct digest first, second; int64_t id; };

static bool app_insert(const struct act *tx, const void *in, void *out, struct err *e)
{
	static const str uris[] = { STR("https://partner.example/cb"), STR("http://127.0.0.1/cb") };
	struct app app = {
		.client_id = S("client_1"),
		.name = S("Partner"),
		.kind = APP_WEB,
		.refresh_policy = REFRESH_STABLE,
		.confidential = true,
		.refresh_grace_s = 120,
		.scopes = SCOPE_ALL,
		.icon_url = S(""),
		.auth_method = S(""),
		.created_ms = tx->now_ms,
		.redirect_uris = { uris, COUNT(uris), true },
	};
	struct app_made *made = out;

	(void)in;
	return store_app_insert(tx->db, tx->arena, &app, &made->id, e) &&
	       store_app_secret_add(tx->db, tx->arena, made->id, made->first.b, tx->now_ms, e) &&
	       apps_refresh(tx, made->id, e);
}

static bool app_rotate(const struct act *tx, const void *in, void *out, struct err *e)
{
	struct app_made *made = out;

	(void)in;
	return store_app_secrets_retire(tx->db, tx->arena, made->id, tx->now_ms, tx->now_ms + 1000,
					e) &&
	       store_app_secret_add(tx->db, tx->arena, made->id, made->second.b, tx->now_ms, e) &&
	       apps_refresh(tx, made->id, e);
}

STORE_TEST(app_is_found_after_its_commit_and_after_a_restart)
{
	struct app_made made = { .first = sha256(S("one")) };
	struct scene f;
	struct err e = { 0 };
	struct app app;

	scene_open(&f);
	CHECK(!apps_find(f.act.apps, f.arena, S("client_1"), &app));
	CHECK(scene_write(&f, app_insert, NULL, &made, &e));
	for (int round = 0; round < 2; round++) {
		CHECK(apps_find(f.act.apps, f.arena, S("client_1"), &app) && app.id == made.id);
		CHECK(app.confidential && app.kind == APP_WEB && app.redirect_uris.n == 2);
		CHECK_STR(app.redirect_uris.v[1], S("http://127.0.0.1/cb"));
		CHECK(apps_by_id(f.act.apps, f.arena, made.id, &app));
		CHECK(!apps_find(f.act.apps, f.arena, S("client_2"), &app));
		scene_restart(&f);
	}
	scene_close(&f);
}

STORE_TEST(rule_115_two_secrets_may_overlap)
{
	struct app_made made = { .first = sha256(S("one")), .second = sha256(S("two")) };
	struct scene f;
	struct err e = { 0 };
	int64_t id = 0;

	scene_open(&f);
	CHECK(scene_write(&f, app_insert, NULL, &made, &e));
	CHECK(apps_authenticate(f.act.apps, S("client_1"), S("one"), f.act.now_ms, &id) && id != 0);
	CHECK(!apps_authenticate(f.act.apps, S("client_1"), S("two"), f.act.now_ms, NULL));
	CHECK(scene_write(&f, app_rotate, NULL, &made, &e));
	CHECK(apps_authenticate(f.act.apps, S("client_1"), S("one"), f.act.now_ms, NULL));
	CHECK(apps_authenticate(f.act.apps, S("client_1"), S("two"), f.act.now_ms, NULL));
	CHECK(!apps_authenticate(f.act.apps, S("client_1"), S("one"), f.act.now_ms + 1000, NULL));
	CHECK(!apps_authenticate(f.act.apps, S("client_2"), S("one"), f.act.now_ms, NULL));
	CHECK(!apps_authenticate(f.act.apps, S("client_1"), STR_NONE, f.act.now_ms, NULL));
	scene_close(&f);
}
