/* SPDX-License-Identifier: MIT
 *
 * Background work that survives the process: rows of the job table, taken by a lease (owner, epoch,
 * time). A job whose owner died is taken up again when its lease ends, so a callback must be able
 * to run twice. What a job does is a callback that wiring registers under the job's kind.
 *
 * Source of states and waiting: contract "cdn-and-cli" section 18, "platform-api"
 * sections 7.13-7.16. */
#ifndef JOBS_JOBS_H
#define JOBS_JOBS_H

#include "base/buf.h"
#include "model/model.h"
#include "store/db.h"

enum {
	JOBS_LEASE_MS = 30 * 1000,           /* renewed three times within its life */
	JOBS_ATTEMPTS_MAX = 5,               /* of a job that fails for lack of a resource */
	JOBS_RETRY_FIRST_MS = 1000,          /* doubles with each attempt */
	JOBS_WAIT_MS_MAX = 25 * 1000,        /* longest wait that a client may ask for */
	JOBS_LOG_BYTES_MAX = 16 * 1024,
};

struct jobs;

/* One run of one job, on a thread of the runner. */
struct job_run {
	struct jobs      *jobs;
	struct store     *store;
	struct arena     *arena;             /* of this run */
	const struct job *job;               /* as claimed: owner and epoch are this run's */
	void             *arg;               /* as registered */
	struct buf        log;               /* job_note */
	str               result;            /* JSON, stored with the final state */
	struct job_run   *next;              /* private */
};

/* true: the job is `completed`. false with ERR_UNAVAILABLE: tried again later, at most
 * JOBS_ATTEMPTS_MAX times; any other error: `failed`, with the text for the client as its error
 * message. */
typedef bool (*job_fn)(struct job_run *run, struct err *e);

struct jobs_config {
	struct store *store;
	unsigned      threads;               /* jobs that run at once */
	int64_t       lease_ms;              /* 0: JOBS_LEASE_MS */
	int64_t       retry_first_ms;        /* 0: JOBS_RETRY_FIRST_MS */
};

struct jobs *jobs_create(const struct jobs_config *c);
void jobs_register(struct jobs *j, const char *kind, job_fn fn, void *arg); /* before jobs_start */
/* Takes up what a killed process left and starts the threads. */
bool jobs_start(struct jobs *j, struct err *e) MUST_CHECK;
/* Lets running jobs end, answers all waiters, joins; waits asked for from now on are answered at
 * once. Twice is fine, and so is NULL. */
void jobs_stop(struct jobs *j);
/* Stops, then frees: nobody may wait or add any more. NULL is fine. */
void jobs_destroy(struct jobs *j);

struct job_new {
	str public_id, kind, input, via; /* via: api | session | local | system */
	int64_t project_id, account_id, app_id, now_ms, hold_ms;
};
/* In a write task: adds a pending job that starts after the commit (and after hold_ms). */
bool jobs_add(struct jobs *j, struct db *db, struct arena *a, const struct job_new *n,
	      struct err *e) MUST_CHECK;
/* In a write task: cancels a job that is still pending; *cancelled false: it was not. */
bool jobs_cancel(struct jobs *j, struct db *db, struct arena *a, str public_id, int64_t now_ms,
                 bool *cancelled, struct err *e) MUST_CHECK;

/* Appends one line to the job's log. */
void job_note(struct job_run *run, const char *fmt, ...) PRINTF(2, 3);
/* In a write task of the run: fails with ERR_CONFLICT when the lease has gone to another owner, so
 * that nothing of a run that was thought dead is committed; otherwise prolongs it and stores log
 * and result so far. */
bool job_hold(struct job_run *run, struct db *db, struct err *e) MUST_CHECK;

/* Calls fn(arg) once, when the job with this public id is in a final state or unknown, or at the
 * deadline (clock_mono_ms) or at shutdown, whichever is first; at once (before it returns) when
 * nothing is to be waited for. Holds no thread. fn runs on any thread and must not block. Copies
 * topic. */
void jobs_wait(struct jobs *j, str topic, int64_t deadline_ms, void (*fn)(void *arg), void *arg);

/* Answers all who wait now, as if their time were up: a graceful stop must not take as long as they
 * would. */
void jobs_release(struct jobs *j);

bool job_state_is_final(str state);

/* Runs fn in a write task of its own and waits for the commit. Never on a loop or the writer
 * thread. */
typedef bool (*jobs_write_fn)(struct db *db, void *arg, struct err *e);
bool jobs_write(struct store *s, jobs_write_fn fn, void *arg, struct err *e) MUST_CHECK;

#endif
