/* SPDX-License-Identifier: MIT */
#include "catalog/fixture_test.h"

#include "catalog/text_all.h"
#include "catalog/text_set.h"

#define P "{\"orgSlug\":\"acme\",\"projectSlug\":\"web\""
#define GRID "{\"project\":\"acme/web\",\"key\":\""
#define UNKNOWN "00000000-0000-4000-8000-000000000000"

static const struct shop_call all = SHOP_CALL(text_all, SHOP_READ, text_all_in, text_all_in_fields,
                                              text_all_out, text_all_out_fields);
static const struct shop_call set = SHOP_CALL(text_set, SHOP_WRITE, text_set_in, text_set_in_fields,
                                              text_set_out, text_set_out_fields);
static const struct shop_call update = SHOP_CALL(key_update, SHOP_WRITE, key_update_in,
                                                 key_update_in_fields,
                                                 text_set_out, key_update_out_fields);
static const struct shop_call edit = SHOP_CALL(text_edit, SHOP_WRITE, text_edit_in,
                                               text_edit_in_fields, text_edit_out,
                                               text_edit_out_fields);

static void with_keys(struct shop *s)
{
	shop_project(s, "");
	shop_as_token(s);
	CHECK(shop_has(shop_create(s, "[{\"n\":\"title\",\"ns\":\"common\",\"v\":\"Title\","
	                              "\"t\":{\"tr\":\"Başlık\"},\"nc\":{\"description\":\"Shared"
	                              " texts\"}},"
	                              "{\"n\":\"root\",\"v\":\"Root\"},{\"n\":\"bare\"}]"),
	                              "\"cnt\":3"));
}

static str items(struct shop *s, const char *format, str id)
{
	return arena_printf(s->f->arena, P ",\"t\":[{\"id\":\"" FMT_STR "\",%s}]}", ARG_STR(id),
	                    format);
}

static void sets(struct shop *s)
{
	str id, r;

	with_keys(s);
	id = shop_key_id(s, "root");
	r = shop_do(s, &set,
	            arena_printf(s->f->arena, P ",\"t\":[{\"id\":\"" FMT_STR "\",\"t\":{\"TR\":\"Kök\","
	                                      "\"de\":\"\",\"en\":\"no\",\"fr\":\"x\"}},{\"id\":\"" UNKNOWN
	                                      "\",\"t\":{\"tr\":\"x\",\"de\":\"y\"}}]}", ARG_STR(id)));
	CHECK(shop_has(r, "{\"ok\":true,\"cnt\":1,\"wrote\":2,\"upd\":[{\"id\":\""));
	CHECK(shop_has(r, "\"k\":\"root\",\"lng\":[\"tr\",\"de\"]}],\"errors\":[{\"id\":\"" UNKNOWN
	                  "\",\"l\":[\"tr\",\"de\"],\"code\":\"not_found\",\"msg\":"));
	CHECK(shop_has(r, "\"pub\":{\"has\":true"));
	CHECK(shop_has(r, "\"hint\":\"1 texts were left out"));
	r = shop_do_unbatched(s, &set, S(P ",\"t\":[{\"id\":\"" UNKNOWN
	                                 "\",\"t\":{\"tr\":\"x\",\"de\":\"y\"}}]}"));
	CHECK_STR(r, S("{\"ok\":false,\"cnt\":0,\"wrote\":0,\"upd\":[],\"errors\":[\"" UNKNOWN
	               ": not_found (tr, de)\"],\"updated\":0}"));
	CHECK(shop_has(shop_do(s, &set, S(P ",\"t\":[{\"id\":\"x\",\"t\":{}}]}")), "Invalid UUID"));
	CHECK(shop_has(shop_do(s, &set, S(P ",\"t\":[]}")), "ERROR invalid_request"));
	CHECK(shop_has(shop_do(s, &set, S(P ",\"t\":[{\"id\":\"" UNKNOWN "\",\"t\":{}}]}")),
	               "\"ok\":false"));
	/* The empty text is stored; the source was left alone. */
	r = shop_do(s, &all, S(P ",\"keys\":[\"root\"]}"));
	CHECK(shop_has(r, "\"src\":\"Root\",\"tr\":{\"de\":{\"id\":"));
	CHECK(shop_has(r, "\"t\":\"\",\"st\":\"approved\"},\"tr\":{\"id\":"));
}
TEST(set_translations_upserts_per_language_and_reports_unknown_keys) { shop_each(sets); }

static void updates(struct shop *s)
{
	str id, r;

	with_keys(s);
	id = shop_key_id(s, "root");
	r = shop_do(s, &update,
	            arena_printf(s->f->arena, P ",\"t\":[{\"id\":\"" FMT_STR "\",\"l\":\"TR\",\"t\":"
	                                      "\"Kök\"},{\"id\":\"" FMT_STR "\",\"l\":\"en\",\"t\":"
	                                      "\"Root 2\",\"s\":true},{\"id\":\"nope\",\"l\":\"tr\","
	                                      "\"t\":\"x\"}]}", ARG_STR(id), ARG_STR(id)));
	CHECK(shop_has(r, "{\"ok\":true,\"cnt\":1,\"upd\":[{\"id\":"));
	CHECK(shop_has(r, "\"lng\":[\"tr\",\"en\"],\"src\":true}],\"errors\":[{\"id\":\"nope\","
	                  "\"l\":[\"tr\"],\"code\":\"not_found\""));
	CHECK(shop_has(shop_do(s, &all, S(P ",\"search\":\"root 2\"}")), "\"src\":\"Root 2\""));
	CHECK(shop_has(shop_do(s, &update, items(s,
	                                         "\"l\":\"tr\",\"t\":\"Taslak\",\"st\":\"draft\"",
	                                         id)), "\"cnt\":1"));
	CHECK(shop_has(shop_do(s, &all, S(P ",\"keys\":[\"root\"]}")),
	               "\"t\":\"Taslak\",\"st\":\"draft\""));
	CHECK(shop_has(shop_do(s, &update, items(s, "\"l\":\"tr\",\"t\":\"x\",\"st\":\"nope\"",
	                                         id)), "ERROR invalid_request"));
}
TEST(update_keys_writes_source_and_target_texts) { shop_each(updates); }

static void shown(struct shop *s)
{
	str r;

	with_keys(s);
	r = shop_do(s, &all, S(P "}"));
	CHECK(shop_has(r, "{\"prj\":\"acme/web\",\"sl\":\"en\",\"ret\":3,\"tot\":3,"
	                  "\"has_more\":false,\"keys\":[{\"id\":\""));
	CHECK(shop_has(r, "\"k\":\"title\",\"ns\":\"common\",\"src\":\"Title\","
	                  "\"tr\":{\"tr\":{\"id\":\""));
	CHECK(shop_has(r, "\"k\":\"bare\",\"src\":null},{\"id\":"));
	CHECK(shop_has(r, "\"nsd\":{\"common\":{\"kc\":1,\"desc\":\"Shared texts\"},"
	                  "\"default\":{\"kc\":2}}"));
	r = shop_do(s, &all, S(P ",\"compact\":true,\"namespaces\":[\"common\"]}"));
	CHECK(shop_has(r, "\"k\":\"title\",\"ns\":\"common\",\"tc\":1}]}"));
	r = shop_do_unbatched(s, &all, S(P ",\"limit\":\"1\"}"));
	CHECK(shop_has(r, "\"key\":\"title\",\"namespace\":\"common\""));
	CHECK(shop_has(r, "\"returned\":1,\"total\":3,\"hasMore\":true"));
	CHECK(shop_has(shop_do(s, &all, S(P ",\"limit\":1.9}")), "\"ret\":1"));
	CHECK(shop_has(shop_do(s, &all, S(P ",\"limit\":201}")), "ERROR invalid_request"));
}
TEST(all_translations_have_compact_and_verbose_forms) { shop_each(shown); }

static void searches(struct shop *s)
{
	with_keys(s);
	CHECK(shop_has(shop_do(s, &all, S(P ",\"search\":\"BAŞLIK\"}")),
	               "\"tot\":1,\"has_more\":false,\"srch\":\"BAŞLIK\""));
	CHECK(shop_has(shop_do(s, &all, S(P ",\"search\":[\"title\",\"Root\"]}")),
	               "\"tot\":2,\"has_more\":false,\"srch\":[\"title\",\"Root\"]"));
	/* With languages: names and source always, other texts only in these. */
	CHECK(shop_has(shop_do(s, &all, S(P ",\"search\":\"title\",\"languages\":[\"tr\"]}")),
	               "\"tot\":1"));
	CHECK(shop_has(shop_do(s, &all, S(P ",\"search\":\"Başlık\",\"languages\":[\"de\"]}")),
	               "\"tot\":0"));
	CHECK(shop_has(shop_do(s, &all, S(P ",\"search\":\"Root\",\"languages\":[\"DE\"]}")),
	               "\"lng\":[\"de\"]"));
	CHECK(shop_has(shop_do(s, &all, S(P ",\"keys\":[\"common.title\"]}")), "\"tot\":1"));
}
TEST(all_translations_search_names_source_and_languages) { shop_each(searches); }

static void statuses(struct shop *s)
{
	str r;

	with_keys(s);
	r = shop_do(s, &all, S(P ",\"languages\":[\"tr\"],\"status\":\"missing\"}"));
	CHECK(shop_has(r, "\"ret\":2,\"tot\":3,\"has_more\":false"));
	CHECK(shop_has(r, "\"st\":\"missing\""));
	CHECK(shop_has(shop_do(s, &all,
	                       S(P ",\"languages\":[\"tr\",\"de\"],\"status\":\"missing\"}")),
	                       "\"ret\":3"));
	CHECK(shop_has(shop_do(s, &all, S(P ",\"languages\":[\"tr\"],\"status\":\"published\"}")),
	               "\"ret\":1"));
	CHECK(shop_has(shop_do(s, &all, S(P ",\"languages\":[\"tr\"],\"status\":\"draft\"}")),
	               "\"ret\":0"));
	CHECK(shop_has(shop_do(s, &all, S(P ",\"status\":\"missing\"}")),
	               "\"hint\":\"status was ignored"));
	CHECK(shop_has(shop_do(s, &all, S(P ",\"status\":\"nope\"}")), "ERROR invalid_request"));
}
TEST(all_translations_filter_by_status_only_with_languages) { shop_each(statuses); }

static void grid(struct shop *s)
{
	str id, input;

	with_keys(s);
	id = shop_key_id(s, "title");
	shop_as_local(s);
	input = arena_printf(s->f->arena, GRID FMT_STR "\",\"language\":\"tr\",\"value\":\"Taslak\"}",
	                     ARG_STR(id));
	CHECK(shop_has(shop_do(s, &edit, input), "\"value\":\"Taslak\",\"state\":\"draft\","
	                                         "\"changed\":true"));
	/* What was approved goes on being shipped. */
	CHECK(shop_has(shop_export(s, "tr", ""), "Başlık"));
	CHECK(shop_has(shop_export(s, "tr", "\"draft\":true"), "Taslak"));
	CHECK(shop_has(shop_do(s, &edit, S(GRID UNKNOWN "\",\"language\":\"tr\",\"value\":\"x\"}")),
	               "ERROR not_found"));
	input = arena_printf(s->f->arena, GRID FMT_STR "\",\"language\":\"fr\",\"value\":\"x\"}",
	                     ARG_STR(id));
	CHECK(shop_has(shop_do(s, &edit, input), "ERROR invalid_request"));
}
TEST(edit_in_the_grid_drafts_beside_what_is_approved) { shop_each(grid); }
