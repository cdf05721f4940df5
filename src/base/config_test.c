/* SPDX-License-Identifier: MIT */
#include "base/config.h"

#include "base/test.h"

#include <stdlib.h>
#include <unistd.h>

enum { ROW_NAME, ROW_TOKEN, ROW_LOUD, ROW_SIZE, ROW_TTL, ROW_WAIT, ROW_LOOPS };
static const struct config_row rows[] = {
	{ "name", CONFIG_STR, "n", 0, 0, 400, "a name" },
	{ "token", CONFIG_SECRET, "", 0, 0, 8, "a secret" },
	{ "loud", CONFIG_BOOL, NULL, 0, 0, 1, "a switch" },
	{ "size_bytes", CONFIG_SIZE, NULL, 1024, 16, 1048576, "a size" },
	{ "ttl_s", CONFIG_TIME_S, NULL, 60, 1, 86400, "a life" },
	{ "wait_ms", CONFIG_TIME_MS, NULL, 500, 0, 60000, "a wait" },
	{ "loops", CONFIG_INT, NULL, 0, 0, 64, "a number" },
};

static bool read_file(struct config *c, const char *text, struct err *e)
{
	char path[] = "/tmp/config_test.XXXXXX";
	int fd = mkstemp(path);
	str s = str_from(text);
	bool ok;

	CHECK(fd >= 0 && write(fd, s.p, s.n) == (ssize_t)s.n);
	close(fd);
	ok = config_read_file(c, path, e);
	unlink(path);
	return ok;
}

TEST(config_starts_with_defaults)
{
	struct config *c = config_create(rows, COUNT(rows));

	CHECK_STR(config_str(c, ROW_NAME), S("n"));
	CHECK(!config_bool(c, ROW_LOUD));
	CHECK_I64(config_i64(c, ROW_SIZE), 1024);
	CHECK_STR(config_str_named(c, S("name")), S("n"));
	CHECK_STR(config_str_named(c, S("none")), STR_NONE);
	config_destroy(c);
	config_destroy(NULL);
}

TEST(config_later_sources_win)
{
	struct config *c = config_create(rows, COUNT(rows));
	struct err e;

	CHECK(read_file(c, "; comment\n# another\n\nloops = 2\nttl_s=15m\n  name = x y ; why\nloud = Yes",
	                &e));
	CHECK_I64(config_i64(c, ROW_LOOPS), 2);
	CHECK_I64(config_i64(c, ROW_TTL), 900);
	CHECK_STR(config_str(c, ROW_NAME), S("x y"));
	CHECK(config_bool(c, ROW_LOUD));
	setenv("T_LOOPS", "3", 1);
	CHECK(config_read_environment(c, "T_", &e));
	unsetenv("T_LOOPS");
	CHECK_I64(config_i64(c, ROW_LOOPS), 3);
	CHECK(config_set(c, S("loops"), S("4"), "--loops", &e));
	CHECK_I64(config_i64(c, ROW_LOOPS), 4);
	config_destroy(c);
}

TEST(config_understands_units)
{
	static const struct { const char *name, *value; size_t row; int64_t v; } cases[] = {
		{ "size_bytes", "64K", ROW_SIZE, 65536 }, { "size_bytes", "1m", ROW_SIZE, 1048576 },
		{ "ttl_s", "90", ROW_TTL, 90 }, { "ttl_s", "24h", ROW_TTL, 86400 },
		{ "ttl_s", "1d", ROW_TTL, 86400 }, { "ttl_s", "7s", ROW_TTL, 7 },
		{ "wait_ms", "5s", ROW_WAIT, 5000 }, { "wait_ms", "250ms", ROW_WAIT, 250 },
		{ "wait_ms", "1m", ROW_WAIT, 60000 }, { "loud", "ON", ROW_LOUD, 1 }, { "loud", "false", ROW_LOUD, 0 },
	};
	struct config *c = config_create(rows, COUNT(rows));
	struct err e;

	for (size_t i = 0; i < COUNT(cases); i++) {
		CHECK(config_set(c, str_from(cases[i].name), str_from(cases[i].value), "test", &e));
		CHECK_I64(config_i64(c, cases[i].row), cases[i].v);
	}
	config_destroy(c);
}

TEST(config_errors_name_setting_source_value_and_range)
{
	static const struct { const char *name, *value, *say; } cases[] = {
		{ "loops", "65", "loops (--x): 65 is outside 0 to 64" },
		{ "loops", "2k", "loops (--x): \"2k\" is not a whole number, 0 to 64" },
		{ "ttl_s", "1w", "ttl_s (--x): \"1w\" is not a time in seconds (or 15m, 24h, 30d), 1 to 86400" },
		{ "ttl_s", "99999999999999999d", "ttl_s (--x): \"99999999999999999d\" is not a time in seconds"
		  " (or 15m, 24h, 30d), 1 to 86400" },
		{ "loud", "maybe", "loud (--x): \"maybe\" is not yes or no, 0 to 1" },
		{ "token", "123456789", "token (--x): 0 to 8 bytes are allowed, not 9" },
		{ "nope", "1", "there is no setting \"nope\" (--x); bi18n config show lists them" },
	};
	struct config *c = config_create(rows, COUNT(rows));
	struct err e;

	for (size_t i = 0; i < COUNT(cases); i++) {
		CHECK(!config_set(c, str_from(cases[i].name), str_from(cases[i].value), "--x", &e));
		CHECK_STR(str_from(e.say), str_from(cases[i].say));
	}
	CHECK_I64(config_i64(c, ROW_LOOPS), 0);
	config_destroy(c);
}

TEST(config_file_errors_name_file_and_line)
{
	static const char x[] = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
	struct config *c = config_create(rows, COUNT(rows));
	struct arena *a = arena_create(1024);
	struct err e;

	CHECK(!read_file(c, "loops = 1\nnonsense\nttl_s = x\n", &e));
	CHECK(str_find(str_from(e.say), S("\"x\" is not a time")) > 0);
	CHECK(!read_file(c, "loops = 1\nnonsense\n", &e));
	CHECK(str_find(str_from(e.say), S("line 2 is not \"name = value\"")) > 0);
	CHECK(!read_file(c, "loops = 1\n\nloops = 2\n", &e));
	CHECK(str_find(str_from(e.say), S("line 3 sets loops again")) > 0);
	CHECK(!read_file(c, "[http]\nloops = 1\n", &e));
	CHECK(str_find(str_from(e.say), S("line 2 is in section [http]")) > 0);
	CHECK(!read_file(c, "unknown = 1\nloops = 99\n", &e));
	CHECK(str_find(str_from(e.say), S("no setting \"unknown\"")) > 0);
	CHECK(!read_file(c, arena_cstr(a, arena_printf(a, "\nname = %s%s%s\n", x, x, x)), &e));
	CHECK(str_find(str_from(e.say), S("line 2 is longer than 198 bytes")) > 0);
	CHECK(read_file(c, arena_cstr(a, arena_printf(a, "name = %s%s", x, x)), &e));
	CHECK_I64((int64_t)config_str(c, ROW_NAME).n, 160);
	CHECK(config_read_file(c, "/nonexistent/bi18n.conf", &e));
	CHECK(!config_read_file(c, "/tmp", &e));
	arena_destroy(a);
	config_destroy(c);
}

TEST(config_shows_all_but_secrets)
{
	struct config *c = config_create(rows, COUNT(rows));
	struct arena *a = arena_create(1024);
	struct json_fault fault;
	struct json_out o;
	struct json *v;
	struct buf b;
	struct err e;

	CHECK(config_set(c, S("token"), S("hush"), "T_TOKEN", &e));
	buf_init_arena(&b, a, MIB);
	json_out_init(&o, &b);
	config_write(c, &o);
	CHECK(json_parse(a, buf_view(&b), 8, &v, &fault));
	CHECK_I64(v->count, COUNT(rows));
	CHECK(str_find(buf_view(&b), S("hush")) < 0);
	CHECK_STR(json_str(json_get(v->first->next, S("value"))), S("***"));
	CHECK_STR(json_str(json_get(v->first->next, S("source"))), S("T_TOKEN"));
	CHECK_STR(json_str(json_get(v->first, S("default"))), S("n"));
	arena_destroy(a);
	config_destroy(c);
}
