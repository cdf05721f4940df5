/* SPDX-License-Identifier: MIT */
#include "catalog/fixture_test.h"

#include "catalog/project.h"
#include "catalog/project_language.h"
#include "catalog/summary.h"

static const struct shop_call add = SHOP_CALL(project_add, SHOP_WRITE, project_add_in,
                                              project_add_in_fields, project_view, project_fields);
static const struct shop_call show = SHOP_CALL(project_show, SHOP_READ, project_show_in,
                                               project_show_in_fields,
                                               project_view, project_fields);
static const struct shop_call list = SHOP_CALL(project_list_all, SHOP_READ, project_list_in,
                                               project_list_in_fields,
                                               project_list_out, project_list_out_fields);
static const struct shop_call list_org = SHOP_CALL(project_list_org, SHOP_READ, project_org_in,
                                                   project_org_in_fields,
                                                   project_list_out, project_list_out_fields);
static const struct shop_call create = SHOP_CALL(project_create, SHOP_WRITE, project_create_in,
                                                 project_create_in_fields, project_view,
                                                 project_fields);
static const struct shop_call get = SHOP_CALL(project_get, SHOP_READ, project_get_in,
                                              project_get_in_fields,
                                              project_detail, project_detail_fields);
static const struct shop_call add_language = SHOP_CALL(language_add, SHOP_WRITE, language_add_in,
                                                       language_add_in_fields, language_add_out,
                                                       language_add_out_fields);
static const struct shop_call propose = SHOP_CALL(language_propose, SHOP_WRITE, language_propose_in,
                                                  language_propose_in_fields, language_propose_out,
                                                  language_propose_out_fields);
static const struct shop_call edit = SHOP_CALL(language_edit, SHOP_WRITE, language_edit_in,
                                               language_edit_in_fields,
                                               language_edit_out, language_edit_out_fields);
static const struct shop_call archive = SHOP_CALL(language_archive, SHOP_WRITE, language_archive_in,
                                                  language_archive_in_fields, language_archive_out,
                                                  language_archive_out_fields);
static const struct field nothing_fields[] = { FIELD_END };
struct nothing { char unused; };
static const struct shop_call visible = SHOP_CALL(project_list_visible, SHOP_READ, nothing,
                                                  nothing_fields, visible_out, visible_out_fields);
static const struct shop_call summary = SHOP_CALL(project_summary, SHOP_READ, summary_in,
                                                  summary_in_fields, summary_out,
                                                  summary_out_fields);

static str with_id(struct shop *s, str project, const char *more)
{
	return arena_printf(s->f->arena, "{\"projectId\":\"" FMT_STR "\"%s%s}",
	                    ARG_STR(json_str(json_get(shop_json(s, project), S("id")))), *more ? ","
	                    : "", more);
}

static void commands(struct shop *s)
{
	str r = shop_do(s, &add, S("{\"project\":\"Acme/Web\",\"source\":\"EN\",\"name\":\"Web\","
	                           "\"languages\":[\"tr\",\"pt_BR\","
	                           "\"tr\",\"en\"],\"flat\":true}"));

	CHECK(shop_has(r, "\"slug\":\"acme/web\",\"name\":\"Web\",\"sourceLanguage\":\"en\","
	                  "\"targetLanguages\":[\"tr\",\"pt-br\"],"
	                  "\"fileStructure\":\"single_file\",\"keyFormat\":\"flat\"}"));
	CHECK_STR(shop_do(s, &show, S("{\"project\":\"acme/web\"}")), r);
	CHECK(shop_has(shop_do(s, &add, S("{\"project\":\"acme/web\",\"source\":\"en\"}")),
	               "ERROR slug_taken"));
	CHECK(shop_has(shop_do(s, &add, S("{\"project\":\"acme/b\",\"source\":\"en\","
	                                  "\"namespaced\":true}")),
	               "\"namespaced_folders\",\"keyFormat\":\"nested\""));
	CHECK(shop_has(shop_do(s, &list, S("{}")), "\"slug\":\"acme/b\""));
	CHECK(shop_has(shop_do(s, &list, S("{\"organization\":\"acme\"}")),
	               "\"slug\":\"acme/web\""));
	CHECK(shop_has(shop_do(s, &list, S("{\"organization\":\"none\"}")), "ERROR not_found"));
}
TEST(project_commands_add_list_and_show) { shop_each(commands); }

static void bad_projects(struct shop *s)
{
	static const struct { const char *in, *out; } cases[] = {
		{ "{\"project\":\"acme\",\"source\":\"en\"}",
		  "ERROR invalid_request: Name the project as ORG/SLUG" },
		{ "{\"project\":\"a/b/c\",\"source\":\"en\"}",
		  "ERROR invalid_request: Name the project as ORG/SLUG" },
		{ "{\"project\":\"nope/web\",\"source\":\"en\"}",
		  "ERROR not_found: There is no organization \"nope\"" },
		{ "{\"project\":\"acme/-x\",\"source\":\"en\"}", "ERROR invalid_request: slug" },
		{ "{\"project\":\"acme/v\",\"source\":\"en\"}", "is reserved" },
		{ "{\"project\":\"acme/6f2c1d4e-0000-4000-8000-000000000000\",\"source\":\"en\"}",
		  "ERROR invalid_request: slug" },
		{ "{\"project\":\"acme/web\",\"source\":\"nope\"}",
		  "ERROR invalid_request: \"nope\" is not a language code" },
		{ "{\"project\":\"acme/web\",\"source\":\"en\",\"languages\":[\"qq\"]}",
		  "ERROR invalid_request: \"qq\" is not" },
		{ "{\"project\":\"acme/web\"}", "ERROR invalid_request: source" },
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		CHECK(shop_has(shop_do(s, &add, str_from(cases[i].in)), cases[i].out));
	CHECK_STR(shop_do(s, &list, S("{}")), S("{\"projects\":[]}"));
}
TEST(project_add_refuses_bad_names_and_languages) { shop_each(bad_projects); }

static void rest(struct shop *s)
{
	const int64_t none[] = { 0 };
	str r;

	shop_as_token(s);
	r = shop_do(s, &create, S("{\"name\":\"New\",\"slug\":\"new-one\","
	                          "\"sourceLanguage\":\"en\"}"));
	CHECK(shop_has(r, "\"slug\":\"acme/new-one\""));
	CHECK(shop_has(shop_do(s, &create, S("{\"name\":\"New\",\"slug\":\"new-one\","
	                                     "\"sourceLanguage\":\"en\"}")),
	               "ERROR slug_taken"));
	CHECK_STR(shop_do(s, &add_language, with_id(s, r, "\"code\":\"tr\"")),
	          S("{\"code\":\"tr\",\"status\":\"active\",\"added\":true}"));
	CHECK_STR(shop_do(s, &add_language, with_id(s, r, "\"code\":\"TR\"")),
	          S("{\"code\":\"tr\",\"status\":\"active\",\"added\":false}"));
	CHECK(shop_has(shop_do(s, &add_language, with_id(s, r, "\"code\":\"zz\"")),
	               "ERROR invalid_request: \"zz\""));
	r = shop_do(s, &get, with_id(s, r, ""));
	CHECK(shop_has(r, "\"keyCount\":0,\"languages\":[{\"code\":\"en\",\"status\":\"active\","
	                  "\"coverage\":0},{\"code\":\"tr\","));
	CHECK(shop_has(r, "\"cdn\":{\"baseUrl\":\"https://cdn.example\",\"manifestUrl\":"
	                  "\"https://cdn.example/acme/new-one/manifest.json\",\"pattern\":"
	                  "\"https://cdn.example/acme/new-one/{locale}/translations.json\"}"));
	CHECK(shop_has(shop_do(s, &list_org, S("{\"organization\":\"acme\"}")),
	               "\"slug\":\"acme/new-one\""));
	CHECK(shop_has(shop_do(s, &list_org, S("{\"organization\":\"org_acme0000000000000000\"}")),
	               "acme/new-one"));
	CHECK(shop_has(shop_do(s, &get,
	                       S("{\"projectId\":\"6f2c1d4e-0000-4000-8000-000000000000\"}")),
	                       "ERROR not_found"));
	CHECK(shop_has(shop_do(s, &get, S("{\"projectId\":\"x\"}")), "ERROR not_found"));

	s->who.projects = (struct project_set){ PROJECTS_SELECTED, none, 1 };
	CHECK(shop_has(shop_do(s, &create, S("{\"name\":\"N\",\"slug\":\"n\","
	                                     "\"sourceLanguage\":\"en\"}")), "ERROR forbidden"));
	CHECK_STR(shop_do(s, &list_org, S("{\"organization\":\"acme\"}")), S("{\"projects\":[]}"));
	CHECK(shop_has(shop_do(s, &visible, S("{}")), "\"projects\":[]"));
	CHECK(shop_has(shop_do(s, &summary,
	                       S("{\"orgSlug\":\"acme\",\"projectSlug\":\"new-one\"}")),
	                       "ERROR wrong_organization"));
	shop_as_token(s);
	s->who.organization_id = 999;
	CHECK_STR(shop_do(s, &summary, S("{\"orgSlug\":\"acme\",\"projectSlug\":\"new-one\"}")),
	          S("ERROR not_found: Project not found"));
	CHECK_STR(shop_do(s, &summary, S("{\"orgSlug\":\"acme\",\"projectSlug\":\"none\"}")),
	          S("ERROR not_found: Project not found"));
	CHECK_STR(shop_do(s, &summary, S("{\"orgSlug\":\"\",\"projectSlug\":\"\"}")),
	          S("ERROR not_found: Project not found"));
}
TEST(project_rest_calls_stay_inside_the_grant) { shop_each(rest); }

static void views(struct shop *s)
{
	str r;

	shop_project(s, "\"name\":\"Web app\"");
	shop_as_token(s);
	CHECK(shop_has(shop_create(s, "[{\"n\":\"title\",\"ns\":\"common\",\"v\":\"T\","
	                              "\"t\":{\"tr\":\"B\",\"de\":\"\"},\"nc\":{\"description\":"
	                              "\"Shared\",\"team\":\"web\",\"tags\":[\"x\"]}},"
	                              "{\"n\":\"root\",\"v\":\"R\"},{\"n\":\"third\"}]"),
	                              "\"cnt\":3"));
	r = shop_do(s, &visible, S("{}"));
	CHECK(shop_has(r, "{\"cdnBaseUrl\":\"https://cdn.example\",\"projects\":[{\"id\":"));
	CHECK(shop_has(r, "\"slug\":\"acme/web\",\"name\":\"Web app\","
	                  "\"organizationName\":\"Acme\",\"sourceLanguage\":\"en\","
	                  "\"targetLanguages\":[\"tr\",\"de\"],"
	                  "\"cdnFormat\":\"https://cdn.example/acme/web/{locale}/{namespace}.json\","
	                  "\"fileStructure\":\"single_file\",\"keyFormat\":\"nested\"}]}"));
	CHECK_STR(shop_do(s, &summary, S("{\"orgSlug\":\"acme\",\"projectSlug\":\"web\"}")),
	          S("{\"prj\":\"acme/web\",\"sl\":\"en\",\"nss\":[{\"nm\":\"common\",\"kc\":1,"
	            "\"desc\":\"Shared\",\"ctx\":{\"t\":\"web\",\"tg\":"
	            "[\"x\"]}},{\"nm\":\"default\",\"kc\":2,\"desc\":null,\"ctx\":null}],"
	            "\"lng\":[\"tr\",\"de\"],\"tk\":3,\"cov\":{\"tr\":{\"tr\":1,"
	            "\"pct\":33.3},\"de\":{\"tr\":0,\"pct\":0}},"
	            "\"cdn\":{\"base\":\"https://cdn.example\",\"mfst\":"
	            "\"https://cdn.example/acme/web/manifest.json\","
	            "\"pat\":\"https://cdn.example/acme/web/{locale}/translations.json\","
	            "\"ex\":[\"https://cdn.example/acme/web/en/translations.json\","
	            "\"https://cdn.example/acme/web/tr/translations.json\"],"
	            "\"fs\":\"single_file\",\"kf\":\"nested\"}}"));
	r = shop_do_unbatched(s, &summary, S("{\"orgSlug\":\"acme\",\"projectSlug\":\"web\"}"));
	CHECK(shop_has(r, "\"ex\":\"https://cdn.example/acme/web/en/translations.json\""));
	CHECK(shop_has(r, "\"baseUrl\":\"https://cdn.example\""));
	CHECK(shop_has(r, "\"name\":\"Web app\",\"slug\":\"acme/web\","
	                  "\"sourceLanguageCode\":\"en\",\"keyCount\":3,\"namespaces\":[{\"name\":"
	                  "\"common\",\"keyCount\":1},{\"name\":\"default\",\"keyCount\":2}],"
	                  "\"languages\":[{\"code\":\"tr\",\"name\":\"Turkish\","
	                  "\"status\":\"active\",\"coverage\":33.3},"));
}
TEST(project_views_have_compact_and_verbose_members) { shop_each(views); }

static void many_languages(struct shop *s)
{
	str r;

	shop_project(s, "");
	shop_as_token(s);
#define P "{\"orgSlug\":\"acme\",\"projectSlug\":\"web\","
	r = shop_do(s, &propose, S(P "\"languages\":[{\"languageCode\":\"fr\"},"
	                             "{\"languageCode\":\"JA\",\"status\":\"draft\"},"
	                           "{\"languageCode\":\"tr\"},{\"languageCode\":\"en\"}]}"));
	CHECK(shop_has(r, "{\"success\":true,\"added\":2,\"skipped\":1,"
	                  "\"results\":[{\"languageCode\":\"fr\",\"status\":\"active\","
	                  "\"added\":true},"
	                  "{\"languageCode\":\"ja\",\"status\":\"draft\",\"added\":true},"
	                  "{\"languageCode\":\"tr\",\"status\":\"active\",\"added\":false},"
	                  "{\"languageCode\":\"en\",\"status\":\"active\",\"added\":false}],"
	                  "\"skippedAsSource\":1,\"warnings\":["));
	CHECK(shop_has(r, "\"pendingPublish\":{\"hasChanges\":true,\"count\":4,"));
	r = shop_do(s, &propose, S(P "\"languages\":[{\"languageCode\":\"it\"},"
	                             "{\"languageCode\":\"qq\"},{\"languageCode\":\"zz\"}]}"));
	CHECK(shop_has(r, "ERROR invalid_request: Unknown language codes: qq, zz"));
	CHECK(shop_has(shop_do(s, &propose, S(P "\"languages\":[]}")), "ERROR invalid_request"));
	CHECK(shop_has(shop_do(s, &propose, S(P "\"languages\":[{\"languageCode\":\"fr\","
	                                        "\"status\":null}]}")), "ERROR invalid_request"));
	r = shop_do_unbatched(s, &edit, S(P "\"updates\":[{\"languageCode\":\"fr\","
	                                    "\"newStatus\":\"draft\"},{\"languageCode\":\"ja\","
	                                    "\"status\":"
	                                    "\"draft\"},{\"languageCode\":\"it\","
	                                    "\"status\":\"active\"}]}"));
	CHECK(shop_has(r, "{\"success\":true,\"results\":[{\"languageCode\":\"fr\","
	                  "\"previousStatus\":\"active\",\"newStatus\":\"draft\",\"changed\":"
	                  "true},{\"languageCode\":\"ja\",\"previousStatus\":\"draft\","
	                  "\"newStatus\":\"draft\",\"changed\":false}],\"notFound\":[\"it\"]"));
	CHECK(shop_has(r, "\"updated\":1"));
	r = shop_do(s, &archive, S(P "\"languageCodes\":[\"FR\",\"it\"]}"));
	CHECK(shop_has(r, "\"archived\":[\"fr\"],\"alreadyArchived\":[],\"notFound\":[\"it\"]"));
	CHECK(shop_has(shop_do(s, &archive, S(P "\"languageCodes\":[\"fr\"]}")),
	               "\"alreadyArchived\":[\"fr\"]"));
	CHECK(shop_has(shop_do(s, &summary, S("{\"orgSlug\":\"acme\",\"projectSlug\":\"web\"}")),
	               "\"lng\":[\"tr\",\"de\",\"ja\"]"));
#undef P
}
TEST(languages_are_proposed_edited_and_archived) { shop_each(many_languages); }

TEST(coverage_is_percent_to_one_decimal)
{
	CHECK(coverage_percent(0, 0) == 0);
	CHECK(coverage_percent(1, 3) == 33.3);
	CHECK(coverage_percent(2, 3) == 66.7);
	CHECK(coverage_percent(3, 3) == 100);
}
