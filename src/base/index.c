/* SPDX-License-Identifier: MIT
 *
 * The index on liburcu. The library's function entry points are used, not its LGPL inline ones.
 * index_atomics.c is the same interface for builds that ThreadSanitizer looks at. */
#ifndef INDEX_ATOMICS

#include "base/index.h"

#include "base/arena.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <urcu/urcu-memb.h>
#include <urcu/rculfhash.h>

enum { BUCKETS_MIN = 64 };

struct index {
	struct cds_lfht *table;
	_Atomic size_t   count;
	_Atomic size_t   fitted;      /* buckets asked for; the library itself adds some at eight nodes to one */
};

_Static_assert(sizeof(struct cds_lfht_node) <= sizeof(((struct index_node *)0)->private_),
               "the library's node fits into ours");
_Static_assert(offsetof(struct index_node, private_) == 0, "and is at its start");

/* The key's destructor unregisters a thread that ends without index_thread_out: liburcu would go on
 * reading its thread-local state. */
static pthread_key_t registered_key;
static pthread_once_t registered_once = PTHREAD_ONCE_INIT;
static _Thread_local bool registered;

static void thread_ends(void *unused)
{
	(void)unused;
	index_thread_out();
}

static void make_key(void)
{
	if (pthread_key_create(&registered_key, thread_ends) != 0)
		memory_exhausted(0);
}

void index_thread_in(void)
{
	if (registered)
		return;
	pthread_once(&registered_once, make_key);
	pthread_setspecific(registered_key, &registered);
	urcu_memb_register_thread();
	registered = true;
}

void index_thread_out(void)
{
	if (!registered)
		return;
	urcu_memb_unregister_thread();
	registered = false;
	pthread_setspecific(registered_key, NULL);
}

void index_read_begin(void)
{
	urcu_memb_read_lock();
}

void index_read_end(void)
{
	urcu_memb_read_unlock();
}

static size_t power_of_two(size_t least)
{
	size_t n = BUCKETS_MIN;

	while (n < least && n <= SIZE_MAX / 4)
		n *= 2;
	return n;
}

struct index *index_create(size_t buckets_hint)
{
	struct index *ix = heap_alloc(sizeof(*ix));

	ix->table = cds_lfht_new_flavor(power_of_two(buckets_hint), BUCKETS_MIN, 0,
	                                CDS_LFHT_AUTO_RESIZE | CDS_LFHT_ACCOUNTING,
	                                &urcu_memb_flavor, NULL);
	if (ix->table == NULL)
		memory_exhausted(buckets_hint);
	ix->fitted = power_of_two(buckets_hint);
	return ix;
}

static struct index_node *from_table(struct cds_lfht_node *n)
{
	return (struct index_node *)(void *)n;
}

static struct cds_lfht_node *to_table(struct index_node *n)
{
	return (struct cds_lfht_node *)(void *)n->private_;
}

static unsigned long key_hash(const uint8_t key[32])
{
	unsigned long h;

	memcpy(&h, key, sizeof(h));
	return h;
}

/* Keys are digests of secrets at most, never secrets, so that memcmp is right. */
static int key_matches(struct cds_lfht_node *n, const void *key)
{
	return memcmp(from_table(n)->key, key, sizeof(from_table(n)->key)) == 0;
}

void index_destroy(struct index *ix)
{
	struct cds_lfht_iter it;
	struct cds_lfht_node *n;

	if (ix == NULL)
		return;
	index_thread_in();
	index_read_begin();
	cds_lfht_first(ix->table, &it);
	while ((n = cds_lfht_iter_get_node(&it)) != NULL) {
		cds_lfht_next(ix->table, &it);
		cds_lfht_del(ix->table, n);
	}
	index_read_end();
	if (cds_lfht_destroy(ix->table, NULL) != 0)
		abort();
	free(ix);
}

size_t index_count(const struct index *ix)
{
	return atomic_load_explicit(&ix->count, memory_order_relaxed);
}

void index_fit(struct index *ix)
{
	size_t want = power_of_two(index_count(ix)), had = atomic_load(&ix->fitted);

	/* No shrinking and growing for a count that goes to and fro. */
	if (want <= had && want > had / 4)
		return;
	index_thread_in();
	cds_lfht_resize(ix->table, want);
	atomic_store(&ix->fitted, want);
}

struct index_node *index_find(struct index *ix, const uint8_t key[32])
{
	struct cds_lfht_iter it;
	struct cds_lfht_node *n;

	cds_lfht_lookup(ix->table, key_hash(key), key_matches, key, &it);
	n = cds_lfht_iter_get_node(&it);
	return n == NULL ? NULL : from_table(n);
}

struct index_node *index_put(struct index *ix, struct index_node *n)
{
	struct cds_lfht_node *old;

	assert((uintptr_t)n % _Alignof(struct index_node) == 0);
	index_thread_in();
	index_read_begin();
	cds_lfht_node_init(to_table(n));
	old = cds_lfht_add_replace(ix->table, key_hash(n->key), key_matches, n->key, to_table(n));
	index_read_end();
	if (old != NULL)
		return from_table(old);
	atomic_fetch_add_explicit(&ix->count, 1, memory_order_relaxed);
	return NULL;
}

struct index_node *index_remove(struct index *ix, const uint8_t key[32])
{
	struct index_node *n;

	index_thread_in();
	index_read_begin();
	n = index_find(ix, key);
	if (n != NULL && cds_lfht_del(ix->table, to_table(n)) != 0)
		n = NULL;                    /* another thread was faster */
	index_read_end();
	if (n != NULL)
		atomic_fetch_sub_explicit(&ix->count, 1, memory_order_relaxed);
	return n;
}

void index_each(struct index *ix, bool (*fn)(struct index_node *, void *), void *arg)
{
	struct cds_lfht_iter it;
	struct cds_lfht_node *n;

	cds_lfht_first(ix->table, &it);
	while ((n = cds_lfht_iter_get_node(&it)) != NULL) {
		cds_lfht_next(ix->table, &it);
		if (!fn(from_table(n), arg))
			return;
	}
}

struct retired {
	struct rcu_head head;
	void (*fn)(void *);
	void *p;
};

static void retired_run(struct rcu_head *head)
{
	struct retired *r = (struct retired *)(void *)head;

	r->fn(r->p);
	free(r);
}
_Static_assert(offsetof(struct retired, head) == 0, "retired_run casts");

void index_retire(void (*fn)(void *), void *p)
{
	struct retired *r = heap_alloc(sizeof(*r));

	index_thread_in();                   /* call_rcu enters a read section itself */
	r->fn = fn;
	r->p = p;
	urcu_memb_call_rcu(&r->head, retired_run);
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
	index_thread_in();
	urcu_memb_barrier();
}

#else
typedef int index_is_in_index_atomics;       /* ISO C wants a declaration in every file */
#endif
