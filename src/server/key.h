/* SPDX-License-Identifier: MIT
 *
 * The server key of a store: taken at start, and changed (ruling R22).
 *
 * A change writes the new key beside the old one (<file>.next), seals every row anew and notes the new
 * fingerprint in one transaction, and then puts the new file in the place of the old one. Whichever
 * step a crash comes after, the store's fingerprint says which of the two files is its key, and the
 * next process that opens the store finishes what is left. */
#ifndef SERVER_KEY_H
#define SERVER_KEY_H

#include "server/runtime.h"

/* Into rt->settings; also the epoch. A new store gets a new key; an old one never does: without its own
 * key every connection would be lost silently. ERR_PRECONDITION_FAILED: it is missing or another's. */
bool key_take(struct runtime *rt, struct err *e) MUST_CHECK;

#endif
