/* SPDX-License-Identifier: MIT
 *
 * A fixed pool of threads with a bounded queue: the slow lane. */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include "base/str.h"

struct pool;
struct pool_task { struct pool_task *next; void (*run)(struct pool_task *); };   /* embed in your own struct */

struct pool *pool_create(const char *name, unsigned threads, size_t queue_max);
bool pool_submit(struct pool *p, struct pool_task *t) MUST_CHECK;   /* false: full or closing; any thread */
void pool_destroy(struct pool *p);                                  /* runs what is queued, joins */

#endif
