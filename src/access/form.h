/* SPDX-License-Identifier: MIT
 *
 * Marks of forms: what keeps another site from posting in a visitor's name. The browser holds a
 * random cookie; the form carries an HMAC over it and the session under the server key. Sources:
 * contract rules 64, 252. */
#ifndef ACCESS_FORM_H
#define ACCESS_FORM_H

#include "access/act.h"

str  form_secret(struct arena *a);                              /* a fresh cookie value */
str  form_mark(const struct settings *s, struct arena *a, str secret, str session);
/* Constant time. session absent: not signed in. */
bool form_mark_is(const struct settings *s, struct arena *a, str secret, str session, str mark);

#endif
