/* SPDX-License-Identifier: MIT */
#include "oauth/mints.h"

#include "crypto/crypto.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS = 2048, PENDING_SLOTS = 4096, TOKEN_BYTES_MAX = 64 };

struct slot {
	struct digest key;
	int64_t minted_ms, expires_ms;       /* minted_ms 0: empty */
	uint8_t token_n;
	char    token[TOKEN_BYTES_MAX];
};

struct mints {
	pthread_mutex_t mutex;
	struct slot     slots[SLOTS];
	/* By hash: grants that share a slot see each other's, so the number may be too high. It
	 * only decides whether the exact one is asked for. */
	_Atomic int32_t pending[PENDING_SLOTS];
};

struct mints *mints_create(void)
{
	struct mints *m = heap_alloc(sizeof(*m));

	pthread_mutex_init(&m->mutex, NULL);
	return m;
}

void mints_destroy(struct mints *m)
{
	if (m == NULL)
		return;
	wipe(m->slots, sizeof(m->slots));
	pthread_mutex_destroy(&m->mutex);
	free(m);
}

static struct digest digest_of(const struct mint_key *k)
{
	const int64_t numbers[] = { k->grant_id, k->grant_version, k->family_id, k->scopes,
		                    k->ttl_s };
	struct digest parts[2] = { sha256((str){ (const char *)numbers, sizeof(numbers) }),
		                   sha256(k->projects) };

	return sha256((str){ (const char *)parts, sizeof(parts) });
}

static struct slot *slot_of(struct mints *m, const struct digest *key)
{
	size_t i;

	memcpy(&i, key->b, sizeof(i));
	return &m->slots[i % SLOTS];
}

static void slot_expire(struct slot *s, int64_t now_ms, int64_t keep_ms)
{
	if (s->minted_ms != 0 && now_ms - s->minted_ms > keep_ms)
		wipe(s, sizeof(*s));
}

void mints_sweep(struct mints *m, int64_t now_ms, int64_t keep_ms)
{
	if (m == NULL)
		return;
	pthread_mutex_lock(&m->mutex);
	for (size_t i = 0; i < SLOTS; i++)
		slot_expire(&m->slots[i], now_ms, keep_ms);
	pthread_mutex_unlock(&m->mutex);
}

bool mints_find(struct mints *m, struct arena *a, const struct mint_key *key, int64_t now_ms,
                int64_t keep_ms, str *token_out, int64_t *expires_ms_out)
{
	struct digest d;
	struct slot *s;
	bool found;

	if (m == NULL || keep_ms <= 0)
		return false;
	d = digest_of(key);
	pthread_mutex_lock(&m->mutex);
	s = slot_of(m, &d);
	slot_expire(s, now_ms, keep_ms);
	found = s->minted_ms != 0 && digest_equal(&s->key, &d) && s->expires_ms > now_ms;
	if (found) {
		*token_out = arena_str(a, (str){ s->token, s->token_n });
		*expires_ms_out = s->expires_ms;
	}
	pthread_mutex_unlock(&m->mutex);
	return found;
}

void mints_put(struct mints *m, const struct mint_key *key, str token, int64_t now_ms,
               int64_t expires_ms)
{
	struct digest d;
	struct slot *s;

	if (m == NULL || token.n > TOKEN_BYTES_MAX)
		return;
	d = digest_of(key);
	pthread_mutex_lock(&m->mutex);
	s = slot_of(m, &d);
	wipe(s, sizeof(*s));
	s->key = d;
	s->minted_ms = now_ms;
	s->expires_ms = expires_ms;
	s->token_n = (uint8_t)token.n;
	memcpy(s->token, token.p, token.n);
	pthread_mutex_unlock(&m->mutex);
}

void mints_forget(struct mints *m, str token)
{
	if (m == NULL)
		return;
	pthread_mutex_lock(&m->mutex);
	for (size_t i = 0; i < SLOTS; i++) {
		struct slot *s = &m->slots[i];

		if (s->minted_ms != 0 && secret_equal((str){ s->token, s->token_n }, token))
			wipe(s, sizeof(*s));
	}
	pthread_mutex_unlock(&m->mutex);
}

static _Atomic int32_t *pending_of(struct mints *m, int64_t grant_id)
{
	return &m->pending[(uint64_t)grant_id * UINT64_C(0x9e3779b97f4a7c15) >> 52];
}
_Static_assert(PENDING_SLOTS == 1 << (64 - 52), "the hash above has this many values");

int64_t mints_pending(struct mints *m, int64_t grant_id)
{
	return m == NULL ? 0 : atomic_load(pending_of(m, grant_id));
}

void mints_pending_add(struct mints *m, int64_t grant_id, int more)
{
	if (m != NULL)
		atomic_fetch_add(pending_of(m, grant_id), more);
}
