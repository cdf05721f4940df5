/* SPDX-License-Identifier: MIT
 *
 * The index without liburcu, for builds that ThreadSanitizer looks at: readers hold one of a few
 * reader-writer locks, and a retired call runs after each of those was free of its old readers once.
 * Chains have a fixed number of buckets; this build is for finding races, not for speed. */
#ifdef INDEX_ATOMICS

#include "base/index.h"

#include "base/arena.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { STRIPES = 16, BUCKETS_MIN = 65536 };

typedef _Atomic(struct index_node *) node_link;

struct index {
	pthread_mutex_t lock;                /* writers only */
	size_t          mask;
	_Atomic size_t  count;
	node_link       buckets[];
};

struct retired {
	struct retired *next;
	void (*fn)(void *);
	void *p;
};

static pthread_rwlock_t stripes[STRIPES];
static _Atomic unsigned next_stripe;
static _Thread_local unsigned stripe, depth;
static _Thread_local bool has_stripe;

static struct {
	pthread_mutex_t lock;
	pthread_cond_t  wake, idle;
	struct retired *head, **tail;
	bool            started, busy;
} reclaim = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.wake = PTHREAD_COND_INITIALIZER,
	.idle = PTHREAD_COND_INITIALIZER,
	.tail = &reclaim.head,
};

__attribute__((constructor)) static void stripes_init(void)
{
	for (unsigned i = 0; i < STRIPES; i++)
		pthread_rwlock_init(&stripes[i], NULL);
}

void index_thread_in(void)
{
	if (has_stripe)
		return;
	stripe = atomic_fetch_add(&next_stripe, 1) % STRIPES;
	has_stripe = true;
}

void index_thread_out(void)
{
	has_stripe = false;
}

void index_read_begin(void)
{
	if (depth++ == 0)
		pthread_rwlock_rdlock(&stripes[stripe]);
}

void index_read_end(void)
{
	if (--depth == 0)
		pthread_rwlock_unlock(&stripes[stripe]);
}

struct index *index_create(size_t buckets_hint)
{
	size_t n = BUCKETS_MIN;
	struct index *ix;

	while (n < buckets_hint)
		n *= 2;
	ix = heap_alloc(sizeof(*ix) + n * sizeof(ix->buckets[0]));
	pthread_mutex_init(&ix->lock, NULL);
	ix->mask = n - 1;
	return ix;
}

void index_destroy(struct index *ix)
{
	if (ix == NULL)
		return;
	pthread_mutex_destroy(&ix->lock);
	free(ix);
}

size_t index_count(const struct index *ix)
{
	return atomic_load(&ix->count);
}

void index_fit(struct index *ix)
{
	(void)ix;                    /* as many as it was made with */
}

static node_link *next_of(struct index_node *n)
{
	return (node_link *)(void *)n->private_;
}

static node_link *bucket(struct index *ix, const uint8_t key[32])
{
	size_t h;

	memcpy(&h, key, sizeof(h));
	return &ix->buckets[h & ix->mask];
}

/* The link that leads to the node of this key, or the one that ends its chain. */
static node_link *link_to(struct index *ix, const uint8_t key[32])
{
	node_link *link = bucket(ix, key);
	struct index_node *n;

	while ((n = atomic_load_explicit(link, memory_order_acquire)) != NULL &&
	       memcmp(n->key, key, sizeof(n->key)) != 0)
		link = next_of(n);
	return link;
}

struct index_node *index_find(struct index *ix, const uint8_t key[32])
{
	return atomic_load_explicit(link_to(ix, key), memory_order_acquire);
}

struct index_node *index_put(struct index *ix, struct index_node *n)
{
	struct index_node *old;
	node_link *link;

	pthread_mutex_lock(&ix->lock);
	link = link_to(ix, n->key);
	old = atomic_load(link);
	atomic_store(next_of(n), old == NULL ? NULL : atomic_load(next_of(old)));
	atomic_store_explicit(link, n, memory_order_release);
	if (old == NULL)
		atomic_fetch_add(&ix->count, 1);
	pthread_mutex_unlock(&ix->lock);
	return old;
}

struct index_node *index_remove(struct index *ix, const uint8_t key[32])
{
	struct index_node *old;
	node_link *link;

	pthread_mutex_lock(&ix->lock);
	link = link_to(ix, key);
	old = atomic_load(link);
	if (old != NULL) {
		/* A reader on the removed node still finds the rest of the chain from it. */
		atomic_store_explicit(link, atomic_load(next_of(old)), memory_order_release);
		atomic_fetch_sub(&ix->count, 1);
	}
	pthread_mutex_unlock(&ix->lock);
	return old;
}

void index_each(struct index *ix, bool (*fn)(struct index_node *, void *), void *arg)
{
	for (size_t i = 0; i <= ix->mask; i++) {
		struct index_node *n = atomic_load_explicit(&ix->buckets[i], memory_order_acquire);

		for (; n != NULL; n = atomic_load_explicit(next_of(n), memory_order_acquire))
			if (!fn(n, arg))
				return;
	}
}

static void wait_for_readers(void)
{
	for (unsigned i = 0; i < STRIPES; i++) {
		pthread_rwlock_wrlock(&stripes[i]);
		pthread_rwlock_unlock(&stripes[i]);
	}
}

static void run_all(struct retired *r)
{
	while (r != NULL) {
		struct retired *next = r->next;

		r->fn(r->p);
		free(r);
		r = next;
	}
}

static void *reclaim_forever(void *unused)
{
	(void)unused;
	pthread_mutex_lock(&reclaim.lock);
	for (;;) {
		struct retired *batch;

		while (reclaim.head == NULL)
			pthread_cond_wait(&reclaim.wake, &reclaim.lock);
		batch = reclaim.head;
		reclaim.head = NULL;
		reclaim.tail = &reclaim.head;
		reclaim.busy = true;
		pthread_mutex_unlock(&reclaim.lock);
		wait_for_readers();
		run_all(batch);
		pthread_mutex_lock(&reclaim.lock);
		reclaim.busy = false;
		pthread_cond_broadcast(&reclaim.idle);
	}
	return NULL;
}

void index_retire(void (*fn)(void *), void *p)
{
	struct retired *r = heap_alloc(sizeof(*r));
	pthread_t thread;

	r->fn = fn;
	r->p = p;
	pthread_mutex_lock(&reclaim.lock);
	if (!reclaim.started) {
		if (pthread_create(&thread, NULL, reclaim_forever, NULL) != 0)
			memory_exhausted(0);
		pthread_detach(thread);
		reclaim.started = true;
	}
	*reclaim.tail = r;
	reclaim.tail = &r->next;
	pthread_cond_signal(&reclaim.wake);
	pthread_mutex_unlock(&reclaim.lock);
}

void *index_load(void *const *slot)
{
	return __atomic_load_n(slot, __ATOMIC_ACQUIRE);
}

void *index_swap(void **slot, void *fresh)
{
	return __atomic_exchange_n(slot, fresh, __ATOMIC_ACQ_REL);
}

void index_barrier(void)
{
	pthread_mutex_lock(&reclaim.lock);
	while (reclaim.head != NULL || reclaim.busy)
		pthread_cond_wait(&reclaim.idle, &reclaim.lock);
	pthread_mutex_unlock(&reclaim.lock);
}

#else
typedef int index_is_in_index;               /* ISO C wants a declaration in every file */
#endif
