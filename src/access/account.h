/* SPDX-License-Identifier: MIT
 *
 * People: user.add, user.list, user.passwd, user.disable, user.delete. Source: contract "own-interfaces", rule
 * 131. */
#ifndef ACCESS_ACCOUNT_H
#define ACCESS_ACCOUNT_H

#include "access/act.h"
#include "base/field.h"

enum {
	PASSWORD_CHARACTERS_MIN = 12,
	PASSWORD_BYTES_MAX = 1024,
	EMAIL_BYTES_MAX = 254,
	NAME_CHARACTERS_MAX = 120
};

/* "a@b": one @, no blanks or control characters, a dot-separated domain. Not a proof that mail
 * arrives. */
bool email_is_sane(str email);

/* Long enough, not too long, UTF-8; ERR_INVALID_REQUEST. */
bool password_is_fit(str password, struct err *e) MUST_CHECK;

/* The person of an address; ERR_NOT_FOUND. Needs act->db. */
bool account_need(const struct act *act, str email, struct account *out, struct err *e) MUST_CHECK;

struct account_view { str id, email, name; bool disabled; };
extern const struct field account_fields[];

struct account_add_in { str email, name, password; };
extern const struct field account_add_in_fields[];
bool account_add(const struct act *act, const void *in, void *out,
		 struct err *e) MUST_CHECK; /* slow lane  */

struct account_list_out { struct list users; };
extern const struct field account_list_out_fields[];
bool account_list(const struct act *act, const void *in, void *out,
		  struct err *e) MUST_CHECK; /* read lane  */

struct account_passwd_in { str email, password; };
extern const struct field account_passwd_in_fields[];
/* Ends the person's sessions. Connected apps stay: they never saw the password. */
bool account_passwd(const struct act *act, const void *in, void *out,
		    struct err *e) MUST_CHECK; /* slow lane  */

struct account_email_in { str email; };
extern const struct field account_email_in_fields[];
/* Only of a disabled person who is no organization's last owner and no app's only keeper: they, their connections and
 * memberships are gone; what they did stays on record, without their addresses. ERR_CONFLICT. */
bool account_delete(const struct act *act, const void *in, void *out,
		    struct err *e) MUST_CHECK; /* slow lane  */
/* Ends sessions, revokes grants, families and the keys the person made. */
bool account_disable(const struct act *act, const void *in, void *out,
		     struct err *e) MUST_CHECK; /* write lane */

#endif
