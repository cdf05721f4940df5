/* SPDX-License-Identifier: MIT
 *
 * Who may touch what. The operation table has checked kind and scopes; these check the
 * organization and the project that the input names. Sources: contract "platform-api" 4.4, E-18,
 * rule 155. */
#ifndef ACCESS_PRINCIPAL_H
#define ACCESS_PRINCIPAL_H

#include "access/act.h"

/* The role that act->who's account has in the organization now; ROLE_NONE: not a member.
 * LOCAL: ROLE_OWNER. Needs act->db. */
bool access_role(const struct act *act, int64_t organization_id, enum role *out,
		 struct err *e) MUST_CHECK;

/* May act->who touch this organization (project_id 0) or project at all? false:
 * ERR_WRONG_ORGANIZATION when the person behind the credential can see the organization
 * anyway, else ERR_NOT_FOUND, as for one that does not exist. */
bool access_may_project(const struct act *act, int64_t organization_id, int64_t project_id,
                        struct err *e) MUST_CHECK;
/* The same, and a session's person must have at least `least` there (else ERR_FORBIDDEN). */
bool access_needs_role(const struct act *act, int64_t organization_id, enum role least,
		       struct err *e) MUST_CHECK;
/* Lists are filtered with this; no storage. */
bool access_sees_project(const struct principal *who, int64_t organization_id, int64_t project_id);

#endif
