/* SPDX-License-Identifier: MIT */
#include "access/organization.h"

#include "access/account.h"
#include "access/audit.h"
#include "access/bearer.h"
#include "base/text.h"
#include "crypto/crypto.h"
#include "store/account.h"
#include "store/bearer.h"

enum { LIST_MAX = 100000 };

/* First segments of our own addresses: a slug among them would hide or be hidden. */
static const str reserved[] = {
	STR("admin"), STR("api"), STR("assets"), STR("authorize"), STR("cli-auth"),
	STR("complete"), STR("consent"), STR("demo-app"), STR("docs"), STR("favicon.ico"),
	STR("flags"), STR("health"), STR("invite"), STR("language"), STR("login"), STR("logout"),
	STR("mcp"), STR("metrics"), STR("oauth"), STR("oauth2"), STR("onboarding"), STR("op"),
	STR("openapi"), STR("organizations"), STR("projects"), STR("purge"), STR("ready"),
	STR("robots.txt"), STR("settings"), STR("signup"), STR("static"), STR("status"), STR("v"),
	STR("v1"), STR("well-known"),
};

const struct field organization_fields[] = {
	FIELD(struct organization_view, id, "id"),
	FIELD(struct organization_view, slug, "slug"),
	FIELD(struct organization_view, name, "name"),
	FIELD_END
};
const struct field organization_add_in_fields[] = {
	FIELD(struct organization_add_in, slug, "slug", FIELD_REQUIRED | FIELD_NONEMPTY),
	FIELD(struct organization_add_in, name, "name", FIELD_REQUIRED | FIELD_NONEMPTY, .min = 1,
	      .max = NAME_CHARACTERS_MAX),
	FIELD(struct organization_add_in, owner, "owner", FIELD_REQUIRED | FIELD_NONEMPTY),
	FIELD_END
};
const struct field organization_list_out_fields[] = {
	FIELD_OF_LIST(struct organization_list_out, organizations, "", struct organization_view, organization_fields),
	FIELD_END
};
/* Order of members as in the contract. */
static const struct field visible_fields[] = {
	FIELD(struct organization_view, id, "id"),
	FIELD(struct organization_view, name, "name"),
	FIELD(struct organization_view, slug, "slug"),
	FIELD_END
};
const struct field organization_visible_out_fields[] = {
	FIELD_OF_LIST(struct organization_list_out, organizations, "organizations", struct organization_view,
		      visible_fields),
	FIELD_END
};
const struct field member_add_in_fields[] = {
	FIELD(struct member_in, organization, "organization", FIELD_REQUIRED | FIELD_NONEMPTY),
	FIELD(struct member_in, email, "email", FIELD_REQUIRED | FIELD_NONEMPTY),
	FIELD(struct member_in, role, "role", FIELD_REQUIRED,
	      .one_of = (const char *const[]){ "owner", "admin", "member", NULL }),
	FIELD_END
};
const struct field member_remove_in_fields[] = {
	FIELD(struct member_in, organization, "organization", FIELD_REQUIRED | FIELD_NONEMPTY),
	FIELD(struct member_in, email, "email", FIELD_REQUIRED | FIELD_NONEMPTY),
	FIELD_END
};
const struct field member_fields[] = {
	FIELD(struct member_out, id, "id"),
	FIELD(struct member_out, slug, "slug"),
	FIELD(struct member_out, name, "name"),
	FIELD(struct member_out, email, "email"),
	FIELD(struct member_out, role, "role"),
	FIELD_END
};

bool organization_slug_is_reserved(str slug)
{
	for (size_t i = 0; i < COUNT(reserved); i++) {
		if (str_eq_nocase(reserved[i], slug))
			return true;
	}
	return false;
}

/* Organizations ------------------------------------------------------------------------------ */

static bool slug_is_fit(str slug, struct err *e)
{
	if (is_uuid(slug))
		return err_set(e, ERR_INVALID_REQUEST, "slug: must not look like a UUID.");
	if (!is_slug(slug))
		return err_set(e, ERR_INVALID_REQUEST,
			       "slug: 1 to 63 of a-z, 0-9 and -, beginning and ending with a"
			       " letter or digit.");
	if (organization_slug_is_reserved(slug))
		return err_set(e, ERR_INVALID_REQUEST,
			       "slug: this word is reserved. Choose another.");
	return true;
}

bool organization_add(const struct act *act, const void *in, void *out, struct err *e)
{
	const struct organization_add_in *i = in;
	struct organization o = { .public_id = public_id(act->arena, S("org_")),
				  .slug = i->slug,
				  .name = i->name,
				  .created_ms = act->now_ms };
	struct audit_detail detail = { AUDIT_FACTS({ S("slug"), i->slug }) };
	struct account owner;

	if (!slug_is_fit(i->slug, e) || !account_need(act, i->owner, &owner, e))
		return false;
	if (owner.disabled_ms != 0)
		return err_set(e, ERR_CONFLICT, "The owner's account is disabled.");
	if (!store_organization_insert(act->db, act->arena, &o, &o.id, e))
		return e->code == ERR_SLUG_TAKEN || e->code == ERR_CONFLICT ?
		       err_set(e, ERR_SLUG_TAKEN, "Another organization has this slug.") : false;
	bearer_organization_put(act, &o);
	detail.organization_id = o.id;
	detail.account_id = owner.id;
	*(struct organization_view *)out = (struct organization_view){ o.public_id, o.slug, o.name };
	return store_member_put(act->db, act->arena, o.id, owner.id, ROLE_OWNER, act->now_ms, e) &&
	       audit_add(act, AUDIT_ORGANIZATION_CREATED, &detail, e);
}

bool organization_list(const struct act *act, const void *in, void *out, struct err *e)
{
	struct organization_list_out *o = out;
	struct organization_view *views;
	struct organization_list all;

	(void)in;
	if (!store_organization_list(act->db, act->arena, 0, LIST_MAX, &all, e))
		return false;
	views = arena_array(act->arena, struct organization_view, all.n);
	for (size_t n = 0; n < all.n; n++)
		views[n] = (struct organization_view){ all.v[n].public_id, all.v[n].slug,
						       all.v[n].name };
	o->organizations = (struct list){ views, all.n, true };
	return true;
}

bool organization_list_visible(const struct act *act, const void *in, void *out, struct err *e)
{
	struct organization_view *view = arena_new(act->arena, struct organization_view);
	const struct principal *who = act->who;

	(void)in;
	(void)e;
	*view = (struct organization_view){ who->organization_public_id, who->organization_slug,
					    who->organization_name };
	((struct organization_list_out *)out)->organizations = (struct list){ view, 1, true };
	return true;
}

/* Members ------------------------------------------------------------------------------------ */

struct membership_change {
	struct organization organization;
	struct account account;
	enum role before;
};

static struct member_out member_view(const struct membership_change *c, str role)
{
	return (struct member_out){ c->organization.public_id, c->organization.slug,
				    c->organization.name, c->account.email, role };
}

static bool change_begin(const struct act *act, const struct member_in *in,
			 struct membership_change *c, struct err *e)
{
	if (!store_organization_by_ref(act->db, act->arena, in->organization, &c->organization, e))
		return false;
	if (c->organization.id == 0)
		return err_set(e, ERR_NOT_FOUND, "There is no such organization.");
	return account_need(act, in->email, &c->account, e) &&
	       store_member_role(act->db, act->arena, c->organization.id, c->account.id, &c->before,
				 e);
}

static bool not_last_owner(const struct act *act, const struct membership_change *c, struct err *e)
{
	int64_t owners;

	if (c->before != ROLE_OWNER)
		return true;
	if (!store_member_owners(act->db, act->arena, c->organization.id, &owners, e))
		return false;
	return owners > 1 || err_set(e, ERR_CONFLICT,
				     "This is the organization's last owner. Make somebody else an"
				     " owner first.");
}

/* Only who administers an organization may connect apps to it: connections made before end now
 * (rule 152). */
static bool lose_grants(const struct act *act, const struct membership_change *c, struct err *e)
{
	int64_t n = 0;

	if (c->before < ROLE_ADMIN)
		return true;
	/* Before the commit: fails closed. */
	bearer_member_deny(act, c->organization.id, c->account.id);
	return store_grants_end(act->db, act->arena, c->account.id, c->organization.id, act->now_ms,
				S("role_lost"), &n, e);
}

static bool change_audit(const struct act *act, const struct membership_change *c,
			 enum audit_kind kind, str role, struct err *e)
{
	struct audit_detail detail = {
		.organization_id = c->organization.id, .account_id = c->account.id,
		AUDIT_FACTS({ S("before"), role_name(c->before) }, { S("role"), role }),
	};

	return audit_add(act, kind, &detail, e);
}

bool member_add(const struct act *act, const void *in, void *out, struct err *e)
{
	const struct member_in *i = in;
	enum role role = role_by_name(i->role);
	struct membership_change c;

	if (!change_begin(act, i, &c, e))
		return false;
	if (c.account.disabled_ms != 0)
		return err_set(e, ERR_CONFLICT, "This account is disabled.");
	*(struct member_out *)out = member_view(&c, role_name(role));
	if (role == c.before)
		return true;
	if (role != ROLE_OWNER && !not_last_owner(act, &c, e))
		return false;
	if (role < ROLE_ADMIN && !lose_grants(act, &c, e))
		return false;
	return store_member_put(act->db, act->arena, c.organization.id, c.account.id, role,
				act->now_ms, e) &&
	       change_audit(act, &c, AUDIT_MEMBER_SET, role_name(role), e);
}

bool member_remove(const struct act *act, const void *in, void *out, struct err *e)
{
	struct membership_change c;
	bool removed;

	if (!change_begin(act, in, &c, e))
		return false;
	if (c.before == ROLE_NONE)
		return err_set(e, ERR_NOT_FOUND,
			       "This person is not a member of the organization.");
	*(struct member_out *)out = member_view(&c, S("none"));
	return not_last_owner(act, &c, e) && lose_grants(act, &c, e) &&
	       store_member_remove(act->db, act->arena, c.organization.id, c.account.id, &removed,
				   e) &&
	       change_audit(act, &c, AUDIT_MEMBER_REMOVED, S("none"), e);
}
