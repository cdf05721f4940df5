/* SPDX-License-Identifier: MIT */
#include "base/clock.h"

#include "base/test.h"

static const struct { const char *text; int64_t ms; } moments[] = {
	{ "1970-01-01T00:00:00.000Z", 0 },
	{ "1969-12-31T23:59:59.999Z", -1 },
	{ "2000-02-29T12:00:00.000Z", 951825600000 },
	{ "2026-08-04T10:31:30.123Z", 1785839490123 },
	{ "0001-01-01T00:00:00.000Z", -62135596800000 },
	{ "9999-12-31T23:59:59.999Z", 253402300799999 },
};

TEST(clock_iso_and_its_parser_agree)
{
	struct arena *a = arena_create(1024);
	int64_t ms;

	for (size_t i = 0; i < COUNT(moments); i++) {
		CHECK_STR(clock_iso(a, moments[i].ms), str_from(moments[i].text));
		CHECK(clock_parse_iso(str_from(moments[i].text), &ms));
		CHECK_I64(ms, moments[i].ms);
	}
	for (int64_t at = -62135596800000; at < 253402300799999; at += 7919 * 86399999LL) {
		CHECK(clock_parse_iso(clock_iso(a, at), &ms));
		CHECK_I64(ms, at);
	}
	CHECK_STR(clock_iso(a, INT64_MAX), S("9999-12-31T23:59:59.999Z"));
	CHECK_STR(clock_iso(a, INT64_MIN), S("0001-01-01T00:00:00.000Z"));
	arena_destroy(a);
}

TEST(clock_parse_iso_takes_any_fraction_and_refuses_the_rest)
{
	static const char *const bad[] = {
		"", "2026-08-04", "2026-08-04T10:31:30", "2026-08-04T10:31:30.Z",
		"2026-08-04T10:31:30.1234567890Z", "2026-08-04T10:31:30+00:00",
		"2026-08-04 10:31:30Z", "2026-02-29T10:31:30Z", "2026-13-01T10:31:30Z",
		"2026-00-01T10:31:30Z", "2026-01-00T10:31:30Z", "2026-01-32T10:31:30Z",
		"2026-08-04T24:00:00Z", "2026-08-04T10:60:30Z", "2026-08-04T10:31:60Z",
		"0000-08-04T10:31:30Z", "2026-08-04T10:31:30ZZ", "2026-08-04t10:31:30z",
		"1900-02-29T00:00:00Z", "2026-08-04T10:31:30.1-Z",
	};
	int64_t ms;

	CHECK(clock_parse_iso(S("2026-08-04T10:31:30Z"), &ms) && ms == 1785839490000);
	CHECK(clock_parse_iso(S("2026-08-04T10:31:30.5Z"), &ms) && ms == 1785839490500);
	CHECK(clock_parse_iso(S("2026-08-04T10:31:30.123456789Z"), &ms) && ms == 1785839490123);
	for (size_t i = 0; i < COUNT(bad); i++)
		CHECK(!clock_parse_iso(str_from(bad[i]), &ms));
}

TEST(clock_http_date_is_imf_fixdate_both_ways)
{
	static const char *const bad[] = {
		"Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
		"Mon, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Foo 1994 08:49:37 GMT",
		"Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 6 Nov 1994 08:49:37 GMT", "",
	};
	char text[30];
	int64_t ms;

	clock_http_date(784111777000, text);
	CHECK_STR(str_from(text), S("Sun, 06 Nov 1994 08:49:37 GMT"));
	CHECK(clock_parse_http_date(str_from(text), &ms));
	CHECK_I64(ms, 784111777000);
	for (size_t i = 0; i < COUNT(bad); i++)
		CHECK(!clock_parse_http_date(str_from(bad[i]), &ms));
}

TEST(clock_shift_moves_the_wall_clock_only)
{
	int64_t wall = clock_now_ms(), mono = clock_mono_ms();

	clock_shift_ms(86400000);
	CHECK(clock_now_ms() >= wall + 86400000);
	CHECK(clock_mono_ms() < mono + 60000);
	clock_shift_ms(0);
	CHECK(clock_now_ms() < wall + 60000);
}
