/* SPDX-License-Identifier: MIT
 *
 * Input issues, as field.c finds them and field_issue.c words them. Private to this folder. */
#ifndef BASE_FIELD_INT_H
#define BASE_FIELD_INT_H

#include "base/field.h"

/* Where in the input: a chain of local variables, from the innermost outwards. NULL is the root. */
struct path {
	const struct path *above;
	str    name;             /* absent: an index */
	size_t index;
};

struct issues {
	struct arena   *a;
	struct buf      text;
	struct json_out out;
	size_t          n;
	bool            coerce_all;  /* parameters are all text */
	bool            cut;         /* no room for more */
	str             first;       /* the first one in words, for people */
};

void issues_init(struct issues *is, struct arena *a);
/* true: there are none. Else fills *e. */
bool issues_end(struct issues *is, struct err *e);

/* received NULL: missing. */
void issue_type(struct issues *is, const struct path *at, const char *expected,
                const struct json *received);
void issue_not_integer(struct issues *is, const struct path *at);
enum { ISSUE_TOO_SMALL, ISSUE_TOO_BIG };
/* origin: "string", "array", "number", "map" */
void issue_size(struct issues *is, const struct path *at, const char *origin, int which,
                int64_t limit);
void issue_option(struct issues *is, const struct path *at, const char *const *one_of);
void issue_uuid(struct issues *is, const struct path *at);
void issue_custom(struct issues *is, const struct path *at, str message);

#endif
