/* SPDX-License-Identifier: MIT
 *
 * From the store into memory, once, at start: after it the tables are complete. */
#include "access/bearer_int.h"

#include "store/bearer.h"

#include <string.h>

/* Tokens live an hour at most: a grant revoked before that has none left to answer 410 to. */
enum { REVOKED_KEPT_MS = 2 * 3600 * 1000, LOAD_ARENA_BYTES = 64 * 1024 };

struct load { struct bearers *b; struct arena *scratch; int64_t now_ms; bool damaged; };

static bool load_organization(const struct organization *o, void *arg)
{
	bearers_organization_put(((struct load *)arg)->b, o);
	return true;
}

static bool load_grant(const struct grant *row, void *arg)
{
	struct load *load = arg;
	struct bearer_grant g = bearer_grant_from(row);
	uint8_t key[32];

	if (!key_of_name(g.public_id, key)) {
		load->damaged = true;
		return false;
	}
	bearers_grant_put(load->b, &g);
	return true;
}

static bool load_alias(str public_id, int64_t grant_id, void *arg)
{
	struct load *load = arg;
	bool known;

	index_read_begin();
	known = grant_node_find(load->b, grant_id) != NULL;
	index_read_end();
	if (known)
		bearers_alias_put(load->b, public_id, grant_id);
	return true;
}

/* In a read section. A token minted under a former id gets a version that its grant never has
 * again. */
static bool token_version(struct bearers *b, const struct stored_token *t, int64_t *version_out)
{
	const struct grant_node *g = grant_node_find(b, t->grant_id);

	if (g == NULL || (t->disabled && atomic_load(&g->denied) == 0))
		return false;
	*version_out = str_eq(name_of_key(g->by_name.key), t->grant_public_id)
			       ? (int64_t)g->version
			       : (int64_t)g->version - 1;
	return true;
}

static bool load_token(const struct stored_token *row, void *arg)
{
	struct load *load = arg;
	struct bearer_token t = { .grant_id = row->grant_id,
				  .scopes = row->scopes,
				  .issued_ms = row->created_ms,
				  .expires_ms = row->expires_ms,
				  .projects = row->projects };
	bool live;

	if (row->digest.n != DIGEST_BYTES) {
		load->damaged = true;
		return false;
	}
	memcpy(t.digest.b, row->digest.p, DIGEST_BYTES);
	index_read_begin();
	live = token_version(load->b, row, &t.grant_version);
	index_read_end();
	if (live)
		bearers_token_put(load->b, &t);
	return true;
}

static bool load_family(const struct stored_family *row, void *arg)
{
	struct load *load = arg;
	struct bearer_family f = { .id = row->id,
				   .app_id = row->app_id,
				   .account_id = row->account_id,
				   .grant_id = row->grant_id,
				   .code_id = row->code_id,
				   .expires_ms = row->expires_ms };

	arena_reset(load->scratch);
	if (!family_secret_unseal(load->scratch, load->b->settings, row->id, row->sealed,
				  f.secret)) {
		load->damaged = true;
		return false;
	}
	bearers_family_put(load->b, &f);
	wipe(f.secret, sizeof(f.secret));
	return true;
}

static bool load_access_denied(str digest, int64_t expires_ms, void *arg)
{
	struct load *load = arg;
	struct digest d;

	if (digest.n != DIGEST_BYTES) {
		load->damaged = true;
		return false;
	}
	memcpy(d.b, digest.p, DIGEST_BYTES);
	bearers_access_deny(load->b, &d, expires_ms);
	return true;
}

static bool load_key(const struct stored_key *row, void *arg)
{
	struct load *load = arg;
	struct bearer_key k = { .id = row->id,
				.account_id = row->account_id,
				.scopes = row->scopes,
				.expires_ms = row->expires_ms,
				.organization = { .id = row->organization_id },
				.projects = row->projects,
				.is_public = row->is_public };

	if (row->digest.n != DIGEST_BYTES) {
		load->damaged = true;
		return false;
	}
	memcpy(k.digest.b, row->digest.p, DIGEST_BYTES);
	bearers_key_put(load->b, &k);
	return true;
}

static bool load_session(const struct stored_session *row, void *arg)
{
	struct load *load = arg;
	struct bearer_session s = { .id = row->id,
				    .account_id = row->account_id,
				    .auth_time_ms = row->auth_time_ms,
				    .seen_ms = row->seen_ms,
				    .expires_ms = row->expires_ms };

	if (row->digest.n != DIGEST_BYTES) {
		load->damaged = true;
		return false;
	}
	memcpy(s.digest.b, row->digest.p, DIGEST_BYTES);
	bearers_session_put(load->b, &s);
	return true;
}

/* Organizations before grants, grants before what belongs to them. */
static bool load_all(struct load *load, struct db *db, struct arena *a, struct err *e)
{
	int64_t now_ms = load->now_ms;

	return store_bearer_organizations_each(db, a, load_organization, load, e) &&
	       store_bearer_grants_each(db, a, now_ms - REVOKED_KEPT_MS, load_grant, load, e) &&
	       store_bearer_aliases_each(db, a, load_alias, load, e) &&
	       store_bearer_tokens_each(db, a, now_ms, load_token, load, e) &&
	       store_bearer_families_each(db, a, now_ms, load_family, load, e) &&
	       store_bearer_access_denied_each(db, a, now_ms, load_access_denied, load, e) &&
	       store_bearer_keys_each(db, a, now_ms, load_key, load, e) &&
	       store_bearer_sessions_each(db, a, now_ms, load_session, load, e);
}

bool bearers_load(struct bearers *b, struct store *store, int64_t now_ms, struct err *e)
{
	struct arena *a = arena_create(LOAD_ARENA_BYTES);
	struct load load = { .b = b, .scratch = arena_create(LOAD_ARENA_BYTES), .now_ms = now_ms };
	struct db *db;
	bool ok = store_read_begin(store, &db, e);

	if (ok) {
		ok = load_all(&load, db, a, e);
		store_read_end(store, db);
	}
	if (ok && load.damaged)
		ok = err_set(
			e, ERR_INTERNAL,
			"The store holds credentials that this server key cannot open, or damaged"
			" ones. Check secret_key_file, then run bi18n verify.");
	bearers_fit(b);
	arena_destroy(load.scratch);
	arena_destroy(a);
	return ok;
}
