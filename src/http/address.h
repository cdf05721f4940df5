/* SPDX-License-Identifier: MIT
 *
 * Client addresses: as text for logs and limits, and who they are behind trusted proxies. */
#ifndef HTTP_ADDRESS_H
#define HTTP_ADDRESS_H

#include "base/err.h"

#include <sys/socket.h>

/* IPv4 is kept as ::ffff:a.b.c.d, so that one comparison serves both. */
struct address { uint8_t bytes[16]; };

enum { ADDRESS_TEXT_BYTES = 46, NETWORKS_MAX = 32 };

struct network { struct address address; unsigned bits; };
struct networks { struct network v[NETWORKS_MAX]; size_t n; };

bool address_from_socket(const struct sockaddr *sa, struct address *out) MUST_CHECK;
/* "203.0.113.7", "2001:db8::1"; brackets and a port are not accepted. */
bool address_parse(str text, struct address *out) MUST_CHECK;
str  address_text(const struct address *a, char out[ADDRESS_TEXT_BYTES]);

/* "127.0.0.1 10.0.0.0/8", separated by blanks or commas; NULL and "" are no networks. */
bool networks_parse(const char *text, struct networks *out, struct err *e) MUST_CHECK;
bool networks_has(const struct networks *n, const struct address *a);

/* The client that a trusted peer speaks for: the rightmost address of X-Forwarded-For that is no
 * trusted proxy itself. What stands left of it was written by the client and is worth nothing.
 * false: none, the peer is the client. */
bool address_forwarded(const struct networks *trusted, str forwarded_for, struct address *out);

/* Where to listen: "127.0.0.1:52490", "[::1]:0". */
bool address_listen(const char *text, struct sockaddr_storage *out, socklen_t *bytes_out,
                    struct err *e) MUST_CHECK;

#endif
