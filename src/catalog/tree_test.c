/* SPDX-License-Identifier: MIT */
#include "catalog/tree.h"

#include "base/test.h"

static struct arena *a;

static str written(struct tree *t, str namespace, enum tree_style style)
{
	struct buf b;

	if (!t->finished)
		tree_finish(t);
	buf_init_arena(&b, a, 1 << 20);
	tree_write(t, namespace, style, &b);
	CHECK(!b.full);
	return buf_view(&b);
}

static struct tree tree_of(const char *structure, const char *format)
{
	struct project p = { .file_structure = str_from(structure),
	                     .key_format = str_from(format) };
	struct tree t;

	arena_destroy(a);
	a = arena_create(4096);
	tree_init(&t, a, &p);
	return t;
}

TEST(tree_without_leaves_is_an_empty_object)
{
	struct tree t = tree_of("single_file", "nested");

	CHECK_STR(written(&t, STR_NONE, TREE_COMPACT), S("{}"));
	CHECK_STR(written(&t, STR_NONE, TREE_PRETTY), S("{}\n"));
}

TEST(tree_nests_at_dots_and_sorts_bytes_at_every_level)
{
	struct tree t = tree_of("single_file", "nested");

	tree_add(&t, S("common"), S("nav.home"), S("Home"), false);
	tree_add(&t, S("default"), S("z"), S("Z"), false);
	tree_add(&t, S("common"), S("nav-bar"), S("Bar"), false);
	tree_add(&t, S("common"), S("Nav"), S("N"), false);
	tree_add(&t, S("auth"), S("title"), S("T"), false);
	tree_add(&t, S("common"), S("nav.about"), S("About"), false);
	CHECK_STR(written(&t, STR_NONE, TREE_COMPACT),
	          S("{\"auth\":{\"title\":\"T\"},\"common\":{\"Nav\":\"N\","
	            "\"nav\":{\"about\":\"About\",\"home\":\"Home\"},"
	            "\"nav-bar\":\"Bar\"},\"z\":\"Z\"}"));
	CHECK_STR(written(&t, S("common"), TREE_COMPACT),
	          S("{\"Nav\":\"N\",\"nav\":{\"about\":\"About\",\"home\":\"Home\"},"
	            "\"nav-bar\":\"Bar\"}"));
	CHECK_STR(written(&t, S("default"), TREE_COMPACT), S("{\"z\":\"Z\"}"));
	CHECK_STR(written(&t, S("nope"), TREE_COMPACT), S("{}"));
	CHECK_I64((int64_t)tree_count(&t, STR_NONE), 6);
	CHECK_I64((int64_t)tree_count(&t, S("common")), 4);
	CHECK_I64((int64_t)tree_namespaces(&t).n, 3);
	CHECK_STR(tree_namespaces(&t).v[2], S("default"));
}

TEST(tree_pretty_has_two_spaces_and_a_final_newline)
{
	struct tree t = tree_of("single_file", "nested");

	tree_add(&t, S("a"), S("b.c"), S("x"), false);
	tree_add(&t, S("a"), S("list"), S("[1,{\"k\":[]}]"), true);
	tree_add(&t, S("default"), S("n"), S("1e400"), true);
	CHECK_STR(written(&t, STR_NONE, TREE_PRETTY),
	          S("{\n  \"a\": {\n    \"b\": {\n      \"c\": \"x\"\n    },\n    \"list\": [\n  "
	            "    1,\n      {\n"
	            "        \"k\": []\n      }\n    ]\n  },\n  \"n\": 1e400\n}\n"));
}

TEST(tree_flat_joins_with_dots)
{
	struct tree t = tree_of("single_file", "flat");

	tree_add(&t, S("common"), S("nav.home"), S("Home"), false);
	tree_add(&t, S("common"), S("nav"), S("Nav"), false);
	tree_add(&t, S("default"), S("a.b"), S("x"), false);
	CHECK_STR(written(&t, STR_NONE, TREE_COMPACT),
	          S("{\"a.b\":\"x\",\"common.nav\":\"Nav\",\"common.nav.home\":\"Home\"}"));
	CHECK_STR(written(&t, S("common"), TREE_COMPACT), S("{\"nav\":\"Nav\","
	                                                    "\"nav.home\":\"Home\"}"));
	CHECK_I64((int64_t)t.dropped.n, 0);
}

TEST(tree_flat_and_namespaced_keeps_an_object_a_namespace)
{
	struct tree t = tree_of("namespaced_folders", "flat");

	tree_add(&t, S("common"), S("nav.home"), S("Home"), false);
	tree_add(&t, S("default"), S("a.b"), S("x"), false);
	CHECK_STR(written(&t, STR_NONE, TREE_COMPACT), S("{\"a.b\":\"x\","
	                                                 "\"common\":{\"nav.home\":\"Home\"}}"));
}

TEST(tree_default_namespace_can_be_wrapped)
{
	struct project p = { .file_structure = S("single_file"), .key_format = S("nested"),
	                     .default_wrapped = true };
	struct tree t;

	arena_destroy(a);
	a = arena_create(4096);
	tree_init(&t, a, &p);
	tree_add(&t, S("default"), S("a.b"), S("x"), false);
	tree_add(&t, S("c"), S("d"), S("y"), false);
	CHECK_STR(written(&t, STR_NONE, TREE_COMPACT), S("{\"c\":{\"d\":\"y\"},"
	                                                 "\"default\":{\"a\":{\"b\":\"x\"}}}"));
	CHECK_STR(written(&t, S("default"), TREE_COMPACT), S("{\"a\":{\"b\":\"x\"}}"));
}

TEST(tree_collision_keeps_the_object_and_reports_the_leaf)
{
	struct tree t = tree_of("single_file", "nested");

	tree_add(&t, S("default"), S("step"), S("leaf"), false);
	tree_add(&t, S("step"), S("a"), S("1"), false);
	tree_add(&t, S("step"), S("a.b"), S("2"), false);
	tree_add(&t, S("default"), S("step.a.b"), S("3"), false);
	CHECK_STR(written(&t, STR_NONE, TREE_COMPACT), S("{\"step\":{\"a\":{\"b\":\"2\"}}}"));
	CHECK_I64((int64_t)t.dropped.n, 3);
}

TEST(tree_escapes_what_would_end_a_script_element)
{
	struct tree t = tree_of("single_file", "nested");

	tree_add(&t, S("default"), S("a</b"), S("</script><!-- < b"), false);
	tree_add(&t, S("default"), S("j"), S("[\"</x\",\"<y\"]"), true);
	CHECK_STR(written(&t, STR_NONE, TREE_COMPACT),
	          S("{\"a\\u003c/b\":\"\\u003c/script>\\u003c!-- < b\",\"j\":[\"\\u003c/x\","
	            "\"<y\"]}"));
	CHECK_STR(written(&t, STR_NONE, TREE_PRETTY),
	          S("{\n  \"a</b\": \"</script><!-- < b\",\n  \"j\": [\n    \"</x\",\n   "
	            " \"<y\"\n  ]\n}\n"));
}

TEST(tree_takes_empty_names_and_empty_segments)
{
	struct tree t = tree_of("single_file", "nested");

	tree_add(&t, S("default"), S(""), S("0"), false);
	tree_add(&t, S("default"), S("a."), S("1"), false);
	tree_add(&t, S("default"), S("b..c"), S("2"), false);
	CHECK_STR(written(&t, STR_NONE, TREE_COMPACT), S("{\"\":\"0\",\"a\":{\"\":\"1\"},"
	                                                 "\"b\":{\"\":{\"c\":\"2\"}}}"));
	t = tree_of("single_file", "nested");
	tree_add(&t, S("default"), S("."), S("1"), false);
	tree_add(&t, S("default"), S("..x"), S("2"), false);
	tree_add(&t, S("default"), S(".y"), S("3"), false);
	CHECK_STR(written(&t, STR_NONE, TREE_COMPACT),
	          S("{\"\":{\"\":{\"x\":\"2\"},\"y\":\"3\"}}"));
}

TEST(tree_fill_takes_only_what_is_missing)
{
	struct tree source = tree_of("single_file", "nested"), t;
	struct project p = { .file_structure = S("single_file"), .key_format = S("nested") };

	tree_add(&source, S("a"), S("x"), S("source x"), false);
	tree_add(&source, S("a"), S("y"), S("source y"), false);
	tree_add(&source, S("b"), S("z"), S("source z"), false);
	tree_finish(&source);
	tree_init(&t, a, &p);
	tree_add(&t, S("a"), S("y"), S(""), false);
	tree_finish(&t);
	tree_fill(&t, &source);
	CHECK_STR(written(&t, STR_NONE, TREE_COMPACT),
	          S("{\"a\":{\"x\":\"source x\",\"y\":\"\"},\"b\":{\"z\":\"source z\"}}"));
	CHECK_I64((int64_t)tree_count(&t, S("a")), 2);
}

TEST(full_names_are_split_at_the_first_dot)
{
	static const struct { str full, namespace, name; } cases[] = {
		{ STR("hello"), STR("default"), STR("hello") },
		{ STR("auth.title"), STR("auth"), STR("title") },
		{ STR("auth.form.title"), STR("auth"), STR("form.title") },
		{ STR("default.title"), STR("default"), STR("default.title") },
		{ STR(".x"), STR("default"), STR(".x") },
		{ STR("x."), STR("default"), STR("x.") },
		{ STR("Hello world.x"), STR("default"), STR("Hello world.x") },
		{ STR("translations.x"), STR("default"), STR("translations.x") },
		{ STR(""), STR("default"), STR("") },
	};
	str namespace, name;

	for (size_t i = 0; i < COUNT(cases); i++) {
		key_split_name(cases[i].full, &namespace, &name);
		CHECK_STR(namespace, cases[i].namespace);
		CHECK_STR(name, cases[i].name);
	}
}
