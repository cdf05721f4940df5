/* SPDX-License-Identifier: MIT
 *
 * The end of a connection, and the change of keys. Source: contract "oauth-checklist" rule 145. */
#include "client/client_int.h"

enum { ROUNDS_MAX = 4 };

static bool delete_send(struct work *w, const struct grant *grant, const char *access,
                        struct transport_answer *answer)
{
	struct transport_request request = {
		.method = "DELETE", .repeatable = true, .answer_bytes_max = ANSWER_OAUTH_BYTES_MAX,
		.headers = { pool_printf(&w->pool, "Authorization: Bearer %s", access) }, .headers_n = 1,
	};
	struct text url;

	text_init(&url, &w->pool, BI18N_URL_MAX);
	text_addz(&url, w->client->base_url);
	text_addz(&url, "/api/oauth-client/installations/");
	text_percent(&url, grant->grant_id);
	request.url = text_cstr(&url);
	if (request.url == NULL || request.headers[0] == NULL)
		return fault_nomem(w);
	return exchange(w, &request, answer);
}

/* On the server. Gone already (no refresh, 404, 410) is as good as now. */
static enum step revoke(struct work *w, struct entry *entry, struct grant *grant)
{
	char                    access[BI18N_TOKEN_MAX];
	struct transport_answer answer;
	enum step               step;

	if (grant->disconnected_ms != 0 || grant->refresh[0] == '\0')
		return STEP_DONE;
	step = access_for(w, entry, grant, access);
	if (step != STEP_DONE)
		return w->fault.code == BI18N_RECONNECT_REQUIRED ? STEP_DONE : step;
	if (!delete_send(w, grant, access, &answer))
		return STEP_FAILED;
	bi18n_wipe(access, sizeof(access));
	access_put(w->client, entry, NULL, "", 0);
	if (answer.status < 300 || answer.status == 404 || answer.status == 410)
		return STEP_DONE;
	if (answer.status == 401)
		return STEP_AGAIN;
	fault_answer(w, &answer);
	return STEP_FAILED;
}

static enum step disconnect_once(struct work *w, struct entry *entry)
{
	struct grant      grant, next;
	enum bi18n_stored stored;
	enum step         step;

	if (!grant_find(w, entry->owner, entry->organization, true, &grant))
		return STEP_FAILED;
	step = revoke(w, entry, &grant);
	if (step != STEP_DONE)
		return step;
	fault_clear(w);
	/* Once more: finding the grant gone may have marked the row. */
	if (!grant_find(w, entry->owner, entry->organization, true, &grant))
		return STEP_FAILED;
	next = grant;
	next.refresh = "";
	next.disconnected_ms = grant.disconnected_ms != 0 ? grant.disconnected_ms : wall_now(w->client);
	if (!grant_swap(w, &grant, &next, &stored))
		return STEP_FAILED;
	return stored == BI18N_STORED ? STEP_DONE : STEP_AGAIN;
}

static void entry_empty(struct bi18n *client, struct entry *entry)
{
	pthread_mutex_lock(&entry->lock);
	slot_write(&entry->slot, "", 0, 0);
	pthread_mutex_unlock(&entry->lock);
	access_put(client, entry, NULL, "", 0);
	ready_url_drop(client, entry);
	atomic_store(&entry->state, BI18N_RECONNECT_REQUIRED);
}

static bool disconnect(struct work *w, struct entry *entry)
{
	for (int round = 0; round < ROUNDS_MAX; round++) {
		enum step step = disconnect_once(w, entry);

		if (step == STEP_DONE) {
			entry_empty(w->client, entry);
			return true;
		}
		if (step == STEP_FAILED)
			return false;
		fault_clear(w);
	}
	return fault_set(w, BI18N_TRY_LATER, "the connection changes faster than it can be ended");
}

enum bi18n_code bi18n_disconnect(struct bi18n *client, const char *owner_id, const char *organization,
                                 const struct bi18n_call *call, struct bi18n_error *error)
{
	struct entry *entry = NULL;
	struct work   w;

	work_begin(&w, client, call, error);
	if (entry_find(&w, owner_id, organization, &entry))
		disconnect(&w, entry);
	return work_end(&w);
}

static bool rotate(struct work *w, size_t *changed)
{
	struct grant *v = NULL;
	size_t        n = 0;

	*changed = 0;
	if (!grant_list(w, NULL, true, &v, &n))
		return false;
	for (size_t i = 0; i < n; i++) {
		struct grant      next = v[i];
		enum bi18n_stored stored;

		if (v[i].refresh[0] == '\0' || v[i].first_key)
			continue;
		/* A conflict is a row that another process has just written, with its own first key: look again. */
		if (!grant_swap(w, &v[i], &next, &stored))
			return false;
		*changed += stored == BI18N_STORED;
	}
	return true;
}

enum bi18n_code bi18n_rotate_keys(struct bi18n *client, size_t *changed_out, struct bi18n_error *error)
{
	size_t          all = 0, changed = 1;
	enum bi18n_code code = BI18N_OK;

	/* Until a whole pass finds nothing to do. */
	for (int round = 0; round < ROUNDS_MAX && code == BI18N_OK && changed > 0; round++) {
		struct work w;

		work_begin(&w, client, NULL, error);
		if (rotate(&w, &changed))
			all += changed;
		code = work_end(&w);
	}
	if (code == BI18N_OK && changed_out != NULL)
		*changed_out = all;
	return code;
}
