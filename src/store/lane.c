/* SPDX-License-Identifier: MIT
 *
 * The write lane: one thread, one connection, group commit. Submitters push under a mutex that is
 * held for a few instructions; while one batch is being synced, the next one gathers by itself, so
 * no timer is needed to make batches large. The thread sleeps on a condition, with a time-out only
 * while the store is not ready. */
#include "store/driver_int.h"

#include "base/clock.h"
#include "base/index.h"

#include <assert.h>
#include <sched.h>
#include <stdio.h>
#include <time.h>

enum { RETRY_MS_FIRST = 100, RETRY_MS_MAX = 5000, HOOKS_BYTES = 16 * 1024 };

/* Of one batch, newest first through `older`; those for after the commit also by task, oldest
 * first. */
struct hook {
	struct hook *older, *next;
	bool         on_failure;
	void       (*fn)(void *);
	void        *arg;
};

struct batch {
	struct write_task *first, **last;
	size_t             tasks;
	bool               open;      /* a transaction is open                             */
	bool               dirty;     /* … and holds the work of a task that must be kept  */
	bool               lost;      /* the transaction is gone: `err` for every task      */
	struct err         err;
};

static void hook_add(struct db *db, bool on_failure, void (*fn)(void *), void *arg)
{
	struct hook *h;

	assert(db->writer && db->task != NULL);
	h = arena_new(db->hooks, struct hook);
	*h = (struct hook){
		.older = db->newest_hook, .on_failure = on_failure, .fn = fn, .arg = arg
	};
	db->newest_hook = h;
	if (on_failure)
		return;
	if (db->task->commit_calls.last != NULL)
		((struct hook *)db->task->commit_calls.last)->next = h;
	else
		db->task->commit_calls.first = h;
	db->task->commit_calls.last = h;
}

void db_after_commit(struct db *db, void (*fn)(void *), void *arg)
{
	hook_add(db, false, fn, arg);
}

void db_after_failure(struct db *db, void (*fn)(void *), void *arg)
{
	hook_add(db, true, fn, arg);
}

bool db_is_writer(const struct db *db)
{
	return db->writer;
}

void db_writes_last(struct db *db)
{
	db->writes_last = true;
}

/* Undoes, newest first, what was registered since `mark`. */
static void hooks_fail(struct db *db, struct hook *mark)
{
	while (db->newest_hook != mark) {
		struct hook *h = db->newest_hook;

		db->newest_hook = h->older;
		if (h->on_failure)
			h->fn(h->arg);
	}
}

static bool batch_lose(struct batch *b, const struct err *e)
{
	b->lost = true;
	b->err = *e;
	return false;
}

/* Work of earlier tasks is protected by a savepoint; a batch of one needs none. */
static bool step_begin(struct db *db, struct batch *b)
{
	const struct driver *d = db->store->driver;
	struct err e;

	db->faulty = false;
	db->writes_last = false;
	if (!b->open) {
		if (!d->begin(db, &e))
			return batch_lose(b, &e);
		b->open = true;
		b->dirty = false;
		return true;
	}
	return !b->dirty || d->savepoint(db, &e) || batch_lose(b, &e);
}

static bool step_keep(struct db *db, struct batch *b)
{
	struct err e;

	if (b->dirty && !db->store->driver->release(db, &e))
		return batch_lose(b, &e);
	b->dirty = true;
	return true;
}

static bool step_undo(struct db *db, struct batch *b)
{
	const struct driver *d = db->store->driver;
	struct err e;

	if (b->dirty)
		return d->rollback_to(db, &e) || batch_lose(b, &e);
	d->rollback(db);
	b->open = false;
	return true;
}

/* A full disk or a lost connection ends the whole transaction, not just the statement. */
static bool still_open(struct db *db, struct batch *b)
{
	struct err e;

	if (db->store->driver->in_transaction(db))
		return true;
	if (db->faulty)
		e = db->fault;
	else
		err_log(&e, ERR_UNAVAILABLE, 0, "the transaction was ended by the database");
	return batch_lose(b, &e);
}

static void task_refused(struct db *db, struct batch *b, struct write_task *t)
{
	struct hook *mark = db->newest_hook;

	if (t->refused == NULL || !step_begin(db, b))
		return;
	t->refused(db, t, &t->err);
	if (!still_open(db, b))
		return;
	if (!db->faulty) {
		step_keep(db, b);
		return;
	}
	hooks_fail(db, mark);
	t->commit_calls.first = t->commit_calls.last = NULL;
	step_undo(db, b);
}

static void task_run(struct db *db, struct batch *b, struct write_task *t)
{
	struct hook *mark = db->newest_hook;

	t->commit_calls.first = t->commit_calls.last = NULL;
	t->ok = false;
	t->err = (struct err){ .code = ERR_NONE };
	if (!step_begin(db, b))
		return;
	db->task = t;
	t->ok = t->run(db, t, &t->err);
	if (still_open(db, b)) {
		/* A task that went on after a failed statement must not be half done. */
		if (t->ok && db->faulty) {
			t->ok = false;
			t->err = db->fault;
		}
		if (t->ok) {
			step_keep(db, b);
		} else {
			hooks_fail(db, mark);
			t->commit_calls.first = t->commit_calls.last = NULL;
			if (step_undo(db, b))
				task_refused(db, b, t);
		}
	}
	db->task = NULL;
}

/* Ends the transaction; afterwards b->lost says whether anything was kept. */
static void batch_commit(struct db *db, struct batch *b)
{
	const struct driver *d = db->store->driver;
	struct err e;

	if (!b->lost && b->open && b->dirty) {
		if (d->commit(db, &e))
			atomic_fetch_add_explicit(&db->store->lane.commits, 1,
			                          memory_order_relaxed);
		else
			batch_lose(b, &e);
	} else if (!b->lost && b->open) {
		d->rollback(db);
	}
	if (b->lost && d->in_transaction(db))
		d->rollback(db);
}

static void task_finish(struct batch *b, struct write_task *t)
{
	if (b->lost) {
		t->ok = false;
		t->err = b->err;
		t->err.code = ERR_UNAVAILABLE;
		t->err.retry_after_s = 1;
	} else {
		for (struct hook *h = t->commit_calls.first; h != NULL; h = h->next)
			h->fn(h->arg);
	}
	t->commit_calls.first = t->commit_calls.last = NULL;
	t->done(t, t->ok, &t->err);
}

static void batch_finish(struct db *db, struct batch *b)
{
	struct lane *l = &db->store->lane;
	struct write_task *t = b->first, *next;
	uint64_t failed = 0;

	batch_commit(db, b);
	if (b->lost) {
		/* Whatever the cause, the client may try again; the text for it must say so. */
		struct err e = b->err;

		err_log(&b->err, ERR_UNAVAILABLE, e.sys, "%s", e.msg);
		hooks_fail(db, NULL);
	}
	atomic_store(&l->ready, !b->lost);
	atomic_store(&l->away, !db->store->driver->alive(db));
	/* Counted before done(), so that whoever was woken by it can submit again at once. */
	pthread_mutex_lock(&l->mutex);
	l->waiting -= b->tasks;
	pthread_mutex_unlock(&l->mutex);
	for (; t != NULL; t = next) {
		next = t->next;      /* done() may release the task */
		task_finish(b, t);
		failed += b->lost;
	}
	atomic_fetch_add_explicit(&l->tasks, b->tasks, memory_order_relaxed);
	atomic_fetch_add_explicit(&l->failed, failed, memory_order_relaxed);
	db->newest_hook = NULL;
	arena_reset(db->hooks);
	db->store->driver->after_batch(db);
}

/* All that is waiting; NULL when nothing is. */
static struct write_task *queue_take(struct lane *l)
{
	struct write_task *t;

	pthread_mutex_lock(&l->mutex);
	t = l->first;
	l->first = NULL;
	l->last = &l->first;
	pthread_mutex_unlock(&l->mutex);
	return t;
}

/* Runs tasks into one transaction until the batch is full, old, lost or nothing waits. Returns the
 * rest. */
static struct write_task *batch_fill(struct db *db, struct batch *b, struct write_task *waiting)
{
	const struct store_config *c = &db->store->config;
	int64_t weight = 0, until_ns = clock_mono_ns() + c->batch_ms_max * 1000000;

	do {
		struct write_task *t = waiting != NULL ? waiting : queue_take(&db->store->lane);

		if (t == NULL)
			return NULL;
		waiting = t->next;
		t->next = NULL;
		*b->last = t;
		b->last = &t->next;
		b->tasks++;
		task_run(db, b, t);
		weight += t->weight > 1 ? t->weight : 1;
	} while (!b->lost && weight < c->batch_tasks_max && clock_mono_ns() < until_ns);
	return waiting;
}

/* A store that failed must notice by itself that it works again: those who ask whether it is ready
 * may be the reason that no write arrives. */
static bool probe(struct db *db)
{
	const struct driver *d = db->store->driver;
	struct arena *a = arena_create(1 * KIB);
	struct rows none;
	struct err e;
	bool ok = d->begin(db, &e);

	if (ok) {
		ok = DB_RUN(db, a, SQL_META_SET, &none, &e, A_TEXT(S("store.probe_ms")),
		            A_TEXT(arena_printf(a, "%lld", (long long)clock_now_ms())));
		if (ok)
			ok = d->commit(db, &e);
		if (!ok)
			d->rollback(db);
	}
	db->faulty = false;
	arena_destroy(a);
	return ok;
}

static void sleep_until(struct lane *l, int64_t ms)
{
	struct timespec at = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	pthread_cond_timedwait(&l->wake, &l->mutex, &at);
}

/* Waits for work, probing with growing pauses while the store is not ready. NULL: closing and
 * empty. */
static struct write_task *queue_wait(struct db *db)
{
	struct lane *l = &db->store->lane;
	int64_t pause_ms = RETRY_MS_FIRST, probe_at_ms = 0;

	pthread_mutex_lock(&l->mutex);
	while (l->first == NULL && !l->closing) {
		l->sleeping = true;
		if (atomic_load(&l->ready)) {
			pthread_cond_wait(&l->wake, &l->mutex);
		} else if (clock_mono_ms() < probe_at_ms) {
			sleep_until(l, probe_at_ms);
		} else {
			pthread_mutex_unlock(&l->mutex);
			atomic_store(&l->ready, probe(db));
			atomic_store(&l->away, !db->store->driver->alive(db));
			pause_ms = pause_ms * 2 < RETRY_MS_MAX ? pause_ms * 2 : RETRY_MS_MAX;
			probe_at_ms = clock_mono_ms() + pause_ms;
			pthread_mutex_lock(&l->mutex);
		}
		l->sleeping = false;
	}
	pthread_mutex_unlock(&l->mutex);
	return queue_take(l);
}

void lane_doubt(struct store *s)
{
	pthread_mutex_lock(&s->lane.mutex);
	atomic_store(&s->lane.ready, false);
	pthread_cond_signal(&s->lane.wake);
	pthread_mutex_unlock(&s->lane.mutex);
}

static void *lane_main(void *arg)
{
	struct store *s = arg;
	struct write_task *waiting = NULL;

	index_thread_in();       /* tasks and hooks look into the indexes in memory */
	for (;;) {
		struct batch b = { .last = &b.first };

		/* Who has been woken by the last batch may be about to submit: let them first. */
		sched_yield();
		if (waiting == NULL)
			waiting = queue_wait(s->writer);
		if (waiting == NULL)
			break;
		waiting = batch_fill(s->writer, &b, waiting);
		batch_finish(s->writer, &b);
	}
	index_thread_out();
	return NULL;
}

void lane_init(struct lane *l)
{
	pthread_condattr_t attr;

	pthread_mutex_init(&l->mutex, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&l->wake, &attr);
	pthread_condattr_destroy(&attr);
	l->last = &l->first;
}

void lane_fini(struct lane *l)
{
	pthread_cond_destroy(&l->wake);
	pthread_mutex_destroy(&l->mutex);
}

bool lane_start(struct store *s, struct err *e)
{
	int rc;

	s->writer->hooks = arena_create(HOOKS_BYTES);
	atomic_store(&s->lane.ready, true);
	rc = pthread_create(&s->lane.thread, NULL, lane_main, s);
	if (rc != 0)
		return fault_set(e, ERR_UNAVAILABLE, rc, "cannot start the writer thread");
	pthread_setname_np(s->lane.thread, "bi18n-writer");
	s->lane.started = true;
	return true;
}

void lane_stop(struct store *s)
{
	struct lane *l = &s->lane;

	if (!l->started)
		return;
	pthread_mutex_lock(&l->mutex);
	l->closing = true;
	pthread_cond_signal(&l->wake);
	pthread_mutex_unlock(&l->mutex);
	pthread_join(l->thread, NULL);
	l->started = false;
}

bool store_write(struct store *s, struct write_task *t)
{
	struct lane *l = &s->lane;
	bool accepted, wake;

	assert(t->run != NULL && t->done != NULL);
	t->next = NULL;
	pthread_mutex_lock(&l->mutex);
	accepted = l->waiting < s->config.queue_max && !l->closing && !atomic_load(&l->away);
	if (accepted) {
		l->waiting++;
		*l->last = t;
		l->last = &t->next;
	}
	wake = accepted && l->sleeping;
	if (wake)
		l->sleeping = false;
	pthread_mutex_unlock(&l->mutex);
	if (wake)
		pthread_cond_signal(&l->wake);
	return accepted;
}
