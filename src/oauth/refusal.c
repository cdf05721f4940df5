/* SPDX-License-Identifier: MIT */
#include "oauth/refusal.h"

static const char *const texts[] = {
#define X(id, text) text,
	REFUSAL_TABLE(X)
#undef X
};

bool refusal_set(struct err *e, enum refusal why, bool keep)
{
	err_set(e, ERR_INVALID_GRANT, "%s", texts[why]);
	e->keep = keep;
	return false;
}
