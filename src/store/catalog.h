/* SPDX-License-Identifier: MIT
 *
 * Typed store calls of projects, their languages and namespaces. Rows come back in the given arena;
 * "not found" is an id of 0. Keys and texts are in store/text.h. */
#ifndef STORE_CATALOG_H
#define STORE_CATALOG_H

#include "model/model.h"
#include "store/db.h"

/* Slugs in lower case. Former slugs of the organization and of the project answer too. */
bool store_project_by_slugs(struct db *db, struct arena *a, str organization_slug, str slug,
                            struct project *out, struct err *e) MUST_CHECK;
bool store_project_by_id(struct db *db, struct arena *a, int64_t id, struct project *out,
                         struct err *e) MUST_CHECK;
bool store_project_by_public_id(struct db *db, struct arena *a, str public_id, struct project *out,
                                struct err *e) MUST_CHECK;
/* All lists are ordered by organization slug and slug. */
bool store_projects_of_organization(struct db *db, struct arena *a, int64_t organization_id,
                                    struct project_list *out, struct err *e) MUST_CHECK;
bool store_projects_of_account(struct db *db, struct arena *a, int64_t account_id,
                               struct project_list *out, struct err *e) MUST_CHECK;
bool store_projects_all(struct db *db, struct arena *a, struct project_list *out,
                        struct err *e) MUST_CHECK;
/* Sets p->id. ERR_SLUG_TAKEN. */
bool store_project_insert(struct db *db, struct arena *a, struct project *p,
                          struct err *e) MUST_CHECK;
/* What p says of drafts, filling, the default namespace and missing files. files_change: the next publish
 * has something to deliver in every language. */
bool store_project_set_options(struct db *db, struct arena *a, const struct project *p,
                               bool files_change, struct err *e) MUST_CHECK;
/* Until the end of the transaction no other writer of this project gets past its own call of
 * this. */
bool store_project_lock(struct db *db, struct arena *a, int64_t project_id,
                        struct err *e) MUST_CHECK;

/* Target languages, in the operator's order. */
bool store_languages(struct db *db, struct arena *a, int64_t project_id, struct language_list *out,
                     struct err *e) MUST_CHECK;
/* Of several projects in one statement; out[i] belongs to projects->v[i]. Positions are not
 * filled. */
bool store_languages_of_projects(struct db *db, struct arena *a,
                                 const struct project_list *projects,
                                 struct language_list *out, struct err *e) MUST_CHECK;
/* *added_out false: it is there already, whatever its status. */
bool store_language_insert(struct db *db, struct arena *a, int64_t project_id, str code, str status,
                           int64_t now_ms, bool *added_out, struct err *e) MUST_CHECK;
bool store_language_set_status(struct db *db, struct arena *a, int64_t project_id, str code,
                               str status, bool *changed_out, struct err *e) MUST_CHECK;

/* Takes store_language_insert back, unless the language has texts by now. */
bool store_language_undo(struct db *db, struct arena *a, int64_t project_id, str code,
                         struct err *e) MUST_CHECK;

/* Non-empty texts of live keys, a language. Languages without any are not listed. */
struct coverage { str language; int64_t texts; };
struct coverage_list { struct coverage *v; size_t n; };
bool store_coverage(struct db *db, struct arena *a, int64_t project_id, struct coverage_list *out,
                    struct err *e) MUST_CHECK;

/* tags: JSON or '' */
struct namespace_row { str name, description, team, domain, ai_prompt, tags; int64_t keys; };
struct namespace_list { struct namespace_row *v; size_t n; };
bool store_namespaces(struct db *db, struct arena *a, int64_t project_id,
                      struct namespace_list *out, struct err *e) MUST_CHECK;
/* Makes those that are not there yet. */
bool store_namespaces_ensure(struct db *db, struct arena *a, int64_t project_id,
                             const struct strs *names, int64_t now_ms, struct err *e) MUST_CHECK;
/* Absent members leave what is there. */
bool store_namespace_describe(struct db *db, struct arena *a, int64_t project_id,
                              const struct namespace_row *row, struct err *e) MUST_CHECK;

#endif
