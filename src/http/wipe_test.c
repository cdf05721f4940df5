/* SPDX-License-Identifier: MIT
 *
 * Nothing of a request is left in memory once it is answered: a core dump, a swapped page or a
 * reused buffer must not give away a token. Looks through this process's own memory. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "http/server_test.h"

enum { SECRET_BYTES = 24, MASK = 0x55, REGION_BYTES_MAX = 64 * 1024 * 1024 };

/* Masked, so that the pattern itself is not found. */
static const unsigned char masked[SECRET_BYTES] = {
	'b' ^ MASK, 'i' ^ MASK, '_' ^ MASK, 'o' ^ MASK, 'a' ^ MASK, 't' ^ MASK, '_' ^ MASK, 'Q' ^ MASK,
	'7' ^ MASK, 'x' ^ MASK, 'K' ^ MASK, '3' ^ MASK, 'm' ^ MASK, 'Z' ^ MASK, 'p' ^ MASK, '9' ^ MASK,
	'W' ^ MASK, 'v' ^ MASK, 'L' ^ MASK, '2' ^ MASK, 'r' ^ MASK, 'T' ^ MASK, 'd' ^ MASK, '8' ^ MASK,
};

static int count_in(const unsigned char *p, size_t n)
{
	int found = 0;

	for (size_t i = 0; i + SECRET_BYTES <= n; i++) {
		size_t j = 0;

		while (j < SECRET_BYTES && (p[i + j] ^ MASK) == masked[j])
			j++;
		found += j == SECRET_BYTES;
	}
	return found;
}

static int count_in_region(int mem, unsigned long from, size_t n)
{
	static unsigned char page[64 * 1024];
	int found = 0;

	/* Windows overlap by a secret's length. What is copied here for looking is wiped again. */
	for (size_t at = 0; at < n; at += sizeof page - SECRET_BYTES) {
		size_t want = n - at < sizeof page ? n - at : sizeof page;
		ssize_t got = pread(mem, page, want, (off_t)(from + at));

		if (got > 0)
			found += count_in(page, (size_t)got);
		explicit_bzero(page, sizeof page);
	}
	return found;
}

static int count_in_process(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	int mem = open("/proc/self/mem", O_RDONLY | O_CLOEXEC), found = 0;
	char line[512];

	CHECK(maps != NULL && mem >= 0);
	while (fgets(line, sizeof line, maps) != NULL) {
		unsigned long from, to;
		char mode[8];

		if (sscanf(line, "%lx-%lx %7s", &from, &to, mode) == 3 && mode[0] == 'r' &&
		    mode[1] == 'w' && to - from <= REGION_BYTES_MAX)
			found += count_in_region(mem, from, to - from);
	}
	(void)fclose(maps);
	close(mem);
	return found;
}

static char secret_request[200 * 1024];

static size_t put_text(size_t at, const char *text)
{
	memcpy(secret_request + at, text, strlen(text));
	return at + strlen(text);
}

static size_t put_secret(size_t at)
{
	for (size_t i = 0; i < SECRET_BYTES; i++)
		secret_request[at + i] = (char)(masked[i] ^ MASK);
	return at + SECRET_BYTES;
}

/* Sends what was put and forgets it; the answer has nothing of it. */
static void ask(int fd, size_t n, const char *wanted)
{
	client_send(fd, (str){ secret_request, n });
	explicit_bzero(secret_request, sizeof secret_request);
	CHECK(answer_has(client_wait(fd, wanted), wanted));
}

TEST(wipe_leaves_nothing_of_answered_requests)
{
	struct http_server *s = test_server(&(struct http_config){
		.idle_ms = 60000, .header_deadline_ms = 60000, .loops = 1 });
	int fd = client_open(http_server_port(s));
	size_t n = put_text(0, "GET /hello?code=");

	CHECK_I64(count_in_process(), 0);
	n = put_secret(n);
	n = put_text(n, " HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ");
	CHECK_I64(count_in_process(), 1);          /* the search does find it */
	n = put_text(put_secret(n), "\r\n\r\n");
	ask(fd, n, "hello");

	n = put_text(0, "PUT /length HTTP/1.1\r\nHost: a\r\nContent-Length: 100024\r\nCookie: ");
	n = put_text(put_secret(n), "\r\nCookie: x=");
	n = put_text(put_secret(n), "\r\n\r\n");
	memset(secret_request + n, 'y', 100000);
	ask(fd, put_secret(n + 100000), "length 100024");

	n = put_text(0, "PUT /length HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nX-Own: ");
	n = put_text(put_secret(n), "\r\n\r\n18\r\n");
	n = put_text(put_secret(n), "\r\n0\r\n\r\n");
	ask(fd, n, "length 24");

	CHECK_I64(count_in_process(), 0);
	close(fd);
	test_server_end(s);
}
