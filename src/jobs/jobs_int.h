/* SPDX-License-Identifier: MIT
 *
 * The insides of the runner. Only files of this folder include it. */
#ifndef JOBS_JOBS_INT_H
#define JOBS_JOBS_INT_H

#include "jobs/jobs.h"

#include <pthread.h>

enum { JOBS_KINDS_MAX = 8, JOBS_THREADS_MAX = 16, JOBS_OWNER_BYTES = 48 };

struct job_kind { str name; job_fn fn; void *arg; };

struct waiter {
	struct waiter *next;
	int64_t        deadline_ms;
	void         (*fn)(void *arg);
	void          *arg;
	str            topic;            /* stored behind the struct */
};

struct open_job { struct open_job *next; str public_id; };

/* Who waits for what, and which jobs are not finished as far as this process knows. */
struct hub {
	pthread_mutex_t  mutex;
	pthread_cond_t   wake;           /* of the watcher, on the monotonic clock */
	struct waiter   *waiters;
	struct open_job *open;
	bool             closing;
};

struct jobs {
	struct store    *store;
	int64_t          lease_ms, retry_first_ms;
	unsigned         threads_n, started_n;
	bool             watching, remote;        /* remote: other nodes finish jobs too */
	char             owner[JOBS_OWNER_BYTES];
	struct job_kind  kinds[JOBS_KINDS_MAX];
	size_t           kinds_n;
	pthread_t        threads[JOBS_THREADS_MAX], watcher;
	struct hub       hub;

	pthread_mutex_t  mutex;          /* of what follows */
	pthread_cond_t   wake;
	uint64_t         news;           /* grows when a job may have become due */
	bool             closing;
	struct job_run  *running;
};

void hub_init(struct hub *h);
void hub_fini(struct hub *h);
void hub_opened(struct hub *h, str public_id);
void hub_closed(struct hub *h, str public_id);          /* answers its waiters */
/* Answers waiters whose time is up; next deadline, or 0. all: everybody. */
int64_t hub_expire(struct hub *h, int64_t now_ms, bool all);
/* Topics that are waited for, into `a`. */
struct strs hub_topics(struct hub *h, struct arena *a);
void hub_wait_news(struct hub *h, int64_t until_ms);    /* monotonic */

void jobs_wake(struct jobs *j);
void *runner_main(void *jobs);
void *watcher_main(void *jobs);

#endif
