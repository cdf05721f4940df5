/* SPDX-License-Identifier: MIT */
#include "access/principal.h"

#include "store/account.h"

bool access_role(const struct act *act, int64_t organization_id, enum role *out, struct err *e)
{
	if (act->who->kind == WHO_LOCAL) {
		*out = ROLE_OWNER;
		return true;
	}
	if (act->who->account_id == 0) {
		*out = ROLE_NONE;
		return true;
	}
	return store_member_role(act->db, act->arena, organization_id, act->who->account_id, out,
				 e);
}

bool access_sees_project(const struct principal *who, int64_t organization_id, int64_t project_id)
{
	const unsigned confined = WHO_INSTALL | WHO_KEY | WHO_PUBLIC_KEY;

	if (who->kind == WHO_LOCAL)
		return true;
	if ((who->kind & confined) == 0 || who->organization_id != organization_id)
		return false;
	return project_id == 0 || project_set_has(&who->projects, project_id);
}

/* 403 tells that the organization exists: only those may hear it who can see it anyway (E-18). */
static bool refuse(const struct act *act, int64_t organization_id, struct err *e)
{
	enum role role = ROLE_NONE;

	if (act->who->organization_id == organization_id)
		return err_set(e, ERR_WRONG_ORGANIZATION,
			       "This credential is limited to other projects.");
	if (act->db != NULL && !access_role(act, organization_id, &role, e))
		return false;
	if (role != ROLE_NONE)
		return err_set(e, ERR_WRONG_ORGANIZATION,
			       "This credential belongs to another organization.");
	return err_set(e, ERR_NOT_FOUND, "There is no such organization or project.");
}

bool access_may_project(const struct act *act, int64_t organization_id, int64_t project_id,
			struct err *e)
{
	enum role role;

	if (access_sees_project(act->who, organization_id, project_id))
		return true;
	if (act->who->kind != WHO_SESSION)
		return refuse(act, organization_id, e);
	if (!access_role(act, organization_id, &role, e))
		return false;
	return role != ROLE_NONE ||
	       err_set(e, ERR_NOT_FOUND, "There is no such organization or project.");
}

bool access_needs_role(const struct act *act, int64_t organization_id, enum role least,
		       struct err *e)
{
	enum role role;

	if (!access_may_project(act, organization_id, 0, e))
		return false;
	if (act->who->kind != WHO_SESSION)
		return true;
	if (!access_role(act, organization_id, &role, e))
		return false;
	return role >= least ||
	       err_set(e, ERR_FORBIDDEN, "This needs the role %.*s or more in the organization.",
		       ARG_STR(role_name(least)));
}
