/* SPDX-License-Identifier: MIT */
#include "client/client_int.h"

enum { SERVER_URL_MAX = 1024 };

static bool visible(const char *s, size_t max, const char *but)
{
	size_t n = 0;

	for (; s[n] != '\0'; n++) {
		if (n + 1 >= max || s[n] <= ' ' || s[n] > '~' || strchr(but, s[n]) != NULL)
			return false;
	}
	return n > 0;
}

bool id_is_sane(const char *id)
{
	return visible(id, BI18N_ID_MAX, "\"\\");
}

bool token_is_sane(const char *token)
{
	return visible(token, BI18N_TOKEN_MAX, "\"\\");
}

/* 127.0.0.0/8 in dotted form, ::1, localhost: names that cannot lead off this machine. */
static bool loopback_host(str host)
{
	str rest = host, part;
	int parts = 0;

	if (str_eq_nocase(host, S("localhost")) || str_eq(host, S("[::1]")))
		return true;
	if (!str_starts(host, S("127.")))
		return false;
	while (str_cut(&rest, '.', &part)) {
		int64_t number;

		if (part.n > 3 || !str_i64(part, 0, 255, &number))
			return false;
		parts++;
	}
	return parts == 4;
}

static bool port_is_sane(str port)
{
	int64_t number;

	return port.p == NULL || str_i64(port, 1, 65535, &number);
}

/* Cuts host[:port]; an IPv6 literal keeps its brackets. */
static bool authority_split(str authority, str *host, str *port)
{
	ptrdiff_t close = str_index(authority, ']');
	size_t    from = close < 0 ? 0 : (size_t)close;
	ptrdiff_t colon = str_index(str_from_at(authority, from), ':');

	*host = authority;
	*port = STR_NONE;
	if (colon >= 0) {
		*host = str_sub(authority, 0, from + (size_t)colon);
		*port = str_from_at(authority, from + (size_t)colon + 1);
	}
	return host->n > 0 && port_is_sane(*port);
}

enum bi18n_code base_url_check(const char *url)
{
	str  s = str_from(url), host, port;
	bool tls = str_starts(s, S("https://"));

	if (!tls && !str_starts(s, S("http://")))
		return BI18N_EINVAL;
	s = str_from_at(s, tls ? S("https://").n : S("http://").n);
	if (s.n > 0 && s.p[s.n - 1] == '/')
		s.n--;
	if (s.n >= BASE_URL_MAX || !visible(url, BASE_URL_MAX, "\"\\<>@?#") || str_has(s, '/') ||
	    !authority_split(s, &host, &port))
		return BI18N_EINVAL;
	return tls || loopback_host(host) ? BI18N_OK : BI18N_EINSECURE;
}

enum bi18n_code server_url_check(const char *url)
{
	char        origin[BASE_URL_MAX];
	const char *slashes = strstr(url, "://"), *path = slashes == NULL ? NULL : strchr(slashes + 3, '/');
	size_t      n = path == NULL ? strlen(url) : (size_t)(path - url);

	if (n >= sizeof(origin) || !visible(url, SERVER_URL_MAX, "\"\\<>@#"))
		return BI18N_EINVAL;
	memcpy(origin, url, n);
	origin[n] = '\0';
	return base_url_check(origin);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if ((c | 32) >= 'a' && (c | 32) <= 'f')
		return (c | 32) - 'a' + 10;
	return -1;
}

/* NULL: a broken escape, or NUL. */
static char *form_decode(struct pool *p, str s)
{
	char  *out = pool_alloc(p, s.n + 1);
	size_t n = 0;

	if (out == NULL)
		return NULL;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '%') {
			int high = i + 2 < s.n ? hex_digit(s.p[i + 1]) : -1;
			int low = high < 0 ? -1 : hex_digit(s.p[i + 2]);

			if (low < 0 || (high == 0 && low == 0))
				return NULL;
			out[n++] = (char)(high << 4 | low);
			i += 2;
		} else {
			out[n++] = s.p[i] == '+' ? ' ' : s.p[i];
		}
	}
	return out;
}

char *query_value(struct pool *p, str query, const char *name, bool *twice_out)
{
	char *found = NULL;
	str   pair;

	while (str_cut(&query, '&', &pair)) {
		str key;

		if (!str_cut(&pair, '=', &key) || !str_eq(key, str_from(name)) || pair.p == NULL)
			continue;
		if (found != NULL) {
			*twice_out = true;
			return NULL;
		}
		found = form_decode(p, pair);
		if (found == NULL)
			*twice_out = true;     /* broken is as good as doubled: refused */
	}
	return found;
}
