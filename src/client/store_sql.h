/* SPDX-License-Identifier: MIT
 *
 * The library's own stores: one set of statements (sql.def) over a small driver for each database. */
#ifndef CLIENT_STORE_SQL_H
#define CLIENT_STORE_SQL_H

#include "client/pool.h"

enum sql {
#define SQL(name, text) SQL_##name,
#include "client/sql.def"
#undef SQL
	SQL_COUNT
};
extern const char *const sql_text[SQL_COUNT];

enum { SQL_PARAMETERS_MAX = 13 };

/* Columns as text; NULL: SQL's NULL. false: stop. */
typedef bool sql_row_fn(void *visitor, const char *const *columns);

struct sql_driver {
	void *context;
	/* A connection for this thread alone; NULL: the database cannot be reached. */
	void *(*acquire)(void *context);
	void  (*release)(void *context, void *session);
	/* Opens a transaction that excludes other writers of the schema. */
	enum bi18n_stored (*begin)(void *session, bool schema);
	/* NONE: it returned no row. */
	enum bi18n_stored (*run)(void *session, enum sql sql, const char *const *parameters, size_t n,
	                         sql_row_fn *visit, void *visitor);
	void  (*close)(void *context);
};

/* A store over `driver`, with its tables created or migrated. Takes the driver, also when it fails. */
enum bi18n_stored store_sql_open(const struct sql_driver *driver, const struct bi18n_allocator *alloc,
                                 struct bi18n_store *out);

/* OK, EINVAL, ENOMEM, ESTORE, EUNSUPPORTED; `why`: for the message. */
enum bi18n_code sqlite_open(const char *path, const struct bi18n_allocator *alloc, struct bi18n_store *out,
                            char why[BI18N_MESSAGE_MAX]);
enum bi18n_code postgres_open(const char *url, const struct bi18n_allocator *alloc, struct bi18n_store *out,
                              char why[BI18N_MESSAGE_MAX]);

#endif
