/* SPDX-License-Identifier: MIT
 *
 * Rows of projects, languages, keys and texts. Scopes: contract "platform-api" 2.1, 4.3, 13. */
#include "catalog/export.h"
#include "catalog/import.h"
#include "catalog/key_create.h"
#include "catalog/key_delete.h"
#include "catalog/key_list.h"
#include "catalog/pending.h"
#include "catalog/project.h"
#include "catalog/project_language.h"
#include "catalog/summary.h"
#include "catalog/text_all.h"
#include "catalog/text_set.h"
#include "operation/operation.h"

static const struct field no_fields[] = { FIELD_END };
struct nothing { char unused; };

#define IN(T, table) .in = (table), .in_size = sizeof(struct T)
#define OUT(T, table) .out = (table), .out_size = sizeof(struct T)
#define WHO_WIRE (WHO_KEY | WHO_INSTALL)

/* What a wire row needs: a scope, the lane, and its share of the grant's rate. People see the same
 * lists. */
#define READS(scope) \
	.who = WHO_WIRE | WHO_SESSION, .scopes = SCOPE_OF(SCOPE_BIT_##scope), .lane = LANE_READ, \
	.rate = RATE_GRANT, .role = ROLE_MEMBER
#define WRITES(scope) \
	.who = WHO_WIRE, .scopes = SCOPE_OF(SCOPE_BIT_##scope), .lane = LANE_WRITE, \
	.rate = RATE_GRANT
/* For apps: organization keys work on the procedures only (contract "platform-api" 12.8). */
#define PARTNER(scope, how) \
	.who = WHO_INSTALL, .scopes = SCOPE_OF(SCOPE_BIT_##scope), .lane = (how), .rate = RATE_GRANT

const struct operation catalog_operations[] = {
	/* Commands. */
	{ .name = "project.add", .who = WHO_LOCAL, .lane = LANE_WRITE,
	  IN(project_add_in, project_add_in_fields), OUT(project_view, project_fields),
	  .call = project_add },
	{ .name = "project.list", .who = WHO_LOCAL, .lane = LANE_READ,
	  IN(project_list_in, project_list_in_fields),
	  OUT(project_list_out, project_list_out_fields),
	  .call = project_list_all },
	{ .name = "project.show", .who = WHO_LOCAL, .lane = LANE_READ,
	  IN(project_show_in, project_show_in_fields), OUT(project_view, project_fields),
	  .call = project_show },
	{ .name = "import", .who = WHO_LOCAL, .lane = LANE_SLOW,
	  IN(import_in, import_in_fields), OUT(import_out, import_out_fields),
	  .call = import_texts },
	{ .name = "export", .who = WHO_LOCAL, .lane = LANE_READ,
	  IN(export_in, export_in_fields), OUT(export_out, export_out_fields),
	  .call = export_texts },

	/* Partner REST. */
	{ .name = "project.list_org", PARTNER(PROJECTS_READ, LANE_READ),
	  IN(project_org_in, project_org_in_fields),
	  OUT(project_list_out, project_list_out_fields), .call = project_list_org },
	{ .name = "project.get", PARTNER(PROJECTS_READ, LANE_READ),
	  IN(project_get_in, project_get_in_fields), OUT(project_detail, project_detail_fields),
	  .call = project_get },
	{ .name = "project.create", PARTNER(PROJECTS_WRITE, LANE_WRITE),
	  IN(project_create_in, project_create_in_fields), OUT(project_view, project_fields),
	  .call = project_create },
	{ .name = "language.add", PARTNER(PROJECTS_WRITE, LANE_WRITE),
	  IN(language_add_in, language_add_in_fields),
	  OUT(language_add_out, language_add_out_fields),
	  .call = language_add },

	/* Procedures. */
	{ .name = "project.list_visible", READS(PROJECTS_READ),
	  IN(nothing, no_fields), OUT(visible_out, visible_out_fields),
	  .call = project_list_visible },
	{ .name = "project.summary", READS(PROJECTS_READ),
	  IN(summary_in, summary_in_fields), OUT(summary_out, summary_out_fields),
	  .call = project_summary },
	{ .name = "key.list", READS(KEYS_READ),
	  IN(key_list_in, key_list_in_fields), OUT(key_list_out, key_list_out_fields),
	  .call = key_list },
	{ .name = "text.all", READS(TRANSLATIONS_READ),
	  IN(text_all_in, text_all_in_fields), OUT(text_all_out, text_all_out_fields),
	  .call = text_all },
	{ .name = "pending.get", READS(TRANSLATIONS_READ),
	  IN(pending_in, pending_in_fields), OUT(pending_out, pending_out_fields),
	  .call = pending_get },
	{ .name = "key.create", WRITES(KEYS_WRITE),
	  IN(key_create_in, key_create_in_fields), OUT(key_create_out, key_create_out_fields),
	  .call = key_create },
	{ .name = "key.update", WRITES(TRANSLATIONS_WRITE),
	  IN(key_update_in, key_update_in_fields), OUT(text_set_out, key_update_out_fields),
	  .call = key_update },
	{ .name = "key.delete", WRITES(KEYS_WRITE),
	  IN(key_delete_in, key_delete_in_fields), OUT(key_delete_out, key_delete_out_fields),
	  .call = key_delete },
	{ .name = "text.set", WRITES(TRANSLATIONS_WRITE),
	  IN(text_set_in, text_set_in_fields), OUT(text_set_out, text_set_out_fields),
	  .call = text_set },
	{ .name = "language.propose", WRITES(PROJECTS_WRITE),
	  IN(language_propose_in, language_propose_in_fields),
	  OUT(language_propose_out, language_propose_out_fields),
	  .call = language_propose },
	{ .name = "language.edit", WRITES(PROJECTS_WRITE),
	  IN(language_edit_in, language_edit_in_fields),
	  OUT(language_edit_out, language_edit_out_fields),
	  .call = language_edit },
	{ .name = "language.archive", WRITES(PROJECTS_WRITE),
	  IN(language_archive_in, language_archive_in_fields),
	  OUT(language_archive_out, language_archive_out_fields),
	  .call = language_archive },

	/* Pages. */
	{ .name = "text.edit", .who = WHO_SESSION | WHO_LOCAL, .lane = LANE_WRITE,
	  .role = ROLE_MEMBER,
	  IN(text_edit_in, text_edit_in_fields), OUT(text_edit_out, text_edit_out_fields),
	  .call = text_edit },
};
const size_t catalog_operations_n = COUNT(catalog_operations);
