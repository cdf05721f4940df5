/* SPDX-License-Identifier: MIT */
#include "access/profile.h"

#include "store/account.h"

static const struct field organization_fields[] = {
	FIELD(struct profile_organization, name, "name"),
	FIELD(struct profile_organization, slug, "slug"),
	FIELD(struct profile_organization, role, "role"), FIELD_END
};
const struct field profile_out_fields[] = {
	FIELD(struct profile_out, id, "id"), FIELD(struct profile_out, email, "email"),
	FIELD(struct profile_out, name, "name"),
	FIELD_OF_LIST(struct profile_out, organizations, "organizations",
		      struct profile_organization, organization_fields),
	FIELD_END
};

bool profile_view(const struct act *act, const void *in, void *out, struct err *e)
{
	struct profile_out *o = out;
	struct profile_organization *list;
	struct membership_list memberships;
	struct account account;

	(void)in;
	if (!store_account_by_id(act->db, act->arena, act->who->account_id, &account, e) ||
	    !store_memberships(act->db, act->arena, act->who->account_id, &memberships, e))
		return false;
	if (account.id == 0)
		return err_set(e, ERR_LOGIN_REQUIRED, "Sign in first.");
	list = arena_array(act->arena, struct profile_organization, memberships.n);
	for (size_t i = 0; i < memberships.n; i++)
		list[i] = (struct profile_organization){ memberships.v[i].organization.name,
							 memberships.v[i].organization.slug,
							 role_name(memberships.v[i].role) };
	*o = (struct profile_out){
		account.public_id, account.email, account.name, { list, memberships.n, true }
	};
	return true;
}
