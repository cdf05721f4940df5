/* SPDX-License-Identifier: MIT
 *
 * Target languages of a project. Sources: contract "platform-api" 7.9, 7.10, 7.11, 13. */
#ifndef CATALOG_PROJECT_LANGUAGE_H
#define CATALOG_PROJECT_LANGUAGE_H

#include "access/act.h"
#include "catalog/write.h"

/* language.add {projectId, code}: partner REST. ERR_INVALID_REQUEST names a code that is none.
 * Write lane. */
struct language_add_in { str project_id, code; };
struct language_add_out { str code, status; bool added; };
extern const struct field language_add_in_fields[], language_add_out_fields[];
bool language_add(const struct act *act, const void *in, void *out, struct err *e) MUST_CHECK;

/* language.propose: mcp.addLanguages. One bad code refuses all. Write lane. */
struct language_proposed { str code, status; bool added; };
struct language_propose_in { str org_slug, project_slug; struct list languages; };
struct language_propose_out {
	bool success;
	int64_t added, skipped, skipped_as_source;
	struct list results;                           /* of struct language_proposed */
	struct strs warnings;
	struct pending_hint pending;
	str hint;
};
extern const struct field language_propose_in_fields[], language_propose_out_fields[];
bool language_propose(const struct act *act, const void *in, void *out, struct err *e) MUST_CHECK;

/* language.edit: mcp.updateLanguages. Write lane. */
struct language_edited { str code, previous, status; bool changed; };
struct language_edit_item { str code, status, new_status; };
struct language_edit_in { str org_slug, project_slug; struct list updates; };
struct language_edit_out {
	bool success;
	int64_t updated;
	struct list results;                           /* of struct language_edited */
	struct strs not_found;
	struct pending_hint pending;
	str hint;
};
extern const struct field language_edit_in_fields[], language_edit_out_fields[];
bool language_edit(const struct act *act, const void *in, void *out, struct err *e) MUST_CHECK;

/* language.archive: mcp.deleteLanguages; texts stay. Write lane. */
struct language_archive_in { str org_slug, project_slug; struct strs codes; };
struct language_archive_out { bool success; struct strs archived, already,
                              not_found; struct pending_hint pending; };
extern const struct field language_archive_in_fields[], language_archive_out_fields[];
bool language_archive(const struct act *act, const void *in, void *out, struct err *e) MUST_CHECK;

#endif
