/* SPDX-License-Identifier: MIT
 *
 * Organization keys: bi-… (secret, with scopes) and bi_pub_… (public, read only). Sources:
 * contract "platform-api" 4.1, 4.3; ruling R14. */
#ifndef ACCESS_KEY_H
#define ACCESS_KEY_H

#include "access/act.h"
#include "base/field.h"

struct api_key_add_in { str organization, level, name; bool is_public; struct strs projects; };
struct api_key_add_out { str id, key, prefix, expires_at; };      /* the key only this once */
extern const struct field api_key_add_in_fields[], api_key_add_out_fields[];
bool api_key_add(const struct act *act, const void *in, void *out, struct err *e) MUST_CHECK;

struct api_key_list_in { str organization; };
struct api_key_view {
	str id, prefix, kind, organization, name, project_access, created_at, expires_at,
		last_used_at, revoked_at;
	struct strs scopes, projects;
};
struct api_key_list_out { struct list keys; };
extern const struct field api_key_list_in_fields[], api_key_list_out_fields[];
bool api_key_list(const struct act *act, const void *in, void *out, struct err *e) MUST_CHECK;

struct api_key_revoke_in { str id; };
struct api_key_revoke_out { str id; bool revoked; };
extern const struct field api_key_revoke_in_fields[], api_key_revoke_out_fields[];
bool api_key_revoke(const struct act *act, const void *in, void *out, struct err *e) MUST_CHECK;

#endif
