/* SPDX-License-Identifier: MIT
 *
 * Acts of apps, of the people who connect them, and of the operator who registers and revokes. */
#include "oauth/app.h"
#include "oauth/app_failures.h"
#include "oauth/authorize.h"
#include "oauth/consent.h"
#include "oauth/grant.h"
#include "oauth/install.h"
#include "oauth/introspect.h"
#include "oauth/leak.h"
#include "oauth/me.h"
#include "oauth/token.h"
#include "oauth/token_revoke.h"
#include "operation/operation.h"

extern const struct operation oauth_operations[];
extern const size_t oauth_operations_n;

#define IN(T, fields)  .in = (fields), .in_size = sizeof(struct T)
#define OUT(T, fields) .out = (fields), .out_size = sizeof(struct T)

const struct operation oauth_operations[] = {
	{ "app.add", WHO_LOCAL | WHO_SESSION, .lane = LANE_WRITE, IN(app_add_in, app_add_in_fields),
	  OUT(app_view, app_view_fields), .call = app_add },
	{ "app.list", WHO_LOCAL | WHO_SESSION, .lane = LANE_READ,
	  OUT(app_list_out, app_list_out_fields), .call = app_list },
	{ "app.failures", WHO_SESSION, .lane = LANE_READ, IN(app_failures_in, app_failures_in_fields),
	  OUT(app_failures_out, app_failures_out_fields), .call = app_failures },
	{ "app.show", WHO_LOCAL | WHO_SESSION, .lane = LANE_READ, IN(app_ref_in, app_ref_in_fields),
	  OUT(app_view, app_view_fields), .call = app_show },
	{ "app.rotate_secret", WHO_LOCAL | WHO_SESSION, .lane = LANE_WRITE,
	  IN(app_rotate_in, app_rotate_in_fields), OUT(app_view, app_view_fields),
	  .call = app_rotate_secret },
	{ "app.disable", WHO_LOCAL | WHO_SESSION, .lane = LANE_WRITE,
	  IN(app_ref_in, app_ref_in_fields), OUT(app_view, app_view_fields), .call = app_disable },
	{ "app.delete", WHO_LOCAL | WHO_SESSION, .lane = LANE_WRITE,
	  IN(app_ref_in, app_ref_in_fields), OUT(app_deleted, app_deleted_fields), .call = app_delete },

	{ "authorize.begin", WHO_ANONYMOUS | WHO_SESSION, .lane = LANE_WRITE,
	  IN(authorize_in, authorize_in_fields), OUT(authorize_out, authorize_out_fields),
	  .call = authorize_begin },
	{ "authorize.resume", WHO_SESSION, .lane = LANE_WRITE,
	  IN(authorize_request_in, authorize_request_in_fields),
	  OUT(authorize_out, authorize_out_fields), .call = authorize_resume },
	{ "authorize.complete", WHO_SESSION, .lane = LANE_WRITE,
	  IN(authorize_request_in, authorize_request_in_fields),
	  OUT(authorize_out, authorize_out_fields), .call = authorize_complete },
	{ "consent.view", WHO_SESSION, .lane = LANE_READ,
	  IN(authorize_request_in, authorize_request_in_fields),
	  OUT(consent_view_out, consent_view_out_fields), .call = consent_view },
	{ "consent.decide", WHO_SESSION, .lane = LANE_WRITE, IN(consent_in, consent_in_fields),
	  OUT(consent_out, consent_out_fields), .call = consent_decide },

	{ "token.exchange", WHO_ANONYMOUS, .lane = LANE_WRITE, .rate = RATE_TOKEN,
	  IN(token_in, token_in_fields), OUT(token_out, token_out_fields), .call = token_exchange },
	{ "token.revoke", WHO_ANONYMOUS, .lane = LANE_WRITE, .rate = RATE_TOKEN,
	  IN(token_revoke_in, token_revoke_in_fields), .out = token_revoke_out_fields,
	  .call = token_revoke },
	{ "token.introspect", WHO_ANONYMOUS, .lane = LANE_INLINE, .rate = RATE_TOKEN,
	  IN(introspect_in, introspect_in_fields), OUT(introspect_out, introspect_out_fields),
	  .call = token_introspect },
	/* Anyone, also with a credential: what is reported counts, not who reports. */
	{ "token.leaked",
	  WHO_ANONYMOUS | WHO_SESSION | WHO_ACCESS | WHO_INSTALL | WHO_KEY | WHO_PUBLIC_KEY | WHO_CLIENT,
	  .lane = LANE_WRITE, IN(leak_in, leak_in_fields), OUT(leak_out, leak_out_fields),
	  .call = leak_report },

	{ "install.mint", WHO_ACCESS, .lane = LANE_WRITE, .rate = RATE_MINT,
	  IN(mint_in, mint_in_fields), OUT(mint_out, mint_out_fields), .call = install_mint },
	{ "install.delete", WHO_ACCESS | WHO_CLIENT, .lane = LANE_WRITE,
	  IN(install_delete_in, install_delete_in_fields),
	  OUT(install_delete_out, install_delete_out_fields), .call = install_delete },
	{ "install.list", WHO_ACCESS, .lane = LANE_READ,
	  OUT(install_list_out, install_list_out_fields), .call = install_list },
	{ "me.get", WHO_ACCESS | WHO_INSTALL, .lane = LANE_READ, .rate = RATE_GRANT,
	  OUT(me_out, me_out_fields), .call = me_get },

	{ "grant.list", WHO_LOCAL, .lane = LANE_READ, IN(grant_list_in, grant_list_in_fields),
	  OUT(grant_list_out, grant_list_out_fields), .call = grant_list },
	{ "grant.revoke", WHO_LOCAL | WHO_SESSION, .lane = LANE_WRITE,
	  IN(grant_revoke_in, grant_revoke_in_fields),
	  OUT(grant_revoke_out, grant_revoke_out_fields), .call = grant_revoke },
	{ "connected.list", WHO_SESSION, .lane = LANE_READ,
	  OUT(connected_list_out, connected_list_out_fields), .call = connected_list },
	{ "connected.revoke_app", WHO_SESSION, .lane = LANE_WRITE,
	  IN(connected_revoke_in, connected_revoke_in_fields),
	  OUT(connected_revoke_out, connected_revoke_out_fields), .call = connected_revoke_app },
};
const size_t oauth_operations_n = COUNT(oauth_operations);
