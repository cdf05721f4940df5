/* SPDX-License-Identifier: MIT */
#include "http/limit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/arena.h"

enum { LIMIT_BUCKETS = 1024 };

struct client {
	struct client *next;
	struct address key;
	unsigned       n;
};

struct limits {
	unsigned        connections_max, per_address_max;
	size_t          body_bytes_max;
	atomic_size_t   body_bytes;
	pthread_mutex_t lock;                    /* the rest; taken once per connection, not per request */
	unsigned        connections;
	uint64_t        seed;
	struct client  *clients[LIMIT_BUCKETS];
};

struct limits *limits_create(unsigned connections_max, unsigned per_address_max,
                             size_t body_bytes_max)
{
	struct limits *l = heap_alloc(sizeof *l);

	if (getrandom(&l->seed, sizeof l->seed, 0) != (ssize_t)sizeof l->seed)
		l->seed = (uint64_t)(uintptr_t)l;
	l->connections_max = connections_max;
	l->per_address_max = per_address_max;
	l->body_bytes_max = body_bytes_max;
	pthread_mutex_init(&l->lock, NULL);
	return l;
}

void limits_destroy(struct limits *l)
{
	if (l == NULL)
		return;
	for (size_t i = 0; i < LIMIT_BUCKETS; i++) {
		while (l->clients[i] != NULL) {
			struct client *c = l->clients[i];

			l->clients[i] = c->next;
			free(c);
		}
	}
	pthread_mutex_destroy(&l->lock);
	free(l);
}

static struct address client_key(const struct address *a)
{
	static const uint8_t v4_prefix[12] = { [10] = 0xff, [11] = 0xff };
	struct address key = *a;

	/* One customer is handed a whole /64; counting single addresses would count nothing. */
	if (memcmp(a->bytes, v4_prefix, sizeof v4_prefix) != 0)
		memset(key.bytes + 8, 0, 8);
	return key;
}

/* The pointer that points to the client, or to the NULL where it would be. */
static struct client **client_slot(struct limits *l, const struct address *key)
{
	uint64_t hash = str_hash_seeded((str){ (const char *)key->bytes, sizeof key->bytes },
	                                l->seed);
	struct client **slot = &l->clients[hash % LIMIT_BUCKETS];

	while (*slot != NULL && memcmp(&(*slot)->key, key, sizeof *key) != 0)
		slot = &(*slot)->next;
	return slot;
}

static bool client_enter(struct limits *l, const struct address *address)
{
	struct address key = client_key(address);
	struct client **slot = client_slot(l, &key);

	if (*slot == NULL) {
		*slot = heap_alloc(sizeof **slot);
		(*slot)->key = key;
	}
	if ((*slot)->n >= l->per_address_max)
		return false;
	(*slot)->n++;
	return true;
}

static void client_leave(struct limits *l, const struct address *address)
{
	struct address key = client_key(address);
	struct client **slot = client_slot(l, &key);
	struct client *c = *slot;

	if (--c->n > 0)
		return;
	*slot = c->next;
	free(c);
}

bool limits_enter(struct limits *l, const struct address *address)
{
	bool ok;

	pthread_mutex_lock(&l->lock);
	ok = l->connections_max == 0 || l->connections < l->connections_max;
	if (ok && address != NULL && l->per_address_max != 0)
		ok = client_enter(l, address);
	if (ok)
		l->connections++;
	pthread_mutex_unlock(&l->lock);
	return ok;
}

void limits_leave(struct limits *l, const struct address *address)
{
	pthread_mutex_lock(&l->lock);
	l->connections--;
	if (address != NULL && l->per_address_max != 0)
		client_leave(l, address);
	pthread_mutex_unlock(&l->lock);
}

bool limits_body_take(struct limits *l, size_t bytes)
{
	size_t before = atomic_fetch_add(&l->body_bytes, bytes);

	if (l->body_bytes_max == 0 || before + bytes <= l->body_bytes_max)
		return true;
	atomic_fetch_sub(&l->body_bytes, bytes);
	return false;
}

void limits_body_give(struct limits *l, size_t bytes)
{
	atomic_fetch_sub(&l->body_bytes, bytes);
}

size_t limits_body_bytes(struct limits *l)
{
	return atomic_load(&l->body_bytes);
}
