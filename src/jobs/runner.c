/* SPDX-License-Identifier: MIT
 *
 * Claim, run, finish; and the watcher, which prolongs leases and answers waiters whose time is up.
 */
#include "jobs/jobs_int.h"

#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/publish.h"

enum {
	IDLE_MS_MAX = 30 * 1000,         /* longest sleep while nothing is due */
	REMOTE_LOOK_MS = 1000,           /* several nodes: how often other nodes' news are read */
	STORE_AWAY_MS = 1000,
	ARENA_BYTES = 64 * 1024,
};

/* Claiming ------------------------------------------------------------------------------------- */

struct claim { struct jobs *jobs; struct arena *arena; struct job job; };

static bool claim_one(struct db *db, void *arg, struct err *e)
{
	struct claim *c = arg;
	int64_t now = clock_now_ms();

	return store_job_claim(db, c->arena, str_from(c->jobs->owner), now + c->jobs->lease_ms, now,
	                       &c->job, e);
}

/* ms until something is due, by the rows. */
static int64_t idle_ms(struct jobs *j, struct arena *a)
{
	int64_t longest = j->remote ? REMOTE_LOOK_MS : IDLE_MS_MAX, next = 0, left;
	struct err e = { 0 };
	struct db *db;
	bool ok;

	if (!store_read_begin(j->store, &db, &e))
		return STORE_AWAY_MS;
	ok = store_jobs_next_ms(db, a, &next, &e);
	store_read_end(j->store, db);
	if (!ok)
		return STORE_AWAY_MS;
	if (next == 0)
		return longest;
	left = next - clock_now_ms();
	return left < 1 ? 1 : left > longest ? longest : left;
}

static void sleep_until_news(struct jobs *j, uint64_t seen, int64_t ms)
{
	struct timespec at;

	clock_gettime(CLOCK_REALTIME, &at);
	at.tv_sec += ms / 1000;
	at.tv_nsec += ms % 1000 * 1000000;
	if (at.tv_nsec >= 1000000000) {
		at.tv_sec++;
		at.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&j->mutex);
	if (j->news == seen && !j->closing)
		pthread_cond_timedwait(&j->wake, &j->mutex, &at);
	pthread_mutex_unlock(&j->mutex);
}

/* Running -------------------------------------------------------------------------------------- */

void job_note(struct job_run *run, const char *fmt, ...)
{
	va_list args;
	str line;

	va_start(args, fmt);
	line = arena_vprintf(run->arena, fmt, args);
	va_end(args);
	buf_str(&run->log, clock_iso(run->arena, clock_now_ms()));
	buf_char(&run->log, ' ');
	buf_str(&run->log, line);
	buf_char(&run->log, '\n');
}

static str some(str s)
{
	return s.p ? s : S("");
}

bool job_hold(struct job_run *run, struct db *db, struct err *e)
{
	int64_t until = clock_now_ms() + run->jobs->lease_ms;
	bool held;

	if (!store_job_hold(db, run->arena, run->job, until, some(buf_view(&run->log)),
	                    some(run->result), &held, e))
		return false;
	return held || err_log(e, ERR_CONFLICT, 0, "the lease of job %lld was lost",
			       (long long)run->job->id);
}

static void enter(struct jobs *j, struct job_run *run)
{
	pthread_mutex_lock(&j->mutex);
	run->next = j->running;
	j->running = run;
	pthread_mutex_unlock(&j->mutex);
}

static void leave(struct jobs *j, struct job_run *run)
{
	struct job_run **at = &j->running;

	pthread_mutex_lock(&j->mutex);
	while (*at != run)
		at = &(*at)->next;
	*at = run->next;
	pthread_mutex_unlock(&j->mutex);
}

static const struct job_kind *kind_of(const struct jobs *j, str name)
{
	for (size_t i = 0; i < j->kinds_n; i++)
		if (str_eq(j->kinds[i].name, name))
			return &j->kinds[i];
	return NULL;
}

struct ending { struct job_run *run; struct job job; int64_t retry_ms; bool held; };

static bool end_row(struct db *db, void *arg, struct err *e)
{
	struct ending *x = arg;

	if (x->retry_ms > 0)
		return store_job_retry(db, x->run->arena, &x->job, x->retry_ms, x->job.log, e);
	return store_job_finish(db, x->run->arena, &x->job, &x->held, e);
}

/* A failure for lack of something (disk, store) is tried again; the wait doubles with each attempt.
 */
static int64_t retry_at(const struct jobs *j, const struct job *job, const struct err *e)
{
	if (e->code != ERR_UNAVAILABLE || job->attempts >= JOBS_ATTEMPTS_MAX)
		return 0;
	return clock_now_ms() + (j->retry_first_ms << (job->attempts - 1));
}

static void end_run(struct jobs *j, struct job_run *run, bool ok, const struct err *failure)
{
	struct ending x = { .run = run, .job = *run->job };
	struct err e = { 0 };

	x.job.log = some(buf_view(&run->log));
	x.job.result = some(run->result);
	x.job.finished_ms = clock_now_ms();
	x.job.state = ok ? S("completed") : S("failed");
	x.job.error = ok		? S("")
		      : failure->say[0] ? str_from(failure->say)
					: err_name(failure->code);
	if (!ok)
		x.retry_ms = retry_at(j, run->job, failure);
	/* When even this cannot be written, the lease ends by itself and the job is taken up again.
	 */
	if (!jobs_write(j->store, end_row, &x, &e)) {
		log_event(LOG_WARN, "job_end_not_stored", "job=%lld error=%s", (long long)x.job.id,
			  e.msg);
		return;
	}
	if (x.held)
		hub_closed(&j->hub, run->job->public_id);
}

static void run_job(struct jobs *j, struct arena *a, const struct job *job)
{
	const struct job_kind *kind = kind_of(j, job->kind);
	struct job_run run = {
		.jobs = j, .store = j->store, .arena = a, .job = job, .result = job->result
	};
	struct err e = { 0 };
	bool ok;

	buf_init_arena(&run.log, a, JOBS_LOG_BYTES_MAX);
	buf_str(&run.log, job->log);
	enter(j, &run);
	if (kind) {
		run.arg = kind->arg;
		ok = kind->fn(&run, &e);
	} else {
		ok = err_set(&e, ERR_INTERNAL,
			     "this server does not know jobs of the kind " FMT_STR,
			     ARG_STR(job->kind));
	}
	leave(j, &run);
	if (!ok)
		log_event(LOG_WARN, "job_failed",
			  "job=" FMT_STR " kind=" FMT_STR " attempt=%lld error=%s detail=%s",
			  ARG_STR(job->public_id), ARG_STR(job->kind), (long long)job->attempts,
			  e.say, e.msg);
	end_run(j, &run, ok, &e);
}

static bool is_closing(struct jobs *j, uint64_t *news)
{
	bool closing;

	pthread_mutex_lock(&j->mutex);
	closing = j->closing;
	*news = j->news;
	pthread_mutex_unlock(&j->mutex);
	return closing;
}

void *runner_main(void *arg)
{
	struct jobs *j = arg;
	struct arena *a = arena_create(ARENA_BYTES);
	struct claim c = { .jobs = j, .arena = a };
	struct err e = { 0 };
	uint64_t news;

	while (!is_closing(j, &news)) {
		arena_reset(a);
		c.job = (struct job){ 0 };
		if (!jobs_write(j->store, claim_one, &c, &e))
			sleep_until_news(j, news, STORE_AWAY_MS);
		else if (c.job.id == 0)
			sleep_until_news(j, news, idle_ms(j, a));
		else
			run_job(j, a, &c.job);
	}
	arena_destroy(a);
	return NULL;
}

/* Watching ------------------------------------------------------------------------------------- */

struct renewal { struct jobs *jobs; struct arena *arena; };

static bool renew_all(struct db *db, void *arg, struct err *e)
{
	struct renewal *r = arg;
	struct jobs *j = r->jobs;
	bool ok = true;

	/* Under the mutex, so that no run ends (and frees its job) meanwhile; it is short. A lease
	 * that was lost is noticed by job_hold, before anything is committed. */
	pthread_mutex_lock(&j->mutex);
	for (struct job_run *run = j->running; ok && run; run = run->next)
		ok = store_job_renew(db, r->arena, run->job, clock_now_ms() + j->lease_ms, e);
	pthread_mutex_unlock(&j->mutex);
	return ok;
}

static void renew_leases(struct jobs *j, struct arena *a)
{
	struct renewal r = { .jobs = j, .arena = a };
	struct err e = { 0 };
	bool idle;

	pthread_mutex_lock(&j->mutex);
	idle = j->running == NULL;
	pthread_mutex_unlock(&j->mutex);
	if (!idle && !jobs_write(j->store, renew_all, &r, &e))
		log_event(LOG_WARN, "job_lease_not_renewed", "error=%s", e.msg);
}

/* What other nodes have finished. */
static void look_at_remote(struct jobs *j, struct arena *a)
{
	struct strs topics = hub_topics(&j->hub, a);
	struct err e = { 0 };
	struct db *db;
	str state;

	if (topics.n == 0 || !store_read_begin(j->store, &db, &e))
		return;
	for (size_t i = 0; i < topics.n; i++)
		if (store_job_state(db, a, topics.v[i], &state, &e) &&
		    (state.p == NULL || job_state_is_final(state)))
			hub_closed(&j->hub, topics.v[i]);
	store_read_end(j->store, db);
}

void *watcher_main(void *arg)
{
	struct jobs *j = arg;
	struct arena *a = arena_create(4 * KIB);
	int64_t renew = clock_mono_ms() + j->lease_ms / 3, now, next, until;
	uint64_t news;

	while (!is_closing(j, &news)) {
		now = clock_mono_ms();
		arena_reset(a);
		if (now >= renew) {
			renew_leases(j, a);
			renew = now + j->lease_ms / 3;
		}
		if (j->remote)
			look_at_remote(j, a);
		next = hub_expire(&j->hub, now, false);
		until = next > 0 && next < renew ? next : renew;
		if (j->remote && next > 0 && until > now + REMOTE_LOOK_MS)
			until = now + REMOTE_LOOK_MS;
		hub_wait_news(&j->hub, until);
	}
	arena_destroy(a);
	return NULL;
}
