/* SPDX-License-Identifier: MIT */
#include "base/pool.h"

#include "base/test.h"

#include <pthread.h>
#include <stdatomic.h>

static _Atomic int ran;
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static void count(struct pool_task *t)
{
	(void)t;
	pthread_mutex_lock(&gate);
	pthread_mutex_unlock(&gate);
	atomic_fetch_add(&ran, 1);
}

TEST(pool_runs_everything_it_took_before_it_ends)
{
	static struct pool_task tasks[1000];
	struct pool *p = pool_create("test", 4, COUNT(tasks));

	ran = 0;
	for (size_t i = 0; i < COUNT(tasks); i++) {
		tasks[i].run = count;
		CHECK(pool_submit(p, &tasks[i]));
	}
	pool_destroy(p);
	CHECK_I64(ran, COUNT(tasks));
	pool_destroy(NULL);
}

TEST(pool_refuses_what_its_queue_cannot_hold)
{
	static struct pool_task tasks[8];
	struct pool *p;
	int accepted = 0;

	ran = 0;
	pthread_mutex_lock(&gate);
	p = pool_create("a long name is cut", 1, 3);
	for (size_t i = 0; i < COUNT(tasks); i++) {
		tasks[i].run = count;
		accepted += pool_submit(p, &tasks[i]);
	}
	CHECK(accepted == 3 || accepted == 4);   /* the thread may hold one already */
	pthread_mutex_unlock(&gate);
	pool_destroy(p);
	CHECK_I64(ran, accepted);
}
