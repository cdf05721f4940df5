/* SPDX-License-Identifier: MIT */
#include "access/rate.h"

#include "crypto/crypto.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* A window in one word: when it began (ms since 1970) above, attempts below. */
enum { COUNT_BITS = 22, WAYS = 8, STRIPES = 64, NAME_MAX_BYTES = 512 };
static const uint64_t COUNT_MASK = ((uint64_t)1 << COUNT_BITS) - 1;

struct slot { uint64_t tag; _Atomic uint64_t window; };

struct rates {
	uint8_t         seed[PLACE_KEY_BYTES];  /* nobody outside can aim at a set */
	size_t          sets;                   /* a power of two */
	struct slot    *slots;
	pthread_mutex_t stripes[STRIPES];
};

static int64_t window_start_ms(uint64_t window)
{
	return (int64_t)(window >> COUNT_BITS);
}

static int seconds_left(int64_t start_ms, int64_t window_ms, int64_t now_ms)
{
	int64_t left_ms = start_ms + window_ms - now_ms;

	return left_ms <= 1000 ? 1 : (int)((left_ms + 999) / 1000);
}

static bool window_is_over(uint64_t window, int64_t window_ms, int64_t now_ms)
{
	int64_t start_ms = window_start_ms(window);

	/* A clock set back ends the window too: nobody waits for the future. */
	return window == 0 || now_ms >= start_ms + window_ms || now_ms < start_ms;
}

bool rate_window_take(_Atomic uint64_t *window, int64_t window_ms, int64_t now_ms,
		      struct rate_left *out)
{
	uint64_t old = atomic_load_explicit(window, memory_order_relaxed), fresh;
	int64_t max = out->max;

	do {
		if (window_is_over(old, window_ms, now_ms)) {
			fresh = (uint64_t)now_ms << COUNT_BITS | 1;
		} else if ((int64_t)(old & COUNT_MASK) >= max && max < (int64_t)COUNT_MASK) {
			out->left = 0;
			out->reset_s = seconds_left(window_start_ms(old), window_ms, now_ms);
			return false;
		} else {
			fresh = (old & COUNT_MASK) == COUNT_MASK ? old : old + 1;
		}
	} while (!atomic_compare_exchange_weak_explicit(window, &old, fresh, memory_order_relaxed,
							memory_order_relaxed));
	out->left = max - (int64_t)(fresh & COUNT_MASK);
	out->reset_s = seconds_left(window_start_ms(fresh), window_ms, now_ms);
	return true;
}

struct rates *rates_create(size_t slots)
{
	struct rates *r = heap_alloc(sizeof(*r));

	r->sets = 1;
	while (r->sets * WAYS < slots)
		r->sets *= 2;
	r->slots = heap_alloc(r->sets * WAYS * sizeof(*r->slots));
	random_bytes(r->seed, sizeof(r->seed));
	for (size_t i = 0; i < STRIPES; i++)
		pthread_mutex_init(&r->stripes[i], NULL);
	return r;
}

void rates_destroy(struct rates *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < STRIPES; i++)
		pthread_mutex_destroy(&r->stripes[i]);
	free(r->slots);
	free(r);
}

/* Where a name belongs; its set is locked until place_leave. */
struct place { struct slot *set; uint64_t tag; pthread_mutex_t *lock; };

static struct place place_enter(struct rates *r, enum rate_kind kind, str name)
{
	size_t n = name.n < NAME_MAX_BYTES ? name.n : NAME_MAX_BYTES, set;
	char text[1 + NAME_MAX_BYTES];
	uint64_t hash[2];
	struct place p;

	text[0] = (char)kind;
	if (n > 0)
		memcpy(text + 1, name.p, n);
	place_hash(r->seed, (str){ text, 1 + n }, hash);
	set = (size_t)hash[0] & (r->sets - 1);
	p.tag = hash[1];
	p.tag |= 1;                     /* 0 is an empty slot */
	p.set = r->slots + set * WAYS;
	p.lock = &r->stripes[set % STRIPES];
	pthread_mutex_lock(p.lock);
	return p;
}

static void place_leave(const struct place *p)
{
	pthread_mutex_unlock(p->lock);
}

static struct slot *slot_find(const struct place *p)
{
	for (size_t i = 0; i < WAYS; i++) {
		if (p->set[i].tag == p->tag)
			return &p->set[i];
	}
	return NULL;
}

/* An empty one, else the one whose window began first. */
static struct slot *slot_make(const struct place *p)
{
	struct slot *oldest = &p->set[0];

	for (size_t i = 0; i < WAYS; i++) {
		if (p->set[i].tag == 0) {
			oldest = &p->set[i];
			break;
		}
		if (atomic_load(&p->set[i].window) < atomic_load(&oldest->window))
			oldest = &p->set[i];
	}
	oldest->tag = p->tag;
	atomic_store(&oldest->window, 0);
	return oldest;
}

bool rate_take(struct rates *r, enum rate_kind kind, str name, int64_t max, int64_t window_s,
	       int64_t now_ms, struct err *e)
{
	struct place p = place_enter(r, kind, name);
	struct slot *slot = slot_find(&p);
	struct rate_left left = { .max = max };
	bool ok;

	if (slot == NULL)
		slot = slot_make(&p);
	ok = rate_window_take(&slot->window, window_s * 1000, now_ms, &left);
	place_leave(&p);
	if (!ok) {
		err_set(e, ERR_RATE_LIMITED, "Too many attempts. Wait %d s.", left.reset_s);
		e->retry_after_s = left.reset_s;
	}
	return ok;
}

void rate_give(struct rates *r, enum rate_kind kind, str name)
{
	struct place p = place_enter(r, kind, name);
	struct slot *slot = slot_find(&p);

	if (slot != NULL && (atomic_load(&slot->window) & COUNT_MASK) > 0)
		atomic_fetch_sub(&slot->window, 1);
	place_leave(&p);
}

bool rate_allows(struct rates *r, enum rate_kind kind, str name, int64_t max, int64_t window_s,
		 int64_t now_ms)
{
	struct place p = place_enter(r, kind, name);
	const struct slot *slot = slot_find(&p);
	uint64_t window = slot == NULL ? 0 : atomic_load(&slot->window);

	place_leave(&p);
	return window_is_over(window, window_s * 1000, now_ms) ||
	       (int64_t)(window & COUNT_MASK) < max;
}

/* Networks ----------------------------------------------------------------------------------- */

enum { IPV4_NETWORK_BYTES = 3, IPV6_NETWORK_BYTES = 8, ADDRESS_TEXT_MAX = 64 };

static str network_text(struct arena *a, int family, uint8_t *bytes, size_t kept, size_t n)
{
	char text[INET6_ADDRSTRLEN];

	memset(bytes + kept, 0, n - kept);
	inet_ntop(family, bytes, text, sizeof(text));
	return arena_printf(a, "%s/%zu", text, kept * 8);
}

str address_network(struct arena *a, str address)
{
	static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
	char text[ADDRESS_TEXT_MAX] = { 0 };
	uint8_t bytes[16];

	if (address.n == 0 || address.n >= sizeof(text))
		return address;
	memcpy(text, address.p, address.n);
	if (inet_pton(AF_INET, text, bytes) == 1)
		return arena_printf(a, "%.*s.0/24", (int)(strrchr(text, '.') - text), text);
	if (inet_pton(AF_INET6, text, bytes) != 1)
		return address;
	if (memcmp(bytes, mapped, sizeof(mapped)) == 0)
		return network_text(a, AF_INET, bytes + sizeof(mapped), IPV4_NETWORK_BYTES, 4);
	return network_text(a, AF_INET6, bytes, IPV6_NETWORK_BYTES, 16);
}

str address_counted(struct arena *a, str address)
{
	return str_has(address, ':') ? address_network(a, address) : address;
}
