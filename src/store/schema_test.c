/* SPDX-License-Identifier: MIT
 *
 * Migrations, the two schemas against each other, and how every statement is executed. */
#include "base/test.h"
#include "store/driver_int.h"
#include "store/fixture.h"

#include <stdio.h>
#include <string.h>

enum { ARGUMENTS_MAX = 64 };

/* The number of the last parameter. */
static size_t parameters(const char *sql)
{
	size_t most = 0;

	for (const char *p = strchr(sql, '$'); p != NULL; p = strchr(p + 1, '$')) {
		size_t n = (size_t)(p[1] - '0') * (p[1] >= '1' && p[1] <= '9');

		if (n > 0 && p[2] >= '0' && p[2] <= '9')
			n = n * 10 + (size_t)(p[2] - '0');
		most = n > most ? n : most;
	}
	CHECK(most <= ARGUMENTS_MAX);
	return most;
}

/* All parameters are NULL. */
static struct rows query(struct fixture *f, const char *sql)
{
	static const struct sql_arg nulls[ARGUMENTS_MAX];      /* SQL_ARG_NULL is 0 */
	struct rows r;
	struct err e = { 0 };
	struct db *db = fixture_read(f);

	if (!f->store->driver->query(db, f->arena, sql, nulls, parameters(sql), &r, &e))
		fprintf(stderr, "%s\n", e.msg);
	CHECK(e.code == ERR_NONE);
	fixture_read_end(f);
	return r;
}

static int64_t migrations_known(const struct migration *m)
{
	int64_t n = 0;

	for (; m[n].version != 0; n++)
		CHECK_I64(m[n].version, n + 1);
	return n;
}

static void twice(struct fixture *f)
{
	const char *recorded =
		"SELECT version, name, checksum FROM schema_migration ORDER BY version";
	struct rows before = query(f, recorded), after;
	int64_t known = migrations_known(f->store->driver->migrations);

	CHECK_I64(store_schema_version(f->store), known);
	fixture_reopen(f);
	after = query(f, recorded);
	CHECK_I64((int64_t)before.n, known);
	CHECK_I64((int64_t)after.n, known);
	CHECK_STR(CELL(&after, 0, 2).s, str_from(f->store->driver->migrations[0].checksum));
	CHECK_I64((int64_t)CELL(&after, 0, 2).s.n, 64);
}
TEST(migrate_does_nothing_the_second_time) { fixture_each(twice); }

static void changed_file(struct fixture *f)
{
	struct migration changed[] = { f->store->driver->migrations[0], { 0 } };
	struct err e;

	changed[0].checksum = "0000";
	CHECK(!migrate(f->store, changed, &e));
	CHECK_I64(e.code, ERR_CONFLICT);
	CHECK_STR(str_from(e.say),
	          S("migration 1 (foundation) of the store differs from the one in this program"));
}
TEST(migrate_refuses_a_store_whose_history_differs) { fixture_each(changed_file); }

static void newer_store(struct fixture *f)
{
	const struct migration none[] = { { 0 } };
	struct err e;

	CHECK(!migrate(f->store, none, &e));
	CHECK_I64(e.code, ERR_CONFLICT);
	CHECK(str_find(str_from(e.say), S("newer than this bi18n knows")) >= 0);
}
TEST(migrate_refuses_a_store_of_a_newer_program) { fixture_each(newer_store); }

static void broken_migration(struct fixture *f)
{
	const struct migration more[] = {
		f->store->driver->migrations[0],
		{ 2, "good", "aa", "CREATE TABLE half_way (id BIGINT);" },
		{ 3, "bad", "bb", "CREATE TABLE half_way (id BIGINT);" },
		{ 0 },
	};
	const struct migration good[] = { more[0], more[1], { 0 } };
	struct rows recorded;
	struct err e;

	CHECK(!migrate(f->store, more, &e));
	CHECK(str_find(str_from(e.msg), S("migration 3 (bad)")) >= 0);
	recorded = query(f, "SELECT COUNT(*) FROM schema_migration");
	CHECK_I64(CELL(&recorded, 0, 0).i, 1);
	CHECK(migrate(f->store, good, &e));
	CHECK_I64(store_schema_version(f->store), 2);
}
TEST(migrate_applies_all_or_nothing) { fixture_each(broken_migration); }

/* Both schemas --------------------------------------------------------------------------------- */

static const char columns_sqlite[] =
	"SELECT t.name || '.' || c.name || ' ' ||"
	" CASE upper(c.type) WHEN 'INTEGER' THEN 'bigint' WHEN 'BIGINT' THEN 'bigint'"
	"  WHEN 'BLOB' THEN 'bytea' ELSE 'text' END"
	" || CASE WHEN c.\"notnull\" OR c.pk > 0 THEN ' not null' ELSE '' END"
	" || CASE WHEN c.dflt_value IS NULL THEN '' ELSE ' default ' || c.dflt_value END"
	" FROM sqlite_schema t, pragma_table_info(t.name) c"
	" WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%' ORDER BY 1";
static const char columns_postgres[] =
	"SELECT c.table_name || '.' || c.column_name || ' ' || c.data_type"
	" || CASE WHEN c.is_nullable = 'NO' THEN ' not null' ELSE '' END"
	" || CASE WHEN c.column_default IS NULL THEN '' ELSE ' default ' ||"
	"   replace(replace(replace(c.column_default, '::text', ''), '::integer', ''),"
	"           '''-1''', '-1') END"
	" FROM information_schema.columns c WHERE c.table_schema = current_schema()"
	" ORDER BY (c.table_name || '.' || c.column_name || ' ' || c.data_type) COLLATE \"C\"";

/* name, table, unique, columns, has a condition */
static const char indexes_sqlite[] =
	"SELECT i.name || ' on ' || i.tbl_name || ' (' ||"
	" (SELECT group_concat(x.name, ',') FROM pragma_index_info(i.name) x)"
	" || ')' || CASE l.\"unique\" WHEN 1 THEN ' unique' ELSE '' END"
	" || CASE l.partial WHEN 1 THEN ' where' ELSE '' END"
	" FROM sqlite_schema i JOIN pragma_index_list(i.tbl_name) l ON l.name = i.name"
	" WHERE i.type = 'index' AND i.sql IS NOT NULL ORDER BY 1";
static const char indexes_postgres[] =
	"SELECT CAST(c.relname AS TEXT) || ' on ' || CAST(t.relname AS TEXT) || ' (' ||"
	" (SELECT string_agg(CAST(a.attname AS TEXT), ',' ORDER BY k.n)"
	"  FROM unnest(i.indkey) WITH ORDINALITY k(num, n)"
	"  JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.num)"
	" || ')' || CASE WHEN i.indisunique THEN ' unique' ELSE '' END"
	" || CASE WHEN i.indpred IS NOT NULL THEN ' where' ELSE '' END"
	" FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
	" JOIN pg_class t ON t.oid = i.indrelid"
	" JOIN pg_namespace n ON n.oid = t.relnamespace WHERE n.nspname = current_schema()"
	" AND NOT EXISTS (SELECT 1 FROM pg_constraint x WHERE x.conindid = i.indexrelid)"
	" ORDER BY (CAST(c.relname AS TEXT)) COLLATE \"C\"";

static struct { char text[64 * 1024]; size_t n; } other;

static void remember(struct fixture *f, const char *sql)
{
	struct rows r = query(f, sql);

	CHECK(r.n > 10);
	other.n = 0;
	for (size_t i = 0; i < r.n; i++)
		other.n += (size_t)snprintf(other.text + other.n, sizeof(other.text) - other.n,
		                            FMT_STR "\n", ARG_STR(CELL(&r, i, 0).s));
	CHECK(other.n < sizeof(other.text));
}

static void compare(struct fixture *f, const char *sql)
{
	struct rows r = query(f, sql);
	str rest = { other.text, other.n - 1 }, line;

	for (size_t i = 0; i < r.n; i++) {
		CHECK(str_cut(&rest, '\n', &line));
		CHECK_STR(CELL(&r, i, 0).s, line);
	}
	CHECK(rest.p == NULL);
}

static void remember_columns(struct fixture *f) { remember(f, columns_sqlite); }
static void compare_columns(struct fixture *f) { compare(f, columns_postgres); }
TEST(schemas_have_the_same_columns)
{
	fixture_compare(remember_columns, compare_columns);
}

static void remember_indexes(struct fixture *f) { remember(f, indexes_sqlite); }
static void compare_indexes(struct fixture *f) { compare(f, indexes_postgres); }
TEST(schemas_have_the_same_indexes)
{
	fixture_compare(remember_indexes, compare_indexes);
}

static void byte_order(struct fixture *f)
{
	static const char unsorted[] =
		"SELECT c.table_name || '.' || c.column_name FROM information_schema.columns c"
		" WHERE c.table_schema = current_schema() AND c.data_type = 'text'"
		" AND c.table_name <> 'schema_migration' AND c.collation_name IS DISTINCT FROM 'C'";
	struct rows r = query(f, unsorted);

	for (size_t i = 0; i < r.n; i++)
		fprintf(stderr, FMT_STR " does not sort by bytes\n", ARG_STR(CELL(&r, i, 0).s));
	CHECK_I64((int64_t)r.n, 0);
}
TEST(schema_of_postgres_sorts_text_by_bytes) { fixture_postgres(byte_order); }

/* Statements ----------------------------------------------------------------------------------- */

/* These may read a table whole: at start, for the operator, for lists of everything. */
static bool may_scan(str name)
{
	return str_starts(name, S("LOAD_")) || str_starts(name, S("ADMIN_")) ||
	       str_starts(name, S("LIST_ALL_"));
}

static bool is_table(struct fixture *f, str name)
{
	const struct sql_arg arg = A_TEXT(name);
	struct rows r;
	struct err e;

	CHECK(f->store->driver->query(
		fixture_read(f), f->arena,
		"SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = $1", &arg, 1, &r, &e));
	return r.n > 0;
}

/* "SCAN p" walks the table; p may be an alias, which is then looked up in the text. */
static bool alias_is_table(struct fixture *f, const char *text, str alias)
{
	char pattern[160];
	const char *at;

	if (is_table(f, alias))
		return true;
	snprintf(pattern, sizeof(pattern), " " FMT_STR, ARG_STR(alias));
	for (at = strstr(text, pattern); at != NULL; at = strstr(at + 1, pattern)) {
		const char *end = at, *start;

		for (start = end;
		     start > text && start[-1] != ' ' && start[-1] != ',' && start[-1] != '(';
		     start--)
			;
		if (end > start && is_table(f, (str){ start, (size_t)(end - start) }))
			return true;
	}
	return false;
}

static bool scans(struct fixture *f, const char *text, str step)
{
	str alias;

	if (!str_starts(step, S("SCAN ")) || str_find(step, S("USING")) >= 0 ||
	    str_find(step, S("VIRTUAL TABLE")) >= 0)
		return false;
	step = str_from_at(step, 5);
	CHECK(str_cut(&step, ' ', &alias));
	return alias_is_table(f, text, alias);
}

/* The plan of an INSERT also names the children of its table, searched only to settle deferred
 * foreign keys. There are none, so the INSERTs are explained without foreign keys. */
static struct rows plan_of(struct fixture *f, struct db *db, const char *text)
{
	static const struct sql_arg nulls[ARGUMENTS_MAX];
	bool insert = strncmp(text, "INSERT", 6) == 0;
	char explain[16384];
	struct rows r;
	struct err e = { 0 };

	CHECK((size_t)snprintf(explain, sizeof(explain), "EXPLAIN QUERY PLAN %s", text) <
	      sizeof(explain));
	CHECK(f->store->driver->script(
		db, insert ? "PRAGMA foreign_keys = OFF" : "PRAGMA foreign_keys = ON", &e));
	CHECK(f->store->driver->query(db, f->arena, explain, nulls, parameters(text), &r, &e));
	return r;
}

static void plans(struct fixture *f)
{
	struct db *db;
	struct err e;
	int64_t bad = 0;

	CHECK(f->store->driver->connect(f->store, CONNECTION_READER, &db, &e));
	for (int id = 0; id < SQL_COUNT; id++) {
		const struct sql_text *t = &sql_texts[id];
		struct rows r = plan_of(f, db, t->sqlite);

		for (size_t i = 0; i < r.n; i++)
			if (!may_scan(str_from(t->name)) && scans(f, t->sqlite, CELL(&r, i, 3).s)) {
				fprintf(stderr, "%s: " FMT_STR "\n", t->name,
				        ARG_STR(CELL(&r, i, 3).s));
				bad++;
			}
		arena_reset(f->arena);
	}
	f->store->driver->disconnect(db);
	CHECK_I64(bad, 0);
}
TEST(statements_of_a_request_path_use_an_index) { fixture_embedded(plans); }
