/* SPDX-License-Identifier: MIT
 *
 * Connections as people and operators see and end them. Sources: contract "own-interfaces"; rules
 * 145, 147, 153. */
#ifndef OAUTH_GRANT_H
#define OAUTH_GRANT_H

#include "access/act.h"
#include "base/field.h"

/* grant.list {organization?, app?} (operator): also those that were revoked. */
struct grant_list_in { str organization, app; };
struct grant_view {
	str grant_id, app, user, organization, project_access, created_at, last_used_at, revoked_at;
	struct strs scopes, project_ids;
};
struct grant_list_out { struct list grants; };
extern const struct field grant_list_in_fields[], grant_list_out_fields[];
bool grant_list(const struct act *act, const void *in, void *out, struct err *e) MUST_CHECK;

/* grant.revoke {grant_id}, by present or former id: the operator; the person; an administrator of
 * the organization. The same answer twice. */
struct grant_revoke_in { str grant_id; };
struct grant_revoke_out { bool revoked; str grant_id; };
extern const struct field grant_revoke_in_fields[], grant_revoke_out_fields[];
bool grant_revoke(const struct act *act, const void *in, void *out, struct err *e) MUST_CHECK;

/* connected.list: the live connections of the person who asks, by app. */
struct connected_grant {
	str grant_id, organization_name, organization_slug, project_access, created_at,
		last_used_at;
	struct strs scopes, projects;        /* projects: slugs, empty for all */
	int64_t live_tokens;
};
struct connected_app { str client_id, name; bool verified; struct list grants; };
/* What the person should know of (ruling R43): kind is refresh_reuse_detected (detail: the grant)
 * or token_leaked (detail: what it was, and whose). The newest few, of the last weeks. */
struct connected_notice { str kind, detail, created_at; };
struct connected_list_out { struct list apps, notices; };
extern const struct field connected_list_out_fields[];
bool connected_list(const struct act *act, const void *in, void *out, struct err *e) MUST_CHECK;

/* connected.revoke_app {client_id}: all connections of the person with this app. */
struct connected_revoke_in { str client_id; };
struct connected_revoke_out { int64_t revoked; };
extern const struct field connected_revoke_in_fields[], connected_revoke_out_fields[];
bool connected_revoke_app(const struct act *act, const void *in, void *out,
                          struct err *e) MUST_CHECK;

#endif
