/* SPDX-License-Identifier: MIT */
#include "crypto/token.h"

#include "base/test.h"
#include "crypto/base62.h"

#include <string.h>

static const uint8_t secret[KEY_BYTES] = { 1, 2, 3 };
enum { FAMILY = 4242, EPOCH = 3 };

TEST(token_of_each_random_kind_is_recognised)
{
	static const enum token_kind kinds[] = { TOKEN_CODE, TOKEN_INSTALLATION,
						 TOKEN_PUBLIC_KEY,    TOKEN_SECRET_KEY,
						 TOKEN_CLIENT_SECRET, TOKEN_SESSION,
						 TOKEN_REQUEST };
	struct arena *a = arena_create(1024);

	for (size_t i = 0; i < COUNT(kinds); i++) {
		str t = token_random(a, kinds[i]);

		CHECK(token_kind_of(t) == kinds[i]);
		CHECK(!str_eq(t, token_random(a, kinds[i])));
		CHECK(t.n <= 255);
	}
	CHECK(str_starts(token_random(a, TOKEN_INSTALLATION), S("bi_oat_")));
	CHECK_I64((int64_t)token_random(a, TOKEN_INSTALLATION).n, 7 + 30 + 6);
	arena_destroy(a);
}

TEST(token_of_every_kind_is_found_in_other_text)
{
	struct arena *a = arena_create(1024);

	for (int kind = TOKEN_UNKNOWN + 1; kind < TOKEN_KIND_COUNT; kind++) {
		enum token_kind found;
		size_t at = 0;
		str one = kind == TOKEN_ACCESS || kind == TOKEN_REFRESH
				  ? derived_token(a, (enum token_kind)kind, secret, EPOCH, FAMILY, 1, 0, 0)
				  : token_random(a, (enum token_kind)kind);
		str text = arena_printf(a, "bi_ start_x" FMT_STR "Zrt_\n" FMT_STR, ARG_STR(one), ARG_STR(one));
		str got;

		CHECK(token_find(text, &at, &got, &found) && (int)found == kind && str_eq(got, one));
		CHECK(token_find(text, &at, &got, &found) && (int)found == kind && str_eq(got, one));
		CHECK(at == text.n && !token_find(text, &at, &got, &found));
	}
	arena_destroy(a);
}

TEST(token_with_any_character_changed_is_unknown)
{
	struct arena *a = arena_create(1024);
	str t = token_random(a, TOKEN_INSTALLATION);

	for (size_t i = 0; i < t.n; i++) {
		char *damaged = arena_cstr(a, t);

		damaged[i] = damaged[i] == 'x' ? 'y' : 'x';
		CHECK(token_kind_of((str){ damaged, t.n }) == TOKEN_UNKNOWN);
		CHECK(token_kind_of(str_sub(t, 0, i)) == TOKEN_UNKNOWN);
	}
	CHECK(token_kind_of(arena_printf(a, FMT_STR "0", ARG_STR(t))) == TOKEN_UNKNOWN);
	CHECK(token_kind_of(STR_NONE) == TOKEN_UNKNOWN);
	CHECK(token_kind_of(S("bi_oat_")) == TOKEN_UNKNOWN);
	arena_destroy(a);
}

TEST(access_token_reads_back_and_verifies)
{
	struct arena *a = arena_create(1024);
	str t = derived_token(a, TOKEN_ACCESS, secret, EPOCH, FAMILY, 7, 9, 1900000000u);
	struct derived d;

	CHECK(str_starts(t, S("bi_at_")) && t.n == 6 + 54 + 6);
	CHECK(token_kind_of(t) == TOKEN_ACCESS);
	CHECK(derived_parse(t, TOKEN_ACCESS, &d));
	CHECK(d.family == FAMILY && d.generation == 7 && d.counter == 9 &&
	      d.expires_s == 1900000000u);
	CHECK(derived_verify(&d, TOKEN_ACCESS, secret, EPOCH));
	arena_destroy(a);
}

TEST(refresh_token_is_43_digits_and_repeatable)
{
	struct arena *a = arena_create(1024);
	str t = derived_token(a, TOKEN_REFRESH, secret, EPOCH, INT64_MAX >> 1, UINT32_MAX, 0, 0);
	struct derived d;

	CHECK(str_starts(t, S("rt_")) && t.n == 3 + 43 + 6);
	CHECK_STR(derived_token(a, TOKEN_REFRESH, secret, EPOCH, INT64_MAX >> 1, UINT32_MAX, 0, 0),
		  t);
	CHECK(derived_parse(t, TOKEN_REFRESH, &d));
	CHECK(d.family == INT64_MAX >> 1 && d.generation == UINT32_MAX);
	CHECK(derived_verify(&d, TOKEN_REFRESH, secret, EPOCH));
	arena_destroy(a);
}

TEST(derived_token_verifies_only_as_what_it_was_made_for)
{
	struct arena *a = arena_create(1024);
	str t = derived_token(a, TOKEN_ACCESS, secret, EPOCH, FAMILY, 7, 9, 1900000000u);
	const uint8_t other[KEY_BYTES] = { 9 };
	struct derived d, forged;

	CHECK(derived_parse(t, TOKEN_ACCESS, &d));
	CHECK(!derived_parse(t, TOKEN_REFRESH, &forged));
	CHECK(!derived_parse(t, TOKEN_INSTALLATION, &forged));
	CHECK(!derived_verify(&d, TOKEN_ACCESS, other, EPOCH));
	CHECK(!derived_verify(&d, TOKEN_ACCESS, secret, EPOCH + 1));
	CHECK(!derived_verify(&d, TOKEN_REFRESH, secret, EPOCH));
	forged = d;
	forged.expires_s++;
	CHECK(!derived_verify(&forged, TOKEN_ACCESS, secret, EPOCH));
	forged = d;
	forged.counter++;
	CHECK(!derived_verify(&forged, TOKEN_ACCESS, secret, EPOCH));
	forged = d;
	forged.family++;
	CHECK(!derived_verify(&forged, TOKEN_ACCESS, secret, EPOCH));
	arena_destroy(a);
}

/* A payload with a right checksum, as an attacker can make. */
static str with_checksum(struct arena *a, const char *body)
{
	char check[6];

	base62_u32(crc32_of(str_from(body)), check);
	return arena_printf(a, "%s%.6s", body, check);
}

TEST(derived_token_beyond_its_bytes_or_without_family_is_refused)
{
	struct arena *a = arena_create(1024);
	struct derived d;

	CHECK(token_kind_of(with_checksum(a, "rt_zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz")) ==
	      TOKEN_REFRESH);
	CHECK(!derived_parse(with_checksum(a, "rt_zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"),
			     TOKEN_REFRESH, &d));
	CHECK(!derived_parse(with_checksum(a, "rt_0000000000000000000000000000000000000000000"),
			     TOKEN_REFRESH, &d));
	arena_destroy(a);
}

TEST(base62_reads_back_the_largest_and_smallest_values)
{
	uint8_t bytes[BASE62_BYTES_MAX], out[BASE62_BYTES_MAX];
	char text[54];

	for (int fill = 0; fill < 256; fill += 255) {
		memset(bytes, fill, sizeof(bytes));
		base62_encode(bytes, 40, text, 54);
		CHECK(base62_decode((str){ text, 54 }, out, 40) && memcmp(out, bytes, 40) == 0);
		base62_encode(bytes, 32, text, 43);
		CHECK(base62_decode((str){ text, 43 }, out, 32) && memcmp(out, bytes, 32) == 0);
	}
	memset(bytes, 0, sizeof(bytes));
	bytes[31] = 61;
	base62_encode(bytes, 32, text, 43);
	CHECK_STR(((str){ text, 43 }), S("000000000000000000000000000000000000000000z"));
	CHECK(!base62_decode(S("0_"), out, 32));
}

TEST(base62_random_uses_every_digit)
{
	char text[4096];
	bool seen[256] = { false };
	int digits = 0;

	base62_random(text, sizeof(text));
	for (size_t i = 0; i < sizeof(text); i++)
		seen[(unsigned char)text[i]] = true;
	for (int c = 0; c < 256; c++)
		digits += seen[c] && base62_is_digit((char)c);
	CHECK_I64(digits, 62);
}
