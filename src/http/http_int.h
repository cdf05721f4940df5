/* SPDX-License-Identifier: MIT
 *
 * The engine inside: server > loop > connection > exchange. Everything here is touched by the loop's
 * thread alone, except where it says otherwise.
 *
 * One request's way: connection.c reads bytes, exchange.c parses, routes and calls the handler,
 * answer.c or stream.c hang the answer's pieces on the exchange, output.c writes the queue of
 * exchanges in order. A connection works on one request at a time; pipelined ones wait in its buffer. */
#ifndef HTTP_HTTP_INT_H
#define HTTP_HTTP_INT_H

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <uv.h>

#include "http/address.h"
#include "http/chunk.h"
#include "http/http.h"
#include "http/limit.h"
#include "http/parse.h"
#include "http/router.h"

enum {
	READ_BUFFER_BYTES    = 8 * 1024,  /* a connection's first buffer; it has none while idle  */
	BODY_BUFFER_BYTES    = 16 * 1024, /* first size of a body that does not fit beside its head */
	EXCHANGE_ARENA_BYTES = 4 * 1024,
	POOL_MAX             = 256,       /* spare exchanges and buffers a loop keeps             */
	PIPELINE_MAX         = 16,        /* answers gathered before they are written             */
	PIECES_MAX           = 48,        /* iovecs of one write                                  */
	WRITE_BYTES_MAX      = 1 << 30,
	TARGET_BYTES_DEFAULT = 8 * 1024,
	TICK_MS              = 250,       /* how late a deadline may fire                         */
	LINGER_MS            = 2000,      /* how long a refused client may read its answer        */
	RATE_GRACE_MS        = 5000,      /* before a body's minimum rate counts                  */
	TAIL_BYTES           = 80,        /* Date, Connection and the blank line                  */
	DISCARD_BYTES        = 4 * 1024,
	STREAM_PENDING_MAX   = 256 * 1024,      /* a writer waits above it                        */
	STREAM_OVERFLOW_MAX  = 4 * 1024 * 1024, /* a loop thread cannot wait: the client is cut   */
};

struct link { struct link *prev, *next; };

/* What a connection is waiting for; each has its own deadline and list. */
enum phase {
	PHASE_NONE, PHASE_IDLE, PHASE_HEAD, PHASE_BODY, PHASE_WORK, PHASE_WRITE, PHASE_LINGER,
	PHASE_COUNT
};

enum tail { TAIL_PLAIN, TAIL_CLOSE, TAIL_KEEP_ALIVE, TAIL_COUNT };

/* Something for a loop to do, put there by any thread. Embedded in what it is about. */
struct task {
	struct task *next;
	void (*run)(struct task *t);
};

struct spare { struct spare *next; };     /* a buffer in the pool */

struct timer;                             /* of http_after */

struct loop {
	uv_loop_t    uv;
	uv_async_t   wake;
	uv_timer_t   tick;                /* runs while there are connections             */
	uv_tcp_t     listener;
	uv_pipe_t    unix_listener;
	bool         has_listener, has_unix_listener, has_thread;
	pthread_t    thread;
	_Atomic(struct task *) inbox;     /* any thread pushes; last in first             */
	struct http_server *server;
	uint64_t     exchanges_n;         /* ever taken; makes request ids                */
	unsigned     index;
	size_t       connections_n;       /* open handles                                 */
	struct link  phases[PHASE_COUNT]; /* connections, oldest first                    */
	struct timer *timers;
	struct http_exchange *exchanges;  /* spare                                        */
	struct spare *buffers;
	unsigned     exchanges_spare, buffers_spare;
	bool         stopping;
	int64_t      stop_at_ms;          /* loop time: connections are cut               */
	struct task  stop_task;
	int64_t      date_until_ms;       /* loop time at which `tails` are a second old  */
	size_t       tail_bytes[TAIL_COUNT];
	char         tails[TAIL_COUNT][TAIL_BYTES];
	char         discard[DISCARD_BYTES];
};

struct http_server {
	struct http_config  config;       /* with the defaults filled in                  */
	struct router      *router, *unix_router;
	struct limits      *limits;
	struct networks     trusted;
	struct parse_limits parse_limits;
	struct loop        *loops;
	unsigned            loops_n;
	uint64_t            id_mask;      /* random: ids differ from run to run           */
	int64_t             grace_ms;     /* written before the stop tasks are posted     */
	int                 port;
	char               *unix_path;
	bool                stopped;
};

struct connection {
	union {
		uv_handle_t handle;
		uv_stream_t stream;
		uv_tcp_t    tcp;
		uv_pipe_t   pipe;
	} uv;
	struct link  link;                /* in loop->phases[phase]                       */
	struct loop *loop;
	enum phase   phase;
	int64_t      deadline_ms, phase_since_ms;   /* loop time                          */

	/* Input: in[in_at..in_n) is not parsed yet. */
	char        *in;
	size_t       in_cap, in_n, in_at, in_high;  /* in_high: bytes ever filled, to wipe */
	size_t       in_reserved;         /* what a grown buffer counts among bodies      */

	struct http_exchange *current;    /* being read, worked on or streamed            */
	struct http_exchange *first, *last; /* waiting to be written, in order            */
	unsigned     queue_n;
	uv_write_t   write;
	size_t       write_bytes;         /* handed to libuv, not written yet             */

	bool writing     : 1;             /* a uv_write is under way                      */
	bool reading     : 1;
	bool processing  : 1;             /* connection_process is on the stack           */
	bool eof         : 1;             /* the client sends no more                     */
	bool closing     : 1;             /* no further request is taken                  */
	bool linger      : 1;             /* input was left unread: close gently          */
	bool gone        : 1;             /* being closed; only waits for its exchange    */
	bool closed      : 1;             /* libuv is done with the handle                */
	bool over_unix   : 1;
	bool trusted     : 1;             /* the peer is a trusted proxy                  */
	bool counted     : 1;             /* limits_enter said yes                        */
	bool fresh       : 1;             /* what the phase waits for has changed: its time starts anew */
	struct address address;
	str          peer;
	char         peer_text[ADDRESS_TEXT_BYTES];
};

enum exchange_state {
	EXCHANGE_HEAD, EXCHANGE_BODY,     /* being read                                   */
	EXCHANGE_WORKING,                 /* the handler's, on whatever thread            */
	EXCHANGE_ANSWERED,                /* its pieces are complete                      */
	EXCHANGE_STREAMING,               /* pieces may still come                        */
};

enum { PIECE_HEAD, PIECE_TAIL, PIECE_BODY, PIECES_FIXED };

/* A piece of a streamed answer, framed, on its way to the loop and then to the socket. */
struct stream_chunk {
	struct task           task;
	struct http_stream   *stream;
	struct stream_chunk  *next;
	size_t                n, at;      /* bytes; the next one to be written            */
	size_t                counted;    /* towards the stream's pending bytes           */
	bool                  last;
	char                  bytes[];
};

struct http_exchange {
	struct connection    *connection;
	struct loop          *loop;
	struct http_exchange *next;       /* in the connection's queue or the pool        */
	struct task           task;       /* an answer given on another thread            */
	enum exchange_state   state;
	struct arena         *arena;
	bool                  arena_used;
	struct http_request   request;
	struct parse          parse;
	struct router_match   match;      /* params decoded once a handler is called      */
	bool                  unrouted;   /* the fallback's                               */
	char                  peer_text[ADDRESS_TEXT_BYTES];
	int64_t               started_ns;

	/* A body that does not fit into the connection's buffer. */
	char                 *body;
	size_t                body_n, body_cap, body_max, body_seen; /* seen: as sent     */
	struct chunks         chunks;

	/* The answer. */
	int                   status;
	bool                  close;
	str                   pieces[PIECES_FIXED];
	struct stream_chunk  *chunks_first, *chunks_last;
	struct http_stream   *stream;
	size_t                answer_bytes;
	void                (*done)(void *);
	void                 *done_arg;
	char                  tail[TAIL_BYTES];   /* used while a write is under way      */

	struct http_pair      headers[PARSE_HEADERS_MAX];
};

static inline bool link_empty(const struct link *list)
{
	return list->next == list;
}

/* The connection whose `link` this is. */
static inline struct connection *link_connection(struct link *l)
{
	return (struct connection *)(void *)((char *)l - offsetof(struct connection, link));
}

/* loop.c */
bool loop_init(struct loop *l, struct http_server *s, unsigned index, struct err *e) MUST_CHECK;
void loop_fini(struct loop *l);             /* after its thread has ended; runs what is left   */
void loop_run(struct loop *l);              /* the thread's body                               */
void loop_post(struct loop *l, struct task *t);                 /* any thread                  */
bool loop_is_current(const struct loop *l);                     /* is this l's thread?         */
str  loop_tail(struct loop *l, enum tail which);
void loop_connection_opened(struct loop *l);
void loop_connection_closed(struct loop *l);
char *loop_buffer_take(struct loop *l);     /* READ_BUFFER_BYTES                               */
void loop_buffer_give(struct loop *l, char *p, size_t cap, size_t used);   /* wipes            */
struct http_exchange *loop_exchange_take(struct loop *l);
void loop_exchange_give(struct loop *l, struct http_exchange *x);

/* connection.c */
void connection_accept(struct loop *l, uv_stream_t *listener, bool over_unix);
void connection_process(struct connection *c);     /* as far as input and answers allow        */
void connection_gone(struct connection *c);        /* closes now                               */
void connection_release_if_done(struct connection *c);
void connection_phase(struct connection *c, enum phase phase);
void connection_expired(struct connection *c);     /* its phase's deadline has passed          */

/* exchange.c */
struct http_exchange *exchange_take(struct connection *c);
void exchange_release(struct http_exchange *x);
/* Takes input one step further; false: needs more, or an answer. */
bool exchange_read(struct http_exchange *x);
void exchange_restart(struct http_exchange *x);    /* the unfinished head moves                */
void exchange_refuse(struct http_exchange *x, enum err_code code, const char *why);

/* intake.c: where the bytes of a request lie */
uv_buf_t intake_room(struct connection *c);        /* for the next read; len 0: none           */
void intake_filled(struct connection *c, size_t n);
bool intake_make_room(struct connection *c);       /* false: cannot while the handler works    */
void intake_release(struct connection *c);         /* the idle connection's buffer             */
/* May the buffer of an unfinished head grow, if it has to? false: too much memory is in use. */
bool intake_may_grow(struct connection *c);
bool intake_body(struct http_exchange *x);         /* true: complete, or refused               */
bool intake_body_begin(struct http_exchange *x);   /* false: refused                           */
void intake_body_free(struct http_exchange *x);
/* Moves a chunked request's head into the arena: the buffer is needed for the coding of the body. */
void intake_copy_head(struct http_exchange *x);

/* output.c */
void output_queue(struct http_exchange *x);
bool output_flush(struct connection *c);           /* true: nothing is left to write           */
void output_drop(struct connection *c);            /* the client has gone                      */

/* answer.c */
void answer_plain(struct http_exchange *x, const struct err *e);   /* the default error shape  */
bool answer_has_body(const struct http_exchange *x, int status);
str  answer_stream_head(struct http_exchange *x, const struct http_answer *a);
/* Chooses Connection and Date; on the loop, just before the queue. */
void answer_tail(struct http_exchange *x);

/* stream.c */
void stream_written(struct stream_chunk *c);       /* frees it                                 */
void stream_gone(struct http_exchange *x);
void stream_free(struct http_exchange *x);

#endif
