/* SPDX-License-Identifier: MIT
 *
 * What a person approved: scopes, and for each organization its projects. Kept with the request and
 * then with the code as one line of text, "127;5 all;9 selected 1,2", which the writer reads
 * without a JSON parser. Source: contract rules 69, 78; rulings R3, R4, R36. */
#ifndef OAUTH_CHOICE_H
#define OAUTH_CHOICE_H

#include "model/model.h"

enum { CHOICE_ORGANIZATIONS_MAX = 200, CHOICE_PROJECTS_MAX = 5000 };

struct choice_organization { int64_t id; struct project_set projects; };
struct choice { int64_t scopes; struct choice_organization *organizations; size_t n; };

str  choice_text(struct arena *a, const struct choice *c);
bool choice_parse(struct arena *a, str text, struct choice *out) MUST_CHECK;

#endif
