/* SPDX-License-Identifier: MIT
 *
 * Digests, MACs, sealing, passwords, randomness, constant-time comparison. OpenSSL 3 EVP
 * (algorithms fetched once), libsodium for argon2id. Any thread. Failure of the random source or
 * of a fetched algorithm ends the process. */
#ifndef CRYPTO_CRYPTO_H
#define CRYPTO_CRYPTO_H

#include "base/arena.h"
#include "base/err.h"

enum { DIGEST_BYTES = 32, KEY_BYTES = 32 };
struct digest { uint8_t b[DIGEST_BYTES]; };

void crypto_init(void);                                      /* once, in main, before threads */
void random_bytes(void *out, size_t n);                      /* getrandom(2)                  */
int64_t random_id(void);                                     /* 1 .. 2^62-1                   */
struct digest sha256(str data);
struct digest hmac_sha256(const uint8_t *key, size_t key_n, str data);
/* SipHash-2-4, 128 bits: where something lies in a table that outsiders fill. Not for secrets. */
enum { PLACE_KEY_BYTES = 16 };
void place_hash(const uint8_t key[PLACE_KEY_BYTES], str data, uint64_t out[2]);
bool digest_equal(const struct digest *a, const struct digest *b);       /* constant time */
bool secret_equal(str a, str b);                             /* constant time in the bytes; length may show */
str  digest_hex(struct arena *a, const struct digest *d);
uint32_t crc32_of(str data);                                 /* IEEE, as in zlib */
void wipe(void *p, size_t n);

/* AES-256-GCM: version byte, 12-byte nonce, ciphertext, 16-byte tag. `context` is
 * authenticated, not stored. */
str  seal(struct arena *a, const uint8_t key[KEY_BYTES], str context, str plain);
bool unseal(struct arena *a, const uint8_t key[KEY_BYTES], str context, str sealed, str *out) MUST_CHECK;

/* argon2id, 19 MiB, t = 2 (OWASP). Slow lane only (about 20 ms); at most two run at once,
 * others wait for a place. */
str  password_hash(struct arena *a, str password);
bool password_verify(str hash, str password);                /* hash absent: spends the same time, false */

/* The server key: 32 bytes, base64url text in an owner-only file. */
/* ERR_FORBIDDEN for a file that group or others may use; ERR_NOT_FOUND; ERR_INVALID_REQUEST: damaged. */
bool server_key_load(const char *path, uint8_t key[KEY_BYTES], struct err *e) MUST_CHECK;
/* Never overwrites (ERR_CONFLICT); syncs file and directory. */
bool server_key_create(const char *path, uint8_t key[KEY_BYTES], struct err *e) MUST_CHECK;
/* The key in `next` takes the place of that in `path`, which stays as `old`. Each step leaves a whole
 * key under `path`; to be called again after a crash between them. */
bool server_key_replace(const char *path, const char *next, const char *old, struct err *e) MUST_CHECK;
str  server_key_fingerprint(struct arena *a, const uint8_t key[KEY_BYTES]);

str  uuid_v4(struct arena *a);
str  public_id(struct arena *a, str prefix);                 /* prefix + 20 base62: "org_", "grt_", "usr_" … (119 bits) */

#endif
