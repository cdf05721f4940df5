/* SPDX-License-Identifier: MIT
 *
 * Wall clock for expiry, monotonic clock for durations. Tests move the wall clock. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "base/arena.h"

int64_t clock_now_ms(void);              /* Unix time, ms, plus the shift; any thread           */
int64_t clock_mono_ms(void);             /* monotonic, ms                                        */
int64_t clock_mono_ns(void);
void    clock_shift_ms(int64_t shift);   /* added to clock_now_ms from now on; tests only        */

/* "2026-08-04T10:31:30.123Z", always 24 bytes; 0001..9999. */
str  clock_iso(struct arena *a, int64_t ms);
void clock_iso_text(int64_t ms, char out[25]);       /* the same with NUL, without an arena */
/* Parses the above (fraction and 'Z' optional digits 0-9, 'Z' required). */
bool clock_parse_iso(str s, int64_t *ms_out) MUST_CHECK;
/* IMF-fixdate (RFC 9110 5.6.7) into out[30] with NUL: "Sun, 06 Nov 1994 08:49:37 GMT". */
void clock_http_date(int64_t ms, char out[30]);
bool clock_parse_http_date(str s, int64_t *ms_out) MUST_CHECK;   /* IMF-fixdate only */

#endif
