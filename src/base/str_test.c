/* SPDX-License-Identifier: MIT */
#include "base/str.h"

#include "base/test.h"

TEST(str_absent_equals_empty)
{
	CHECK(str_eq(STR_NONE, S("")));
	CHECK(!str_eq(S("a"), STR_NONE));
	CHECK(str_from(NULL).p == NULL);
}

TEST(str_compares_case_insensitively_in_ascii_only)
{
	CHECK(str_eq_nocase(S("Content-Type"), S("content-TYPE")));
	CHECK(!str_eq_nocase(S("\xc3\x84"), S("\xc3\xa4")));
	CHECK(!str_eq_nocase(S("["), S("{")));
}

TEST(str_orders_by_bytes_then_length)
{
	CHECK(str_cmp(S("a"), S("b")) < 0);
	CHECK(str_cmp(S("a"), S("ab")) < 0);
	CHECK(str_cmp(S("\xff"), S("a")) > 0);
	CHECK(str_cmp(S(""), STR_NONE) == 0);
}

TEST(str_finds_and_slices_within_bounds)
{
	CHECK(str_starts(S("bi_oat_x"), S("bi_oat_")));
	CHECK(!str_starts(S("bi"), S("bi_")));
	CHECK(str_ends(S("en.json"), S(".json")));
	CHECK_I64(str_index(S("a=b"), '='), 1);
	CHECK_I64(str_index(STR_NONE, '='), -1);
	CHECK_I64(str_find(S("xxabab"), S("ab")), 2);
	CHECK_I64(str_find(S("a"), S("ab")), -1);
	CHECK_I64(str_find(S("a"), S("")), 0);
	CHECK_STR(str_sub(S("abc"), 1, 99), S("bc"));
	CHECK_STR(str_sub(S("abc"), 9, 1), S(""));
	CHECK_STR(str_from_at(STR_NONE, 3), STR_NONE);
	CHECK_STR(str_trim(S(" \t a b\t")), S("a b"));
	CHECK_STR(str_trim(S(" \t")), S(""));
}

TEST(str_cut_yields_every_part_and_then_false)
{
	str rest = S("a,,b,"), part;

	CHECK(str_cut(&rest, ',', &part));
	CHECK_STR(part, S("a"));
	CHECK(str_cut(&rest, ',', &part));
	CHECK_STR(part, S(""));
	CHECK(str_cut(&rest, ',', &part));
	CHECK_STR(part, S("b"));
	CHECK(str_cut(&rest, ',', &part));
	CHECK_STR(part, S(""));
	CHECK(!str_cut(&rest, ',', &part));
}

TEST(str_i64_accepts_the_whole_range_and_nothing_odd)
{
	static const str bad[] = {
		STR(""), STR("-"), STR("+1"), STR(" 1"), STR("1 "), STR("0x1"), STR("1.0"), STR("--1"),
		STR("9223372036854775808"), STR("-9223372036854775809"), STR("99999999999999999999"),
		STR("/"), STR(":"),
	};
	int64_t v = 7;

	CHECK(str_i64(S("9223372036854775807"), INT64_MIN, INT64_MAX, &v) && v == INT64_MAX);
	CHECK(str_i64(S("-9223372036854775808"), INT64_MIN, INT64_MAX, &v) && v == INT64_MIN);
	CHECK(str_i64(S("-0"), INT64_MIN, INT64_MAX, &v) && v == 0);
	CHECK(str_i64(S("007"), 0, 10, &v) && v == 7);
	for (size_t i = 0; i < COUNT(bad); i++)
		CHECK(!str_i64(bad[i], INT64_MIN, INT64_MAX, &v));
	CHECK(!str_i64(S("11"), 0, 10, &v));
	CHECK(!str_i64(S("-1"), 0, 10, &v));
	CHECK_I64(v, 7);
}

TEST(str_hash_tells_texts_of_all_lengths_apart)
{
	char text[65] = { 0 };
	uint64_t seen[65];

	for (size_t n = 0; n <= 64; n++) {
		seen[n] = str_hash((str){ text, n });
		for (size_t i = 0; i < n; i++)
			CHECK(seen[i] != seen[n]);
	}
	for (size_t i = 0; i < 64; i++) {
		text[i] = 1;
		CHECK(str_hash((str){ text, 64 }) != seen[64]);
		text[i] = 0;
	}
	CHECK(str_hash_seeded(S("a"), 1) != str_hash_seeded(S("a"), 2));
	CHECK(str_hash(S("a")) == str_hash_seeded(S("a"), 0));
	CHECK(hash_seed() != 0 && hash_seed() == hash_seed());
}
