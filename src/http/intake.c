/* SPDX-License-Identifier: MIT
 *
 * Where the bytes of a request lie. A head, and a body that fits beside it, stay in the connection's
 * buffer and are parsed in place. A larger body grows in memory of its own as it arrives, never
 * faster: a declared length alone must not reserve anything. */
#include "http/http_int.h"

#include <stdlib.h>
#include <string.h>

/* An unbuffered body of known length: the socket is read straight into it. */
static bool reads_into_body(const struct connection *c)
{
	const struct http_exchange *x = c->current;

	return x != NULL && x->state == EXCHANGE_BODY && x->body != NULL &&
	       x->parse.body == PARSE_BODY_LENGTH;
}

uv_buf_t intake_room(struct connection *c)
{
	struct http_exchange *x = c->current;

	if (reads_into_body(c)) {
		size_t left = (size_t)x->parse.body_bytes - x->body_n;
		size_t room = x->body_cap - x->body_n;

		return uv_buf_init(x->body + x->body_n, (unsigned)(left < room ? left : room));
	}
	if (c->in == NULL) {
		c->in = loop_buffer_take(c->loop);
		c->in_cap = READ_BUFFER_BYTES;
	}
	return uv_buf_init(c->in + c->in_n, (unsigned)(c->in_cap - c->in_n));
}

void intake_filled(struct connection *c, size_t n)
{
	if (c->current != NULL)
		c->current->body_seen += n;
	if (reads_into_body(c)) {
		c->current->body_n += n;
		return;
	}
	c->in_n += n;
	if (c->in_n > c->in_high)
		c->in_high = c->in_n;
}

void intake_release(struct connection *c)
{
	if (c->in == NULL)
		return;
	loop_buffer_give(c->loop, c->in, c->in_cap, c->in_high);
	limits_body_give(c->loop->server->limits, c->in_reserved);
	c->in = NULL;
	c->in_cap = c->in_n = c->in_at = c->in_high = c->in_reserved = 0;
}

bool intake_may_grow(struct connection *c)
{
	size_t cap = c->in_cap * 2;

	if (c->in_n < c->in_cap || c->in_at > 0 || c->in_reserved >= cap)
		return true;
	if (!limits_body_take(c->loop->server->limits, cap - c->in_reserved))
		return false;
	c->in_reserved = cap;
	return true;
}

static void grow_input(struct connection *c)
{
	size_t cap = c->in_cap * 2;
	char *in = heap_alloc(cap);

	memcpy(in, c->in, c->in_n);
	loop_buffer_give(c->loop, c->in, c->in_cap, c->in_high);
	c->in = in;
	c->in_cap = cap;
	c->in_high = c->in_n;
}

/* The parser refuses a head before it can outgrow the limits, so the buffer is bounded by them. */
static bool room_for_head(struct connection *c)
{
	if (c->in_at > 0) {
		memmove(c->in, c->in + c->in_at, c->in_n - c->in_at);
		c->in_n -= c->in_at;
		c->in_at = 0;
	} else {
		grow_input(c);
	}
	exchange_restart(c->current);
	return true;
}

bool intake_make_room(struct connection *c)
{
	struct http_exchange *x = c->current;

	if (c->in == NULL || c->in_n < c->in_cap || reads_into_body(c))
		return true;
	if (x != NULL && x->state == EXCHANGE_HEAD)
		return room_for_head(c);
	/* A chunked body's head was copied away; what is decoded is not needed any more. */
	if (x != NULL && x->state == EXCHANGE_BODY && x->parse.body == PARSE_BODY_CHUNKED &&
	    c->in_at == c->in_n) {
		c->in_at = c->in_n = 0;
		return true;
	}
	return false;
}

/* ---- bodies ---- */

void intake_body_free(struct http_exchange *x)
{
	if (x->body == NULL)
		return;
	explicit_bzero(x->body, x->body_n);
	free(x->body);
	limits_body_give(x->loop->server->limits, x->body_cap);
	x->body = NULL;
	x->body_n = x->body_cap = 0;
}

static bool body_refuse(struct http_exchange *x, enum err_code code, const char *why)
{
	exchange_refuse(x, code, why);
	return false;
}

/* Room for at least one more byte, at most `most` in all. */
static bool body_grow(struct http_exchange *x, size_t most)
{
	size_t cap = x->body_cap == 0 ? BODY_BUFFER_BYTES : x->body_cap * 2;
	char *body;

	if (cap > most)
		cap = most;
	if (!limits_body_take(x->loop->server->limits, cap))
		return body_refuse(x, ERR_UNAVAILABLE,
		                   "too many large requests are under way, try again in a moment");
	body = heap_alloc(cap);
	if (x->body != NULL) {
		size_t n = x->body_n;

		memcpy(body, x->body, n);
		intake_body_free(x);
		x->body_n = n;
	}
	x->body = body;
	x->body_cap = cap;
	return true;
}

static bool body_append(struct http_exchange *x, str piece, size_t most)
{
	if (piece.n > most - x->body_n)
		return body_refuse(x, ERR_PAYLOAD_TOO_LARGE, "the request body is too large");
	while (piece.n > 0) {
		size_t n;

		if (x->body_n == x->body_cap && !body_grow(x, most))
			return false;
		n = x->body_cap - x->body_n < piece.n ? x->body_cap - x->body_n : piece.n;
		memcpy(x->body + x->body_n, piece.p, n);
		x->body_n += n;
		piece = str_from_at(piece, n);
	}
	return true;
}

void intake_copy_head(struct http_exchange *x)
{
	struct connection *c = x->connection;
	str head = { c->in + c->in_at - x->parse.at, x->parse.at };

	head = arena_str(x->arena, head);
	x->arena_used = true;
	exchange_restart(x);
	(void)parse_head(&x->parse, head.p, head.n);   /* it was complete a moment ago */
}

bool intake_body_begin(struct http_exchange *x)
{
	struct connection *c = x->connection;

	x->state = EXCHANGE_BODY;
	x->body_seen = c->in_n - c->in_at;
	if (x->parse.body == PARSE_BODY_CHUNKED) {
		chunks_start(&x->chunks);
		return true;
	}
	if (x->parse.body_bytes <= c->in_cap - c->in_at)
		return true;
	return body_grow(x, (size_t)x->parse.body_bytes);
}

static bool body_in_place(struct http_exchange *x)
{
	struct connection *c = x->connection;
	size_t n = (size_t)x->parse.body_bytes;

	if (c->in_n - c->in_at < n)
		return false;
	x->request.body = (str){ c->in + c->in_at, n };
	c->in_at += n;
	return true;
}

static bool body_of_length(struct http_exchange *x)
{
	struct connection *c = x->connection;
	size_t most = (size_t)x->parse.body_bytes;
	str have = { c->in + c->in_at, c->in_n - c->in_at };

	if (have.n > most - x->body_n)
		have.n = most - x->body_n;
	c->in_at += have.n;
	if (!body_append(x, have, most))
		return true;
	if (x->body_n < most)
		return x->body_n == x->body_cap ? !body_grow(x, most) : false;
	x->request.body = (str){ x->body, x->body_n };
	return true;
}

static bool body_in_chunks(struct http_exchange *x)
{
	struct connection *c = x->connection;
	str rest = { c->in + c->in_at, c->in_n - c->in_at }, piece;
	enum chunk_result result;

	while ((result = chunks_next(&x->chunks, &rest, &piece)) == CHUNK_DATA)
		if (!body_append(x, piece, x->body_max))
			return true;
	c->in_at = c->in_n - rest.n;
	if (result == CHUNK_DONE)
		x->request.body = x->body == NULL ? S("") : (str){ x->body, x->body_n };
	else if (result == CHUNK_BAD)
		exchange_refuse(x, x->chunks.code, x->chunks.why);
	else if (x->chunks.left > x->body_max - x->body_n)   /* announced: no need to wait for it */
		exchange_refuse(x, ERR_PAYLOAD_TOO_LARGE, "the request body is too large");
	else
		return false;
	return true;
}

bool intake_body(struct http_exchange *x)
{
	if (x->parse.body == PARSE_BODY_CHUNKED)
		return body_in_chunks(x);
	return x->body == NULL ? body_in_place(x) : body_of_length(x);
}
