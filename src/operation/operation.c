/* SPDX-License-Identifier: MIT
 *
 * The gate: may this principal make this call, and on which lane does it run? */
#include "operation/operation_int.h"

#include <assert.h>
#include <stdlib.h>

#include "access/bearer.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/index.h"
#include "jobs/jobs.h"
#include "oauth/mints.h"

enum {
	READ_THREADS_DEFAULT = 4, SLOW_THREADS_DEFAULT = 4, QUEUE_MAX_DEFAULT = 4096,
	BUSY_RETRY_AFTER_S = 1, SAY_KINDS_MAX = 160,
	RATE_FIELD_BYTES_MAX = 96     /* a name and two numbers */
};

/* What a route wants, in words, for whoever came with the wrong kind of token. */
static const struct { enum principal_kind kind; const char *words; } kinds[] = {
	{ WHO_INSTALL, "an installation token (bi_oat_…)" },
	{ WHO_ACCESS,  "the access token of a connected app (bi_at_…)" },
	{ WHO_KEY,     "a secret organization key (bi-…)" },
	{ WHO_CLIENT,  "the app's own client id and secret" },
	{ WHO_SESSION, "the session of somebody who is signed in" },
};
#define WHO_TOKENS ((unsigned)(WHO_INSTALL | WHO_ACCESS | WHO_KEY | WHO_PUBLIC_KEY | WHO_CLIENT))

struct operation_env *operation_env_create(const struct operation_config *config)
{
	struct operation_env *env = heap_alloc(sizeof *env);
	unsigned readers = config->read_threads > 0 ? config->read_threads : READ_THREADS_DEFAULT;
	unsigned slow = config->slow_threads > 0 ? config->slow_threads : SLOW_THREADS_DEFAULT;
	size_t queue_max = config->queue_max > 0 ? config->queue_max : QUEUE_MAX_DEFAULT;

	env->config = *config;
	env->rows_n = operation_table(&env->rows);
	env->stats = heap_alloc(env->rows_n * sizeof *env->stats);
	/* Two pools: password hashes and imports must not keep reads waiting. */
	env->readers = pool_create("bi18n-read", readers, queue_max);
	env->slow = pool_create("bi18n-slow", slow, queue_max);
	env->mints = mints_create();
	return env;
}

void operation_env_destroy(struct operation_env *env)
{
	if (env == NULL)
		return;
	pool_destroy(env->slow);
	pool_destroy(env->readers);
	mints_destroy(env->mints);
	free(env->stats);
	free(env);
}

const struct settings *operation_settings(const struct operation_env *env)
{
	return env->config.settings;
}

struct mints *operation_mints(const struct operation_env *env)
{
	return env->mints;
}

bool operation_ready(const struct operation_env *env)
{
	return env->config.store == NULL || store_ready(env->config.store);
}

struct act operation_act(const struct operation_call *c, struct db *db)
{
	const struct operation_config *config = &c->env->config;

	return (struct act){
		.store = config->store, .db = db, .bearers = config->bearers, .apps = config->apps,
		.mints = c->env->mints, .arena = c->arena, .who = c->who, .settings = config->settings,
		.now_ms = c->now_ms,
		.request_id = c->request_id, .address = c->address, .user_agent = c->user_agent,
		.publisher = config->publisher,
	};
}

/* ---- may they? ---- */

static bool refuse_kind(const struct operation_call *c, struct err *e)
{
	struct buf b;

	if ((c->op->who & WHO_TOKENS) == 0)
		return (c->op->who & WHO_SESSION) != 0
		       ? err_set(e, ERR_LOGIN_REQUIRED, "Sign in first.")
		       : err_set(e, ERR_FORBIDDEN, "Only the operator may do this, with the bi18n command.");
	/* A public key may be seen by anyone: it is refused for what it is, not as unknown
	 * (platform-api 4.4). */
	if (c->who->kind == WHO_PUBLIC_KEY && (c->op->who & WHO_KEY) != 0)
		return err_set(e, ERR_FORBIDDEN, "A public key (bi_pub_…) only reads delivered content;"
		               " use a secret organization key or an installation token.");
	buf_init_arena(&b, c->arena, SAY_KINDS_MAX);
	for (size_t i = 0; i < COUNT(kinds); i++) {
		if ((c->op->who & kinds[i].kind) == 0)
			continue;
		buf_printf(&b, "%s%s", b.n > 0 ? " or " : "", kinds[i].words);
	}
	return err_set(e, ERR_INVALID_TOKEN, "%s This takes " FMT_STR ".",
	               c->who->kind == WHO_ANONYMOUS ? "No credential was sent."
	                                             : "This credential cannot be used here.",
	               ARG_STR(buf_view(&b)));
}

static bool scopes_suffice(const struct operation_call *c, int64_t needed, struct err *e)
{
	int64_t missing = needed & ~c->who->scopes;

	if (missing == 0 || (c->who->kind & (WHO_INSTALL | WHO_KEY)) == 0)
		return true;
	for (int bit = 0; bit < SCOPE_COUNT; bit++) {
		if ((missing & SCOPE_OF(bit)) == 0)
			continue;
		(void)err_set(e, ERR_MISSING_SCOPE, "The token lacks the scope " FMT_STR
		              ". Ask the person to connect again and to grant it.", ARG_STR(scope_name(bit)));
		e->required = scope_name(bit);
		break;
	}
	operation_note_denied(c, e);
	return false;
}

bool operation_admit(struct operation_call *c, struct err *e)
{
	const struct operation_config *config = &c->env->config;

	if ((c->op->who & c->who->kind) == 0)
		return refuse_kind(c, e);
	/* Before the scopes, so that refusals count too and their audit cannot flood the writer. */
	if (c->op->rate == RATE_GRANT && c->who->kind == WHO_INSTALL) {
		c->left.max = config->settings->requests_per_minute_max;
		if (!bearer_request_take(config->bearers, c->who->grant_id, c->now_ms, &c->left, e))
			return false;
	}
	if (!scopes_suffice(c, c->op->scopes, e))
		return false;
	c->admitted = true;
	return true;
}

struct rate_fields operation_rate_fields(struct arena *a, const struct operation_call *c)
{
	str name = c->op != NULL && c->op->rate == RATE_MINT ? S("\"mints\"") : S("\"requests\"");
	struct buf policy, left;

	if (c->left.max <= 0)
		return (struct rate_fields){ STR_NONE, STR_NONE };
	buf_init_arena(&policy, a, RATE_FIELD_BYTES_MAX);
	buf_str(&policy, name);
	BUF_LIT(&policy, ";q=");
	buf_i64(&policy, c->left.max);
	BUF_LIT(&policy, ";w=60");
	buf_init_arena(&left, a, RATE_FIELD_BYTES_MAX);
	buf_str(&left, name);
	BUF_LIT(&left, ";r=");
	buf_i64(&left, c->left.left);
	BUF_LIT(&left, ";t=");
	buf_i64(&left, c->left.reset_s);
	return (struct rate_fields){ buf_view(&policy), buf_view(&left) };
}

int64_t operation_scopes(const struct operation_call *c)
{
	int64_t more = c->op->more_scopes != NULL && c->in != NULL ? c->op->more_scopes(c->in) : SCOPE_NONE;

	return c->op->scopes | more;
}

/* ---- input ---- */

static bool needs_input(const struct field *fields)
{
	for (const struct field *f = fields; f != NULL && f->name != NULL; f++) {
		if ((f->flags & FIELD_REQUIRED) != 0)
			return true;
	}
	return false;
}

static const struct field no_fields[] = { FIELD_END };

static void *input_room(struct operation_call *c)
{
	void *in = arena_alloc(c->arena, c->op->in_size > 0 ? c->op->in_size : 1);

	c->in = in;
	return in;
}

bool operation_read_input(struct operation_call *c, const struct json *input, struct err *e)
{
	static const struct json empty = { .kind = JSON_OBJECT };
	const struct field *fields = c->op->in != NULL ? c->op->in : no_fields;

	if ((input == NULL || input->kind == JSON_NULL) && !needs_input(fields))
		input = &empty;
	return fields_read(c->arena, fields, input, input_room(c), e);
}

bool operation_read_params(struct operation_call *c, const struct param *params, size_t params_n, struct err *e)
{
	const struct field *fields = c->op->in != NULL ? c->op->in : no_fields;

	return fields_read_params(c->arena, fields, params, params_n, input_room(c), e);
}

/* ---- lanes ---- */

static void finish(struct operation_call *c, bool ok, const struct err *e)
{
	operation_count(c->env, c->op, ok, e, clock_mono_ns() - c->started_ns);
	c->done(c, ok, e);
}

static void refuse(struct operation_call *c, struct operation_flight *f)
{
	finish(c, false, &f->err);
}

static void busy(struct operation_call *c)
{
	struct err e = { .code = ERR_NONE };

	(void)err_set(&e, ERR_UNAVAILABLE, "The server is busy; try again in a moment.");
	e.retry_after_s = BUSY_RETRY_AFTER_S;
	finish(c, false, &e);
}

/* false: it needs the store, and nothing has been answered. */
static bool run_inline(struct operation_call *c)
{
	struct err e = { .code = ERR_NONE };
	struct act act = operation_act(c, NULL);
	bool ok = c->op->call(&act, c->in, c->out, &e);

	if (!ok && e.keep && c->env->config.store != NULL)
		return false;
	finish(c, ok, &e);
	return true;
}

static struct operation_flight *flight_of(struct pool_task *t)
{
	return (struct operation_flight *)(void *)((char *)t - offsetof(struct operation_flight, task));
}

static void read_run(struct pool_task *t)
{
	struct operation_flight *f = flight_of(t);
	struct operation_call *c = f->call;
	struct db *db;
	bool ok;

	if (!store_read_begin(c->env->config.store, &db, &f->err)) {
		refuse(c, f);
		return;
	}
	f->act.db = db;
	ok = c->op->call(&f->act, c->in, c->out, &f->err);
	store_read_end(c->env->config.store, db);
	finish(c, ok, &f->err);
}

static void slow_run(struct pool_task *t)
{
	struct operation_flight *f = flight_of(t);
	struct operation_call *c = f->call;
	bool ok = c->op->call(&f->act, c->in, c->out, &f->err);

	finish(c, ok, &f->err);
}

static struct operation_flight *flight_of_write(struct write_task *t)
{
	return (struct operation_flight *)(void *)((char *)t - offsetof(struct operation_flight, write));
}

static bool write_run(struct db *db, struct write_task *t, struct err *e)
{
	struct operation_flight *f = flight_of_write(t);
	struct operation_call *c = f->call;

	f->act.db = db;
	if (c->op->call(&f->act, c->in, c->out, e))
		return true;
	f->refused = e->keep;          /* a replayed code, say: the answer is no, and what it led to is committed */
	f->err = *e;
	return f->refused;
}

static void write_done(struct write_task *t, bool ok, const struct err *e)
{
	struct operation_flight *f = flight_of_write(t);

	if (ok && f->refused)
		refuse(f->call, f);
	else
		finish(f->call, ok, e);
}

static bool submit(struct pool *pool, struct operation_flight *f, void (*run)(struct pool_task *))
{
	f->task.run = run;
	return pool_submit(pool, &f->task);
}

/* Any thread. */
static void enter_lane(void *arg)
{
	struct operation_call *c = arg;
	struct operation_env *env = c->env;
	struct operation_flight *f = c->flight;
	bool entered = false;

	if (f->lane == LANE_INLINE && !run_inline(c))
		f->lane = LANE_WRITE;
	switch (f->lane) {
	case LANE_INLINE:
		return;
	case LANE_READ:
		entered = env->config.store != NULL && submit(env->readers, f, read_run);
		break;
	case LANE_SLOW:
		entered = submit(env->slow, f, slow_run);
		break;
	case LANE_WRITE:
		f->write = (struct write_task){ .run = write_run, .done = write_done };
		entered = env->config.store != NULL && store_write(env->config.store, &f->write);
		break;
	}
	if (!entered)
		busy(c);
}

static void wait_or_enter(struct operation_call *c)
{
	str topic = STR_NONE;
	int64_t ms = 0;

	if (c->op->wait_ms != NULL && c->env->config.jobs != NULL)
		ms = c->op->wait_ms(c->in, &topic);
	if (ms > 0)
		jobs_wait(c->env->config.jobs, topic, clock_mono_ms() + ms, enter_lane, c);
	else
		enter_lane(c);
}

void operation_start(struct operation_call *c)
{
	struct err e = { .code = ERR_NONE };
	enum lane lane;

	assert(c->op != NULL && c->env != NULL && c->arena != NULL && c->who != NULL && c->done != NULL);
	c->started_ns = clock_mono_ns();
	if ((!c->admitted && !operation_admit(c, &e)) ||
	    (c->op->more_scopes != NULL && !scopes_suffice(c, operation_scopes(c), &e))) {
		finish(c, false, &e);
		return;
	}
	if (c->out == NULL)
		c->out = arena_alloc(c->arena, c->op->out_size > 0 ? c->op->out_size : 1);
	lane = c->op->lane;
	if (lane == LANE_INLINE && c->op->wait_ms == NULL) {
		if (run_inline(c))
			return;
		lane = LANE_WRITE;
	}
	c->flight = arena_new(c->arena, struct operation_flight);
	c->flight->lane = lane;
	c->flight->call = c;
	c->flight->act = operation_act(c, NULL);
	c->flight->act.left = &c->left;
	wait_or_enter(c);
}
