/* SPDX-License-Identifier: MIT */
#include "store/bearer.h"

enum { SCRATCH_BYTES = 16 * 1024 };

/* One callback for all tables: what a row becomes, and whom to hand it to. */
struct each {
	struct arena *scratch;           /* of one row */
	void (*fn)(void);
	void *arg;
};

static bool run_each(struct db *db, struct arena *a, enum sql_id id, const struct sql_arg *args,
		     size_t args_n, bool (*row)(const struct cell *, void *), void (*fn)(void),
		     void *arg, struct err *e)
{
	struct each each = { arena_create(SCRATCH_BYTES), fn, arg };
	bool ok = db_each(db, a, id, args, args_n, row, &each, e);

	arena_destroy(each.scratch);
	return ok;
}

/* Organizations and grants ------------------------------------------------------------------- */

static bool organization_row(const struct cell *c, void *arg)
{
	const struct each *each = arg;
	struct organization o = {
		.id = c[0].i, .public_id = c[1].s, .slug = c[2].s, .name = c[3].s
	};

	return ((bool (*)(const struct organization *, void *))each->fn)(&o, each->arg);
}

bool store_bearer_organizations_each(struct db *db, struct arena *a,
				     bool (*fn)(const struct organization *, void *), void *arg,
				     struct err *e)
{
	return run_each(db, a, SQL_LOAD_BEARER_ORGANIZATIONS, NULL, 0, organization_row,
			(void (*)(void))fn, arg, e);
}

static struct grant grant_from(struct arena *a, const struct cell *c)
{
	return (struct grant){
		.id = c[0].i,
		.public_id = arena_str(a, c[1].s),
		.app_id = c[2].i,
		.account_id = c[3].i,
		.organization_id = c[4].i,
		.scopes = c[5].i,
		.projects = project_set_parse(a, c[6].s, c[7].s),
		.version = c[8].i,
		.created_ms = c[9].i,
		.expires_ms = c[10].i,
		.suspended_ms = c[11].i,
		.revoked_ms = c[12].i,
	};
}

static bool grant_row(const struct cell *c, void *arg)
{
	const struct each *each = arg;
	struct grant g;

	arena_reset(each->scratch);
	g = grant_from(each->scratch, c);
	return ((bool (*)(const struct grant *, void *))each->fn)(&g, each->arg);
}

bool store_bearer_grants_each(struct db *db, struct arena *a, int64_t revoked_since_ms,
                              bool (*fn)(const struct grant *, void *), void *arg, struct err *e)
{
	struct sql_arg args[] = { A_I64(revoked_since_ms) };

	return run_each(db, a, SQL_LOAD_BEARER_GRANTS, args, COUNT(args), grant_row,
			(void (*)(void))fn, arg, e);
}

bool store_bearer_grant(struct db *db, struct arena *a, int64_t id, struct grant *out,
			struct err *e)
{
	struct rows rows;

	if (!DB_RUN(db, a, SQL_BEARER_GRANT, &rows, e, A_I64(id)))
		return false;
	*out = rows.n == 0 ? (struct grant){ 0 } : grant_from(a, rows.cells);
	return true;
}

static bool alias_row(const struct cell *c, void *arg)
{
	const struct each *each = arg;

	return ((bool (*)(str, int64_t, void *))each->fn)(c[0].s, c[1].i, each->arg);
}

bool store_bearer_aliases_each(struct db *db, struct arena *a, bool (*fn)(str, int64_t, void *),
			       void *arg, struct err *e)
{
	return run_each(db, a, SQL_LOAD_BEARER_ALIASES, NULL, 0, alias_row, (void (*)(void))fn, arg,
			e);
}

/* The id in the first cell of the first row; 0: no row. */
static bool run_id(struct db *db, struct arena *a, enum sql_id id, const struct sql_arg *args,
		   size_t args_n, int64_t *out, struct err *e)
{
	struct rows rows;

	if (!db_run(db, a, id, args, args_n, &rows, e))
		return false;
	*out = rows.n == 0 ? 0 : rows.cells[0].i;
	return true;
}

bool store_bearer_grant_id(struct db *db, struct arena *a, str public_id, int64_t *id_out,
			   struct err *e)
{
	struct sql_arg args[] = { A_TEXT(public_id) };

	return run_id(db, a, SQL_BEARER_GRANT_ID, args, COUNT(args), id_out, e);
}

bool store_bearer_grant_id_of(struct db *db, struct arena *a, str public_id, int64_t app_id,
			      int64_t account_id, int64_t *id_out, struct err *e)
{
	struct sql_arg args[] = { A_TEXT(public_id), A_I64(app_id), A_I64(account_id) };

	return run_id(db, a, SQL_BEARER_GRANT_ID_OF, args, COUNT(args), id_out, e);
}

/* Tokens, families, sessions ----------------------------------------------------------------- */

static bool token_row(const struct cell *c, void *arg)
{
	const struct each *each = arg;
	struct stored_token t = { .digest = c[0].s,
				  .grant_public_id = c[1].s,
				  .grant_id = c[2].i,
				  .scopes = c[3].i,
				  .expires_ms = c[4].i,
				  .disabled = c[7].i != 0,
				  .created_ms = c[8].i };

	arena_reset(each->scratch);
	t.projects = project_set_parse(each->scratch, c[5].s, c[6].s);
	return ((bool (*)(const struct stored_token *, void *))each->fn)(&t, each->arg);
}

bool store_bearer_tokens_each(struct db *db, struct arena *a, int64_t now_ms,
			      bool (*fn)(const struct stored_token *, void *), void *arg,
			      struct err *e)
{
	struct sql_arg args[] = { A_I64(now_ms) };

	return run_each(db, a, SQL_LOAD_BEARER_TOKENS, args, COUNT(args), token_row,
			(void (*)(void))fn, arg, e);
}

static bool family_row(const struct cell *c, void *arg)
{
	const struct each *each = arg;
	struct stored_family f = { .id = c[0].i,
				   .grant_id = c[1].i,
				   .app_id = c[2].i,
				   .account_id = c[3].i,
				   .code_id = c[4].i,
				   .expires_ms = c[5].i,
				   .sealed = c[6].s };

	return ((bool (*)(const struct stored_family *, void *))each->fn)(&f, each->arg);
}

bool store_bearer_families_each(struct db *db, struct arena *a, int64_t now_ms,
				bool (*fn)(const struct stored_family *, void *), void *arg,
				struct err *e)
{
	struct sql_arg args[] = { A_I64(now_ms) };

	return run_each(db, a, SQL_LOAD_BEARER_FAMILIES, args, COUNT(args), family_row,
			(void (*)(void))fn, arg, e);
}

bool store_family_secrets(struct db *db, struct arena *a, int64_t after_id, int64_t limit,
			  struct family_secret_list *out, struct err *e)
{
	struct rows rows;

	if (!DB_RUN(db, a, SQL_FAMILY_SECRETS, &rows, e, A_I64(after_id), A_I64(limit)))
		return false;
	out->v = arena_array(a, struct family_secret, rows.n);
	out->n = rows.n;
	for (size_t i = 0; i < rows.n; i++)
		out->v[i] = (struct family_secret){ CELL(&rows, i, 0).i, CELL(&rows, i, 1).s };
	return true;
}

bool store_family_secret_set(struct db *db, struct arena *a, int64_t id, str sealed, struct err *e)
{
	return DB_RUN(db, a, SQL_FAMILY_SECRET_SET, NULL, e, A_BYTES(sealed.p, sealed.n), A_I64(id));
}

static bool access_denied_row(const struct cell *c, void *arg)
{
	const struct each *each = arg;

	return ((bool (*)(str, int64_t, void *))each->fn)(c[0].s, c[1].i, each->arg);
}

bool store_bearer_access_denied_each(struct db *db, struct arena *a, int64_t now_ms,
				     bool (*fn)(str, int64_t, void *), void *arg, struct err *e)
{
	struct sql_arg args[] = { A_I64(now_ms) };

	return run_each(db, a, SQL_LOAD_BEARER_ACCESS_DENIED, args, COUNT(args), access_denied_row,
			(void (*)(void))fn, arg, e);
}

static bool session_row(const struct cell *c, void *arg)
{
	const struct each *each = arg;
	struct stored_session s = { .id = c[0].i,
				    .account_id = c[1].i,
				    .auth_time_ms = c[2].i,
				    .seen_ms = c[3].i,
				    .expires_ms = c[4].i,
				    .digest = c[5].s };

	return ((bool (*)(const struct stored_session *, void *))each->fn)(&s, each->arg);
}

bool store_bearer_sessions_each(struct db *db, struct arena *a, int64_t now_ms,
				bool (*fn)(const struct stored_session *, void *), void *arg,
				struct err *e)
{
	struct sql_arg args[] = { A_I64(now_ms) };

	return run_each(db, a, SQL_LOAD_BEARER_SESSIONS, args, COUNT(args), session_row,
			(void (*)(void))fn, arg, e);
}

/* Keys --------------------------------------------------------------------------------------- */

static struct stored_key key_from(struct arena *a, const struct cell *c)
{
	return (struct stored_key){
		.id = c[0].i,
		.organization_id = c[1].i,
		.account_id = c[2].i,
		.scopes = c[3].i,
		.created_ms = c[4].i,
		.expires_ms = c[5].i,
		.used_ms = c[6].i,
		.revoked_ms = c[7].i,
		.public_id = c[8].s,
		.digest = c[9].s,
		.prefix = c[10].s,
		.name = c[11].s,
		.is_public = str_eq(c[12].s, S("public")),
		.projects = project_set_parse(a, c[13].s, c[14].s),
	};
}

static bool key_row(const struct cell *c, void *arg)
{
	const struct each *each = arg;
	struct stored_key k;

	arena_reset(each->scratch);
	k = key_from(each->scratch, c);
	return ((bool (*)(const struct stored_key *, void *))each->fn)(&k, each->arg);
}

bool store_bearer_keys_each(struct db *db, struct arena *a, int64_t now_ms,
                            bool (*fn)(const struct stored_key *, void *), void *arg, struct err *e)
{
	struct sql_arg args[] = { A_I64(now_ms) };

	return run_each(db, a, SQL_LOAD_BEARER_KEYS, args, COUNT(args), key_row, (void (*)(void))fn,
			arg, e);
}

bool store_api_key_insert(struct db *db, struct arena *a, const struct stored_key *k,
			  int64_t *id_out, struct err *e)
{
	struct sql_arg args[] = {
		A_TEXT(k->public_id),
		A_BYTES(k->digest.p, k->digest.n),
		A_TEXT(k->prefix),
		A_TEXT(k->is_public ? S("public") : S("secret")),
		A_I64(k->organization_id),
		k->account_id == 0 ? A_NULL : A_I64(k->account_id),
		A_TEXT(k->name),
		A_I64(k->scopes),
		A_TEXT(project_mode_name(k->projects.mode)),
		A_TEXT(project_ids_text(a, &k->projects)),
		A_I64(k->created_ms),
		A_I64(k->expires_ms),
	};

	return run_id(db, a, SQL_API_KEY_INSERT, args, COUNT(args), id_out, e);
}

bool store_api_key_list(struct db *db, struct arena *a, int64_t organization_id,
			struct stored_key_list *out, struct err *e)
{
	struct sql_arg args[] = { A_I64(organization_id) };
	struct rows rows;

	if (!db_run(db, a,
		    organization_id == 0 ? SQL_LIST_ALL_API_KEYS : SQL_API_KEYS_OF_ORGANIZATION,
		    args, organization_id == 0 ? 0 : COUNT(args), &rows, e))
		return false;
	out->n = rows.n;
	out->v = arena_array(a, struct stored_key, rows.n);
	for (size_t i = 0; i < rows.n; i++)
		out->v[i] = key_from(a, &CELL(&rows, i, 0));
	return true;
}

bool store_api_key_by_public_id(struct db *db, struct arena *a, str public_id,
				struct stored_key *out, struct err *e)
{
	struct rows rows;

	if (!DB_RUN(db, a, SQL_API_KEY_BY_PUBLIC_ID, &rows, e, A_TEXT(public_id)))
		return false;
	*out = rows.n == 0 ? (struct stored_key){ 0 } : key_from(a, rows.cells);
	return true;
}

bool store_api_key_revoke(struct db *db, struct arena *a, int64_t id, int64_t now_ms,
			  bool *revoked_out, struct err *e)
{
	struct rows rows;

	if (!DB_RUN(db, a, SQL_API_KEY_REVOKE, &rows, e, A_I64(now_ms), A_I64(id)))
		return false;
	*revoked_out = rows.changed > 0;
	return true;
}

bool store_api_keys_revoke_account(struct db *db, struct arena *a, int64_t account_id,
				   int64_t now_ms, struct err *e)
{
	struct rows rows;

	return DB_RUN(db, a, SQL_ADMIN_API_KEYS_REVOKE_ACCOUNT, &rows, e, A_I64(now_ms),
		      A_I64(account_id));
}

bool store_api_key_used(struct db *db, struct arena *a, int64_t id, int64_t used_ms, struct err *e)
{
	struct rows rows;

	return DB_RUN(db, a, SQL_API_KEY_USED, &rows, e, A_I64(used_ms), A_I64(id));
}

bool store_api_key_project(struct db *db, struct arena *a, int64_t organization_id, str slug,
			   int64_t *id_out, struct err *e)
{
	struct sql_arg args[] = { A_I64(organization_id), A_TEXT(slug) };

	return run_id(db, a, SQL_API_KEY_PROJECT, args, COUNT(args), id_out, e);
}

bool store_api_key_project_slug(struct db *db, struct arena *a, int64_t id, str *out, struct err *e)
{
	struct rows rows;

	if (!DB_RUN(db, a, SQL_API_KEY_PROJECT_SLUG, &rows, e, A_I64(id)))
		return false;
	*out = rows.n == 0 ? STR_NONE : rows.cells[0].s;
	return true;
}

/* Endings ------------------------------------------------------------------------------------ */

static bool grant_end(struct db *db, struct arena *a, int64_t grant_id, int64_t now_ms, str reason,
		      struct err *e)
{
	struct rows rows;

	return DB_RUN(db, a, SQL_GRANT_FAMILIES_END, &rows, e, A_I64(now_ms), A_TEXT(reason),
		      A_I64(grant_id)) &&
	       DB_RUN(db, a, SQL_GRANT_TOKENS_END, &rows, e, A_I64(now_ms), A_I64(grant_id));
}

bool store_grants_end(struct db *db, struct arena *a, int64_t account_id, int64_t organization_id,
		      int64_t now_ms, str reason, int64_t *n_out, struct err *e)
{
	struct sql_arg args[] = { A_I64(now_ms), A_I64(account_id), A_I64(organization_id) };
	struct rows ended;

	if (!db_run(db, a,
		    organization_id == 0 ? SQL_GRANTS_OF_ACCOUNT_END : SQL_GRANTS_OF_MEMBER_END,
		    args, organization_id == 0 ? 2 : 3, &ended, e))
		return false;
	for (size_t i = 0; i < ended.n; i++) {
		if (!grant_end(db, a, CELL(&ended, i, 0).i, now_ms, reason, e))
			return false;
	}
	*n_out = (int64_t)ended.n;
	return true;
}

bool store_families_end(struct db *db, struct arena *a, int64_t account_id, int64_t now_ms,
			str reason, struct err *e)
{
	struct rows rows;

	return DB_RUN(db, a, SQL_ADMIN_FAMILIES_OF_ACCOUNT_END, &rows, e, A_I64(now_ms),
		      A_TEXT(reason), A_I64(account_id));
}

bool store_tokens_purge(struct db *db, struct arena *a, int64_t now_ms, int64_t limit,
			int64_t *n_out, struct err *e)
{
	struct rows rows, denied;

	if (!DB_RUN(db, a, SQL_ADMIN_TOKENS_PURGE, &rows, e, A_I64(limit), A_I64(now_ms)) ||
	    !DB_RUN(db, a, SQL_ADMIN_ACCESS_DENIED_PURGE, &denied, e, A_I64(now_ms)))
		return false;
	*n_out = rows.changed;
	return true;
}

/* Apps --------------------------------------------------------------------------------------- */

bool store_bearer_app_ids(struct db *db, struct arena *a, int64_t **ids_out, size_t *n_out,
			  struct err *e)
{
	struct rows rows;

	if (!DB_RUN0(db, a, SQL_LOAD_BEARER_APP_IDS, &rows, e))
		return false;
	*ids_out = arena_array(a, int64_t, rows.n);
	*n_out = rows.n;
	for (size_t i = 0; i < rows.n; i++)
		(*ids_out)[i] = CELL(&rows, i, 0).i;
	return true;
}

bool store_bearer_app_id(struct db *db, struct arena *a, str client_id, int64_t *id_out,
			 struct err *e)
{
	struct sql_arg args[] = { A_TEXT(client_id) };

	return run_id(db, a, SQL_BEARER_APP_ID, args, COUNT(args), id_out, e);
}

static bool app_from(const struct cell *c, struct app *out, struct err *e)
{
	*out = (struct app){
		.id = c[0].i,
		.client_id = c[1].s,
		.organization_id = c[2].i,
		.account_id = c[3].i,
		.name = c[4].s,
		.mcp_class = str_eq(c[6].s, S("mcp")),
		.verified = c[7].i != 0,
		.confidential = c[8].i != 0,
		.auth_method = c[9].s,
		.pkce_required = c[10].i != 0,
		.refresh_grace_s = c[12].i,
		.scopes = c[13].i,
		.icon_url = c[14].s,
		.invalid_grant_401 = c[15].i != 0,
		.dev_loopback = c[16].i != 0,
		.created_ms = c[17].i,
		.disabled_ms = c[18].i,
	};
	if (!app_kind_by_name(c[5].s, &out->kind) ||
	    !refresh_policy_by_name(c[11].s, &out->refresh_policy))
		return err_log(e, ERR_INTERNAL, 0, "app %lld has an unknown kind or refresh policy",
			       (long long)c[0].i);
	return true;
}

static bool app_redirects(struct db *db, struct arena *a, struct app *app, struct err *e)
{
	struct rows rows;
	str *v;

	if (!DB_RUN(db, a, SQL_BEARER_APP_REDIRECTS, &rows, e, A_I64(app->id)))
		return false;
	v = arena_array(a, str, rows.n);
	for (size_t i = 0; i < rows.n; i++)
		v[i] = CELL(&rows, i, 0).s;
	app->redirect_uris = (struct strs){ v, rows.n, true };
	return true;
}

static bool app_secrets(struct db *db, struct arena *a, struct stored_app *app, struct err *e)
{
	struct rows rows;

	if (!DB_RUN(db, a, SQL_BEARER_APP_SECRETS, &rows, e, A_I64(app->app.id)))
		return false;
	app->secrets = arena_array(a, struct stored_secret, rows.n);
	app->secrets_n = rows.n;
	for (size_t i = 0; i < rows.n; i++)
		app->secrets[i] = (struct stored_secret){ .id = CELL(&rows, i, 0).i,
							  .digest = CELL(&rows, i, 1).s,
							  .expires_ms = CELL(&rows, i, 2).i };
	return true;
}

bool store_bearer_app(struct db *db, struct arena *a, int64_t id, struct stored_app *out,
		      struct err *e)
{
	struct rows rows;

	*out = (struct stored_app){ 0 };
	if (!DB_RUN(db, a, SQL_BEARER_APP, &rows, e, A_I64(id)))
		return false;
	if (rows.n == 0)
		return true;
	return app_from(rows.cells, &out->app, e) && app_redirects(db, a, &out->app, e) &&
	       app_secrets(db, a, out, e);
}
