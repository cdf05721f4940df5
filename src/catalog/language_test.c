/* SPDX-License-Identifier: MIT */
#include "catalog/language.h"

#include "base/test.h"

TEST(language_codes_are_lower_case_and_known)
{
	static const struct { const char *in, *out; } cases[] = {
		{ "en", "en" }, { "pt_BR", "pt-br" }, { "zh-Hans", "zh-hans" },
		{ "ca-ES-valencia", "ca-es-valencia" },
		{ "es-419", "es-419" }, { "fil", "fil" }, { "sr-Latn-RS", "sr-latn-rs" },
		{ "kgp", "kgp" }, { "yue", "yue" },
		{ "xx", NULL }, { "english", NULL }, { "", NULL }, { "e", NULL }, { "en-", NULL },
		{ "-en", NULL },
		{ "en us", NULL }, { "zz", NULL }, { "../x", NULL },
		{ "en-us-a-very-long-tag-beyond-any-limit-x", NULL },
	};
	struct arena *a = arena_create(4096);
	struct err e;
	str code;

	for (size_t i = 0; i < COUNT(cases); i++) {
		bool ok = language_code(a, str_from(cases[i].in), &code);

		if (ok != (cases[i].out != NULL))
			CHECK_STR(str_from(cases[i].in), S(""));
		if (ok)
			CHECK_STR(code, str_from(cases[i].out));
	}
	CHECK(!language_needed(a, S("klingon!"), &code, &e));
	CHECK_I64(e.code, ERR_INVALID_REQUEST);
	CHECK(str_find(str_from(e.say), S("klingon!")) >= 0);
	arena_destroy(a);
}

TEST(language_names_are_english)
{
	struct arena *a = arena_create(4096);

	CHECK_STR(language_name(a, S("tr")), S("Turkish"));
	CHECK_STR(language_name(a, S("pt-br")), S("Portuguese (Brazil)"));
	CHECK_STR(language_name(a, S("qqx")), S("qqx"));
	arena_destroy(a);
}

TEST(case_variants_cover_letters_beyond_ascii)
{
	struct arena *a = arena_create(4096);
	struct strs v = case_variants(a, S("hello"));

	CHECK_I64((int64_t)v.n, 1);
	v = case_variants(a, S("ÜBER"));
	CHECK_I64((int64_t)v.n, 3);
	CHECK_STR(v.v[1], S("über"));
	CHECK_STR(v.v[2], S("Über"));
	v = case_variants(a, S("BAŞLIK"));
	CHECK_STR(v.v[1], S("başlik"));
	CHECK_STR(v.v[3], S("başlık"));
	arena_destroy(a);
}
