/* SPDX-License-Identifier: MIT
 *
 * Answers whose length is not known when they begin. The writer may be on any thread; its pieces are
 * copied, framed and posted to the loop. A fast writer waits for a slow client, but never a loop. */
#include "http/http_int.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct http_stream {
	struct http_exchange *x;
	struct task     start;
	bool            framed;      /* chunked; else until close                             */
	bool            silent;      /* HEAD, 204, 304: no bytes leave                        */
	pthread_mutex_t lock;        /* the rest                                              */
	pthread_cond_t  room;
	size_t          pending;     /* bytes given and not yet written                       */
	bool            gone;
};

enum { FRAME_BYTES = 20 };       /* size in hexadecimal and two line ends                 */

static void drop_chunk(struct stream_chunk *s)
{
	explicit_bzero(s->bytes, s->n);
	free(s);
}

void stream_written(struct stream_chunk *chunk)
{
	struct http_stream *s = chunk->stream;

	pthread_mutex_lock(&s->lock);
	s->pending -= chunk->counted;
	if (s->pending <= STREAM_PENDING_MAX)
		pthread_cond_broadcast(&s->room);
	pthread_mutex_unlock(&s->lock);
	drop_chunk(chunk);
}

void stream_gone(struct http_exchange *x)
{
	struct http_stream *s = x->stream;

	pthread_mutex_lock(&s->lock);
	s->gone = true;
	pthread_cond_broadcast(&s->room);
	pthread_mutex_unlock(&s->lock);
}

void stream_free(struct http_exchange *x)
{
	pthread_mutex_destroy(&x->stream->lock);
	pthread_cond_destroy(&x->stream->room);
	free(x->stream);
	x->stream = NULL;
}

static void go_on(struct connection *c)
{
	if (!c->processing && !c->writing)
		connection_process(c);
}

static void start_on_loop(struct http_exchange *x)
{
	struct connection *c = x->connection;

	x->state = EXCHANGE_STREAMING;
	if (c->gone) {
		stream_gone(x);
		return;
	}
	answer_tail(x);
	output_queue(x);
	go_on(c);
}

static void start_task(struct task *t)
{
	start_on_loop(((struct http_stream *)(void *)((char *)t -
	                                             offsetof(struct http_stream, start)))->x);
}

struct http_stream *http_stream_begin(struct http_exchange *x, const struct http_answer *head)
{
	struct http_stream *s = heap_alloc(sizeof *s);

	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->room, NULL);
	s->x = x;
	s->silent = !answer_has_body(x, head->status);
	s->framed = x->parse.minor >= 1;
	x->stream = s;
	x->status = head->status;
	x->close = x->close || head->close || !s->framed;
	x->pieces[PIECE_HEAD] = answer_stream_head(x, head);
	if (loop_is_current(x->loop)) {
		start_on_loop(x);
	} else {
		s->start.run = start_task;
		loop_post(x->loop, &s->start);
	}
	return s;
}

static bool is_queued(const struct connection *c, const struct http_exchange *x)
{
	const struct http_exchange *i = c->first;

	while (i != NULL && i != x)
		i = i->next;
	return i != NULL;
}

/* The writer has let go of the stream and everything it wrote was taken before this. */
static void end_on_loop(struct http_exchange *x)
{
	struct connection *c = x->connection;

	x->state = EXCHANGE_ANSWERED;
	c->current = NULL;
	if (!c->gone) {
		go_on(c);
	} else if (!is_queued(c, x)) {
		/* Else its bytes are still in libuv's hands; output_drop ends x afterwards. */
		exchange_release(x);
		connection_release_if_done(c);
	}
}

static void chunk_on_loop(struct stream_chunk *chunk)
{
	struct http_exchange *x = chunk->stream->x;
	bool last = chunk->last;

	if (x->connection->gone) {
		stream_written(chunk);
	} else {
		x->answer_bytes += chunk->counted;
		if (x->chunks_last == NULL)
			x->chunks_first = chunk;
		else
			x->chunks_last->next = chunk;
		x->chunks_last = chunk;
	}
	if (last)
		end_on_loop(x);
	else if (!x->connection->gone)
		go_on(x->connection);
}

static void chunk_task(struct task *t)
{
	chunk_on_loop((struct stream_chunk *)(void *)t);
}

/* After this the stream may be gone if the chunk is the last. */
static void deliver(struct stream_chunk *chunk)
{
	struct loop *l = chunk->stream->x->loop;

	if (loop_is_current(l)) {
		chunk_on_loop(chunk);
		return;
	}
	chunk->task.run = chunk_task;
	loop_post(l, &chunk->task);
}

static struct stream_chunk *chunk_frame(struct http_stream *s, str bytes, bool last)
{
	struct stream_chunk *chunk = heap_alloc(sizeof *chunk + bytes.n + FRAME_BYTES);
	size_t n = 0;

	chunk->stream = s;
	chunk->last = last;
	chunk->counted = bytes.n;
	if (s->framed && !s->silent)
		n = (size_t)snprintf(chunk->bytes, FRAME_BYTES, "%zx\r\n", bytes.n);
	if (bytes.n > 0)
		memcpy(chunk->bytes + n, bytes.p, bytes.n);
	n += bytes.n;
	if (s->framed && !s->silent) {
		memcpy(chunk->bytes + n, "\r\n", 2);
		n += 2;
	}
	chunk->n = n;
	return chunk;
}

/* Counts the bytes in, waiting for room where waiting is allowed. false: the client has gone. */
static bool reserve(struct http_stream *s, size_t n)
{
	bool can_wait = !loop_is_current(s->x->loop), ok, overflow;

	pthread_mutex_lock(&s->lock);
	while (can_wait && !s->gone && s->pending > STREAM_PENDING_MAX)
		pthread_cond_wait(&s->room, &s->lock);
	overflow = !can_wait && s->pending > STREAM_OVERFLOW_MAX;
	ok = !s->gone && !overflow;
	if (ok)
		s->pending += n;
	pthread_mutex_unlock(&s->lock);
	if (overflow)
		connection_gone(s->x->connection);
	return ok;
}

bool http_stream_write(struct http_stream *s, str bytes)
{
	if (s->silent)
		bytes.n = 0;
	if (!reserve(s, bytes.n))
		return false;
	/* An empty chunk would end the answer. */
	if (bytes.n > 0)
		deliver(chunk_frame(s, bytes, false));
	return true;
}

void http_stream_end(struct http_stream *s)
{
	deliver(chunk_frame(s, STR_NONE, true));
}

size_t http_stream_pending(struct http_stream *s)
{
	size_t n;

	pthread_mutex_lock(&s->lock);
	n = s->pending;
	pthread_mutex_unlock(&s->lock);
	return n;
}
