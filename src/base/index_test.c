/* SPDX-License-Identifier: MIT */
#include "base/index.h"
#include "base/arena.h"

#include "base/test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct thing {
	struct index_node node;
	_Atomic int alive;
	uint32_t value;
};

static struct thing *thing_new(uint32_t key, uint32_t value)
{
	struct thing *t = aligned_alloc(_Alignof(struct thing), sizeof(*t));

	memset(t, 0, sizeof(*t));
	memcpy(t->node.key, &key, sizeof(key));
	t->alive = 1;
	t->value = value;
	return t;
}

static void thing_free(void *p)
{
	((struct thing *)p)->alive = 0;
	free(p);
}

static struct thing *find(struct index *ix, uint32_t key)
{
	uint8_t bytes[32] = { 0 };

	memcpy(bytes, &key, sizeof(key));
	return (struct thing *)index_find(ix, bytes);
}

static struct thing *remove_key(struct index *ix, uint32_t key)
{
	uint8_t bytes[32] = { 0 };

	memcpy(bytes, &key, sizeof(key));
	return (struct thing *)index_remove(ix, bytes);
}

static bool count_up(struct index_node *n, void *arg)
{
	(void)n;
	return ++*(int *)arg < 10;
}

TEST(index_finds_replaces_and_removes)
{
	struct index *ix = index_create(16);
	struct index_node *old;
	int visited = 0;

	index_thread_in();
	for (uint32_t i = 0; i < 1000; i++)
		CHECK(index_put(ix, &thing_new(i, i)->node) == NULL);
	CHECK_I64((int64_t)index_count(ix), 1000);
	old = index_put(ix, &thing_new(7, 700)->node);
	CHECK(old != NULL && ((struct thing *)old)->value == 7);
	index_retire(thing_free, old);
	index_read_begin();
	index_read_begin();
	CHECK(find(ix, 7)->value == 700);
	index_read_end();
	CHECK(find(ix, 999)->value == 999);
	CHECK(find(ix, 1000) == NULL);
	index_each(ix, count_up, &visited);
	index_read_end();
	CHECK_I64(visited, 10);
	for (uint32_t i = 0; i < 1000; i++)
		index_retire(thing_free, remove_key(ix, i));
	CHECK(remove_key(ix, 0) == NULL);
	CHECK_I64((int64_t)index_count(ix), 0);
	index_barrier();
	index_destroy(ix);
	index_destroy(NULL);
}

TEST(index_destroy_leaves_nodes_alone)
{
	struct index *ix = index_create(0);
	struct thing *t = thing_new(1, 1);

	index_put(ix, &t->node);
	index_destroy(ix);
	CHECK(t->alive == 1);
	free(t);
}

enum { KEYS = 64, ROUNDS = 20000 };
struct churn {
	struct index *ix;
	void *slot;
	_Atomic bool stop;
	_Atomic int bad;
};

static void *read_all_the_time(void *arg)
{
	struct churn *c = arg;

	index_thread_in();
	while (!atomic_load(&c->stop)) {
		for (uint32_t i = 0; i < KEYS; i++) {
			struct thing *t;

			index_read_begin();
			t = find(c->ix, i);
			if (t != NULL && (t->alive != 1 || t->value % KEYS != i))
				atomic_fetch_add(&c->bad, 1);
			t = index_load(&c->slot);
			if (t != NULL && t->alive != 1)
				atomic_fetch_add(&c->bad, 1);
			index_read_end();
		}
	}
	index_thread_out();
	return NULL;
}

TEST(index_readers_never_see_a_freed_node)
{
	struct churn c = { .ix = index_create(KEYS) };
	pthread_t readers[3];
	unsigned random = 1;

	for (size_t i = 0; i < COUNT(readers); i++)
		CHECK(pthread_create(&readers[i], NULL, read_all_the_time, &c) == 0);
	for (uint32_t i = 0; i < ROUNDS; i++) {
		uint32_t key = (random = random * 1103515245 + 12345) >> 16 & (KEYS - 1);
		struct index_node *old = i % 3 == 0 ? (struct index_node *)remove_key(c.ix, key) :
			index_put(c.ix, &thing_new(key, i * KEYS + key)->node);

		if (old != NULL)
			index_retire(thing_free, old);
		old = index_swap(&c.slot, thing_new(key, key));
		if (old != NULL)
			index_retire(thing_free, old);
	}
	atomic_store(&c.stop, true);
	for (size_t i = 0; i < COUNT(readers); i++)
		pthread_join(readers[i], NULL);
	for (uint32_t i = 0; i < KEYS; i++) {
		struct thing *t = remove_key(c.ix, i);

		if (t != NULL)
			index_retire(thing_free, t);
	}
	index_retire(thing_free, index_swap(&c.slot, NULL));
	index_barrier();
	index_destroy(c.ix);
	CHECK_I64(c.bad, 0);
}
