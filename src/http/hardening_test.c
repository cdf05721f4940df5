/* SPDX-License-Identifier: MIT
 *
 * The contract "http-hardening" over a real socket: what the server refuses, with which status, and
 * that the client can read the answer before the connection ends. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "http/server_test.h"

#define H   "GET /hello HTTP/1.1\r\nHost: a\r\n"
#define P   "POST /echo HTTP/1.1\r\nHost: a\r\n"
#define END "Connection: close\r\n\r\n"
#define TE  P "Transfer-Encoding: chunked\r\n\r\n"

static const struct probe { const char *rule; str bytes; int status; } probes[] = {
	{ "HTTP/1.1 without Host", STR("GET /hello HTTP/1.1\r\n\r\n"), 400 },
	{ "two Host headers", STR(H "Host: a\r\n\r\n"), 400 },
	{ "Content-Length and Transfer-Encoding",
	  STR(P "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400 },
	{ "two differing Content-Length", STR(P "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!"), 400 },
	{ "Content-Length list", STR(P "Content-Length: 0, 5\r\n\r\nhello"), 400 },
	{ "Content-Length with plus", STR(P "Content-Length: +5\r\n\r\nhello"), 400 },
	{ "Content-Length in hexadecimal", STR(P "Content-Length: 0x5\r\n\r\nhello"), 400 },
	{ "Content-Length of 2^64+5", STR(P "Content-Length: 18446744073709551621\r\n\r\nhello"), 400 },
	{ "Content-Length beyond the route's", STR(P "Content-Length: 65537\r\n\r\n"), 413 },
	{ "Transfer-Encoding: xchunked", STR(P "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"), 501 },
	{ "Transfer-Encoding: gzip, chunked", STR(P "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"), 501 },
	{ "space before the colon", STR(P "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"), 400 },
	{ "Transfer-Encoding on HTTP/1.0",
	  STR("POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400 },
	{ "chunk size overflow", STR(TE "10000000000000003\r\nabc\r\n0\r\n\r\n"), 400 },
	{ "chunk size 2^64-1", STR(TE "ffffffffffffffff\r\nabc\r\n0\r\n\r\n"), 413 },
	{ "chunk size 0x3", STR(TE "0x3\r\nabc\r\n0\r\n\r\n"), 400 },
	{ "chunk extension with bare LF", STR(TE "3;a\nabc\r\n0\r\n\r\n"), 400 },
	{ "bare LF line ends", STR("GET /hello HTTP/1.1\nHost: a\n\n"), 400 },
	{ "bare LF after a field", STR(H "X: y\n\r\n"), 400 },
	{ "obs-fold", STR(H "X: y\r\n z\r\n\r\n"), 400 },
	{ "empty header name", STR(H ": y\r\n\r\n"), 400 },
	{ "space inside a header name", STR(H "X Y: z\r\n\r\n"), 400 },
	{ "NUL in a value", STR(H "X: a\0b\r\n\r\n"), 400 },
	{ "lone CR in a value", STR(H "X: a\rb\r\n\r\n"), 400 },
	{ "header line without colon", STR(H "nonsense\r\n\r\n"), 400 },
	{ "two spaces in the request line", STR("GET  /hello HTTP/1.1\r\nHost: a\r\n\r\n"), 400 },
	{ "unknown Expect", STR(P "Expect: 200-ok\r\nContent-Length: 2\r\n\r\nhi"), 417 },
	{ "encoded NUL in the path", STR("GET /a%00b HTTP/1.1\r\nHost: a\r\n\r\n"), 400 },
	{ "dot segments", STR("GET /a/../hello HTTP/1.1\r\nHost: a\r\n\r\n"), 400 },
	{ "encoded dot segments", STR("GET /a/%2e%2E/hello HTTP/1.1\r\nHost: a\r\n\r\n"), 400 },
	{ "malformed escape", STR("GET /describe/%zz HTTP/1.1\r\nHost: a\r\n\r\n"), 400 },
	{ "unknown method", STR("FROB /hello HTTP/1.1\r\nHost: a\r\n\r\n"), 501 },
	{ "HTTP/2 without asking", STR("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505 },
	{ "HTTP/0.9", STR("GET /hello\r\n\r\n"), 400 },
	{ "TLS greeting", STR("\x16\x03\x01\x02\x00\x01\x00"), 400 },
	{ "chunk body larger than the route's", STR("POST /own HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
	  "chunked\r\n\r\nb\r\n0123456789a\r\n0\r\n\r\n"), 413 },
	{ "compressed body", STR(P "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\nhi"), 415 },
	{ "compressed chunks", STR(P "Content-Encoding: identity, br\r\nTransfer-Encoding: chunked\r\n\r\n"
	  "2\r\nhi\r\n0\r\n\r\n"), 415 },
	{ "body where none is taken", STR(H "Content-Length: 2\r\n\r\nhi"), 413 },
	{ "chunked body where none is taken", STR(H "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 413 },
};

TEST(rule_234_hardening_refuses_with_an_answer_and_closes)
{
	for (size_t i = 0; i < COUNT(probes); i++) {
		struct answer *a = talk(probes[i].bytes);

		if (answer_status(a) != probes[i].status || !a->closed || a->ms > 1900 ||
		    !answer_has(a, "Connection: close\r\n") || answer_count(a, "HTTP/1.1 ") != 1) {
			fprintf(stderr, "%s: wanted %d, got:\n%.300s\n", probes[i].rule,
			        probes[i].status, a->text);
			test_fail(__FILE__, __LINE__, probes[i].rule);
		}
	}
}

/* A refused request must never hide a second one that then is answered. */
TEST(rule_234_hardening_answers_nothing_after_a_refusal)
{
	for (size_t i = 0; i < COUNT(probes); i++) {
		char text[1024];
		size_t n = probes[i].bytes.n;
		struct answer *a;

		memcpy(text, probes[i].bytes.p, n);
		memcpy(text + n, H END, sizeof H END - 1);
		a = talk((str){ text, n + sizeof H END - 1 });
		if (answer_count(a, "HTTP/1.1 ") != 1 || answer_has(a, "hello\r\n"))
			test_fail(__FILE__, __LINE__, probes[i].rule);
	}
}

static const struct { const char *rule; str bytes; int status; const char *has; } accepted[] = {
	{ "absolute-form is routed", STR("GET http://b.example/describe HTTP/1.1\r\nHost: a\r\n" END), 200,
	  "path=/describe query= key= host=b.example" },
	{ "leading CRLF", STR("\r\n\r\n" H END), 200, "hello" },
	{ "double slash", STR("GET //hello HTTP/1.1\r\nHost: a\r\n" END), 200, "hello" },
	{ "HTTP/1.0 closes", STR("GET /hello HTTP/1.0\r\n\r\n"), 200, "Connection: close\r\n" },
	{ "Upgrade is ignored", STR(H "Upgrade: h2c\r\nConnection: upgrade, close\r\n\r\n"), 200, "hello" },
	{ "100-continue with the body already there",
	  STR(P "Expect: 100-continue\r\nContent-Length: 2\r\n" END "hi"), 200, "2:hi" },
	{ "chunked with extension and trailer",
	  STR(P "Transfer-Encoding: chunked\r\n" END "2;x=y\r\nhi\r\n0\r\nX-T: u\r\n\r\n"), 200, "2:hi" },
	{ "empty chunked body", STR(P "Transfer-Encoding: chunked\r\n" END "0\r\n\r\n"), 200, "0:" },
	{ "no body", STR(P END), 200, "0:" },
	{ "obs-text in a value", STR(H "X-Own: \xc3\xa4\r\n" END), 200, "hello" },
};

TEST(hardening_takes_what_is_unusual_but_right)
{
	for (size_t i = 0; i < COUNT(accepted); i++) {
		struct answer *a = talk(accepted[i].bytes);

		if (answer_status(a) != accepted[i].status || !answer_has(a, accepted[i].has)) {
			fprintf(stderr, "%s: got:\n%.300s\n", accepted[i].rule, a->text);
			test_fail(__FILE__, __LINE__, accepted[i].rule);
		}
	}
}

/* before + n times 'a' + after, sent at once. */
static struct answer *talk_padded(const char *before, size_t n, const char *after)
{
	size_t a = strlen(before), b = strlen(after);
	char *text = malloc(a + n + b);
	struct answer *answer;

	memcpy(text, before, a);
	memset(text + a, 'a', n);
	memcpy(text + a + n, after, b);
	answer = talk((str){ text, a + n + b });
	free(text);
	return answer;
}

TEST(hardening_answers_431_to_large_header_fields)
{
	CHECK_I64(answer_status(talk_padded(H "X: ", 31 * 1024, "\r\n" END)), 200);
	CHECK_I64(answer_status(talk_padded(H "X: ", 33 * 1024, "\r\n" END)), 431);
	CHECK_I64(answer_status(talk_padded(H "X: ", 64 * 1024, "\r\n" END)), 431);
	CHECK_I64(answer_status(talk_padded(H "X: ", 1024 * 1024, "\r\n" END)), 431);
}

TEST(hardening_answers_431_to_many_header_fields)
{
	struct buf b;

	buf_init(&b, 64 * KIB);
	BUF_LIT(&b, H);
	for (int i = 0; i < 200; i++)
		BUF_LIT(&b, "A: b\r\n");
	BUF_LIT(&b, END);
	CHECK_I64(answer_status(talk(buf_view(&b))), 431);
	buf_fini(&b);
}

TEST(hardening_answers_414_by_route)
{
	const char *rest = " HTTP/1.1\r\nHost: a\r\n" END;

	CHECK_I64(answer_status(talk_padded("GET /hello?", 8 * 1024 - 7, rest)), 200);
	CHECK_I64(answer_status(talk_padded("GET /hello?", 8 * 1024 - 6, rest)), 414);
	CHECK_I64(answer_status(talk_padded("GET /cdn/", 12 * 1024, rest)), 200);
	CHECK_I64(answer_status(talk_padded("GET /cdn/", 17 * 1024, rest)), 414);
	CHECK_I64(answer_status(talk_padded("GET /long?", 127 * 1024, rest)), 200);
	CHECK_I64(answer_status(talk_padded("GET /long?", 129 * 1024, rest)), 414);
	CHECK_I64(answer_status(talk_padded("GET /long?", 1024 * 1024, rest)), 414);
}

/* ---- slow clients ---- */

/* Sends one byte every `pause_ms` until the server answers or closes; returns ms until then. */
static long drip(int fd, const char *first, char c, int pause_ms, struct answer **out)
{
	int64_t from = clock_mono_ms();

	client_send(fd, str_from(first));
	while (clock_mono_ms() - from < 10000) {
		struct pollfd p = { .fd = fd, .events = POLLIN };

		client_send(fd, (str){ &c, 1 });
		if (poll(&p, 1, pause_ms) > 0)
			break;
	}
	*out = client_read(fd, 500);
	return (long)(clock_mono_ms() - from);
}

TEST(rule_235_hardening_cuts_a_dripping_header_at_its_deadline)
{
	int fd = client_open(test_port());
	struct answer *a;
	long ms = drip(fd, H "X: ", 'a', 50, &a);

	close(fd);
	CHECK_I64(answer_status(a), 408);
	CHECK(a->closed && answer_has(a, "default:request_timeout"));
	CHECK(ms >= 350 && ms < 3000);
}

TEST(rule_235_hardening_cuts_a_dripping_body_at_its_deadline)
{
	int fd = client_open(test_port());
	struct answer *a;
	long ms = drip(fd, P "Content-Length: 5000\r\n\r\n", 'a', 50, &a);

	close(fd);
	CHECK_I64(answer_status(a), 408);
	CHECK(a->closed && ms >= 550 && ms < 3000);
}

TEST(rule_235_hardening_cuts_a_dripping_chunked_body)
{
	int fd = client_open(test_port());
	struct answer *a;
	long ms = drip(fd, P "Transfer-Encoding: chunked\r\n\r\nfff\r\n", 'a', 50, &a);

	close(fd);
	CHECK_I64(answer_status(a), 408);
	CHECK(a->closed && ms < 3000);
}

TEST(rule_235_hardening_cuts_a_body_below_the_minimum_rate)
{
	struct http_server *s = test_server(&(struct http_config){
		.body_deadline_ms = 60000, .rate_min_bytes_s = 1000 });
	int fd = client_open(http_server_port(s));
	struct answer *a;
	long ms = drip(fd, P "Content-Length: 60000\r\n\r\n", 'a', 100, &a);

	close(fd);
	CHECK_I64(answer_status(a), 408);
	CHECK(ms >= 4900 && ms < 9000);
	test_server_end(s);
}

TEST(rule_235_hardening_closes_idle_connections)
{
	int fd = client_open(test_port());
	struct answer *a;

	client_send(fd, S(H "\r\n"));
	a = client_read(fd, PATIENCE_MS);
	close(fd);
	CHECK_I64(answer_status(a), 200);
	CHECK(a->closed && a->ms >= 1950 && a->ms < 4000);
	CHECK_I64(answer_count(a, "HTTP/1.1 "), 1);
}

TEST(rule_235_hardening_closes_connections_that_say_nothing)
{
	int fd = client_open(test_port());
	struct answer *a = client_read(fd, PATIENCE_MS);

	close(fd);
	CHECK(a->closed && a->n == 0 && a->ms >= 350 && a->ms < 3000);
}

TEST(rule_235_hardening_cuts_a_client_that_does_not_read)
{
	struct http_server *s = test_server(&(struct http_config){ .rate_min_bytes_s = 64 * 1024 * 1024 });
	int fd = client_open(http_server_port(s)), small = 4096, before = atomic_load(&done_calls);
	int64_t from = clock_mono_ms();

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
	client_send(fd, S("GET /big HTTP/1.1\r\nHost: a\r\n\r\n"));
	while (atomic_load(&done_calls) == before && clock_mono_ms() - from < 5000)
		(void)poll(NULL, 0, 20);
	CHECK(atomic_load(&done_calls) == before + 1);
	CHECK(clock_mono_ms() - from >= 700);
	close(fd);
	test_server_end(s);
}

TEST(hardening_lets_a_refused_uploader_read_its_answer)
{
	/* More than the socket buffers hold: the server must go on reading for a while. */
	struct answer *a = talk_padded(P "Content-Length: 3000000\r\n\r\n", 3000000, "");

	CHECK_I64(answer_status(a), 413);
	CHECK(answer_has(a, "default:payload_too_large"));
}
