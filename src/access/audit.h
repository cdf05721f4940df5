/* SPDX-License-Identifier: MIT
 *
 * What happened, appended in the transaction of what it tells. Append-only. Source: contract rule
 * 221. */
#ifndef ACCESS_AUDIT_H
#define ACCESS_AUDIT_H

#include "access/act.h"
#include "base/field.h"

/*        kind                    as stored                  how it ended */
#define AUDIT_TABLE(X) \
	X(AUTHORIZE_SHOWN,        "authorize.shown",         DONE)     \
	X(AUTHORIZE_APPROVED,     "authorize.approved",      DONE)     \
	X(AUTHORIZE_DENIED,       "authorize.denied",        REFUSED)  \
	X(AUTHORIZE_REFUSED,      "authorize.refused",       REFUSED)  \
	X(CODE_ISSUED,            "code.issued",             DONE)     \
	X(CODE_REDEEMED,          "code.redeemed",           DONE)     \
	X(CODE_REPLAYED,          "code.replayed",           REFUSED)  \
	X(CODE_REFUSED,           "code.refused",            REFUSED)  \
	X(TOKEN_ISSUED,           "token.issued",            DONE)     \
	X(TOKEN_REFRESHED,        "token.refreshed",         DONE)     \
	X(TOKEN_REFRESH_REFUSED,  "token.refresh_refused",   REFUSED)  \
	X(TOKEN_REUSED,           "token.reuse_detected",    REFUSED)  \
	X(TOKEN_MINTED,           "token.minted",            DONE)     \
	X(TOKEN_REVOKED,          "token.revoked",           DONE)     \
	X(TOKEN_LEAKED,           "token.leaked",            DONE)     \
	X(FAMILY_EVICTED,         "family.evicted",          DONE)     \
	X(GRANT_CREATED,          "grant.created",           DONE)     \
	X(GRANT_CHANGED,          "grant.changed",           DONE)     \
	X(GRANT_REVOKED,          "grant.revoked",           DONE)     \
	X(SCOPE_DENIED,           "scope.denied",            REFUSED)  \
	X(APP_CREATED,            "app.created",             DONE)     \
	X(APP_CHANGED,            "app.changed",             DONE)     \
	X(APP_SECRET_ROTATED,     "app.secret_rotated",      DONE)     \
	X(APP_DISABLED,           "app.disabled",            DONE)     \
	X(APP_DELETED,            "app.deleted",             DONE)     \
	X(APP_AUTH_FAILED,        "app.auth_failed",         REFUSED)  \
	X(USER_CREATED,           "user.created",            DONE)     \
	X(USER_PASSWORD_CHANGED,  "user.password_changed",   DONE)     \
	X(USER_DISABLED,          "user.disabled",           DONE)     \
	X(USER_DELETED,           "user.deleted",            DONE)     \
	X(SESSION_CREATED,        "session.created",         DONE)     \
	X(SESSION_ENDED,          "session.ended",           DONE)     \
	X(SESSION_REFUSED,        "session.refused",         REFUSED)  \
	X(ORGANIZATION_CREATED,   "organization.created",    DONE)     \
	X(MEMBER_SET,             "member.set",              DONE)     \
	X(MEMBER_REMOVED,         "member.removed",          DONE)     \
	X(KEY_CREATED,            "key.created",             DONE)     \
	X(KEY_REVOKED,            "key.revoked",             DONE)     \
	X(PROJECT_CREATED,        "project.created",         DONE)     \
	X(PROJECT_CHANGED,        "project.changed",         DONE)     \
	X(LANGUAGE_ADDED,         "language.added",          DONE)     \
	X(TEXT_IMPORTED,          "text.imported",           DONE)     \
	X(TEXT_KEYS_CREATED,      "text.keys_created",       DONE)     \
	X(TEXT_CHANGED,           "text.changed",            DONE)     \
	X(TEXT_KEYS_DELETED,      "text.keys_deleted",       DONE)     \
	X(PUBLISH_STARTED,        "publish.started",         DONE)     \
	X(PUBLISH_COMPLETED,      "publish.completed",       DONE)     \
	X(PUBLISH_FAILED,         "publish.failed",          FAILED)   \
	X(PUBLISH_CANCELLED,      "publish.cancelled",       DONE)     \
	X(PUBLISH_ROLLED_BACK,    "publish.rolled_back",     DONE)     \
	X(STORE_BACKED_UP,        "store.backed_up",         DONE)     \
	X(STORE_RESTORED,         "store.restored",          DONE)     \
	X(SERVER_KEY_ROTATED,     "server_key.rotated",      DONE)

enum audit_kind {
#define X(id, name, outcome) AUDIT_##id,
	AUDIT_TABLE(X)
#undef X
	AUDIT_KIND_COUNT
};
str audit_kind_name(enum audit_kind kind);
str audit_outcome(str kind);         /* done, refused, failed; absent: no such kind */

/* What it is about. Ids left 0 are taken from who asks (act->who). `facts` become the members
 * of a JSON object; they must not hold secrets, and what looks like one of our tokens is
 * masked all the same. */
struct audit_detail {
	int64_t account_id, app_id, organization_id, grant_id, project_id;
	const struct str_pair *facts;
	size_t  facts_n;
	str     counted_as;          /* of refusals that must not be told apart: counted by this and their kind alone */
};

/* Appends in act->db's transaction. detail may be NULL. */
bool audit_add(const struct act *act, enum audit_kind kind, const struct audit_detail *detail,
               struct err *e) MUST_CHECK;
/* A refusal, and why: one word of web/failures.c. value: what was wrong, as the client sent it and as it may be shown
 * (audit_value, audit_uri); absent: nothing to show. At most AUDIT_FACTS_MAX of detail->facts. Who asks may be anybody,
 * so that of the same kind, app, account, grant, reason and facts audit_refusals_per_minute_max a minute are written;
 * the last of them says so. */
enum { AUDIT_FACTS_MAX = 4 };
bool audit_refusal(const struct act *act, enum audit_kind kind, const struct audit_detail *detail, str reason,
                   str value, struct err *e) MUST_CHECK;
/* Would one that is counted so go on record now? Then it is worth finding out why. */
bool audit_refusal_due(const struct act *act, enum audit_kind kind, str counted_as);
/* Printable and short. */
str  audit_value(struct arena *a, str s);
/* The same for an address: without query, fragment and what stands before an '@', which may be secret. */
str  audit_uri(struct arena *a, str uri);
/* A header a client sent, as it may be stored: UTF-8 of bounded length, never absent. */
str  audit_header_text(struct arena *a, str s);
#define AUDIT_FACTS(...) \
	.facts = (const struct str_pair[]){ __VA_ARGS__ }, \
	.facts_n = sizeof((const struct str_pair[]){ __VA_ARGS__ }) / sizeof(struct str_pair)

/* since, until: an ISO time, a day (until: to its end), or how long ago, such as 24h. kind: one of the table, or the
 * word before its dot for all of that group.
 *
 * audit.list {since, until, grant, organization, app, kind, after, limit} -> {events, next}; newest last. */
struct audit_in { str since, until, grant, organization, app, kind; int64_t after, limit; };
struct audit_event {
	int64_t id;
	str at, kind, outcome, account, app, organization, grant, project, request_id, address, user_agent, detail;
	str account_name, account_email, app_name;     /* audit.organization alone */
};
struct audit_out { struct list events; int64_t next; };
extern const struct field audit_in_fields[], audit_out_fields[];
bool audit_list(const struct act *act, const void *in, void *out, struct err *e) MUST_CHECK;

/* audit.organization {organization, app, grant, kind, since, until, cursor, limit} -> {organization, events,
 * nextCursor, newerCursor, searchedTo}: newest first, for an administrator of the organization or its admin key: what
 * is about the organization, and what is about its apps and no other organization. Who is no member stays unnamed
 * there. A session may leave the organization out: the first one that the person administers, if any.
 * One call looks through audit_scan_max events: when there may be more, nextCursor goes on from there, and searchedTo
 * says to which time that was. Names of grants and apps that are elsewhere find nothing, as those that do not exist.
 * ERR_INVALID_REQUEST: a filter; ERR_FORBIDDEN: no administrator; ERR_NOT_FOUND: no such organization. */
struct audit_search_in { str organization, app, grant, kind, since, until, cursor; int64_t limit; };
struct audit_place { str id, slug, name; };
struct audit_search_out {
	struct audit_place organization;
	struct list events;
	str next_cursor, newer_cursor, searched_to;
};
extern const struct field audit_search_in_fields[], audit_search_out_fields[];
bool audit_organization(const struct act *act, const void *in, void *out, struct err *e) MUST_CHECK;

#endif
