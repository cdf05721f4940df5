/* SPDX-License-Identifier: MIT */
#include "store/erase.h"

#include "store/driver_int.h"

/* Children before parents. */
static const enum sql_id of_app[] = {
	SQL_ADMIN_ERASE_TOKENS_OF_APP,  SQL_ADMIN_ERASE_FAMILIES_OF_APP, SQL_ADMIN_ERASE_PROJECTS_OF_APP,
	SQL_ADMIN_ERASE_ALIASES_OF_APP, SQL_ADMIN_ERASE_CODES_OF_APP,    SQL_ADMIN_ERASE_REQUESTS_OF_APP,
	SQL_ADMIN_ERASE_GRANTS_OF_APP,  SQL_ADMIN_ERASE_APP_SECRETS,     SQL_ADMIN_ERASE_APP_REDIRECTS,
};
static const enum sql_id of_account[] = {
	SQL_ADMIN_ERASE_TOKENS_OF_ACCOUNT,   SQL_ADMIN_ERASE_FAMILIES_OF_ACCOUNT,
	SQL_ADMIN_ERASE_PROJECTS_OF_ACCOUNT, SQL_ADMIN_ERASE_ALIASES_OF_ACCOUNT,
	SQL_ADMIN_ERASE_CODES_OF_ACCOUNT,    SQL_ADMIN_ERASE_REQUESTS_OF_ACCOUNT,
	SQL_ADMIN_ERASE_GRANTS_OF_ACCOUNT,   SQL_ADMIN_ERASE_SESSIONS,
	SQL_ADMIN_ERASE_IDENTITIES,          SQL_ADMIN_ERASE_MEMBERSHIPS,
	SQL_ADMIN_ERASE_NOTICES,             SQL_ADMIN_ERASE_MAKER_OF_KEYS,
	SQL_ADMIN_ERASE_MAKER_OF_APPS,
};

static bool erase(struct db *db, struct arena *a, const enum sql_id *steps, size_t n, int64_t id,
                  struct err *e)
{
	struct rows rows;

	for (size_t i = 0; i < n; i++) {
		if (!DB_RUN(db, a, steps[i], &rows, e, A_I64(id)))
			return false;
	}
	return true;
}

/* The last row says whether it was there; the caller's savepoint goes back when it was not. */
static bool erase_last(struct db *db, struct arena *a, enum sql_id sql, int64_t id, bool *done_out,
                       struct err *e)
{
	struct rows rows;

	if (!DB_RUN(db, a, sql, &rows, e, A_I64(id)))
		return false;
	*done_out = rows.changed > 0;
	return true;
}

bool store_app_erase(struct db *db, struct arena *a, int64_t app_id, bool *done_out, struct err *e)
{
	return erase(db, a, of_app, COUNT(of_app), app_id, e) &&
	       erase_last(db, a, SQL_ADMIN_ERASE_APP, app_id, done_out, e);
}

bool store_account_erase(struct db *db, struct arena *a, int64_t account_id, bool *done_out, struct err *e)
{
	return erase(db, a, of_account, COUNT(of_account), account_id, e) &&
	       erase_last(db, a, SQL_ADMIN_ERASE_ACCOUNT, account_id, done_out, e);
}

bool store_account_erase_traces(struct db *db, struct arena *a, int64_t account_id, int64_t after_id,
                                int64_t until_id, struct err *e)
{
	struct rows rows;

	return DB_RUN(db, a, SQL_ADMIN_ERASE_TRACES, &rows, e, A_I64(account_id), A_I64(after_id),
	              A_I64(until_id));
}

static bool one_text(struct db *db, struct arena *a, enum sql_id sql, int64_t id, str *out, struct err *e)
{
	struct rows rows;

	if (!DB_RUN(db, a, sql, &rows, e, A_I64(id)))
		return false;
	*out = rows.n > 0 ? CELL(&rows, 0, 0).s : STR_NONE;
	return true;
}

bool store_account_leaves_alone(struct db *db, struct arena *a, int64_t account_id, struct left_alone *out,
                                struct err *e)
{
	return one_text(db, a, SQL_ADMIN_ALONE_OWNED, account_id, &out->organization_slug, e) &&
	       one_text(db, a, SQL_ADMIN_ALONE_REGISTERED, account_id, &out->client_id, e);
}
