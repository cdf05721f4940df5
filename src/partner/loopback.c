/* SPDX-License-Identifier: MIT */
#include "partner/loopback.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

enum { BACKLOG = 16, PAGE_BYTES_MAX = 2048, SEND_S_MAX = 5, STATUS_OK = 200 };

static bool listen_on(struct loopback *l, int port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons((uint16_t)port),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(address);
	int one = 1;

	l->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->fd < 0)
		return false;
	setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(l->fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
	    listen(l->fd, BACKLOG) == 0 &&
	    getsockname(l->fd, (struct sockaddr *)&address, &n) == 0) {
		l->port = ntohs(address.sin_port);
		return true;
	}
	close(l->fd);
	l->fd = -1;
	return false;
}

bool loopback_open(struct loopback *l, int port, int preferred)
{
	for (size_t i = 0; i < COUNT(l->peers); i++)
		l->peers[i].fd = -1;
	if (port != 0)
		return listen_on(l, port);
	return listen_on(l, preferred) || (errno == EADDRINUSE && listen_on(l, 0));
}

static void peer_close(struct loopback_peer *peer)
{
	if (peer->fd >= 0)
		close(peer->fd);
	peer->fd = -1;
	explicit_bzero(peer->request, sizeof(peer->request)); /* a code was in it */
}

void loopback_close(struct loopback *l)
{
	for (size_t i = 0; i < COUNT(l->peers); i++)
		peer_close(&l->peers[i]);
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
}

/* Waits for room rather than giving a page away in part; the peer is on this machine. */
static void send_all(int fd, const char *p, size_t n)
{
	struct pollfd room = { .fd = fd, .events = POLLOUT };

	while (n > 0 && poll(&room, 1, SEND_S_MAX * 1000) > 0) {
		ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);

		if (sent < 0 && errno != EAGAIN && errno != EINTR)
			return;
		p += sent > 0 ? sent : 0;
		n -= sent > 0 ? (size_t)sent : 0;
	}
}

void loopback_answer(struct loopback_peer *peer, int status, const char *title, const char *text)
{
	char page[PAGE_BYTES_MAX], head[PAGE_BYTES_MAX];
	int page_n, head_n;

	page_n = snprintf(page, sizeof(page),
			  "<!doctype html><html lang=en><meta charset=utf-8><title>%s</title>"
			  "<body style=\"font:1.1rem/1.5 system-ui;max-width:32rem;margin:20vh "
			  "auto;padding:0 1rem\">"
			  "<h1>%s</h1><p>%s</p>\n",
			  title, title, text);
	head_n = snprintf(
		head, sizeof(head),
		"HTTP/1.1 %d %s\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: %d\r\n"
		"Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\n"
		"Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'\r\n"
		"X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n",
		status, status == STATUS_OK ? "OK" : "Refused", page_n);
	send_all(peer->fd, head, (size_t)head_n);
	send_all(peer->fd, page, (size_t)page_n);
	shutdown(peer->fd, SHUT_WR);
	peer_close(peer);
}

static void peer_add(struct loopback *l)
{
	int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	for (size_t i = 0; fd >= 0 && i < COUNT(l->peers); i++) {
		struct loopback_peer *peer = &l->peers[i];

		if (peer->fd >= 0)
			continue;
		peer->fd = fd;
		peer->n = 0;
		peer->until_ms = clock_mono_ms() + LOOPBACK_PEER_MS_MAX;
		return;
	}
	if (fd >= 0)
		close(fd);
}

/* The request line of a whole head: its method is GET and its path ours, or it is answered here. */
static bool request_wanted(struct loopback_peer *peer, const char **query_out)
{
	char *end = strpbrk(peer->request, "\r\n"), *target, *space, *query;

	*end = '\0';
	target = strchr(peer->request, ' ');
	space = target == NULL ? NULL : strchr(target + 1, ' ');
	if (space == NULL || strncmp(space, " HTTP/1.", 8) != 0) {
		loopback_answer(peer, 400, "Not a request", "That was not HTTP/1.1.");
		return false;
	}
	*target++ = *space = '\0';
	if (strcmp(peer->request, "GET") != 0) {
		loopback_answer(peer, 405, "Not allowed", "Only GET is answered here.");
		return false;
	}
	query = strchr(target, '?');
	if (query == NULL || strncmp(target, "/callback?", strlen("/callback?")) != 0) {
		loopback_answer(peer, 404, "Nothing here",
				"This address waits for a connection to complete.");
		return false;
	}
	*query_out = query + 1;
	return true;
}

/* Reads what is there. True: a callback. */
static bool peer_read(struct loopback_peer *peer, const char **query_out)
{
	ssize_t n = recv(peer->fd, peer->request + peer->n, sizeof(peer->request) - 1 - peer->n, 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) {
		peer_close(peer);
		return false;
	}
	peer->n += (size_t)n;
	peer->request[peer->n] = '\0';
	if (strlen(peer->request) != peer->n) {
		loopback_answer(peer, 400, "Not a request", "That was not HTTP/1.1.");
		return false;
	}
	if (strstr(peer->request, "\r\n\r\n") != NULL)
		return request_wanted(peer, query_out);
	if (peer->n == sizeof(peer->request) - 1)
		loopback_answer(peer, 431, "Too long", "The request is too long.");
	return false;
}

/* Fills `polled` with the listener first, then the peers in order (-1 is ignored by poll). Returns
 * how long to wait. */
static int64_t poll_prepare(struct loopback *l, struct pollfd *polled, int64_t until_ms)
{
	int64_t now_ms = clock_mono_ms();

	polled[0] = (struct pollfd){ .fd = l->fd, .events = POLLIN };
	for (size_t i = 0; i < COUNT(l->peers); i++) {
		struct loopback_peer *peer = &l->peers[i];

		if (peer->fd >= 0 && peer->until_ms <= now_ms)
			peer_close(peer);
		polled[i + 1] = (struct pollfd){ .fd = peer->fd, .events = POLLIN };
		if (peer->fd >= 0 && peer->until_ms < until_ms)
			until_ms = peer->until_ms;
	}
	return until_ms > now_ms ? until_ms - now_ms : 0;
}

struct loopback_peer *loopback_next(struct loopback *l, int64_t until_ms, const char **query_out)
{
	struct pollfd polled[LOOPBACK_PEERS_MAX + 1];

	while (clock_mono_ms() < until_ms) {
		int wait_ms = (int)poll_prepare(l, polled, until_ms);

		if (poll(polled, COUNT(polled), wait_ms) <= 0)
			continue;
		for (size_t i = 0; i < COUNT(l->peers); i++) {
			if (polled[i + 1].revents != 0 && peer_read(&l->peers[i], query_out))
				return &l->peers[i];
		}
		if (polled[0].revents != 0)
			peer_add(l);
	}
	return NULL;
}
