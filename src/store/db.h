/* SPDX-License-Identifier: MIT
 *
 * The store: SQLite or PostgreSQL behind one interface. This header is for typed store files
 * (store/account.h, store/oauth.h, store/catalog.h, store/publish.h …) and for wiring; domain code
 * calls the typed functions.
 *
 * A `struct db` is one connection: a read connection borrowed from the pool, or the write
 * connection inside a savepoint of the open batch. All statements come from sql.def; opening a
 * store prepares each of them, so that a faulty one keeps the server from starting. */
#ifndef STORE_DB_H
#define STORE_DB_H

#include "base/arena.h"
#include "base/err.h"

struct db;
struct store;

/* sql.def includes sql/<noun>.def files of rows SQL(NAME, "text") and SQL2(NAME, "sqlite text",
 * "postgres text"). */
enum sql_id {
#define SQL(name, text) SQL_##name,
#define SQL2(name, sqlite, postgres) SQL_##name,
#include "store/sql.def"
#undef SQL
#undef SQL2
	SQL_COUNT
};

struct sql_arg {
	enum { SQL_ARG_NULL, SQL_ARG_I64, SQL_ARG_TEXT, SQL_ARG_BYTES } kind;
	int64_t i;
	str     s;
};
#define A_I64(v)   ((struct sql_arg){ SQL_ARG_I64, (v), STR_NONE })
#define A_TEXT(v)  ((struct sql_arg){ SQL_ARG_TEXT, 0, (v) })          /* absent -> NULL */
#define A_BYTES(p_, n_) ((struct sql_arg){ SQL_ARG_BYTES, 0, { (const char *)(p_), (n_) } })
#define A_NULL     ((struct sql_arg){ SQL_ARG_NULL, 0, STR_NONE })

struct cell { bool null; int64_t i; str s; };   /* i for integer columns, s for text and bytes */
struct rows { size_t n; unsigned cols; const struct cell *cells; int64_t changed; };
#define CELL(rows, row, col) ((rows)->cells[(size_t)(row) * (rows)->cols + (col)])

/* Runs one statement; all its rows are copied into `a`. A unique-constraint failure is
 * ERR_CONFLICT, a full disk, a lost connection or a busy database ERR_UNAVAILABLE, a NUL in a text
 * ERR_INVALID_REQUEST, the rest ERR_INTERNAL. `out` may be NULL. After a failed statement the task
 * can only fail (all of it is rolled back, whatever run answers) and the read view can only be
 * ended: later statements repeat the error. */
bool db_run(struct db *db, struct arena *a, enum sql_id id, const struct sql_arg *args,
            size_t args_n, struct rows *out, struct err *e) MUST_CHECK;
#define DB_RUN(db, a, id, out, e, ...) \
	db_run((db), (a), (id), (struct sql_arg[]){ __VA_ARGS__ }, \
	       sizeof((struct sql_arg[]){ __VA_ARGS__ }) / sizeof(struct sql_arg), (out), (e))
#define DB_RUN0(db, a, id, out, e) db_run((db), (a), (id), NULL, 0, (out), (e))

/* Calls fn(row) for each row without keeping them: for loading at start and for exports. fn returns
 * false to stop. Cells are valid during the call; fn must not use the same connection. */
bool db_each(struct db *db, struct arena *a, enum sql_id id, const struct sql_arg *args,
             size_t args_n, bool (*fn)(const struct cell *row, void *arg), void *arg,
             struct err *e) MUST_CHECK;

/* Within a write task: fn(arg) runs after the batch has committed, in order, before the task's
 * done(). Dropped when the task fails or the commit fails. */
void db_after_commit(struct db *db, void (*fn)(void *), void *arg);
/* Within a write task: fn(arg) runs if the task or the commit fails after all (undo of fail-closed
 * denials), newest first. */
void db_after_failure(struct db *db, void (*fn)(void *), void *arg);
bool db_is_writer(const struct db *db);
/* Within a write task, before its first write: from then on only the database can make it fail. The
 * task goes without a savepoint where that is dear (SQLite copies each page that one guards); if it
 * fails having written, its whole batch does (ERR_UNAVAILABLE). */
void db_writes_last(struct db *db);

/* The write lane: tasks run one after the other on the writer thread, each in a savepoint of the
 * open batch; one commit serves the batch; then done() is called on the writer thread, which is
 * registered with base/index.h. `e` of a failed commit is ERR_UNAVAILABLE. */
struct write_task {
	struct write_task *next;
	bool (*run)(struct db *db, struct write_task *t, struct err *e);   /* false: rolled back */
	/* Optional, when run returned false: runs in the same batch after the rollback (audit of a
	 * refusal). */
	void (*refused)(struct db *db, struct write_task *t, const struct err *e);
	void (*done)(struct write_task *t, bool ok, const struct err *e);    /* must not block */
	struct err err;
	struct { void *first, *last; } commit_calls;                          /* private */
	bool ok;
	unsigned weight;        /* 0 or 1 normal; bulk slices put more so that batches stay short */
};
/* Any thread. false: the queue is full, or the database is away. */
bool store_write(struct store *s, struct write_task *t) MUST_CHECK;

/* A read connection with one consistent view until the end; blocks until one is free (slow-lane
 * threads only; there is one per thread). */
bool store_read_begin(struct store *s, struct db **out, struct err *e) MUST_CHECK;
void store_read_end(struct store *s, struct db *db);

struct store_config {
	str  database;               /* absent or "sqlite": data_dir/bi18n.db; "postgres://…" */
	str  data_dir;
	unsigned readers;            /* read connections */
	size_t   queue_max;          /* waiting write tasks */
	int64_t  batch_tasks_max;    /* tasks in one commit */
	int64_t  batch_ms_max;
	bool     create;             /* make a new store when there is none */
	bool     alone;              /* no other process: ERR_CONFLICT while one has it open */
};
/* Takes the lock of the data directory (flock; ERR_CONFLICT says which process holds it), opens,
 * migrates, prepares every statement, starts the writer. e->say is for the operator and names
 * paths. */
bool store_open(const struct store_config *c, struct store **out, struct err *e) MUST_CHECK;
void store_close(struct store *s);           /* finishes queued writes */
bool store_is_postgres(const struct store *s);
bool store_ready(struct store *s);      /* cheap: the last write worked, the connection is up */
int64_t store_schema_version(struct store *s);
struct store_stats { uint64_t commits, tasks, failed, queue; };
void store_stats(struct store *s, struct store_stats *out);

/* Online backup into a new file (SQLite; PostgreSQL: refused with advice to use pg_dump). */
bool store_backup(struct store *s, str file, struct err *e) MUST_CHECK;
/* PRAGMA integrity_check / foreign keys; adds found problems as text. */
bool store_check(struct store *s, struct arena *a, struct strs *problems, struct err *e) MUST_CHECK;

#endif
