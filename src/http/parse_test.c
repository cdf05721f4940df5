/* SPDX-License-Identifier: MIT */
#include "http/parse.h"

#include <stdlib.h>
#include <string.h>

#include "base/test.h"

static const struct parse_limits limits = { 8 * 1024, 32 * 1024 };
static struct http_request request;
static struct http_pair headers[PARSE_HEADERS_MAX];
static struct parse parse;

/* On the heap, exactly as long as it is, so that a sanitizer sees a byte too far. */
static char *bytes;

static enum parse_result head(str text)
{
	free(bytes);
	bytes = malloc(text.n == 0 ? 1 : text.n);
	memcpy(bytes, text.p, text.n);
	parse_start(&parse, &request, headers, &limits);
	return parse_head(&parse, bytes, text.n);
}

static enum err_code refusal(str text)
{
	return head(text) == PARSE_BAD ? parse.code : ERR_NONE;
}

/* The same bytes, one at a time: the result must not depend on how they arrive. */
static enum parse_result drip(str text)
{
	enum parse_result result = PARSE_MORE;

	(void)head(text);
	parse_start(&parse, &request, headers, &limits);
	for (size_t n = 0; n <= text.n && result == PARSE_MORE; n++)
		result = parse_head(&parse, bytes, n);
	return result;
}

#define H "GET / HTTP/1.1\r\nHost: a\r\n"

TEST(parse_takes_a_browser_request)
{
	CHECK(head(S("GET /a/b?x=1&y=%20 HTTP/1.1\r\nHost: example.com:8080\r\n"
	             "Accept: text/html \t\r\nX-Own:\r\n\r\nrest")) == PARSE_DONE);
	CHECK(request.method == HTTP_GET);
	CHECK_STR(request.target, S("/a/b?x=1&y=%20"));
	CHECK_STR(request.path, S("/a/b"));
	CHECK_STR(request.query, S("x=1&y=%20"));
	CHECK_STR(request.known[HTTP_HOST], S("example.com:8080"));
	CHECK_STR(request.known[HTTP_ACCEPT], S("text/html"));
	CHECK_I64((int64_t)request.headers_n, 3);
	CHECK_STR(request.headers[2].name, S("X-Own"));
	CHECK_STR(request.headers[2].value, S(""));
	CHECK(parse.keep_alive && parse.minor == 1 && parse.body == PARSE_BODY_NONE);
	CHECK(strncmp(bytes + parse.at, "rest", 4) == 0);
}

TEST(parse_has_no_query_without_a_question_mark)
{
	CHECK(head(S(H "\r\n")) == PARSE_DONE);
	CHECK(request.query.p == NULL);
	CHECK(head(S("GET /? HTTP/1.1\r\nHost: a\r\n\r\n")) == PARSE_DONE);
	CHECK(request.query.p != NULL && request.query.n == 0);
}

/* Everything that must be refused, with the code it must be refused with: the left column of
 * the contract "http-hardening", and what belongs beside it. */
static const struct refused { const char *rule; str text; enum err_code code; } refused[] = {
	{ "no host", STR("GET / HTTP/1.1\r\n\r\n"), ERR_INVALID_REQUEST },
	{ "two hosts", STR(H "Host: a\r\n\r\n"), ERR_INVALID_REQUEST },
	{ "two differing hosts", STR(H "Host: b\r\n\r\n"), ERR_INVALID_REQUEST },
	{ "empty host", STR("GET / HTTP/1.1\r\nHost:\r\n\r\n"), ERR_INVALID_REQUEST },
	{ "host with userinfo", STR("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"), ERR_INVALID_REQUEST },
	{ "host with path", STR("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"), ERR_INVALID_REQUEST },
	{ "host with space", STR("GET / HTTP/1.1\r\nHost: a b\r\n\r\n"), ERR_INVALID_REQUEST },
	{ "host with a bad port", STR("GET / HTTP/1.1\r\nHost: a:8x\r\n\r\n"), ERR_INVALID_REQUEST },
	{ "host list", STR("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"), ERR_INVALID_REQUEST },
	{ "length and coding", STR(H "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"),
	  ERR_INVALID_REQUEST },
	{ "coding and length", STR(H "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"),
	  ERR_INVALID_REQUEST },
	{ "two lengths", STR(H "Content-Length: 5\r\nContent-Length: 6\r\n\r\n"), ERR_INVALID_REQUEST },
	{ "two equal lengths", STR(H "Content-Length: 5\r\nContent-Length: 5\r\n\r\n"),
	  ERR_INVALID_REQUEST },
	{ "length list", STR(H "Content-Length: 0, 5\r\n\r\n"), ERR_INVALID_REQUEST },
	{ "length list of equals", STR(H "Content-Length: 5, 5\r\n\r\n"), ERR_INVALID_REQUEST },
	{ "length with sign", STR(H "Content-Length: +5\r\n\r\n"), ERR_INVALID_REQUEST },
	{ "negative length", STR(H "Content-Length: -5\r\n\r\n"), ERR_INVALID_REQUEST },
	{ "hexadecimal length", STR(H "Content-Length: 0x5\r\n\r\n"), ERR_INVALID_REQUEST },
	{ "length with space inside", STR(H "Content-Length: 5 5\r\n\r\n"), ERR_INVALID_REQUEST },
	{ "empty length", STR(H "Content-Length:\r\n\r\n"), ERR_INVALID_REQUEST },
	{ "length of 2^64+5", STR(H "Content-Length: 18446744073709551621\r\n\r\n"), ERR_INVALID_REQUEST },
	{ "length of 2^64", STR(H "Content-Length: 18446744073709551616\r\n\r\n"), ERR_INVALID_REQUEST },
	{ "unknown coding", STR(H "Transfer-Encoding: xchunked\r\n\r\n"), ERR_NOT_IMPLEMENTED },
	{ "two codings", STR(H "Transfer-Encoding: gzip, chunked\r\n\r\n"), ERR_NOT_IMPLEMENTED },
	{ "chunked twice", STR(H "Transfer-Encoding: chunked, chunked\r\n\r\n"), ERR_NOT_IMPLEMENTED },
	{ "coding in two fields", STR(H "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"),
	  ERR_INVALID_REQUEST },
	{ "empty coding", STR(H "Transfer-Encoding:\r\n\r\n"), ERR_NOT_IMPLEMENTED },
	{ "coding with a tab", STR(H "Transfer-Encoding: \x0b" "chunked\r\n\r\n"), ERR_INVALID_REQUEST },
	{ "space before colon", STR(H "Transfer-Encoding : chunked\r\n\r\n"), ERR_INVALID_REQUEST },
	{ "coding on HTTP/1.0", STR("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"),
	  ERR_INVALID_REQUEST },
	{ "bare LF ends", STR("GET / HTTP/1.1\nHost: a\n\n"), ERR_INVALID_REQUEST },
	{ "bare LF after a field", STR(H "X: y\nZ: y\r\n\r\n"), ERR_INVALID_REQUEST },
	{ "bare LF at the end", STR(H "\n"), ERR_INVALID_REQUEST },
	{ "bare LF first", STR("\n" H "\r\n"), ERR_INVALID_REQUEST },
	{ "folded field", STR(H "X: y\r\n z\r\n\r\n"), ERR_INVALID_REQUEST },
	{ "folded with a tab", STR(H "X: y\r\n\tz\r\n\r\n"), ERR_INVALID_REQUEST },
	{ "blank before the first field", STR("GET / HTTP/1.1\r\n Host: a\r\n\r\n"), ERR_INVALID_REQUEST },
	{ "empty name", STR(H ": y\r\n\r\n"), ERR_INVALID_REQUEST },
	{ "space in a name", STR(H "X Y: z\r\n\r\n"), ERR_INVALID_REQUEST },
	{ "control in a name", STR(H "X\x01Y: z\r\n\r\n"), ERR_INVALID_REQUEST },
	{ "parenthesis in a name", STR(H "X(Y): z\r\n\r\n"), ERR_INVALID_REQUEST },
	{ "byte above 127 in a name", STR(H "X\xc3\xa4: z\r\n\r\n"), ERR_INVALID_REQUEST },
	{ "NUL in a value", STR(H "X: a\0b\r\n\r\n"), ERR_INVALID_REQUEST },
	{ "NUL in a long value", STR(H "X: 0123456789abcde\0f0123456789\r\n\r\n"), ERR_INVALID_REQUEST },
	{ "lone CR in a value", STR(H "X: a\rb\r\n\r\n"), ERR_INVALID_REQUEST },
	{ "lone CR at the end of a value", STR(H "X: a\r\r\n\r\n"), ERR_INVALID_REQUEST },
	{ "DEL in a value", STR(H "X: 0123456\x7f" "9abcdef\r\n\r\n"), ERR_INVALID_REQUEST },
	{ "escape in a value", STR(H "X: a\x1b[31m\r\n\r\n"), ERR_INVALID_REQUEST },
	{ "no colon", STR(H "nonsense\r\n\r\n"), ERR_INVALID_REQUEST },
	{ "two spaces before the target", STR("GET  / HTTP/1.1\r\nHost: a\r\n\r\n"), ERR_INVALID_REQUEST },
	{ "two spaces after the target", STR("GET /  HTTP/1.1\r\nHost: a\r\n\r\n"), ERR_INVALID_REQUEST },
	{ "space at the end of the line", STR("GET / HTTP/1.1 \r\nHost: a\r\n\r\n"), ERR_INVALID_REQUEST },
	{ "space first", STR(" GET / HTTP/1.1\r\nHost: a\r\n\r\n"), ERR_INVALID_REQUEST },
	{ "tab as separator", STR("GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n"), ERR_INVALID_REQUEST },
	{ "lone CR in the line", STR("GET /\r HTTP/1.1\r\nHost: a\r\n\r\n"), ERR_INVALID_REQUEST },
	{ "no target", STR("GET HTTP/1.1\r\nHost: a\r\n\r\n"), ERR_INVALID_REQUEST },
	{ "HTTP/0.9", STR("GET /\r\n\r\n"), ERR_INVALID_REQUEST },
	{ "HTTP/2.0", STR("GET / HTTP/2.0\r\nHost: a\r\n\r\n"), ERR_VERSION_NOT_SUPPORTED },
	{ "HTTP/2 preface", STR("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), ERR_VERSION_NOT_SUPPORTED },
	{ "HTTP/11", STR("GET / HTTP/11\r\nHost: a\r\n\r\n"), ERR_INVALID_REQUEST },
	{ "HTTP/1.x", STR("GET / HTTP/1.x\r\nHost: a\r\n\r\n"), ERR_INVALID_REQUEST },
	{ "http in lower case", STR("GET / http/1.1\r\nHost: a\r\n\r\n"), ERR_INVALID_REQUEST },
	{ "method with a slash", STR("G/T / HTTP/1.1\r\nHost: a\r\n\r\n"), ERR_INVALID_REQUEST },
	{ "TLS greeting", STR("\x16\x03\x01\x02"), ERR_INVALID_REQUEST },
	{ "unknown expectation", STR(H "Expect: 200-ok\r\n\r\n"), ERR_EXPECTATION_FAILED },
	{ "authorization twice", STR(H "Authorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n"),
	  ERR_INVALID_REQUEST },
	{ "content type twice", STR(H "Content-Type: a\r\nContent-Type: b\r\n\r\n"), ERR_INVALID_REQUEST },
	{ "origin twice", STR(H "Origin: a\r\nOrigin: b\r\n\r\n"), ERR_INVALID_REQUEST },
};

TEST(parse_refuses_what_hardening_lists)
{
	for (size_t i = 0; i < COUNT(refused); i++) {
		if (refusal(refused[i].text) != refused[i].code)
			test_fail(__FILE__, (int)i, refused[i].rule);
		CHECK(parse.why != NULL);
		if (drip(refused[i].text) != PARSE_BAD || parse.code != refused[i].code)
			test_fail(__FILE__, (int)i, refused[i].rule);
	}
}

static const struct { str target; str path; } paths[] = {
	{ STR("/"), STR("/") },
	{ STR("//mcp"), STR("/mcp") },
	{ STR("////mcp//x"), STR("/mcp//x") },
	{ STR("//"), STR("/") },
	{ STR("/a..b/...c/.well-known/x"), STR("/a..b/...c/.well-known/x") },
	{ STR("/..."), STR("/...") },
	{ STR("/%2e%2e%2e"), STR("/%2e%2e%2e") },
	{ STR("/%2Ehidden"), STR("/%2Ehidden") },
	{ STR("/a%2Fb"), STR("/a%2Fb") },
	{ STR("/?/../x"), STR("/") },
	{ STR("http://example.com/a?b"), STR("/a") },
	{ STR("HTTPS://example.com:443"), STR("/") },
	{ STR("http://[::1]:80?q"), STR("/") },
	{ STR("/\xd0\xba\xd0\xbb"), STR("/\xd0\xba\xd0\xbb") },
};

TEST(parse_takes_these_targets)
{
	for (size_t i = 0; i < COUNT(paths); i++) {
		str path, query, authority;
		const char *why = parse_target(paths[i].target, HTTP_GET, &path, &query, &authority);

		if (why != NULL)
			test_fail(__FILE__, (int)i, why);
		CHECK_STR(path, paths[i].path);
	}
}

TEST(parse_refuses_ambiguous_targets)
{
	static const str bad[] = {
		STR("/.."), STR("/../x"), STR("/a/.."), STR("/a/../b"), STR("/."), STR("/a/./b"),
		STR("/%2e%2e"), STR("/%2E%2e/x"), STR("/.%2e/x"), STR("/%2e./x"), STR("/a/%2e"),
		STR("/a%00b"), STR("/%00"), STR("/%"), STR("/%4"), STR("/%zz"), STR("/a%0"),
		STR("//.."), STR("///%2e%2e/x"),
		STR("/a#b"), STR("/a b"), STR("/a\tb"), STR("/a\x7f"), STR("a"), STR(""), STR("*"),
		STR("example.com:443"), STR("ftp://a/"), STR("http:///x"), STR("http://"),
		STR("http://u@a/"), STR("http://a:b/"), STR("http://[::1/"), STR("http://a/../b"),
		STR("?x"), STR("http:/a"),
	};

	for (size_t i = 0; i < COUNT(bad); i++) {
		str path, query, authority;

		if (parse_target(bad[i], HTTP_GET, &path, &query, &authority) == NULL)
			test_fail(__FILE__, (int)i, bad[i].p);
	}
}

TEST(parse_takes_the_asterisk_for_options_only)
{
	str path, query, authority;

	CHECK(parse_target(S("*"), HTTP_OPTIONS, &path, &query, &authority) == NULL);
	CHECK_STR(path, S("*"));
	CHECK(parse_target(S("*"), HTTP_POST, &path, &query, &authority) != NULL);
}

TEST(parse_lets_an_absolute_target_rule_over_host)
{
	CHECK(head(S("GET http://b:81/x HTTP/1.1\r\nHost: a\r\n\r\n")) == PARSE_DONE);
	CHECK_STR(request.known[HTTP_HOST], S("b:81"));
	CHECK_STR(request.path, S("/x"));
}

TEST(parse_skips_a_few_empty_lines_first)
{
	CHECK(head(S("\r\n\r\n" H "\r\n")) == PARSE_DONE);
	CHECK(request.method == HTTP_GET);
	CHECK(drip(S("\r\n" H "\r\n")) == PARSE_DONE);
	CHECK(refusal(S("\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n" H "\r\n")) == ERR_INVALID_REQUEST);
}

TEST(parse_waits_for_what_may_still_come)
{
	str whole = S("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\n\r\n");

	for (size_t n = 0; n < whole.n; n++)
		CHECK(head(str_sub(whole, 0, n)) == PARSE_MORE);
	CHECK(drip(whole) == PARSE_DONE);
	CHECK(parse.body == PARSE_BODY_LENGTH && parse.body_bytes == 12);
	CHECK_I64((int64_t)parse.at, (int64_t)whole.n);
}

TEST(parse_reads_framing)
{
	CHECK(head(S(H "Content-Length: 0\r\n\r\n")) == PARSE_DONE);
	CHECK(parse.body == PARSE_BODY_NONE);
	CHECK(head(S(H "Content-Length: 007\r\n\r\n")) == PARSE_DONE);
	CHECK(parse.body_bytes == 7);
	CHECK(head(S(H "Content-Length: 18446744073709551615\r\n\r\n")) == PARSE_DONE);
	CHECK(parse.body_bytes == UINT64_MAX);
	CHECK(head(S(H "Transfer-Encoding: Chunked \r\n\r\n")) == PARSE_DONE);
	CHECK(parse.body == PARSE_BODY_CHUNKED);
}

TEST(parse_reads_connection_options)
{
	static const struct { str text; bool keep; } rows[] = {
		{ STR("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), true },
		{ STR("GET / HTTP/1.9\r\nHost: a\r\n\r\n"), true },
		{ STR("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"), false },
		{ STR("GET / HTTP/1.1\r\nHost: a\r\nConnection: x , CLOSE\r\n\r\n"), false },
		{ STR("GET / HTTP/1.1\r\nHost: a\r\nConnection: closed\r\n\r\n"), true },
		{ STR("GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n"), false },
		{ STR("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nConnection: keep-alive\r\n\r\n"), false },
		{ STR("GET / HTTP/1.0\r\n\r\n"), false },
		{ STR("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"), true },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		CHECK(head(rows[i].text) == PARSE_DONE);
		if (parse.keep_alive != rows[i].keep)
			test_fail(__FILE__, (int)i, rows[i].text.p);
	}
}

TEST(parse_knows_expect_continue_only_with_a_body_and_1_1)
{
	CHECK(head(S(H "Expect: 100-Continue\r\nContent-Length: 3\r\n\r\n")) == PARSE_DONE);
	CHECK(parse.expect_continue);
	CHECK(head(S(H "Expect: 100-continue\r\n\r\n")) == PARSE_DONE);
	CHECK(!parse.expect_continue);
	CHECK(head(S("GET / HTTP/1.0\r\nExpect: else\r\nContent-Length: 3\r\n\r\n")) == PARSE_DONE);
	CHECK(!parse.expect_continue);
}

TEST(parse_joins_repeated_lists)
{
	struct arena *a = arena_create(1024);

	CHECK(head(S(H "Accept: a\r\nCookie: x=1\r\naccept: b\r\nCOOKIE: y=2\r\n\r\n")) == PARSE_DONE);
	CHECK_STR(request.known[HTTP_ACCEPT], S("a"));
	parse_join_repeated(&parse, a);
	CHECK_STR(request.known[HTTP_ACCEPT], S("a, b"));
	CHECK_STR(request.known[HTTP_COOKIE], S("x=1; y=2"));
	arena_destroy(a);
}

TEST(parse_finds_every_known_header_in_any_case)
{
	static const str names[] = {
#define X(id, text) STR(text),
		HTTP_HEADER_TABLE(X)
#undef X
	};

	for (size_t i = 0; i < COUNT(names); i++) {
		char upper[32];

		for (size_t j = 0; j < names[i].n; j++) {
			char c = names[i].p[j];

			upper[j] = (char)(c >= 'a' && c <= 'z' ? c - 32 : c);
		}
		CHECK(parse_known_header(names[i]) == (enum http_header)i);
		CHECK(parse_known_header((str){ upper, names[i].n }) == (enum http_header)i);
		upper[0] = '!';
		CHECK(parse_known_header((str){ upper, names[i].n }) == HTTP_HEADER_COUNT);
	}
	CHECK(parse_known_header(S("x-something-quite-long-and-unknown")) == HTTP_HEADER_COUNT);
	CHECK(parse_known_header(S("x")) == HTTP_HEADER_COUNT);
}

/* A head with one long part of n bytes between two fixed ones. */
static str padded(const char *before, size_t n, const char *after)
{
	static char text[256 * 1024];
	size_t a = strlen(before), b = strlen(after);

	memcpy(text, before, a);
	memset(text + a, 'a', n);
	memcpy(text + a + n, after, b);
	return (str){ text, a + n + b };
}

TEST(parse_limits_the_target)
{
	CHECK(head(padded("GET /", 8191, " HTTP/1.1\r\nHost: a\r\n\r\n")) == PARSE_DONE);
	CHECK(refusal(padded("GET /", 8192, " HTTP/1.1\r\nHost: a\r\n\r\n")) == ERR_URI_TOO_LONG);
	CHECK(refusal(padded("GET /", 9000, "")) == ERR_URI_TOO_LONG);
	CHECK(refusal(padded("", 9000, "")) == ERR_URI_TOO_LONG);
}

TEST(parse_limits_the_header_fields)
{
	size_t most = 32 * 1024 - strlen("Host: a\r\nX: \r\n\r\n");

	CHECK(head(padded(H "X: ", most, "\r\n\r\n")) == PARSE_DONE);
	CHECK(refusal(padded(H "X: ", most + 1, "\r\n\r\n")) == ERR_HEADERS_TOO_LARGE);
	CHECK(refusal(padded(H "X: ", 64 * 1024, "")) == ERR_HEADERS_TOO_LARGE);
	CHECK(refusal(padded(H, 64 * 1024, "")) == ERR_HEADERS_TOO_LARGE);
}

TEST(parse_limits_the_number_of_fields)
{
	static char text[4096];
	struct buf b;

	buf_init(&b, sizeof text);
	BUF_LIT(&b, H);
	for (int i = 1; i < PARSE_HEADERS_MAX; i++)
		BUF_LIT(&b, "X: y\r\n");
	BUF_LIT(&b, "\r\n");
	CHECK(head(buf_view(&b)) == PARSE_DONE);
	CHECK_I64((int64_t)request.headers_n, PARSE_HEADERS_MAX);
	b.n -= 2;
	BUF_LIT(&b, "X: y\r\n\r\n");
	CHECK(refusal(buf_view(&b)) == ERR_HEADERS_TOO_LARGE);
	buf_fini(&b);
}
