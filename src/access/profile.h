/* SPDX-License-Identifier: MIT
 *
 * The signed-in person, for the pages' header and start page. */
#ifndef ACCESS_PROFILE_H
#define ACCESS_PROFILE_H

#include "access/act.h"
#include "base/field.h"

/* account.view {} -> {id, email, name, organizations: [{name, slug, role}]}; read lane. */
struct profile_organization { str name, slug, role; };
struct profile_out { str id, email, name; struct list organizations; };
extern const struct field profile_out_fields[];
bool profile_view(const struct act *act, const void *in, void *out, struct err *e) MUST_CHECK;

#endif
