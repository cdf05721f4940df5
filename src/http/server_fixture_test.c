/* SPDX-License-Identifier: MIT */
#include "http/server_test.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

atomic_int done_calls, stream_refused, late_answers, access_calls;
atomic_llong access_bytes;

enum { BIG_BYTES = 8 * 1024 * 1024 };

static void pause_ms(long ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

static void send_text(struct http_exchange *x, int status, str text)
{
	struct http_answer a = { .status = status, .content_type = S("text/plain"), .body = text };

	http_send(x, &a);
}

static void hello(struct http_exchange *x)
{
	send_text(x, 200, S("hello"));
}

static void fallback(struct http_exchange *x)
{
	send_text(x, 200, S("fallback"));
}

static void count_done(void *arg)
{
	(void)arg;
	atomic_fetch_add(&done_calls, 1);
}

static void prebuilt(struct http_exchange *x)
{
	http_send_prebuilt(x, S("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n"), S("prebuilt"), count_done,
	                   NULL);
}

static void not_modified(struct http_exchange *x)
{
	http_send_prebuilt(x, S("HTTP/1.1 304 Not Modified\r\nETag: \"e\"\r\n"), S("never sent"),
	                   count_done, NULL);
}

static void big(struct http_exchange *x)
{
	static char body[BIG_BYTES];

	http_send_prebuilt(x, S("HTTP/1.1 200 OK\r\nContent-Length: 8388608\r\n"),
	                   (str){ body, sizeof body }, count_done, NULL);
}

static void echo(struct http_exchange *x)
{
	send_text(x, 200, arena_printf(http_arena(x), "%zu:" FMT_STR, http_request(x)->body.n,
	                               ARG_STR(http_request(x)->body)));
}

static void length(struct http_exchange *x)
{
	str body = http_request(x)->body;
	unsigned sum = 0;

	for (size_t i = 0; i < body.n; i++)
		sum = sum * 31 + (unsigned char)body.p[i];
	send_text(x, 200, arena_printf(http_arena(x), "length %zu sum %u", body.n, sum));
}

static void describe(struct http_exchange *x)
{
	const struct http_request *r = http_request(x);
	str key = http_path_param(x, "key"), cookie = http_cookie(x, S("sid"));
	str own = http_header(x, S("x-own"));

	send_text(x, 200, arena_printf(http_arena(x),
	          "path=" FMT_STR " query=" FMT_STR " key=" FMT_STR " host=" FMT_STR " cookie=" FMT_STR
	          " own=" FMT_STR " peer=" FMT_STR " secure=%d row=%s user=%s unix=%d method="
	          FMT_STR "\n", ARG_STR(r->path), ARG_STR(r->query), ARG_STR(key),
	          ARG_STR(r->known[HTTP_HOST]), ARG_STR(cookie), ARG_STR(own), ARG_STR(r->peer),
	          r->secure, (const char *)http_route_row(x), (const char *)http_user(x),
	          r->over_unix_socket, ARG_STR(r->method_text)));
}

/* ---- answers from elsewhere ---- */

static void on_thread(struct http_exchange *x, void *(*fn)(void *))
{
	pthread_t thread;

	CHECK(pthread_create(&thread, NULL, fn, x) == 0);
	pthread_detach(thread);
}

static void *answer_soon(void *arg)
{
	struct http_exchange *x = arg;

	pause_ms(30);
	send_text(x, 200, arena_printf(http_arena(x), "deferred " FMT_STR,
	                               ARG_STR(http_request(x)->query)));
	return NULL;
}

static void *answer_late(void *arg)
{
	pause_ms(600);
	atomic_fetch_add(&late_answers, 1);
	send_text(arg, 200, S("late"));
	return NULL;
}

static void posted(void *arg)
{
	send_text(arg, 200, S("posted"));
}

static void *post_soon(void *arg)
{
	pause_ms(10);
	http_post(arg, posted, arg);
	return NULL;
}

static void defer(struct http_exchange *x)
{
	on_thread(x, answer_soon);
}

static void late(struct http_exchange *x)
{
	on_thread(x, answer_late);
}

static void post(struct http_exchange *x)
{
	on_thread(x, post_soon);
}

static void after(struct http_exchange *x)
{
	http_after(x, 50, posted, x);
}

/* Asks again each time it is called, also while the server stops. */
static void wait_more(void *arg)
{
	http_after(arg, 60000, wait_more, arg);
}

static void wait_endless(struct http_exchange *x)
{
	wait_more(x);
}

static void wait_long(struct http_exchange *x)
{
	http_after(x, 60000, posted, x);
}

/* ---- streams ---- */

static void *write_stream(void *arg)
{
	struct http_answer head = { .status = 200, .content_type = S("text/plain") };
	struct http_stream *s = http_stream_begin(arg, &head);
	bool alive = true;

	for (int i = 0; i < 50 && alive; i++) {
		alive = http_stream_write(s, S("0123456789"));
		if (i % 10 == 0)
			pause_ms(2);
	}
	http_stream_end(s);
	return NULL;
}

static void stream(struct http_exchange *x)
{
	on_thread(x, write_stream);
}

static void stream_inline(struct http_exchange *x)
{
	struct http_answer head = { .status = 200 };
	struct http_stream *s = http_stream_begin(x, &head);

	CHECK(http_stream_write(s, S("one")) && http_stream_write(s, S("")) &&
	      http_stream_write(s, S("two")));
	http_stream_end(s);
}

/* Writes until told that nobody listens. */
static void *write_endless(void *arg)
{
	static const char piece[32 * 1024];
	struct http_answer head = { .status = 200 };
	struct http_stream *s = http_stream_begin(arg, &head);

	while (http_stream_write(s, (str){ piece, sizeof piece }))
		CHECK(http_stream_pending(s) <= 512 * KIB);
	atomic_fetch_add(&stream_refused, 1);
	http_stream_end(s);
	return NULL;
}

static void stream_endless(struct http_exchange *x)
{
	on_thread(x, write_endless);
}

/* ---- shapes ---- */

static void default_shape(struct http_exchange *x, const struct err *e)
{
	struct http_answer a = {
		.status = err_status(e->code), .content_type = S("text/plain"),
		.body = arena_printf(http_arena(x), "default:" FMT_STR, ARG_STR(err_name(e->code))),
	};

	http_send(x, &a);
}

static void own_shape(struct http_exchange *x, const struct err *e)
{
	send_text(x, err_status(e->code), arena_printf(http_arena(x), "own:" FMT_STR " %s",
	                                               ARG_STR(err_name(e->code)), e->say));
}

#define GET(p, fn) { .methods = HTTP_GET, .pattern = (p), .handler = (fn), .row = "row" }
static const struct http_route routes[] = {
	GET("/hello", hello), GET("/prebuilt", prebuilt), GET("/304", not_modified),
	GET("/big", big), GET("/defer", defer), GET("/late", late), GET("/post", post),
	GET("/after", after), GET("/wait", wait_long), GET("/wait-more", wait_endless), GET("/stream", stream), GET("/stream-inline", stream_inline),
	GET("/stream-endless", stream_endless), GET("/describe", describe),
	GET("/describe/:key", describe),
	{ .methods = HTTP_POST, .pattern = "/echo", .handler = echo, .body_bytes_max = 64 * 1024 },
	{ .methods = HTTP_POST | HTTP_PUT, .pattern = "/length", .handler = length,
	  .body_bytes_max = 1024 * 1024 },
	{ .methods = HTTP_POST, .pattern = "/own", .handler = echo, .error = own_shape,
	  .body_bytes_max = 10, .target_bytes_max = 20 },
	{ .methods = HTTP_GET, .pattern = "/long", .handler = hello, .target_bytes_max = 128 * 1024 },
	{ .methods = HTTP_GET | HTTP_OPTIONS, .pattern = "/preflight", .handler = hello },
};

static const struct http_route unix_routes[] = { GET("/control", describe) };

static void count_access(const struct http_exchange *x, int status, size_t bytes, int64_t ns)
{
	CHECK(http_request(x) != NULL && status >= 200 && ns >= 0);
	atomic_fetch_add(&access_calls, 1);
	atomic_fetch_add(&access_bytes, (long long)bytes);
}

#define TAKE(member) if (extra->member != 0) config.member = extra->member
struct http_server *test_server(const struct http_config *extra)
{
	struct http_config config = {
		.listen = "127.0.0.1:0", .loops = 2, .routes = routes, .routes_n = COUNT(routes),
		.fallback = fallback, .fallback_target_bytes_max = 16 * 1024, .error = default_shape,
		.user = (void *)(uintptr_t)"user", .access = count_access,
		.header_deadline_ms = 400, .body_deadline_ms = 600, .idle_ms = 2000,
		.write_deadline_ms = 800, .unix_routes = unix_routes, .unix_routes_n = COUNT(unix_routes),
	};
	struct http_server *s = NULL;
	struct err e = { .code = ERR_NONE };

	TAKE(loops);
	TAKE(unix_path);
	TAKE(trusted_proxies);
	TAKE(header_deadline_ms);
	TAKE(body_deadline_ms);
	TAKE(idle_ms);
	TAKE(write_deadline_ms);
	TAKE(rate_min_bytes_s);
	TAKE(connections_max);
	TAKE(connections_per_address_max);
	TAKE(body_bytes_in_flight_max);
	if (!http_server_create(&config, &s, &e))
		test_fail(__FILE__, __LINE__, e.msg);
	http_server_run(s);
	return s;
}

void test_server_end(struct http_server *s)
{
	http_server_stop(s, 0);
	http_server_destroy(s);
}

static struct http_server *shared;

static void end_shared(void)
{
	pause_ms(100);   /* threads of deferred answers */
	test_server_end(shared);
}

int test_port(void)
{
	static const struct http_config as_is;

	if (shared == NULL) {
		shared = test_server(&as_is);
		atexit(end_shared);
	}
	return http_server_port(shared);
}

/* ---- clients ---- */

int client_open(int port)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	CHECK(connect(fd, (struct sockaddr *)&sa, sizeof sa) == 0);
	return fd;
}

void client_send(int fd, str bytes)
{
	while (bytes.n > 0) {
		ssize_t n = send(fd, bytes.p, bytes.n, MSG_NOSIGNAL);

		if (n <= 0)
			return;   /* refused while sending: what was answered tells */
		bytes = str_from_at(bytes, (size_t)n);
	}
}

static struct answer *read_until(int fd, int quiet_ms, const char *text)
{
	static struct answer a;
	int64_t from = clock_mono_ms();

	a.n = 0;
	a.closed = false;
	a.text[0] = '\0';
	while (text == NULL || !answer_has(&a, text)) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		ssize_t n;

		if (poll(&p, 1, quiet_ms) <= 0)
			break;
		n = recv(fd, a.text + a.n, sizeof a.text - 1 - a.n, 0);
		if (n <= 0) {
			a.closed = true;
			break;
		}
		a.n += (size_t)n;
		a.text[a.n] = '\0';
	}
	a.ms = (long)(clock_mono_ms() - from);
	return &a;
}

struct answer *client_read(int fd, int quiet_ms)
{
	return read_until(fd, quiet_ms, NULL);
}

struct answer *client_wait(int fd, const char *text)
{
	return read_until(fd, PATIENCE_MS, text);
}

struct answer *talk(str bytes)
{
	int fd = client_open(test_port());
	struct answer *a;

	client_send(fd, bytes);
	a = client_read(fd, PATIENCE_MS);
	close(fd);
	return a;
}

bool answer_has(const struct answer *a, const char *text)
{
	return memmem(a->text, a->n, text, strlen(text)) != NULL;
}

int answer_count(const struct answer *a, const char *text)
{
	const char *p = a->text;
	int n = 0;

	while ((p = memmem(p, a->n - (size_t)(p - a->text), text, strlen(text))) != NULL) {
		p += strlen(text);
		n++;
	}
	return n;
}

int answer_status(const struct answer *a)
{
	int64_t status;

	if (a->n < 12 || memcmp(a->text, "HTTP/1.1 ", 9) != 0 ||
	    !str_i64((str){ a->text + 9, 3 }, 100, 599, &status))
		return 0;
	return (int)status;
}
