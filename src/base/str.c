/* SPDX-License-Identifier: MIT */
#include "base/str.h"

#include <endian.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/random.h>

str str_from(const char *nul_terminated)
{
	if (nul_terminated == NULL)
		return STR_NONE;
	return (str){ nul_terminated, strlen(nul_terminated) };
}

bool str_eq(str a, str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static char ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

bool str_eq_nocase(str a, str b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (ascii_lower(a.p[i]) != ascii_lower(b.p[i]))
			return false;
	return true;
}

int str_cmp(str a, str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int order = n == 0 ? 0 : memcmp(a.p, b.p, n);

	if (order != 0)
		return order < 0 ? -1 : 1;
	return (a.n > b.n) - (a.n < b.n);
}

bool str_starts(str s, str prefix)
{
	return s.n >= prefix.n && str_eq((str){ s.p, prefix.n }, prefix);
}

bool str_ends(str s, str suffix)
{
	return s.n >= suffix.n && str_eq(str_from_at(s, s.n - suffix.n), suffix);
}

bool str_has(str s, char c)
{
	return str_index(s, c) >= 0;
}

ptrdiff_t str_index(str s, char c)
{
	const char *at = s.n == 0 ? NULL : memchr(s.p, c, s.n);

	return at == NULL ? -1 : at - s.p;
}

ptrdiff_t str_find(str s, str needle)
{
	const char *at;

	if (needle.n == 0)
		return 0;
	if (s.n < needle.n)
		return -1;
	at = memmem(s.p, s.n, needle.p, needle.n);
	return at == NULL ? -1 : at - s.p;
}

str str_sub(str s, size_t from, size_t n)
{
	s = str_from_at(s, from);
	if (s.n > n)
		s.n = n;
	return s;
}

str str_from_at(str s, size_t from)
{
	if (s.p == NULL)
		return s;
	if (from > s.n)
		from = s.n;
	return (str){ s.p + from, s.n - from };
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

str str_trim(str s)
{
	while (s.n > 0 && is_blank(s.p[s.n - 1]))
		s.n--;
	while (s.n > 0 && is_blank(s.p[0]))
		s = str_from_at(s, 1);
	return s;
}

bool str_cut(str *rest, char sep, str *part_out)
{
	ptrdiff_t at;

	if (rest->p == NULL)
		return false;
	at = str_index(*rest, sep);
	if (at < 0) {
		*part_out = *rest;
		*rest = STR_NONE;
		return true;
	}
	*part_out = str_sub(*rest, 0, (size_t)at);
	*rest = str_from_at(*rest, (size_t)at + 1);
	return true;
}

bool str_i64(str s, int64_t min, int64_t max, int64_t *out)
{
	bool negative = s.n > 0 && s.p[0] == '-';
	uint64_t limit = negative ? (uint64_t)INT64_MAX + 1 : (uint64_t)INT64_MAX;
	uint64_t v = 0;
	int64_t result;

	if (s.n == (negative ? 1 : 0))
		return false;
	for (size_t i = negative; i < s.n; i++) {
		unsigned digit = (unsigned)(unsigned char)s.p[i] - '0';

		if (digit > 9 || v > (limit - digit) / 10)
			return false;
		v = v * 10 + digit;
	}
	result = negative ? (int64_t)(0 - v) : (int64_t)v;
	if (result < min || result > max)
		return false;
	*out = result;
	return true;
}

__extension__ typedef unsigned __int128 wide;

/* Multiply and fold: 128 bits of product carry every input bit to every output bit. */
static uint64_t mix(uint64_t a, uint64_t b)
{
	wide product = (wide)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t load64(const char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return le64toh(v);
}

/* The last 1 to 8 bytes of a text, without reading past it. */
static uint64_t load_tail(const char *p, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v |= (uint64_t)(unsigned char)p[i] << (8 * i);
	return v;
}

enum { HASH_STEP = 16 };
static const uint64_t HASH_A = 0xa0761d6478bd642fULL, HASH_B = 0xe7037ed1a0b428dbULL,
	HASH_C = 0x8ebc6af09c88c6e3ULL;

uint64_t str_hash_seeded(str s, uint64_t seed)
{
	const char *p = s.p;
	size_t n = s.n;
	uint64_t h = seed ^ HASH_C;

	for (; n > HASH_STEP; n -= HASH_STEP, p += HASH_STEP)
		h = mix(load64(p) ^ HASH_A ^ h, load64(p + 8) ^ HASH_B ^ seed);
	if (n > 8)
		h = mix(load64(p) ^ HASH_A ^ h, load64(p + n - 8) ^ HASH_B ^ seed);
	else if (n > 0)
		h = mix(load_tail(p, n) ^ HASH_A ^ h, HASH_B ^ seed);
	return mix(h ^ HASH_B, (uint64_t)s.n ^ HASH_A);
}

uint64_t str_hash(str s)
{
	return str_hash_seeded(s, 0);
}

uint64_t hash_seed(void)
{
	static _Atomic uint64_t seed;
	uint64_t fresh = atomic_load_explicit(&seed, memory_order_relaxed), none = 0;

	if (fresh != 0)
		return fresh;
	if (getrandom(&fresh, sizeof(fresh), 0) != (ssize_t)sizeof(fresh))
		fresh = (uint64_t)(uintptr_t)&fresh;
	fresh |= 1;
	/* One for all threads: what one has put in, another must find. */
	return atomic_compare_exchange_strong(&seed, &none, fresh) ? fresh : none;
}
