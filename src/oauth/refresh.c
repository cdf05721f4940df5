/* SPDX-License-Identifier: MIT
 *
 * grant_type=refresh_token: one read, one row written, one audit event. The token says family and
 * generation; the MAC proves it; oauth/family.h judges. */
#include "oauth/token_int.h"

#include "access/audit.h"
#include "access/bearer.h"
#include "crypto/token.h"
#include "oauth/refusal.h"
#include "oauth/resource.h"
#include "oauth/revoke.h"
#include "store/account.h"
#include "store/oauth.h"

enum { TRIES = 5, EPOCHS_BACK = 16, SECOND_MS = 1000 };

struct refresh {
	const struct token_asker *asker;
	struct family_row   row;
	struct family_state state;
	uint8_t             secret[KEY_BYTES];
	int64_t             scopes;             /* of the access token; SCOPE_ALL: not narrowed */
	str                 scope_shown;
};

void family_state_of(const struct family_row *row, struct family_state *s)
{
	*s = (struct family_state){
		.generation = row->generation,
		.used_ms = row->used_ms,
		.rotated_ms = row->rotated_ms,
		.idle_expires_ms = row->idle_expires_ms,
		.expires_ms = row->expires_ms,
		.revoked_ms = row->revoked_ms,
		.network = row->network,
	};
	family_history_parse(row->history, s);
	family_networks_parse(row->networks, s);
}

/* The live generation carries the row's epoch. Earlier ones may be from before a restore, so from
 * an earlier epoch. */
static bool mac_is_right(const struct family_row *row, const uint8_t secret[KEY_BYTES],
                         const struct derived *d)
{
	int64_t epoch = row->epoch, oldest = epoch - EPOCHS_BACK;

	if (d->generation == row->generation)
		return derived_verify(d, TOKEN_REFRESH, secret, epoch);
	for (; epoch > 0 && epoch > oldest; epoch--) {
		if (derived_verify(d, TOKEN_REFRESH, secret, epoch))
			return true;
	}
	return false;
}

bool family_open(const struct act *act, int64_t app_id, const struct derived *d,
                 struct family_row *row, uint8_t secret[KEY_BYTES], struct err *e)
{
	if (!store_family_for_refresh(act->db, act->arena, d->family, row, e))
		return false;
	if (row->id == 0 || (app_id != ANY_APP && row->app_id != app_id)) {
		row->id = 0;
		return true;
	}
	if (!family_secret_unseal(act->arena, act->settings, row->id, row->sealed, secret))
		return err_log(e, ERR_INTERNAL, 0,
		               "the secret of family %lld does not open with this server key",
		               (long long)row->id);
	if (!mac_is_right(row, secret, d))
		row->id = 0;
	return true;
}

bool family_surroundings_live(const struct act *act, const struct family_row *row)
{
	const struct grant *g = &row->grant;

	return !row->account_disabled && row->role >= ROLE_ADMIN && g->revoked_ms == 0 &&
	       g->suspended_ms == 0 && (g->expires_ms == 0 || g->expires_ms > act->now_ms);
}

static bool words_within(str words, str list)
{
	str word, one, rest;

	while (str_cut(&words, ' ', &word)) {
		bool found = word.n == 0;

		for (rest = list; !found && str_cut(&rest, ' ', &one);)
			found = str_eq(one, word);
		if (!found)
			return false;
	}
	return true;
}

static struct audit_detail detail_of(const struct family_row *row)
{
	return (struct audit_detail){ .account_id = row->account_id,
		                      .app_id = row->app_id,
		                      .organization_id = row->organization_id,
		                      .grant_id = row->grant_id };
}

static bool note_refused(const struct act *act, const struct refresh *r, str reason, struct err *e)
{
	struct audit_detail detail = detail_of(&r->row);

	return audit_refusal(act, AUDIT_TOKEN_REFRESH_REFUSED, &detail, reason, STR_NONE, e);
}

/* Anybody may send what is no token of the app: it is on record as the app's alone. */
static bool refuse_unknown(const struct act *act, const struct token_asker *asker, struct err *e)
{
	struct audit_detail detail = { .app_id = asker->app.id };

	return audit_refusal(act, AUDIT_TOKEN_REFRESH_REFUSED, &detail, S("token_unknown"), STR_NONE, e) &&
	       refusal_set(e, REFUSAL_EXPIRED, true);
}

/* May narrow, never widen; the refresh token keeps all (rule 121). */
static bool narrow(const struct act *act, const struct token_in *in, struct refresh *r,
                   struct err *e)
{
	str openid = r->row.scope_text, resource;
	int64_t allowed = r->row.grant.scopes & r->asker->app.scopes, asked;

	if (!resource_check(act, in->resource, r->row.resource, &resource)) {
		if (!note_refused(act, r, S("resource"), e))
			return false;
		err_set(e, ERR_INVALID_TARGET, "resource was not part of the authorization.");
		e->keep = true;
		return false;
	}
	r->scopes = SCOPE_ALL;
	r->scope_shown = token_scope_text(act->arena, allowed, openid);
	if (in->scope.n == 0)
		return true;
	if (!scope_parse(act->arena, in->scope, &asked, &openid) || (asked & ~allowed) != 0 ||
	    !words_within(openid, r->row.scope_text)) {
		if (!note_refused(act, r, S("scope"), e))
			return false;
		err_set(e, ERR_INVALID_SCOPE, "scope may only name what was granted: " FMT_STR ".",
		        ARG_STR(r->scope_shown));
		e->keep = true;
		return false;
	}
	if (asked != 0 && asked != allowed)
		r->scopes = asked;
	r->scope_shown = token_scope_text(act->arena, asked == 0 ? allowed : asked, openid);
	return true;
}

static bool refuse(const struct act *act, const struct refresh *r, enum refusal why, str reason,
                   struct err *e)
{
	return note_refused(act, r, reason, e) && refusal_set(e, why, true);
}

/* Somebody else holds this token too: the family ends, and whoever may care is told (rule 127). */
static bool refuse_reused(const struct act *act, const struct refresh *r, struct err *e)
{
	struct audit_detail detail = detail_of(&r->row);
	struct notice notice = {
		.account_id = r->row.account_id,
		.organization_id = r->row.organization_id,
		.kind = S("refresh_reuse_detected"),
		.detail = r->row.grant.public_id,
		.created_ms = act->now_ms,
	};
	int64_t notice_id;

	return family_end(act, r->row.id, S("refresh_reuse_detected"), e) &&
	       audit_add(act, AUDIT_TOKEN_REUSED, &detail, e) &&
	       store_notice_add(act->db, act->arena, &notice, &notice_id, e) &&
	       refusal_set(e, REFUSAL_REUSED, true);
}

static bool judge(const struct act *act, struct refresh *r, enum family_verdict verdict,
                  struct err *e)
{
	switch (verdict) {
	case FAMILY_ROTATED:
	case FAMILY_SAME:
		return true;
	case FAMILY_EXPIRED:
		return refuse(act, r, REFUSAL_EXPIRED, S("expired"), e);
	case FAMILY_REVOKED:
		return refuse(act, r, REFUSAL_REVOKED, S("revoked"), e);
	case FAMILY_REFUSED:
		return refuse(act, r, REFUSAL_STALE, S("stale"), e);
	case FAMILY_REUSED:
		return refuse_reused(act, r, e);
	}
	return err_log(e, ERR_INTERNAL, 0, "verdict %d", (int)verdict);
}

/* *done_out false: another connection was faster; look again. */
static bool advance(const struct act *act, struct refresh *r, enum family_verdict verdict,
                    bool *done_out, struct err *e)
{
	struct family_row now = r->row;
	int64_t access_ms = act->now_ms + act->settings->access_ttl_s * SECOND_MS;

	now.generation = r->state.generation;
	if (verdict == FAMILY_ROTATED) {
		now.epoch = act->settings->epoch;
		now.history = family_history_text(act->arena, &r->state);
		now.networks = family_networks_text(act->arena, &r->state);
	}
	now.network = r->state.network;
	now.rotated_ms = r->state.rotated_ms;
	now.used_ms = r->state.used_ms;
	now.idle_expires_ms = r->state.idle_expires_ms;
	now.access_expires_ms = access_ms < now.expires_ms ? access_ms : now.expires_ms;
	if (!store_family_refreshed(act->db, act->arena, &r->row, &now, done_out, e))
		return false;
	now.counter++;
	r->row = now;
	return true;
}

static bool answer(const struct act *act, const struct refresh *r, const struct token_in *in,
                   const struct derived *d, struct token_out *out, struct err *e)
{
	const struct family_row *row = &r->row;
	struct named_projects projects = { NULL, 0 };
	struct granted granted = {
		.grant_id = row->grant.public_id,
		.organization_id = row->organization_public_id,
		.organization_slug = row->organization_slug,
		.organization_name = row->organization_name,
		.scopes = row->grant.scopes & r->asker->app.scopes,
		.mode = row->grant.projects.mode,
		.projects = &projects,
	};
	struct access_source source = { r->secret,    row->id,   row->generation,
		                        row->counter, r->scopes, row->access_expires_ms };

	if (granted.mode == PROJECTS_SELECTED &&
	    !store_grant_projects(act->db, act->arena, row->grant_id, &projects, e))
		return false;
	granted.refresh_token = in->refresh_token;
	if (d->generation != row->generation)
		granted.refresh_token =
			derived_token(act->arena, TOKEN_REFRESH, r->secret, row->epoch, row->id,
		                      (uint32_t)row->generation, 0, 0);
	out->grants.v = arena_new(act->arena, struct token_grant);
	token_put_grant(act, &granted, out);
	token_put_access(act, &source, out);
	out->scope = r->scope_shown;
	return true;
}

static bool step(const struct act *act, const struct token_in *in, const struct derived *d,
                 struct refresh *r, bool *done_out, struct err *e)
{
	struct family_rules rules = family_rules_of(act->settings, &r->asker->app);
	struct family_event event = { .now_ms = act->now_ms,
		                      .network = r->asker->network,
		                      .bound = r->asker->app.confidential };
	enum family_verdict verdict;

	if (!family_open(act, r->asker->app.id, d, &r->row, r->secret, e))
		return false;
	if (r->row.id == 0)
		return refuse_unknown(act, r->asker, e);
	family_state_of(&r->row, &r->state);
	if (!family_surroundings_live(act, &r->row))
		return refuse(act, r, REFUSAL_REVOKED, S("revoked"), e);
	if (!narrow(act, in, r, e))
		return false;
	event.generation = d->generation;
	verdict = family_step(&r->state, &event, &rules);
	return judge(act, r, verdict, e) && advance(act, r, verdict, done_out, e);
}

bool refresh_exchange(const struct act *act, const struct token_asker *asker,
                      const struct token_in *in, struct token_out *out, struct err *e)
{
	struct refresh r = { .asker = asker };
	struct audit_detail detail;
	struct derived d;
	bool done = false, ok = true;

	/* An access token, a code, anything else ends here, without a look-up (rule 129). */
	if (!derived_parse(in->refresh_token, TOKEN_REFRESH, &d))
		return refuse_unknown(act, asker, e);
	db_writes_last(act->db);       /* what is refused after a write is kept */
	for (int i = 0; ok && !done && i < TRIES; i++)
		ok = step(act, in, &d, &r, &done, e);
	if (ok && !done)
		ok = err_log(e, ERR_UNAVAILABLE, 0, "family %lld is being refreshed all the time",
		             (long long)d.family);
	if (ok) {
		detail = detail_of(&r.row);
		ok = answer(act, &r, in, &d, out, e) && audit_add(act, AUDIT_TOKEN_REFRESHED, &detail, e);
	}
	wipe(r.secret, sizeof(r.secret));
	return ok;
}
