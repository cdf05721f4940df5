/* SPDX-License-Identifier: MIT
 *
 * Request targets. A path that two parties could read differently (dot segments, encoded dots, an
 * encoded NUL) is refused, not normalised: what the log shows is what was routed. */
#include "http/chars.h"
#include "http/parse.h"

#include <string.h>

static bool authority_port_valid(str port)
{
	if (port.n > 5)
		return false;
	for (size_t i = 0; i < port.n; i++)
		if (port.p[i] < '0' || port.p[i] > '9')
			return false;
	return true;
}

/* "[" IPv6 "]": the address itself is not looked up anywhere, so its characters are enough. */
static bool authority_bracketed_valid(str authority)
{
	ptrdiff_t close = str_index(authority, ']');
	str rest;

	if (close < 3)
		return false;
	for (size_t i = 1; i < (size_t)close; i++)
		if (!char_is(authority.p[i], CHAR_HEX) && authority.p[i] != ':' && authority.p[i] != '.')
			return false;
	rest = str_from_at(authority, (size_t)close + 1);
	if (rest.n == 0)
		return true;
	return rest.p[0] == ':' && authority_port_valid(str_from_at(rest, 1));
}

bool parse_authority_valid(str authority)
{
	size_t i = 0;

	if (authority.n == 0)
		return false;
	if (authority.p[0] == '[')
		return authority_bracketed_valid(authority);
	while (i < authority.n && char_is(authority.p[i], CHAR_HOST))
		i++;
	if (i == 0)
		return false;
	return i == authority.n ||
	       (authority.p[i] == ':' && authority_port_valid(str_from_at(authority, i + 1)));
}

/* Is s, decoded, "." or ".."? */
static bool segment_is_dots(const char *p, size_t n)
{
	size_t dots = 0;

	for (size_t i = 0; i < n; dots++) {
		if (p[i] == '.')
			i++;
		else if (n - i >= 3 && p[i] == '%' && p[i + 1] == '2' && (p[i + 2] | 0x20) == 'e')
			i += 3;
		else
			return false;
	}
	return dots == 1 || dots == 2;
}

static const char *escape_check(const char *p, size_t n)
{
	if (n < 3 || !char_is(p[1], CHAR_HEX) || !char_is(p[2], CHAR_HEX))
		return "the path has a '%' without two hexadecimal digits";
	if (p[1] == '0' && p[2] == '0')
		return "the path contains an encoded NUL";
	return NULL;
}

static const char *dots_check(const char *p, const char *end)
{
	const char *slash = memchr(p, '/', (size_t)(end - p));

	if (segment_is_dots(p, (size_t)((slash == NULL ? end : slash) - p)))
		return "the path has a '.' or '..' segment";
	return NULL;
}

static const char *path_check(str path)
{
	const char *end = path.p + path.n;

	for (const char *p = path.p; p < end; p++) {
		const char *why = NULL;

		if (*p == '%')
			why = escape_check(p, (size_t)(end - p));
		else if (*p == '/' && p + 1 < end && (p[1] == '.' || p[1] == '%'))
			why = dots_check(p + 1, end);
		if (why != NULL)
			return why;
	}
	return NULL;
}

/* The bytes after "http://" or "https://"; absent when the target is not in absolute form. */
static str absolute_rest(str target)
{
	static const str schemes[] = { STR("http://"), STR("https://") };

	for (size_t i = 0; i < COUNT(schemes); i++)
		if (str_eq_nocase(str_sub(target, 0, schemes[i].n), schemes[i]))
			return str_from_at(target, schemes[i].n);
	return STR_NONE;
}

static const char *split_query(str rest, str *path, str *query)
{
	const char *mark = rest.n == 0 ? NULL : memchr(rest.p, '?', rest.n);

	*path = rest;
	*query = STR_NONE;
	if (mark != NULL) {
		path->n = (size_t)(mark - rest.p);
		*query = (str){ mark + 1, rest.n - path->n - 1 };
	}
	if (path->n == 0)
		*path = S("/");
	while (path->n > 1 && path->p[1] == '/')
		*path = (str){ path->p + 1, path->n - 1 };
	return path_check(*path);
}

static const char *split_absolute(str target, str *path, str *query, str *authority)
{
	str rest = absolute_rest(target);
	size_t n = 0;

	if (rest.p == NULL)
		return "the request target must start with '/' or be an http URL";
	while (n < rest.n && rest.p[n] != '/' && rest.p[n] != '?')
		n++;
	*authority = str_sub(rest, 0, n);
	if (!parse_authority_valid(*authority))
		return "the host in the request target is not valid";
	return split_query(str_from_at(rest, n), path, query);
}

const char *parse_target(str target, enum http_method method, str *path, str *query, str *authority)
{
	*authority = STR_NONE;
	if (target.n == 0)
		return "the request target is empty";
	if (!chars_all(target, CHAR_TARGET))
		return "the request target has a byte that must be percent-encoded";
	if (target.p[0] == '/')
		return split_query(target, path, query);
	if (target.n == 1 && target.p[0] == '*' && method == HTTP_OPTIONS) {
		*path = target;
		*query = STR_NONE;
		return NULL;
	}
	return split_absolute(target, path, query, authority);
}
