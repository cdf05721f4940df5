/* SPDX-License-Identifier: MIT */
#include "store/postgres_int.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SERVER_VERSION_MIN = 120000, RETRY_MS_FIRST = 100, RETRY_MS_MAX = 5000 };

const char *const postgres_control_texts[CONTROL_COUNT] = {
	[CONTROL_BEGIN_WRITE] = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
	[CONTROL_BEGIN_READ]  = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
	[CONTROL_SAVEPOINT]   = "SAVEPOINT task",
	[CONTROL_RELEASE]     = "RELEASE SAVEPOINT task",
	[CONTROL_ROLLBACK_TO] = "ROLLBACK TO SAVEPOINT task",
	[CONTROL_COMMIT]      = "COMMIT",
	[CONTROL_ROLLBACK]    = "ROLLBACK",
};

/* An administrator who turned durability off has not asked bi18n's clients. Readers may stream for
 * long. */
static const char session_setup[] =
	"SET client_min_messages = warning;"
	"SET bytea_output = hex;"
	"SET lock_timeout = '10s';"
	"SET idle_in_transaction_session_timeout = '60s';"
	"SELECT set_config('synchronous_commit', 'on', false)"
	" WHERE current_setting('synchronous_commit') = 'off'";
static const char writer_setup[] = "SET statement_timeout = '30s'";
static const char reader_setup[] = "SET statement_timeout = '300s'";

void postgres_statement_name(int id, char out[16])
{
	snprintf(out, 16, "q%d", id);
}

/* Errors --------------------------------------------------------------------------------------- */

static const struct { const char *state; enum err_code code; } states[] = {
	/* by the whole SQLSTATE, then by its class; PostgreSQL manual, appendix A */
	{ "23505", ERR_CONFLICT },          /* unique_violation               */
	{ "22021", ERR_INVALID_REQUEST },   /* character_not_in_repertoire    */
	{ "25006", ERR_UNAVAILABLE },       /* read_only_sql_transaction: a standby */
	{ "55P03", ERR_UNAVAILABLE },       /* lock_not_available             */
	{ "08", ERR_UNAVAILABLE },          /* connection                     */
	{ "40", ERR_UNAVAILABLE },          /* deadlock, serialization        */
	{ "53", ERR_UNAVAILABLE },          /* disk full, too many connections */
	{ "54", ERR_PAYLOAD_TOO_LARGE },    /* limits of the program          */
	{ "57", ERR_UNAVAILABLE },          /* shutdown, cancelled, timed out */
	{ "58", ERR_UNAVAILABLE },          /* I/O                            */
};

static enum err_code code_of(const char *state)
{
	for (size_t i = 0; i < COUNT(states); i++)
		if (strncmp(state, states[i].state, strlen(states[i].state)) == 0)
			return states[i].code;
	return ERR_INTERNAL;
}

void postgres_drop(struct postgres_db *db)
{
	PQfinish(db->conn);
	db->conn = NULL;
	db->in_transaction = db->touched = false;
	db->queued_n = db->unread = 0;
}

bool postgres_lost(struct postgres_db *db, const char *what, struct err *e)
{
	err_log(e, ERR_UNAVAILABLE, 0, "%s: connection lost: %.100s", what,
	        PQerrorMessage(db->conn));
	postgres_drop(db);
	return false;
}

bool postgres_fail(struct postgres_db *db, const PGresult *result, const char *what, struct err *e)
{
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

	if (PQstatus(db->conn) != CONNECTION_OK || state == NULL)
		return postgres_lost(db, what, e);
	return err_log(e, code_of(state), 0, "%s: %s %s", what, state, text != NULL ? text : "");
}

/* Dial ----------------------------------------------------------------------------------------- */

static bool url_is_sane(const char *url, struct err *e)
{
	PQconninfoOption *options = PQconninfoParse(url, NULL);

	/* libpq's own text would repeat the URL, password and all. */
	if (options == NULL)
		return fault_set(e, ERR_INVALID_REQUEST, 0,
		                 "the database address is not a valid postgres:// URL");
	PQconninfoFree(options);
	return true;
}

static bool server_is_fit(PGconn *conn, struct err *e)
{
	const char *encoding = PQparameterStatus(conn, "server_encoding");

	if (PQserverVersion(conn) < SERVER_VERSION_MIN)
		return fault_set(e, ERR_UNAVAILABLE, 0,
		                 "PostgreSQL %d is too old: 12 or newer is needed",
		                 PQserverVersion(conn) / 10000);
	if (encoding == NULL || strcmp(encoding, "UTF8") != 0)
		return fault_set(e, ERR_UNAVAILABLE, 0,
		                 "the database must have encoding UTF8, it has %s",
		                 encoding == NULL ? "an unknown one" : encoding);
	return true;
}

static bool setup(struct postgres_db *db, const char *text, struct err *e)
{
	PGresult *result = PQexec(db->conn, text);
	ExecStatusType status = PQresultStatus(result);
	bool ok = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;

	if (!ok)
		fault_set(e, ERR_UNAVAILABLE, 0, "cannot set up the database session: %.120s",
		          PQresultErrorMessage(result));
	PQclear(result);
	return ok;
}

/* Every process that writes holds this lock in common, as long as its connection lasts; who must be
 * alone holds it alone. The embedded store has its lock file instead. */
static bool claim(struct postgres_db *db, struct err *e)
{
	static const char *const locks[] = {
		"SELECT pg_try_advisory_lock_shared(hashtext('bi18n in use'),"
		" hashtext(coalesce(current_schema(), '')))",
		"SELECT pg_try_advisory_lock(hashtext('bi18n in use'),"
		" hashtext(coalesce(current_schema(), '')))",
	};
	bool alone = db->base.store->config.alone, granted;
	PGresult *result = PQexec(db->conn, locks[alone]);

	granted = PQresultStatus(result) == PGRES_TUPLES_OK &&
		  strcmp(PQgetvalue(result, 0, 0), "t") == 0;
	PQclear(result);
	if (granted)
		return true;
	return fault_set(e, alone ? ERR_CONFLICT : ERR_UNAVAILABLE, 0,
	                 alone ? "another bi18n uses this database; stop it first"
			       : "a bi18n that must be alone uses this database");
}

static void ignore_notice(void *arg, const PGresult *result)
{
	(void)arg;
	(void)result;
}

/* What stands before dbname may be overridden in the URL, what stands behind it may not. */
static PGconn *connect_to(const char *url)
{
	static const char *const keys[] = {
		"connect_timeout",           "keepalives_idle",
		"keepalives_interval",       "keepalives_count",
		"tcp_user_timeout",          "target_session_attrs",
		"fallback_application_name", "dbname",
		"client_encoding",           NULL,
	};
	const char *const values[] = { "5",          "30",    "10", "3",    "30000",
		                       "read-write", "bi18n", url,  "UTF8", NULL };
	PGconn *conn = PQconnectdbParams(keys, values, 1);

	if (conn != NULL)
		PQsetNoticeReceiver(conn, ignore_notice, NULL);
	return conn;
}

/* Needed before there is a schema, so apart from the statements. */
static bool prepare_controls(struct postgres_db *db, struct err *e)
{
	char name[16];

	for (int i = 0; i < CONTROL_COUNT; i++) {
		postgres_statement_name(SQL_COUNT + i, name);
		if (!PQsendPrepare(db->conn, name, postgres_control_texts[i], 0, NULL))
			return postgres_lost(db, postgres_control_texts[i], e);
	}
	if (!PQpipelineSync(db->conn))
		return postgres_lost(db, "prepare", e);
	return postgres_read(db, CONTROL_COUNT, "prepare", NULL, e);
}

bool postgres_dial(struct postgres_db *db, struct err *e)
{
	const struct postgres_shared *shared = db->base.store->shared;
	bool ok;

	if (!url_is_sane(shared->url, e))
		return false;
	db->conn = connect_to(shared->url);
	ok = PQstatus(db->conn) == CONNECTION_OK;
	if (!ok)
		fault_set(e, ERR_UNAVAILABLE, 0, "cannot connect to the database: %.140s",
		          PQerrorMessage(db->conn));
	ok = ok && server_is_fit(db->conn, e) && setup(db, session_setup, e) &&
	     setup(db, db->base.writer ? writer_setup : reader_setup, e) &&
	     (!db->base.writer || claim(db, e));
	if (ok && PQenterPipelineMode(db->conn) != 1)
		ok = err_log(e, ERR_INTERNAL, 0, "pipeline mode: %.100s", PQerrorMessage(db->conn));
	ok = ok && prepare_controls(db, e);
	if (!ok)
		postgres_drop(db);
	return ok;
}

bool postgres_redial(struct postgres_db *db, struct err *e)
{
	int64_t now_ms = clock_mono_ms();

	if (now_ms < db->retry_at_ms)
		return err_log(e, ERR_UNAVAILABLE, 0,
		               "no connection to the database; next attempt in %lld ms",
		               (long long)(db->retry_at_ms - now_ms));
	if (postgres_dial(db, e)) {
		if (postgres_prepare(&db->base, e)) {
			db->pause_ms = db->retry_at_ms = 0;
			return true;
		}
		postgres_drop(db);
	}
	db->pause_ms = db->pause_ms == 0 ? RETRY_MS_FIRST : db->pause_ms * 2;
	if (db->pause_ms > RETRY_MS_MAX)
		db->pause_ms = RETRY_MS_MAX;
	db->retry_at_ms = clock_mono_ms() + db->pause_ms;
	e->code = ERR_UNAVAILABLE;
	e->retry_after_s = 1;
	return false;
}

/* Prepare -------------------------------------------------------------------------------------- */

/* An int4 that the server inferred from a literal becomes a bigint, and so on: the caller knows
 * three types. */
static bool parameter_type(const PGresult *described, int i, Oid *out)
{
	switch (PQparamtype(described, i)) {
	case OID_INT2:
	case OID_INT4:
	case OID_INT8:
		*out = OID_INT8;
		return true;
	case OID_TEXT:
	case OID_VARCHAR:
	case OID_JSON:           /* CAST($1 AS JSON): the same from text */
	case OID_UNKNOWN:
		*out = OID_TEXT;
		return true;
	case OID_BYTEA:
		*out = OID_BYTEA;
		return true;
	default:
		return false;
	}
}

static bool column_is_readable(const PGresult *described, int col)
{
	switch (PQftype(described, col)) {
	case OID_BOOL:
	case OID_INT2:
	case OID_INT4:
	case OID_INT8:
	case OID_TEXT:
	case OID_VARCHAR:
	case OID_NAME:
	case OID_UNKNOWN:
	case OID_BYTEA:
		return true;
	default:
		return false;
	}
}

static bool learn(const PGresult *described, const char *name, struct postgres_types *out,
                  struct err *e)
{
	out->n = PQnparams(described);
	if (out->n > PARAMS_MAX)
		return err_log(e, ERR_INTERNAL, 0, "%s: more than %d parameters", name, PARAMS_MAX);
	for (int i = 0; i < out->n; i++)
		if (!parameter_type(described, i, &out->param[i]))
			return err_log(e, ERR_INTERNAL, 0,
			               "%s: parameter %d is neither bigint, text nor bytea", name,
			               i + 1);
	for (int col = 0; col < PQnfields(described); col++)
		if (!column_is_readable(described, col))
			return err_log(e, ERR_INTERNAL, 0,
			               "%s: column %d is neither bigint, text nor bytea: CAST it",
			               name, col + 1);
	return true;
}

/* Parses each text as the unnamed statement, only to ask what it takes. One round trip for all. */
static bool learn_all(struct postgres_db *db, struct postgres_shared *shared, struct err *e)
{
	bool ok = true;

	for (int id = 0; id < SQL_COUNT; id++)
		if (!PQsendPrepare(db->conn, "", sql_texts[id].postgres, 0, NULL) ||
		    !PQsendDescribePrepared(db->conn, "") || !PQpipelineSync(db->conn))
			return postgres_lost(db, sql_texts[id].name, e);
	for (int id = 0; id < SQL_COUNT; id++) {
		PGresult *described = NULL;
		struct err local;

		if (!postgres_read(db, 2, sql_texts[id].name, &described, &local) ||
		    !learn(described, sql_texts[id].name, &shared->types[id], &local)) {
			if (ok)
				*e = local;
			ok = false;
		}
		PQclear(described);
		if (db->conn == NULL)
			return false;
	}
	shared->learned = ok;
	return ok;
}

static bool prepare_all(struct postgres_db *db, const struct postgres_shared *shared, struct err *e)
{
	char name[16];

	for (int id = 0; id < SQL_COUNT; id++) {
		const struct postgres_types *t = &shared->types[id];

		postgres_statement_name(id, name);
		if (!PQsendPrepare(db->conn, name, sql_texts[id].postgres, t->n, t->param))
			return postgres_lost(db, sql_texts[id].name, e);
	}
	if (!PQpipelineSync(db->conn))
		return postgres_lost(db, "prepare", e);
	return postgres_read(db, SQL_COUNT, "prepare", NULL, e);
}

bool postgres_prepare(struct db *base, struct err *e)
{
	struct postgres_db *db = (struct postgres_db *)base;
	struct postgres_shared *shared = base->store->shared;

	return (shared->learned || learn_all(db, shared, e)) && prepare_all(db, shared, e);
}
