/* SPDX-License-Identifier: MIT */
#include "base/err.h"
#include "base/text.h"

#include "base/test.h"

TEST(err_set_tells_the_client_and_nothing_to_the_log)
{
	struct err e = { .issues = STR("[]"), .sys = 5 };

	CHECK(!err_set(&e, ERR_NOT_FOUND, "no project \"%s\"", "x"));
	CHECK(e.code == ERR_NOT_FOUND && e.sys == 0 && e.issues.p == NULL);
	CHECK_STR(str_from(e.say), S("no project \"x\""));
	CHECK_STR(str_from(e.msg), S(""));
}

TEST(err_log_keeps_detail_from_the_client)
{
	struct err e;

	CHECK(!err_log(&e, ERR_INTERNAL, 13, "disk: %d", 42));
	CHECK_STR(str_from(e.msg), S("disk: 42"));
	CHECK_STR(str_from(e.say), S("Internal error"));
	CHECK_I64(e.sys, 13);
}

TEST(err_says_when_to_try_again)
{
	struct err e;

	err_set(&e, ERR_UNAVAILABLE, "busy");
	CHECK_I64(e.retry_after_s, 1);
	err_set(&e, ERR_CONFLICT, "no");
	CHECK_I64(e.retry_after_s, 0);
}

TEST(err_text_may_come_from_the_error_itself)
{
	struct err e;

	err_set(&e, ERR_CONFLICT, "inner");
	err_set(&e, ERR_INTERNAL, "outer: %s", e.say);
	CHECK_STR(str_from(e.say), S("outer: inner"));
}

TEST(err_never_cuts_a_character_in_two)
{
	struct err e;
	char text[400];

	for (size_t shift = 0; shift < 4; shift++) {
		for (size_t i = 0; i < sizeof(text) - 1; i++)
			text[i] = i < shift ? 'x' : "\xf0\x9f\x98\x80"[(i - shift) % 4];
		text[sizeof(text) - 1] = '\0';
		err_set(&e, ERR_CONFLICT, "%s", text);
		CHECK(utf8_valid(str_from(e.say)));
		CHECK(str_from(e.say).n >= sizeof(e.say) - 4);
	}
}

TEST(err_every_code_has_a_status_a_name_and_a_stock_phrase)
{
	for (int code = ERR_NONE + 1; code < ERR_COUNT; code++) {
		struct err e;

		err_log(&e, (enum err_code)code, 0, "x");
		CHECK(e.say[0] != '\0');
		CHECK(err_status((enum err_code)code) >= 400);
		CHECK(err_name((enum err_code)code).n > 0);
		CHECK(err_trpc_name((enum err_code)code).n > 0);
	}
}
