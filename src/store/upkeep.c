/* SPDX-License-Identifier: MIT */
#include "store/upkeep.h"

static const struct {
	enum sql_id sql;
	const char *rule;
} checks[] = {
	{ SQL_ADMIN_CHECK_TEXT_WITHOUT_KEY, "texts without their key" },
	{ SQL_ADMIN_CHECK_GRANT_PROJECT_ELSEWHERE,
	  "grants that name a project of another organization" },
	{ SQL_ADMIN_CHECK_LIVE_FAMILY_OF_DEAD_GRANT, "live refresh tokens of revoked grants" },
	{ SQL_ADMIN_CHECK_LIVE_TOKEN_OF_DEAD_GRANT,
	  "installation tokens minted after their grant was revoked" },
	{ SQL_ADMIN_CHECK_ORGANIZATION_WITHOUT_OWNER, "organizations without an owner" },
	{ SQL_ADMIN_CHECK_PROJECT_WITHOUT_SNAPSHOT, "published projects without a live snapshot" },
	{ SQL_ADMIN_CHECK_STATE_UNKNOWN, "texts in an unknown state" },
};

bool store_invariants(struct store *s, struct arena *a, struct strs *problems, struct err *e)
{
	str *list = arena_array(a, str, problems->n + COUNT(checks));
	size_t n = problems->n;
	struct db *db;
	bool ok = true;

	for (size_t i = 0; i < n; i++)
		list[i] = problems->v[i];
	if (!store_read_begin(s, &db, e))
		return false;
	for (size_t i = 0; ok && i < COUNT(checks); i++) {
		struct rows rows;

		ok = DB_RUN0(db, a, checks[i].sql, &rows, e);
		if (ok && CELL(&rows, 0, 0).i != 0)
			list[n++] = arena_printf(a, "%lld %s", (long long)CELL(&rows, 0, 0).i,
						 checks[i].rule);
	}
	store_read_end(s, db);
	problems->v = list;
	problems->n = n;
	return ok;
}
