/* SPDX-License-Identifier: MIT */
#include "store/driver_int.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { READERS_MAX = 256, ARENA_BYTES = 4 * 1024 };

/* Statements ----------------------------------------------------------------------------------- */

/* What both databases must refuse alike, before either sees it. */
static bool admissible(struct db *db, enum sql_id id, const struct sql_arg *args, size_t args_n,
                       struct err *e)
{
	if (db->faulty) {
		*e = db->fault;
		return false;
	}
	if (db->streaming)
		return err_log(e, ERR_INTERNAL, 0, "%s: inside db_each of the same connection",
		               sql_texts[id].name);
	for (size_t i = 0; i < args_n; i++)
		if (args[i].kind == SQL_ARG_TEXT && args[i].s.n > 0 &&
		    memchr(args[i].s.p, '\0', args[i].s.n) != NULL)
			return err_set(e, ERR_INVALID_REQUEST,
			               "text must not contain the character U+0000");
	return true;
}

static bool note_fault(struct db *db, const struct err *e)
{
	db->faulty = true;
	db->fault = *e;
	return false;
}

bool db_run(struct db *db, struct arena *a, enum sql_id id, const struct sql_arg *args,
            size_t args_n, struct rows *out, struct err *e)
{
	struct rows unwanted;

	if (!admissible(db, id, args, args_n, e))
		return false;
	return db->store->driver->run(db, a, id, args, args_n, out != NULL ? out : &unwanted, e) ||
	       note_fault(db, e);
}

bool db_each(struct db *db, struct arena *a, enum sql_id id, const struct sql_arg *args,
             size_t args_n, bool (*fn)(const struct cell *row, void *arg), void *arg, struct err *e)
{
	bool ok;

	if (!admissible(db, id, args, args_n, e))
		return false;
	db->streaming = true;
	ok = db->store->driver->each(db, a, id, args, args_n, fn, arg, e);
	db->streaming = false;
	return ok || note_fault(db, e);
}

/* Readers -------------------------------------------------------------------------------------- */

/* While the writer, who tries again and again, finds no database, nobody else need wait for one. */
static bool reader_connect(struct store *s, struct db **out, struct err *e)
{
	const struct driver *d = s->driver;

	if (atomic_load(&s->lane.away))
		return err_log(e, ERR_UNAVAILABLE, 0, "no connection to the database");
	if (!d->connect(s, CONNECTION_READER, out, e))
		return false;
	if (d->prepare(*out, e))
		return true;
	d->disconnect(*out);
	return false;
}

/* A free connection, or the right to make one that was lost (NULL). */
static struct db *reader_take(struct store *s)
{
	struct db *db = NULL;

	pthread_mutex_lock(&s->readers_mutex);
	while (s->readers_free == NULL && s->readers_missing == 0)
		pthread_cond_wait(&s->readers_wake, &s->readers_mutex);
	if (s->readers_free != NULL) {
		db = s->readers_free;
		s->readers_free = db->next;
	} else {
		s->readers_missing--;
	}
	pthread_mutex_unlock(&s->readers_mutex);
	return db;
}

/* NULL: the connection was lost; the next who wants one makes it. */
static void reader_put(struct store *s, struct db *db)
{
	pthread_mutex_lock(&s->readers_mutex);
	if (db == NULL) {
		s->readers_missing++;
	} else {
		db->next = s->readers_free;
		s->readers_free = db;
	}
	pthread_cond_signal(&s->readers_wake);
	pthread_mutex_unlock(&s->readers_mutex);
}

bool store_read_begin(struct store *s, struct db **out, struct err *e)
{
	struct db *db = reader_take(s);

	if (db != NULL && !s->driver->alive(db)) {
		s->driver->disconnect(db);
		db = NULL;
	}
	if (db == NULL && !reader_connect(s, &db, e)) {
		reader_put(s, NULL);
		lane_doubt(s);
		return false;
	}
	db->faulty = false;
	if (!s->driver->begin(db, e)) {
		reader_put(s, db);
		return false;
	}
	*out = db;
	return true;
}

void store_read_end(struct store *s, struct db *db)
{
	struct err ignored;

	if (db == NULL)
		return;
	assert(!db->writer && !db->streaming);
	if (db->faulty || !s->driver->commit(db, &ignored))
		s->driver->rollback(db);
	if (!s->driver->alive(db))
		lane_doubt(s);
	reader_put(s, db);
}

static bool readers_open(struct store *s, struct err *e)
{
	unsigned n = s->config.readers == 0 ? 1 : s->config.readers;

	if (n > READERS_MAX)
		return fault_set(e, ERR_INVALID_REQUEST, 0, "at most %d read connections",
		                 READERS_MAX);
	for (; s->readers_n < n; s->readers_n++) {
		struct db *db;

		if (!reader_connect(s, &db, e))
			return false;
		reader_put(s, db);
	}
	return true;
}

/* Open and close ------------------------------------------------------------------------------- */

static const struct driver *driver_for(str database)
{
	if (database.n == 0 || str_eq(database, S("sqlite")))
		return &sqlite_driver;
	if (str_starts(database, S("postgres://")) || str_starts(database, S("postgresql://")))
		return &postgres_driver;
	return NULL;
}

static struct store *store_new(const struct store_config *c)
{
	struct arena *a = arena_create(ARENA_BYTES);
	struct store *s = arena_new(a, struct store);

	s->arena = a;
	s->config = *c;
	s->config.database = arena_str(a, c->database);
	s->config.data_dir = arena_str(a, c->data_dir);
	s->lock_fd = -1;
	pthread_mutex_init(&s->readers_mutex, NULL);
	pthread_cond_init(&s->readers_wake, NULL);
	lane_init(&s->lane);
	return s;
}

static bool store_bring_up(struct store *s, struct err *e)
{
	const struct driver *d = driver_for(s->config.database);

	if (d == NULL)
		return fault_set(e, ERR_INVALID_REQUEST, 0,
		                 "database must be sqlite or start with postgres://");
	if (!data_dir_open(&s->config, &s->lock_fd, e))
		return false;
	s->driver = d;
	return d->open(s, e) && d->connect(s, CONNECTION_WRITER, &s->writer, e) &&
	       migrate(s, d->migrations, e) && d->prepare(s->writer, e) && readers_open(s, e) &&
	       lane_start(s, e);
}

bool store_open(const struct store_config *c, struct store **out, struct err *e)
{
	struct store *s = store_new(c);

	if (!store_bring_up(s, e)) {
		struct err why = *e;

		/* At start the reader of the text is the operator: nothing to hide, much to repair.
		 */
		if (why.msg[0] != '\0')
			fault_set(e, why.code, why.sys, "%s", why.msg);
		store_close(s);
		return false;
	}
	*out = s;
	return true;
}

void store_close(struct store *s)
{
	struct db *db, *next;

	if (s == NULL)
		return;
	lane_stop(s);
	for (db = s->readers_free; db != NULL; db = next) {
		next = db->next;
		s->driver->disconnect(db);
	}
	if (s->writer != NULL) {
		arena_destroy(s->writer->hooks);
		s->driver->disconnect(s->writer);
	}
	if (s->driver != NULL)
		s->driver->close(s);
	data_dir_close(s->lock_fd);
	lane_fini(&s->lane);
	pthread_cond_destroy(&s->readers_wake);
	pthread_mutex_destroy(&s->readers_mutex);
	arena_destroy(s->arena);
}

bool store_is_postgres(const struct store *s)
{
	return s->driver == &postgres_driver;
}

bool store_ready(struct store *s)
{
	return atomic_load(&s->lane.ready) && !atomic_load(&s->lane.away);
}

int64_t store_schema_version(struct store *s)
{
	return s->schema_version;
}

void store_stats(struct store *s, struct store_stats *out)
{
	out->commits = atomic_load(&s->lane.commits);
	out->tasks = atomic_load(&s->lane.tasks);
	out->failed = atomic_load(&s->lane.failed);
	pthread_mutex_lock(&s->lane.mutex);
	out->queue = s->lane.waiting;
	pthread_mutex_unlock(&s->lane.mutex);
}

bool store_backup(struct store *s, str file, struct err *e)
{
	return s->driver->backup(s, file, e);
}

bool store_check(struct store *s, struct arena *a, struct strs *problems, struct err *e)
{
	return s->driver->check(s, a, problems, e);
}
