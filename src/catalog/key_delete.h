/* SPDX-License-Identifier: MIT
 *
 * mcp.deleteKeys: soft until the next publish. Sources: contract "platform-api" 7.8; "cdn-and-cli"
 * 17 A7. */
#ifndef CATALOG_KEY_DELETE_H
#define CATALOG_KEY_DELETE_H

#include "access/act.h"
#include "catalog/write.h"

struct key_delete_in { str org_slug, project_slug; struct strs ids; };
struct key_marked { str id, name, namespace; };        /* namespace absent: the default one (R15) */
struct key_delete_out {
	bool ok;
	int64_t count;
	struct list marked;
	struct strs skipped, skipped_always;           /* unknown, or deleted already */
	struct pending_hint pending;
};
extern const struct field key_delete_in_fields[], key_delete_out_fields[];
bool key_delete(const struct act *act, const void *in, void *out, struct err *e) MUST_CHECK;

#endif
