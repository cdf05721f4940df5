/* SPDX-License-Identifier: MIT
 *
 * PostgreSQL through libpq's pipeline mode. Everything is binary, and only bigint, text and bytea
 * cross the wire. */
#ifndef STORE_POSTGRES_INT_H
#define STORE_POSTGRES_INT_H

#include "store/driver_int.h"

#include <libpq-fe.h>

enum { PARAMS_MAX = 48, CONTROLS_MAX = 8 };

/* Of pg_type.h, which is not part of libpq; they never change. */
enum {
	OID_BOOL = 16, OID_BYTEA = 17, OID_NAME = 19, OID_INT8 = 20, OID_INT2 = 21, OID_INT4 = 23,
	OID_TEXT = 25, OID_JSON = 114, OID_UNKNOWN = 705, OID_VARCHAR = 1043
};

enum control {
	CONTROL_BEGIN_WRITE, CONTROL_BEGIN_READ, CONTROL_SAVEPOINT, CONTROL_RELEASE,
	CONTROL_ROLLBACK_TO, CONTROL_COMMIT, CONTROL_ROLLBACK, CONTROL_COUNT
};
extern const char *const postgres_control_texts[CONTROL_COUNT];

/* What a statement takes, learned from the server by the first connection, then constant. */
struct postgres_types { int n; Oid param[PARAMS_MAX]; };

struct postgres_shared {
	const char           *url;
	struct postgres_types types[SQL_COUNT + 1];
	bool                  learned;
};

struct postgres_db {
	struct db    base;
	PGconn      *conn;                     /* NULL: lost */
	enum control queued[CONTROLS_MAX];     /* leave together with the next statement */
	unsigned     queued_n;
	unsigned     unread;                   /* commands sent whose answers nobody has read */
	bool         in_transaction;
	bool         touched;                  /* the transaction has reached the server */
	int64_t      retry_at_ms, pause_ms;
};

/* postgres_connect.c */
bool postgres_fail(struct postgres_db *db, const PGresult *result, const char *what, struct err *e);
bool postgres_lost(struct postgres_db *db, const char *what, struct err *e);
void postgres_drop(struct postgres_db *db);
bool postgres_dial(struct postgres_db *db, struct err *e);     /* says what to repair */
bool postgres_redial(struct postgres_db *db, struct err *e);   /* with back-off; prepares */
bool postgres_prepare(struct db *base, struct err *e);
void postgres_statement_name(int id, char out[16]);

/* postgres.c: reads the answers of `commands` and of the sync after them. The result of the last
 * goes to *last (may be NULL: not wanted). On failure *e is of the first that failed. */
bool postgres_read(struct postgres_db *db, unsigned commands, const char *what, PGresult **last,
                   struct err *e);

#endif
