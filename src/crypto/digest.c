/* SPDX-License-Identifier: MIT
 *
 * SHA-256, HMAC-SHA-256 and comparison. A context is made once a thread: making and fetching cost
 * several times what hashing a token costs. */
#include "crypto/crypto_int.h"

#include <libdeflate.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

static struct {
	EVP_MD     *sha256;
	EVP_MAC    *hmac;
	EVP_CIPHER *aes_gcm;
} fetched;

static pthread_once_t init_once = PTHREAD_ONCE_INIT;
static pthread_key_t  thread_key;   /* only for its destructor */
static _Thread_local struct crypto_thread *mine;

_Noreturn void crypto_die(const char *what)
{
	fprintf(stderr, "bi18n: %s failed; refusing to go on without it\n", what);
	abort();
}

static void thread_free(void *p)
{
	struct crypto_thread *t = p;

	EVP_MD_CTX_free(t->digest);
	EVP_MAC_CTX_free(t->mac);
	EVP_CIPHER_CTX_free(t->cipher);
	free(t);
	mine = NULL;
}

static void init(void)
{
	if (sodium_init() < 0)
		crypto_die("libsodium");
	fetched.sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	fetched.hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	fetched.aes_gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	if (fetched.sha256 == NULL || fetched.hmac == NULL || fetched.aes_gcm == NULL)
		crypto_die("fetching SHA-256, HMAC or AES-256-GCM");
	if (pthread_key_create(&thread_key, thread_free) != 0)
		crypto_die("a thread key");
}

void crypto_init(void)
{
	pthread_once(&init_once, init);
	(void)crypto_thread();
}

static struct crypto_thread *thread_make(void)
{
	OSSL_PARAM digest[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char[]){ "SHA256" }, 0),
		OSSL_PARAM_construct_end(),
	};
	struct crypto_thread *t = calloc(1, sizeof(*t));

	pthread_once(&init_once, init);
	if (t == NULL)
		crypto_die("memory");
	t->digest = EVP_MD_CTX_new();
	t->mac = EVP_MAC_CTX_new(fetched.hmac);
	t->cipher = EVP_CIPHER_CTX_new();
	if (t->digest == NULL || t->mac == NULL || t->cipher == NULL ||
	    EVP_MAC_CTX_set_params(t->mac, digest) != 1 || pthread_setspecific(thread_key, t) != 0)
		crypto_die("a crypto context");
	return t;
}

struct crypto_thread *crypto_thread(void)
{
	if (mine == NULL)
		mine = thread_make();
	return mine;
}

EVP_CIPHER *crypto_aes_gcm(void)
{
	return fetched.aes_gcm;
}

struct digest sha256(str data)
{
	EVP_MD_CTX *c = crypto_thread()->digest;
	struct digest d;

	if (EVP_DigestInit_ex2(c, fetched.sha256, NULL) != 1 ||
	    EVP_DigestUpdate(c, data.p, data.n) != 1 || EVP_DigestFinal_ex(c, d.b, NULL) != 1)
		crypto_die("SHA-256");
	return d;
}

struct digest hmac_sha256(const uint8_t *key, size_t key_n, str data)
{
	EVP_MAC_CTX *c = crypto_thread()->mac;
	struct digest d;
	size_t n = 0;

	if (EVP_MAC_init(c, key, key_n, NULL) != 1 ||
	    EVP_MAC_update(c, (const unsigned char *)data.p, data.n) != 1 ||
	    EVP_MAC_final(c, d.b, &n, sizeof(d.b)) != 1 || n != sizeof(d.b))
		crypto_die("HMAC-SHA-256");
	return d;
}

void place_hash(const uint8_t key[PLACE_KEY_BYTES], str data, uint64_t out[2])
{
	_Static_assert(crypto_shorthash_siphashx24_KEYBYTES == PLACE_KEY_BYTES, "key");
	_Static_assert(crypto_shorthash_siphashx24_BYTES == 2 * sizeof(out[0]), "hash");

	crypto_shorthash_siphashx24((unsigned char *)out, (const unsigned char *)data.p, data.n, key);
}

bool digest_equal(const struct digest *a, const struct digest *b)
{
	return CRYPTO_memcmp(a->b, b->b, DIGEST_BYTES) == 0;
}

bool secret_equal(str a, str b)
{
	return a.n == b.n && (a.n == 0 || CRYPTO_memcmp(a.p, b.p, a.n) == 0);
}

str digest_hex(struct arena *a, const struct digest *d)
{
	return hex_encode(a, d->b, DIGEST_BYTES);
}

uint32_t crc32_of(str data)
{
	return data.n == 0 ? 0 : libdeflate_crc32(0, data.p, data.n);
}

void wipe(void *p, size_t n)
{
	if (n > 0)
		OPENSSL_cleanse(p, n);
}
