/* SPDX-License-Identifier: MIT */
#include "web/page.h"
#include "web/rows.h"
#include "web/template.h"

#include "base/test.h"

static str no_string(int index, void *arg)
{
	(void)index;
	return *(str *)arg;
}

static str render(struct arena *a, const struct template_op *ops, size_t n, const char *view_text, str text)
{
	struct template t = { "test", ops, n };
	struct json_fault fault;
	struct json *view;
	struct buf out;

	CHECK(json_parse(a, str_from(view_text), 16, &view, &fault));
	buf_init_arena(&out, a, MIB);
	template_write(&out, &t, view, no_string, &text);
	return buf_view(&out);
}

TEST(template_escapes_every_value)
{
	static const struct template_op ops[] = { { .kind = TEMPLATE_VALUE, .text = STR("x.y") } };
	struct arena *a = arena_create(1024);

	CHECK_STR(render(a, ops, 1, "{\"x\":{\"y\":\"<a href='\\\"'>&\"}}", S("")), S("&lt;a href=&#39;&quot;&#39;&gt;&amp;"));
	arena_destroy(a);
}

TEST(template_escapes_arguments_of_strings_and_keeps_unknown_ones)
{
	static const struct template_op ops[] = {
		{ .kind = TEMPLATE_STRING, .args = { { STR("app"), STR("name") } } },
	};
	struct arena *a = arena_create(1024);

	CHECK_STR(render(a, ops, 1, "{\"name\":\"<b>\"}", S("{app} & {other} {")), S("&lt;b&gt; &amp; {other} {"));
	arena_destroy(a);
}

TEST(template_loops_over_objects_and_looks_outwards)
{
	static const struct template_op ops[] = {
		{ .kind = TEMPLATE_EACH, .text = STR("list"), .jump = 6 },
		{ .kind = TEMPLATE_IF, .text = STR("on"), .jump = 3 },
		{ .kind = TEMPLATE_VALUE, .text = STR("n") },
		{ .kind = TEMPLATE_ELSE, .jump = 5 },
		{ .kind = TEMPLATE_VALUE, .text = STR("outer") },
		{ .kind = TEMPLATE_END, .jump = -1 },
		{ .kind = TEMPLATE_END, .jump = 0 },
	};
	struct arena *a = arena_create(1024);

	CHECK_STR(render(a, ops, COUNT(ops), "{\"outer\":\"-\",\"list\":[{\"on\":true,\"n\":1},{\"on\":false},{\"on\":true,\"n\":3}]}",
			 S("")), S("1-3"));
	CHECK_STR(render(a, ops, COUNT(ops), "{\"list\":[]}", S("")), S(""));
	arena_destroy(a);
}

TEST(every_page_has_its_template)
{
	size_t n;
	const struct page *pages = page_rows(&n);

	strings_load();
	for (size_t i = 0; i < n; i++) {
		CHECK(pages[i].template == NULL || template_find(pages[i].template) != NULL);
	}
	CHECK(template_find("error") != NULL);
}

TEST(language_follows_quality_values)
{
	strings_load();
	CHECK_STR(strings_code(strings_pick(S("fr, de;q=0.5, tr;q=0.8"))), S("tr"));
	CHECK_STR(strings_code(strings_pick(S("ja-JP,en;q=0.5"))), S("ja"));
	CHECK_STR(strings_code(strings_pick(S("ar;q=0, xx"))), S("en"));
	CHECK_STR(strings_code(strings_pick(S("tr en"))), S("tr"));
	CHECK_STR(strings_code(strings_pick(S(""))), S("en"));
	CHECK_STR(strings_code(strings_pick(S(";;;,,q"))), S("en"));
}

TEST(every_language_has_every_string)
{
	strings_load();
	for (size_t l = 0; l < interface_files_n; l++) {
		struct arena *a = arena_create(64 * KIB);
		struct json_fault fault;
		struct json *tree;
		size_t n = 0;

		CHECK(json_parse(a, interface_files[l].json, 8, &tree, &fault));
		for (const struct json *group = tree->first; group != NULL; group = group->next) {
			for (const struct json *s = group->first; s != NULL; s = s->next, n++)
				CHECK(s->kind == JSON_STRING && s->text.n > 0);
		}
		CHECK(n == interface_keys_n);
		arena_destroy(a);
	}
}

TEST(languages_are_named_in_the_visitors_language)
{
	struct arena *a = arena_create(1024);
	bool found;

	strings_load();
	CHECK_STR(strings_language_name(a, strings_by_code(S("en"), &found), S("tr")), S("Turkish"));
	CHECK_STR(strings_language_name(a, strings_by_code(S("de"), &found), S("tr")), S("Türkisch"));
	CHECK_STR(strings_language_name(a, strings_by_code(S("en"), &found), S("pt-br")), S("Portuguese (Brazil)"));
	CHECK_STR(strings_language_name(a, strings_by_code(S("en"), &found), S("qqx")), S("qqx"));
	arena_destroy(a);
}

TEST(an_override_never_touches_what_is_consented_to)
{
	struct arena *a = arena_create(1024);
	struct json_fault fault;
	struct json *messages;
	size_t en = 0;

	strings_load();
	CHECK(json_parse(a, S("{\"home\":{\"title\":\"Ours\"},\"scopes\":{\"org_read\":\"Nothing\"},\"consent.title\":\"x\"}"), 8,
			 &messages, &fault));
	strings_override(en, messages);
	CHECK_STR(strings_named(en, S("home.title")), S("Ours"));
	CHECK(!str_eq(strings_named(en, S("scopes.org_read")), S("Nothing")));
	CHECK(!str_eq(strings_named(en, S("consent.title")), S("x")));
	strings_override(en, NULL);
	CHECK(!str_eq(strings_named(en, S("home.title")), S("Ours")));
	arena_destroy(a);
}

TEST(indentation_stays_where_the_browser_shows_it)
{
	const struct template *t = template_find("demo");
	bool indented = false, blank_line = false;

	for (size_t i = 0; i < t->ops_n; i++) {
		if (t->ops[i].kind != TEMPLATE_TEXT)
			continue;
		indented = indented || str_find(t->ops[i].text, S(" \\\n  -d ")) >= 0;
		blank_line = blank_line || str_find(t->ops[i].text, S("\n\n")) >= 0;
	}
	CHECK(indented);
	CHECK(!blank_line);
}

TEST(rule_075_next_is_a_path_of_ours)
{
	CHECK(page_is_local(S("/consent?request=a%20b")));
	CHECK(!page_is_local(S("")));
	CHECK(!page_is_local(S("https://evil.example")));
	CHECK(!page_is_local(S("//evil.example")));
	CHECK(!page_is_local(S("/\\evil.example")));
	CHECK(!page_is_local(S("/a\r\nLocation: x")));
	CHECK(!page_is_local(S("javascript:alert(1)")));
}
