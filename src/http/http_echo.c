/* SPDX-License-Identifier: MIT
 *
 * The smallest server on this engine: answers everything with 200 and the same 1 KiB. For the
 * differential test beside nginx and for measuring the engine alone.
 *
 *   http_echo [ADDRESS:PORT [LOOPS]]     prints the port it listens on; ends on SIGINT or SIGTERM */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/http.h"

enum { ECHO_BYTES = 1024, ECHO_GRACE_MS = 1000 };

static char body[ECHO_BYTES];
static const str head = STR("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 1024\r\n");

static void echo(struct http_exchange *x)
{
	http_send_prebuilt(x, head, (str){ body, sizeof body }, NULL, NULL);
}

static const struct http_route routes[] = {
	{ .methods = HTTP_GET | HTTP_POST | HTTP_PUT | HTTP_DELETE | HTTP_PATCH | HTTP_OPTIONS,
	  .pattern = "/*", .handler = echo, .body_bytes_max = MIB },
};

static int refuse(const char *why)
{
	fprintf(stderr, "http_echo: %s\n", why);
	return 2;
}

int main(int argc, char **argv)
{
	struct http_config config = {
		.listen = argc > 1 ? argv[1] : "127.0.0.1:0", .loops = 1,
		.routes = routes, .routes_n = COUNT(routes),
		.header_deadline_ms = 2000, .body_deadline_ms = 3000, .idle_ms = 5000,
	};
	struct http_server *server;
	struct err e = { .code = ERR_NONE };
	sigset_t ends;
	int64_t loops = 1;
	int signal;

	memset(body, 'x', sizeof body);
	if (argc > 2 && !str_i64(str_from(argv[2]), 1, 256, &loops))
		return refuse("LOOPS must be a number from 1 to 256");
	config.loops = (unsigned)loops;
	sigemptyset(&ends);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &ends, NULL);
	if (!http_server_create(&config, &server, &e))
		return refuse(e.msg);
	http_server_run(server);
	printf("%d\n", http_server_port(server));
	fflush(stdout);
	(void)sigwait(&ends, &signal);
	http_server_stop(server, ECHO_GRACE_MS);
	http_server_destroy(server);
	return 0;
}
