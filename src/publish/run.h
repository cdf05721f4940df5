/* SPDX-License-Identifier: MIT
 *
 * What a publish job is told: JSON in its row. */
#ifndef PUBLISH_RUN_H
#define PUBLISH_RUN_H

#include "base/field.h"

enum { PUBLISH_AFFECTED_MAX = 100 };

struct publish_order {
	struct list texts; /* of struct chosen_text; not present: everything that waits */
	bool back;	   /* an earlier snapshot again: back_to, or the one before (0) */
	int64_t back_to;
};
extern const struct field publish_order_fields[];

#endif
