/* SPDX-License-Identifier: MIT
 *
 * From the slow lane into the others, waiting for the answer. */
#include "access/act.h"

#include "store/db.h"

#include <assert.h>
#include <pthread.h>

struct waiting_write {
	struct write_task task;         /* first: the callbacks get its address */
	struct act        act;
	act_fn            fn;
	void             *arg;
	pthread_mutex_t   mutex;
	pthread_cond_t    changed;
	bool              finished, ok;
	struct err        err;
};

static bool write_run(struct db *db, struct write_task *t, struct err *e)
{
	struct waiting_write *w = (struct waiting_write *)(void *)t;

	w->act.db = db;
	return w->fn(&w->act, w->arg, e);
}

static void write_done(struct write_task *t, bool ok, const struct err *e)
{
	struct waiting_write *w = (struct waiting_write *)(void *)t;

	pthread_mutex_lock(&w->mutex);
	w->ok = ok;
	if (!ok && e != NULL)
		w->err = *e;
	w->finished = true;
	pthread_cond_signal(&w->changed);
	pthread_mutex_unlock(&w->mutex);
}

static void write_wait(struct waiting_write *w)
{
	pthread_mutex_lock(&w->mutex);
	while (!w->finished)
		pthread_cond_wait(&w->changed, &w->mutex);
	pthread_mutex_unlock(&w->mutex);
}

bool act_write(const struct act *act, act_fn fn, void *arg, struct err *e)
{
	struct waiting_write w = {
		.task = { .run = write_run, .done = write_done }, .act = *act, .fn = fn, .arg = arg,
		.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER,
	};

	assert(act->db == NULL);                /* a connection is held: this is the writer or a read lane */
	if (!store_write(act->store, &w.task)) {
		err_set(e, ERR_UNAVAILABLE, "The server is busy. Try again.");
		e->retry_after_s = 1;
		return false;
	}
	write_wait(&w);
	pthread_cond_destroy(&w.changed);
	pthread_mutex_destroy(&w.mutex);
	if (!w.ok)
		*e = w.err;
	return w.ok;
}

bool act_read(const struct act *act, act_fn fn, void *arg, struct err *e)
{
	struct act tx = *act;
	bool ok;

	assert(act->db == NULL);
	if (!store_read_begin(act->store, &tx.db, e))
		return false;
	ok = fn(&tx, arg, e);
	store_read_end(act->store, tx.db);
	return ok;
}
