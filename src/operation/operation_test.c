/* SPDX-License-Identifier: MIT
 *
 * The gate with a table of its own, on a real store. */
#include "operation/operation.h"

#include <pthread.h>
#include <string.h>

#include "access/audit.h"
#include "access/bearer.h"
#include "base/clock.h"
#include "base/test.h"
#include "operation/loopback_test.h"
#include "store/db.h"

struct echo_in { str text; int64_t wait_ms; bool publish; };
struct echo_out { str text; bool has_db, is_writer; int64_t thread; };

static const struct field echo_in_fields[] = {
	FIELD(struct echo_in, text, "text", .flags = FIELD_REQUIRED),
	FIELD(struct echo_in, publish, "publish"),
	FIELD_END
};
static const struct field echo_out_fields[] = { FIELD(struct echo_out, text, "text"), FIELD_END };

static bool echo(const struct act *act, const void *in, void *out, struct err *e)
{
	const struct echo_in *i = in;
	struct echo_out *o = out;

	if (i != NULL && str_eq(i->text, S("fail")))
		return err_set(e, ERR_CONFLICT, "as you wished");
	o->text = i != NULL ? i->text : S("nothing");
	o->has_db = act->db != NULL;
	o->is_writer = act->db != NULL && db_is_writer(act->db);
	o->thread = (int64_t)pthread_self();
	return true;
}

static int64_t publish_scope(const void *in)
{
	return ((const struct echo_in *)in)->publish ? SCOPE_TRANSLATIONS_PUBLISH : SCOPE_NONE;
}

#define ECHO(n, w, s, ...) \
	{ .name = (n), .who = (w), .scopes = (s), .in = echo_in_fields, .in_size = sizeof(struct echo_in), \
	  .out = echo_out_fields, .out_size = sizeof(struct echo_out), .call = echo, .lane = __VA_ARGS__ }
static const struct operation rows[] = {
	ECHO("echo.inline", WHO_INSTALL | WHO_KEY, SCOPE_NONE, LANE_INLINE, .rate = RATE_GRANT),
	ECHO("echo.read", WHO_INSTALL, SCOPE_NONE, LANE_READ),
	ECHO("echo.write", WHO_INSTALL, SCOPE_NONE, LANE_WRITE),
	ECHO("echo.slow", WHO_INSTALL, SCOPE_NONE, LANE_SLOW),
	ECHO("echo.scoped", WHO_INSTALL | WHO_KEY | WHO_LOCAL,
	     SCOPE_OF(SCOPE_BIT_TRANSLATIONS_WRITE) | SCOPE_OF(SCOPE_BIT_TRANSLATIONS_PUBLISH), LANE_INLINE),
	ECHO("echo.more", WHO_INSTALL, SCOPE_NONE, LANE_INLINE, .more_scopes = publish_scope),
	ECHO("echo.access", WHO_ACCESS, SCOPE_NONE, LANE_INLINE),
	ECHO("echo.person", WHO_SESSION, SCOPE_NONE, LANE_INLINE),
	ECHO("echo.local", WHO_LOCAL, SCOPE_NONE, LANE_INLINE),
};

size_t operation_table(const struct operation **rows_out)
{
	*rows_out = rows;
	return COUNT(rows);
}

const struct operation *operation_find(str name)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (str_eq(str_from(rows[i].name), name))
			return &rows[i];
	}
	return NULL;
}

/* One call, waited for. */
struct trial {
	struct operation_call call;
	struct principal      who;
	pthread_mutex_t       lock;
	pthread_cond_t        over;
	bool                  done, ok;
	struct err            err;
};

static void trial_done(struct operation_call *c, bool ok, const struct err *e)
{
	struct trial *t = (struct trial *)(void *)c;

	pthread_mutex_lock(&t->lock);
	CHECK(!t->done);
	t->done = true;
	t->ok = ok;
	if (!ok)
		t->err = *e;
	pthread_cond_signal(&t->over);
	pthread_mutex_unlock(&t->lock);
}

static struct trial *trial_run(struct bench *b, const char *name, const struct credential *cred,
                               const struct echo_in *in)
{
	struct trial *t = arena_new(b->arena, struct trial);

	pthread_mutex_init(&t->lock, NULL);
	pthread_cond_init(&t->over, NULL);
	t->call = (struct operation_call){
		.op = operation_find(str_from(name)), .env = b->env, .arena = b->arena, .who = &t->who, .in = in,
		.now_ms = clock_now_ms(), .request_id = S("r1"), .address = S("192.0.2.1"), .done = trial_done,
	};
	CHECK(t->call.op != NULL);
	if (!operation_authenticate(b->env, b->arena, cred, t->call.now_ms, &t->who, &t->err))
		return t;
	operation_start(&t->call);
	pthread_mutex_lock(&t->lock);
	while (!t->done)
		pthread_cond_wait(&t->over, &t->lock);
	pthread_mutex_unlock(&t->lock);
	return t;
}

static const struct echo_in hello = { .text = STR("hello") };

static enum err_code refused(struct bench *b, const char *name, const struct credential *cred, const struct echo_in *in)
{
	struct trial *t = trial_run(b, name, cred, in);

	CHECK(!t->ok);
	return t->err.code;
}

TEST(each_lane_gives_the_connection_it_promises)
{
	static const struct { const char *name; bool has_db, is_writer; } lanes[] = {
		{ "echo.inline", false, false }, { "echo.read", true, false },
		{ "echo.write", true, true },    { "echo.slow", false, false },
	};
	struct bench *b = bench_open();
	struct credential cred = { .bearer = b->install };

	for (size_t i = 0; i < COUNT(lanes); i++) {
		struct trial *t = trial_run(b, lanes[i].name, &cred, &hello);
		const struct echo_out *o = t->call.out;

		CHECK(t->ok);
		CHECK_STR(o->text, S("hello"));
		CHECK(o->has_db == lanes[i].has_db && o->is_writer == lanes[i].is_writer);
		CHECK((o->thread == (int64_t)pthread_self()) == (i == 0));
	}
	bench_close(b);
}

TEST(an_error_of_the_call_reaches_done_on_each_lane)
{
	static const char *const names[] = { "echo.inline", "echo.read", "echo.write", "echo.slow" };
	static const struct echo_in fail = { .text = STR("fail") };
	struct bench *b = bench_open();
	struct credential cred = { .bearer = b->install };

	for (size_t i = 0; i < COUNT(names); i++)
		CHECK(refused(b, names[i], &cred, &fail) == ERR_CONFLICT);
	bench_close(b);
}

TEST(rule_163_the_wrong_kind_of_token_is_401_with_a_hint)
{
	struct bench *b = bench_open();
	struct credential install = { .bearer = b->install };
	struct trial *t = trial_run(b, "echo.access", &install, &hello);

	CHECK(!t->ok && t->err.code == ERR_INVALID_TOKEN);
	CHECK(strstr(t->err.say, "bi_at_") != NULL);
	bench_close(b);
}

TEST(a_public_key_is_forbidden_where_a_secret_key_may)
{
	struct bench *b = bench_open();
	struct credential cred = { .api_key = b->public_key };

	CHECK(refused(b, "echo.inline", &cred, &hello) == ERR_FORBIDDEN);
	CHECK(refused(b, "echo.read", &cred, &hello) == ERR_INVALID_TOKEN);
	bench_close(b);
}

TEST(nothing_sent_is_401_and_for_pages_a_sign_in)
{
	struct bench *b = bench_open();
	struct credential none = { .local = false };

	CHECK(refused(b, "echo.inline", &none, &hello) == ERR_INVALID_TOKEN);
	CHECK(refused(b, "echo.person", &none, &hello) == ERR_LOGIN_REQUIRED);
	CHECK(refused(b, "echo.local", &none, &hello) == ERR_FORBIDDEN);
	bench_close(b);
}

TEST(rule_165_two_different_credentials_are_refused_and_equal_ones_are_one)
{
	struct bench *b = bench_open();
	struct credential same = { .bearer = b->install, .api_key = b->install };
	struct credential differ = { .bearer = b->install, .api_key = b->secret_key };

	CHECK(trial_run(b, "echo.inline", &same, &hello)->ok);
	CHECK(refused(b, "echo.inline", &differ, &hello) == ERR_INVALID_REQUEST);
	bench_close(b);
}

TEST(rule_154_a_token_of_a_revoked_grant_is_410)
{
	struct bench *b = bench_open();
	struct credential cred = { .bearer = b->revoked };

	CHECK(refused(b, "echo.inline", &cred, &hello) == ERR_GRANT_REVOKED);
	bench_close(b);
}

static int64_t audited(struct bench *b)
{
	struct act act = { .store = b->store, .arena = b->arena, .settings = &b->settings, .now_ms = clock_now_ms() };
	struct principal who = { .kind = WHO_LOCAL };
	struct audit_in in = { .limit = 100 };
	struct audit_out out = { .next = 0 };
	struct err e = { .code = ERR_NONE };
	int64_t n = 0;

	act.who = &who;
	CHECK(store_read_begin(b->store, (struct db **)&act.db, &e));
	CHECK(audit_list(&act, &in, &out, &e));
	store_read_end(b->store, act.db);
	for (size_t i = 0; i < out.events.n; i++)
		n += str_eq(((const struct audit_event *)out.events.v)[i].kind, S("scope.denied"));
	return n;
}

TEST(a_missing_scope_names_the_first_one_and_is_audited)
{
	struct bench *b = bench_open();
	struct credential install = { .bearer = b->install }, key = { .api_key = b->secret_key };
	struct credential local = { .local = true };
	struct trial *t = trial_run(b, "echo.scoped", &install, &hello);

	CHECK(!t->ok && t->err.code == ERR_MISSING_SCOPE);
	CHECK_STR(t->err.required, S("translations:write"));
	CHECK(trial_run(b, "echo.scoped", &key, &hello)->ok);
	CHECK(trial_run(b, "echo.scoped", &local, &hello)->ok);
	/* A write behind it has been answered, so the audit's has been too. */
	CHECK(trial_run(b, "echo.write", &install, &hello)->ok);
	CHECK_I64(audited(b), 1);
	bench_close(b);
}

TEST(a_scope_may_depend_on_the_input)
{
	static const struct echo_in publish = { .text = STR("x"), .publish = true };
	struct bench *b = bench_open();
	struct credential cred = { .bearer = b->install };
	struct trial *t = trial_run(b, "echo.more", &cred, &publish);

	CHECK(trial_run(b, "echo.more", &cred, &hello)->ok);
	CHECK(!t->ok && t->err.code == ERR_MISSING_SCOPE);
	CHECK(operation_scopes(&t->call) == SCOPE_TRANSLATIONS_PUBLISH);
	bench_close(b);
}

TEST(rule_168_requests_of_a_grant_are_limited)
{
	struct bench *b = bench_open();
	struct credential cred = { .bearer = b->install };
	struct trial *t;

	b->settings.requests_per_minute_max = 3;
	for (int i = 0; i < 3; i++)
		CHECK(trial_run(b, "echo.inline", &cred, &hello)->ok);
	t = trial_run(b, "echo.inline", &cred, &hello);
	CHECK(!t->ok && t->err.code == ERR_RATE_LIMITED);
	CHECK(t->err.retry_after_s >= 1 && t->err.retry_after_s <= 60);
	bench_close(b);
}

TEST(the_operator_token_is_compared_whole)
{
	struct bench *b = bench_open();

	CHECK(operation_is_operator(b->env, S("operator-secret")));
	CHECK(!operation_is_operator(b->env, S("operator-secre")));
	CHECK(!operation_is_operator(b->env, S("")));
	bench_close(b);
}

TEST(metrics_count_calls_by_outcome)
{
	struct bench *b = bench_open();
	struct credential cred = { .bearer = b->install };
	struct buf out;

	CHECK(trial_run(b, "echo.write", &cred, &hello)->ok);
	buf_init_arena(&out, b->arena, MIB);
	operation_metrics(b->env, &out);
	CHECK(str_find(buf_view(&out), S("bi18n_operations_total{operation=\"echo.write\",outcome=\"ok\"} 1\n")) > 0);
	CHECK(str_find(buf_view(&out), S("bi18n_operation_seconds_bucket{operation=\"echo.write\",le=\"+Inf\"} 1\n")) > 0);
	CHECK(str_find(buf_view(&out), S("bi18n_store_ready 1\n")) > 0);
	bench_close(b);
}
