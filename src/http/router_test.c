/* SPDX-License-Identifier: MIT */
#include "http/router.h"

#include <string.h>

#include "base/test.h"

static void nothing(struct http_exchange *x)
{
	(void)x;
}

#define ROUTE(m, p) { .methods = (m), .pattern = (p), .handler = nothing }

static const struct http_route routes[] = {
	ROUTE(HTTP_GET, "/a/:name"),
	ROUTE(HTTP_POST, "/a/:other"),
	ROUTE(HTTP_GET, "/a/fixed"),
	ROUTE(HTTP_GET | HTTP_DELETE, "/a/:name/b"),
	ROUTE(HTTP_GET, "/a/c/:last"),
	ROUTE(HTTP_GET, "/files/*"),
	ROUTE(HTTP_PUT, "/files/:one"),
	ROUTE(HTTP_GET, "/"),
	ROUTE(HTTP_POST, "/only"),
	ROUTE(HTTP_GET, "/:org/settings"),
};
static struct router *router;

static enum router_found find(enum http_method method, const char *path, struct router_match *m)
{
	struct err e;

	if (router == NULL)
		CHECK(router_create(routes, COUNT(routes), &router, &e));
	return router_find(router, method, str_from(path), m);
}

static const char *found(enum http_method method, const char *path)
{
	struct router_match m;

	return find(method, path, &m) == ROUTER_OK ? m.route->pattern : "";
}

TEST(router_prefers_literals_from_left_to_right)
{
	CHECK(strcmp(found(HTTP_GET, "/a/fixed"), "/a/fixed") == 0);
	CHECK(strcmp(found(HTTP_GET, "/a/x"), "/a/:name") == 0);
	CHECK(strcmp(found(HTTP_GET, "/a/c/b"), "/a/c/:last") == 0);
	CHECK(strcmp(found(HTTP_DELETE, "/a/c/b"), "/a/:name/b") == 0);
	CHECK(strcmp(found(HTTP_GET, "/"), "/") == 0);
	CHECK(strcmp(found(HTTP_GET, "/acme/settings"), "/:org/settings") == 0);
}

TEST(router_falls_through_to_a_pattern_with_the_method)
{
	CHECK(strcmp(found(HTTP_POST, "/a/fixed"), "/a/:other") == 0);
	CHECK(strcmp(found(HTTP_PUT, "/files/x"), "/files/:one") == 0);
	CHECK(strcmp(found(HTTP_GET, "/files/x"), "/files/*") == 0);
}

TEST(router_answers_head_by_get)
{
	CHECK(strcmp(found(HTTP_HEAD, "/a/fixed"), "/a/fixed") == 0);
	CHECK(strcmp(found(HTTP_HEAD, "/only"), "") == 0);
}

TEST(router_gives_parameters_raw)
{
	struct router_match m;

	CHECK(find(HTTP_GET, "/a/x%20y/b", &m) == ROUTER_OK);
	CHECK_I64((int64_t)m.params_n, 1);
	CHECK_STR(m.params[0].name, S("name"));
	CHECK_STR(m.params[0].value, S("x%20y"));
	CHECK(find(HTTP_GET, "/files/a/b//c", &m) == ROUTER_OK);
	CHECK_STR(m.params[0].name, S("*"));
	CHECK_STR(m.params[0].value, S("a/b//c"));
	CHECK(find(HTTP_GET, "/files/", &m) == ROUTER_OK);
	CHECK_STR(m.params[0].value, S(""));
}

TEST(router_does_not_match_empty_or_surplus_segments)
{
	struct router_match m;

	CHECK(find(HTTP_GET, "/a/", &m) == ROUTER_NO_PATTERN);
	CHECK(find(HTTP_GET, "/a", &m) == ROUTER_NO_PATTERN);
	CHECK(find(HTTP_GET, "/a/x/", &m) == ROUTER_NO_PATTERN);
	CHECK(find(HTTP_GET, "/a/x/b/c", &m) == ROUTER_NO_PATTERN);
	CHECK(find(HTTP_GET, "/files", &m) == ROUTER_NO_PATTERN);
	CHECK(find(HTTP_GET, "/only/", &m) == ROUTER_NO_PATTERN);
}

TEST(router_leaves_unknown_first_segments_to_the_fallback)
{
	struct router_match m;

	CHECK(find(HTTP_GET, "/acme/site/en.json", &m) == ROUTER_NOTHING);
	CHECK(find(HTTP_GET, "/ab", &m) == ROUTER_NOTHING);
}

TEST(router_collects_allowed_methods)
{
	struct router_match m;
	char text[64];

	CHECK(find(HTTP_PUT, "/a/fixed", &m) == ROUTER_NO_METHOD);
	CHECK_STR(router_allow_text(m.allow, text), S("GET, HEAD, POST"));
	CHECK(m.route != NULL && strcmp(m.route->pattern, "/a/fixed") == 0);
	CHECK_STR(router_allow_text(HTTP_PUT | HTTP_OPTIONS | HTTP_DELETE | HTTP_PATCH | HTTP_GET |
	                            HTTP_HEAD | HTTP_POST, text),
	          S("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"));
}

static bool accepted(const struct http_route *rows, size_t n)
{
	struct router *r;
	struct err e;
	bool ok = router_create(rows, n, &r, &e);

	if (ok)
		router_destroy(&r);
	else
		CHECK(strstr(e.msg, "route") != NULL);
	return ok;
}

TEST(router_refuses_rows_that_answer_the_same)
{
	static const struct http_route same[] = { ROUTE(HTTP_GET, "/x/:a"), ROUTE(HTTP_GET, "/x/:b") };
	static const struct http_route head[] = { ROUTE(HTTP_GET, "/x"), ROUTE(HTTP_HEAD, "/x") };
	static const struct http_route apart[] = {
		ROUTE(HTTP_GET, "/x/:a"), ROUTE(HTTP_POST, "/x/:b"), ROUTE(HTTP_GET, "/x/b") };
	static const struct http_route third[] = {
		ROUTE(HTTP_GET, "/x/:a"), ROUTE(HTTP_POST, "/x/:b"), ROUTE(HTTP_GET, "/x/:c") };

	CHECK(!accepted(same, COUNT(same)));
	CHECK(!accepted(head, COUNT(head)));
	CHECK(!accepted(third, COUNT(third)));
	CHECK(accepted(apart, COUNT(apart)));
	CHECK(accepted(NULL, 0));
}

TEST(router_refuses_malformed_patterns)
{
	static const struct http_route bad[] = {
		ROUTE(HTTP_GET, ""), ROUTE(HTTP_GET, "x"), ROUTE(HTTP_GET, "/:"), ROUTE(HTTP_GET, "/*/x"),
		ROUTE(HTTP_GET, "/:a/:a"), ROUTE(0, "/x"), ROUTE(HTTP_GET, "/:a/:b/:c/:d/:e/:f/:g/:h/:i"),
		ROUTE(HTTP_GET, "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17"),
		{ .methods = HTTP_GET, .pattern = "/x" },
	};

	for (size_t i = 0; i < COUNT(bad); i++)
		CHECK(!accepted(&bad[i], 1));
}
