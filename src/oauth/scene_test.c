/* SPDX-License-Identifier: MIT */
#include "oauth/scene_test.h"

#include "access/apps.h"
#include "access/bearer.h"
#include "access/id.h"
#include "base/clock.h"
#include "oauth/app.h"
#include "oauth/mints.h"
#include "store/account.h"
#include "store/catalog.h"

#include <semaphore.h>
#include <stdio.h>
#include <string.h>

enum { ARENA_BYTES = 64 * 1024, LIST_MAX = 16 };

static void settings_fill(struct settings *s)
{
	*s = (struct settings){
		.public_url = S("http://127.0.0.1:52490"),
		.authorize_per_minute_max = 600,
		.client_failures_per_address_max = 60,
		.client_failures_per_app_max = 20,
		.code_ttl_s = 600,
		.access_ttl_s = 1800,
		.refresh_idle_s = 2592000,
		.refresh_absolute_s = 31536000,
		.refresh_absolute_public_s = 7776000,
		.installation_ttl_s = 3600,
		.installation_tokens_max = 100,
		.mint_coalesce_ms = 0,
		.mint_per_minute_max = 1000000,
		.requests_per_minute_max = 1000000,
		.refresh_grace_s = 120,
		.session_ttl_s = 86400,
		.session_idle_s = 86400,
		.families_max = 50,
		.server_key = { 1, 2, 3 },
		.epoch = 1,
	};
}

/* Lanes ---------------------------------------------------------------------------------------- */

struct submitted {
	struct write_task task;
	struct act  act;
	scene_fn    fn;
	const void *in;
	void       *out;
	struct err  err;
	bool        ok, refused;
	sem_t       finished;
};

static bool submitted_run(struct db *db, struct write_task *t, struct err *e)
{
	struct submitted *w = (struct submitted *)(void *)t;

	w->act.db = db;
	if (w->fn(&w->act, w->in, w->out, e))
		return true;
	w->refused = e->keep;
	w->err = *e;
	return w->refused;
}

static void submitted_done(struct write_task *t, bool ok, const struct err *e)
{
	struct submitted *w = (struct submitted *)(void *)t;

	w->ok = ok && !w->refused;
	if (!ok && e != NULL)
		w->err = *e;
	sem_post(&w->finished);
}

bool scene_submit(const struct act *act, scene_fn fn, const void *in, void *out, struct err *e)
{
	struct submitted w = { .task = { .run = submitted_run, .done = submitted_done },
		               .act = *act,
		               .fn = fn,
		               .in = in,
		               .out = out };

	sem_init(&w.finished, 0, 0);
	CHECK(store_write(act->store, &w.task));
	while (sem_wait(&w.finished) != 0)
		;
	sem_destroy(&w.finished);
	*e = w.err;
	return w.ok;
}

bool scene_write(struct scene *s, const struct principal *who, scene_fn fn, const void *in,
                 void *out, struct err *e)
{
	*e = (struct err){ 0 };
	fixture_read_end(s->fixture);
	s->act.who = who;
	return scene_submit(&s->act, fn, in, out, e);
}

bool scene_read(struct scene *s, const struct principal *who, scene_fn fn, const void *in,
                void *out, struct err *e)
{
	struct act act = s->act;
	bool ok;

	*e = (struct err){ 0 };
	act.who = who;
	act.db = fixture_read(s->fixture);
	ok = fn(&act, in, out, e);
	fixture_read_end(s->fixture);
	return ok;
}

/* World ---------------------------------------------------------------------------------------- */

static bool person_add(const struct act *act, const char *email, int64_t *id_out, struct err *e)
{
	struct account a = { .public_id = id_public(act->arena, S("usr_")),
		             .email = str_from(email),
		             .name = S("Someone"),
		             .created_ms = act->now_ms };

	return store_account_insert(act->db, act->arena, &a, id_out, e);
}

static bool organization_put(const struct act *act, str slug, int64_t owner,
                             struct organization *out, struct err *e)
{
	*out = (struct organization){ .public_id = id_public(act->arena, S("org_")),
		                      .slug = slug,
		                      .name = slug,
		                      .created_ms = act->now_ms };
	if (!store_organization_insert(act->db, act->arena, out, &out->id, e))
		return false;
	bearer_organization_put(act, out);
	return store_member_put(act->db, act->arena, out->id, owner, ROLE_OWNER, act->now_ms, e);
}

static bool project_put(const struct act *act, const struct organization *o, str slug,
                        struct project *out, struct err *e)
{
	*out = (struct project){ .public_id = id_uuid(act->arena),
		                 .organization_id = o->id,
		                 .slug = slug,
		                 .name = slug,
		                 .source_language = S("en"),
		                 .file_structure = S("single_file"),
		                 .key_format = S("nested"),
		                 .missing = S(""),
		                 .publish_cooldown_s = -1,
		                 .created_ms = act->now_ms };
	return store_project_insert(act->db, act->arena, out, e);
}

static bool world_make(const struct act *act, const void *in, void *out, struct err *e)
{
	struct scene *s = out;

	(void)in;
	return person_add(act, "owner@acme.example", &s->owner.account_id, e) &&
	       person_add(act, "member@acme.example", &s->member.account_id, e) &&
	       organization_put(act, S("acme"), s->owner.account_id, &s->acme, e) &&
	       organization_put(act, S("beta"), s->owner.account_id, &s->beta, e) &&
	       store_member_put(act->db, act->arena, s->acme.id, s->member.account_id, ROLE_MEMBER,
	                        act->now_ms, e) &&
	       project_put(act, &s->acme, S("web"), &s->web, e) &&
	       project_put(act, &s->acme, S("docs"), &s->docs, e) &&
	       project_put(act, &s->beta, S("site"), &s->site, e);
}

static struct scene_app app_make(struct scene *s, const char *type, str redirect)
{
	struct app_add_in in = { .name = S("App"),
		                 .type = str_from(type),
		                 .redirect_uris = { &redirect, 1, true } };
	struct app_view out = { 0 };
	struct err e;

	CHECK(scene_write(s, &s->operator_, app_add, &in, &out, &e));
	return (struct scene_app){ out.client_id, out.client_secret, redirect };
}

static void memory_make(struct scene *s)
{
	struct err e = { 0 };

	s->act.bearers = bearers_create(&s->settings);
	s->act.apps = apps_create();
	s->act.mints = mints_create();
	CHECK(bearers_load(s->act.bearers, s->act.store, s->act.now_ms, &e));
	CHECK(apps_load(s->act.apps, s->act.store, &e));
}

static void memory_drop(struct scene *s)
{
	bearers_destroy(s->act.bearers);
	apps_destroy(s->act.apps);
	mints_destroy(s->act.mints);
}

void scene_restart(struct scene *s)
{
	memory_drop(s);
	memory_make(s);
}

void scene_run(struct fixture *f, void (*fn)(struct scene *s))
{
	struct scene s = { .fixture = f, .arena = arena_create(ARENA_BYTES),
			   .operator_ = { .kind = WHO_LOCAL }, .owner = { .kind = WHO_SESSION },
			   .member = { .kind = WHO_SESSION }, .nobody = { .kind = WHO_ANONYMOUS } };
	struct err e;

	settings_fill(&s.settings);
	s.act = (struct act){ .store = f->store,
		              .arena = s.arena,
		              .settings = &s.settings,
		              .now_ms = clock_now_ms(),
		              .request_id = S("req"),
		              .address = S("203.0.113.7"),
		              .user_agent = S("test") };
	memory_make(&s);
	if (!scene_write(&s, &s.operator_, world_make, NULL, &s, &e))
		fprintf(stderr, "%s %s\n", e.say, e.msg);
	CHECK(s.site.id != 0);
	s.owner.auth_time_ms = s.member.auth_time_ms = s.act.now_ms;
	s.partner = app_make(&s, "web", S(WEB_REDIRECT));
	s.editor = app_make(&s, "native", S(EDITOR_REDIRECT));
	s.spa = app_make(&s, "spa", S(SPA_REDIRECT));
	fn(&s);
	memory_drop(&s);
	arena_destroy(s.arena);
}

/* Flows ---------------------------------------------------------------------------------------- */

struct authorize_in scene_authorize(const struct scene_app *app, bool pkce)
{
	return (struct authorize_in){
		.client_id = app->id,
		.redirect_uri = app->redirect,
		.response_type = S("code"),
		.state = S("st&1"),
		.code_challenge = pkce ? S(CHALLENGE) : STR_NONE,
		.code_challenge_method = pkce ? S("S256") : STR_NONE,
	};
}

static struct strs list_of(const str *v)
{
	size_t n = 0;

	while (v != NULL && v[n].p != NULL)
		n++;
	return (struct strs){ v, n, true };
}

static str parameter_of(struct scene *s, str uri, const char *name)
{
	str mark = arena_printf(s->arena, "%s=", name), value;
	ptrdiff_t at = str_find(uri, mark);

	if (at < 0)
		return STR_NONE;
	value = str_from_at(uri, (size_t)at + mark.n);
	CHECK(str_cut(&value, '&', &mark));
	return mark;
}

str scene_code(struct scene *s, const struct scene_consent *c)
{
	static const str usual_organizations[] = { STR("acme"), { NULL, 0 } };
	static const str usual_scopes[] = { STR("keys:read"),
		                            STR("translations:read"),
		                            { NULL, 0 } };
	struct authorize_in begin = scene_authorize(c->app, c->pkce);
	struct authorize_out begun = { 0 }, done = { 0 };
	struct authorize_request_in request;
	struct consent_in decide;
	struct consent_out decided = { 0 };
	struct err e;

	begin.scope = c->scope;
	CHECK(scene_write(s, &s->owner, authorize_begin, &begin, &begun, &e));
	CHECK(begun.redirect_to.p == NULL && begun.request.n > 0 && !begun.needs_login);
	decide = (struct consent_in){
		.request = begun.request,
		.decision = S("approve"),
		.project_access = c->projects == NULL ? S("all") : S("selected"),
		.organizations = list_of(c->organizations == NULL ? usual_organizations
		                                                  : c->organizations),
		.projects = list_of(c->projects),
		.scopes = list_of(c->scopes == NULL ? usual_scopes : c->scopes),
	};
	if (!scene_write(s, &s->owner, consent_decide, &decide, &decided, &e))
		fprintf(stderr, "%s %s\n", e.say, e.msg);
	CHECK(decided.complete);
	request.request = begun.request;
	CHECK(scene_write(s, &s->owner, authorize_complete, &request, &done, &e));
	return parameter_of(s, done.redirect_to, "code");
}

struct token_in scene_exchange_in(const struct scene_app *app, str code, bool pkce)
{
	return (struct token_in){ .grant_type = S("authorization_code"),
		                  .code = code,
		                  .redirect_uri = app->redirect,
		                  .client_id = app->id,
		                  .client_secret = app->secret,
		                  .code_verifier = pkce ? S(VERIFIER) : STR_NONE };
}

struct token_in scene_refresh_in(const struct scene_app *app, str refresh_token)
{
	return (struct token_in){ .grant_type = S("refresh_token"),
		                  .refresh_token = refresh_token,
		                  .client_id = app->id,
		                  .client_secret = app->secret };
}

struct token_out scene_redeem(struct scene *s, const struct scene_app *app, str code, bool pkce)
{
	struct token_in in = scene_exchange_in(app, code, pkce);
	struct token_out out = { 0 };
	struct err e;

	if (!scene_write(s, &s->nobody, token_exchange, &in, &out, &e))
		fprintf(stderr, "%s %s\n", e.say, e.msg);
	CHECK(out.access_token.n > 0);
	return out;
}

struct token_out scene_connect(struct scene *s, const struct scene_app *app)
{
	bool pkce = app->secret.p == NULL;

	return scene_redeem(s, app,
	                    scene_code(s, &(struct scene_consent){ .app = app, .pkce = pkce }),
	                    pkce);
}

struct principal scene_bearer(struct scene *s, str text, struct err *e)
{
	struct principal who = { 0 };

	*e = (struct err){ 0 };
	if (!bearer_principal(s->act.bearers, s->arena, text, s->act.now_ms, &who, e))
		who.kind = 0;
	return who;
}

bool scene_mint(struct scene *s, const struct principal *who, str grant_id, struct mint_out *out,
                struct err *e)
{
	struct mint_in in = { .grant_id = grant_id };

	*out = (struct mint_out){ 0 };
	return scene_write(s, who, install_mint, &in, out, e);
}

enum err_code scene_token_state(struct scene *s, str text)
{
	struct err e;

	scene_bearer(s, text, &e);
	return e.code;
}

const struct token_grant *scene_grant(const struct token_out *t, size_t i)
{
	CHECK(i < t->grants.n);
	return (const struct token_grant *)t->grants.v + i;
}

bool scene_app_disable(struct scene *s, const struct scene_app *app)
{
	struct app_ref_in in = { app->id };
	struct app_view out;
	struct err e;

	return scene_write(s, &s->operator_, app_disable, &in, &out, &e);
}

size_t scene_audited(struct scene *s, const char *kind)
{
	struct audit_filter filter = { .limit = 10000 };
	struct audit_rows rows;
	struct err e;
	size_t n = 0;

	fixture_read_end(s->fixture);
	CHECK(store_audit_list(fixture_read(s->fixture), s->arena, &filter, &rows, &e));
	for (size_t i = 0; i < rows.n; i++)
		n += str_eq(rows.v[i].kind, str_from(kind));
	fixture_read_end(s->fixture);
	return n;
}
