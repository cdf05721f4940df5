/* SPDX-License-Identifier: MIT
 *
 * Token text: prefix, base62 payload, 6 base62 digits of CRC-32 over all before it; at most 255
 * characters. Random kinds carry 30 base62 characters (178 bits); derivable kinds (rt_, bi_at_)
 * carry family, generation and MAC.
 * Sources: contract rules 77, 114, 130, 209-214; rulings R21, R22. This table is the one in
 * docs/tokens.md. */
#ifndef CRYPTO_TOKEN_H
#define CRYPTO_TOKEN_H

#include "crypto/crypto.h"

/*        kind             prefix      derivable */
#define TOKEN_TABLE(X) \
	X(CODE,            "bi_ac_",   0) \
	X(ACCESS,          "bi_at_",   1) \
	X(REFRESH,         "rt_",      1) \
	X(INSTALLATION,    "bi_oat_",  0) \
	X(PUBLIC_KEY,      "bi_pub_",  0) \
	X(SECRET_KEY,      "bi-",      0) \
	X(CLIENT_SECRET,   "bi_cs_",   0) \
	X(SESSION,         "bi_se_",   0) \
	X(REQUEST,         "bi_ar_",   0)

enum token_kind {
	TOKEN_UNKNOWN,
#define X(id, prefix, derivable) TOKEN_##id,
	TOKEN_TABLE(X)
#undef X
	TOKEN_KIND_COUNT
};

/* Prefix, alphabet, length and checksum all right -> its kind; else TOKEN_UNKNOWN. Touches no
 * storage. */
enum token_kind token_kind_of(str text);
str  token_random(struct arena *a, enum token_kind kind);

/* The next token in `text` at or after *at, which moves behind it: for whoever looks for leaks. Other
 * characters may stand right before and after; the checksum alone decides. */
bool token_find(str text, size_t *at, str *out, enum token_kind *kind_out) MUST_CHECK;

struct derived {                /* what a derivable token says about itself; trust it only after derived_verify */
	int64_t  family;            /* 1 .. 2^62-1 */
	uint32_t generation;
	uint32_t counter;           /* ACCESS: number within the family; REFRESH: 0 */
	uint32_t expires_s;         /* ACCESS: Unix seconds; REFRESH: 0             */
	uint8_t  mac[20];
};
/* MAC = HMAC-SHA-256(family secret, epoch | kind | all of the above) cut to 20 bytes. */
str  derived_token(struct arena *a, enum token_kind kind, const uint8_t secret[KEY_BYTES], int64_t epoch,
                   int64_t family, uint32_t generation, uint32_t counter, uint32_t expires_s);
bool derived_parse(str text, enum token_kind kind, struct derived *out) MUST_CHECK;
bool derived_verify(const struct derived *d, enum token_kind kind, const uint8_t secret[KEY_BYTES], int64_t epoch);

#endif
