/* SPDX-License-Identifier: MIT
 *
 * Stores for unit tests: a fresh one on each database. PostgreSQL takes part when
 * BI18N_TEST_POSTGRES holds the URL of a database; each store gets a schema of its own there. With
 * BI18N_TEST_STORES=postgres the embedded store rests (its cases are skipped): it had its turn. Add
 * store/fixture.c to the tests of a folder. */
#ifndef STORE_FIXTURE_H
#define STORE_FIXTURE_H

#include "store/db.h"

struct fixture {
	struct store       *store;
	struct arena       *arena;
	struct store_config config;     /* change, then fixture_reopen                */
	char                dir[128];   /* data directory, removed at the end         */
	char                url[1024];  /* "": the embedded store                     */
	struct db          *reader;     /* of fixture_read                            */
	char                schema[64];
};

/* Runs fn on each database that is there. */
void fixture_each(void (*fn)(struct fixture *f));
/* On the embedded store alone, or on PostgreSQL alone; skipped when that one takes no part. */
void fixture_embedded(void (*fn)(struct fixture *f));
void fixture_postgres(void (*fn)(struct fixture *f));
/* First one on the embedded store, then the other on PostgreSQL: what must be equal. Skipped without
 * PostgreSQL. */
void fixture_compare(void (*embedded)(struct fixture *f), void (*postgres)(struct fixture *f));
void fixture_reopen(struct fixture *f);

/* Runs fn as one write task and waits; the result is that of the task after its commit. */
bool fixture_write(struct fixture *f,
                   bool (*fn)(struct db *db, struct arena *a, void *arg, struct err *e), void *arg,
                   struct err *e);
/* The read connection, opened when needed. fixture_read_end closes the view (also done by
 * fixture_write). */
struct db *fixture_read(struct fixture *f);
void fixture_read_end(struct fixture *f);

#endif
