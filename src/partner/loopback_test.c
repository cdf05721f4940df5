/* SPDX-License-Identifier: MIT */
#include "partner/loopback.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/test.h"

enum { SHORT_MS = 200, LONG_MS = 5000 };
static struct loopback l;

static int say(const char *text)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)l.port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	CHECK(connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0);
	CHECK(send(fd, text, strlen(text), 0) == (ssize_t)strlen(text));
	return fd;
}

static int status_heard(int fd)
{
	char answer[4096];
	size_t n = 0;
	ssize_t got;
	int64_t status = 0;

	while (n < sizeof(answer) && (got = recv(fd, answer + n, sizeof(answer) - n, 0)) > 0)
		n += (size_t)got;
	close(fd);
	return n > 12 && str_i64((str){ answer + 9, 3 }, 100, 599, &status) ? (int)status : 0;
}

static int refusal_of(const char *request)
{
	const char *query;
	int fd = say(request);

	CHECK(loopback_next(&l, clock_mono_ms() + SHORT_MS, &query) == NULL);
	return status_heard(fd);
}

TEST(a_callback_is_heard_among_idle_connections_and_split_requests)
{
	struct loopback_peer *peer;
	const char *query;
	int idle, slow;

	CHECK(loopback_open(&l, 0, 0));
	idle = say("");
	slow = say("GET /callback?code=a&st");
	CHECK(loopback_next(&l, clock_mono_ms() + SHORT_MS, &query) == NULL);
	CHECK(send(slow, "ate=b HTTP/1.1\r\nHost: x\r\n\r\n", 27, 0) == 27);
	peer = loopback_next(&l, clock_mono_ms() + LONG_MS, &query);
	CHECK(peer != NULL);
	CHECK(strcmp(query, "code=a&state=b") == 0);
	loopback_answer(peer, 200, "Connected", "Done.");
	CHECK(status_heard(slow) == 200);
	close(idle);
	loopback_close(&l);
}

TEST(everything_but_a_callback_is_answered_and_forgotten)
{
	static const struct {
		const char *request;
		int status;
	} refused[] = {
		{ "GET /favicon.ico HTTP/1.1\r\n\r\n", 404 },
		{ "GET /callback HTTP/1.1\r\n\r\n", 404 },
		{ "GET /callbacks?code=a HTTP/1.1\r\n\r\n", 404 },
		{ "POST /callback?code=a HTTP/1.1\r\n\r\n", 405 },
		{ "nonsense\r\n\r\n", 400 },
		{ "\r\n\r\n", 400 },
		{ "GET /callback?code=a\r\n\r\n", 400 },
	};

	CHECK(loopback_open(&l, 0, 0));
	for (size_t i = 0; i < COUNT(refused); i++)
		CHECK(refusal_of(refused[i].request) == refused[i].status);
	loopback_close(&l);
}

TEST(a_request_without_end_is_cut_off)
{
	static char long_one[LOOPBACK_REQUEST_MAX];

	memset(long_one, 'a', sizeof(long_one) - 1);
	CHECK(loopback_open(&l, 0, 0));
	CHECK(refusal_of(long_one) == 431);
	loopback_close(&l);
}

TEST(a_taken_port_is_an_error_if_asked_for_and_another_if_not)
{
	static struct loopback second;

	CHECK(loopback_open(&l, 0, 0));
	CHECK(!loopback_open(&second, l.port, 0));
	CHECK(loopback_open(&second, 0, l.port));
	CHECK(second.port != l.port);
	loopback_close(&second);
	loopback_close(&l);
}
