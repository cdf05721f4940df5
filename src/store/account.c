/* SPDX-License-Identifier: MIT */
#include "store/account.h"

/* Meta ----------------------------------------------------------------------------------------- */

bool store_meta_get(struct db *db, struct arena *a, str name, str *value_out, struct err *e)
{
	struct rows r;

	if (!DB_RUN(db, a, SQL_META_GET, &r, e, A_TEXT(name)))
		return false;
	*value_out = r.n > 0 ? CELL(&r, 0, 0).s : STR_NONE;
	return true;
}

bool store_meta_set(struct db *db, struct arena *a, str name, str value, struct err *e)
{
	return DB_RUN(db, a, SQL_META_SET, NULL, e, A_TEXT(name), A_TEXT(value));
}

bool store_meta_add(struct db *db, struct arena *a, str name, str value, bool *added_out,
                    struct err *e)
{
	struct rows r;

	if (!DB_RUN(db, a, SQL_META_ADD, &r, e, A_TEXT(name), A_TEXT(value)))
		return false;
	*added_out = r.changed > 0;
	return true;
}

/* People --------------------------------------------------------------------------------------- */

static void account_of(const struct cell *c, struct account *out)
{
	*out = (struct account){
		.id = c[0].i,
		.public_id = c[1].s,
		.email = c[2].s,
		.name = c[3].s,
		.locale = c[4].s,
		.created_ms = c[5].i,
		.disabled_ms = c[6].i,
	};
}

static void account_first(const struct rows *r, struct account *out)
{
	*out = (struct account){ 0 };
	if (r->n > 0)
		account_of(r->cells, out);
}

static str or_empty(str s)
{
	return s.p != NULL ? s : S("");
}

bool store_account_insert(struct db *db, struct arena *a, const struct account *in, int64_t *id_out,
                          struct err *e)
{
	struct rows r;

	if (!DB_RUN(db, a, SQL_ACCOUNT_INSERT, &r, e, A_TEXT(in->public_id), A_TEXT(in->email),
	            A_TEXT(arena_lower(a, in->email)), A_TEXT(or_empty(in->name)),
	            A_TEXT(or_empty(in->locale)), A_I64(in->created_ms)))
		return false;
	*id_out = CELL(&r, 0, 0).i;
	return true;
}

bool store_account_by_id(struct db *db, struct arena *a, int64_t id, struct account *out,
                         struct err *e)
{
	struct rows r;

	if (!DB_RUN(db, a, SQL_ACCOUNT_BY_ID, &r, e, A_I64(id)))
		return false;
	account_first(&r, out);
	return true;
}

bool store_account_by_public_id(struct db *db, struct arena *a, str public_id, struct account *out,
                                struct err *e)
{
	struct rows r;

	if (!DB_RUN(db, a, SQL_ACCOUNT_BY_PUBLIC_ID, &r, e, A_TEXT(public_id)))
		return false;
	account_first(&r, out);
	return true;
}

bool store_account_by_email(struct db *db, struct arena *a, str email, struct account *out,
                            struct err *e)
{
	struct rows r;

	if (!DB_RUN(db, a, SQL_ACCOUNT_BY_EMAIL, &r, e, A_TEXT(arena_lower(a, email))))
		return false;
	account_first(&r, out);
	return true;
}

bool store_account_list(struct db *db, struct arena *a, int64_t after_id, int64_t limit,
                        struct account_list *out, struct err *e)
{
	struct rows r;

	if (!DB_RUN(db, a, SQL_ACCOUNT_LIST, &r, e, A_I64(after_id), A_I64(limit)))
		return false;
	*out = (struct account_list){ arena_array(a, struct account, r.n), r.n };
	for (size_t i = 0; i < r.n; i++)
		account_of(&CELL(&r, i, 0), &out->v[i]);
	return true;
}

bool store_account_disable(struct db *db, struct arena *a, int64_t id, int64_t now_ms,
                           bool *changed_out, struct err *e)
{
	struct rows r;

	if (!DB_RUN(db, a, SQL_ACCOUNT_DISABLE, &r, e, A_I64(now_ms), A_I64(id)))
		return false;
	*changed_out = r.changed > 0;
	return true;
}

bool store_password_get(struct db *db, struct arena *a, int64_t account_id, str *secret_out,
                        struct err *e)
{
	struct rows r;

	if (!DB_RUN(db, a, SQL_PASSWORD_GET, &r, e, A_I64(account_id)))
		return false;
	*secret_out = r.n > 0 ? CELL(&r, 0, 0).s : STR_NONE;
	return true;
}

bool store_password_set(struct db *db, struct arena *a, int64_t account_id, str secret,
                        int64_t now_ms, struct err *e)
{
	struct rows r;

	if (!DB_RUN(db, a, SQL_PASSWORD_SET, &r, e, A_TEXT(secret), A_I64(now_ms),
	            A_I64(account_id)))
		return false;
	return r.changed == 1 ||
	       err_log(e, ERR_NOT_FOUND, 0, "no account %lld to set a password of",
	               (long long)account_id);
}

/* Sessions ------------------------------------------------------------------------------------- */

static void session_of(const struct cell *c, struct session *out)
{
	*out = (struct session){
		.id = c[0].i, .account_id = c[1].i, .method = c[2].s, .auth_time_ms = c[3].i,
		.created_ms = c[4].i, .seen_ms = c[5].i, .expires_ms = c[6].i, .address = c[7].s,
		.user_agent = c[8].s,
	};
}

bool store_session_insert(struct db *db, struct arena *a,
                          const uint8_t digest[SESSION_DIGEST_BYTES], const struct session *in,
                          int64_t *id_out, struct err *e)
{
	struct rows r;

	if (!DB_RUN(db, a, SQL_SESSION_INSERT, &r, e, A_BYTES(digest, SESSION_DIGEST_BYTES),
	            A_I64(in->account_id), A_TEXT(in->method), A_I64(in->auth_time_ms),
	            A_I64(in->created_ms), A_I64(in->seen_ms), A_I64(in->expires_ms),
	            A_TEXT(or_empty(in->address)), A_TEXT(or_empty(in->user_agent))))
		return false;
	*id_out = CELL(&r, 0, 0).i;
	return true;
}

bool store_session_list(struct db *db, struct arena *a, int64_t account_id, int64_t now_ms,
                        struct session_list *out, struct err *e)
{
	struct rows r;

	if (!DB_RUN(db, a, SQL_SESSION_LIST, &r, e, A_I64(account_id), A_I64(now_ms)))
		return false;
	*out = (struct session_list){ arena_array(a, struct session, r.n), r.n };
	for (size_t i = 0; i < r.n; i++)
		session_of(&CELL(&r, i, 0), &out->v[i]);
	return true;
}

bool store_session_touch(struct db *db, struct arena *a, int64_t id, int64_t seen_ms, struct err *e)
{
	return DB_RUN(db, a, SQL_SESSION_TOUCH, NULL, e, A_I64(seen_ms), A_I64(id));
}

bool store_session_delete(struct db *db, struct arena *a, int64_t id, int64_t account_id,
                          str *digest_out, struct err *e)
{
	struct rows r;

	if (!DB_RUN(db, a, SQL_SESSION_DELETE, &r, e, A_I64(id), A_I64(account_id)))
		return false;
	*digest_out = r.n > 0 ? CELL(&r, 0, 0).s : STR_NONE;
	return true;
}

bool store_session_delete_by_digest(struct db *db, struct arena *a,
                                    const uint8_t digest[SESSION_DIGEST_BYTES], bool *deleted_out,
                                    struct err *e)
{
	struct rows r;

	if (!DB_RUN(db, a, SQL_SESSION_DELETE_BY_DIGEST, &r, e,
	            A_BYTES(digest, SESSION_DIGEST_BYTES)))
		return false;
	*deleted_out = r.changed > 0;
	return true;
}

static void first_column(struct arena *a, const struct rows *r, struct strs *out)
{
	str *v = arena_array(a, str, r->n);

	for (size_t i = 0; i < r->n; i++)
		v[i] = CELL(r, i, 0).s;
	*out = (struct strs){ v, r->n, true };
}

bool store_session_delete_all(struct db *db, struct arena *a, int64_t account_id,
                              struct strs *digests_out, struct err *e)
{
	struct rows r;

	if (!DB_RUN(db, a, SQL_SESSION_DELETE_OF_ACCOUNT, &r, e, A_I64(account_id)))
		return false;
	first_column(a, &r, digests_out);
	return true;
}

bool store_session_purge(struct db *db, struct arena *a, int64_t now_ms, int64_t limit,
                         struct strs *digests_out, struct err *e)
{
	struct rows r;

	if (!DB_RUN(db, a, SQL_SESSION_PURGE, &r, e, A_I64(now_ms), A_I64(limit)))
		return false;
	first_column(a, &r, digests_out);
	return true;
}

struct session_visit {
	bool (*fn)(const struct session_loaded *, void *);
	void *arg;
};

static bool session_visit(const struct cell *c, void *arg)
{
	const struct session_visit *visit = arg;
	struct session_loaded s;

	if (c[9].s.n != SESSION_DIGEST_BYTES)
		return true;             /* not ours; no token can have it */
	session_of(c, &s.session);
	s.digest = (const uint8_t *)c[9].s.p;
	account_of(c + 10, &s.account);
	return visit->fn(&s, visit->arg);
}

bool store_session_each(struct db *db, struct arena *a, int64_t now_ms, int64_t seen_after_ms,
                        bool (*fn)(const struct session_loaded *s, void *arg), void *arg,
                        struct err *e)
{
	struct session_visit visit = { fn, arg };
	const struct sql_arg args[] = { A_I64(now_ms), A_I64(seen_after_ms) };

	return db_each(db, a, SQL_LOAD_SESSIONS, args, COUNT(args), session_visit, &visit, e);
}

/* Organizations -------------------------------------------------------------------------------- */

static void organization_of(const struct cell *c, struct organization *out)
{
	*out = (struct organization){
		.id = c[0].i,
		.public_id = c[1].s,
		.slug = c[2].s,
		.name = c[3].s,
		.created_ms = c[4].i,
	};
}

static bool organization_find(struct db *db, struct arena *a, enum sql_id id, struct sql_arg arg,
                              struct organization *out, struct err *e)
{
	struct rows r;

	if (!db_run(db, a, id, &arg, 1, &r, e))
		return false;
	*out = (struct organization){ 0 };
	if (r.n > 0)
		organization_of(r.cells, out);
	return true;
}

static bool slug_taken(struct err *e, str slug)
{
	return err_set(e, ERR_SLUG_TAKEN, "the slug \"" FMT_STR "\" is taken",
	               ARG_STR(str_sub(slug, 0, 64)));
}

/* The only other unique value is the random public id, which does not collide. */
static bool taken_if_conflict(struct err *e, str slug)
{
	return e->code == ERR_CONFLICT ? slug_taken(e, slug) : false;
}

bool store_organization_insert(struct db *db, struct arena *a, const struct organization *in,
                               int64_t *id_out, struct err *e)
{
	struct rows r;

	if (!DB_RUN(db, a, SQL_ORGANIZATION_INSERT, &r, e, A_TEXT(in->public_id), A_TEXT(in->slug),
	            A_TEXT(or_empty(in->name)), A_I64(in->created_ms)))
		return taken_if_conflict(e, in->slug);
	if (r.n == 0)
		return slug_taken(e, in->slug);
	*id_out = CELL(&r, 0, 0).i;
	return true;
}

bool store_organization_by_id(struct db *db, struct arena *a, int64_t id, struct organization *out,
                              struct err *e)
{
	return organization_find(db, a, SQL_ORGANIZATION_BY_ID, A_I64(id), out, e);
}

bool store_organization_by_slug(struct db *db, struct arena *a, str slug, struct organization *out,
                                struct err *e)
{
	if (!organization_find(db, a, SQL_ORGANIZATION_BY_SLUG, A_TEXT(slug), out, e))
		return false;
	return out->id != 0 ||
	       organization_find(db, a, SQL_ORGANIZATION_BY_ALIAS, A_TEXT(slug), out, e);
}

bool store_organization_by_ref(struct db *db, struct arena *a, str ref, struct organization *out,
                               struct err *e)
{
	if (!organization_find(db, a, SQL_ORGANIZATION_BY_PUBLIC_ID, A_TEXT(ref), out, e))
		return false;
	return out->id != 0 || store_organization_by_slug(db, a, ref, out, e);
}

bool store_organization_list(struct db *db, struct arena *a, int64_t after_id, int64_t limit,
                             struct organization_list *out, struct err *e)
{
	struct rows r;

	if (!DB_RUN(db, a, SQL_ORGANIZATION_LIST, &r, e, A_I64(after_id), A_I64(limit)))
		return false;
	*out = (struct organization_list){ arena_array(a, struct organization, r.n), r.n };
	for (size_t i = 0; i < r.n; i++)
		organization_of(&CELL(&r, i, 0), &out->v[i]);
	return true;
}

/* May `slug` become this organization's? Its own former slug may come back. */
static bool slug_free_alias(struct db *db, struct arena *a, str slug, int64_t organization_id,
                            struct err *e)
{
	struct slug_alias alias;

	if (!store_slug_alias_get(db, a, slug, S(""), &alias, e))
		return false;
	if (alias.organization_id == 0)
		return true;
	if (alias.organization_id != organization_id)
		return slug_taken(e, slug);
	return DB_RUN(db, a, SQL_SLUG_ALIAS_DROP, NULL, e, A_TEXT(slug), A_TEXT(S("")),
	              A_I64(organization_id));
}

bool store_organization_rename(struct db *db, struct arena *a, const struct organization *now,
                               str slug, str name, int64_t now_ms, struct err *e)
{
	const struct slug_alias old = { now->slug, S(""), now->id, 0, now_ms };

	if (!str_eq(slug, now->slug) &&
	    (!slug_free_alias(db, a, slug, now->id, e) || !store_slug_alias_put(db, a, &old, e)))
		return false;
	return DB_RUN(db, a, SQL_ORGANIZATION_RENAME, NULL, e, A_TEXT(slug), A_TEXT(or_empty(name)),
	              A_I64(now->id)) ||
	       taken_if_conflict(e, slug);
}

bool store_slug_alias_put(struct db *db, struct arena *a, const struct slug_alias *in,
                          struct err *e)
{
	struct rows r;

	if (!DB_RUN(db, a, SQL_SLUG_ALIAS_PUT, &r, e, A_TEXT(in->organization_slug),
	            A_TEXT(or_empty(in->project_slug)), A_I64(in->organization_id),
	            in->project_id != 0 ? A_I64(in->project_id) : A_NULL, A_I64(in->created_ms)))
		return false;
	return r.n > 0 ||
	       slug_taken(e, in->project_slug.n > 0 ? in->project_slug : in->organization_slug);
}

bool store_slug_alias_get(struct db *db, struct arena *a, str organization_slug, str project_slug,
                          struct slug_alias *out, struct err *e)
{
	struct rows r;

	if (!DB_RUN(db, a, SQL_SLUG_ALIAS_GET, &r, e, A_TEXT(organization_slug),
	            A_TEXT(or_empty(project_slug))))
		return false;
	*out = (struct slug_alias){ .organization_slug = organization_slug,
		                    .project_slug = project_slug };
	if (r.n > 0) {
		out->organization_id = CELL(&r, 0, 0).i;
		out->project_id = CELL(&r, 0, 1).i;
	}
	return true;
}

/* Members -------------------------------------------------------------------------------------- */

bool store_member_put(struct db *db, struct arena *a, int64_t organization_id, int64_t account_id,
                      enum role role, int64_t now_ms, struct err *e)
{
	return DB_RUN(db, a, SQL_MEMBER_PUT, NULL, e, A_I64(organization_id), A_I64(account_id),
	              A_TEXT(role_name(role)), A_I64(now_ms));
}

bool store_member_remove(struct db *db, struct arena *a, int64_t organization_id,
                         int64_t account_id, bool *removed_out, struct err *e)
{
	struct rows r;

	if (!DB_RUN(db, a, SQL_MEMBER_REMOVE, &r, e, A_I64(organization_id), A_I64(account_id)))
		return false;
	*removed_out = r.changed > 0;
	return true;
}

bool store_member_role(struct db *db, struct arena *a, int64_t organization_id, int64_t account_id,
                       enum role *out, struct err *e)
{
	struct rows r;

	if (!DB_RUN(db, a, SQL_MEMBER_ROLE, &r, e, A_I64(organization_id), A_I64(account_id)))
		return false;
	*out = r.n > 0 ? role_by_name(CELL(&r, 0, 0).s) : ROLE_NONE;
	return true;
}

bool store_member_owners(struct db *db, struct arena *a, int64_t organization_id, int64_t *n_out,
                         struct err *e)
{
	struct rows r;

	if (!DB_RUN(db, a, SQL_MEMBER_OWNERS, &r, e, A_I64(organization_id)))
		return false;
	*n_out = CELL(&r, 0, 0).i;
	return true;
}

bool store_memberships(struct db *db, struct arena *a, int64_t account_id,
                       struct membership_list *out, struct err *e)
{
	struct rows r;

	if (!DB_RUN(db, a, SQL_MEMBERSHIPS, &r, e, A_I64(account_id)))
		return false;
	*out = (struct membership_list){ arena_array(a, struct membership, r.n), r.n };
	for (size_t i = 0; i < r.n; i++) {
		organization_of(&CELL(&r, i, 0), &out->v[i].organization);
		out->v[i].role = role_by_name(CELL(&r, i, 5).s);
	}
	return true;
}

bool store_member_list(struct db *db, struct arena *a, int64_t organization_id,
                       struct member_list *out, struct err *e)
{
	struct rows r;

	if (!DB_RUN(db, a, SQL_MEMBER_LIST, &r, e, A_I64(organization_id)))
		return false;
	*out = (struct member_list){ arena_array(a, struct member, r.n), r.n };
	for (size_t i = 0; i < r.n; i++) {
		account_of(&CELL(&r, i, 0), &out->v[i].account);
		out->v[i].role = role_by_name(CELL(&r, i, 7).s);
	}
	return true;
}

/* Records -------------------------------------------------------------------------------------- */

bool store_audit_append(struct db *db, struct arena *a, const struct audit_row *in, struct err *e)
{
	return DB_RUN(db, a, SQL_AUDIT_APPEND, NULL, e, A_I64(in->at_ms), A_TEXT(in->kind),
	              A_I64(in->account_id), A_I64(in->app_id), A_I64(in->organization_id),
	              A_I64(in->installation_id), A_I64(in->project_id),
	              A_TEXT(or_empty(in->request_id)), A_TEXT(or_empty(in->address)),
	              A_TEXT(or_empty(in->user_agent)), A_TEXT(or_empty(in->detail)));
}

static void audit_of(const struct cell *c, struct audit_row *out)
{
	*out = (struct audit_row){
		.id = c[0].i,
		.at_ms = c[1].i,
		.kind = c[2].s,
		.account_id = c[3].i,
		.app_id = c[4].i,
		.organization_id = c[5].i,
		.installation_id = c[6].i,
		.project_id = c[7].i,
		.request_id = c[8].s,
		.address = c[9].s,
		.user_agent = c[10].s,
		.detail = c[11].s,
		.account = c[12].s,
		.app = c[13].s,
		.organization = c[14].s,
		.grant = c[15].s,
		.project = c[16].s,
		.account_name = c[17].s,
		.account_email = c[18].s,
		.app_name = c[19].s,
		.of_member = c[20].i != 0,
	};
}

static int64_t or_end(int64_t bound)
{
	return bound == 0 ? INT64_MAX : bound;
}

bool store_audit_list(struct db *db, struct arena *a, const struct audit_filter *f,
                      struct audit_rows *out, struct err *e)
{
	enum sql_id statement = f->newest_first ? SQL_AUDIT_NEWEST_FIRST : SQL_AUDIT_OLDEST_FIRST;
	struct rows r;

	if (!DB_RUN(db, a, statement, &r, e, A_I64(f->organization_id), A_I64(f->after_id),
	            A_I64(or_end(f->before_id)), A_I64(f->since_ms), A_I64(or_end(f->until_ms)),
	            A_I64(f->installation_id), A_I64(f->app_id), A_TEXT(or_empty(f->kind)),
	            A_I64(f->limit)))
		return false;
	*out = (struct audit_rows){ arena_array(a, struct audit_row, r.n), r.n };
	for (size_t i = 0; i < r.n; i++)
		audit_of(&CELL(&r, i, 0), &out->v[i]);
	return true;
}

static bool audit_place(const struct rows *r, int64_t *id_out, int64_t *at_ms_out)
{
	*id_out = r->n == 0 ? 0 : CELL(r, 0, 0).i;
	*at_ms_out = r->n == 0 ? 0 : CELL(r, 0, 1).i;
	return true;
}

bool store_audit_from(struct db *db, struct arena *a, int64_t id, int64_t *id_out, int64_t *at_ms_out,
                      struct err *e)
{
	struct rows r;

	return DB_RUN(db, a, SQL_AUDIT_FROM, &r, e, A_I64(id)) && audit_place(&r, id_out, at_ms_out);
}

bool store_audit_last(struct db *db, struct arena *a, int64_t *id_out, struct err *e)
{
	struct rows r;

	if (!DB_RUN0(db, a, SQL_AUDIT_LAST, &r, e))
		return false;
	*id_out = CELL(&r, 0, 0).i;
	return true;
}

bool store_audit_purge(struct db *db, struct arena *a, int64_t before_ms, int64_t limit,
                       int64_t *n_out, struct err *e)
{
	struct rows r;

	if (!DB_RUN(db, a, SQL_AUDIT_PURGE, &r, e, A_I64(limit), A_I64(before_ms)))
		return false;
	*n_out = r.changed;
	return true;
}

bool store_notice_add(struct db *db, struct arena *a, const struct notice *in, int64_t *id_out,
                      struct err *e)
{
	struct rows r;

	if (!DB_RUN(db, a, SQL_NOTICE_ADD, &r, e, A_I64(in->account_id), A_I64(in->organization_id),
	            A_TEXT(in->kind), A_TEXT(or_empty(in->detail)), A_I64(in->created_ms)))
		return false;
	*id_out = CELL(&r, 0, 0).i;
	return true;
}

static bool notice_list(struct db *db, struct arena *a, enum sql_id id, int64_t of, int64_t limit,
                        struct notice_list *out, struct err *e)
{
	struct rows r;

	if (!DB_RUN(db, a, id, &r, e, A_I64(of), A_I64(limit)))
		return false;
	*out = (struct notice_list){ arena_array(a, struct notice, r.n), r.n };
	for (size_t i = 0; i < r.n; i++) {
		const struct cell *c = &CELL(&r, i, 0);

		out->v[i] = (struct notice){
			.id = c[0].i,
			.account_id = c[1].i,
			.organization_id = c[2].i,
			.kind = c[3].s,
			.detail = c[4].s,
			.created_ms = c[5].i,
			.read_ms = c[6].i,
		};
	}
	return true;
}

bool store_notice_list_of_account(struct db *db, struct arena *a, int64_t account_id, int64_t limit,
                                  struct notice_list *out, struct err *e)
{
	return notice_list(db, a, SQL_NOTICE_LIST_OF_ACCOUNT, account_id, limit, out, e);
}

bool store_notice_list_of_organization(struct db *db, struct arena *a, int64_t organization_id,
                                       int64_t limit, struct notice_list *out, struct err *e)
{
	return notice_list(db, a, SQL_NOTICE_LIST_OF_ORGANIZATION, organization_id, limit, out, e);
}

bool store_notice_read(struct db *db, struct arena *a, int64_t id, int64_t account_id,
                       int64_t now_ms, struct err *e)
{
	return DB_RUN(db, a, SQL_NOTICE_READ, NULL, e, A_I64(now_ms), A_I64(id), A_I64(account_id));
}
