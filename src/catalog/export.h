/* SPDX-License-Identifier: MIT
 *
 * One language of a project as a JSON file: what a publish would ship, or the latest (ruling
 * R28). */
#ifndef CATALOG_EXPORT_H
#define CATALOG_EXPORT_H

#include "access/act.h"
#include "base/field.h"
#include "catalog/tree.h"

struct export_in { str project, language, namespace, format; bool draft, flat; };
struct export_out { str content; };
extern const struct field export_in_fields[], export_out_fields[];
/* Read lane. Export, import, export gives the same bytes. */
bool export_texts(const struct act *act, const void *in, void *out, struct err *e) MUST_CHECK;

enum texts_wanted {
	/* Approved and published ones; drafts when the project publishes them. Of a text that waits
	 * for approval what was last approved. */
	TEXTS_PUBLISHABLE,
	TEXTS_LATEST,
};
/* Needs act->db. The tree is initialised and finished; absent namespace: all. */
bool tree_load(const struct act *act, const struct project *p, str language, str namespace,
               enum texts_wanted which, struct tree *out, struct err *e) MUST_CHECK;

#endif
