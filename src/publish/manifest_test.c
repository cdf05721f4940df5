/* SPDX-License-Identifier: MIT */
#include "publish/manifest.h"

#include "base/test.h"
#include "publish/language_name.h"

enum { AT = 1785839490 };            /* 2026-08-04T10:31:30Z */

static str names[] = { STR("en"), STR("tr"), STR("pt-br"), STR("en-gb") };

static struct live small(struct file *files)
{
	return (struct live){
		.published_ms = AT * INT64_C(1000) + 123, .source_language = S("en"),
		.languages = { names, 2, true }, .files = files, .files_n = 2,
	};
}

static str written(struct arena *a, const struct live *l)
{
	struct buf b;

	buf_init_arena(&b, a, MIB);
	manifest_write(&b, S("https://cdn.example.net"), S("acme/app"), l);
	return buf_view(&b);
}

TEST(manifest_matches_the_golden_one)
{
	struct arena *a = arena_create(KIB);
	struct file files[] = {
		{ .language = S("en"),
		  .space = S(""),
		  .version = S("loyw3v28-0f3c2a9e"),
		  .bytes = 48211,
		  .leaves = 1234,
		  .changed_ms = AT * INT64_C(1000) + 123 },
		{ .language = S("tr"),
		  .space = S(""),
		  .version = S("loyw3v27-aaaaaaaa"),
		  .bytes = 40000,
		  .leaves = 1200,
		  .changed_ms = AT * INT64_C(1000) },
	};
	struct live l = small(files);

	CHECK_STR(written(a, &l),
		  S("{\"projectSlug\":\"app\",\"sourceLanguage\":\"en\",\"languages\":["
		    "{\"code\":\"en\",\"name\":\"English\",\"nativeName\":\"English\",\"flagUrl\":"
		    "null,\"countryCode\":\"us\","
		    "\"isSource\":true,\"lastUpdated\":\"2026-08-04T10:31:30.123Z\",\"keyCount\":"
		    "1234},"
		    "{\"code\":\"tr\",\"name\":\"Turkish\",\"nativeName\":\"Türkçe\",\"flagUrl\":"
		    "null,\"countryCode\":\"tr\","
		    "\"isSource\":false,\"lastUpdated\":\"2026-08-04T10:31:30.000Z\",\"keyCount\":"
		    "1200}],"
		    "\"files\":{\"en\":{\"url\":\"https://cdn.example.net/acme/app/en/"
		    "translations.json\",\"size\":48211,"
		    "\"lastModified\":\"2026-08-04T10:31:30.123Z\",\"version\":\"loyw3v28-"
		    "0f3c2a9e\"},"
		    "\"tr\":{\"url\":\"https://cdn.example.net/acme/app/tr/"
		    "translations.json\",\"size\":40000,"
		    "\"lastModified\":\"2026-08-04T10:31:30.000Z\",\"version\":\"loyw3v27-"
		    "aaaaaaaa\"}},"
		    "\"updatedAt\":\"2026-08-04T10:31:30.123Z\",\"project\":\"acme/"
		    "app\",\"defaultLocale\":\"en\","
		    "\"locales\":[\"en\",\"tr\"]}"));
	arena_destroy(a);
}

TEST(manifest_of_a_namespaced_project_says_batch_and_namespaces)
{
	struct arena *a = arena_create(KIB);
	struct file files[2] = { { .language = S("en"), .space = S(""), .version = S("v") },
		                 { .language = S("tr"), .space = S(""), .version = S("v") } };
	struct live l = small(files);
	str spaces[] = { STR("auth"), STR("common") };

	l.namespaced = true;
	l.spaces = (struct strs){ spaces, 2, true };
	CHECK(str_find(written(a, &l), S("\"batch\":true,\"namespaces\":[\"auth\",\"common\"]")) >
	      0);
	l.namespaced = false;
	CHECK(str_find(written(a, &l), S("batch")) < 0 &&
	      str_find(written(a, &l), S("namespaces")) < 0);
	arena_destroy(a);
}

TEST(manifest_gives_a_country_to_one_language_only_unless_the_code_names_it)
{
	struct arena *a = arena_create(KIB);
	str codes[] = { STR("es"), STR("ca"), STR("en"), STR("en-us"), STR("es-419") };
	struct live l = { .source_language = S("es"), .languages = { codes, 5, true } };
	str text = written(a, &l);

	CHECK(str_find(text, S("{\"code\":\"es\",\"name\":\"Spanish\",\"nativeName\":\"Español\","
			       "\"flagUrl\":null,\"countryCode\":\"es\"")) > 0);
	CHECK(str_find(text, S("\"nativeName\":\"català\",\"flagUrl\":null,\"countryCode\":null")) >
	      0);
	CHECK(str_find(text, S("{\"code\":\"en\",\"name\":\"English\",\"nativeName\":\"English\","
			       "\"flagUrl\":null,\"countryCode\":null")) > 0);
	CHECK(str_find(text, S("\"code\":\"en-us\"")) > 0);
	CHECK(str_find(text, S("\"countryCode\":\"us\"")) > 0);
	CHECK(str_find(text, S("419")) > 0);
	arena_destroy(a);
}

TEST(language_names_are_there_for_every_code)
{
	struct arena *a = arena_create(KIB);
	bool own;

	CHECK_STR(language_name_english(a, S("zh-hant-tw")), S("Chinese (Traditional, Taiwan)"));
	CHECK_STR(language_name_native(a, S("ja")), S("日本語"));
	CHECK_STR(language_name_native(a, S("fr")), S("Français"));
	CHECK_STR(language_name_english(a, S("xx-unheard")),
		  language_name_english(a, S("xx-unheard")));
	CHECK(language_name_english(a, S("qqq")).n > 0);
	CHECK_STR(language_country(a, S("pt-br"), &own), S("br"));
	CHECK(own);
	CHECK_STR(language_country(a, S("ar"), &own), S("eg"));
	CHECK(!own);
	CHECK(language_country(a, S("es-419"), &own).p == NULL);
	arena_destroy(a);
}
