/* SPDX-License-Identifier: MIT
 *
 * Installation tokens and the connections they come from: minting, ending, listing, for the app
 * itself. Sources: contract "platform-api" 13; rules 145, 148-156; rulings R3, R20, R24, R33, R42.
 */
#ifndef OAUTH_INSTALL_H
#define OAUTH_INSTALL_H

#include "access/act.h"
#include "base/field.h"

/* install.mint: an access token of (app, person) for one of their grants, by present or former id.
 * Only narrows. */
struct mint_in { str grant_id; struct strs scopes, project_ids; int64_t expires_in; };
struct mint_out {
	str installation_token, token_type, expires_at, organization_id, project_access, grant_id;
	int64_t expires_in;
	struct strs project_ids, scopes;
};
extern const struct field mint_in_fields[], mint_out_fields[];
bool install_mint(const struct act *act, const void *in, void *out, struct err *e) MUST_CHECK;

/* install.delete: the same answer twice. Also for the app that authenticates itself. */
struct install_delete_in { str grant_id; };
struct install_delete_out { bool revoked; str grant_id; };
extern const struct field install_delete_in_fields[], install_delete_out_fields[];
bool install_delete(const struct act *act, const void *in, void *out, struct err *e) MUST_CHECK;

/* install.list: the live grants of (app, person). */
struct install_view {
	str grant_id, organization_id, organization_slug, organization_name, project_access,
		created_at;
	struct strs scopes, project_ids;
};
struct install_list_out { struct list installations; };
extern const struct field install_list_out_fields[];
bool install_list(const struct act *act, const void *in, void *out, struct err *e) MUST_CHECK;

#endif
