/* SPDX-License-Identifier: MIT
 *
 * Installation tokens in memory: one renewal in flight per connection, however many threads ask. While the
 * old token is good the others go on with it. */
#include "client/client_int.h"

enum {
	WAIT_SLICE_MS = 100,
	WAIT_SLICE_CANCEL_MS = 20,              /* so long a cancelled call goes on at most */
	NS_PER_MS = 1000000,
	PAUSE_AFTER_FAILURE_MS = 1 * SECOND_MS,
	DOUBT_AFTER_MS = 30 * SECOND_MS,        /* a 401 leads to a mint this often at most */
	GOOD_FOR_MS = 2 * SECOND_MS             /* an old token is used only while it lasts a request */
};

static void wait_slice(const struct work *w, struct entry *entry)
{
	long            slice_ms = w->cancel == NULL ? WAIT_SLICE_MS : WAIT_SLICE_CANCEL_MS;
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_nsec += slice_ms * NS_PER_MS;
	t.tv_sec += t.tv_nsec / (1000L * NS_PER_MS);
	t.tv_nsec %= 1000L * NS_PER_MS;
	pthread_cond_timedwait(&entry->landed, &entry->lock, &t);
}

/* Failures that are this call's own, which others need not share. */
static bool own_failure(const struct work *w)
{
	return w->fault.code == BI18N_ECANCELED || w->fault.code == BI18N_ENOMEM;
}

/* Failures after which a token that still is good may be used. */
static bool passing_failure(enum bi18n_code code)
{
	return code == BI18N_TRY_LATER || code == BI18N_RATE_LIMITED || code == BI18N_ESTORE ||
	       code == BI18N_ECANCELED || code == BI18N_ENOMEM || code == BI18N_EPROTOCOL;
}

/* Under the lock: the last flight's failure as this call's. */
static bool failure_share(struct work *w, const struct entry *entry)
{
	int64_t left_ms = entry->pause_until_ms - steady_now(w->client);

	fault_put(w, entry->failed_code, "renewing the token failed a moment ago");
	w->fault.http_status = entry->failed_status;
	w->fault.retry_after_ms = left_ms > 0 ? left_ms : 0;
	memcpy(w->fault.required, entry->failed_scope, sizeof(w->fault.required));
	return false;
}

/* Under the lock: what the flight left for those who wait, and for how long nobody starts another. A revoked
 * connection needs no pause: the row says so without a request. */
static void flight_land(struct work *w, struct entry *entry, bool ok)
{
	int64_t pause_ms = w->fault.retry_after_ms > 0 ? w->fault.retry_after_ms : PAUSE_AFTER_FAILURE_MS;

	entry->flying = false;
	entry->flights++;
	entry->failed_code = ok || own_failure(w) ? BI18N_OK : w->fault.code;
	entry->failed_status = w->fault.http_status;
	memcpy(entry->failed_scope, w->fault.required, sizeof(entry->failed_scope));
	entry->pause_until_ms = 0;
	if (entry->failed_code != BI18N_OK && entry->failed_code != BI18N_RECONNECT_REQUIRED &&
	    entry->failed_code != BI18N_NOT_CONNECTED)
		entry->pause_until_ms = steady_now(w->client) + pause_ms;
	pthread_cond_broadcast(&entry->landed);
}

/* Under the lock, which it lets go meanwhile. */
static bool flight(struct work *w, struct entry *entry)
{
	char rejected[BI18N_TOKEN_MAX] = "";
	bool ok;

	entry->flying = true;
	if (entry->doubted)
		slot_read(&entry->slot, SLOT_GOOD, INT64_MIN, rejected, NULL);
	pthread_mutex_unlock(&entry->lock);
	ok = token_renew(w, entry, rejected);
	pthread_mutex_lock(&entry->lock);
	flight_land(w, entry, ok);
	return ok;
}

static bool old_token(struct work *w, struct entry *entry, char token[BI18N_TOKEN_MAX], int64_t *expires_in_ms)
{
	return !entry->doubted &&
	       slot_read(&entry->slot, SLOT_GOOD, steady_now(w->client) + GOOD_FOR_MS, token, expires_in_ms);
}

/* Under the lock: until the flight lands. false: it failed, or this call is over. */
static bool flight_wait(struct work *w, struct entry *entry)
{
	uint64_t flights = entry->flights;

	while (entry->flights == flights) {
		wait_slice(w, entry);
		if (!work_alive(w))
			return false;
	}
	return entry->failed_code == BI18N_OK || failure_share(w, entry);
}

static bool take_locked(struct work *w, struct entry *entry, char token[BI18N_TOKEN_MAX], int64_t *expires_in_ms)
{
	for (;;) {
		int64_t now_ms = steady_now(w->client);

		if (!entry->doubted && slot_read(&entry->slot, SLOT_FRESH, now_ms, token, expires_in_ms))
			return true;
		if ((entry->flying || now_ms < entry->pause_until_ms) && old_token(w, entry, token, expires_in_ms))
			return true;
		if (entry->flying) {
			if (!flight_wait(w, entry))
				return false;
			continue;
		}
		if (now_ms < entry->pause_until_ms)
			return failure_share(w, entry);
		if (!flight(w, entry)) {
			if (!passing_failure(w->fault.code) || !old_token(w, entry, token, expires_in_ms))
				return false;
			fault_clear(w);
			return true;
		}
	}
}

bool token_take(struct work *w, struct entry *entry, char token[BI18N_TOKEN_MAX], int64_t *expires_in_ms)
{
	bool ok;

	if (slot_read(&entry->slot, SLOT_FRESH, steady_now(w->client), token, expires_in_ms)) {
		atomic_fetch_add_explicit(&w->client->counters.token_hits, 1, memory_order_relaxed);
		return true;
	}
	pthread_mutex_lock(&entry->lock);
	ok = take_locked(w, entry, token, expires_in_ms);
	pthread_mutex_unlock(&entry->lock);
	return ok;
}

/* The connection was made anew under another grant: then a new token does help (ruling R3). */
static bool grant_changed(struct work *w, struct entry *entry)
{
	struct grant now;
	char         grant_id[BI18N_ID_MAX];

	pthread_mutex_lock(&entry->lock);
	memcpy(grant_id, entry->grant_id, sizeof(grant_id));
	pthread_mutex_unlock(&entry->lock);
	return grant_find(w, entry->owner, entry->organization, false, &now) && strcmp(now.grant_id, grant_id) != 0;
}

bool token_doubt(struct work *w, struct entry *entry, const char *token)
{
	char    current[BI18N_TOKEN_MAX];
	int64_t now_ms = steady_now(w->client);
	bool    changed = grant_changed(w, entry);
	bool    helps = true;

	fault_clear(w);
	pthread_mutex_lock(&entry->lock);
	/* Another thread's renewal may have replaced it already: then there is nothing to doubt. */
	if (slot_read(&entry->slot, SLOT_GOOD, INT64_MIN, current, NULL) && strcmp(current, token) == 0) {
		helps = changed || now_ms - entry->doubted_ms >= DOUBT_AFTER_MS || entry->doubted;
		if (helps) {
			/* Not fresh any more, but still legible, so that a shared copy can be told from a new one. */
			slot_write(&entry->slot, token, INT64_MIN, now_ms);
			entry->doubted = true;
			entry->doubted_ms = now_ms;
		}
	}
	pthread_mutex_unlock(&entry->lock);
	bi18n_wipe(current, sizeof(current));
	return helps;
}

enum bi18n_code bi18n_token_rejected(struct bi18n *client, const char *owner_id, const char *organization,
                                     const char *token, struct bi18n_error *error)
{
	struct entry *entry = NULL;
	struct work   w;

	work_begin(&w, client, NULL, error);
	if (token == NULL)
		fault_put(&w, BI18N_EINVAL, "token: required");
	else if (entry_find(&w, owner_id, organization, &entry) && !token_doubt(&w, entry, token)) {
		fault_put(&w, BI18N_TRY_LATER, "a token was minted for this reason a moment ago");
		w.fault.retry_after_ms = DOUBT_AFTER_MS;
	}
	return work_end(&w);
}

static void error_clear(struct bi18n_error *error)
{
	if (error == NULL)
		return;
	error->code = BI18N_OK;
	error->http_status = 0;
	error->retry_after_ms = 0;
	error->required_scope[0] = error->message[0] = error->authorize_url[0] = '\0';
}

enum bi18n_code bi18n_installation_token(struct bi18n *client, const char *owner_id, const char *organization,
                                         const struct bi18n_call *call, char token[BI18N_TOKEN_MAX],
                                         int64_t *expires_in_ms, struct bi18n_error *error)
{
	struct entry *entry = NULL;
	struct work   w;

	if (owner_id != NULL && organization != NULL) {
		entry = table_find(client, owner_id, organization);
		if (entry != NULL && slot_read(&entry->slot, SLOT_FRESH, steady_now(client), token, expires_in_ms)) {
			error_clear(error);
			return BI18N_OK;
		}
	}
	work_begin(&w, client, call, error);
	if (entry != NULL || entry_find(&w, owner_id, organization, &entry))
		token_take(&w, entry, token, expires_in_ms);
	return work_end_with(&w, entry);
}
