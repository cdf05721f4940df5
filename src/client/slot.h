/* SPDX-License-Identifier: MIT
 *
 * A token that many threads read without a lock while one writes it (a sequence lock). All accesses are
 * atomic, so that the reader's race is one that C allows. */
#ifndef CLIENT_SLOT_H
#define CLIENT_SLOT_H

#include <stdatomic.h>

#include "client/api.h"

enum { SLOT_WORDS = BI18N_TOKEN_MAX / 8 };

struct slot {
	atomic_uint_fast64_t sequence;              /* odd: being written                 */
	atomic_int_fast64_t  renew_ms, expires_ms;  /* steady time; 0: no token           */
	atomic_uint_fast64_t words[SLOT_WORDS];
};

/* Writers exclude each other by the entry's lock. token "" empties and wipes. */
void slot_write(struct slot *slot, const char *token, int64_t renew_ms, int64_t expires_ms);

enum slot_use { SLOT_FRESH, SLOT_GOOD };
/* FRESH: only before renew_ms; GOOD: while it has not expired. false: no such token. */
bool slot_read(const struct slot *slot, enum slot_use use, int64_t now_ms, char token[BI18N_TOKEN_MAX],
               int64_t *expires_in_ms);

#endif
