/* SPDX-License-Identifier: MIT
 *
 * Copies the WAL back into the database file on a thread and connection of its own: passive
 * checkpoints do not keep the writer from appending. Because it appends, the thread alone might
 * never reach the end of the WAL, and only then can SQLite start it anew. So when the log is long,
 * pass follows pass, each shorter than the last, until what is left is so short that the writer can
 * do it itself, between two batches, after the answers have left, without anybody noticing. */
#include "store/sqlite_int.h"

#include <stdio.h>
#include <time.h>

enum {
	PAGES_SOFT = 300,         /* worth a checkpoint at once; commits wait behind its sync, so often and short */
	PAGES_TURN = 8000,        /* 32 MiB: the log should begin anew                    */
	PAGES_HARD = 32000,       /* 128 MiB: it must, whatever that takes                */
	PAGES_REST = 128,         /* so many the writer copies                            */
	PAGES_APART = 1000,       /* and again after so many more, if a reader was in the way */
	IDLE_MS = 1000,           /* fewer pages wait for a quiet moment of this length   */
	PAUSE_MS = 10             /* between two checkpoints                              */
};

static int pending(struct sqlite_shared *shared)
{
	return atomic_load(&shared->in_log) - atomic_load(&shared->copied);
}

static void checkpoint(struct sqlite_shared *shared, sqlite3 *handle)
{
	int in_log = 0, copied = 0;

	if (sqlite3_wal_checkpoint_v2(handle, NULL, SQLITE_CHECKPOINT_PASSIVE, &in_log, &copied) ==
	    SQLITE_OK)
		atomic_store(&shared->copied, copied > 0 ? copied : 0);
}

/* Called by SQLite on the writer thread after each commit. */
static int committed(void *arg, sqlite3 *handle, const char *name, int pages)
{
	struct sqlite_shared *shared = arg;
	int before = pending(shared), after;

	(void)handle;
	(void)name;
	if (pages < atomic_exchange(&shared->in_log, pages)) {
		atomic_store(&shared->copied, 0);      /* the log began anew */
		shared->helped_at = 0;
	}
	after = pending(shared);
	if ((before <= 0 && after > 0) || (before < PAGES_SOFT && after >= PAGES_SOFT)) {
		pthread_mutex_lock(&shared->mutex);
		pthread_cond_signal(&shared->wake);
		pthread_mutex_unlock(&shared->mutex);
	}
	return SQLITE_OK;
}

void sqlite_checkpoint_watch(struct sqlite_shared *shared, sqlite3 *writer)
{
	sqlite3_wal_hook(writer, committed, shared);
}

void sqlite_checkpoint_if_long(struct sqlite_shared *shared, sqlite3 *writer)
{
	int in_log = atomic_load(&shared->in_log), rest = pending(shared);

	/* A reader may keep the log from beginning anew: that is no reason to sync with each batch. */
	if (rest <= 0 || in_log < shared->helped_at + PAGES_APART ||
	    in_log < (rest <= PAGES_REST ? PAGES_TURN : PAGES_HARD))
		return;
	checkpoint(shared, writer);
	if (pending(shared) <= 0)
		shared->helped_at = in_log;
}

static void wait_ms(struct sqlite_shared *shared, int ms)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_sec += ms / 1000;
	at.tv_nsec += ms % 1000 * 1000000;
	if (at.tv_nsec >= 1000000000) {
		at.tv_sec++;
		at.tv_nsec -= 1000000000;
	}
	pthread_cond_timedwait(&shared->wake, &shared->mutex, &at);
}

/* Returns when a checkpoint is due. false: closing. */
static bool wait_for_work(struct sqlite_shared *shared)
{
	int seen = 0, now;

	pthread_mutex_lock(&shared->mutex);
	while (!shared->closing) {
		now = pending(shared);
		if (now >= PAGES_SOFT || (now > 0 && atomic_load(&shared->in_log) == seen))
			break;
		seen = atomic_load(&shared->in_log);
		if (now <= 0)
			pthread_cond_wait(&shared->wake, &shared->mutex);
		else
			wait_ms(shared, IDLE_MS);
	}
	now = !shared->closing;
	pthread_mutex_unlock(&shared->mutex);
	return now;
}

/* One; of a long log as many as still come closer to its end. */
static void passes(struct sqlite_shared *shared, sqlite3 *handle)
{
	int before, after;

	do {
		before = pending(shared);
		checkpoint(shared, handle);
		after = pending(shared);
	} while (atomic_load(&shared->in_log) >= PAGES_TURN && after > PAGES_REST && after < before);
}

static void *checkpoint_main(void *arg)
{
	struct sqlite_shared *shared = arg;
	sqlite3 *handle = NULL;
	struct err e;

	while (wait_for_work(shared)) {
		if (handle == NULL)
			handle = sqlite_handle_open(shared->path, &e);
		if (handle != NULL)
			passes(shared, handle);
		/* What is left is pinned by a reader or still being written: look again later, do
		 * not spin. */
		pthread_mutex_lock(&shared->mutex);
		if (!shared->closing)
			wait_ms(shared, PAUSE_MS);
		pthread_mutex_unlock(&shared->mutex);
	}
	sqlite3_close(handle);
	return NULL;
}

bool sqlite_checkpoint_start(struct sqlite_shared *shared, struct err *e)
{
	pthread_condattr_t attr;
	int rc;

	pthread_mutex_init(&shared->mutex, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&shared->wake, &attr);
	pthread_condattr_destroy(&attr);
	rc = pthread_create(&shared->thread, NULL, checkpoint_main, shared);
	if (rc != 0)
		return fault_set(e, ERR_UNAVAILABLE, rc, "cannot start the checkpoint thread");
	pthread_setname_np(shared->thread, "bi18n-ckpt");
	shared->started = true;
	return true;
}

void sqlite_checkpoint_stop(struct sqlite_shared *shared)
{
	if (shared == NULL || !shared->started)
		return;
	pthread_mutex_lock(&shared->mutex);
	shared->closing = true;
	pthread_cond_signal(&shared->wake);
	pthread_mutex_unlock(&shared->mutex);
	pthread_join(shared->thread, NULL);
	pthread_cond_destroy(&shared->wake);
	pthread_mutex_destroy(&shared->mutex);
	shared->started = false;
}
