/* SPDX-License-Identifier: MIT */
#include "operation/form.h"

#include "access/form.h"

str operation_form_secret(struct arena *a)
{
	return form_secret(a);
}

str operation_form_mark(const struct operation_env *env, struct arena *a, str secret, str session)
{
	return form_mark(operation_settings(env), a, secret, session);
}

bool operation_form_mark_is(const struct operation_env *env, struct arena *a, str secret,
			    str session, str mark)
{
	return form_mark_is(operation_settings(env), a, secret, session, mark);
}

bool operation_origin_is_ours(const struct operation_env *env, str origin, str host)
{
	str ours = operation_settings(env)->public_url;
	ptrdiff_t scheme = str_find(ours, S("://"));
	ptrdiff_t path = scheme < 0 ? -1 : str_index(str_from_at(ours, (size_t)scheme + 3), '/');
	ptrdiff_t at;

	if (path >= 0)
		ours = str_sub(ours, 0, (size_t)(scheme + 3 + path));
	if (str_eq_nocase(origin, ours))
		return true;
	at = str_find(origin, S("://"));
	return at > 0 && host.n > 0 && str_eq_nocase(str_from_at(origin, (size_t)at + 3), host);
}
