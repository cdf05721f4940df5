/* SPDX-License-Identifier: MIT */
#include "catalog/fixture_test.h"

#include "catalog/key_delete.h"
#include "catalog/key_list.h"
#include "catalog/pending.h"
#include "catalog/summary.h"
#include "catalog/text_all.h"
#include "catalog/write.h"

#include <stdio.h>

#define UNKNOWN "00000000-0000-4000-8000-000000000000"
#define P "{\"orgSlug\":\"acme\",\"projectSlug\":\"web\""

static const struct shop_call list = SHOP_CALL(key_list, SHOP_READ, key_list_in, key_list_in_fields,
                                               key_list_out, key_list_out_fields);
static const struct shop_call delete = SHOP_CALL(key_delete, SHOP_WRITE, key_delete_in,
                                                 key_delete_in_fields,
                                                 key_delete_out, key_delete_out_fields);
static const struct shop_call pending = SHOP_CALL(pending_get, SHOP_READ, pending_in,
                                                  pending_in_fields, pending_out,
                                                  pending_out_fields);
static const struct shop_call all = SHOP_CALL(text_all, SHOP_READ, text_all_in, text_all_in_fields,
                                              text_all_out, text_all_out_fields);

static void created(struct shop *s)
{
	str r;

	shop_project(s, "");
	shop_as_token(s);
	r = shop_create(s, "[{\"n\":\"title\",\"ns\":\"common\",\"v\":\"T\",\"t\":{\"TR\":\"B\","
	                   "\"en\":\"ignored\",\"fr\":\"unknown\"}},{\"n\":\"root\"}]");
	CHECK(shop_has(r, "{\"ok\":true,\"cnt\":2,\"new\":2,\"ren\":0,\"dup\":0,"
	                  "\"k\":[{\"k\":\"title\",\"id\":\""));
	CHECK(shop_has(r, "\"tr\":1},{\"k\":\"root\",\"id\":"));
	CHECK(shop_has(r, "\"pub\":{\"has\":true,\"cnt\":4,"));
	CHECK(shop_has(r, "\"hint\":\"1 texts were left out because the project lacks their"
	                  " language (\\\"fr\\\")"));
	/* Again: skipped, never updated. */
	r = shop_create(s, "[{\"n\":\"title\",\"ns\":\"common\",\"v\":\"other\"},{\"n\":\"x\"},"
	                   "{\"n\":\"x\"}]");
	CHECK(shop_has(r, "{\"ok\":true,\"cnt\":1,\"new\":1,\"ren\":0,\"dup\":2,"));
	CHECK(shop_has(r, "\"skip\":[{\"k\":\"title\",\"reason\":\"already exists\"},{\"k\":\"x\","
	                  "\"reason\":\"already exists\"}]"));
	CHECK(shop_has(shop_do(s, &list, S(P ",\"search\":\"TITLE\"}")), "\"src\":\"T\""));
	/* The same name elsewhere is made, with a warning. */
	r = shop_create(s, "[{\"n\":\"title\",\"ns\":\"auth\"}]");
	CHECK(shop_has(r, "\"warn\":[{\"k\":\"title\",\"ns\":\"auth\",\"other\":[\"common\"]}]"));
	/* A name that begins with a namespace goes there. */
	r = shop_create(s, "[{\"n\":\"auth.button\"}]");
	CHECK(shop_has(r, "\"k\":[{\"k\":\"button\""));
	CHECK(shop_has(r, "\"warn\":[{\"k\":\"button\",\"ns\":\"auth\",\"other\":[]}]"));
	CHECK(shop_has(shop_create(s, "\"[{\\\"n\\\":\\\"coerced\\\"}]\""), "\"cnt\":1"));
}
TEST(create_keys_counts_what_is_new_and_what_is_not) { shop_each(created); }

static void refused(struct shop *s)
{
	static const char *const cases[][2] = {
		{ "[]", "ERROR invalid_request" }, { "[{\"n\":\"\"}]", "ERROR invalid_request:"
		                                                       " k[0].n" },
		{ "[{\"n\":\"a\"},{\"n\":\"a\\u0000\"}]", "ERROR invalid_request: k.1.n" },
		{ "[{\"n\":\"a\",\"v\":\"\\u0000\"}]", "ERROR invalid_request: k.0.v" },
		{ "[{\"n\":\"a\",\"ns\":\"manifest\"}]", "ERROR invalid_request: k[0].ns" },
		{ "[{\"n\":\"a\"},{\"n\":\"a.b\"}]", "ERROR conflict: Path collision: \"a\"" },
		{ "[{\"n\":\"b\",\"ns\":\"a\"},{\"n\":\"a\"}]",
		  "ERROR conflict: Path collision: \"a\"" },
		{ "[{\"n\":\"step.workspace.title\"}]", "ERROR conflict: Path collision:"
		                                        " \"step.workspace.title\" and"
		                                        " \"step.workspace\"" },
		{ "[{\"n\":\"workspace.title\",\"ns\":\"step\"}]", "ERROR conflict" },
		{ "[{\"n\":\"step\"}]", "ERROR conflict: Path collision: \"step\" and"
		                        " \"step.workspace\"" },
		{ "[{\"n\":\"common\"}]", "ERROR conflict: Path collision: \"common\" and"
		                          " \"common.x\"" },
		{ "[{\"n\":\"y\",\"ns\":\"leaf\"}]", "ERROR conflict: Path collision: \"leaf.y\""
		                                     " and \"leaf\"" },
	};

	shop_project(s, "");
	shop_as_token(s);
	CHECK(shop_has(shop_create(s, "[{\"n\":\"step.workspace\"},{\"n\":\"x\","
	                              "\"ns\":\"common\"},{\"n\":\"leaf\"}]"), "\"cnt\":3"));
	for (size_t i = 0; i < COUNT(cases); i++)
		CHECK(shop_has(shop_create(s, cases[i][0]), cases[i][1]));
	CHECK(shop_has(shop_do(s, &list, S(P "}")), "\"tot\":3"));
	CHECK(shop_has(shop_create(s, "[{\"n\":\"step.workspace.title\"}],\"force\":true"),
	               "\"cnt\":1"));
	/* Neighbours in byte order are no parents. */
	CHECK(shop_has(shop_create(s, "[{\"n\":\"step-by-step\"},{\"n\":\"commons\"},"
	                              "{\"n\":\"step.workspace2\"},{\"n\":\"lea\"}]"),
	                              "\"cnt\":4"));
}
TEST(create_keys_refuses_path_collisions_unless_forced) { shop_each(refused); }

static void flat_names(struct shop *s)
{
	shop_project(s, "\"flat\":true");
	shop_as_token(s);
	CHECK(shop_has(shop_create(s, "[{\"n\":\"a\"},{\"n\":\"a.b\"}]"), "\"cnt\":2"));
}
TEST(create_keys_in_flat_projects_has_no_collisions) { shop_each(flat_names); }

static void namespaces(struct shop *s)
{
	str r;

	shop_project(s, "");
	shop_as_token(s);
	r = shop_create(s, "[{\"n\":\"title\",\"ns\":\"pages.home\"}]");
	CHECK(shop_has(r, "\"k\":[{\"k\":\"home.title\""));
	CHECK(shop_has(shop_do(s, &list, S(P "}")), "\"nss\":[\"pages\"]"));
}
TEST(create_keys_splits_dotted_namespaces_of_single_files) { shop_each(namespaces); }

static void deletion(struct shop *s)
{
	str id, r;

	shop_project(s, "");
	shop_as_token(s);
	shop_create(s, "[{\"n\":\"a\",\"v\":\"A\"},{\"n\":\"b\",\"ns\":\"ns\",\"v\":\"B\"}]");
	id = shop_key_id(s, "a");
	r = shop_do(s, &delete,
	            arena_printf(s->f->arena, P ",\"keyIds\":[\"" FMT_STR "\",\"" UNKNOWN "\"]}",
	                         ARG_STR(id)));
	CHECK(shop_has(r, "{\"ok\":true,\"cnt\":1,\"mk\":[{\"id\":"));
	CHECK(shop_has(r, "\"k\":\"a\",\"ns\":null}],\"skip\":[\"" UNKNOWN "\"]"));
	r = shop_do_unbatched(s, &delete, arena_printf(s->f->arena,
	                                               P ",\"keyIds\":[\"" FMT_STR "\"]}",
	                                               ARG_STR(id)));
	CHECK(shop_has(r, "\"cnt\":0"));
	CHECK(shop_has(r, "\"deleted\":0,\"skipped\":[\""));
	CHECK(shop_has(shop_do(s, &delete, S(P ",\"keyIds\":[\"x\"]}")), "Invalid UUID"));
	/* Gone from every list at once, before any publish. */
	CHECK(shop_has(shop_do(s, &list, S(P "}")), "\"tot\":1"));
	CHECK(shop_has(shop_do(s, &all, S(P ",\"search\":\"A\"}")), "\"tot\":0"));
}
TEST(delete_keys_is_soft_and_at_once) { shop_each(deletion); }

static void deleted_then_made(struct shop *s)
{
	str r;

	shop_project(s, "");
	shop_as_token(s);
	shop_create(s, "[{\"n\":\"a\",\"v\":\"A\"},{\"n\":\"b\",\"ns\":\"ns\",\"v\":\"B\"}]");
	shop_do(s, &delete, arena_printf(s->f->arena, P ",\"keyIds\":[\"" FMT_STR "\"]}",
	                                 ARG_STR(shop_key_id(s, "a"))));
	CHECK_STR(shop_export(s, "en", ""), S("{\n  \"ns\": {\n    \"b\": \"B\"\n  }\n}\n"));
	r = shop_do(s, &pending, S(P "}"));
	CHECK(shop_has(r, "\"has_chg\":true,\"sum\":{\"tr\":1,\"del_k\":1,\"lng_chg\":2,"
	                  "\"tot\":4},\"by_lng\":{\"en\":{\"cnt\":1,\"prv\":[{\"kid\":"));
	CHECK(shop_has(r, "\"k\":\"b\",\"ns\":\"ns\",\"t\":\"B\",\"st\":\"approved\"}]}},"
	                  "\"del_k\":[{\"kid\":"));
	CHECK(shop_has(r, "\"k\":\"a\",\"ns\":null,\"src\":\"A\"}],\"pub_dst\":\"cdn\""));
	/* Made again while the old one waits for its purge. */
	r = shop_create(s, "[{\"n\":\"a\",\"v\":\"A2\"}]");
	CHECK(shop_has(r, "\"cnt\":1,\"new\":1,\"ren\":1,\"dup\":0"));
	CHECK(shop_has(shop_export(s, "en", ""), "\"a\": \"A2\""));
}
TEST(deleted_keys_vanish_and_can_be_made_again) { shop_each(deleted_then_made); }

static void lists(struct shop *s)
{
	str r;

	shop_project(s, "");
	shop_as_token(s);
	shop_create(s, "[{\"n\":\"b\",\"ns\":\"z\",\"v\":\"src b\",\"t\":{\"tr\":\"tr b\"}},"
	               "{\"n\":\"a\",\"ns\":\"z\"},{\"n\":\"c_1%\",\"v\":\"\",\"t\":{\"de\":\"\"}},"
	               "{\"n\":\"Über\",\"v\":\"x\"}]");
	CHECK(shop_has(shop_do(s, &list, S(P "}")), "{\"tot\":4,\"ret\":4,\"pg\":1,\"lim\":20,"
	                                            "\"has_more\":false,\"nss\":[\"default\","
	                                            "\"z\"],"
	               "\"k\":[{\"k\":\"c_1%\",\"ns\":0,\"id\":\""));
	r = shop_do(s, &list, S(P ",\"fields\":[\"translations\",\"translatedLanguages\","
	                          "\"translatedLanguageCount\"],\"namespaces\":\"[\\\"z\\\"]\"}"));
	CHECK_STR(r, S("{\"tot\":2,\"ret\":2,\"pg\":1,\"lim\":20,\"has_more\":false,"
	               "\"nss\":[\"z\"],\"k\":[{\"k\":\"a\",\"ns\":0,\"tl\":[],\"tlc\":0,"
	               "\"tr\":{}},"
	               "{\"k\":\"b\",\"ns\":0,\"tl\":[\"tr\"],\"tlc\":1,\"tr\":{\"tr\":\"tr b\"}}]}"));
	CHECK_STR(shop_do(s, &list, S(P ",\"fields\":[\"sourceText\"],\"page\":\"2\","
	                                "\"limit\":\"2\"}")),
	          S("{\"tot\":4,\"ret\":2,\"pg\":2,\"lim\":2,\"has_more\":false,\"nss\":[\"z\"],"
	            "\"k\":[{\"k\":\"a\",\"ns\":0,\"src\":null},{\"k\":\"b\",\"ns\":0,"
	            "\"src\":\"src b\"}]}"));
	CHECK(shop_has(shop_do(s, &list, S(P ",\"page\":9}")),
	               "\"ret\":0,\"pg\":9,\"lim\":20,\"has_more\":false,\"nss\":[],\"k\":[]"));
	CHECK(shop_has(shop_do(s, &list, S(P ",\"missingLanguage\":\"TR\"}")), "\"tot\":3"));
	CHECK(shop_has(shop_do(s, &list, S(P ",\"missingLanguage\":\"\"}")), "\"tot\":4"));
	/* Search: names only, case aside, with the signs of patterns as they are. */
	CHECK(shop_has(shop_do(s, &list, S(P ",\"search\":\"_1%\"}")), "\"tot\":1"));
	CHECK(shop_has(shop_do(s, &list, S(P ",\"search\":\"%\"}")), "\"tot\":1"));
	CHECK(shop_has(shop_do(s, &list, S(P ",\"search\":\"über\"}")), "\"tot\":1"));
	CHECK(shop_has(shop_do(s, &list, S(P ",\"search\":\"src\"}")), "\"tot\":0"));
	CHECK(shop_has(shop_do(s, &list, S(P ",\"search\":[\"A\",\"B\"]}")), "\"tot\":3"));
	CHECK(shop_has(shop_do(s, &list, S(P ",\"limit\":251}")), "ERROR invalid_request"));
	CHECK(shop_has(shop_do(s, &list, S(P ",\"fields\":[\"nope\"]}")), "ERROR invalid_request"));
}
TEST(list_keys_pages_filters_and_searches_names) { shop_each(lists); }

/* A large project ------------------------------------------------------------------------------ */

static void answers(struct shop *s, const struct shop_call *c, str input)
{
	str r = shop_do(s, c, input);

	CHECK(!str_starts(r, S("ERROR")));
}

static void large(struct shop *s)
{
	static const char *const languages[] = { "en", "tr", "de" };
	const size_t keys = 50000;
	struct buf b;

	shop_project(s, "");
	for (size_t l = 0; l < COUNT(languages); l++) {
		buf_init_arena(&b, s->f->arena, 1 << 28);
		for (size_t i = 0; i < keys; i++) {
			if (i % 500 == 0)
				buf_printf(&b, "%s\"ns%zu\":{", i ? "}," : "{", i / 500);
			buf_printf(&b, "%s\"section%zu\":{\"key\":\"%s text number %zu\"}", i % 500
			           ? "," : "", i, languages[l], i);
		}
		BUF_LIT(&b, "}}");
		CHECK_I64(shop_number(s, shop_import(s, languages[l], buf_view(&b), ""),
		                      "translationsWritten"), (int64_t)keys);
	}
	shop_as_token(s);
	answers(s, &list, S(P "}"));
	answers(s, &list, S(P ",\"limit\":250,\"page\":200}"));
	answers(s, &list, S(P ",\"search\":\"section49999\"}"));
	answers(s, &all, S(P "}"));
	answers(s, &all, S(P ",\"languages\":[\"tr\"],\"status\":\"missing\"}"));
	answers(s, &all, S(P ",\"search\":\"text number 49999\"}"));
	answers(s, &pending, S(P "}"));
}
TEST(lists_of_large_projects_answer) { shop_each(large); }

TEST(names_clash_within_a_batch)
{
	const str names[] = { S("a"), S("b.c"), S("a.b"), S("b"), S("a-b"), S("c"), S("c"),
	                      S("c.d") };
	struct arena *a = arena_create(1024);
	size_t clash[COUNT(names)];

	names_clash(a, false, names, COUNT(names), clash);
	CHECK_I64((int64_t)clash[0], 1 + 2);
	CHECK_I64((int64_t)clash[1], 0);
	CHECK_I64((int64_t)clash[2], 0);
	CHECK_I64((int64_t)clash[3], 1 + 1);
	CHECK_I64((int64_t)clash[4], 0);
	CHECK_I64((int64_t)clash[5], 1 + 7);
	CHECK_I64((int64_t)clash[6], 1 + 7);
	CHECK_I64((int64_t)clash[7], 0);
	names_clash(a, true, names, COUNT(names), clash);
	CHECK_I64((int64_t)clash[0], 0);
	CHECK_I64((int64_t)clash[6], 1 + 5);
	arena_destroy(a);
}
