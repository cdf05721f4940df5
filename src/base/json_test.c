/* SPDX-License-Identifier: MIT
 *
 * jansson is the oracle: both readers accept the same texts, with the exceptions listed. */
#include "base/json.h"
#include "base/json_oracle.h"

#include "base/test.h"

#include <math.h>
#include <string.h>

static const str accepted[] = {
	STR("null"), STR("true"), STR("false"), STR("0"), STR("-0"), STR("1"), STR("-1.5e+10"), STR("1E-2"),
	STR("1e1"), STR("123.456"), STR("\"\""), STR("[]"), STR("{}"), STR(" \t\r\n[ ] \n"), STR("[[[]]]"),
	STR("[1,2,3]"), STR("{\"a\":1,\"b\":[{}]}"), STR("{\"\":0}"), STR("{\"a\":{\"a\":{}}}"),
	STR("\"\\u0041\\n\\/\\\\\\\"\\b\\f\\r\\t\""), STR("\"\\uD83D\\uDE00\""), STR("\"\\u0000\""),
	STR("\"\\uFFFF\""), STR("\"\xf0\x9f\x98\x80\xc3\xa4\""), STR("\"\x7f\""),
	STR("\"12345678\xc3\xa4" "1234567\\t12345678\""), STR("[null,true,false,\"x\",1.0]"),
	STR("{\"a\\u0062\":1,\"b\":2}"), STR("[0.1,0e0,0E+1]"), STR("\"\\ud834\\udd1e\""),
	STR("[\"\xef\xbf\xbf\"]"), STR("\"\xed\x9f\xbf\""), STR("{\"a\":[],\"b\":{}}"),
	STR("\"a very long string with nothing special in it that goes on for a while\""),
};

static const str refused[] = {
	STR(""), STR(" "), STR("nul"), STR("nulll"), STR("True"), STR("NaN"), STR("Infinity"), STR("-"),
	STR("+1"), STR("01"), STR("-01"), STR("1."), STR(".5"), STR("1e"), STR("1e+"), STR("0x1"), STR("1 2"),
	STR("--1"), STR("1.e1"), STR("1.5.5"), STR("\""), STR("\"a"), STR("'a'"), STR("\"\\x41\""),
	STR("\"\\u12\""), STR("\"\\u123g\""), STR("\"\\ud800\""), STR("\"\\udc00\""), STR("\"\\ud800\\n\""),
	STR("\"\\ud800\\u0041\""), STR("\"\\ud800\\ud800\""), STR("\"\n\""), STR("\"\t\""), STR("\"a\0b\""),
	STR("\"\x1f\""), STR("\"\xff\""), STR("\"\xc3\""), STR("\"\xc0\x80\""), STR("\"\xed\xa0\x80\""),
	STR("\"\xf4\x90\x80\x80\""), STR("\"\xe2\x82\""), STR("["), STR("]"), STR("[1"), STR("[1,"),
	STR("[1,]"), STR("[,1]"), STR("[1,,2]"), STR("[1 2]"), STR("[1]]"), STR("[1}"), STR("{"), STR("}"),
	STR("{]"), STR("{\"a\"}"), STR("{\"a\":}"), STR("{\"a\":1,}"), STR("{,}"), STR("{a:1}"),
	STR("{1:1}"), STR("{\"a\":1 \"b\":2}"), STR("{\"a\"::1}"), STR("{\"a\",1}"), STR("{\"a\":1}}"),
	STR("{\"a\":1,\"a\":2}"), STR("{\"ab\":1,\"a\\u0062\":2}"), STR("[{\"\":1,\"\":1}]"),
	STR("\xef\xbb\xbf{}"), STR("[1]x"), STR("[1]\0"), STR("\0"), STR("[\xc3\xa4]"), STR("/**/1"),
	STR("1//"), STR("\"\\"), STR("\"\\u"), STR("\"\\ud83d\\u"), STR("[\"a\":1]"), STR("{\"a\":1:2}"),
	STR("[\x0b" "1]"), STR("[\xc2\xa0" "1]"), STR("tru\0"), STR("\"\\\0\""), STR("{\"a\":tru}"),
};

static bool accepts(struct arena *a, str text, struct json **out, struct json_fault *fault)
{
	/* A copy of exactly this size, so that a sanitizer sees a read past the end. */
	char *copy = heap_alloc(text.n);
	struct json *v;
	bool ok;

	memcpy(copy, text.p, text.n);
	ok = json_parse(a, (str){ copy, text.n }, JSON_DEPTH_DEFAULT, &v, fault);
	free(copy);
	if (!ok)
		CHECK(fault->what != NULL && fault->offset <= text.n);
	if (ok && out != NULL)
		CHECK(json_parse(a, text, JSON_DEPTH_DEFAULT, out, fault));
	return ok;
}

static str written(struct arena *a, const struct json *v, unsigned indent)
{
	struct json_out o;
	struct buf b;

	buf_init_arena(&b, a, MIB);
	json_out_init(&o, &b);
	o.indent = indent;
	json_put(&o, v);
	return buf_view(&b);
}

static struct json *parsed(struct arena *a, str text)
{
	struct json_fault fault;
	struct json *v;

	CHECK(json_parse(a, text, JSON_DEPTH_DEFAULT, &v, &fault));
	return v;
}

TEST(json_reader_accepts_what_the_oracle_accepts)
{
	struct arena *a = arena_create(4096);
	struct json_fault fault;

	for (size_t i = 0; i < COUNT(accepted); i++) {
		CHECK(oracle_accepts(accepted[i]));
		CHECK(accepts(a, accepted[i], NULL, &fault));
	}
	arena_destroy(a);
}

TEST(json_reader_refuses_what_the_oracle_refuses)
{
	struct arena *a = arena_create(4096);
	struct json_fault fault;

	for (size_t i = 0; i < COUNT(refused); i++) {
		CHECK(!oracle_accepts(refused[i]));
		CHECK(!accepts(a, refused[i], NULL, &fault));
	}
	arena_destroy(a);
}

/* The oracle refuses numbers that no double holds. */
static bool agrees(struct arena *a, str text)
{
	struct json_fault fault;
	struct json *v = NULL;
	bool ok = accepts(a, text, &v, &fault);

	if (ok && v->kind == JSON_NUMBER && isinf(strtod(arena_cstr(a, v->text), NULL)))
		return true;
	return ok == oracle_accepts(text);
}

TEST(json_reader_agrees_with_the_oracle_on_every_one_byte_change)
{
	static const char changes[] = "\"\\{}[],:0-.eu \n\x80\xc3\xff";
	struct arena *a = arena_create(65536);

	for (size_t i = 0; i < COUNT(accepted); i++) {
		char text[128];

		CHECK(accepted[i].n < sizeof(text));
		for (size_t at = 0; at < accepted[i].n; at++) {
			for (size_t c = 0; c < sizeof(changes) - 1; c++) {
				str changed = { text, accepted[i].n };

				memcpy(text, accepted[i].p, accepted[i].n);
				text[at] = changes[c];
				CHECK(agrees(a, changed));
				changed.n = at;
				CHECK(agrees(a, changed));
			}
		}
		arena_reset(a);
	}
	arena_destroy(a);
}

/* Large numbers are kept as text here; the oracle cannot hold them. */
TEST(json_reader_keeps_numbers_that_no_double_holds)
{
	struct arena *a = arena_create(4096);

	CHECK(!oracle_accepts(S("1e999")));
	CHECK_STR(written(a, parsed(a, S("[1e999,123456789012345678901234567890]")), 0),
	          S("[1e999,123456789012345678901234567890]"));
	arena_destroy(a);
}

/* Numbers aside, which the oracle rewrites. */
static void same_value(const struct json *v, const struct json *w)
{
	CHECK(v->kind == w->kind && v->count == w->count);
	CHECK_STR(v->name, w->name);
	if (v->kind == JSON_STRING)
		CHECK_STR(v->text, w->text);
	w = w->first;
	for (const struct json *item = v->first; item != NULL; item = item->next, w = w->next)
		same_value(item, w);
}

TEST(json_reader_decodes_as_the_oracle_does)
{
	struct arena *a = arena_create(4096);

	for (size_t i = 0; i < COUNT(accepted); i++)
		same_value(parsed(a, accepted[i]), parsed(a, oracle_rewrites(a, accepted[i])));
	arena_destroy(a);
}

TEST(json_round_trips_through_the_writer)
{
	struct arena *a = arena_create(4096);

	for (size_t i = 0; i < COUNT(accepted); i++) {
		struct json *v = parsed(a, accepted[i]);

		CHECK(json_equal(v, parsed(a, written(a, v, 0))));
		CHECK(json_equal(v, parsed(a, written(a, v, 2))));
		CHECK(oracle_accepts(written(a, v, 3)));
	}
	arena_destroy(a);
}

TEST(json_reader_slices_plain_strings_and_copies_escaped_ones)
{
	struct arena *a = arena_create(4096);
	str text = S("[\"plain\",\"a\\tb\"]");
	struct json *v = parsed(a, text);

	CHECK(v->first->text.p == text.p + 2);
	CHECK_STR(v->first->next->text, S("a\tb"));
	arena_destroy(a);
}

TEST(json_reader_says_where_and_why)
{
	static const struct { str text; size_t offset; const char *what; } rows[] = {
		{ STR("{\"a\":1,}"), 7, "member name expected" },
		{ STR("[1 2]"), 3, "comma or ] expected" },
		{ STR("{\"a\":1 2}"), 7, "comma or } expected" },
		{ STR("[\"a\xff\"]"), 3, "invalid UTF-8" },
		{ STR("{\"b\":0,\"a\":1,\"a\":2}"), 13, "duplicate member name" },
		{ STR("[1] x"), 4, "something after the value" },
		{ STR("[\"abc"), 1, "string without an end" },
		{ STR("\"\\ud800\""), 1, "half of a surrogate pair" },
		{ STR("\xef\xbb\xbf[]"), 0, "byte order mark before the value" },
	};
	struct arena *a = arena_create(4096);

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct json_fault fault;

		CHECK(!accepts(a, rows[i].text, NULL, &fault));
		CHECK_I64((int64_t)fault.offset, (int64_t)rows[i].offset);
		CHECK_STR(str_from(fault.what), str_from(rows[i].what));
	}
	arena_destroy(a);
}

TEST(json_reader_counts_depth_and_never_recurses)
{
	struct arena *a = arena_create(4096);
	size_t n = 1000000;
	char *deep = heap_alloc(n);
	struct json_fault fault;
	struct json *v;

	memset(deep, '[', n);
	CHECK(!json_parse(a, (str){ deep, n }, UINT32_MAX, &v, &fault));
	CHECK_I64((int64_t)fault.offset, JSON_DEPTH_MAX);
	memset(deep + 64, ']', 64);
	CHECK(json_parse(a, (str){ deep, 128 }, 64, &v, &fault));
	CHECK(!json_parse(a, (str){ deep, 128 }, 63, &v, &fault));
	CHECK(!json_parse(a, S("[]"), 0, &v, &fault));
	CHECK(json_parse(a, S("7"), 0, &v, &fault));
	memset(deep + JSON_DEPTH_MAX / 2, '[', JSON_DEPTH_MAX / 2);
	memset(deep + JSON_DEPTH_MAX, ']', JSON_DEPTH_MAX);
	CHECK(json_parse(a, (str){ deep, 2 * JSON_DEPTH_MAX }, JSON_DEPTH_MAX, &v, &fault));
	CHECK_STR(written(a, v, 0), ((str){ deep, 2 * JSON_DEPTH_MAX }));
	free(deep);
	arena_destroy(a);
}

static str wide_object(struct arena *a, size_t n, bool with_duplicate)
{
	struct buf b;

	buf_init_arena(&b, a, 16 * MIB);
	buf_char(&b, '{');
	for (size_t i = 0; i < n; i++)
		buf_printf(&b, "\"key.%zu\":%zu,", i, i);
	buf_printf(&b, "\"key.%zu\":0}", with_duplicate ? n / 2 : n);
	return buf_view(&b);
}

TEST(json_reader_finds_a_duplicate_among_many)
{
	struct arena *a = arena_create(4096);
	struct json_fault fault;
	struct json *v;

	for (size_t n = 1; n < 100000; n = n * 3 + 1) {
		CHECK(json_parse(a, wide_object(a, n, false), 8, &v, &fault));
		CHECK_I64(v->count, (int64_t)n + 1);
		CHECK(!json_parse(a, wide_object(a, n, true), 8, &v, &fault));
	}
	arena_destroy(a);
}

TEST(json_i64_takes_whole_numbers_within_two_to_the_53)
{
	static const struct { const char *text; int64_t v; } whole[] = {
		{ "0", 0 }, { "-0", 0 }, { "0.0", 0 }, { "0e999999999999", 0 }, { "1.0", 1 }, { "1e2", 100 },
		{ "-1.5e1", -15 }, { "100", 100 }, { "1000e-3", 1 }, { "0.001e3", 1 }, { "10.5e1", 105 },
		{ "9007199254740992", 9007199254740992 }, { "-9007199254740992", -9007199254740992 },
		{ "9007199254740992.000", 9007199254740992 }, { "900719925474099.2e1", 9007199254740992 },
		{ "1e15", 1000000000000000 }, { "1200e-2", 12 },
	};
	static const char *const not_whole[] = {
		"0.5", "1e-1", "9007199254740993", "1e16", "1e99999999999999999999", "1e-99999999999999999999",
		"9007199254740992.5", "-9007199254740993", "99999999999999999999", "1.00000000000000000000001",
		"\"1\"", "true", "null", "[]",
	};
	struct arena *a = arena_create(4096);
	int64_t v;

	for (size_t i = 0; i < COUNT(whole); i++) {
		CHECK(json_i64(parsed(a, str_from(whole[i].text)), &v));
		CHECK_I64(v, whole[i].v);
	}
	for (size_t i = 0; i < COUNT(not_whole); i++)
		CHECK(!json_i64(parsed(a, str_from(not_whole[i])), &v));
	CHECK(!json_i64(NULL, &v));
	arena_destroy(a);
}

TEST(json_equal_ignores_member_order_only)
{
	static const struct { const char *a, *b; bool same; } rows[] = {
		{ "{\"a\":1,\"b\":{\"c\":2,\"d\":3}}", "{\"b\":{\"d\":3,\"c\":2},\"a\":1}", true },
		{ "[1,2]", "[2,1]", false }, { "{\"a\":1}", "{\"a\":1,\"b\":1}", false },
		{ "{\"a\":1,\"b\":2}", "{\"b\":1,\"a\":2}", false }, { "{\"a\":1}", "{\"b\":1}", false },
		{ "\"a\"", "\"\\u0061\"", true }, { "1", "1.0", false }, { "1", "\"1\"", false },
		{ "true", "false", false }, { "[]", "{}", false }, { "null", "null", true },
		{ "[{\"a\":[]}]", "[{\"a\":{}}]", false },
	};
	struct arena *a = arena_create(4096);

	for (size_t i = 0; i < COUNT(rows); i++)
		CHECK(json_equal(parsed(a, str_from(rows[i].a)), parsed(a, str_from(rows[i].b))) ==
		      rows[i].same);
	CHECK(json_equal(NULL, NULL) && !json_equal(NULL, parsed(a, S("1"))));
	arena_destroy(a);
}

TEST(json_get_looks_into_objects_only)
{
	struct arena *a = arena_create(4096);
	struct json *v = parsed(a, S("{\"a\":\"x\",\"b\":true}"));

	CHECK_STR(json_str(json_get(v, S("a"))), S("x"));
	CHECK(json_is_true(json_get(v, S("b"))) && !json_is_true(json_get(v, S("a"))));
	CHECK(json_get(v, S("c")) == NULL && json_get(json_get(v, S("a")), S("a")) == NULL);
	CHECK(json_get(NULL, S("a")) == NULL);
	CHECK_STR(json_str(json_get(v, S("b"))), STR_NONE);
	arena_destroy(a);
}

TEST(json_writer_puts_commas_colons_and_indents)
{
	struct arena *a = arena_create(4096);
	struct json_out o;
	struct buf b;

	buf_init_arena(&b, a, 4096);
	json_out_init(&o, &b);
	o.indent = 2;
	json_open_object(&o);
	json_key(&o, S("a"));
	json_open_array(&o);
	json_put_i64(&o, -7);
	json_put_bool(&o, true);
	json_put_null(&o);
	json_close_array(&o);
	json_key(&o, S("b"));
	json_open_object(&o);
	json_close_object(&o);
	json_key(&o, S("c"));
	json_put_str(&o, S("x"));
	json_key(&o, S("d"));
	json_put_raw(&o, S("[1]"));
	json_key(&o, S("e"));
	json_put_raw(&o, STR_NONE);
	json_close_object(&o);
	CHECK_STR(buf_view(&b),
	          S("{\n  \"a\": [\n    -7,\n    true,\n    null\n  ],\n  \"b\": {},\n"
	            "  \"c\": \"x\",\n  \"d\": [1],\n  \"e\": null\n}"));
	arena_destroy(a);
}

TEST(json_writer_escapes_the_minimum_and_mends_bad_bytes)
{
	static const struct { str in, out, safe; } rows[] = {
		{ STR(""), STR("\"\""), STR("\"\"") },
		{ STR("a\"\\/\b\f\n\r\t\x01\x1f\x7f"), STR("\"a\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\""),
		  STR("\"a\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\"") },
		{ STR("</script><!--<b>"), STR("\"</script><!--<b>\""),
		  STR("\"\\u003c/script>\\u003c!--<b>\"") },
		{ STR("\xc3\xa4\xff\xe2\x82x\0y"), STR("\"\xc3\xa4\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdx\\u0000y\""),
		  STR("\"\xc3\xa4\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdx\\u0000y\"") },
	};
	struct arena *a = arena_create(4096);

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf b;

		buf_init_arena(&b, a, 4096);
		json_escape(&b, rows[i].in, false);
		CHECK_STR(buf_view(&b), rows[i].out);
		buf_reset(&b);
		json_escape(&b, rows[i].in, true);
		CHECK_STR(buf_view(&b), rows[i].safe);
	}
	arena_destroy(a);
}

TEST(json_writer_writes_doubles_that_read_back_equal)
{
	static const struct { double v; const char *text; } rows[] = {
		{ 0.0, "0" }, { 0.1, "0.1" }, { 100.0, "100" }, { -2.5, "-2.5" }, { 1.0 / 3.0, "0.3333333333333333" },
		{ 5e-324, "4.94065645841247e-324" }, { 1e300, "1e+300" },
	};
	struct arena *a = arena_create(4096);
	struct json_out o;
	struct buf b;

	buf_init_arena(&b, a, 4096);
	for (size_t i = 0; i < COUNT(rows); i++) {
		buf_reset(&b);
		json_out_init(&o, &b);
		json_put_f64(&o, rows[i].v);
		CHECK_STR(buf_view(&b), str_from(rows[i].text));
		CHECK(strtod(arena_cstr(a, buf_view(&b)), NULL) == rows[i].v);
	}
	buf_reset(&b);
	json_out_init(&o, &b);
	json_put_f64(&o, NAN);
	CHECK_STR(buf_view(&b), S("null"));
	arena_destroy(a);
}
