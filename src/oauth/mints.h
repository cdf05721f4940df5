/* SPDX-License-Identifier: MIT
 *
 * Installation tokens minted within the last seconds, in plain text, so that identical requests get
 * the same token; and how many are on their way to the store. Process memory only, wiped when their
 * time is over. Any thread. Source: ruling R24. */
#ifndef OAUTH_MINTS_H
#define OAUTH_MINTS_H

#include "access/act.h"

struct mints;
struct mints *mints_create(void);
void mints_destroy(struct mints *m);                 /* wipes; NULL is fine */
/* Wipes what is older than keep_ms. A timer calls it every few seconds. */
void mints_sweep(struct mints *m, int64_t now_ms, int64_t keep_ms);

/* Two requests are identical when all of this is. */
struct mint_key { int64_t grant_id, grant_version, family_id, scopes, ttl_s; str projects; };

/* A token for the same request, at most keep_ms old; copied into `a`. */
bool mints_find(struct mints *m, struct arena *a, const struct mint_key *key, int64_t now_ms,
                int64_t keep_ms, str *token_out, int64_t *expires_ms_out) MUST_CHECK;
/* After the commit. */
void mints_put(struct mints *m, const struct mint_key *key, str token, int64_t now_ms,
               int64_t expires_ms);

/* It was revoked: nobody gets it again. */
void mints_forget(struct mints *m, str token);

/* Tokens of a grant that are minted and not yet committed; never too low. */
int64_t mints_pending(struct mints *m, int64_t grant_id);
void mints_pending_add(struct mints *m, int64_t grant_id, int more);

#endif
