/* SPDX-License-Identifier: MIT
 *
 * The server over real sockets: order, deferred answers, streams, limits, start and stop. */
#include "http/server_test.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"

#define G(path) "GET " path " HTTP/1.1\r\nHost: a\r\n"
#define END "Connection: close\r\n\r\n"

static const struct http_config as_is;

/* ---- answers ---- */

TEST(server_adds_date_length_and_request_id)
{
	struct answer *a = talk(S(G("/hello") END));

	CHECK_I64(answer_status(a), 200);
	CHECK(answer_has(a, "\r\nDate: ") && answer_has(a, " GMT\r\n"));
	CHECK(answer_has(a, "\r\nContent-Length: 5\r\n") && answer_has(a, "\r\nX-Request-Id: "));
	CHECK(answer_has(a, "\r\n\r\nhello") && a->closed);
}

TEST(server_sends_no_body_for_head_and_304)
{
	struct answer *a = talk(S("HEAD /hello HTTP/1.1\r\nHost: a\r\n" END));

	CHECK(answer_has(a, "Content-Length: 5\r\n") && !answer_has(a, "hello"));
	a = talk(S("HEAD /prebuilt HTTP/1.1\r\nHost: a\r\n" END));
	CHECK(answer_has(a, "Content-Length: 8\r\n") && !answer_has(a, "prebuilt"));
	a = talk(S(G("/304") END));
	CHECK_I64(answer_status(a), 304);
	CHECK(!answer_has(a, "never"));
	a = talk(S("HEAD /stream HTTP/1.1\r\nHost: a\r\n" END));
	CHECK(answer_status(a) == 200 && !answer_has(a, "0123"));
}

TEST(server_calls_done_once_for_each_prebuilt_answer)
{
	int before = atomic_load(&done_calls);

	(void)talk(S(G("/prebuilt") "\r\n" G("/304") "\r\n" G("/prebuilt") END));
	for (int i = 0; i < 100 && atomic_load(&done_calls) < before + 3; i++)
		(void)poll(NULL, 0, 10);
	CHECK_I64(atomic_load(&done_calls), before + 3);
}

TEST(server_sends_a_large_answer_whole)
{
	int fd = client_open(test_port());
	size_t n = 0;
	static char piece[256 * 1024];
	ssize_t got;

	client_send(fd, S(G("/big") END));
	while ((got = recv(fd, piece, sizeof piece, 0)) > 0)
		n += (size_t)got;
	close(fd);
	CHECK(got == 0 && n > 8 * MIB && n < 8 * MIB + 300);
}

TEST(server_gives_the_handler_what_was_sent)
{
	struct answer *a = talk(S("GET /describe/a%20b%2Fc?x=%zz HTTP/1.1\r\nHost: h:1\r\n"
	                          "Cookie: a=1; sid=\"s 1\"; b=2\r\nX-Own: mine\r\n" END));

	CHECK(answer_has(a, "path=/describe/a%20b%2Fc query=x=%zz key=a b/c host=h:1 cookie=s 1 own=mine "
	                    "peer=127.0.0.1 secure=0 row=row user=user unix=0 method=GET\n"));
}

TEST(server_takes_a_cookie_sent_twice_for_none)
{
	CHECK(answer_has(talk(S(G("/describe") "Cookie: sid=1; sid=2\r\n" END)), "cookie= "));
	CHECK(answer_has(talk(S(G("/describe") "Cookie: sid=1\r\nCookie: sid=2\r\n" END)), "cookie= "));
	CHECK(answer_has(talk(S(G("/describe") "Cookie: xsid=1; sid =2;sid\r\n" END)), "cookie=2 "));
}

TEST(server_refuses_a_parameter_that_is_not_utf8)
{
	CHECK_I64(answer_status(talk(S(G("/describe/%ff") END))), 400);
}

/* ---- routing ---- */

TEST(server_names_the_allowed_methods)
{
	struct answer *a = talk(S("DELETE /length HTTP/1.1\r\nHost: a\r\n\r\n" G("/hello") END));

	CHECK_I64(answer_status(a), 405);
	CHECK(answer_has(a, "Allow: POST, PUT, OPTIONS\r\n"));
	CHECK(answer_has(a, "default:method_not_allowed") && answer_has(a, "hello"));
}

TEST(server_answers_options_where_no_route_does)
{
	struct answer *a = talk(S("OPTIONS /length HTTP/1.1\r\nHost: a\r\n" END));

	CHECK_I64(answer_status(a), 204);
	CHECK(answer_has(a, "Allow: POST, PUT, OPTIONS\r\n") && !answer_has(a, "Content-Length"));
	CHECK(answer_has(talk(S("OPTIONS /preflight HTTP/1.1\r\nHost: a\r\n" END)), "hello"));
	CHECK_I64(answer_status(talk(S("OPTIONS * HTTP/1.1\r\nHost: a\r\n" END))), 204);
}

TEST(server_leaves_other_paths_to_the_fallback)
{
	CHECK(answer_has(talk(S(G("/acme/site/en.json") END)), "fallback"));
	CHECK(answer_has(talk(S("OPTIONS /acme HTTP/1.1\r\nHost: a\r\n" END)), "fallback"));
	CHECK(answer_has(talk(S(G("/hello/x") END)), "default:not_found"));
}

TEST(server_refuses_in_the_shape_of_the_route)
{
	struct answer *a = talk(S("POST /own HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n"));

	CHECK_I64(answer_status(a), 413);
	CHECK(answer_has(a, "own:payload_too_large"));
	CHECK(answer_has(talk(S("GET /own HTTP/1.1\r\nHost: a\r\n" END)), "own:method_not_allowed"));
	CHECK(answer_has(talk(S("POST /own?aaaaaaaaaaaaaaaaaaaa HTTP/1.1\r\nHost: a\r\n" END)),
	                 "own:uri_too_long"));
}

/* ---- order on one connection ---- */

TEST(server_answers_pipelined_requests_in_order)
{
	struct answer *a = talk(S(G("/describe/1") "\r\n" G("/describe/2") "\r\n" G("/describe/3") END));

	CHECK_I64(answer_count(a, "HTTP/1.1 200 OK\r\n"), 3);
	CHECK(strstr(a->text, "key=1") < strstr(a->text, "key=2"));
	CHECK(strstr(a->text, "key=2") < strstr(a->text, "key=3"));
}

TEST(server_answers_pipelined_requests_in_order_when_some_are_deferred)
{
	struct answer *a = talk(S(G("/defer?first") "\r\n" G("/describe/2") "\r\n" G("/post") "\r\n"
	                          G("/after") "\r\n" G("/stream") "\r\n" G("/defer?last") END));
	const char *marks[] = { "deferred first", "key=2", "posted", "posted", "0123456789",
	                        "deferred last" };
	const char *p = a->text;

	CHECK_I64(answer_count(a, "HTTP/1.1 200 OK\r\n"), 6);
	for (size_t i = 0; i < COUNT(marks); i++) {
		p = strstr(p, marks[i]);
		CHECK(p != NULL);
		p++;
	}
}

TEST(server_answers_many_pipelined_requests_however_they_arrive)
{
	enum { MANY = 500 };
	static const str one = STR(G("/prebuilt") "Cookie: 0123456789012345678901234567890123456789\r\n\r\n");
	int fd = client_open(test_port());
	struct buf b;
	struct answer *a;

	buf_init(&b, MIB);
	for (int i = 0; i < MANY; i++)
		buf_str(&b, one);
	BUF_LIT(&b, G("/hello") END);
	for (size_t at = 0, step = 1; at < b.n; at += step, step = step % 1999 + 131)
		client_send(fd, str_sub(buf_view(&b), at, step));
	a = client_read(fd, PATIENCE_MS);
	CHECK_I64(answer_count(a, "prebuilt"), MANY);
	CHECK(answer_has(a, "hello") && a->closed);
	buf_fini(&b);
	close(fd);
}

TEST(server_takes_a_request_byte_by_byte)
{
	static const str bytes = STR("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n" END
	                             "5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nT: v\r\n\r\n");
	int fd = client_open(test_port());
	struct answer *a;

	for (size_t i = 0; i < bytes.n; i++) {
		client_send(fd, str_sub(bytes, i, 1));
		(void)poll(NULL, 0, i % 8 == 0);
	}
	a = client_read(fd, PATIENCE_MS);
	close(fd);
	CHECK(answer_has(a, "\r\n\r\n11:hello world"));
}

TEST(server_keeps_http_1_0_connections_only_when_asked)
{
	struct answer *a = talk(S("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
	                          "GET /hello HTTP/1.0\r\n\r\n"));

	CHECK_I64(answer_count(a, "HTTP/1.1 200"), 2);
	CHECK_I64(answer_count(a, "Connection: keep-alive\r\n"), 1);
	CHECK(a->closed && a->ms < 1500);
}

TEST(server_answers_all_before_a_half_closed_connection_ends)
{
	int fd = client_open(test_port());
	struct answer *a;

	client_send(fd, S(G("/defer") "\r\n" G("/hello") "\r\n" G("/hel")));
	shutdown(fd, SHUT_WR);
	a = client_read(fd, PATIENCE_MS);
	close(fd);
	CHECK(answer_has(a, "deferred") && answer_has(a, "hello") && a->closed && a->ms < 1500);
	CHECK_I64(answer_count(a, "HTTP/1.1 "), 2);
}

/* ---- bodies ---- */

/* A body of n bytes in `how` ("Content-Length" or "" for chunks of 1000). */
static struct answer *upload(size_t n, bool chunked, unsigned *sum_out)
{
	int fd = client_open(test_port());
	struct buf b;
	struct answer *a;

	buf_init(&b, 4 * MIB);
	buf_printf(&b, "PUT /length HTTP/1.1\r\nHost: a\r\nConnection: close\r\n");
	if (chunked)
		BUF_LIT(&b, "Transfer-Encoding: chunked\r\n\r\n");
	else
		buf_printf(&b, "Content-Length: %zu\r\n\r\n", n);
	*sum_out = 0;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)(i * 7 + i / 251);

		*sum_out = *sum_out * 31 + c;
		if (chunked && i % 1000 == 0)
			buf_printf(&b, "%s%zx\r\n", i == 0 ? "" : "\r\n", n - i < 1000 ? n - i : 1000);
		buf_char(&b, (char)c);
	}
	if (chunked)
		BUF_LIT(&b, "\r\n0\r\n\r\n");
	CHECK(!b.full);
	client_send(fd, buf_view(&b));
	buf_fini(&b);
	a = client_read(fd, PATIENCE_MS);
	close(fd);
	return a;
}

TEST(server_takes_bodies_of_any_size_up_to_the_limit)
{
	static const size_t sizes[] = { 1, 100, 8000, 8100, 8192, 8193, 16384, 16385, 100000, 1048576 };

	for (size_t i = 0; i < 2 * COUNT(sizes); i++) {
		char want[64];
		unsigned sum;
		struct answer *a = upload(sizes[i / 2], i % 2 == 1, &sum);

		(void)snprintf(want, sizeof want, "length %zu sum %u", sizes[i / 2], sum);
		if (!answer_has(a, want))
			test_fail(__FILE__, (int)i, want);
	}
}

TEST(server_says_100_continue_when_the_body_is_wanted)
{
	int fd = client_open(test_port());
	struct answer *a;

	client_send(fd, S("POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
	                  "Content-Length: 5\r\n" END));
	a = client_wait(fd, "\r\n\r\n");
	CHECK_STR(((str){ a->text, a->n }), S("HTTP/1.1 100 Continue\r\n\r\n"));
	client_send(fd, S("hello"));
	a = client_read(fd, PATIENCE_MS);
	close(fd);
	CHECK(answer_status(a) == 200 && answer_has(a, "5:hello"));
}

TEST(server_says_no_100_continue_before_a_refusal)
{
	struct answer *a = talk(S("POST /own HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
	                          "Content-Length: 5000\r\n\r\n"));

	CHECK(answer_status(a) == 413 && answer_count(a, "HTTP/1.1 ") == 1 && a->closed);
}

TEST(server_answers_503_when_too_many_body_bytes_are_under_way)
{
	struct http_server *s = test_server(&(struct http_config){
		.body_bytes_in_flight_max = 100 * 1024, .body_deadline_ms = 5000 });
	int first = client_open(http_server_port(s)), second = client_open(http_server_port(s));
	static char part[60 * 1024];
	struct answer *a;

	client_send(first, S("PUT /length HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n"));
	client_send(first, (str){ part, sizeof part });
	(void)poll(NULL, 0, 100);
	client_send(second, S("PUT /length HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n"));
	client_send(second, (str){ part, sizeof part });
	a = client_read(second, PATIENCE_MS);
	CHECK_I64(answer_status(a), 503);
	close(first);
	close(second);
	test_server_end(s);
}

TEST(server_counts_large_heads_among_the_bytes_under_way)
{
	struct http_server *s = test_server(&(struct http_config){
		.body_bytes_in_flight_max = 100 * 1024, .header_deadline_ms = 5000 });
	int first = client_open(http_server_port(s)), second = client_open(http_server_port(s));
	static char part[60 * 1024];

	memset(part, 'a', sizeof part);
	client_send(first, S("GET /long?"));
	client_send(first, (str){ part, sizeof part });
	(void)poll(NULL, 0, 100);
	client_send(second, S("GET /long?"));
	client_send(second, (str){ part, sizeof part });
	CHECK_I64(answer_status(client_read(second, PATIENCE_MS)), 503);
	close(second);
	client_send(first, S(" HTTP/1.1\r\nHost: a\r\n" END));
	CHECK_I64(answer_status(client_read(first, PATIENCE_MS)), 200);
	close(first);
	test_server_end(s);
}

/* ---- streams ---- */

/* Undoes the chunked coding of a stream's body; false: it is not well-formed to the end. */
static bool unchunk(const char *p, size_t *n_out)
{
	*n_out = 0;
	for (;;) {
		char *end;
		size_t n = strtoull(p, &end, 16);

		if (end == p || end[0] != '\r' || end[1] != '\n')
			return false;
		if (n == 0)
			return strcmp(end, "\r\n\r\n") == 0;
		*n_out += n;
		p = end + 2 + n + 2;
	}
}

TEST(server_streams_in_chunks)
{
	struct answer *a = talk(S(G("/stream") END));
	size_t n;

	CHECK(answer_has(a, "Transfer-Encoding: chunked\r\n") && !answer_has(a, "Content-Length"));
	CHECK(unchunk(strstr(a->text, "\r\n\r\n") + 4, &n) && n == 500);
	a = talk(S(G("/stream-inline") END));
	CHECK(unchunk(strstr(a->text, "\r\n\r\n") + 4, &n) && n == 6);
}

TEST(server_streams_until_close_to_http_1_0)
{
	struct answer *a = talk(S("GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));

	CHECK(!answer_has(a, "chunked") && answer_has(a, "Connection: close\r\n") && a->closed);
	CHECK_I64((int64_t)strlen(strstr(a->text, "\r\n\r\n") + 4), 500);
}

static void expect_refused_streams(int want)
{
	for (int i = 0; i < 300 && atomic_load(&stream_refused) < want; i++)
		(void)poll(NULL, 0, 10);
	CHECK(atomic_load(&stream_refused) >= want);
}

TEST(server_tells_a_stream_that_its_client_has_gone)
{
	int before = atomic_load(&stream_refused), fd = client_open(test_port());

	client_send(fd, S(G("/stream-endless") "\r\n"));
	(void)client_wait(fd, "HTTP/1.1 200");
	close(fd);
	expect_refused_streams(before + 1);
}

TEST(server_cuts_a_stream_whose_client_does_not_read)
{
	int before = atomic_load(&stream_refused), fd;
	struct http_server *s = test_server(&(struct http_config){ .rate_min_bytes_s = 64 * 1024 * 1024 });

	fd = client_open(http_server_port(s));
	client_send(fd, S(G("/stream-endless") "\r\n"));
	expect_refused_streams(before + 1);
	close(fd);
	test_server_end(s);
}

/* ---- who asks ---- */

TEST(server_believes_trusted_proxies_only)
{
	static const str forwarded = STR(G("/describe") "X-Forwarded-For: 6.6.6.6, 203.0.113.7\r\n"
	                                 "X-Forwarded-Proto: https\r\n" END);
	struct http_server *s = test_server(&(struct http_config){ .trusted_proxies = "127.0.0.0/8" });
	int fd = client_open(http_server_port(s));

	client_send(fd, forwarded);
	CHECK(answer_has(client_read(fd, PATIENCE_MS), "peer=203.0.113.7 secure=1"));
	close(fd);
	CHECK(answer_has(talk(forwarded), "peer=127.0.0.1 secure=0"));
	test_server_end(s);
}

TEST(server_limits_connections_of_one_client)
{
	struct http_server *s = test_server(&(struct http_config){
		.connections_per_address_max = 2, .connections_max = 10, .header_deadline_ms = 3000 });
	int a = client_open(http_server_port(s)), b = client_open(http_server_port(s)), c;
	struct answer *answer;

	(void)poll(NULL, 0, 50);
	c = client_open(http_server_port(s));
	answer = client_read(c, PATIENCE_MS);
	CHECK(answer_status(answer) == 503 && answer->closed && answer_has(answer, "Retry-After: 1\r\n"));
	close(c);
	close(a);
	(void)poll(NULL, 0, 50);
	c = client_open(http_server_port(s));
	client_send(c, S(G("/hello") END));
	CHECK_I64(answer_status(client_read(c, PATIENCE_MS)), 200);
	close(b);
	close(c);
	test_server_end(s);
}

static int unix_client(const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(sa.sun_path, path, strlen(path));
	CHECK(connect(fd, (struct sockaddr *)&sa, sizeof sa) == 0);
	return fd;
}

TEST(server_listens_on_an_owner_only_unix_socket_with_its_own_routes)
{
	char path[64];
	struct http_server *s;
	struct stat st;
	int fd;

	(void)snprintf(path, sizeof path, "/tmp/http-test-%d.sock", (int)getpid());
	s = test_server(&(struct http_config){ .unix_path = path });
	CHECK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600);
	fd = unix_client(path);
	client_send(fd, S(G("/control") "\r\n" G("/describe") END));
	CHECK_I64(answer_count(client_read(fd, PATIENCE_MS), "peer=unix secure=0 row=row user=user unix=1"), 2);
	close(fd);
	CHECK(answer_has(talk(S(G("/control") END)), "fallback"));
	test_server_end(s);
	CHECK(stat(path, &st) != 0);
}

TEST(server_replaces_a_stale_unix_socket_but_no_living_one)
{
	struct http_config config = { .loops = 1 };
	struct http_server *a, *b;
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	struct err e = { .code = ERR_NONE };
	char path[64];
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(path, sizeof path, "/tmp/http-stale-%d.sock", (int)getpid());
	memcpy(sa.sun_path, path, strlen(path));
	CHECK(bind(fd, (struct sockaddr *)&sa, sizeof sa) == 0);
	close(fd);
	config.unix_path = path;
	CHECK(http_server_create(&config, &a, &e));
	CHECK(!http_server_create(&config, &b, &e));
	CHECK(e.code == ERR_UNAVAILABLE && strstr(e.say, path) != NULL);
	CHECK(access(path, F_OK) == 0);
	http_server_destroy(a);
}

TEST(server_refuses_a_port_in_use_and_a_bad_address)
{
	char text[32];
	struct http_config config = { .loops = 1, .listen = text };
	struct http_server *s;
	struct err e = { .code = ERR_NONE };

	(void)snprintf(text, sizeof text, "127.0.0.1:%d", test_port());
	CHECK(!http_server_create(&config, &s, &e));
	CHECK(e.code == ERR_UNAVAILABLE && strstr(e.say, text) != NULL);
	config.listen = "nowhere";
	CHECK(!http_server_create(&config, &s, &e));
	CHECK(e.code == ERR_INVALID_REQUEST && strstr(e.say, "nowhere") != NULL);
	config.listen = "127.0.0.1:0";
	config.trusted_proxies = "x";
	CHECK(!http_server_create(&config, &s, &e));
}

/* ---- clients that go away, and the end ---- */

TEST(server_keeps_an_exchange_valid_until_answered_though_its_client_has_gone)
{
	int before = atomic_load(&late_answers), fd = client_open(test_port());
	struct linger hard = { 1, 0 };

	client_send(fd, S(G("/late") "\r\n"));
	(void)poll(NULL, 0, 50);
	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);   /* a reset */
	close(fd);
	for (int i = 0; i < 200 && atomic_load(&late_answers) == before; i++)
		(void)poll(NULL, 0, 10);
	CHECK_I64(atomic_load(&late_answers), before + 1);
	CHECK(answer_has(talk(S(G("/hello") END)), "hello"));
}

TEST(server_survives_clients_that_vanish_at_any_byte)
{
	static const str bytes = STR("PUT /length HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n\r\n"
	                             "0123456789" "0123456789" G("/stream") "\r\n");
	struct linger hard = { 1, 0 };

	for (size_t n = 0; n <= bytes.n; n++) {
		int fd = client_open(test_port());

		client_send(fd, str_sub(bytes, 0, n));
		if (n % 2 == 0)
			(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
		close(fd);
	}
	CHECK(answer_has(talk(S(G("/hello") END)), "hello"));
}

TEST(server_finishes_what_is_under_way_when_stopped)
{
	struct http_server *s = test_server(&as_is);
	int busy = client_open(http_server_port(s)), idle = client_open(http_server_port(s));
	int64_t from = clock_mono_ms();
	struct answer *a;

	client_send(idle, S(G("/hello") "\r\n"));
	CHECK(answer_has(client_wait(idle, "hello"), "hello"));
	client_send(busy, S(G("/late") "\r\n"));
	(void)poll(NULL, 0, 50);
	http_server_stop(s, 5000);
	CHECK(clock_mono_ms() - from < 4000);
	a = client_read(busy, PATIENCE_MS);
	CHECK(answer_has(a, "late") && answer_has(a, "Connection: close\r\n") && a->closed);
	a = client_read(idle, PATIENCE_MS);
	CHECK(a->closed && a->n == 0);
	close(busy);
	close(idle);
	http_server_destroy(s);
}

TEST(server_stops_after_its_grace_and_takes_late_answers_quietly)
{
	struct http_server *s = test_server(&as_is);
	int before = atomic_load(&late_answers), fd = client_open(http_server_port(s));

	client_send(fd, S(G("/late") "\r\n"));
	(void)poll(NULL, 0, 50);
	http_server_stop(s, 100);
	CHECK(atomic_load(&late_answers) == before);
	CHECK(client_read(fd, PATIENCE_MS)->closed);
	close(fd);
	while (atomic_load(&late_answers) == before)
		(void)poll(NULL, 0, 10);
	(void)poll(NULL, 0, 100);
	http_server_destroy(s);
}

TEST(server_stops_while_handlers_wait_for_timers)
{
	struct http_server *s = test_server(&as_is);
	int a = client_open(http_server_port(s)), b = client_open(http_server_port(s));
	int calls = atomic_load(&access_calls);

	client_send(a, S(G("/wait") "\r\n"));
	client_send(b, S(G("/wait-more") "\r\n"));
	(void)poll(NULL, 0, 50);
	http_server_stop(s, 50);
	CHECK_I64(atomic_load(&access_calls), calls + 1);   /* the first was told and has answered */
	http_server_destroy(s);
	close(a);
	close(b);
}

TEST(server_can_be_destroyed_without_having_run)
{
	struct http_config config = { .listen = "127.0.0.1:0", .loops = 3 };
	struct http_server *s;
	struct err e;

	CHECK(http_server_create(&config, &s, &e));
	CHECK(http_server_port(s) > 0);
	http_server_destroy(s);
}

TEST(server_counts_every_answer_once)
{
	int before = atomic_load(&access_calls);
	long long bytes = atomic_load(&access_bytes);

	(void)talk(S(G("/hello") "\r\n" G("/nothing/x") "\r\n" G("/stream") "\r\n" G("/prebuilt") END));
	for (int i = 0; i < 100 && atomic_load(&access_calls) < before + 4; i++)
		(void)poll(NULL, 0, 10);
	CHECK_I64(atomic_load(&access_calls), before + 4);
	CHECK_I64(atomic_load(&access_bytes) - bytes, 5 + 8 + 500 + 8);
}

/* ---- many at once ---- */

static void *hammer(void *arg)
{
	static const str bytes = STR(G("/hello") "\r\n" G("/defer") "\r\n" G("/prebuilt") "\r\n"
	                             G("/post") "\r\n" G("/stream") END);
	char text[8192];

	for (int i = 0; i < 20; i++) {
		int fd = client_open(test_port());
		size_t n = 0;
		ssize_t got;

		client_send(fd, bytes);
		while ((got = recv(fd, text + n, sizeof text - 1 - n, 0)) > 0)
			n += (size_t)got;
		text[n] = '\0';
		close(fd);
		if (strstr(text, "hello") == NULL || strstr(text, "deferred") == NULL ||
		    strstr(text, "prebuilt") == NULL || strstr(text, "posted") == NULL ||
		    strstr(text, "\r\n0\r\n\r\n") == NULL)
			atomic_fetch_add((atomic_int *)arg, 1);
	}
	return NULL;
}

TEST(server_keeps_connections_apart_under_load)
{
	pthread_t threads[8];
	atomic_int wrong = 0;

	(void)test_port();
	for (size_t i = 0; i < COUNT(threads); i++)
		CHECK(pthread_create(&threads[i], NULL, hammer, &wrong) == 0);
	for (size_t i = 0; i < COUNT(threads); i++)
		pthread_join(threads[i], NULL);
	CHECK_I64(atomic_load(&wrong), 0);
}
