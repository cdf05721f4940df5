/* SPDX-License-Identifier: MIT
 *
 * What access keeps in memory, as the store has it: read whole at start, row by row after a
 * change. Callbacks get borrowed rows that live until they return; fn returns false to stop. */
#ifndef STORE_BEARER_H
#define STORE_BEARER_H

#include "model/model.h"
#include "store/db.h"

bool store_bearer_organizations_each(struct db *db, struct arena *a,
                                     bool (*fn)(const struct organization *, void *), void *arg,
                                     struct err *e) MUST_CHECK;

/* Live grants, and those revoked since then. A grant of a disabled app or person counts as
 * revoked. */
bool store_bearer_grants_each(struct db *db, struct arena *a, int64_t revoked_since_ms,
			      bool (*fn)(const struct grant *, void *), void *arg,
			      struct err *e) MUST_CHECK;
bool store_bearer_grant(struct db *db, struct arena *a, int64_t id, struct grant *out,
			struct err *e) MUST_CHECK;
bool store_bearer_aliases_each(struct db *db, struct arena *a,
                               bool (*fn)(str public_id, int64_t grant_id, void *), void *arg,
                               struct err *e) MUST_CHECK;

struct stored_token {
	str     digest, grant_public_id;         /* the id it was minted under */
	int64_t grant_id, scopes, expires_ms;
	struct project_set projects;
	bool    disabled;
	int64_t created_ms;
};
bool store_bearer_tokens_each(struct db *db, struct arena *a, int64_t now_ms,
                              bool (*fn)(const struct stored_token *, void *), void *arg,
                              struct err *e) MUST_CHECK;

/* Live families, and those revoked together with their grant while access tokens of theirs
 * last (ruling R33). */
struct stored_family { int64_t id, grant_id, app_id, account_id, code_id, expires_ms; str sealed; };
bool store_bearer_families_each(struct db *db, struct arena *a, int64_t now_ms,
                                bool (*fn)(const struct stored_family *, void *), void *arg,
                                struct err *e) MUST_CHECK;
/* All of them, dead ones too, by id: what the server key seals. */
struct family_secret { int64_t id; str sealed; };
struct family_secret_list { struct family_secret *v; size_t n; };
bool store_family_secrets(struct db *db, struct arena *a, int64_t after_id, int64_t limit,
                          struct family_secret_list *out, struct err *e) MUST_CHECK;
bool store_family_secret_set(struct db *db, struct arena *a, int64_t id, str sealed,
                             struct err *e) MUST_CHECK;
bool store_bearer_access_denied_each(struct db *db, struct arena *a, int64_t now_ms,
                                     bool (*fn)(str digest, int64_t expires_ms, void *), void *arg,
                                     struct err *e) MUST_CHECK;

struct stored_session { int64_t id, account_id, auth_time_ms, seen_ms, expires_ms; str digest; };
bool store_bearer_sessions_each(struct db *db, struct arena *a, int64_t now_ms,
                                bool (*fn)(const struct stored_session *, void *), void *arg,
                                struct err *e) MUST_CHECK;

/* Organization keys. */
struct stored_key {
	int64_t id, organization_id, account_id, scopes, created_ms, expires_ms, used_ms,
		revoked_ms;
	str     public_id, digest, prefix, name;
	struct project_set projects;
	bool    is_public;
};
struct stored_key_list { struct stored_key *v; size_t n; };
bool store_bearer_keys_each(struct db *db, struct arena *a, int64_t now_ms,
			    bool (*fn)(const struct stored_key *, void *), void *arg,
			    struct err *e) MUST_CHECK;
bool store_api_key_insert(struct db *db, struct arena *a, const struct stored_key *k,
			  int64_t *id_out, struct err *e) MUST_CHECK;
/* organization_id 0: of all; newest last. */
bool store_api_key_list(struct db *db, struct arena *a, int64_t organization_id,
			struct stored_key_list *out, struct err *e) MUST_CHECK;
bool store_api_key_by_public_id(struct db *db, struct arena *a, str public_id,
				struct stored_key *out, struct err *e) MUST_CHECK;
/* *revoked_out false: there was no such live key. */
bool store_api_key_revoke(struct db *db, struct arena *a, int64_t id, int64_t now_ms,
			  bool *revoked_out, struct err *e) MUST_CHECK;
bool store_api_keys_revoke_account(struct db *db, struct arena *a, int64_t account_id,
				   int64_t now_ms, struct err *e) MUST_CHECK;
bool store_api_key_used(struct db *db, struct arena *a, int64_t id, int64_t used_ms,
			struct err *e) MUST_CHECK;
/* Projects by slug, for limiting a key. id 0: not found. */
bool store_api_key_project(struct db *db, struct arena *a, int64_t organization_id, str slug,
			   int64_t *id_out, struct err *e) MUST_CHECK;
bool store_api_key_project_slug(struct db *db, struct arena *a, int64_t id, str *out,
				struct err *e) MUST_CHECK;

/* Ends the live grants of a person (organization_id 0: everywhere) with their families and
 * installation tokens. */
bool store_grants_end(struct db *db, struct arena *a, int64_t account_id, int64_t organization_id,
		      int64_t now_ms, str reason, int64_t *n_out, struct err *e) MUST_CHECK;
/* The person's refresh families, whatever they belong to. */
bool store_families_end(struct db *db, struct arena *a, int64_t account_id, int64_t now_ms,
			str reason, struct err *e) MUST_CHECK;

/* Apps with what authenticates them. */
struct stored_secret { int64_t id, expires_ms; str digest; };
struct stored_app { struct app app; struct stored_secret *secrets; size_t secrets_n; };
bool store_bearer_app_ids(struct db *db, struct arena *a, int64_t **ids_out, size_t *n_out,
                          struct err *e) MUST_CHECK;
bool store_bearer_app(struct db *db, struct arena *a, int64_t id, struct stored_app *out,
		      struct err *e) MUST_CHECK;
bool store_bearer_app_id(struct db *db, struct arena *a, str client_id, int64_t *id_out,
			 struct err *e) MUST_CHECK;
/* By current or former public id; 0: never existed. */
bool store_bearer_grant_id(struct db *db, struct arena *a, str public_id, int64_t *id_out,
                           struct err *e) MUST_CHECK;
/* The same, where another app's or person's is 0 as well. account_id 0: any person's. */
bool store_bearer_grant_id_of(struct db *db, struct arena *a, str public_id, int64_t app_id,
			      int64_t account_id, int64_t *id_out, struct err *e) MUST_CHECK;

/* Deletes at most `limit` expired installation tokens and denials of access tokens, oldest
 * first. */
bool store_tokens_purge(struct db *db, struct arena *a, int64_t now_ms, int64_t limit,
			int64_t *n_out, struct err *e) MUST_CHECK;

#endif
