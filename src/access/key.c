/* SPDX-License-Identifier: MIT */
#include "access/key.h"

#include "access/account.h"
#include "access/audit.h"
#include "access/bearer.h"
#include "base/clock.h"
#include "crypto/token.h"
#include "store/account.h"
#include "store/bearer.h"

enum { PREFIX_RANDOM_SHOWN = 6, KEY_PROJECTS_MAX = 1000 };

const struct field api_key_add_in_fields[] = {
	FIELD(struct api_key_add_in, organization, "organization", FIELD_REQUIRED | FIELD_NONEMPTY),
	FIELD(struct api_key_add_in, level, "level", FIELD_NONEMPTY,
	      .one_of = (const char *const[]){ "read", "write", "publish", "admin", NULL }),
	FIELD(struct api_key_add_in, name, "name", 0, .max = NAME_CHARACTERS_MAX),
	FIELD(struct api_key_add_in, is_public, "public"),
	FIELD(struct api_key_add_in, projects, "projects", FIELD_COERCED, .max = KEY_PROJECTS_MAX),
	FIELD_END
};
const struct field api_key_add_out_fields[] = {
	FIELD(struct api_key_add_out, id, "id"),
	FIELD(struct api_key_add_out, key, "key"),
	FIELD(struct api_key_add_out, prefix, "prefix"),
	FIELD(struct api_key_add_out, expires_at, "expiresAt"),
	FIELD_END
};
const struct field api_key_list_in_fields[] = {
	FIELD(struct api_key_list_in, organization, "organization", FIELD_NONEMPTY),
	FIELD_END
};
static const struct field key_fields[] = {
	FIELD(struct api_key_view, id, "id"),
	FIELD(struct api_key_view, prefix, "prefix"),
	FIELD(struct api_key_view, kind, "kind"),
	FIELD(struct api_key_view, organization, "organization"),
	FIELD(struct api_key_view, name, "name"),
	FIELD(struct api_key_view, scopes, "scopes"),
	FIELD(struct api_key_view, project_access, "projectAccess"),
	FIELD(struct api_key_view, projects, "projects"),
	FIELD(struct api_key_view, created_at, "createdAt"),
	FIELD(struct api_key_view, expires_at, "expiresAt"),
	FIELD(struct api_key_view, last_used_at, "lastUsedAt"),
	FIELD(struct api_key_view, revoked_at, "revokedAt"),
	FIELD_END
};
const struct field api_key_list_out_fields[] = {
	FIELD_OF_LIST(struct api_key_list_out, keys, "", struct api_key_view, key_fields),
	FIELD_END
};
const struct field api_key_revoke_in_fields[] = {
	FIELD(struct api_key_revoke_in, id, "id", FIELD_REQUIRED | FIELD_NONEMPTY),
	FIELD_END
};
const struct field api_key_revoke_out_fields[] = {
	FIELD(struct api_key_revoke_out, id, "id"),
	FIELD(struct api_key_revoke_out, revoked, "revoked"),
	FIELD_END
};

/* 0 is never: absent on the wire. */
static str time_text(struct arena *a, int64_t ms)
{
	return ms == 0 ? STR_NONE : clock_iso(a, ms);
}

static bool organization_need(const struct act *act, str ref, struct organization *out,
			      struct err *e)
{
	if (!store_organization_by_ref(act->db, act->arena, ref, out, e))
		return false;
	return out->id != 0 || err_set(e, ERR_NOT_FOUND, "There is no such organization.");
}

/* Adding ------------------------------------------------------------------------------------- */

static bool kind_is_clear(const struct api_key_add_in *in, struct err *e)
{
	if (in->is_public && in->level.n > 0)
		return err_set(e, ERR_INVALID_REQUEST,
			       "A public key only reads: give a level or make it public, not"
			       " both.");
	if (!in->is_public && in->level.n == 0)
		return err_set(e, ERR_INVALID_REQUEST,
			       "level: read, write, publish or admin (or make the key"
			       " public).");
	return true;
}

/* "web", or "acme/web" of this organization. */
static bool project_find(const struct act *act, const struct organization *o, str name,
			 int64_t *id_out, struct err *e)
{
	ptrdiff_t slash = str_index(name, '/');
	str slug = slash < 0 ? name : str_from_at(name, (size_t)slash + 1);

	if (slash >= 0 && !str_eq(str_sub(name, 0, (size_t)slash), o->slug))
		return err_set(e, ERR_INVALID_REQUEST, "projects: of this organization only.");
	if (!store_api_key_project(act->db, act->arena, o->id, slug, id_out, e))
		return false;
	return *id_out != 0 ||
	       err_set(e, ERR_NOT_FOUND, "There is no project %.*s in this organization.",
		       ARG_STR(str_sub(slug, 0, 64)));
}

static bool projects_find(const struct act *act, const struct organization *o,
			  const struct strs *names, struct project_set *out, struct err *e)
{
	int64_t *ids = arena_array(act->arena, int64_t, names->n);

	*out = (struct project_set){ .mode = PROJECTS_ALL };
	if (names->n == 0)
		return true;
	for (size_t i = 0; i < names->n; i++) {
		if (!project_find(act, o, names->v[i], &ids[i], e))
			return false;
	}
	*out = (struct project_set){ PROJECTS_SELECTED, ids, names->n };
	return true;
}

static str key_prefix(str key, bool is_public)
{
	return str_sub(key, 0, (is_public ? S("bi_pub_").n : S("bi-").n) + PREFIX_RANDOM_SHOWN);
}

static bool key_write(const struct act *act, const struct organization *o, str key,
		      struct stored_key *k, struct err *e)
{
	struct digest d = sha256(key);
	struct bearer_key live;
	struct audit_detail detail = { .organization_id = o->id,
				       AUDIT_FACTS({ S("key"), k->public_id },
						   { S("prefix"), k->prefix }) };

	k->digest = (str){ (const char *)d.b, sizeof(d.b) };
	if (!store_api_key_insert(act->db, act->arena, k, &k->id, e))
		return false;
	live = (struct bearer_key){
		.digest = d, .id = k->id, .account_id = k->account_id, .scopes = k->scopes,
		.expires_ms = k->expires_ms, .organization = *o, .projects = k->projects,
		.is_public = k->is_public,
	};
	bearer_key_add(act, &live);
	return audit_add(act, AUDIT_KEY_CREATED, &detail, e);
}

bool api_key_add(const struct act *act, const void *in, void *out, struct err *e)
{
	const struct api_key_add_in *i = in;
	str key = token_random(act->arena, i->is_public ? TOKEN_PUBLIC_KEY : TOKEN_SECRET_KEY);
	struct stored_key k = {
		.public_id = uuid_v4(act->arena), .prefix = key_prefix(key, i->is_public),
		.name = i->name.p == NULL ? S("") : i->name, .is_public = i->is_public,
		.account_id = act->who->account_id, .created_ms = act->now_ms,
		.scopes = i->is_public ? SCOPE_CONTENT_READ : scope_level(i->level),
		.expires_ms = i->is_public ? 0 : act->now_ms + act->settings->key_ttl_s * 1000,
	};
	struct organization o;

	if (!kind_is_clear(i, e) || !organization_need(act, i->organization, &o, e) ||
	    !projects_find(act, &o, &i->projects, &k.projects, e))
		return false;
	k.organization_id = o.id;
	if (!key_write(act, &o, key, &k, e))
		return false;
	*(struct api_key_add_out *)out = (struct api_key_add_out){ k.public_id, key, k.prefix,
							    time_text(act->arena, k.expires_ms) };
	return true;
}

/* Listing and revoking ----------------------------------------------------------------------- */

static bool project_slugs(const struct act *act, const struct project_set *set, struct strs *out,
			  struct err *e)
{
	str *v = arena_array(act->arena, str, set->n);
	size_t n = 0;

	for (size_t i = 0; i < set->n; i++) {
		if (!store_api_key_project_slug(act->db, act->arena, set->ids[i], &v[n], e))
			return false;
		n += v[n].p != NULL;
	}
	*out = (struct strs){ v, n, true };
	return true;
}

static bool api_key_view_make(const struct act *act, const struct stored_key *k, struct api_key_view *out,
			  struct err *e)
{
	struct arena *a = act->arena;
	struct organization o;

	if (!store_organization_by_id(act->db, a, k->organization_id, &o, e))
		return false;
	*out = (struct api_key_view){
		.id = k->public_id,
		.prefix = k->prefix,
		.kind = k->is_public ? S("public") : S("secret"),
		.organization = o.slug,
		.name = k->name,
		.project_access = project_access_name(k->projects.mode),
		.created_at = time_text(a, k->created_ms),
		.expires_at = time_text(a, k->expires_ms),
		.last_used_at = time_text(a, k->used_ms),
		.revoked_at = time_text(a, k->revoked_ms),
		.scopes = scope_list(a, k->scopes),
	};
	return project_slugs(act, &k->projects, &out->projects, e);
}

bool api_key_list(const struct act *act, const void *in, void *out, struct err *e)
{
	const struct api_key_list_in *i = in;
	struct api_key_list_out *o = out;
	struct organization organization = { 0 };
	struct stored_key_list keys;
	struct api_key_view *views;

	if (i->organization.n > 0 && !organization_need(act, i->organization, &organization, e))
		return false;
	if (!store_api_key_list(act->db, act->arena, organization.id, &keys, e))
		return false;
	views = arena_array(act->arena, struct api_key_view, keys.n);
	for (size_t n = 0; n < keys.n; n++) {
		if (!api_key_view_make(act, &keys.v[n], &views[n], e))
			return false;
	}
	o->keys = (struct list){ views, keys.n, true };
	return true;
}

bool api_key_revoke(const struct act *act, const void *in, void *out, struct err *e)
{
	const struct api_key_revoke_in *i = in;
	struct audit_detail detail = { AUDIT_FACTS({ S("key"), i->id }) };
	struct stored_key k;
	bool revoked;

	if (!store_api_key_by_public_id(act->db, act->arena, i->id, &k, e))
		return false;
	if (k.id == 0)
		return err_set(e, ERR_NOT_FOUND, "There is no such key.");
	*(struct api_key_revoke_out *)out = (struct api_key_revoke_out){ k.public_id, true };
	bearer_key_deny(act, k.id);                 /* before the commit: fails closed */
	if (!store_api_key_revoke(act->db, act->arena, k.id, act->now_ms, &revoked, e))
		return false;
	detail.organization_id = k.organization_id;
	return !revoked || audit_add(act, AUDIT_KEY_REVOKED, &detail, e);
}
