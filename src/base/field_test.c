/* SPDX-License-Identifier: MIT */
#include "base/field.h"

#include "base/test.h"

#include <string.h>

struct inner { str code; int64_t n; };
struct shape { str key; bool on; };
struct outer {
	str name, kind, id;
	int64_t page;
	bool on;
	double ratio;
	struct strs tags, search;
	struct list items, texts;
	struct inner inside;
	const struct json *any;
};

static const char *const kinds[] = { "draft", "active", NULL };
static const char *const just_one[] = { "only", NULL };
static const struct field inner_fields[] = {
	FIELD(struct inner, code, "code", .flags = FIELD_REQUIRED | FIELD_LOWER, .min = 2, .max = 10),
	FIELD(struct inner, n, "n", .initial = 3),
	FIELD_END,
};
static const struct field outer_fields[] = {
	FIELD(struct outer, name, "name", .flags = FIELD_REQUIRED),
	FIELD(struct outer, kind, "kind", .flags = FIELD_STRICT, .one_of = kinds),
	FIELD(struct outer, id, "id", .flags = FIELD_UUID),
	FIELD(struct outer, page, "page", .flags = FIELD_COERCED, .min = 1, .max = 250, .initial = 1),
	FIELD(struct outer, on, "on", .initial = 1),
	FIELD(struct outer, ratio, "ratio"),
	FIELD(struct outer, tags, "tags", .flags = FIELD_COERCED | FIELD_LOWER, .min = 1, .max = 3),
	{ .name = "search", .kind = FIELD_STR_OR_STRS, .offset = offsetof(struct outer, search) },
	FIELD_OF_LIST(struct outer, items, "items", struct inner, inner_fields, .max = 2),
	FIELD_OF_STR_MAP(struct outer, texts, "texts", .flags = FIELD_LOWER),
	FIELD_OF_OBJECT(struct outer, inside, "inside", inner_fields),
	FIELD(struct outer, any, "any"),
	FIELD_END,
};

static bool read_text(struct arena *a, const char *text, struct outer *out, struct err *e)
{
	struct json_fault fault;
	struct json *v;

	memset(out, 0, sizeof(*out));
	CHECK(json_parse(a, str_from(text), JSON_DEPTH_DEFAULT, &v, &fault));
	return fields_read(a, outer_fields, v, out, e);
}

TEST(fields_read_fills_the_struct)
{
	struct arena *a = arena_create(4096);
	const struct str_pair *texts;
	struct outer o;
	struct err e;

	CHECK(read_text(a, "{\"name\":\"n\",\"kind\":\"draft\",\"page\":\"50\",\"on\":false,\"ratio\":0.5,"
	                "\"id\":\"018F2e4a-0000-7000-8000-0123456789ab\",\"tags\":\"[\\\"TR\\\"]\","
	                "\"search\":\"x\",\"items\":[{\"code\":\"DE\",\"n\":null}],\"unknown\":1,"
	                "\"texts\":{\"TR\":\"a\",\"de\":\"\",\"tr\":\"b\"},\"any\":null,"
	                "\"inside\":{\"code\":\"en\",\"n\":9}}", &o, &e));
	CHECK_STR(o.name, S("n"));
	CHECK_STR(o.kind, S("draft"));
	CHECK_I64(o.page, 50);
	CHECK(!o.on && o.ratio == 0.5);
	CHECK(o.tags.n == 1 && str_eq(o.tags.v[0], S("tr")));
	CHECK(o.search.n == 1 && str_eq(o.search.v[0], S("x")));
	CHECK(o.items.n == 1);
	CHECK_STR(((struct inner *)o.items.v)->code, S("de"));
	CHECK_I64(((struct inner *)o.items.v)->n, 3);
	texts = o.texts.v;
	CHECK_I64((int64_t)o.texts.n, 2);
	CHECK_STR(texts[0].name, S("de"));
	CHECK_STR(texts[0].value, S(""));
	CHECK_STR(texts[1].value, S("b"));
	CHECK(o.any->kind == JSON_NULL);
	CHECK_I64(o.inside.n, 9);
	arena_destroy(a);
}

TEST(fields_read_gives_initial_values_to_what_is_missing)
{
	struct arena *a = arena_create(4096);
	struct outer o;
	struct err e;

	CHECK(read_text(a, "{\"name\":\"n\",\"page\":null,\"tags\":null,\"any\":[1]}", &o, &e));
	CHECK(o.page == 1 && o.on && o.inside.n == 3);
	CHECK(!o.tags.present && o.tags.n == 0 && o.kind.p == NULL);
	CHECK(o.any->kind == JSON_ARRAY);
	arena_destroy(a);
}

/* Member order and words as agents know them. */
TEST(fields_read_words_a_missing_string_as_the_contract_does)
{
	struct arena *a = arena_create(4096);
	struct outer o;
	struct err e;

	CHECK(!read_text(a, "{}", &o, &e));
	CHECK(e.code == ERR_INVALID_REQUEST);
	CHECK_STR(e.issues, S("[\n  {\n    \"expected\": \"string\",\n    \"code\": \"invalid_type\",\n"
	                      "    \"path\": [\n      \"name\"\n    ],\n    \"message\": "
	                      "\"Invalid input: expected string, received undefined\"\n  }\n]"));
	CHECK_STR(str_from(e.say), S("name: Invalid input: expected string, received undefined"));
	arena_destroy(a);
}

TEST(fields_read_words_every_issue)
{
	static const struct { const char *members, *issue, *say; } rows[] = {
		{ "\"kind\":null", "\"code\":\"invalid_value\",\"values\":[\"draft\",\"active\"],\"path\":[\"kind\"]",
		  "kind: Invalid option: expected one of \"draft\"|\"active\"" },
		{ "\"kind\":\"x\"", "\"code\":\"invalid_value\",\"values\":[\"draft\",\"active\"],\"path\":[\"kind\"]",
		  "kind: Invalid option: expected one of \"draft\"|\"active\"" },
		{ "\"id\":\"x\"", "\"origin\":\"string\",\"code\":\"invalid_format\",\"format\":\"uuid\",\"path\":[\"id\"]",
		  "id: Invalid UUID" },
		{ "\"page\":0", "\"origin\":\"number\",\"code\":\"too_small\",\"minimum\":1,\"inclusive\":true,"
		  "\"path\":[\"page\"]", "page: Too small: expected number to be >=1" },
		{ "\"page\":251", "\"origin\":\"number\",\"code\":\"too_big\",\"maximum\":250,\"inclusive\":true,"
		  "\"path\":[\"page\"]", "page: Too big: expected number to be <=250" },
		{ "\"page\":1.5", "\"expected\":\"int\",\"format\":\"safeint\",\"code\":\"invalid_type\",\"path\":[\"page\"]",
		  "page: Invalid input: expected int, received number" },
		{ "\"page\":\"x\"", "\"expected\":\"number\",\"code\":\"invalid_type\",\"path\":[\"page\"]",
		  "page: Invalid input: expected number, received string" },
		{ "\"on\":\"true\"", "\"expected\":\"boolean\",\"code\":\"invalid_type\",\"path\":[\"on\"]",
		  "on: Invalid input: expected boolean, received string" },
		{ "\"ratio\":\"1\"", "\"expected\":\"number\",\"code\":\"invalid_type\",\"path\":[\"ratio\"]",
		  "ratio: Invalid input: expected number, received string" },
		{ "\"tags\":\"tr\"", "\"expected\":\"array\",\"code\":\"invalid_type\",\"path\":[\"tags\"]",
		  "tags: Invalid input: expected array, received string" },
		{ "\"tags\":[]", "\"origin\":\"array\",\"code\":\"too_small\",\"minimum\":1,\"inclusive\":true,"
		  "\"path\":[\"tags\"]", "tags: Too small: expected array to have >=1 items" },
		{ "\"tags\":[\"a\",true]", "\"expected\":\"string\",\"code\":\"invalid_type\",\"path\":[\"tags\",1]",
		  "tags.1: Invalid input: expected string, received boolean" },
		{ "\"items\":[1,2,3]", "\"origin\":\"array\",\"code\":\"too_big\",\"maximum\":2,\"inclusive\":true,"
		  "\"path\":[\"items\"]", "items: Too big: expected array to have <=2 items" },
		{ "\"items\":[{\"code\":\"e\"}]", "\"origin\":\"string\",\"code\":\"too_small\",\"minimum\":2,"
		  "\"inclusive\":true,\"path\":[\"items\",0,\"code\"]",
		  "items.0.code: Too small: expected string to have >=2 characters" },
		{ "\"items\":[{}]", "\"expected\":\"string\",\"code\":\"invalid_type\",\"path\":[\"items\",0,\"code\"]",
		  "items.0.code: Invalid input: expected string, received undefined" },
		{ "\"texts\":{\"tr\":1}", "\"expected\":\"string\",\"code\":\"invalid_type\",\"path\":[\"texts\",\"tr\"]",
		  "texts.tr: Invalid input: expected string, received number" },
		{ "\"texts\":[]", "\"expected\":\"record\",\"code\":\"invalid_type\",\"path\":[\"texts\"]",
		  "texts: Invalid input: expected record, received array" },
		{ "\"inside\":\"{}\"", "\"expected\":\"object\",\"code\":\"invalid_type\",\"path\":[\"inside\"]",
		  "inside: Invalid input: expected object, received string" },
		{ "\"id\":\"a\\u0000\"", "\"code\":\"custom\",\"path\":[\"id\"]",
		  "id: Invalid input: a NUL character is not allowed" },
	};
	struct arena *a = arena_create(4096);

	for (size_t i = 0; i < COUNT(rows); i++) {
		char *text = arena_cstr(a, arena_printf(a, "{\"name\":\"n\",%s}", rows[i].members));
		struct json_fault fault;
		struct json *want, *got;
		struct outer o;
		struct err e;

		CHECK(!read_text(a, text, &o, &e));
		CHECK_STR(str_from(e.say), str_from(rows[i].say));
		CHECK(json_parse(a, e.issues, 8, &got, &fault));
		CHECK(json_parse(a, arena_printf(a, "{%s}", rows[i].issue), 8, &want, &fault));
		CHECK_I64(got->count, 1);
		CHECK_I64(got->first->count, (int64_t)want->count + 1);
		for (const struct json *m = want->first; m != NULL; m = m->next)
			CHECK(json_equal(json_get(got->first, m->name), m));
	}
	arena_destroy(a);
}

TEST(fields_read_collects_issues_and_stays_within_a_limit)
{
	struct arena *a = arena_create(4096);
	struct json_fault fault;
	struct json *issues;
	struct outer o;
	struct err e;
	struct buf b;

	CHECK(!read_text(a, "{\"name\":1,\"page\":0,\"on\":0}", &o, &e));
	CHECK(json_parse(a, e.issues, 8, &issues, &fault));
	CHECK_I64(issues->count, 3);
	buf_init_arena(&b, a, 16 * MIB);
	BUF_LIT(&b, "{\"name\":\"n\",\"texts\":{");
	for (int i = 0; i < 1000; i++)
		buf_printf(&b, "%s\"%02000d\":1", i > 0 ? "," : "", i);
	BUF_LIT(&b, "}}");
	CHECK(!read_text(a, arena_cstr(a, buf_view(&b)), &o, &e));
	CHECK(e.issues.n < 300 * 1024);
	CHECK(json_parse(a, e.issues, 8, &issues, &fault));
	CHECK(issues->count > 100 && issues->count <= 200);
	arena_destroy(a);
}

TEST(fields_read_refuses_a_root_that_is_no_object)
{
	struct arena *a = arena_create(4096);
	struct outer o = { 0 };
	struct err e;

	CHECK(!fields_read(a, outer_fields, NULL, &o, &e));
	CHECK_STR(str_from(e.say), S("Invalid input: expected object, received undefined"));
	CHECK(str_find(e.issues, S("\"path\": [],")) > 0);
	CHECK(!read_text(a, "[]", &o, &e));
	CHECK_STR(str_from(e.say), S("Invalid input: expected object, received array"));
	arena_destroy(a);
}

struct form {
	str client, only;
	int64_t n;
	bool ok;
	struct strs resource;
	struct list texts;
	const struct json *any;
};
static const struct field form_fields[] = {
	FIELD(struct form, client, "client", .flags = FIELD_REQUIRED | FIELD_NONEMPTY),
	FIELD(struct form, only, "only", .one_of = just_one),
	FIELD(struct form, n, "n", .max = 9),
	FIELD(struct form, ok, "ok"),
	FIELD(struct form, resource, "resource"),
	FIELD_OF_STR_MAP(struct form, texts, "texts"),
	FIELD(struct form, any, "any"),
	FIELD_END,
};

TEST(fields_read_params_takes_text_for_everything)
{
	static const struct param params[] = {
		{ STR("resource"), STR("a") }, { STR("n"), STR("7") }, { STR("ok"), STR("on") },
		{ STR("client"), STR("c") }, { STR("resource"), STR("") }, { STR("other"), STR("1") },
		{ STR("other"), STR("2") }, { STR("only"), STR("") }, { STR("texts"), STR("{\"a\":\"b\"}") },
		{ STR("any"), STR("[1]") },
	};
	struct arena *a = arena_create(4096);
	struct form f = { 0 };
	struct err e;

	CHECK(fields_read_params(a, form_fields, params, COUNT(params), &f, &e));
	CHECK_STR(f.client, S("c"));
	CHECK(f.n == 7 && f.ok && f.only.p == NULL);
	CHECK(f.resource.n == 2 && str_eq(f.resource.v[1], S("")));
	CHECK(f.texts.n == 1 && f.any->kind == JSON_ARRAY);
	arena_destroy(a);
}

TEST(fields_read_params_refuses_repeats_and_bad_values)
{
	static const struct { struct param v[2]; const char *say; } rows[] = {
		{ { { STR("client"), STR("a") }, { STR("client"), STR("a") } },
		  "client: Invalid input: given more than once" },
		{ { { STR("client"), STR("") }, { STR("x"), STR("") } },
		  "client: Invalid input: expected string, received undefined" },
		{ { { STR("client"), STR("a") }, { STR("n"), STR("10") } },
		  "n: Too big: expected number to be <=9" },
		{ { { STR("client"), STR("a") }, { STR("ok"), STR("maybe") } },
		  "ok: Invalid input: expected boolean, received string" },
		{ { { STR("client"), STR("a") }, { STR("any"), STR("[") } },
		  "any: Invalid JSON: value expected, but the text ends at byte 1" },
		{ { { STR("client"), STR("a") }, { STR("only"), STR("x") } },
		  "only: Invalid input: expected \"only\"" },
	};
	struct arena *a = arena_create(4096);

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct form f = { 0 };
		struct err e;

		CHECK(!fields_read_params(a, form_fields, rows[i].v, 2, &f, &e));
		CHECK_STR(str_from(e.say), str_from(rows[i].say));
	}
	arena_destroy(a);
}

struct answer {
	str id, maybe, raw;
	int64_t count, zero;
	bool hidden;
	struct strs tags, none;
	struct list items, by_key, texts;
	struct inner inside, empty;
	int64_t unbatched;
};
static const struct field shape_fields[] = { FIELD(struct shape, on, "on"), FIELD_END };
static const struct field small_fields[] = {
	FIELD(struct inner, code, "code", .flags = FIELD_OPTIONAL),
	FIELD(struct inner, n, "n", .flags = FIELD_OPTIONAL),
	FIELD_END,
};
static const struct field answer_fields[] = {
	FIELD(struct answer, id, "id"),
	FIELD(struct answer, maybe, "maybe", .flags = FIELD_OPTIONAL),
	FIELD_RAW_JSON(struct answer, raw, "raw"),
	FIELD(struct answer, count, "count"),
	FIELD(struct answer, zero, "zero", .flags = FIELD_OPTIONAL),
	FIELD(struct answer, hidden, "hidden", .flags = FIELD_OPTIONAL),
	FIELD(struct answer, tags, "tags"),
	FIELD(struct answer, none, "none", .flags = FIELD_OPTIONAL),
	FIELD_OF_LIST(struct answer, items, "items", struct inner, small_fields),
	FIELD_OF_MAP(struct answer, by_key, "byKey", struct shape, shape_fields),
	FIELD_OF_STR_MAP(struct answer, texts, "texts"),
	FIELD_OF_OBJECT(struct answer, inside, "inside", small_fields),
	FIELD_OF_OBJECT(struct answer, empty, "empty", small_fields, .flags = FIELD_OPTIONAL),
	FIELD(struct answer, unbatched, "unbatched", .flags = FIELD_UNBATCHED),
	FIELD_END,
};

static str answer_text(struct arena *a, const struct answer *v, int dialect)
{
	struct json_out o;
	struct buf b;

	buf_init_arena(&b, a, 65536);
	json_out_init(&o, &b);
	fields_write(&o, answer_fields, v, dialect);
	return buf_view(&b);
}

TEST(fields_write_leaves_out_what_is_optional_and_nothing)
{
	struct arena *a = arena_create(4096);
	struct answer v = { 0 };

	CHECK_STR(answer_text(a, &v, FIELDS_BATCHED),
	          S("{\"id\":null,\"raw\":null,\"count\":0,\"tags\":[],\"items\":[],\"byKey\":{},\"texts\":{},"
	            "\"inside\":{}}"));
	arena_destroy(a);
}

TEST(fields_write_walks_lists_and_maps)
{
	static const str tags[] = { STR("a"), STR("b") };
	struct arena *a = arena_create(4096);
	struct answer v = {
		.id = STR("x"), .maybe = STR(""), .raw = STR("{}"), .count = 5, .zero = 1, .hidden = true,
		.tags = { tags, 2, true }, .none = { NULL, 0, true },
		.items = { &(struct inner){ S("de"), 0 }, 1, true },
		.by_key = { &(struct shape){ S("k"), true }, 1, true },
		.texts = { &(struct str_pair){ S("tr"), S("t") }, 1, true },
		.inside = { STR_NONE, 4 }, .empty = { S("e"), 0 }, .unbatched = 8,
	};

	CHECK_STR(answer_text(a, &v, FIELDS_UNBATCHED),
	          S("{\"id\":\"x\",\"maybe\":\"\",\"raw\":{},\"count\":5,\"zero\":1,\"hidden\":true,"
	            "\"tags\":[\"a\",\"b\"],\"none\":[],\"items\":[{\"code\":\"de\"}],\"byKey\":{\"k\":{\"on\":true}},"
	            "\"texts\":{\"tr\":\"t\"},\"inside\":{\"n\":4},\"empty\":{\"code\":\"e\"},\"unbatched\":8}"));
	arena_destroy(a);
}
