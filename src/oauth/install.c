/* SPDX-License-Identifier: MIT */
#include "oauth/install.h"

#include "access/apps.h"
#include "access/audit.h"
#include "access/bearer.h"
#include "access/rate.h"
#include "base/clock.h"
#include "crypto/token.h"
#include "oauth/mints.h"
#include "oauth/revoke.h"
#include "oauth/token_int.h"
#include "store/bearer.h"
#include "store/oauth.h"

#include <string.h>

enum { SECOND_MS = 1000, LIFE_MIN_S = 10, CAP_RETRY_S = 60, PROJECTS_MAX = 1000, STALE_TRIES = 2 };

const struct field mint_in_fields[] = {
	FIELD(struct mint_in, grant_id, "grantId", .flags = FIELD_REQUIRED, .min = 1, .max = 64),
	{ .name = "scopes", .offset = offsetof(struct mint_in, scopes), .kind = FIELD_STR_OR_STRS },
	{ .name = "project_ids",
	  .offset = offsetof(struct mint_in, project_ids),
	  .kind = FIELD_STR_OR_STRS,
	  .max = PROJECTS_MAX },
	FIELD(struct mint_in, expires_in, "expires_in"),
	FIELD_END
};
const struct field mint_out_fields[] = {
	FIELD(struct mint_out, installation_token, "installation_token"),
	FIELD(struct mint_out, token_type, "token_type"),
	FIELD(struct mint_out, expires_at, "expires_at"),
	FIELD(struct mint_out, expires_in, "expires_in"),
	FIELD(struct mint_out, organization_id, "organization_id"),
	FIELD(struct mint_out, project_ids, "project_ids"),
	FIELD(struct mint_out, project_access, "project_access"),
	FIELD(struct mint_out, scopes, "scopes"),
	FIELD(struct mint_out, grant_id, "grant_id"),
	FIELD_END
};
const struct field install_delete_in_fields[] = { FIELD(struct install_delete_in, grant_id,
	                                                "grantId", .flags = FIELD_REQUIRED,
	                                                .min = 1, .max = 64),
	                                          FIELD_END };
const struct field install_delete_out_fields[] = {
	FIELD(struct install_delete_out, revoked, "revoked"),
	FIELD(struct install_delete_out, grant_id, "grant_id"),
	FIELD_END
};
static const struct field install_view_fields[] = {
	FIELD(struct install_view, grant_id, "grant_id"),
	FIELD(struct install_view, organization_id, "organization_id"),
	FIELD(struct install_view, organization_slug, "organization_slug"),
	FIELD(struct install_view, organization_name, "organization_name"),
	FIELD(struct install_view, scopes, "scopes"),
	FIELD(struct install_view, project_ids, "project_ids", .flags = FIELD_OPTIONAL),
	FIELD(struct install_view, project_access, "project_access"),
	FIELD(struct install_view, created_at, "created_at"),
	FIELD_END
};
const struct field install_list_out_fields[] = {
	FIELD_OF_LIST(struct install_list_out, installations, "installations", struct install_view,
	              install_view_fields),
	FIELD_END
};

/* Which grant? --------------------------------------------------------------------------------- */

static bool not_found(struct err *e)
{
	return err_set(e, ERR_GRANT_NOT_FOUND, "This app has no such connection.");
}

static bool is_revoked(struct err *e)
{
	return err_set(e, ERR_GRANT_REVOKED,
	               "This connection was revoked. Ask the person to connect again.");
}

static void from_row(const struct grant *row, struct bearer_grant *out)
{
	*out = (struct bearer_grant){
		.id = row->id,
		.app_id = row->app_id,
		.account_id = row->account_id,
		.scopes = row->scopes,
		.expires_ms = row->expires_ms,
		.version = row->version,
		.projects = row->projects,
		.public_id = row->public_id,
		.organization = { .id = row->organization_id },
		.revoked = row->revoked_ms != 0,
		.suspended = row->suspended_ms != 0,
	};
}

/* Of another node, or revoked so long ago that memory has let it go. */
static bool from_store(const struct act *act, int64_t id, struct bearer_grant *out, struct err *e)
{
	struct organization organization;
	struct grant row;
	enum role role;

	if (!store_bearer_grant(act->db, act->arena, id, &row, e))
		return false;
	from_row(&row, out);
	if (out->revoked)
		return true;
	if (!store_consent_role(act->db, act->arena, row.organization_id, row.account_id, &role,
	                        &organization, e))
		return false;
	out->revoked = role < ROLE_ADMIN;
	out->organization.public_id = organization.public_id;
	return bearer_grant_refresh(act, id, e);
}

/* Of the app, and of the person unless the app asks for itself. */
static bool is_own(const struct act *act, const struct bearer_grant *g)
{
	return g->app_id == act->who->app_id &&
	       (act->who->kind == WHO_CLIENT || g->account_id == act->who->account_id);
}

/* Others' connections do not exist for who asks (rule 154), nor does the time tell that they do:
 * the store is asked for them, too, and does not find them either (rule 259). */
static bool grant_held(const struct act *act, str public_id, struct bearer_grant *out,
                       struct err *e)
{
	int64_t account_id = act->who->kind == WHO_CLIENT ? 0 : act->who->account_id, id;

	if (bearer_grant_find(act->bearers, act->arena, public_id, out) && is_own(act, out))
		return true;
	if (!store_bearer_grant_id_of(act->db, act->arena, public_id, act->who->app_id, account_id,
	                              &id, e))
		return false;
	return id == 0 ? not_found(e) : from_store(act, id, out, e);
}

/* Mint ----------------------------------------------------------------------------------------- */

struct mint {
	const struct mint_in *in;
	struct bearer_grant   grant;
	struct minted         row;
	struct named_projects projects;        /* of a limited token */
	struct mint_key       key;
};

static bool narrow_scopes(const struct act *act, struct mint *m, struct err *e)
{
	int64_t asked = 0, one, missing;
	struct app app;

	if (!apps_by_id(act->apps, act->arena, m->grant.app_id, &app) || app.disabled_ms != 0)
		return is_revoked(e);
	m->row.scopes = m->grant.scopes & app.scopes & act->who->scopes;
	for (size_t i = 0; i < m->in->scopes.n; i++) {
		if (!scope_parse(act->arena, m->in->scopes.v[i], &one, NULL))
			return err_set(e, ERR_INVALID_SCOPE,
			               "scopes names a scope that does not exist.");
		asked |= one;
	}
	missing = asked & ~m->row.scopes;
	for (int bit = 0; bit < SCOPE_COUNT; bit++) {
		if ((missing & SCOPE_OF(bit)) == 0)
			continue;
		err_set(e, ERR_MISSING_SCOPE,
		        "The connection lacks the scope " FMT_STR
		        ". Ask the person to connect again "
		        "and to grant it.",
		        ARG_STR(scope_name((enum scope_bit)bit)));
		e->required = scope_name((enum scope_bit)bit);
		return false;
	}
	if (asked != 0)
		m->row.scopes = asked;
	return true;
}

static bool add_asked_project(const struct act *act, struct mint *m, str public_id, int64_t *ids,
                              struct err *e)
{
	int64_t id = 0;

	if (public_id.n <= 64 && !store_consent_project(act->db, act->arena, public_id,
	                                                m->grant.organization.id, &id, e))
		return false;
	if (id == 0 || !project_set_has(&m->grant.projects, id))
		return err_set(e, ERR_INVALID_REQUEST,
		               "project_ids names a project outside of the connection.");
	for (size_t i = 0; i < m->projects.n; i++) {
		if (ids[i] == id)
			return true;
	}
	ids[m->projects.n] = id;
	m->projects.v[m->projects.n++] = (struct named_project){ .id = id, .public_id = public_id };
	return true;
}

/* [] and nothing both mean: as the grant. A limited grant whose projects are gone mints nothing,
 * never [] (rule 151). */
static bool narrow_projects(const struct act *act, struct mint *m, struct err *e)
{
	size_t n = m->in->project_ids.n;
	int64_t *ids;

	m->row.projects = m->grant.projects;
	if (n == 0 && m->grant.projects.mode == PROJECTS_ALL)
		return true;
	if (n == 0) {
		if (!store_grant_projects(act->db, act->arena, m->grant.id, &m->projects, e))
			return false;
		ids = arena_array(act->arena, int64_t, m->projects.n + 1);
		for (size_t i = 0; i < m->projects.n; i++)
			ids[i] = m->projects.v[i].id;
	} else {
		ids = arena_array(act->arena, int64_t, n);
		m->projects.v = arena_array(act->arena, struct named_project, n);
		for (size_t i = 0; i < n; i++) {
			if (!add_asked_project(act, m, m->in->project_ids.v[i], ids, e))
				return false;
		}
	}
	if (m->projects.n == 0)
		return err_set(e, ERR_NO_PROJECTS_IN_GRANT,
		               "The projects of this connection no longer exist. Ask the person to "
		               "connect again and to choose others.");
	m->row.projects = (struct project_set){ PROJECTS_SELECTED, ids, m->projects.n };
	return true;
}

static bool narrow_life(const struct act *act, struct mint *m, struct err *e)
{
	int64_t max_s = act->settings->installation_ttl_s,
		ttl_s = m->in->expires_in == 0 ? max_s : m->in->expires_in;

	if (ttl_s < LIFE_MIN_S || ttl_s > max_s)
		return err_set(e, ERR_INVALID_REQUEST, "expires_in is %d to %lld seconds.",
		               LIFE_MIN_S, (long long)max_s);
	m->key.ttl_s = ttl_s;
	m->row.expires_ms = act->now_ms + ttl_s * SECOND_MS;
	if (m->grant.expires_ms != 0 && m->grant.expires_ms < m->row.expires_ms)
		m->row.expires_ms = m->grant.expires_ms;
	return true;
}

static bool grant_is_usable(const struct act *act, const struct bearer_grant *g, struct err *e)
{
	if (g->revoked || (g->expires_ms != 0 && g->expires_ms <= act->now_ms))
		return is_revoked(e);
	return !g->suspended ||
	       err_set(e, ERR_FORBIDDEN,
	               "This connection is suspended. Ask an administrator of the organization.");
}

static bool narrow(const struct act *act, struct mint *m, struct err *e)
{
	if (!grant_is_usable(act, &m->grant, e) || !narrow_scopes(act, m, e) ||
	    !narrow_projects(act, m, e) || !narrow_life(act, m, e))
		return false;
	m->row.grant_id = m->grant.id;
	m->row.grant_version = m->grant.version;
	m->row.family_id = act->who->family_id;
	m->row.now_ms = act->now_ms;
	m->key = (struct mint_key){
		m->grant.id,   m->grant.version, m->row.family_id,
		m->row.scopes, m->key.ttl_s,     project_ids_text(act->arena, &m->row.projects)
	};
	return true;
}

/* Memory decides in the usual case; near the limit the store is asked. Never evicts: somebody may
 * be using each of them. */
static bool below_cap(const struct act *act, const struct mint *m, struct err *e)
{
	int64_t max = act->settings->installation_tokens_max, live;

	if (m->grant.tokens_live + mints_pending(act->mints, m->grant.id) < max)
		return true;
	if (!store_tokens_live(act->db, act->arena, m->grant.id, act->now_ms, &live, e))
		return false;
	if (live < max)
		return true;
	err_set(e, ERR_RATE_LIMITED,
	        "This connection has %lld live installation tokens. Use one of them, or wait until "
	        "one "
	        "expires.",
	        (long long)live);
	e->retry_after_s = CAP_RETRY_S;
	return false;
}

static void put_answer(const struct act *act, const struct mint *m, str token, int64_t expires_ms,
                       struct mint_out *out)
{
	*out = (struct mint_out){
		.installation_token = token,
		.token_type = S("Bearer"),
		.expires_at = clock_iso(act->arena, expires_ms),
		.expires_in = (expires_ms - act->now_ms) / SECOND_MS,
		.organization_id = m->grant.organization.public_id,
		.project_access = project_access_name(m->row.projects.mode),
		.grant_id = m->grant.public_id,
		.project_ids = project_ids_shown(act->arena, m->row.projects.mode, &m->projects),
		.scopes = scope_list(act->arena, m->row.scopes),
	};
}

static bool audit_mint(const struct act *act, const struct mint *m, bool coalesced, struct err *e)
{
	const struct str_pair facts[] = { { S("coalesced"), S("true") } };
	struct audit_detail detail = { .grant_id = m->grant.id,
		                       .organization_id = m->grant.organization.id,
		                       .facts = facts,
		                       .facts_n = coalesced ? COUNT(facts) : 0 };

	return audit_add(act, AUDIT_TOKEN_MINTED, &detail, e);
}

struct mint_done {
	struct mints *mints;
	struct mint_key key;
	str token;
	int64_t now_ms, expires_ms;
};

static void mint_committed(void *arg)
{
	const struct mint_done *d = arg;

	mints_pending_add(d->mints, d->key.grant_id, -1);
	mints_put(d->mints, &d->key, d->token, d->now_ms, d->expires_ms);
}

static void mint_failed(void *arg)
{
	const struct mint_done *d = arg;

	mints_pending_add(d->mints, d->key.grant_id, -1);
}

static void remember(const struct act *act, const struct mint *m, const struct digest *digest,
                     str token)
{
	struct mint_done *d = arena_new(act->arena, struct mint_done);

	bearer_token_add(act, &(struct bearer_token){ .digest = *digest,
	                                              .grant_id = m->grant.id,
	                                              .grant_version = m->grant.version,
	                                              .scopes = m->row.scopes,
	                                              .issued_ms = m->row.now_ms,
	                                              .expires_ms = m->row.expires_ms,
	                                              .projects = m->row.projects });
	if (act->mints == NULL)
		return;
	*d = (struct mint_done){ act->mints, m->key, token, act->now_ms, m->row.expires_ms };
	mints_pending_add(act->mints, m->grant.id, 1);
	db_after_failure(act->db, mint_failed, d);
	db_after_commit(act->db, mint_committed, d);
}

/* One conditional INSERT. *done_out false: the grant is not what memory said. */
static bool mint_row(const struct act *act, struct mint *m, bool *done_out, struct mint_out *out,
                     struct err *e)
{
	str token = token_random(act->arena, TOKEN_INSTALLATION);
	struct digest digest = sha256(token);

	memcpy(m->row.digest, digest.b, sizeof(m->row.digest));
	if (!store_token_mint(act->db, act->arena, &m->row, done_out, e))
		return false;
	if (!*done_out)
		return true;
	remember(act, m, &digest, token);
	put_answer(act, m, token, m->row.expires_ms, out);
	return audit_mint(act, m, false, e);
}

/* No row could be minted: the connection is over, or only the sign-in whose access token asks. */
static bool refuse_mint(const struct act *act, struct err *e)
{
	struct family_row family;

	if (!store_family_for_refresh(act->db, act->arena, act->who->family_id, &family, e))
		return false;
	if (family.id != 0 && family.revoked_ms == 0)
		return is_revoked(e);
	return err_set(e, ERR_INVALID_TOKEN, "The access token was revoked. Ask the person to connect again.");
}

static bool take_mint(const struct act *act, int64_t grant_id, struct err *e)
{
	struct rate_left here, *left = act->left != NULL ? act->left : &here;

	left->max = act->settings->mint_per_minute_max;
	return bearer_mint_take(act->bearers, grant_id, act->now_ms, left, e);
}

bool install_mint(const struct act *act, const void *in, void *out, struct err *e)
{
	struct mint m = { .in = in };
	int64_t expires_ms;
	bool done = false;
	str token;

	if (!grant_held(act, m.in->grant_id, &m.grant, e))
		return false;
	db_writes_last(act->db);
	for (int i = 0; i < STALE_TRIES; i++) {
		if (!narrow(act, &m, e))
			return false;
		if (mints_find(act->mints, act->arena, &m.key, act->now_ms,
		               act->settings->mint_coalesce_ms, &token, &expires_ms)) {
			put_answer(act, &m, token, expires_ms, out);
			return audit_mint(act, &m, true, e);
		}
		if (!take_mint(act, m.grant.id, e) ||
		    !below_cap(act, &m, e) || !mint_row(act, &m, &done, out, e))
			return false;
		if (done)
			return true;
		if (!from_store(act, m.grant.id, &m.grant, e))
			return false;
		m.projects = (struct named_projects){ NULL, 0 };
	}
	return refuse_mint(act, e);
}

/* Delete and list ------------------------------------------------------------------------------ */

bool install_delete(const struct act *act, const void *in, void *out, struct err *e)
{
	const struct install_delete_in *d = in;
	struct bearer_grant g;

	if (!grant_held(act, d->grant_id, &g, e))
		return false;
	*(struct install_delete_out *)out = (struct install_delete_out){ true, g.public_id };
	return grant_end(act,
	                 &(struct grant_ref){ g.id, g.app_id, g.account_id, g.organization.id },
	                 S("deleted_by_app"), NULL, e);
}

bool install_list(const struct act *act, const void *in, void *out, struct err *e)
{
	struct install_list_out *o = out;
	struct install_view *views;
	struct grant_rows rows;

	(void)in;
	if (!store_grants_of_app_account(act->db, act->arena, act->who->app_id,
	                                 act->who->account_id, act->now_ms, &rows, e))
		return false;
	views = arena_array(act->arena, struct install_view, rows.n + 1);
	for (size_t i = 0; i < rows.n; i++) {
		const struct grant_row *r = &rows.v[i];
		struct named_projects projects = { NULL, 0 };

		if (r->grant.projects.mode == PROJECTS_SELECTED &&
		    !store_grant_projects(act->db, act->arena, r->grant.id, &projects, e))
			return false;
		views[i] = (struct install_view){
			.grant_id = r->grant.public_id,
			.organization_id = r->organization_public_id,
			.organization_slug = r->organization_slug,
			.organization_name = r->organization_name,
			.project_access = project_access_name(r->grant.projects.mode),
			.created_at = clock_iso(act->arena, r->grant.created_ms),
			.scopes = scope_list(act->arena, r->grant.scopes),
			.project_ids = project_ids_shown(act->arena, r->grant.projects.mode,
			                                 &projects),
		};
	}
	o->installations = (struct list){ views, rows.n, true };
	return true;
}
