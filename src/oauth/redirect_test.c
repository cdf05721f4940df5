/* SPDX-License-Identifier: MIT */
#include "oauth/redirect.h"

#include "base/test.h"

static struct app app_with(enum app_kind kind, const str *uris, size_t n)
{
	return (struct app){ .kind = kind, .redirect_uris = { uris, n, true } };
}

static bool allowed(str uri, enum app_kind kind)
{
	struct err e;

	return redirect_check(uri, kind, &e);
}

TEST(rule_036_redirect_is_compared_byte_for_byte)
{
	static const str registered[] = { STR("https://partner.example/cb") };
	static const str others[] = {
		STR("https://partner.example/cb/"),
		STR("https://partner.example/CB"),
		STR("https://Partner.example/cb"),
		STR("https://partner.example:443/cb"),
		STR("https://partner.example/cb?x=1"),
		STR("https://partner.example/cb#f"),
		STR("https://partner.example//cb"),
		STR("https://partner.example/%63b"),
		STR("https://partner.example/x/../cb"),
		STR("https://partner.example/x/%2e%2e/cb"),
		STR("https://user@partner.example/cb"),
		STR("http://partner.example/cb"),
		STR("https://partner.example\\cb"),
		STR("https://partner.example/cb\t"),
		STR("https://partner.example/cb\n"),
		STR(" https://partner.example/cb"),
		STR("https://partner.example./cb"),
		STR("https://partner.example@evil.example/cb"),
		STR("https://partner.example.evil.example/cb"),
		STR("https://p\xc3\xa4rtner.example/cb"),
		STR("//partner.example/cb"),
		STR("https:/partner.example/cb"),
		STR("https:partner.example/cb"),
		STR("HTTPS://partner.example/cb"),
		STR(""),
	};
	struct app app = app_with(APP_WEB, registered, 1);

	CHECK(redirect_matches(&app, registered[0]));
	for (size_t i = 0; i < COUNT(others); i++)
		CHECK(!redirect_matches(&app, others[i]));
}

TEST(rule_037_loopback_ports_are_free_for_native_apps)
{
	static const str registered[] = { STR("http://localhost/callback"),
		                          STR("http://127.0.0.1:8989/callback?x=1"),
		                          STR("http://[::1]:1/c") };
	struct app native = app_with(APP_NATIVE, registered, 3),
		   web = app_with(APP_WEB, registered, 3);

	CHECK(redirect_matches(&native, S("http://localhost:51000/callback")));
	CHECK(redirect_matches(&native, S("http://localhost/callback")));
	CHECK(redirect_matches(&native, S("http://127.0.0.1:1234/callback?x=1")));
	CHECK(redirect_matches(&native, S("http://[::1]:65535/c")));
	CHECK(!redirect_matches(&native, S("http://127.0.0.1:1234/callback")));
	CHECK(!redirect_matches(&native, S("http://localhost:51000/callback/")));
	CHECK(!redirect_matches(&native, S("https://localhost:51000/callback")));
	CHECK(!redirect_matches(&native, S("http://localhost:0/callback")));
	CHECK(!redirect_matches(&native, S("http://localhost:65536/callback")));
	CHECK(!redirect_matches(&native, S("http://localhost:/callback")));
	CHECK(!redirect_matches(&web, S("http://localhost:51000/callback")));
	web.dev_loopback = true;
	CHECK(redirect_matches(&web, S("http://localhost:51000/callback")));
}

TEST(rule_038_loopback_names_do_not_stand_for_each_other)
{
	static const str registered[] = { STR("http://localhost/cb") };
	static const str others[] = {
		STR("http://127.0.0.1/cb"),          STR("http://[::1]/cb"),
		STR("http://localhost.evil.com/cb"), STR("http://127.0.0.1.nip.io/cb"),
		STR("http://[::ffff:127.0.0.1]/cb"), STR("http://0.0.0.0/cb"),
		STR("http://localhost@evil.com/cb"), STR("http://localhost:80@evil.com/cb"),
		STR("http://LOCALHOST/cb"),          STR("http://127.1/cb"),
		STR("http://2130706433/cb"),         STR("http://0x7f.1/cb"),
		STR("http://localhost./cb"),
	};
	struct app app = app_with(APP_NATIVE, registered, 1);

	for (size_t i = 0; i < COUNT(others); i++) {
		CHECK(!redirect_matches(&app, others[i]));
		CHECK(!redirect_is_loopback(others[i]) || i < 2);
	}
}

TEST(rule_039_only_sane_schemes_are_registered)
{
	static const str refused[] = {
		STR("http://partner.example/cb"),
		STR("javascript:alert(1)"),
		STR("data:text/html,x"),
		STR("vbscript:x"),
		STR("file:///etc/passwd"),
		STR("blob:https://a/b"),
		STR("about:blank"),
		STR("JavaScript:alert(1)"),
		STR("java\nscript:alert(1)"),
		STR("myapp:/cb"),
		STR("com.example.app:cb"),
		STR("com.example.app:"),
		STR(".com:/cb"),
		STR("com.:/cb"),
		STR("-a.b:/cb"),
		STR("1.a:/cb"),
		STR("https://"),
		STR("https:///cb"),
		STR("https://a b/cb"),
		STR("https://a\"/cb"),
		STR("https://a/%zz"),
		STR("https://a/%2"),
		STR("https://[::1/cb"),
		STR("https://[fe80::1%25eth0]/cb"),
		STR("https://256.1.1.1/cb"),
		STR("https://a..b/cb"),
		STR("https://1.2.3/cb"),
		STR("https://0x7f000001/cb"),
		STR("https://-a.b/cb"),
		STR("https://a_b.c/cb"),
	};
	static const str accepted[] = {
		STR("https://partner.example"),
		STR("https://partner.example?x=1"),
		STR("https://partner.example:8443/a/b?c=d&e"),
		STR("https://192.168.1.5/cb"),
		STR("https://xn--prtner-bua.example/cb"),
		STR("https://[2001:db8::1]:8443/cb"),
		STR("http://localhost:3000/cb"),
		STR("com.example.app:/cb"),
		STR("com.example.app://cb"),
	};

	for (size_t i = 0; i < COUNT(refused); i++)
		CHECK(!allowed(refused[i], APP_NATIVE));
	for (size_t i = 0; i < COUNT(accepted); i++)
		CHECK(allowed(accepted[i], APP_NATIVE));
	CHECK(!allowed(S("com.example.app:/cb"), APP_WEB));
	CHECK(!allowed(S("com.example.app:/cb"), APP_SPA));
}

TEST(rule_046_answers_keep_the_query_and_are_encoded)
{
	static const struct str_pair pairs[] = { { STR("code"), STR("bi_ac_x") },
		                                 { STR("state"), STR("a b&c=d#\xc3\xa9") },
		                                 { STR("gone"), { NULL, 0 } },
		                                 { STR("iss"), STR("https://i") } };
	struct arena *a = arena_create(1024);

	CHECK_STR(redirect_with(a, S("https://p/cb?x=1"), pairs, 4),
	          S("https://p/"
	            "cb?x=1&code=bi_ac_x&state=a%20b%26c%3Dd%23%C3%A9&iss=https%3A%2F%2Fi"));
	CHECK_STR(redirect_with(a, S("https://p/cb"), pairs, 1), S("https://p/cb?code=bi_ac_x"));
	CHECK_STR(redirect_with(a, S("https://p/cb?"), pairs, 1), S("https://p/cb?code=bi_ac_x"));
	CHECK_STR(redirect_with(a, S("com.example.app:/cb"), pairs, 1),
	          S("com.example.app:/cb?code=bi_ac_x"));
	arena_destroy(a);
}

TEST(rule_046_a_query_has_no_parameter_that_answers_bring)
{
	static const str refused[] = {
		STR("https://p/cb?code=x"),         STR("https://p/cb?x=1&state=y"),
		STR("https://p/cb?iss="),           STR("https://p/cb?error"),
		STR("https://p/cb?%63ode=x"),       STR("https://p/cb?%73%74%61%74%65"),
		STR("https://p/cb?&&response=x"),   STR("https://p/cb?error_description=x&a"),
		STR("https://p/cb?a&error_uri=x"),  STR("http://localhost/cb?%43ode=1&c%6Fde"),
		STR("com.example.app:/cb?state=x"),
	};
	static const str accepted[] = {
		STR("https://p/cb?"),          STR("https://p/cb?Code=x"),
		STR("https://p/cb?codes=x"),   STR("https://p/cb?x=code=y"),
		STR("https://p/code?a=state"), STR("https://p/cb?error_descriptions=x"),
		STR("https://p/cb?cod%2565=x"), STR("https://p/cb?cod%65e=x"),
	};

	for (size_t i = 0; i < COUNT(refused); i++)
		CHECK(!allowed(refused[i], APP_NATIVE));
	for (size_t i = 0; i < COUNT(accepted); i++)
		CHECK(allowed(accepted[i], APP_NATIVE));
}

TEST(rule_062_people_are_shown_the_host)
{
	struct arena *a = arena_create(1024);

	CHECK_STR(redirect_shown(a, S("https://partner.example/cb?a=b")), S("partner.example"));
	CHECK_STR(redirect_shown(a, S("http://localhost:3000/cb")), S("localhost:3000"));
	CHECK_STR(redirect_shown(a, S("com.example.app:/cb")), S("com.example.app"));
	CHECK(redirect_shown(a, S("javascript:x")).p == NULL);
	CHECK_STR(redirect_host(S("http://localhost:3000/cb")), S("localhost"));
	arena_destroy(a);
}
