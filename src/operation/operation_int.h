/* SPDX-License-Identifier: MIT */
#ifndef OPERATION_OPERATION_INT_H
#define OPERATION_OPERATION_INT_H

#include <stdatomic.h>

#include "base/pool.h"
#include "operation/operation.h"
#include "store/db.h"

enum { LATENCY_BUCKETS = 10 };

/* Outcomes as a dashboard wants them: refused is the client's doing, failed is ours. */
enum outcome { OUTCOME_OK, OUTCOME_REFUSED, OUTCOME_FAILED, OUTCOME_COUNT };

struct operation_stats {
	_Atomic uint64_t outcomes[OUTCOME_COUNT];
	_Atomic uint64_t buckets[LATENCY_BUCKETS];     /* of calls that took at most latency_bounds_ns[i] */
	_Atomic uint64_t total_ns;
};

struct operation_env {
	struct operation_config config;
	struct pool            *readers, *slow;
	struct mints           *mints;
	const struct operation *rows;
	size_t                  rows_n;
	struct operation_stats *stats;                 /* one a row                                        */
	_Atomic uint64_t        audits_dropped;
};

/* What a call needs to travel to another thread; lives in the call's arena. */
struct operation_flight {
	struct operation_call *call;
	struct act             act;
	struct err             err;
	enum lane              lane;                   /* the row's, or WRITE for an INLINE call that needs the store */
	bool                   refused;                /* `err` is the answer of a committed write */
	struct write_task      write;
	struct pool_task       task;
};

struct act operation_act(const struct operation_call *c, struct db *db);

/* metrics.c */
void operation_count(struct operation_env *env, const struct operation *op, bool ok, const struct err *e, int64_t ns);

/* denied.c: notes on the write lane that a scope was missing; nobody waits for it. */
void operation_note_denied(const struct operation_call *c, const struct err *denied);

#endif
