/* SPDX-License-Identifier: MIT
 *
 * What is live, in memory: grants, installation tokens, refresh families, organization keys, sessions. Complete from
 * bearers_load on, so that "who is asking" needs no storage and a miss is an answer. Readers take no lock.
 *
 * Changes are made by the write lane (act->db is a savepoint) and follow durability:
 *   *_add, *_put      appear after the commit; nothing happens when it fails
 *   *_deny            takes effect at once (fails closed) and is undone when the commit fails
 * With act->db NULL a change is made at once (tests).
 * Sources: design sections 4 to 6; contract rules 146, 152-154, 162-168, 211-213; rulings R3, R20, R34. */
#ifndef ACCESS_BEARER_H
#define ACCESS_BEARER_H

#include "access/act.h"
#include "crypto/crypto.h"

struct bearers;
struct rates;
struct rate_left;
struct db;

/* settings: borrowed, must outlive it. */
struct bearers *bearers_create(const struct settings *settings);
void bearers_destroy(struct bearers *b);          /* when no reader is left; NULL is fine */
/* Reads everything that is live from the store; blocks. Once, before the first request. */
bool bearers_load(struct bearers *b, struct store *store, int64_t now_ms, struct err *e) MUST_CHECK;
/* Limits by address (access/rate.h). */
struct rates *bearers_rates(struct bearers *b);

struct bearers_counts { size_t grants, tokens, families, keys, sessions, organizations; };
void bearers_count(struct bearers *b, struct bearers_counts *out);

/* Who presents `text` as a bearer token or x-api-key: INSTALL, ACCESS, KEY or PUBLIC_KEY.
 * Inline; allocates only in `a`. ERR_INVALID_TOKEN for anything that is not live, always with
 * the same text; ERR_GRANT_REVOKED; ERR_FORBIDDEN (suspended). Sessions: access/session.h. */
bool bearer_principal(struct bearers *b, struct arena *a, str text, int64_t now_ms,
		      struct principal *out, struct err *e) MUST_CHECK;

/* One request (one mint) of a grant; an unknown one is not counted. left->max: the limit a minute,
 * 0 for none; the rest is filled (access/rate.h). false: ERR_RATE_LIMITED with retry_after_s.
 * Inline. */
bool bearer_request_take(struct bearers *b, int64_t grant_id, int64_t now_ms,
			 struct rate_left *left, struct err *e) MUST_CHECK;
bool bearer_mint_take(struct bearers *b, int64_t grant_id, int64_t now_ms, struct rate_left *left,
                      struct err *e) MUST_CHECK;

/* Organizations: names that principals carry. ------------------------------------------------ */
void bearer_organization_put(const struct act *act, const struct organization *o);

/* Grants. ------------------------------------------------------------------------------------ */
struct bearer_grant {
	int64_t id, app_id, account_id, scopes, expires_ms;
	int64_t version; /* grows whenever public_id changes (R3)                       */
	struct project_set projects;
	str public_id; /* the current one                                             */
	struct organization organization;
	bool    revoked, suspended;
	bool is_alias; /* find: it was asked for under a former public id              */
	int64_t tokens_live; /* find: installation tokens not yet swept; put: ignored        */
};
/* By current or former public id; false: not in memory (never existed, or revoked some time
 * ago). Copies into `a`. */
bool bearer_grant_find(struct bearers *b, struct arena *a, str public_id,
		       struct bearer_grant *out) MUST_CHECK;
bool bearer_grant_by_id(struct bearers *b, struct arena *a, int64_t id,
			struct bearer_grant *out) MUST_CHECK;
/* Adds, or replaces as a whole; a changed public_id leaves an alias behind. Counters go on.
 * Only organization.id is needed when the organization is known already. */
void bearer_grant_put(const struct act *act, const struct bearer_grant *g);
/* The same from the row, read in this transaction. */
bool bearer_grant_refresh(const struct act *act, int64_t id, struct err *e) MUST_CHECK;
/* Revocation: its installation tokens answer 410 from now on. Access tokens of its families
 * still tell who asks, so that the app hears 410 and may delete twice (R33); deny the family
 * where they must stop as well (theft, replay, sign-out). */
void bearer_grant_deny(const struct act *act, int64_t id);
/* All live grants of a person in an organization (role loss). */
void bearer_member_deny(const struct act *act, int64_t organization_id, int64_t account_id);
/* All grants and families of a person (disabled), also sessions and keys; of an app (disabled). */
void bearer_account_deny(const struct act *act, int64_t account_id);
void bearer_app_deny(const struct act *act, int64_t app_id);

/* Installation tokens. ----------------------------------------------------------------------- */
struct bearer_token {
	struct digest digest;
	int64_t grant_id, grant_version, scopes, expires_ms;
	struct project_set projects;
	int64_t issued_ms;              /* 0: not known */
};
void bearer_token_add(const struct act *act, const struct bearer_token *t);
void bearer_token_deny(const struct act *act,
		       const struct digest *digest); /* this one only: 401 from now on */

/* Refresh families and the access tokens derived from them. ---------------------------------- */
struct bearer_family {
	int64_t id, app_id, account_id, grant_id, code_id, expires_ms;
	uint8_t secret[KEY_BYTES];
};
void bearer_family_add(const struct act *act, const struct bearer_family *f);
void bearer_family_deny(const struct act *act, int64_t id);
/* Copies; the caller wipes out->secret. false: not live. */
bool bearer_family_find(struct bearers *b, int64_t id, struct bearer_family *out) MUST_CHECK;
/* Moves the absolute or sliding end; after the commit. */
void bearer_family_extend(const struct act *act, int64_t id, int64_t expires_ms);
/* A single access token, until it expires by itself (ruling R22). */
void bearer_access_deny(const struct act *act, const struct digest *digest, int64_t expires_ms);
/* The secret as it is stored: sealed under the server key, bound to its family. */
str family_secret_seal(struct arena *a, const struct settings *s, int64_t family_id,
		       const uint8_t secret[KEY_BYTES]);
bool family_secret_unseal(struct arena *a, const struct settings *s, int64_t family_id, str sealed,
                          uint8_t secret_out[KEY_BYTES]) MUST_CHECK;
/* Seals every secret under the key of `to` that is sealed under that of `from`; tokens stay as they are
 * (ruling R22). ERR_PRECONDITION_FAILED: one was not sealed under it. */
bool family_secrets_rewrap(struct db *db, const struct settings *from, const struct settings *to,
			   int64_t *n_out, struct err *e) MUST_CHECK;

/* Organization keys. ------------------------------------------------------------------------- */
struct bearer_key {
	struct digest digest;
	int64_t id, account_id, scopes, expires_ms;     /* expires_ms 0: never */
	struct organization organization;
	struct project_set projects;
	bool    is_public;
};
void bearer_key_add(const struct act *act, const struct bearer_key *k);
void bearer_key_deny(const struct act *act, int64_t id);

/* Sessions (digest of the cookie). ----------------------------------------------------------- */
struct bearer_session {
	struct digest digest;
	int64_t id, account_id, auth_time_ms, seen_ms, expires_ms;
};
void bearer_session_add(const struct act *act, const struct bearer_session *s);
void bearer_session_deny(const struct act *act, int64_t id);
void bearer_session_deny_account(const struct act *act, int64_t account_id);
/* false: unknown, ended, or unused for too long. Counts as a use. */
bool bearer_session_find(struct bearers *b, const struct digest *digest, int64_t now_ms,
                         struct bearer_session *out) MUST_CHECK;

/* Public ids that never change, kept from the first time somebody needed them: what a token tells
 * about itself (oauth/introspect.h) needs no store then. Absent: not kept yet. ----------------- */
enum bearer_noun { NOUN_ACCOUNT, NOUN_PROJECT };
str  bearer_public_id(struct bearers *b, struct arena *a, enum bearer_noun noun, int64_t id);
void bearer_public_id_keep(struct bearers *b, enum bearer_noun noun, int64_t id, str public_id);

/* Upkeep. ------------------------------------------------------------------------------------ */
/* Drops what has expired from memory. Any thread; a timer calls it every few seconds. */
void bearers_sweep(struct bearers *b, int64_t now_ms);
/* bearers_sweep, and on the write lane: expired rows are deleted in slices, uses of sessions
 * and keys are noted. Slow lane. */
bool access_sweep(const struct act *act, struct err *e) MUST_CHECK;

#endif
