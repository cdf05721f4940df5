/* SPDX-License-Identifier: MIT
 *
 * mcp.listKeys. Source: contract "platform-api" 7.4. */
#ifndef CATALOG_KEY_LIST_H
#define CATALOG_KEY_LIST_H

#include "access/act.h"
#include "base/field.h"

struct key_list_in {
	str org_slug, project_slug, missing_language;
	struct strs search, namespaces, fields;
	int64_t page, limit;
};
struct key_listed {
	/* source, count, texts: JSON, absent when not asked for */
	str name, id, source, count, texts;
	/* index into namespaces */
	int64_t namespace;
	struct strs languages;
};
struct key_list_out {
	int64_t total, returned, page, limit;
	bool has_more;
	struct strs namespaces;
	struct list keys;
	str note;
};
extern const struct field key_list_in_fields[], key_list_out_fields[];
bool key_list(const struct act *act, const void *in, void *out, struct err *e) MUST_CHECK;

/* LIKE patterns for "contains any of these", letter case aside. Empty needles are left out. */
struct strs search_patterns(struct arena *a, const struct strs *needles);
/* Names of keys come in lists that fill a request target of 128 KiB (ruling R26). */
enum { SEARCH_CHARS_MAX = 500, SEARCHES_MAX = 50, FILTER_ITEMS_MAX = 500,
       FILTER_NAMES_MAX = 20000 };

#endif
