/* SPDX-License-Identifier: MIT
 *
 * What agents and the CLI see of projects: mcp.listProjects, mcp.getProject. Sources: contract
 * "platform-api" 7.1, 7.2; "cdn-and-cli" 17 A3, A4 (members only in un-batched answers). */
#ifndef CATALOG_SUMMARY_H
#define CATALOG_SUMMARY_H

#include "access/act.h"
#include "base/field.h"

/* project.list_visible {}: all that the credential may see, never an error for lack of any. Read
 * lane. */
struct visible_project {
	str id, slug, name, organization_name, source_language, cdn_format, file_structure,
	        key_format;
	struct strs target_languages;
};
struct visible_out { str cdn_base_url; struct list projects; };
extern const struct field visible_out_fields[];
bool project_list_visible(const struct act *act, const void *in, void *out,
                          struct err *e) MUST_CHECK;

/* project.summary {orgSlug, projectSlug}. Read lane. */
struct summary_in { str org_slug, project_slug; };
struct summary_namespace { str name; int64_t keys; str description,
                           context; };   /* context: JSON, "null" if none */
struct summary_coverage { str language; int64_t texts; double percent; };
struct summary_language { str code, name, status; double coverage; };
struct summary_cdn { str base, manifest, pattern, example, file_structure,
                     key_format; struct strs examples; };
struct summary_out {
	str project, source_language, name, message;
	struct list namespaces, coverage, languages;
	struct strs targets;
	int64_t keys;
	struct summary_cdn cdn;
};
extern const struct field summary_in_fields[], summary_out_fields[];
bool project_summary(const struct act *act, const void *in, void *out, struct err *e) MUST_CHECK;

#endif
