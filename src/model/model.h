/* SPDX-License-Identifier: MIT
 *
 * The nouns: plain structs, no I/O. `id` is internal and never leaves the server; `public_id` is
 * what clients see. A struct whose id is 0 is "not found". Times are ms since 1970, 0 = never. */
#ifndef MODEL_MODEL_H
#define MODEL_MODEL_H

#include "model/scope.h"

struct account {
	int64_t id;
	str     public_id, email, name, locale;
	int64_t created_ms, disabled_ms;
};

struct session {
	int64_t id, account_id, auth_time_ms, created_ms, seen_ms, expires_ms;
	str     method, address, user_agent;
};

struct organization {
	int64_t id;
	str     public_id, slug, name;
	int64_t created_ms;
};

enum role { ROLE_NONE, ROLE_MEMBER, ROLE_ADMIN, ROLE_OWNER };   /* ordered: may do at least what is below */
enum role role_by_name(str name);                               /* ROLE_NONE: unknown */
str       role_name(enum role r);

struct membership { struct organization organization; enum role role; };
struct membership_list { struct membership *v; size_t n; };

enum app_kind { APP_WEB, APP_NATIVE, APP_SPA };
enum refresh_policy { REFRESH_STABLE, REFRESH_ROTATING, REFRESH_LAGGING };
bool app_kind_by_name(str name, enum app_kind *out) MUST_CHECK;
str  app_kind_name(enum app_kind k);
bool refresh_policy_by_name(str name, enum refresh_policy *out) MUST_CHECK;
str  refresh_policy_name(enum refresh_policy p);

struct app {
	int64_t id, organization_id, account_id;
	str     client_id, name, icon_url, auth_method;
	enum app_kind kind;
	enum refresh_policy refresh_policy;
	bool    confidential, verified, pkce_required, invalid_grant_401, dev_loopback, mcp_class;
	int64_t refresh_grace_s, scopes, created_ms, disabled_ms;
	struct strs redirect_uris;
};

/* What a grant or token may touch. SELECTED with an empty list is NONE and can do nothing; the
 * wire's [] means ALL only (rulings R18, R42). Ids are internal project ids. */
enum project_mode { PROJECTS_ALL, PROJECTS_SELECTED, PROJECTS_NONE };
struct project_set { enum project_mode mode; const int64_t *ids; size_t n; };
bool project_set_has(const struct project_set *set, int64_t project_id);
str  project_mode_name(enum project_mode m);                    /* as stored: all selected none */
enum project_mode project_mode_by_name(str name);               /* unknown -> NONE */
str  project_access_name(enum project_mode m);                  /* on the wire: all | selected */
/* "1 5 9" <-> ids */
str  project_ids_text(struct arena *a, const struct project_set *set);
struct project_set project_set_parse(struct arena *a, str mode, str ids_text);

struct grant {                          /* row of `installation` */
	int64_t id, app_id, account_id, organization_id, scopes, version;
	str     public_id;
	struct project_set projects;
	int64_t created_ms, changed_ms, used_ms, expires_ms, suspended_ms, revoked_ms;
};

struct project {
	int64_t id, organization_id;
	str     public_id, slug, name, organization_slug, organization_name;
	str     source_language, file_structure, key_format, missing;
	bool    publish_drafts, fill_from_source, default_wrapped, language_changed;
	int64_t publish_cooldown_s, publish_seq, published_ms, created_ms;
};
struct project_list { struct project *v; size_t n; };
bool project_is_namespaced(const struct project *p);
bool project_is_flat(const struct project *p);

struct language { str code, status; int64_t position; bool changed; };
struct language_list { struct language *v; size_t n; };

struct job {
	int64_t id, project_id, account_id, app_id;
	str     public_id, kind, via, state, input, result, log, error, owner;
	int64_t epoch, lease_until_ms, not_before_ms, attempts, created_ms, started_ms, finished_ms;
};

#endif
