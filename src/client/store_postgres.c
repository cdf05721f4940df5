/* SPDX-License-Identifier: MIT
 *
 * PostgreSQL: a few connections, each for one thread at a time, opened when they are needed. */
#include "client/store_sql.h"

#include <libpq-fe.h>
#include <pthread.h>

enum { SESSIONS_MAX = 8, COLUMNS_MAX = 12 };
/* One number for all processes that migrate these tables. */
#define SCHEMA_LOCK "SELECT pg_advisory_xact_lock(4242771518)"

struct postgres {
	struct bi18n_allocator alloc;
	pthread_mutex_t        lock;
	pthread_cond_t         freed;
	PGconn                *idle[SESSIONS_MAX];
	size_t                 idle_n, all_n;
	char                  *url;
};

static PGconn *idle_take(struct postgres *p)
{
	PGconn *session = NULL;

	pthread_mutex_lock(&p->lock);
	while (p->idle_n == 0 && p->all_n == SESSIONS_MAX)
		pthread_cond_wait(&p->freed, &p->lock);
	if (p->idle_n > 0)
		session = p->idle[--p->idle_n];
	else
		p->all_n++;
	pthread_mutex_unlock(&p->lock);
	return session;
}

static void session_drop(struct postgres *p, PGconn *session)
{
	PQfinish(session);
	pthread_mutex_lock(&p->lock);
	p->all_n--;
	pthread_cond_signal(&p->freed);
	pthread_mutex_unlock(&p->lock);
}

static void no_notice(void *context, const char *message)
{
	(void)context;
	(void)message;
}

/* An idle connection may have died since; the server's word for that is the next statement's failure, so it
 * is asked first. */
static bool session_alive(PGconn *session)
{
	PGresult *result = PQexec(session, "SELECT 1");
	bool      alive = PQresultStatus(result) == PGRES_TUPLES_OK;

	PQclear(result);
	if (alive)
		return true;
	PQreset(session);
	return PQstatus(session) == CONNECTION_OK;
}

static void *postgres_acquire(void *context)
{
	struct postgres *p = context;
	PGconn          *session = idle_take(p);
	bool             fresh = session == NULL;

	if (fresh) {
		session = PQconnectdb(p->url);
		if (session != NULL)
			PQsetNoticeProcessor(session, no_notice, NULL);
	}
	if (session == NULL || (fresh ? PQstatus(session) != CONNECTION_OK : !session_alive(session))) {
		session_drop(p, session);
		return NULL;
	}
	return session;
}

static void postgres_release(void *context, void *session)
{
	struct postgres *p = context;

	if (PQstatus(session) != CONNECTION_OK || PQtransactionStatus(session) != PQTRANS_IDLE) {
		session_drop(p, session);
		return;
	}
	pthread_mutex_lock(&p->lock);
	p->idle[p->idle_n++] = session;
	pthread_cond_signal(&p->freed);
	pthread_mutex_unlock(&p->lock);
}

static enum bi18n_stored exec_plain(PGconn *session, const char *text)
{
	PGresult      *result = PQexec(session, text);
	ExecStatusType status = PQresultStatus(result);

	PQclear(result);
	return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ? BI18N_STORED : BI18N_STORED_FAILED;
}

static enum bi18n_stored postgres_begin(void *session, bool schema)
{
	enum bi18n_stored stored = exec_plain(session, "BEGIN");

	return stored == BI18N_STORED && schema ? exec_plain(session, SCHEMA_LOCK) : stored;
}

static void tell_rows(PGresult *result, sql_row_fn *visit, void *visitor)
{
	int rows = PQntuples(result), n = PQnfields(result);

	for (int row = 0; row < rows && visit != NULL; row++) {
		const char *columns[COLUMNS_MAX] = { NULL };

		for (int i = 0; i < n && i < COLUMNS_MAX; i++)
			columns[i] = PQgetisnull(result, row, i) ? NULL : PQgetvalue(result, row, i);
		if (!visit(visitor, columns))
			return;
	}
}

static enum bi18n_stored postgres_run(void *session, enum sql sql, const char *const *parameters, size_t n,
                                      sql_row_fn *visit, void *visitor)
{
	PGresult         *result = PQexecParams(session, sql_text[sql], (int)n, NULL, parameters, NULL, NULL, 0);
	ExecStatusType    status = PQresultStatus(result);
	enum bi18n_stored stored = BI18N_STORED_FAILED;

	if (status == PGRES_TUPLES_OK) {
		tell_rows(result, visit, visitor);
		stored = PQntuples(result) > 0 ? BI18N_STORED : BI18N_STORED_NONE;
	} else if (status == PGRES_COMMAND_OK) {
		stored = BI18N_STORED_NONE;
	}
	PQclear(result);
	return stored;
}

static void postgres_close_all(void *context)
{
	struct postgres       *p = context;
	struct bi18n_allocator alloc = p->alloc;

	for (size_t i = 0; i < p->idle_n; i++)
		PQfinish(p->idle[i]);
	pthread_cond_destroy(&p->freed);
	pthread_mutex_destroy(&p->lock);
	plain_free(&alloc, p->url, strlen(p->url) + 1);
	plain_free(&alloc, p, sizeof(*p));
}

enum bi18n_code postgres_open(const char *url, const struct bi18n_allocator *alloc, struct bi18n_store *out,
                              char why[BI18N_MESSAGE_MAX])
{
	struct postgres  *p = plain_alloc(alloc, sizeof(*p));
	struct sql_driver driver = { p, postgres_acquire, postgres_release, postgres_begin, postgres_run,
		                     postgres_close_all };
	enum bi18n_stored stored;

	if (p == NULL)
		return BI18N_ENOMEM;
	p->alloc = *alloc;
	p->url = plain_cstr(alloc, url);
	if (p->url == NULL) {
		plain_free(alloc, p, sizeof(*p));
		return BI18N_ENOMEM;
	}
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->freed, NULL);
	stored = store_sql_open(&driver, alloc, out);
	if (stored != BI18N_STORED)
		snprintf(why, BI18N_MESSAGE_MAX, "%s", stored == BI18N_STORED_CONFLICT ?
		         "the tables of the store are of a newer version" : "PostgreSQL cannot be used as the store now");
	return stored == BI18N_STORED ? BI18N_OK : stored == BI18N_STORED_NOMEM ? BI18N_ENOMEM : BI18N_ESTORE;
}
