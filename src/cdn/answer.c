/* SPDX-License-Identifier: MIT
 *
 * The ends of an exchange. Every answer is a head that is there already and a body that is there
 * already. */
#include "cdn/cdn_int.h"

#include "cdn/condition.h"
#include "cdn/encoding.h"

#include <assert.h>

#define PLAIN_JSON(status_line, length, body, more) { \
	STR("HTTP/1.1 " status_line "\r\n" CDN_JSON_HEADERS "Content-Length: " length "\r\n" \
	    "Cache-Control: no-store\r\n" more CDN_COMMON_HEADERS), STR(body) }

#define METHODS "GET, HEAD, OPTIONS"

static const struct { str head, body; } plain[PLAIN_COUNT] = {
	/* Browsers ask before every read of the SDKs, so this is half of all requests. */
	[PLAIN_PREFLIGHT] = { STR("HTTP/1.1 204 No Content\r\n"
				  "Access-Control-Allow-Origin: *\r\n"
				  "Access-Control-Allow-Methods: " METHODS "\r\n"
				  "Access-Control-Allow-Headers: Cache-Control, Pragma, "
				  "If-None-Match, If-Modified-Since, "
				  "Accept-Encoding, Accept, Content-Type, x-api-key\r\n"
				  "Access-Control-Max-Age: 86400\r\n"
				  "Allow: " METHODS "\r\n"),
			      STR("") },
	[PLAIN_METHOD] = PLAIN_JSON("405 Method Not Allowed", "30",
				    "{\"error\":\"method_not_allowed\"}", "Allow: " METHODS "\r\n"),
	[PLAIN_EMPTY] = PLAIN_JSON("200 OK", "2", "{}", ""),
	[PLAIN_ABSENT] = PLAIN_JSON("404 Not Found", "2", "{}", ""),
	[PLAIN_NOT_FOUND] = PLAIN_JSON("404 Not Found", "21", "{\"error\":\"not_found\"}", ""),
	[PLAIN_BAD_PATH] =
		PLAIN_JSON("400 Bad Request", "27", "{\"error\":\"invalid_request\"}", ""),
	[PLAIN_TOO_LONG] = PLAIN_JSON("414 URI Too Long", "24", "{\"error\":\"uri_too_long\"}", ""),
	[PLAIN_TOO_LARGE] = PLAIN_JSON("413 Content Too Large", "29", "{\"error\":\"payload_too_large\"}",
				       ""),
	[PLAIN_UNAVAILABLE] = PLAIN_JSON("503 Service Unavailable", "17", "{\"fallback\":true}",
					 "Retry-After: 1\r\n"),
};

/* Hots whose bytes this thread is handing to the engine right now, innermost first: the engine may
 * answer the next request of a pipeline inside the call. When the bytes have all gone before the
 * call returns, as almost always, nothing was kept and nobody counts; otherwise the reference is
 * taken after the call, still inside the read section. Which of several answers with the same hot
 * has gone does not matter: there are as many references as answers under way. */
struct sending { struct sending *outer; struct hot *hot; bool gone; };
static _Thread_local struct sending *innermost;

static void sent(void *hot)
{
	for (struct sending *s = innermost; s; s = s->outer)
		if (s->hot == hot && !s->gone) {
			s->gone = true;
			return;
		}
	hot_unref(hot);
}

static void send_from(struct http_exchange *x, str head, str body, struct hot *h)
{
	struct sending s = { innermost, h, false };

	innermost = &s;
	http_send_prebuilt(x, head, body, sent, h);
	innermost = s.outer;
	if (!s.gone)
		hot_ref(h);
}

void send_plain(struct http_exchange *x, enum plain which)
{
	http_send_prebuilt(x, plain[which].head, plain[which].body, NULL, NULL);
}

/* A cache must not hand others what okhttp alone is sent. Theirs says nothing of agents: keyed by
 * them, no cache would ever hit. */
static str keyed_by_agent(struct http_exchange *x, str head)
{
	static const str keyed = STR("Vary: Accept-Encoding");
	ptrdiff_t at = str_find(head, keyed);
	size_t end = (size_t)at + keyed.n;

	assert(at > 0);
	return arena_join(http_arena(x), (const str[]){ str_sub(head, 0, end), S(", User-Agent"),
	                                                str_from_at(head, end) }, 3, S(""));
}

static void send_keyed(struct http_exchange *x, str head, str body, struct hot *h)
{
	bool several = h->body[HOT_GZIP].p != NULL || h->body[HOT_BROTLI].p != NULL;

	if (several && encoding_is_okhttp(http_request(x)->known[HTTP_USER_AGENT]))
		head = keyed_by_agent(x, head);
	send_from(x, head, body, h);
}

void send_hot(struct http_exchange *x, struct hot *h)
{
	const struct http_request *q = http_request(x);
	enum hot_form form;

	hot_touch(h, q->now_ms);
	if (is_unchanged(q->known[HTTP_IF_NONE_MATCH], q->known[HTTP_IF_MODIFIED_SINCE], h->etag,
			 h->modified_s)) {
		send_keyed(x, h->head_unchanged, STR_NONE, h);
		return;
	}
	form = encoding_choose(h, q->known[HTTP_ACCEPT_ENCODING], q->known[HTTP_USER_AGENT],
	                       cdn.settings->okhttp_gzip);
	send_keyed(x, h->head[form], h->body[form], h);
}
