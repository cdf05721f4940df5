/* SPDX-License-Identifier: MIT
 *
 * Waiting for a job without a thread: a list of who is to be called when. The job rows are the
 * truth; the list of open jobs only spares a look-up for one that has long been finished. */
#include "jobs/jobs_int.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"

static void *must(void *p)
{
	if (!p)
		abort();
	return p;
}

void hub_init(struct hub *h)
{
	pthread_condattr_t attr;

	pthread_mutex_init(&h->mutex, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&h->wake, &attr);
	pthread_condattr_destroy(&attr);
}

void hub_fini(struct hub *h)
{
	while (h->open) {
		struct open_job *o = h->open;

		h->open = o->next;
		free(o);
	}
	pthread_cond_destroy(&h->wake);
	pthread_mutex_destroy(&h->mutex);
}

static struct open_job **find_open(struct hub *h, str public_id)
{
	struct open_job **at = &h->open;

	while (*at && !str_eq((*at)->public_id, public_id))
		at = &(*at)->next;
	return at;
}

void hub_opened(struct hub *h, str public_id)
{
	struct open_job *o = must(malloc(sizeof(*o) + public_id.n + 1));

	memcpy(o + 1, public_id.p, public_id.n);
	o->public_id = (str){ (const char *)(o + 1), public_id.n };
	pthread_mutex_lock(&h->mutex);
	if (*find_open(h, public_id)) {
		free(o);
	} else {
		o->next = h->open;
		h->open = o;
	}
	pthread_mutex_unlock(&h->mutex);
}

/* Unlinks the waiters that `pick` names; they are called after the lock is released, because what
 * they do (entering a queue) is none of our business. */
static struct waiter *take_waiters(struct hub *h, bool (*pick)(const struct waiter *, const void *),
                                   const void *arg)
{
	struct waiter *taken = NULL, **at = &h->waiters;

	while (*at) {
		struct waiter *w = *at;

		if (!pick(w, arg)) {
			at = &w->next;
			continue;
		}
		*at = w->next;
		w->next = taken;
		taken = w;
	}
	return taken;
}

static void call_all(struct waiter *w)
{
	while (w) {
		struct waiter *next = w->next;

		w->fn(w->arg);
		free(w);
		w = next;
	}
}

static bool has_topic(const struct waiter *w, const void *topic)
{
	return str_eq(w->topic, *(const str *)topic);
}

void hub_closed(struct hub *h, str public_id)
{
	struct waiter *taken;
	struct open_job **at, *o;

	pthread_mutex_lock(&h->mutex);
	at = find_open(h, public_id);
	o = *at;
	if (o)
		*at = o->next;
	taken = take_waiters(h, has_topic, &public_id);
	pthread_mutex_unlock(&h->mutex);
	call_all(taken);
	free(o);
}

struct expiry { int64_t now_ms; bool all; };

static bool is_due(const struct waiter *w, const void *arg)
{
	const struct expiry *x = arg;

	return x->all || w->deadline_ms <= x->now_ms;
}

int64_t hub_expire(struct hub *h, int64_t now_ms, bool all)
{
	struct expiry x = { now_ms, all };
	struct waiter *taken;
	int64_t next = 0;

	pthread_mutex_lock(&h->mutex);
	if (all)
		h->closing = true;
	taken = take_waiters(h, is_due, &x);
	for (struct waiter *w = h->waiters; w; w = w->next)
		if (next == 0 || w->deadline_ms < next)
			next = w->deadline_ms;
	pthread_mutex_unlock(&h->mutex);
	call_all(taken);
	return next;
}

struct strs hub_topics(struct hub *h, struct arena *a)
{
	struct waiter *w;
	size_t n = 0;
	str *v;

	pthread_mutex_lock(&h->mutex);
	for (w = h->waiters; w; w = w->next)
		n++;
	v = arena_array(a, str, n + 1);
	n = 0;
	for (w = h->waiters; w; w = w->next)
		v[n++] = arena_str(a, w->topic);
	pthread_mutex_unlock(&h->mutex);
	return (struct strs){ v, n, true };
}

void hub_wait_news(struct hub *h, int64_t until_ms)
{
	struct timespec at = { .tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000 };

	pthread_mutex_lock(&h->mutex);
	if (!h->closing)
		pthread_cond_timedwait(&h->wake, &h->mutex, &at);
	pthread_mutex_unlock(&h->mutex);
}

void jobs_wait(struct jobs *j, str topic, int64_t deadline_ms, void (*fn)(void *arg), void *arg)
{
	struct hub *h = &j->hub;
	struct waiter *w = must(malloc(sizeof(*w) + topic.n + 1));
	bool wait;

	memcpy(w + 1, topic.p, topic.n);
	*w = (struct waiter){ .deadline_ms = deadline_ms, .fn = fn, .arg = arg,
		              .topic = { (const char *)(w + 1), topic.n } };
	pthread_mutex_lock(&h->mutex);
	/* Another node's job is not in our list of open ones; the watcher looks it up. */
	wait = !h->closing && deadline_ms > clock_mono_ms() && (j->remote || *find_open(h, topic));
	if (wait) {
		w->next = h->waiters;
		h->waiters = w;
		pthread_cond_signal(&h->wake);
	}
	pthread_mutex_unlock(&h->mutex);
	if (!wait) {
		free(w);
		fn(arg);
	}
}
