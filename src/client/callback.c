/* SPDX-License-Identifier: MIT
 *
 * The way back: callback, exchange, rows; and what is told of connections. Source: RFC 6749 section 4.1.2,
 * RFC 9207, contract "seed" rows 08 and 10 to 13. */
#include "client/client_int.h"

enum { QUERY_BYTES_MAX = 8192, CODE_BYTES_MAX = 2048 };
#define METADATA_PATH "/.well-known/oauth-authorization-server"

struct back {
	char *code, *state, *iss, *error;
};

/* What was kept when the browser was sent away. */
struct kept {
	struct work *w;
	char        *owner, *verifier, *redirect_uri, *scopes;
	int64_t      expires_ms;
	bool         found;
};

/* Query of a whole URL, of "?...", or of itself; no fragment. */
static str query_of(const char *text)
{
	str       s = str_from(text);
	ptrdiff_t at = str_index(s, '#');

	if (at >= 0)
		s = str_sub(s, 0, (size_t)at);
	at = str_index(s, '?');
	return at >= 0 ? str_from_at(s, (size_t)at + 1) : s;
}

static bool back_read(struct work *w, const char *query, struct back *out)
{
	bool twice = false;
	str  q;

	if (query == NULL || strlen(query) > QUERY_BYTES_MAX)
		return fault_set(w, BI18N_EINVAL, "query: missing, or more than %d bytes", QUERY_BYTES_MAX);
	q = query_of(query);
	out->code = query_value(&w->pool, q, "code", &twice);
	out->state = query_value(&w->pool, q, "state", &twice);
	out->iss = query_value(&w->pool, q, "iss", &twice);
	out->error = query_value(&w->pool, q, "error", &twice);
	if (w->pool.failed)
		return fault_nomem(w);
	if (twice || out->state == NULL || (out->code == NULL) == (out->error == NULL))
		return fault_set(w, BI18N_ESTATE, "not a callback: it needs one state, and one code or error");
	return true;
}

static bool keep(void *visitor, const struct bi18n_pending *pending)
{
	struct kept *kept = visitor;
	struct pool *p = &kept->w->pool;
	char        *bound = pool_printf(p, "pending\n%s", pending->state_digest);

	kept->found = true;
	kept->owner = pool_cstr(p, str_from(pending->owner_id));
	kept->redirect_uri = pool_cstr(p, str_from(pending->redirect_uri));
	kept->scopes = pool_cstr(p, str_from(pending->scopes));
	kept->expires_ms = pending->expires_at_ms;
	kept->verifier = bound == NULL ? NULL :
	                 unseal(p, &kept->w->client->keys, pending->verifier, bound, NULL);
	return true;
}

/* Takes what was kept for this state, so that it serves once. */
static bool state_check(struct work *w, const char *owner, const struct back *back, struct kept *kept)
{
	struct bi18n_store *store = &w->client->store;
	char                digest[BI18N_DIGEST_MAX];
	enum bi18n_stored   stored;

	*kept = (struct kept){ .w = w };
	if (!sha256_hex(str_from(back->state), digest))
		return fault_nomem(w);
	stored = store->pending_take(store->context, digest, keep, kept);
	if (stored != BI18N_STORED && stored != BI18N_STORED_NONE)
		return fault_store(w, stored);
	if (w->pool.failed)
		return fault_nomem(w);
	if (!kept->found)
		return fault_set(w, BI18N_ESTATE, "state: unknown, used already, or older than ten minutes");
	if (strcmp(kept->owner, owner) != 0)
		return fault_set(w, BI18N_ESTATE, "state: this connection was begun by another owner");
	if (kept->expires_ms <= wall_now(w->client))
		return fault_set(w, BI18N_ESTATE, "state: older than ten minutes");
	return kept->verifier != NULL || fault_set(w, BI18N_EKEY, "no key opens what was kept for this callback");
}

/* iss ---------------------------------------------------------------------------------------------- */

static bool same_origin(const char *a, const char *b)
{
	str x = str_from(a), y = str_from(b);

	x.n -= str_ends(x, S("/"));
	y.n -= str_ends(y, S("/"));
	return str_eq(x, y);
}

static bool metadata_get(struct work *w, const struct jvalue **out)
{
	struct transport_request request = { .method = "GET", .repeatable = true,
		                             .answer_bytes_max = ANSWER_OAUTH_BYTES_MAX };
	struct transport_answer  answer;

	request.url = pool_printf(&w->pool, "%s" METADATA_PATH, w->client->base_url);
	if (request.url == NULL)
		return fault_nomem(w);
	if (!exchange(w, &request, &answer))
		return false;
	*out = answer.status == 200 ? json_read(&w->pool, answer.body) : NULL;
	return !w->pool.failed || fault_nomem(w);
}

static bool issuer_known(const struct bi18n *client, const char *iss)
{
	if (client->issuer != NULL)
		return same_origin(iss, client->issuer);
	return same_origin(iss, client->base_url) || same_origin(iss, client->authorize_base_url);
}

/* Who answers without `iss` although its metadata promises one is not who it claims to be (RFC 9207 2.4). A
 * server behind another name (a proxy) is believed only if `issuer` says so. */
static bool iss_check(struct work *w, const struct back *back)
{
	const struct jvalue *metadata, *promised;

	if (back->iss != NULL)
		return issuer_known(w->client, back->iss) ||
		       fault_set(w, BI18N_ESTATE, "iss: the answer is another server's");
	if (w->client->issuer != NULL)
		return fault_set(w, BI18N_ESTATE, "iss: missing");
	if (!metadata_get(w, &metadata))
		return false;
	promised = json_member(metadata, "authorization_response_iss_parameter_supported");
	return promised == NULL || promised->kind != JTRUE || fault_set(w, BI18N_ESTATE, "iss: missing");
}

/* Rows --------------------------------------------------------------------------------------------- */

/* All of them first: nothing of the answer is used before every refresh token of it rests in the store. */
static bool rows_store(struct work *w, const char *owner, struct token_answer *answer)
{
	for (size_t i = 0; i < answer->grants_n; i++) {
		struct grant *g = &answer->grants[i];

		g->owner = owner;
		if (g->organization[0] == '\0' && !provisional_name(w, g))
			return false;
	}
	return grants_upsert(w, answer->grants, answer->grants_n);
}

/* A server that tells the organization only with the installation token. */
static bool rows_settle(struct work *w, struct token_answer *answer)
{
	for (size_t i = 0; i < answer->grants_n; i++) {
		struct grant *g = &answer->grants[i];

		if (organization_is_provisional(g->organization) && !provisional_settle(w, g, answer->access))
			return false;
	}
	return true;
}

/* A row that was there keeps its age. Where the store does not say, it is as young as it looks. */
static void ages_follow(struct work *w, struct token_answer *answer)
{
	for (size_t i = 0; i < answer->grants_n; i++) {
		struct grant *g = &answer->grants[i], now;

		if (grant_find(w, g->owner, g->organization, false, &now))
			g->created_ms = now.created_ms;
	}
	fault_clear(w);
}

/* Tokens of the connection as it was are not its any more; the access token that just came serves its first
 * mint. Entries are a cache: without memory for one it is made when it is needed. */
static void entries_renew(struct work *w, const struct token_answer *answer)
{
	for (size_t i = 0; i < answer->grants_n; i++) {
		const struct grant *g = &answer->grants[i];
		struct entry       *entry;

		if (organization_is_provisional(g->organization))
			continue;
		entry = table_add(w->client, g->owner, g->organization, g->slug[0] == '\0' ? NULL : g->slug);
		if (entry == NULL)
			continue;
		pthread_mutex_lock(&entry->lock);
		slot_write(&entry->slot, "", 0, 0);
		entry->doubted = false;
		entry->pause_until_ms = 0;
		pthread_mutex_unlock(&entry->lock);
		atomic_store(&entry->state, BI18N_CONNECTED);
		access_put(w->client, entry, answer->access, g->digest, answer->access_until_ms);
		ready_url_drop(w->client, entry);
	}
}

/* What is told of connections ----------------------------------------------------------------------- */

static const char *const *ids_give(struct pool *p, const char *list, size_t *n_out)
{
	str          rest = str_from(list), part;
	size_t       n = list[0] == '\0' ? 0 : 1, i = 0;
	const char **v;

	for (const char *at = list; *at != '\0'; at++)
		n += *at == ' ';
	v = pool_alloc(p, (n + 1) * sizeof(*v));
	*n_out = n;
	while (v != NULL && i < n && str_cut(&rest, ' ', &part))
		v[i++] = pool_cstr(p, part);
	return v;
}

static enum bi18n_code state_of(const struct bi18n *client, const struct grant *g)
{
	const struct entry *entry = table_find(client, g->owner, g->organization);
	int                 met = entry == NULL ? BI18N_CONNECTED : atomic_load(&entry->state);

	if (g->disconnected_ms != 0)
		return BI18N_RECONNECT_REQUIRED;
	/* The row says that it is connected: what this process met before is history. */
	return met == BI18N_RECONNECT_REQUIRED ? BI18N_CONNECTED : (enum bi18n_code)met;
}

static void connection_give(struct bi18n *client, struct pool *p, const struct grant *g, const char *asked,
                            struct bi18n_connection *out)
{
	*out = (struct bi18n_connection){
		.owner_id = pool_cstr(p, str_from(g->owner)), .grant_id = pool_cstr(p, str_from(g->grant_id)),
		.organization_id = pool_cstr(p, str_from(g->organization)),
		.organization_slug = pool_cstr(p, str_from(g->slug)), .scopes = pool_cstr(p, str_from(g->scopes)),
		.declined_scopes = scopes_minus(p, asked, g->scopes), .all_projects = g->all_projects,
		.state = state_of(client, g), .disconnected_at_ms = g->disconnected_ms,
		.created_at_ms = g->created_ms, .updated_at_ms = g->updated_ms,
	};
	out->project_ids = ids_give(p, g->projects, &out->project_ids_n);
}

static bool connections_give(struct work *w, const struct grant *v, size_t n, const char *asked,
                             struct bi18n_connections **out)
{
	struct bi18n_connections *result = result_create(&w->client->alloc, sizeof(*result));
	struct bi18n_connection  *list;

	if (result == NULL)
		return fault_nomem(w);
	list = pool_alloc(result_pool(result), (n + 1) * sizeof(*list));
	for (size_t i = 0; i < n && list != NULL; i++)
		connection_give(w->client, result_pool(result), &v[i], asked, &list[i]);
	if (result_pool(result)->failed) {
		bi18n_free(result);
		return fault_nomem(w);
	}
	result->n = n;
	result->v = list;
	*out = result;
	return true;
}

static bool callback(struct work *w, const char *owner, const char *query, struct bi18n_connections **out)
{
	struct token_answer answer;
	struct back         back;
	struct kept         kept;

	if (owner == NULL || !id_is_sane(owner))
		return fault_set(w, BI18N_EINVAL, "owner_id: 1 to %d visible characters", BI18N_ID_MAX - 1);
	if (!back_read(w, query, &back) || !state_check(w, owner, &back, &kept) || !iss_check(w, &back))
		return false;
	if (back.error != NULL)
		return fault_set(w, BI18N_EDENIED, "the authorization was declined (%.64s)", back.error);
	if (strlen(back.code) > CODE_BYTES_MAX)
		return fault_set(w, BI18N_ESTATE, "code: more than %d bytes", CODE_BYTES_MAX);
	if (!token_redeem(w, back.code, kept.verifier, kept.redirect_uri, &answer))
		return false;
	if (answer.error[0] != '\0') {
		fault_put(w, BI18N_ESTATE, "code: expired, used already, or not of this application");
		w->fault.http_status = answer.status;
		return false;
	}
	if (!rows_store(w, owner, &answer))
		return false;
	entries_renew(w, &answer);
	if (!rows_settle(w, &answer))
		return false;
	ages_follow(w, &answer);
	return connections_give(w, answer.grants, answer.grants_n, kept.scopes, out);
}

enum bi18n_code bi18n_callback(struct bi18n *client, const char *owner_id, const char *query,
                               const struct bi18n_call *call, struct bi18n_connections **out,
                               struct bi18n_error *error)
{
	struct work w;

	work_begin(&w, client, call, error);
	callback(&w, owner_id, query, out);
	return work_end(&w);
}

enum bi18n_code bi18n_connections(struct bi18n *client, const char *owner_id, struct bi18n_connections **out,
                                  struct bi18n_error *error)
{
	struct grant *v = NULL;
	size_t        n = 0;
	struct work   w;

	work_begin(&w, client, NULL, error);
	if (grant_list_settled(&w, owner_id, &v, &n))
		connections_give(&w, v, n, "", out);
	return work_end(&w);
}

enum bi18n_code bi18n_connection(struct bi18n *client, const char *owner_id, const char *organization,
                                 struct bi18n_connections **out, struct bi18n_error *error)
{
	struct grant g;
	struct work  w;

	work_begin(&w, client, NULL, error);
	if (grant_find(&w, owner_id, organization, false, &g))
		connections_give(&w, &g, 1, "", out);
	return work_end(&w);
}
