/* SPDX-License-Identifier: MIT
 *
 * Which route a path and a method belong to. Built once, read by all loops without a lock. Literal
 * segments go before parameters and those before "*", from left to right, whatever the order of rows. */
#ifndef HTTP_ROUTER_H
#define HTTP_ROUTER_H

#include "http/http.h"

enum { ROUTER_PARAMS_MAX = 8, ROUTER_SEGMENTS_MAX = 16 };

enum router_found {
	ROUTER_NOTHING,     /* not even the first segment is known: the fallback's              */
	ROUTER_NO_PATTERN,  /* 404                                                               */
	ROUTER_NO_METHOD,   /* 405; allow and route (of the first pattern that fits) are set     */
	ROUTER_OK,
};

struct router;
struct router_match {
	const struct http_route *route;
	unsigned         allow;                     /* methods of all patterns that fit         */
	struct http_pair params[ROUTER_PARAMS_MAX]; /* raw values, still percent-encoded; "*": the rest */
	size_t           params_n;
};

/* Refuses malformed patterns, and two rows that would answer the same method on the same paths. The
 * routes must outlive the router. */
bool router_create(const struct http_route *routes, size_t n, struct router **out,
                   struct err *e) MUST_CHECK;
void router_destroy(struct router **r);

/* path: as parse_target left it. HEAD is answered by GET. Any thread. */
enum router_found router_find(const struct router *r, enum http_method method, str path,
                              struct router_match *out);

/* "GET, HEAD, POST" into out; at most 64 bytes. */
str router_allow_text(unsigned methods, char out[64]);

#endif
