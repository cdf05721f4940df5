/* SPDX-License-Identifier: MIT
 *
 * Numbered migrations, forward only. All missing ones are applied in one transaction, under a lock
 * that shuts out other nodes; what was applied is recorded with its checksum, and a store whose
 * record differs from this binary is refused rather than guessed at.
 *
 * The texts here are not in sql.def because they must work before there is a schema. */
#include "store/driver_int.h"

#include "base/clock.h"

#include <string.h>

static const char record_table[] =
	"CREATE TABLE IF NOT EXISTS schema_migration (version BIGINT PRIMARY KEY,"
	" name TEXT NOT NULL, checksum TEXT NOT NULL, applied_ms BIGINT NOT NULL)";
static const char record_select[] =
	"SELECT version, name, checksum FROM schema_migration ORDER BY version";
static const char record_insert[] =
	"INSERT INTO schema_migration (version, name, checksum, applied_ms)"
	" VALUES ($1, $2, $3, $4)";

static bool same_history(const struct rows *done, const struct migration *known, struct err *e)
{
	for (size_t i = 0; i < done->n; i++) {
		const struct migration *m = &known[i];
		int64_t version = CELL(done, i, 0).i;

		if (m->version == 0)
			return fault_set(e, ERR_CONFLICT, 0,
			                 "the store has schema %lld, newer than this bi18n knows "
			                 "(%lld): use the newer program",
			                 (long long)CELL(done, done->n - 1, 0).i,
			                 (long long)(i == 0 ? 0 : known[i - 1].version));
		if (m->version != version || !str_eq(CELL(done, i, 2).s, str_from(m->checksum)))
			return fault_set(e, ERR_CONFLICT, 0,
			                 "migration %lld (%s) of the store differs from the one in "
			                 "this program",
			                 (long long)version, m->name);
	}
	return true;
}

static bool apply(struct store *s, struct arena *a, const struct migration *m, struct err *e)
{
	struct rows none;
	struct err inner;
	const struct sql_arg args[] = {
		A_I64(m->version), A_TEXT(str_from(m->name)), A_TEXT(str_from(m->checksum)),
		A_I64(clock_now_ms()),
	};

	if (!s->driver->script(s->writer, m->text, &inner))
		return fault_set(e, inner.code, inner.sys, "migration %lld (%s): %.120s",
		                 (long long)m->version, m->name, inner.msg);
	return s->driver->query(s->writer, a, record_insert, args, COUNT(args), &none, e);
}

static bool apply_missing(struct store *s, struct arena *a, const struct migration *migrations,
                          struct err *e)
{
	struct rows done;

	if (!s->driver->lock_schema(s->writer, e) ||
	    !s->driver->script(s->writer, record_table, e) ||
	    !s->driver->query(s->writer, a, record_select, NULL, 0, &done, e) ||
	    !same_history(&done, migrations, e))
		return false;
	for (const struct migration *m = migrations + done.n; m->version != 0; m++)
		if (!apply(s, a, m, e))
			return false;
	return true;
}

static int64_t newest(const struct migration *m)
{
	int64_t version = 0;

	for (; m->version != 0; m++)
		version = m->version;
	return version;
}

bool migrate(struct store *s, const struct migration *migrations, struct err *e)
{
	struct arena *a = arena_create(4 * KIB);
	bool ok = s->driver->begin(s->writer, e);

	if (ok) {
		ok = apply_missing(s, a, migrations, e);
		if (!ok)
			s->driver->rollback(s->writer);
	}
	ok = ok && s->driver->commit(s->writer, e);
	if (ok)
		s->schema_version = newest(migrations);
	arena_destroy(a);
	return ok;
}
