/* SPDX-License-Identifier: MIT
 *
 * An access token that was asked for with fewer scopes than its connection has says so in its
 * counter, which its MAC covers: it needs no row, and the bearer check reads it without a look-
 * up. Source: RFC 6749 section 6; contract rule 121. */
#ifndef ACCESS_NARROW_H
#define ACCESS_NARROW_H

#include "model/scope.h"

enum { NARROW_SERIAL_BITS = 16 };
#define NARROW_FLAG (UINT32_C(1) << 31)
_Static_assert(SCOPE_COUNT <= 31 - NARROW_SERIAL_BITS, "a scope set and a serial number fit into the counter");

/* serial: how many access tokens the family has had; scopes: SCOPE_ALL when nothing was
 * narrowed. */
static inline uint32_t access_counter(int64_t serial, int64_t scopes)
{
	if (scopes == SCOPE_ALL)
		return (uint32_t)serial & ~NARROW_FLAG;
	return NARROW_FLAG | (uint32_t)scopes << NARROW_SERIAL_BITS |
	       ((uint32_t)serial & ((UINT32_C(1) << NARROW_SERIAL_BITS) - 1));
}

/* What the token may be used for at most; the grant has the last word. */
static inline int64_t access_counter_scopes(uint32_t counter)
{
	if ((counter & NARROW_FLAG) == 0)
		return SCOPE_ALL;
	return (int64_t)((counter & ~NARROW_FLAG) >> NARROW_SERIAL_BITS);
}

#endif
