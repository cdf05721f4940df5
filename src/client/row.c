/* SPDX-License-Identifier: MIT */
#include "client/client_int.h"

/* Rows as they come, opened into the pool of the call. */
struct gather {
	struct work  *w;
	struct grant *v;
	size_t        n, room;
	bool          opened, ok;
};

/* What a sealed refresh token belongs to: moved to another row it does not open. */
static char *bound_to(struct pool *p, const char *owner, const char *organization)
{
	return pool_printf(p, "refresh\n%s\n%s", owner, organization);
}

static bool grant_open(struct work *w, const struct bi18n_row *row, struct grant *g)
{
	char *bound;

	g->refresh = "";
	if (row->refresh_token[0] == '\0')
		return true;
	bound = bound_to(&w->pool, row->owner_id, row->organization_id);
	g->refresh = bound == NULL ? NULL :
	             unseal(&w->pool, &w->client->keys, row->refresh_token, bound, &g->first_key);
	if (g->refresh != NULL)
		return true;
	return w->pool.failed ? fault_nomem(w) :
	       fault_set(w, BI18N_EKEY, "no key opens the refresh token of organization %s", row->organization_id);
}

static const char *copy(struct work *w, const char *s)
{
	return pool_cstr(&w->pool, str_from(s));
}

static bool grant_copy(struct work *w, const struct bi18n_row *row, struct grant *g)
{
	*g = (struct grant){
		.owner = copy(w, row->owner_id), .organization = copy(w, row->organization_id),
		.slug = copy(w, row->organization_slug), .grant_id = copy(w, row->grant_id),
		.digest = copy(w, row->refresh_digest), .scopes = list_from_json_text(&w->pool, row->scopes),
		.projects = list_from_json_text(&w->pool, row->project_ids),
		.all_projects = strcmp(row->project_access, "selected") != 0,
		.disconnected_ms = row->disconnected_at_ms, .created_ms = row->created_at_ms,
		.updated_ms = row->updated_at_ms,
	};
	if (w->pool.failed)
		return fault_nomem(w);
	if (g->scopes == NULL || g->projects == NULL)
		return fault_set(w, BI18N_ESTORE, "a row of the store is damaged");
	/* A list that is there limits, whatever the other column says. */
	if (g->projects[0] != '\0')
		g->all_projects = false;
	return true;
}

static bool gather_row(void *visitor, const struct bi18n_row *row)
{
	struct gather *g = visitor;
	struct grant  *v;

	if (g->n == g->room) {
		g->room = g->room == 0 ? 4 : 2 * g->room;
		v = pool_alloc(&g->w->pool, g->room * sizeof(*v));
		if (v == NULL) {
			g->ok = fault_nomem(g->w);
			return false;
		}
		if (g->n > 0)
			memcpy(v, g->v, g->n * sizeof(*v));
		g->v = v;
	}
	v = &g->v[g->n];
	g->ok = grant_copy(g->w, row, v) && (!g->opened || grant_open(g->w, row, v));
	g->n += g->ok;
	return g->ok;
}

bool grant_list(struct work *w, const char *owner, bool opened, struct grant **out, size_t *n_out)
{
	struct gather       g = { .w = w, .opened = opened, .ok = true };
	struct bi18n_store *store = &w->client->store;
	enum bi18n_stored   stored = store->list(store->context, owner, gather_row, &g);

	if (!g.ok)
		return false;
	if (stored != BI18N_STORED && stored != BI18N_STORED_NONE)
		return fault_store(w, stored);
	*out = g.v;
	*n_out = g.n;
	return true;
}

static bool not_connected(struct work *w, const char *organization)
{
	return fault_set(w, BI18N_NOT_CONNECTED, "no connection to organization %s", organization);
}

bool grant_list_settled(struct work *w, const char *owner, struct grant **out, size_t *n_out)
{
	size_t n = 0;

	if (!grant_list(w, owner, false, out, n_out) ||
	    (provisionals_settle(w, *out, *n_out) && !grant_list(w, owner, false, out, n_out)))
		return false;
	for (size_t i = 0; i < *n_out; i++) {
		if (!organization_is_provisional((*out)[i].organization))
			(*out)[n++] = (*out)[i];
	}
	*n_out = n;
	return true;
}

bool grant_load(struct work *w, const char *owner, const char *organization, bool opened, struct grant *out)
{
	struct gather       g = { .w = w, .opened = opened, .ok = true };
	struct bi18n_store *store = &w->client->store;
	enum bi18n_stored   stored = store->find(store->context, owner, organization, gather_row, &g);

	if (!g.ok)
		return false;
	if (stored != BI18N_STORED && stored != BI18N_STORED_NONE)
		return fault_store(w, stored);
	if (g.n == 0)
		return not_connected(w, organization);
	*out = g.v[0];
	return true;
}

static bool grant_only(struct work *w, const char *owner, bool opened, struct grant *out)
{
	struct grant *v;
	size_t        n;

	if (!grant_list_settled(w, owner, &v, &n))
		return false;
	if (n == 0)
		return not_connected(w, "(any)");
	if (n > 1)
		return fault_set(w, BI18N_EINVAL, "%zu connections: say which organization", n);
	return grant_load(w, owner, v[0].organization, opened, out);
}

/* Not there: unless it is one of those that were left provisional. */
static bool grant_settled(struct work *w, const char *owner, const char *organization, bool opened, struct grant *out)
{
	struct fault  before = w->fault;
	struct grant *v;
	size_t        n;

	fault_clear(w);
	if (!grant_list(w, owner, false, &v, &n))
		return false;
	if (provisionals_settle(w, v, n))
		return grant_load(w, owner, organization, opened, out);
	w->fault = before;
	return false;
}

bool grant_find(struct work *w, const char *owner, const char *organization, bool opened, struct grant *out)
{
	if (owner == NULL || !id_is_sane(owner) || (organization != NULL && !id_is_sane(organization)))
		return fault_set(w, BI18N_EINVAL, "owner or organization: 1 to %d visible characters",
		                 BI18N_ID_MAX - 1);
	if (organization == NULL)
		return grant_only(w, owner, opened, out);
	if (organization_is_provisional(organization))
		return not_connected(w, organization);
	return grant_load(w, owner, organization, opened, out) ||
	       (w->fault.code == BI18N_NOT_CONNECTED && grant_settled(w, owner, organization, opened, out));
}

static const char *sealed_refresh(struct work *w, const struct grant *g, const char **digest_out)
{
	char *bound = bound_to(&w->pool, g->owner, g->organization);
	char *digest = pool_alloc(&w->pool, BI18N_DIGEST_MAX);

	*digest_out = digest;
	if (bound == NULL || digest == NULL)
		return NULL;
	if (g->refresh[0] == '\0')
		return "";
	if (!sha256_hex(str_from(g->refresh), digest))
		return NULL;
	return seal(&w->pool, &w->client->keys, g->refresh, bound);
}

bool grant_row(struct work *w, const struct grant *g, struct bi18n_row *out)
{
	struct bi18n_row row = {
		.owner_id = g->owner, .grant_id = g->grant_id, .organization_id = g->organization,
		.organization_slug = g->slug, .disconnected_at_ms = g->disconnected_ms,
		.project_access = g->all_projects ? "all" : "selected", .created_at_ms = g->created_ms,
		.updated_at_ms = wall_now(w->client),
	};

	row.refresh_token = sealed_refresh(w, g, &row.refresh_digest);
	row.scopes = list_to_json(&w->pool, g->scopes);
	row.project_ids = list_to_json(&w->pool, g->projects);
	if (row.refresh_token == NULL || row.scopes == NULL || row.project_ids == NULL)
		return fault_nomem(w);
	*out = row;
	return true;
}

bool grant_swap(struct work *w, const struct grant *seen, struct grant *next, enum bi18n_stored *stored_out)
{
	struct bi18n_store *store = &w->client->store;
	struct bi18n_row    row;

	if (!grant_row(w, next, &row))
		return false;
	*stored_out = store->swap(store->context, seen->digest, seen->grant_id, &row);
	if (*stored_out == BI18N_STORED) {
		next->digest = row.refresh_digest;
		next->updated_ms = row.updated_at_ms;
		return true;
	}
	return *stored_out == BI18N_STORED_CONFLICT || *stored_out == BI18N_STORED_NONE ||
	       fault_store(w, *stored_out);
}

bool grants_upsert(struct work *w, struct grant *v, size_t n)
{
	struct bi18n_store *store = &w->client->store;
	struct bi18n_row   *rows = pool_alloc(&w->pool, n * sizeof(*rows));
	enum bi18n_stored   stored;

	if (rows == NULL)
		return fault_nomem(w);
	for (size_t i = 0; i < n; i++) {
		v[i].created_ms = wall_now(w->client);
		if (!grant_row(w, &v[i], &rows[i]))
			return false;
		v[i].digest = rows[i].refresh_digest;
		v[i].updated_ms = rows[i].updated_at_ms;
	}
	stored = store->upsert(store->context, rows, n);
	return stored == BI18N_STORED || fault_store(w, stored);
}

bool grant_disconnect(struct work *w, const struct grant *seen, bool *gone_out)
{
	struct grant      next = *seen;
	enum bi18n_stored stored;

	next.disconnected_ms = wall_now(w->client);
	if (!grant_swap(w, seen, &next, &stored))
		return false;
	*gone_out = stored == BI18N_STORED;
	return true;
}
