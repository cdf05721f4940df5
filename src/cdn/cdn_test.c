/* SPDX-License-Identifier: MIT
 *
 * Delivery over a real socket. */
#include "cdn/cdn.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libdeflate.h>

#include "base/index.h"
#include "cdn/cdn_int.h"
#include "publish/fixture_test.h"

struct site_test {
	struct world w;
	struct http_server *http;
	int port;
	int64_t app, spaced;
	str uuid, version;
};

static void error_plain(struct http_exchange *x, const struct err *e)
{
	struct http_answer a = { .status = err_status(e->code), .body = S("engine") };

	http_send(x, &a);
}

static void serve(struct site_test *t)
{
	struct http_config c = { .listen = "127.0.0.1:0",
				 .loops = 1,
				 .fallback = cdn_handle,
				 .error = error_plain,
				 .fallback_error = cdn_error,
				 .fallback_target_bytes_max = CDN_TARGET_BYTES_MAX,
				 .thread_in = index_thread_in,
				 .thread_out = index_thread_out };
	struct err e = { 0 };

	cdn_init(t->w.publisher, &t->w.settings);
	CHECK(http_server_create(&c, &t->http, &e));
	t->port = http_server_port(t->http);
	http_server_run(t->http);
}

static void stop(struct site_test *t)
{
	http_server_stop(t->http, 1000);
	http_server_destroy(t->http);
}

static void make(struct site_test *t, struct fixture *f)
{
	static const struct project_wish app = { .slug = "app",
						 .source = "en",
						 .languages = "tr pt-br" };
	static const struct project_wish spaced = {
		.slug = "spaced", .source = "en", .languages = "tr", .namespaced = true
	};
	char big[4001];
	struct rows r;

	world_make(&t->w, f, cdn_head);
	t->app = world_project(&t->w, &app);
	t->spaced = world_project(&t->w, &spaced);
	memset(big, 'x', 4000);
	big[4000] = 0;
	world_text(&t->w, t->app, "common", "title", "en", "Title", "approved");
	world_text(&t->w, t->app, "default", "hello", "en", "</script>", "approved");
	world_text(&t->w, t->app, "common", "title", "tr", big, "approved");
	world_text(&t->w, t->app, "common", "title", "pt-br", "Título", "approved");
	world_text(&t->w, t->spaced, "auth", "ok", "en", "OK", "approved");
	world_text(&t->w, t->spaced, "common", "title", "en", "Title", "approved");
	world_text(&t->w, t->spaced, "common", "title", "tr", "Başlık", "approved");
	t->version = world_publish(&t->w, "app").version;
	world_publish(&t->w, "spaced");
	r = WORLD_ROWS(&t->w, SQL_SITE_BY_ID, A_I64(t->app));
	t->uuid = CELL(&r, 0, 1).s;
	serve(t);
}

static void drop(struct site_test *t)
{
	stop(t);
	world_drop(&t->w);
}

/* One exchange on a connection of its own; the whole answer. */
static str talk(struct site_test *t, str request)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)t->port),
		                  .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct buf b;
	ssize_t n;

	buf_init_arena(&b, t->w.a, 16 * MIB);
	CHECK(connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0);
	CHECK(send(fd, request.p, request.n, 0) == (ssize_t)request.n);
	do {
		CHECK(buf_reserve(&b, 64 * KIB));
		n = recv(fd, b.p + b.n, 64 * KIB, 0);
		CHECK(n >= 0);
		b.n += (size_t)n;
	} while (n > 0);
	close(fd);
	return buf_view(&b);
}

static int64_t status_of(str answer)
{
	int64_t n = 0;

	CHECK(str_i64(str_sub(answer, 9, 3), 100, 599, &n));
	return n;
}

static str head_of(str answer)
{
	ptrdiff_t end = str_find(answer, S("\r\n\r\n"));

	CHECK(end > 0);
	return str_sub(answer, 0, (size_t)end + 2);
}

static str body_of(str answer)
{
	return str_from_at(answer, head_of(answer).n + 2);
}

static str header(struct site_test *t, str answer, const char *name)
{
	str head = head_of(answer), mark = arena_printf(t->w.a, "\r\n%s: ", name);
	ptrdiff_t at = str_find(head, mark);
	str rest, value;

	if (at < 0)
		return STR_NONE;
	rest = str_from_at(head, (size_t)at + mark.n);
	CHECK(str_cut(&rest, '\r', &value));
	return value;
}

static str ask(struct site_test *t, const char *method, const char *target, const char *headers)
{
	str request =
		arena_printf(t->w.a, "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s\r\n",
			     method, target, headers);
	str answer = talk(t, request), length = header(t, answer, "Content-Length");
	int64_t n;

	if (length.p && !str_starts(request, S("HEAD"))) {
		CHECK(str_i64(length, 0, INT64_MAX, &n));
		CHECK_I64((int64_t)body_of(answer).n, n);
	}
	return answer;
}

static str get(struct site_test *t, const char *target)
{
	return ask(t, "GET", target, "");
}

static const char en_json[] = "{\"common\":{\"title\":\"Title\"},\"hello\":\"\\u003c/script>\"}";

WORLD_TEST(cdn_answers_every_address_of_a_locale_with_the_same_bytes)
{
	static const char *const shapes[] = {
		"/acme/app/en/translations.json",
		"/acme/app/en.json",
		"/acme/app/translations/en.json",
		"/ACME/App/EN.json",
		"/acme/app/en.json?_bust=1&t=2",
		"/%61cme/app/%65n.json",
		"//acme/app/en.json",
	};
	struct site_test t;
	str tag = STR_NONE, a;

	make(&t, f);
	for (size_t i = 0; i < COUNT(shapes); i++) {
		a = get(&t, shapes[i]);
		CHECK_I64(status_of(a), 200);
		CHECK_STR(body_of(a), str_from(en_json));
		if (i > 0)
			CHECK_STR(header(&t, a, "ETag"), tag);
		tag = header(&t, a, "ETag");
	}
	a = get(&t, arena_cstr(t.w.a, arena_printf(t.w.a, "/" FMT_STR "/en/translations.json",
						   ARG_STR(t.uuid))));
	CHECK_STR(header(&t, a, "ETag"), tag);
	a = get(&t, arena_cstr(t.w.a,
			       arena_printf(t.w.a, "/acme/app/v/" FMT_STR "/en/translations.json",
					    ARG_STR(t.version))));
	CHECK_STR(header(&t, a, "ETag"), tag);
	CHECK_STR(header(&t, a, "Cache-Control"), S("public, max-age=31536000, immutable"));
	CHECK_I64(status_of(get(&t, "/acme/app/pt_BR/translations.json")), 200);
	CHECK_STR(body_of(get(&t, "/acme/app/pt_BR/common.json")), S("{\"title\":\"Título\"}"));
	drop(&t);
}

WORLD_TEST(cdn_sends_the_headers_of_the_contract)
{
	struct site_test t;
	str a, m;

	make(&t, f);
	a = get(&t, "/acme/app/en.json");
	CHECK_STR(header(&t, a, "Content-Type"), S("application/json; charset=utf-8"));
	CHECK_STR(header(&t, a, "Vary"), S("Accept-Encoding"));
	CHECK_STR(header(&t, a, "Access-Control-Allow-Origin"), S("*"));
	CHECK(str_starts(header(&t, a, "Access-Control-Expose-Headers"), S("ETag")));
	CHECK_STR(header(&t, a, "Timing-Allow-Origin"), S("*"));
	CHECK_STR(header(&t, a, "Cross-Origin-Resource-Policy"), S("cross-origin"));
	CHECK_STR(header(&t, a, "X-Content-Type-Options"), S("nosniff"));
	CHECK(str_starts(header(&t, a, "Cache-Control"), S("public, max-age=60")));
	CHECK(header(&t, a, "Last-Modified").n == 29 && header(&t, a, "ETag").n == 34);
	m = get(&t, "/acme/app/manifest.json");
	CHECK_STR(header(&t, m, "Cache-Control"),
		  S("public, max-age=0, s-maxage=0, must-revalidate"));
	CHECK(str_find(body_of(m), S("\"url\":\"http://cdn.test/acme/app/en/translations.json\"")) >
	      0);
	drop(&t);
}

WORLD_TEST(cdn_answers_preflights_without_looking)
{
	struct site_test t;
	str a;

	make(&t, f);
	a = ask(&t, "OPTIONS", "/no/such/en.json?x",
		"Origin: https://a.test\r\nAccess-Control-Request-Method: GET\r\n");
	CHECK_I64(status_of(a), 204);
	CHECK_STR(header(&t, a, "Access-Control-Allow-Methods"), S("GET, HEAD, OPTIONS"));
	CHECK(str_find(header(&t, a, "Access-Control-Allow-Headers"), S("If-None-Match")) > 0);
	CHECK_STR(header(&t, a, "Access-Control-Max-Age"), S("86400"));
	CHECK_I64((int64_t)body_of(a).n, 0);
	a = ask(&t, "DELETE", "/acme/app/en.json", "");
	CHECK_I64(status_of(a), 405);
	CHECK_STR(header(&t, a, "Allow"), S("GET, HEAD, OPTIONS"));
	CHECK_STR(header(&t, a, "Access-Control-Allow-Origin"), S("*"));
	drop(&t);
}

WORLD_TEST(cdn_answers_head_with_the_headers_of_get_and_no_body)
{
	struct site_test t;
	str a, b;

	make(&t, f);
	a = ask(&t, "HEAD", "/acme/app/en.json", "");
	b = get(&t, "/acme/app/en.json");
	CHECK_I64((int64_t)body_of(a).n, 0);
	CHECK_STR(header(&t, a, "Content-Length"), header(&t, b, "Content-Length"));
	CHECK_STR(header(&t, a, "ETag"), header(&t, b, "ETag"));
	drop(&t);
}

WORLD_TEST(cdn_says_not_modified_only_to_a_validator)
{
	struct site_test t;
	str a, tag, date;

	make(&t, f);
	a = get(&t, "/acme/app/en.json");
	tag = header(&t, a, "ETag");
	date = header(&t, a, "Last-Modified");
	a = ask(&t, "GET", "/acme/app/en.json",
		arena_cstr(t.w.a,
			   arena_printf(t.w.a, "If-None-Match: W/" FMT_STR "\r\n", ARG_STR(tag))));
	CHECK_I64(status_of(a), 304);
	CHECK_STR(header(&t, a, "ETag"), tag);
	CHECK(header(&t, a, "Cache-Control").n > 0 && header(&t, a, "Date").n > 0 &&
	      header(&t, a, "Vary").n > 0);
	CHECK_I64((int64_t)body_of(a).n, 0);
	a = ask(&t, "GET", "/acme/app/en.json",
		arena_cstr(t.w.a, arena_printf(t.w.a, "If-Modified-Since: " FMT_STR "\r\n",
					       ARG_STR(date))));
	CHECK_I64(status_of(a), 304);
	CHECK_I64(status_of(ask(&t, "GET", "/acme/app/en.json", "If-None-Match: \"other\"\r\n")),
		  200);
	CHECK_I64(status_of(ask(&t, "GET", "/acme/app/xx.json", "If-None-Match: *\r\n")), 200);
	drop(&t);
}

WORLD_TEST(cdn_compresses_by_what_the_client_accepts)
{
	struct site_test t;
	struct libdeflate_decompressor *d = libdeflate_alloc_decompressor();
	static char out[8192];
	size_t n = 0;
	str a, b;

	make(&t, f);
	b = get(&t, "/acme/app/tr.json");
	a = ask(&t, "GET", "/acme/app/tr.json", "Accept-Encoding: gzip\r\n");
	CHECK_STR(header(&t, a, "Content-Encoding"), S("gzip"));
	CHECK_STR(header(&t, a, "ETag"), header(&t, b, "ETag"));
	CHECK(libdeflate_gzip_decompress(d, body_of(a).p, body_of(a).n, out, sizeof(out), &n) ==
	      LIBDEFLATE_SUCCESS);
	CHECK_STR(((str){ out, n }), body_of(b));
	libdeflate_free_decompressor(d);
	a = ask(&t, "GET", "/acme/app/tr.json", "Accept-Encoding: gzip, br\r\n");
	CHECK_STR(header(&t, a, "Content-Encoding"), S("br"));
	a = ask(&t, "GET", "/acme/app/tr.json",
		"Accept-Encoding: gzip, br\r\nUser-Agent: okhttp/4.9.2\r\n");
	CHECK(header(&t, a, "Content-Encoding").p == NULL);
	/* Short ones are not worth it. */
	a = ask(&t, "GET", "/acme/app/en.json", "Accept-Encoding: gzip, br\r\n");
	CHECK(header(&t, a, "Content-Encoding").p == NULL);
	drop(&t);
}

WORLD_TEST(cdn_batch_has_every_namespace_that_was_asked_for)
{
	struct site_test t;
	str a;

	make(&t, f);
	a = get(&t, "/acme/spaced/en/batch.json?ns=common,auth,nope,common");
	CHECK_STR(body_of(a),
		  S("{\"auth\":{\"ok\":\"OK\"},\"common\":{\"title\":\"Title\"},\"nope\":{}}"));
	CHECK_STR(header(&t, a, "X-Batch-Requested"), S("3"));
	CHECK_STR(header(&t, a, "X-Batch-Count"), S("2"));
	CHECK(header(&t, a, "ETag").n > 0);
	a = get(&t, "/acme/spaced/en/batch.json?_t=1&ns=auth%2Ccommon");
	CHECK_STR(body_of(a), S("{\"auth\":{\"ok\":\"OK\"},\"common\":{\"title\":\"Title\"}}"));
	CHECK_STR(body_of(get(&t, "/acme/spaced/en/batch.json")), body_of(a));
	CHECK_STR(body_of(get(&t, "/acme/spaced/tr/batch.json?ns=auth,common")),
	          S("{\"auth\":{},\"common\":{\"title\":\"Başlık\"}}"));
	CHECK_STR(body_of(get(&t, "/acme/spaced/de/batch.json?ns=auth,common")), S("{}"));
	CHECK_I64(status_of(get(&t, "/acme/spaced/en/batch.json?ns=%zz")), 400);
	/* After a publish the list is assembled anew. */
	world_text(&t.w, t.spaced, "auth", "ok", "en", "Fine", "approved");
	world_publish(&t.w, "spaced");
	CHECK_STR(body_of(get(&t, "/acme/spaced/en/batch.json?ns=auth,common")),
	          S("{\"auth\":{\"ok\":\"Fine\"},\"common\":{\"title\":\"Title\"}}"));
	drop(&t);
}

WORLD_TEST(cdn_answers_missing_content_as_the_profile_says)
{
	static const struct { const char *target; int compat, strict; } rows[] = {
		{ "/acme/app/xx/translations.json", 200, 404 }, { "/acme/app/xx.json", 200, 404 },
		{ "/no/such/manifest.json", 200, 404 }, { "/no/such/en.json", 200, 404 },
		{ "/no/such/en/common.json", 200, 404 }, { "/acme/app/en/nope.json", 200, 200 },
		{ "/acme/app/xx/common.json", 200, 404 }, { "/acme/spaced/tr/auth.json", 200, 200 },
		{ "/acme/spaced/de/auth.json", 404, 404 }, { "/no/such/v/x-y/en/common.json", 404, 404 },
		{ "/acme/app/v/aaaaaaaa-bbbb/xx/common.json", 404, 404 },
		{ "/acme/app/v/aaaaaaaa-bbbb/en/nope.json", 200, 200 },
		{ "/" "00000000-0000-4000-8000-000000000000" "/en.json", 200, 404 },
		{ "/acme", 404, 404 }, { "/favicon.ico", 404, 404 }, { "/acme/app/logo.png", 404, 404 },
	};
	struct site_test t;
	str a;

	make(&t, f);
	for (int strict = 0; strict < 2; strict++) {
		t.w.settings.missing_strict = strict;
		for (size_t i = 0; i < COUNT(rows); i++) {
			a = get(&t, rows[i].target);
			CHECK_I64(status_of(a), strict ? rows[i].strict : rows[i].compat);
			CHECK_STR(header(&t, a, "Cache-Control"), S("no-store"));
			CHECK_STR(header(&t, a, "Access-Control-Allow-Origin"), S("*"));
			CHECK(header(&t, a, "ETag").p == NULL && body_of(a).p[0] == '{');
		}
	}
	a = get(&t, "/acme/app/v/aaaaaaaa-bbbb/en/translations.json");
	CHECK_STR(body_of(a), str_from(en_json));
	CHECK(str_starts(header(&t, a, "Cache-Control"), S("public, max-age=60")));
	drop(&t);
}

WORLD_TEST(cdn_serves_cold_files_after_a_restart_and_new_ones_after_a_publish)
{
	struct site_test t;
	str a;

	make(&t, f);
	stop(&t);
	world_stop(&t.w);
	world_start(&t.w);
	serve(&t);
	CHECK_STR(body_of(get(&t, "/acme/app/en.json")), str_from(en_json));
	a = ask(&t, "GET", "/acme/app/tr.json", "Accept-Encoding: br\r\n");
	CHECK_STR(header(&t, a, "Content-Encoding"), S("br"));
	CHECK_I64(status_of(get(&t, "/acme/app/manifest.json")), 200);
	CHECK_STR(body_of(get(&t, "/acme/spaced/en/batch.json?ns=auth")),
		  S("{\"auth\":{\"ok\":\"OK\"}}"));
	world_text(&t.w, t.app, "common", "title", "en", "New", "approved");
	world_publish(&t.w, "app");
	CHECK(str_find(body_of(get(&t, "/acme/app/en.json")), S("New")) > 0);
	drop(&t);
}

/* What the engine refuses before delivery sees it still reaches a page on another origin. */
WORLD_TEST(cdn_shapes_what_the_engine_refuses)
{
	struct site_test t;
	str a;

	make(&t, f);
	a = ask(&t, "GET", "/acme/app/en.json", "Content-Length: 2\r\n");
	CHECK_I64(status_of(a), 413);
	CHECK_STR(header(&t, a, "Access-Control-Allow-Origin"), S("*"));
	a = ask(&t, "POST", "/acme/app/en.json", "Content-Length: 2\r\n");
	CHECK_I64(status_of(a), 405);
	CHECK_STR(header(&t, a, "Access-Control-Allow-Origin"), S("*"));
	drop(&t);
}

WORLD_TEST(cdn_answers_pipelined_requests_in_order)
{
	struct site_test t;
	str one = STR_NONE, all, request;

	make(&t, f);
	request = S("GET /acme/app/en.json HTTP/1.1\r\nHost: x\r\n\r\n"
	            "GET /acme/spaced/en/batch.json?ns=auth HTTP/1.1\r\nHost: x\r\n\r\n"
	            "GET /acme/app/tr.json HTTP/1.1\r\nHost: x\r\n\r\n"
	            "GET /acme/app/en.json HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	all = talk(&t, request);
	one = str_from(en_json);
	CHECK(str_find(all, one) > 0);
	CHECK(str_ends(all, one));
	CHECK(str_find(all, S("{\"auth\":{\"ok\":\"OK\"}}")) > str_find(all, one));
	drop(&t);
}

TEST(batch_names_are_decoded_sorted_and_single)
{
	struct arena *a = arena_create(1024);
	struct strs names;
	bool many;

	CHECK(batch_names(a, S("x=1&ns=b,a%2Cc,,b&ns=d"), &names, &many));
	CHECK_I64((int64_t)names.n, 4);
	CHECK_STR(names.v[0], S("a"));
	CHECK_STR(names.v[3], S("d"));
	CHECK(batch_names(a, STR_NONE, &names, &many) && names.n == 0);
	CHECK(batch_names(a, S("ns="), &names, &many) && names.n == 0);
	CHECK(batch_names(a, S("ns"), &names, &many) && names.n == 0);
	CHECK(!batch_names(a, S("ns=%"), &names, &many) && !many);
	arena_destroy(a);
}
