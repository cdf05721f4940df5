/* SPDX-License-Identifier: MIT
 *
 * Randomness, digests, PKCE, and sealing of what rests in a store or in Redis. Source: RFC 4648 section 5,
 * RFC 7636 section 4.2, NIST SP 800-38D (AES-256-GCM, random 96-bit nonces). */
#ifndef CLIENT_SEAL_H
#define CLIENT_SEAL_H

#include "client/pool.h"

enum { RANDOM_TEXT_MAX = 44, SEAL_KEYS_MAX = 16 };

struct seal_keys {
	struct bi18n_key v[SEAL_KEYS_MAX];
	size_t           n;
};

bool random_bytes(void *out, size_t n) MUST_CHECK;
bool random_text(char out[RANDOM_TEXT_MAX]) MUST_CHECK;         /* 32 bytes as base64url: state, verifier */
bool sha256_hex(str s, char out[BI18N_DIGEST_MAX]) MUST_CHECK;
bool pkce_challenge(const char *verifier, char out[RANDOM_TEXT_MAX]) MUST_CHECK;

/* "v1.<key id>.<base64url of nonce, ciphertext, tag>". `bound` is what the text belongs to (its row's key):
 * moved elsewhere it does not open. NULL: no memory, or OpenSSL failed. */
char *seal(struct pool *p, const struct seal_keys *keys, const char *plain, const char *bound);
/* NULL: unknown form, no such key, tampered with, or moved. *first_out: sealed with the first key. */
char *unseal(struct pool *p, const struct seal_keys *keys, const char *sealed, const char *bound, bool *first_out);

#endif
