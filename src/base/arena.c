/* SPDX-License-Identifier: MIT */
#include "base/arena.h"

#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_ASAN 1
#endif
#endif

#ifdef ARENA_ASAN
#include <sanitizer/asan_interface.h>
#define POISON(p, n)   ASAN_POISON_MEMORY_REGION((p), (n))
#define UNPOISON(p, n) ASAN_UNPOISON_MEMORY_REGION((p), (n))
enum { RED_ZONE = 16 };      /* so that one byte too far is seen */
#else
#define POISON(p, n)   ((void)(p), (void)(n))
#define UNPOISON(p, n) ((void)(p), (void)(n))
enum { RED_ZONE = 0 };
#endif

enum { ALIGN = alignof(max_align_t), BLOCK_MIN = 256 };
static const size_t BLOCK_MAX = 1024 * 1024;

struct block {
	struct block *older;
	size_t        cap;
	alignas(max_align_t) char bytes[];
};

struct deferred {
	struct deferred *older;
	void (*fn)(void *);
	void *arg;
};

struct arena {
	char  *at, *end;             /* what is free in the current block */
	struct block *newest;        /* the list ends with the first one  */
	struct deferred *deferred;
	size_t block_bytes;          /* of the next block                 */
	size_t first_bytes;
	size_t taken;
	bool   wipes;
};

void memory_exhausted(size_t bytes)
{
	fprintf(stderr, "out of memory: %zu bytes wanted\n", bytes);
	abort();
}

void *heap_alloc(size_t bytes)
{
	void *p = calloc(1, bytes == 0 ? 1 : bytes);

	if (p == NULL)
		memory_exhausted(bytes);
	return p;
}

static struct block *block_add(struct arena *a, size_t cap)
{
	struct block *b = NULL;

	if (cap <= SIZE_MAX - sizeof(*b))
		b = malloc(sizeof(*b) + cap);
	if (b == NULL)
		memory_exhausted(cap);
	b->cap = cap;
	a->taken += sizeof(*b) + cap;
	POISON(b->bytes, cap);
	return b;
}

/* Of the newest block only what was given out, so that a small request costs little. */
static void block_wipe(const struct arena *a, struct block *b)
{
	UNPOISON(b->bytes, b->cap);
	if (a->wipes)
		explicit_bzero(b->bytes, b == a->newest ? (size_t)(a->at - b->bytes) : b->cap);
}

static void block_free(struct arena *a, struct block *b)
{
	a->taken -= sizeof(*b) + b->cap;
	free(b);
}

static void block_use(struct arena *a, struct block *b)
{
	b->older = a->newest;
	a->newest = b;
	a->at = b->bytes;
	a->end = b->bytes + b->cap;
}

struct arena *arena_create(size_t block_bytes)
{
	struct arena *a = heap_alloc(sizeof(*a));

	a->first_bytes = block_bytes < BLOCK_MIN ? BLOCK_MIN : block_bytes;
	a->block_bytes = a->first_bytes;
	a->taken = sizeof(*a);
	block_use(a, block_add(a, a->first_bytes));
	return a;
}

static void run_deferred(struct arena *a)
{
	while (a->deferred != NULL) {
		struct deferred *d = a->deferred;

		a->deferred = d->older;
		d->fn(d->arg);
	}
}

static void free_newer_blocks(struct arena *a)
{
	while (a->newest->older != NULL) {
		struct block *b = a->newest;

		block_wipe(a, b);
		a->newest = b->older;
		a->at = a->end = a->newest->bytes + a->newest->cap;
		block_free(a, b);
	}
}

void arena_wipe_always(struct arena *a)
{
	a->wipes = true;
}

void arena_reset(struct arena *a)
{
	run_deferred(a);
	free_newer_blocks(a);
	block_wipe(a, a->newest);
	a->at = a->newest->bytes;
	a->end = a->newest->bytes + a->newest->cap;
	a->block_bytes = a->first_bytes;
	POISON(a->newest->bytes, a->newest->cap);
}

void arena_destroy(struct arena *a)
{
	if (a == NULL)
		return;
	run_deferred(a);
	free_newer_blocks(a);
	block_wipe(a, a->newest);
	block_free(a, a->newest);
	free(a);
}

/* A large piece gets a block of its own behind the current one, whose rest stays in use. */
static char *take_large(struct arena *a, size_t bytes)
{
	struct block *b = block_add(a, bytes);

	b->older = a->newest->older;
	a->newest->older = b;
	UNPOISON(b->bytes, bytes);
	return b->bytes;
}

/* NULL: there is a fresh block now, try again. */
static char *take_slow(struct arena *a, size_t bytes, size_t align)
{
	if (a->block_bytes < BLOCK_MAX)
		a->block_bytes *= 2;
	if (a->block_bytes > BLOCK_MAX && a->first_bytes < BLOCK_MAX)
		a->block_bytes = BLOCK_MAX;
	/* The first block must stay last in the list, for arena_reset. */
	if (bytes > a->block_bytes / 4 && a->newest->older != NULL)
		return take_large(a, bytes);
	if (bytes + align + RED_ZONE > a->block_bytes)
		block_use(a, block_add(a, bytes + align + RED_ZONE));
	else
		block_use(a, block_add(a, a->block_bytes));
	return NULL;
}

static inline char *take(struct arena *a, size_t bytes, size_t align)
{
	for (;;) {
		size_t pad = (size_t)(-(uintptr_t)a->at & (align - 1));
		size_t room = (size_t)(a->end - a->at);
		char *p;

		if (room >= pad + RED_ZONE && bytes <= room - pad - RED_ZONE) {
			p = a->at + pad;
			a->at = p + bytes + RED_ZONE;
			UNPOISON(p, bytes);
			return p;
		}
		if (bytes > SIZE_MAX / 2)
			memory_exhausted(bytes);
		p = take_slow(a, bytes, align);
		if (p != NULL)
			return p;
	}
}

void *arena_raw(struct arena *a, size_t bytes)
{
	return take(a, bytes, ALIGN);
}

char *arena_text(struct arena *a, size_t bytes)
{
	return take(a, bytes, 1);
}

void *arena_alloc(struct arena *a, size_t bytes)
{
	return memset(take(a, bytes, ALIGN), 0, bytes);
}

void *arena_alloc_array(struct arena *a, size_t size, size_t n)
{
	size_t bytes;

	if (__builtin_mul_overflow(size, n, &bytes))
		memory_exhausted(SIZE_MAX);
	return arena_alloc(a, bytes);
}

str arena_str(struct arena *a, str s)
{
	char *p;

	if (s.p == NULL)
		return STR_NONE;
	p = take(a, s.n, 1);
	if (s.n > 0)
		memcpy(p, s.p, s.n);
	return (str){ p, s.n };
}

str arena_lower(struct arena *a, str s)
{
	char *p;

	if (s.p == NULL)
		return STR_NONE;
	p = take(a, s.n, 1);
	for (size_t i = 0; i < s.n; i++)
		p[i] = s.p[i] >= 'A' && s.p[i] <= 'Z' ? (char)(s.p[i] | 0x20) : s.p[i];
	return (str){ p, s.n };
}

char *arena_cstr(struct arena *a, str s)
{
	char *p = take(a, s.n + 1, 1);

	if (s.n > 0)
		memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	return p;
}

str arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list args;
	str s;

	va_start(args, fmt);
	s = arena_vprintf(a, fmt, args);
	va_end(args);
	return s;
}

str arena_vprintf(struct arena *a, const char *fmt, va_list args)
{
	char small[256], *p;
	va_list again;
	int n;

	va_copy(again, args);
	n = vsnprintf(small, sizeof(small), fmt, args);
	if (n < 0)
		n = 0;
	p = take(a, (size_t)n + 1, 1);
	if ((size_t)n < sizeof(small))
		memcpy(p, small, (size_t)n + 1);
	else
		vsnprintf(p, (size_t)n + 1, fmt, again);
	va_end(again);
	return (str){ p, (size_t)n };
}

str arena_join(struct arena *a, const str *parts, size_t n, str sep)
{
	size_t bytes = n > 1 ? (n - 1) * sep.n : 0;
	char *start, *p;

	for (size_t i = 0; i < n; i++)
		bytes += parts[i].n;
	start = p = take(a, bytes, 1);
	for (size_t i = 0; i < n; i++) {
		if (i > 0 && sep.n > 0)
			p = mempcpy(p, sep.p, sep.n);
		if (parts[i].n > 0)
			p = mempcpy(p, parts[i].p, parts[i].n);
	}
	return (str){ start, bytes };
}

void arena_defer(struct arena *a, void (*fn)(void *), void *arg)
{
	struct deferred *d = arena_new(a, struct deferred);

	d->older = a->deferred;
	d->fn = fn;
	d->arg = arg;
	a->deferred = d;
}

size_t arena_bytes(const struct arena *a)
{
	return a->taken;
}
