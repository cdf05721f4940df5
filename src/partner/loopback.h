/* SPDX-License-Identifier: MIT
 *
 * The other end of a loopback redirect URI: a tiny HTTP server that hears GET /callback and nothing
 * else. Source: RFC 8252 sections 7.3, 8.3. */
#ifndef PARTNER_LOOPBACK_H
#define PARTNER_LOOPBACK_H

#include "base/str.h"

enum { LOOPBACK_PEERS_MAX = 16, LOOPBACK_REQUEST_MAX = 8192, LOOPBACK_PEER_MS_MAX = 10000 };

struct loopback_peer {
	int fd;		  /* -1: free                                               */
	int64_t until_ms; /* browsers open connections that they never use          */
	size_t n;
	char request[LOOPBACK_REQUEST_MAX];
};
struct loopback {
	int fd, port;
	struct loopback_peer peers[LOOPBACK_PEERS_MAX];
};

/* Listens on 127.0.0.1. Port 0: `preferred`, or any free one if that is taken. False: errno. */
bool loopback_open(struct loopback *l, int port, int preferred) MUST_CHECK;
void loopback_close(struct loopback *l);

/* Waits until clock_mono_ms() is until_ms for a callback; whatever else comes is answered 404, 405
 * or 400. *query_out: what is behind '?', valid until loopback_answer(). NULL: the time is over. */
struct loopback_peer *loopback_next(struct loopback *l, int64_t until_ms, const char **query_out);
/* Answers it with a page and closes its connection. The texts are constants of ours, not input. */
void loopback_answer(struct loopback_peer *peer, int status, const char *title, const char *text);

#endif
