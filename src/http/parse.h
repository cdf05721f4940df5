/* SPDX-License-Identifier: MIT
 *
 * The head of a request: request line and header fields, parsed in place as bytes arrive. Pure: no
 * I/O, no allocation, no clock. What it lets through is safe to route; what is refused and why is
 * the contract "http-hardening". Sources: RFC 9112 2-6; RFC 9110 5, 7.2, 10.1.1; ruling R26. */
#ifndef HTTP_PARSE_H
#define HTTP_PARSE_H

#include "http/http.h"

enum {
	PARSE_HEADERS_MAX      = 100,   /* fields in one head; beyond it 431                    */
	PARSE_LEADING_CRLF_MAX = 8,     /* empty lines before a request line (RFC 9112 2.2)     */
	PARSE_METHOD_BYTES_MAX = 32,
};

enum parse_result {
	PARSE_MORE,     /* the head is not complete yet                                         */
	PARSE_DONE,     /* complete; `at` bytes belong to it                                    */
	PARSE_BAD,      /* refused: `code`, `why`; the connection cannot be used any more       */
};

enum parse_body { PARSE_BODY_NONE, PARSE_BODY_LENGTH, PARSE_BODY_CHUNKED };

struct parse_limits {
	size_t target_bytes_max;   /* of any route; the route's own is the router's business    */
	size_t header_bytes_max;   /* all header fields together                                */
};

struct parse {
	struct http_request       *request;   /* filled as lines arrive                         */
	struct http_pair          *headers;   /* room for PARSE_HEADERS_MAX                     */
	const struct parse_limits *limits;
	size_t   at;               /* start of the line being waited for                        */
	size_t   seen;             /* no line end before here                                   */
	size_t   fields_at;        /* where header fields begin; 0: still before the request line's end */
	unsigned leading;          /* empty lines skipped                                       */
	uint32_t repeated;         /* known headers sent more than once, one bit each           */
	str      authority;        /* of an absolute target, else absent                             */

	/* valid after PARSE_DONE */
	unsigned minor;            /* HTTP/1.minor                                              */
	enum parse_body body;
	uint64_t body_bytes;       /* PARSE_BODY_LENGTH                                         */
	bool     keep_alive;
	bool     expect_continue;  /* the client waits for "100 Continue"                       */

	/* valid after PARSE_BAD */
	enum err_code code;
	const char   *why;         /* static English, for the client                            */
};

void parse_start(struct parse *p, struct http_request *request, struct http_pair *headers,
                 const struct parse_limits *limits);

/* Looks at bytes[0..n), which grows from call to call and must not move: everything found is a
 * slice of it. If it has to move, start again. Fills request->method … headers_n, not body, peer,
 * now_ms. A repeated list header still has only its first value in `known`. */
enum parse_result parse_head(struct parse *p, const char *bytes, size_t n);

/* Joins the repeated list headers ("; " for cookies, ", " otherwise) into `known`. */
void parse_join_repeated(const struct parse *p, struct arena *a);

/* HTTP_HEADER_COUNT: not in the table. name: token characters only, any case. */
enum http_header parse_known_header(str name);

/* Splits and checks a request target for this method; path and query are slices of it (or "/").
 * authority is absent unless the target is in absolute form. Returns NULL or what is wrong. */
const char *parse_target(str target, enum http_method method, str *path, str *query, str *authority);

/* uri-host [":" port], not empty, no userinfo. */
bool parse_authority_valid(str authority);

/* Takes the next comma-separated element, trimmed; false at the end. Empty elements are skipped. */
bool parse_list_next(str *rest, str *element_out);

#endif
