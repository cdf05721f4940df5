/* SPDX-License-Identifier: MIT */
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CAP_MIN = 128 };

void buf_init(struct buf *b, size_t bytes_max)
{
	*b = (struct buf){ .max = bytes_max };
}

void buf_init_arena(struct buf *b, struct arena *a, size_t bytes_max)
{
	*b = (struct buf){ .max = bytes_max, .arena = a };
}

void buf_fini(struct buf *b)
{
	if (b == NULL)
		return;
	if (b->arena == NULL)
		free(b->p);
	*b = (struct buf){ .max = b->max, .arena = b->arena };
}

void buf_reset(struct buf *b)
{
	b->n = 0;
	b->full = false;
}

/* One byte more than `cap` is always there, so that vsnprintf can write its NUL. */
static void grow(struct buf *b, size_t least)
{
	size_t cap = b->cap == 0 ? CAP_MIN : b->cap;
	char *p;

	while (cap < least && cap <= b->max / 2)
		cap *= 2;
	if (cap < least || cap > b->max)
		cap = b->max;
	p = b->arena != NULL ? arena_text(b->arena, cap + 1) : malloc(cap + 1);
	if (p == NULL)
		memory_exhausted(cap + 1);
	if (b->n > 0)
		memcpy(p, b->p, b->n);
	if (b->arena == NULL)
		free(b->p);
	b->p = p;
	b->cap = cap;
}

bool buf_reserve(struct buf *b, size_t more)
{
	if (b->full || more > b->max - b->n) {
		b->full = true;
		return false;
	}
	if (more > b->cap - b->n || b->p == NULL)
		grow(b, b->n + more);
	return true;
}

void buf_char_slowly(struct buf *b, char c)
{
	if (buf_reserve(b, 1))
		b->p[b->n++] = c;
}

void buf_str_slowly(struct buf *b, str s)
{
	if (s.n == 0 || !buf_reserve(b, s.n))
		return;
	memcpy(b->p + b->n, s.p, s.n);
	b->n += s.n;
}

void buf_i64(struct buf *b, int64_t v)
{
	char digits[20];
	size_t at = sizeof(digits);
	uint64_t rest = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;

	do {
		digits[--at] = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest > 0);
	if (v < 0)
		digits[--at] = '-';
	buf_str(b, (str){ digits + at, sizeof(digits) - at });
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list args;
	size_t room;
	int n;

	if (!buf_reserve(b, 0))
		return;
	room = b->cap - b->n;
	va_start(args, fmt);
	n = vsnprintf(b->p + b->n, room + 1, fmt, args);
	va_end(args);
	if (n < 0)
		n = 0;
	if ((size_t)n > room) {
		if (!buf_reserve(b, (size_t)n))
			return;
		va_start(args, fmt);
		vsnprintf(b->p + b->n, (size_t)n + 1, fmt, args);
		va_end(args);
	}
	b->n += (size_t)n;
}

str buf_view(const struct buf *b)
{
	return (str){ b->p != NULL ? b->p : "", b->n };
}
