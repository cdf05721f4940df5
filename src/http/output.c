/* SPDX-License-Identifier: MIT
 *
 * Writing: the pieces of all answered exchanges of a connection in order, in as few system calls as
 * possible. What the socket does not take at once is left to libuv; meanwhile nothing is read. */
#include "http/http_int.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

enum { SHORT_BYTES_MAX = 1024 };

void output_queue(struct http_exchange *x)
{
	struct connection *c = x->connection;

	x->next = NULL;
	if (c->last == NULL)
		c->first = x;
	else
		c->last->next = x;
	c->last = x;
	c->queue_n++;
}

static void dequeue(struct connection *c)
{
	struct http_exchange *x = c->first;

	c->first = x->next;
	if (c->first == NULL)
		c->last = NULL;
	c->queue_n--;
	x->next = NULL;
}

static void add_piece(uv_buf_t *pieces, size_t *n, size_t *bytes, const char *p, size_t size)
{
	/* One write's result is an int. */
	if (size > WRITE_BYTES_MAX - *bytes)
		size = WRITE_BYTES_MAX - *bytes;
	if (size == 0 || *n == PIECES_MAX)
		return;
	pieces[(*n)++] = uv_buf_init((char *)(uintptr_t)p, (unsigned)size);
	*bytes += size;
}

static size_t gather(const struct connection *c, uv_buf_t pieces[PIECES_MAX], size_t *bytes_out)
{
	size_t n = 0;

	*bytes_out = 0;
	for (const struct http_exchange *x = c->first; x != NULL && n < PIECES_MAX; x = x->next) {
		for (int i = 0; i < PIECES_FIXED; i++)
			add_piece(pieces, &n, bytes_out, x->pieces[i].p, x->pieces[i].n);
		for (const struct stream_chunk *s = x->chunks_first; s != NULL; s = s->next)
			add_piece(pieces, &n, bytes_out, s->bytes + s->at, s->n - s->at);
	}
	return n;
}

static void shrink(str *piece, size_t *n)
{
	size_t taken = *n < piece->n ? *n : piece->n;

	*piece = (str){ piece->p + taken, piece->n - taken };
	*n -= taken;
}

/* Takes n written bytes off the front of x; what is left of n belongs to the next exchange. */
static void take_off(struct http_exchange *x, size_t *n)
{
	for (int i = 0; i < PIECES_FIXED; i++)
		if (x->pieces[i].n > 0)
			shrink(&x->pieces[i], n);
	while (x->chunks_first != NULL) {
		struct stream_chunk *s = x->chunks_first;

		if (s->n - s->at > *n) {
			s->at += *n;
			*n = 0;
			return;
		}
		*n -= s->n - s->at;
		x->chunks_first = s->next;
		if (x->chunks_first == NULL)
			x->chunks_last = NULL;
		stream_written(s);
	}
}

static bool is_written(const struct http_exchange *x)
{
	return x->state == EXCHANGE_ANSWERED && x->chunks_first == NULL &&
	       x->pieces[PIECE_HEAD].n == 0 && x->pieces[PIECE_TAIL].n == 0 &&
	       x->pieces[PIECE_BODY].n == 0;
}

static void advance(struct connection *c, size_t n)
{
	while (c->first != NULL) {
		struct http_exchange *x = c->first;

		take_off(x, &n);
		if (!is_written(x))
			return;
		dequeue(c);
		exchange_release(x);
	}
}

/* The loop's Date line changes every second; a write under way keeps the one it began with. */
static void pin_tails(struct connection *c)
{
	for (struct http_exchange *x = c->first; x != NULL; x = x->next) {
		str *tail = &x->pieces[PIECE_TAIL];

		if (tail->n == 0 || (tail->p >= x->tail && tail->p < x->tail + TAIL_BYTES))
			continue;
		memcpy(x->tail, tail->p, tail->n);
		tail->p = x->tail;
	}
}

static void on_written(uv_write_t *w, int status)
{
	struct connection *c = w->data;

	c->writing = false;
	if (status == 0)
		advance(c, c->write_bytes);
	c->write_bytes = 0;
	if (c->gone)
		output_drop(c);
	else if (status != 0)
		connection_gone(c);
	else
		connection_process(c);
}

static void write_rest(struct connection *c)
{
	uv_buf_t pieces[PIECES_MAX];
	size_t n;

	pin_tails(c);
	n = gather(c, pieces, &c->write_bytes);
	c->write.data = c;
	c->writing = true;
	c->fresh = true;
	if (uv_write(&c->write, &c->uv.stream, pieces, (unsigned)n, on_written) != 0) {
		c->writing = false;
		connection_gone(c);
	}
}

/* A short answer leaves as one piece, straight to the socket: several pieces, and the kernel's file
 * layer, would cost more than the copy. Nothing is queued in libuv. Bytes taken, or a libuv error. */
static int send_short(struct connection *c, const uv_buf_t *pieces, size_t n)
{
	char whole[SHORT_BYTES_MAX];
	size_t bytes = 0;
	uv_os_fd_t fd;
	ssize_t taken;

	if (uv_fileno(&c->uv.handle, &fd) != 0)
		return UV_EBADF;
	for (size_t i = 0; i < n; bytes += pieces[i++].len)
		memcpy(whole + bytes, pieces[i].base, pieces[i].len);
	do {
		taken = send(fd, whole, bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (taken < 0 && errno == EINTR);
	return taken >= 0 ? (int)taken : uv_translate_sys_error(errno);
}

bool output_flush(struct connection *c)
{
	while (!c->writing && !c->gone) {
		uv_buf_t pieces[PIECES_MAX];
		size_t bytes, n = gather(c, pieces, &bytes);
		int rc;

		if (n == 0) {
			advance(c, 0);
			return true;
		}
		rc = bytes <= SHORT_BYTES_MAX ? send_short(c, pieces, n)
		                              : uv_try_write(&c->uv.stream, pieces, (unsigned)n);
		if (rc < 0 && rc != UV_EAGAIN) {
			connection_gone(c);
			return false;
		}
		advance(c, rc < 0 ? 0 : (size_t)rc);
		if (rc < 0 || (size_t)rc < bytes)
			write_rest(c);
	}
	return false;
}

static void drop_chunks(struct http_exchange *x)
{
	while (x->chunks_first != NULL) {
		struct stream_chunk *s = x->chunks_first;

		x->chunks_first = s->next;
		stream_written(s);
	}
	x->chunks_last = NULL;
}

void output_drop(struct connection *c)
{
	while (c->first != NULL) {
		struct http_exchange *x = c->first;

		dequeue(c);
		drop_chunks(x);
		/* A stream whose writer has not ended it yet is still somebody's. */
		if (x != c->current)
			exchange_release(x);
	}
}
