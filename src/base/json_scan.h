/* SPDX-License-Identifier: MIT
 *
 * What the JSON reader and the writer share: finding the end of a run of plain characters. */
#ifndef BASE_JSON_SCAN_H
#define BASE_JSON_SCAN_H

#include "base/str.h"

#include <endian.h>
#include <string.h>

#define JSON_EACH_BYTE(c) (0x0101010101010101ULL * (c))

/* High bits of the bytes that are zero; a byte above the lowest such byte may be flagged wrongly. */
static inline uint64_t json_zero_bytes(uint64_t w)
{
	return (w - JSON_EACH_BYTE(0x01)) & ~w & JSON_EACH_BYTE(0x80);
}

/* How many bytes come before the first quote, backslash, control or non-ASCII byte. Eight at a time. */
static inline size_t json_plain_run(const char *p, size_t n)
{
	size_t i = 0;

	for (; i + 8 <= n; i += 8) {
		uint64_t w, found;

		memcpy(&w, p + i, sizeof(w));
		w = le64toh(w);
		found = json_zero_bytes(w ^ JSON_EACH_BYTE('"')) |
			json_zero_bytes(w ^ JSON_EACH_BYTE('\\')) |
			((w - JSON_EACH_BYTE(0x20)) & ~w & JSON_EACH_BYTE(0x80)) |
			(w & JSON_EACH_BYTE(0x80));
		if (found != 0)
			return i + (size_t)__builtin_ctzll(found) / 8;
	}
	for (; i < n; i++) {
		unsigned char c = (unsigned char)p[i];

		if (c < 0x20 || c >= 0x80 || c == '"' || c == '\\')
			break;
	}
	return i;
}

#endif
