/* SPDX-License-Identifier: MIT */
#include "operation/form.h"

#include "access/form.h"

str operation_session_cookie(const struct operation_env *env)
{
	return str_starts(operation_settings(env)->public_url, S("https://")) ? S("__Host-bi18n_session")
	                                                                      : S("bi18n_session");
}

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

str operation_public_path(const struct operation_env *env)
{
	str url = operation_settings(env)->public_url;
	ptrdiff_t scheme = str_find(url, S("://"));
	str rest = scheme < 0 ? url : str_from_at(url, (size_t)scheme + 3);
	ptrdiff_t slash = str_index(rest, '/');

	return slash < 0 ? S("") : str_from_at(rest, (size_t)slash);
}

bool operation_origin_is_ours(const struct operation_env *env, str origin, str host)
{
	str ours = operation_settings(env)->public_url;
	ptrdiff_t at;

	ours = str_sub(ours, 0, ours.n - operation_public_path(env).n);
	if (str_eq_nocase(origin, ours))
		return true;
	at = str_find(origin, S("://"));
	return at > 0 && host.n > 0 && str_eq_nocase(str_from_at(origin, (size_t)at + 3), host);
}
