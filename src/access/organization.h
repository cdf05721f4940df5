/* SPDX-License-Identifier: MIT
 *
 * Organizations and their members. Sources: contract "own-interfaces"; "cdn-and-cli" 4.5
 * (reserved words); rule 152. */
#ifndef ACCESS_ORGANIZATION_H
#define ACCESS_ORGANIZATION_H

#include "access/act.h"
#include "base/field.h"

/* Words that are first segments of our own paths, or that begin like an id. */
bool organization_slug_is_reserved(str slug);

struct organization_view { str id, slug, name; };
extern const struct field organization_fields[];

struct organization_add_in { str slug, name, owner; };
extern const struct field organization_add_in_fields[];
bool organization_add(const struct act *act, const void *in, void *out, struct err *e) MUST_CHECK;

struct organization_list_out { struct list organizations; };
extern const struct field organization_list_out_fields[];
bool organization_list(const struct act *act, const void *in, void *out, struct err *e) MUST_CHECK;
/* organizations.list: what an installation token may see, from the principal alone. Inline. */
extern const struct field organization_visible_out_fields[];
bool organization_list_visible(const struct act *act, const void *in, void *out,
			       struct err *e) MUST_CHECK;

struct member_in { str organization, email, role; };
struct member_out { str id, slug, name, email, role; };    /* the organization, the person */
extern const struct field member_add_in_fields[], member_remove_in_fields[], member_fields[];
/* Adds or changes a role. Who becomes `member` loses the grants made as admin. The last owner
 * stays. */
bool member_add(const struct act *act, const void *in, void *out, struct err *e) MUST_CHECK;
bool member_remove(const struct act *act, const void *in, void *out, struct err *e) MUST_CHECK;

#endif
