/* SPDX-License-Identifier: MIT */
#include "store/catalog.h"

#include "store/json_rows.h"

#include <string.h>

static void project_of(const struct cell *c, struct project *p)
{
	*p = (struct project){
		.id = c[0].i, .organization_id = c[1].i, .public_id = c[2].s, .slug = c[3].s,
		.name = c[4].s,
		.organization_slug = c[5].s, .organization_name = c[6].s, .source_language = c[7].s,
		.file_structure = c[8].s, .key_format = c[9].s, .missing = c[10].s,
		.publish_drafts = c[11].i != 0, .fill_from_source = c[12].i != 0,
		.default_wrapped = c[13].i != 0, .language_changed = c[14].i != 0,
		.publish_cooldown_s = c[15].i, .publish_seq = c[16].i, .published_ms = c[17].i,
		.created_ms = c[18].i,
	};
}

static void project_first(const struct rows *r, struct project *out)
{
	*out = (struct project){ 0 };
	if (r->n > 0)
		project_of(r->cells, out);
}

static void projects_of(struct arena *a, const struct rows *r, struct project_list *out)
{
	*out = (struct project_list){ arena_array(a, struct project, r->n), r->n };
	for (size_t i = 0; i < r->n; i++)
		project_of(&CELL(r, i, 0), &out->v[i]);
}

bool store_project_by_slugs(struct db *db, struct arena *a, str organization_slug, str slug,
                            struct project *out, struct err *e)
{
	struct rows r;

	if (!DB_RUN(db, a, SQL_PROJECT_BY_SLUGS, &r, e, A_TEXT(organization_slug), A_TEXT(slug)))
		return false;
	if (r.n == 0 &&
	    !DB_RUN(db, a, SQL_PROJECT_BY_FORMER_SLUGS, &r, e, A_TEXT(organization_slug),
	            A_TEXT(slug)))
		return false;
	project_first(&r, out);
	return true;
}

bool store_project_by_id(struct db *db, struct arena *a, int64_t id, struct project *out,
                         struct err *e)
{
	struct rows r;

	if (!DB_RUN(db, a, SQL_PROJECT_BY_ID, &r, e, A_I64(id)))
		return false;
	project_first(&r, out);
	return true;
}

bool store_project_by_public_id(struct db *db, struct arena *a, str public_id, struct project *out,
                                struct err *e)
{
	struct rows r;

	if (!DB_RUN(db, a, SQL_PROJECT_BY_PUBLIC_ID, &r, e, A_TEXT(public_id)))
		return false;
	project_first(&r, out);
	return true;
}

bool store_projects_of_organization(struct db *db, struct arena *a, int64_t organization_id,
                                    struct project_list *out, struct err *e)
{
	struct rows r;

	if (!DB_RUN(db, a, SQL_PROJECTS_OF_ORGANIZATION, &r, e, A_I64(organization_id)))
		return false;
	projects_of(a, &r, out);
	return true;
}

bool store_projects_of_account(struct db *db, struct arena *a, int64_t account_id,
                               struct project_list *out, struct err *e)
{
	struct rows r;

	if (!DB_RUN(db, a, SQL_PROJECTS_OF_ACCOUNT, &r, e, A_I64(account_id)))
		return false;
	projects_of(a, &r, out);
	return true;
}

bool store_projects_all(struct db *db, struct arena *a, struct project_list *out, struct err *e)
{
	struct rows r;

	if (!DB_RUN0(db, a, SQL_LIST_ALL_PROJECTS, &r, e))
		return false;
	projects_of(a, &r, out);
	return true;
}

bool store_project_insert(struct db *db, struct arena *a, struct project *p, struct err *e)
{
	struct rows r;

	if (!DB_RUN(db, a, SQL_PROJECT_INSERT, &r, e, A_TEXT(p->public_id),
	            A_I64(p->organization_id),
	            A_TEXT(p->slug), A_TEXT(p->name), A_TEXT(p->source_language),
	            A_TEXT(p->file_structure),
	            A_TEXT(p->key_format), A_I64(p->publish_drafts),
	            A_I64(p->fill_from_source), A_I64(p->created_ms))) {
		if (e->code == ERR_CONFLICT)
			return err_set(e, ERR_SLUG_TAKEN,
			               "The organization already has a project \"" FMT_STR "\"."
			               " Choose another slug.", ARG_STR(p->slug));
		return false;
	}
	p->id = CELL(&r, 0, 0).i;
	return true;
}

bool store_project_set_options(struct db *db, struct arena *a, const struct project *p,
                               bool files_change, struct err *e)
{
	return DB_RUN(db, a, SQL_PROJECT_SET_OPTIONS, NULL, e, A_I64(p->publish_drafts),
	              A_I64(p->fill_from_source), A_I64(p->default_wrapped), A_TEXT(p->missing),
	              A_I64(p->id)) &&
	       (!files_change ||
	        (DB_RUN(db, a, SQL_PROJECT_FILES_CHANGED, NULL, e, A_I64(p->id)) &&
	         DB_RUN(db, a, SQL_PROJECT_LANGUAGE_CHANGED, NULL, e, A_I64(p->id))));
}

bool store_project_lock(struct db *db, struct arena *a, int64_t project_id, struct err *e)
{
	struct rows r;

	return DB_RUN(db, a, SQL_PROJECT_LOCK, &r, e, A_I64(project_id));
}

/* Languages ------------------------------------------------------------------------------------ */

bool store_languages(struct db *db, struct arena *a, int64_t project_id, struct language_list *out,
                     struct err *e)
{
	struct rows r;

	if (!DB_RUN(db, a, SQL_LANGUAGES_OF_PROJECT, &r, e, A_I64(project_id)))
		return false;
	*out = (struct language_list){ arena_array(a, struct language, r.n), r.n };
	for (size_t i = 0; i < r.n; i++)
		out->v[i] = (struct language){
			.code = CELL(&r, i, 0).s, .status = CELL(&r, i, 1).s,
			.position = CELL(&r, i, 2).i, .changed = CELL(&r, i, 3).i != 0,
		};
	return true;
}

static struct language_list languages_between(struct arena *a, const struct rows *r, size_t from,
                                              size_t to)
{
	struct language_list list = { arena_array(a, struct language, to - from), to - from };

	for (size_t i = from; i < to; i++)
		list.v[i - from] = (struct language){
			.code = CELL(r, i, 1).s, .status = CELL(r, i, 2).s,
		};
	return list;
}

bool store_languages_of_projects(struct db *db, struct arena *a,
                                 const struct project_list *projects,
                                 struct language_list *out, struct err *e)
{
	struct json_rows ids;
	struct rows r;

	json_rows_begin(&ids, a);
	for (size_t i = 0; i < projects->n; i++) {
		out[i] = (struct language_list){ 0 };
		json_row_open(&ids);
		json_put_i64(&ids.o, projects->v[i].id);
		json_row_close(&ids);
	}
	if (!DB_RUN(db, a, SQL_LANGUAGES_OF_PROJECTS, &r, e, A_TEXT(json_rows_text(&ids))))
		return false;
	for (size_t from = 0, to; from < r.n; from = to) {
		int64_t project_id = CELL(&r, from, 0).i;

		for (to = from; to < r.n && CELL(&r, to, 0).i == project_id; to++)
			;
		for (size_t i = 0; i < projects->n; i++)
			if (projects->v[i].id == project_id)
				out[i] = languages_between(a, &r, from, to);
	}
	return true;
}

bool store_language_insert(struct db *db, struct arena *a, int64_t project_id, str code, str status,
                           int64_t now_ms, bool *added_out, struct err *e)
{
	struct rows r, ignored;

	if (!DB_RUN(db, a, SQL_LANGUAGE_INSERT, &r, e, A_I64(project_id), A_TEXT(code),
	            A_TEXT(status), A_I64(now_ms)))
		return false;
	*added_out = r.n == 1;
	return r.n == 0 || DB_RUN(db, a, SQL_PROJECT_LANGUAGE_CHANGED, &ignored, e,
	                          A_I64(project_id));
}

bool store_language_set_status(struct db *db, struct arena *a, int64_t project_id, str code,
                               str status, bool *changed_out, struct err *e)
{
	struct rows r, ignored;

	if (!DB_RUN(db, a, SQL_LANGUAGE_SET_STATUS, &r, e, A_TEXT(status), A_I64(project_id),
	            A_TEXT(code)))
		return false;
	*changed_out = r.changed == 1;
	return r.changed == 0 || DB_RUN(db, a, SQL_PROJECT_LANGUAGE_CHANGED, &ignored, e,
	                                A_I64(project_id));
}

bool store_language_undo(struct db *db, struct arena *a, int64_t project_id, str code,
                         struct err *e)
{
	struct rows r;

	return DB_RUN(db, a, SQL_LANGUAGE_UNDO, &r, e, A_I64(project_id), A_TEXT(code));
}

static void coverage_subtract(struct coverage_list *list, const struct rows *r)
{
	for (size_t i = 0; i < r->n; i++)
		for (size_t k = 0; k < list->n; k++)
			if (str_eq(list->v[k].language, CELL(r, i, 0).s))
				list->v[k].texts -= CELL(r, i, 1).i;
}

bool store_coverage(struct db *db, struct arena *a, int64_t project_id, struct coverage_list *out,
                    struct err *e)
{
	struct rows all, empty, deleted;

	if (!DB_RUN(db, a, SQL_COVERAGE_TEXTS, &all, e, A_I64(project_id)) ||
	    !DB_RUN(db, a, SQL_COVERAGE_EMPTY, &empty, e, A_I64(project_id)) ||
	    !DB_RUN(db, a, SQL_COVERAGE_DELETED, &deleted, e, A_I64(project_id)))
		return false;
	*out = (struct coverage_list){ arena_array(a, struct coverage, all.n), all.n };
	for (size_t i = 0; i < all.n; i++)
		out->v[i] = (struct coverage){ CELL(&all, i, 0).s, CELL(&all, i, 1).i };
	coverage_subtract(out, &empty);
	coverage_subtract(out, &deleted);
	return true;
}

/* Namespaces ----------------------------------------------------------------------------------- */

bool store_namespaces(struct db *db, struct arena *a, int64_t project_id,
                      struct namespace_list *out, struct err *e)
{
	struct rows r;

	if (!DB_RUN(db, a, SQL_NAMESPACES_OF_PROJECT, &r, e, A_I64(project_id)))
		return false;
	*out = (struct namespace_list){ arena_array(a, struct namespace_row, r.n), r.n };
	for (size_t i = 0; i < r.n; i++)
		out->v[i] = (struct namespace_row){
			.name = CELL(&r, i, 0).s, .description = CELL(&r, i, 1).s,
			.team = CELL(&r, i, 2).s,
			.domain = CELL(&r, i, 3).s, .ai_prompt = CELL(&r, i, 4).s,
			.tags = CELL(&r, i, 5).s, .keys = CELL(&r, i, 6).i,
		};
	return true;
}

bool store_namespaces_ensure(struct db *db, struct arena *a, int64_t project_id,
                             const struct strs *names, int64_t now_ms, struct err *e)
{
	struct json_rows json;
	struct rows r;

	json_rows_begin(&json, a);
	for (size_t i = 0; i < names->n; i++) {
		json_row_open(&json);
		json_put_str(&json.o, names->v[i]);
		json_row_close(&json);
	}
	return DB_RUN(db, a, SQL_NAMESPACES_ENSURE, &r, e, A_I64(project_id), A_I64(now_ms),
	              A_TEXT(json_rows_text(&json)));
}

bool store_namespace_describe(struct db *db, struct arena *a, int64_t project_id,
                              const struct namespace_row *row, struct err *e)
{
	struct rows r;

	return DB_RUN(db, a, SQL_NAMESPACE_DESCRIBE, &r, e, A_TEXT(row->description),
	              A_TEXT(row->team),
	              A_TEXT(row->domain), A_TEXT(row->ai_prompt), A_TEXT(row->tags),
	              A_I64(project_id), A_TEXT(row->name));
}
