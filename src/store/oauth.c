/* SPDX-License-Identifier: MIT */
#include "store/oauth.h"

enum {
	CODE_KEPT_MS = 24 * 3600 * 1000
}; /* after its end, so that a replay is still known as one */

static struct sql_arg id_or_null(int64_t id)
{
	return id == 0 ? A_NULL : A_I64(id);
}

/* Columns that are NOT NULL. */
static struct sql_arg text_arg(str s)
{
	return A_TEXT(s.p == NULL ? S("") : s);
}

static struct id_set ids_of(struct arena *a, const struct rows *rows)
{
	struct id_set set = { arena_array(a, int64_t, rows->n + 1), rows->n };

	for (size_t i = 0; i < rows->n; i++)
		set.v[i] = CELL(rows, i, 0).i;
	return set;
}

/* Apps ----------------------------------------------------------------------------------------- */

bool store_app_insert(struct db *db, struct arena *a, const struct app *in, int64_t *id_out,
                      struct err *e)
{
	struct rows rows;
	int64_t id;

	if (!DB_RUN(db, a, SQL_APP_INSERT, &rows, e, A_TEXT(in->client_id),
	            id_or_null(in->organization_id), id_or_null(in->account_id), A_TEXT(in->name),
	            A_TEXT(app_kind_name(in->kind)), A_I64(in->verified), A_I64(in->confidential),
	            A_I64(in->pkce_required), A_TEXT(refresh_policy_name(in->refresh_policy)),
	            A_I64(in->refresh_grace_s), A_I64(in->scopes), text_arg(in->icon_url),
	            A_I64(in->invalid_grant_401), A_I64(in->dev_loopback),
	            A_I64(in->created_ms)))
		return false;
	id = CELL(&rows, 0, 0).i;
	for (size_t i = 0; i < in->redirect_uris.n; i++) {
		if (!DB_RUN(db, a, SQL_APP_REDIRECT_INSERT, &rows, e, A_I64(id), A_I64((int64_t)i),
		            A_TEXT(in->redirect_uris.v[i])))
			return false;
	}
	*id_out = id;
	return true;
}

bool store_app_secret_add(struct db *db, struct arena *a, int64_t app_id,
                          const uint8_t digest[OAUTH_DIGEST_BYTES], int64_t now_ms, struct err *e)
{
	struct rows rows;

	return DB_RUN(db, a, SQL_APP_SECRET_INSERT, &rows, e, A_I64(app_id),
	              A_BYTES(digest, OAUTH_DIGEST_BYTES), A_I64(now_ms));
}

bool store_app_secrets_retire(struct db *db, struct arena *a, int64_t app_id, int64_t now_ms,
                              int64_t until_ms, struct err *e)
{
	struct rows rows;

	return DB_RUN(db, a, SQL_APP_SECRETS_END_OLD, &rows, e, A_I64(now_ms), A_I64(app_id)) &&
	       DB_RUN(db, a, SQL_APP_SECRET_OVERLAP, &rows, e, A_I64(until_ms), A_I64(app_id));
}

bool store_app_secret_end(struct db *db, struct arena *a, int64_t secret_id, int64_t now_ms,
                          struct err *e)
{
	struct rows rows;

	return DB_RUN(db, a, SQL_APP_SECRET_END, &rows, e, A_I64(now_ms), A_I64(secret_id));
}

bool store_app_secret_used(struct db *db, struct arena *a, int64_t secret_id, int64_t now_ms,
                           int64_t stale_ms, struct err *e)
{
	struct rows rows;

	return DB_RUN(db, a, SQL_APP_SECRET_USED, &rows, e, A_I64(now_ms), A_I64(secret_id),
	              A_I64(stale_ms));
}

bool store_app_disable(struct db *db, struct arena *a, int64_t app_id, int64_t now_ms,
                       bool *done_out, struct err *e)
{
	struct rows rows;

	if (!DB_RUN(db, a, SQL_APP_DISABLE, &rows, e, A_I64(now_ms), A_I64(app_id)))
		return false;
	*done_out = rows.changed > 0;
	return true;
}

bool store_app_ids(struct db *db, struct arena *a, int64_t account_id, struct id_set *out,
                   struct err *e)
{
	struct rows rows;
	bool ok = account_id == 0 ? DB_RUN0(db, a, SQL_LIST_ALL_APP_IDS, &rows, e)
	                          : DB_RUN(db, a, SQL_LIST_ALL_APP_IDS_OF_ACCOUNT, &rows, e,
	                                   A_I64(account_id));

	if (ok)
		*out = ids_of(a, &rows);
	return ok;
}

bool store_app_count(struct db *db, struct arena *a, int64_t account_id, int64_t since_ms, int64_t *n_out,
                     struct err *e)
{
	struct rows r;

	if (!DB_RUN(db, a, SQL_LIST_ALL_APPS_COUNT, &r, e, A_I64(account_id), A_I64(since_ms)))
		return false;
	*n_out = CELL(&r, 0, 0).i;
	return true;
}

bool store_app_failures(struct db *db, struct arena *a, int64_t account_id, int64_t look_back,
                        int64_t each_max, struct app_failure_list *out, struct err *e)
{
	struct rows r;

	if (!DB_RUN(db, a, SQL_APP_FAILURES, &r, e, A_I64(look_back), A_I64(account_id),
	            A_I64(each_max)))
		return false;
	*out = (struct app_failure_list){ arena_array(a, struct app_failure, r.n + 1), r.n };
	for (size_t i = 0; i < r.n; i++)
		out->v[i] = (struct app_failure){
			.client_id = CELL(&r, i, 0).s, .at_ms = CELL(&r, i, 1).i,
			.kind = CELL(&r, i, 2).s, .address = CELL(&r, i, 3).s,
			.detail = CELL(&r, i, 4).s,
		};
	return true;
}

/* Authorization requests ----------------------------------------------------------------------- */

bool store_request_insert(struct db *db, struct arena *a, const uint8_t digest[OAUTH_DIGEST_BYTES],
                          const struct authorization_request *in, int64_t *id_out, struct err *e)
{
	struct rows rows;

	if (!DB_RUN(db, a, SQL_REQUEST_INSERT, &rows, e, A_BYTES(digest, OAUTH_DIGEST_BYTES),
	            A_I64(in->app_id), A_I64(in->account_id), A_TEXT(in->redirect_uri),
	            A_TEXT(in->state), A_I64(in->scopes), text_arg(in->scope_text),
	            text_arg(in->challenge), text_arg(in->nonce), text_arg(in->resource),
	            text_arg(in->prompt), text_arg(in->locale), A_TEXT(in->issuer),
	            text_arg(in->choice), A_TEXT(in->phase), A_I64(in->created_ms),
	            A_I64(in->expires_ms)))
		return false;
	*id_out = CELL(&rows, 0, 0).i;
	return true;
}

bool store_request_find(struct db *db, struct arena *a, const uint8_t digest[OAUTH_DIGEST_BYTES],
                        struct authorization_request *out, struct err *e)
{
	struct rows rows;
	const struct cell *c;

	if (!DB_RUN(db, a, SQL_REQUEST_BY_DIGEST, &rows, e, A_BYTES(digest, OAUTH_DIGEST_BYTES)))
		return false;
	*out = (struct authorization_request){ 0 };
	if (rows.n == 0)
		return true;
	c = rows.cells;
	*out = (struct authorization_request){
		.id = c[0].i,
		.app_id = c[1].i,
		.account_id = c[2].i,
		.redirect_uri = c[3].s,
		.state = c[4].null ? STR_NONE : c[4].s,
		.scopes = c[5].i,
		.scope_text = c[6].s,
		.challenge = c[7].s,
		.nonce = c[8].s,
		.resource = c[9].s,
		.prompt = c[10].s,
		.locale = c[11].s,
		.issuer = c[12].s,
		.choice = c[13].s,
		.phase = c[14].s,
		.created_ms = c[15].i,
		.expires_ms = c[16].i,
	};
	return true;
}

bool store_request_claim(struct db *db, struct arena *a, int64_t id, int64_t account_id,
                         int64_t now_ms, bool *done_out, struct err *e)
{
	struct rows rows;

	if (!DB_RUN(db, a, SQL_REQUEST_CLAIM, &rows, e, A_I64(account_id), A_I64(id),
	            A_I64(now_ms)))
		return false;
	*done_out = rows.changed > 0;
	return true;
}

bool store_request_decide(struct db *db, struct arena *a, const struct authorization_request *r,
                          str phase, str choice, int64_t now_ms, bool *done_out, struct err *e)
{
	struct rows rows;

	if (!DB_RUN(db, a, SQL_REQUEST_DECIDE, &rows, e, A_I64(r->account_id), A_TEXT(phase),
	            text_arg(choice), A_I64(r->id), A_I64(now_ms)))
		return false;
	*done_out = rows.changed > 0;
	return true;
}

bool store_request_spend(struct db *db, struct arena *a, int64_t id, int64_t account_id,
                         int64_t now_ms, bool *done_out, struct err *e)
{
	struct rows rows;

	if (!DB_RUN(db, a, SQL_REQUEST_SPEND, &rows, e, A_I64(id), A_I64(account_id),
	            A_I64(now_ms)))
		return false;
	*done_out = rows.changed > 0;
	return true;
}

/* Codes ---------------------------------------------------------------------------------------- */

bool store_code_insert(struct db *db, struct arena *a, const uint8_t digest[OAUTH_DIGEST_BYTES],
                       const struct stored_code *in, struct err *e)
{
	struct rows rows;

	return DB_RUN(db, a, SQL_CODE_INSERT, &rows, e, A_BYTES(digest, OAUTH_DIGEST_BYTES),
	              A_I64(in->app_id), A_I64(in->account_id), A_TEXT(in->redirect_uri),
	              text_arg(in->challenge), text_arg(in->nonce), text_arg(in->resource),
	              text_arg(in->scope_text), A_TEXT(in->choice), A_I64(in->auth_time_ms),
	              A_I64(in->created_ms), A_I64(in->expires_ms));
}

bool store_code_to_exchange(struct db *db, struct arena *a,
                            const uint8_t digest[OAUTH_DIGEST_BYTES], int64_t app_id,
                            int64_t now_ms, struct stored_code *out, struct err *e)
{
	struct rows rows;
	const struct cell *c;

	if (!DB_RUN(db, a, SQL_CODE_TO_EXCHANGE, &rows, e, A_BYTES(digest, OAUTH_DIGEST_BYTES),
	            A_I64(app_id), A_I64(now_ms)))
		return false;
	*out = (struct stored_code){ 0 };
	if (rows.n == 0)
		return true;
	c = rows.cells;
	*out = (struct stored_code){
		.id = c[0].i,
		.app_id = c[1].i,
		.account_id = c[2].i,
		.redirect_uri = c[3].s,
		.challenge = c[4].s,
		.resource = c[5].s,
		.scope_text = c[6].s,
		.choice = c[7].s,
		.expires_ms = c[8].i,
		.redeemed_ms = c[9].i,
	};
	return true;
}

bool store_code_find(struct db *db, struct arena *a, const uint8_t digest[OAUTH_DIGEST_BYTES],
                     struct stored_code *out, struct err *e)
{
	struct rows rows;
	const struct cell *c;

	if (!DB_RUN(db, a, SQL_CODE_BY_DIGEST, &rows, e, A_BYTES(digest, OAUTH_DIGEST_BYTES)))
		return false;
	*out = (struct stored_code){ 0 };
	c = rows.cells;
	if (rows.n > 0)
		*out = (struct stored_code){ .id = c[0].i, .app_id = c[1].i, .account_id = c[2].i, .choice = c[3].s };
	return true;
}

bool store_code_redeem(struct db *db, struct arena *a, int64_t id, int64_t now_ms, bool *done_out,
                       struct err *e)
{
	struct rows rows;

	if (!DB_RUN(db, a, SQL_CODE_REDEEM, &rows, e, A_I64(now_ms), A_I64(id)))
		return false;
	*done_out = rows.changed > 0;
	return true;
}

bool store_code_wrong_verifier(struct db *db, struct arena *a, int64_t id, int64_t wrong_max,
                               struct err *e)
{
	struct rows rows;

	return DB_RUN(db, a, SQL_CODE_WRONG_VERIFIER, &rows, e, A_I64(wrong_max), A_I64(id));
}

bool store_codes_end(struct db *db, struct arena *a, int64_t app_id, int64_t account_id,
                     int64_t now_ms, struct err *e)
{
	struct rows rows;

	return DB_RUN(db, a, SQL_CODES_END, &rows, e, A_I64(now_ms), A_I64(app_id),
	              A_I64(account_id));
}

/* Grants --------------------------------------------------------------------------------------- */

static bool projects_replace(struct db *db, struct arena *a, int64_t grant_id,
                             const struct project_set *set, struct err *e)
{
	struct rows rows;

	if (!DB_RUN(db, a, SQL_GRANT_PROJECTS_CLEAR, &rows, e, A_I64(grant_id)))
		return false;
	for (size_t i = 0; set->mode == PROJECTS_SELECTED && i < set->n; i++) {
		if (!DB_RUN(db, a, SQL_GRANT_PROJECT_INSERT, &rows, e, A_I64(grant_id),
		            A_I64(set->ids[i])))
			return false;
	}
	return true;
}

static bool projects_load(struct db *db, struct arena *a, int64_t grant_id, struct project_set *set,
                          struct err *e)
{
	struct id_set ids;
	struct rows rows;

	if (set->mode != PROJECTS_SELECTED)
		return true;
	if (!DB_RUN(db, a, SQL_GRANT_PROJECT_IDS, &rows, e, A_I64(grant_id)))
		return false;
	ids = ids_of(a, &rows);
	set->ids = ids.v;
	set->n = ids.n;
	return true;
}

bool store_grant_ensure(struct db *db, struct arena *a, const struct grant_new *in,
                        struct grant *out, bool *created_out, struct err *e)
{
	struct rows rows;
	const struct cell *c;
	struct grant g;
	bool created;

	if (!DB_RUN(db, a, SQL_GRANT_ENSURE, &rows, e, A_TEXT(in->public_id), A_I64(in->app_id),
	            A_I64(in->account_id), A_I64(in->organization_id), A_I64(in->scopes),
	            A_TEXT(project_mode_name(in->projects.mode)), text_arg(in->resource),
	            text_arg(in->redirect_host), A_I64(in->now_ms)))
		return false;
	c = rows.cells;
	g = (struct grant){
		.id = c[0].i,
		.public_id = c[1].s,
		.scopes = c[2].i,
		.projects = { .mode = project_mode_by_name(c[3].s) },
		.version = c[4].i,
		.app_id = in->app_id,
		.account_id = in->account_id,
		.organization_id = in->organization_id,
	};
	created = str_eq(g.public_id, in->public_id);
	if (created && !projects_replace(db, a, g.id, &in->projects, e))
		return false;
	if (!projects_load(db, a, g.id, &g.projects, e))
		return false;
	*out = g;
	*created_out = created;
	return true;
}

bool store_grant_reissue(struct db *db, struct arena *a, const struct grant *was,
                         const struct grant_new *in, struct err *e)
{
	struct rows rows;

	if (!DB_RUN(db, a, SQL_GRANT_REISSUE, &rows, e, A_TEXT(in->public_id), A_I64(in->scopes),
	            A_TEXT(project_mode_name(in->projects.mode)), A_I64(in->now_ms),
	            A_I64(was->id)))
		return false;
	if (rows.n == 0)
		return err_log(e, ERR_UNAVAILABLE, 0, "grant %lld was revoked while it was changed",
		               (long long)was->id);
	return DB_RUN(db, a, SQL_GRANT_ALIAS_INSERT, &rows, e, A_TEXT(was->public_id),
	              A_I64(was->id), A_I64(in->now_ms)) &&
	       projects_replace(db, a, was->id, &in->projects, e);
}

bool store_grant_revoke(struct db *db, struct arena *a, int64_t id, int64_t now_ms, bool *done_out,
                        struct err *e)
{
	struct rows rows;

	if (!DB_RUN(db, a, SQL_GRANT_REVOKE, &rows, e, A_I64(now_ms), A_I64(id)))
		return false;
	*done_out = rows.changed > 0;
	return true;
}

bool store_grant_end_tokens(struct db *db, struct arena *a, int64_t id, int64_t now_ms, str reason,
                            struct err *e)
{
	struct rows rows;

	return DB_RUN(db, a, SQL_GRANT_FAMILIES_END, &rows, e, A_I64(now_ms), A_TEXT(reason),
	              A_I64(id)) &&
	       DB_RUN(db, a, SQL_GRANT_TOKENS_END, &rows, e, A_I64(now_ms), A_I64(id));
}

bool store_grants_of_app_revoke(struct db *db, struct arena *a, int64_t app_id, int64_t now_ms,
                                struct id_set *out, struct err *e)
{
	struct rows rows;

	if (!DB_RUN(db, a, SQL_GRANTS_OF_APP_REVOKE, &rows, e, A_I64(now_ms), A_I64(app_id)))
		return false;
	*out = ids_of(a, &rows);
	return true;
}

bool store_grant_projects(struct db *db, struct arena *a, int64_t grant_id,
                          struct named_projects *out, struct err *e)
{
	struct named_projects list;
	struct rows rows;

	if (!DB_RUN(db, a, SQL_GRANT_PROJECTS, &rows, e, A_I64(grant_id)))
		return false;
	list = (struct named_projects){ arena_array(a, struct named_project, rows.n + 1), rows.n };
	for (size_t i = 0; i < rows.n; i++)
		list.v[i] = (struct named_project){ .id = CELL(&rows, i, 0).i,
			                            .public_id = CELL(&rows, i, 1).s,
			                            .slug = CELL(&rows, i, 2).s };
	*out = list;
	return true;
}

static int64_t latest(const struct cell *c, size_t n)
{
	int64_t v = 0;

	for (size_t i = 0; i < n; i++) {
		if (!c[i].null && c[i].i > v)
			v = c[i].i;
	}
	return v;
}

static void grant_row_of(const struct cell *c, struct grant_row *out)
{
	*out = (struct grant_row){
		.grant = {
			.id = c[0].i, .public_id = c[1].s, .app_id = c[2].i, .account_id = c[3].i,
			.organization_id = c[4].i, .scopes = c[5].i,
			.projects = { .mode = project_mode_by_name(c[6].s) }, .version = c[7].i,
			.created_ms = c[9].i, .changed_ms = c[10].i, .used_ms = c[11].i,
			.expires_ms = c[12].i, .suspended_ms = c[13].i, .revoked_ms = c[14].i,
		},
		.redirect_host = c[8].s, .client_id = c[15].s, .app_name = c[16].s,
		.app_verified = c[17].i != 0, .organization_public_id = c[18].s,
		.organization_slug = c[19].s, .organization_name = c[20].s,
		.email = c[21].null ? STR_NONE : c[21].s, .last_used_ms = latest(&c[22], 2),
		.tokens_live = c[24].i,
	};
}

static void grant_rows_of(struct arena *a, const struct rows *rows, struct grant_rows *out)
{
	*out = (struct grant_rows){ arena_array(a, struct grant_row, rows->n + 1), rows->n };
	for (size_t i = 0; i < rows->n; i++)
		grant_row_of(&CELL(rows, i, 0), &out->v[i]);
}

bool store_grant_list(struct db *db, struct arena *a, enum grant_list_by by, int64_t id,
                      int64_t now_ms, struct grant_rows *out, struct err *e)
{
	static const enum sql_id statements[] = {
		[GRANTS_ALL] = SQL_LIST_ALL_GRANTS,
		[GRANTS_BY_ID] = SQL_GRANT_VIEW,
		[GRANTS_BY_APP] = SQL_LIST_ALL_GRANTS_OF_APP,
		[GRANTS_BY_ORGANIZATION] = SQL_GRANTS_OF_ORGANIZATION,
		[GRANTS_BY_ACCOUNT] = SQL_GRANTS_OF_ACCOUNT,
	};
	struct sql_arg args[] = { A_I64(now_ms), A_I64(id) };
	struct rows rows;

	if (!db_run(db, a, statements[by], args, by == GRANTS_ALL ? 1 : 2, &rows, e))
		return false;
	grant_rows_of(a, &rows, out);
	return true;
}

bool store_grants_of_app_account(struct db *db, struct arena *a, int64_t app_id, int64_t account_id,
                                 int64_t now_ms, struct grant_rows *out, struct err *e)
{
	struct rows rows;

	if (!DB_RUN(db, a, SQL_GRANTS_OF_ACCOUNT_IN_APP, &rows, e, A_I64(now_ms), A_I64(app_id),
	            A_I64(account_id)))
		return false;
	grant_rows_of(a, &rows, out);
	return true;
}

/* Refresh families ----------------------------------------------------------------------------- */

bool store_family_insert(struct db *db, struct arena *a, const struct family_new *in, struct err *e)
{
	struct rows rows;

	return DB_RUN(db, a, SQL_FAMILY_INSERT, &rows, e, A_I64(in->id), A_I64(in->grant_id),
	              A_I64(in->app_id), A_I64(in->account_id), A_I64(in->code_id),
	              A_BYTES(in->sealed.p, in->sealed.n), A_I64(in->epoch), A_I64(1), A_I64(1),
	              text_arg(in->scope_text), text_arg(in->resource), text_arg(in->network),
	              text_arg(in->networks), A_I64(in->now_ms), A_I64(in->idle_expires_ms),
	              A_I64(in->expires_ms), A_I64(in->access_expires_ms));
}

static struct grant grant_of_family(const struct cell *c)
{
	return (struct grant){
		.id = c[0].i, .app_id = c[1].i, .account_id = c[2].i, .public_id = c[17].s,
		.scopes = c[18].i, .projects = { .mode = project_mode_by_name(c[19].s) },
		.suspended_ms = c[20].i, .revoked_ms = c[21].i, .expires_ms = c[22].i,
		.organization_id = c[23].i,
	};
}

static struct family_row family_of(int64_t id, const struct cell *c)
{
	return (struct family_row){
		.id = id, .grant_id = c[0].i, .app_id = c[1].i, .account_id = c[2].i,
		.sealed = c[3].s, .epoch = c[4].i, .generation = c[5].i, .counter = c[6].i,
		.scope_text = c[7].s, .resource = c[8].s, .network = c[9].s, .networks = c[10].s,
		.history = c[11].s, .rotated_ms = c[12].i, .used_ms = c[13].i,
		.idle_expires_ms = c[14].i, .expires_ms = c[15].i, .revoked_ms = c[16].i,
		.grant = grant_of_family(c), .organization_id = c[23].i,
		.organization_public_id = c[24].s, .organization_slug = c[25].s,
		.account_disabled = c[26].i != 0,
		.role = c[27].null ? ROLE_NONE : role_by_name(c[27].s),
		.organization_name = c[28].s,
	};
}

bool store_family_for_refresh(struct db *db, struct arena *a, int64_t id, struct family_row *out,
                              struct err *e)
{
	struct rows rows;

	if (!DB_RUN(db, a, SQL_FAMILY_FOR_REFRESH, &rows, e, A_I64(id)))
		return false;
	*out = rows.n == 0 ? (struct family_row){ 0 } : family_of(id, rows.cells);
	return true;
}

bool store_family_refreshed(struct db *db, struct arena *a, const struct family_row *was,
                            const struct family_row *now, bool *done_out, struct err *e)
{
	struct rows rows;

	if (!DB_RUN(db, a, SQL_FAMILY_REFRESHED, &rows, e, A_I64(now->epoch),
	            A_I64(now->generation), text_arg(now->network), text_arg(now->networks),
	            text_arg(now->history), A_I64(now->rotated_ms), A_I64(now->used_ms),
	            A_I64(now->idle_expires_ms), A_I64(now->access_expires_ms), A_I64(was->id),
	            A_I64(was->generation), A_I64(was->counter)))
		return false;
	*done_out = rows.changed > 0;
	return true;
}

bool store_family_revoke(struct db *db, struct arena *a, int64_t id, int64_t now_ms, str reason,
                         bool *done_out, struct err *e)
{
	struct rows rows;

	if (!DB_RUN(db, a, SQL_FAMILY_REVOKE, &rows, e, A_I64(now_ms), A_TEXT(reason), A_I64(id)))
		return false;
	*done_out = rows.changed > 0;
	return true;
}

bool store_families_of_code(struct db *db, struct arena *a, int64_t code_id, struct id_set *out,
                            struct err *e)
{
	struct rows rows;

	if (!DB_RUN(db, a, SQL_FAMILIES_OF_CODE, &rows, e, A_I64(code_id)))
		return false;
	*out = ids_of(a, &rows);
	return true;
}

bool store_families_over_limit(struct db *db, struct arena *a, int64_t app_id, int64_t account_id,
                               int64_t code_id, int64_t keep, struct id_set *out, struct err *e)
{
	struct rows rows;

	if (!DB_RUN(db, a, SQL_FAMILIES_OVER_LIMIT, &rows, e, A_I64(app_id), A_I64(account_id),
	            A_I64(code_id), A_I64(keep)))
		return false;
	*out = ids_of(a, &rows);
	return true;
}

/* Installation tokens -------------------------------------------------------------------------- */

bool store_token_mint(struct db *db, struct arena *a, const struct minted *in, bool *done_out,
                      struct err *e)
{
	struct rows rows;

	if (!DB_RUN(db, a, SQL_TOKEN_MINT, &rows, e, A_BYTES(in->digest, OAUTH_DIGEST_BYTES),
	            A_I64(in->family_id), A_I64(in->scopes),
	            A_TEXT(project_mode_name(in->projects.mode)),
	            A_TEXT(project_ids_text(a, &in->projects)), A_I64(in->now_ms),
	            A_I64(in->expires_ms), A_I64(in->grant_id), A_I64(in->grant_version)))
		return false;
	*done_out = rows.changed > 0;
	return true;
}

bool store_token_disable(struct db *db, struct arena *a, const uint8_t digest[OAUTH_DIGEST_BYTES],
                         int64_t now_ms, struct err *e)
{
	struct rows rows;

	return DB_RUN(db, a, SQL_TOKEN_DISABLE, &rows, e, A_I64(now_ms),
	              A_BYTES(digest, OAUTH_DIGEST_BYTES));
}

bool store_tokens_live(struct db *db, struct arena *a, int64_t grant_id, int64_t now_ms,
                       int64_t *n_out, struct err *e)
{
	struct rows rows;

	if (!DB_RUN(db, a, SQL_TOKENS_LIVE, &rows, e, A_I64(grant_id), A_I64(now_ms)))
		return false;
	*n_out = CELL(&rows, 0, 0).i;
	return true;
}

bool store_tokens_of_family_disable(struct db *db, struct arena *a, int64_t family_id,
                                    int64_t now_ms, struct strs *digests_out, struct err *e)
{
	struct rows rows;
	str *v;

	if (!DB_RUN(db, a, SQL_TOKENS_OF_FAMILY_DISABLE, &rows, e, A_I64(now_ms), A_I64(family_id)))
		return false;
	v = arena_array(a, str, rows.n + 1);
	for (size_t i = 0; i < rows.n; i++)
		v[i] = CELL(&rows, i, 0).s;
	*digests_out = (struct strs){ v, rows.n, true };
	return true;
}

bool store_access_revoke(struct db *db, struct arena *a, const uint8_t digest[OAUTH_DIGEST_BYTES],
                         int64_t expires_ms, struct err *e)
{
	struct rows rows;

	return DB_RUN(db, a, SQL_ACCESS_REVOKE, &rows, e, A_BYTES(digest, OAUTH_DIGEST_BYTES),
	              A_I64(expires_ms));
}

/* Consent -------------------------------------------------------------------------------------- */

bool store_consent_organizations(struct db *db, struct arena *a, int64_t app_id, int64_t account_id,
                                 struct offered_organizations *out, struct err *e)
{
	struct offered_organizations list;
	struct rows rows;

	if (!DB_RUN(db, a, SQL_CONSENT_ORGANIZATIONS, &rows, e, A_I64(app_id), A_I64(account_id)))
		return false;
	list = (struct offered_organizations){
		arena_array(a, struct offered_organization, rows.n + 1), rows.n
	};
	for (size_t i = 0; i < rows.n; i++) {
		const struct cell *c = &CELL(&rows, i, 0);

		list.v[i] = (struct offered_organization){
			.organization = { .id = c[0].i,
			                  .public_id = c[1].s,
			                  .slug = c[2].s,
			                  .name = c[3].s },
			.grant_id = c[4].i,
			.grant_scopes = c[5].i,
			.grant_mode = project_mode_by_name(c[6].s),
		};
	}
	*out = list;
	return true;
}

bool store_consent_projects(struct db *db, struct arena *a, int64_t organization_id,
                            struct named_projects *out, struct err *e)
{
	struct named_projects list;
	struct rows rows;

	if (!DB_RUN(db, a, SQL_CONSENT_PROJECTS, &rows, e, A_I64(organization_id)))
		return false;
	list = (struct named_projects){ arena_array(a, struct named_project, rows.n + 1), rows.n };
	for (size_t i = 0; i < rows.n; i++)
		list.v[i] = (struct named_project){ CELL(&rows, i, 0).i, CELL(&rows, i, 1).s,
			                            CELL(&rows, i, 2).s, CELL(&rows, i, 3).s };
	*out = list;
	return true;
}

bool store_consent_project(struct db *db, struct arena *a, str public_id, int64_t organization_id,
                           int64_t *id_out, struct err *e)
{
	struct rows rows;

	if (!DB_RUN(db, a, SQL_CONSENT_PROJECT, &rows, e, A_TEXT(public_id),
	            A_I64(organization_id)))
		return false;
	*id_out = rows.n == 0 ? 0 : CELL(&rows, 0, 0).i;
	return true;
}

bool store_consent_organization_name(struct db *db, struct arena *a, int64_t id, str *slug_out,
                                     str *name_out, struct err *e)
{
	struct rows rows;

	if (!DB_RUN(db, a, SQL_CONSENT_ORGANIZATION_NAME, &rows, e, A_I64(id)))
		return false;
	*slug_out = rows.n == 0 ? STR_NONE : CELL(&rows, 0, 0).s;
	*name_out = rows.n == 0 ? STR_NONE : CELL(&rows, 0, 1).s;
	return true;
}

bool store_consent_role(struct db *db, struct arena *a, int64_t organization_id, int64_t account_id,
                        enum role *role_out, struct organization *out, struct err *e)
{
	struct rows rows;

	if (!DB_RUN(db, a, SQL_CONSENT_ROLE, &rows, e, A_I64(organization_id), A_I64(account_id)))
		return false;
	*role_out = ROLE_NONE;
	*out = (struct organization){ 0 };
	if (rows.n == 0)
		return true;
	*role_out = role_by_name(CELL(&rows, 0, 0).s);
	*out = (struct organization){ .id = organization_id, .public_id = CELL(&rows, 0, 1).s,
	                              .slug = CELL(&rows, 0, 2).s, .name = CELL(&rows, 0, 3).s };
	return true;
}

/* Upkeep --------------------------------------------------------------------------------------- */

bool store_oauth_purge(struct db *db, struct arena *a, int64_t now_ms, int64_t limit,
                       int64_t *n_out, struct err *e)
{
	struct rows requests, codes;

	if (!DB_RUN(db, a, SQL_REQUESTS_PURGE, &requests, e, A_I64(now_ms), A_I64(limit)) ||
	    !DB_RUN(db, a, SQL_CODES_PURGE, &codes, e, A_I64(now_ms - CODE_KEPT_MS), A_I64(limit)))
		return false;
	*n_out = requests.changed + codes.changed;
	return true;
}

bool store_families_over(struct db *db, struct arena *a, int64_t before_ms, int64_t limit,
                         struct id_set *out, struct err *e)
{
	struct rows rows;

	if (!DB_RUN(db, a, SQL_LIST_ALL_FAMILIES_OVER, &rows, e, A_I64(before_ms), A_I64(limit)))
		return false;
	*out = ids_of(a, &rows);
	return true;
}

bool store_family_delete(struct db *db, struct arena *a, int64_t id, int64_t before_ms,
                         struct err *e)
{
	struct rows rows;

	return DB_RUN(db, a, SQL_FAMILY_DELETE, &rows, e, A_I64(id), A_I64(before_ms));
}
