/* SPDX-License-Identifier: MIT
 *
 * One event loop on its thread: what other threads post to it, its deadlines, its pools. */
#include "http/http_int.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

static _Thread_local struct loop *loop_current;

struct timer {
	uv_timer_t    uv;
	struct loop  *loop;
	struct timer *prev, *next;
	void        (*fn)(void *);
	void         *arg;
};

struct call {
	struct task task;
	void      (*fn)(void *);
	void       *arg;
};

bool loop_is_current(const struct loop *l)
{
	return loop_current == l;
}

/* ---- work from other threads ---- */

void loop_post(struct loop *l, struct task *t)
{
	struct task *top = atomic_load_explicit(&l->inbox, memory_order_relaxed);

	do {
		t->next = top;
	} while (!atomic_compare_exchange_weak_explicit(&l->inbox, &top, t, memory_order_release,
	                                                memory_order_relaxed));
	/* Whoever fills an empty inbox wakes the loop; later ones find it awake. The handle stays
	 * open until loop_fini, so that a late answer may still be posted. */
	if (top == NULL)
		uv_async_send(&l->wake);
}

static void run_inbox(struct loop *l)
{
	struct task *t = atomic_exchange_explicit(&l->inbox, NULL, memory_order_acquire);
	struct task *first = NULL;

	while (t != NULL) {
		struct task *next = t->next;

		t->next = first;
		first = t;
		t = next;
	}
	while (first != NULL) {
		t = first;
		first = first->next;
		t->run(t);
	}
}

static void on_wake(uv_async_t *a)
{
	run_inbox(a->data);
}

static void run_call(struct task *t)
{
	struct call *c = (struct call *)(void *)t;

	c->fn(c->arg);
	free(c);
}

void http_post(struct http_exchange *x, void (*fn)(void *), void *arg)
{
	struct call *c = heap_alloc(sizeof *c);

	*c = (struct call){ { NULL, run_call }, fn, arg };
	loop_post(x->loop, &c->task);
}

/* ---- timers of handlers ---- */

static void timer_closed(uv_handle_t *h)
{
	free(h->data);
}

static void timer_fire(uv_timer_t *uv)
{
	struct timer *t = uv->data;

	if (t->prev == NULL)
		t->loop->timers = t->next;
	else
		t->prev->next = t->next;
	if (t->next != NULL)
		t->next->prev = t->prev;
	t->fn(t->arg);
	uv_close((uv_handle_t *)uv, timer_closed);
}

void http_after(struct http_exchange *x, int64_t ms, void (*fn)(void *), void *arg)
{
	struct loop *l = x->loop;
	struct timer *t = heap_alloc(sizeof *t);

	assert(loop_is_current(l));
	t->loop = l;
	t->fn = fn;
	t->arg = arg;
	t->next = l->timers;
	if (t->next != NULL)
		t->next->prev = t;
	l->timers = t;
	t->uv.data = t;
	uv_timer_init(&l->uv, &t->uv);
	uv_timer_start(&t->uv, timer_fire, ms < 0 ? 0 : (uint64_t)ms, 0);
}

/* At the end: early, so that whoever waits can let go of what it holds. A callback that asks for
 * another timer is called once more in loop_fini and then not again. */
static void fire_timers(struct loop *l)
{
	struct timer *t = l->timers, *next;

	l->timers = NULL;
	for (; t != NULL; t = next) {
		next = t->next;
		t->fn(t->arg);
		uv_close((uv_handle_t *)&t->uv, timer_closed);
	}
}

static void drop_timers(struct loop *l)
{
	for (struct timer *t = l->timers; t != NULL; t = t->next)
		uv_close((uv_handle_t *)&t->uv, timer_closed);
	l->timers = NULL;
}

/* ---- deadlines ---- */

/* HEAD, IDLE and LINGER hold connections in the order of their deadlines, so that only the first
 * ones are looked at. Each expired connection leaves its list. */
static void expire_ordered(struct loop *l, enum phase phase, int64_t now_ms)
{
	struct link *list = &l->phases[phase];

	while (!link_empty(list) && link_connection(list->next)->deadline_ms <= now_ms)
		connection_expired(link_connection(list->next));
}

static bool body_too_slow(const struct connection *c, int64_t now_ms)
{
	int64_t ms = now_ms - c->phase_since_ms;
	size_t rate = c->loop->server->config.rate_min_bytes_s;

	return ms > RATE_GRACE_MS && c->current->body_seen < rate * (size_t)ms / 1000;
}

/* BODY and WRITE have deadlines of their own; all are looked at. They are moved to a list of their
 * own first, because ending one may run a handler, and that may change any list. */
static void expire_each(struct loop *l, enum phase phase, int64_t now_ms)
{
	struct link *list = &l->phases[phase], todo;

	if (link_empty(list))
		return;
	todo = *list;
	todo.next->prev = todo.prev->next = &todo;
	list->next = list->prev = list;
	while (!link_empty(&todo)) {
		struct connection *c = link_connection(todo.next);

		c->link.prev->next = c->link.next;
		c->link.next->prev = c->link.prev;
		c->link.next = list;
		c->link.prev = list->prev;
		list->prev->next = &c->link;
		list->prev = &c->link;
		if (c->deadline_ms <= now_ms || (phase == PHASE_BODY && body_too_slow(c, now_ms)))
			connection_expired(c);
	}
}

static void cut_all(struct loop *l)
{
	for (int phase = PHASE_IDLE; phase < PHASE_COUNT; phase++)
		while (!link_empty(&l->phases[phase]))
			connection_gone(link_connection(l->phases[phase].next));
}

static void on_tick(uv_timer_t *t)
{
	struct loop *l = t->data;
	int64_t now_ms = (int64_t)uv_now(&l->uv);

	expire_ordered(l, PHASE_IDLE, now_ms);
	expire_ordered(l, PHASE_HEAD, now_ms);
	expire_ordered(l, PHASE_LINGER, now_ms);
	expire_each(l, PHASE_BODY, now_ms);
	expire_each(l, PHASE_WRITE, now_ms);
	if (l->stopping && now_ms >= l->stop_at_ms)
		cut_all(l);
}

/* ---- start and stop ---- */

static void stop_if_done(struct loop *l)
{
	if (!l->stopping || l->connections_n > 0)
		return;
	fire_timers(l);
	uv_stop(&l->uv);
}

void loop_connection_opened(struct loop *l)
{
	if (l->connections_n++ == 0)
		uv_timer_start(&l->tick, on_tick, TICK_MS, TICK_MS);
}

void loop_connection_closed(struct loop *l)
{
	if (--l->connections_n == 0)
		uv_timer_stop(&l->tick);
	stop_if_done(l);
}

static void close_listeners(struct loop *l)
{
	if (l->has_listener)
		uv_close((uv_handle_t *)&l->listener, NULL);
	if (l->has_unix_listener)
		uv_close((uv_handle_t *)&l->unix_listener, NULL);
	l->has_listener = l->has_unix_listener = false;
}

/* Connections that are between requests, or have not begun one. */
static void close_idle(struct loop *l)
{
	struct link *list = &l->phases[PHASE_HEAD];

	for (struct link *i = list->next, *next; i != list; i = next) {
		next = i->next;
		if (link_connection(i)->current == NULL)
			connection_gone(link_connection(i));
	}
	while (!link_empty(&l->phases[PHASE_IDLE]))
		connection_gone(link_connection(l->phases[PHASE_IDLE].next));
}

static void on_stop(struct task *t)
{
	struct loop *l = (struct loop *)(void *)((char *)t - offsetof(struct loop, stop_task));

	l->stopping = true;
	uv_update_time(&l->uv);
	l->stop_at_ms = (int64_t)uv_now(&l->uv) + l->server->grace_ms;
	close_listeners(l);
	close_idle(l);
	stop_if_done(l);
}

bool loop_init(struct loop *l, struct http_server *s, unsigned index, struct err *e)
{
	int rc = uv_loop_init(&l->uv);

	if (rc != 0)
		return err_log(e, ERR_INTERNAL, -rc, "event loop: %s", uv_strerror(rc));
	l->server = s;
	l->index = index;
	l->stop_task.run = on_stop;
	for (int phase = 0; phase < PHASE_COUNT; phase++)
		l->phases[phase].next = l->phases[phase].prev = &l->phases[phase];
	uv_timer_init(&l->uv, &l->tick);
	l->tick.data = l;
	l->wake.data = l;
	rc = uv_async_init(&l->uv, &l->wake, on_wake);
	if (rc != 0)
		return err_log(e, ERR_INTERNAL, -rc, "event loop: %s", uv_strerror(rc));
	return true;
}

/* A client that has gone makes write(2) raise it in the thread that writes. */
static void block_sigpipe(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

void loop_run(struct loop *l)
{
	const struct http_config *config = &l->server->config;

	char name[16];

	loop_current = l;
	block_sigpipe();
	(void)snprintf(name, sizeof name, "http-%u", l->index);
	(void)pthread_setname_np(pthread_self(), name);
	if (config->thread_in != NULL)
		config->thread_in();
	uv_run(&l->uv, UV_RUN_DEFAULT);
	if (config->thread_out != NULL)
		config->thread_out();
	loop_current = NULL;
}

static void free_pools(struct loop *l)
{
	while (l->exchanges != NULL) {
		struct http_exchange *x = l->exchanges;

		l->exchanges = x->next;
		arena_destroy(x->arena);
		free(x);
	}
	while (l->buffers != NULL) {
		struct spare *b = l->buffers;

		l->buffers = b->next;
		free(b);
	}
}

/* Handlers that will never answer: their exchanges end with the server. */
static void free_orphans(struct loop *l)
{
	struct link *list = &l->phases[PHASE_NONE];

	while (!link_empty(list)) {
		struct connection *c = link_connection(list->next);

		exchange_release(c->current);
		c->current = NULL;
		connection_release_if_done(c);
	}
}

void loop_fini(struct loop *l)
{
	struct loop *before = loop_current;

	loop_current = l;
	run_inbox(l);
	close_listeners(l);
	fire_timers(l);
	drop_timers(l);
	uv_close((uv_handle_t *)&l->tick, NULL);
	uv_close((uv_handle_t *)&l->wake, NULL);
	uv_run(&l->uv, UV_RUN_DEFAULT);
	free_orphans(l);
	free_pools(l);
	uv_loop_close(&l->uv);
	loop_current = before;
}

/* ---- what connections borrow ---- */

static void format_tails(struct loop *l, int64_t now_ms)
{
	static const char *const ends[TAIL_COUNT] = {
		[TAIL_PLAIN]      = "\r\n",
		[TAIL_CLOSE]      = "Connection: close\r\n\r\n",
		[TAIL_KEEP_ALIVE] = "Connection: keep-alive\r\n\r\n",
	};
	char date[30];

	clock_http_date(now_ms, date);
	for (int i = 0; i < TAIL_COUNT; i++)
		l->tail_bytes[i] = (size_t)snprintf(l->tails[i], TAIL_BYTES, "Date: %s\r\n%s", date,
		                                    ends[i]);
}

str loop_tail(struct loop *l, enum tail which)
{
	int64_t loop_ms = (int64_t)uv_now(&l->uv);

	if (loop_ms >= l->date_until_ms) {
		int64_t now_ms = clock_now_ms();

		format_tails(l, now_ms);
		l->date_until_ms = loop_ms + 1000 - now_ms % 1000;
	}
	return (str){ l->tails[which], l->tail_bytes[which] };
}

char *loop_buffer_take(struct loop *l)
{
	struct spare *b = l->buffers;

	if (b == NULL)
		return heap_alloc(READ_BUFFER_BYTES);
	l->buffers = b->next;
	l->buffers_spare--;
	return (char *)b;
}

void loop_buffer_give(struct loop *l, char *p, size_t cap, size_t used)
{
	struct spare *b = (struct spare *)(void *)p;

	explicit_bzero(p, used);
	if (cap != READ_BUFFER_BYTES || l->buffers_spare == POOL_MAX) {
		free(p);
		return;
	}
	b->next = l->buffers;
	l->buffers = b;
	l->buffers_spare++;
}

struct http_exchange *loop_exchange_take(struct loop *l)
{
	struct http_exchange *x = l->exchanges;

	l->exchanges_n++;
	if (x == NULL) {
		x = heap_alloc(sizeof *x);
		x->arena = arena_create(EXCHANGE_ARENA_BYTES);
		arena_wipe_always(x->arena);   /* tokens and passwords pass through it */
		return x;
	}
	l->exchanges = x->next;
	l->exchanges_spare--;
	return x;
}

void loop_exchange_give(struct loop *l, struct http_exchange *x)
{
	if (l->exchanges_spare == POOL_MAX) {
		arena_destroy(x->arena);
		free(x);
		return;
	}
	x->next = l->exchanges;
	l->exchanges = x;
	l->exchanges_spare++;
}
