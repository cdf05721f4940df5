/* SPDX-License-Identifier: MIT
 *
 * AES-256-GCM with a random 96-bit nonce. One server key seals far fewer than 2^32 values (NIST
 * SP 800-38D 8.3). */
#include "crypto/crypto_int.h"

#include <assert.h>
#include <limits.h>

enum {
	SEAL_VERSION = 1,
	NONCE_BYTES = 12,
	TAG_BYTES = 16,
	SEAL_OVERHEAD = 1 + NONCE_BYTES + TAG_BYTES
};

static bool add_context(EVP_CIPHER_CTX *c, str context,
			int (*update)(EVP_CIPHER_CTX *, unsigned char *, int *,
				      const unsigned char *, int))
{
	int n;

	return context.n == 0 ||
	       update(c, NULL, &n, (const unsigned char *)context.p, (int)context.n) == 1;
}

str seal(struct arena *a, const uint8_t key[KEY_BYTES], str context, str plain)
{
	EVP_CIPHER_CTX *c = crypto_thread()->cipher;
	uint8_t *out = arena_alloc(a, plain.n + SEAL_OVERHEAD);
	uint8_t *nonce = out + 1, *body = nonce + NONCE_BYTES, *tag = body + plain.n;
	int n = 0;

	assert(plain.n <= INT_MAX - SEAL_OVERHEAD && context.n <= INT_MAX);
	out[0] = SEAL_VERSION;
	random_bytes(nonce, NONCE_BYTES);
	if (EVP_EncryptInit_ex2(c, crypto_aes_gcm(), key, nonce, NULL) != 1 ||
	    !add_context(c, context, EVP_EncryptUpdate) ||
	    (plain.n > 0 &&
	     EVP_EncryptUpdate(c, body, &n, (const unsigned char *)plain.p, (int)plain.n) != 1) ||
	    EVP_EncryptFinal_ex(c, tag, &n) != 1 ||
	    EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, tag) != 1)
		crypto_die("AES-256-GCM");
	EVP_CIPHER_CTX_reset(c);   /* wipes the key schedule */
	return (str){ (char *)out, plain.n + SEAL_OVERHEAD };
}

bool unseal(struct arena *a, const uint8_t key[KEY_BYTES], str context, str sealed, str *out)
{
	EVP_CIPHER_CTX *c = crypto_thread()->cipher;
	const uint8_t *in = (const uint8_t *)sealed.p, *nonce = in + 1, *body = nonce + NONCE_BYTES;
	uint8_t tag[TAG_BYTES], *plain;
	size_t plain_n;
	int n = 0;
	bool ok;

	if (sealed.n < SEAL_OVERHEAD || sealed.n > INT_MAX || context.n > INT_MAX ||
	    in[0] != SEAL_VERSION)
		return false;
	plain_n = sealed.n - SEAL_OVERHEAD;
	plain = arena_alloc(a, plain_n + 1);
	for (size_t i = 0; i < TAG_BYTES; i++)
		tag[i] = body[plain_n + i];
	if (EVP_DecryptInit_ex2(c, crypto_aes_gcm(), key, nonce, NULL) != 1)
		crypto_die("AES-256-GCM");
	ok = add_context(c, context, EVP_DecryptUpdate) &&
	     (plain_n == 0 || EVP_DecryptUpdate(c, plain, &n, body, (int)plain_n) == 1) &&
	     EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES, tag) == 1 &&
	     EVP_DecryptFinal_ex(c, plain + plain_n, &n) == 1;
	EVP_CIPHER_CTX_reset(c);
	if (!ok) {
		wipe(plain,
		     plain_n); /* text that was not authenticated must not be used by mistake */
		return false;
	}
	*out = (str){ (char *)plain, plain_n };
	return true;
}
