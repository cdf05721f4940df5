/* SPDX-License-Identifier: MIT */
#include "store/driver_int.h"

#include <string.h>

enum { ROWS_FIRST = 4 };   /* most statements of a request answer none or one */

void row_sink_init(struct row_sink *sink, struct arena *a, struct rows *rows, unsigned cols)
{
	*rows = (struct rows){ .cols = cols };
	*sink = (struct row_sink){ .a = a, .rows = rows };
}

struct cell *row_sink_next(struct row_sink *sink)
{
	struct rows *rows = sink->rows;
	size_t row_bytes = sizeof(struct cell) * rows->cols;

	if (rows->n == sink->cap) {
		size_t cap = sink->cap == 0 ? ROWS_FIRST : sink->cap * 4;
		struct cell *cells = arena_array(sink->a, struct cell, cap * rows->cols);

		if (rows->n > 0)
			memcpy(cells, sink->cells, rows->n * row_bytes);
		sink->cap = cap;
		sink->cells = cells;
		rows->cells = cells;
	}
	return sink->cells + rows->n++ * rows->cols;
}
