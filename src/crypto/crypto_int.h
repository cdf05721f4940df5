/* SPDX-License-Identifier: MIT
 *
 * What the files of this folder share: contexts that a thread makes once. */
#ifndef CRYPTO_CRYPTO_INT_H
#define CRYPTO_CRYPTO_INT_H

#include "base/text.h"
#include "crypto/crypto.h"

#include <openssl/evp.h>

struct crypto_thread {
	EVP_MD_CTX     *digest;
	EVP_MAC_CTX    *mac;
	EVP_CIPHER_CTX *cipher;
};

struct crypto_thread *crypto_thread(void);   /* this thread's; made on first use, released at its end */
EVP_CIPHER *crypto_aes_gcm(void);
_Noreturn void crypto_die(const char *what);

#endif
