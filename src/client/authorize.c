/* SPDX-License-Identifier: MIT
 *
 * Authorize URLs. Source: RFC 6749 section 4.1.1, RFC 7636, contract "platform-api" section 12.4. */
#include "client/client_int.h"

enum { STATE_URL_FRESH_MS = 60 * SECOND_MS, REDIRECT_URI_MAX = 1024 };

/* The last URL made for a state of a connection, so that a thousand refused calls are one row in the store. */
struct ready_url {
	int64_t made_ms;
	char    scope[BI18N_SCOPE_MAX];
	char    url[BI18N_URL_MAX];
};

static char *pending_bound(struct pool *p, const char *state_digest)
{
	return pool_printf(p, "pending\n%s", state_digest);
}

static bool pending_store(struct work *w, const struct bi18n_authorize *in, const char *scopes, const char *state,
                          const char *verifier)
{
	struct bi18n_store  *store = &w->client->store;
	char                 digest[BI18N_DIGEST_MAX];
	int64_t              now_ms = wall_now(w->client);
	struct bi18n_pending pending = { .state_digest = digest, .owner_id = in->owner_id,
		                         .redirect_uri = in->redirect_uri, .scopes = scopes,
		                         .expires_at_ms = now_ms + PENDING_LIFE_MS };
	enum bi18n_stored    stored;
	char                *bound;

	if (!sha256_hex(str_from(state), digest))
		return fault_nomem(w);
	bound = pending_bound(&w->pool, digest);
	pending.verifier = bound == NULL ? NULL : seal(&w->pool, &w->client->keys, verifier, bound);
	if (pending.verifier == NULL)
		return fault_nomem(w);
	stored = store->pending_put(store->context, &pending, now_ms);
	return stored == BI18N_STORED || fault_store(w, stored);
}

static bool url_write(struct work *w, const struct bi18n_authorize *in, const char *scopes, const char *state,
                      const char *challenge, char out[BI18N_URL_MAX])
{
	struct text query, url;

	text_init(&query, &w->pool, BI18N_URL_MAX);
	text_pair(&query, "response_type", "code");
	text_pair(&query, "client_id", w->client->client_id);
	text_pair(&query, "redirect_uri", in->redirect_uri);
	text_pair(&query, "scope", scopes);
	text_pair(&query, "state", state);
	text_pair(&query, "code_challenge", challenge);
	text_pair(&query, "code_challenge_method", "S256");
	text_pair(&query, "prompt", "consent");
	text_pair(&query, "login_hint", in->login_hint);
	text_pair(&query, "ui_locales", in->ui_locales);
	text_init(&url, &w->pool, BI18N_URL_MAX - 1);
	text_addz(&url, w->client->authorize_base_url);
	text_addz(&url, "/api/auth/mcp/authorize?");
	text_addz(&url, text_cstr(&query));
	if (text_cstr(&url) == NULL || query.too_big)
		return url.too_big || query.too_big
		       ? fault_set(w, BI18N_EINVAL, "an authorize URL of more than %d bytes", BI18N_URL_MAX)
		       : fault_nomem(w);
	memcpy(out, url.p, url.n + 1);
	return true;
}

static bool authorize_check(struct work *w, struct bi18n_authorize *in, char **scopes_out)
{
	const char *unknown;

	if (in->owner_id == NULL || !id_is_sane(in->owner_id))
		return fault_set(w, BI18N_EINVAL, "owner_id: 1 to %d visible characters", BI18N_ID_MAX - 1);
	if (in->redirect_uri == NULL)
		in->redirect_uri = w->client->redirect_uri;
	if (in->redirect_uri == NULL || strlen(in->redirect_uri) >= REDIRECT_URI_MAX)
		return fault_set(w, BI18N_EINVAL, "redirect_uri: neither here nor in the options, or too long");
	*scopes_out = scopes_clean(&w->pool, in->scopes == NULL ? "" : in->scopes, &unknown);
	if (*scopes_out == NULL && unknown != NULL)
		return fault_set(w, BI18N_EINVAL, "scopes: there is no \"%s\"", unknown);
	if (*scopes_out == NULL)
		return fault_nomem(w);
	return (*scopes_out)[0] != '\0' || fault_set(w, BI18N_EINVAL, "scopes: name at least one");
}

static bool authorize(struct work *w, struct bi18n_authorize in, struct bi18n_authorization *out)
{
	char  state[RANDOM_TEXT_MAX], verifier[RANDOM_TEXT_MAX], challenge[RANDOM_TEXT_MAX];
	char *scopes;
	bool  ok;

	if (!authorize_check(w, &in, &scopes))
		return false;
	if (!random_text(state) || !random_text(verifier) || !pkce_challenge(verifier, challenge))
		return fault_nomem(w);
	ok = url_write(w, &in, scopes, state, challenge, out->url) && pending_store(w, &in, scopes, state, verifier);
	bi18n_wipe(verifier, sizeof(verifier));
	if (ok)
		scopes_destructive(scopes, out->destructive);
	return ok;
}

enum bi18n_code bi18n_authorize_url(struct bi18n *client, const struct bi18n_authorize *in,
                                    struct bi18n_authorization *out, struct bi18n_error *error)
{
	struct bi18n_authorization made = { 0 };
	struct work                w;

	work_begin(&w, client, NULL, error);
	if (authorize(&w, *in, &made))
		*out = made;
	return work_end(&w);
}

static bool reauthorize(struct work *w, const char *owner, const char *organization, const char *scope,
                        struct bi18n_authorization *out)
{
	struct bi18n_authorize in = { .owner_id = owner };
	struct grant           g;

	if (!grant_find(w, owner, organization, false, &g))
		return false;
	in.scopes = scopes_union(&w->pool, g.scopes, scope == NULL ? "" : scope);
	if (in.scopes == NULL)
		return w->pool.failed ? fault_nomem(w) : fault_set(w, BI18N_EINVAL, "scope: too many");
	return authorize(w, in, out);
}

enum bi18n_code bi18n_reauthorize_url(struct bi18n *client, const char *owner_id, const char *organization,
                                      const char *scope, struct bi18n_authorization *out,
                                      struct bi18n_error *error)
{
	struct bi18n_authorization made = { 0 };
	struct work                w;

	work_begin(&w, client, NULL, error);
	if (reauthorize(&w, owner_id, organization, scope, &made))
		*out = made;
	return work_end(&w);
}

void ready_url_drop(struct bi18n *client, struct entry *entry)
{
	struct ready_url *url;

	pthread_mutex_lock(&entry->lock);
	url = entry->url;
	entry->url = NULL;
	pthread_mutex_unlock(&entry->lock);
	plain_free(&client->alloc, url, sizeof(*url));
}

static bool ready_url_known(struct bi18n *client, struct entry *entry, const char *scope, char out[BI18N_URL_MAX])
{
	bool known;

	pthread_mutex_lock(&entry->lock);
	known = entry->url != NULL && strcmp(entry->url->scope, scope) == 0 &&
	        steady_now(client) - entry->url->made_ms < STATE_URL_FRESH_MS;
	if (known)
		memcpy(out, entry->url->url, BI18N_URL_MAX);
	pthread_mutex_unlock(&entry->lock);
	return known;
}

void ready_url(struct bi18n *client, struct entry *entry, const char *scope, char out[BI18N_URL_MAX])
{
	struct bi18n_authorization made = { 0 };
	struct ready_url          *url;
	struct work                w;

	out[0] = '\0';
	if (client->redirect_uri == NULL || ready_url_known(client, entry, scope, out))
		return;
	work_begin(&w, client, NULL, NULL);
	if (!reauthorize(&w, entry->owner, entry->organization, scope, &made)) {
		work_end(&w);
		return;
	}
	work_end(&w);
	memcpy(out, made.url, BI18N_URL_MAX);
	url = plain_alloc(&client->alloc, sizeof(*url));
	if (url == NULL)
		return;
	url->made_ms = steady_now(client);
	snprintf(url->scope, sizeof(url->scope), "%s", scope);
	memcpy(url->url, made.url, BI18N_URL_MAX);
	ready_url_drop(client, entry);
	pthread_mutex_lock(&entry->lock);
	if (entry->url == NULL) {
		entry->url = url;
		url = NULL;
	}
	pthread_mutex_unlock(&entry->lock);
	plain_free(&client->alloc, url, sizeof(*url));
}
