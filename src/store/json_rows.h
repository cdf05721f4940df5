/* SPDX-License-Identifier: MIT
 *
 * Many rows as one parameter: [[…],[…]], unpacked by the statement (see sql/catalog.def). */
#ifndef STORE_JSON_ROWS_H
#define STORE_JSON_ROWS_H

#include "base/json.h"

/* callers bound their batches; this is only the end of an int */
enum { JSON_ROWS_BYTES_MAX = 1 << 30 };

struct json_rows { struct buf b; struct json_out o; };

static inline void json_rows_begin(struct json_rows *r, struct arena *a)
{
	buf_init_arena(&r->b, a, JSON_ROWS_BYTES_MAX);
	json_out_init(&r->o, &r->b);
	json_open_array(&r->o);
}

static inline void json_row_open(struct json_rows *r) { json_open_array(&r->o); }
static inline void json_row_close(struct json_rows *r) { json_close_array(&r->o); }

static inline str json_rows_text(struct json_rows *r)
{
	json_close_array(&r->o);
	return buf_view(&r->b);
}

/* A flat list: ["a","b"]; "[]" when empty. */
str json_list_text(struct arena *a, const struct strs *list);

#endif
