/* SPDX-License-Identifier: MIT */
#include "base/text.h"
#include "base/field.h"

#include "base/test.h"

#include <string.h>

TEST(utf8_valid_follows_table_3_7_of_unicode)
{
	static const str good[] = {
		STR(""), STR("plain text of more than eight bytes"), STR("\xc2\x80"), STR("\xdf\xbf"),
		STR("\xe0\xa0\x80"), STR("\xed\x9f\xbf"), STR("\xee\x80\x80"), STR("\xef\xbf\xbf"),
		STR("\xf0\x90\x80\x80"), STR("\xf4\x8f\xbf\xbf"), STR("12345678\xc3\xa4" "12345678"),
	};
	static const str bad[] = {
		STR("\x80"), STR("\xbf"), STR("\xc0\x80"), STR("\xc1\xbf"), STR("\xc2"), STR("\xc2\x41"),
		STR("\xe0\x9f\xbf"), STR("\xe0\xa0"), STR("\xed\xa0\x80"), STR("\xed\xbf\xbf"),
		STR("\xf0\x8f\xbf\xbf"), STR("\xf0\x90\x80"), STR("\xf4\x90\x80\x80"),
		STR("\xf5\x80\x80\x80"), STR("\xff"), STR("1234567\xff"), STR("12345678\xff"),
		STR("\xe2\x82\x28"), STR("\xf0\x90\x80\x28"),
	};

	for (size_t i = 0; i < COUNT(good); i++)
		CHECK(utf8_valid(good[i]));
	for (size_t i = 0; i < COUNT(bad); i++)
		CHECK(!utf8_valid(bad[i]));
	CHECK_I64((int64_t)utf8_length(S("a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80")), 4);
}

TEST(percent_decode_refuses_what_it_cannot_mean)
{
	static const str bad[] = {
		STR("%"), STR("%4"), STR("a%4"), STR("%zz"), STR("%4g"), STR("%00"), STR("%ff"),
		STR("%c3"), STR("\xff"), STR("a\0b"), STR("%c3%28"), STR("% 41"), STR("%+1"),
	};
	struct arena *a = arena_create(1024);
	str plain = S("plain"), out;

	CHECK(percent_decode(a, S("a%20b%C3%A4%2f+"), false, &out));
	CHECK_STR(out, S("a b\xc3\xa4/+"));
	CHECK(percent_decode(a, S("a+b"), true, &out));
	CHECK_STR(out, S("a b"));
	CHECK(percent_decode(a, plain, true, &out) && out.p == plain.p);
	for (size_t i = 0; i < COUNT(bad); i++)
		CHECK(!percent_decode(a, bad[i], true, &out));
	arena_destroy(a);
}

TEST(percent_encode_round_trips_every_byte_of_valid_text)
{
	struct arena *a = arena_create(1024);
	struct buf b;
	str text = S("a-z_~.!*'();:@&=+$,/?#[] \"%\xc3\xa4\x01\x7f"), out;

	buf_init_arena(&b, a, 4096);
	percent_encode(&b, text);
	CHECK(str_starts(buf_view(&b), S("a-z_~.%21%2A%27%28%29%3B")));
	CHECK(percent_decode(a, buf_view(&b), true, &out));
	CHECK_STR(out, text);
	arena_destroy(a);
}

TEST(base64url_has_one_text_for_each_value)
{
	static const struct { str bytes, text; } rows[] = {      /* RFC 4648 section 10 */
		{ STR(""), STR("") }, { STR("f"), STR("Zg") }, { STR("fo"), STR("Zm8") },
		{ STR("foo"), STR("Zm9v") }, { STR("foob"), STR("Zm9vYg") },
		{ STR("fooba"), STR("Zm9vYmE") }, { STR("foobar"), STR("Zm9vYmFy") },
		{ STR("\xfb\xff"), STR("-_8") },
	};
	static const str bad[] = {
		STR("A"), STR("Zh"), STR("Zm9"), STR("Zg=="), STR("Zm9v="), STR("+/8A"), STR("Zm 9v"),
		STR("Zm9v\n"), STR("AAAAA"),
	};
	struct arena *a = arena_create(1024);
	uint8_t *out;
	size_t n;

	for (size_t i = 0; i < COUNT(rows); i++) {
		CHECK_STR(base64url_encode(a, (const uint8_t *)rows[i].bytes.p, rows[i].bytes.n),
		          rows[i].text);
		CHECK(base64url_decode(a, rows[i].text, &out, &n));
		CHECK_STR(((str){ (char *)out, n }), rows[i].bytes);
	}
	for (size_t i = 0; i < COUNT(bad); i++)
		CHECK(!base64url_decode(a, bad[i], &out, &n));
	arena_destroy(a);
}

TEST(base64_takes_padding_or_none_but_not_half)
{
	static const str bad[] = { STR("Zg="), STR("Z==="), STR("Zm9v===="), STR("-_8="), STR("=") };
	struct arena *a = arena_create(1024);
	str out;

	CHECK(base64_decode(a, S("Zg=="), &out));
	CHECK_STR(out, S("f"));
	CHECK(base64_decode(a, S("Zm8"), &out));
	CHECK_STR(out, S("fo"));
	CHECK(base64_decode(a, S("+/8="), &out));
	CHECK_STR(out, S("\xfb\xff"));
	for (size_t i = 0; i < COUNT(bad); i++)
		CHECK(!base64_decode(a, bad[i], &out));
	arena_destroy(a);
}

TEST(hex_decodes_exactly_the_digits_asked_for)
{
	struct arena *a = arena_create(1024);
	uint8_t out[2] = { 0 };

	CHECK(hex_decode(S("0aFf"), out, 2) && out[0] == 0x0a && out[1] == 0xff);
	CHECK(!hex_decode(S("0aF"), out, 2));
	CHECK(!hex_decode(S("0aFff"), out, 2));
	CHECK(!hex_decode(S("0g00"), out, 2));
	CHECK_STR(hex_encode(a, out, 2), S("0aff"));
	arena_destroy(a);
}

TEST(html_escape_leaves_no_way_out_of_text_or_attributes)
{
	struct arena *a = arena_create(1024);
	struct buf b;

	buf_init_arena(&b, a, 4096);
	html_escape(&b, S("<a href=\"x\" title='y'>&amp;\xc3\xa4</a>"));
	CHECK_STR(buf_view(&b), S("&lt;a href=&quot;x&quot; title=&#39;y&#39;&gt;&amp;amp;\xc3\xa4"
	                          "&lt;/a&gt;"));
	arena_destroy(a);
}

TEST(form_parse_keeps_order_and_duplicates)
{
	struct arena *a = arena_create(1024);
	struct param *p;
	size_t n;

	CHECK(form_parse(a, S("a=1&b=x+y%21&&a=2&c&=v&d=e=f&"), 10, &p, &n));
	CHECK_I64((int64_t)n, 6);
	CHECK_STR(p[0].name, S("a"));
	CHECK_STR(p[1].value, S("x y!"));
	CHECK_STR(p[2].value, S("2"));
	CHECK_STR(p[3].name, S("c"));
	CHECK_STR(p[3].value, S(""));
	CHECK_STR(p[4].name, S(""));
	CHECK_STR(p[5].value, S("e=f"));
	CHECK(form_parse(a, S(""), 10, &p, &n) && n == 0);
	CHECK(!form_parse(a, S("a=1&b=2"), 1, &p, &n));
	CHECK(!form_parse(a, S("a=%"), 10, &p, &n));
	CHECK(!form_parse(a, S("%ff=1"), 10, &p, &n));
	arena_destroy(a);
}

TEST(uuid_is_hex_in_five_groups_of_any_case)
{
	CHECK(is_uuid(S("018F2e4a-0000-7000-8000-0123456789aB")));
	CHECK(!is_uuid(S("018f2e4a-0000-7000-8000-0123456789a")));
	CHECK(!is_uuid(S("018f2e4a-0000-7000-8000-0123456789abc")));
	CHECK(!is_uuid(S("018f2e4a00000-7000-8000-0123456789ab")));
	CHECK(!is_uuid(S("g18f2e4a-0000-7000-8000-0123456789ab")));
}

TEST(slug_is_short_lower_case_and_no_uuid)
{
	CHECK(is_slug(S("a")) && is_slug(S("my-app-2")) && is_slug(S("9lives")));
	CHECK(is_slug(S("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")));
	CHECK(!is_slug(S("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")));
	CHECK(!is_slug(S("")) && !is_slug(S("-a")) && !is_slug(S("a-")) && !is_slug(S("A")));
	CHECK(!is_slug(S("a_b")) && !is_slug(S("a.b")) && !is_slug(S("a/b")));
	CHECK(!is_slug(S("018f2e4a-0000-7000-8000-0123456789ab")));
}

TEST(language_tag_is_lower_case_bcp47_in_shape)
{
	static const char *const good[][2] = {
		{ "en", "en" }, { "pt_BR", "pt-br" }, { "zh-Hant-TW", "zh-hant-tw" },
		{ "ca-ES-valencia", "ca-es-valencia" }, { "es-419", "es-419" }, { "zh-yue", "zh-yue" },
		{ "de-1996", "de-1996" }, { "en-US-u-hc-h12", "en-us-u-hc-h12" }, { "fil", "fil" },
		{ "en-x-a", "en-x-a" }, { "sl-rozaj-biske-1994", "sl-rozaj-biske-1994" },
		{ "ar-a-aaa-b-bbb-x-y", "ar-a-aaa-b-bbb-x-y" },
	};
	static const char *const bad[] = {
		"", "e", "1n", "en-", "-en", "en--us", "en-us-", "languages", "abcdefghi",
		"en-u", "en-a-b", "en-x", "en us", "en-\xc3\xa4", "../etc", "en-us-us", "en-us-latn",
		"en-latn-latn", "e1-us", "en-ab12", "en-abcdefghijk", "en.json",
		"de-abcdefgh-abcdefgh-abcdefgh-abcdefgh",
	};
	struct arena *a = arena_create(1024);
	str out;

	for (size_t i = 0; i < COUNT(good); i++) {
		CHECK(language_tag(a, str_from(good[i][0]), &out));
		CHECK_STR(out, str_from(good[i][1]));
	}
	for (size_t i = 0; i < COUNT(bad); i++)
		CHECK(!language_tag(a, str_from(bad[i]), &out));
	arena_destroy(a);
}
