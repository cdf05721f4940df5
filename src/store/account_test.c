/* SPDX-License-Identifier: MIT */
#include "store/account.h"

#include "base/test.h"
#include "store/fixture.h"

#include <string.h>

enum { NOW_MS = 1000000 };

/* Everything in these tests happens in one write task, whose connection also reads. */
static void in_one_task(struct fixture *f,
                        bool (*fn)(struct db *, struct arena *, void *, struct err *))
{
	struct err e = { 0 };

	if (!fixture_write(f, fn, NULL, &e))
		CHECK_STR(str_from(e.msg), S("no failure"));
}

static int64_t person(struct db *db, struct arena *a, const char *public_id, const char *email)
{
	const struct account in = {
		.public_id = str_from(public_id),
		.email = str_from(email),
		.name = S("Ada"),
		.locale = S("de"),
		.created_ms = NOW_MS,
	};
	struct err e;
	int64_t id;

	CHECK(store_account_insert(db, a, &in, &id, &e));
	CHECK(id > 0);
	return id;
}

static int64_t organization(struct db *db, struct arena *a, const char *public_id, const char *slug)
{
	const struct organization in = {
		.public_id = str_from(public_id),
		.slug = str_from(slug),
		.name = S("Acme"),
		.created_ms = NOW_MS,
	};
	struct err e;
	int64_t id;

	CHECK(store_organization_insert(db, a, &in, &id, &e));
	return id;
}

static bool people(struct db *db, struct arena *a, void *arg, struct err *e)
{
	int64_t id = person(db, a, "acc_1", "Ada@Example.org"),
		other = person(db, a, "acc_2", "b@example.org");
	struct account got;
	struct account_list list;
	bool changed;

	(void)arg;
	CHECK(store_account_by_email(db, a, S("aDA@example.ORG"), &got, e));
	CHECK_I64(got.id, id);
	CHECK_STR(got.email, S("Ada@Example.org"));
	CHECK_STR(got.locale, S("de"));
	CHECK(store_account_by_public_id(db, a, S("acc_2"), &got, e));
	CHECK_I64(got.id, other);
	CHECK(store_account_by_id(db, a, 999, &got, e));
	CHECK_I64(got.id, 0);
	CHECK(store_account_list(db, a, id, 10, &list, e));
	CHECK_I64((int64_t)list.n, 1);
	CHECK(store_account_disable(db, a, id, NOW_MS + 5, &changed, e) && changed);
	CHECK(store_account_disable(db, a, id, NOW_MS + 9, &changed, e) && !changed);
	CHECK(store_account_by_id(db, a, id, &got, e));
	CHECK_I64(got.disabled_ms, NOW_MS + 5);
	return true;
}
static void people_case(struct fixture *f) { in_one_task(f, people); }
TEST(accounts_are_found_by_id_public_id_and_email_in_any_case) { fixture_each(people_case); }

static bool same_email(struct db *db, struct arena *a, void *arg, struct err *e)
{
	const struct account again = { .public_id = S("acc_9"),
		                       .email = S("ADA@example.org"),
		                       .created_ms = 1 };
	int64_t id;

	(void)arg;
	(void)person(db, a, "acc_1", "ada@example.org");
	return store_account_insert(db, a, &again, &id, e);
}
static void same_email_case(struct fixture *f)
{
	struct err e;

	CHECK(!fixture_write(f, same_email, NULL, &e));
	CHECK_I64(e.code, ERR_CONFLICT);
}
TEST(accounts_have_one_email_each) { fixture_each(same_email_case); }

static bool passwords(struct db *db, struct arena *a, void *arg, struct err *e)
{
	int64_t id = person(db, a, "acc_1", "a@example.org");
	str secret;

	(void)arg;
	CHECK(store_password_get(db, a, id, &secret, e) && secret.p == NULL);
	CHECK(store_password_set(db, a, id, S("$argon2id$one"), NOW_MS, e));
	CHECK(store_password_set(db, a, id, S("$argon2id$two"), NOW_MS + 1, e));
	CHECK(store_password_get(db, a, id, &secret, e));
	CHECK_STR(secret, S("$argon2id$two"));
	CHECK(!store_password_set(db, a, 12345, S("x"), NOW_MS, e));
	CHECK_I64(e->code, ERR_NOT_FOUND);
	return true;
}
static void passwords_case(struct fixture *f) { in_one_task(f, passwords); }
TEST(passwords_are_replaced_not_added) { fixture_each(passwords_case); }

/* Sessions ------------------------------------------------------------------------------------- */

static int64_t sign_in(struct db *db, struct arena *a, int64_t account_id, char mark,
                       int64_t expires_ms)
{
	uint8_t digest[SESSION_DIGEST_BYTES];
	const struct session in = {
		.account_id = account_id,
		.method = S("password"),
		.auth_time_ms = NOW_MS,
		.created_ms = NOW_MS,
		.seen_ms = NOW_MS,
		.expires_ms = expires_ms,
		.address = S("192.0.2.1"),
	};
	struct err e;
	int64_t id;

	memset(digest, mark, sizeof(digest));
	CHECK(store_session_insert(db, a, digest, &in, &id, &e));
	return id;
}

struct seen { int64_t n; char marks[8]; };

static bool see(const struct session_loaded *s, void *arg)
{
	struct seen *seen = arg;

	CHECK_STR(s->account.email, S("a@example.org"));
	CHECK(s->session.account_id == s->account.id);
	CHECK(seen->n < 8);
	seen->marks[seen->n++] = (char)s->digest[31];
	return true;
}

static bool sessions(struct db *db, struct arena *a, void *arg, struct err *e)
{
	int64_t id = person(db, a, "acc_1", "a@example.org"),
		gone = person(db, a, "acc_2", "b@example.org");
	int64_t first = sign_in(db, a, id, 'a', NOW_MS + 100),
		second = sign_in(db, a, id, 'b', NOW_MS + 200);
	struct session_list list;
	struct seen seen = { 0 };
	bool changed;

	(void)arg;
	(void)sign_in(db, a, gone, 'c', NOW_MS + 300);
	CHECK(store_account_disable(db, a, gone, NOW_MS, &changed, e));
	CHECK(store_session_list(db, a, id, NOW_MS, &list, e));
	CHECK_I64((int64_t)list.n, 2);
	CHECK_I64(list.v[0].id, second);
	CHECK_STR(list.v[0].user_agent, S(""));
	CHECK(store_session_list(db, a, id, NOW_MS + 100, &list, e));
	CHECK_I64((int64_t)list.n, 1);
	CHECK(store_session_each(db, a, NOW_MS, 0, see, &seen, e));
	CHECK_I64(seen.n, 2);
	CHECK(store_session_touch(db, a, first, NOW_MS + 50, e));
	CHECK(store_session_touch(db, a, first, NOW_MS + 20, e));
	seen.n = 0;
	CHECK(store_session_each(db, a, NOW_MS, NOW_MS + 49, see, &seen, e));
	CHECK_I64(seen.n, 1);
	CHECK_I64(seen.marks[0], 'a');
	return true;
}
static void sessions_case(struct fixture *f) { in_one_task(f, sessions); }
TEST(sessions_are_listed_and_loaded_while_they_live) { fixture_each(sessions_case); }

static bool ends(struct db *db, struct arena *a, void *arg, struct err *e)
{
	int64_t id = person(db, a, "acc_1", "a@example.org"),
		other = person(db, a, "acc_2", "b@example.org");
	int64_t first = sign_in(db, a, id, 'a', NOW_MS + 100);
	uint8_t digest[SESSION_DIGEST_BYTES];
	struct strs digests;
	bool deleted;
	str was;

	(void)arg;
	(void)sign_in(db, a, id, 'b', NOW_MS + 200);
	(void)sign_in(db, a, other, 'c', NOW_MS + 300);
	(void)sign_in(db, a, other, 'd', NOW_MS + 400);
	CHECK(store_session_delete(db, a, first, other, &was, e) && was.p == NULL);
	CHECK(store_session_delete(db, a, first, id, &was, e));
	CHECK_I64((int64_t)was.n, SESSION_DIGEST_BYTES);
	CHECK_I64(was.p[0], 'a');
	memset(digest, 'd', sizeof(digest));
	CHECK(store_session_delete_by_digest(db, a, digest, &deleted, e) && deleted);
	CHECK(store_session_delete_by_digest(db, a, digest, &deleted, e) && !deleted);
	CHECK(store_session_purge(db, a, NOW_MS + 250, 10, &digests, e));
	CHECK_I64((int64_t)digests.n, 1);
	CHECK_I64(digests.v[0].p[0], 'b');
	CHECK(store_session_delete_all(db, a, other, &digests, e));
	CHECK_I64((int64_t)digests.n, 1);
	CHECK_I64(digests.v[0].p[5], 'c');
	return true;
}
static void ends_case(struct fixture *f) { in_one_task(f, ends); }
TEST(sessions_end_by_owner_by_digest_and_by_time) { fixture_each(ends_case); }

/* Organizations -------------------------------------------------------------------------------- */

static bool found_as(struct db *db, struct arena *a, const char *ref, int64_t want)
{
	struct organization got;
	struct err e;

	CHECK(store_organization_by_ref(db, a, str_from(ref), &got, &e));
	return got.id == want;
}

static bool renames(struct db *db, struct arena *a, void *arg, struct err *e)
{
	int64_t acme = organization(db, a, "org_1", "acme"),
		beta = organization(db, a, "org_2", "beta");
	struct organization now;
	struct organization_list list;

	(void)arg;
	CHECK(found_as(db, a, "org_1", acme) && found_as(db, a, "acme", acme) &&
	      found_as(db, a, "nobody", 0));
	CHECK(store_organization_by_id(db, a, acme, &now, e));
	CHECK(store_organization_rename(db, a, &now, S("acme-2"), S("Acme 2"), NOW_MS, e));
	CHECK(found_as(db, a, "acme", acme) && found_as(db, a, "acme-2", acme));
	CHECK(store_organization_by_slug(db, a, S("acme"), &now, e));
	CHECK_STR(now.slug, S("acme-2"));
	CHECK_STR(now.name, S("Acme 2"));
	/* And back again. */
	CHECK(store_organization_rename(db, a, &now, S("acme"), S("Acme"), NOW_MS, e));
	CHECK(found_as(db, a, "acme", acme) && found_as(db, a, "acme-2", acme));
	CHECK(store_organization_list(db, a, 0, 10, &list, e));
	CHECK_I64((int64_t)list.n, 2);
	CHECK_I64(list.v[1].id, beta);
	return true;
}
static void renames_case(struct fixture *f) { in_one_task(f, renames); }
TEST(organizations_answer_to_their_former_slugs) { fixture_each(renames_case); }

struct slug_try { const char *first, *renamed, *second; bool rename_second; };

static bool take_slug(struct db *db, struct arena *a, void *arg, struct err *e)
{
	const struct slug_try *t = arg;
	const struct organization in = { .public_id = S("org_b"),
		                         .slug = str_from(t->second),
		                         .created_ms = NOW_MS };
	struct organization now;
	int64_t id = organization(db, a, "org_a", t->first);

	CHECK(store_organization_by_id(db, a, id, &now, e));
	if (t->renamed != NULL)
		CHECK(store_organization_rename(db, a, &now, str_from(t->renamed), S("A"), NOW_MS,
		                                e));
	if (!t->rename_second)
		return store_organization_insert(db, a, &in, &id, e);
	id = organization(db, a, "org_b", "other");
	CHECK(store_organization_by_id(db, a, id, &now, e));
	return store_organization_rename(db, a, &now, in.slug, S("B"), NOW_MS, e);
}

static void taken_slugs(struct fixture *f)
{
	struct slug_try tries[] = {
		{ "acme", NULL, "acme", false },
		{ "acme", "new", "acme", false },      /* a former one */
		{ "acme", NULL, "acme", true },
		{ "acme", "new", "acme", true },
	};

	for (size_t i = 0; i < COUNT(tries); i++) {
		struct err e;

		CHECK(!fixture_write(f, take_slug, &tries[i], &e));
		CHECK_I64(e.code, ERR_SLUG_TAKEN);
	}
}
TEST(slugs_are_taken_also_by_those_who_had_them) { fixture_each(taken_slugs); }

static bool aliases(struct db *db, struct arena *a, void *arg, struct err *e)
{
	int64_t acme = organization(db, a, "org_1", "acme"),
		beta = organization(db, a, "org_2", "beta");
	const struct slug_alias web = { S("acme"), S("web"), acme, 7, NOW_MS };
	struct slug_alias got, other = web;

	(void)arg;
	CHECK(store_slug_alias_put(db, a, &web, e) && store_slug_alias_put(db, a, &web, e));
	CHECK(store_slug_alias_get(db, a, S("acme"), S("web"), &got, e));
	CHECK(got.organization_id == acme && got.project_id == 7);
	CHECK(store_slug_alias_get(db, a, S("acme"), S(""), &got, e) && got.organization_id == 0);
	other.organization_id = beta;
	CHECK(!store_slug_alias_put(db, a, &other, e));
	CHECK_I64(e->code, ERR_SLUG_TAKEN);
	return true;
}
static void aliases_case(struct fixture *f) { in_one_task(f, aliases); }
TEST(slug_aliases_lead_to_one_place) { fixture_each(aliases_case); }

static bool members(struct db *db, struct arena *a, void *arg, struct err *e)
{
	int64_t ada = person(db, a, "acc_1", "a@example.org"),
		bob = person(db, a, "acc_2", "B@example.org");
	int64_t zeta = organization(db, a, "org_1", "zeta"),
		acme = organization(db, a, "org_2", "acme"), owners;
	struct membership_list of;
	struct member_list in;
	enum role role;
	bool removed;

	(void)arg;
	CHECK(store_member_put(db, a, zeta, ada, ROLE_OWNER, NOW_MS, e));
	CHECK(store_member_put(db, a, acme, ada, ROLE_MEMBER, NOW_MS, e));
	CHECK(store_member_put(db, a, acme, ada, ROLE_ADMIN, NOW_MS, e));
	CHECK(store_member_put(db, a, acme, bob, ROLE_OWNER, NOW_MS, e));
	CHECK(store_memberships(db, a, ada, &of, e));
	CHECK_I64((int64_t)of.n, 2);
	CHECK_STR(of.v[0].organization.slug, S("acme"));
	CHECK_I64(of.v[0].role, ROLE_ADMIN);
	CHECK_I64(of.v[1].role, ROLE_OWNER);
	CHECK(store_member_list(db, a, acme, &in, e));
	CHECK_I64((int64_t)in.n, 2);
	CHECK_STR(in.v[1].account.email, S("B@example.org"));
	CHECK(store_member_owners(db, a, acme, &owners, e) && owners == 1);
	CHECK(store_member_remove(db, a, acme, bob, &removed, e) && removed);
	CHECK(store_member_remove(db, a, acme, bob, &removed, e) && !removed);
	CHECK(store_member_role(db, a, acme, bob, &role, e) && role == ROLE_NONE);
	CHECK(store_member_role(db, a, acme, ada, &role, e) && role == ROLE_ADMIN);
	return true;
}
static void members_case(struct fixture *f) { in_one_task(f, members); }
TEST(members_have_one_role_in_each_organization) { fixture_each(members_case); }

/* Records -------------------------------------------------------------------------------------- */

static size_t audit_n(struct db *db, struct arena *a, struct audit_filter filter)
{
	struct audit_rows rows;
	struct err e;

	filter.limit = filter.limit == 0 ? 100 : filter.limit;
	CHECK(store_audit_list(db, a, &filter, &rows, &e));
	return rows.n;
}

static bool audit(struct db *db, struct arena *a, void *arg, struct err *e)
{
	int64_t acme = organization(db, a, "org_1", "acme"),
		ada = person(db, a, "acc_1", "a@example.org"), purged;
	struct audit_rows rows;

	(void)arg;
	for (int i = 0; i < 10; i++) {
		const struct audit_row row = {
			.at_ms = NOW_MS + i,
			.kind = S("test"),
			.organization_id = i % 2 == 0 ? acme : 0,
			.installation_id = i % 5,
			.app_id = 3,
			.account_id = ada,
			.detail = S("{}"),
		};
		CHECK(store_audit_append(db, a, &row, e));
	}
	CHECK_I64((int64_t)audit_n(db, a, (struct audit_filter){ 0 }), 10);
	CHECK_I64((int64_t)audit_n(db, a, (struct audit_filter){ .since_ms = NOW_MS + 8 }), 2);
	CHECK_I64((int64_t)audit_n(db, a, (struct audit_filter){ .organization_id = acme }), 5);
	CHECK_I64((int64_t)audit_n(db, a, (struct audit_filter){ .installation_id = 4 }), 2);
	CHECK_I64((int64_t)audit_n(db, a, (struct audit_filter){ .app_id = 4 }), 0);
	CHECK(store_audit_list(db, a, &(struct audit_filter){ .limit = 4 }, &rows, e));
	CHECK_STR(rows.v[0].organization, S("org_1"));
	CHECK_STR(rows.v[0].account, S("acc_1"));
	CHECK_STR(rows.v[1].organization, STR_NONE);
	CHECK_STR(rows.v[0].detail, S("{}"));
	CHECK_I64((int64_t)audit_n(db, a, (struct audit_filter){ .after_id = rows.v[3].id }), 6);
	CHECK(store_audit_purge(db, a, NOW_MS + 5, 3, &purged, e) && purged == 3);
	CHECK(store_audit_purge(db, a, NOW_MS + 5, 100, &purged, e) && purged == 2);
	CHECK_I64((int64_t)audit_n(db, a, (struct audit_filter){ 0 }), 5);
	return true;
}
static void audit_case(struct fixture *f) { in_one_task(f, audit); }
TEST(audit_is_listed_by_what_it_is_about_and_purged_by_age) { fixture_each(audit_case); }

static bool notices(struct db *db, struct arena *a, void *arg, struct err *e)
{
	const struct notice mine = {
		.account_id = 5, .kind = S("leak"), .detail = S("{}"), .created_ms = NOW_MS
	};
	const struct notice ours = { .organization_id = 6,
		                     .kind = S("reuse"),
		                     .created_ms = NOW_MS };
	struct notice_list list;
	int64_t id, other;

	(void)arg;
	CHECK(store_notice_add(db, a, &mine, &id, e) && store_notice_add(db, a, &ours, &other, e));
	CHECK(store_notice_read(db, a, id, 99, NOW_MS + 1, e));       /* not theirs */
	CHECK(store_notice_list_of_account(db, a, 5, 10, &list, e));
	CHECK_I64((int64_t)list.n, 1);
	CHECK_I64(list.v[0].read_ms, 0);
	CHECK(store_notice_read(db, a, id, 5, NOW_MS + 1, e) &&
	      store_notice_read(db, a, id, 5, NOW_MS + 2, e));
	CHECK(store_notice_list_of_account(db, a, 5, 10, &list, e));
	CHECK_I64(list.v[0].read_ms, NOW_MS + 1);
	CHECK(store_notice_list_of_organization(db, a, 6, 10, &list, e));
	CHECK_I64((int64_t)list.n, 1);
	CHECK_STR(list.v[0].detail, S(""));
	return true;
}
static void notices_case(struct fixture *f) { in_one_task(f, notices); }
TEST(notices_are_read_by_whom_they_are_for) { fixture_each(notices_case); }

static bool meta(struct db *db, struct arena *a, void *arg, struct err *e)
{
	bool added;
	str value;

	(void)arg;
	CHECK(store_meta_set(db, a, S("k"), S("1"), e) && store_meta_set(db, a, S("k"), S("2"), e));
	CHECK(store_meta_add(db, a, S("k"), S("3"), &added, e) && !added);
	CHECK(store_meta_get(db, a, S("k"), &value, e));
	CHECK_STR(value, S("2"));
	CHECK(store_meta_add(db, a, S("new"), S("1"), &added, e) && added);
	return true;
}
static void meta_case(struct fixture *f) { in_one_task(f, meta); }
TEST(meta_is_replaced_by_set_and_kept_by_add) { fixture_each(meta_case); }
