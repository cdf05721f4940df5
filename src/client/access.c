/* SPDX-License-Identifier: MIT
 *
 * Access tokens: kept from the answer that brought them to the mint that uses them up. They live thirty
 * minutes and installation tokens sixty, so that keeping one longer would serve nobody. */
#include "client/client_int.h"

void access_put(struct bi18n *client, struct entry *entry, const char *token, const char *digest, int64_t until_ms)
{
	struct access *access = token == NULL ? NULL : plain_alloc(&client->alloc, sizeof(*access)), *old;

	if (access != NULL) {
		access->until_ms = until_ms;
		snprintf(access->token, sizeof(access->token), "%s", token);
		snprintf(access->digest, sizeof(access->digest), "%s", digest);
	}
	pthread_mutex_lock(&entry->lock);
	old = entry->access;
	entry->access = access;
	pthread_mutex_unlock(&entry->lock);
	plain_free(&client->alloc, old, sizeof(*old));
}

bool access_get(struct work *w, struct entry *entry, const char *digest, char out[BI18N_TOKEN_MAX])
{
	bool good;

	pthread_mutex_lock(&entry->lock);
	good = entry->access != NULL && strcmp(entry->access->digest, digest) == 0 &&
	       steady_now(w->client) < entry->access->until_ms;
	if (good)
		memcpy(out, entry->access->token, BI18N_TOKEN_MAX);
	pthread_mutex_unlock(&entry->lock);
	return good;
}
