/* SPDX-License-Identifier: MIT */
#include "catalog/fixture_test.h"

#include "catalog/pending.h"

#include "store/catalog.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>

static void accepts_nested(struct shop *s)
{
	shop_project(s, "");
	CHECK_STR(shop_import(s, "en", S("{\"common\":{\"title\":\"Hi\","
	                                 "\"nav\":{\"home\":\"Home\"}},\"hello\":\"Hello\"}"), ""),
	          S("{\"keysCreated\":3,\"keysUpdated\":0,\"translationsWritten\":3,\"skipped\":[]}"));
	CHECK_STR(shop_export(s, "en", ""),
	          S("{\n  \"common\": {\n    \"nav\": {\n      \"home\": \"Home\"\n    },\n   "
	            " \"title\": \"Hi\"\n  },\n"
	            "  \"hello\": \"Hello\"\n}\n"));
	CHECK_STR(shop_export(s, "en", "\"namespace\":\"common\""),
	          S("{\n  \"nav\": {\n    \"home\": \"Home\"\n  },\n  \"title\": \"Hi\"\n}\n"));
	CHECK_STR(shop_export(s, "tr", ""), S("{}\n"));
}
TEST(import_r29_first_segment_is_the_namespace) { shop_each(accepts_nested); }

static void unchanged(struct shop *s)
{
	str file = S("{\"a\":{\"x\":\"1\",\"y\":[1,2]},\"b\":\"2\"}");

	shop_project(s, "");
	CHECK(shop_has(shop_import(s, "en", file, ""), "\"translationsWritten\":3"));
	CHECK_STR(shop_import(s, "en", file, ""),
	          S("{\"keysCreated\":0,\"keysUpdated\":0,\"translationsWritten\":0,\"skipped\":[]}"));
	CHECK_STR(shop_import(s, "en", S("{\"a\":{\"x\":\"one\",\"y\":[1,2]},\"b\":\"2\"}"), ""),
	          S("{\"keysCreated\":0,\"keysUpdated\":1,\"translationsWritten\":1,\"skipped\":[]}"));
	CHECK_STR(shop_import(s, "tr", S("{\"a\":{\"x\":\"bir\"},\"new\":\"yeni\"}"), ""),
	          S("{\"keysCreated\":1,\"keysUpdated\":1,\"translationsWritten\":2,\"skipped\":[]}"));
	CHECK_STR(shop_export(s, "tr", ""), S("{\n  \"a\": {\n    \"x\": \"bir\"\n  },\n "
	                                      " \"new\": \"yeni\"\n}\n"));
}
TEST(import_writes_only_what_changes_and_makes_keys_for_targets) { shop_each(unchanged); }

static void drafts(struct shop *s)
{
	shop_project(s, "");
	CHECK(shop_has(shop_import(s, "en", S("{\"a\":\"old\",\"b\":\"kept\"}"), ""),
	               "\"keysCreated\":2"));
	CHECK(shop_has(shop_import(s, "en", S("{\"a\":\"new\",\"c\":\"fresh\"}"), "\"draft\":true"),
	               "\"translationsWritten\":2"));
	/* A draft of a text does not take away what was approved. */
	CHECK_STR(shop_export(s, "en", ""), S("{\n  \"a\": \"old\",\n  \"b\": \"kept\"\n}\n"));
	CHECK_STR(shop_export(s, "en", "\"draft\":true"), S("{\n  \"a\": \"new\",\n  \"b\":"
	                                                    " \"kept\",\n  \"c\": \"fresh\"\n}\n"));
	CHECK(shop_has(shop_import(s, "en", S("{\"b\":\"kept\"}"), "\"draft\":true"),
	               "\"translationsWritten\":0"));
	CHECK(shop_has(shop_import(s, "en", S("{\"a\":\"new\"}"), ""), "\"keysUpdated\":1"));
	CHECK_STR(shop_export(s, "en", ""), S("{\n  \"a\": \"new\",\n  \"b\": \"kept\"\n}\n"));
}
TEST(import_r28_drafts_wait_and_approved_texts_stay) { shop_each(drafts); }

static void skips(struct shop *s)
{
	str r;

	shop_project(s, "");
	CHECK(shop_has(shop_import(s, "en", S("{\"step\":\"leaf\",\"deep\":{\"er\":\"x\"}}"), ""),
	               "\"keysCreated\":2"));
	r = shop_import(s, "en",
	                S("{\"a.b\":\"dot\",\"p\":{\"q.r\":{\"s\":\"dot\"}},\"ok\":\"1\"}"), "");
	CHECK(shop_has(r, "\"keysCreated\":1"));
	CHECK(shop_has(r, "{\"key\":\"a.b\",\"reason\":\"the name holds a dot"));
	CHECK(shop_has(r, "{\"key\":\"p.q.r.s\",\"reason\":\"the name holds a dot"));
	r = shop_import(s, "en", S("{\"step\":{\"workspace\":\"child\"},\"deep\":\"leaf\"}"), "");
	CHECK(shop_has(r, "\"keysCreated\":0"));
	CHECK(shop_has(r, "{\"key\":\"step.workspace\",\"reason\":\"a text cannot also be a"
	                  " parent; the project has \\\"step\\\"\"}"));
	CHECK(shop_has(r, "{\"key\":\"deep\",\"reason\":\"a text cannot also be a parent; the"
	                  " project has \\\"deep.er\\\"\"}"));
	r = shop_import(s, "en", S("{\"m\":\"leaf\",\"m.n\":\"child\",\"z\\u0000\":\"nul\","
	                           "\"y\":\"\\u0000\"}"), "\"format\":\"flat\"");
	CHECK(shop_has(r, "\"keysCreated\":1"));
	CHECK(shop_has(r, "{\"key\":\"m\",\"reason\":\"a text cannot also be a parent, here of"
	                  " \\\"m.n\\\"\"}"));
	CHECK(shop_has(r, "U+0000"));
}
TEST(import_r29_skips_with_reasons) { shop_each(skips); }

static void paths(struct shop *s)
{
	str file = S("{\"main\":{\"en\":{\"names\":{\"tr\":\"Turkish\",\"zh-Hans\":\"Chinese\"}}},"
	             "\"n\":1}");

	shop_project(s, "");
	CHECK(shop_has(shop_import(s, "en", file, "\"path\":\"main.en.names\","
	                                          "\"namespace\":\"languages\""),
	                                          "\"keysCreated\":2"));
	CHECK_STR(shop_export(s, "en", ""),
	          S("{\n  \"languages\": {\n    \"tr\": \"Turkish\",\n    \"zh-Hans\":"
	            " \"Chinese\"\n  }\n}\n"));
	CHECK(shop_has(shop_import(s, "en", file, "\"path\":\"main.de\""),
	               "ERROR invalid_request: The file has nothing at"));
	CHECK(shop_has(shop_import(s, "en", file, "\"path\":\"n\""), "is a number"));
	CHECK(shop_has(shop_import(s, "en", file, "\"namespace\":\"a/b\""),
	               "ERROR invalid_request: namespace"));
}
TEST(import_r31_path_takes_a_subtree) { shop_each(paths); }

static void refuses(struct shop *s)
{
	static const struct { const char *file, *words; } cases[] = {
		{ "", "line 1, column 1" }, { "\xef\xbb\xbf{}", "byte order mark" },
		{ "[1]", "not an array (line 1, column 1)" },
		{ "\n \"x\"", "not a string (line 2, column 2)" },
		{ "{\n\t\"a\": \"b\",\n\t\"a\": \"c\"\n}", "(line 3, column" },
		{ "{\"a\":1,}", "(line 1, column" },
		{ "{\"a\":\"\\ud800\"}", "(line 1, column" }, { "{} x", "(line 1, column 4)" },
	};
	struct buf b;

	shop_project(s, "");
	for (size_t i = 0; i < COUNT(cases); i++) {
		str r = shop_import(s, "en", str_from(cases[i].file), "");

		CHECK(shop_has(r, "ERROR invalid_request: The file cannot be read: "));
		CHECK(shop_has(r, cases[i].words));
	}
	buf_init_arena(&b, s->f->arena, 1 << 20);
	for (int i = 0; i < 61; i++)
		BUF_LIT(&b, "{\"a\":");
	BUF_LIT(&b, "1");
	for (int i = 0; i < 61; i++)
		BUF_LIT(&b, "}");
	CHECK(shop_has(shop_import(s, "en", buf_view(&b), ""), "ERROR invalid_request"));
	s->settings.import_bytes_max = 10;
	CHECK(shop_has(shop_import(s, "en", S("{\"a\":\"12345\"}"), ""),
	               "ERROR payload_too_large"));
	s->settings.import_bytes_max = 0;
	CHECK(shop_has(shop_import(s, "xx", S("{}"), ""), "ERROR invalid_request: \"xx\" is not a"
	                                                  " language"));
	CHECK_STR(shop_export(s, "en", ""), S("{}\n"));
	CHECK(shop_has(shop_export(s, "fr", ""), "ERROR not_found"));
	CHECK(shop_has(shop_export(s, "en", "\"namespace\":\"nope\""), "ERROR not_found"));
}
TEST(import_refuses_bad_files_and_says_where) { shop_each(refuses); }

/* Round trips ---------------------------------------------------------------------------------- */

static const char *const nasty[] = {
	"{}", "{\"a\":{}}", "{\"a\":[],\"b\":{\"c\":{}}}", "{\"\":\"empty name\"}",
	"{\"a\":{\"\":{\"\":\"x\"}},\"\":{\"b\":\"y\"}}",
	"{\"n\":[1e400,-0,1.0,0.1e-7,123456789012345678901234567890],\"t\":true,\"f\":false,"
	"\"z\":null,\"d\":-0,\"e\":1E5}",
	"{\"emoji\":\"👩‍👩‍👧‍👦 🇹🇷\",\"rtl\":\"\\u202eשלום\\u202c مرحبا\",\"ls\":\"\\u2028\\u2029\","
	"\"q\":\"\\\"'\\\\ \\/ \\t\\n\\r\\b\\f\\u0001\"}",
	"{\"html\":\"<b>x</b><!-- y --></script>\",\"icu\":\"{n, plural, one {# day} other {#"
	" days}}\",\"i18n\":\"{{name}}\"}",
	"{\"default\":{\"title\":\"x\"},\"translations\":{\"y\":\"z\"},\"two"
	" words\":{\"a\":\"b\"},\"ü\":{\"ş\":\"ı\"}}",
	"{\"arr\":[{\"b\":1,\"a\":[{\"z\":{},\"y\":null}]},[],\"</x\"],\"_one\":\"1\","
	"\"k_other\":\"2\",\"10\":\"n\",\"9\":\"m\"}",
	"{\"nfc\":\"é\",\"nfd\":\"é\",\"space\":\" x \",\"bom\":\"\\ufeff\","
	"\"max\":\"\\udbff\\udfff\",\"long\":{\"a\":{\"b\":{\"c\":{\"d\":\"e\"}}}}}",
};

static size_t nasty_at;

static void round_trip(struct shop *s)
{
	str file = str_from(nasty[nasty_at]), first;

	shop_project(s, "");
	CHECK(shop_has(shop_import(s, "en", file, ""), "\"skipped\":[]"));
	first = shop_export(s, "en", "");
	if (!json_equal(shop_json(s, file), shop_json(s, first)))
		CHECK_STR(first, file);
	CHECK(shop_has(shop_import(s, "de", first, ""), "\"skipped\":[]"));
	CHECK_STR(shop_export(s, "de", ""), first);
	CHECK(shop_has(shop_import(s, "en", first, ""),
	               "\"translationsWritten\":0,\"skipped\":[]"));
}
TEST(import_r30_values_come_back_equal_and_files_byte_identical)
{
	for (nasty_at = 0; nasty_at < COUNT(nasty); nasty_at++)
		shop_each(round_trip);
}

static void flat_projects(struct shop *s)
{
	str file = S("{\"a\":\"x\",\"a.b\":\"y\",\"a.b.c\":\"z\",\"Hello. World\":\"w\","
	             "\".\":\"dot\",\"..\":[1]}"), out;

	shop_project(s, "\"flat\":true");
	CHECK(shop_has(shop_import(s, "en", file, ""), "\"keysCreated\":6"));
	out = shop_export(s, "en", "");
	CHECK(json_equal(shop_json(s, file), shop_json(s, out)));
	CHECK(shop_has(shop_import(s, "en", out, ""), "\"translationsWritten\":0,\"skipped\":[]"));
	/* A nested file of the same texts is the same file. */
	CHECK(shop_has(shop_import(s, "en", S("{\"q\":{\"r\":\"s\"}}"), ""), "\"keysCreated\":1"));
	CHECK(shop_has(shop_export(s, "en", ""), "\"q.r\": \"s\""));
}
TEST(import_keeps_flat_files_of_flat_projects) { shop_each(flat_projects); }

static void namespaced(struct shop *s)
{
	shop_project(s, "\"namespaced\":true,\"flat\":true");
	CHECK(shop_has(shop_import(s, "en", S("{\"common\":{\"title\":\"x\",\"nav.home\":\"y\"},"
	                                      "\"root\":\"r\"}"), ""), "\"keysCreated\":3"));
	CHECK(shop_has(shop_import(s, "en", S("{\"login\":\"z\"}"), "\"namespace\":\"auth\""),
	               "\"keysCreated\":1"));
	CHECK_STR(shop_export(s, "en", ""),
	          S("{\n  \"auth\": {\n    \"login\": \"z\"\n  },\n  \"common\": {\n   "
	            " \"nav.home\": \"y\",\n    \"title\": \"x\"\n  },\n"
	            "  \"root\": \"r\"\n}\n"));
	CHECK_STR(shop_export(s, "en", "\"namespace\":\"default\""),
	          S("{\n  \"root\": \"r\"\n}\n"));
}
TEST(import_fills_namespaced_projects_whole_or_by_namespace) { shop_each(namespaced); }

static void identities(struct shop *s)
{
	shop_project(s, "");
	shop_as_token(s);
	/* Made before any namespace "auth" exists: the whole name in the default one. */
	CHECK(shop_has(shop_create(s, "[{\"n\":\"auth.title\",\"v\":\"T\"}]"), "\"cnt\":1"));
	shop_as_local(s);
	CHECK_STR(shop_import(s, "en", S("{\"auth\":{\"title\":\"T2\"}}"), ""),
	          S("{\"keysCreated\":0,\"keysUpdated\":1,\"translationsWritten\":1,\"skipped\":[]}"));
	CHECK(shop_has(shop_import(s, "en", S("{\"auth\":\"leaf\"}"), ""),
	               "a text cannot also be a parent"));
}
TEST(import_finds_a_key_under_either_identity) { shop_each(identities); }

static void languages(struct shop *s)
{
	struct shop_call c = SHOP_CALL(pending_get, SHOP_READ, pending_in, pending_in_fields,
	                               pending_out, pending_out_fields);

	shop_project(s, "");
	CHECK(shop_has(shop_import(s, "pt_BR", S("{\"a\":\"b\"}"), ""), "\"languageAdded\":true"));
	CHECK_STR(shop_export(s, "pt-br", ""), S("{\n  \"a\": \"b\"\n}\n"));
	CHECK(shop_has(shop_do(s, &c, S("{\"orgSlug\":\"ACME\",\"projectSlug\":\"Web\"}")),
	               "\"lng_chg\":3"));
}
TEST(import_adds_a_language_that_the_project_lacks) { shop_each(languages); }

static void dry(struct shop *s)
{
	str r;

	shop_project(s, "");
	r = shop_import(s, "fr", S("{\"a\":\"b\",\"c.d\":\"e\"}"), "\"dryRun\":true");
	CHECK(shop_has(r, "\"keysCreated\":1"));
	CHECK(shop_has(r, "\"key\":\"c.d\""));
	CHECK(shop_has(shop_export(s, "fr", ""), "ERROR not_found"));
	CHECK_STR(shop_export(s, "en", ""), S("{}\n"));
}
TEST(import_dry_run_writes_nothing) { shop_each(dry); }

/* Size ----------------------------------------------------------------------------------------- */

/* A hundred keys a namespace. */
static str namespaced_file(struct arena *a, size_t n, const char *word)
{
	struct buf b;

	buf_init_arena(&b, a, 1 << 28);
	for (size_t i = 0; i < n; i++) {
		if (i % 100 == 0)
			buf_printf(&b, "%s\"ns%zu\":{", i ? "}," : "{", i / 100);
		buf_printf(&b, "%s\"key%zu\":\"%s %zu of a text that is as long as texts are\"",
		           i % 100 ? "," : "", i, word, i);
	}
	BUF_LIT(&b, "}}");
	return buf_view(&b);
}

static void large(struct shop *s)
{
	const size_t n = 10000;
	str file = namespaced_file(s->f->arena, n, "text");
	str r, again;

	shop_project(s, "");
	r = shop_import(s, "en", file, "");
	CHECK_I64(shop_number(s, r, "keysCreated"), (int64_t)n);
	again = shop_import(s, "en", file, "");
	CHECK_I64(shop_number(s, again, "translationsWritten"), 0);
	again = shop_export(s, "en", "");
	CHECK(json_equal(shop_json(s, file), shop_json(s, again)));
	again = shop_import(s, "en", namespaced_file(s->f->arena, n, "other"), "");
	CHECK_I64(shop_number(s, again, "keysUpdated"), (int64_t)n);
}
TEST(import_of_ten_thousand_texts_and_back) { shop_each(large); }

/* A large file is written in slices; when one fails, those before it are taken back. */
static void fails_midway(struct shop *s)
{
	const char *trigger = "CREATE TRIGGER stop BEFORE INSERT ON text_key WHEN NEW.name ="
	                      " 'key5990'"
	                      " BEGIN SELECT RAISE(ABORT, 'stop'); END";
	str before, file = namespaced_file(s->f->arena, 6000, "text");
	char path[128];
	sqlite3 *db;

	shop_project(s, "");
	CHECK(shop_has(shop_import(s, "en", S("{\"ns0\":{\"key1\":\"old\",\"own\":\"x\"}}"), ""),
	               "\"keysCreated\":2"));
	CHECK(shop_has(shop_import(s, "en", S("{\"ns0\":{\"key1\":\"newer\"}}"), "\"draft\":true"),
	               "\"keysUpdated\":1"));
	before = shop_export(s, "en", "\"draft\":true");
	snprintf(path, sizeof(path), "%s/bi18n.db", s->f->dir);
	CHECK(sqlite3_open(path, &db) == SQLITE_OK);
	CHECK(sqlite3_exec(db, trigger, NULL, NULL, NULL) == SQLITE_OK);
	CHECK(shop_has(shop_import(s, "en", file, ""), "ERROR"));
	CHECK_STR(shop_export(s, "en", "\"draft\":true"), before);
	CHECK(shop_has(shop_export(s, "en", ""), "\"key1\": \"old\""));
	CHECK(shop_has(shop_import(s, "fr", file, ""), "ERROR"));
	CHECK(shop_has(shop_export(s, "fr", ""), "ERROR not_found"));
	CHECK(sqlite3_exec(db, "DROP TRIGGER stop", NULL, NULL, NULL) == SQLITE_OK);
	sqlite3_close(db);
	CHECK_I64(shop_number(s, shop_import(s, "en", file, ""), "keysCreated"), 5999);
}
TEST(import_that_fails_midway_leaves_nothing_behind) { shop_embedded(fails_midway); }

struct background { struct shop *s; str file, answer; bool finished; pthread_mutex_t mutex; };

static void *import_behind(void *arg)
{
	struct background *b = arg;
	str answer = shop_import(b->s, "en", b->file, "");

	pthread_mutex_lock(&b->mutex);
	b->answer = answer;
	b->finished = true;
	pthread_mutex_unlock(&b->mutex);
	return NULL;
}

static bool is_finished(struct background *b)
{
	bool finished;

	pthread_mutex_lock(&b->mutex);
	finished = b->finished;
	pthread_mutex_unlock(&b->mutex);
	return finished;
}

static bool touch(const struct act *act, void *arg, struct err *e)
{
	return store_project_lock(act->db, act->arena, *(int64_t *)arg, e);
}

static void beside(struct shop *s)
{
	struct background b = { .s = s, .file = namespaced_file(s->f->arena, 20000, "text"),
	                        .mutex = PTHREAD_MUTEX_INITIALIZER };
	struct act own = s->act;
	int64_t writes = 0, project = 1;
	struct err e = { 0 };
	pthread_t thread;

	shop_project(s, "");
	own.arena = arena_create(4096);
	CHECK(pthread_create(&thread, NULL, import_behind, &b) == 0);
	while (!is_finished(&b)) {
		CHECK(act_write(&own, touch, &project, &e));
		writes++;
		arena_reset(own.arena);
	}
	CHECK(pthread_join(thread, NULL) == 0);
	arena_destroy(own.arena);
	CHECK_I64(shop_number(s, b.answer, "keysCreated"), 20000);
	/* The import is cut into slices: others got their turn between them. */
	CHECK(writes > 2);
}
TEST(import_of_a_large_file_does_not_hold_up_other_writers) { shop_embedded(beside); }
