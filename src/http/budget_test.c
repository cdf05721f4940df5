/* SPDX-License-Identifier: MIT
 *
 * What the hot path may cost: one read and one write a request, no allocation; what an idle connection may
 * weigh. Counts by standing before the C library's functions. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "http/http_int.h"
#include "http/server_test.h"

enum { CONNECTION_BYTES_MAX = 704, EXCHANGE_BYTES_MAX = 4608 };

TEST(budget_of_memory_holds)
{
	CHECK(sizeof(struct connection) <= CONNECTION_BYTES_MAX);
	CHECK(sizeof(struct http_exchange) <= EXCHANGE_BYTES_MAX);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && !defined(__clang__)

static atomic_int allocations, reads, writes;

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);

void *malloc(size_t n)
{
	atomic_fetch_add(&allocations, 1);
	return __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
	atomic_fetch_add(&allocations, 1);
	return __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
	atomic_fetch_add(&allocations, 1);
	return __libc_realloc(p, n);
}

ssize_t read(int fd, void *p, size_t n)
{
	atomic_fetch_add(&reads, 1);
	return syscall(SYS_read, fd, p, n);
}

ssize_t write(int fd, const void *p, size_t n)
{
	atomic_fetch_add(&writes, 1);
	return syscall(SYS_write, fd, p, n);
}

ssize_t send(int fd, const void *p, size_t n, int flags)
{
	atomic_fetch_add(&writes, 1);
	return syscall(SYS_sendto, fd, p, n, flags, NULL, 0);
}

ssize_t writev(int fd, const struct iovec *v, int n)
{
	atomic_fetch_add(&writes, 1);
	return syscall(SYS_writev, fd, v, n);
}

static void ask(int fd, str bytes, int times)
{
	char answer[4096];

	/* sendto and recv: not what is counted */
	for (int i = 0; i < times; i++) {
		CHECK(sendto(fd, bytes.p, bytes.n, MSG_NOSIGNAL, NULL, 0) == (ssize_t)bytes.n);
		CHECK(recv(fd, answer, sizeof answer, 0) > 0);
	}
}

static void reset_counts(void)
{
	atomic_store(&allocations, 0);
	atomic_store(&reads, 0);
	atomic_store(&writes, 0);
}

TEST(budget_of_an_inline_answer_is_one_read_one_write_and_no_allocation)
{
	static const str bytes = STR("GET /prebuilt HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n");
	enum { TIMES = 500 };
	struct http_server *s = test_server(&(struct http_config){ .loops = 1, .idle_ms = 60000 });
	int fd = client_open(http_server_port(s));

	ask(fd, bytes, 10);
	reset_counts();
	ask(fd, bytes, TIMES);
	CHECK_I64(atomic_load(&allocations), 0);
	/* Connections that earlier tests left behind may still be closing. */
	CHECK(atomic_load(&reads) >= TIMES && atomic_load(&reads) < TIMES + TIMES / 20);
	CHECK(atomic_load(&writes) >= TIMES && atomic_load(&writes) < TIMES + TIMES / 20);
	close(fd);
	test_server_end(s);
}

TEST(budget_of_a_built_answer_has_no_allocation_either)
{
	static const str bytes = STR("GET /describe/%41 HTTP/1.1\r\nHost: a\r\nCookie: a=b\r\nCookie: c=d\r\n\r\n");
	struct http_server *s = test_server(&(struct http_config){ .loops = 1, .idle_ms = 60000 });
	int fd = client_open(http_server_port(s));

	ask(fd, bytes, 10);
	reset_counts();
	ask(fd, bytes, 100);
	CHECK_I64(atomic_load(&allocations), 0);
	close(fd);
	test_server_end(s);
}

TEST(budget_of_pipelined_answers_is_one_write_for_all)
{
	static char requests[4096];
	struct http_server *s = test_server(&(struct http_config){ .loops = 1, .idle_ms = 60000 });
	int fd = client_open(http_server_port(s));
	size_t n = 0;

	for (int i = 0; i < 16; i++, n += strlen(requests + n))
		memcpy(requests + n, "GET /prebuilt HTTP/1.1\r\nHost: a\r\n\r\n", 36);
	ask(fd, (str){ requests, n }, 2);
	reset_counts();
	ask(fd, (str){ requests, n }, 1);
	CHECK_I64(atomic_load(&reads), 1);
	CHECK_I64(atomic_load(&writes), 1);
	close(fd);
	test_server_end(s);
}

#endif
