/* SPDX-License-Identifier: MIT */
#include "http/chars.h"

#include <string.h>

/* Rows of sixteen: 0x00, 0x10, … 0xf0. Bits as in chars.h. */
const uint8_t chars[256] = {
	0, 0, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	16, 27, 18, 17, 27, 27, 27, 27, 26, 26, 27, 27, 26, 27, 27, 18,
	31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 18, 26, 18, 26, 18, 18,
	18, 31, 31, 31, 31, 31, 31, 27, 27, 27, 27, 27, 27, 27, 27, 27,
	27, 27, 27, 27, 27, 27, 27, 27, 27, 27, 27, 18, 18, 18, 19, 27,
	19, 31, 31, 31, 31, 31, 31, 27, 27, 27, 27, 27, 27, 27, 27, 27,
	27, 27, 27, 27, 27, 27, 27, 27, 27, 27, 27, 18, 19, 18, 27, 0,
	18, 18, 18, 18, 18, 18, 18, 18, 18, 18, 18, 18, 18, 18, 18, 18,
	18, 18, 18, 18, 18, 18, 18, 18, 18, 18, 18, 18, 18, 18, 18, 18,
	18, 18, 18, 18, 18, 18, 18, 18, 18, 18, 18, 18, 18, 18, 18, 18,
	18, 18, 18, 18, 18, 18, 18, 18, 18, 18, 18, 18, 18, 18, 18, 18,
	18, 18, 18, 18, 18, 18, 18, 18, 18, 18, 18, 18, 18, 18, 18, 18,
	18, 18, 18, 18, 18, 18, 18, 18, 18, 18, 18, 18, 18, 18, 18, 18,
	18, 18, 18, 18, 18, 18, 18, 18, 18, 18, 18, 18, 18, 18, 18, 18,
	18, 18, 18, 18, 18, 18, 18, 18, 18, 18, 18, 18, 18, 18, 18, 18,
};

#define EACH_BYTE(b) ((uint64_t)(b) * 0x0101010101010101u)

bool chars_all(str s, unsigned kind)
{
	for (size_t i = 0; i < s.n; i++)
		if (!char_is(s.p[i], kind))
			return false;
	return true;
}

/* Has any byte of w a value below 0x20, or 0x7f? May say yes for a tab, which is fine: the
 * caller then looks byte by byte. */
static bool any_control(uint64_t w)
{
	uint64_t del = w ^ EACH_BYTE(0x7f);
	uint64_t low = (w - EACH_BYTE(0x20)) & ~w;
	uint64_t is_del = (del - EACH_BYTE(0x01)) & ~del;

	return ((low | is_del) & EACH_BYTE(0x80)) != 0;
}

bool chars_value(str s)
{
	size_t i = 0;

	for (; i + sizeof(uint64_t) <= s.n; i += sizeof(uint64_t)) {
		uint64_t w;

		memcpy(&w, s.p + i, sizeof w);
		if (any_control(w) && !chars_all(str_sub(s, i, sizeof w), CHAR_VALUE))
			return false;
	}
	return chars_all(str_from_at(s, i), CHAR_VALUE);
}
