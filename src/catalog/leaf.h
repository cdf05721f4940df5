/* SPDX-License-Identifier: MIT
 *
 * A JSON file of texts as a list of leaves. Pure: no store, no project; fuzzed. Rulings R29, R30,
 * R31. */
#ifndef CATALOG_LEAF_H
#define CATALOG_LEAF_H

#include "base/arena.h"
#include "base/err.h"

enum { LEAF_DEPTH_MAX = 60, LEAF_FILE_BYTES_MAX = 1 << 30 };

struct leaf {
	str  name;                   /* whole path, joined with dots                        */
	str  value;                  /* text; when json: compact, members in byte order     */
	bool json;                   /* an array, number, boolean, null or empty object     */
};
struct leaf_skip { str key, reason; };
struct leaf_list {
	struct leaf *v;          size_t n, cap;
	struct leaf_skip *skips; size_t skips_n, skips_cap;
};

struct leaf_options {
	str    path;                 /* "a.b.c": take that subtree; absent: all             */
	bool   dots_are_names;       /* a flat project: "a.b" is a name like any other      */
	bool   dots_are_paths;       /* a flat file: "a.b" means b inside a                 */
	size_t bytes_max;            /* 0: LEAF_FILE_BYTES_MAX                              */
};

/* Strings live in `a` or are slices of text. false: ERR_INVALID_REQUEST or ERR_PAYLOAD_TOO_LARGE,
 * saying what is wrong and, where there is a place, its line and column. */
bool leaves_read(struct arena *a, str text, const struct leaf_options *options,
                 struct leaf_list *out, struct err *e) MUST_CHECK;
void leaf_skip_add(struct arena *a, struct leaf_list *list, str key, str reason);

#endif
