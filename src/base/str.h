/* SPDX-License-Identifier: MIT
 *
 * Borrowed strings. Not for owning or growing text: that is base/arena.h and base/buf.h. */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/banned.h"

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF(f, a) __attribute__((format(printf, f, a)))
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define KIB ((size_t)1024)
#define MIB ((size_t)1024 * 1024)

/* A borrowed run of bytes: not NUL-terminated, never freed, valid only as long as whatever it
 * points into. Passed and returned by value. {NULL, 0} is "absent"; {"", 0} is "empty". */
typedef struct str {
	const char *p;
	size_t      n;
} str;

#define S(lit)     ((str){ "" lit, sizeof(lit) - 1 })
#define STR(lit)   { "" lit, sizeof(lit) - 1 }
#define STR_NONE   ((str){ NULL, 0 })
#define FMT_STR    "%.*s"
#define ARG_STR(s) (int)(s).n, (s).p

str  str_from(const char *nul_terminated);           /* NULL -> absent */
bool str_eq(str a, str b);                           /* bytes equal; absent equals empty */
bool str_eq_nocase(str a, str b);                    /* ASCII only */
int  str_cmp(str a, str b);                          /* byte order, shorter first */
bool str_starts(str s, str prefix);
bool str_ends(str s, str suffix);
bool str_has(str s, char c);
ptrdiff_t str_index(str s, char c);                  /* -1: not there */
ptrdiff_t str_find(str s, str needle);               /* -1: not there */
str  str_sub(str s, size_t from, size_t n);          /* clamped to s */
str  str_from_at(str s, size_t from);                /* the rest, clamped */
str  str_trim(str s);                                /* space and tab at both ends */

/* Takes the part of *rest before the first `sep` (or all of it) and moves *rest past it.
 * Returns false once *rest is absent; the last part leaves *rest absent. */
bool str_cut(str *rest, char sep, str *part_out);

/* Decimal digits only, optional leading '-', no sign '+', no blanks; false outside min..max. */
bool str_i64(str s, int64_t min, int64_t max, int64_t *out) MUST_CHECK;

/* Several strings; `present` tells an empty list from an absent one. */
struct strs { const str *v; size_t n; bool present; };

/* 64-bit hash for tables in memory; not for secrets, not for disk. Where others choose the texts, use
 * the second with hash_seed(), which nobody outside this process knows, so that nobody can aim for
 * collisions. */
uint64_t str_hash(str s);
uint64_t str_hash_seeded(str s, uint64_t seed);
uint64_t hash_seed(void);

#endif
