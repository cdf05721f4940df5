/* SPDX-License-Identifier: MIT */
#include "crypto/token.h"

#include "crypto/base62.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <string.h>

enum {
	CHECK_DIGITS = 6,
	RANDOM_DIGITS = 30,
	MAC_BYTES = sizeof(((struct derived *)0)->mac),
	REFRESH_BYTES = 8 + 4 + MAC_BYTES, /* family, generation, MAC                  */
	ACCESS_BYTES = 8 + 4 + 4 + 4 + MAC_BYTES, /* family, generation, counter, expiry, MAC */
	REFRESH_DIGITS = 43, /* ceil(256 / log2 62) */
	ACCESS_DIGITS = 54, /* ceil(320 / log2 62) */
};
_Static_assert(REFRESH_BYTES == 32 && ACCESS_BYTES == 40, "the widths above are for these sizes");
_Static_assert(BASE62_BYTES_MAX >= 40, "the longest payload fits");

static const struct token_form {
	str  prefix;
	bool derivable;
} forms[TOKEN_KIND_COUNT] = {
#define X(id, text, is_derivable) [TOKEN_##id] = { STR(text), is_derivable },
	TOKEN_TABLE(X)
#undef X
};

static size_t payload_digits(enum token_kind kind)
{
	if (kind == TOKEN_ACCESS)
		return ACCESS_DIGITS;
	return kind == TOKEN_REFRESH ? REFRESH_DIGITS : RANDOM_DIGITS;
}

static size_t token_length(enum token_kind kind)
{
	return forms[kind].prefix.n + payload_digits(kind) + CHECK_DIGITS;
}

static enum token_kind kind_by_prefix(str text)
{
	for (int kind = TOKEN_UNKNOWN + 1; kind < TOKEN_KIND_COUNT; kind++) {
		if (str_starts(text, forms[kind].prefix))
			return (enum token_kind)kind;
	}
	return TOKEN_UNKNOWN;
}

static bool check_digits_match(str text)
{
	str body = str_sub(text, 0, text.n - CHECK_DIGITS);
	char want[CHECK_DIGITS];

	base62_u32(crc32_of(body), want);
	return memcmp(want, text.p + body.n, CHECK_DIGITS) == 0;   /* a checksum, not a secret */
}

enum token_kind token_kind_of(str text)
{
	enum token_kind kind = kind_by_prefix(text);

	if (kind == TOKEN_UNKNOWN || text.n != token_length(kind))
		return TOKEN_UNKNOWN;
	for (size_t i = forms[kind].prefix.n; i < text.n; i++) {
		if (!base62_is_digit(text.p[i]))
			return TOKEN_UNKNOWN;
	}
	return check_digits_match(text) ? kind : TOKEN_UNKNOWN;
}

static enum token_kind kind_at(str text)
{
	enum token_kind kind = kind_by_prefix(text);

	if (kind == TOKEN_UNKNOWN || text.n < token_length(kind))
		return TOKEN_UNKNOWN;
	return token_kind_of(str_sub(text, 0, token_length(kind)));
}

bool token_find(str text, size_t *at, str *out, enum token_kind *kind_out)
{
	for (size_t i = *at; i + CHECK_DIGITS < text.n; i++) {
		/* All prefixes begin with one of these (token_test.c): most bytes end here. */
		if (text.p[i] != 'b' && text.p[i] != 'r')
			continue;
		*kind_out = kind_at(str_from_at(text, i));
		if (*kind_out == TOKEN_UNKNOWN)
			continue;
		*out = str_sub(text, i, token_length(*kind_out));
		*at = i + out->n;
		return true;
	}
	*at = text.n;
	return false;
}

/* Room for a token of this kind with its prefix in place. */
static char *token_begin(struct arena *a, enum token_kind kind)
{
	char *text = arena_alloc(a, token_length(kind) + 1);

	memcpy(text, forms[kind].prefix.p, forms[kind].prefix.n);
	return text;
}

static str token_end(char *text, enum token_kind kind)
{
	str body = { text, token_length(kind) - CHECK_DIGITS };

	base62_u32(crc32_of(body), text + body.n);
	return (str){ text, token_length(kind) };
}

str token_random(struct arena *a, enum token_kind kind)
{
	char *text;

	assert(kind > TOKEN_UNKNOWN && kind < TOKEN_KIND_COUNT && !forms[kind].derivable);
	text = token_begin(a, kind);
	base62_random(text + forms[kind].prefix.n, RANDOM_DIGITS);
	return token_end(text, kind);
}

static uint8_t *put_be(uint8_t *p, uint64_t v, int bytes)
{
	for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
		*p++ = (uint8_t)(v >> shift);
	return p;
}

static uint64_t take_be(const uint8_t **p, int bytes)
{
	uint64_t v = 0;

	for (int i = 0; i < bytes; i++)
		v = v << 8 | *(*p)++;
	return v;
}

static void mac_of(const struct derived *d, enum token_kind kind, const uint8_t secret[KEY_BYTES],
		   int64_t epoch, uint8_t mac[MAC_BYTES])
{
	uint8_t text[8 + 1 + 8 + 4 + 4 + 4], *p = text;
	struct digest full;

	p = put_be(p, (uint64_t)epoch, 8);
	p = put_be(p, (uint64_t)kind, 1);
	p = put_be(p, (uint64_t)d->family, 8);
	p = put_be(p, d->generation, 4);
	p = put_be(p, d->counter, 4);
	p = put_be(p, d->expires_s, 4);
	full = hmac_sha256(secret, KEY_BYTES, (str){ (char *)text, (size_t)(p - text) });
	memcpy(mac, full.b, MAC_BYTES);
	wipe(&full, sizeof(full));
}

str derived_token(struct arena *a, enum token_kind kind, const uint8_t secret[KEY_BYTES],
		  int64_t epoch, int64_t family, uint32_t generation, uint32_t counter,
		  uint32_t expires_s)
{
	struct derived d = { .family = family,
			     .generation = generation,
			     .counter = counter,
			     .expires_s = expires_s };
	uint8_t bytes[ACCESS_BYTES], *p = bytes;
	char *text;

	assert(kind == TOKEN_ACCESS || (kind == TOKEN_REFRESH && counter == 0 && expires_s == 0));
	assert(family > 0 && family <= INT64_MAX >> 1);
	mac_of(&d, kind, secret, epoch, d.mac);
	p = put_be(p, (uint64_t)family, 8);
	p = put_be(p, generation, 4);
	if (kind == TOKEN_ACCESS) {
		p = put_be(p, counter, 4);
		p = put_be(p, expires_s, 4);
	}
	memcpy(p, d.mac, MAC_BYTES);
	text = token_begin(a, kind);
	base62_encode(bytes, (size_t)(p - bytes) + MAC_BYTES, text + forms[kind].prefix.n,
		      payload_digits(kind));
	wipe(&d, sizeof(d));
	wipe(bytes, sizeof(bytes));
	return token_end(text, kind);
}

bool derived_parse(str text, enum token_kind kind, struct derived *out)
{
	size_t bytes_n = kind == TOKEN_ACCESS ? ACCESS_BYTES : REFRESH_BYTES;
	uint8_t bytes[ACCESS_BYTES];
	const uint8_t *p = bytes;
	struct derived d = { 0 };

	if ((kind != TOKEN_ACCESS && kind != TOKEN_REFRESH) || token_kind_of(text) != kind)
		return false;
	if (!base62_decode(str_sub(text, forms[kind].prefix.n, payload_digits(kind)), bytes,
			   bytes_n))
		return false;
	d.family = (int64_t)take_be(&p, 8);
	d.generation = (uint32_t)take_be(&p, 4);
	if (kind == TOKEN_ACCESS) {
		d.counter = (uint32_t)take_be(&p, 4);
		d.expires_s = (uint32_t)take_be(&p, 4);
	}
	memcpy(d.mac, p, MAC_BYTES);
	if (d.family < 1 || d.family > INT64_MAX >> 1)
		return false;
	*out = d;
	return true;
}

bool derived_verify(const struct derived *d, enum token_kind kind, const uint8_t secret[KEY_BYTES],
		    int64_t epoch)
{
	uint8_t want[MAC_BYTES];
	bool same;

	mac_of(d, kind, secret, epoch, want);
	same = CRYPTO_memcmp(want, d->mac, MAC_BYTES) == 0;
	wipe(want, sizeof(want));
	return same;
}
