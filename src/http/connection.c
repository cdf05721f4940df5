/* SPDX-License-Identifier: MIT
 *
 * One client's byte stream: accepting, reading, going on, deadlines, closing. The only file besides
 * output.c that calls the transport; TLS will stand below these calls. */
#include "http/http_int.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* ---- phases ---- */

static int64_t phase_ms(const struct connection *c, enum phase phase)
{
	const struct http_config *config = &c->loop->server->config;

	switch (phase) {
	case PHASE_IDLE:
		return config->idle_ms;
	case PHASE_HEAD:
		return config->header_deadline_ms;
	case PHASE_BODY:
		return config->body_deadline_ms;
	case PHASE_WRITE:
		/* A large answer may take as long as the slowest tolerated client needs for it. */
		return config->write_deadline_ms +
		       (int64_t)(c->write_bytes / config->rate_min_bytes_s) * 1000;
	case PHASE_LINGER:
		return LINGER_MS;
	case PHASE_NONE:
	case PHASE_WORK:
	case PHASE_COUNT:
		break;
	}
	return INT32_MAX;   /* no deadline here: the handler has its own */
}

void connection_phase(struct connection *c, enum phase phase)
{
	struct link *list = &c->loop->phases[phase];

	c->link.prev->next = c->link.next;
	c->link.next->prev = c->link.prev;
	c->link.next = list;
	c->link.prev = list->prev;
	list->prev->next = &c->link;
	list->prev = &c->link;
	c->phase = phase;
	c->phase_since_ms = (int64_t)uv_now(&c->loop->uv);
	c->deadline_ms = c->phase_since_ms + phase_ms(c, phase);
	c->fresh = false;
}

static bool is_reading_request(const struct http_exchange *x)
{
	return x != NULL && (x->state == EXCHANGE_HEAD || x->state == EXCHANGE_BODY);
}

static enum phase phase_wanted(const struct connection *c)
{
	if (c->writing)
		return PHASE_WRITE;
	if (c->current == NULL)
		return PHASE_IDLE;
	if (c->current->state == EXCHANGE_HEAD)
		return PHASE_HEAD;
	return c->current->state == EXCHANGE_BODY ? PHASE_BODY : PHASE_WORK;
}

static void phase_update(struct connection *c)
{
	enum phase wanted = phase_wanted(c);

	if (c->fresh || wanted != c->phase || wanted == PHASE_IDLE)
		connection_phase(c, wanted);
}

/* ---- closing ---- */

void connection_release_if_done(struct connection *c)
{
	if (!c->closed || c->current != NULL)
		return;
	c->link.prev->next = c->link.next;
	c->link.next->prev = c->link.prev;
	intake_release(c);
	free(c);
}

static const struct address *counted_address(const struct connection *c)
{
	return c->over_unix || c->trusted ? NULL : &c->address;
}

static void on_closed(uv_handle_t *h)
{
	struct connection *c = h->data;
	struct loop *l = c->loop;

	c->closed = true;
	if (c->counted)
		limits_leave(l->server->limits, counted_address(c));
	connection_release_if_done(c);
	loop_connection_closed(l);   /* last: it may end the loop, and waiters with it */
}

/* An exchange that its handler still works on stays; everything else ends here. */
void connection_gone(struct connection *c)
{
	struct http_exchange *x = c->current;

	if (c->gone)
		return;
	c->gone = true;
	connection_phase(c, PHASE_NONE);
	if (x != NULL && x->state == EXCHANGE_STREAMING)
		stream_gone(x);
	if (!c->writing)
		output_drop(c);
	if (is_reading_request(x)) {
		c->current = NULL;
		exchange_release(x);
	}
	uv_close(&c->uv.handle, on_closed);
}

static void reading_set(struct connection *c, bool on);

/* All answers are out. If the client may still be sending, closing now would make its kernel throw
 * the answer away (RFC 9112 9.6): say the end of ours, and read a while. */
static void finish(struct connection *c)
{
	uv_os_fd_t fd;

	if (c->eof || (!c->linger && c->in_at == c->in_n) || uv_fileno(&c->uv.handle, &fd) != 0 ||
	    shutdown(fd, SHUT_WR) != 0) {
		connection_gone(c);
		return;
	}
	intake_release(c);
	connection_phase(c, PHASE_LINGER);
	reading_set(c, true);
}

/* ---- going on ---- */

static bool connection_step(struct connection *c)
{
	if (c->closing || c->writing || c->gone)
		return false;
	if (c->current == NULL) {
		if (c->in_at == c->in_n)
			return false;
		if (c->queue_n >= PIPELINE_MAX && !output_flush(c))
			return false;
		c->current = exchange_take(c);
		c->fresh = true;
	}
	return exchange_read(c->current);
}

/* Nothing more will be asked on this connection, and nothing is being answered. */
static bool is_over(const struct connection *c)
{
	if (c->current != NULL && !is_reading_request(c->current))
		return false;
	return c->closing || c->eof ||
	       (c->loop->stopping && c->current == NULL && c->in_at == c->in_n);
}

static void settle(struct connection *c)
{
	if (c->gone || c->phase == PHASE_LINGER)
		return;
	if (output_flush(c)) {
		if (is_over(c)) {
			finish(c);
			return;
		}
		if (c->current == NULL && c->in_at == c->in_n)
			intake_release(c);
	}
	if (c->gone)
		return;
	reading_set(c, !c->eof && !c->writing && intake_make_room(c));
	phase_update(c);
}

void connection_process(struct connection *c)
{
	c->processing = true;
	while (connection_step(c))
		;
	c->processing = false;
	settle(c);
}

void connection_expired(struct connection *c)
{
	enum phase phase = c->phase;

	if ((phase != PHASE_HEAD && phase != PHASE_BODY) || !is_reading_request(c->current)) {
		connection_gone(c);
		return;
	}
	exchange_refuse(c->current, ERR_REQUEST_TIMEOUT, "the request did not arrive in time");
	/* A channel may shape the answer elsewhere; the deadline has done its work. */
	if (!c->gone && c->phase == phase)
		connection_phase(c, PHASE_WORK);
}

/* ---- reading ---- */

static void on_alloc(uv_handle_t *h, size_t hint, uv_buf_t *buf)
{
	struct connection *c = h->data;

	(void)hint;
	if (c->phase == PHASE_LINGER)
		*buf = uv_buf_init(c->loop->discard, DISCARD_BYTES);
	else
		*buf = intake_room(c);
}

static void on_discard(struct connection *c, ssize_t n)
{
	if (n < 0)
		connection_gone(c);
	else
		explicit_bzero(c->loop->discard, (size_t)n);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct connection *c = stream->data;

	(void)buf;
	if (c->phase == PHASE_LINGER) {
		on_discard(c, n);
		return;
	}
	if (n < 0 && n != UV_EOF) {
		connection_gone(c);
		return;
	}
	if (n == UV_EOF)
		c->eof = true;
	else
		intake_filled(c, (size_t)n);
	connection_process(c);
}

static void reading_set(struct connection *c, bool on)
{
	if (c->reading == on)
		return;
	c->reading = on;
	if (on)
		(void)uv_read_start(&c->uv.stream, on_alloc, on_read);
	else
		(void)uv_read_stop(&c->uv.stream);
}

/* ---- accepting ---- */

static void name_peer(struct connection *c)
{
	struct sockaddr_storage sa;
	int n = sizeof sa;

	c->peer = S("unix");
	if (c->over_unix)
		return;
	memset(&sa, 0, sizeof sa);
	if (uv_tcp_getpeername(&c->uv.tcp, (struct sockaddr *)&sa, &n) != 0 ||
	    !address_from_socket((struct sockaddr *)&sa, &c->address))
		memset(&c->address, 0, sizeof c->address);
	c->peer = address_text(&c->address, c->peer_text);
	c->trusted = networks_has(&c->loop->server->trusted, &c->address);
}

/* Over a limit there is no room for a gentle close; the answer is a courtesy. */
static void turn_away(struct connection *c)
{
	static const char text[] = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n"
	                           "Content-Length: 0\r\nConnection: close\r\n\r\n";
	uv_buf_t buf = uv_buf_init((char *)(uintptr_t)text, sizeof text - 1);

	(void)uv_try_write(&c->uv.stream, &buf, 1);
	connection_gone(c);
}

static struct connection *connection_create(struct loop *l, bool over_unix)
{
	struct connection *c = heap_alloc(sizeof *c);
	int rc;

	c->loop = l;
	c->over_unix = over_unix;
	c->link.next = c->link.prev = &c->link;
	rc = over_unix ? uv_pipe_init(&l->uv, &c->uv.pipe, 0) : uv_tcp_init(&l->uv, &c->uv.tcp);
	assert(rc == 0);   /* allocates nothing */
	c->uv.handle.data = c;
	loop_connection_opened(l);
	return c;
}

void connection_accept(struct loop *l, uv_stream_t *listener, bool over_unix)
{
	struct connection *c = connection_create(l, over_unix);

	if (uv_accept(listener, &c->uv.stream) != 0) {
		connection_gone(c);
		return;
	}
	name_peer(c);
	c->counted = limits_enter(l->server->limits, counted_address(c));
	if (!c->counted) {
		turn_away(c);
		return;
	}
	if (!over_unix)
		(void)uv_tcp_nodelay(&c->uv.tcp, 1);
	/* The first request must come as fast as any other: there is no idle time before it. */
	connection_phase(c, PHASE_HEAD);
	reading_set(c, true);
}
