/* SPDX-License-Identifier: MIT
 *
 * How an installation token comes: the row of the store, an access token (refreshing for it), a mint. One
 * thread per connection is here at a time (token.c), other processes may be as well. */
#include "client/client_int.h"

enum {
	ROUNDS_MAX = 4,              /* how often the row may change under us           */
	GONE_LOOKS_MAX = 4,          /* how often to look whether another process won   */
	GONE_LOOK_MS = 300,
	SHARED_LOOK_MS = 50,
	TOKEN_LIFE_S_MAX = 24 * 60 * 60
};

static enum step failed_nomem(struct work *w)
{
	fault_put(w, BI18N_ENOMEM, "out of memory");
	return STEP_FAILED;
}

/* Disconnected? Looks at the row first, several times if refreshes may race: a process that refreshes at this
 * moment has the successor in its hands, and stores it before it goes on. */
enum step grant_gone(struct work *w, struct entry *entry, const struct grant *grant, bool racing)
{
	struct grant now;
	bool         gone = false;

	for (int look = 0; look < (racing ? GONE_LOOKS_MAX : 1); look++) {
		if (look > 0 && !work_sleep(w, GONE_LOOK_MS / 2 + jitter(GONE_LOOK_MS / 2)))
			return STEP_FAILED;
		if (!grant_find(w, entry->owner, entry->organization, true, &now))
			return STEP_FAILED;
		if (strcmp(now.digest, grant->digest) != 0 || strcmp(now.grant_id, grant->grant_id) != 0)
			return STEP_AGAIN;
		if (now.disconnected_ms != 0)
			break;
	}
	if (now.disconnected_ms == 0 && !grant_disconnect(w, &now, &gone))
		return STEP_FAILED;
	if (now.disconnected_ms == 0 && !gone)
		return STEP_AGAIN;
	fault_put(w, BI18N_RECONNECT_REQUIRED, "grant %s was revoked", grant->grant_id);
	return STEP_FAILED;
}

/* What a refresh brought goes to the store first; only then may the access token be used. */
static enum step refresh_store(struct work *w, struct grant *grant, struct token_answer *answer)
{
	struct grant     *next = &answer->grants[0], now;
	char              digest[BI18N_DIGEST_MAX];
	enum bi18n_stored stored;

	next->disconnected_ms = 0;
	if (!grant_swap(w, grant, next, &stored))
		return STEP_FAILED;
	if (stored == BI18N_STORED) {
		*grant = *next;
		return STEP_DONE;
	}
	/* Another process was here. The same successor is as good as ours; anything else is newer. */
	if (!grant_find(w, grant->owner, grant->organization, true, &now))
		return STEP_FAILED;
	if (!sha256_hex(str_from(next->refresh), digest))
		return failed_nomem(w);
	if (strcmp(now.digest, digest) != 0 || strcmp(now.grant_id, next->grant_id) != 0 || now.disconnected_ms != 0)
		return STEP_AGAIN;
	*grant = now;
	return STEP_DONE;
}

enum step access_for(struct work *w, struct entry *entry, struct grant *grant, char out[BI18N_TOKEN_MAX])
{
	struct token_answer answer;
	enum step           step;

	if (access_get(w, entry, grant->digest, out))
		return STEP_DONE;
	if (grant->refresh[0] == '\0') {
		fault_put(w, BI18N_RECONNECT_REQUIRED, "the connection has no refresh token left");
		return STEP_FAILED;
	}
	if (!token_refresh(w, grant, &answer))
		return STEP_FAILED;
	if (answer.error[0] != '\0')
		return grant_gone(w, entry, grant, true);
	atomic_fetch_add_explicit(&w->client->counters.refreshes, 1, memory_order_relaxed);
	step = refresh_store(w, grant, &answer);
	if (step != STEP_DONE)
		return step;
	access_put(w->client, entry, answer.access, grant->digest, answer.access_until_ms);
	snprintf(out, BI18N_TOKEN_MAX, "%s", answer.access);
	return STEP_DONE;
}

bool mint_send(struct work *w, const struct grant *grant, const char *access, struct transport_answer *answer)
{
	struct transport_request request = {
		.method = "POST", .repeatable = true, .answer_bytes_max = ANSWER_OAUTH_BYTES_MAX,
		.headers = { pool_printf(&w->pool, "Authorization: Bearer %s", access), "Accept: application/json" },
		.headers_n = 2,
	};
	struct text url;

	text_init(&url, &w->pool, BI18N_URL_MAX);
	text_addz(&url, w->client->base_url);
	text_addz(&url, "/api/oauth-client/installations/");
	text_percent(&url, grant->grant_id);
	text_addz(&url, "/tokens");
	request.url = text_cstr(&url);
	if (request.url == NULL || request.headers[0] == NULL)
		return fault_nomem(w);
	return exchange(w, &request, answer);
}

/* Other scopes, projects or another grant than the row says: the row follows. A conflict means that another
 * process wrote it at this moment, from an answer as new as ours. */
static bool row_follow(struct work *w, struct grant *grant, struct grant *next)
{
	enum bi18n_stored stored;

	if (strcmp(grant->grant_id, next->grant_id) == 0 && strcmp(grant->scopes, next->scopes) == 0 &&
	    strcmp(grant->projects, next->projects) == 0 && grant->all_projects == next->all_projects)
		return true;
	if (!grant_swap(w, grant, next, &stored))
		return false;
	*grant = *next;
	return true;
}

/* What a mint says about its grant, on top of the row. */
static bool mint_grant(struct work *w, const struct jvalue *v, const struct grant *grant, struct grant *next)
{
	const struct jvalue *scopes = json_member(v, "scopes"), *projects = json_member(v, "project_ids");
	const char          *access = json_text(v, "project_access");

	*next = *grant;
	next->grant_id = json_text_or(v, "grant_id", grant->grant_id);
	next->organization = json_text_or(v, "organization_id", grant->organization);
	next->slug = json_text_or(v, "organization_slug", grant->slug);
	if (scopes != NULL)
		next->scopes = list_from_json(&w->pool, scopes);
	if (projects != NULL) {
		next->projects = list_from_json(&w->pool, projects);
		next->all_projects = next->projects != NULL && next->projects[0] == '\0' &&
		                     (access == NULL || strcmp(access, "selected") != 0);
	}
	return next->scopes != NULL && next->projects != NULL && id_is_sane(next->grant_id) &&
	       id_is_sane(next->organization) && !organization_is_provisional(next->organization) &&
	       (next->slug[0] == '\0' || id_is_sane(next->slug)) &&
	       (organization_is_provisional(grant->organization) ||
	        strcmp(next->organization, grant->organization) == 0);
}

bool mint_read(struct work *w, const struct transport_answer *answer, const struct grant *grant, struct minted *out,
               struct grant *next)
{
	const struct jvalue *v = json_read(&w->pool, answer->body);
	int64_t              life_s;

	out->token = json_text_or(v, "installation_token", "");
	if (!token_is_sane(out->token) || !json_number(v, "expires_in", 1, TOKEN_LIFE_S_MAX, &life_s) ||
	    !mint_grant(w, v, grant, next))
		return w->pool.failed ? fault_nomem(w) : fault_set(w, BI18N_EPROTOCOL, "a mint answer that is malformed");
	out->life_ms = life_s * SECOND_MS;
	atomic_fetch_add_explicit(&w->client->counters.mints, 1, memory_order_relaxed);
	return true;
}

static void slot_fill(struct work *w, struct entry *entry, const struct grant *grant, const char *token,
                      int64_t asked_ms, int64_t life_ms)
{
	/* Of a token that lives minutes only, the last quarter takes the place of the last minute. */
	int64_t before_ms = life_ms / 4 < RENEW_BEFORE_MS ? life_ms / 4 : RENEW_BEFORE_MS;
	int64_t late_ms = jitter(w->client->jitter_ms < before_ms / 2 ? w->client->jitter_ms : before_ms / 2);

	pthread_mutex_lock(&entry->lock);
	slot_write(&entry->slot, token, asked_ms + life_ms - before_ms + late_ms, asked_ms + life_ms);
	snprintf(entry->grant_id, sizeof(entry->grant_id), "%s", grant->grant_id);
	entry->doubted = false;
	pthread_mutex_unlock(&entry->lock);
	atomic_store_explicit(&entry->state, BI18N_CONNECTED, memory_order_relaxed);
}

/* Shared tokens ------------------------------------------------------------------------------------ */

static char *shared_key(struct work *w, const struct grant *grant)
{
	return pool_printf(&w->pool, "bi18n:token:%s:%s", grant->grant_id, grant->organization);
}

static bool shared_take(struct work *w, struct entry *entry, const struct grant *grant, const char *rejected)
{
	struct shared *shared = &w->client->shared;
	char          *key = shared_key(w, grant), *token;
	char           value[SHARED_VALUE_MAX];
	int64_t        life_ms;

	if (key == NULL || !shared->get(shared->context, key, value, &life_ms))
		return false;
	token = unseal(&w->pool, &w->client->keys, value, key, NULL);
	if (token == NULL || !token_is_sane(token) || strcmp(token, rejected) == 0) {
		shared->drop(shared->context, key, value);
		return false;
	}
	if (life_ms <= RENEW_BEFORE_MS)
		return false;
	slot_fill(w, entry, grant, token, steady_now(w->client), life_ms);
	atomic_fetch_add_explicit(&w->client->counters.shared_hits, 1, memory_order_relaxed);
	return true;
}

static void shared_give(struct work *w, const struct grant *grant, const char *token, int64_t life_ms)
{
	struct shared *shared = &w->client->shared;
	char          *key, *value;

	if (shared->get == NULL)
		return;
	key = shared_key(w, grant);
	value = key == NULL ? NULL : seal(&w->pool, &w->client->keys, token, key);
	if (value != NULL && strlen(value) < SHARED_VALUE_MAX && life_ms > 0)
		shared->set(shared->context, key, value, life_ms);
}

/* One round ---------------------------------------------------------------------------------------- */

void mint_keep(struct work *w, struct entry *entry, const struct grant *grant, const struct minted *minted,
               int64_t asked_ms)
{
	slot_fill(w, entry, grant, minted->token, asked_ms, minted->life_ms);
	access_put(w->client, entry, NULL, "", 0);
	shared_give(w, grant, minted->token, asked_ms + minted->life_ms - steady_now(w->client));
}

static enum step mint_accept(struct work *w, struct entry *entry, struct grant *grant,
                             const struct transport_answer *answer, int64_t asked_ms)
{
	struct minted minted;
	struct grant  next;

	if (!mint_read(w, answer, grant, &minted, &next) || !row_follow(w, grant, &next))
		return STEP_FAILED;
	mint_keep(w, entry, &next, &minted, asked_ms);
	return STEP_DONE;
}

static enum step mint_refused(struct work *w, struct entry *entry, const struct grant *grant,
                              const struct transport_answer *answer)
{
	const char *required, *error;

	if (answer->status == 410 || answer->status == 404)
		return grant_gone(w, entry, grant, false);
	error = answer_error(w, answer, &required);
	fault_answer(w, answer);
	if (strcmp(error, "missing_scope") == 0) {
		w->fault.code = BI18N_SCOPE_REQUIRED;
		snprintf(w->fault.required, sizeof(w->fault.required), "%s", required);
	}
	return STEP_FAILED;
}

/* Asked just before a mint. A store may have held us up for so long that another process took over: what it mints
 * serves us as well. */
static bool lease_sure(struct work *w)
{
	if (w->lease != NULL)
		w->lease->renew_ms = 0;
	return lease_keep(w);
}

static enum step mint(struct work *w, struct entry *entry, struct grant *grant)
{
	for (int attempt = 0;; attempt++) {
		char                    access[BI18N_TOKEN_MAX];
		struct transport_answer answer;
		int64_t                 asked_ms;
		enum step               step = access_for(w, entry, grant, access);

		if (step != STEP_DONE)
			return step;
		if (!lease_sure(w))
			return STEP_AGAIN;
		asked_ms = steady_now(w->client);
		if (!mint_send(w, grant, access, &answer))
			return STEP_FAILED;
		bi18n_wipe(access, sizeof(access));
		if (answer.status == 200)
			return mint_accept(w, entry, grant, &answer, asked_ms);
		access_put(w->client, entry, NULL, "", 0);
		if (answer.status != 401 || attempt > 0)
			return mint_refused(w, entry, grant, &answer);
	}
}

/* With the right to mint. Its last holder may have brought the token between our look and our lock; and a new
 * refresh token. */
static enum step leased_mint(struct work *w, struct entry *entry, struct grant *grant, const char *rejected,
                             struct lease *lease)
{
	enum step step = STEP_FAILED;

	w->lease = lease;
	if (shared_take(w, entry, grant, rejected))
		step = STEP_DONE;
	else if (grant_find(w, entry->owner, entry->organization, true, grant))
		step = mint(w, entry, grant);
	w->lease = NULL;
	return step;
}

/* With a shared cache: waits for the right to mint, or for the token that its holder brings, for as long as this
 * call has time. A holder that lives keeps it, so that nobody mints beside it. */
static enum step shared_mint(struct work *w, struct entry *entry, struct grant *grant, const char *rejected)
{
	struct shared *shared = &w->client->shared;
	char           holder[RANDOM_TEXT_MAX];
	char          *key = shared_key(w, grant), *lock = key == NULL ? NULL : pool_printf(&w->pool, "%s:lock", key);
	struct lease   lease = { .key = lock, .holder = holder };
	enum step      step;

	if (lock == NULL || !random_text(holder))
		return failed_nomem(w);
	while (!shared->lock(shared->context, lock, holder)) {
		if (shared_take(w, entry, grant, rejected))
			return STEP_DONE;
		if (!work_sleep(w, SHARED_LOOK_MS / 2 + jitter(SHARED_LOOK_MS)))
			return STEP_FAILED;
	}
	step = leased_mint(w, entry, grant, rejected, &lease);
	shared->unlock(shared->context, lock, holder);
	return step;
}

static enum step round_once(struct work *w, struct entry *entry, const char *rejected)
{
	struct grant grant;

	if (!grant_find(w, entry->owner, entry->organization, true, &grant))
		return STEP_FAILED;
	if (grant.disconnected_ms != 0) {
		fault_put(w, BI18N_RECONNECT_REQUIRED, "the connection was revoked");
		return STEP_FAILED;
	}
	if (w->client->shared.get == NULL)
		return mint(w, entry, &grant);
	if (shared_take(w, entry, &grant, rejected))
		return STEP_DONE;
	return shared_mint(w, entry, &grant, rejected);
}

bool token_renew(struct work *w, struct entry *entry, const char *rejected)
{
	for (int round = 0; round < ROUNDS_MAX; round++) {
		enum step step = round_once(w, entry, rejected);

		if (step != STEP_AGAIN)
			return step == STEP_DONE;
		fault_clear(w);
	}
	fault_put(w, BI18N_TRY_LATER, "the connection changes faster than it can be used");
	w->fault.retry_after_ms = SECOND_MS;
	return false;
}
