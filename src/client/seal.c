/* SPDX-License-Identifier: MIT */
#include "client/seal.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

enum { NONCE_BYTES = 12, TAG_BYTES = 16, SEALED_BYTES_MAX = 8192, RANDOM_BYTES = 32, KEY_ID_MAX = 255 };

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static size_t base64url_size(size_t n)
{
	return (n * 4 + 2) / 3;
}

static void base64url_put(const uint8_t *in, size_t n, char *out)
{
	uint32_t bits = 0;
	int      have = 0;

	for (size_t i = 0; i < n; i++) {
		bits = bits << 8 | in[i];
		for (have += 8; have >= 6; have -= 6)
			*out++ = alphabet[bits >> (have - 6) & 63];
	}
	if (have > 0)
		*out++ = alphabet[bits << (6 - have) & 63];
	*out = '\0';
}

static bool base64url_get(str s, uint8_t *out, size_t *n_out)
{
	uint32_t bits = 0;
	int      have = 0;
	size_t   n = 0;

	for (size_t i = 0; i < s.n; i++) {
		const char *at = s.p[i] == '\0' ? NULL : strchr(alphabet, s.p[i]);

		if (at == NULL)
			return false;
		bits = bits << 6 | (uint32_t)(at - alphabet);
		have += 6;
		if (have >= 8) {
			have -= 8;
			out[n++] = (uint8_t)(bits >> have);
		}
	}
	*n_out = n;
	return have < 6 && (bits & ((1U << have) - 1)) == 0;
}

bool random_bytes(void *out, size_t n)
{
	return RAND_bytes(out, (int)n) == 1;
}

bool random_text(char out[RANDOM_TEXT_MAX])
{
	uint8_t bytes[RANDOM_BYTES];
	bool    ok = random_bytes(bytes, sizeof(bytes));

	if (ok)
		base64url_put(bytes, sizeof(bytes), out);
	bi18n_wipe(bytes, sizeof(bytes));
	return ok;
}

static bool sha256(str s, uint8_t out[SHA256_DIGEST_LENGTH])
{
	return EVP_Digest(s.p, s.n, out, NULL, EVP_sha256(), NULL) == 1;
}

bool sha256_hex(str s, char out[BI18N_DIGEST_MAX])
{
	static const char digits[] = "0123456789abcdef";
	uint8_t           digest[SHA256_DIGEST_LENGTH];

	if (!sha256(s, digest))
		return false;
	for (size_t i = 0; i < sizeof(digest); i++) {
		out[2 * i] = digits[digest[i] >> 4];
		out[2 * i + 1] = digits[digest[i] & 15];
	}
	out[2 * sizeof(digest)] = '\0';
	return true;
}

bool pkce_challenge(const char *verifier, char out[RANDOM_TEXT_MAX])
{
	uint8_t digest[SHA256_DIGEST_LENGTH];

	if (!sha256(str_from(verifier), digest))
		return false;
	base64url_put(digest, sizeof(digest), out);
	return true;
}

static bool encrypt(EVP_CIPHER_CTX *c, const struct bi18n_key *key, str plain, str bound, uint8_t *out)
{
	int n;

	return EVP_EncryptInit_ex(c, EVP_aes_256_gcm(), NULL, key->bytes, out) == 1 &&
	       EVP_EncryptUpdate(c, NULL, &n, (const uint8_t *)bound.p, (int)bound.n) == 1 &&
	       EVP_EncryptUpdate(c, out + NONCE_BYTES, &n, (const uint8_t *)plain.p, (int)plain.n) == 1 &&
	       EVP_EncryptFinal_ex(c, out + NONCE_BYTES + plain.n, &n) == 1 &&
	       EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, TAG_BYTES,
	                           out + NONCE_BYTES + plain.n) == 1;
}

char *seal(struct pool *p, const struct seal_keys *keys, const char *plain, const char *bound)
{
	str             text = str_from(plain);
	size_t          n = NONCE_BYTES + text.n + TAG_BYTES;
	uint8_t        *bytes = text.n > SEALED_BYTES_MAX ? NULL : pool_alloc(p, n);
	char           *coded = bytes == NULL ? NULL : pool_alloc(p, base64url_size(n) + 1);
	EVP_CIPHER_CTX *c;
	bool            ok;

	if (coded == NULL || !random_bytes(bytes, NONCE_BYTES))
		return NULL;
	c = EVP_CIPHER_CTX_new();
	if (c == NULL)
		return NULL;
	ok = encrypt(c, &keys->v[0], text, str_from(bound), bytes);
	EVP_CIPHER_CTX_free(c);
	if (!ok)
		return NULL;
	base64url_put(bytes, n, coded);
	return pool_printf(p, "v1.%u.%s", keys->v[0].id, coded);
}

static bool decrypt(EVP_CIPHER_CTX *c, const struct bi18n_key *key, uint8_t *in, size_t n, str bound, char *out)
{
	size_t plain_n = n - NONCE_BYTES - TAG_BYTES;
	int    got;

	return EVP_DecryptInit_ex(c, EVP_aes_256_gcm(), NULL, key->bytes, in) == 1 &&
	       EVP_DecryptUpdate(c, NULL, &got, (const uint8_t *)bound.p, (int)bound.n) == 1 &&
	       EVP_DecryptUpdate(c, (uint8_t *)out, &got, in + NONCE_BYTES, (int)plain_n) == 1 &&
	       EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, TAG_BYTES, in + NONCE_BYTES + plain_n) == 1 &&
	       EVP_DecryptFinal_ex(c, (uint8_t *)out + plain_n, &got) == 1;
}

static char *unseal_with(struct pool *p, const struct bi18n_key *key, str coded, const char *bound)
{
	uint8_t        *bytes = pool_alloc(p, coded.n + 1);
	char           *plain = pool_alloc(p, coded.n + 1);
	EVP_CIPHER_CTX *c;
	size_t          n;
	bool            ok;

	if (bytes == NULL || plain == NULL || !base64url_get(coded, bytes, &n) ||
	    n < NONCE_BYTES + TAG_BYTES)
		return NULL;
	c = EVP_CIPHER_CTX_new();
	if (c == NULL)
		return NULL;
	ok = decrypt(c, key, bytes, n, str_from(bound), plain);
	EVP_CIPHER_CTX_free(c);
	return ok ? plain : NULL;
}

char *unseal(struct pool *p, const struct seal_keys *keys, const char *sealed, const char *bound, bool *first_out)
{
	str     rest = str_from(sealed), version, id;
	int64_t number;

	if (rest.n > 2 * SEALED_BYTES_MAX || !str_cut(&rest, '.', &version) || !str_eq(version, S("v1")) ||
	    !str_cut(&rest, '.', &id) || !str_i64(id, 0, KEY_ID_MAX, &number))
		return NULL;
	for (size_t i = 0; i < keys->n; i++) {
		if (keys->v[i].id == number) {
			if (first_out != NULL)
				*first_out = i == 0;
			return unseal_with(p, &keys->v[i], rest, bound);
		}
	}
	return NULL;
}
