/* SPDX-License-Identifier: MIT */
#include "access/scene_test.h"

#include "access/account.h"
#include "access/audit.h"
#include "access/key.h"
#include "access/organization.h"
#include "access/principal.h"
#include "access/session.h"
#include "store/account.h"
#include "store/oauth.h"

static bool add_person(struct scene *f, str email, struct err *e)
{
	struct account_add_in in = { email, S("A Person"), S("correct horse battery") };
	struct account_view out;

	return account_add(&f->act, &in, &out, e);
}

static bool add_organization(struct scene *f, str slug, str owner, struct err *e)
{
	struct organization_add_in in = { slug, S("Acme Inc."), owner };
	struct organization_view out;

	return scene_write(f, organization_add, &in, &out, e);
}

static bool set_member(struct scene *f, str email, str role, struct err *e)
{
	struct member_in in = { S("acme"), email, role };
	struct member_out out;

	return scene_write(f, member_add, &in, &out, e);
}

static bool remove_member(struct scene *f, str email, struct err *e)
{
	struct member_in in = { S("acme"), email, STR_NONE };
	struct member_out out;

	return scene_write(f, member_remove, &in, &out, e);
}

static void with_acme(struct scene *f)
{
	struct err e = { 0 };

	scene_open(f);
	CHECK(add_person(f, S("olivia@example.com"), &e));
	CHECK(add_organization(f, S("acme"), S("olivia@example.com"), &e));
}

TEST(email_sanity)
{
	CHECK(email_is_sane(S("a@b")) && email_is_sane(S("o.l+x@mail.example.com")) &&
	      email_is_sane(S("ü@exämple.de")));
	CHECK(!email_is_sane(S("")) && !email_is_sane(S("a")) && !email_is_sane(S("@b")) &&
	      !email_is_sane(S("a@")));
	CHECK(!email_is_sane(S("a b@c")) && !email_is_sane(S("a@b@c")) &&
	      !email_is_sane(S("a@b..c")));
	CHECK(!email_is_sane(S("a@-b")) && !email_is_sane(S("a@b\n")) &&
	      !email_is_sane(S("a\xff@b")));
}

STORE_TEST(user_add_refuses_short_passwords_bad_addresses_and_repeats)
{
	struct account_add_in in = { S("a@example.com"), S("A"), S("elevenchars") };
	struct account_view out;
	struct scene f;
	struct err e = { 0 };

	scene_open(&f);
	CHECK(!account_add(&f.act, &in, &out, &e) && e.code == ERR_INVALID_REQUEST);
	in.password = S("zwölfzeichen");
	CHECK(account_add(&f.act, &in, &out, &e));
	CHECK(str_starts(out.id, S("usr_")) && !out.disabled);
	in.email = S("A@Example.com");
	CHECK(!account_add(&f.act, &in, &out, &e) && e.code == ERR_CONFLICT);
	in.email = S("nobody");
	CHECK(!account_add(&f.act, &in, &out, &e) && e.code == ERR_INVALID_REQUEST);
	CHECK_I64((int64_t)scene_audited(&f, "user.created"), 1);
	scene_close(&f);
}

STORE_TEST(org_add_refuses_reserved_uuid_and_taken_slugs)
{
	struct scene f;
	struct err e = { 0 };

	with_acme(&f);
	CHECK(!add_organization(&f, S("api"), S("olivia@example.com"), &e) &&
	      e.code == ERR_INVALID_REQUEST);
	CHECK(!add_organization(&f, S("Acme"), S("olivia@example.com"), &e) &&
	      e.code == ERR_INVALID_REQUEST);
	CHECK(!add_organization(&f, S("123e4567-e89b-42d3-a456-426614174000"),
				S("olivia@example.com"), &e));
	CHECK(!add_organization(&f, S("acme"), S("olivia@example.com"), &e) &&
	      e.code == ERR_SLUG_TAKEN);
	CHECK(!add_organization(&f, S("other"), S("nobody@example.com"), &e) &&
	      e.code == ERR_NOT_FOUND);
	CHECK(add_organization(&f, S("other"), S("olivia@example.com"), &e));
	scene_close(&f);
}

STORE_TEST(last_owner_can_neither_leave_nor_step_down)
{
	struct scene f;
	struct err e = { 0 };

	with_acme(&f);
	CHECK(!remove_member(&f, S("olivia@example.com"), &e) && e.code == ERR_CONFLICT);
	CHECK(!set_member(&f, S("olivia@example.com"), S("admin"), &e) && e.code == ERR_CONFLICT);
	CHECK(add_person(&f, S("tarik@example.com"), &e));
	CHECK(!remove_member(&f, S("tarik@example.com"), &e) && e.code == ERR_NOT_FOUND);
	CHECK(set_member(&f, S("tarik@example.com"), S("owner"), &e));
	CHECK(remove_member(&f, S("olivia@example.com"), &e));
	scene_close(&f);
}

/* A connection of olivia's in the store and in memory. */
struct connection { int64_t account_id, organization_id, grant_id; struct digest token; };

static bool connect_insert(const struct act *tx, const void *in, void *out, struct err *e)
{
	struct app app = { .client_id = S("client_1"),
			   .name = S("Partner"),
			   .refresh_policy = REFRESH_STABLE,
			   .confidential = true,
			   .scopes = SCOPE_ALL,
			   .icon_url = S(""),
			   .auth_method = S(""),
			   .created_ms = tx->now_ms };
	struct grant_new g = { .scopes = SCOPE_ORG_READ,
			       .now_ms = tx->now_ms,
			       .public_id = S("grt_one"),
			       .resource = S(""),
			       .redirect_host = S("partner.example") };
	struct minted m = { .scopes = SCOPE_ORG_READ,
			    .now_ms = tx->now_ms,
			    .expires_ms = tx->now_ms + 3600000 };
	struct family_new family = { .id = 99,
				     .code_id = 1,
				     .epoch = 1,
				     .now_ms = tx->now_ms,
				     .idle_expires_ms = tx->now_ms + 7200000,
				     .expires_ms = tx->now_ms + 7200000,
				     .access_expires_ms = tx->now_ms + 1800000,
				     .scope_text = S(""),
				     .resource = S(""),
				     .network = S(""),
				     .networks = S("") };
	struct connection *c = out;
	struct bearer_token live;
	struct grant grant;
	bool created, done = false;

	(void)in;
	g.account_id = c->account_id;
	g.organization_id = c->organization_id;
	if (!store_app_insert(tx->db, tx->arena, &app, &g.app_id, e) ||
	    !store_grant_ensure(tx->db, tx->arena, &g, &grant, &created, e))
		return false;
	c->grant_id = m.grant_id = family.grant_id = grant.id;
	m.grant_version = grant.version;
	family.app_id = g.app_id;
	family.account_id = c->account_id;
	family.sealed =
		family_secret_seal(tx->arena, tx->settings, 99, (uint8_t[KEY_BYTES]){ 4, 5, 6 });
	for (size_t i = 0; i < DIGEST_BYTES; i++)
		m.digest[i] = c->token.b[i];
	live = (struct bearer_token){ c->token, grant.id, grant.version,
				      SCOPE_ORG_READ, m.expires_ms, { 0 } };
	bearer_token_add(tx, &live);
	m.family_id = family.id;
	return store_family_insert(tx->db, tx->arena, &family, e) &&
	       store_token_mint(tx->db, tx->arena, &m, &done, e) && done &&
	       bearer_grant_refresh(tx, grant.id, e);
}

static bool find_ids(const struct act *tx, const void *in, void *out, struct err *e)
{
	struct connection *c = out;
	struct account account;
	struct organization o;

	(void)in;
	if (!account_need(tx, S("tarik@example.com"), &account, e) ||
	    !store_organization_by_ref(tx->db, tx->arena, S("acme"), &o, e))
		return false;
	c->account_id = account.id;
	c->organization_id = o.id;
	return true;
}

/* tarik is an admin of acme and has connected a partner; its installation token. */
static str with_connection(struct scene *f)
{
	str text;
	struct connection c = { 0 };
	struct err e = { 0 };

	with_acme(f);
	CHECK(add_person(f, S("tarik@example.com"), &e));
	CHECK(set_member(f, S("tarik@example.com"), S("admin"), &e));
	CHECK(scene_read(f, find_ids, NULL, &c, &e));
	text = token_random(f->arena, TOKEN_INSTALLATION);
	c.token = sha256(text);
	CHECK(scene_write(f, connect_insert, NULL, &c, &e));
	return text;
}

static str access_token(struct scene *f)
{
	return derived_token(f->arena, TOKEN_ACCESS, (uint8_t[KEY_BYTES]){ 4, 5, 6 }, 1, 99, 1, 1,
			     (uint32_t)(f->act.now_ms / 1000 + 1800));
}

STORE_TEST(connection_is_live_after_its_commit_and_after_a_restart)
{
	struct principal who;
	struct scene f;
	struct err e = { 0 };
	str text = with_connection(&f);

	CHECK(bearer_principal(f.act.bearers, f.arena, text, f.act.now_ms, &who, &e));
	scene_restart(&f);
	CHECK(bearer_principal(f.act.bearers, f.arena, text, f.act.now_ms, &who, &e));
	CHECK_STR(who.organization_slug, S("acme"));
	CHECK_STR(who.grant_public_id, S("grt_one"));
	CHECK(bearer_principal(f.act.bearers, f.arena, access_token(&f), f.act.now_ms, &who, &e));
	CHECK(who.kind == WHO_ACCESS);
	scene_close(&f);
}

static void lose_role(bool by_removal)
{
	struct scene f;
	struct err e = { 0 };
	str text = with_connection(&f);

	if (by_removal)
		CHECK(remove_member(&f, S("tarik@example.com"), &e));
	else
		CHECK(set_member(&f, S("tarik@example.com"), S("member"), &e));
	CHECK(scene_is_refused(&f, text, ERR_GRANT_REVOKED));
	scene_restart(&f);
	CHECK(scene_is_refused(&f, text, ERR_GRANT_REVOKED));
	scene_close(&f);
}

STORE_TEST(rule_152_becoming_a_member_ends_the_persons_connections_there_at_once)
{
	lose_role(false);
}

STORE_TEST(rule_152_leaving_ends_the_persons_connections_there_at_once)
{
	lose_role(true);
}

STORE_TEST(refused_role_change_keeps_the_connections)
{
	struct scene f;
	struct err e = { 0 };
	str text = with_connection(&f);

	CHECK(set_member(&f, S("tarik@example.com"), S("owner"), &e));
	CHECK(remove_member(&f, S("olivia@example.com"), &e));
	CHECK(!remove_member(&f, S("tarik@example.com"), &e));     /* the last owner now */
	CHECK(!scene_is_refused(&f, text, ERR_GRANT_REVOKED));
	scene_close(&f);
}

STORE_TEST(rule_131_disabling_a_person_ends_everything_of_theirs)
{
	struct account_email_in in = { S("tarik@example.com") };
	struct account_view out;
	struct scene f;
	struct err e = { 0 };
	str text = with_connection(&f);

	CHECK(scene_write(&f, account_disable, &in, &out, &e) && out.disabled);
	CHECK(scene_is_refused(&f, text, ERR_GRANT_REVOKED));
	CHECK(scene_is_refused(&f, access_token(&f), ERR_INVALID_TOKEN));
	scene_restart(&f);
	CHECK(scene_is_refused(&f, text, ERR_GRANT_REVOKED));
	CHECK(scene_write(&f, account_disable, &in, &out, &e));
	CHECK_I64((int64_t)scene_audited(&f, "user.disabled"), 1);
	in.email = S("nobody@example.com");
	CHECK(!scene_write(&f, account_disable, &in, &out, &e) && e.code == ERR_NOT_FOUND);
	scene_close(&f);
}

STORE_TEST(rule_224_a_deleted_person_takes_everything_along)
{
	struct account_email_in in = { S("tarik@example.com") };
	struct account_list_out people;
	struct account_view out;
	struct scene f;
	struct err e = { 0 };
	str text = with_connection(&f);
	size_t n;

	CHECK(scene_read(&f, account_list, NULL, &people, &e));
	n = people.users.n;
	CHECK(!account_delete(&f.act, &in, &out, &e) && e.code == ERR_CONFLICT);
	CHECK(!scene_is_refused(&f, text, ERR_GRANT_REVOKED));
	CHECK(scene_write(&f, account_disable, &in, &out, &e));
	CHECK(account_delete(&f.act, &in, &out, &e));
	CHECK(scene_read(&f, account_list, NULL, &people, &e) && people.users.n == n - 1);
	CHECK(scene_is_refused(&f, access_token(&f), ERR_INVALID_TOKEN));
	scene_restart(&f);
	CHECK(scene_is_refused(&f, text, ERR_INVALID_TOKEN));
	CHECK(!account_delete(&f.act, &in, &out, &e) && e.code == ERR_NOT_FOUND);
	CHECK_I64((int64_t)scene_audited(&f, "user.deleted"), 1);
	scene_close(&f);
}

STORE_TEST(key_works_at_once_is_stored_as_a_digest_and_stops_when_revoked)
{
	struct api_key_add_in in = { .organization = S("acme"), .level = S("read") };
	struct api_key_revoke_out revoked;
	struct api_key_revoke_in which;
	struct api_key_add_out out;
	struct api_key_list_out list;
	struct principal who;
	struct scene f;
	struct err e = { 0 };

	with_acme(&f);
	CHECK(scene_write(&f, api_key_add, &in, &out, &e));
	CHECK(str_starts(out.key, S("bi-")) && str_starts(out.key, out.prefix) &&
	      out.prefix.n == 9);
	for (int round = 0; round < 2; round++) {
		CHECK(bearer_principal(f.act.bearers, f.arena, out.key, f.act.now_ms, &who, &e));
		CHECK(who.kind == WHO_KEY && who.scopes == scope_level(S("read")));
		CHECK_STR(who.organization_slug, S("acme"));
		scene_restart(&f);
	}
	CHECK(scene_read(&f, api_key_list, &(struct api_key_list_in){ S("acme") }, &list, &e) &&
	      list.keys.n == 1);
	which.id = out.id;
	CHECK(scene_write(&f, api_key_revoke, &which, &revoked, &e) && revoked.revoked);
	CHECK(scene_is_refused(&f, out.key, ERR_INVALID_TOKEN));
	CHECK(scene_write(&f, api_key_revoke, &which, &revoked, &e) && revoked.revoked);
	which.id = S("no-such-key");
	CHECK(!scene_write(&f, api_key_revoke, &which, &revoked, &e) && e.code == ERR_NOT_FOUND);
	CHECK_I64((int64_t)scene_audited(&f, "key.revoked"), 1);
	scene_close(&f);
}

STORE_TEST(key_is_of_one_kind_and_of_known_projects)
{
	static const str projects[] = { STR("web") };
	struct api_key_add_in in = { .organization = S("acme") };
	struct api_key_add_out out;
	struct principal who;
	struct scene f;
	struct err e = { 0 };

	with_acme(&f);
	CHECK(!scene_write(&f, api_key_add, &in, &out, &e) && e.code == ERR_INVALID_REQUEST);
	in.is_public = true;
	CHECK(scene_write(&f, api_key_add, &in, &out, &e) && str_starts(out.key, S("bi_pub_")));
	CHECK(out.expires_at.p == NULL);
	CHECK(bearer_principal(f.act.bearers, f.arena, out.key, f.act.now_ms, &who, &e));
	CHECK(who.kind == WHO_PUBLIC_KEY && who.scopes == SCOPE_CONTENT_READ);
	in.level = S("read");
	CHECK(!scene_write(&f, api_key_add, &in, &out, &e) && e.code == ERR_INVALID_REQUEST);
	in.is_public = false;
	in.projects = (struct strs){ projects, 1, true };
	CHECK(!scene_write(&f, api_key_add, &in, &out, &e) && e.code == ERR_NOT_FOUND);
	scene_close(&f);
}

static bool may_acme(const struct act *tx, const void *in, void *out, struct err *e)
{
	struct organization o;

	(void)out;
	return store_organization_by_ref(tx->db, tx->arena, S("acme"), &o, e) &&
	       access_may_project(tx, o.id, *(const int64_t *)in, e);
}

STORE_TEST(e_18_foreign_organization_is_403_for_those_who_can_see_it_and_404_for_others)
{
	static const int64_t only[] = { 1 };
	int64_t project = 2;
	struct connection c = { 0 };
	struct scene f;
	struct err e = { 0 };

	with_connection(&f);
	CHECK(scene_read(&f, find_ids, NULL, &c, &e));
	f.who = (struct principal){ .kind = WHO_INSTALL,
				    .organization_id = 999,
				    .account_id = c.account_id };
	CHECK(!scene_read(&f, may_acme, &project, NULL, &e) && e.code == ERR_WRONG_ORGANIZATION);
	f.who.account_id = 12345;
	CHECK(!scene_read(&f, may_acme, &project, NULL, &e) && e.code == ERR_NOT_FOUND);
	f.who = (struct principal){ .kind = WHO_KEY, .organization_id = c.organization_id,
				    .projects = { PROJECTS_SELECTED, only, 1 } };
	CHECK(!scene_read(&f, may_acme, &project, NULL, &e) && e.code == ERR_WRONG_ORGANIZATION);
	project = 1;
	CHECK(scene_read(&f, may_acme, &project, NULL, &e));
	f.who = (struct principal){ .kind = WHO_SESSION, .account_id = c.account_id };
	CHECK(scene_read(&f, may_acme, &project, NULL, &e));
	f.who.account_id = 12345;
	CHECK(!scene_read(&f, may_acme, &project, NULL, &e) && e.code == ERR_NOT_FOUND);
	scene_close(&f);
}

STORE_TEST(rule_221_audit_says_who_and_where_and_masks_secrets)
{
	struct audit_in in = { .limit = 2, .organization = S("acme"), .since = S("1h") };
	const struct audit_event *events;
	struct audit_out out;
	struct scene f;
	struct err e = { 0 };

	with_acme(&f);
	CHECK(scene_read(&f, audit_list, &in, &out, &e) && out.events.n == 1);
	events = out.events.v;
	CHECK_STR(events[0].kind, S("organization.created"));
	CHECK_STR(events[0].request_id, S("req-1"));
	CHECK_STR(events[0].address, S("192.0.2.7"));
	CHECK_STR(events[0].detail, S("{\"slug\":\"acme\"}"));
	CHECK_I64(out.next, events[0].id);
	in.since = S("yesterday");
	CHECK(!scene_read(&f, audit_list, &in, &out, &e) && e.code == ERR_INVALID_REQUEST);
	in = (struct audit_in){ .limit = 2, .grant = S("grt_none") };
	CHECK(!scene_read(&f, audit_list, &in, &out, &e) && e.code == ERR_NOT_FOUND);
	scene_close(&f);
}

static bool audit_with_secret(const struct act *tx, const void *in, void *out, struct err *e)
{
	struct audit_detail d = { AUDIT_FACTS({ S("note"), *(const str *)in }) };

	(void)out;
	return audit_add(tx, AUDIT_TOKEN_MINTED, &d, e);
}

STORE_TEST(rule_216_a_token_that_strays_into_the_audit_is_masked)
{
	struct audit_in in = { .limit = 10 };
	const struct audit_event *events;
	struct audit_out out;
	struct scene f;
	struct err e = { 0 };
	str token;

	scene_open(&f);
	token = token_random(f.arena, TOKEN_INSTALLATION);
	CHECK(scene_write(&f, audit_with_secret, &token, NULL, &e));
	CHECK(scene_read(&f, audit_list, &in, &out, &e) && out.events.n == 1);
	events = out.events.v;
	CHECK(str_find(events[0].detail, token) < 0 &&
	      str_find(events[0].detail, S("bi_oat_***")) >= 0);
	scene_close(&f);
}
