/* SPDX-License-Identifier: MIT
 *
 * mcp.createKeys. Source: contract "platform-api" 7.5. */
#ifndef CATALOG_KEY_CREATE_H
#define CATALOG_KEY_CREATE_H

#include "access/act.h"
#include "catalog/write.h"

struct key_context { str description, team, domain, ai_prompt; struct strs tags; };
struct key_wanted {
	str name, namespace, value;                    /* value: source text, may be absent      */
	struct list texts;                             /* of struct str_pair: language, text     */
	struct key_context context;                    /* of its namespace                       */
};
struct key_create_in { str org_slug, project_slug; struct list keys; bool force; };

struct key_made { str name, id; int64_t texts; };
struct key_skipped { str name, reason; };
struct key_warned { str name, namespace; struct strs other; };
struct key_create_out {
	bool ok;
	int64_t count, fresh, renamed, duplicates;
	struct list keys, skipped, warned;
	struct pending_hint pending;
	str hint;
};
extern const struct field key_create_in_fields[], key_create_out_fields[];

/* Never updates a key that exists. ERR_CONFLICT: a name would be both a text and a parent, and
 * force was not said; then nothing is written. Write lane. */
bool key_create(const struct act *act, const void *in, void *out, struct err *e) MUST_CHECK;

#endif
