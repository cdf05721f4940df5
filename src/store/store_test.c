/* SPDX-License-Identifier: MIT */
#include "base/test.h"
#include "store/account.h"
#include "store/driver_int.h"
#include "store/fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Opening -------------------------------------------------------------------------------------- */

static void second_server(struct fixture *f)
{
	char want[128];
	struct store *second;
	struct err e;

	snprintf(want, sizeof(want), "another bi18n process (pid %ld) uses this data directory",
	         (long)getpid());
	CHECK(!store_open(&f->config, &second, &e));
	CHECK_I64(e.code, ERR_CONFLICT);
	CHECK_STR(str_from(e.say), str_from(want));
	fixture_reopen(f);      /* the lock is free again once the first has closed */
}
TEST(open_refuses_a_data_directory_in_use) { fixture_each(second_server); }

static unsigned mode_of(const char *dir, const char *name)
{
	char path[128];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	CHECK(stat(path, &st) == 0);
	return st.st_mode & 0777;
}

static bool put_one(struct db *db, struct arena *a, void *arg, struct err *e)
{
	return store_meta_set(db, a, str_from(arg), S("1"), e);
}

static void modes(struct fixture *f)
{
	struct store *store;
	struct err e;
	char dir[96];

	snprintf(dir, sizeof(dir), "%s/made", f->dir);
	store_close(f->store);
	f->store = NULL;
	f->config.data_dir = str_from(dir);
	CHECK(store_open(&f->config, &store, &e));
	f->store = store;
	CHECK(fixture_write(f, put_one, (void *)(uintptr_t)"k", &e));
	CHECK_I64(mode_of(dir, ""), 0700);
	CHECK_I64(mode_of(dir, "lock"), 0600);
	CHECK_I64(mode_of(dir, "bi18n.db"), 0600);
	CHECK_I64(mode_of(dir, "bi18n.db-wal"), 0600);
	CHECK_I64(mode_of(dir, "bi18n.db-shm"), 0600);
}
TEST(open_makes_files_that_only_the_owner_can_read) { fixture_embedded(modes); }

static void refused(const struct store_config *c, enum err_code code, const char *words)
{
	struct store *store;
	struct err e = { 0 };

	CHECK(!store_open(c, &store, &e));
	CHECK_I64(e.code, code);
	if (str_find(str_from(e.say), str_from(words)) < 0)
		CHECK_STR(str_from(e.say), str_from(words));
}

static void write_file(const char *dir, const char *name, const char *text)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "w");
	CHECK(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
}

static void remove_all(const char *dir)
{
	static const char *const names[] = { "lock", "file", "bi18n.db", "" };
	char path[128];

	for (size_t i = 0; i < COUNT(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		CHECK(remove(path) == 0);
	}
}

TEST(open_says_what_is_wrong_with_the_data_directory)
{
	char dir[] = "/tmp/bi18n-store-XXXXXX", file[64], missing[64];
	struct store_config c = {
		.readers = 1, .queue_max = 16, .batch_tasks_max = 16, .batch_ms_max = 5
	};

	CHECK(mkdtemp(dir) != NULL);
	snprintf(missing, sizeof(missing), "%s/none", dir);
	c.data_dir = str_from(missing);
	refused(&c, ERR_UNAVAILABLE, "there is no data directory /tmp/");
	c.data_dir = str_from(dir);
	refused(&c, ERR_UNAVAILABLE, "there is no store /tmp/");
	c.create = true;
	snprintf(missing, sizeof(missing), "%s/none/deeper", dir);
	c.data_dir = str_from(missing);
	refused(&c, ERR_UNAVAILABLE, "cannot make data directory /tmp/");
	write_file(dir, "file", "");
	snprintf(file, sizeof(file), "%s/file", dir);
	c.data_dir = str_from(file);
	refused(&c, ERR_UNAVAILABLE, "is not a directory");
	c.data_dir = STR_NONE;
	refused(&c, ERR_UNAVAILABLE, "the data directory has no usable name");
	c.data_dir = S("/proc/self");
	refused(&c, ERR_UNAVAILABLE, "cannot write in data directory /proc/self");
	c.data_dir = str_from(dir);
	write_file(dir, "bi18n.db",
	           "This is a text, and long enough that nobody can take it for an empty file. "
	           "SQLite looks at the first hundred bytes before it says so.");
	refused(&c, ERR_UNAVAILABLE, "bi18n.db is not a database of bi18n, or it is damaged");
	c.database = S("mysql://localhost/x");
	refused(&c, ERR_INVALID_REQUEST, "database must be sqlite or start with postgres://");
	c.database = S("postgres://u:secret@[/x");
	refused(&c, ERR_INVALID_REQUEST, "the database address is not a valid postgres:// URL");
	c.database = S("postgres:///x?host=/tmp/bi18n-no-such-directory");
	refused(&c, ERR_UNAVAILABLE, "cannot connect to the database:");
	remove_all(dir);
}

static void foreign_database(struct fixture *f)
{
	struct err e;

	CHECK(f->store->driver->script(f->store->writer, "PRAGMA application_id = 77", &e));
	store_close(f->store);
	f->store = NULL;
	refused(&f->config, ERR_UNAVAILABLE, "bi18n.db is the database of another program");
}
TEST(open_refuses_the_database_of_another_program) { fixture_embedded(foreign_database); }

/* Reading -------------------------------------------------------------------------------------- */

static bool known(struct db *db, struct arena *a, const char *name)
{
	struct err e;
	str value;

	CHECK(store_meta_get(db, a, str_from(name), &value, &e));
	return value.p != NULL;
}

static void one_view(struct fixture *f)
{
	struct db *db;
	struct err e;

	CHECK(store_read_begin(f->store, &db, &e));
	CHECK(!known(db, f->arena, "new"));
	CHECK(fixture_write(f, put_one, (void *)(uintptr_t)"new", &e));
	CHECK(!known(db, f->arena, "new"));
	store_read_end(f->store, db);
	CHECK(known(fixture_read(f), f->arena, "new"));
	CHECK(!db_is_writer(fixture_read(f)));
}
TEST(read_sees_one_view_until_it_ends) { fixture_each(one_view); }

static void cannot_write(struct fixture *f)
{
	struct err e;

	CHECK(!store_meta_set(fixture_read(f), f->arena, S("k"), S("v"), &e));
	fixture_read_end(f);
	CHECK(!known(fixture_read(f), f->arena, "k"));
}
TEST(read_connections_cannot_write) { fixture_each(cannot_write); }

static void *end_later(void *arg)
{
	struct fixture *f = arg;

	nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
	store_read_end(f->store, f->reader);
	return NULL;
}

static void waits(struct fixture *f)
{
	struct db *db;
	struct err e;
	pthread_t thread;

	f->config.readers = 1;
	fixture_reopen(f);
	(void)fixture_read(f);
	CHECK(pthread_create(&thread, NULL, end_later, f) == 0);
	CHECK(store_read_begin(f->store, &db, &e));
	CHECK(db == f->reader);
	pthread_join(thread, NULL);
	f->reader = NULL;
	store_read_end(f->store, db);
}
TEST(read_waits_for_a_free_connection) { fixture_embedded(waits); }

/* Statements ----------------------------------------------------------------------------------- */

enum { PEOPLE = 700 };

static bool add_people(struct db *db, struct arena *a, void *arg, struct err *e)
{
	(void)arg;
	for (int i = 0; i < PEOPLE; i++) {
		const struct account one = {
			.public_id = arena_printf(a, "acc_%d", i),
			.email = arena_printf(a, "p%d@example.org", i),
			.created_ms = i,
		};
		int64_t id;

		if (!store_account_insert(db, a, &one, &id, e))
			return false;
	}
	return true;
}

struct visit { struct db *db; struct arena *a; int64_t n, stop_at; };

static bool count_row(const struct cell *row, void *arg)
{
	struct visit *v = arg;

	CHECK_I64(row[5].i, v->n);
	return ++v->n != v->stop_at;
}

static void streams(struct fixture *f)
{
	const struct sql_arg all[] = { A_I64(0), A_I64(1000000) };
	struct visit v = { 0 };
	struct account_list list;
	struct err e;

	CHECK(fixture_write(f, add_people, NULL, &e));
	CHECK(db_each(fixture_read(f), f->arena, SQL_ACCOUNT_LIST, all, COUNT(all), count_row, &v,
	              &e));
	CHECK_I64(v.n, PEOPLE);
	v = (struct visit){ .stop_at = 10 };
	CHECK(db_each(fixture_read(f), f->arena, SQL_ACCOUNT_LIST, all, COUNT(all), count_row, &v,
	              &e));
	CHECK_I64(v.n, 10);
	CHECK(store_account_list(fixture_read(f), f->arena, 0, 1000000, &list, &e));
	CHECK_I64((int64_t)list.n, PEOPLE);
	for (int i = 0; i < PEOPLE; i++)
		CHECK_I64(list.v[i].created_ms, i);
}
TEST(each_visits_the_rows_in_order_and_stops_when_told) { fixture_each(streams); }

static bool ask_inside(const struct cell *row, void *arg)
{
	struct visit *v = arg;
	struct err e;
	str value;

	(void)row;
	CHECK(!store_meta_get(v->db, v->a, S("k"), &value, &e));
	CHECK_I64(e.code, ERR_INTERNAL);
	v->n++;
	return true;
}

static void nested(struct fixture *f)
{
	const struct sql_arg all[] = { A_I64(0), A_I64(3) };
	struct visit v = { .db = fixture_read(f), .a = f->arena };
	struct err e;

	CHECK(fixture_write(f, add_people, NULL, &e));
	v.db = fixture_read(f);
	CHECK(db_each(v.db, f->arena, SQL_ACCOUNT_LIST, all, COUNT(all), ask_inside, &v, &e));
	CHECK_I64(v.n, 3);
	CHECK(!known(fixture_read(f), f->arena, "k"));
}
TEST(each_refuses_statements_of_the_same_connection_inside) { fixture_each(nested); }

static bool odd_texts(struct db *db, struct arena *a, void *arg, struct err *e)
{
	str value;

	(void)arg;
	CHECK(!store_meta_set(db, a, S("k"), S("a\0b"), e));
	CHECK_I64(e->code, ERR_INVALID_REQUEST);
	CHECK(store_meta_set(db, a, S("empty"), S(""), e));
	CHECK(store_meta_get(db, a, S("empty"), &value, e));
	CHECK_STR(value, S(""));
	CHECK(store_meta_set(db, a, S("wide"), S("\xf0\x9f\x8c\x8d '\"\\ \x01"), e));
	CHECK(store_meta_get(db, a, S("wide"), &value, e));
	CHECK_STR(value, S("\xf0\x9f\x8c\x8d '\"\\ \x01"));
	return true;
}

static void texts(struct fixture *f)
{
	struct err e;

	CHECK(fixture_write(f, odd_texts, NULL, &e));
}
TEST(statements_keep_any_text_but_refuse_a_nul) { fixture_each(texts); }

static void types(struct fixture *f)
{
	const struct sql_arg args[] = { A_I64(INT64_MIN), A_TEXT(S("t")), A_BYTES("\0\xff", 2),
		                        A_NULL, A_TEXT(STR_NONE) };
	const char *sql = store_is_postgres(f->store)
	                          ? "SELECT CAST($1 AS BIGINT), CAST($2 AS TEXT), CAST($3 AS "
	                            "BYTEA), CAST($4 AS BIGINT),"
	                            " CAST($5 AS TEXT), 2 > 1, 7, CAST('' AS BYTEA)"
	                          : "SELECT $1, $2, $3, $4, $5, 2 > 1, 7, x''";
	struct rows r;
	struct err e;

	CHECK(f->store->driver->query(fixture_read(f), f->arena, sql, args, COUNT(args), &r, &e));
	CHECK_I64((int64_t)r.cols, 8);
	CHECK(CELL(&r, 0, 0).i == INT64_MIN && !CELL(&r, 0, 0).null);
	CHECK_STR(CELL(&r, 0, 1).s, S("t"));
	CHECK_STR(CELL(&r, 0, 2).s, S("\0\xff"));
	CHECK(CELL(&r, 0, 3).null && CELL(&r, 0, 4).null && CELL(&r, 0, 4).s.p == NULL);
	CHECK_I64(CELL(&r, 0, 5).i, 1);
	CHECK_I64(CELL(&r, 0, 6).i, 7);
	CHECK(!CELL(&r, 0, 7).null);
	CHECK_STR(CELL(&r, 0, 7).s, S(""));
}
TEST(statements_carry_integers_texts_bytes_and_null) { fixture_each(types); }

static void wrong_order(struct fixture *f)
{
	const struct sql_arg args[] = { A_I64(1), A_I64(2) };
	struct rows r;
	struct err e;

	CHECK(!f->store->driver->query(fixture_read(f), f->arena, "SELECT $2, $1", args,
	                               COUNT(args), &r, &e));
	CHECK(str_find(str_from(e.msg), S("parameter 1 is $2, must be $1")) >= 0);
	CHECK(!f->store->driver->query(fixture_read(f), f->arena, "SELECT ?, ?", args, COUNT(args),
	                               &r, &e));
	CHECK(!db_run(fixture_read(f), f->arena, SQL_META_GET, args, COUNT(args), &r, &e));
	CHECK(str_find(str_from(e.msg), S("META_GET: takes 1 parameters, got 2")) >= 0);
}
TEST(statements_must_number_their_parameters_in_order) { fixture_embedded(wrong_order); }

/* Operator ------------------------------------------------------------------------------------- */

static void backup(struct fixture *f)
{
	char dir[96], file[128];
	struct strs problems = { 0 };
	struct err e;

	CHECK(fixture_write(f, add_people, NULL, &e));
	snprintf(dir, sizeof(dir), "%s/copy", f->dir);
	CHECK(mkdir(dir, 0700) == 0);
	snprintf(file, sizeof(file), "%s/bi18n.db", dir);
	CHECK(store_backup(f->store, str_from(file), &e));
	CHECK_I64(mode_of(dir, "bi18n.db"), 0600);
	CHECK(!store_backup(f->store, str_from(file), &e));
	CHECK_I64(e.code, ERR_CONFLICT);

	store_close(f->store);
	f->config.data_dir = str_from(dir);
	CHECK(store_open(&f->config, &f->store, &e));
	CHECK(store_check(f->store, f->arena, &problems, &e));
	CHECK_I64((int64_t)problems.n, 0);
	{
		struct account_list list;

		CHECK(store_account_list(fixture_read(f), f->arena, 0, 1000000, &list, &e));
		CHECK_I64((int64_t)list.n, PEOPLE);
	}
}
TEST(backup_is_a_whole_store_and_never_overwrites) { fixture_embedded(backup); }

static void backup_elsewhere(struct fixture *f)
{
	struct err e;

	CHECK(!store_backup(f->store, S("/tmp/never"), &e));
	CHECK_I64(e.code, ERR_NOT_IMPLEMENTED);
	CHECK(str_find(str_from(e.say), S("pg_dump")) >= 0);
}
TEST(backup_of_postgres_names_pg_dump) { fixture_postgres(backup_elsewhere); }

static void sick(struct fixture *f)
{
	struct strs problems = { 0 };
	struct err e;

	CHECK(store_check(f->store, f->arena, &problems, &e));
	CHECK_I64((int64_t)problems.n, 0);
	if (store_is_postgres(f->store))
		return;
	CHECK(f->store->driver->script(
		f->store->writer,
		"PRAGMA foreign_keys = OFF; INSERT INTO member VALUES (5, 6, 'owner', 1);", &e));
	CHECK(store_check(f->store, f->arena, &problems, &e));
	CHECK_I64((int64_t)problems.n, 2);
	CHECK(str_find(problems.v[0], S("member refers to a missing row of")) >= 0);
}
TEST(check_names_rows_that_refer_to_nothing) { fixture_each(sick); }

/* Write-ahead log ------------------------------------------------------------------------------ */

enum { BIG_BYTES = 256 * 1024, BIG_WRITES = 600, WAL_BYTES_MAX = 100 * 1024 * 1024 };

static bool write_big(struct db *db, struct arena *a, void *arg, struct err *e)
{
	const str big = { arg, BIG_BYTES };

	return store_meta_set(db, a, S("big"), big, e);
}

static void wal(struct fixture *f)
{
	char path[128], *big = malloc(BIG_BYTES);
	struct stat st;
	struct err e;

	memset(big, 'x', BIG_BYTES);
	for (int i = 0; i < BIG_WRITES; i++) {
		CHECK(fixture_write(f, write_big, big, &e));
		arena_reset(f->arena);
	}
	free(big);
	snprintf(path, sizeof(path), "%s/bi18n.db-wal", f->dir);
	CHECK(stat(path, &st) == 0);
	CHECK(st.st_size < WAL_BYTES_MAX);
}
TEST(wal_stays_bounded_under_writes) { fixture_embedded(wal); }
