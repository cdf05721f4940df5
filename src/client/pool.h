/* SPDX-License-Identifier: MIT
 *
 * Memory of the library: an arena over the caller's allocator that reports failure instead of ending the
 * process, and wipes what it gives back. Not for the server, whose arena cannot fail. */
#ifndef CLIENT_POOL_H
#define CLIENT_POOL_H

#include "client/api.h"

struct pool {
	struct bi18n_allocator alloc;
	struct pool_block     *blocks;
	bool                   failed;   /* sticky: some allocation returned NULL */
};

void  pool_init(struct pool *p, const struct bi18n_allocator *alloc);
/* Its first block in the caller's memory, so that little calls allocate nothing. */
struct pool_near { _Alignas(16) unsigned char bytes[2048]; };
void  pool_near(struct pool *p, struct pool_near *near);
void  pool_fini(struct pool *p);                               /* wipes and releases all */
void *pool_alloc(struct pool *p, size_t bytes);                /* zeroed; NULL: no memory */
char *pool_cstr(struct pool *p, str s);                        /* absent -> "" */
char *pool_join(struct pool *p, str a, str b);                  /* both, one behind the other */
char *pool_printf(struct pool *p, const char *fmt, ...) PRINTF(2, 3);

/* Growing text in a pool. Appending after a failure or past bytes_max does nothing; ask once at the end. */
struct text {
	struct pool *pool;
	char        *p;          /* always NUL-terminated once text_cstr() was called */
	size_t       n, room, bytes_max;
	bool         too_big;
};
void text_init(struct text *t, struct pool *pool, size_t bytes_max);
bool text_add(struct text *t, str s);
bool text_addz(struct text *t, const char *s);
void text_reserve(struct text *t, size_t bytes);               /* room for so many, if there is memory */
void text_percent(struct text *t, const char *s);              /* all but unreserved characters */
void text_json(struct text *t, const char *s);                 /* a JSON string with its quotes */
/* name=value of a form or query, percent-encoded; '&' before all but the first. NULL value: nothing. */
void text_pair(struct text *t, const char *name, const char *value);
char *text_cstr(struct text *t);                               /* NULL: failed or too big */

/* A result that the program owns: a struct with the pool of all that it points to, in front of it. */
void *result_create(const struct bi18n_allocator *alloc, size_t bytes);
struct pool *result_pool(void *result);

/* One long-lived block of the client, zeroed; plain_free wipes. */
void *plain_alloc(const struct bi18n_allocator *alloc, size_t bytes);
char *plain_cstr(const struct bi18n_allocator *alloc, const char *s);
void  plain_free(const struct bi18n_allocator *alloc, void *memory, size_t bytes);

extern const struct bi18n_allocator system_allocator;

#endif
