/* SPDX-License-Identifier: MIT
 *
 * People, organizations, sessions, keys, audit. */
#include "access/account.h"
#include "access/audit.h"
#include "access/key.h"
#include "access/organization.h"
#include "access/session.h"
#include "operation/operation.h"

static const struct field no_fields[] = { FIELD_END };
struct nothing { char unused; };

#define IN(T, table) .in = (table), .in_size = sizeof(struct T)
#define OUT(T, table) .out = (table), .out_size = sizeof(struct T)

const struct operation access_operations[] = {
	{ .name = "user.add", .who = WHO_LOCAL, .lane = LANE_SLOW,
	  IN(account_add_in, account_add_in_fields),
	  OUT(account_view, account_fields), .call = account_add },
	{ .name = "user.list", .who = WHO_LOCAL, .lane = LANE_READ,
	  IN(nothing, no_fields),
	  OUT(account_list_out, account_list_out_fields), .call = account_list },
	{ .name = "user.passwd", .who = WHO_LOCAL, .lane = LANE_SLOW,
	  IN(account_passwd_in, account_passwd_in_fields),
	  OUT(account_view, account_fields), .call = account_passwd },
	{ .name = "user.disable", .who = WHO_LOCAL, .lane = LANE_WRITE,
	  IN(account_email_in, account_email_in_fields),
	  OUT(account_view, account_fields), .call = account_disable },
	{ .name = "user.delete", .who = WHO_LOCAL, .lane = LANE_SLOW,
	  IN(account_email_in, account_email_in_fields),
	  OUT(account_view, account_fields), .call = account_delete },

	{ .name = "org.add", .who = WHO_LOCAL, .lane = LANE_WRITE,
	  IN(organization_add_in, organization_add_in_fields), OUT(organization_view, organization_fields),
	  .call = organization_add },
	{ .name = "org.list", .who = WHO_LOCAL, .lane = LANE_READ,
	  IN(nothing, no_fields),
	  OUT(organization_list_out, organization_list_out_fields), .call = organization_list },
	{ .name = "org.member.add", .who = WHO_LOCAL, .lane = LANE_WRITE,
	  IN(member_in, member_add_in_fields),
	  OUT(member_out, member_fields), .call = member_add },
	{ .name = "org.member.remove", .who = WHO_LOCAL, .lane = LANE_WRITE,
	  IN(member_in, member_remove_in_fields),
	  OUT(member_out, member_fields), .call = member_remove },
	{ .name = "organizations.list", .who = WHO_INSTALL, .scopes = SCOPE_OF(SCOPE_BIT_ORG_READ),
	  .lane = LANE_INLINE, .rate = RATE_GRANT,
	  IN(nothing, no_fields), OUT(organization_list_out, organization_visible_out_fields),
	  .call = organization_list_visible },

	{ .name = "session.login", .who = WHO_ANONYMOUS | WHO_SESSION, .lane = LANE_SLOW, .rate = RATE_LOGIN,
	  IN(login_in, login_in_fields),
	  OUT(login_out, login_out_fields), .call = session_login },
	{ .name = "session.logout", .who = WHO_SESSION, .lane = LANE_WRITE,
	  IN(nothing, no_fields),
	  OUT(logout_out, logout_out_fields), .call = session_logout },
	{ .name = "session.list", .who = WHO_SESSION, .lane = LANE_READ,
	  IN(nothing, no_fields),
	  OUT(session_list_out, session_list_out_fields), .call = session_list },
	{ .name = "session.revoke", .who = WHO_SESSION, .lane = LANE_WRITE,
	  IN(session_revoke_in, session_revoke_in_fields),
	  OUT(logout_out, logout_out_fields), .call = session_revoke },

	{ .name = "session.revoke_others", .who = WHO_SESSION, .lane = LANE_WRITE,
	  IN(nothing, no_fields),
	  OUT(logout_out, logout_out_fields), .call = session_revoke_others },
	{ .name = "session.password", .who = WHO_SESSION, .lane = LANE_SLOW, .rate = RATE_LOGIN,
	  IN(session_password_in, session_password_in_fields),
	  OUT(logout_out, logout_out_fields), .call = session_password },

	{ .name = "api_key.add", .who = WHO_LOCAL, .lane = LANE_WRITE,
	  IN(api_key_add_in, api_key_add_in_fields),
	  OUT(api_key_add_out, api_key_add_out_fields), .call = api_key_add },
	{ .name = "api_key.list", .who = WHO_LOCAL, .lane = LANE_READ,
	  IN(api_key_list_in, api_key_list_in_fields),
	  OUT(api_key_list_out, api_key_list_out_fields), .call = api_key_list },
	{ .name = "api_key.revoke", .who = WHO_LOCAL, .lane = LANE_WRITE,
	  IN(api_key_revoke_in, api_key_revoke_in_fields),
	  OUT(api_key_revoke_out, api_key_revoke_out_fields), .call = api_key_revoke },

	{ .name = "audit.list", .who = WHO_LOCAL, .lane = LANE_READ,
	  IN(audit_in, audit_in_fields),
	  OUT(audit_out, audit_out_fields), .call = audit_list },
	{ .name = "audit.organization", .who = WHO_SESSION | WHO_KEY, .role = ROLE_ADMIN, .lane = LANE_READ,
	  .rate = RATE_GRANT,
	  IN(audit_search_in, audit_search_in_fields),
	  OUT(audit_search_out, audit_search_out_fields), .call = audit_organization },
};
const size_t access_operations_n = COUNT(access_operations);
