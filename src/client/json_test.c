/* SPDX-License-Identifier: MIT */
#include "client/json.h"

#include "base/test.h"

static struct jvalue *read_text(struct pool *p, const char *text)
{
	pool_init(p, &system_allocator);
	return json_read(p, str_from(text));
}

static bool is_json(const char *text)
{
	struct pool p;
	bool        ok = read_text(&p, text) != NULL;

	pool_fini(&p);
	return ok;
}

TEST(json_takes_what_rfc_8259_allows_and_nothing_else)
{
	static const char *const good[] = { "{}", " [ ] ", "null", "-0.5e+3", "\"\\u00e9\\ud83d\\ude00\"", "[1,{\"a\":[]}]" };
	static const char *const bad[] = { "", "{", "[1,]", "{\"a\":1,}", "01", "1.", "nul", "\"\\x\"", "\"\\ud800\"",
		                           "\"\t\"", "\"\xc0\x80\"", "\"\xed\xa0\x80\"", "[] []", "{1:2}", "'a'", "\"a" };

	for (size_t i = 0; i < COUNT(good); i++)
		CHECK(is_json(good[i]));
	for (size_t i = 0; i < COUNT(bad); i++)
		CHECK(!is_json(bad[i]));
}

TEST(json_decodes_texts_and_finds_members)
{
	struct pool          p;
	const struct jvalue *v = read_text(&p, "{\"a\\u0062\":\"x\\n\\u00fc\",\"n\":42,\"l\":[1,2,3],\"z\":\"\\u0000\"}");
	int64_t              n;

	CHECK(v != NULL);
	CHECK_STR(str_from(json_text(v, "ab")), S("x\n\xc3\xbc"));
	CHECK(json_number(v, "n", 0, 100, &n));
	CHECK_I64(n, 42);
	CHECK(!json_number(v, "n", 0, 41, &n));
	CHECK_I64((int64_t)json_member(v, "l")->count, 3);
	CHECK_STR(str_from(json_text(v, "z")), S("\xef\xbf\xbd"));
	CHECK(json_member(v, "absent") == NULL);
	pool_fini(&p);
}

TEST(json_refuses_what_is_too_deep)
{
	char text[201];

	memset(text, '[', 100);
	memset(text + 100, ']', 100);
	text[200] = '\0';
	CHECK(!is_json(text));
	text[132] = '\0';
	CHECK(is_json(text + 68));
}
