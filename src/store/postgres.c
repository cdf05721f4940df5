/* SPDX-License-Identifier: MIT
 *
 * Savepoints, releases and the beginning of a transaction wait in a short queue and leave together
 * with the next statement, so that a task costs one round trip a statement and a batch one more for
 * its commit. */
#include "store/postgres_int.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Any two numbers that no other program is likely to lock by. */
static const char schema_lock[] = "SELECT CAST(pg_advisory_xact_lock(1651062894, 1) AS TEXT)";
static const char migration_setup[] = "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0";
static const char invalid_indexes[] =
	"SELECT CAST(i.indexrelid::regclass AS TEXT) FROM pg_index i"
	" JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace"
	" WHERE NOT i.indisvalid AND n.nspname = current_schema()";

/* One statement on its way: from sql.def (sql NULL) or a text with the types of its arguments. */
struct request {
	const char *what, *sql;
	int         id, n;
	Oid         type[PARAMS_MAX];
	const char *value[PARAMS_MAX];
	int         length[PARAMS_MAX], format[PARAMS_MAX];
	int64_t     big_endian[PARAMS_MAX];
};

static struct postgres_db *self(struct db *db)
{
	return (struct postgres_db *)db;
}

/* Reading answers ------------------------------------------------------------------------------ */

static bool read_command(struct postgres_db *db, const char *what, PGresult **out, struct err *e)
{
	PGresult *result = PQgetResult(db->conn), *rest;
	ExecStatusType status = PQresultStatus(result);
	bool ok = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;

	if (status == PGRES_PIPELINE_ABORTED)
		err_log(e, ERR_INTERNAL, 0, "%s: not run, an earlier command had failed", what);
	else if (!ok)
		postgres_fail(db, result, what, e);
	if (!ok) {
		PQclear(result);
		result = NULL;
	}
	while (db->conn != NULL && (rest = PQgetResult(db->conn)) != NULL)
		PQclear(rest);
	*out = result;
	return ok;
}

/* Anything else than the sync means that we no longer know which answer is whose. */
static bool read_sync(struct postgres_db *db, const char *what, struct err *e)
{
	PGresult *result = PQgetResult(db->conn);
	bool ok = PQresultStatus(result) == PGRES_PIPELINE_SYNC;

	PQclear(result);
	return ok || postgres_lost(db, what, e);
}

bool postgres_read(struct postgres_db *db, unsigned commands, const char *what, PGresult **last,
                   struct err *e)
{
	PGresult *result = NULL;
	struct err later;
	bool ok = true;

	for (unsigned i = 0; i < commands; i++) {
		PQclear(result);
		if (!read_command(db, what, &result, ok ? e : &later))
			ok = false;
		if (db->conn == NULL) {
			PQclear(result);
			return false;
		}
	}
	ok = read_sync(db, what, ok ? e : &later) && ok;
	if (ok && last != NULL)
		*last = result;
	else
		PQclear(result);
	return ok;
}

/* Sending -------------------------------------------------------------------------------------- */

static bool send_control(struct postgres_db *db, enum control c)
{
	char name[16];

	postgres_statement_name(SQL_COUNT + (int)c, name);
	return PQsendQueryPrepared(db->conn, name, 0, NULL, NULL, NULL, 1) == 1;
}

static bool send_request(struct postgres_db *db, const struct request *q)
{
	char name[16];

	if (q->sql != NULL)
		return PQsendQueryParams(db->conn, q->sql, q->n, q->type, q->value, q->length,
		                         q->format, 1) == 1;
	postgres_statement_name(q->id, name);
	return PQsendQueryPrepared(db->conn, name, q->n, q->value, q->length, q->format, 1) == 1;
}

/* The queue, the request (may be NULL) and a sync. *e only when the connection is lost. */
static bool send_segment(struct postgres_db *db, const struct request *q, unsigned *commands_out,
                         struct err *e)
{
	const char *what = q != NULL ? q->what : "transaction";

	for (unsigned i = 0; i < db->queued_n; i++)
		if (!send_control(db, db->queued[i]))
			return postgres_lost(db, what, e);
	if ((q != NULL && !send_request(db, q)) || PQpipelineSync(db->conn) != 1)
		return postgres_lost(db, what, e);
	*commands_out = db->queued_n + (q != NULL ? 1 : 0);
	db->queued_n = 0;
	return true;
}

static bool exchange_once(struct postgres_db *db, const struct request *q, PGresult **out,
                          struct err *e)
{
	const char *what = q != NULL ? q->what : "transaction";
	unsigned commands = 0, unread = db->unread;
	struct err ignored;

	if (!send_segment(db, q, &commands, e))
		return false;
	db->unread = 0;
	if (unread > 0 && !postgres_read(db, unread, what, NULL, &ignored) && db->conn == NULL) {
		*e = ignored;
		return false;
	}
	db->touched = true;
	return postgres_read(db, commands, what, out, e);
}

/* A connection that broke while idle shows at the first statement of a transaction. Nothing can
 * have happened yet, so it is made anew and the statement sent again. */
static bool exchange(struct postgres_db *db, const struct request *q, PGresult **out, struct err *e)
{
	bool fresh = db->in_transaction && !db->touched;
	enum control queued[CONTROLS_MAX];
	unsigned queued_n = db->queued_n;

	if (db->conn == NULL)
		return err_log(e, ERR_UNAVAILABLE, 0, "no connection to the database");
	memcpy(queued, db->queued, sizeof(queued));
	if (exchange_once(db, q, out, e))
		return true;
	if (!fresh || db->conn != NULL || !postgres_redial(db, e))
		return false;
	memcpy(db->queued, queued, sizeof(queued));
	db->queued_n = queued_n;
	db->in_transaction = true;
	return exchange_once(db, q, out, e);
}

static bool enqueue(struct postgres_db *db, enum control c, struct err *e)
{
	if (db->queued_n == CONTROLS_MAX && !exchange(db, NULL, NULL, e))
		return false;
	db->queued[db->queued_n++] = c;
	return true;
}

/* Statements ----------------------------------------------------------------------------------- */

static bool encode_one(struct request *q, int i, const struct sql_arg *arg, struct err *e)
{
	static const struct { Oid oid; const char *name; } wanted[] = {
		[SQL_ARG_I64] = { OID_INT8, "a bigint" },
		[SQL_ARG_TEXT] = { OID_TEXT, "text" },
		[SQL_ARG_BYTES] = { OID_BYTEA, "bytea" },
	};

	q->format[i] = 1;
	q->value[i] = NULL;
	q->length[i] = 0;
	if (arg->kind == SQL_ARG_NULL)
		return true;
	if (wanted[arg->kind].oid != q->type[i])
		return err_log(e, ERR_INTERNAL, 0, "%s: parameter %d is not %s", q->what, i + 1,
		               wanted[arg->kind].name);
	if (arg->kind == SQL_ARG_I64) {
		q->big_endian[i] = (int64_t)htobe64((uint64_t)arg->i);
		q->value[i] = (const char *)&q->big_endian[i];
		q->length[i] = sizeof(int64_t);
		return true;
	}
	if (arg->s.n > INT32_MAX)
		return err_log(e, ERR_PAYLOAD_TOO_LARGE, 0, "%s: parameter %d is too long", q->what,
		               i + 1);
	q->value[i] = arg->s.p;
	q->length[i] = (int)arg->s.n;
	return true;
}

static bool encode(struct request *q, const struct sql_arg *args, size_t args_n, struct err *e)
{
	if (args_n != (size_t)q->n)
		return err_log(e, ERR_INTERNAL, 0, "%s: takes %d parameters, got %zu", q->what,
		               q->n, args_n);
	for (int i = 0; i < q->n; i++)
		if (!encode_one(q, i, &args[i], e))
			return false;
	return true;
}

static bool encode_known(struct postgres_db *db, enum sql_id id, const struct sql_arg *args,
                         size_t args_n, struct request *q, struct err *e)
{
	const struct postgres_shared *shared = db->base.store->shared;
	const struct postgres_types *types = &shared->types[id];

	q->what = sql_texts[id].name;
	q->sql = NULL;
	q->id = (int)id;
	q->n = types->n;
	memcpy(q->type, types->param, sizeof(Oid) * (size_t)types->n);
	return encode(q, args, args_n, e);
}

static int64_t integer_of(const char *p, int bytes)
{
	uint64_t v = 0;

	for (int i = 0; i < bytes; i++)
		v = v << 8 | (uint8_t)p[i];
	switch (bytes) {
	case 4:
		return (int32_t)(uint32_t)v;
	case 2:
		return (int16_t)(uint16_t)v;
	default:
		return (int64_t)v;
	}
}

/* Borrowed from the result. */
static void cell_read(const PGresult *result, int row, int col, struct cell *out)
{
	const char *p = PQgetvalue(result, row, col);
	int n = PQgetlength(result, row, col);

	*out = (struct cell){ 0 };
	if (PQgetisnull(result, row, col)) {
		out->null = true;
		return;
	}
	switch (PQftype(result, col)) {
	case OID_BOOL:
	case OID_INT2:
	case OID_INT4:
	case OID_INT8:
		out->i = integer_of(p, n);
		break;
	default:
		out->s = (str){ p, (size_t)n };
		break;
	}
}

static int64_t changed_by(PGresult *result)
{
	int64_t n;

	if (strncmp(PQcmdStatus(result), "SELECT", 6) == 0 ||
	    !str_i64(str_from(PQcmdTuples(result)), 0, INT64_MAX, &n))
		return 0;
	return n;
}

static void take_rows(struct arena *a, PGresult *result, struct rows *out)
{
	struct row_sink sink;

	row_sink_init(&sink, a, out, (unsigned)PQnfields(result));
	for (int row = 0; row < PQntuples(result); row++) {
		struct cell *cells = row_sink_next(&sink);

		for (unsigned col = 0; col < out->cols; col++) {
			cell_read(result, row, (int)col, &cells[col]);
			cells[col].s = arena_str(a, cells[col].s);
		}
	}
	out->changed = changed_by(result);
}

static bool run_request(struct postgres_db *db, struct arena *a, const struct request *q,
                        struct rows *out, struct err *e)
{
	PGresult *result = NULL;

	if (!exchange(db, q, &result, e))
		return false;
	take_rows(a, result, out);
	PQclear(result);
	return true;
}

static bool postgres_run(struct db *base, struct arena *a, enum sql_id id,
                         const struct sql_arg *args, size_t args_n, struct rows *out, struct err *e)
{
	struct request q;

	return encode_known(self(base), id, args, args_n, &q, e) &&
	       run_request(self(base), a, &q, out, e);
}

/* One row. false: the end, or *failed with *e. */
static bool next_row(struct postgres_db *db, const struct request *q, PGresult **out, bool *failed,
                     struct err *e)
{
	PGresult *result = PQgetResult(db->conn);

	switch (PQresultStatus(result)) {
	case PGRES_SINGLE_TUPLE:
		*out = result;
		return true;
	case PGRES_TUPLES_OK:
		break;
	default:
		*failed = true;
		postgres_fail(db, result, q->what, e);
	}
	PQclear(result);
	return false;
}

static bool stream(struct postgres_db *db, struct arena *a, const struct request *q,
                   bool (*fn)(const struct cell *, void *), void *arg, struct err *e)
{
	struct cell *cells = NULL;
	bool wanted = true, failed = false;
	PGresult *result;
	struct err later;

	while (next_row(db, q, &result, &failed, e)) {
		int cols = PQnfields(result);

		if (cells == NULL)
			cells = arena_array(a, struct cell, (size_t)cols);
		for (int col = 0; wanted && col < cols; col++)
			cell_read(result, 0, col, &cells[col]);
		/* What comes after the last wanted row must be read all the same. */
		wanted = wanted && fn(cells, arg);
		PQclear(result);
	}
	if (db->conn == NULL)
		return false;
	while ((result = PQgetResult(db->conn)) != NULL &&
	       PQresultStatus(result) != PGRES_PIPELINE_SYNC)
		PQclear(result);
	PQclear(result);
	return read_sync(db, q->what, failed ? &later : e) && !failed;
}

static bool postgres_each(struct db *base, struct arena *a, enum sql_id id,
                          const struct sql_arg *args, size_t args_n,
                          bool (*fn)(const struct cell *, void *), void *arg, struct err *e)
{
	struct postgres_db *db = self(base);
	struct request *q = arena_new(a, struct request);
	unsigned commands;

	/* Single-row mode is for the next answer, so nothing may be before it. */
	if (!encode_known(db, id, args, args_n, q, e) || !exchange(db, NULL, NULL, e) ||
	    !send_segment(db, q, &commands, e))
		return false;
	if (PQsetSingleRowMode(db->conn) != 1)
		return postgres_lost(db, q->what, e);
	return stream(db, a, q, fn, arg, e);
}

static bool postgres_query(struct db *base, struct arena *a, const char *sql,
                           const struct sql_arg *args, size_t args_n, struct rows *out,
                           struct err *e)
{
	static const Oid types[] = {
		[SQL_ARG_I64] = OID_INT8, [SQL_ARG_TEXT] = OID_TEXT, [SQL_ARG_BYTES] = OID_BYTEA
	};
	struct request q = { .what = "query", .sql = sql, .n = (int)args_n };

	if (args_n > PARAMS_MAX)
		return err_log(e, ERR_INTERNAL, 0, "query: more than %d parameters", PARAMS_MAX);
	for (size_t i = 0; i < args_n; i++)
		q.type[i] = args[i].kind == SQL_ARG_NULL ? 0 : types[args[i].kind];
	return encode(&q, args, args_n, e) && run_request(self(base), a, &q, out, e);
}

/* Several commands in one text are only for the simple protocol, outside the pipeline. */
static bool postgres_script(struct db *base, const char *sql, struct err *e)
{
	struct postgres_db *db = self(base);
	PGresult *result;
	ExecStatusType status;
	bool ok;

	if (!exchange(db, NULL, NULL, e))
		return false;
	if (PQexitPipelineMode(db->conn) != 1)
		return postgres_lost(db, "script", e);
	result = PQexec(db->conn, sql);
	status = PQresultStatus(result);
	ok = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ||
	     postgres_fail(db, result, "script", e);
	PQclear(result);
	if (db->conn != NULL && PQenterPipelineMode(db->conn) != 1)
		return postgres_lost(db, "script", e);
	return ok;
}

/* Transactions --------------------------------------------------------------------------------- */

static bool postgres_begin(struct db *base, struct err *e)
{
	struct postgres_db *db = self(base);

	if (db->conn == NULL && !postgres_redial(db, e))
		return false;
	db->queued[0] = base->writer ? CONTROL_BEGIN_WRITE : CONTROL_BEGIN_READ;
	db->queued_n = 1;
	db->in_transaction = true;
	db->touched = false;
	return true;
}

/* A savepoint that has not left yet guards nothing. */
static bool take_back_savepoint(struct postgres_db *db)
{
	if (db->queued_n == 0 || db->queued[db->queued_n - 1] != CONTROL_SAVEPOINT)
		return false;
	db->queued_n--;
	return true;
}

static bool postgres_savepoint(struct db *db, struct err *e)
{
	return enqueue(self(db), CONTROL_SAVEPOINT, e);
}

static bool postgres_release(struct db *db, struct err *e)
{
	return take_back_savepoint(self(db)) || enqueue(self(db), CONTROL_RELEASE, e);
}

static bool postgres_rollback_to(struct db *db, struct err *e)
{
	return take_back_savepoint(self(db)) ||
	       (enqueue(self(db), CONTROL_ROLLBACK_TO, e) && enqueue(self(db), CONTROL_RELEASE, e));
}

static bool end_unread(struct postgres_db *db, struct err *e)
{
	unsigned commands;

	if (!enqueue(db, CONTROL_COMMIT, e) || !send_segment(db, NULL, &commands, e))
		return false;
	db->unread = commands;
	return true;
}

/* The answer to COMMIT of a transaction that had failed is a cheerful "ROLLBACK". */
static bool end_confirmed(struct postgres_db *db, struct err *e)
{
	PGresult *result = NULL;
	bool ok;

	if (!enqueue(db, CONTROL_COMMIT, e) || !exchange(db, NULL, &result, e))
		return false;
	ok = strcmp(PQcmdStatus(result), "COMMIT") == 0;
	PQclear(result);
	return ok || err_log(e, ERR_UNAVAILABLE, 0, "the database rolled the transaction back");
}

static bool postgres_commit(struct db *base, struct err *e)
{
	struct postgres_db *db = self(base);
	bool ok = true;

	if (!db->touched)
		db->queued_n = 0;
	else if (base->writer)
		ok = end_confirmed(db, e);
	else
		ok = end_unread(db, e);
	if (ok)
		db->in_transaction = db->touched = false;
	return ok;
}

static void postgres_rollback(struct db *base)
{
	struct postgres_db *db = self(base);
	struct err ignored;

	db->queued_n = 0;
	if (db->conn != NULL && db->touched) {
		db->queued[db->queued_n++] = CONTROL_ROLLBACK;
		if (!exchange(db, NULL, NULL, &ignored) && db->conn != NULL)
			postgres_drop(db);
	}
	db->in_transaction = db->touched = false;
}

static bool postgres_in_transaction(struct db *db)
{
	return self(db)->in_transaction;
}

static bool postgres_alive(struct db *db)
{
	return self(db)->conn != NULL;
}

static void postgres_after_batch(struct db *db)
{
	(void)db;
}

/* Connections and whole-store acts ------------------------------------------------------------- */

static void postgres_disconnect(struct db *base)
{
	if (base == NULL)
		return;
	postgres_drop(self(base));
	free(base);
}

static bool postgres_connect(struct store *s, enum connection_kind kind, struct db **out,
                             struct err *e)
{
	struct postgres_db *db = calloc(1, sizeof(*db));

	if (db == NULL)
		return err_log(e, ERR_UNAVAILABLE, ENOMEM, "no memory for a connection");
	db->base.store = s;
	db->base.writer = kind == CONNECTION_WRITER;
	if (!postgres_dial(db, e)) {
		free(db);
		return false;
	}
	*out = &db->base;
	return true;
}

static bool postgres_open(struct store *s, struct err *e)
{
	struct postgres_shared *shared = arena_new(s->arena, struct postgres_shared);

	(void)e;
	shared->url = arena_cstr(s->arena, s->config.database);
	s->shared = shared;
	return true;
}

static void postgres_close(struct store *s)
{
	(void)s;
}

static bool postgres_lock_schema(struct db *db, struct err *e)
{
	struct arena *a = arena_create(1 * KIB);
	struct rows none;
	bool ok = postgres_query(db, a, schema_lock, NULL, 0, &none, e) &&
	          postgres_script(db, migration_setup, e);

	arena_destroy(a);
	return ok;
}

static bool postgres_backup(struct store *s, str file, struct err *e)
{
	(void)s;
	(void)file;
	return fault_set(e, ERR_NOT_IMPLEMENTED, 0,
	                 "the store is in PostgreSQL: save it with pg_dump");
}

static bool postgres_check(struct store *s, struct arena *a, struct strs *problems, struct err *e)
{
	struct db *db = NULL;
	struct rows indexes;
	str *found;
	bool ok;

	if (!postgres_connect(s, CONNECTION_READER, &db, e))
		return false;
	ok = postgres_query(db, a, invalid_indexes, NULL, 0, &indexes, e);
	postgres_disconnect(db);
	if (!ok)
		return false;
	found = arena_array(a, str, problems->n + indexes.n);
	for (size_t i = 0; i < problems->n; i++)
		found[i] = problems->v[i];
	for (size_t i = 0; i < indexes.n; i++)
		found[problems->n++] = arena_printf(a, "index " FMT_STR " is not valid",
		                                    ARG_STR(CELL(&indexes, i, 0).s));
	problems->v = found;
	problems->present = true;
	return true;
}

const struct driver postgres_driver = {
	.open = postgres_open,
	.close = postgres_close,
	.connect = postgres_connect,
	.prepare = postgres_prepare,
	.disconnect = postgres_disconnect,
	.alive = postgres_alive,
	.in_transaction = postgres_in_transaction,
	.begin = postgres_begin,
	.savepoint = postgres_savepoint,
	.release = postgres_release,
	.rollback_to = postgres_rollback_to,
	.commit = postgres_commit,
	.rollback = postgres_rollback,
	.after_batch = postgres_after_batch,
	.run = postgres_run,
	.each = postgres_each,
	.query = postgres_query,
	.script = postgres_script,
	.lock_schema = postgres_lock_schema,
	.backup = postgres_backup,
	.check = postgres_check,
	.migrations = migrations_postgres,
};
