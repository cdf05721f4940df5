/* SPDX-License-Identifier: MIT */
#include "oauth/redirect.h"

#include "base/text.h"

#include <string.h>

enum { LABEL_BYTES_MAX = 63, HOST_BYTES_MAX = 253, ANSWER_BYTES_MAX = 64 * 1024 };

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static int hex_value(char c)
{
	return is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10;
}

/* Characters of RFC 3986, complete escapes, no fragment. */
static bool chars_are_sane(str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c <= ' ' || c > '~' || strchr("\"<>\\^`{|}#", c) != NULL)
			return false;
		if (c == '%' && (i + 2 >= s.n || !is_hex(s.p[i + 1]) || !is_hex(s.p[i + 2])))
			return false;
	}
	return true;
}

/* A browser resolves these before it asks, so that the address we compared is not the one it goes
 * to. */
static bool segment_is_dots(str segment)
{
	size_t dots = 0, i = 0;

	while (i < segment.n) {
		if (segment.p[i] == '.') {
			i++;
		} else if (str_eq_nocase(str_sub(segment, i, 3), S("%2e"))) {
			i += 3;
		} else {
			return false;
		}
		dots++;
	}
	return dots == 1 || dots == 2;
}

static bool path_is_sane(str rest)
{
	ptrdiff_t query = str_index(rest, '?');
	str path = query < 0 ? rest : str_sub(rest, 0, (size_t)query), segment;

	if (rest.n > 0 && rest.p[0] != '/' && rest.p[0] != '?')
		return false;
	while (str_cut(&path, '/', &segment)) {
		if (segment_is_dots(segment))
			return false;
	}
	return true;
}

static bool label_is_sane(str label)
{
	if (label.n == 0 || label.n > LABEL_BYTES_MAX || label.p[0] == '-' ||
	    label.p[label.n - 1] == '-')
		return false;
	for (size_t i = 0; i < label.n; i++) {
		if (!is_lower(label.p[i]) && !is_digit(label.p[i]) && label.p[i] != '-')
			return false;
	}
	return true;
}

static bool is_dotted_quad(str host)
{
	size_t parts = 0;
	int64_t v;
	str part;

	while (str_cut(&host, '.', &part)) {
		if (part.n == 0 || part.n > 3 || (part.n > 1 && part.p[0] == '0') ||
		    !str_i64(part, 0, 255, &v))
			return false;
		parts++;
	}
	return parts == 4;
}

/* URL parsers read a host whose last label looks like a number ("1", "0x7f") as an IPv4 address. */
static bool label_is_number(str label)
{
	size_t i = 0;

	while (i < label.n && is_digit(label.p[i]))
		i++;
	return i == label.n || str_starts(label, S("0x"));
}

static bool host_is_name(str host)
{
	str rest = host, label = STR_NONE;

	if (host.n == 0 || host.n > HOST_BYTES_MAX)
		return false;
	while (str_cut(&rest, '.', &label)) {
		if (!label_is_sane(label))
			return false;
	}
	return !label_is_number(label) || is_dotted_quad(host);
}

static bool host_is_bracketed(str host)
{
	size_t colons = 0;

	if (host.n < 4 || host.p[0] != '[' || host.p[host.n - 1] != ']')
		return false;
	for (size_t i = 1; i + 1 < host.n; i++) {
		/* No zone (%), no embedded IPv4, no upper case: one spelling. */
		if (host.p[i] == ':')
			colons++;
		else if (!is_digit(host.p[i]) && !(host.p[i] >= 'a' && host.p[i] <= 'f'))
			return false;
	}
	return colons >= 2 && colons <= 7;
}

static bool port_is_sane(str port)
{
	int64_t v;

	return port.n > 0 && port.p[0] != '0' && str_i64(port, 1, 65535, &v);
}

/* host[:port] */
static bool authority_parse(str authority, struct redirect *r)
{
	ptrdiff_t colon, end = 0;

	if (authority.n > 0 && authority.p[0] == '[') {
		end = str_index(authority, ']');
		if (end < 0)
			return false;
	}
	colon = str_index(str_from_at(authority, (size_t)end), ':');
	r->host = authority;
	r->port = STR_NONE;
	if (colon >= 0) {
		r->host = str_sub(authority, 0, (size_t)(end + colon));
		r->port = str_from_at(authority, (size_t)(end + colon) + 1);
		if (!port_is_sane(r->port))
			return false;
	}
	return end > 0 ? host_is_bracketed(r->host) : host_is_name(r->host);
}

static bool is_loopback_host(str host)
{
	return str_eq(host, S("127.0.0.1")) || str_eq(host, S("[::1]")) ||
	       str_eq(host, S("localhost"));
}

static size_t authority_length(str s)
{
	size_t n = 0;

	while (n < s.n && s.p[n] != '/' && s.p[n] != '?')
		n++;
	return n;
}

static bool web_parse(str after_scheme, struct redirect *r)
{
	size_t n;

	if (!str_starts(after_scheme, S("//")))
		return false;
	after_scheme = str_from_at(after_scheme, 2);
	n = authority_length(after_scheme);
	r->rest = str_from_at(after_scheme, n);
	if (!authority_parse(str_sub(after_scheme, 0, n), r) || !path_is_sane(r->rest))
		return false;
	r->loopback = str_eq(r->scheme, S("http")) && is_loopback_host(r->host);
	return true;
}

/* A domain name turned round (RFC 8252 7.1): at least one dot, so that no scheme with a meaning of
 * its own fits. */
static bool scheme_is_private_use(str scheme)
{
	str rest = scheme, label;
	size_t labels = 0;

	if (scheme.n == 0 || !is_lower(scheme.p[0]))
		return false;
	while (str_cut(&rest, '.', &label)) {
		if (!label_is_sane(label))
			return false;
		labels++;
	}
	return labels >= 2;
}

bool redirect_parse(str uri, struct redirect *out)
{
	struct redirect r = { 0 };
	ptrdiff_t colon = str_index(uri, ':');
	str after;

	if (colon <= 0 || uri.n > REDIRECT_BYTES_MAX || !chars_are_sane(uri))
		return false;
	r.scheme = str_sub(uri, 0, (size_t)colon);
	after = str_from_at(uri, (size_t)colon + 1);
	if (str_eq(r.scheme, S("https")) || str_eq(r.scheme, S("http"))) {
		if (!web_parse(after, &r))
			return false;
	} else if (scheme_is_private_use(r.scheme) && str_starts(after, S("/"))) {
		r.private_use = true;
		r.rest = after;
	} else {
		return false;
	}
	*out = r;
	return true;
}

/* Is this, decoded, one of the names that an answer uses? */
static bool name_is_answered(str raw)
{
	static const str names[] = {
		STR("code"), STR("state"), STR("iss"), STR("error"), STR("error_description"),
		STR("error_uri"), STR("response"),
	};
	char text[sizeof("error_description")];
	size_t n = 0;

	for (size_t i = 0; i < raw.n; n++) {
		bool escaped = raw.p[i] == '%';

		if (n == sizeof(text))
			return false;
		text[n] = escaped ? (char)(hex_value(raw.p[i + 1]) << 4 | hex_value(raw.p[i + 2]))
		                  : raw.p[i];
		i += escaped ? 3 : 1;
	}
	for (size_t i = 0; i < COUNT(names); i++) {
		if (str_eq((str){ text, n }, names[i]))
			return true;
	}
	return false;
}

/* Such a parameter would be there twice, and apps take the first or the last as they like (rule
 * 46). */
static bool query_is_free(str uri)
{
	ptrdiff_t at = str_index(uri, '?');
	str rest = at < 0 ? S("") : str_from_at(uri, (size_t)at + 1), pair, name;

	while (str_cut(&rest, '&', &pair)) {
		if (str_cut(&pair, '=', &name) && name_is_answered(name))
			return false;
	}
	return true;
}

bool redirect_check(str uri, enum app_kind kind, struct err *e)
{
	struct redirect r;

	if (uri.n > REDIRECT_BYTES_MAX)
		return err_set(e, ERR_INVALID_REQUEST, "A redirect URI may have at most %d bytes.",
		               REDIRECT_BYTES_MAX);
	if (!redirect_parse(uri, &r))
		return err_set(e, ERR_INVALID_REQUEST,
		               "Not a redirect URI: use https://host/path (lower case, no user "
		               "name, no fragment), http on localhost, or com.example.app:/path.");
	if (!query_is_free(uri))
		return err_set(e, ERR_INVALID_REQUEST,
		               "The query of a redirect URI cannot have code, state, iss, error or "
		               "response: answers bring their own.");
	if (r.private_use && kind != APP_NATIVE)
		return err_set(
			e, ERR_INVALID_REQUEST,
			"Only native apps may have a redirect URI with a scheme of their own.");
	if (str_eq(r.scheme, S("http")) && !r.loopback)
		return err_set(
			e, ERR_INVALID_REQUEST,
			"Redirect URIs use https; http only on localhost, 127.0.0.1 or [::1].");
	return true;
}

static bool same_but_for_port(str a, str b)
{
	struct redirect x, y;

	return redirect_parse(a, &x) && redirect_parse(b, &y) && x.loopback && y.loopback &&
	       str_eq(x.host, y.host) && str_eq(x.rest, y.rest);
}

bool redirect_matches(const struct app *app, str uri)
{
	bool any_port = app->kind == APP_NATIVE || app->mcp_class || app->dev_loopback;
	struct err ignored;

	/* Checked again at use: a row written by other means must not open a hole. */
	if (!redirect_check(uri, app->kind, &ignored))
		return false;
	for (size_t i = 0; i < app->redirect_uris.n; i++) {
		str registered = app->redirect_uris.v[i];

		if (str_eq(registered, uri) || (any_port && same_but_for_port(registered, uri)))
			return true;
	}
	return false;
}

bool redirect_is_loopback(str uri)
{
	struct redirect r;

	return redirect_parse(uri, &r) && r.loopback;
}

str redirect_shown(struct arena *a, str uri)
{
	struct redirect r;

	if (!redirect_parse(uri, &r))
		return STR_NONE;
	if (r.private_use)
		return r.scheme;
	if (r.port.p == NULL)
		return r.host;
	return arena_printf(a, FMT_STR ":" FMT_STR, ARG_STR(r.host), ARG_STR(r.port));
}

str redirect_host(str uri)
{
	struct redirect r;

	if (!redirect_parse(uri, &r))
		return STR_NONE;
	return r.private_use ? r.scheme : r.host;
}

str redirect_with(struct arena *a, str uri, const struct str_pair *pairs, size_t pairs_n)
{
	char separator = str_has(uri, '?') ? '&' : '?';
	struct buf b;

	buf_init_arena(&b, a, ANSWER_BYTES_MAX);
	buf_str(&b, uri);
	if (separator == '&' && (str_ends(uri, S("?")) || str_ends(uri, S("&"))))
		separator = '\0';
	for (size_t i = 0; i < pairs_n; i++) {
		if (pairs[i].value.p == NULL)
			continue;
		if (separator != '\0')
			buf_char(&b, separator);
		separator = '&';
		buf_str(&b, pairs[i].name);
		buf_char(&b, '=');
		percent_encode(&b, pairs[i].value);
	}
	return buf_view(&b);
}
