/* SPDX-License-Identifier: MIT
 *
 * Typed store calls of people, sessions, organizations and records. Results live in `a`. "Not
 * found" is an id of 0 or an absent text, not an error. Those that change something need the write
 * connection. ERR_CONFLICT where a unique value is taken, ERR_UNAVAILABLE and ERR_INTERNAL as for
 * db_run. */
#ifndef STORE_ACCOUNT_H
#define STORE_ACCOUNT_H

#include "model/model.h"
#include "store/db.h"

enum { SESSION_DIGEST_BYTES = 32 };

bool store_meta_get(struct db *db, struct arena *a, str name, str *value_out,
                    struct err *e) MUST_CHECK;
bool store_meta_set(struct db *db, struct arena *a, str name, str value, struct err *e) MUST_CHECK;
/* Sets it only if there is none; *added_out says so. */
bool store_meta_add(struct db *db, struct arena *a, str name, str value, bool *added_out,
                    struct err *e) MUST_CHECK;

/* People. id and disabled_ms of *in are ignored. The e-mail address is compared in lower case:
 * ERR_CONFLICT. */
bool store_account_insert(struct db *db, struct arena *a, const struct account *in, int64_t *id_out,
                          struct err *e) MUST_CHECK;
bool store_account_by_id(struct db *db, struct arena *a, int64_t id, struct account *out,
                         struct err *e) MUST_CHECK;
bool store_account_by_public_id(struct db *db, struct arena *a, str public_id, struct account *out,
                                struct err *e) MUST_CHECK;
bool store_account_by_email(struct db *db, struct arena *a, str email, struct account *out,
                            struct err *e) MUST_CHECK;
struct account_list { struct account *v; size_t n; };
/* In order of id, those after `after_id`, at most `limit`. */
bool store_account_list(struct db *db, struct arena *a, int64_t after_id, int64_t limit,
                        struct account_list *out, struct err *e) MUST_CHECK;
/* *changed_out false: unknown, or disabled already. */
bool store_account_disable(struct db *db, struct arena *a, int64_t id, int64_t now_ms,
                           bool *changed_out, struct err *e) MUST_CHECK;

/* The argon2id text; absent: the person has no password. */
bool store_password_get(struct db *db, struct arena *a, int64_t account_id, str *secret_out,
                        struct err *e) MUST_CHECK;
bool store_password_set(struct db *db, struct arena *a, int64_t account_id, str secret,
                        int64_t now_ms, struct err *e) MUST_CHECK;

/* Sessions are found by the digest of their token. */
bool store_session_insert(struct db *db, struct arena *a,
                          const uint8_t digest[SESSION_DIGEST_BYTES], const struct session *in,
                          int64_t *id_out, struct err *e) MUST_CHECK;
struct session_list { struct session *v; size_t n; };
bool store_session_list(struct db *db, struct arena *a, int64_t account_id, int64_t now_ms,
                        struct session_list *out,
                        struct err *e) MUST_CHECK; /* live ones, newest first */
bool store_session_touch(struct db *db, struct arena *a, int64_t id, int64_t seen_ms,
                         struct err *e) MUST_CHECK;
/* Only the account's own. Digest absent: there was none. */
bool store_session_delete(struct db *db, struct arena *a, int64_t id, int64_t account_id,
                          str *digest_out, struct err *e) MUST_CHECK;
bool store_session_delete_by_digest(struct db *db, struct arena *a,
                                    const uint8_t digest[SESSION_DIGEST_BYTES], bool *deleted_out,
                                    struct err *e) MUST_CHECK;
bool store_session_delete_all(struct db *db, struct arena *a, int64_t account_id,
                              struct strs *digests_out, struct err *e) MUST_CHECK;
/* At most `limit` that have expired, oldest first. */
bool store_session_purge(struct db *db, struct arena *a, int64_t now_ms, int64_t limit,
                         struct strs *digests_out, struct err *e) MUST_CHECK;
/* Each session that is neither expired nor unseen since `seen_after_ms`, of people who are not
 * disabled. What fn gets is valid during the call. fn returns false to stop. */
struct session_loaded { struct session session; struct account account; const uint8_t *digest; };
bool store_session_each(struct db *db, struct arena *a, int64_t now_ms, int64_t seen_after_ms,
                        bool (*fn)(const struct session_loaded *s, void *arg), void *arg,
                        struct err *e) MUST_CHECK;

/* Organizations. ERR_SLUG_TAKEN: by another one, now or formerly. */
bool store_organization_insert(struct db *db, struct arena *a, const struct organization *in,
                               int64_t *id_out, struct err *e) MUST_CHECK;
bool store_organization_by_id(struct db *db, struct arena *a, int64_t id, struct organization *out,
                              struct err *e) MUST_CHECK;
/* Former slugs count; out->slug is always the present one. */
bool store_organization_by_slug(struct db *db, struct arena *a, str slug, struct organization *out,
                                struct err *e) MUST_CHECK;
/* What paths carry as :orgId: a public id, else a slug. */
bool store_organization_by_ref(struct db *db, struct arena *a, str ref, struct organization *out,
                               struct err *e) MUST_CHECK;
struct organization_list { struct organization *v; size_t n; };
bool store_organization_list(struct db *db, struct arena *a, int64_t after_id, int64_t limit,
                             struct organization_list *out, struct err *e) MUST_CHECK;
/* The old slug goes on answering. */
bool store_organization_rename(struct db *db, struct arena *a, const struct organization *now,
                               str slug, str name, int64_t now_ms, struct err *e) MUST_CHECK;

/* Former slugs; project_slug "" and project_id 0: the organization itself. ERR_SLUG_TAKEN: it leads
 * elsewhere already. */
struct slug_alias {
	str organization_slug, project_slug;
	int64_t organization_id, project_id, created_ms;
};
bool store_slug_alias_put(struct db *db, struct arena *a, const struct slug_alias *in,
                          struct err *e) MUST_CHECK;
bool store_slug_alias_get(struct db *db, struct arena *a, str organization_slug, str project_slug,
                          struct slug_alias *out,
                          struct err *e) MUST_CHECK; /* organization_id 0: none */

bool store_member_put(struct db *db, struct arena *a, int64_t organization_id, int64_t account_id,
                      enum role role, int64_t now_ms,
                      struct err *e) MUST_CHECK; /* adds, or changes the role */
bool store_member_remove(struct db *db, struct arena *a, int64_t organization_id,
                         int64_t account_id, bool *removed_out, struct err *e) MUST_CHECK;
bool store_member_role(struct db *db, struct arena *a, int64_t organization_id, int64_t account_id,
                       enum role *out, struct err *e) MUST_CHECK; /* ROLE_NONE: no member */
bool store_member_owners(struct db *db, struct arena *a, int64_t organization_id, int64_t *n_out,
                         struct err *e) MUST_CHECK;
bool store_memberships(struct db *db, struct arena *a, int64_t account_id,
                       struct membership_list *out, struct err *e) MUST_CHECK; /* by slug */
struct member { struct account account; enum role role; };
struct member_list { struct member *v; size_t n; };
bool store_member_list(struct db *db, struct arena *a, int64_t organization_id,
                       struct member_list *out, struct err *e) MUST_CHECK; /* by e-mail address */

/* Audit. The names are filled by the list alone, absent where the id is 0. */
struct audit_row {
	int64_t id, at_ms, account_id, app_id, organization_id, installation_id, project_id;
	str     kind, request_id, address, user_agent, detail;
	str     account, app, organization, grant, project;      /* public ids */
	str     account_name, account_email, app_name;
	bool    of_member;           /* the account is a member of the filter's organization */
};
struct audit_rows { struct audit_row *v; size_t n; };
struct audit_filter {
	int64_t after_id, before_id;         /* both left out of what is found */
	int64_t since_ms, until_ms;          /* until: left out too */
	int64_t installation_id, organization_id, app_id, limit;
	str     kind;                        /* LIKE: "token.minted", "token.%" */
	bool    newest_first;
}; /* 0, absent: any */
bool store_audit_append(struct db *db, struct arena *a, const struct audit_row *in,
                        struct err *e) MUST_CHECK;
bool store_audit_list(struct db *db, struct arena *a, const struct audit_filter *filter,
                      struct audit_rows *out, struct err *e) MUST_CHECK;
/* The first event whose id is `id` or more, and when it was; 0 when there is none. */
bool store_audit_from(struct db *db, struct arena *a, int64_t id, int64_t *id_out, int64_t *at_ms_out,
                      struct err *e) MUST_CHECK;
bool store_audit_last(struct db *db, struct arena *a, int64_t *id_out, struct err *e) MUST_CHECK;   /* 0: none */
/* Looks at the `limit` oldest; *n_out of them were from before `before_ms` and are gone. */
bool store_audit_purge(struct db *db, struct arena *a, int64_t before_ms, int64_t limit,
                       int64_t *n_out, struct err *e) MUST_CHECK;

/* Notices on the settings pages, newest first. */
struct notice { int64_t id, account_id, organization_id, created_ms, read_ms; str kind, detail; };
struct notice_list { struct notice *v; size_t n; };
bool store_notice_add(struct db *db, struct arena *a, const struct notice *in, int64_t *id_out,
                      struct err *e) MUST_CHECK;
/* The person's own, and those of organizations they administer that are addressed to nobody. */
bool store_notice_list_of_account(struct db *db, struct arena *a, int64_t account_id, int64_t limit,
                                  struct notice_list *out, struct err *e) MUST_CHECK;
bool store_notice_list_of_organization(struct db *db, struct arena *a, int64_t organization_id,
                                       int64_t limit, struct notice_list *out,
                                       struct err *e) MUST_CHECK;
bool store_notice_read(struct db *db, struct arena *a, int64_t id, int64_t account_id,
                       int64_t now_ms, struct err *e) MUST_CHECK;

#endif
