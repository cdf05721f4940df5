/* SPDX-License-Identifier: MIT
 *
 * Answers: the head's text, and the three pieces that output.c writes (head, Date and Connection,
 * body). A head is built on the thread that answers; Date and Connection are the loop's. */
#include "http/http_int.h"

#include <assert.h>
#include <string.h>

static str status_text(int status)
{
	static const struct { int status; str text; } texts[] = {
		{ 200, STR("OK") }, { 201, STR("Created") }, { 202, STR("Accepted") },
		{ 204, STR("No Content") }, { 206, STR("Partial Content") },
		{ 207, STR("Multi-Status") }, { 301, STR("Moved Permanently") },
		{ 302, STR("Found") }, { 303, STR("See Other") }, { 304, STR("Not Modified") },
		{ 307, STR("Temporary Redirect") }, { 308, STR("Permanent Redirect") },
		{ 400, STR("Bad Request") }, { 401, STR("Unauthorized") }, { 403, STR("Forbidden") },
		{ 404, STR("Not Found") }, { 405, STR("Method Not Allowed") },
		{ 406, STR("Not Acceptable") }, { 408, STR("Request Timeout") },
		{ 409, STR("Conflict") }, { 410, STR("Gone") }, { 411, STR("Length Required") },
		{ 412, STR("Precondition Failed") }, { 413, STR("Content Too Large") },
		{ 414, STR("URI Too Long") }, { 415, STR("Unsupported Media Type") },
		{ 416, STR("Range Not Satisfiable") }, { 417, STR("Expectation Failed") },
		{ 421, STR("Misdirected Request") }, { 422, STR("Unprocessable Content") },
		{ 428, STR("Precondition Required") }, { 429, STR("Too Many Requests") },
		{ 431, STR("Request Header Fields Too Large") },
		{ 500, STR("Internal Server Error") }, { 501, STR("Not Implemented") },
		{ 502, STR("Bad Gateway") }, { 503, STR("Service Unavailable") },
		{ 504, STR("Gateway Timeout") }, { 505, STR("HTTP Version Not Supported") },
	};

	for (size_t i = 0; i < COUNT(texts); i++)
		if (texts[i].status == status)
			return texts[i].text;
	return S("Unknown");   /* the phrase means nothing to clients (RFC 9112 4) */
}

bool answer_has_body(const struct http_exchange *x, int status)
{
	return x->request.method != HTTP_HEAD && status >= 200 && status != 204 && status != 304;
}

static void put_header(struct buf *b, str name, str value)
{
	buf_str(b, name);
	BUF_LIT(b, ": ");
	buf_str(b, value);
	BUF_LIT(b, "\r\n");
}

/* A value from outside that could end its line would let a client write our headers. */
static void assert_one_line(str s)
{
	bool ends = false;

	for (size_t i = 0; i < s.n; i++)
		ends |= s.p[i] == '\r' || s.p[i] == '\n' || s.p[i] == '\0';
	assert(!ends);
}

static void put_given_header(struct buf *b, str name, str value)
{
	assert_one_line(name);
	assert_one_line(value);
	put_header(b, name, value);
}

static str request_id_text(uint64_t id, char out[16])
{
	static const char digits[] = "0123456789abcdef";

	for (int i = 15; i >= 0; i--, id >>= 4)
		out[i] = digits[id & 15];
	return (str){ out, 16 };
}

str http_request_id(struct http_exchange *x)
{
	return request_id_text(x->request.id, arena_text(http_arena(x), 16));
}

enum { HEAD_BYTES_FIXED = 256 };   /* status line, lengths, id, Allow */

static size_t head_bytes(const struct http_answer *a)
{
	size_t n = HEAD_BYTES_FIXED + a->content_type.n;

	for (size_t i = 0; i < a->headers_n; i++)
		n += a->headers[i].name.n + a->headers[i].value.n + 4;
	return n;
}

static void put_framing(struct buf *b, const struct http_answer *a, bool chunked, bool streamed)
{
	if (chunked)
		BUF_LIT(b, "Transfer-Encoding: chunked\r\n");
	if (streamed || a->status < 200 || a->status == 204 || a->status == 304)
		return;
	BUF_LIT(b, "Content-Length: ");
	buf_i64(b, (int64_t)a->body.n);
	BUF_LIT(b, "\r\n");
}

static str build_head(struct http_exchange *x, const struct http_answer *a, bool chunked,
                      bool streamed)
{
	size_t most = head_bytes(a);
	char id[16], allow[64];
	struct buf b;

	assert(a->status >= 200 && a->status <= 599);
	buf_init_arena(&b, http_arena(x), most);
	(void)buf_reserve(&b, most);
	BUF_LIT(&b, "HTTP/1.1 ");
	buf_i64(&b, a->status);
	buf_char(&b, ' ');
	buf_str(&b, status_text(a->status));
	BUF_LIT(&b, "\r\n");
	if (a->content_type.p != NULL)
		put_given_header(&b, S("Content-Type"), a->content_type);
	put_framing(&b, a, chunked, streamed);
	put_header(&b, S("X-Request-Id"), request_id_text(x->request.id, id));
	if (x->match.allow != 0)
		put_header(&b, S("Allow"), router_allow_text(x->match.allow, allow));
	for (size_t i = 0; i < a->headers_n; i++)
		put_given_header(&b, a->headers[i].name, a->headers[i].value);
	assert(!b.full);
	return buf_view(&b);
}

str answer_stream_head(struct http_exchange *x, const struct http_answer *a)
{
	return build_head(x, a, x->parse.minor >= 1 && answer_has_body(x, a->status), true);
}

void answer_tail(struct http_exchange *x)
{
	struct connection *c = x->connection;
	enum tail which = TAIL_PLAIN;

	if (x->close || !x->parse.keep_alive || x->loop->stopping) {
		which = TAIL_CLOSE;
		c->closing = true;
	} else if (x->parse.minor == 0) {
		which = TAIL_KEEP_ALIVE;
	}
	x->pieces[PIECE_TAIL] = loop_tail(x->loop, which);
}

/* On the loop: the answer takes its place in the queue and the connection goes on. */
static void answer_commit(struct http_exchange *x)
{
	struct connection *c = x->connection;

	assert(c->current == x && x->state == EXCHANGE_WORKING);
	x->state = EXCHANGE_ANSWERED;
	c->current = NULL;
	if (c->gone) {
		exchange_release(x);
		connection_release_if_done(c);
		return;
	}
	answer_tail(x);
	output_queue(x);
	if (!c->processing)
		connection_process(c);
}

static void commit_task(struct task *t)
{
	answer_commit((struct http_exchange *)(void *)((char *)t -
	                                              offsetof(struct http_exchange, task)));
}

void http_send(struct http_exchange *x, const struct http_answer *answer)
{
	x->status = answer->status;
	x->close = x->close || answer->close;
	x->pieces[PIECE_HEAD] = build_head(x, answer, false, false);
	if (answer_has_body(x, answer->status))
		x->pieces[PIECE_BODY] = answer->body;
	x->answer_bytes = x->pieces[PIECE_BODY].n;
	if (loop_is_current(x->loop)) {
		answer_commit(x);
		return;
	}
	x->task.run = commit_task;
	loop_post(x->loop, &x->task);
}

void http_send_prebuilt(struct http_exchange *x, str head, str body, void (*done)(void *),
                        void *arg)
{
	const char *digits = head.p + sizeof "HTTP/1.1 " - 1;

	assert(loop_is_current(x->loop) && head.n > sizeof "HTTP/1.1 200 " - 1);
	x->status = (digits[0] - '0') * 100 + (digits[1] - '0') * 10 + (digits[2] - '0');
	x->pieces[PIECE_HEAD] = head;
	if (answer_has_body(x, x->status))
		x->pieces[PIECE_BODY] = body;
	x->answer_bytes = x->pieces[PIECE_BODY].n;
	x->done = done;
	x->done_arg = arg;
	answer_commit(x);
}

void answer_plain(struct http_exchange *x, const struct err *e)
{
	struct http_pair retry = { S("Retry-After"), STR_NONE };
	struct http_answer a = {
		.status = err_status(e->code),
		.content_type = S("text/plain; charset=utf-8"),
		.body = arena_printf(http_arena(x), "%s\n", e->say),
	};

	if (e->retry_after_s > 0) {
		retry.value = arena_printf(http_arena(x), "%d", e->retry_after_s);
		a.headers = &retry;
		a.headers_n = 1;
	}
	http_send(x, &a);
}
