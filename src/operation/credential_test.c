/* SPDX-License-Identifier: MIT */
#include "operation/credential.h"

#include <string.h>

#include "base/test.h"
#include "base/text.h"

static enum authorization kind_of(str header, str *token)
{
	enum authorization kind;
	struct err e = { .code = ERR_NONE };

	CHECK(authorization_read(header, &kind, token, &e));
	return kind;
}

static enum err_code refusal(str header)
{
	enum authorization kind;
	struct err e = { .code = ERR_NONE };
	str token;

	CHECK(!authorization_read(header, &kind, &token, &e));
	CHECK(e.say[0] != '\0');
	return e.code;
}

TEST(rule_162_bearer_scheme_is_case_insensitive)
{
	str token;

	CHECK(kind_of(S("Bearer bi_oat_x"), &token) == AUTHORIZATION_BEARER);
	CHECK_STR(token, S("bi_oat_x"));
	CHECK(kind_of(S("bEARER  abc=="), &token) == AUTHORIZATION_BEARER);
	CHECK_STR(token, S("abc=="));
	CHECK(kind_of(S("BASIC YTpi"), &token) == AUTHORIZATION_BASIC);
}

TEST(rule_23_blank_and_other_schemes_count_as_nothing_sent)
{
	static const str headers[] = {
		STR(""), STR("Bearer"), STR("Bearer "), STR("Digest username=x"), STR("  "), STR("Bearerx y"),
	};
	str token;

	for (size_t i = 0; i < COUNT(headers); i++)
		CHECK(kind_of(headers[i], &token) == AUTHORIZATION_NONE);
	CHECK(kind_of(STR_NONE, &token) == AUTHORIZATION_NONE);
}

TEST(rule_162_exactly_one_token68_of_at_most_4_kib)
{
	char longest[CREDENTIAL_BYTES_MAX + 16];
	str token;

	memset(longest, 'a', sizeof longest);
	memcpy(longest, "Bearer ", 7);
	CHECK(kind_of((str){ longest, CREDENTIAL_BYTES_MAX + 7 }, &token) == AUTHORIZATION_BEARER);
	CHECK(refusal((str){ longest, CREDENTIAL_BYTES_MAX + 8 }) == ERR_INVALID_TOKEN);
	CHECK(refusal(S("Bearer a b")) == ERR_INVALID_REQUEST);
	CHECK(refusal(S("Bearer a, Bearer b")) == ERR_INVALID_REQUEST);
	CHECK(refusal(S("Bearer a\"b")) == ERR_INVALID_TOKEN);
	CHECK(refusal(S("Bearer a=b")) == ERR_INVALID_TOKEN);
	CHECK(refusal(S("Bearer ==")) == ERR_INVALID_TOKEN);
}

static void check_basic(str encoded, str id, str secret)
{
	struct arena *a = arena_create(1024);
	struct err e = { .code = ERR_NONE };
	str got_id, got_secret;

	CHECK(basic_read(a, encoded, &got_id, &got_secret, &e));
	CHECK_STR(got_id, id);
	CHECK_STR(got_secret, secret);
	arena_destroy(a);
}

TEST(rule_108_basic_splits_at_the_first_colon_and_form_decodes)
{
	check_basic(S("YTpiOmM="), S("a"), S("b:c"));
	check_basic(S("Y2xpJTVGMTpzKzE="), S("cli_1"), S("s 1"));
	check_basic(S("YTo="), S("a"), S(""));
}

TEST(rule_108_basic_takes_raw_values_that_do_not_decode)
{
	check_basic(S("YTpiJXp6"), S("a"), S("b%zz"));
}

TEST(basic_refuses_what_is_not_id_and_secret)
{
	static const str bad[] = { STR("!!!"), STR("YWJj"), STR(""), STR("Ov8="), STR("YQA6Yg==") };
	struct arena *a = arena_create(1024);

	for (size_t i = 0; i < COUNT(bad); i++) {
		struct err e = { .code = ERR_NONE };
		str id, secret;

		CHECK(!basic_read(a, bad[i], &id, &secret, &e));
		CHECK(e.code == ERR_INVALID_REQUEST);
	}
	arena_destroy(a);
}

TEST(rule_28_tokens_in_the_address_are_refused)
{
	static const struct param bad[] = {
		{ STR("access_token"), STR("x") }, { STR("q"), STR("bi_oat_0123456789abcdef") },
		{ STR("key"), STR("bi-0123456789abcdefgh") },
	};
	static const struct param good[] = { { STR("input"), STR("{}") }, { STR("search"), STR("bi-directional") } };
	struct err e = { .code = ERR_NONE };

	for (size_t i = 0; i < COUNT(bad); i++) {
		CHECK(!credential_not_in_query(&bad[i], 1, &e));
		CHECK(e.code == ERR_INVALID_REQUEST);
	}
	CHECK(credential_not_in_query(good, COUNT(good), &e));
}

TEST(basic_counts_only_where_a_client_may_authenticate)
{
	struct arena *a = arena_create(1024);
	struct credential cred = { .local = false };
	struct err e = { .code = ERR_NONE };

	CHECK(credential_read(a, S("Basic YTpi"), STR_NONE, false, &cred, &e));
	CHECK(cred.client_id.p == NULL && cred.bearer.p == NULL);
	CHECK(credential_read(a, S("Basic YTpi"), STR_NONE, true, &cred, &e));
	CHECK_STR(cred.client_id, S("a"));
	CHECK_STR(cred.client_secret, S("b"));
	CHECK(credential_read(a, STR_NONE, S(" bi-key "), false, &cred, &e));
	CHECK_STR(cred.api_key, S("bi-key"));
	arena_destroy(a);
}
