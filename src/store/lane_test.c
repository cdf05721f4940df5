/* SPDX-License-Identifier: MIT */
#include "base/test.h"
#include "store/account.h"
#include "store/driver_int.h"
#include "store/fixture.h"
#include "store/oauth.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { STEPS_MAX = 64 };

/* A written-down history, so that order can be checked. */
static struct { const char *what[STEPS_MAX]; size_t n; } history;

static void note(void *what)
{
	CHECK(history.n < STEPS_MAX);
	history.what[history.n++] = what;
}

static void history_is(const char *want)
{
	char got[1024] = "";
	size_t n = 0;

	for (size_t i = 0; i < history.n; i++)
		n += (size_t)snprintf(got + n, sizeof(got) - n, "%s%s", i > 0 ? " " : "",
		                      history.what[i]);
	CHECK_STR(str_from(got), str_from(want));
}

/* A task whose behaviour is data. */
struct probe {
	struct write_task task;
	const char *key;                     /* writes meta key = "1"                     */
	const char *commit[2], *failure[2];  /* what the hooks note                       */
	const char *done;                    /* what done notes                           */
	bool        fails;                   /* answers false after its work               */
	bool        last;                    /* promises not to                            */
	bool        breaks;                  /* ignores a failed statement and answers true */
	const char *refused_key;             /* written by the refused hook                */
	sem_t      *enter, *leave;           /* announces itself, then waits               */
	void      (*before)(struct db *db);
	bool        ok;
	struct err  err;
	sem_t      *finished;
};

static void put(struct db *db, const char *key)
{
	struct arena *a = arena_create(1 * KIB);
	struct err e;

	CHECK(store_meta_set(db, a, str_from(key), S("1"), &e));
	arena_destroy(a);
}

static void break_a_statement(struct db *db)
{
	struct arena *a = arena_create(1 * KIB);
	const struct account twice = { .public_id = S("acc_twice"),
		                       .email = S("t@example.org"),
		                       .created_ms = 1 };
	int64_t id;
	struct err e;

	CHECK(store_account_insert(db, a, &twice, &id, &e));
	CHECK(!store_account_insert(db, a, &twice, &id, &e));
	CHECK_I64(e.code, ERR_CONFLICT);
	CHECK(!store_meta_set(db, a, S("after"), S("1"), &e));
	CHECK_I64(e.code, ERR_CONFLICT);
	arena_destroy(a);
}

static bool probe_run(struct db *db, struct write_task *t, struct err *e)
{
	struct probe *p = (struct probe *)t;

	if (p->enter != NULL) {
		sem_post(p->enter);
		sem_wait(p->leave);
	}
	for (int i = 0; i < 2; i++) {
		if (p->failure[i] != NULL)
			db_after_failure(db, note, (void *)(uintptr_t)p->failure[i]);
		if (p->commit[i] != NULL)
			db_after_commit(db, note, (void *)(uintptr_t)p->commit[i]);
	}
	if (p->last)
		db_writes_last(db);
	if (p->key != NULL)
		put(db, p->key);
	if (p->before != NULL)
		p->before(db);
	if (p->breaks)
		break_a_statement(db);
	return !p->fails || err_set(e, ERR_FORBIDDEN, "refused by the rule");
}

static void probe_refused(struct db *db, struct write_task *t, const struct err *e)
{
	struct probe *p = (struct probe *)t;

	CHECK_I64(e->code, ERR_FORBIDDEN);
	put(db, p->refused_key);
}

static void probe_done(struct write_task *t, bool ok, const struct err *e)
{
	struct probe *p = (struct probe *)t;

	p->ok = ok;
	p->err = *e;
	if (p->done != NULL)
		note((void *)(uintptr_t)p->done);
	sem_post(p->finished);
}

/* Runs the probes in one batch: the first task holds the lane until all others are queued. */
static void run_in_one_batch(struct fixture *f, struct probe *probes, size_t n)
{
	sem_t enter, leave, finished;
	struct probe gate = { .enter = &enter, .leave = &leave, .finished = &finished };

	history.n = 0;
	sem_init(&enter, 0, 0);
	sem_init(&leave, 0, 0);
	sem_init(&finished, 0, 0);
	gate.task = (struct write_task){ .run = probe_run, .done = probe_done };
	CHECK(store_write(f->store, &gate.task));
	sem_wait(&enter);
	for (size_t i = 0; i < n; i++) {
		probes[i].finished = &finished;
		probes[i].task = (struct write_task){ .run = probe_run, .done = probe_done };
		if (probes[i].refused_key != NULL)
			probes[i].task.refused = probe_refused;
		CHECK(store_write(f->store, &probes[i].task));
	}
	sem_post(&leave);
	for (size_t i = 0; i < n + 1; i++)
		while (sem_wait(&finished) != 0)
			;
	sem_destroy(&enter);
	sem_destroy(&leave);
	sem_destroy(&finished);
}

static bool has(struct fixture *f, const char *key)
{
	struct err e;
	str value;

	CHECK(store_meta_get(fixture_read(f), f->arena, str_from(key), &value, &e));
	fixture_read_end(f);
	return value.p != NULL;
}

static uint64_t commits(struct fixture *f)
{
	struct store_stats stats;

	store_stats(f->store, &stats);
	return stats.commits;
}

static void wide_batches(struct fixture *f)
{
	f->config.batch_ms_max = 60000;
	fixture_reopen(f);
}

static void isolates(struct fixture *f)
{
	struct probe p[] = { { .key = "a" }, { .key = "b", .fails = true }, { .key = "c" } };
	uint64_t before;

	wide_batches(f);
	before = commits(f);
	run_in_one_batch(f, p, COUNT(p));
	CHECK(p[0].ok && !p[1].ok && p[2].ok);
	CHECK_I64(p[1].err.code, ERR_FORBIDDEN);
	CHECK(has(f, "a") && !has(f, "b") && has(f, "c"));
	CHECK_I64((int64_t)(commits(f) - before), 1);
}
TEST(lane_rolls_back_only_the_task_that_failed) { fixture_each(isolates); }

static void meet_no_row(struct db *db)
{
	struct arena *a = arena_create(1 * KIB);
	struct err e;
	bool done = true;

	CHECK(store_grant_revoke(db, a, 4711, 1, &done, &e) && !done);
	arena_destroy(a);
}

static void writes_last(struct fixture *f)
{
	struct probe p[] = { { .key = "a" }, { .key = "b", .last = true }, { .last = true, .fails = true },
		             { .key = "c", .fails = true }, { .key = "d", .last = true },
		             { .last = true, .before = meet_no_row, .fails = true },
		             { .key = "e", .last = true, .before = meet_no_row } };

	run_in_one_batch(f, p, COUNT(p));
	CHECK(p[0].ok && p[1].ok && !p[2].ok && !p[3].ok && p[4].ok && !p[5].ok && p[6].ok);
	CHECK(has(f, "a") && has(f, "b") && !has(f, "c") && has(f, "d") && has(f, "e"));
}
TEST(lane_keeps_and_refuses_tasks_that_write_last) { fixture_each(writes_last); }

/* Nothing half done, whatever was promised. */
static void breaks_promise(struct fixture *f)
{
	struct probe p[] = { { .key = "a" }, { .key = "b", .last = true, .fails = true } };

	wide_batches(f);
	run_in_one_batch(f, p, COUNT(p));
	CHECK(!p[0].ok && !p[1].ok && !has(f, "a") && !has(f, "b"));
	CHECK_I64(p[0].err.code, ERR_UNAVAILABLE);
	run_in_one_batch(f, p, 1);
	CHECK(p[0].ok && has(f, "a"));
}
TEST(lane_fails_the_batch_of_a_task_that_breaks_its_promise) { fixture_embedded(breaks_promise); }

static void isolates_first(struct fixture *f)
{
	struct probe p[] = { { .key = "b", .fails = true, .refused_key = "b.refused" },
		             { .key = "c", .fails = true } };

	run_in_one_batch(f, p, COUNT(p));
	CHECK(!p[0].ok && !p[1].ok && !has(f, "b") && !has(f, "c") && has(f, "b.refused"));
}
TEST(lane_rolls_back_the_first_task_of_a_batch) { fixture_each(isolates_first); }

static void orders(struct fixture *f)
{
	struct probe p[] = {
		{ .key = "a", .commit = { "a1", "a2" }, .failure = { "a-undo" }, .done = "a-done" },
		{ .key = "b",
		  .commit = { "b1" },
		  .failure = { "b-undo1", "b-undo2" },
		  .done = "b-done",
		  .fails = true },
		{ .key = "c", .commit = { "c1" }, .done = "c-done" },
	};

	wide_batches(f);
	run_in_one_batch(f, p, COUNT(p));
	history_is("b-undo2 b-undo1 a1 a2 a-done b-done c1 c-done");
}
TEST(lane_runs_hooks_after_the_commit_in_order_and_undoes_in_reverse) { fixture_each(orders); }

static struct fixture *seen_by;
static bool was_visible;

static void look(void *key)
{
	struct arena *a = arena_create(1 * KIB);
	struct db *db;
	struct err e;
	str value;

	CHECK(store_read_begin(seen_by->store, &db, &e));
	CHECK(store_meta_get(db, a, str_from(key), &value, &e));
	store_read_end(seen_by->store, db);
	was_visible = value.p != NULL;
	arena_destroy(a);
}

static bool write_and_look(struct db *db, struct arena *a, void *arg, struct err *e)
{
	db_after_commit(db, look, arg);
	look(arg);
	CHECK(!was_visible);
	return store_meta_set(db, a, str_from(arg), S("1"), e) && (look(arg), !was_visible);
}

static void visible(struct fixture *f)
{
	struct err e;

	seen_by = f;
	CHECK(fixture_write(f, write_and_look, (void *)(uintptr_t)"v", &e));
	CHECK(was_visible);
}
TEST(lane_runs_hooks_when_readers_see_the_commit_and_not_before) { fixture_each(visible); }

static void refusal(struct fixture *f)
{
	struct probe p[] = {
		{ .key = "a" },
		{ .key = "b", .fails = true, .refused_key = "b.refused" },
		{ .key = "c" },
	};

	wide_batches(f);
	run_in_one_batch(f, p, COUNT(p));
	CHECK(has(f, "a") && !has(f, "b") && has(f, "b.refused") && has(f, "c"));
}
TEST(lane_keeps_what_the_refused_hook_writes) { fixture_each(refusal); }

static void half_done(struct fixture *f)
{
	struct probe p[] = { { .key = "a" },
		             { .key = "b", .breaks = true, .commit = { "b1" } },
		             { .key = "c" } };

	wide_batches(f);
	run_in_one_batch(f, p, COUNT(p));
	CHECK(p[0].ok && !p[1].ok && p[2].ok);
	CHECK_I64(p[1].err.code, ERR_CONFLICT);
	CHECK(has(f, "a") && !has(f, "b") && !has(f, "after") && has(f, "c"));
	history_is("");
}
TEST(lane_fails_a_task_that_goes_on_after_a_failed_statement) { fixture_each(half_done); }

/* Commits fail --------------------------------------------------------------------------------- */

static void fail_writes(struct db *db)
{
	const struct rlimit none = { .rlim_cur = 1, .rlim_max = RLIM_INFINITY };

	(void)db;
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &none);
}

static void allow_writes(void)
{
	const struct rlimit all = { .rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY };

	setrlimit(RLIMIT_FSIZE, &all);
}

static void wait_until_ready(struct fixture *f)
{
	for (int i = 0; i < 1000 && !store_ready(f->store); i++)
		nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
	CHECK(store_ready(f->store));
}

/* The store finds out by itself that it works again. */
static void check_lost(struct fixture *f, struct probe *p, size_t n)
{
	wait_until_ready(f);
	for (size_t i = 0; i < n; i++) {
		CHECK(!p[i].ok);
		CHECK_I64(p[i].err.code, ERR_UNAVAILABLE);
		CHECK_I64(p[i].err.retry_after_s, 1);
		CHECK(!has(f, p[i].key));
	}
	history_is("b-undo a-undo2 a-undo1 a-done b-done");
}

static void disk_full(struct fixture *f)
{
	struct probe p[] = {
		{ .key = "a",
		  .commit = { "a1" },
		  .failure = { "a-undo1", "a-undo2" },
		  .done = "a-done" },
		{ .key = "b",
		  .commit = { "b1" },
		  .failure = { "b-undo" },
		  .done = "b-done",
		  .before = fail_writes },
	};
	struct probe again[] = { { .key = "c" } };

	wide_batches(f);
	run_in_one_batch(f, p, COUNT(p));
	CHECK(!store_ready(f->store));
	allow_writes();
	check_lost(f, p, COUNT(p));
	run_in_one_batch(f, again, COUNT(again));
	CHECK(again[0].ok && has(f, "c"));
}
TEST(lane_fails_the_whole_batch_when_the_disk_refuses_its_commit) { fixture_embedded(disk_full); }

static int64_t writer_pid;

static void learn_pid(struct db *db)
{
	struct arena *a = arena_create(1 * KIB);
	struct rows r;
	struct err e;

	CHECK(db->store->driver->query(db, a, "SELECT CAST(pg_backend_pid() AS BIGINT)", NULL, 0,
	                               &r, &e));
	writer_pid = CELL(&r, 0, 0).i;
	arena_destroy(a);
}

static void terminate(struct fixture *f, int64_t pid)
{
	const struct sql_arg arg = A_I64(pid);
	struct rows r;
	struct err e;
	struct db *db = fixture_read(f);

	CHECK(f->store->driver->query(
		db, f->arena, "SELECT pg_terminate_backend(CAST($1 AS INTEGER))", &arg, 1, &r, &e));
	fixture_read_end(f);
}

static void terminate_writer(struct db *db)
{
	learn_pid(db);
	terminate(seen_by, writer_pid);
}

static void connection_lost(struct fixture *f)
{
	struct probe p[] = {
		{ .key = "a",
		  .commit = { "a1" },
		  .failure = { "a-undo1", "a-undo2" },
		  .done = "a-done" },
		{ .key = "b",
		  .commit = { "b1" },
		  .failure = { "b-undo" },
		  .done = "b-done",
		  .before = terminate_writer },
	};
	struct probe again[] = { { .key = "c" } };

	seen_by = f;
	wide_batches(f);
	run_in_one_batch(f, p, COUNT(p));
	check_lost(f, p, COUNT(p));
	run_in_one_batch(f, again, COUNT(again));
	CHECK(again[0].ok && has(f, "c"));
}
TEST(lane_fails_the_whole_batch_when_the_connection_is_lost) { fixture_postgres(connection_lost); }

static bool learn_writer(struct db *db, struct arena *a, void *arg, struct err *e)
{
	(void)a;
	(void)arg;
	(void)e;
	learn_pid(db);
	return true;
}

static bool write_key(struct db *db, struct arena *a, void *arg, struct err *e)
{
	return store_meta_set(db, a, str_from(arg), S("1"), e);
}

static void idle_connections_lost(struct fixture *f)
{
	int64_t pids[2];
	struct db *db[2];
	struct err e;

	CHECK(fixture_write(f, learn_writer, NULL, &e));
	for (int i = 0; i < 2; i++) {
		int64_t keep = writer_pid;

		CHECK(store_read_begin(f->store, &db[i], &e));
		learn_pid(db[i]);
		pids[i] = writer_pid;
		writer_pid = keep;
	}
	store_read_end(f->store, db[0]);
	store_read_end(f->store, db[1]);
	terminate(f, writer_pid);
	terminate(f, pids[0]); /* the reader that is on top of the pool, or the one that kills it */
	CHECK(fixture_write(f, write_key, (void *)(uintptr_t)"after", &e));
	CHECK(has(f, "after"));
	CHECK(has(f, "after"));
}
TEST(lane_mends_connections_that_broke_while_idle) { fixture_postgres(idle_connections_lost); }

/* Queue ---------------------------------------------------------------------------------------- */

static void full_queue(struct fixture *f)
{
	sem_t enter, leave, finished;
	struct probe p[3];
	struct store_stats stats;

	f->config.queue_max = 2;
	fixture_reopen(f);
	sem_init(&enter, 0, 0);
	sem_init(&leave, 0, 0);
	sem_init(&finished, 0, 0);
	for (size_t i = 0; i < 3; i++)
		p[i] = (struct probe){ .task = { .run = probe_run, .done = probe_done },
			               .finished = &finished };
	p[0].enter = &enter;
	p[0].leave = &leave;
	CHECK(store_write(f->store, &p[0].task));
	sem_wait(&enter);
	CHECK(store_write(f->store, &p[1].task));
	CHECK(!store_write(f->store, &p[2].task));
	store_stats(f->store, &stats);
	CHECK_I64((int64_t)stats.queue, 2);
	sem_post(&leave);
	sem_wait(&finished);
	sem_wait(&finished);
	CHECK(store_write(f->store, &p[2].task));
	sem_wait(&finished);
}
TEST(lane_refuses_a_task_when_the_queue_is_full) { fixture_embedded(full_queue); }

static void drains(struct fixture *f)
{
	enum { TASKS = 500 };
	static struct probe p[TASKS];
	sem_t finished;
	int done = 0;

	sem_init(&finished, 0, 0);
	memset(p, 0, sizeof(p));
	for (size_t i = 0; i < TASKS; i++) {
		p[i] = (struct probe){ .task = { .run = probe_run, .done = probe_done },
			               .key = "k",
			               .finished = &finished };
		CHECK(store_write(f->store, &p[i].task));
	}
	fixture_reopen(f);
	while (sem_trywait(&finished) == 0)
		done++;
	CHECK_I64(done, TASKS);
	for (size_t i = 0; i < TASKS; i++)
		CHECK(p[i].ok);
}
TEST(lane_finishes_what_is_queued_before_it_closes) { fixture_each(drains); }

static void heavy(struct fixture *f)
{
	sem_t enter, leave, finished;
	struct probe p[4];
	uint64_t before;

	f->config.batch_tasks_max = 100;
	wide_batches(f);
	before = commits(f);
	sem_init(&enter, 0, 0);
	sem_init(&leave, 0, 0);
	sem_init(&finished, 0, 0);
	for (size_t i = 0; i < 4; i++)
		p[i] = (struct probe){
			.task = { .run = probe_run, .done = probe_done, .weight = i > 0 ? 100 : 0 },
			.key = "k", .finished = &finished,
		};
	p[0].enter = &enter;
	p[0].leave = &leave;
	CHECK(store_write(f->store, &p[0].task));
	sem_wait(&enter);
	for (size_t i = 1; i < 4; i++)
		CHECK(store_write(f->store, &p[i].task));
	sem_post(&leave);
	for (size_t i = 0; i < 4; i++)
		sem_wait(&finished);
	/* The light one shares with the first heavy one. */
	CHECK_I64((int64_t)(commits(f) - before), 3);
}
TEST(lane_closes_a_batch_early_for_heavy_tasks) { fixture_embedded(heavy); }

/* Many submitters ------------------------------------------------------------------------------ */

enum { SUBMITTERS = 8, WRITES_EACH = 400, IN_FLIGHT = 8 };

struct submitter { struct fixture *f; sem_t room; _Atomic int failed; };
struct counted { struct write_task task; struct submitter *by; struct arena *arena; };

static bool count_up(struct db *db, struct write_task *t, struct err *e)
{
	struct counted *c = (struct counted *)t;
	const struct audit_row row = { .at_ms = 1, .kind = S("test") };

	arena_reset(c->arena);
	return store_audit_append(db, c->arena, &row, e);
}

static void counted_done(struct write_task *t, bool ok, const struct err *e)
{
	struct counted *c = (struct counted *)t;

	(void)e;
	if (!ok)
		c->by->failed++;
	sem_post(&c->by->room);
}

static void *submit_many(void *arg)
{
	struct submitter *s = arg;
	struct counted *tasks = calloc(WRITES_EACH, sizeof(*tasks));

	sem_init(&s->room, 0, IN_FLIGHT);
	for (int i = 0; i < WRITES_EACH; i++) {
		while (sem_wait(&s->room) != 0)
			;
		tasks[i] = (struct counted){
			.task = { .run = count_up, .done = counted_done },
			.by = s,
			.arena = arena_create(1 * KIB),
		};
		if (!store_write(s->f->store, &tasks[i].task))
			s->failed++;
	}
	for (int i = 0; i < IN_FLIGHT; i++)
		while (sem_wait(&s->room) != 0)
			;
	for (int i = 0; i < WRITES_EACH; i++)
		arena_destroy(tasks[i].arena);
	free(tasks);
	return NULL;
}

static void *read_along(void *arg)
{
	struct fixture *f = arg;
	struct arena *a = arena_create(4 * KIB);
	const struct audit_filter newest = { .limit = 1 };
	struct audit_rows rows;
	struct db *db;
	struct err e;

	for (int i = 0; i < 200; i++) {
		if (!store_read_begin(f->store, &db, &e))
			break;
		if (!store_audit_list(db, a, &newest, &rows, &e))
			i = 1000;
		store_read_end(f->store, db);
		arena_reset(a);
	}
	arena_destroy(a);
	return NULL;
}

static void many(struct fixture *f)
{
	pthread_t writers[SUBMITTERS], readers[2];
	struct submitter s[SUBMITTERS];
	const struct audit_filter all = { .limit = SUBMITTERS * WRITES_EACH + 1 };
	struct audit_rows rows;
	struct err e;

	for (int i = 0; i < SUBMITTERS; i++) {
		s[i] = (struct submitter){ .f = f };
		CHECK(pthread_create(&writers[i], NULL, submit_many, &s[i]) == 0);
	}
	for (int i = 0; i < 2; i++)
		CHECK(pthread_create(&readers[i], NULL, read_along, f) == 0);
	for (int i = 0; i < SUBMITTERS; i++) {
		pthread_join(writers[i], NULL);
		CHECK_I64(s[i].failed, 0);
		sem_destroy(&s[i].room);
	}
	pthread_join(readers[0], NULL);
	pthread_join(readers[1], NULL);
	CHECK(store_audit_list(fixture_read(f), f->arena, &all, &rows, &e));
	CHECK_I64((int64_t)rows.n, SUBMITTERS * WRITES_EACH);
}
TEST(lane_serves_many_threads_at_once) { fixture_each(many); }
