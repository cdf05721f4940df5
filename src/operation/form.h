/* SPDX-License-Identifier: MIT
 *
 * What pages need around an operation: marks of forms, the cookie of a sign-in, and which origin and path are ours. */
#ifndef OPERATION_FORM_H
#define OPERATION_FORM_H

#include "operation/operation.h"

/* The name of the cookie that a sign-in is in (ruling R40). */
str  operation_session_cookie(const struct operation_env *env);
str  operation_form_secret(struct arena *a);
str  operation_form_mark(const struct operation_env *env, struct arena *a, str secret, str session);
bool operation_form_mark_is(const struct operation_env *env, struct arena *a, str secret, str session, str mark);
/* The path of public_url, without a slash at its end; "" when it has none. */
str  operation_public_path(const struct operation_env *env);
/* The origin of public_url, or the one this request was sent to (scheme://Host): a browser sets
 * Origin by itself. */
bool operation_origin_is_ours(const struct operation_env *env, str origin, str host);

#endif
