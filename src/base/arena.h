/* SPDX-License-Identifier: MIT
 *
 * Memory of one request: many small allocations, one release. Out of memory ends the process. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/str.h"

#include <stdarg.h>

struct arena;

/* block_bytes: size of the first block (later blocks double, up to 1 MiB, larger on demand). */
struct arena *arena_create(size_t block_bytes);
void arena_destroy(struct arena *a);                 /* runs deferred calls; NULL is fine */
void arena_reset(struct arena *a);                   /* same, but keeps the first block */

void arena_wipe_always(struct arena *a);             /* from now on what it held is overwritten at reset and destroy */

void *arena_alloc(struct arena *a, size_t bytes);    /* zeroed, aligned for any type, never NULL */
#define arena_new(a, T)       ((T *)arena_alloc((a), sizeof(T)))
#define arena_array(a, T, n)  ((T *)arena_alloc_array((a), sizeof(T), (n)))
void *arena_alloc_array(struct arena *a, size_t size, size_t n);   /* overflow-checked */
void *arena_raw(struct arena *a, size_t bytes);      /* aligned but not zeroed: fill it all */
char *arena_text(struct arena *a, size_t bytes);     /* neither aligned nor zeroed */

str   arena_str(struct arena *a, str s);             /* a copy; absent stays absent */
str   arena_lower(struct arena *a, str s);           /* a copy in ASCII lower case */
char *arena_cstr(struct arena *a, str s);            /* NUL-terminated copy for C APIs */
str   arena_printf(struct arena *a, const char *fmt, ...) PRINTF(2, 3);
str   arena_vprintf(struct arena *a, const char *fmt, va_list args);
str   arena_join(struct arena *a, const str *parts, size_t n, str sep);

/* Calls fn(arg) at reset or destroy, last in first out. */
void arena_defer(struct arena *a, void (*fn)(void *), void *arg);
size_t arena_bytes(const struct arena *a);           /* taken from the system; for budgets in tests */

/* For the few things that outlive every arena: zeroed, never NULL, released with free(3). */
void *heap_alloc(size_t bytes);
_Noreturn void memory_exhausted(size_t bytes);       /* says so and ends the process */

#endif
