/* SPDX-License-Identifier: MIT
 *
 * The life of the runner and the calls that a write task makes. */
#include "jobs/jobs_int.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/publish.h"

struct jobs *jobs_create(const struct jobs_config *c)
{
	struct jobs *j = calloc(1, sizeof(*j));

	if (!j)
		abort();
	j->store = c->store;
	j->threads_n = c->threads < 1 ? 1 : c->threads;
	if (j->threads_n > JOBS_THREADS_MAX)
		j->threads_n = JOBS_THREADS_MAX;
	j->lease_ms = c->lease_ms > 0 ? c->lease_ms : JOBS_LEASE_MS;
	j->retry_first_ms = c->retry_first_ms > 0 ? c->retry_first_ms : JOBS_RETRY_FIRST_MS;
	j->remote = store_is_postgres(c->store);
	/* Unique among processes and restarts; not a secret. */
	snprintf(j->owner, sizeof(j->owner), "%ld-%llx", (long)getpid(),
	         (unsigned long long)clock_now_ms() ^ (unsigned long long)clock_mono_ns());
	hub_init(&j->hub);
	pthread_mutex_init(&j->mutex, NULL);
	pthread_cond_init(&j->wake, NULL);
	return j;
}

void jobs_register(struct jobs *j, const char *kind, job_fn fn, void *arg)
{
	assert(j->kinds_n < JOBS_KINDS_MAX && j->started_n == 0);
	j->kinds[j->kinds_n++] = (struct job_kind){ str_from(kind), fn, arg };
}

static bool take_up(struct db *db, void *arg, struct err *e)
{
	return store_jobs_take_up(db, arg, e);
}

static bool load_open(struct jobs *j, struct arena *a, struct err *e)
{
	struct strs ids;
	struct db *db;
	bool ok;

	if (!store_read_begin(j->store, &db, e))
		return false;
	ok = store_jobs_open_ids(db, a, &ids, e);
	store_read_end(j->store, db);
	for (size_t i = 0; ok && i < ids.n; i++)
		hub_opened(&j->hub, ids.v[i]);
	return ok;
}

bool jobs_start(struct jobs *j, struct err *e)
{
	struct arena *a = arena_create(4 * KIB);
	/* The embedded store belongs to this process alone, so whoever held a lease is dead. */
	bool ok = (j->remote || jobs_write(j->store, take_up, a, e)) && load_open(j, a, e);

	arena_destroy(a);
	if (!ok)
		return false;
	for (; j->started_n < j->threads_n; j->started_n++)
		if (pthread_create(&j->threads[j->started_n], NULL, runner_main, j) != 0)
			return err_log(e, ERR_UNAVAILABLE, 0, "cannot start a job thread");
	if (pthread_create(&j->watcher, NULL, watcher_main, j) != 0)
		return err_log(e, ERR_UNAVAILABLE, 0, "cannot start the job watcher");
	j->watching = true;
	return true;
}

void jobs_wake(struct jobs *j)
{
	pthread_mutex_lock(&j->mutex);
	j->news++;
	pthread_cond_broadcast(&j->wake);
	pthread_mutex_unlock(&j->mutex);
}

void jobs_stop(struct jobs *j)
{
	if (!j)
		return;
	pthread_mutex_lock(&j->mutex);
	j->closing = true;
	pthread_cond_broadcast(&j->wake);
	pthread_mutex_unlock(&j->mutex);
	hub_expire(&j->hub, 0, true);
	for (; j->started_n > 0; j->started_n--)
		pthread_join(j->threads[j->started_n - 1], NULL);
	pthread_mutex_lock(&j->hub.mutex);
	pthread_cond_broadcast(&j->hub.wake);
	pthread_mutex_unlock(&j->hub.mutex);
	if (j->watching)
		pthread_join(j->watcher, NULL);
	j->watching = false;
}

void jobs_release(struct jobs *j)
{
	hub_expire(&j->hub, INT64_MAX, false);
}

void jobs_destroy(struct jobs *j)
{
	if (!j)
		return;
	jobs_stop(j);
	hub_fini(&j->hub);
	pthread_cond_destroy(&j->wake);
	pthread_mutex_destroy(&j->mutex);
	free(j);
}

/* What is told to the hub once the row is durable. */
struct news { struct jobs *jobs; str public_id; };

static void opened(void *arg)
{
	struct news *n = arg;

	hub_opened(&n->jobs->hub, n->public_id);
	jobs_wake(n->jobs);
}

static void closed(void *arg)
{
	struct news *n = arg;

	hub_closed(&n->jobs->hub, n->public_id);
}

static struct news *news_make(struct jobs *j, struct arena *a, str public_id)
{
	struct news *n = arena_new(a, struct news);

	*n = (struct news){ j, arena_str(a, public_id) };
	return n;
}

bool jobs_add(struct jobs *j, struct db *db, struct arena *a, const struct job_new *n,
	      struct err *e)
{
	struct job row = {
		.public_id = n->public_id, .kind = n->kind, .project_id = n->project_id,
		.account_id = n->account_id, .app_id = n->app_id, .via = n->via.p ? n->via : S(""),
		.input = n->input.p ? n->input : S(""), .not_before_ms = n->now_ms + n->hold_ms,
		.created_ms = n->now_ms,
	};

	if (!store_job_insert(db, a, &row, e))
		return false;
	db_after_commit(db, opened, news_make(j, a, n->public_id));
	return true;
}

bool jobs_cancel(struct jobs *j, struct db *db, struct arena *a, str public_id, int64_t now_ms,
                 bool *cancelled, struct err *e)
{
	if (!store_job_cancel(db, a, public_id, now_ms, cancelled, e))
		return false;
	if (*cancelled)
		db_after_commit(db, closed, news_make(j, a, public_id));
	return true;
}

bool job_state_is_final(str state)
{
	return str_eq(state, S("completed")) || str_eq(state, S("failed")) ||
	       str_eq(state, S("cancelled"));
}
