/* SPDX-License-Identifier: MIT */
#include "client/store_sql.h"

enum { NUMBER_MAX = 24 };

const char *const sql_text[SQL_COUNT] = {
#define SQL(name, text) [SQL_##name] = text,
#include "client/sql.def"
#undef SQL
};

struct store_sql {
	struct bi18n_allocator alloc;
	struct sql_driver      driver;
};

static const char *number(char buffer[NUMBER_MAX], int64_t v)
{
	snprintf(buffer, NUMBER_MAX, "%lld", (long long)v);
	return buffer;
}

static int64_t number_of(const char *text)
{
	int64_t v;

	return text != NULL && str_i64(str_from(text), INT64_MIN, INT64_MAX, &v) ? v : 0;
}

static enum bi18n_stored run_plain(const struct sql_driver *d, void *session, enum sql sql)
{
	enum bi18n_stored stored = d->run(session, sql, NULL, 0, NULL, NULL);

	return stored == BI18N_STORED_NONE ? BI18N_STORED : stored;
}

static enum bi18n_stored finish(const struct sql_driver *d, void *session, enum bi18n_stored stored)
{
	if (stored == BI18N_STORED)
		stored = run_plain(d, session, SQL_COMMIT);
	if (stored != BI18N_STORED)
		run_plain(d, session, SQL_ROLLBACK);
	return stored;
}

/* Schema ------------------------------------------------------------------------------------------- */

enum { SCHEMA_LATEST = 1, STEP_STATEMENTS_MAX = 4 };
static const enum sql steps[SCHEMA_LATEST][STEP_STATEMENTS_MAX] = {
	{ SQL_SCHEMA_1_CONNECTION, SQL_SCHEMA_1_PENDING, SQL_SCHEMA_1_PENDING_INDEX, SQL_COUNT },
};

static bool see_version(void *visitor, const char *const *columns)
{
	*(int64_t *)visitor = number_of(columns[0]);
	return true;
}

static enum bi18n_stored schema_step(const struct sql_driver *d, void *session, int64_t version)
{
	char        buffer[NUMBER_MAX];
	const char *parameters[] = { number(buffer, version + 1) };

	for (size_t i = 0; i < STEP_STATEMENTS_MAX && steps[version][i] != SQL_COUNT; i++) {
		enum bi18n_stored stored = run_plain(d, session, steps[version][i]);

		if (stored != BI18N_STORED)
			return stored;
	}
	return d->run(session, SQL_SCHEMA_VERSION_ADD, parameters, 1, NULL, NULL) <= BI18N_STORED_NONE
	       ? BI18N_STORED : BI18N_STORED_FAILED;
}

/* A newer schema than this library knows is refused: a newer process may rely on what this one would skip. */
static enum bi18n_stored schema_apply(const struct sql_driver *d, void *session)
{
	int64_t           version = 0;
	enum bi18n_stored stored = run_plain(d, session, SQL_SCHEMA_VERSION_TABLE);

	if (stored == BI18N_STORED)
		stored = d->run(session, SQL_SCHEMA_VERSION, NULL, 0, see_version, &version);
	if (stored == BI18N_STORED_NONE)
		stored = BI18N_STORED;
	if (version < 0 || version > SCHEMA_LATEST)
		return BI18N_STORED_CONFLICT;
	while (stored == BI18N_STORED && version < SCHEMA_LATEST)
		stored = schema_step(d, session, version++);
	return stored;
}

static enum bi18n_stored schema_open(const struct sql_driver *d)
{
	void             *session = d->acquire(d->context);
	enum bi18n_stored stored;

	if (session == NULL)
		return BI18N_STORED_FAILED;
	stored = d->begin(session, true);
	if (stored == BI18N_STORED)
		stored = finish(d, session, schema_apply(d, session));
	d->release(d->context, session);
	return stored;
}

/* Rows --------------------------------------------------------------------------------------------- */

struct seen {
	bi18n_row_fn     *row;
	bi18n_pending_fn *pending;
	void             *visitor;
};

static bool see_row(void *visitor, const char *const *c)
{
	struct seen     *seen = visitor;
	struct bi18n_row row = {
		.owner_id = c[0], .grant_id = c[1], .refresh_token = c[2], .organization_id = c[3],
		.scopes = c[4], .project_ids = c[5], .disconnected_at_ms = number_of(c[6]),
		.organization_slug = c[7], .project_access = c[8], .refresh_digest = c[9],
		.created_at_ms = number_of(c[10]), .updated_at_ms = number_of(c[11]),
	};

	return seen->row(seen->visitor, &row);
}

static bool see_pending(void *visitor, const char *const *c)
{
	struct seen         *seen = visitor;
	struct bi18n_pending pending = {
		.state_digest = c[0], .owner_id = c[1], .verifier = c[2], .redirect_uri = c[3], .scopes = c[4],
		.expires_at_ms = number_of(c[5]),
	};

	return seen->pending(seen->visitor, &pending);
}

static enum bi18n_stored ask(void *context, enum sql sql, const char *const *parameters, size_t n,
                             sql_row_fn *visit, struct seen *seen)
{
	struct store_sql *s = context;
	void             *session = s->driver.acquire(s->driver.context);
	enum bi18n_stored stored;

	if (session == NULL)
		return BI18N_STORED_FAILED;
	stored = s->driver.run(session, sql, parameters, n, visit, seen);
	s->driver.release(s->driver.context, session);
	return stored;
}

struct numbers { char disconnected[NUMBER_MAX], created[NUMBER_MAX], updated[NUMBER_MAX]; };

/* The columns of UPSERT up to refresh_digest, which SWAP shares. */
static void row_parameters(const struct bi18n_row *row, struct numbers *numbers, const char **out)
{
	out[0] = row->owner_id;
	out[1] = row->grant_id;
	out[2] = row->refresh_token;
	out[3] = row->organization_id;
	out[4] = row->scopes;
	out[5] = row->project_ids;
	out[6] = row->disconnected_at_ms == 0 ? NULL : number(numbers->disconnected, row->disconnected_at_ms);
	out[7] = row->organization_slug;
	out[8] = row->project_access;
	out[9] = row->refresh_digest;
}

static enum bi18n_stored upsert_one(const struct sql_driver *d, void *session, const struct bi18n_row *row)
{
	struct numbers numbers;
	const char    *p[SQL_PARAMETERS_MAX];

	row_parameters(row, &numbers, p);
	p[10] = number(numbers.created, row->created_at_ms);
	p[11] = number(numbers.updated, row->updated_at_ms);
	return d->run(session, SQL_UPSERT, p, 12, NULL, NULL);
}

static enum bi18n_stored sql_upsert(void *context, const struct bi18n_row *rows, size_t n)
{
	struct store_sql       *s = context;
	const struct sql_driver *d = &s->driver;
	void                   *session = d->acquire(d->context);
	enum bi18n_stored       stored;

	if (session == NULL)
		return BI18N_STORED_FAILED;
	stored = d->begin(session, false);
	if (stored == BI18N_STORED) {
		for (size_t i = 0; i < n && stored == BI18N_STORED; i++)
			stored = upsert_one(d, session, &rows[i]);
		stored = finish(d, session, stored);
	}
	d->release(d->context, session);
	return stored == BI18N_STORED_NONE ? BI18N_STORED_FAILED : stored;
}

static enum bi18n_stored sql_replace(void *context, const char *owner, const char *organization,
                                     const struct bi18n_row *row)
{
	const char              *p[] = { owner, organization };
	struct store_sql        *s = context;
	const struct sql_driver *d = &s->driver;
	void                    *session = d->acquire(d->context);
	enum bi18n_stored        stored;

	if (session == NULL)
		return BI18N_STORED_FAILED;
	stored = d->begin(session, false);
	if (stored == BI18N_STORED) {
		stored = d->run(session, SQL_REMOVE, p, COUNT(p), NULL, NULL);
		if (stored == BI18N_STORED && row != NULL)
			stored = upsert_one(d, session, row);
		stored = finish(d, session, stored);
	}
	d->release(d->context, session);
	return stored;
}

static enum bi18n_stored sql_find(void *context, const char *owner, const char *organization, bi18n_row_fn *visit,
                                  void *visitor)
{
	const char *p[] = { owner, organization };

	return ask(context, SQL_FIND, p, COUNT(p), see_row, &(struct seen){ .row = visit, .visitor = visitor });
}

static enum bi18n_stored sql_list(void *context, const char *owner, bi18n_row_fn *visit, void *visitor)
{
	struct seen seen = { .row = visit, .visitor = visitor };

	if (owner == NULL)
		return ask(context, SQL_LIST_ALL, NULL, 0, see_row, &seen);
	return ask(context, SQL_LIST_OWNER, &owner, 1, see_row, &seen);
}

static enum bi18n_stored sql_swap(void *context, const char *digest, const char *grant, const struct bi18n_row *row)
{
	struct numbers    numbers;
	const char       *p[SQL_PARAMETERS_MAX];
	enum bi18n_stored stored;

	row_parameters(row, &numbers, p);
	p[10] = number(numbers.updated, row->updated_at_ms);
	p[11] = digest;
	p[12] = grant;
	stored = ask(context, SQL_SWAP, p, 13, NULL, NULL);
	return stored == BI18N_STORED_NONE ? BI18N_STORED_CONFLICT : stored;
}

static enum bi18n_stored sql_pending_put(void *context, const struct bi18n_pending *pending, int64_t now_ms)
{
	char              now[NUMBER_MAX], expires[NUMBER_MAX];
	const char       *old[] = { number(now, now_ms) };
	const char       *p[] = { pending->state_digest, pending->owner_id, pending->verifier, pending->redirect_uri,
	                          pending->scopes, number(expires, pending->expires_at_ms) };
	enum bi18n_stored stored = ask(context, SQL_PENDING_FORGET, old, 1, NULL, NULL);

	if (stored > BI18N_STORED_NONE)
		return stored;
	stored = ask(context, SQL_PENDING_PUT, p, COUNT(p), NULL, NULL);
	return stored == BI18N_STORED_NONE ? BI18N_STORED : stored;
}

static enum bi18n_stored sql_pending_take(void *context, const char *digest, bi18n_pending_fn *visit, void *visitor)
{
	return ask(context, SQL_PENDING_TAKE, &digest, 1, see_pending,
	           &(struct seen){ .pending = visit, .visitor = visitor });
}

static void sql_close(void *context)
{
	struct store_sql      *s = context;
	struct bi18n_allocator alloc = s->alloc;

	s->driver.close(s->driver.context);
	plain_free(&alloc, s, sizeof(*s));
}

enum bi18n_stored store_sql_open(const struct sql_driver *driver, const struct bi18n_allocator *alloc,
                                 struct bi18n_store *out)
{
	struct store_sql *s = plain_alloc(alloc, sizeof(*s));
	enum bi18n_stored stored = s == NULL ? BI18N_STORED_NOMEM : schema_open(driver);

	if (stored != BI18N_STORED) {
		plain_free(alloc, s, sizeof(*s));
		driver->close(driver->context);
		return stored;
	}
	s->alloc = *alloc;
	s->driver = *driver;
	*out = (struct bi18n_store){
		.context = s, .upsert = sql_upsert, .find = sql_find, .list = sql_list, .swap = sql_swap,
		.replace = sql_replace,
		.pending_put = sql_pending_put, .pending_take = sql_pending_take, .close = sql_close,
	};
	return BI18N_STORED;
}
