/* SPDX-License-Identifier: MIT */
#include "http/parse.h"

#include <stdint.h>
#include <string.h>

#include "http/chars.h"

/* What a second field of the same name means. Anything that is not a list is refused: two parties
 * that pick different ones would disagree about the request (RFC 9110 5.3). */
enum repeat { REPEAT_REFUSED, REPEAT_LIST, REPEAT_COOKIE };

static const enum repeat header_repeats[HTTP_HEADER_COUNT] = {
	[HTTP_COOKIE]            = REPEAT_COOKIE,
	[HTTP_CONNECTION]        = REPEAT_LIST,
	[HTTP_CONTENT_ENCODING]  = REPEAT_LIST,
	[HTTP_ACCEPT]            = REPEAT_LIST,
	[HTTP_ACCEPT_ENCODING]   = REPEAT_LIST,
	[HTTP_ACCEPT_LANGUAGE]   = REPEAT_LIST,
	[HTTP_IF_NONE_MATCH]     = REPEAT_LIST,
	[HTTP_X_FORWARDED_FOR]   = REPEAT_LIST,
	[HTTP_X_FORWARDED_PROTO] = REPEAT_LIST,
};
_Static_assert(HTTP_HEADER_COUNT <= 32, "parse.repeated is one bit a known header");

static const str header_names[HTTP_HEADER_COUNT] = {
#define X(id, text) [HTTP_##id] = STR(text),
	HTTP_HEADER_TABLE(X)
#undef X
};

/* Candidates by length of the name, plus one so that 0 is "none". A test asks for every name. */
enum { KNOWN_BYTES_MAX = 17, KNOWN_PER_LENGTH = 4 };
#define K(id) (HTTP_##id + 1)
static const uint8_t known_by_length[KNOWN_BYTES_MAX + 1][KNOWN_PER_LENGTH] = {
	[4]  = { K(HOST) },
	[5]  = { K(RANGE) },
	[6]  = { K(ACCEPT), K(COOKIE), K(ORIGIN), K(EXPECT) },
	[7]  = { K(REFERER) },
	[9]  = { K(X_API_KEY) },
	[10] = { K(CONNECTION), K(USER_AGENT) },
	[12] = { K(CONTENT_TYPE) },
	[13] = { K(AUTHORIZATION), K(IF_NONE_MATCH) },
	[14] = { K(CONTENT_LENGTH), K(SEC_FETCH_SITE) },
	[15] = { K(ACCEPT_ENCODING), K(ACCEPT_LANGUAGE), K(X_FORWARDED_FOR) },
	[16] = { K(CONTENT_ENCODING) },
	[17] = { K(TRANSFER_ENCODING), K(IF_MODIFIED_SINCE), K(X_FORWARDED_PROTO) },
};
#undef K

/* Exact for token characters: setting bit 5 maps only 'A'..'Z' onto letters and only '-' onto '-'. */
static bool name_is(str name, str lower)
{
	for (size_t i = 0; i < lower.n; i++)
		if ((name.p[i] | 0x20) != lower.p[i])
			return false;
	return true;
}

enum http_header parse_known_header(str name)
{
	if (name.n > KNOWN_BYTES_MAX)
		return HTTP_HEADER_COUNT;
	for (size_t i = 0; i < KNOWN_PER_LENGTH && known_by_length[name.n][i] != 0; i++) {
		size_t id = known_by_length[name.n][i] - 1u;

		if (name_is(name, header_names[id]))
			return (enum http_header)id;
	}
	return HTTP_HEADER_COUNT;
}

static bool refuse(struct parse *p, enum err_code code, const char *why)
{
	p->code = code;
	p->why = why;
	return false;
}

static bool malformed(struct parse *p, const char *why)
{
	return refuse(p, ERR_INVALID_REQUEST, why);
}

static enum http_method method_from(str m)
{
	static const struct { str text; enum http_method method; } methods[] = {
		{ STR("GET"), HTTP_GET },       { STR("POST"), HTTP_POST },
		{ STR("HEAD"), HTTP_HEAD },     { STR("OPTIONS"), HTTP_OPTIONS },
		{ STR("PUT"), HTTP_PUT },       { STR("DELETE"), HTTP_DELETE },
		{ STR("PATCH"), HTTP_PATCH },
	};

	for (size_t i = 0; i < COUNT(methods); i++)
		if (m.n == methods[i].text.n && memcmp(m.p, methods[i].text.p, m.n) == 0)
			return methods[i].method;
	return HTTP_OTHER;
}

static bool version_line(struct parse *p, str version)
{
	if (version.n != 8 || memcmp(version.p, "HTTP/", 5) != 0 || version.p[6] != '.')
		return malformed(p, "the request line must end with HTTP/1.1");
	for (size_t i = 5; i < 8; i += 2)
		if (version.p[i] < '0' || version.p[i] > '9')
			return malformed(p, "the HTTP version is not a number");
	if (version.p[5] != '1')
		return refuse(p, ERR_VERSION_NOT_SUPPORTED, "only HTTP/1.0 and HTTP/1.1 are spoken here");
	p->minor = version.p[7] == '0' ? 0 : 1;
	return true;
}

/* method SP target SP version, exactly one space each: a tolerant reader and a strict one in the
 * same chain would take different targets. */
static bool request_line(struct parse *p, str line)
{
	struct http_request *r = p->request;
	ptrdiff_t space = str_index(line, ' ');
	str authority, rest;
	const char *why;

	if (space <= 0 || space > PARSE_METHOD_BYTES_MAX ||
	    !chars_all(str_sub(line, 0, (size_t)space), CHAR_TOKEN))
		return malformed(p, "the request line must start with a method");
	r->method_text = str_sub(line, 0, (size_t)space);
	r->method = method_from(r->method_text);
	rest = str_from_at(line, (size_t)space + 1);
	space = str_index(rest, ' ');
	if (space < 0)
		return malformed(p, "the request line must be: method, target, version");
	r->target = str_sub(rest, 0, (size_t)space);
	if (r->target.n > p->limits->target_bytes_max)
		return refuse(p, ERR_URI_TOO_LONG, "the request target is too long");
	if (!version_line(p, str_from_at(rest, (size_t)space + 1)))
		return false;
	why = parse_target(r->target, r->method, &r->path, &r->query, &authority);
	if (why != NULL)
		return malformed(p, why);
	/* In absolute form the target's host rules and Host is ignored (RFC 9112 3.2.2). */
	p->authority = authority;
	return true;
}

static str trim_blanks(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	while (p < end && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	return (str){ p, (size_t)(end - p) };
}

static void note_known(struct parse *p, const struct http_pair *field)
{
	enum http_header id = parse_known_header(field->name);

	if (id == HTTP_HEADER_COUNT)
		return;
	if (p->request->known[id].p == NULL)
		p->request->known[id] = field->value;
	else
		p->repeated |= 1u << id;
}

static bool header_line(struct parse *p, str line)
{
	struct http_request *r = p->request;
	struct http_pair *field = &p->headers[r->headers_n];
	size_t n = 0;

	if (line.p[0] == ' ' || line.p[0] == '\t')
		return malformed(p, "a header field is folded over several lines");
	while (n < line.n && char_is(line.p[n], CHAR_TOKEN))
		n++;
	if (n == 0 || n == line.n || line.p[n] != ':')
		return malformed(p, "a header field has no valid name before its ':'");
	if (r->headers_n == PARSE_HEADERS_MAX)
		return refuse(p, ERR_HEADERS_TOO_LARGE, "too many header fields");
	field->name = (str){ line.p, n };
	field->value = trim_blanks(line.p + n + 1, line.p + line.n);
	if (!chars_value(field->value))
		return malformed(p, "a header field's value has a control character");
	r->headers_n++;
	note_known(p, field);
	return true;
}

static bool repeats_valid(struct parse *p)
{
	for (size_t i = 0; p->repeated != 0 && i < HTTP_HEADER_COUNT; i++)
		if ((p->repeated & (1u << i)) != 0 && header_repeats[i] == REPEAT_REFUSED)
			return malformed(p, "a header field that may stand once was sent twice");
	return true;
}

static bool host_valid(struct parse *p)
{
	str *host = &p->request->known[HTTP_HOST];

	if (host->p == NULL && p->minor >= 1)
		return malformed(p, "HTTP/1.1 needs a Host header field");
	if (host->p != NULL && !parse_authority_valid(*host))
		return malformed(p, "the Host header field is not valid");
	if (p->authority.p != NULL)
		*host = p->authority;
	return true;
}

/* Digits only: strtoull would take "+5", " 5" and wrap, each a way to smuggle a request. */
static bool content_length(struct parse *p, str value)
{
	uint64_t n = 0;

	if (value.n == 0)
		return malformed(p, "Content-Length is not a number");
	for (size_t i = 0; i < value.n; i++) {
		unsigned digit = (unsigned)(unsigned char)value.p[i] - '0';

		if (digit > 9)
			return malformed(p, "Content-Length is not a number");
		if (n > (UINT64_MAX - digit) / 10)
			return malformed(p, "Content-Length is too large");
		n = n * 10 + digit;
	}
	p->body = n == 0 ? PARSE_BODY_NONE : PARSE_BODY_LENGTH;
	p->body_bytes = n;
	return true;
}

static bool framing_valid(struct parse *p)
{
	const struct http_request *r = p->request;
	str coding = r->known[HTTP_TRANSFER_ENCODING];

	if (coding.p == NULL)
		return r->known[HTTP_CONTENT_LENGTH].p == NULL ||
		       content_length(p, r->known[HTTP_CONTENT_LENGTH]);
	if (r->known[HTTP_CONTENT_LENGTH].p != NULL)
		return malformed(p, "Content-Length and Transfer-Encoding exclude each other");
	if (p->minor == 0)
		return malformed(p, "HTTP/1.0 has no Transfer-Encoding");
	if (!str_eq_nocase(coding, S("chunked")))
		return refuse(p, ERR_NOT_IMPLEMENTED, "the only transfer coding supported is chunked");
	p->body = PARSE_BODY_CHUNKED;
	return true;
}

bool parse_list_next(str *rest, str *element_out)
{
	str part;

	while (str_cut(rest, ',', &part)) {
		*element_out = str_trim(part);
		if (element_out->n > 0)
			return true;
	}
	return false;
}

/* "close" wins over "keep-alive" wherever they stand. */
static void connection_options(struct parse *p)
{
	const struct http_request *r = p->request;

	p->keep_alive = p->minor >= 1;
	if (r->known[HTTP_CONNECTION].p == NULL)
		return;
	for (size_t i = 0; i < r->headers_n; i++) {
		str rest = r->headers[i].value, option;

		if (parse_known_header(r->headers[i].name) != HTTP_CONNECTION)
			continue;
		while (parse_list_next(&rest, &option)) {
			if (str_eq_nocase(option, S("close"))) {
				p->keep_alive = false;
				return;
			}
			if (str_eq_nocase(option, S("keep-alive")))
				p->keep_alive = true;
		}
	}
}

static bool expectation(struct parse *p)
{
	str expect = p->request->known[HTTP_EXPECT];

	if (expect.p == NULL || p->minor == 0)
		return true;
	if (!str_eq_nocase(expect, S("100-continue")))
		return refuse(p, ERR_EXPECTATION_FAILED, "the only expectation supported is 100-continue");
	p->expect_continue = p->body != PARSE_BODY_NONE;
	return true;
}

static enum parse_result head_end(struct parse *p)
{
	bool ok;

	ok = repeats_valid(p) && host_valid(p) && framing_valid(p) && expectation(p);
	if (!ok)
		return PARSE_BAD;
	connection_options(p);
	return PARSE_DONE;
}

/* The head is not complete: may it still become one? Early, so that neither a TLS greeting nor an
 * endless line has to wait for its deadline. */
static bool still_possible(struct parse *p, const char *bytes, size_t n)
{
	size_t room = p->limits->target_bytes_max + PARSE_METHOD_BYTES_MAX + sizeof " HTTP/1.1\r";

	if (p->fields_at != 0) {
		if (n - p->fields_at > p->limits->header_bytes_max)
			return refuse(p, ERR_HEADERS_TOO_LARGE, "the header fields are too large");
		return true;
	}
	if (n > p->at && bytes[p->at] != '\r' && !char_is(bytes[p->at], CHAR_TOKEN))
		return malformed(p, "the request line must start with a method");
	if (n - p->at > room)
		return refuse(p, ERR_URI_TOO_LONG, "the request target is too long");
	return true;
}

/* One line without its CRLF. */
static enum parse_result take_line(struct parse *p, str line)
{
	if (p->fields_at == 0 && line.n == 0) {
		if (++p->leading <= PARSE_LEADING_CRLF_MAX)
			return PARSE_MORE;
		malformed(p, "too many empty lines before the request line");
		return PARSE_BAD;
	}
	if (p->fields_at == 0) {
		p->fields_at = p->at;
		return request_line(p, line) ? PARSE_MORE : PARSE_BAD;
	}
	if (p->at - p->fields_at > p->limits->header_bytes_max) {
		refuse(p, ERR_HEADERS_TOO_LARGE, "the header fields are too large");
		return PARSE_BAD;
	}
	if (line.n == 0)
		return head_end(p);
	return header_line(p, line) ? PARSE_MORE : PARSE_BAD;
}

void parse_start(struct parse *p, struct http_request *request, struct http_pair *headers,
                 const struct parse_limits *limits)
{
	*p = (struct parse){ .request = request, .headers = headers, .limits = limits };
	memset(request, 0, sizeof *request);
	request->headers = headers;
}

enum parse_result parse_head(struct parse *p, const char *bytes, size_t n)
{
	enum parse_result result = PARSE_MORE;

	while (result == PARSE_MORE) {
		const char *lf = n == p->seen ? NULL : memchr(bytes + p->seen, '\n', n - p->seen);
		str line;

		if (lf == NULL) {
			p->seen = n;
			return still_possible(p, bytes, n) ? PARSE_MORE : PARSE_BAD;
		}
		if (lf == bytes + p->at || lf[-1] != '\r') {
			malformed(p, "a line ends with a bare LF");
			return PARSE_BAD;
		}
		line = (str){ bytes + p->at, (size_t)(lf - 1 - (bytes + p->at)) };
		p->at = p->seen = (size_t)(lf + 1 - bytes);
		result = take_line(p, line);
	}
	return result;
}

void parse_join_repeated(const struct parse *p, struct arena *a)
{
	const struct http_request *r = p->request;
	str parts[PARSE_HEADERS_MAX];

	for (size_t id = 0; id < HTTP_HEADER_COUNT; id++) {
		size_t n = 0;

		if ((p->repeated & (1u << id)) == 0)
			continue;
		for (size_t i = 0; i < r->headers_n; i++)
			if (parse_known_header(r->headers[i].name) == (enum http_header)id)
				parts[n++] = r->headers[i].value;
		p->request->known[id] = arena_join(a, parts, n,
			header_repeats[id] == REPEAT_COOKIE ? S("; ") : S(", "));
	}
}
