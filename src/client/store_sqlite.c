/* SPDX-License-Identifier: MIT
 *
 * SQLite: one connection behind one lock; several processes share the file. */
#include "client/store_sql.h"

#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUSY_MS = 10000, COLUMNS_MAX = 12, PARAMETER_NAME_MAX = 8, SWITCH_PAUSE_MS = 10 };

struct sqlite {
	struct bi18n_allocator alloc;
	pthread_mutex_t        lock;
	sqlite3               *db;
	sqlite3_stmt          *prepared[SQL_COUNT];
};

static void *sqlite_acquire(void *context)
{
	struct sqlite *s = context;

	pthread_mutex_lock(&s->lock);
	return s;
}

static void sqlite_release(void *context, void *session)
{
	(void)session;
	pthread_mutex_unlock(&((struct sqlite *)context)->lock);
}

static enum bi18n_stored stored_of(int rc)
{
	return rc == SQLITE_OK || rc == SQLITE_DONE ? BI18N_STORED :
	       rc == SQLITE_NOMEM ? BI18N_STORED_NOMEM : BI18N_STORED_FAILED;
}

/* IMMEDIATE: two that read and then write would otherwise fail each other. */
static enum bi18n_stored sqlite_begin(void *session, bool schema)
{
	struct sqlite *s = session;

	(void)schema;
	return stored_of(sqlite3_exec(s->db, "BEGIN IMMEDIATE", NULL, NULL, NULL));
}

static int bind_all(sqlite3_stmt *statement, const char *const *parameters, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char name[PARAMETER_NAME_MAX];
		int  index, rc;

		snprintf(name, sizeof(name), "$%zu", i + 1);
		index = sqlite3_bind_parameter_index(statement, name);
		rc = index == 0 ? SQLITE_MISUSE :
		     sqlite3_bind_text(statement, index, parameters[i], -1, SQLITE_STATIC);
		if (rc != SQLITE_OK)
			return rc;
	}
	return SQLITE_OK;
}

/* Steps to the end even if the visitor has seen enough: a RETURNING statement is done only then. */
static enum bi18n_stored step_all(sqlite3_stmt *statement, sql_row_fn *visit, void *visitor)
{
	size_t rows = 0;
	bool   more = true;
	int    rc;

	while ((rc = sqlite3_step(statement)) == SQLITE_ROW) {
		const char *columns[COLUMNS_MAX] = { NULL };
		int         n = sqlite3_column_count(statement);

		for (int i = 0; i < n && i < COLUMNS_MAX; i++)
			columns[i] = (const char *)sqlite3_column_text(statement, i);
		rows++;
		if (more && visit != NULL)
			more = visit(visitor, columns);
	}
	if (rc != SQLITE_DONE)
		return stored_of(rc);
	return rows > 0 ? BI18N_STORED : BI18N_STORED_NONE;
}

static enum bi18n_stored sqlite_run(void *session, enum sql sql, const char *const *parameters, size_t n,
                                    sql_row_fn *visit, void *visitor)
{
	struct sqlite    *s = session;
	enum bi18n_stored stored;
	int               rc = SQLITE_OK;

	if (s->prepared[sql] == NULL)
		rc = sqlite3_prepare_v3(s->db, sql_text[sql], -1, SQLITE_PREPARE_PERSISTENT, &s->prepared[sql], NULL);
	if (rc == SQLITE_OK)
		rc = bind_all(s->prepared[sql], parameters, n);
	stored = rc == SQLITE_OK ? step_all(s->prepared[sql], visit, visitor) : stored_of(rc);
	sqlite3_reset(s->prepared[sql]);
	sqlite3_clear_bindings(s->prepared[sql]);
	return stored;
}

static void sqlite_close_all(void *context)
{
	struct sqlite         *s = context;
	struct bi18n_allocator alloc = s->alloc;

	for (size_t i = 0; i < SQL_COUNT; i++)
		sqlite3_finalize(s->prepared[i]);
	sqlite3_close(s->db);
	pthread_mutex_destroy(&s->lock);
	plain_free(&alloc, s, sizeof(*s));
}

/* The file is the owner's only, from its first byte on; SQLite gives its journals the same mode. */
static bool file_ready(const char *path)
{
	int  fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);
	bool ok = fd >= 0;

	if (ok)
		close(fd);
	return ok;
}

/* Several processes that open a new file at once: the switch answers BUSY without asking the busy
 * handler, so it is asked for again for as long. */
static bool write_ahead(sqlite3 *db)
{
	int rc = SQLITE_BUSY;

	for (int waited_ms = 0; rc == SQLITE_BUSY && waited_ms < BUSY_MS; waited_ms += SWITCH_PAUSE_MS) {
		rc = sqlite3_exec(db, "PRAGMA journal_mode=WAL", NULL, NULL, NULL);
		if (rc == SQLITE_BUSY)
			sqlite3_sleep(SWITCH_PAUSE_MS);
	}
	return rc == SQLITE_OK;
}

static bool database_ready(struct sqlite *s, const char *path)
{
	return sqlite3_open_v2(path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_OK &&
	       sqlite3_busy_timeout(s->db, BUSY_MS) == SQLITE_OK &&
	       write_ahead(s->db) &&
	       sqlite3_exec(s->db, "PRAGMA synchronous=FULL", NULL, NULL, NULL) == SQLITE_OK &&
	       sqlite3_exec(s->db, "PRAGMA secure_delete=ON", NULL, NULL, NULL) == SQLITE_OK;
}

enum bi18n_code sqlite_open(const char *path, const struct bi18n_allocator *alloc, struct bi18n_store *out,
                            char why[BI18N_MESSAGE_MAX])
{
	struct sqlite    *s = plain_alloc(alloc, sizeof(*s));
	struct sql_driver driver = { s, sqlite_acquire, sqlite_release, sqlite_begin, sqlite_run, sqlite_close_all };
	enum bi18n_stored stored;

	if (s == NULL)
		return BI18N_ENOMEM;
	s->alloc = *alloc;
	pthread_mutex_init(&s->lock, NULL);
	if (!file_ready(path) || !database_ready(s, path)) {
		snprintf(why, BI18N_MESSAGE_MAX, "cannot open the store %s: %s", path,
		         s->db == NULL ? "no such directory, not permitted, or a link" : sqlite3_errmsg(s->db));
		sqlite_close_all(s);
		return BI18N_ESTORE;
	}
	stored = store_sql_open(&driver, alloc, out);
	if (stored != BI18N_STORED)
		snprintf(why, BI18N_MESSAGE_MAX, "cannot prepare the tables in %s%s", path,
		         stored == BI18N_STORED_CONFLICT ? ": they are of a newer version" : "");
	return stored == BI18N_STORED ? BI18N_OK : stored == BI18N_STORED_NOMEM ? BI18N_ENOMEM : BI18N_ESTORE;
}
