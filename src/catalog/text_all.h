/* SPDX-License-Identifier: MIT
 *
 * mcp.getAllTranslations. Sources: contract "platform-api" 7.3, 15 #10 #25; "cdn-and-cli" 17
 * A13. */
#ifndef CATALOG_TEXT_ALL_H
#define CATALOG_TEXT_ALL_H

#include "access/act.h"
#include "base/field.h"

struct text_all_in {
	str org_slug, project_slug, status;
	struct strs namespaces, keys, search, languages;
	double limit;
	bool compact;
};
struct text_shown { str language, id, text, state; };
struct key_shown {
	/* namespace: absent for the default one */
	str id, name, namespace, namespace_name;
	/* JSON; source absent when compact, count when not */
	str source, count;
	/* of struct text_shown */
	struct list texts;
};
struct namespace_shown { str name; int64_t keys; str description, ai_prompt; };
struct text_all_out {
	str project, source_language, search, status, hint;
	int64_t returned, total;
	bool has_more;
	struct strs languages;
	struct list keys, namespaces;
};
extern const struct field text_all_in_fields[], text_all_out_fields[];
bool text_all(const struct act *act, const void *in, void *out, struct err *e) MUST_CHECK;

#endif
