/* SPDX-License-Identifier: MIT
 *
 * Writing texts of keys that exist: mcp.setTranslations, mcp.updateKeys and the grid's edit.
 * Sources: contract "platform-api" 7.6, 7.7; "cdn-and-cli" 17 A8. */
#ifndef CATALOG_TEXT_SET_H
#define CATALOG_TEXT_SET_H

#include "access/act.h"
#include "catalog/write.h"

struct text_miss { str id, code, message; struct strs languages; };
struct text_updated { str id, name; struct strs languages; bool source; };
struct text_set_out {
	bool ok;                     /* false only when every id was unknown         */
	int64_t count, wrote;        /* keys; key × language                          */
	struct list updated, errors; /* of text_updated, text_miss                    */
	struct strs error_texts;     /* the same as text, for the un-batched dialect  */
	struct pending_hint pending;
	str hint;
};
extern const struct field text_set_out_fields[], key_update_out_fields[];

/* text.set: map per key; source-language entries are left out; what is written is approved. Write
 * lane. */
struct text_set_item { str id; struct list texts; };
struct text_set_in { str org_slug, project_slug; struct list items; };
extern const struct field text_set_in_fields[];
bool text_set(const struct act *act, const void *in, void *out, struct err *e) MUST_CHECK;

/* key.update: one language of one key an entry; the source text with `source`. Write lane. */
struct key_update_item { str id, language, text, state; bool source; };
struct key_update_in { str org_slug, project_slug; struct list items; };
extern const struct field key_update_in_fields[];
bool key_update(const struct act *act, const void *in, void *out, struct err *e) MUST_CHECK;

/* text.edit {project, key, language, value, state?}: a person in the grid; a draft unless they say
 * otherwise. Write lane. */
struct text_edit_in { str project, key, language, value, state; };
struct text_edit_out { str id, language, value, state; bool changed; };
extern const struct field text_edit_in_fields[], text_edit_out_fields[];
bool text_edit(const struct act *act, const void *in, void *out, struct err *e) MUST_CHECK;

#endif
