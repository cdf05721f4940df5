/* SPDX-License-Identifier: MIT
 *
 * GET /api/oauth-client/me: who the token stands for. An access token sees all connections of its
 * app and person; an installation token its own organization. Source: contract "platform-api" 13;
 * ruling R42. */
#ifndef OAUTH_ME_H
#define OAUTH_ME_H

#include "access/act.h"
#include "base/field.h"

struct me_user { str id, name, email, image; };
struct me_client { str id, name; };
struct me_organization { str id, name, slug; };
struct me_grant {
	str grant_id, organization_id, organization_slug, project_access;
	struct strs scopes, project_ids;
};
struct me_out {
	struct me_user user;
	struct me_client client;
	struct me_organization organization; /* of an installation token */
	str grant_id, project_access;
	struct strs scopes, project_ids;
	struct list grants;
};
extern const struct field me_out_fields[];
bool me_get(const struct act *act, const void *in, void *out, struct err *e) MUST_CHECK;

#endif
