/* SPDX-License-Identifier: MIT */
#include "cdn/condition.h"

#include "base/test.h"

TEST(etag_matches_weakly_in_lists_and_by_star)
{
	static const struct { const char *sent; bool want; } rows[] = {
		{ "\"abc\"", true }, { "W/\"abc\"", true }, { "*", true }, { " * ", true },
		{ "\"x\", \"abc\"", true }, { "\"x\",W/\"abc\"", true }, { "\"a,b\", \"abc\"", true },
		{ "\"x\" , , \"abc\"", true }, { "\"abcd\"", false }, { "abc", false }, { "\"abc", false },
		{ "", false }, { "\"x\" \"abc\"", true }, { "\"\"", false }, { "w/\"abc\"", false },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		CHECK(etag_matches(str_from(rows[i].sent), S("\"abc\"")) == rows[i].want);
}

TEST(unchanged_takes_the_date_only_when_no_tag_was_sent)
{
	static str date = STR("Sun, 06 Nov 1994 08:49:37 GMT"), tag = STR("\"abc\"");
	int64_t at = 784111777;

	CHECK(is_unchanged(STR_NONE, date, tag, at));
	CHECK(is_unchanged(STR_NONE, date, tag, at - 1));
	CHECK(!is_unchanged(STR_NONE, date, tag, at + 1));
	CHECK(!is_unchanged(S("\"other\""), date, tag, at));
	CHECK(is_unchanged(tag, S("nonsense"), tag, at));
	CHECK(!is_unchanged(STR_NONE, S("yesterday"), tag, at));
	CHECK(!is_unchanged(STR_NONE, STR_NONE, tag, at));
	CHECK(!is_unchanged(S(""), date, tag, at));
}
