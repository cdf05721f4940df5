/* SPDX-License-Identifier: MIT
 *
 * Numbers in base 62 (digits 0-9 A-Z a-z), most significant first, always of the same width for
 * the same number of bytes: ceil(8n / log2(62)). One text for one value, so that a token cannot
 * be written in two ways. */
#ifndef CRYPTO_BASE62_H
#define CRYPTO_BASE62_H

#include "base/str.h"

enum { BASE62_BYTES_MAX = 40 };

static inline bool base62_is_digit(char c)
{
	/* One bit a character of ASCII: 0-9, A-Z, a-z. */
	static const uint64_t digits[2] = { UINT64_C(0x03ff000000000000), UINT64_C(0x07fffffe07fffffe) };
	unsigned char u = (unsigned char)c;

	return u < 128 && (digits[u >> 6] >> (u & 63) & 1) != 0;
}

/* bytes: a multiple of 4, at most BASE62_BYTES_MAX. */
void base62_encode(const uint8_t *bytes, size_t bytes_n, char *out, size_t digits_n);
/* false: not a digit, or a value that needs more bytes. */
bool base62_decode(str digits, uint8_t *out, size_t bytes_n) MUST_CHECK;
void base62_u32(uint32_t v, char out[6]);
void base62_random(char *out, size_t digits_n);     /* uniform */

#endif
