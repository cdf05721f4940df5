/* SPDX-License-Identifier: MIT */
#include "oauth/scene_test.h"

#include "base/clock.h"
#include "oauth/app.h"
#include "oauth/grant.h"
#include "oauth/me.h"
#include "oauth/sweep.h"
#include "oauth/token_revoke.h"
#include "store/bearer.h"
#include "store/db.h"

#include <stdio.h>

enum { SECOND = 1000 };

static const str only_web[] = { STR("acme/web"), { NULL, 0 } };

struct connected { struct token_out t; struct principal who; };

static struct connected connect_as(struct scene *s, const str *projects)
{
	struct scene_consent c = { .app = &s->partner, .projects = projects };
	struct connected out = { .t = scene_redeem(s, &s->partner, scene_code(s, &c), false) };
	struct err e;

	out.who = scene_bearer(s, out.t.access_token, &e);
	CHECK(out.who.kind == WHO_ACCESS);
	return out;
}

static enum err_code mint(struct scene *s, const struct connected *c, struct mint_in *in,
                          struct mint_out *out, struct err *e)
{
	*out = (struct mint_out){ 0 };
	in->grant_id = in->grant_id.p == NULL ? c->t.grant_id : in->grant_id;
	return scene_write(s, &c->who, install_mint, in, out, e) ? ERR_NONE : e->code;
}

static enum err_code mint_code(struct scene *s, const struct connected *c, struct mint_in in)
{
	struct mint_out out;
	struct err e;

	return mint(s, c, &in, &out, &e);
}

SCENE_TEST(rule_149_the_answer_of_a_mint)
{
	struct connected c = connect_as(s, NULL);
	struct mint_in in = { 0 };
	struct mint_out out;
	struct principal who;
	struct err e;

	CHECK_I64(mint(s, &c, &in, &out, &e), ERR_NONE);
	CHECK(str_starts(out.installation_token, S("bi_oat_")));
	CHECK_STR(out.token_type, S("Bearer"));
	CHECK_I64(out.expires_in, 3600);
	CHECK_STR(out.expires_at, clock_iso(s->arena, s->act.now_ms + 3600 * SECOND));
	CHECK_STR(out.organization_id, s->acme.public_id);
	CHECK(out.project_ids.n == 0 && str_eq(out.project_access, S("all")) && out.scopes.n == 2);
	CHECK_STR(out.grant_id, c.t.grant_id);
	who = scene_bearer(s, out.installation_token, &e);
	CHECK(who.kind == WHO_INSTALL && who.organization_id == s->acme.id);
	CHECK_I64((int64_t)scene_audited(s, "token.minted"), 1);
	scene_restart(s);
	CHECK_I64(scene_token_state(s, out.installation_token), ERR_NONE);
	s->act.now_ms += 3600 * SECOND;
	CHECK_I64(scene_token_state(s, out.installation_token), ERR_INVALID_TOKEN);
}

SCENE_TEST(rule_150_a_mint_only_narrows)
{
	struct connected c = connect_as(s, NULL);
	str keys[] = { STR("keys:read") }, more[] = { STR("keys:read keys:write") },
	    bad[] = { STR("x:y") };
	str projects[] = { s->web.public_id }, foreign[] = { s->site.public_id };
	struct mint_in in = { .scopes = { keys, 1, true },
		              .project_ids = { projects, 1, true },
		              .expires_in = 60 };
	struct mint_out out;
	struct principal who;
	struct err e;

	CHECK_I64(mint(s, &c, &in, &out, &e), ERR_NONE);
	CHECK(out.scopes.n == 1 && out.project_ids.n == 1 && out.expires_in == 60);
	CHECK_STR(out.project_access, S("selected"));
	who = scene_bearer(s, out.installation_token, &e);
	CHECK(who.scopes == SCOPE_KEYS_READ && project_set_has(&who.projects, s->web.id) &&
	      !project_set_has(&who.projects, s->docs.id));
	in = (struct mint_in){ .scopes = { more, 1, true } };
	CHECK_I64(mint(s, &c, &in, &out, &e), ERR_MISSING_SCOPE);
	CHECK_STR(e.required, S("keys:write"));
	CHECK_I64(mint_code(s, &c, (struct mint_in){ .scopes = { bad, 1, true } }),
	          ERR_INVALID_SCOPE);
	CHECK_I64(mint_code(s, &c, (struct mint_in){ .project_ids = { foreign, 1, true } }),
	          ERR_INVALID_REQUEST);
	CHECK_I64(mint_code(s, &c, (struct mint_in){ .expires_in = 3601 }), ERR_INVALID_REQUEST);
	CHECK_I64(mint_code(s, &c, (struct mint_in){ .expires_in = -1 }), ERR_INVALID_REQUEST);
}

static bool project_gone(const struct act *act, const void *in, void *out, struct err *e);

SCENE_TEST(rule_151_a_limited_grant_is_never_everything)
{
	struct connected c = connect_as(s, only_web);
	str docs[] = { s->docs.public_id };
	struct mint_in in = { 0 };
	struct mint_out out;
	struct err e;

	CHECK_I64(mint(s, &c, &in, &out, &e), ERR_NONE);
	CHECK(out.project_ids.n == 1 && str_eq(out.project_ids.v[0], s->web.public_id));
	CHECK_I64(mint_code(s, &c, (struct mint_in){ .project_ids = { docs, 1, true } }),
	          ERR_INVALID_REQUEST);
	CHECK_I64(mint_code(s, &c, (struct mint_in){ .project_ids = { NULL, 0, true } }), ERR_NONE);
	CHECK(scene_write(s, &s->operator_, project_gone, s, NULL, &e));
	CHECK_I64(mint_code(s, &c, (struct mint_in){ 0 }), ERR_NO_PROJECTS_IN_GRANT);
}

/* What is left when the project of a limited grant goes. */
static bool project_gone(const struct act *act, const void *in, void *out, struct err *e)
{
	struct rows rows;

	(void)in;
	(void)out;
	return DB_RUN(act->db, act->arena, SQL_GRANT_PROJECTS_CLEAR, &rows, e, A_I64(1));
}

/* What is not in memory is asked of the store: of another node, or long revoked. */
SCENE_TEST(rule_154_the_store_does_not_find_others_grants_either)
{
	struct connected c = connect_as(s, NULL);
	struct token_out editor = scene_connect(s, &s->editor);
	int64_t own, theirs, others;
	struct db *db;
	struct err e;

	CHECK(store_read_begin(s->act.store, &db, &e));
	CHECK(store_bearer_grant_id_of(db, s->arena, c.t.grant_id, c.who.app_id, c.who.account_id, &own, &e));
	CHECK(store_bearer_grant_id_of(db, s->arena, c.t.grant_id, c.who.app_id, c.who.account_id + 1, &others, &e));
	CHECK(store_bearer_grant_id_of(db, s->arena, editor.grant_id, c.who.app_id, 0, &theirs, &e));
	store_read_end(s->act.store, db);
	CHECK(own != 0);
	CHECK_I64(others, 0);
	CHECK_I64(theirs, 0);
}

SCENE_TEST(rule_154_unknown_foreign_and_revoked_grants)
{
	struct connected c = connect_as(s, NULL);
	struct token_out editor = scene_connect(s, &s->editor);
	struct install_delete_in gone = { c.t.grant_id };
	struct install_delete_out deleted = { 0 };
	struct mint_out out;
	struct mint_in in = { 0 };
	struct err e;

	CHECK_I64(mint_code(s, &c, (struct mint_in){ .grant_id = S("grt_unknown") }),
	          ERR_GRANT_NOT_FOUND);
	CHECK_I64(mint_code(s, &c, (struct mint_in){ .grant_id = editor.grant_id }),
	          ERR_GRANT_NOT_FOUND);
	CHECK_I64(mint(s, &c, &in, &out, &e), ERR_NONE);
	CHECK(scene_write(s, &c.who, install_delete, &gone, &deleted, &e));
	CHECK_I64(mint_code(s, &c, (struct mint_in){ 0 }), ERR_GRANT_REVOKED);
	CHECK_I64(scene_token_state(s, out.installation_token), ERR_GRANT_REVOKED);
	scene_restart(s);
	CHECK_I64(mint_code(s, &c, (struct mint_in){ 0 }), ERR_GRANT_REVOKED);
}

SCENE_TEST(rule_145_delete_ends_the_grant_and_says_so_twice)
{
	struct connected c = connect_as(s, NULL);
	struct token_out editor = scene_connect(s, &s->editor), out;
	struct install_delete_in in = { c.t.grant_id };
	struct install_delete_out deleted = { 0 };
	struct token_in refresh = scene_refresh_in(&s->partner, c.t.refresh_token);
	struct principal client = { .kind = WHO_CLIENT, .app_id = c.who.app_id };
	struct err e;

	for (int i = 0; i < 2; i++) {
		CHECK(scene_write(s, &c.who, install_delete, &in, &deleted, &e));
		CHECK(deleted.revoked && str_eq(deleted.grant_id, c.t.grant_id));
		/* Ruling R33: the same access token may ask again. */
		CHECK_I64(scene_token_state(s, c.t.access_token), ERR_NONE);
	}
	CHECK(scene_write(s, &client, install_delete, &in, &deleted, &e));
	CHECK(!scene_write(s, &s->nobody, token_exchange, &refresh, &out, &e) &&
	      e.code == ERR_INVALID_GRANT);
	CHECK(str_starts(str_from(e.say), S("revoked")));
	in.grant_id = editor.grant_id;
	CHECK(!scene_write(s, &c.who, install_delete, &in, &deleted, &e) &&
	      e.code == ERR_GRANT_NOT_FOUND);
	CHECK(!scene_write(s, &client, install_delete, &in, &deleted, &e) &&
	      e.code == ERR_GRANT_NOT_FOUND);
	CHECK_I64((int64_t)scene_audited(s, "grant.revoked"), 1);
	CHECK(!str_eq(scene_connect(s, &s->partner).grant_id,
	              c.t.grant_id)); /* connecting again is a new grant */
}

SCENE_TEST(rule_156_a_cap_refuses_and_never_evicts)
{
	struct connected c = connect_as(s, NULL);
	struct mint_out first, out;
	struct mint_in in = { 0 };
	struct err e;

	s->settings.installation_tokens_max = 3;
	CHECK_I64(mint(s, &c, &in, &first, &e), ERR_NONE);
	CHECK_I64(mint(s, &c, &in, &out, &e), ERR_NONE);
	CHECK_I64(mint(s, &c, &in, &out, &e), ERR_NONE);
	CHECK_I64(mint(s, &c, &in, &out, &e), ERR_RATE_LIMITED);
	CHECK(e.retry_after_s > 0);
	CHECK_I64(scene_token_state(s, first.installation_token), ERR_NONE);
	s->act.now_ms += 3601 * SECOND; /* expired ones do not count, swept or not */
	c.t = scene_redeem(s, &s->partner,
	                   scene_code(s, &(struct scene_consent){ .app = &s->partner }), false);
	c.who = scene_bearer(s, c.t.access_token, &e);
	CHECK_I64(mint(s, &c, &in, &out, &e), ERR_NONE);
}

SCENE_TEST(ruling_24_identical_mints_share_a_token_for_a_moment)
{
	struct connected c = connect_as(s, NULL);
	str keys[] = { STR("keys:read") };
	struct mint_out first, same, other, later;
	struct mint_in in = { 0 }, narrow = { .scopes = { keys, 1, true } };
	struct err e;

	s->settings.mint_coalesce_ms = 5000;
	CHECK_I64(mint(s, &c, &in, &first, &e), ERR_NONE);
	s->act.now_ms += 4000;
	CHECK_I64(mint(s, &c, &in, &same, &e), ERR_NONE);
	CHECK_STR(same.installation_token, first.installation_token);
	CHECK_STR(same.expires_at, first.expires_at);
	CHECK_I64(same.expires_in, 3596);
	CHECK_I64(mint(s, &c, &narrow, &other, &e), ERR_NONE);
	CHECK(!str_eq(other.installation_token, first.installation_token));
	s->act.now_ms += 1001;
	CHECK_I64(mint(s, &c, &in, &later, &e), ERR_NONE);
	CHECK(!str_eq(later.installation_token, first.installation_token));
	CHECK_I64((int64_t)scene_audited(s, "token.minted"), 4);
}

SCENE_TEST(rule_156_mints_have_a_rate)
{
	struct connected c = connect_as(s, NULL);

	s->settings.mint_per_minute_max = 2;
	CHECK_I64(mint_code(s, &c, (struct mint_in){ 0 }), ERR_NONE);
	CHECK_I64(mint_code(s, &c, (struct mint_in){ 0 }), ERR_NONE);
	CHECK_I64(mint_code(s, &c, (struct mint_in){ 0 }), ERR_RATE_LIMITED);
}

/* Revocation by the app ------------------------------------------------------------------------ */

static enum err_code revoke(struct scene *s, const struct scene_app *app, str token)
{
	struct token_revoke_in in = { .token = token,
		                      .client_id = app->id,
		                      .client_secret = app->secret };
	struct err e;

	return scene_write(s, &s->nobody, token_revoke, &in, NULL, &e) ? ERR_NONE : e.code;
}

SCENE_TEST(rule_138_a_revoked_refresh_token_takes_all_with_it)
{
	struct connected c = connect_as(s, NULL);
	struct mint_in in = { 0 };
	struct mint_out out;
	struct err e;

	CHECK_I64(mint(s, &c, &in, &out, &e), ERR_NONE);
	CHECK_I64(revoke(s, &s->editor, c.t.refresh_token), ERR_NONE); /* rule 137: not its own */
	CHECK_I64(scene_token_state(s, c.t.access_token), ERR_NONE);
	CHECK_I64(revoke(s, &s->partner, c.t.refresh_token), ERR_NONE);
	CHECK_I64(scene_token_state(s, c.t.access_token), ERR_INVALID_TOKEN);
	CHECK_I64(scene_token_state(s, out.installation_token), ERR_INVALID_TOKEN);
	CHECK_I64(revoke(s, &s->partner, c.t.refresh_token), ERR_NONE);
	CHECK_I64(revoke(s, &s->partner, S("nonsense")), ERR_NONE);               /* rule 136 */
}

SCENE_TEST(rule_138_a_revoked_access_token_goes_alone)
{
	struct connected c = connect_as(s, NULL);
	struct token_in refresh = scene_refresh_in(&s->partner, c.t.refresh_token);
	struct token_out next = { 0 };
	struct err e;

	CHECK_I64(revoke(s, &s->partner, c.t.access_token), ERR_NONE);
	CHECK_I64(scene_token_state(s, c.t.access_token), ERR_INVALID_TOKEN);
	scene_restart(s);
	CHECK_I64(scene_token_state(s, c.t.access_token), ERR_INVALID_TOKEN);
	CHECK(scene_write(s, &s->nobody, token_exchange, &refresh, &next, &e));
	CHECK_I64(scene_token_state(s, next.access_token), ERR_NONE);
}

/* The writer comes to a mint that was let in just before its refresh token was revoked. */
SCENE_TEST(rule_128_a_mint_that_comes_late_mints_nothing)
{
	struct connected c = connect_as(s, NULL);

	CHECK_I64(mint_code(s, &c, (struct mint_in){ 0 }), ERR_NONE);
	CHECK_I64(revoke(s, &s->partner, c.t.refresh_token), ERR_NONE);
	CHECK_I64(mint_code(s, &c, (struct mint_in){ .expires_in = 60 }), ERR_INVALID_TOKEN);
}

SCENE_TEST(ruling_24_a_revoked_token_is_not_handed_out_again)
{
	struct connected c = connect_as(s, NULL);
	struct mint_out first, next;
	struct mint_in in = { 0 };
	struct err e;

	s->settings.mint_coalesce_ms = 5000;
	CHECK_I64(mint(s, &c, &in, &first, &e), ERR_NONE);
	CHECK_I64(revoke(s, &s->partner, first.installation_token), ERR_NONE);
	CHECK_I64(scene_token_state(s, first.installation_token), ERR_INVALID_TOKEN);
	CHECK_I64(mint(s, &c, &in, &next, &e), ERR_NONE);
	CHECK_I64(scene_token_state(s, next.installation_token), ERR_NONE);
}

SCENE_TEST(rule_136_revocation_needs_the_app)
{
	struct connected c = connect_as(s, NULL);
	struct scene_app wrong = { s->partner.id, S("wrong"), STR_NONE };

	CHECK_I64(revoke(s, &wrong, c.t.refresh_token), ERR_INVALID_CLIENT);
	CHECK_I64(scene_token_state(s, c.t.access_token), ERR_NONE);
}

/* Lists ---------------------------------------------------------------------------------------- */

SCENE_TEST(rule_147_people_see_and_end_their_connections)
{
	struct connected c = connect_as(s, only_web);
	struct token_out editor = scene_connect(s, &s->editor);
	struct connected_list_out list = { 0 };
	const struct connected_app *apps;
	const struct connected_grant *grant;
	struct grant_revoke_in one = { editor.grant_id };
	struct grant_revoke_out ended = { 0 };
	struct connected_revoke_in all = { s->partner.id };
	struct connected_revoke_out count = { 0 };
	struct err e;

	CHECK_I64(mint_code(s, &c, (struct mint_in){ 0 }), ERR_NONE);
	CHECK(scene_read(s, &s->owner, connected_list, NULL, &list, &e));
	CHECK_I64((int64_t)list.apps.n, 2);
	apps = list.apps.v;
	grant = apps[str_eq(apps[0].client_id, s->partner.id) ? 0 : 1].grants.v;
	CHECK(grant->live_tokens == 1 && grant->projects.n == 1 && grant->last_used_at.n > 0);
	CHECK_STR(grant->project_access, S("selected"));
	CHECK(!scene_write(s, &s->member, grant_revoke, &one, &ended, &e) &&
	      e.code == ERR_GRANT_NOT_FOUND);
	CHECK(scene_write(s, &s->owner, grant_revoke, &one, &ended, &e) && ended.revoked);
	CHECK(scene_write(s, &s->owner, connected_revoke_app, &all, &count, &e));
	CHECK_I64(count.revoked, 1);
	CHECK_I64(mint_code(s, &c, (struct mint_in){ 0 }), ERR_GRANT_REVOKED);
	CHECK(scene_read(s, &s->owner, connected_list, NULL, &list, &e) && list.apps.n == 0);
}

SCENE_TEST(grant_list_shows_the_operator_all)
{
	struct connected c = connect_as(s, only_web);
	struct grant_list_in in = { .organization = S("acme"), .app = s->partner.id };
	struct grant_revoke_in revoke_in = { c.t.grant_id };
	struct grant_revoke_out ended;
	struct grant_list_out out = { 0 };
	const struct grant_view *v;
	struct err e;

	scene_connect(s, &s->editor);
	CHECK(scene_read(s, &s->operator_, grant_list, &in, &out, &e) && out.grants.n == 1);
	v = out.grants.v;
	CHECK_STR(v->grant_id, c.t.grant_id);
	CHECK_STR(v->user, S("owner@acme.example"));
	CHECK(v->project_ids.n == 1 && v->revoked_at.p == NULL);
	in = (struct grant_list_in){ 0 };
	CHECK(scene_read(s, &s->operator_, grant_list, &in, &out, &e) && out.grants.n == 2);
	in.organization = S("nobody");
	CHECK(!scene_read(s, &s->operator_, grant_list, &in, &out, &e) && e.code == ERR_NOT_FOUND);
	CHECK(scene_write(s, &s->operator_, grant_revoke, &revoke_in, &ended, &e));
	in = (struct grant_list_in){ .app = s->partner.id };
	CHECK(scene_read(s, &s->operator_, grant_list, &in, &out, &e) && out.grants.n == 1);
	CHECK(((const struct grant_view *)out.grants.v)->revoked_at.n > 0);
}

SCENE_TEST(me_shows_what_the_token_stands_for)
{
	struct connected c = connect_as(s, only_web);
	struct mint_in in = { 0 };
	struct mint_out minted;
	struct me_out me = { 0 };
	struct install_list_out list = { 0 };
	const struct me_grant *g;
	struct principal who;
	struct err e;

	CHECK(scene_read(s, &c.who, me_get, NULL, &me, &e));
	CHECK_STR(me.user.email, S("owner@acme.example"));
	CHECK_STR(me.client.id, s->partner.id);
	CHECK(me.organization.id.p == NULL && me.grants.n == 1 && me.scopes.n == 2);
	g = me.grants.v;
	CHECK(g->project_ids.n == 1 && str_eq(g->project_access, S("selected")));
	CHECK(scene_read(s, &c.who, install_list, NULL, &list, &e) && list.installations.n == 1);
	CHECK_I64(mint(s, &c, &in, &minted, &e), ERR_NONE);
	who = scene_bearer(s, minted.installation_token, &e);
	me = (struct me_out){ 0 };
	CHECK(scene_read(s, &who, me_get, NULL, &me, &e));
	CHECK_STR(me.organization.slug, S("acme"));
	CHECK_STR(me.grant_id, c.t.grant_id);
	CHECK(me.project_ids.n == 1 && str_eq(me.project_ids.v[0], s->web.public_id));
	CHECK(me.grants.v == NULL && str_eq(me.project_access, S("selected")));
}

/* Apps ----------------------------------------------------------------------------------------- */

static enum err_code add(struct scene *s, const struct app_add_in *in, struct app_view *out)
{
	struct err e;

	*out = (struct app_view){ 0 };
	return scene_write(s, &s->operator_, app_add, in, out, &e) ? ERR_NONE : e.code;
}

SCENE_TEST(rule_123_the_kind_of_app_decides_its_refresh_policy)
{
	struct app_ref_in ref = { s->editor.id };
	str both[] = { STR(EDITOR_REDIRECT), STR("com.example.app:/cb") };
	struct app_add_in in = { .name = S("Phone"),
		                 .type = S("native"),
		                 .redirect_uris = { both, 2, true } };
	struct app_view v = { 0 };
	struct err e;

	CHECK(scene_read(s, &s->operator_, app_show, &ref, &v, &e));
	CHECK_STR(v.refresh_policy, S("lagging"));
	CHECK(v.client_secret.p == NULL && s->editor.secret.p == NULL &&
	      str_starts(s->partner.secret, S("bi_cs_")));
	CHECK_I64(add(s, &in, &v), ERR_NONE);
	CHECK_STR(v.refresh_policy, S("rotating"));
	in.refresh_policy = S("stable");
	CHECK_I64(add(s, &in, &v), ERR_INVALID_REQUEST);
	in.refresh_policy = S("lagging");
	CHECK_I64(add(s, &in, &v), ERR_INVALID_REQUEST);
}

SCENE_TEST(rule_039_apps_are_registered_with_sane_values)
{
	str bad_uri[] = { STR("javascript:alert(1)") }, good_uri[] = { STR(WEB_REDIRECT) },
	    twice[] = { STR(WEB_REDIRECT), STR(WEB_REDIRECT) };
	str scheme[] = { STR("com.example.app:/cb") }, no_scope[] = { STR("nonsense") };
	struct app_add_in good = { .name = S("A"),
		                   .type = S("web"),
		                   .redirect_uris = { good_uri, 1, true } },
			  in;
	struct app_view v;

	CHECK_I64(add(s, &good, &v), ERR_NONE);
	in = good;
	in.redirect_uris.v = bad_uri;
	CHECK_I64(add(s, &in, &v), ERR_INVALID_REQUEST);
	in.redirect_uris.v = scheme;
	CHECK_I64(add(s, &in, &v), ERR_INVALID_REQUEST);
	in.redirect_uris = (struct strs){ twice, 2, true };
	CHECK_I64(add(s, &in, &v), ERR_INVALID_REQUEST);
	in = good;
	in.name = S("safe\xe2\x80\xae" "evil");
	CHECK_I64(add(s, &in, &v), ERR_INVALID_REQUEST);
	in.name = S(" A");
	CHECK_I64(add(s, &in, &v), ERR_INVALID_REQUEST);
	in.name = S("A\nB");
	CHECK_I64(add(s, &in, &v), ERR_INVALID_REQUEST);
	in = good;
	in.icon_url = S("http://x.example/i.png");
	CHECK_I64(add(s, &in, &v), ERR_INVALID_REQUEST);
	in = good;
	in.scopes = (struct strs){ no_scope, 1, true };
	CHECK_I64(add(s, &in, &v), ERR_INVALID_SCOPE);
	in = good;
	in.organization = S("nobody");
	CHECK_I64(add(s, &in, &v), ERR_NOT_FOUND);
}

SCENE_TEST(rule_115_two_secrets_overlap)
{
	struct app_rotate_in in = { s->partner.id, 3600 };
	struct scene_app first = s->partner, second, third;
	struct app_view v = { 0 };
	struct err e;

	CHECK(scene_write(s, &s->operator_, app_rotate_secret, &in, &v, &e));
	second = (struct scene_app){ first.id, v.client_secret, first.redirect };
	CHECK_I64(revoke(s, &first, S("x")), ERR_NONE);
	CHECK_I64(revoke(s, &second, S("x")), ERR_NONE);
	s->act.now_ms += 3601 * SECOND;
	CHECK_I64(revoke(s, &first, S("x")), ERR_INVALID_CLIENT);
	CHECK(scene_write(s, &s->operator_, app_rotate_secret, &in, &v, &e));
	third = (struct scene_app){ first.id, v.client_secret, first.redirect };
	CHECK_I64(revoke(s, &second, S("x")), ERR_NONE);
	CHECK_I64(revoke(s, &third, S("x")), ERR_NONE);
	in.overlap_s = 0;
	CHECK(scene_write(s, &s->operator_, app_rotate_secret, &in, &v, &e));
	CHECK_I64(revoke(s, &second, S("x")), ERR_INVALID_CLIENT);
	CHECK_I64(revoke(s, &third, S("x")), ERR_INVALID_CLIENT);
	in.client_id = s->editor.id;
	CHECK(!scene_write(s, &s->operator_, app_rotate_secret, &in, &v, &e) &&
	      e.code == ERR_CONFLICT);
}

SCENE_TEST(rule_224_a_deleted_app_takes_everything_along)
{
	struct token_out t = scene_connect(s, &s->partner), kept = scene_connect(s, &s->spa);
	struct app_ref_in ref = { s->partner.id };
	struct app_list_out list = { 0 };
	struct app_deleted gone;
	struct principal who;
	struct mint_out minted;
	struct err e;

	who = scene_bearer(s, t.access_token, &e);
	CHECK(scene_mint(s, &who, t.grant_id, &minted, &e));
	CHECK(!scene_write(s, &s->operator_, app_delete, &ref, &gone, &e) &&
	      e.code == ERR_CONFLICT);
	CHECK_I64(scene_token_state(s, minted.installation_token), ERR_NONE);
	CHECK(scene_app_disable(s, &s->partner));
	CHECK(!scene_write(s, &s->owner, app_delete, &ref, &gone, &e) && e.code == ERR_NOT_FOUND);
	for (int restarts = 0; restarts < 2; restarts++) {
		if (restarts == 0)
			CHECK(scene_write(s, &s->operator_, app_delete, &ref, &gone, &e));
		CHECK(scene_read(s, &s->operator_, app_list, NULL, &list, &e) && list.apps.n == 2);
		CHECK(!scene_write(s, &s->operator_, app_delete, &ref, &gone, &e) &&
		      e.code == ERR_NOT_FOUND);
		CHECK(scene_token_state(s, minted.installation_token) != ERR_NONE);
		CHECK_I64(scene_token_state(s, t.access_token), ERR_INVALID_TOKEN);
		CHECK_I64(scene_token_state(s, kept.access_token), ERR_NONE);
		scene_restart(s);
	}
	CHECK_I64((int64_t)scene_audited(s, "app.deleted"), 1);
	CHECK_I64((int64_t)scene_audited(s, "token.minted"), 1);
}

SCENE_TEST(apps_of_others_do_not_exist)
{
	str uri[] = { STR(WEB_REDIRECT) };
	struct app_add_in in = { .name = S("Mine"),
		                 .type = S("web"),
		                 .redirect_uris = { uri, 1, true },
		                 .organization = S("acme") };
	struct app_list_out list = { 0 };
	struct app_view v = { 0 };
	struct app_ref_in ref = { 0 };
	struct err e;

	CHECK(!scene_write(s, &s->member, app_add, &in, &v, &e) && e.code == ERR_FORBIDDEN);
	CHECK(scene_write(s, &s->owner, app_add, &in, &v, &e) && !v.verified);
	CHECK(scene_read(s, &s->owner, app_list, NULL, &list, &e) && list.apps.n == 1);
	CHECK(scene_read(s, &s->member, app_list, NULL, &list, &e) && list.apps.n == 0);
	CHECK(scene_read(s, &s->operator_, app_list, NULL, &list, &e) && list.apps.n == 4);
	ref.client_id = v.client_id;
	CHECK(!scene_write(s, &s->member, app_disable, &ref, &v, &e) && e.code == ERR_NOT_FOUND);
	CHECK(scene_write(s, &s->owner, app_disable, &ref, &v, &e) && v.disabled_at.n > 0);
	ref.client_id = s->partner.id;
	CHECK(!scene_write(s, &s->owner, app_disable, &ref, &v, &e) && e.code == ERR_NOT_FOUND);
}

SCENE_TEST(sweep_removes_what_is_over)
{
	struct connected c = connect_as(s, NULL);
	struct act slow = s->act;
	struct err e;

	fixture_read_end(s->fixture);
	s->act.now_ms += INT64_C(400) * 24 * 3600 * SECOND;
	slow.now_ms = s->act.now_ms;
	CHECK(oauth_sweep(&slow, &e));
	CHECK_I64(scene_token_state(s, c.t.access_token), ERR_INVALID_TOKEN);
	CHECK(oauth_sweep(&slow, &e));
}
