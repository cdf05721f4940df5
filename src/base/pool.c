/* SPDX-License-Identifier: MIT */
#include "base/pool.h"

#include "base/arena.h"
#include "base/index.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <stdio.h>

enum { THREAD_NAME_MAX = 16 };       /* with NUL; a limit of Linux */

struct pool {
	pthread_mutex_t   lock;
	pthread_cond_t    wake;
	struct pool_task *head, **tail;
	size_t            queued, queue_max;
	unsigned          threads_n;
	bool              closing;
	char              name[THREAD_NAME_MAX];
	pthread_t         threads[];
};

/* NULL: the pool closes and nothing is left. */
static struct pool_task *take(struct pool *p)
{
	struct pool_task *t;

	pthread_mutex_lock(&p->lock);
	while (p->head == NULL && !p->closing)
		pthread_cond_wait(&p->wake, &p->lock);
	t = p->head;
	if (t != NULL) {
		p->head = t->next;
		if (p->head == NULL)
			p->tail = &p->head;
		p->queued--;
	}
	pthread_mutex_unlock(&p->lock);
	return t;
}

static void *work(void *arg)
{
	struct pool *p = arg;
	struct pool_task *t;

	pthread_setname_np(pthread_self(), p->name);
	index_thread_in();
	while ((t = take(p)) != NULL)
		t->run(t);
	index_thread_out();
	return NULL;
}

/* Signals belong to the main thread: workers are born with all of them blocked. */
static void start_threads(struct pool *p)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	for (unsigned i = 0; i < p->threads_n; i++)
		if (pthread_create(&p->threads[i], NULL, work, p) != 0)
			memory_exhausted(0);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

struct pool *pool_create(const char *name, unsigned threads, size_t queue_max)
{
	struct pool *p = heap_alloc(sizeof(*p) + threads * sizeof(p->threads[0]));

	assert(threads > 0);
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->wake, NULL);
	p->tail = &p->head;
	p->queue_max = queue_max;
	p->threads_n = threads;
	snprintf(p->name, sizeof(p->name), "%s", name);
	start_threads(p);
	return p;
}

bool pool_submit(struct pool *p, struct pool_task *t)
{
	bool room;

	t->next = NULL;
	pthread_mutex_lock(&p->lock);
	room = !p->closing && p->queued < p->queue_max;
	if (room) {
		*p->tail = t;
		p->tail = &t->next;
		p->queued++;
		pthread_cond_signal(&p->wake);
	}
	pthread_mutex_unlock(&p->lock);
	return room;
}

void pool_destroy(struct pool *p)
{
	if (p == NULL)
		return;
	pthread_mutex_lock(&p->lock);
	p->closing = true;
	pthread_cond_broadcast(&p->wake);
	pthread_mutex_unlock(&p->lock);
	for (unsigned i = 0; i < p->threads_n; i++)
		pthread_join(p->threads[i], NULL);
	pthread_cond_destroy(&p->wake);
	pthread_mutex_destroy(&p->lock);
	free(p);
}
