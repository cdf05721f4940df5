/* SPDX-License-Identifier: MIT */
#include "crypto/base62.h"

#include "crypto/crypto.h"

#include <assert.h>
#include <string.h>

enum { LIMBS_MAX = BASE62_BYTES_MAX / 4, DIGITS_A_STEP = 5, RANDOM_CHUNK = 64 };
static const uint32_t STEP = 62u * 62 * 62 * 62 * 62;      /* largest power of 62 below 2^32 */
static const uint8_t RANDOM_LIMIT = 62 * 4; /* bytes from here on would favour small digits */
static const char DIGITS[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'Z')
		return c - 'A' + 10;
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 36;
	return -1;
}

static uint32_t load_be(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void store_be(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

void base62_encode(const uint8_t *bytes, size_t bytes_n, char *out, size_t digits_n)
{
	uint32_t limb[LIMBS_MAX];
	size_t limbs_n = bytes_n / 4;

	assert(bytes_n % 4 == 0 && bytes_n <= BASE62_BYTES_MAX);
	for (size_t i = 0; i < limbs_n; i++)
		limb[i] = load_be(bytes + 4 * i);
	while (digits_n > 0) {
		uint64_t rest = 0;

		for (size_t i = 0; i < limbs_n; i++) {
			uint64_t v = rest << 32 | limb[i];

			limb[i] = (uint32_t)(v / STEP);
			rest = v % STEP;
		}
		for (int i = 0; i < DIGITS_A_STEP && digits_n > 0; i++, rest /= 62)
			out[--digits_n] = DIGITS[rest % 62];
	}
	wipe(limb, sizeof(limb));
}

bool base62_decode(str digits, uint8_t *out, size_t bytes_n)
{
	uint32_t limb[LIMBS_MAX] = { 0 };
	size_t limbs_n = bytes_n / 4;
	uint64_t carry = 0;

	assert(bytes_n % 4 == 0 && bytes_n <= BASE62_BYTES_MAX);
	for (size_t d = 0; d < digits.n && carry == 0;) {
		uint64_t scale = 1;

		for (int i = 0; i < DIGITS_A_STEP && d < digits.n; i++, d++) {
			int value = digit_value(digits.p[d]);

			if (value < 0)
				return false;
			carry = carry * 62 + (uint64_t)value;
			scale *= 62;
		}
		for (size_t i = limbs_n; i-- > 0;) {
			uint64_t v = (uint64_t)limb[i] * scale + carry;

			limb[i] = (uint32_t)v;
			carry = v >> 32;
		}
	}
	if (carry != 0)
		return false;
	for (size_t i = 0; i < limbs_n; i++)
		store_be(out + 4 * i, limb[i]);
	return true;
}

void base62_u32(uint32_t v, char out[6])
{
	for (int i = 5; i >= 0; i--, v /= 62)
		out[i] = DIGITS[v % 62];
}

void base62_random(char *out, size_t digits_n)
{
	uint8_t pool[RANDOM_CHUNK];
	size_t done = 0;

	while (done < digits_n) {
		random_bytes(pool, sizeof(pool));
		for (size_t i = 0; i < sizeof(pool) && done < digits_n; i++) {
			if (pool[i] < RANDOM_LIMIT)
				out[done++] = DIGITS[pool[i] % 62];
		}
	}
	wipe(pool, sizeof(pool));
}
