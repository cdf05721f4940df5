/* SPDX-License-Identifier: MIT */
#ifndef STORE_SQLITE_INT_H
#define STORE_SQLITE_INT_H

#include "store/driver_int.h"

#include <sqlite3.h>

enum tx_statement {
	TX_BEGIN_WRITE, TX_BEGIN_READ, TX_SAVEPOINT, TX_RELEASE, TX_ROLLBACK_TO, TX_COMMIT,
	TX_ROLLBACK, TX_COUNT
};

/* The savepoint of the running task. It is made by the first statement that writes. */
enum guard {
	GUARD_NONE,      /* nothing to guard: the batch has no work yet, or the task is over */
	GUARD_WANTED,    /* the task has not written */
	GUARD_OPEN,
	GUARD_LEFT_OUT   /* the task has written, and promised before not to fail after that */
};

struct sqlite_db {
	struct db     base;
	enum guard    guard;
	sqlite3      *handle;
	sqlite3_stmt *statements[SQL_COUNT + 1];
	sqlite3_stmt *tx[TX_COUNT];
};

struct sqlite_shared {
	const char     *path;
	pthread_t       thread;
	bool            started;
	pthread_mutex_t mutex;
	pthread_cond_t  wake;
	bool            closing;
	_Atomic int     in_log, copied;      /* pages of the WAL; how many are in the file too */
	int             helped_at;           /* in_log when the writer last copied the rest; its own */
};

sqlite3 *sqlite_handle_open(const char *path, struct err *e);
bool sqlite_fail(sqlite3 *handle, const char *what, struct err *e);

/* sqlite_checkpoint.c */
bool sqlite_checkpoint_start(struct sqlite_shared *shared, struct err *e);
void sqlite_checkpoint_stop(struct sqlite_shared *shared);
void sqlite_checkpoint_watch(struct sqlite_shared *shared, sqlite3 *writer);
void sqlite_checkpoint_if_long(struct sqlite_shared *shared, sqlite3 *writer);

#endif
