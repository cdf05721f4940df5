/* SPDX-License-Identifier: MIT */
#include "access/rate.h"

#include "base/test.h"

enum { NOW_MS = 1000000, WINDOW_S = 60, MAX = 3 };

static bool take(struct rates *r, enum rate_kind kind, str name, int64_t now_ms, struct err *e)
{
	return rate_take(r, kind, name, MAX, WINDOW_S, now_ms, e);
}

TEST(rate_refuses_past_the_limit_and_says_how_long)
{
	struct rates *r = rates_create(64);
	struct err e = { 0 };

	for (int i = 0; i < MAX; i++)
		CHECK(take(r, RATE_LOGIN_ADDRESS, S("a"), NOW_MS + i, &e));
	CHECK(!take(r, RATE_LOGIN_ADDRESS, S("a"), NOW_MS + 10000, &e));
	CHECK(e.code == ERR_RATE_LIMITED && e.retry_after_s == 50);
	CHECK(!rate_allows(r, RATE_LOGIN_ADDRESS, S("a"), MAX, WINDOW_S, NOW_MS + 10000));
	CHECK(take(r, RATE_LOGIN_ADDRESS, S("b"), NOW_MS, &e));
	CHECK(take(r, RATE_LOGIN_ACCOUNT, S("a"), NOW_MS, &e));
	CHECK(take(r, RATE_LOGIN_ADDRESS, S("a"), NOW_MS + WINDOW_S * 1000, &e));
	rates_destroy(r);
}

TEST(rate_gives_back_what_was_no_failure)
{
	struct rates *r = rates_create(64);
	struct err e = { 0 };

	for (int i = 0; i < 10 * MAX; i++) {
		CHECK(take(r, RATE_LOGIN_ADDRESS, S("a"), NOW_MS, &e));
		rate_give(r, RATE_LOGIN_ADDRESS, S("a"));
	}
	rate_give(r, RATE_LOGIN_ADDRESS, S("a"));
	CHECK(take(r, RATE_LOGIN_ADDRESS, S("a"), NOW_MS, &e));
	rates_destroy(r);
}

TEST(rate_table_is_bounded_and_goes_on_working_when_full)
{
	struct rates *r = rates_create(64);
	struct arena *a = arena_create(4096);
	struct err e = { 0 };

	for (int i = 0; i < 10000; i++)
		CHECK(take(r, RATE_TOKEN_ADDRESS, arena_printf(a, "10.0.%d.%d", i / 250, i % 250),
			   NOW_MS + i, &e));
	arena_destroy(a);
	rates_destroy(r);
}

TEST(rate_window_ends_when_the_clock_is_set_back)
{
	_Atomic uint64_t window = 0;
	struct rate_left left = { .max = 1 };

	CHECK(rate_window_take(&window, 60000, NOW_MS, &left));
	CHECK(!rate_window_take(&window, 60000, NOW_MS + 1, &left) && left.reset_s == 60);
	CHECK(rate_window_take(&window, 60000, NOW_MS - 1, &left));
}

TEST(address_network_is_24_or_64_bits)
{
	struct arena *a = arena_create(1024);

	CHECK_STR(address_network(a, S("203.0.113.7")), S("203.0.113.0/24"));
	CHECK_STR(address_network(a, S("::ffff:203.0.113.7")), S("203.0.113.0/24"));
	CHECK_STR(address_network(a, S("2001:db8:1:2:3:4:5:6")), S("2001:db8:1:2::/64"));
	CHECK_STR(address_network(a, S("unix")), S("unix"));
	CHECK_STR(address_counted(a, S("203.0.113.7")), S("203.0.113.7"));
	CHECK_STR(address_counted(a, S("2001:db8:1:2:3:4:5:6")), S("2001:db8:1:2::/64"));
	CHECK(address_network(a, STR_NONE).n == 0);
	arena_destroy(a);
}
