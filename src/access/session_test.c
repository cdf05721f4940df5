/* SPDX-License-Identifier: MIT */
#include "access/scene_test.h"

#include "access/account.h"
#include "access/session.h"

#include <string.h>

static const str PASSWORD = STR("correct horse battery");

static void with_person(struct scene *f)
{
	struct account_add_in in = { S("olivia@example.com"), S("Olivia"), PASSWORD };
	struct account_view out;
	struct err e = { 0 };

	scene_open(f);
	CHECK(account_add(&f->act, &in, &out, &e));
}

static bool sign_in(struct scene *f, str email, str password, struct login_out *out, struct err *e)
{
	struct login_in in = { email, password };

	*e = (struct err){ 0 };
	return session_login(&f->act, &in, out, e);
}

STORE_TEST(session_login_gives_a_cookie_that_survives_a_restart)
{
	struct login_out out;
	struct principal who;
	struct scene f;
	struct err e;

	with_person(&f);
	CHECK(sign_in(&f, S("Olivia@Example.com"), PASSWORD, &out, &e));
	CHECK(token_kind_of(out.token) == TOKEN_SESSION && out.expires_in == 3600);
	for (int round = 0; round < 2; round++) {
		CHECK(session_principal(f.act.bearers, out.token, f.act.now_ms, &who, &e));
		CHECK(who.kind == WHO_SESSION && who.account_id != 0 &&
		      who.auth_time_ms == f.act.now_ms);
		scene_restart(&f);
	}
	CHECK(!session_principal(f.act.bearers, token_random(f.arena, TOKEN_SESSION), f.act.now_ms,
				 &who, &e));
	CHECK(e.code == ERR_LOGIN_REQUIRED);
	CHECK(!session_principal(f.act.bearers, S("x"), f.act.now_ms, &who, &e) &&
	      e.code == ERR_LOGIN_REQUIRED);
	scene_close(&f);
}

STORE_TEST(rule_75_wrong_password_and_unknown_person_are_refused_alike)
{
	struct err wrong, unknown;
	struct login_out out;
	struct scene f;

	with_person(&f);
	CHECK(!sign_in(&f, S("olivia@example.com"), S("wrong password"), &out, &wrong));
	CHECK(!sign_in(&f, S("nobody@example.com"), S("wrong password"), &out, &unknown));
	CHECK(wrong.code == ERR_FORBIDDEN && strcmp(wrong.say, unknown.say) == 0 &&
	      wrong.code == unknown.code);
	CHECK_I64((int64_t)scene_audited(&f, "session.refused"), 2);
	scene_close(&f);
}

STORE_TEST(rule_75_attempts_are_limited_by_address_and_the_owner_is_not_locked_out)
{
	struct login_out out;
	struct scene f;
	struct err e;

	with_person(&f);
	CHECK(sign_in(&f, S("olivia@example.com"), PASSWORD, &out, &e));     /* her usual network */
	f.act.address = S("198.51.100.9");
	for (int i = 0; i < 3; i++)
		CHECK(!sign_in(&f, S("olivia@example.com"), S("guess"), &out, &e) &&
		      e.code == ERR_FORBIDDEN);
	CHECK(!sign_in(&f, S("olivia@example.com"), PASSWORD, &out, &e) &&
	      e.code == ERR_RATE_LIMITED);
	CHECK(e.retry_after_s > 0);
	CHECK(!sign_in(&f, S("other@example.com"), S("guess"), &out, &e) &&
	      e.code == ERR_RATE_LIMITED);
	f.act.address = S("198.51.100.10"); /* same network, other address */
	CHECK(!sign_in(&f, S("olivia@example.com"), PASSWORD, &out, &e) &&
	      e.code == ERR_RATE_LIMITED);
	f.act.address = S("192.0.2.8");
	for (int i = 0; i < 5; i++)
		CHECK(!sign_in(&f, S("olivia@example.com"), S("guess"), &out, &e) &&
		      e.code == ERR_FORBIDDEN);
	CHECK(sign_in(&f, S("olivia@example.com"), PASSWORD, &out, &e));
	scene_close(&f);
}

STORE_TEST(rule_75_guesses_from_the_usual_network_end_too)
{
	struct login_out out;
	struct scene f;
	struct err e;
	int guesses = 0;

	with_person(&f);
	CHECK(sign_in(&f, S("olivia@example.com"), PASSWORD, &out, &e));
	while (guesses < 40 && !sign_in(&f, S("olivia@example.com"), S("guess"), &out, &e) &&
	       e.code == ERR_FORBIDDEN)
		guesses++;
	CHECK_I64(guesses, 3 + 30);
	CHECK(e.code == ERR_RATE_LIMITED && e.retry_after_s > 0);
	scene_close(&f);
}

STORE_TEST(right_passwords_past_the_limit_make_no_room_for_guesses)
{
	struct login_out out;
	struct scene f;
	struct err e;

	with_person(&f);
	CHECK(sign_in(&f, S("olivia@example.com"), PASSWORD, &out, &e));
	for (int i = 0; i < 3; i++)
		CHECK(!sign_in(&f, S("victim@example.com"), S("guess"), &out, &e));
	CHECK(e.code == ERR_FORBIDDEN);
	CHECK(sign_in(&f, S("olivia@example.com"), PASSWORD, &out, &e));
	CHECK(!sign_in(&f, S("victim@example.com"), S("guess"), &out, &e));
	CHECK(e.code == ERR_RATE_LIMITED);
	scene_close(&f);
}

STORE_TEST(right_passwords_do_not_use_up_attempts)
{
	struct login_out out;
	struct scene f;
	struct err e;

	with_person(&f);
	for (int i = 0; i < 5; i++)
		CHECK(sign_in(&f, S("olivia@example.com"), PASSWORD, &out, &e));
	scene_close(&f);
}

STORE_TEST(rule_72_signing_in_ends_the_session_the_browser_had)
{
	struct login_out first, second;
	struct principal who;
	struct scene f;
	struct err e;

	with_person(&f);
	CHECK(sign_in(&f, S("olivia@example.com"), PASSWORD, &first, &e));
	CHECK(session_principal(f.act.bearers, first.token, f.act.now_ms, &f.who, &e));
	CHECK(sign_in(&f, S("olivia@example.com"), PASSWORD, &second, &e));
	CHECK(!session_principal(f.act.bearers, first.token, f.act.now_ms, &who, &e));
	CHECK(session_principal(f.act.bearers, second.token, f.act.now_ms, &who, &e));
	scene_close(&f);
}

STORE_TEST(session_logout_and_revoke_end_sessions_at_once)
{
	struct session_list_out list;
	const struct session_view *v;
	struct session_revoke_in in;
	struct login_out one, two;
	struct logout_out ended;
	struct principal who;
	struct scene f;
	struct err e;

	with_person(&f);
	CHECK(sign_in(&f, S("olivia@example.com"), PASSWORD, &one, &e));
	CHECK(sign_in(&f, S("olivia@example.com"), PASSWORD, &two, &e));
	CHECK(session_principal(f.act.bearers, one.token, f.act.now_ms, &f.who, &e));
	CHECK(scene_read(&f, session_list, NULL, &list, &e) && list.sessions.n == 2);
	v = list.sessions.v;
	in.id = v[0].current ? v[1].id : v[0].id;
	CHECK(str_starts(in.id, S("ses_")) && v[0].current != v[1].current);
	CHECK(scene_write(&f, session_revoke, &in, &ended, &e));
	CHECK(!session_principal(f.act.bearers, two.token, f.act.now_ms, &who, &e));
	CHECK(!scene_write(&f, session_revoke, &in, &ended, &e) && e.code == ERR_NOT_FOUND);
	CHECK(session_principal(f.act.bearers, one.token, f.act.now_ms, &who, &e));
	CHECK(scene_write(&f, session_logout, NULL, &ended, &e) && ended.ended);
	CHECK(!session_principal(f.act.bearers, one.token, f.act.now_ms, &who, &e));
	scene_restart(&f);
	CHECK(!session_principal(f.act.bearers, one.token, f.act.now_ms, &who, &e));
	scene_close(&f);
}

STORE_TEST(new_password_ends_sessions_and_the_old_password)
{
	struct account_passwd_in in = { S("olivia@example.com"), S("a much longer phrase") };
	struct account_view view;
	struct login_out out;
	struct principal who;
	struct scene f;
	struct err e;

	with_person(&f);
	CHECK(sign_in(&f, S("olivia@example.com"), PASSWORD, &out, &e));
	CHECK(account_passwd(&f.act, &in, &view, &e));
	CHECK(!session_principal(f.act.bearers, out.token, f.act.now_ms, &who, &e));
	CHECK(!sign_in(&f, S("olivia@example.com"), PASSWORD, &out, &e));
	CHECK(sign_in(&f, S("olivia@example.com"), S("a much longer phrase"), &out, &e));
	scene_close(&f);
}

STORE_TEST(disabled_person_cannot_sign_in)
{
	struct account_email_in in = { S("olivia@example.com") };
	struct account_view view;
	struct login_out out;
	struct principal who;
	struct scene f;
	struct err e;

	with_person(&f);
	CHECK(sign_in(&f, S("olivia@example.com"), PASSWORD, &out, &e));
	CHECK(scene_write(&f, account_disable, &in, &view, &e));
	CHECK(!session_principal(f.act.bearers, out.token, f.act.now_ms, &who, &e));
	CHECK(!sign_in(&f, S("olivia@example.com"), PASSWORD, &out, &e) && e.code == ERR_FORBIDDEN);
	scene_close(&f);
}

STORE_TEST(sweep_deletes_expired_rows_and_notes_uses)
{
	struct bearers_counts n;
	struct login_out out;
	struct principal who;
	struct scene f;
	struct err e;

	with_person(&f);
	CHECK(sign_in(&f, S("olivia@example.com"), PASSWORD, &out, &e));
	f.act.now_ms += 120 * 1000;
	CHECK(session_principal(f.act.bearers, out.token, f.act.now_ms, &who, &e));
	CHECK(access_sweep(&f.act, &e));
	scene_restart(&f);                           /* what the store knows now */
	CHECK(session_principal(f.act.bearers, out.token, f.act.now_ms + 599 * 1000, &who, &e));
	f.act.now_ms += 4000 * (int64_t)1000;
	CHECK(access_sweep(&f.act, &e));
	scene_restart(&f);
	bearers_count(f.act.bearers, &n);
	CHECK(n.sessions == 0);
	scene_close(&f);
}

STORE_TEST(sweep_deletes_audit_events_older_than_they_are_kept)
{
	struct login_out out;
	struct scene f;
	struct err e;

	with_person(&f);
	CHECK(sign_in(&f, S("olivia@example.com"), PASSWORD, &out, &e));
	f.act.now_ms += 2 * INT64_C(86400000);
	CHECK(access_sweep(&f.act, &e));
	CHECK(scene_audited(&f, "session.created") == 1);   /* 0 days: for ever */
	f.settings.audit_kept_days = 1;
	CHECK(access_sweep(&f.act, &e));
	CHECK(scene_audited(&f, "session.created") == 0);
	scene_close(&f);
}
