/* SPDX-License-Identifier: MIT */
#include "api/api_int.h"

#include <string.h>

#include "base/test.h"

static const str FORM = STR("application/x-www-form-urlencoded");

/* "name=value name=value", in order. */
static str read_all(struct arena *a, const struct token_text *t)
{
	struct err e = { .code = ERR_NONE };
	struct param *params;
	struct buf b;
	bool basic;
	size_t n;

	if (!token_request(a, t, &params, &n, &basic, &e))
		return arena_printf(a, "! " FMT_STR, ARG_STR(err_name(e.code)));
	buf_init_arena(&b, a, 64 * KIB);
	for (size_t i = 0; i < n; i++)
		buf_printf(&b, "%s" FMT_STR "=" FMT_STR, i > 0 ? " " : "", ARG_STR(params[i].name), ARG_STR(params[i].value));
	return buf_view(&b);
}

static void check(struct token_text t, str want)
{
	struct arena *a = arena_create(4096);

	CHECK_STR(read_all(a, &t), want);
	arena_destroy(a);
}

TEST(rule_94_forms_and_json_mean_the_same)
{
	check((struct token_text){ .content_type = FORM, .body = S("grant_type=refresh_token&refresh_token=a+b") },
	      S("grant_type=refresh_token refresh_token=a b client_auth=none"));
	check((struct token_text){ .content_type = S("application/x-www-form-urlencoded;charset=UTF-8"), .body = S("a=1") },
	      S("a=1 client_auth=none"));
	check((struct token_text){ .content_type = S("Application/JSON; charset=utf-8"),
	      .body = S("{\"grant_type\":\"refresh_token\",\"n\":1,\"skip\":null,\"resource\":[\"x\",\"y\"]}") },
	      S("grant_type=refresh_token n=1 resource=x resource=y client_auth=none"));
}

TEST(rule_94_other_media_types_are_invalid_request)
{
	check((struct token_text){ .content_type = S("text/plain"), .body = S("a=1") }, S("! invalid_request"));
	check((struct token_text){ .content_type = S("application/x-www-form-urlencoded, application/json"), .body = S("a=1") },
	      S("! invalid_request"));
	check((struct token_text){ .content_type = S("multipart/form-data; boundary=x"), .body = S("--x--") },
	      S("! invalid_request"));
}

TEST(malformed_bodies_are_invalid_request)
{
	check((struct token_text){ .content_type = FORM, .body = S("a=%zz") }, S("! invalid_request"));
	check((struct token_text){ .content_type = S("application/json"), .body = S("{") }, S("! invalid_request"));
	check((struct token_text){ .content_type = S("application/json"), .body = S("[]") }, S("! invalid_request"));
	check((struct token_text){ .content_type = S("application/json"), .body = S("{\"a\":{}}") }, S("! invalid_request"));
	check((struct token_text){ .content_type = S("application/json"), .body = S("{\"a\":1,\"a\":2}") }, S("! invalid_request"));
}

TEST(rule_95_parameters_in_the_address_are_refused)
{
	check((struct token_text){ .query = S("client_secret=x"), .content_type = FORM, .body = S("a=1") },
	      S("! invalid_request"));
}

TEST(rule_107_at_most_64_parameters)
{
	char body[2 * 65];

	for (size_t i = 0; i < sizeof body; i += 2)
		memcpy(body + i, i == 0 ? "ab" : "&b", 2);
	check((struct token_text){ .content_type = FORM, .body = { body, sizeof body } }, S("! invalid_request"));
}

TEST(rule_108_basic_gives_id_and_secret)
{
	check((struct token_text){ .authorization = S("Basic YTpi"), .content_type = FORM, .body = S("grant_type=x") },
	      S("grant_type=x client_id=a client_secret=b client_auth=basic"));
	check((struct token_text){ .authorization = S("Basic YTpi"), .content_type = FORM, .body = S("client_id=a") },
	      S("client_id=a client_secret=b client_auth=basic"));
	check((struct token_text){ .authorization = S("Basic YTpi"), .content_type = FORM, .body = S("client_id=&client_secret=") },
	      S("client_id=a client_secret=b client_auth=basic"));
}

TEST(rule_110_two_methods_or_two_clients_are_invalid_request)
{
	check((struct token_text){ .authorization = S("Basic YTpi"), .content_type = FORM, .body = S("client_secret=b") },
	      S("! invalid_request"));
	check((struct token_text){ .authorization = S("Basic YTpi"), .content_type = FORM, .body = S("client_id=c") },
	      S("! invalid_request"));
	check((struct token_text){ .authorization = S("Basic !"), .content_type = FORM, .body = S("a=1") },
	      S("! invalid_request"));
}

TEST(a_client_cannot_claim_how_it_authenticated)
{
	check((struct token_text){ .content_type = FORM, .body = S("client_auth=basic&client_secret=s") },
	      S("client_secret=s client_auth=post"));
	check((struct token_text){ .content_type = FORM, .body = S("") }, S("client_auth=none"));
}
