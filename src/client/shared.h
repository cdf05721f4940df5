/* SPDX-License-Identifier: MIT
 *
 * Installation tokens shared among processes, sealed, for as long as they live: Redis, or a test's own. It is
 * a cache: where it fails the token is minted. Not a store: nothing here may end in a file. */
#ifndef CLIENT_SHARED_H
#define CLIENT_SHARED_H

#include "client/api.h"

enum { SHARED_KEY_MAX = 320, SHARED_VALUE_MAX = 1024, SHARED_LEASE_MS = 3000 };

struct shared {
	void *context;
	/* false: not there, or no connection. *life_ms: what is left of it. */
	bool (*get)(void *context, const char *key, char value[SHARED_VALUE_MAX], int64_t *life_ms);
	void (*set)(void *context, const char *key, const char *value, int64_t life_ms);
	/* Removes it if it still is `value`. */
	void (*drop)(void *context, const char *key, const char *value);
	/* Takes the right to mint, for SHARED_LEASE_MS unless it is renewed: a holder that dies costs the others no
	 * longer. false: another has it. true where the cache cannot be reached, because then every process mints
	 * for itself. */
	bool (*lock)(void *context, const char *key, const char *holder);
	/* For as long again; also if it ran out and nobody took it. false: another has it by now. */
	bool (*renew)(void *context, const char *key, const char *holder);
	void (*unlock)(void *context, const char *key, const char *holder);
	void (*close)(void *context);
};

/* OK, EINVAL (the URL), ENOMEM, EUNSUPPORTED. Connects when it is first used. */
enum bi18n_code redis_open(const char *url, const struct bi18n_allocator *alloc, struct shared *out);

#endif
