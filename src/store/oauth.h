/* SPDX-License-Identifier: MIT
 *
 * Typed store calls of apps, authorization requests, codes, grants, refresh families and minted
 * tokens. Results live in `a`. "Not found" is an id of 0, not an error; *done_out false means that
 * a conditional statement found no row in the state it needed. Those that change something need the
 * write connection. Errors as for db_run. */
#ifndef STORE_OAUTH_H
#define STORE_OAUTH_H

#include "model/model.h"
#include "store/db.h"

enum { OAUTH_DIGEST_BYTES = 32 };

struct id_set { int64_t *v; size_t n; };

/* Apps. */
bool store_app_insert(struct db *db, struct arena *a, const struct app *in, int64_t *id_out,
                      struct err *e) MUST_CHECK;
bool store_app_secret_add(struct db *db, struct arena *a, int64_t app_id,
                          const uint8_t digest[OAUTH_DIGEST_BYTES], int64_t now_ms,
                          struct err *e) MUST_CHECK;
/* The newest secret lives until until_ms, older ones end now. */
bool store_app_secrets_retire(struct db *db, struct arena *a, int64_t app_id, int64_t now_ms,
                              int64_t until_ms, struct err *e) MUST_CHECK;
bool store_app_secret_end(struct db *db, struct arena *a, int64_t secret_id, int64_t now_ms,
                          struct err *e) MUST_CHECK;
/* Noted at most once in a while: only when the last use is before `stale_ms`. */
bool store_app_secret_used(struct db *db, struct arena *a, int64_t secret_id, int64_t now_ms,
                           int64_t stale_ms, struct err *e) MUST_CHECK;
bool store_app_disable(struct db *db, struct arena *a, int64_t app_id, int64_t now_ms,
                       bool *done_out, struct err *e) MUST_CHECK;
/* account_id 0: all; else its own and those of organizations it administers. */
bool store_app_ids(struct db *db, struct arena *a, int64_t account_id, struct id_set *out,
                   struct err *e) MUST_CHECK;
/* Apps that the account has registered, but those disabled before `since_ms`. */
bool store_app_count(struct db *db, struct arena *a, int64_t account_id, int64_t since_ms, int64_t *n_out,
                     struct err *e) MUST_CHECK;
/* Refusals that apps of the account, or of organizations it administers, met: the last `each_max` of each app,
 * newest first, among the last `look_back` events of the audit. */
struct app_failure { int64_t at_ms; str client_id, kind, address, detail; };
struct app_failure_list { struct app_failure *v; size_t n; };
bool store_app_failures(struct db *db, struct arena *a, int64_t account_id, int64_t look_back,
                        int64_t each_max, struct app_failure_list *out, struct err *e) MUST_CHECK;

/* Authorization requests. */
struct authorization_request {
	int64_t id, app_id, account_id, scopes, created_ms, expires_ms;
	str redirect_uri, state, scope_text, challenge, nonce, resource, prompt, locale, issuer,
		choice, phase;
};
bool store_request_insert(struct db *db, struct arena *a, const uint8_t digest[OAUTH_DIGEST_BYTES],
                          const struct authorization_request *in, int64_t *id_out,
                          struct err *e) MUST_CHECK;
bool store_request_find(struct db *db, struct arena *a, const uint8_t digest[OAUTH_DIGEST_BYTES],
                        struct authorization_request *out, struct err *e) MUST_CHECK;
bool store_request_claim(struct db *db, struct arena *a, int64_t id, int64_t account_id,
                         int64_t now_ms, bool *done_out, struct err *e) MUST_CHECK;
/* open -> `phase` (approved, denied). */
bool store_request_decide(struct db *db, struct arena *a, const struct authorization_request *r,
                          str phase, str choice, int64_t now_ms, bool *done_out,
                          struct err *e) MUST_CHECK;
bool store_request_spend(struct db *db, struct arena *a, int64_t id, int64_t account_id,
                         int64_t now_ms, bool *done_out, struct err *e) MUST_CHECK;

/* Codes. */
struct stored_code {
	int64_t id, app_id, account_id, auth_time_ms, created_ms, expires_ms, redeemed_ms;
	str     redirect_uri, challenge, nonce, resource, scope_text, choice;
};
bool store_code_insert(struct db *db, struct arena *a, const uint8_t digest[OAUTH_DIGEST_BYTES],
                       const struct stored_code *in, struct err *e) MUST_CHECK;
/* nonce, auth_time_ms and created_ms are not read back. id 0 also when it is another app's, or has
 * expired without having been redeemed. */
bool store_code_to_exchange(struct db *db, struct arena *a,
                            const uint8_t digest[OAUTH_DIGEST_BYTES], int64_t app_id,
                            int64_t now_ms, struct stored_code *out, struct err *e) MUST_CHECK;
/* Whose it is and for what, whatever its state; the rest is not read. */
bool store_code_find(struct db *db, struct arena *a, const uint8_t digest[OAUTH_DIGEST_BYTES],
                     struct stored_code *out, struct err *e) MUST_CHECK;
bool store_code_redeem(struct db *db, struct arena *a, int64_t id, int64_t now_ms, bool *done_out,
                       struct err *e) MUST_CHECK;
bool store_code_wrong_verifier(struct db *db, struct arena *a, int64_t id, int64_t wrong_max,
                               struct err *e) MUST_CHECK;
/* Codes of this app for this person that nobody has redeemed yet end now. */
bool store_codes_end(struct db *db, struct arena *a, int64_t app_id, int64_t account_id,
                     int64_t now_ms, struct err *e) MUST_CHECK;

/* Grants. */
struct grant_new {
	int64_t app_id, account_id, organization_id, scopes, now_ms;
	str     public_id, resource, redirect_host;
	struct project_set projects;
};
/* The live grant of (app, account, organization): a new one as given, or the one there is, with its
 * own values. */
bool store_grant_ensure(struct db *db, struct arena *a, const struct grant_new *in,
                        struct grant *out, bool *created_out, struct err *e) MUST_CHECK;
/* Ruling R3: new values under a new public id; the old one becomes an alias. */
bool store_grant_reissue(struct db *db, struct arena *a, const struct grant *was,
                         const struct grant_new *in, struct err *e) MUST_CHECK;
bool store_grant_revoke(struct db *db, struct arena *a, int64_t id, int64_t now_ms, bool *done_out,
                        struct err *e) MUST_CHECK;
/* Families and installation tokens of a grant; now_ms must be the grant's revoked_ms. */
bool store_grant_end_tokens(struct db *db, struct arena *a, int64_t id, int64_t now_ms, str reason,
                            struct err *e) MUST_CHECK;
bool store_grants_of_app_revoke(struct db *db, struct arena *a, int64_t app_id, int64_t now_ms,
                                struct id_set *out, struct err *e) MUST_CHECK;
struct named_project { int64_t id; str public_id, slug, name; };
struct named_projects { struct named_project *v; size_t n; };
/* Projects of a limited grant that still exist; without names. */
bool store_grant_projects(struct db *db, struct arena *a, int64_t grant_id,
                          struct named_projects *out, struct err *e) MUST_CHECK;

struct grant_row {                       /* a grant with all that lists show of it */
	struct grant grant;                  /* projects: only the mode               */
	str redirect_host, client_id, app_name, organization_public_id, organization_slug,
		organization_name, email;
	bool    app_verified;
	int64_t last_used_ms, tokens_live;
};
struct grant_rows { struct grant_row *v; size_t n; };
enum grant_list_by {
	GRANTS_ALL,
	GRANTS_BY_ID,
	GRANTS_BY_APP,
	GRANTS_BY_ORGANIZATION,
	GRANTS_BY_ACCOUNT
};
/* Revoked ones too, except by account. `id` is what the second argument says. */
bool store_grant_list(struct db *db, struct arena *a, enum grant_list_by by, int64_t id,
                      int64_t now_ms, struct grant_rows *out, struct err *e) MUST_CHECK;
/* Live ones of one app and person. */
bool store_grants_of_app_account(struct db *db, struct arena *a, int64_t app_id, int64_t account_id,
                                 int64_t now_ms, struct grant_rows *out, struct err *e) MUST_CHECK;

/* Refresh families. */
struct family_new {
	int64_t id, grant_id, app_id, account_id, code_id, epoch, now_ms, idle_expires_ms,
		expires_ms, access_expires_ms;
	str     sealed, scope_text, resource, network, networks;
};
bool store_family_insert(struct db *db, struct arena *a, const struct family_new *in,
                         struct err *e) MUST_CHECK;

struct family_row {                      /* a family with all that a refresh looks at */
	int64_t id, grant_id, app_id, account_id, epoch, generation, counter;
	int64_t rotated_ms, used_ms, idle_expires_ms, expires_ms, revoked_ms, access_expires_ms;
	str     sealed, scope_text, resource, network, networks, history;
	struct grant grant;                  /* projects: only the mode */
	int64_t organization_id;
	str     organization_public_id, organization_slug, organization_name;
	bool    account_disabled;
	enum role role;                      /* of the person in the organization, now */
};
bool store_family_for_refresh(struct db *db, struct arena *a, int64_t id, struct family_row *out,
                              struct err *e) MUST_CHECK;
/* Writes epoch, network(s), history and times of *now, and now->generation, if the row still is as
 * *was; counts one access token more. */
bool store_family_refreshed(struct db *db, struct arena *a, const struct family_row *was,
                            const struct family_row *now, bool *done_out, struct err *e) MUST_CHECK;
bool store_family_revoke(struct db *db, struct arena *a, int64_t id, int64_t now_ms, str reason,
                         bool *done_out, struct err *e) MUST_CHECK;
bool store_families_of_code(struct db *db, struct arena *a, int64_t code_id, struct id_set *out,
                            struct err *e) MUST_CHECK;
/* Live ones of an app and person beyond the `keep` used last, those of this code not counted. */
bool store_families_over_limit(struct db *db, struct arena *a, int64_t app_id, int64_t account_id,
                               int64_t code_id, int64_t keep, struct id_set *out,
                               struct err *e) MUST_CHECK;

/* Installation tokens. */
struct minted {
	uint8_t digest[OAUTH_DIGEST_BYTES];
	int64_t grant_id, grant_version, family_id, scopes, now_ms, expires_ms;
	struct project_set projects;
};
/* *done_out false: the grant is not what it was when it was looked up. */
bool store_token_mint(struct db *db, struct arena *a, const struct minted *in, bool *done_out,
                      struct err *e) MUST_CHECK;
bool store_token_disable(struct db *db, struct arena *a, const uint8_t digest[OAUTH_DIGEST_BYTES],
                         int64_t now_ms, struct err *e) MUST_CHECK;
bool store_tokens_live(struct db *db, struct arena *a, int64_t grant_id, int64_t now_ms,
                       int64_t *n_out, struct err *e) MUST_CHECK;
/* Those minted with access tokens of one family; their digests. */
bool store_tokens_of_family_disable(struct db *db, struct arena *a, int64_t family_id,
                                    int64_t now_ms, struct strs *digests_out,
                                    struct err *e) MUST_CHECK;
bool store_access_revoke(struct db *db, struct arena *a, const uint8_t digest[OAUTH_DIGEST_BYTES],
                         int64_t expires_ms, struct err *e) MUST_CHECK;

/* What the consent page offers: organizations that the person administers, with the live grant of
 * this app. */
struct offered_organization {
	struct organization organization;
	int64_t grant_id, grant_scopes;
	enum project_mode grant_mode;
};
struct offered_organizations { struct offered_organization *v; size_t n; };
bool store_consent_organizations(struct db *db, struct arena *a, int64_t app_id, int64_t account_id,
                                 struct offered_organizations *out, struct err *e) MUST_CHECK;
bool store_consent_projects(struct db *db, struct arena *a, int64_t organization_id,
                            struct named_projects *out, struct err *e) MUST_CHECK;
/* 0: no such project in this organization. */
bool store_consent_project(struct db *db, struct arena *a, str public_id, int64_t organization_id,
                           int64_t *id_out, struct err *e) MUST_CHECK;
bool store_consent_organization_name(struct db *db, struct arena *a, int64_t id, str *slug_out,
                                     str *name_out, struct err *e) MUST_CHECK;
/* Role of the person and the organization's names. */
bool store_consent_role(struct db *db, struct arena *a, int64_t organization_id, int64_t account_id,
                        enum role *role_out, struct organization *out, struct err *e) MUST_CHECK;

/* Upkeep: expired requests, codes (kept a while for replays) and families; at most `limit` of each.
 */
bool store_oauth_purge(struct db *db, struct arena *a, int64_t now_ms, int64_t limit,
                       int64_t *n_out, struct err *e) MUST_CHECK;
bool store_families_over(struct db *db, struct arena *a, int64_t before_ms, int64_t limit,
                         struct id_set *out, struct err *e) MUST_CHECK;
bool store_family_delete(struct db *db, struct arena *a, int64_t id, int64_t before_ms,
                         struct err *e) MUST_CHECK;

#endif
