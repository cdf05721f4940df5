/* SPDX-License-Identifier: MIT
 *
 * Opening the sockets that a server's loops accept from. */
#ifndef HTTP_LISTEN_H
#define HTTP_LISTEN_H

#include "http/http_int.h"

/* config.listen on every loop; sets s->port. A port another process listens on is an error. */
bool listen_tcp(struct http_server *s, struct err *e) MUST_CHECK;
/* config.unix_path, 0600, on the first loop; a stale socket file is replaced. */
bool listen_unix(struct http_server *s, struct err *e) MUST_CHECK;

#endif
