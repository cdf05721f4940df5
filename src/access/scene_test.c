/* SPDX-License-Identifier: MIT */
#include "access/scene_test.h"

#include "access/audit.h"
#include "base/clock.h"
#include "store/fixture.h"

static void scene_base(struct scene *f)
{
	*f = (struct scene){ .arena = arena_create(16 * 1024), .who = { .kind = WHO_LOCAL } };
	f->settings = (struct settings){
		.public_url = S("http://127.0.0.1:52490"),
		.session_ttl_s = 3600,
		.session_idle_s = 600,
		.login_attempts_max = 3,
		.login_window_s = 900,
		.key_ttl_s = 31536000,
		.epoch = 1,
		.requests_per_minute_max = 1000,
		.server_key = { 1, 2, 3 },
	};
	f->act = (struct act){
		.arena = f->arena,
		.who = &f->who,
		.settings = &f->settings,
		.now_ms = clock_now_ms(),
		.request_id = S("req-1"),
		.address = S("192.0.2.7"),
		.user_agent = S("test"),
	};
}

static void memory_make(struct scene *f)
{
	f->act.bearers = bearers_create(&f->settings);
	f->act.apps = apps_create();
}

static void memory_drop(struct scene *f)
{
	bearers_destroy(f->act.bearers);
	apps_destroy(f->act.apps);
	index_barrier();
}

static void load(struct scene *f)
{
	struct err e = { 0 };

	memory_make(f);
	CHECK(bearers_load(f->act.bearers, f->act.store, f->act.now_ms, &e));
	CHECK(apps_load(f->act.apps, f->act.store, &e));
}

static struct fixture *current;
static void (*current_body)(void);

static void run_body(struct fixture *store)
{
	current = store;
	current_body();
	current = NULL;
}

void scene_each_store(void (*body)(void))
{
	current_body = body;
	fixture_each(run_body);
}

void scene_open(struct scene *f)
{
	CHECK(current != NULL);
	scene_base(f);
	f->act.store = current->store;
	load(f);
}

void scene_restart(struct scene *f)
{
	memory_drop(f);
	load(f);
}

void scene_close(struct scene *f)
{
	memory_drop(f);
	arena_destroy(f->arena);
}

void scene_memory(struct scene *f)
{
	scene_base(f);
	memory_make(f);
}

void scene_memory_close(struct scene *f)
{
	memory_drop(f);
	arena_destroy(f->arena);
}

struct call { operation_like call; const void *in; void *out; };

static bool call_inside(const struct act *tx, void *arg, struct err *e)
{
	const struct call *c = arg;

	return c->call(tx, c->in, c->out, e);
}

bool scene_write(struct scene *f, operation_like call, const void *in, void *out, struct err *e)
{
	struct call c = { call, in, out };

	return act_write(&f->act, call_inside, &c, e);
}

bool scene_read(struct scene *f, operation_like call, const void *in, void *out, struct err *e)
{
	struct call c = { call, in, out };

	return act_read(&f->act, call_inside, &c, e);
}

struct bearer_grant scene_grant(void)
{
	return (struct bearer_grant){
		.id = SCENE_GRANT,
		.app_id = SCENE_APP,
		.account_id = SCENE_ACCOUNT,
		.version = 1,
		.scopes = SCOPE_ORG_READ | SCOPE_KEYS_READ,
		.public_id = S("grt_one"),
		.organization = { .id = SCENE_ORGANIZATION,
				  .public_id = S("org_acme"),
				  .slug = S("acme"),
				  .name = S("Acme Inc.") },
	};
}

str scene_token(struct scene *f, int64_t grant_id, int64_t version, int64_t expires_ms)
{
	str text = token_random(f->arena, TOKEN_INSTALLATION);
	struct bearer_token t = { .digest = sha256(text),
				  .grant_id = grant_id,
				  .grant_version = version,
				  .scopes = SCOPE_ORG_READ | SCOPE_KEYS_READ,
				  .expires_ms = expires_ms };

	bearer_token_add(&f->act, &t);
	return text;
}

bool scene_is_refused(struct scene *f, str text, enum err_code want)
{
	struct principal who;
	struct err e = { 0 };

	return !bearer_principal(f->act.bearers, f->arena, text, f->act.now_ms, &who, &e) &&
	       e.code == want;
}

size_t scene_audited(struct scene *f, const char *kind)
{
	struct audit_in in = { .limit = 1000 };
	struct audit_out out = { 0 };
	const struct audit_event *events;
	struct err e = { 0 };
	size_t n = 0;

	CHECK(scene_read(f, audit_list, &in, &out, &e));
	events = out.events.v;
	for (size_t i = 0; i < out.events.n; i++)
		n += str_eq(events[i].kind, str_from(kind));
	return n;
}
