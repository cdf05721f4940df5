/* SPDX-License-Identifier: MIT
 *
 * The beginning of a text, for messages: never half a character. */
#ifndef CATALOG_CLIP_H
#define CATALOG_CLIP_H

#include "base/str.h"

enum { CLIP_CHARS = 40 };        /* of what somebody sent, inside a message */

static inline str clip(str s, size_t chars)
{
	size_t n = 0;

	while (n < s.n && chars-- > 0) {
		n++;
		while (n < s.n && ((unsigned char)s.p[n] & 0xc0) == 0x80)
			n++;
	}
	return str_sub(s, 0, n);
}

#endif
