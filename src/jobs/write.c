/* SPDX-License-Identifier: MIT
 *
 * One write task for a thread that can wait. */
#include "jobs/jobs.h"

#include <pthread.h>

struct waiting_write {
	struct write_task task;          /* first: the lane hands it back */
	jobs_write_fn     fn;
	void             *arg;
	pthread_mutex_t   mutex;
	pthread_cond_t    wake;
	bool              finished, ok;
	struct err       *e;
};

static bool run(struct db *db, struct write_task *t, struct err *e)
{
	struct waiting_write *w = (struct waiting_write *)t;

	return w->fn(db, w->arg, e);
}

static void done(struct write_task *t, bool ok, const struct err *e)
{
	struct waiting_write *w = (struct waiting_write *)t;

	pthread_mutex_lock(&w->mutex);
	w->ok = ok;
	if (!ok)
		*w->e = *e;
	w->finished = true;
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->mutex);
}

bool jobs_write(struct store *s, jobs_write_fn fn, void *arg, struct err *e)
{
	struct waiting_write w = {
		.task = { .run = run, .done = done }, .fn = fn, .arg = arg, .e = e
	};

	pthread_mutex_init(&w.mutex, NULL);
	pthread_cond_init(&w.wake, NULL);
	if (store_write(s, &w.task)) {
		pthread_mutex_lock(&w.mutex);
		while (!w.finished)
			pthread_cond_wait(&w.wake, &w.mutex);
		pthread_mutex_unlock(&w.mutex);
	} else {
		err_set(e, ERR_UNAVAILABLE,
			"the store does not take writes at the moment; try again");
		e->retry_after_s = 1;
	}
	pthread_cond_destroy(&w.wake);
	pthread_mutex_destroy(&w.mutex);
	return w.ok;
}
