/* SPDX-License-Identifier: MIT */
#include "client/pool.h"

#include <stdarg.h>

/* The tests make every allocation one of its own, so that each can fail. */
#ifndef POOL_BLOCK_BYTES
#define POOL_BLOCK_BYTES 4096
#endif
enum { BLOCK_BYTES = POOL_BLOCK_BYTES, ALIGN_BYTES = 16, TEXT_FIRST_BYTES = 256 };

struct pool_block {
	struct pool_block *next;
	size_t             used, room;
	bool               lent;                 /* not ours to release */
	_Alignas(ALIGN_BYTES) unsigned char bytes[];
};

/* A small result is one allocation: what it points to lies behind it. */
struct result_head {
	struct pool pool;
	size_t      bytes;                       /* of the result */
};
enum { RESULT_NEAR_BYTES = BLOCK_BYTES < 512 ? 0 : 512 };
#define RESULT_HEAD_BYTES ((sizeof(struct result_head) + ALIGN_BYTES - 1) / ALIGN_BYTES * ALIGN_BYTES)

static void *system_allocate(void *context, size_t bytes)
{
	(void)context;
	return malloc(bytes);
}

static void system_release(void *context, void *memory)
{
	(void)context;
	free(memory);
}

const struct bi18n_allocator system_allocator = { NULL, system_allocate, system_release };

void bi18n_wipe(void *memory, size_t bytes)
{
	if (memory != NULL && bytes > 0)
		explicit_bzero(memory, bytes);
}

void *plain_alloc(const struct bi18n_allocator *alloc, size_t bytes)
{
	void *memory = alloc->allocate(alloc->context, bytes);

	if (memory != NULL)
		memset(memory, 0, bytes);
	return memory;
}

char *plain_cstr(const struct bi18n_allocator *alloc, const char *s)
{
	size_t n = strlen(s) + 1;
	char  *copy = plain_alloc(alloc, n);

	if (copy != NULL)
		memcpy(copy, s, n);
	return copy;
}

void plain_free(const struct bi18n_allocator *alloc, void *memory, size_t bytes)
{
	if (memory == NULL)
		return;
	bi18n_wipe(memory, bytes);
	alloc->release(alloc->context, memory);
}

void pool_init(struct pool *p, const struct bi18n_allocator *alloc)
{
	*p = (struct pool){ .alloc = *alloc };
}

static void block_lend(struct pool *p, void *memory, size_t bytes)
{
	struct pool_block *block = memory;

	if (bytes <= sizeof(*block))
		return;
	*block = (struct pool_block){ .room = bytes - sizeof(*block), .next = p->blocks, .lent = true };
	p->blocks = block;
}

void pool_near(struct pool *p, struct pool_near *near)
{
	if (BLOCK_BYTES >= sizeof(*near))
		block_lend(p, near, sizeof(*near));
}

void pool_fini(struct pool *p)
{
	while (p->blocks != NULL) {
		struct pool_block *block = p->blocks;

		p->blocks = block->next;
		bi18n_wipe(block->bytes, block->used);               /* the rest was never written */
		if (!block->lent)
			p->alloc.release(p->alloc.context, block);
	}
}

static struct pool_block *pool_block_add(struct pool *p, size_t bytes)
{
	size_t             room = bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES;
	struct pool_block *block;

	if (room > SIZE_MAX / 2 ||
	    (block = p->alloc.allocate(p->alloc.context, sizeof(*block) + room)) == NULL) {
		p->failed = true;
		return NULL;
	}
	block->used = 0;
	block->lent = false;
	block->room = room;
	block->next = p->blocks;
	p->blocks = block;
	return block;
}

/* Not zeroed. */
static void *pool_take(struct pool *p, size_t bytes)
{
	struct pool_block *block = p->blocks;
	size_t             size = (bytes + ALIGN_BYTES - 1) & ~(size_t)(ALIGN_BYTES - 1);
	void              *out;

	if (size < bytes || p->failed) {
		p->failed = true;
		return NULL;
	}
	if (block == NULL || block->room - block->used < size) {
		block = pool_block_add(p, size);
		if (block == NULL)
			return NULL;
	}
	out = block->bytes + block->used;
	block->used += size;
	return out;
}

void *pool_alloc(struct pool *p, size_t bytes)
{
	void *out = pool_take(p, bytes);

	if (out != NULL)
		memset(out, 0, bytes);
	return out;
}

char *pool_cstr(struct pool *p, str s)
{
	return pool_join(p, s, S(""));
}

char *pool_join(struct pool *p, str a, str b)
{
	char *out = a.n > SIZE_MAX / 4 || b.n > SIZE_MAX / 4 ? NULL : pool_take(p, a.n + b.n + 1);

	if (out == NULL)
		return NULL;
	if (a.n > 0)
		memcpy(out, a.p, a.n);
	if (b.n > 0)
		memcpy(out + a.n, b.p, b.n);
	out[a.n + b.n] = '\0';
	return out;
}

char *pool_printf(struct pool *p, const char *fmt, ...)
{
	va_list arguments, again;
	int     n;
	char   *out = NULL;

	va_start(arguments, fmt);
	va_copy(again, arguments);
	n = vsnprintf(NULL, 0, fmt, arguments);
	if (n >= 0)
		out = pool_alloc(p, (size_t)n + 1);
	if (out != NULL)
		vsnprintf(out, (size_t)n + 1, fmt, again);
	va_end(again);
	va_end(arguments);
	return out;
}

void text_init(struct text *t, struct pool *pool, size_t bytes_max)
{
	*t = (struct text){ .pool = pool, .bytes_max = bytes_max };
}

/* Moves to a place of `room` bytes. */
static bool text_move(struct text *t, size_t room)
{
	char *p = pool_take(t->pool, room);

	if (p == NULL)
		return false;
	if (t->n > 0)
		memcpy(p, t->p, t->n);
	bi18n_wipe(t->p, t->n);
	t->p = p;
	t->room = room;
	return true;
}

static bool text_grow(struct text *t, size_t more)
{
	size_t room = t->room == 0 ? TEXT_FIRST_BYTES : t->room;

	if (more > t->bytes_max || t->n > t->bytes_max - more) {
		t->too_big = true;
		return false;
	}
	while (room < t->n + more + 1)
		room *= 2;
	return text_move(t, room);
}

void text_reserve(struct text *t, size_t bytes)
{
	if (bytes > t->room && bytes <= t->bytes_max)
		(void)text_move(t, bytes + 1);
}

bool text_add(struct text *t, str s)
{
	if (t->too_big || t->pool->failed)
		return false;
	if ((t->p == NULL || t->room - t->n <= s.n || t->n + s.n > t->bytes_max) && !text_grow(t, s.n))
		return false;
	if (s.n > 0)
		memcpy(t->p + t->n, s.p, s.n);
	t->n += s.n;
	return true;
}

bool text_addz(struct text *t, const char *s)
{
	return text_add(t, str_from(s));
}

static bool unreserved(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '.' || c == '_' || c == '~';
}

void text_percent(struct text *t, const char *s)
{
	static const char digits[] = "0123456789ABCDEF";

	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;
		char          coded[3] = { '%', digits[c >> 4], digits[c & 15] };

		text_add(t, unreserved(c) ? (str){ s, 1 } : (str){ coded, 3 });
	}
}

void text_json(struct text *t, const char *s)
{
	text_add(t, S("\""));
	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;
		char          coded[8];

		if (c == '"' || c == '\\') {
			coded[0] = '\\';
			coded[1] = (char)c;
			text_add(t, (str){ coded, 2 });
		} else if (c < 0x20) {
			snprintf(coded, sizeof(coded), "\\u%04x", c);
			text_add(t, (str){ coded, 6 });
		} else {
			text_add(t, (str){ s, 1 });
		}
	}
	text_add(t, S("\""));
}

void text_pair(struct text *t, const char *name, const char *value)
{
	if (value == NULL)
		return;
	if (t->n > 0)
		text_add(t, S("&"));
	text_percent(t, name);
	text_add(t, S("="));
	text_percent(t, value);
}

char *text_cstr(struct text *t)
{
	if (!text_add(t, S("")) || t->too_big || t->pool->failed)
		return NULL;
	t->p[t->n] = '\0';
	return t->p;
}

void *result_create(const struct bi18n_allocator *alloc, size_t bytes)
{
	size_t              size = RESULT_HEAD_BYTES + (bytes + ALIGN_BYTES - 1) / ALIGN_BYTES * ALIGN_BYTES;
	unsigned char      *memory = alloc->allocate(alloc->context, size + RESULT_NEAR_BYTES);
	struct result_head *head = (void *)memory;

	if (memory == NULL)
		return NULL;
	memset(memory, 0, size);
	pool_init(&head->pool, alloc);
	block_lend(&head->pool, memory + size, RESULT_NEAR_BYTES);
	head->bytes = bytes;
	return memory + RESULT_HEAD_BYTES;
}

static struct result_head *result_head(void *result)
{
	return (void *)((unsigned char *)result - RESULT_HEAD_BYTES);
}

struct pool *result_pool(void *result)
{
	return &result_head(result)->pool;
}

void bi18n_free(void *result)
{
	struct bi18n_allocator alloc;
	struct result_head    *head;

	if (result == NULL)
		return;
	head = result_head(result);
	alloc = head->pool.alloc;
	pool_fini(&head->pool);
	plain_free(&alloc, head, RESULT_HEAD_BYTES + head->bytes);
}
