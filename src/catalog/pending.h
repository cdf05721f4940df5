/* SPDX-License-Identifier: MIT
 *
 * mcp.getPendingChanges: what the next publish would deliver, delete or add. Source: contract
 * "platform-api" 7.12. */
#ifndef CATALOG_PENDING_H
#define CATALOG_PENDING_H

#include "access/act.h"
#include "base/field.h"

struct pending_in { str org_slug, project_slug; };
/* namespace absent: the default one (R15) */
struct pending_item { str id, name, namespace, text, state; };
struct pending_language { str language; int64_t count; struct list preview; };
struct pending_deleted { str id, name, namespace, source; };
struct pending_job { str id, kind, state, at; int64_t fresh, updated, files; };
struct pending_sum { int64_t texts, deleted, languages, total; };
struct pending_out {
	str project, destination, reason, hint;
	bool has_changes;
	struct pending_sum sum;
	struct list languages, deleted, recent;
};
extern const struct field pending_in_fields[], pending_out_fields[];
bool pending_get(const struct act *act, const void *in, void *out, struct err *e) MUST_CHECK;

#endif
