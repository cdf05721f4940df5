/* SPDX-License-Identifier: MIT
 *
 * Password hashes: argon2id with OWASP's parameters (19 MiB, two passes). At most two run at
 * once, so that a flood of sign-ins cannot take all memory and all cores; the others wait. */
#include "crypto/crypto_int.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <sodium.h>
#include <string.h>

enum { PASSWORD_HASHES_AT_ONCE = 2, PASSWORD_PASSES = 2, PASSWORD_MEMORY_BYTES = 19 * 1024 * 1024 };

/* Of a random password that nobody knows; verifying against it costs the same as against a
 * real one. */
static const char NOBODY[] =
	"$argon2id$v=19$m=19456,t=2,p=1$4QtmoDuvPPUOf2SvecgU0g$oW8RzzM1N2UiTJmVxC4qvFktdzFIfnkI0wD21y2Cv3M";

static sem_t places;
static pthread_once_t places_once = PTHREAD_ONCE_INIT;

static void places_init(void)
{
	crypto_init();
	if (sem_init(&places, 0, PASSWORD_HASHES_AT_ONCE) != 0)
		crypto_die("a semaphore");
}

static void place_take(void)
{
	pthread_once(&places_once, places_init);
	while (sem_wait(&places) != 0) {
		if (errno != EINTR)
			crypto_die("a semaphore");
	}
}

static void place_give(void)
{
	sem_post(&places);
}

str password_hash(struct arena *a, str password)
{
	char text[crypto_pwhash_STRBYTES];
	int failed;

	place_take();
	failed = crypto_pwhash_str_alg(text, password.p, password.n, PASSWORD_PASSES,
				       PASSWORD_MEMORY_BYTES, crypto_pwhash_ALG_ARGON2ID13);
	place_give();
	if (failed)
		crypto_die("argon2id");
	return arena_str(a, str_from(text));
}

bool password_verify(str hash, str password)
{
	char text[crypto_pwhash_STRBYTES] = { 0 };
	bool known = hash.n > 0 && hash.n < sizeof(text);
	int failed;

	memcpy(text, known ? hash.p : NOBODY, known ? hash.n : sizeof(NOBODY));
	place_take();
	failed = crypto_pwhash_str_verify(text, password.p, password.n);
	place_give();
	wipe(text, sizeof(text));
	return known && failed == 0;
}
