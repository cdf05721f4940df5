/* SPDX-License-Identifier: MIT
 *
 * Reading cookies. Source: RFC 6265 4.2, 5.4. */
#include "http/http.h"

static str unquote(str value)
{
	if (value.n >= 2 && value.p[0] == '"' && value.p[value.n - 1] == '"')
		return str_sub(value, 1, value.n - 2);
	return value;
}

/* A name that was sent twice was set twice, once by somebody else (a sibling host, a path): which
 * one came first says nothing about which one is ours. */
str http_cookie(const struct http_exchange *x, str name)
{
	str rest = http_request(x)->known[HTTP_COOKIE], pair, found = STR_NONE;

	while (str_cut(&rest, ';', &pair)) {
		str value = str_trim(pair), key;

		if (!str_cut(&value, '=', &key) || value.p == NULL || !str_eq(str_trim(key), name))
			continue;
		if (found.p != NULL)
			return STR_NONE;
		found = unquote(str_trim(value));
	}
	return found;
}
