/* SPDX-License-Identifier: MIT */
#include "http/address.h"

#include <netinet/in.h>
#include <string.h>

#include "base/test.h"
#include "http/limit.h"

static struct address address(const char *text)
{
	struct address a;

	CHECK(address_parse(str_from(text), &a));
	return a;
}

TEST(address_text_reads_back)
{
	static const char *const texts[] = { "203.0.113.7", "2001:db8::1", "::1", "0.0.0.0" };

	for (size_t i = 0; i < COUNT(texts); i++) {
		struct address a = address(texts[i]);
		char text[ADDRESS_TEXT_BYTES];

		CHECK_STR(address_text(&a, text), str_from(texts[i]));
	}
}

TEST(address_shows_mapped_ipv4_as_ipv4)
{
	struct address a = address("::ffff:10.1.2.3");
	char text[ADDRESS_TEXT_BYTES];

	CHECK_STR(address_text(&a, text), S("10.1.2.3"));
}

TEST(address_refuses_what_is_none)
{
	struct address a;
	static const char *const bad[] = { "", "1.2.3", "1.2.3.4:80", "[::1]", "localhost", "1.2.3.4 " };

	for (size_t i = 0; i < COUNT(bad); i++)
		CHECK(!address_parse(str_from(bad[i]), &a));
}

TEST(networks_hold_their_addresses_and_no_others)
{
	struct networks n;
	struct err e;

	CHECK(networks_parse(" 127.0.0.1, 10.0.0.0/8 2001:db8::/33", &n, &e));
	CHECK_I64((int64_t)n.n, 3);
	struct address in[] = { address("127.0.0.1"), address("10.255.0.1"), address("2001:db8:7fff::1") };
	struct address out[] = { address("127.0.0.2"), address("11.0.0.1"), address("2001:db8:8000::1"),
	                         address("::1") };

	for (size_t i = 0; i < COUNT(in); i++)
		CHECK(networks_has(&n, &in[i]));
	for (size_t i = 0; i < COUNT(out); i++)
		CHECK(!networks_has(&n, &out[i]));
	CHECK(networks_parse(NULL, &n, &e) && n.n == 0);
	CHECK(networks_parse("0.0.0.0/0", &n, &e) && networks_has(&n, &out[1]) && !networks_has(&n, &out[3]));
}

TEST(networks_refuse_what_is_none)
{
	struct networks n;
	struct err e;

	CHECK(!networks_parse("10.0.0.0/33", &n, &e));
	CHECK(!networks_parse("10.0.0.0/", &n, &e));
	CHECK(!networks_parse("proxy.example", &n, &e));
	CHECK(e.code == ERR_INVALID_REQUEST && strstr(e.say, "proxy.example") != NULL);
}

TEST(forwarded_client_is_the_rightmost_untrusted_one)
{
	static const struct { const char *list, *client; } rows[] = {
		{ "203.0.113.7", "203.0.113.7" },
		{ "6.6.6.6, 203.0.113.7", "203.0.113.7" },
		{ "6.6.6.6, 203.0.113.7, 10.0.0.9", "203.0.113.7" },
		{ "10.0.0.8,10.0.0.9", "10.0.0.8" },
		{ "203.0.113.7, unknown", NULL },
		{ "203.0.113.7, unknown, 10.0.0.9", NULL },
		{ "", NULL },
	};
	struct networks trusted;
	struct err e;

	CHECK(networks_parse("10.0.0.0/8", &trusted, &e));
	for (size_t i = 0; i < COUNT(rows); i++) {
		char text[ADDRESS_TEXT_BYTES];
		struct address client;
		bool found = address_forwarded(&trusted, str_from(rows[i].list), &client);

		CHECK(found == (rows[i].client != NULL));
		if (found)
			CHECK_STR(address_text(&client, text), str_from(rows[i].client));
	}
}

TEST(listen_addresses_are_numeric_and_have_a_port)
{
	static const char *const bad[] = { "", "1.2.3.4", "1.2.3.4:", "1.2.3.4:65536", "1.2.3.4:x",
	                                   "localhost:80", "::1:80", "[::1]80", "[1.2.3.4]:80", ":80" };
	struct sockaddr_storage sa;
	socklen_t bytes;
	struct err e;

	for (size_t i = 0; i < COUNT(bad); i++)
		CHECK(!address_listen(bad[i], &sa, &bytes, &e));
	CHECK(address_listen("127.0.0.1:52490", &sa, &bytes, &e) && sa.ss_family == AF_INET);
	CHECK(address_listen("[::1]:0", &sa, &bytes, &e) && sa.ss_family == AF_INET6);
}

TEST(limits_count_connections_in_all_and_by_address)
{
	struct limits *l = limits_create(3, 2, 0);
	struct address a = address("1.2.3.4"), b = address("1.2.3.5");

	CHECK(limits_enter(l, &a) && limits_enter(l, &a) && !limits_enter(l, &a));
	CHECK(limits_enter(l, &b) && !limits_enter(l, NULL));
	limits_leave(l, &a);
	CHECK(limits_enter(l, &a));
	limits_destroy(l);
}

TEST(limits_take_an_ipv6_network_as_one_client)
{
	struct limits *l = limits_create(0, 1, 0);
	struct address a = address("2001:db8::1"), b = address("2001:db8::2"),
	               c = address("2001:db8:0:1::1");

	CHECK(limits_enter(l, &a) && !limits_enter(l, &b) && limits_enter(l, &c));
	limits_leave(l, &a);
	CHECK(limits_enter(l, &b));
	limits_destroy(l);
}

TEST(limits_bound_body_bytes)
{
	struct limits *l = limits_create(0, 0, 100);

	CHECK(limits_body_take(l, 60) && !limits_body_take(l, 41) && limits_body_take(l, 40));
	limits_body_give(l, 60);
	CHECK_I64((int64_t)limits_body_bytes(l), 40);
	limits_destroy(l);
}
