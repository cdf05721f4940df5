/* SPDX-License-Identifier: MIT */
#include "oauth/pkce.h"

#include "crypto/crypto.h"

enum { CHALLENGE_BYTES = 43, VERIFIER_BYTES_MIN = 43, VERIFIER_BYTES_MAX = 128 };

static const char base64url_digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static bool is_base64url(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '_';
}

static bool is_unreserved(char c)
{
	return is_base64url(c) || c == '.' || c == '~';
}

bool pkce_challenge_is_sane(str challenge)
{
	for (size_t i = 0; i < challenge.n; i++) {
		if (!is_base64url(challenge.p[i]))
			return false;
	}
	return challenge.n == CHALLENGE_BYTES;
}

bool pkce_verifier_is_sane(str verifier)
{
	for (size_t i = 0; i < verifier.n; i++) {
		if (!is_unreserved(verifier.p[i]))
			return false;
	}
	return verifier.n >= VERIFIER_BYTES_MIN && verifier.n <= VERIFIER_BYTES_MAX;
}

/* 32 bytes are 43 digits without padding: ten groups of three bytes and one of two. */
static void challenge_of(const struct digest *d, char out[CHALLENGE_BYTES])
{
	uint32_t bits = 0;
	int have = 0;
	size_t n = 0;

	for (size_t i = 0; i < DIGEST_BYTES; i++) {
		bits = bits << 8 | d->b[i];
		for (have += 8; have >= 6; have -= 6)
			out[n++] = base64url_digits[bits >> (have - 6) & 63];
	}
	out[n] = base64url_digits[bits << (6 - have) & 63];
}

bool pkce_s256_matches(str verifier, str challenge)
{
	char want[CHALLENGE_BYTES];
	struct digest d;

	if (!pkce_verifier_is_sane(verifier) || challenge.n != CHALLENGE_BYTES)
		return false;
	d = sha256(verifier);
	challenge_of(&d, want);
	return secret_equal((str){ want, sizeof(want) }, challenge);
}
