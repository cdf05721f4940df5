/* SPDX-License-Identifier: MIT
 *
 * Projects: finding the one an input names, and the calls of commands and of partner REST. Sources:
 * contract "platform-api" sections 6, 13; "own-interfaces". mcp.* views of projects are in
 * catalog/summary.h. */
#ifndef CATALOG_PROJECT_H
#define CATALOG_PROJECT_H

#include "access/act.h"
#include "base/field.h"

/* Looks up, then checks that act->who may touch it. ERR_NOT_FOUND: unknown, or not to be seen by
 * this credential; ERR_WRONG_ORGANIZATION as access_may_project says. Letter case of slugs does not
 * matter. */
bool project_find(const struct act *act, str organization_slug, str slug, struct project *out,
                  struct err *e) MUST_CHECK;
/* "org/slug". */
bool project_find_name(const struct act *act, str name, struct project *out,
                       struct err *e) MUST_CHECK;
bool project_find_id(const struct act *act, str public_id, struct project *out,
                     struct err *e) MUST_CHECK;
str  project_full_slug(struct arena *a, const struct project *p);

/* The first members of every procedure's input. */
#define PROJECT_IDENTITY_FIELDS(T) \
	FIELD(T, org_slug, "orgSlug", .flags = FIELD_REQUIRED), \
	FIELD(T, project_slug, "projectSlug", .flags = FIELD_REQUIRED)

/* project.add {project "org/slug", name?, source, languages?, namespaced?, flat?} -> the project.
 * ERR_SLUG_TAKEN. Write lane. */
struct project_view {
	str id, slug, name, source_language, file_structure, key_format;
	struct strs target_languages;
};
extern const struct field project_fields[];
struct project_add_in { str project, name, source; struct strs languages; bool namespaced, flat; };
extern const struct field project_add_in_fields[];
bool project_add(const struct act *act, const void *in, void *out, struct err *e) MUST_CHECK;

/* project.show {project}; project.list {organization?}. Read lane. */
struct project_show_in { str project; };
extern const struct field project_show_in_fields[];
bool project_show(const struct act *act, const void *in, void *out, struct err *e) MUST_CHECK;
struct project_list_in { str organization; };
struct project_list_out { struct list projects; };           /* of struct project_view */
extern const struct field project_list_in_fields[], project_list_out_fields[];
bool project_list_all(const struct act *act, const void *in, void *out, struct err *e) MUST_CHECK;

/* project.list_org {organization}: GET …/organizations/{org}/projects, by id or slug; only what the
 * token may see. */
struct project_org_in { str organization; };
extern const struct field project_org_in_fields[];
bool project_list_org(const struct act *act, const void *in, void *out, struct err *e) MUST_CHECK;

/* project.create {name, slug, sourceLanguage}: in the token's own organization. ERR_SLUG_TAKEN;
 * ERR_FORBIDDEN when the grant is limited to listed projects, as the new one could not be on that
 * list. */
struct project_create_in { str name, slug, source_language; };
extern const struct field project_create_in_fields[];
bool project_create(const struct act *act, const void *in, void *out, struct err *e) MUST_CHECK;

/* project.get {projectId}: the project with its languages, coverage and addresses. */
struct project_language_view { str code, status; double coverage; };
struct project_cdn_view { str base_url, manifest_url, pattern; };
struct project_detail {
	struct project_view project;
	int64_t key_count;
	struct list languages;                                 /* of struct project_language_view */
	struct project_cdn_view cdn;
};
struct project_get_in { str project_id; };
extern const struct field project_get_in_fields[], project_detail_fields[];
bool project_get(const struct act *act, const void *in, void *out, struct err *e) MUST_CHECK;

/* Percent of keys with a non-empty text, to one decimal. */
double coverage_percent(int64_t texts, int64_t keys);
/* Addresses of the project's delivered files, with literal {locale} and {namespace}. */
str project_cdn_pattern(const struct act *act, const struct project *p);
str project_manifest_url(const struct act *act, const struct project *p);
/* Codes of the languages in one of the statuses active and draft. */
struct strs languages_shown(struct arena *a, const struct language_list *list);

#endif
