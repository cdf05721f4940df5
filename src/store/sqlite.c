/* SPDX-License-Identifier: MIT
 *
 * SQLite: WAL, synchronous=FULL, one connection a thread at a time. The checkpoint runs on a thread
 * of its own (sqlite_checkpoint.c), so that a commit never waits for the database file. */
#include "store/sqlite_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	BUSY_MS = 5000,              /* only a foreign program in the file can be in the way */
	APPLICATION_ID = 0x6269386e  /* "bi8n": how file(1) and we tell our files from others */
};

/* In connect order. journal_size_limit keeps a WAL that once grew from staying large. */
static const char connection_setup[] =
	"PRAGMA foreign_keys = ON;"
	"PRAGMA synchronous = FULL;"
	"PRAGMA temp_store = MEMORY;"
	"PRAGMA trusted_schema = OFF;"
	"PRAGMA wal_autocheckpoint = 0;"
	"PRAGMA journal_size_limit = 67108864;"
	"PRAGMA cache_size = -16384;";

static const char *const tx_texts[TX_COUNT] = {
	[TX_BEGIN_WRITE] = "BEGIN IMMEDIATE",
	[TX_BEGIN_READ]  = "BEGIN DEFERRED",
	[TX_SAVEPOINT]   = "SAVEPOINT task",
	[TX_RELEASE]     = "RELEASE task",
	[TX_ROLLBACK_TO] = "ROLLBACK TO task",
	[TX_COMMIT]      = "COMMIT",
	[TX_ROLLBACK]    = "ROLLBACK",
};

static enum err_code code_of(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_CONSTRAINT:
		return rc == SQLITE_CONSTRAINT_UNIQUE || rc == SQLITE_CONSTRAINT_PRIMARYKEY ||
		                       rc == SQLITE_CONSTRAINT_ROWID
		               ? ERR_CONFLICT
		               : ERR_INTERNAL;
	case SQLITE_FULL:
	case SQLITE_IOERR:
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_NOMEM:
	case SQLITE_READONLY:
	case SQLITE_CANTOPEN:
	case SQLITE_PROTOCOL:
	case SQLITE_INTERRUPT:
		return ERR_UNAVAILABLE;
	case SQLITE_TOOBIG:
		return ERR_PAYLOAD_TOO_LARGE;
	default:
		return ERR_INTERNAL;
	}
}

bool sqlite_fail(sqlite3 *handle, const char *what, struct err *e)
{
	int rc = sqlite3_extended_errcode(handle);

	return err_log(e, code_of(rc), rc, "%s: %s", what, sqlite3_errmsg(handle));
}

static struct sqlite_db *self(struct db *db)
{
	return (struct sqlite_db *)db;
}

/* Statements ----------------------------------------------------------------------------------- */

static bool prepare_one(struct sqlite_db *db, const char *name, const char *text,
                        sqlite3_stmt **out, struct err *e)
{
	const char *tail;

	if (sqlite3_prepare_v3(db->handle, text, -1, SQLITE_PREPARE_PERSISTENT, out, &tail) !=
	    SQLITE_OK)
		return sqlite_fail(db->handle, name, e);
	if (*out == NULL || *tail != '\0')
		return err_log(e, ERR_INTERNAL, 0, "%s: not one statement", name);
	/* PostgreSQL goes by the number, SQLite by the order: they must agree. */
	for (int i = 1; i <= sqlite3_bind_parameter_count(*out); i++) {
		const char *got = sqlite3_bind_parameter_name(*out, i);
		char want[16];

		snprintf(want, sizeof(want), "$%d", i);
		if (got == NULL || strcmp(got, want) != 0)
			return err_log(e, ERR_INTERNAL, 0,
			               "%s: parameter %d is %s, must be %s (order of first use)",
			               name, i, got == NULL ? "unnamed" : got, want);
	}
	return true;
}

/* The writer, which is opened first, prepares all; a reader what it meets. */
static bool statement(struct sqlite_db *db, enum sql_id id, sqlite3_stmt **out, struct err *e)
{
	sqlite3_stmt **slot = &db->statements[id];

	if (*slot == NULL && !prepare_one(db, sql_texts[id].name, sql_texts[id].sqlite, slot, e)) {
		sqlite3_finalize(*slot);
		*slot = NULL;
		return false;
	}
	*out = *slot;
	return true;
}

static bool sqlite_prepare(struct db *db, struct err *e)
{
	sqlite3_stmt *unused;

	if (!db->writer)
		return true;
	for (int id = 0; id < SQL_COUNT; id++)
		if (!statement(self(db), (enum sql_id)id, &unused, e))
			return false;
	return true;
}

static int bind_one(sqlite3_stmt *st, int i, const struct sql_arg *arg)
{
	if (arg->kind == SQL_ARG_NULL || (arg->kind != SQL_ARG_I64 && arg->s.p == NULL))
		return sqlite3_bind_null(st, i);
	if (arg->kind == SQL_ARG_I64)
		return sqlite3_bind_int64(st, i, arg->i);
	if (arg->kind == SQL_ARG_TEXT)
		return sqlite3_bind_text64(st, i, arg->s.p, arg->s.n, SQLITE_STATIC, SQLITE_UTF8);
	return sqlite3_bind_blob64(st, i, arg->s.p, arg->s.n, SQLITE_STATIC);
}

/* Borrowed until the next step. */
static void cell_read(sqlite3_stmt *st, int col, struct cell *out)
{
	const void *p;

	*out = (struct cell){ 0 };
	switch (sqlite3_column_type(st, col)) {
	case SQLITE_NULL:
		out->null = true;
		return;
	case SQLITE_INTEGER:
		out->i = sqlite3_column_int64(st, col);
		return;
	default:
		/* Of a text too: what needs no terminator is not copied for one. */
		p = sqlite3_column_blob(st, col);
		break;
	}
	out->s = (str){ p != NULL ? p : "", (size_t)sqlite3_column_bytes(st, col) };
}

static bool bind_all(struct sqlite_db *db, sqlite3_stmt *st, const char *name,
                     const struct sql_arg *args, size_t args_n, struct err *e)
{
	int wanted = sqlite3_bind_parameter_count(st);

	if ((size_t)wanted != args_n)
		return err_log(e, ERR_INTERNAL, 0, "%s: takes %d parameters, got %zu", name, wanted,
		               args_n);
	for (size_t i = 0; i < args_n; i++)
		if (bind_one(st, (int)i + 1, &args[i]) != SQLITE_OK)
			return sqlite_fail(db->handle, name, e);
	return true;
}

static bool tx_step(struct sqlite_db *db, enum tx_statement which, struct err *e)
{
	bool ok = sqlite3_step(db->tx[which]) == SQLITE_DONE ||
	          sqlite_fail(db->handle, tx_texts[which], e);

	sqlite3_reset(db->tx[which]);
	return ok;
}

/* Before anything that may write. */
static bool guard(struct sqlite_db *db, struct err *e)
{
	if (db->guard != GUARD_WANTED)
		return true;
	db->guard = db->base.writes_last ? GUARD_LEFT_OUT : GUARD_OPEN;
	return db->guard == GUARD_LEFT_OUT || tx_step(db, TX_SAVEPOINT, e);
}

static bool run_statement(struct sqlite_db *db, struct arena *a, sqlite3_stmt *st, const char *name,
                          struct rows *out, struct err *e)
{
	bool reads = sqlite3_stmt_readonly(st), first = db->guard == GUARD_WANTED, ok = true;
	struct row_sink sink;
	int rc, cols = sqlite3_column_count(st);

	if (!reads && !guard(db, e))
		return false;
	row_sink_init(&sink, a, out, (unsigned)cols);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		struct cell *row = row_sink_next(&sink);

		for (int col = 0; col < cols; col++) {
			cell_read(st, col, &row[col]);
			row[col].s = arena_str(a, row[col].s);
		}
	}
	if (rc == SQLITE_DONE)
		out->changed = reads ? 0 : sqlite3_changes64(db->handle);
	else
		ok = sqlite_fail(db->handle, name, e);
	/* A condition that met no row wrote nothing: who is refused by it has kept the promise. */
	if (ok && first && db->guard == GUARD_LEFT_OUT && out->changed == 0)
		db->guard = GUARD_WANTED;
	sqlite3_reset(st);
	return ok;
}

static bool sqlite_run(struct db *base, struct arena *a, enum sql_id id, const struct sql_arg *args,
                       size_t args_n, struct rows *out, struct err *e)
{
	struct sqlite_db *db = self(base);
	sqlite3_stmt *st;

	return statement(db, id, &st, e) && bind_all(db, st, sql_texts[id].name, args, args_n, e) &&
	       run_statement(db, a, st, sql_texts[id].name, out, e);
}

static bool sqlite_each(struct db *base, struct arena *a, enum sql_id id,
                        const struct sql_arg *args, size_t args_n,
                        bool (*fn)(const struct cell *, void *), void *arg, struct err *e)
{
	struct sqlite_db *db = self(base);
	sqlite3_stmt *st;
	struct cell *row;
	int rc, cols;
	bool ok = true;

	if (!statement(db, id, &st, e) || (!sqlite3_stmt_readonly(st) && !guard(db, e)) ||
	    !bind_all(db, st, sql_texts[id].name, args, args_n, e))
		return false;
	cols = sqlite3_column_count(st);
	row = arena_array(a, struct cell, (size_t)cols);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		for (int col = 0; col < cols; col++)
			cell_read(st, col, &row[col]);
		if (!fn(row, arg))
			break;
	}
	if (rc != SQLITE_DONE && rc != SQLITE_ROW)
		ok = sqlite_fail(db->handle, sql_texts[id].name, e);
	sqlite3_reset(st);
	return ok;
}

static bool sqlite_query(struct db *base, struct arena *a, const char *sql,
                         const struct sql_arg *args, size_t args_n, struct rows *out, struct err *e)
{
	struct sqlite_db *db = self(base);
	sqlite3_stmt *st = NULL;
	bool ok = prepare_one(db, "query", sql, &st, e) &&
	          bind_all(db, st, "query", args, args_n, e) &&
	          run_statement(db, a, st, "query", out, e);

	sqlite3_finalize(st);
	return ok;
}

static bool sqlite_script(struct db *db, const char *sql, struct err *e)
{
	if (!guard(self(db), e))
		return false;
	return sqlite3_exec(self(db)->handle, sql, NULL, NULL, NULL) == SQLITE_OK ||
	       sqlite_fail(self(db)->handle, "script", e);
}

/* Transactions --------------------------------------------------------------------------------- */

static bool sqlite_begin(struct db *db, struct err *e)
{
	self(db)->guard = GUARD_NONE;
	return tx_step(self(db), db->writer ? TX_BEGIN_WRITE : TX_BEGIN_READ, e);
}

static bool sqlite_savepoint(struct db *db, struct err *e)
{
	(void)e;
	self(db)->guard = GUARD_WANTED;
	return true;
}

static enum guard guard_end(struct sqlite_db *db)
{
	enum guard was = db->guard;

	db->guard = GUARD_NONE;
	return was;
}

static bool sqlite_release(struct db *db, struct err *e)
{
	return guard_end(self(db)) != GUARD_OPEN || tx_step(self(db), TX_RELEASE, e);
}

static bool sqlite_rollback_to(struct db *db, struct err *e)
{
	switch (guard_end(self(db))) {
	case GUARD_NONE:
	case GUARD_WANTED:
		return true;
	case GUARD_OPEN:
		return tx_step(self(db), TX_ROLLBACK_TO, e) && tx_step(self(db), TX_RELEASE, e);
	case GUARD_LEFT_OUT:
		break;
	}
	return err_log(e, ERR_UNAVAILABLE, 0, "a task that writes last has failed after its write");
}

static bool sqlite_commit(struct db *db, struct err *e)
{
	return tx_step(self(db), TX_COMMIT, e);
}

static bool sqlite_in_transaction(struct db *db)
{
	return sqlite3_get_autocommit(self(db)->handle) == 0;
}

static void sqlite_rollback(struct db *db)
{
	struct err ignored;

	if (sqlite_in_transaction(db))
		(void)tx_step(self(db), TX_ROLLBACK, &ignored);
}

static bool sqlite_alive(struct db *db)
{
	return self(db)->handle != NULL;
}

/* Connections ---------------------------------------------------------------------------------- */

static void sqlite_disconnect(struct db *base)
{
	struct sqlite_db *db = self(base);

	if (db == NULL)
		return;
	for (int id = 0; id < SQL_COUNT; id++)
		sqlite3_finalize(db->statements[id]);
	for (int i = 0; i < TX_COUNT; i++)
		sqlite3_finalize(db->tx[i]);
	sqlite3_close(db->handle);
	free(db);
}

/* SQLite answers with the mode it could get, not with an error. */
static bool use_wal(sqlite3 *handle)
{
	static const char ask[] = "PRAGMA journal_mode = WAL";
	sqlite3_stmt *st = NULL;
	bool ok = sqlite3_prepare_v2(handle, ask, -1, &st, NULL) == SQLITE_OK &&
	          sqlite3_step(st) == SQLITE_ROW &&
	          str_eq(str_from((const char *)sqlite3_column_text(st, 0)), S("wal"));

	return sqlite3_finalize(st) == SQLITE_OK && ok;
}

sqlite3 *sqlite_handle_open(const char *path, struct err *e)
{
	sqlite3 *handle = NULL;
	int rc = sqlite3_open_v2(path, &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);

	sqlite3_extended_result_codes(handle, 1);
	if (rc == SQLITE_OK)
		sqlite3_busy_timeout(handle, BUSY_MS);
	if (rc == SQLITE_OK && use_wal(handle) &&
	    sqlite3_exec(handle, connection_setup, NULL, NULL, NULL) == SQLITE_OK)
		return handle;
	rc = sqlite3_errcode(handle) & 0xff;
	if (rc == SQLITE_NOTADB || rc == SQLITE_CORRUPT)
		fault_set(e, ERR_UNAVAILABLE, rc, "%s is not a database of bi18n, or it is damaged",
		          path);
	else if (rc == SQLITE_OK || rc == SQLITE_ROW || rc == SQLITE_DONE)
		fault_set(e, ERR_UNAVAILABLE, rc,
		          "no write-ahead log for %s: a network file system cannot hold a store",
		          path);
	else
		fault_set(e, ERR_UNAVAILABLE, rc, "cannot open %s: %s", path,
		          sqlite3_errmsg(handle));
	sqlite3_close(handle);
	return NULL;
}

static bool sqlite_connect(struct store *s, enum connection_kind kind, struct db **out,
                           struct err *e)
{
	struct sqlite_shared *shared = s->shared;
	struct sqlite_db *db = calloc(1, sizeof(*db));
	bool ok;

	if (db == NULL)
		return err_log(e, ERR_UNAVAILABLE, ENOMEM, "no memory for a connection");
	db->base.store = s;
	db->base.writer = kind == CONNECTION_WRITER;
	db->handle = sqlite_handle_open(shared->path, e);
	ok = db->handle != NULL;
	if (ok && kind == CONNECTION_READER)
		ok = sqlite_script(&db->base, "PRAGMA query_only = ON", e);
	for (int i = 0; ok && i < TX_COUNT; i++)
		ok = prepare_one(db, tx_texts[i], tx_texts[i], &db->tx[i], e);
	if (!ok) {
		sqlite_disconnect(&db->base);
		return false;
	}
	if (kind == CONNECTION_WRITER)
		sqlite_checkpoint_watch(shared, db->handle);
	*out = &db->base;
	return true;
}

/* The file exists before SQLite opens it, so that its mode, which SQLite copies to -wal and -shm,
 * is ours. */
static bool make_file(const char *path, bool create, struct err *e)
{
	struct stat st;
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | (create ? O_CREAT : 0), 0600);

	if (fd < 0 && errno == ENOENT)
		return fault_set(e, ERR_UNAVAILABLE, errno,
		                 "there is no store %s: make one with bi18n migrate or serve",
		                 path);
	if (fd < 0)
		return fault_set(e, ERR_UNAVAILABLE, errno, "cannot open %s: %s", path,
		                 strerror(errno));
	if (fstat(fd, &st) == 0 && (st.st_mode & 077) != 0)
		(void)!fchmod(fd, 0600);
	close(fd);
	return true;
}

static bool sqlite_open(struct store *s, struct err *e)
{
	struct sqlite_shared *shared = arena_new(s->arena, struct sqlite_shared);
	str path = arena_printf(s->arena, FMT_STR "/bi18n.db", ARG_STR(s->config.data_dir));

	shared->path = arena_cstr(s->arena, path);
	s->shared = shared;
	/* Nobody asks for its statistics, which take a lock each time it allocates. */
	(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	return make_file(shared->path, s->config.create, e) && sqlite_checkpoint_start(shared, e);
}

static void sqlite_close(struct store *s)
{
	sqlite_checkpoint_stop(s->shared);
}

static void sqlite_after_batch(struct db *db)
{
	sqlite_checkpoint_if_long(db->store->shared, self(db)->handle);
}

/* Whole-store acts ----------------------------------------------------------------------------- */

/* BEGIN IMMEDIATE is the lock. The application id goes in with the first migration. */
static bool sqlite_lock_schema(struct db *db, struct err *e)
{
	struct arena *a = arena_create(1 * KIB);
	struct rows id, tables;
	bool ok = sqlite_query(db, a, "PRAGMA application_id", NULL, 0, &id, e) &&
	          sqlite_query(db, a, "SELECT COUNT(*) FROM sqlite_schema", NULL, 0, &tables, e);

	if (ok && CELL(&id, 0, 0).i != APPLICATION_ID) {
		if (CELL(&tables, 0, 0).i != 0)
			ok = fault_set(e, ERR_UNAVAILABLE, 0,
			               "%s is the database of another program",
			               ((struct sqlite_shared *)db->store->shared)->path);
		else
			ok = sqlite_script(db, "PRAGMA application_id = 1651062894", e);
	}
	arena_destroy(a);
	return ok;
}

static bool copy_pages(sqlite3 *from, sqlite3 *to, struct err *e)
{
	sqlite3_backup *b = sqlite3_backup_init(to, "main", from, "main");

	if (b == NULL)
		return sqlite_fail(to, "backup", e);
	(void)sqlite3_backup_step(b, -1);
	return sqlite3_backup_finish(b) == SQLITE_OK || sqlite_fail(to, "backup", e);
}

static bool sync_directory_of(const char *path, struct err *e)
{
	char dir[4096];
	const char *slash = strrchr(path, '/');
	int fd;
	bool ok;

	snprintf(dir, sizeof(dir), "%.*s", slash == NULL ? 1 : (int)(slash - path) + 1,
	         slash == NULL ? "." : path);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ok = fd >= 0 && fsync(fd) == 0;
	if (!ok)
		fault_set(e, ERR_UNAVAILABLE, errno, "cannot sync %s: %s", dir, strerror(errno));
	if (fd >= 0)
		close(fd);
	return ok;
}

static bool backup_into(const char *from_path, const char *path, struct err *e)
{
	sqlite3 *from = sqlite_handle_open(from_path, e), *to = NULL;
	bool ok = from != NULL;

	if (ok && sqlite3_open_v2(path, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) !=
	                  SQLITE_OK)
		ok = sqlite_fail(to, "backup", e);
	ok = ok && copy_pages(from, to, e) && sync_directory_of(path, e);
	sqlite3_close(to);
	sqlite3_close(from);
	return ok;
}

static bool sqlite_backup(struct store *s, str file, struct err *e)
{
	struct sqlite_shared *shared = s->shared;
	struct arena *a = arena_create(4 * KIB);
	const char *path = arena_cstr(a, file);
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	bool ok = false;

	if (fd < 0) {
		fault_set(e, errno == EEXIST ? ERR_CONFLICT : ERR_UNAVAILABLE, errno,
		          "cannot make %s: %s", path, strerror(errno));
	} else {
		close(fd);
		ok = backup_into(shared->path, path, e);
		if (!ok)
			unlink(path);
	}
	arena_destroy(a);
	return ok;
}

static bool sqlite_check(struct store *s, struct arena *a, struct strs *problems, struct err *e)
{
	struct db *db;
	struct rows pages, keys;
	str *found;
	bool ok;

	if (!sqlite_connect(s, CONNECTION_READER, &db, e))
		return false;
	ok = sqlite_query(db, a, "PRAGMA integrity_check", NULL, 0, &pages, e) &&
	     sqlite_query(db, a, "PRAGMA foreign_key_check", NULL, 0, &keys, e);
	sqlite_disconnect(db);
	if (!ok)
		return false;
	found = arena_array(a, str, problems->n + pages.n + keys.n);
	for (size_t i = 0; i < problems->n; i++)
		found[i] = problems->v[i];
	for (size_t i = 0; i < pages.n; i++)
		if (!str_eq(CELL(&pages, i, 0).s, S("ok")))
			found[problems->n++] = CELL(&pages, i, 0).s;
	for (size_t i = 0; i < keys.n; i++)
		found[problems->n++] = arena_printf(
			a, "row %lld of " FMT_STR " refers to a missing row of " FMT_STR,
			(long long)CELL(&keys, i, 1).i, ARG_STR(CELL(&keys, i, 0).s),
			ARG_STR(CELL(&keys, i, 2).s));
	problems->v = found;
	problems->present = true;
	return true;
}

const struct driver sqlite_driver = {
	.open = sqlite_open,
	.close = sqlite_close,
	.connect = sqlite_connect,
	.prepare = sqlite_prepare,
	.disconnect = sqlite_disconnect,
	.alive = sqlite_alive,
	.in_transaction = sqlite_in_transaction,
	.begin = sqlite_begin,
	.savepoint = sqlite_savepoint,
	.release = sqlite_release,
	.rollback_to = sqlite_rollback_to,
	.commit = sqlite_commit,
	.rollback = sqlite_rollback,
	.after_batch = sqlite_after_batch,
	.run = sqlite_run,
	.each = sqlite_each,
	.query = sqlite_query,
	.script = sqlite_script,
	.lock_schema = sqlite_lock_schema,
	.backup = sqlite_backup,
	.check = sqlite_check,
	.migrations = migrations_sqlite,
};
