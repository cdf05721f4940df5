/* SPDX-License-Identifier: MIT */
#include "store/backup.h"

#include "store/sqlite_int.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { COPY_BYTES = 256 * 1024, APPLICATION_ID_OF_STORE = 1651062894 };

static bool run(sqlite3 *db, const char *sql, struct err *e)
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK || sqlite_fail(db, "backup", e);
}

static bool insert_body(sqlite3 *db, sqlite3_stmt *insert, const struct backup_body *body,
			struct err *e)
{
	bool ok = sqlite3_bind_text64(insert, 1, body->name.p, body->name.n, SQLITE_STATIC,
				      SQLITE_UTF8) == SQLITE_OK &&
		  sqlite3_bind_int64(insert, 2, body->form) == SQLITE_OK &&
		  sqlite3_bind_blob64(insert, 3, body->bytes.p, body->bytes.n, SQLITE_STATIC) ==
			  SQLITE_OK &&
		  sqlite3_step(insert) == SQLITE_DONE;

	if (!ok)
		sqlite_fail(db, "backup", e);
	sqlite3_reset(insert);
	return ok;
}

bool backup_add_bodies(str file, backup_next_fn next, void *arg, struct err *e)
{
	struct arena *a = arena_create(4 * KIB);
	sqlite3 *db = sqlite_handle_open(arena_cstr(a, file), e);
	sqlite3_stmt *insert = NULL;
	struct backup_body body;
	bool more = true;
	bool ok = db != NULL && run(db, "PRAGMA journal_mode=DELETE", e) && run(db, "BEGIN", e) &&
		  run(db,
		      "CREATE TABLE backup_body (name TEXT, form INTEGER, bytes BLOB, PRIMARY KEY "
		      "(name, form))",
		      e);

	if (ok && sqlite3_prepare_v2(db, "INSERT INTO backup_body VALUES (?1, ?2, ?3)", -1, &insert,
				     NULL) != SQLITE_OK)
		ok = sqlite_fail(db, "backup", e);
	while (ok && more) {
		ok = next(arg, &body, &more, e);
		if (ok && more)
			ok = insert_body(db, insert, &body, e);
	}
	sqlite3_finalize(insert);
	ok = ok && run(db, "COMMIT", e);
	sqlite3_close(db);
	if (!ok)
		unlink(arena_cstr(a, file));
	arena_destroy(a);
	return ok;
}

static bool one_number(sqlite3 *db, const char *sql, int64_t *out)
{
	sqlite3_stmt *s;
	bool ok = sqlite3_prepare_v2(db, sql, -1, &s, NULL) == SQLITE_OK;

	ok = ok && sqlite3_step(s) == SQLITE_ROW;
	if (ok)
		*out = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	return ok;
}

static bool is_backup(sqlite3 *db, struct err *e)
{
	int64_t id = 0, bodies = 0, broken = 1;

	if (!one_number(db, "PRAGMA application_id", &id) || id != APPLICATION_ID_OF_STORE ||
	    !one_number(db, "SELECT COUNT(*) FROM sqlite_schema WHERE name = 'backup_body'",
			&bodies) ||
	    bodies != 1)
		return err_set(e, ERR_INVALID_REQUEST, "this file is not a bi18n backup");
	if (!one_number(db,
			"SELECT COUNT(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'",
			&broken) ||
	    broken != 0)
		return err_set(e, ERR_INVALID_REQUEST, "this backup is damaged; use another one");
	return true;
}

static bool copy_file(const char *from, const char *to, struct err *e)
{
	char bytes[COPY_BYTES];
	int in = open(from, O_RDONLY | O_CLOEXEC), out;
	ssize_t got = 0;
	bool ok;

	if (in < 0)
		return err_set(e, errno == ENOENT ? ERR_NOT_FOUND : ERR_FORBIDDEN, "%s: %s", from,
			       strerror(errno));
	out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	ok = out >= 0;
	while (ok && (got = read(in, bytes, sizeof(bytes))) > 0)
		ok = write(out, bytes, (size_t)got) == got;
	ok = ok && got == 0 && fsync(out) == 0;
	if (!ok)
		err_set(e, out < 0 && errno == EEXIST ? ERR_CONFLICT : ERR_UNAVAILABLE, "%s: %s",
			to, strerror(errno));
	close(in);
	if (out >= 0)
		close(out);
	return ok;
}

static bool hand_out(sqlite3 *db, backup_take_fn take, void *arg, struct err *e)
{
	sqlite3_stmt *s;
	int rc = SQLITE_DONE;
	bool ok = sqlite3_prepare_v2(db, "SELECT name, form, bytes FROM backup_body", -1, &s,
				     NULL) == SQLITE_OK;

	while (ok && (rc = sqlite3_step(s)) == SQLITE_ROW) {
		struct backup_body body = { .form = sqlite3_column_int64(s, 1) };

		body.name = (str){ (const char *)sqlite3_column_text(s, 0),
				   (size_t)sqlite3_column_bytes(s, 0) };
		body.bytes = (str){ sqlite3_column_blob(s, 2), (size_t)sqlite3_column_bytes(s, 2) };
		ok = take(arg, &body, e);
	}
	sqlite3_finalize(s);
	if (ok && rc != SQLITE_DONE)
		return sqlite_fail(db, "restore", e);
	return ok;
}

/* What a restore must not bring back to life. Done before the file gets its name, so that no crash
 * leaves a store behind that still honours it. */
static bool begin_epoch(sqlite3 *db, struct err *e)
{
	return run(db, "BEGIN", e) &&
	       run(db,
		   "UPDATE meta SET value = CAST(CAST(value AS INTEGER) + 1 AS TEXT)"
		   " WHERE name = 'epoch'",
		   e) &&
	       run(db, "DELETE FROM installation_token", e) && run(db, "DELETE FROM session", e) &&
	       run(db, "DELETE FROM code", e) && run(db, "DELETE FROM authorization_request", e) &&
	       run(db, "DROP TABLE backup_body", e) && run(db, "COMMIT", e);
}

/* The last step is the rename: until then the data directory holds no store. */
static bool settle(struct arena *a, const char *made, const char *target, struct err *e)
{
	const char *slash = strrchr(target, '/');
	str directory = { target, slash == NULL ? 0 : (size_t)(slash - target) };
	int file = open(made, O_RDONLY | O_CLOEXEC);
	int dir = open(arena_cstr(a, directory), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok = file >= 0 && dir >= 0 && fsync(file) == 0 && rename(made, target) == 0 &&
		  fsync(dir) == 0;

	if (!ok)
		err_set(e, ERR_UNAVAILABLE, "%s: %s", target, strerror(errno));
	if (file >= 0)
		close(file);
	if (dir >= 0)
		close(dir);
	return ok;
}

bool backup_unpack(str file, str database_file, backup_take_fn take, void *arg, struct err *e)
{
	struct arena *a = arena_create(8 * KIB);
	char *target = arena_cstr(a, database_file);
	char *made = arena_cstr(a, arena_printf(a, FMT_STR ".restoring", ARG_STR(database_file)));
	sqlite3 *db = NULL;
	bool ok = copy_file(arena_cstr(a, file), made, e);

	if (!ok) {
		arena_destroy(a);
		return false;
	}
	if (sqlite3_open_v2(made, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) !=
	    SQLITE_OK)
		ok = sqlite_fail(db, "restore", e);
	ok = ok && is_backup(db, e) && hand_out(db, take, arg, e) && begin_epoch(db, e);
	sqlite3_close(db);
	ok = ok && settle(a, made, target, e);
	if (!ok)
		unlink(made);
	arena_destroy(a);
	return ok;
}
