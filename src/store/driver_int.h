/* SPDX-License-Identifier: MIT
 *
 * What a database driver must do, and the insides of a store. Only files of this folder include it.
 * A driver knows statements and transactions; batches, hooks, pools and migrations are above it. */
#ifndef STORE_DRIVER_INT_H
#define STORE_DRIVER_INT_H

#include "store/db.h"

#include <pthread.h>
#include <stdatomic.h>

/* One row of sql.def. */
struct sql_text { const char *name, *sqlite, *postgres; };
extern const struct sql_text sql_texts[SQL_COUNT];

/* One file of migrations/, embedded at build time. Ascending, ends with version 0. */
struct migration { int64_t version; const char *name, *checksum, *text; };
extern const struct migration migrations_sqlite[], migrations_postgres[];

enum connection_kind { CONNECTION_WRITER, CONNECTION_READER };

struct hook;

/* The driver's own connection struct begins with this one. */
struct db {
	struct store      *store;
	struct db         *next;         /* free readers */
	struct write_task *task;         /* running now; writer only */
	struct hook       *newest_hook;  /* of the open batch */
	struct arena      *hooks;        /* lives as long as the batch */
	bool               writer, streaming;
	bool               writes_last;  /* the running task has promised so */
	bool               faulty;       /* a statement failed, so all of it will */
	struct err         fault;
};

struct driver {
	bool (*open)(struct store *s, struct err *e);
	void (*close)(struct store *s);
	/* prepare is separate because the first connection must migrate in between. */
	bool (*connect)(struct store *s, enum connection_kind kind, struct db **out, struct err *e);
	bool (*prepare)(struct db *db, struct err *e);
	void (*disconnect)(struct db *db);
	bool (*alive)(struct db *db);              /* the connection is up, as far as is known */
	bool (*in_transaction)(struct db *db);   /* false: the database has rolled back */

	bool (*begin)(struct db *db, struct err *e);   /* for writing, or one view to read */
	bool (*savepoint)(struct db *db, struct err *e);
	bool (*release)(struct db *db, struct err *e);
	bool (*rollback_to)(struct db *db, struct err *e);     /* and forgets the savepoint */
	bool (*commit)(struct db *db, struct err *e);
	void (*rollback)(struct db *db);
	void (*after_batch)(struct db *db);           /* answers have left: time for upkeep */

	bool (*run)(struct db *db, struct arena *a, enum sql_id id, const struct sql_arg *args,
	            size_t args_n, struct rows *out, struct err *e);
	bool (*each)(struct db *db, struct arena *a, enum sql_id id, const struct sql_arg *args,
	             size_t args_n, bool (*fn)(const struct cell *row, void *arg), void *arg,
	             struct err *e);
	/* Text that is not in sql.def: needed before there is a schema, and by tests. */
	bool (*query)(struct db *db, struct arena *a, const char *sql, const struct sql_arg *args,
	              size_t args_n, struct rows *out, struct err *e);
	bool (*script)(struct db *db, const char *sql, struct err *e);

	/* Shuts out other migrators until the transaction ends; called inside one. */
	bool (*lock_schema)(struct db *db, struct err *e);
	bool (*backup)(struct store *s, str file, struct err *e);
	bool (*check)(struct store *s, struct arena *a, struct strs *problems, struct err *e);
	const struct migration *migrations;
};
extern const struct driver sqlite_driver, postgres_driver;

struct lane {
	pthread_t          thread;
	bool               started;
	pthread_mutex_t    mutex;
	pthread_cond_t     wake;
	struct write_task *first, **last;
	size_t             waiting;          /* submitted and not yet done */
	bool               sleeping, closing;
	_Atomic bool       away;             /* no connection: refuse at once */
	_Atomic bool       ready;
	_Atomic uint64_t   commits, tasks, failed;
};

struct store {
	const struct driver *driver;
	struct arena        *arena;          /* copies of the configuration; lives with the store */
	struct store_config  config;
	int                  lock_fd;
	int64_t              schema_version;
	struct db           *writer;
	struct lane          lane;
	pthread_mutex_t      readers_mutex;
	pthread_cond_t       readers_wake;
	struct db           *readers_free;
	unsigned             readers_n, readers_missing;   /* missing: to be connected */
	void                *shared;         /* the driver's own */
};

/* Says the same to the operator and to the log: only for failures that no client sees. */
bool fault_set(struct err *e, enum err_code code, int sys, const char *fmt, ...) PRINTF(4, 5);

/* lock.c */
bool data_dir_open(const struct store_config *c, int *lock_fd_out, struct err *e) MUST_CHECK;
void data_dir_close(int lock_fd);

/* migrate.c */
bool migrate(struct store *s, const struct migration *migrations, struct err *e) MUST_CHECK;

/* lane.c */
void lane_init(struct lane *l);
bool lane_start(struct store *s, struct err *e) MUST_CHECK;
void lane_stop(struct store *s);
void lane_fini(struct lane *l);
void lane_doubt(struct store *s);        /* a reader has lost the database: go and look */

/* rows.c: results grow in the arena of the caller. */
struct row_sink { struct arena *a; struct rows *rows; struct cell *cells; size_t cap; };
void row_sink_init(struct row_sink *sink, struct arena *a, struct rows *rows, unsigned cols);
struct cell *row_sink_next(struct row_sink *sink);

#endif
