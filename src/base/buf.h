/* SPDX-License-Identifier: MIT
 *
 * Growing text with a maximum. Past the maximum nothing is appended any more and `full` stays set,
 * so that a writer can ignore it until the end and check once. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/arena.h"

#include <string.h>

struct buf {
	char         *p;
	size_t        n, cap, max;
	struct arena *arena;         /* NULL: heap, released by buf_fini */
	bool          full;          /* something did not fit */
};

void buf_init(struct buf *b, size_t bytes_max);                          /* heap */
void buf_init_arena(struct buf *b, struct arena *a, size_t bytes_max);   /* never needs buf_fini */
void buf_fini(struct buf *b);
void buf_reset(struct buf *b);                       /* empty again, memory kept */
bool buf_reserve(struct buf *b, size_t more);        /* room for `more` bytes; false: full */
void buf_char_slowly(struct buf *b, char c);         /* when there may be no room */
void buf_str_slowly(struct buf *b, str s);
static inline void buf_char(struct buf *b, char c)
{
	if (b->n < b->cap && !b->full)
		b->p[b->n++] = c;
	else
		buf_char_slowly(b, c);
}
static inline void buf_str(struct buf *b, str s)
{
	if (s.n == 0 || s.n > b->cap - b->n || b->full) {
		buf_str_slowly(b, s);
		return;
	}
	memcpy(b->p + b->n, s.p, s.n);
	b->n += s.n;
}
#define BUF_LIT(b, lit) buf_str((b), S(lit))
void buf_i64(struct buf *b, int64_t v);
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF(2, 3);
str  buf_view(const struct buf *b);                  /* borrowed until the next append */

#endif
