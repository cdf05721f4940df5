/* SPDX-License-Identifier: MIT
 *
 * The HTTP/1.1 engine: sockets, parsing, routing, answers. Knows method, pattern, sizes; nothing of
 * scopes, users or JSON errors (a callback shapes those). The seam for HTTP/2 and TLS: a handler
 * sees a parsed request and writes an answer; it never sees bytes of the connection.
 * Sources: RFC 9110, RFC 9112; contract "http-hardening"; rulings R25, R26.
 *
 * Threads: a handler is called on the loop thread that owns the connection and must not block. It
 * either answers there, or keeps the exchange and answers later from any thread, exactly once. */
#ifndef HTTP_HTTP_H
#define HTTP_HTTP_H

#include "base/buf.h"
#include "base/err.h"
#include "base/text.h"

enum http_method {
	HTTP_GET = 1 << 0, HTTP_HEAD = 1 << 1, HTTP_POST = 1 << 2, HTTP_PUT = 1 << 3,
	HTTP_DELETE = 1 << 4, HTTP_OPTIONS = 1 << 5, HTTP_PATCH = 1 << 6, HTTP_OTHER = 1 << 7,
};

/* Headers found while parsing, so that looking one up is an array access. */
#define HTTP_HEADER_TABLE(X) \
	X(HOST, "host") X(AUTHORIZATION, "authorization") X(COOKIE, "cookie") \
	X(CONTENT_TYPE, "content-type") X(CONTENT_LENGTH, "content-length") \
	X(CONTENT_ENCODING, "content-encoding") \
	X(TRANSFER_ENCODING, "transfer-encoding") X(CONNECTION, "connection") X(EXPECT, "expect") \
	X(ACCEPT, "accept") X(ACCEPT_ENCODING, "accept-encoding") X(ACCEPT_LANGUAGE, "accept-language") \
	X(IF_NONE_MATCH, "if-none-match") X(IF_MODIFIED_SINCE, "if-modified-since") \
	X(ORIGIN, "origin") X(REFERER, "referer") X(USER_AGENT, "user-agent") X(X_API_KEY, "x-api-key") \
	X(X_FORWARDED_FOR, "x-forwarded-for") X(X_FORWARDED_PROTO, "x-forwarded-proto") \
	X(SEC_FETCH_SITE, "sec-fetch-site") X(RANGE, "range")
enum http_header {
#define X(id, name) HTTP_##id,
	HTTP_HEADER_TABLE(X)
#undef X
	HTTP_HEADER_COUNT
};

struct http_pair { str name, value; };

struct http_request {
	enum http_method method;
	str      method_text;
	str      target;          /* as sent                                                      */
	str      path;            /* percent-encoded as sent, starts with '/', no query; "//x" is
	                           * collapsed to "/x"; absent in an error before it was read     */
	str      query;           /* raw, after '?'; absent when there is no '?'                  */
	str      known[HTTP_HEADER_COUNT];   /* absent when not sent; a repeated list header is
	                                      * joined with ", "                                  */
	const struct http_pair *headers;     /* all, as sent                                      */
	size_t   headers_n;
	str      body;
	str      peer;            /* client address as text, through trusted proxies              */
	bool     secure;          /* https, directly or through a trusted proxy                   */
	bool     over_unix_socket;
	int64_t  now_ms;          /* wall clock, read once when the request arrived               */
	uint64_t id;              /* unique in this process; text form in X-Request-Id            */
};

struct http_exchange;         /* one request and its answer; lives until the answer is sent   */
struct http_server;
struct http_route;

typedef void (*http_handler_fn)(struct http_exchange *x);

/* Where an error of the engine itself (405, 413, 414, 431, 400 …) or of err is turned into the
 * channel's shape. It answers like a handler does. */
typedef void (*http_error_fn)(struct http_exchange *x, const struct err *e);

struct http_route {
	unsigned        methods;        /* bits of enum http_method; HEAD is implied by GET       */
	const char     *pattern;        /* "/a/:name/b"; "/a/" + "*" last: the rest               */
	http_handler_fn handler;
	http_error_fn   error;          /* NULL: the server's                                     */
	size_t          body_bytes_max; /* 0: no body accepted                                    */
	size_t          target_bytes_max; /* 0: 8 KiB                                             */
	const void     *row;            /* the channel's own: http_route_row()                    */
};

const struct http_request *http_request(const struct http_exchange *x);
/* The request's arena; its memory is wiped when the answer is sent. */
struct arena *http_arena(struct http_exchange *x);
str http_request_id(struct http_exchange *x);                   /* as in X-Request-Id, in http_arena(x) */
const void *http_route_row(const struct http_exchange *x);
void *http_user(const struct http_exchange *x);                 /* of http_config             */
/* Percent-decoded value of ":name", or of "*"; absent if the route has none. Decoded before the
 * handler is called: a malformed escape was answered 400. */
str  http_path_param(const struct http_exchange *x, const char *name);
/* A cookie's value; absent if not sent or sent twice. */
str  http_cookie(const struct http_exchange *x, str name);
/* A header that is not in the table; absent if not sent. */
str  http_header(const struct http_exchange *x, str lower_name);

struct http_answer {
	int      status;
	str      content_type;          /* absent: none                                           */
	str      body;                  /* alive until sent: in http_arena(x), or static          */
	const struct http_pair *headers; /* CR, LF and NUL in a value are an assertion            */
	size_t   headers_n;
	bool     close;                 /* close the connection after this                        */
};
/* Any thread, once per exchange; x must not be touched afterwards. Adds Date, Content-Length,
 * X-Request-Id; drops the body for HEAD, 204, 304. */
void http_send(struct http_exchange *x, const struct http_answer *answer);

/* The hot path: `head` is complete from "HTTP/1.1 200 OK\r\n" to the last header's CRLF, with
 * Content-Length, without Date, Connection and the blank line. `done(arg)` is called when the bytes
 * are no longer needed (NULL: static memory). Loop thread only; copies nothing, allocates nothing if
 * the socket takes all. */
void http_send_prebuilt(struct http_exchange *x, str head, str body, void (*done)(void *),
                        void *arg);

/* Streaming answer, chunked (or until close for HTTP/1.0). Any one thread at a time. write returns
 * false when the client has gone; end must be called all the same. While more than 256 KiB are
 * pending, write waits (but never on a loop thread: there 4 MiB pending end the connection). */
struct http_stream;
struct http_stream *http_stream_begin(struct http_exchange *x, const struct http_answer *head);
bool http_stream_write(struct http_stream *s, str bytes) MUST_CHECK;
void http_stream_end(struct http_stream *s);
size_t http_stream_pending(struct http_stream *s);   /* bytes not yet written; any thread     */

/* Runs fn(arg) on the loop thread of the exchange. Any thread. */
void http_post(struct http_exchange *x, void (*fn)(void *), void *arg);
/* Calls fn(arg) on the exchange's loop thread after `ms` ms, or when the server stops. Loop thread
 * only. Not cancellable: check on arrival. */
void http_after(struct http_exchange *x, int64_t ms, void (*fn)(void *), void *arg);

/* 0 stands for the default of http/server.c, except connections_*: there it is no limit. Texts and
 * routes must outlive the server. A client is an IPv4 address or an IPv6 /64. */
struct http_config {
	const char  *listen;            /* "127.0.0.1:52490", "[::1]:0"; port 0 = any free; NULL: none */
	const char  *unix_path;         /* NULL: none; created 0600                               */
	unsigned     loops;             /* 0: one a core                                          */
	const struct http_route *routes; /* in any order; checked for ambiguity at start          */
	size_t       routes_n;
	http_handler_fn fallback;       /* no route's first segment matches: the CDN; NULL -> 404 */
	size_t       fallback_target_bytes_max;
	http_error_fn fallback_error;   /* of what would go to the fallback; NULL: error          */
	const struct http_route *unix_routes; /* served on unix_path beside `routes`              */
	size_t       unix_routes_n;
	http_error_fn error;            /* default shape; NULL: plain text                        */
	void        *user;
	const char  *trusted_proxies;   /* "127.0.0.1 10.0.0.0/8"; NULL: none                     */
	size_t       header_bytes_max;  /* 32 KiB                                                 */
	size_t       body_bytes_in_flight_max; /* over all connections; beyond it 503             */
	unsigned     connections_max, connections_per_address_max; /* beyond them 503             */
	int64_t      header_deadline_ms, body_deadline_ms, idle_ms, write_deadline_ms; /* totals  */
	size_t       rate_min_bytes_s;  /* a body slower than this after 5 s is cut; an answer may
	                                 * take write_deadline_ms plus its bytes at this rate     */
	void       (*thread_in)(void), (*thread_out)(void); /* on each loop thread; may be NULL   */
	/* Log hook, NULL: none. Once an exchange, when its answer has left or is lost; bytes of body. */
	void       (*access)(const struct http_exchange *x, int status, size_t bytes, int64_t ns);
};

bool http_server_create(const struct http_config *config, struct http_server **out,
                        struct err *e) MUST_CHECK;
int  http_server_port(const struct http_server *s);     /* the port really bound              */
void http_server_run(struct http_server *s);            /* starts the loops; returns at once  */
/* Stops accepting, lets exchanges finish for at most grace_ms, closes, joins. */
void http_server_stop(struct http_server *s, int64_t grace_ms);
/* Threads that may still answer must have ended before; what they posted is run here. */
void http_server_destroy(struct http_server *s);

#endif
