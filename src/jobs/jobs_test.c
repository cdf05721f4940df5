/* SPDX-License-Identifier: MIT */
#include "jobs/jobs.h"

#include <ftw.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/test.h"
#include "store/publish.h"

struct home { struct arena *a; struct store *store; struct jobs *jobs; char path[128]; };

static void home_open(struct home *h)
{
	struct store_config c = { .data_dir = str_from(h->path), .readers = 2, .queue_max = 64,
		                  .batch_tasks_max = 16, .batch_ms_max = 1, .create = true };
	struct err e = { 0 };

	if (!store_open(&c, &h->store, &e)) {
		fprintf(stderr, "%s %s\n", e.say, e.msg);
		CHECK(false);
	}
	h->jobs = jobs_create(&(struct jobs_config){
		.store = h->store, .threads = 2, .lease_ms = 300, .retry_first_ms = 20 });
}

static struct home home_make(void)
{
	struct home h = { .a = arena_create(4 * KIB) };

	test_directory(h.path, sizeof(h.path), "jobs");
	home_open(&h);
	return h;
}

static int unlink_entry(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

static void home_drop(struct home *h)
{
	jobs_destroy(h->jobs);
	store_close(h->store);
	nftw(h->path, unlink_entry, 8, FTW_DEPTH | FTW_PHYS);
	arena_destroy(h->a);
}

struct add { struct home *h; struct job_new n; };

static bool add(struct db *db, void *arg, struct err *e)
{
	struct add *x = arg;

	return jobs_add(x->h->jobs, db, x->h->a, &x->n, e);
}

static void add_job(struct home *h, const char *id, const char *kind, int64_t project_id,
		    int64_t hold_ms)
{
	struct add x = { h,
			 { .public_id = str_from(id),
			   .kind = str_from(kind),
			   .project_id = project_id,
			   .now_ms = clock_now_ms(),
			   .hold_ms = hold_ms } };
	struct err e = { 0 };

	CHECK(jobs_write(h->store, add, &x, &e));
}

static struct job read_job(struct home *h, const char *id)
{
	struct err e = { 0 };
	struct db *db;
	struct job j;

	CHECK(store_read_begin(h->store, &db, &e));
	CHECK(store_job_by_public_id(db, h->a, str_from(id), &j, &e));
	store_read_end(h->store, db);
	return j;
}

struct signal { pthread_mutex_t mutex; pthread_cond_t wake; bool on; };
#define SIGNAL_INIT { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false }

static void ring(void *arg)
{
	struct signal *s = arg;

	pthread_mutex_lock(&s->mutex);
	s->on = true;
	pthread_cond_signal(&s->wake);
	pthread_mutex_unlock(&s->mutex);
}

static void await(struct signal *s)
{
	pthread_mutex_lock(&s->mutex);
	while (!s->on)
		pthread_cond_wait(&s->wake, &s->mutex);
	pthread_mutex_unlock(&s->mutex);
}

static struct job finished(struct home *h, const char *id)
{
	struct signal s = SIGNAL_INIT;

	jobs_wait(h->jobs, str_from(id), clock_mono_ms() + 10000, ring, &s);
	await(&s);
	return read_job(h, id);
}

static bool succeed(struct job_run *run, struct err *e)
{
	(void)e;
	job_note(run, "WORK done %d", 1);
	run->result = S("{\"n\":1}");
	if (run->arg)
		atomic_fetch_add((atomic_int *)run->arg, 1);
	return true;
}

static bool refuse(struct job_run *run, struct err *e)
{
	(void)run;
	return err_set(e, ERR_PRECONDITION_FAILED, "nothing to work with");
}

static bool starve_twice(struct job_run *run, struct err *e)
{
	if (run->job->attempts < 3)
		return err_log(e, ERR_UNAVAILABLE, 28, "no space");
	return succeed(run, e);
}

static bool starve(struct job_run *run, struct err *e)
{
	(void)run;
	return err_set(e, ERR_UNAVAILABLE, "the disk is full");
}

TEST(job_runs_and_its_result_and_log_are_kept)
{
	struct home h = home_make();
	struct err e = { 0 };
	struct job j;

	jobs_register(h.jobs, "work", succeed, NULL);
	CHECK(jobs_start(h.jobs, &e));
	add_job(&h, "a", "work", 1, 0);
	j = finished(&h, "a");
	CHECK_STR(j.state, S("completed"));
	CHECK_STR(j.result, S("{\"n\":1}"));
	CHECK(str_find(j.log, S("WORK done 1")) > 0);
	CHECK(j.started_ms > 0 && j.finished_ms >= j.started_ms && j.attempts == 1);
	home_drop(&h);
}

TEST(job_that_is_refused_fails_with_the_text_for_the_client)
{
	struct home h = home_make();
	struct err e = { 0 };
	struct job j;

	jobs_register(h.jobs, "work", refuse, NULL);
	CHECK(jobs_start(h.jobs, &e));
	add_job(&h, "a", "work", 1, 0);
	add_job(&h, "b", "unheard-of", 2, 0);
	j = finished(&h, "a");
	CHECK_STR(j.state, S("failed"));
	CHECK_STR(j.error, S("nothing to work with"));
	CHECK_STR(finished(&h, "b").state, S("failed"));
	home_drop(&h);
}

TEST(job_without_resources_is_tried_again_and_fails_in_the_end)
{
	struct home h = home_make();
	struct err e = { 0 };
	struct job j;

	jobs_register(h.jobs, "twice", starve_twice, NULL);
	jobs_register(h.jobs, "ever", starve, NULL);
	CHECK(jobs_start(h.jobs, &e));
	add_job(&h, "a", "twice", 1, 0);
	add_job(&h, "b", "ever", 2, 0);
	j = finished(&h, "a");
	CHECK_STR(j.state, S("completed"));
	CHECK_I64(j.attempts, 3);
	j = finished(&h, "b");
	CHECK_STR(j.state, S("failed"));
	CHECK_I64(j.attempts, JOBS_ATTEMPTS_MAX);
	CHECK_STR(j.error, S("the disk is full"));
	home_drop(&h);
}

struct cancel { struct home *h; const char *id; bool cancelled; };

static bool cancel(struct db *db, void *arg, struct err *e)
{
	struct cancel *x = arg;

	return jobs_cancel(x->h->jobs, db, x->h->a, str_from(x->id), clock_now_ms(), &x->cancelled,
			   e);
}

TEST(job_in_its_hold_can_be_cancelled_and_never_runs)
{
	struct home h = home_make();
	struct cancel x = { &h, "a", false };
	struct signal s = SIGNAL_INIT;
	atomic_int runs = 0;
	struct err e = { 0 };

	jobs_register(h.jobs, "work", succeed, &runs);
	CHECK(jobs_start(h.jobs, &e));
	add_job(&h, "a", "work", 1, 60 * 1000);
	CHECK_STR(read_job(&h, "a").state, S("pending"));
	jobs_wait(h.jobs, S("a"), clock_mono_ms() + 10000, ring, &s);
	CHECK(!s.on);
	CHECK(jobs_write(h.store, cancel, &x, &e) && x.cancelled);
	await(&s);
	CHECK_STR(read_job(&h, "a").state, S("cancelled"));
	CHECK(jobs_write(h.store, cancel, &x, &e) && !x.cancelled);
	CHECK_I64(runs, 0);
	home_drop(&h);
}

TEST(job_starts_when_its_hold_is_over)
{
	struct home h = home_make();
	struct err e = { 0 };
	struct job j;

	jobs_register(h.jobs, "work", succeed, NULL);
	CHECK(jobs_start(h.jobs, &e));
	add_job(&h, "a", "work", 1, 150);
	j = finished(&h, "a");
	CHECK_STR(j.state, S("completed"));
	CHECK(j.started_ms >= j.created_ms + 150 && j.started_ms < j.created_ms + 2000);
	home_drop(&h);
}

static bool claim_as_dead(struct db *db, void *arg, struct err *e)
{
	struct home *h = arg;
	struct job j;
	int64_t now = clock_now_ms();

	return store_job_claim(db, h->a, S("dead"), now + 3600 * 1000, now, &j, e) && j.id != 0;
}

TEST(job_of_a_killed_process_is_taken_up_at_start)
{
	struct home h = home_make();
	struct err e = { 0 };
	struct job j;

	add_job(&h, "a", "work", 1, 0);
	CHECK(jobs_write(h.store, claim_as_dead, &h, &e));
	CHECK_STR(read_job(&h, "a").state, S("in_progress"));
	jobs_destroy(h.jobs);
	store_close(h.store);
	home_open(&h);
	jobs_register(h.jobs, "work", succeed, NULL);
	CHECK(jobs_start(h.jobs, &e));
	j = finished(&h, "a");
	CHECK_STR(j.state, S("completed"));
	CHECK_I64(j.epoch, 2);
	home_drop(&h);
}

static bool hold(struct db *db, void *arg, struct err *e)
{
	return job_hold(arg, db, e);
}

static bool usurp(struct db *db, void *arg, struct err *e)
{
	struct job_run *run = arg;
	struct job j;
	bool held;

	/* Another owner: the same row under the next epoch. */
	if (!store_job_hold(db, run->arena, run->job, 0, S(""), S(""), &held, e))
		return false;
	return store_job_claim(db, run->arena, S("other"), clock_now_ms() + 3600 * 1000,
			       clock_now_ms() + 1, &j, e);
}

static bool lose_lease(struct job_run *run, struct err *e)
{
	if (!jobs_write(run->store, hold, run, e) || !jobs_write(run->store, usurp, run, e))
		return false;
	CHECK(!jobs_write(run->store, hold, run, e));
	CHECK_I64(e->code, ERR_CONFLICT);
	atomic_store((atomic_int *)run->arg, 1);
	return false;
}

TEST(job_whose_lease_was_lost_commits_nothing_more)
{
	struct home h = home_make();
	atomic_int lost = 0;
	struct err e = { 0 };
	struct job j;

	jobs_register(h.jobs, "work", lose_lease, &lost);
	CHECK(jobs_start(h.jobs, &e));
	add_job(&h, "a", "work", 1, 0);
	while (!lost)
		;
	jobs_destroy(h.jobs);
	j = read_job(&h, "a");
	CHECK_STR(j.state, S("in_progress"));
	CHECK_STR(j.owner, S("other"));
	h.jobs = NULL;
	home_drop(&h);
}

static bool overlap(struct job_run *run, struct err *e)
{
	atomic_int *inside = run->arg;
	struct timespec nap = { 0, 20 * 1000 * 1000 };

	(void)e;
	if (atomic_fetch_add(inside, 1) != 0)
		return err_set(e, ERR_INTERNAL, "two at once");
	nanosleep(&nap, NULL);
	atomic_fetch_sub(inside, 1);
	return true;
}

TEST(jobs_of_one_project_run_one_after_the_other)
{
	struct home h = home_make();
	atomic_int inside = 0;
	struct err e = { 0 };

	jobs_register(h.jobs, "work", overlap, &inside);
	CHECK(jobs_start(h.jobs, &e));
	for (int i = 0; i < 6; i++)
		add_job(&h, (const char[]){ (char)('a' + i), 0 }, "work", 7, 0);
	for (int i = 0; i < 6; i++)
		CHECK_STR(finished(&h, (const char[]){ (char)('a' + i), 0 }).state, S("completed"));
	home_drop(&h);
}

TEST(jobs_wait_for_a_finished_or_unknown_job_answers_at_once)
{
	struct home h = home_make();
	struct signal s = SIGNAL_INIT;
	int64_t before = clock_mono_ms();

	jobs_wait(h.jobs, S("nobody"), before + 10000, ring, &s);
	CHECK(s.on);
	home_drop(&h);
}

TEST(jobs_wait_answers_at_the_deadline)
{
	struct home h = home_make();
	struct signal s = SIGNAL_INIT;
	struct err e = { 0 };
	int64_t before;

	CHECK(jobs_start(h.jobs, &e));
	add_job(&h, "a", "work", 1, 60 * 1000);
	before = clock_mono_ms();
	jobs_wait(h.jobs, S("a"), before + 60, ring, &s);
	await(&s);
	CHECK(clock_mono_ms() >= before + 60);
	home_drop(&h);
}
