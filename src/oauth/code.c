/* SPDX-License-Identifier: MIT
 *
 * Codes and their exchange. The exchange applies the consent: grants, families and their tokens
 * appear in one transaction. */
#include "oauth/code.h"

#include "access/audit.h"
#include "access/bearer.h"
#include "access/id.h"
#include "crypto/token.h"
#include "oauth/choice.h"
#include "oauth/pkce.h"
#include "oauth/redirect.h"
#include "oauth/refusal.h"
#include "oauth/resource.h"
#include "oauth/revoke.h"
#include "oauth/token_int.h"
#include "store/account.h"
#include "store/oauth.h"

enum { SECOND_MS = 1000, WRONG_VERIFIERS_MAX = 3 };

/* One event for each organization that the choice names; without one, a single event. */
static bool note_each(const struct act *act, enum audit_kind kind, struct audit_detail detail, str choice_line,
                      struct err *e)
{
	struct choice choice = { .n = 0 };

	if (!choice_parse(act->arena, choice_line, &choice) || choice.n == 0)
		return audit_add(act, kind, &detail, e);
	for (size_t i = 0; i < choice.n; i++) {
		detail.organization_id = choice.organizations[i].id;
		if (!audit_add(act, kind, &detail, e))
			return false;
	}
	return true;
}

bool code_issue(const struct act *act, const struct authorization_request *r, int64_t auth_time_ms,
                str *code_out, struct err *e)
{
	str code = token_random(act->arena, TOKEN_CODE);
	struct digest d = sha256(code);
	struct audit_detail detail = { .app_id = r->app_id, .account_id = r->account_id };
	struct stored_code row = {
		.app_id = r->app_id,
		.account_id = r->account_id,
		.redirect_uri = r->redirect_uri,
		.challenge = r->challenge,
		.nonce = r->nonce,
		.resource = r->resource,
		.scope_text = r->scope_text,
		.choice = r->choice,
		.auth_time_ms = auth_time_ms,
		.created_ms = act->now_ms,
		.expires_ms = act->now_ms + act->settings->code_ttl_s * SECOND_MS,
	};

	if (!store_code_insert(act->db, act->arena, d.b, &row, e) ||
	    !note_each(act, AUDIT_CODE_ISSUED, detail, r->choice, e))
		return false;
	*code_out = code;
	return true;
}

/* Is it good? ---------------------------------------------------------------------------------- */

static struct audit_detail detail_of(const struct stored_code *c)
{
	return (struct audit_detail){ .app_id = c->app_id, .account_id = c->account_id };
}

/* What the code led to ends, with its connection on record. The first time is always written: it ends something. */
static bool replay_end(const struct act *act, const struct stored_code *c, int64_t family_id, bool *live_out,
                       struct err *e)
{
	struct audit_detail detail = detail_of(c);
	struct family_row row;

	if (!store_family_for_refresh(act->db, act->arena, family_id, &row, e) ||
	    !family_end(act, family_id, S("code_replayed"), e))
		return false;
	if (row.id == 0 || row.revoked_ms != 0)
		return true;
	*live_out = true;
	detail.organization_id = row.organization_id;
	detail.grant_id = row.grant_id;
	return audit_add(act, AUDIT_CODE_REPLAYED, &detail, e);
}

/* All that the first exchange issued ends, also what was minted with it (rule 80). */
static bool refuse_replay(const struct act *act, const struct stored_code *c, struct err *e)
{
	struct audit_detail detail = detail_of(c);
	struct id_set families;
	bool live = false;

	if (!store_families_of_code(act->db, act->arena, c->id, &families, e))
		return false;
	for (size_t i = 0; i < families.n; i++) {
		if (!replay_end(act, c, families.v[i], &live, e))
			return false;
	}
	return (live || audit_refusal(act, AUDIT_CODE_REPLAYED, &detail, S("again"), STR_NONE, e)) &&
	       refusal_set(e, REFUSAL_REUSED, true);
}

/* c->id 0: no code at all. What the caller says to the app comes after it and is kept with it. */
static bool note_refused(const struct act *act, const struct token_asker *asker, const struct stored_code *c,
                         str counted_as, str reason, str value, struct err *e)
{
	struct audit_detail detail = { .app_id = asker->app.id, .counted_as = counted_as };
	struct choice choice = { .n = 0 };

	if (c->id != 0 && c->app_id == asker->app.id) {
		detail.account_id = c->account_id;
		if (choice_parse(act->arena, c->choice, &choice) && choice.n == 1)
			detail.organization_id = choice.organizations[0].id;
	}
	return audit_refusal(act, AUDIT_CODE_REFUSED, &detail, reason, value, e);
}

static bool refuse(const struct act *act, const struct token_asker *asker, const struct stored_code *c, str reason,
                   str value, enum refusal why, struct err *e)
{
	return note_refused(act, asker, c, STR_NONE, reason, value, e) && refusal_set(e, why, true);
}

static bool refuse_request(const struct act *act, const struct token_asker *asker, const struct stored_code *c,
                           str reason, enum err_code code, const char *say, struct err *e)
{
	if (!note_refused(act, asker, c, STR_NONE, reason, STR_NONE, e))
		return false;
	err_set(e, code, "%s", say);
	e->keep = true;
	return false;
}

static bool refuse_verifier(const struct act *act, const struct token_asker *asker, const struct stored_code *c,
                            struct err *e)
{
	return store_code_wrong_verifier(act->db, act->arena, c->id, WRONG_VERIFIERS_MAX, e) &&
	       refuse(act, asker, c, S("pkce_failed"), STR_NONE, REFUSAL_PKCE, e);
}

/* A wrong redirect_uri does not use the code up (rule 83). Leaving it out is for those who prove
 * themselves by PKCE. */
static bool check_redirect(const struct act *act, const struct token_asker *asker, const struct stored_code *c,
                           const struct token_in *in, struct err *e)
{
	if (in->redirect_uri.n > 0)
		return str_eq(in->redirect_uri, c->redirect_uri) ||
		       refuse(act, asker, c, S("redirect_mismatch"), audit_uri(act->arena, c->redirect_uri),
		              REFUSAL_REDIRECT, e);
	return c->challenge.n > 0 ||
	       refuse_request(act, asker, c, S("redirect_missing"), ERR_INVALID_REQUEST,
	                      "redirect_uri is missing. Only an exchange with PKCE may leave it out.", e);
}

static bool check_verifier(const struct act *act, const struct token_asker *asker, const struct stored_code *c,
                           const struct token_in *in, struct err *e)
{
	if (c->challenge.n == 0 && in->code_verifier.n == 0)
		return true;
	if (in->code_verifier.n == 0)
		return refuse_request(act, asker, c, S("verifier_missing"), ERR_INVALID_REQUEST,
		                      "code_verifier is missing: the authorization was started with a "
		                      "code_challenge.", e);
	if (!pkce_verifier_is_sane(in->code_verifier))
		return refuse_request(act, asker, c, S("verifier_malformed"), ERR_INVALID_REQUEST,
		                      "code_verifier has 43 to 128 characters of A-Z a-z 0-9 - . _ ~.", e);
	/* A verifier without a challenge: somebody took the challenge away on the way here (rule
	 * 91). */
	return pkce_s256_matches(in->code_verifier, c->challenge) || refuse_verifier(act, asker, c, e);
}

/* The app hears the same of an unknown code, another app's and an expired one, after the same work and with one count
 * of what goes on record (rules 103, 259); only its developer is told which it was, in a record that waits for the disk
 * whichever it was. */
static bool refuse_unusable(const struct act *act, const struct token_asker *asker, const struct digest *d,
                            struct err *e)
{
	str counted_as = arena_printf(act->arena, "%lld", (long long)asker->app.id), reason;
	struct stored_code c;

	if (!audit_refusal_due(act, AUDIT_CODE_REFUSED, counted_as))
		return refusal_set(e, REFUSAL_EXPIRED, true);
	if (!store_code_find(act->db, act->arena, d->b, &c, e))
		return false;
	if (c.id == 0)
		reason = S("code_unknown");
	else
		reason = c.app_id == asker->app.id ? S("code_expired") : S("code_foreign");
	return note_refused(act, asker, &c, counted_as, reason, STR_NONE, e) &&
	       refusal_set(e, REFUSAL_EXPIRED, true);
}

static bool check_code(const struct act *act, const struct token_asker *asker,
                       const struct token_in *in, struct stored_code *out, struct err *e)
{
	struct digest d = sha256(in->code);
	str resource;

	*out = (struct stored_code){ .id = 0 };
	if (token_kind_of(in->code) != TOKEN_CODE)
		return refuse(act, asker, out, S("code_unknown"), STR_NONE, REFUSAL_EXPIRED, e);
	if (!store_code_to_exchange(act->db, act->arena, d.b, asker->app.id, act->now_ms, out, e))
		return false;
	if (out->id == 0)
		return refuse_unusable(act, asker, &d, e);
	/* Also when it has expired since: a code presented twice must end what it issued. */
	if (out->redeemed_ms != 0)
		return refuse_replay(act, out, e);
	if (!resource_check(act, in->resource, out->resource, &resource))
		return refuse_request(act, asker, out, S("resource"), ERR_INVALID_TARGET,
		                      "resource was not part of the authorization.", e);
	return check_redirect(act, asker, out, in, e) && check_verifier(act, asker, out, in, e);
}

/* Grants --------------------------------------------------------------------------------------- */

static bool set_equal(const struct project_set *a, const struct project_set *b)
{
	if (a->mode != b->mode || (a->mode == PROJECTS_SELECTED && a->n != b->n))
		return false;
	for (size_t i = 0; a->mode == PROJECTS_SELECTED && i < a->n; i++) {
		if (!project_set_has(b, a->ids[i]))
			return false;
	}
	return true;
}

/* Drops projects that are gone since the consent. */
static bool projects_that_exist(const struct act *act, int64_t organization_id,
                                struct project_set *set, struct named_projects *named,
                                struct err *e)
{
	struct named_projects all, kept;
	int64_t *ids;

	*named = (struct named_projects){ NULL, 0 };
	if (set->mode != PROJECTS_SELECTED)
		return true;
	if (!store_consent_projects(act->db, act->arena, organization_id, &all, e))
		return false;
	kept = (struct named_projects){ arena_array(act->arena, struct named_project, all.n + 1),
		                        0 };
	ids = arena_array(act->arena, int64_t, all.n + 1);
	for (size_t i = 0; i < all.n; i++) {
		if (!project_set_has(set, all.v[i].id))
			continue;
		ids[kept.n] = all.v[i].id;
		kept.v[kept.n++] = all.v[i];
	}
	*set = (struct project_set){ kept.n == 0 ? PROJECTS_NONE : PROJECTS_SELECTED, ids, kept.n };
	*named = kept;
	return true;
}

/* Ruling R3: the same consent keeps the grant; another one re-issues it under a new public id. */
static bool grant_apply(const struct act *act, const struct grant_new *wanted, struct grant *out,
                        struct err *e)
{
	struct audit_detail detail = { .app_id = wanted->app_id, .account_id = wanted->account_id,
		                       .organization_id = wanted->organization_id };
	bool created;

	if (!store_grant_ensure(act->db, act->arena, wanted, out, &created, e))
		return false;
	detail.grant_id = out->id;
	if (created)
		return audit_add(act, AUDIT_GRANT_CREATED, &detail, e) &&
		       bearer_grant_refresh(act, out->id, e);
	if (out->scopes == wanted->scopes && set_equal(&out->projects, &wanted->projects))
		return true;
	if (!store_grant_reissue(act->db, act->arena, out, wanted, e))
		return false;
	out->public_id = wanted->public_id;
	out->scopes = wanted->scopes;
	out->projects = wanted->projects;
	return audit_add(act, AUDIT_GRANT_CHANGED, &detail, e) &&
	       bearer_grant_refresh(act, out->id, e);
}

/* Families ------------------------------------------------------------------------------------- */

struct issue {
	const struct token_asker *asker;
	const struct stored_code *code;
	struct choice choice;
	struct token_out *out;
};

static bool family_issue(const struct act *act, const struct issue *is, const struct grant *g,
                         str *refresh_token_out, struct err *e)
{
	struct family_rules rules = family_rules_of(act->settings, &is->asker->app);
	struct bearer_family memory = { .id = random_id(),
		                        .app_id = g->app_id,
		                        .account_id = g->account_id,
		                        .grant_id = g->id,
		                        .code_id = is->code->id };
	int64_t access_ms = act->now_ms + act->settings->access_ttl_s * SECOND_MS;
	struct family_state state;
	struct family_new row;
	bool ok;

	memory.expires_ms = act->now_ms + family_absolute_ms(act->settings, &is->asker->app);
	access_ms = access_ms < memory.expires_ms ? access_ms : memory.expires_ms;
	family_begin(&state, act->now_ms, memory.expires_ms, is->asker->network, &rules);
	random_bytes(memory.secret, sizeof(memory.secret));
	row = (struct family_new){
		.id = memory.id,
		.grant_id = g->id,
		.app_id = g->app_id,
		.account_id = g->account_id,
		.code_id = is->code->id,
		.epoch = act->settings->epoch,
		.now_ms = act->now_ms,
		.idle_expires_ms = state.idle_expires_ms,
		.expires_ms = state.expires_ms,
		.access_expires_ms = access_ms,
		.sealed = family_secret_seal(act->arena, act->settings, memory.id, memory.secret),
		.scope_text = is->code->scope_text,
		.resource = is->code->resource,
		.network = state.network,
		.networks = family_networks_text(act->arena, &state),
	};
	ok = store_family_insert(act->db, act->arena, &row, e);
	if (ok) {
		bearer_family_add(act, &memory);
		*refresh_token_out = derived_token(act->arena, TOKEN_REFRESH, memory.secret,
		                                   row.epoch, memory.id, 1, 0, 0);
	}
	/* The access token comes from the first family; it serves all grants of the app and person
	 * (ruling R20). */
	if (ok && is->out->grants.n == 0)
		token_put_access(act,
		                 &(struct access_source){ memory.secret, memory.id, 1, 1, SCOPE_ALL,
		                                          access_ms },
		                 is->out);
	wipe(memory.secret, sizeof(memory.secret));
	return ok;
}

static bool organization_issue(const struct act *act, const struct issue *is,
                               const struct choice_organization *chosen, struct err *e)
{
	struct grant_new wanted = {
		.app_id = is->asker->app.id,
		.account_id = is->code->account_id,
		.organization_id = chosen->id,
		.scopes = is->choice.scopes & is->asker->app.scopes,
		.now_ms = act->now_ms,
		.public_id = id_public(act->arena, S("grt_")),
		.resource = is->code->resource,
		.redirect_host = redirect_host(is->code->redirect_uri),
		.projects = chosen->projects,
	};
	struct organization organization;
	struct named_projects projects;
	struct audit_detail detail;
	struct granted granted;
	struct grant g;
	enum role role;

	/* Who has lost the role since the consent grants nothing (rule 68). */
	if (!store_consent_role(act->db, act->arena, chosen->id, is->code->account_id, &role,
	                        &organization, e))
		return false;
	if (role < ROLE_ADMIN)
		return true;
	if (!projects_that_exist(act, chosen->id, &wanted.projects, &projects, e) ||
	    !grant_apply(act, &wanted, &g, e))
		return false;
	granted = (struct granted){
		.grant_id = g.public_id,
		.organization_id = organization.public_id,
		.organization_slug = organization.slug,
		.organization_name = organization.name,
		.scopes = g.scopes,
		.mode = g.projects.mode,
		.projects = &projects,
	};
	if (!family_issue(act, is, &g, &granted.refresh_token, e))
		return false;
	token_put_grant(act, &granted, is->out);
	detail = (struct audit_detail){ .app_id = g.app_id, .account_id = g.account_id,
	                                .organization_id = g.organization_id, .grant_id = g.id };
	return audit_add(act, AUDIT_CODE_REDEEMED, &detail, e) &&
	       audit_add(act, AUDIT_TOKEN_ISSUED, &detail, e);
}

/* A person may connect an app again and again; the families used last stay (rule 134). */
static bool evict_families(const struct act *act, const struct issue *is, struct err *e)
{
	int64_t keep = act->settings->families_max - (int64_t)is->out->grants.n;
	struct audit_detail detail = detail_of(is->code);
	struct family_row row;
	struct id_set over;

	if (!store_families_over_limit(act->db, act->arena, is->code->app_id, is->code->account_id,
	                               is->code->id, keep < 0 ? 0 : keep, &over, e))
		return false;
	for (size_t i = 0; i < over.n; i++) {
		if (!store_family_for_refresh(act->db, act->arena, over.v[i], &row, e) ||
		    !family_end(act, over.v[i], S("evicted"), e))
			return false;
		detail.organization_id = row.organization_id;
		detail.grant_id = row.grant_id;
		if (!audit_add(act, AUDIT_FAMILY_EVICTED, &detail, e))
			return false;
	}
	return true;
}

static bool person_is_live(const struct act *act, int64_t account_id, bool *out, struct err *e)
{
	struct account person;

	if (!store_account_by_id(act->db, act->arena, account_id, &person, e))
		return false;
	*out = person.id != 0 && person.disabled_ms == 0;
	return true;
}

static bool issue_all(const struct act *act, struct issue *is, struct err *e)
{
	bool live;

	if (!person_is_live(act, is->code->account_id, &live, e))
		return false;
	is->out->grants = (struct list){ arena_array(act->arena, struct token_grant, is->choice.n),
		                         0, true };
	for (size_t i = 0; live && i < is->choice.n; i++) {
		if (!organization_issue(act, is, &is->choice.organizations[i], e))
			return false;
	}
	if (is->out->grants.n == 0)
		return refuse(act, is->asker, is->code, S("gone"), STR_NONE, REFUSAL_REVOKED, e);
	is->out->scope = token_scope_text(act->arena, is->choice.scopes & is->asker->app.scopes,
	                                  is->code->scope_text);
	return evict_families(act, is, e);
}

bool code_exchange(const struct act *act, const struct token_asker *asker,
                   const struct token_in *in, struct token_out *out, struct err *e)
{
	struct stored_code code;
	struct issue is = { .asker = asker, .code = &code, .out = out };
	bool done;

	if (!check_code(act, asker, in, &code, e))
		return false;
	if (!choice_parse(act->arena, code.choice, &is.choice))
		return err_log(e, ERR_INTERNAL, 0, "code %lld has no readable choice",
		               (long long)code.id);
	if (!store_code_redeem(act->db, act->arena, code.id, act->now_ms, &done, e))
		return false;
	if (!done)
		return refuse_replay(act, &code, e);     /* another connection was faster */
	return issue_all(act, &is, e);
}
