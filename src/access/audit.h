/* SPDX-License-Identifier: MIT
 *
 * What happened, appended in the transaction of what it tells. Append-only. Source: contract rule
 * 221. */
#ifndef ACCESS_AUDIT_H
#define ACCESS_AUDIT_H

#include "access/act.h"
#include "base/field.h"

/*        kind                     as stored                                                              */
#define AUDIT_TABLE(X) \
	X(AUTHORIZE_SHOWN,         "authorize.shown")         \
	X(AUTHORIZE_APPROVED,      "authorize.approved")      \
	X(AUTHORIZE_DENIED,        "authorize.denied")        \
	X(CODE_ISSUED,             "code.issued")             \
	X(CODE_REDEEMED,           "code.redeemed")           \
	X(CODE_REPLAYED,           "code.replayed")           \
	X(CODE_REFUSED,            "code.refused")            \
	X(TOKEN_ISSUED,            "token.issued")            \
	X(TOKEN_REFRESHED,         "token.refreshed")         \
	X(TOKEN_REFRESH_REFUSED,   "token.refresh_refused")   \
	X(TOKEN_REUSED,            "token.reuse_detected")    \
	X(TOKEN_MINTED,            "token.minted")            \
	X(TOKEN_REVOKED,           "token.revoked")           \
	X(TOKEN_LEAKED,            "token.leaked")            \
	X(FAMILY_EVICTED,          "family.evicted")          \
	X(GRANT_CREATED,           "grant.created")           \
	X(GRANT_CHANGED,           "grant.changed")           \
	X(GRANT_REVOKED,           "grant.revoked")           \
	X(SCOPE_DENIED,            "scope.denied")            \
	X(APP_CREATED,             "app.created")             \
	X(APP_CHANGED,             "app.changed")             \
	X(APP_SECRET_ROTATED,      "app.secret_rotated")      \
	X(APP_DISABLED,            "app.disabled")            \
	X(APP_AUTH_FAILED,         "app.auth_failed")         \
	X(USER_CREATED,            "user.created")            \
	X(USER_PASSWORD_CHANGED,   "user.password_changed")   \
	X(USER_DISABLED,           "user.disabled")           \
	X(SESSION_CREATED,         "session.created")         \
	X(SESSION_ENDED,           "session.ended")           \
	X(SESSION_REFUSED,         "session.refused")         \
	X(ORGANIZATION_CREATED,    "organization.created")    \
	X(MEMBER_SET,              "member.set")              \
	X(MEMBER_REMOVED,          "member.removed")          \
	X(KEY_CREATED,             "key.created")             \
	X(KEY_REVOKED,             "key.revoked")             \
	X(PROJECT_CREATED,         "project.created")         \
	X(PROJECT_CHANGED,         "project.changed")         \
	X(LANGUAGE_ADDED,          "language.added")          \
	X(TEXT_IMPORTED,           "text.imported")           \
	X(TEXT_KEYS_CREATED,       "text.keys_created")       \
	X(TEXT_CHANGED,            "text.changed")            \
	X(TEXT_KEYS_DELETED,       "text.keys_deleted")       \
	X(PUBLISH_STARTED,         "publish.started")         \
	X(PUBLISH_COMPLETED,       "publish.completed")       \
	X(PUBLISH_FAILED,          "publish.failed")          \
	X(PUBLISH_CANCELLED,       "publish.cancelled")       \
	X(PUBLISH_ROLLED_BACK,     "publish.rolled_back")     \
	X(STORE_BACKED_UP,         "store.backed_up")         \
	X(STORE_RESTORED,          "store.restored")

enum audit_kind {
#define X(id, name) AUDIT_##id,
	AUDIT_TABLE(X)
#undef X
	AUDIT_KIND_COUNT
};
str audit_kind_name(enum audit_kind kind);

/* What it is about. Ids left 0 are taken from who asks (act->who). `facts` become the members
 * of a JSON object; they must not hold secrets, and what looks like one of our tokens is
 * masked all the same. */
struct audit_detail {
	int64_t account_id, app_id, organization_id, grant_id, project_id;
	const struct str_pair *facts;
	size_t  facts_n;
};

/* Appends in act->db's transaction. detail may be NULL. */
bool audit_add(const struct act *act, enum audit_kind kind, const struct audit_detail *detail,
               struct err *e) MUST_CHECK;
/* A header a client sent, as it may be stored: UTF-8 of bounded length, never absent. */
str  audit_header_text(struct arena *a, str s);
#define AUDIT_FACTS(...) \
	.facts = (const struct str_pair[]){ __VA_ARGS__ }, \
	.facts_n = sizeof((const struct str_pair[]){ __VA_ARGS__ }) / sizeof(struct str_pair)

/* audit.list {since, grant, organization, app, after, limit} -> {events, next}; newest last. */
struct audit_in { str since, grant, organization, app; int64_t after, limit; };
struct audit_event {
	int64_t id;
	str at, kind, account, app, organization, grant, project, request_id, address, user_agent,
		detail;
};
struct audit_out { struct list events; int64_t next; };
extern const struct field audit_in_fields[], audit_out_fields[];
bool audit_list(const struct act *act, const void *in, void *out, struct err *e) MUST_CHECK;
/* audit.organization: the same for an administrator of in->organization, of that organization alone.
 * Names of grants and apps that are elsewhere find nothing, as those that do not exist. */
bool audit_organization(const struct act *act, const void *in, void *out, struct err *e) MUST_CHECK;

#endif
