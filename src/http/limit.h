/* SPDX-License-Identifier: MIT
 *
 * What all loops of a process share and must not exceed: connections, connections of one client,
 * bytes of request bodies in memory. Any thread. */
#ifndef HTTP_LIMIT_H
#define HTTP_LIMIT_H

#include "http/address.h"

struct limits;

/* 0 means no limit, for each. */
struct limits *limits_create(unsigned connections_max, unsigned per_address_max,
                             size_t body_bytes_max);
void limits_destroy(struct limits *l);

/* address NULL: only the total counts (a trusted proxy, a Unix socket). An IPv6 client is its /64.
 * false: nothing was counted. Each true is followed by one leave with the same address. */
bool limits_enter(struct limits *l, const struct address *address) MUST_CHECK;
void limits_leave(struct limits *l, const struct address *address);

bool limits_body_take(struct limits *l, size_t bytes) MUST_CHECK;
void limits_body_give(struct limits *l, size_t bytes);
size_t limits_body_bytes(struct limits *l);   /* for tests and metrics */

#endif
